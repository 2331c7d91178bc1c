"""`nf-probe scales`: the learned scales of runs and checkpoints, against NumPy on what h5py and safetensors read."""

import csv
import io
import json
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

import h5py
import numpy
import pytest
from conftest import PROGRAM, by_architecture, environment, refuses, run_files, small, succeeds, wait_until
from safetensors.numpy import save_file

SCALES = ["ffn_layernorm", "attn_ln", "c_attn", "w_resid"]


def rows(*arguments, cwd, key=("scale", "layer")) -> dict:
    """The rows of a table for programs, by some of their columns."""
    text = succeeds("scales", *arguments, "--format=csv", cwd=cwd).stdout
    return {tuple(row[name] for name in key): row for row in csv.DictReader(io.StringIO(text))}


def expect_distribution(row: dict, values: numpy.ndarray, near: float = 0.05):
    x = values.astype(float)
    x = x[numpy.isfinite(x)]
    q1, median, q3 = numpy.percentile(x, [25, 50, 75])
    inside = x[(x >= q1 - 1.5 * (q3 - q1)) & (x <= q3 + 1.5 * (q3 - q1))]
    expected = {
        "elements": x.size, "minimum": x.min(), "lower_whisker": min(inside.min(), q1), "q1": q1, "median": median,
        "q3": q3, "upper_whisker": max(inside.max(), q3), "maximum": x.max(), "mean": x.mean(),
        "near_zero": (abs(x) <= near).mean(), "near_one": (abs(x - 1) <= near).mean(),
        "distance_from_one": abs(x - 1).mean(), "outliers": x.size - inside.size,
        "nonfinite": values.size - x.size,
    }  # fmt: skip
    for name, value in expected.items():
        assert float(row[name]) == pytest.approx(value, rel=1e-12, abs=1e-14), name


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """NormFormers of three seeds, decayed much, and one that is not."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = small(architectures="normformer", steps=30, snapshot_every=10, weight_decay=0.5, seed=None)
    succeeds("grads", *arguments, "--seeds=3", "--out=decayed", cwd=folder)
    arguments = small(architectures="normformer", steps=30, snapshot_every=10, weight_decay=0, seed=0)
    succeeds("grads", *arguments, "--out=free", cwd=folder)
    return folder


@pytest.fixture
def one(trained):
    return run_files(trained / "decayed")[0]


def test_distributions_are_numpys(one, tmp_path):
    found = rows(one, "--near=0.01", cwd=tmp_path)
    with h5py.File(one) as file:
        for scale in SCALES:
            for layer in range(5):
                row = found[scale, str(layer)]
                expect_distribution(row, file[f"scale_{scale}"][-1, layer], near=0.01)
                assert (row["step"], row["seed"]) == ("30", "0")
    assert len(found) == 4 * 5


def test_a_snapshot_and_the_other_gains(one, tmp_path):
    found = rows(f"{one}@10", "--all", cwd=tmp_path)
    with h5py.File(one) as file:
        names = [name.removeprefix("scale_") for name in file if name.startswith("scale_")]
        assert {scale for scale, _ in found} == set(names) and len(names) > 4
        assert list(file["snapshot"]) == [0, 10, 20, 30]
        expect_distribution(found["final_layer_norm", "3"], file["scale_final_layer_norm"][1, 3])
    start = rows(f"{one}@0", cwd=tmp_path)
    assert all(row["median"] == row["minimum"] == row["maximum"] == "1" for row in start.values())


def test_seeds_are_pooled(trained, tmp_path):
    files = run_files(trained / "decayed")
    found = rows(*files, cwd=tmp_path, key=("scale", "layer", "seed"))
    values = []
    for file in files:
        with h5py.File(file) as opened:
            values.append(opened["scale_ffn_layernorm"][-1, 4])
    expect_distribution(found["ffn_layernorm", "4", "all 3"], numpy.concatenate(values))
    for seed, own in enumerate(values):
        expect_distribution(found["ffn_layernorm", "4", str(seed)], own)
    medians = [float(found["ffn_layernorm", "4", str(seed)]["median"]) for seed in range(3)]
    pooled = found["ffn_layernorm", "4", "all 3"]
    reach = 4.302652729911275 * numpy.std(medians, ddof=1) / numpy.sqrt(3)
    assert float(pooled["median_of_seeds"]) == pytest.approx(numpy.mean(medians), rel=1e-12)
    assert float(pooled["median_of_seeds_high"]) == pytest.approx(numpy.mean(medians) + reach, rel=1e-9)
    trend = rows(*files, "--table=trend", cwd=tmp_path, key=("scale", "seed"))
    each = [float(trend["attn_ln", str(seed)]["correlation"]) for seed in range(3)]
    assert float(trend["attn_ln", "all 3"]["correlation"]) == pytest.approx(numpy.mean(each), abs=1e-12)


def test_trend_and_decay(trained, one, tmp_path):
    (free,) = run_files(trained / "free")
    with h5py.File(one) as file:
        factor = numpy.prod(1 - 0.5 * file["learning_rate"][...])
        medians = numpy.median(file["scale_ffn_layernorm"][-1].astype(float), axis=1)
    ranks = medians.argsort().argsort()
    rho = numpy.corrcoef(ranks, numpy.arange(5))[0, 1]
    found = rows(one, free, "--table=trend", cwd=tmp_path, key=("model", "scale"))
    (decayed,) = [row for (model, scale), row in found.items() if "0.5" in model and scale == "ffn_layernorm"]
    (spared,) = [row for (model, scale), row in found.items() if "0.5" not in model and scale == "ffn_layernorm"]
    assert float(decayed["correlation"]) == pytest.approx(rho, abs=1e-12) and decayed["test"] == "exact"
    assert float(decayed["decay_alone"]) == pytest.approx(factor, rel=1e-12) and spared["decay_alone"] == "1"
    text = succeeds("scales", one, free, cwd=tmp_path).stdout
    assert "recorded learning rates" in text and "weight decay is 0" in text


def test_gaps_are_filled_by_the_schedule(one, tmp_path):
    arguments = small(architectures="normformer", steps=30, snapshot_every=10, weight_decay=0.5, seed=0, every=7)
    succeeds("grads", *arguments, "--out=gappy", cwd=tmp_path)
    (gappy,) = run_files(tmp_path / "gappy")
    full, sparse = (rows(file, "--table=drift", cwd=tmp_path, key=("scale", "layer", "step")) for file in (one, gappy))
    for key, row in full.items():
        assert float(sparse[key]["decay_alone"]) == pytest.approx(float(row["decay_alone"]), rel=1e-12)
        assert sparse[key]["median"] == row["median"]
    assert "configured schedule" in " ".join(succeeds("scales", gappy, cwd=tmp_path).stdout.split())


def test_drift_is_the_snapshots(one, tmp_path):
    found = rows(one, "--table=drift", cwd=tmp_path, key=("scale", "layer", "step"))
    with h5py.File(one) as file:
        for index, step in enumerate(file["snapshot"]):
            row = found["attn_ln", "2", str(step)]
            values = file["scale_attn_ln"][index, 2].astype(float)
            assert float(row["median"]) == pytest.approx(numpy.median(values), rel=1e-14)
            assert float(row["distance_from_one"]) == pytest.approx(abs(values - 1).mean(), rel=1e-12, abs=1e-15)
    assert len(found) == 4 * 5 * 4


@pytest.fixture
def checkpoint(tmp_path):
    """Gains of a decoder whose first heads are nearly off, in fairseq's names."""
    random = numpy.random.default_rng(5)
    tensors = {"decoder.embed_tokens.weight": numpy.zeros((4, 8), numpy.float32)}
    for layer in range(4):
        own = {"ffn_layernorm.weight": random.normal(0.3 + 0.1 * layer, 0.1, 32), "c_attn": random.normal(1, 0.1, 4)}
        own["c_attn"][0] = 0.02 * layer
        own |= {"w_resid": random.normal(1, 0.02, 8), "fc1.weight": random.normal(size=(32, 8))}
        tensors |= {f"decoder.layers.{layer}.{name}": value.astype(numpy.float32) for name, value in own.items()}
    save_file(tensors, tmp_path / "model.safetensors")
    return tensors


