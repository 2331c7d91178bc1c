"""Killed trainings, full disks, wrong use: nothing that was flushed is lost, and training goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

import nf_probe
from conftest import Run
from models import NanoGPT, batch, loss_of, make

PROCESS = Path(__file__).with_name("training_process.py")


def start(path: Path, steps: int, way: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROCESS), str(path), str(steps), way]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def statuses(path: Path) -> list[int]:
    with h5py.File(path) as file:
        return file["status"][:].tolist()


def train(recorder: nf_probe.Recorder, model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        loss = loss_of(model, batch(step))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        recorder.step(loss, tokens=48)


def test_a_killed_training_leaves_what_was_flushed_and_goes_on(tmp_path: Path, nf_probe_command: Run) -> None:
    path = tmp_path / "run.h5"
    process = start(path, 10_000, "slow")
    assert process.stdout is not None
    while (line := process.stdout.readline()).strip() != "30":
        assert line, process.communicate()[1][-3000:]
    with nf_probe.open(path) as run:
        assert run.state == "growing" and run.state_of(10_000) == "not yet" and len(run.steps) > 5
        before = len(run.steps)
        while not run.refresh():
            pass
        assert len(run.steps) > before
    os.kill(process.pid, signal.SIGKILL)
    printed = [line for line in process.communicate()[0].splitlines() if line]
    made = int(printed[-1]) if printed else 30
    with nf_probe.open(path) as run:
        assert run.state == "killed"
        flushed = len(run.steps)
        # A row waits for at most one more.
        assert flushed >= made - 1
        assert run.state_of(flushed + 5) == "lost" and run.state_of(3) == "recorded"
    assert "whole" in nf_probe_command("verify", path)
    # nf-probe's own recovery and this package's leave the same.
    for name in ("theirs.h5", "ours.h5"):
        (tmp_path / name).write_bytes(path.read_bytes())
    nf_probe_command("recover", tmp_path / "theirs.h5")
    assert nf_probe.recover(tmp_path / "ours.h5") == nf_probe.recover(tmp_path / "theirs.h5") == flushed
    for name in ("theirs.h5", "ours.h5"):
        assert "not closed" not in nf_probe_command("verify", tmp_path / name)
    with h5py.File(tmp_path / "theirs.h5") as theirs, h5py.File(tmp_path / "ours.h5") as ours:
        assert theirs.keys() == ours.keys()
        for name, dataset in theirs.items():
            assert np.array_equal(dataset[:], ours[name][:], equal_nan=dataset.dtype.kind == "f"), name
    result = start(path, 5, "resume")
    assert result.wait(60) == 0, result.communicate()[1][-3000:]
    with h5py.File(path) as file:
        assert file["step"][:].tolist() == list(range(flushed + 5))
        assert file["segment"][:].tolist() == [0] * flushed + [1] * 5
        assert file["event_step"][:].tolist() == [0, flushed, flushed + 5]
    assert "whole" in nf_probe_command("verify", path)


def test_a_full_disk_ends_the_recording_and_not_the_training(tmp_path: Path, nf_probe_command: Run) -> None:
    path = tmp_path / "run.h5"
    process = start(path, 400, "small-disk")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err[-3000:]
    assert out.splitlines()[-1] == "trained"
    assert "RecorderWarning" in err and "no longer recorded" in err and "File too large" in err
    assert "whole" in nf_probe_command("verify", path)
    with nf_probe.open(path) as run:
        assert 10 < len(run.steps) < 400


@pytest.mark.parametrize(("way", "code", "status"), [("unclosed", 0, 2), ("raise", 1, 5), ("raise unclosed", 1, 5)])
def test_a_script_that_does_not_close_the_file_leaves_it_whole(
    tmp_path: Path, nf_probe_command: Run, way: str, code: int, status: int
) -> None:
    process = start(tmp_path / "run.h5", 6, way)
    assert process.wait(60) == code
    assert statuses(tmp_path / "run.h5") == [1, status]
    assert "whole" in nf_probe_command("verify", tmp_path / "run.h5")


def test_a_recorder_that_nobody_holds_is_closed(tmp_path: Path) -> None:
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    recorder = nf_probe.Recorder(tmp_path / "run.h5", model, optimizer)
    train(recorder, model, optimizer, range(3))
    del recorder
    assert statuses(tmp_path / "run.h5") == [1, 2]
    # Nor does anything of it stay behind.
    assert not any(p._post_accumulate_grad_hooks for p in model.parameters())
    assert not optimizer._optimizer_step_pre_hooks and not optimizer._optimizer_step_post_hooks
    nf_probe.Recorder(tmp_path / "run.h5", model, optimizer, resume=True).close()


def test_two_writers_are_kept_apart(tmp_path: Path) -> None:
    model = make()
    recorder = nf_probe.Recorder(tmp_path / "run.h5", model)
    for options in ({"replacing": True}, {"resume": True}):
        with pytest.raises(nf_probe.FileLockedError, match=f"process {os.getpid()} of nf_probe"):
            nf_probe.Recorder(tmp_path / "run.h5", make(), **options)
    recorder.close()
    with pytest.raises(nf_probe.RunFileError, match="exists already"):
        nf_probe.Recorder(tmp_path / "run.h5", make())
    nf_probe.Recorder(tmp_path / "run.h5", make(), replacing=True).close()
    assert not (tmp_path / "run.h5.lock").exists()


def test_a_run_goes_on_in_the_next_segment(tmp_path: Path, nf_probe_command: Run) -> None:
    path, model = tmp_path / "run.h5", make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nf_probe.Recorder(path, model, optimizer) as recorder:
        train(recorder, model, optimizer, range(4))
        state = {name: value.clone() for name, value in model.state_dict().items()}
        train(recorder, model, optimizer, range(4, 6))
    # From a checkpoint of step 4: two steps are made again, with equal numbers.
    model.load_state_dict(state)
    with nf_probe.Recorder(path, model, optimizer, resume=True, first_step=4) as recorder:
        train(recorder, model, optimizer, range(4, 9))
    with h5py.File(path) as file:
        assert file["step"][:].tolist() == list(range(9))
        assert file["segment"][:].tolist() == [0] * 6 + [1] * 3
    # And with others.
    with nf_probe.Recorder(path, model, optimizer, resume=True, first_step=8) as recorder:
        with pytest.warns(nf_probe.RecorderWarning, match="step 8 came out otherwise"):
            train(recorder, model, optimizer, range(20, 22))
    with h5py.File(path) as file:
        assert file["step"][:].tolist() == list(range(10))
    assert "whole" in nf_probe_command("verify", path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 9}, "seed"), ({"objective": "causal"}, "loss"), ({"architecture": "other"}, "architecture"),
        ({"configuration": {"dropout": 0.1}}, "dropout"), ({"snapshot_every": 0}, "scales"),
    ],
)  # fmt: skip
def test_another_run_is_not_taken_for_the_same(tmp_path: Path, change: dict[str, object], message: str) -> None:
    nf_probe.Recorder(tmp_path / "run.h5", make()).close()
    with pytest.raises(nf_probe.UsageError, match=message):
        nf_probe.Recorder(tmp_path / "run.h5", make(), resume=True, **change)  # type: ignore[arg-type]
    with pytest.raises(nf_probe.UsageError, match="tensors"):
        nf_probe.Recorder(tmp_path / "run.h5", make(layers=2), resume=True)


def test_a_step_without_gradients_is_refused_at_first_and_told_later(tmp_path: Path) -> None:
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(nf_probe.UsageError, match="no gradients"):
        nf_probe.Recorder(tmp_path / "a.h5", model, optimizer).step(1.0)
    recorder = nf_probe.Recorder(tmp_path / "b.h5", model, optimizer)
    train(recorder, model, optimizer, range(2))
    with pytest.warns(nf_probe.RecorderWarning, match=r"no longer recorded .* from step 2 on: no gradients"):
        recorder.step(1.0)
    train(recorder, model, optimizer, range(2, 4))
    recorder.close()
    assert statuses(tmp_path / "b.h5") == [1, 5]
    strict = nf_probe.Recorder(tmp_path / "c.h5", model, optimizer, on_error="raise")
    train(strict, model, optimizer, range(2))
    with pytest.raises(nf_probe.UsageError, match="no gradients"):
        strict.step(1.0)


def test_an_error_inside_a_hook_does_not_come_out_of_backward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorder = nf_probe.Recorder(tmp_path / "run.h5", model, optimizer)
    train(recorder, model, optimizer, range(2))

    def broken(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("nf_probe.measuring.probe.tensor_sums", broken)
    with pytest.warns(nf_probe.RecorderWarning, match="out of memory"):
        train(recorder, model, optimizer, range(2, 4))
    assert statuses(tmp_path / "run.h5") == [1, 5]
    with h5py.File(tmp_path / "run.h5") as file:
        assert len(file["step"]) == 2


def test_a_deleted_file_is_told(tmp_path: Path) -> None:
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorder = nf_probe.Recorder(tmp_path / "run.h5", model, optimizer, flush_interval=0)
    train(recorder, model, optimizer, range(1))
    (tmp_path / "run.h5").unlink()
    with pytest.warns(nf_probe.RecorderWarning, match="was deleted"):
        train(recorder, model, optimizer, range(1, 3))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"path": "missing/run.h5"}, nf_probe.RunFileError, "no folder"),
        ({"adapter": "gpt9"}, nf_probe.UsageError, "no table of names 'gpt9'"),
        ({"pattern": "("}, nf_probe.UsageError, "no regular expression"),
        ({"pattern": r"h\.(\d+)"}, nf_probe.UsageError, "needs the groups"),
        ({"pattern": r"x(?P<layer>\d)(?P<tensor>.)"}, nf_probe.UsageError, "matches no parameter"),
    ],
)
def test_wrong_arguments_are_told(
    tmp_path: Path, options: dict[str, str], error: type[Exception], message: str
) -> None:
    arguments = {**options, "path": tmp_path / options.get("path", "run.h5")}
    with pytest.raises(error, match=message):
        nf_probe.Recorder(model=make(NanoGPT), **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "run.h5").exists()
