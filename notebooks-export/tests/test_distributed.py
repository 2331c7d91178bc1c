"""Several workers record the numbers that one does: sums are added over shards, and copies are counted once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from conftest import Run, gradients

WORKER = Path(__file__).with_name("distributed_worker.py")
# `there` finds that its file exists; `vanishing` loses its file; `unwrapped` averages nothing. With three and four
# workers shards are uneven, and of the smallest tensors some are empty; `make parallel` runs both.
WAYS: dict[int, list[str]] = {
    0: ["single", "single-noise", "single-outputs"],
    1: ["fsdp", "tp"],
    2: [
        "ddp", "ddp-noise", "fsdp-noise", "ddp-inner", "fsdp", "tp", "unwrapped", "there", "vanishing",
        "ddp-outputs", "fsdp-outputs", "tp-outputs",
    ],
    **({3: ["ddp", "fsdp"]} if os.environ.get("NF_PROBE_ALL_PARALLEL") else {}),
    4: ["ddp-noise", "fsdp", "tp", "fsdp-tp"],
}  # fmt: skip

Launch = Callable[[int], Path]


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Launch:
    """The folder of what some workers recorded; 0 workers are one process without any process group."""
    folders: dict[int, Path] = {}

    def launch(workers: int) -> Path:
        if workers not in folders:
            folder = folders[workers] = tmp_path_factory.mktemp(f"workers{workers}")
            (folder / "there.h5").write_text("something else")
            torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={workers}"] if workers else []
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
            command = [sys.executable, *torchrun, str(WORKER), str(folder), *WAYS[workers]]
            result = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
            assert result.returncode == 0, result.stderr[-4000:]
        return folders[workers]

    return launch


NOT_RECORDED = ("unwrapped", "there", "vanishing", "fsdp-noise", "ddp-outputs", "fsdp-outputs", "tp-outputs")
RECORDED = [(workers, way) for workers, ways in WAYS.items() if workers for way in ways]


@pytest.mark.parametrize(("workers", "way"), [w for w in RECORDED if w[1] not in NOT_RECORDED])
def test_figures_are_those_of_one_process(launched: Launch, nf_probe_command: Run, workers: int, way: str) -> None:
    path = launched(workers) / f"{way}.h5"
    # Tensor parallelism by one worker is none.
    expected_path = launched(1) / "tp.h5" if "tp" in way else launched(0) / "single.h5"
    for statistic, tolerance in (("l1", 2e-5), ("sum_squares", 4e-5), ("max_abs", 1e-4), ("nonfinite", 0)):
        expected, found = gradients(expected_path, statistic), gradients(path, statistic)
        assert expected.keys() == found.keys()
        for name, values in expected.items():
            # What is zero by construction is rounding noise.
            if not name.endswith("k_proj.bias"):
                assert found[name] == pytest.approx(values, rel=tolerance, abs=1e-9), (name, statistic)
    with h5py.File(expected_path) as one, h5py.File(path) as several:
        assert several["loss"][:] == pytest.approx(one["loss"][:], rel=1e-6)
        assert several["tokens"][:].tolist() == one["tokens"][:].tolist() == [96] * 3
        assert several["clip_coefficient"][:].tolist() == [1.0] * 3
        assert several["gradient_l2"][:] == pytest.approx(one["gradient_l2"][:], rel=1e-5)
        for kind in ("weight", "update"):
            for name in (f"{kind}_l1", f"{kind}_sum_squares", f"{kind}_max_abs", f"stem_{kind}_l1"):
                assert np.isfinite(one[name][0]).all() and np.isnan(one[name][1]).any()
                # Updates of what is zero by construction are rounding noise.
                wanted, own = (np.where(np.isnan(f[name][:]), 0, f[name][:]) for f in (one, several))
                assert own == pytest.approx(wanted, rel=2e-4, abs=1e-8), name
        for name in filter(lambda name: name.startswith("scale_"), one):
            assert several[name][:] == pytest.approx(one[name][:], rel=1e-5), name
    assert "whole" in nf_probe_command("verify", path)


def test_gradients_that_nobody_averaged_are_refused(launched: Launch) -> None:
    for worker in range(2):
        error = (launched(2) / f"unwrapped.{worker}.error").read_text()
        assert "workers' gradients" in error and "DistributedDataParallel" in error


def test_every_worker_learns_why_worker_0_cannot_write(launched: Launch) -> None:
    for worker in range(2):
        assert "exists already" in (launched(2) / f"there.{worker}.error").read_text()
    assert (launched(2) / "there.h5").read_text() == "something else"


def test_workers_stop_recording_together_and_train_on(launched: Launch) -> None:
    """Worker 0 notices at the second step that its file is gone; at the third all know."""
    messages = {path.name: path.read_text() for path in launched(2).glob("vanishing.*.step*")}
    assert messages.keys() == {"vanishing.0.step2", "vanishing.1.step2"}
    assert "was deleted" in messages["vanishing.0.step2"] and "another worker" in messages["vanishing.1.step2"]


@pytest.mark.parametrize("workers", [2, 4])
def test_parts_are_workers_times_passes(launched: Launch, nf_probe_command: Run, workers: int) -> None:
    with h5py.File(launched(0) / "single-noise.h5") as one, h5py.File(launched(workers) / "ddp-noise.h5") as several:
        assert several["noise_step"][:].tolist() == one["noise_step"][:].tolist() == [0, 2]
        assert set(several["noise_parts"][:]) == {4} and set(several["noise_part_tokens"][:]) == {24.0}
        for name in ("noise_part_sum_squares", "noise_sum_squares", "stem_noise_part_sum_squares"):
            # What is zero by construction is rounding noise: k's bias.
            assert several[name][:] == pytest.approx(one[name][:], rel=4e-5, abs=1e-12), name
    nf_probe_command("verify", launched(workers) / "ddp-noise.h5")


def test_parts_of_spread_gradients_are_refused(launched: Launch) -> None:
    for rank in range(2):
        assert "spread over workers" in (launched(2) / f"fsdp-noise.{rank}.error").read_text()


@pytest.mark.parametrize("way", ["ddp", "fsdp"])
def test_outputs_are_those_of_all_workers_and_passes(launched: Launch, nf_probe_command: Run, way: str) -> None:
    path = launched(2) / f"{way}-outputs.h5"
    with h5py.File(launched(0) / "single-outputs.h5") as one, h5py.File(path) as several:
        assert several["operation"].asstr()[:].tolist() == one["operation"].asstr()[:].tolist()
        names = [name for name in one if "activation_" in name or "attention_" in name]
        assert len(names) == 27
        # Whether what is nearly nothing is rounded to 0 differs: what reaches the first query, which has no choice.
        for name in (name for name in names if not name.endswith("gradient_zeros")):
            assert several[name][:] == pytest.approx(one[name][:], rel=1e-4, abs=1e-9, nan_ok=True), name
        assert (several["activation_count"][[0, 2]] > 0).all() and not several["activation_count"][1].any()
    nf_probe_command("verify", path)


def test_outputs_that_workers_share_are_refused(launched: Launch) -> None:
    for rank in range(2):
        assert "workers share outputs" in (launched(2) / f"tp-outputs.{rank}.error").read_text()