def test_a_checkpoint(checkpoint, tmp_path):
    found = rows("model.safetensors", cwd=tmp_path)
    for (scale, layer), row in found.items():
        name = {"ffn_layernorm": "ffn_layernorm.weight"}.get(scale, scale)
        expect_distribution(row, checkpoint[f"decoder.layers.{layer}.{name}"])
    assert {scale for scale, _ in found} == {"ffn_layernorm", "c_attn", "w_resid"}
    heads = rows("model.safetensors", "--table=heads", "--small=0.05", cwd=tmp_path, key=("layer", "head"))
    assert set(heads) == {("0", "0"), ("1", "0"), ("2", "0")}
    assert float(heads["2", "0"]["value"]) == pytest.approx(0.04, rel=1e-6)
    text = " ".join(succeeds("scales", "model.safetensors", cwd=tmp_path).stdout.split())
    assert "weight decay did to gains and scales is not known" in text and "4 of 16 heads" in text
    refuses("scales", "model.safetensors", "--figure=drift", "--svg=x.svg", cwd=tmp_path, mentions=["drift", "run files"])
    refuses("scales", "model.safetensors", "--table=drift", cwd=tmp_path, mentions=["drift"])


def test_values_that_are_not_finite(checkpoint, tmp_path):
    checkpoint["decoder.layers.1.w_resid"][[2, 5]] = [numpy.nan, numpy.inf]
    checkpoint["decoder.layers.3.c_attn"][:] = numpy.nan
    save_file(checkpoint, tmp_path / "model.safetensors")
    found = rows("model.safetensors", "--svg=b.svg", cwd=tmp_path)
    expect_distribution(found["w_resid", "1"], checkpoint["decoder.layers.1.w_resid"])
    assert found["c_attn", "3"]["median"] == "nan" and found["c_attn", "3"]["nonfinite"] == "4"
    text = " ".join(succeeds("scales", "model.safetensors", cwd=tmp_path).stdout.split())
    assert "w_resid of layer 1: 2 of 8 (element 2, 5)" in text and "c_attn of layer 3: 4 of 4" in text
    assert "not finite" in (tmp_path / "b.svg").read_text()


