"""`--activations`: moments of outputs and heads of attention in the file, and what `activations`, `report` and `info` make of them."""

import csv
import io

import h5py
import numpy
import pytest
import xarray
from conftest import refuses, run_files, small, succeeds

OPTIONS = dict(architectures=["pre-ln", "normformer"], seeds=3, steps=12, layers=3, activations=True, accumulate=2, every=2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    succeeds("grads", *small(**OPTIONS, out="runs"), cwd=folder)
    return run_files(folder)


def rows(*arguments, cwd) -> list[dict]:
    return list(csv.DictReader(io.StringIO(succeeds("activations", *arguments, "--format=csv", cwd=cwd).stdout)))


def test_moments_fit_the_sums_beside_them(runs):
    with h5py.File(runs[0]) as file, xarray.open_dataset(runs[0], engine="netcdf4") as dataset:
        assert file.attrs["schema_version"] == 2
        count = file["activation_count"][...]
        squares, fourth, largest = (file[f"activation_{end}"][...] for end in ("sum_squares", "sum_fourth_powers", "max_abs"))
        # Each output has the elements that its width says: both micro-batches' rows.
        operations = [name.decode() for name in file["operation"]]
        tokens = file["tokens"][0]
        width, ffn = file.attrs["model_dim"], file.attrs["ffn_dim"]
        assert numpy.all(count[:, :, operations.index("input")] == tokens * width)
        assert numpy.all(count[:, :, operations.index("fc1")] == tokens * ffn)
        assert numpy.all(file["stem_activation_count"][:, -1] == tokens * file.attrs["vocabulary_size"])
        # (Σx²)²/n ≤ Σx⁴ ≤ max² Σx².
        present = count > 0
        assert numpy.all((fourth >= squares**2 / numpy.maximum(count, 1) * (1 - 1e-12))[present])
        assert numpy.all((fourth <= largest**2 * squares * (1 + 1e-12))[present])
        assert dataset["attention_entropy"].dims == ("step", "layer", "head")
        heads = dataset["attention_entropy"].values
        assert numpy.all(heads > 0) and numpy.all(heads < numpy.log(64))
        share = dataset["attention_first_share"].values
        assert numpy.all(share > 0) and numpy.all(share < 1)
        # The largest logit of any head is no larger than the largest magnitude of the layer's.
        logits = largest[:, :, operations.index("self_attn.logits")]
        assert numpy.all(dataset["attention_max_logit"].max("head").values <= logits)


def test_the_table_has_the_files_numbers(runs, tmp_path):
    found = rows(runs[0], "--window=4:10", cwd=tmp_path)
    with h5py.File(runs[0]) as file:
        chosen = (file["step"][...] >= 4) & (file["step"][...] < 10)
        operations = [name.decode() for name in file["operation"]]
        sums = {end: file[f"activation_{end}"][chosen] for end in ("count", "l1", "sum_squares", "sum_fourth_powers", "max_abs")}
        entropy = file["attention_entropy"][chosen].mean(0)
    assert chosen.sum() == 3
    mean = {end: values.mean(0) for end, values in sums.items()}
    rms = numpy.sqrt(mean["sum_squares"] / mean["count"])
    in_layers = [row for row in found if row["layer"]]
    assert len(in_layers) == 3 * len(operations)
    for row in in_layers:
        place = int(row["layer"]), operations.index(row["operation"])
        expected = {
            "rms": rms[place],
            "mean": (mean["l1"] / mean["count"])[place],
            "max": sums["max_abs"].max(0)[place],
            "kurtosis": (mean["count"] * mean["sum_fourth_powers"] / mean["sum_squares"] ** 2)[place],
            "max_over_mean": (sums["max_abs"].max(0) * mean["count"] / mean["l1"])[place],
            "rms_over_stream": rms[place] / rms[place[0], operations.index("input")],
        }
        for name, value in expected.items():
            assert float(row[name]) == pytest.approx(value, rel=1e-12), (row, name)
    heads = rows(runs[0], "--window=4:10", "--table=heads", cwd=tmp_path)
    assert [float(row["entropy"]) for row in heads] == pytest.approx(list(entropy.reshape(-1)), rel=1e-12)


def test_seeds_are_put_together_with_intervals(runs, tmp_path):
    printed = succeeds("activations", *runs, "--operation=input", "--layers-shown=0,2", "--out=out", cwd=tmp_path).stdout
    lines = [line for line in printed.splitlines() if line.startswith(("Pre-LN", "NormFormer"))]
    assert len(lines) == 2 + 2 * 2 and "[" in lines[0]
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "outputs.csv",
        "heads.csv",
        "activations-map.svg",
        "activations-lines.svg",
        "activations-heads.svg",
        "activations-heads-points.csv",
    }


