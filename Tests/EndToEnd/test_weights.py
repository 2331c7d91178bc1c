"""Sums of weights and updates: what the files hold, what the commands make of it, and that training does not notice."""

import csv
import json

import h5py
import numpy
import pytest
import xarray
from conftest import refuses, run_files, small, succeeds
from safetensors.numpy import load_file

STEPS = 6
CHECKED = dict(
    steps=STEPS, warmup=2, lr=0.02, architecture="normformer", checkpoint_every=1, keep=STEPS + 1,
    weights_every=1,
)


def trained(folder, **changes):
    succeeds("train", *small(**{**CHECKED, "out": "run", **changes}), cwd=folder)
    return run_files(folder)[0]


def weights_by_update(folder) -> dict[int, dict[str, numpy.ndarray]]:
    """Every checkpoint's weights, by the updates before it, in float64."""
    found = {}
    for path in sorted(folder.rglob("step-*.safetensors")):
        if ".state." not in path.name:
            tensors = {name: values.astype(numpy.float64) for name, values in load_file(path).items()}
            found[int(path.name[5:13])] = {name: values for name, values in tensors.items() if name.startswith("decoder.")}
    return found


def sums(values) -> list[float]:
    return [abs(values).sum(), (values**2).sum(), abs(values).max()]


@pytest.mark.parametrize("changes", [
    dict(weight_decay=0.1, clip=0.5, beta2=0.95), dict(optimizer="sgd", momentum=0.9, lr=0.1),
    dict(threads=2, accumulate=3, dim=24), dict(scale_resids=True, dropout=0.1, threads=3),
])  # fmt: skip
def test_sums_are_those_of_the_checkpoints(changes, tmp_path):
    path = trained(tmp_path, **changes)
    weights = weights_by_update(tmp_path)
    assert len(weights) >= STEPS - 1
    compared = 0
    with h5py.File(path) as file:
        assert file.attrs["schema_version"] == 2
        tensors, stem = ([str(name) for name in file[key].asstr()] for key in ("tensor", "stem_tensor"))
        names = {f"decoder.layers.{layer}.{name}": (layer, i) for layer in range(5) for i, name in enumerate(tensors)}
        for row, step in enumerate(file["step"]):
            for name, after in weights.get(step + 1, {}).items():
                prefix, cell = ("stem_", (stem.index(name),)) if name in stem else ("", names.get(name))
                if cell is None:
                    continue
                for kind, values in (("weight", after), ("update", after - weights[step][name] if step in weights else None)):
                    if values is None:
                        continue
                    recorded = [file[f"{prefix}{kind}_{s}"][(row, *cell)] for s in ("l1", "sum_squares", "max_abs")]
                    # A change of a weight is rounded to float32 where it is not half of it or less.
                    numpy.testing.assert_allclose(recorded, sums(values), rtol=1e-6 if kind == "update" else 1e-12)
                    compared += 1
    assert compared > 2 * STEPS * len(tensors)


@pytest.mark.parametrize("changes", [dict(), dict(optimizer="sgd", momentum=0.5), dict(threads=2, precision="bf16")])
def test_training_is_the_same_without(changes, tmp_path):
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    with_sums = trained(tmp_path / "with", **changes)
    without = trained(tmp_path / "without", **{**changes, "weights_every": 0})
    with h5py.File(with_sums) as one, h5py.File(without) as two:
        added = {f"{stem}{kind}_{s}" for stem in ("", "stem_") for kind in ("weight", "update") for s in ("l1", "sum_squares", "max_abs")}
        assert set(one) - set(two) == added and two.attrs["schema_version"] == 1
        for name in ("loss", "gradient_l1", "stem_gradient_sum_squares", "gradient_l2", "scale_c_attn"):
            numpy.testing.assert_array_equal(one[name][...], two[name][...])
    one, two = (weights_by_update(tmp_path / name) for name in ("with", "without"))
    assert one.keys() == two.keys() and one
    for updates, tensors in one.items():
        for name, values in tensors.items():
            numpy.testing.assert_array_equal(values, two[updates][name])


def test_where_nothing_is_updated(tmp_path):
    succeeds("grads", *small(architectures="pre-ln", steps=3, no_update=True, weights_every=1, out="run"), cwd=tmp_path)
    with h5py.File(run_files(tmp_path)[0]) as file:
        assert not file["update_l1"][...].any() and not file["stem_update_max_abs"][...].any()
        weights = file["weight_l1"][...]
        assert (weights[0] == weights[2]).all() and weights.any()


