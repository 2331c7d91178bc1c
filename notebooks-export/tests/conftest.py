"""What the tests share. NF_PROBE names the built program; without it, the release build of this checkout is used."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Callable

import h5py
import numpy as np
import pytest
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("NF_PROBE", ROOT / ".build/release/nf-probe")).absolute()

# Several threads wait for each other, on a busy machine for long.
torch.set_num_threads(1)

Run = Callable[..., str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that run the built program, or share workers with those: no other one waits for the compiler."""
    for item in items:
        assert isinstance(item, pytest.Function)
        if {"nf_probe_command", "launched"} & set(item.fixturenames) or hasattr(item.module, "PROGRAM"):
            item.add_marker("program")


@pytest.fixture(scope="session")
def nf_probe_command() -> Run:
    """Runs the built program, which must succeed; its standard output."""
    if not PROGRAM.is_file():
        pytest.exit(f"{PROGRAM} does not exist: `make build` makes it", returncode=2)

    def run(*arguments: object, cwd: pathlib.Path | None = None) -> str:
        command = [str(PROGRAM), *map(str, arguments)]
        result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert result.returncode == 0, f"{command}\n{result.stderr[-3000:]}"
        return result.stdout

    return run


def gradients(path: pathlib.Path, statistic: str = "l1") -> dict[str, np.ndarray]:
    """`(step)` of every tensor of a closed run file, by full name as fairseq has it."""
    with h5py.File(path) as file:
        result = {}
        names = file["tensor"].asstr()[:]
        counts = file["gradient_count"][:]
        for layer, layer_name in enumerate(file["layer_name"].asstr()[:]):
            for index, tensor in enumerate(names):
                if counts[layer, index]:
                    result[f"{layer_name}.{tensor}"] = file[f"gradient_{statistic}"][:, layer, index]
        stem = file["stem_tensor"].asstr()[:] if "stem_tensor" in file else []
        for index, tensor in enumerate(stem):
            result[tensor] = file[f"stem_gradient_{statistic}"][:, index]
        return result
