"""`nf-probe ratio`: the gradients of one run over those of another."""

import csv
import io
import json

import h5py
import numpy
from conftest import by_architecture, refuses, small, succeeds


def test_ratios_are_those_of_the_files_means(recorded, tmp_path):
    files = by_architecture(recorded)
    base, other = files["pre-ln"], files["normformer"]
    text = succeeds("ratio", base, other, "--window=6:12", "--normalise=loss", "--format=csv", cwd=tmp_path).stdout
    rows = {(row["operation"], int(row["layer"])): row for row in csv.DictReader(io.StringIO(text))}
    with h5py.File(base) as a, h5py.File(other) as b:
        names = [[name.decode() for name in file["tensor"][...]] for file in (a, b)]
        for name in ("fc2.weight", "self_attn.q_proj.weight", "fc1.bias"):
            for layer in range(5):
                means = [
                    file["gradient_l1"][6:12, layer, own.index(name)].mean() for file, own in zip((a, b), names)
                ]
                losses = [file["loss"][6:12].mean() for file in (a, b)]
                row = rows[name, layer]
                expected = means[1] / means[0] * losses[0] / losses[1]
                assert numpy.isclose(float(row["ratio"]), expected, rtol=1e-12)
                assert numpy.isclose(float(row["base_mean"]), means[0], rtol=1e-12)
    # A gradient that is zero by construction has no ratio.
    assert ("self_attn.k_proj.bias", 0) not in rows
    assert ("attn_ln.weight", 0) not in rows


def test_figures_and_formats(recorded, tmp_path):
    files = by_architecture(recorded)
    arguments = [files["post-ln"], files["pre-ln"], "--window=2:12"]
    result = succeeds("ratio", *arguments, "--out=out", cwd=tmp_path)
    assert "Gradients of Pre-LN over those of Post-LN" in result.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "ratio-lines-points.csv", "ratio-lines.svg", "ratio-map-points.csv", "ratio-map.svg", "ratio.csv",
    ]  # fmt: skip
    assert json.loads(succeeds("ratio", *arguments, "--format=json", cwd=tmp_path).stdout)["rows"]
    assert "\\toprule" in succeeds("ratio", *arguments, "--format=latex", cwd=tmp_path).stdout
    succeeds("ratio", *arguments, "--svg=lines.svg", "--figure=lines", cwd=tmp_path)
    assert (tmp_path / "lines.svg").read_text().startswith("<?xml")


def test_what_cannot_be_compared_is_said(recorded, tmp_path):
    files = by_architecture(recorded)
    base, other = files["pre-ln"], files["normformer"]
    refuses("ratio", base, cwd=tmp_path, mentions=["baseline and a run"])
    refuses("ratio", base, base, cwd=tmp_path, mentions=["given twice"])
    refuses("ratio", base, other, files["post-ln"], cwd=tmp_path, mentions=["two groups", "3"])
    refuses("ratio", base, other, "--window=100:200", cwd=tmp_path, mentions=["steps 0 to 11"])
    refuses("ratio", base, other, "--window=5", cwd=tmp_path, mentions=["--window"])
    refuses("ratio", base, other, "--layers-shown=9", cwd=tmp_path, mentions=["layers 0 to 4"])
    succeeds("grads", *small(layers=3, architectures="post-ln", out="shallow"), cwd=tmp_path)
    (shallow,) = (tmp_path / "shallow").glob("*.h5")
    refuses("ratio", base, shallow, cwd=tmp_path, mentions=["5 layers", "3", "depths"])