def test_a_folder_of_everything(trained, tmp_path):
    files = run_files(trained)
    text = succeeds("scales", *files, "--out=out", "--paper", cwd=tmp_path).stdout
    assert max(map(len, text.splitlines())) <= 160
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "scales.csv", "trend.csv", "drift.csv", "heads.csv", "boxes.svg", "boxes-points.csv", "drift.svg",
        "drift-points.csv",
    }  # fmt: skip
    words = {name: " ".join(ElementTree.parse(tmp_path / "out" / name).getroot().itertext()) for name in ("boxes.svg", "drift.svg")}
    assert "arXiv v2, 125M, three additions, no ResScale, digitised" in " ".join(words["boxes.svg"].split())
    points = list(csv.DictReader((tmp_path / "out" / "boxes-points.csv").open()))
    paper = [point for point in points if point["panel"] == "FFN LN α, arXiv v2" and "quartiles" in point["series"]]
    assert [float(point["y"]) for point in paper][:3] == [0.219, 0.257, 0.257] and len(paper) == 12
    refuses("scales", *files, "--out=out", cwd=tmp_path, mentions=["--overwrite"])


def test_one_run_fits_a_terminal_and_comes_in_every_format(one, tmp_path):
    text = succeeds("scales", one, cwd=tmp_path).stdout
    assert max(map(len, text.splitlines())) <= 100 and "FFN LN α" in text and "None of 15 heads has |γ| below 0.1" in text
    assert json.loads(succeeds("scales", one, "--format=json", cwd=tmp_path).stdout)["rows"]
    assert "\\toprule" in succeeds("scales", one, "--format=latex", cwd=tmp_path).stdout
    assert "| FFN LN α |" in succeeds("scales", one, "--format=markdown", cwd=tmp_path).stdout


def test_figures_have_the_same_bytes(one, tmp_path):
    for figure in ("boxes", "drift"):
        images = []
        for _ in range(2):
            succeeds("scales", one, f"--figure={figure}", "--svg=x.svg", cwd=tmp_path)
            images.append((tmp_path / "x.svg").read_bytes() + (tmp_path / "x-points.csv").read_bytes())
        assert images[0] == images[1]


