"""`recipe --plan` and `--until-decided`: what verdicts take, seeds that are added where one is nearest, and intervals that hold at every look."""

import csv
import io
import json
import pathlib
import re
import signal

import h5py
import numpy
import pytest
from conftest import refuses, start, succeeds, wait_until

RECIPE = """
question: Which is decided, and when?
sweep:
  base: {layers: 5, dim: 12, heads: 3, ffn-dim: 20, vocab-size: 32, sequence: 8, batch: 2, steps: 12, warmup: 3, lr: 0.01}
  vary:
    model:
      Post-LN: {architecture: post-ln}
      Pre-LN: {architecture: pre-ln}
      NormFormer: {architecture: normformer}
  seeds: 4
claims:
  - says: far from the bound
    measure: early/late
    of: {model: Pre-LN}
    above: 1e-9
  - says: nearer
    measure: early/late
    of: {model: NormFormer}
    above: NEAR
  - says: at the bound
    measure: early/late
    of: {model: Post-LN}
    above: AT
"""


def early_late(path: pathlib.Path) -> float:
    """Of fc2 over the second half of the steps, where it is read by default."""
    with h5py.File(path) as file:
        column = list(file["tensor"].asstr()).index("fc2.weight")
        means = file["gradient_l1"][6:, :, column].mean(0)
        return numpy.log(means[0] / means[-1])


def numbers(folder: pathlib.Path, model: str) -> numpy.ndarray:
    files = sorted(folder.glob(f"*-{model}-seed*.h5"), key=lambda path: int(re.search(r"seed(\d+)", path.name)[1]))
    return numpy.array([early_late(path) for path in files])


def reach(count: int) -> float:
    """The confidence sequence's half width in standard deviations: where k^(-1/2) ((1 + u) / (1 + u/k))^(n/2) = 20, u = t²/(n-1)."""
    k = 1 + 4 * count
    a = (20 * k**0.5) ** (2 / count)
    return numpy.inf if a >= k else ((a - 1) / (1 - a / k) * (count - 1) / count) ** 0.5


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    """Four seeds of each, and a recipe whose bounds lie where they are wanted."""
    folder = tmp_path_factory.mktemp("verdicts")
    (folder / "recipe.yaml").write_text(RECIPE.replace("NEAR", "1").replace("AT", "1"))
    succeeds("recipe", ".", "--runs=pilot", "--threads=1", cwd=folder)
    near, at = numbers(folder / "pilot", "normformer"), numbers(folder / "pilot", "post-ln")
    bounds = {"NEAR": numpy.exp(near.mean() - 1.5 * near.std(ddof=1)), "AT": numpy.exp(at.mean())}
    text = RECIPE
    for word, bound in bounds.items():
        text = text.replace(f"above: {word}", f"above: {bound!r}".replace("np.float64(", "").replace(")", ""))
    (folder / "recipe.yaml").write_text(text)
    succeeds("recipe", ".", "--runs=pilot", "--as-is", "--results=results", cwd=folder)
    return folder


def rows(text: str) -> dict[str, dict]:
    return {row["claim"]: row for row in csv.DictReader(io.StringIO(text))}


@pytest.mark.parametrize("source", ["--runs=pilot", None])
def test_the_plan_says_what_verdicts_take(pilot, source):
    """From runs, and from the results beside the recipe."""
    where = [source] if source else []
    plan = rows(succeeds("recipe", ".", "--plan", *where, "--format=csv", cwd=pilot).stdout)
    assert plan["far from the bound"]["verdict"] == "holds" and plan["far from the bound"]["anytime_seeds"] == ""
    # 1.5 standard deviations of a seed: the first number of seeds whose half width is less.
    needed = next(count for count in range(2, 1000) if reach(count) < 1.5)
    assert plan["nearer"]["verdict"] == "undecided" and int(plan["nearer"]["anytime_seeds"]) in (needed, needed + 1)
    assert int(plan["nearer"]["fixed_seeds"]) < needed and float(plan["nearer"]["seconds"]) > 0
    assert plan["at the bound"]["anytime_seeds"] == "" and "at the bound" in plan["at the bound"]["note"]
    shown = succeeds("recipe", ".", "--plan", "--budget=1s", *where, cwd=pilot).stdout
    assert "within the budget" in shown and "cannot be decided at this size" in shown
    assert not list(pilot.glob("nf-probe-runs"))


