"""The recorder in one process: right numbers whatever a script does, and training that is not changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import xarray
from torch import Tensor, nn

import nf_probe
from conftest import Run, gradients
from models import NanoGPT, TorchEncoder, batch, loss_of, make, reference
from training import train

STEPS = 5
Names = dict[str, Callable[[nn.Module], Tensor]]

# A few tensors of each kind of model: fairseq's name, and where the gradient is.
NANOGPT: Names = {
    "decoder.embed_tokens.weight": lambda m: m.transformer["wte"].weight.grad,
    "decoder.embed_positions.weight": lambda m: m.transformer["wpe"].weight.grad,
    "decoder.layers.0.self_attn.q_proj.weight": lambda m: m.transformer["h"][0].attn["c_attn"].weight.grad[:12],
    "decoder.layers.1.self_attn.k_proj.weight": lambda m: m.transformer["h"][1].attn["c_attn"].weight.grad[12:24],
    "decoder.layers.2.self_attn.v_proj.bias": lambda m: m.transformer["h"][2].attn["c_attn"].bias.grad[24:],
    "decoder.layers.2.fc2.weight": lambda m: m.transformer["h"][2].mlp["c_proj"].weight.grad,
    "decoder.layer_norm.weight": lambda m: m.transformer["ln_f"].weight.grad,
}
ENCODER: Names = {
    "embedding.weight": lambda m: m.embedding.weight.grad,
    "head.weight": lambda m: m.head.weight.grad,
    "encoder.layers.1.self_attn.q_proj.weight": lambda m: m.encoder.layers[1].self_attn.in_proj_weight.grad[:16],
    "encoder.layers.2.self_attn.v_proj.bias": lambda m: m.encoder.layers[2].self_attn.in_proj_bias.grad[32:],
    "encoder.layers.0.fc1.weight": lambda m: m.encoder.layers[0].linear1.weight.grad,
    "encoder.layer_norm.bias": lambda m: m.encoder.norm.bias.grad,
}


class Expected:
    """The sums that PyTorch's own gradients have, one step after another."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.steps: list[dict[str, tuple[float, ...]]] = []

    def note(self, model: nn.Module, factor: float = 1.0) -> None:
        self.steps.append({name: reference(get(model) * factor) for name, get in self.names.items()})

    def check(self, path: Path, tolerance: float = 1e-12) -> None:
        for index, statistic in enumerate(["l1", "sum_squares", "max_abs", "zeros", "nonfinite"]):
            found = gradients(path, statistic)
            for name in self.names:
                wanted = [step[name][index] for step in self.steps]
                assert found[name] == pytest.approx(wanted, rel=tolerance, abs=0), (name, statistic)


def column(path: Path, name: str) -> np.ndarray:
    with h5py.File(path) as file:
        return file[name][:]


@pytest.mark.parametrize(("kind", "names"), [(NanoGPT, NANOGPT), (TorchEncoder, ENCODER)])
def test_recorded_sums_are_those_of_the_gradients(
    tmp_path: Path, nf_probe_command: Run, kind: type[nn.Module], names: Names
) -> None:
    model, expected, losses = make(kind), Expected(names), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    path = tmp_path / "run.h5"
    with nf_probe.Recorder(path, model, optimizer, objective="causal", snapshot_every=2) as recorder:
        for step in range(STEPS):
            loss = loss_of(model, batch(step))
            loss.backward()
            expected.note(model)
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(loss, tokens=48)
            losses.append(loss.item())
            if step == 2:
                recorder.validation(3.5)
    expected.check(path)
    assert column(path, "loss").tolist() == losses
    assert column(path, "tokens").tolist() == [48] * STEPS
    assert column(path, "learning_rate").tolist() == [1e-2] * STEPS
    assert column(path, "clip_coefficient").tolist() == [1.0] * STEPS
    assert column(path, "snapshot").tolist() == [0, 2, 4, 5]
    assert column(path, "validation_step").tolist() == [3]
    everything = sum(gradients(path, "sum_squares").values())
    assert column(path, "gradient_l2") == pytest.approx(np.sqrt(everything), rel=1e-12)
    assert "run.h5: whole" in nf_probe_command("verify", path)
    for command in (["info"], ["export"], ["grads"], ["grads", "--operation", "fc1.weight"], ["scales", "--all"]):
        assert nf_probe_command(command[0], path, *command[1:])
    with xarray.open_dataset(path, engine="h5netcdf") as plainly:
        assert plainly.gradient_l1.dims == ("step", "layer", "tensor") and "fc2.weight" in plainly.tensor
        assert plainly.scale_final_layer_norm.dims == ("snapshot", "layer", "model_element")
    train(make(kind), tmp_path / "other.h5")
    nf_probe_command("ratio", path, tmp_path / "other.h5", "--mix-contracts")


