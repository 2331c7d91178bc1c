"""Several workers record the numbers that one does: sums are added over shards, and copies are counted once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from conftest import Run, gradients

WORKER = Path(__file__).with_name("distributed_worker.py")


def start(way: str, workers: int, path: Path) -> subprocess.CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={workers}"] if workers else []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(
        [sys.executable, *launcher, str(WORKER), way, str(path)], capture_output=True, text=True, timeout=120,
        env=environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same trainings by one process without any process group."""
    folder = tmp_path_factory.mktemp("alone")
    # Tensor parallelism by one worker is none.
    for way in ("single", "tp"):
        result = start(way, 0 if way == "single" else 1, folder / f"{way}.h5")
        assert result.returncode == 0, result.stderr[-3000:]
    return {"NanoGPT": folder / "single.h5", "MLPStack": folder / "tp.h5"}


# With 12 rows of the embeddings' and layers' sizes, three and four workers get uneven and empty shards.
@pytest.mark.parametrize(
    ("way", "workers"),
    [("ddp", 2), ("ddp", 3), ("ddp-inner", 2), ("fsdp", 1), ("fsdp", 2), ("fsdp", 3), ("fsdp", 4), ("tp", 2), ("tp", 4),
     ("fsdp-tp", 4)],
)  # fmt: skip
def test_figures_are_those_of_one_process(
    tmp_path: Path, alone: dict[str, Path], nf_probe_command: Run, way: str, workers: int
) -> None:
    path = tmp_path / "run.h5"
    result = start(way, workers, path)
    assert result.returncode == 0, result.stderr[-4000:]
    expected_path = alone["MLPStack" if "tp" in way else "NanoGPT"]
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
        assert several["gradient_l2"][:] == pytest.approx(one["gradient_l2"][:], rel=1e-5)
        for name in filter(lambda name: name.startswith("scale_"), one):
            assert several[name][:] == pytest.approx(one[name][:], rel=1e-5), name
    assert "whole" in nf_probe_command("verify", path)


def test_gradients_that_nobody_averaged_are_refused(tmp_path: Path) -> None:
    result = start("unwrapped", 2, tmp_path / "run.h5")
    assert result.returncode != 0
    assert "workers' gradients" in result.stderr and "DistributedDataParallel" in result.stderr


def test_every_worker_learns_why_worker_0_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    path.write_text("something else")
    result = start("ddp", 2, path)
    assert result.returncode != 0
    assert result.stderr.count("exists already") >= 2
    assert path.read_text() == "something else"
