"""`nf-probe sweep`: a grid of runs from one file."""

import csv
import io
import json
import signal
import subprocess

import h5py
import numpy
import pytest
from conftest import PROGRAM, ROOT, environment, refuses, run, run_files, succeeds, wait_until

GRID = """
title: rates
base: {layers: 2, dim: 12, heads: 3, ffn-dim: 20, vocab-size: 32, sequence: 8, batch: 2, steps: 20, warmup: 3,
       validate-every: 5}
vary:
  model:
    Baseline: {architecture: pre-ln}
    NormFormer: {architecture: normformer}
    wide: {architecture: pre-ln, dim: 24}
  lr: [0.003, 0.01]
seeds: 3
baseline: {model: Baseline, lr: 0.003}
choose: lr
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "grid.yaml").write_text(GRID)
    succeeds("sweep", "grid.yaml", "--out=out", "--threads=1", cwd=folder)
    return folder


def rows(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


def final_losses(path) -> dict[int, float]:
    losses = {}
    for file in path:
        with h5py.File(file) as data:
            losses[int(data.attrs["seed"])] = float(data["validation_loss"][-1])
    return losses


def test_the_grid_is_that_of_the_files_losses(swept):
    out = swept / "out"
    assert len(run_files(out)) == 18
    grid = {(row["model"], row["lr"]): row for row in rows((out / "grid.csv").read_text())}
    losses = {}
    for key in grid:
        name = f"{key[0].lower()}-{key[1]}-seed"
        losses[key] = final_losses([path for path in run_files(out) if name in path.name])
        values = numpy.array([losses[key][seed] for seed in range(3)])
        row = grid[key]
        assert numpy.isclose(float(row["perplexity"]), numpy.exp(values.mean()), rtol=1e-12)
        # Student's t with two degrees of freedom: 4.30265.
        reach = 4.302652729911275 * values.std(ddof=1) / numpy.sqrt(3)
        assert numpy.isclose(float(row["perplexity_low"]), numpy.exp(values.mean() - reach), rtol=1e-9)
        assert numpy.isclose(float(row["perplexity_high"]), numpy.exp(values.mean() + reach), rtol=1e-9)
    base = losses["Baseline", "0.003"]
    for key, own in losses.items():
        if key == ("Baseline", "0.003"):
            assert grid[key]["ratio"] == ""
            continue
        ratio = numpy.exp(numpy.mean([own[seed] - base[seed] for seed in range(3)]))
        assert numpy.isclose(float(grid[key]["ratio"]), ratio, rtol=1e-12)
    best = {row["model"]: row for row in rows((out / "best.csv").read_text())}
    for model in ("Baseline", "NormFormer", "wide"):
        means = {lr: numpy.mean(list(losses[model, lr].values())) for lr in ("0.003", "0.01")}
        assert best[model]["best"] == min(means, key=means.get)
    assert len(rows((out / "runs.csv").read_text())) == 18


def test_runs_are_those_of_train(swept, tmp_path):
    succeeds(
        "train", "--architecture=normformer", "--layers=2", "--dim=12", "--heads=3", "--ffn-dim=20", "--vocab-size=32",
        "--sequence=8", "--batch=2", "--steps=20", "--warmup=3", "--validate-every=5", "--lr=0.01", "--seed=1",
        "--hold-out=0.1", "--threads=1", "--out=run", cwd=tmp_path,
    )  # fmt: skip
    (alone,) = run_files(tmp_path / "run")
    (of_sweep,) = [path for path in run_files(swept / "out") if path.name.endswith("normformer-0.01-seed1.h5")]
    with h5py.File(alone) as a, h5py.File(of_sweep) as b:
        assert a.attrs["run_id"] == b.attrs["run_id"]
        for name in ("loss", "gradient_l1", "validation_loss"):
            numpy.testing.assert_array_equal(a[name][...], b[name][...])


def test_a_folder_is_read_again(swept, tmp_path):
    text = succeeds("sweep", swept / "out", "--format=csv", cwd=tmp_path).stdout
    assert text == (swept / "out/grid.csv").read_text()
    for format, sign in [("table", "perplexity"), ("markdown", "| model |"), ("latex", "\\toprule"), ("json", '"rows"')]:
        assert sign in succeeds("sweep", swept / "out", f"--format={format}", cwd=tmp_path).stdout
    succeeds("sweep", swept / "out", "--svg=curves.svg", "--figure=curves", "--table=best", cwd=tmp_path)
    assert (tmp_path / "curves.svg").read_text().startswith("<?xml")
    points = rows((tmp_path / "curves-points.csv").read_text())
    assert {"Baseline", "NormFormer", "wide"} <= {row["series"].split(",")[0] for row in points}


def test_equal_operations_and_equal_seconds(swept):
    def steps(*arguments):
        text = succeeds("sweep", "grid.yaml", "--dry-run", "--format=csv", *arguments, cwd=swept).stdout
        return {(row["model"], row["lr"]): int(row["steps"]) for row in rows(text)}

    assert set(steps().values()) == {20}
    flops = steps("--budget=flops")
    assert flops["Baseline", "0.003"] == 20 and flops["NormFormer", "0.01"] == 20
    # Weights and embeddings of both widths, six operations a weight and token, 16 tokens; causal attention over 8.
    def operations(dim):
        weights = 2 * (4 * dim * dim + 2 * dim * 20) + 32 * dim
        return 6 * weights * 16 + 12 * 8 * 4.5 * dim * 2 * 2

    assert flops["wide", "0.01"] == round(20 * operations(12) / operations(24))
    seconds = steps("--seconds=0.05")
    assert min(seconds.values()) >= 1 and len(set(seconds.values())) > 1


def test_interrupted_and_gone_on_with(swept, tmp_path):
    # Validations take longer than steps.
    longer = GRID.replace("steps: 20", "steps: 600").replace("validate-every: 5", "validate-every: 50")
    longer = longer.replace("seeds: 3", "seeds: 1").replace("[0.003, 0.01]", "[0.003]")
    (tmp_path / "grid.yaml").write_text(longer)
    succeeds("sweep", "grid.yaml", "--out=whole", "--threads=1", cwd=tmp_path)
    for number, stop in enumerate([signal.SIGINT, signal.SIGKILL]):
        out = tmp_path / f"cut{number}"
        process = subprocess.Popen(
            [PROGRAM, "sweep", "grid.yaml", f"--out={out.name}", "--threads=1"], cwd=tmp_path, env=environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_until(lambda: len(run_files(out)) >= 2, process)
        process.send_signal(stop)
        errors = process.communicate()[1]
        if stop == signal.SIGINT:
            assert process.returncode == 130 and f"nf-probe sweep --resume {out.name} goes on" in errors
        partial = succeeds("sweep", out.name, cwd=tmp_path).stdout
        assert "not made" in partial
        succeeds("sweep", "--resume", out.name, cwd=tmp_path)
        for path in run_files(tmp_path / "whole"):
            with h5py.File(path) as a, h5py.File(out / path.name) as b:
                numpy.testing.assert_array_equal(a["loss"][...], b["loss"][...])
                numpy.testing.assert_array_equal(a["validation_loss"][...], b["validation_loss"][...])
    # Nothing is left to do: files stay as they are.
    before = {path: path.read_bytes() for path in run_files(out)}
    succeeds("sweep", "--resume", out.name, cwd=tmp_path)
    assert before == {path: path.read_bytes() for path in run_files(out)}


def test_the_final_loss_can_be_a_mean_of_several(tmp_path):
    text = GRID.replace("[0.003, 0.01]", "[0.003]").replace("seeds: 3", "seeds: 2")
    (tmp_path / "grid.yaml").write_text(text + "average-last: 3\n")
    shown = succeeds("sweep", "grid.yaml", "--out=out", "--threads=1", cwd=tmp_path).stdout
    assert "each run's last 3 held-out losses" in shown
    table = {row["model"]: row for row in rows((tmp_path / "out/grid.csv").read_text())}
    losses = []
    for path in (path for path in run_files(tmp_path / "out") if "baseline" in path.name):
        with h5py.File(path) as file:
            losses.append(file["validation_loss"][-3:].mean())
    assert float(table["Baseline"]["perplexity"]) == pytest.approx(numpy.exp(numpy.mean(losses)), rel=1e-12)
    # More than there are: nothing is made up.
    (tmp_path / "many.yaml").write_text(text + "average-last: 30\n")
    assert "with fewer than 30 validations" in succeeds("sweep", "many.yaml", "--out=many", "--threads=1", cwd=tmp_path).stdout
    refuses("sweep", "grid.yaml", "--out=out", "--shard=1/1", "--seeds=3", cwd=tmp_path, mentions=["another sweep"])
    (tmp_path / "grid.yaml").write_text(text + "average-last: none\n")
    refuses("sweep", "grid.yaml", "--out=no", cwd=tmp_path, mentions=["line", "average-last is a whole number"])


def test_a_wiring_in_the_grid_itself_is_what_trains(tmp_path):
    """The same block by its preset's name and as text: the same losses to the bit; another text, another block."""
    block = (ROOT / "Sources/Architecture/Presets/pre-ln.yaml").read_text()
    other = block.replace("head: {norm: yes}", "head: {norm: no}")
    assert other != block
    grid = {
        "base": dict(layers=2, dim=12, heads=3, **{"ffn-dim": 20, "vocab-size": 32}, sequence=8, batch=2, steps=20, warmup=3),
        "vary": {"model": {
            "named": {"architecture": "pre-ln"},
            "written": {"architecture": "mine", "architecture-text": block},
            "other": {"architecture": "mine", "architecture-text": other},
        }},
        "seeds": 1,
    }  # fmt: skip
    (tmp_path / "grid.yaml").write_text(json.dumps(grid))
    succeeds("sweep", "grid.yaml", "--out=out", "--threads=1", cwd=tmp_path)
    losses = {}
    for path in run_files(tmp_path / "out"):
        with h5py.File(path) as file:
            losses[path.name.partition("-seed")[0]] = (str(file.attrs["architecture"]), file["loss"][...].tolist())
    named, written, different = (losses[name] for name in sorted(losses))
    assert (named[0], written[0], different[0]) == ("pre-ln", "mine", "mine")
    assert named[1] == written[1] != different[1]


