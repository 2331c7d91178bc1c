"""`nf-probe init`: gradients at initialisation, checked with numpy on what `grads` records of the same models."""

import csv
import io

import h5py
import numpy
import pytest
from conftest import refuses, run_files, succeeds

MODEL = ["--dim=12", "--heads=3", "--ffn-dim=20", "--vocab-size=32", "--sequence=8", "--batch=2", "--threads=1"]


def rows(*arguments, cwd) -> list[dict]:
    text = succeeds("init", *MODEL, *arguments, "--format=csv", cwd=cwd).stdout
    return list(csv.DictReader(io.StringIO(text)))


def test_gradients_are_those_that_grads_records(tmp_path):
    """The mean gradient over four batches is the gradient of a step of four micro-batches."""
    found = rows("--depths=3", "--seeds=1", "--seed=5", "--batches=4", "--table=layers", cwd=tmp_path)
    assert [row["architecture"] for row in found] == ["Post-LN"] * 4 + ["Pre-LN"] * 4 + ["NormFormer"] * 4
    for architecture, title in [("post-ln", "Post-LN"), ("normformer", "NormFormer")]:
        succeeds(
            "grads", *MODEL, f"--architectures={architecture}", "--layers=3", "--seed=5", "--accumulate=4", "--steps=1",
            "--no-update", "--activations", f"--out={architecture}", cwd=tmp_path,
        )  # fmt: skip
        (path,) = run_files(tmp_path / architecture)
        own = [row for row in found if row["architecture"] == title]
        with h5py.File(path) as file:
            for tensor in ("fc1.weight", "fc2.weight"):
                place = [name.decode() for name in file["tensor"][...]].index(tensor)
                for layer in range(3):
                    expected = numpy.sqrt(file["gradient_sum_squares"][0, layer, place])
                    value = float(own[layer][f"gradient_{tensor.replace('.', '_')}"])
                    # The micro-batches that `grads` takes are other rows of the same batches, added in another order.
                    assert numpy.isclose(value, expected, rtol=1e-4), (title, tensor, layer)
            for layer in range(3):
                expected = file["activation_sum_squares"][0, layer, 0] / (4 * 2 * 8) / 12
                assert numpy.isclose(float(own[layer]["stream"]), expected, rtol=1e-6)


def test_what_theory_says(tmp_path):
    """In the setting of Xiong et al., Post-LN's last gradient does not shrink with depth and Pre-LN's does."""
    found = {
        row["architecture"]: row
        for row in rows("--init=xiong", "--heads=1", "--dim=24", "--ffn-dim=24", "--depths=2,4,8,16", "--seeds=6", cwd=tmp_path)
    }
    pre, post = found["Pre-LN"], found["Post-LN"]
    assert float(pre["exponent_high"]) < float(post["exponent_low"])
    assert -0.9 < float(pre["exponent"]) < -0.2
    assert float(post["late_early"]) > float(pre["late_early"])
    # x after a LayerNorm has |x|² = d, up to its epsilon, at every layer but the first.
    assert abs(float(post["growth"])) < 0.2 and float(pre["growth"]) > 0.1


def test_tables_figures_and_formats(tmp_path):
    arguments = [*MODEL, "--depths=2,3", "--seeds=3", "--batches=2"]
    result = succeeds("init", *arguments, "--out=out", "--svg=one.svg", "--figure=stream", cwd=tmp_path)
    assert "depth exponent" in result.stdout and "Lemma 2" in (tmp_path / "one.svg").read_text()
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "theory.csv", "layers.csv", "depth.svg", "depth-points.csv", "layers.svg", "layers-points.csv", "stream.svg",
        "stream-points.csv",
    }  # fmt: skip
    for format, sign in [("json", '"rows"'), ("markdown", "| architecture"), ("latex", "\\toprule")]:
        assert sign in succeeds("init", *arguments, f"--format={format}", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "mentions"),
    [
        (["--depths=0"], ["--depths"]), (["--depths=2,2"], ["--depths"]), (["--depths=two"], ["--depths"]),
        (["--seeds=0"], ["--seeds"]), (["--layers=3"], ["--depths"]), (["--heads=5"], ["--heads|head"]),
        (["--architectures=pre-ln,pre-ln"], ["twice"]), (["--depths=2", "--svg=x.svg"], ["two depths"]),
        (["--corpus=none.txt"], ["none.txt"]), (["--dim=100000", "--heads=1", "--depths=100"], ["GB of memory"]),
    ],
)  # fmt: skip
def test_wrong_use(arguments, mentions, tmp_path):
    own = [flag for flag in MODEL if flag.split("=")[0] not in {argument.split("=")[0] for argument in arguments}]
    given = [] if any(argument.startswith("--seeds") for argument in arguments) else ["--seeds=1", "--batches=1"]
    refuses("init", *own, *given, *arguments, cwd=tmp_path, mentions=mentions)


def test_additions_are_named_and_no_theory_is_claimed_for_them(tmp_path):
    found = rows("--depths=2,3", "--seeds=1", "--architectures=pre-ln,normformer", "--scale-attn", cwd=tmp_path)
    assert [(row["architecture"], row["theory"]) for row in found] == [("Pre-LN (with-attn_ln)", "-"), ("NormFormer", "-")]