@pytest.mark.parametrize("order", ["step, clip", "clip, step", "clip, update, step", "clip, update, zero, step"])
@pytest.mark.parametrize("clip", ["norm", "value", "by hand"])
def test_gradients_are_those_before_clipping_in_any_order(tmp_path: Path, order: str, clip: str) -> None:
    model, expected, norms = make(), Expected(NANOGPT), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    path = tmp_path / "run.h5"
    recorder = nf_probe.Recorder(path, model, optimizer)

    def clipped() -> None:
        if clip == "norm":
            norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), 0.1)))
        elif clip == "value":
            nn.utils.clip_grad_value_(model.parameters(), 1e-3)
        else:
            for parameter in model.parameters():
                parameter.grad.mul_(0.25)

    actions = {
        "clip": clipped, "update": optimizer.step, "zero": lambda: optimizer.zero_grad(set_to_none=False),
        "step": lambda: recorder.step(loss),
    }  # fmt: skip
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, batch(step))
        loss.backward()
        expected.note(model)
        for action in order.split(", "):
            actions[action]()
        if "update" not in order:
            optimizer.step()
    recorder.close()
    expected.check(path)
    coefficient = column(path, "clip_coefficient")
    if "update" not in order or clip == "value":
        # Not known yet, or no one factor.
        assert np.isnan(coefficient).all()
    else:
        wanted = [0.1 / (norm + 1e-6) for norm in norms] if clip == "norm" else [0.25] * STEPS
        assert coefficient == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("passes", [1, 3])
def test_accumulated_gradients_are_measured_whole(tmp_path: Path, passes: int) -> None:
    model, expected = make(), Expected(NANOGPT)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    path = tmp_path / "run.h5"
    with nf_probe.Recorder(path, model, optimizer, passes=passes) as recorder:
        for step in range(STEPS):
            total = 0.0
            # The last step of an epoch often has fewer micro-batches.
            for micro in range(3 if step < STEPS - 1 else 2):
                loss = loss_of(model, batch(10 * step + micro)) / 3
                loss.backward()
                total += loss.item()
            expected.note(model)
            recorder.step(total)
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            optimizer.zero_grad()
    expected.check(path)


def test_a_loss_scale_is_undone_and_stated(tmp_path: Path, nf_probe_command: Run) -> None:
    model, expected = make(), Expected(NANOGPT)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12, growth_interval=2)
    path, scales, norms = tmp_path / "run.h5", [], []
    with nf_probe.Recorder(path, model, optimizer, scaler=scaler, objective="causal") as recorder:
        for step in range(STEPS):
            loss = loss_of(model, batch(step))
            scales.append(scaler.get_scale())
            scaler.scale(loss).backward()
            expected.note(model, 1 / scaler.get_scale())
            scaler.unscale_(optimizer)
            norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), 0.1)))
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            recorder.step(loss)
    expected.check(path)
    assert column(path, "loss_scale").tolist() == scales and len(set(scales)) > 1
    assert column(path, "clip_coefficient") == pytest.approx([0.1 / (norm + 1e-6) for norm in norms], rel=1e-6)
    assert column(path, "gradient_l2") == pytest.approx(norms, rel=1e-6)
    assert "whole" in nf_probe_command("verify", path)


def test_an_overflow_is_recorded_and_the_skipped_step_too(tmp_path: Path) -> None:
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    path = tmp_path / "run.h5"
    with nf_probe.Recorder(path, model, optimizer, scaler=scaler) as recorder:
        for step in range(2):
            loss = loss_of(model, batch(step)) * 1e3
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            recorder.step(loss)
            optimizer.zero_grad()
    assert not np.isfinite(column(path, "gradient_l2")).any()
    assert gradients(path, "nonfinite")["decoder.layers.0.fc2.weight"].tolist() == [576, 576]


def test_an_unknown_loss_scale_is_refused(tmp_path: Path) -> None:
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    recorder = nf_probe.Recorder(tmp_path / "run.h5", model, optimizer)
    loss = loss_of(model, batch(0))
    scaler.scale(loss).backward()
    with pytest.raises(nf_probe.UsageError, match="scaler=scaler"):
        recorder.step(loss)


def test_a_stated_factor_is_divided_out(tmp_path: Path) -> None:
    model, expected = make(), Expected(NANOGPT)
    with nf_probe.Recorder(tmp_path / "run.h5", model, gradient_scale=4) as recorder:
        for micro in range(4):
            loss_of(model, batch(micro)).backward()
        expected.note(model, 0.25)
        recorder.step()
    expected.check(tmp_path / "run.h5")
