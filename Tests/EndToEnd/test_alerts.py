"""`--alerts`: lines while a run goes on, findings afterwards, a command that is called."""

import json
import time

import h5py
import numpy
import pytest
from conftest import refuses, run, run_files, small, succeeds

RULES = "l1 of fc2.weight in layer 1 > 1e-9 for 10 steps, update/weight of any layer > 1e-6 for 15 steps, loss > 99"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alerts")
    options = small(architectures="pre-ln", steps=40, alerts=RULES, out="runs")
    result = run("grads", *options, "--alert-command=echo \"$NF_PROBE_ALERT\" >> called.txt; echo loud", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder, result


def alert_lines(text) -> list[str]:
    return [line for line in text.splitlines() if "alert:" in line]


def test_lines_and_calls_while_it_runs(made):
    folder, result = made
    lines = alert_lines(result.stderr)
    assert len(lines) == 2 and "loss" not in "".join(lines)
    assert "fc2.weight in layer 1" in lines[0] and "at step 9, since step 0" in lines[0]
    # Weights are measured at every tenth step: 0, 10, 20.
    assert "at step 20, since step 0" in lines[1] and "and" in lines[1]
    assert "loud" not in result.stdout
    deadline = time.monotonic() + 20
    while len((folder / "called.txt").read_text().splitlines()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    called = (folder / "called.txt").read_text().splitlines()
    assert [line.split("alert: ")[1] for line in called] == [line.split("alert: ")[1] for line in lines]


def test_findings_afterwards(made, tmp_path):
    folder, result = made
    (path,) = run_files(folder)
    facts = succeeds("info", path, "--format=csv", cwd=tmp_path).stdout
    assert facts.count("\nalert,") == 2
    succeeds("report", path, "--out=report", cwd=tmp_path)
    assert (tmp_path / "report/report.md").read_text().count("alert: ") == 2


def test_the_run_is_the_one_without(made, tmp_path):
    (path,) = run_files(made[0])
    succeeds("grads", *small(architectures="pre-ln", steps=40, out="plain"), cwd=tmp_path)
    with h5py.File(path) as watched, h5py.File(run_files(tmp_path / "plain")[0]) as plain:
        assert watched.attrs["run_id"] == plain.attrs["run_id"]
        assert numpy.array_equal(watched["row_checksum"][...], plain["row_checksum"][...])
        assert json.loads(watched.attrs["configuration"])["alerts"] == RULES.replace("1e-9", "1e-09").replace("1e-6", "1e-06")


def test_of_recorded_runs_and_from_a_file_of_settings(made, tmp_path):
    (path,) = run_files(made[0])
    told = run("grads", path, "--alerts=rms of fc1.weight > 1e-9, loss < 0", cwd=tmp_path)
    assert told.returncode == 0 and len(alert_lines(told.stderr)) == 1 and "fc1.weight in layer" in told.stderr
    followed = run("grads", "--follow", path, "--alerts=loss > 0", cwd=tmp_path)
    assert followed.returncode == 0 and len(alert_lines(followed.stderr)) == 1
    (tmp_path / "settings.yaml").write_text("alerts:\n  - loss > 0\n  - gradient-l2 > 0 for 5 steps\n")
    result = run("train", *small(steps=10, out="run"), "--config=settings.yaml", cwd=tmp_path)
    assert result.returncode == 0 and len(alert_lines(result.stderr)) == 2


@pytest.mark.parametrize("rules, mentions", [
    ("loss", ["--alerts", "> or <"]), ("los > 1", ["--alerts", "gradient-l2"]), ("l1 of fc9 > 1", ["--alerts", "fc1.bias|fc2.bias"]),
    ("l1 of layer 77 > 1", ["--alerts", "layers 0 to 4"]), ("loss > 1 for ever", ["--alerts", "for 20 steps"]),
])  # fmt: skip
def test_wrong_rules(rules, mentions, tmp_path):
    refuses("grads", *small(architectures="pre-ln", out="none", alerts=rules), cwd=tmp_path, mentions=mentions)
    assert not (tmp_path / "none").exists() or not list((tmp_path / "none").rglob("*.h5"))


def test_a_command_without_rules_and_rules_without_weights(tmp_path):
    refuses("grads", *small(alert_command="true"), cwd=tmp_path, mentions=["--alert-command", "--alerts"])
    refuses("grads", *small(weights_every=0, alerts="update-rms of layer 0 > 1"), cwd=tmp_path, mentions=["weights and updates"])
