"""Runs that end before their time, and files that are read while they grow."""

import contextlib
import json
import signal
import subprocess
import sys

import h5py
import numpy
import pytest
import xarray
from conftest import PROGRAM, environment, refuses, run, run_files, small, succeeds, wait_until

RUNNING, INTERRUPTED = 1, 3


@contextlib.contextmanager
def long_run(folder, **changes):
    """A run that would take hours, once its first steps can be read; killed at the end unless it has ended."""
    arguments = small(architectures="normformer", steps=10_000_000, out="runs", **changes)
    process = subprocess.Popen(
        [PROGRAM, "grads", *arguments], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        wait_until(lambda: len(steps_so_far(folder)) >= 20, process)
        yield process
    finally:
        process.kill()
        process.communicate()


def steps_so_far(folder) -> numpy.ndarray:
    """The steps that a reader of the growing file sees; none while it is being made."""
    try:
        with h5py.File(run_files(folder)[0], swmr=True) as file:
            return file["step"][...]
    except (IndexError, OSError, KeyError):
        return numpy.array([], dtype=int)


def check_rows(file):
    steps = file["step"][...]
    assert list(steps) == list(range(len(steps)))
    l1 = file["gradient_l1"][: len(steps)]
    assert numpy.isfinite(l1).all() and (l1.sum(axis=(1, 2)) > 0).all()
    assert (file["loss"][: len(steps)] > 0).all()


def test_a_growing_file_is_readable(tmp_path):
    with long_run(tmp_path) as process:
        (path,) = run_files(tmp_path)
        with h5py.File(path, swmr=True) as file:
            check_rows(file)
        with xarray.open_dataset(path, engine="h5netcdf", driver_kwds=dict(swmr=True)) as dataset:
            assert dataset.sizes["step"] >= 20
        text = succeeds("info", path, cwd=tmp_path).stdout
        assert "growing" in text.lower()
        succeeds("grads", path, "--out=table", cwd=tmp_path)
        assert process.poll() is None


def test_kill_loses_nothing_that_was_flushed(tmp_path):
    with long_run(tmp_path) as process:
        seen = len(steps_so_far(tmp_path))
        process.kill()
        process.wait()
        (path,) = run_files(tmp_path)
        with h5py.File(path, swmr=True) as file:
            check_rows(file)
            assert len(file["step"]) >= seen
            assert file["status"][-1] == RUNNING
        with xarray.open_dataset(path, engine="h5netcdf", driver_kwds=dict(swmr=True)) as dataset:
            assert dataset.sizes["step"] >= seen
        for command in ("info", "export"):
            succeeds(command, path, cwd=tmp_path)
        succeeds("grads", path, "--out=table", cwd=tmp_path)
        check_notebook_code(path)


def check_notebook_code(path):
    """An exported notebook's code reads the file as it is."""
    succeeds("export", path, "--format=notebook", "--out=a.ipynb", cwd=path.parent)
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads((path.parent / "a.ipynb").read_text())["cells"]}
    script = cells["setup"] + "\n\n" + cells["mismatch-table"]
    text = subprocess.run([sys.executable, "-c", script], cwd=path.parent, capture_output=True, text=True, check=True).stdout
    assert "early/late" in text and "nan" not in text


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_complete(number, status, tmp_path):
    with long_run(tmp_path) as process:
        process.send_signal(number)
        process.wait(timeout=30)
    assert process.returncode == status
    (path,) = run_files(tmp_path)
    with h5py.File(path) as file:  # Plainly: the file was closed in order.
        check_rows(file)
        assert file["status"][-1] == INTERRUPTED


def test_a_second_writer_is_refused(tmp_path):
    with long_run(tmp_path) as process:
        refuses("grads", *small(architectures="normformer", out="runs"), cwd=tmp_path, mentions=["runs"])
        assert process.poll() is None
        with h5py.File(run_files(tmp_path)[0], swmr=True) as file:
            check_rows(file)


def test_follow_ends_with_the_run(tmp_path):
    with long_run(tmp_path) as process:
        (path,) = run_files(tmp_path)
        follower = subprocess.Popen(
            [PROGRAM, "grads", "--follow", str(path), "--out=table"], cwd=tmp_path, env=environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
            output, errors = follower.communicate(timeout=30)
        finally:
            follower.kill()
    assert follower.returncode == 0, errors[-2000:]
    assert "normformer" in output.lower()


def test_a_finished_run_says_so(recorded, tmp_path):
    for path in run_files(recorded):
        assert "finished" in run("info", path, cwd=tmp_path).stdout.lower()