def test_report_and_info_speak_of_them(runs, tmp_path):
    said = succeeds("info", runs[0], "--thresholds=max-logit=0.001,stream-growth=1.0001", cwd=tmp_path).stdout
    assert "attention logits are large (above 0.00100)" in said and "the residual stream grows" in said
    assert "attention logits" not in succeeds("info", runs[0], cwd=tmp_path).stdout
    succeeds("report", *runs, "--out=report", "--thresholds=max-logit=0.001", cwd=tmp_path)
    page = (tmp_path / "report" / "report.md").read_text()
    assert "Outputs and attention" in page and "attention logits are large" in page and "arXiv 2507.20534" in page
    assert (tmp_path / "report" / "tables" / "heads.csv").exists()


def test_a_report_reads_outputs_over_one_window(runs, tmp_path):
    """Runs of different lengths, too: the title's steps are those of every row."""
    succeeds("grads", *small(**{**OPTIONS, "steps": 24, "seeds": 1, "architectures": "post-ln"}, out="long"), cwd=tmp_path)
    both = [*runs, *run_files(tmp_path / "long")]
    succeeds("report", *both, "--out=report", cwd=tmp_path)
    assert "Outputs of operations, RMS over steps 6 to 10" in (tmp_path / "report" / "report.md").read_text()
    succeeds("report", *both, "--window=2:6", "--out=chosen", cwd=tmp_path)
    assert "Outputs of operations, RMS over steps 2 to 4" in (tmp_path / "chosen" / "report.md").read_text()


def test_export_has_heads(runs, tmp_path):
    exported = succeeds("export", runs[0], "--statistics=attention_entropy,activation_count", cwd=tmp_path).stdout
    first = next(csv.DictReader(io.StringIO(exported)))
    with h5py.File(runs[0]) as file:
        values = [row for row in csv.DictReader(io.StringIO(exported)) if row["statistic"] == "attention_entropy" and row["step"] == first["step"]]
        assert [float(row["value"]) for row in values] == list(file["attention_entropy"][0].reshape(-1))
        assert [row["tensor"] for row in values[:2]] == ["heads.0", "heads.1"]


def test_what_is_not_there_is_said(runs, tmp_path):
    succeeds("grads", *small(steps=2, out="plain"), cwd=tmp_path)
    plain = run_files(tmp_path / "plain")[0]
    refuses("activations", plain, cwd=tmp_path, mentions=["record with --activations"])
    refuses("activations", runs[0], "--operation=inptu", cwd=tmp_path, mentions=[r"did you mean input\?"])
    refuses("activations", runs[0], "--window=50:60", cwd=tmp_path, mentions=["it has steps 0 to 10"])
    refuses("report", *runs, "--thresholds=logits=3", cwd=tmp_path, mentions=["max-logit=100"])
    outside = ["--operation=decoder.layer_norm", "--svg=a.svg"]
    refuses("activations", runs[0], *outside, cwd=tmp_path, mentions=["nothing that is shown lies in the layers"])


def test_measuring_changes_no_weight(tmp_path):
    options = {**OPTIONS, "architectures": ["normformer"], "seeds": 1}
    succeeds("grads", *small(**options, out="with"), cwd=tmp_path)
    succeeds("grads", *small(**{**options, "activations": None}, out="without"), cwd=tmp_path)
    with h5py.File(run_files(tmp_path / "with")[0]) as one, h5py.File(run_files(tmp_path / "without")[0]) as other:
        for name in ("loss", "gradient_l1", "weight_sum_squares", "update_sum_squares"):
            assert numpy.array_equal(one[name][...], other[name][...], equal_nan=True), name