def test_a_run_that_diverges_does_not_end_the_sweep(tmp_path):
    (tmp_path / "grid.yaml").write_text(
        GRID.replace("[0.003, 0.01]", "[0.003, 1e30]").replace("seeds: 3", "seeds: [5]").replace("choose: lr", "")
    )
    output = succeeds("sweep", "grid.yaml", "--out=out", cwd=tmp_path).stdout
    assert "seed 5 not finite at step" in output
    table = {(row["model"], row["lr"]): row for row in rows((tmp_path / "out/grid.csv").read_text())}
    assert table["Baseline", "1e30"]["perplexity"] == "" and float(table["NormFormer", "0.003"]["perplexity"]) > 1
    plan = json.loads((tmp_path / "out/plan.json").read_text())
    assert plan["seeds"] == [5] and len(plan["cells"]) == 6


@pytest.mark.parametrize(
    ("old", "new", "mentions"),
    [
        ("title: rates", "titel: rates", ["line 2", "titel", "did you mean title"]),
        ("  lr: [0.003, 0.01]", "  lr: [0.003, 0.003]", ["line 10", "lr has a value twice"]),
        ("  lr: [0.003, 0.01]", "  lr: []", ["lr has no values"]),
        ("  lr: [0.003, 0.01]", "  lrr: [0.003, 0.01]", ["no key lrr", "did you mean lr"]),
        ("  lr: [0.003, 0.01]", "  lr: [0.003, fast]", ["fast", "--lr"]),
        ("seeds: 3", "seeds: none", ["line 11", "seeds is a count"]),
        ("seeds: 3", "seeds: [1, 1]", ["line 11", "different"]),
        ("seeds: 3", "seeds: 3\nbudget: money", ["line 12", "steps, flops, seconds"]),
        ("model: Baseline,", "model: Basline,", ["no Basline", "did you mean Baseline"]),
        ("choose: lr", "choose: rate", ["choose names rate"]),
        ("dim: 24}", "dim: 24, seed: 3}", ["line 9", "no key seed"]),
        ("dim: 24}", "dim: 25}", ["wide", "heads"]),
        ("base: {", "base: {from-checkpoint: w.safetensors, ", ["w.safetensors|checkpoint"]),
        ("base: {", "base: {update: false, ", ["Baseline", "update: false", "learns nothing"]),
        ("base: {", "base: {architecture: mine, architecture-text: 'norm: nowhere', ", ["architecture-text"]),
        ("vary:", "vari:", ["vari", "did you mean vary"]),
    ],
)  # fmt: skip
def test_wrong_files(old, new, mentions, tmp_path):
    assert old in GRID
    (tmp_path / "grid.yaml").write_text(GRID.replace(old, new))
    refuses("sweep", "grid.yaml", cwd=tmp_path, mentions=mentions)
    assert not (tmp_path / "nf-probe-runs").exists()