def test_seeds_are_added_until_a_claim_is_decided(pilot, tmp_path):
    (tmp_path / "recipe.yaml").write_text((pilot / "recipe.yaml").read_text())
    result = succeeds("recipe", ".", "--runs=runs", "--until-decided", "--budget=40s", "--threads=1", "--format=csv", cwd=tmp_path)
    found = rows(result.stdout)
    runs = tmp_path / "runs"
    assert found["far from the bound"]["verdict"] == "holds"
    # Those of the first four seeds are the pilot's.
    assert numpy.array_equal(numbers(runs, "normformer")[:4], numbers(pilot / "pilot", "normformer"))
    values = numbers(runs, "normformer")
    row = found["nearer"]
    assert row["verdict"] != "undecided" and int(row["seeds"]) == len(values) > 4
    mean, half = values.mean(), reach(len(values)) * values.std(ddof=1)
    assert float(row["effect"]) == pytest.approx(numpy.exp(mean), rel=1e-9)
    assert float(row["effect_low"]) == pytest.approx(numpy.exp(mean - half), rel=1e-9)
    assert float(row["effect_high"]) == pytest.approx(numpy.exp(mean + half), rel=1e-9)
    # Nobody needs more of Pre-LN, whose claim was decided by its first seeds.
    assert len(numbers(runs, "pre-ln")) == 4
    assert "confidence sequence" in (runs / "results.md").read_text()
    # Judged again, the runs keep the intervals that hold at every look, and nothing is trained.
    files = sorted(runs.glob("*.h5"))
    again = succeeds("recipe", ".", "--runs=runs", "--format=csv", cwd=tmp_path)
    assert rows(again.stdout) == found and sorted(runs.glob("*.h5")) == files
    assert json.loads((runs / "plan.json").read_text())["wholeSeedCount"] == 4


def test_a_budget_that_is_out_is_said(pilot, tmp_path):
    (tmp_path / "recipe.yaml").write_text((pilot / "recipe.yaml").read_text())
    result = succeeds("recipe", ".", "--runs=runs", "--until-decided", "--budget=0.001s", "--threads=1", cwd=tmp_path)
    assert "2 claims cannot be decided in the time that is left" in result.stderr and "four seeds" not in result.stderr
    assert "more seed" in result.stdout and "a verdict takes" in result.stdout
    few = succeeds("recipe", ".", "--runs=few", "--seeds=2", "--until-decided", "--budget=0.001s", "--threads=1", cwd=tmp_path)
    assert "needs four seeds" in few.stderr
    # A plan from its results knows that their intervals hold at every look, and are the wider ones.
    succeeds("recipe", ".", "--runs=runs", "--as-is", "--results=results", cwd=tmp_path)
    assert {row["interval"] for row in rows((tmp_path / "results/claims.csv").read_text()).values()} == {"anytime"}
    plans = [
        rows(succeeds("recipe", ".", "--plan", *where, "--format=csv", cwd=tmp_path).stdout)["nearer"]
        for where in ([], ["--runs=runs"])
    ]
    for name in ("anytime_seeds", "fixed_seeds"):
        assert abs(int(plans[0][name]) - int(plans[1][name])) <= 1, plans


