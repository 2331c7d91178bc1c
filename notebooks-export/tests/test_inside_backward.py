"""Optimizers that step inside `backward()`, parameter by parameter, and leave no gradient behind."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest
import torch
from torch import Tensor, nn

import nf_probe
from conftest import gradients
from models import NanoGPT, batch, loss_of, make, reference
from training import train

STEPS = 4


def inside(path: Path | None, hooks_come_later: bool) -> tuple[list[Tensor], list[dict[str, float]]]:
    """The parameters after a training, and the L1 norms of the gradients as each optimizer sees them."""
    model, seen = make(NanoGPT), [{} for _ in range(STEPS)]
    names = {id(p): name for name, p in model.named_parameters()}
    optimizers = {p: torch.optim.AdamW([p], lr=1e-2) for p in model.parameters()}

    def update(parameter: Tensor) -> None:
        seen[step][names[id(parameter)]] = reference(parameter.grad)[0]
        # What comes after the measurement does not change it.
        parameter.grad.mul_(0.5)
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    def attach() -> None:
        for parameter in model.parameters():
            parameter.register_post_accumulate_grad_hook(update)

    if not hooks_come_later:
        attach()
    recorder = None
    if path is not None:
        recorder = nf_probe.Recorder(path, model, list(optimizers.values()), objective="causal", on_error="raise")
    if hooks_come_later:
        attach()
    for step in range(STEPS):
        loss = loss_of(model, batch(step))
        loss.backward()
        assert all(p.grad is None for p in model.parameters())
        if recorder is not None:
            recorder.step(loss, tokens=48)
    if recorder is not None:
        recorder.close()
    return [p.detach() for p in model.parameters()], seen


@pytest.mark.parametrize("hooks_come_later", [False, True])
def test_gradients_are_measured_before_they_are_gone(tmp_path: Path, hooks_come_later: bool) -> None:
    path = tmp_path / "run.h5"
    recorded, seen = inside(path, hooks_come_later)
    for own, theirs in (
        ("decoder.layers.2.fc2.weight", "transformer.h.2.mlp.c_proj.weight"),
        ("decoder.embed_tokens.weight", "transformer.wte.weight"),
        ("decoder.layers.0.self_attn_layer_norm.bias", "transformer.h.0.ln_1.bias"),
    ):
        assert gradients(path)[own] == pytest.approx([step[theirs] for step in seen], rel=1e-12)
    with h5py.File(path) as file:
        assert file["learning_rate"][:].tolist() == [1e-2] * STEPS
        assert (file["gradient_l2"][:] > 0).all() and (file["gradient_nonfinite"][:] == 0).all()
    plain, _ = inside(None, hooks_come_later)
    assert all(torch.equal(one, other) for one, other in zip(recorded, plain, strict=True))


def test_other_hooks_change_nothing(tmp_path: Path) -> None:
    """Such as those that only look."""
    model, count = make(NanoGPT), []
    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(lambda p: count.append(float(p.grad.abs().max())))
    train(model, tmp_path / "hooked.h5")
    train(make(NanoGPT), tmp_path / "plain.h5")
    assert len(count) == 5 * len(list(model.parameters()))
    plain = gradients(tmp_path / "plain.h5")
    for name, values in gradients(tmp_path / "hooked.h5").items():
        assert values == pytest.approx(plain[name], rel=1e-12), name


def test_an_explicit_measurement_takes_gradients_as_they_are(tmp_path: Path) -> None:
    model: nn.Module = make(NanoGPT)
    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(lambda p: None)
    with nf_probe.Recorder(tmp_path / "run.h5", model, on_error="raise") as recorder:
        loss_of(model, batch(0)).backward()
        for parameter in model.parameters():
            parameter.grad.mul_(3)
        recorder.measure()
        recorder.step()
    wanted = reference(model.transformer["h"][1].mlp["c_fc"].weight.grad)[0]
    assert gradients(tmp_path / "run.h5")["decoder.layers.1.fc1.weight"][0] == pytest.approx(wanted, rel=1e-12)
