"""`grads --over-time`: the mismatch by windows along runs."""

import csv
import io

import h5py
import numpy
import pytest
from conftest import refuses, run_files, small, succeeds
from test_interruption import long_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    succeeds("grads", *small(architectures=["pre-ln", "normformer"], seeds=3, steps=120, weights_every=1, out="runs"), cwd=folder)
    return run_files(folder)


def rows(text) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_window_has_the_numbers_of_its_own_table(runs, tmp_path):
    course = rows(succeeds("grads", *runs, "--over-time", "--windows=4", "--format=csv", cwd=tmp_path).stdout)
    assert [row["window"] for row in course] == 2 * ["0:30", "30:60", "60:90", "90:120"]
    for window in ("0:30", "90:120"):
        alone = rows(succeeds("grads", *runs, f"--window={window}", "--format=csv", cwd=tmp_path).stdout)
        for row in (row for row in course if row["window"] == window):
            (other,) = [one for one in alone if one["architecture"] == row["architecture"]]
            for column in ("spread", "spread_low", "spread_high", "early_late", "slope", "loss"):
                assert row[column] == other[column]
    with h5py.File(runs[0]) as file:
        name = file.attrs["architecture"]
        means = [h5py.File(path)["gradient_l1"][30:60, :, list(file["tensor"].asstr()).index("fc2.weight")].mean(0)
                 for path in runs if h5py.File(path).attrs["architecture"] == name]  # fmt: skip
    profile = numpy.exp(numpy.log(means).mean(0))
    wanted = [row for row in course if row["window"] == "30:60"][0 if name == "pre-ln" else 1]
    assert float(wanted["spread"]) == pytest.approx(profile.max() / profile.min(), rel=1e-3)


def test_table_figure_and_files(runs, tmp_path):
    text = succeeds("grads", *runs, "--over-time", "--svg=a.svg", "--out=course", cwd=tmp_path).stdout
    assert "over time" in text and "Settled" in text and "crosses at step" in text
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "course/over-time.svg").read_bytes()
    assert (tmp_path / "a.csv").exists() or (tmp_path / "a-points.csv").exists()
    assert len(rows((tmp_path / "course/over-time.csv").read_text())) == 20
    assert len(rows((tmp_path / "course/crossings.csv").read_text())) == 1
    for statistic in ("rms", "update/weight"):
        assert statistic.split("/")[0] in succeeds("grads", *runs, "--over-time", f"--statistic={statistic}", cwd=tmp_path).stdout.lower() or statistic == "rms"


def test_while_a_run_goes_on(tmp_path):
    with long_run(tmp_path):
        assert "over time" in succeeds("grads", *run_files(tmp_path), "--over-time", "--windows=2", cwd=tmp_path).stdout


def test_what_it_refuses(runs, tmp_path):
    for options, mentions in [
        (["--windows=3"], ["--over-time"]), (["--over-time", "--windows=0"], ["between 1 and 1000"]),
        (["--over-time", "--paper"], ["--paper"]), (["--over-time", "--follow"], ["--follow"]),
        (["--over-time", "--window=500:600"], ["none"]),
    ]:  # fmt: skip
        refuses("grads", *(runs if "--follow" not in options else runs[:1]), *options, cwd=tmp_path, mentions=mentions)