def test_wrong_use(swept, tmp_path):
    refuses("sweep", cwd=tmp_path, mentions=["file or folder"])
    refuses("sweep", "nothing.yaml", cwd=tmp_path, mentions=["nothing.yaml"])
    refuses("sweep", "--resume", "nothing", cwd=tmp_path, mentions=["nothing", "command.json"])
    refuses("sweep", swept / "grid.yaml", "--seconds=-1", cwd=tmp_path, mentions=["--seconds"])
    refuses("sweep", swept / "grid.yaml", "--seeds=0", cwd=tmp_path, mentions=["--seeds"])
    refuses("sweep", swept / "grid.yaml", "--seconds=3", "--budget=flops", cwd=tmp_path, mentions=["--budget flops"])
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/plan.json").write_text("{}")
    refuses("sweep", "empty", cwd=tmp_path, mentions=["plan.json is damaged"])
    plan = json.loads((swept / "out/plan.json").read_text())
    (tmp_path / "empty/plan.json").write_text(json.dumps({**plan, "baseline": 99}))
    refuses("sweep", "empty", cwd=tmp_path, mentions=["contradicts itself"])
    (tmp_path / "empty/plan.json").write_text(json.dumps(plan))
    refuses("sweep", "empty", cwd=tmp_path, mentions=["none of its runs"])
    assert run("sweep", swept / "out", "--table=crossings", cwd=tmp_path).returncode in (0, 1)
