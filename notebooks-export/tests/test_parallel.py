"""Pipelines, experts, contexts and other ways to spread a model record the numbers that one process does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from conftest import Run, gradients

WORKER = Path(__file__).with_name("parallel_worker.py")
# With three and four workers shards are uneven, and some of the smallest tensors' are empty; of four stages each has a
# layer.
WAYS = {
    0: ["single", "single-experts", "single-stack"],
    1: ["flattened", "gpipe"],
    2: ["flattened", "flattened-unsharded", "flattened-for-good", "gpipe", "1f1b", "interleaved", "zero-bubble",
        "experts", "context"],
    3: ["flattened", "gpipe", "1f1b", "experts"],
    4: ["hybrid", "tensor-and-data", "flattened-hybrid", "1f1b", "pipeline-and-data", "pipeline-and-sharding",
        "context"],
}  # fmt: skip
# What every check runs; the others take long, and `make parallel` runs them all.
QUICK = {
    0: ["single", "single-experts", "single-stack"],
    2: ["flattened", "flattened-for-good", "interleaved", "experts"],
    4: ["hybrid", "tensor-and-data", "pipeline-and-data"],
}
CHOSEN = WAYS if os.environ.get("NF_PROBE_ALL_PARALLEL") else QUICK

Launch = Callable[[int], Path]


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Launch:
    """The folder of what some workers recorded; 0 workers are one process without any process group."""
    folders: dict[int, Path] = {}

    def launch(workers: int) -> Path:
        if workers not in folders:
            folder = folders[workers] = tmp_path_factory.mktemp(f"workers{workers}")
            torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={workers}"] if workers else []
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
            command = [sys.executable, *torchrun, str(WORKER), str(folder), *CHOSEN[workers]]
            result = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment)
            assert result.returncode == 0, result.stderr[-4000:]
        return folders[workers]

    return launch


RECORDED = [(workers, way) for workers, ways in CHOSEN.items() if workers for way in ways]


def expected(launched: Launch, way: str) -> Path:
    kind = {"experts": "single-experts", "tensor-and-data": "single-stack"}.get(way, "single")
    return launched(0) / f"{kind}.h5"


@pytest.mark.parametrize(("workers", "way"), [w for w in RECORDED if w[1] != "flattened-for-good"])
def test_figures_are_those_of_one_process(launched: Launch, nf_probe_command: Run, workers: int, way: str) -> None:
    one_path, path = expected(launched, way), launched(workers) / f"{way}.h5"
    errors = [file.read_text() for file in launched(workers).glob(f"{way}.*.error")]
    assert not errors
    for statistic, tolerance in (("l1", 2e-5), ("sum_squares", 4e-5), ("max_abs", 1e-4), ("nonfinite", 0)):
        wanted, found = gradients(one_path, statistic), gradients(path, statistic)
        assert wanted.keys() == found.keys()
        for name, values in wanted.items():
            if not name.endswith("attn.c_attn.bias"):
                assert found[name] == pytest.approx(values, rel=tolerance, abs=1e-9), (name, statistic)
    with h5py.File(one_path) as one, h5py.File(path) as several:
        assert several["loss"][:] == pytest.approx(one["loss"][:], rel=1e-6)
        assert several["tokens"][:].tolist() == one["tokens"][:].tolist() == [96] * 3
        assert several["gradient_l2"][:] == pytest.approx(one["gradient_l2"][:], rel=1e-5)
        scales = [name for name in one if name.startswith("scale_")]
        assert scales == [name for name in several if name.startswith("scale_")]
        for name in scales:
            assert several[name][:] == pytest.approx(one[name][:], rel=1e-5), name
    assert "whole" in nf_probe_command("verify", path)


def test_flattened_parameters_that_are_not_kept_apart_are_refused(launched: Launch) -> None:
    for worker in range(2):
        assert "use_orig_params=True" in (launched(2) / f"flattened-for-good.{worker}.error").read_text()


def test_the_model_has_its_own_name_and_not_that_of_its_sharding(launched: Launch) -> None:
    for workers, way in ((4, "hybrid"), (2, "flattened"), (2, "interleaved")):
        with h5py.File(launched(workers) / f"{way}.h5") as file:
            assert file.attrs["architecture"] == "Staged"
