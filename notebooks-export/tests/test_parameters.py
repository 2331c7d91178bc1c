"""Sums of weights and of what updates changed, whatever the optimizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nf_probe
from conftest import Run
from models import NanoGPT, batch, loss_of, make

STEPS = 4
# Where a file has some parameters: layer (None outside the layers), tensor, and which elements of which parameter.
PLACES: dict[str, tuple[int | None, str, Callable[[dict[str, Tensor]], Tensor]]] = {
    "fc2": (2, "fc2.weight", lambda p: p["transformer.h.2.mlp.c_proj.weight"]),
    "k": (1, "self_attn.k_proj.weight", lambda p: p["transformer.h.1.attn.c_attn.weight"][12:24]),
    "norm": (0, "self_attn_layer_norm.bias", lambda p: p["transformer.h.0.ln_1.bias"]),
    "embedding": (None, "decoder.embed_tokens.weight", lambda p: p["transformer.wte.weight"]),
}
OPTIMIZERS: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "adamw": lambda m: torch.optim.AdamW(m.parameters(), lr=1e-2, weight_decay=0.3),
    "fused": lambda m: torch.optim.AdamW(m.parameters(), lr=1e-2, fused=True),
    "sgd": lambda m: torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True),
    "muon-like": lambda m: torch.optim.Adafactor(m.parameters(), lr=1e-2),
}


def copies(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone().double() for name, p in model.named_parameters()}


def recorded(path: Path, kind: str, name: str) -> np.ndarray:
    """`(step, sum)`."""
    layer, tensor, _ = PLACES[name]
    with h5py.File(path) as file:
        if layer is None:
            cell: tuple[int, ...] = (file["stem_tensor"].asstr()[:].tolist().index(tensor),)
        else:
            cell = (layer, file["tensor"].asstr()[:].tolist().index(tensor))
        prefix = "stem_" if layer is None else ""
        names = [f"{prefix}{kind}_{s}" for s in ("l1", "sum_squares", "max_abs")]
        return np.stack([file[one][:][(slice(None), *cell)] for one in names], axis=1)


def check(path: Path, states: list[dict[str, Tensor]], steps: range) -> None:
    for name, (_, _, get) in PLACES.items():
        for kind in ("weight", "update"):
            found = recorded(path, kind, name)
            for step in steps:
                values = get(states[step + 1]) - (get(states[step]) if kind == "update" else 0)
                wanted = [values.abs().sum().item(), (values**2).sum().item(), values.abs().max().item()]
                assert found[step] == pytest.approx(wanted, rel=1e-6), (name, kind, step)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_sums_are_those_of_what_changed(tmp_path: Path, nf_probe_command: Run, kind: str, dtype: torch.dtype) -> None:
    model = make(NanoGPT).to(dtype)
    optimizer, states = OPTIMIZERS[kind](model), [copies(model)]
    path = tmp_path / "run.h5"
    with nf_probe.Recorder(path, model, optimizer, weights_every=1, on_error="raise") as recorder:
        for step in range(STEPS):
            for part in (2 * step, 2 * step + 1):
                (loss_of(model, batch(part)) / 2).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.05)
            optimizer.step()
            optimizer.zero_grad()
            states.append(copies(model))
            recorder.step(1.0)
    check(path, states, range(STEPS))
    assert "whole" in nf_probe_command("verify", path)
    assert "RMS of the update" in nf_probe_command("grads", path, "--statistic=update/weight")


def test_optimizers_inside_the_backward_pass(tmp_path: Path) -> None:
    model = make(NanoGPT)
    optimizers = {p: torch.optim.AdamW([p], lr=1e-2) for p in model.parameters()}

    def update(parameter: Tensor) -> None:
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(update)
    states, path = [copies(model)], tmp_path / "run.h5"
    with nf_probe.Recorder(path, model, list(optimizers.values()), weights_every=1, on_error="raise") as recorder:
        for step in range(STEPS):
            loss_of(model, batch(step)).backward()
            states.append(copies(model))
            recorder.step(1.0)
    check(path, states, range(STEPS))


def test_an_optimizer_that_nobody_named(tmp_path: Path) -> None:
    model = make(NanoGPT)
    states, path = [copies(model)], tmp_path / "run.h5"
    with nf_probe.Recorder(path, model, weights_every=1) as recorder:
        for step in range(STEPS):
            loss_of(model, batch(step)).backward()
            with torch.no_grad():
                for p in model.parameters():
                    p -= 0.1 * p.grad
                    p.grad = None
            states.append(copies(model))
            recorder.step(1.0)
    check(path, states, range(STEPS))


def test_by_default_every_tenth_step_and_only_there(tmp_path: Path, nf_probe_command: Run) -> None:
    model, path = make(NanoGPT), tmp_path / "run.h5"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nf_probe.Recorder(path, model, optimizer, objective="causal") as recorder:
        for step in range(31):
            loss = loss_of(model, batch(step))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(loss, tokens=48)
    for kind in ("weight", "update"):
        found = recorded(path, kind, "fc2")[:, 1]
        assert np.flatnonzero(~np.isnan(found)).tolist() == [0, 10, 20, 30]
    table = nf_probe_command("grads", path, "--statistic=update/weight", "--window=0:31")
    assert "not trained" not in table and "undefined" not in table


def test_a_step_before_its_update_has_no_wrong_one(tmp_path: Path) -> None:
    model, path = make(NanoGPT), tmp_path / "run.h5"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nf_probe.Recorder(path, model, optimizer, weights_every=1) as recorder:
        for step in range(3):
            loss_of(model, batch(step)).backward()
            recorder.step(1.0)
            optimizer.step()
            optimizer.zero_grad()
    assert np.isnan(recorded(path, "update", "fc2")).all() and not np.isnan(recorded(path, "weight", "fc2")).any()


def test_without_weights_files_are_as_before(tmp_path: Path) -> None:
    model, path = make(NanoGPT), tmp_path / "run.h5"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for resume in (False, True):
        # The second time by a script of today, which would measure weights.
        options = {"resume": True, "first_step": 2} if resume else {"weights_every": 0}
        with nf_probe.Recorder(path, model, optimizer, on_error="raise", seed=1, **options) as recorder:
            for step in range(2):
                loss_of(model, batch(step)).backward()
                optimizer.step()
                optimizer.zero_grad()
                recorder.step(1.0)
    with h5py.File(path) as file:
        assert file.attrs["schema_version"] == 1 and "weight_l1" not in file and len(file["step"]) == 4