def test_processes_decide_together(pilot, tmp_path):
    """Each makes what no other makes; one that is killed leaves its run to the others."""
    (tmp_path / "recipe.yaml").write_text((pilot / "recipe.yaml").read_text())
    words = ["recipe", ".", "--runs=runs", "--until-decided", "--budget=40s", "--threads=1", "--format=csv"]
    killed, *others = (start(*words, f"--shard={i}/3", cwd=tmp_path) for i in (1, 2, 3))
    runs = tmp_path / "runs"
    wait_until(lambda: len(list(runs.glob("*.h5"))) >= 3, killed)
    killed.kill()
    killed.communicate()
    outputs = [process.communicate(timeout=110) for process in others]
    assert [process.returncode for process in others] == [0, 0], outputs
    found = rows(succeeds("recipe", ".", "--runs=runs", "--as-is", "--format=csv", cwd=tmp_path).stdout)
    assert found in [rows(stdout) for stdout, _ in outputs]
    assert found["far from the bound"]["verdict"] == "holds" and found["nearer"]["verdict"] != "undecided"
    # The runs are those that one process makes, and the effect is that of all of them.
    assert numpy.array_equal(numbers(runs, "normformer")[:4], numbers(pilot / "pilot", "normformer"))
    values = numbers(runs, "normformer")
    assert int(found["nearer"]["seeds"]) == len(values) > 4
    assert float(found["nearer"]["effect"]) == pytest.approx(numpy.exp(values.mean()), rel=1e-9)
    plan = json.loads((runs / "plan.json").read_text())
    seeds = {int(re.search(r"seed(\d+)", path.name)[1]) for path in runs.glob("*.h5")}
    assert plan["wholeSeedCount"] == 4 and seeds <= set(plan["seeds"])
    for path in runs.glob("*.h5"):
        with h5py.File(path) as file:
            assert file["status"][-1] == 2, path
    succeeds("verify", "runs", cwd=tmp_path)


def test_what_was_stopped_on_the_way_is_no_measurement(pilot, tmp_path):
    (tmp_path / "recipe.yaml").write_text((pilot / "recipe.yaml").read_text().replace("steps: 12", "steps: 400"))
    process = start("recipe", ".", "--runs=runs", "--threads=1", cwd=tmp_path)
    wait_until(lambda: (tmp_path / "runs/1-pre-ln-seed1.h5").exists(), process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    statuses = {}
    for path in sorted((tmp_path / "runs").glob("*.h5")):
        with h5py.File(path) as file:
            statuses[path.name] = int(file["status"][-1])
    assert sorted(statuses.values())[-1] == 3, statuses
    found = rows(succeeds("recipe", ".", "--runs=runs", "--as-is", "--format=csv", cwd=tmp_path).stdout)
    for claim, model in (("far from the bound", "pre-ln"), ("nearer", "normformer"), ("at the bound", "post-ln")):
        own = [status for name, status in statuses.items() if f"-{model}-seed" in name]
        assert int(found[claim]["seeds"]) == own.count(2), (claim, own)
        assert ("left out" in found[claim]["note"]) == (3 in own), (claim, own)


def test_wrong_input(pilot, tmp_path):
    for arguments, mentions in [
        (["--until-decided"], ["--budget"]),
        (["--until-decided", "--budget=soon"], ["--budget", "soon"]),
        (["--budget=2h"], ["--budget", "--plan"]),
        (["--plan", "--as-is", "--runs=pilot"], ["--plan", "--as-is"]),
        (["--shard=1/2"], ["--shard", "--runs"]),
        (["--shard=3/2", "--runs=pilot"], ["3/2", "--shard"]),
        (["--shard=1/2", "--runs=pilot", "--as-is"], ["--shard", "--as-is"]),
        (["--shard=1/2", "--runs=pilot", "--until-decided", "--budget=1s", "--seeds=5"], ["pilot", "another sweep"]),
        (["--plan", "--runs=nowhere"], ["nowhere", "--seeds 3"]),
    ]:
        refuses("recipe", ".", *arguments, cwd=pilot, mentions=mentions)
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("NEAR", "1").replace("AT", "1"))
    refuses("recipe", ".", "--plan", cwd=tmp_path, mentions=["claims.csv", "--runs"])
    results = tmp_path / "results"
    results.mkdir()
    for name in ("claims.csv", "runs.csv"):
        (results / name).write_text((pilot / "results" / name).read_text().replace("nearer", "farther"))
    refuses("recipe", ".", "--plan", cwd=tmp_path, mentions=["nearer", "another state"])
    (tmp_path / "recipe.yaml").write_text(RECIPE[: RECIPE.index("claims:")])
    refuses("recipe", ".", "--until-decided", "--budget=1s", cwd=tmp_path, mentions=["claims nothing"])