def test_statistics_of_weights_and_updates(tmp_path):
    succeeds("grads", *small(out="runs", weights_every=2), cwd=tmp_path)
    files = run_files(tmp_path / "runs")
    for statistic in ("weight-rms", "update-rms", "update/weight"):
        table = succeeds("grads", *files, f"--statistic={statistic}", "--format=csv", "--window=4:9", cwd=tmp_path).stdout
        assert "nan" not in table.lower()
        text = succeeds("grads", *files, f"--statistic={statistic}", f"--svg={statistic.replace('/', '-')}.svg", cwd=tmp_path).stdout
        assert statistic in text and "RMS of the" in text and "Gradient mismatch" not in text
        points = csv.DictReader((tmp_path / f"{statistic.replace('/', '-')}-points.csv").read_text().splitlines())
        assert {float(point["x"]) for point in points if point["series"].isdigit()} == {0, 2, 4, 6, 8, 10}
        succeeds("ratio", *files[:2], f"--statistic={statistic}", f"--svg=ratio-{statistic[:4]}.svg", "--overwrite", cwd=tmp_path)
    out = json.loads(
        succeeds("grads", files[0], "--statistic=update/weight", "--operation=fc1.weight", "--format=json", "--window=4:9", cwd=tmp_path).stdout
    )
    with xarray.open_dataset(files[0], engine="netcdf4") as run:
        part = run.sel(tensor="fc1.weight", step=[4, 6, 8])
        expected = numpy.sqrt(part.update_sum_squares / part.weight_sum_squares).mean("step").values
    text = json.dumps(out)
    assert all(f"{value:.3g}"[:4] in text for value in expected[[0, -1]])
    succeeds("report", *files, "--statistic=update-rms", "--out=page", "--quiet", cwd=tmp_path)
    assert "RMS of the update" in (tmp_path / "page/report.html").read_text()
    succeeds("export", files[0], "--format=pgfplots", "--statistic=weight-rms", "--out=figure.tex", cwd=tmp_path)
    assert "RMS of the weights" in (tmp_path / "figure.tex").read_text()


def test_by_default_every_tenth_step(tmp_path):
    succeeds("grads", *small(architectures="normformer", steps=31, every=2, out="run"), cwd=tmp_path)
    (path,) = run_files(tmp_path)
    with h5py.File(path) as file:
        there = file["gradient_count"][...] > 0
        for name in ("weight_l1", "update_sum_squares"):
            measured = ~numpy.isnan(file[name][...])
            assert file["step"][measured[:, there].all(axis=1)].tolist() == [0, 10, 20, 30]
            assert not measured[1][there].any() and (file[name][...][:, ~there] == 0).all()
    table = succeeds("grads", path, "--statistic=update/weight", cwd=tmp_path).stdout
    assert "not trained" not in table and "not measured" not in table
    assert succeeds("verify", path, cwd=tmp_path).stdout.startswith(f"{path}: whole")


def test_a_tensor_of_zeros_has_no_ratio(tmp_path):
    """Biases begin at zero; with no updates they stay there."""
    succeeds("grads", *small(architectures="pre-ln", steps=3, no_update=True, weights_every=1, out="run"), cwd=tmp_path)
    (path,) = run_files(tmp_path)
    refuses("grads", path, "--statistic=update/weight", "--operation=self_attn_layer_norm.bias", cwd=tmp_path, mentions=["self_attn_layer_norm.bias"])
    succeeds("grads", path, "--statistic=update/weight", cwd=tmp_path)


def test_a_file_without_them_says_so(tmp_path):
    succeeds("grads", *small(architectures="pre-ln", weights_every=0, out="run"), cwd=tmp_path)
    (path,) = run_files(tmp_path)
    succeeds("grads", path, cwd=tmp_path)
    for command in (["grads", path], ["report", path, "--out=page"]):
        result = succeeds(*command, cwd=tmp_path)
        assert "RMS of the weights" not in result.stdout
    refuses("grads", path, "--statistic=weight-rms", cwd=tmp_path, mentions=["weight-rms", "not recorded"])
    refuses("ratio", path, path, "--statistic=update-rms", cwd=tmp_path, mentions=["."])

