"""`nf-probe pack` takes the files of recorded trainings as it takes those of our own loop."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import nf_probe
from cases import case_of
from conftest import Run

STEPS = 60


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixture of experts with sums by expert, whose entropy floors nobody knows; weights at every tenth step."""
    path = tmp_path_factory.mktemp("packing") / "run.h5"
    case = case_of("qwen3-moe")
    model = case.made.module
    state = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with nf_probe.Recorder(path, model, optimizer, objective="causal", seed=1, experts=True) as recorder:
        for _ in range(STEPS):
            loss = case.made.loss(model)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(loss, tokens=14)
    model.load_state_dict(state)
    return path


def test_every_number_and_every_note_is_kept(recorded: Path, tmp_path: Path, nf_probe_command: Run) -> None:
    path = Path(shutil.copy(recorded, tmp_path / "run.h5"))
    assert "became" in nf_probe_command("pack", path)
    assert path.stat().st_size < 0.6 * recorded.stat().st_size
    with h5py.File(path) as packed, h5py.File(recorded) as plain:
        assert packed.keys() == plain.keys()
        for name, dataset in plain.items():
            assert np.array_equal(dataset[:], packed[name][:], equal_nan=dataset.dtype.kind == "f"), name
            fill = dataset.attrs.get("_FillValue")
            assert packed[name].attrs.get("_FillValue") == fill, name
    assert "whole" in nf_probe_command("verify", path)
    for command in (("grads", "--format=csv", "--quiet"), ("grads", "--statistic=update/weight", "--quiet")):
        assert nf_probe_command(command[0], path, *command[1:]) == nf_probe_command(command[0], recorded, *command[1:])
    with nf_probe.open(path) as packed_run, nf_probe.open(recorded) as run:
        assert packed_run.gradients().equals(run.gradients())


def test_a_thinned_file_is_read(recorded: Path, tmp_path: Path, nf_probe_command: Run) -> None:
    path = tmp_path / "thin.h5"
    nf_probe_command("pack", recorded, "--every=10", f"--to={path}")
    assert "whole" in nf_probe_command("verify", path)
    # The last step is kept, too.
    kept = [*range(0, STEPS, 10), STEPS - 1]
    with nf_probe.open(path) as run, nf_probe.open(recorded) as whole:
        assert run.steps.tolist() == kept
        assert np.array_equal(run.gradients().values, whole.gradients().values[kept], equal_nan=True)
    with h5py.File(path) as file, h5py.File(recorded) as plain:
        sums = plain["expert_gradient_l1"][:50]
        assert np.array_equal(file["largest_expert_gradient_l1"][:5], sums.reshape(5, 10, *sums.shape[1:]).max(1))
