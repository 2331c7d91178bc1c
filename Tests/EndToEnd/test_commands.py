"""Sweeps and recipes whose cells are commands: trainings of any kind that write run files with the recorder."""

import csv
import io
import shutil
import signal
import subprocess
import sys
import textwrap

import h5py
import numpy
import pytest
from conftest import PROGRAM, ROOT, environment, refuses, run, run_files, small, succeeds, wait_until

SCRIPT = f"""
    import argparse, sys
    sys.path.insert(0, {str(ROOT / "notebooks-export/src")!r})
    import torch, nf_probe
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--norm-first", type=int)
    arguments.add_argument("--seed", type=int)
    arguments.add_argument("--out")
    arguments = arguments.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    layer = torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0, batch_first=True, norm_first=bool(arguments.norm_first))
    model = torch.nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    recorder = nf_probe.Recorder(arguments.out, model, optimizer, seed=arguments.seed, architecture="post-ln pre-ln".split()[arguments.norm_first])
    for step in range(6):
        optimizer.zero_grad()
        loss = (model(torch.randn(4, 8, 16)) - torch.ones(16)).square().mean()
        loss.backward()
        optimizer.step()
        recorder.step(loss, tokens=32)
    recorder.validation(float(loss))
    recorder.close()
"""

RECIPE = f"""
question: Which way does the mismatch go, where PyTorch trains?
sweep:
  title: encoders
  command: {sys.executable} train.py --norm-first {{first}} --seed {{seed}} --out {{run}}
  vary:
    model:
      Post-LN: {{first: 0}}
      Pre-LN: {{first: 1}}
  seeds: 3
  baseline: {{model: Pre-LN}}
claims:
  - says: they differ
    measure: early/late
    of: {{model: Post-LN}}
    against: {{model: Pre-LN}}
    between: [1e-9, 1e9]
"""