def test_a_run_that_grows_and_one_that_was_killed(tmp_path):
    arguments = small(architectures="normformer", steps=10_000_000, snapshot_every=5, out="runs")
    process = subprocess.Popen(
        [PROGRAM, "grads", *arguments], cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def snapshots():
        try:
            with h5py.File(run_files(tmp_path)[0], swmr=True) as file:
                return len(file["snapshot"]) >= 3
        except (IndexError, OSError, KeyError):
            return False

    try:
        wait_until(snapshots, process)
        (path,) = run_files(tmp_path)
        growing = rows(path, cwd=tmp_path)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    killed = rows(path, cwd=tmp_path)
    assert int(killed["attn_ln", "0"]["step"]) >= int(growing["attn_ln", "0"]["step"]) >= 10


# What cannot be shown.


def test_an_architecture_without_the_scales(recorded, tmp_path):
    path = by_architecture(recorded)["pre-ln"]
    refuses("scales", path, cwd=tmp_path, mentions=["Pre-LN has none of the scales", "self_attn_layer_norm", "--all"])
    found = rows(path, "--all", cwd=tmp_path)
    assert {scale for scale, _ in found} == {"self_attn_layer_norm", "final_layer_norm"}
    refuses("scales", path, "--all", "--table=heads", cwd=tmp_path, mentions=["HeadScale"])


def test_wrong_inputs(one, recorded, tmp_path):
    shutil.copy(one, tmp_path / "run.h5")
    assert refuses("scales", "run.h5@15", cwd=tmp_path, mentions=["no snapshot at 15", r"0, 10, 20, 30"]).returncode == 2
    refuses("scales", "run.h5", "run.h5", cwd=tmp_path, mentions=["given twice"])
    for arguments, status, mentions in [
        ([], 2, ["checkpoint"]),
        (["missing.h5"], 1, ["missing.h5", "no such file"]),
        (["run.h5", "--layers-shown=9"], 1, ["layers 0 to 4"]),
        (["run.h5", "--layers-shown=x"], 2, ["--layers-shown"]),
        (["run.h5", "--near=-1"], 2, ["--near"]),
        (["run.h5", "--small=nan"], 2, ["--small"]),
        (["run.h5", "--table=size"], 2, ["--table", "distribution"]),
        (["run.h5", "--paper"], 2, ["--paper", "--svg"]),
        (["run.h5", "--paper", "--figure=drift", "--svg=x.svg"], 2, ["--paper"]),
        (["run.h5", "--svg=no/such/folder.svg"], 1, ["folder.svg"]),
    ]:
        result = subprocess.run([PROGRAM, "scales", *arguments], cwd=tmp_path, capture_output=True, text=True, env=environment())
        assert result.returncode == status, result.stderr
        for words in mentions:
            assert words in result.stderr, result.stderr
    save_file({"decoder.layers.0.fc1.weight": numpy.ones((2, 2), numpy.float32)}, tmp_path / "bare.safetensors")
    refuses("scales", "bare.safetensors", cwd=tmp_path, mentions=["no gains or learned scales"])
    refuses("scales", "bare.safetensors@3", cwd=tmp_path, mentions=["no run file"])
    deep = {f"decoder.layers.{layer}.c_attn": numpy.ones(3, numpy.float32) for layer in range(7)}
    save_file(deep, tmp_path / "deep.safetensors")
    refuses("scales", "run.h5", "deep.safetensors", cwd=tmp_path, mentions=["5 layers", "7"])


def test_a_run_without_snapshots(one, tmp_path):
    shutil.copy(one, tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        for name in [name for name in file if name.startswith("scale_")] + ["snapshot"]:
            if name != "snapshot":
                del file[name]
    refuses("scales", "run.h5", cwd=tmp_path, mentions=["run.h5", "snapshot|damaged"])


def test_damaged_files_do_no_harm(one, tmp_path):
    content = one.read_bytes()
    for length in (8, 100, len(content) // 2, len(content) - 50):
        (tmp_path / "cut.h5").write_bytes(content[:length])
        result = subprocess.run([PROGRAM, "scales", "cut.h5"], cwd=tmp_path, capture_output=True, text=True, env=environment())
        assert result.returncode in (0, 1) and "atal error" not in result.stderr