@pytest.mark.long
def test_a_recipe_judges_trainings_in_pytorch(tmp_path):
    (tmp_path / "train.py").write_text(textwrap.dedent(SCRIPT))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    result = succeeds("recipe", ".", "--runs=runs", "--format=csv", cwd=tmp_path)
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    ratios = []
    for seed in range(3):
        values = []
        for name in ("0-post-ln", "1-pre-ln"):
            with h5py.File(tmp_path / f"runs/{name}-seed{seed}.h5") as file:
                assert file.attrs["seed"] == seed
                column = list(file["tensor"].asstr()).index("fc2.weight")
                means = file["gradient_l1"][3:, :, column].mean(0)
                values.append(means[0] / means[-1])
        ratios.append(numpy.log(values[0] / values[1]))
    assert row["verdict"] == "holds" and row["seeds"] == "3"
    assert float(row["effect"]) == pytest.approx(numpy.exp(numpy.mean(ratios)), rel=1e-9)
    # What is there is not made again.
    before = {path: path.stat().st_mtime_ns for path in run_files(tmp_path / "runs")}
    succeeds("recipe", ".", "--runs=runs", cwd=tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in run_files(tmp_path / "runs")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Runs of two architectures and two seeds, that commands copy to where they are wanted."""
    folder = tmp_path_factory.mktemp("made")
    succeeds("grads", *small(architectures=["pre-ln", "post-ln"], seeds=2, out="made"), cwd=folder)
    for path in run_files(folder):
        shutil.copy(path, folder / path.name)
    return folder


def grid(command: str, **changes) -> str:
    keys = {"command": command, "vary": "{model: [pre-ln, post-ln]}", "seeds": "[7, 8]"} | changes
    return "".join(f"{key}: {value}\n" for key, value in keys.items())


def test_failed_missing_and_foreign_runs_are_told_apart(made, tmp_path):
    copy = f"cp {made}/{{model}}-seed{{seed}}.h5 {{run}}"
    (tmp_path / "whole.yaml").write_text(grid(copy))
    assert "Post-LN" in succeeds("sweep", "whole.yaml", "--out=whole", cwd=tmp_path).stdout or run_files(tmp_path / "whole")
    for name, command, words in [
        ("failed", f"if [ {{seed}} = 8 ]; then echo no luck; exit 3; fi; {copy}", ["ended with status 3"]),
        ("missing", f"if [ {{model}} = pre-ln ]; then {copy}; fi", ["wrote no run file"]),
        ("foreign", f"cp {made}/{{model}}-seed7.h5 {{run}}; true {{seed}}", ["holds a run of seed 7, not 8"]),
        ("damaged", f"if [ {{seed}} = 7 ]; then {copy}; else echo nothing > {{run}}; fi", ["cannot be read as a run file"]),
        ("killed", f"if [ {{seed}} = 7 ]; then {copy}; else kill -9 $$; fi", ["ended by signal 9"]),
    ]:
        (tmp_path / f"{name}.yaml").write_text(grid(f"{command!r}" if "'" not in command else command))
        result = run("sweep", f"{name}.yaml", f"--out={name}", cwd=tmp_path)
        assert result.returncode == 1, name
        for word in ["2 runs could not be made", *words]:
            assert word in result.stderr, result.stderr
        # The others are made, and shown.
        assert "steps" in result.stdout and len(run_files(tmp_path / name)) >= 2, name
    assert "no luck" in (tmp_path / "failed/0-pre-ln-seed8.log").read_text()
    # Mended, only what is missing is made.
    shutil.copy(tmp_path / "whole.yaml", tmp_path / "failed/sweep.yaml")
    text = (tmp_path / "failed/plan.json").read_text().replace("exit 3", "true")
    (tmp_path / "failed/plan.json").write_text(text)
    kept = (tmp_path / "failed/0-pre-ln-seed7.h5").stat().st_mtime_ns
    succeeds("sweep", "--resume=failed", cwd=tmp_path)
    assert (tmp_path / "failed/0-pre-ln-seed7.h5").stat().st_mtime_ns == kept
    succeeds("verify", *run_files(tmp_path / "failed"), cwd=tmp_path)


def test_what_cannot_be_made_is_not_asked_for_again_and_again(made, tmp_path):
    """A third seed is wanted and nobody has it: the search for a verdict ends, and says why."""
    claim = "claims: [{says: equal, measure: early/late, of: {model: pre-ln}, against: {model: post-ln}, between: [0.999, 1.001]}]"
    sweep = "".join(f"  {line}\n" for line in grid(f"cp {made}/{{model}}-seed{{seed}}.h5 {{run}}").splitlines())
    (tmp_path / "recipe.yaml").write_text(f"question: Equal?\nsweep:\n{sweep}{claim}\n")
    result = run("recipe", ".", "--runs=runs", "--until-decided", "--budget=1h", cwd=tmp_path)
    assert result.returncode == 1 and "2 runs could not be made" in result.stderr, result.stderr
    assert "1 claim left: a run for them could not be made" in result.stderr


def test_words_are_quoted_and_braces_stay(made, tmp_path):
    """A value with blanks and quotes is one word of the command; `{{` is a brace."""
    command = f"printf '%s|' {{note}} '{{{{x}}}}' > {{run}}.txt; cp {made}/pre-ln-seed{{seed}}.h5 {{run}}"
    (tmp_path / "grid.yaml").write_text(grid(f'"{command}"', vary="{note: [\"it's; a $HOME\", plain]}", seeds="[7]"))
    succeeds("sweep", "grid.yaml", "--out=out", cwd=tmp_path)
    texts = sorted(path.read_text() for path in (tmp_path / "out").glob("*.txt"))
    assert texts == ["it's; a $HOME|{x}|", "plain|{x}|"]


def test_a_stop_ends_the_command(made, tmp_path):
    (tmp_path / "grid.yaml").write_text(grid("sleep 600; true {model} {seed} {run}"))
    process = subprocess.Popen(
        [PROGRAM, "sweep", "grid.yaml", "--out=out"], cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: list((tmp_path / "out").glob("*.log")) or process.poll() is not None, process)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == 130 and "goes on" in errors


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        (grid("train {modle} {seed} {run}"), ["{modle}", "did you mean model"]),
        (grid("train {model} {seed}"), ["{run}"]),
        (grid("train {model} {run}"), ["2 seeds", "{seed}"]),
        (grid("train {model} {seed} {run"), ["brace"]),
        (grid("train {model} {} {run}"), ["brace"]),
        (grid("train {model} {seed} {run}", budget="seconds"), ["budget: seconds"]),
        (grid("[a, b]"), ["command takes a command line"]),
    ],
)
def test_wrong_grids(text, mentions, tmp_path):
    (tmp_path / "grid.yaml").write_text(text)
    refuses("sweep", "grid.yaml", "--out=out", cwd=tmp_path, mentions=["grid.yaml", *mentions])
    assert not (tmp_path / "out").exists()
