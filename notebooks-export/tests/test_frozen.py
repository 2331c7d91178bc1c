"""Parameters that do not train at a step have no gradient there: missing, which is not zero."""

from __future__ import annotations

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

STEPS = 6
MISSING = 2**32 - 1


class SkippingGPT(NanoGPT):
    """LayerDrop: layer 1 is left out of some steps."""

    skips = False

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.transformer["wte"](tokens) + self.transformer["wpe"](torch.arange(tokens.shape[1]))
        for index, block in enumerate(self.transformer["h"]):
            if index != 1 or not self.skips:
                x = block(x)
        logits: Tensor = self.lm_head(self.transformer["ln_f"](x))
        return logits


def missing(path: Path, name: str) -> list[int]:
    """The steps at which a tensor has no gradient; every sum says the same."""
    by_sum = [
        np.flatnonzero(values == MISSING if sum_name in ("zeros", "nonfinite") else np.isnan(values)).tolist()
        for sum_name in ("l1", "sum_squares", "max_abs", "zeros", "nonfinite")
        for values in [gradients(path, sum_name)[name]]
    ]
    assert all(steps == by_sum[0] for steps in by_sum), by_sum
    found: list[int] = by_sum[0]
    return found


def record(path: Path, model: nn.Module, change: object, set_to_none: bool = True) -> list[dict[str, float]]:
    """Records some steps, before each of which `change(model, step)` is called; the L1 norms of PyTorch's gradients."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    expected = []
    with nf_probe.Recorder(path, model, optimizer, objective="causal", on_error="raise") as recorder:
        for step in range(STEPS):
            change(model, step)  # type: ignore[operator]
            loss = loss_of(model, batch(step))
            loss.backward()
            there = {n: p.grad for n, p in model.named_parameters() if p.requires_grad and p.grad is not None}
            expected.append({name: reference(gradient)[0] for name, gradient in there.items()})
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            optimizer.zero_grad(set_to_none=set_to_none)
            recorder.step(loss, tokens=48)
    return expected


def freezing(model: nn.Module, step: int) -> None:
    """Layer 0 trains up to step 2, layer 2 from step 3 on."""
    for parameter in model.encoder.layers[0].parameters():
        parameter.requires_grad_(step < 3)
    for parameter in model.encoder.layers[2].parameters():
        parameter.requires_grad_(step >= 3)


@pytest.mark.parametrize("set_to_none", [True, False])
def test_frozen_and_thawed_layers_have_their_columns_from_the_start(
    tmp_path: Path, nf_probe_command: Run, set_to_none: bool
) -> None:
    model, path = make(TorchEncoder), tmp_path / "run.h5"
    freezing(model, 0)
    expected = record(path, model, freezing, set_to_none)
    for layer, wanted in ((0, [3, 4, 5]), (1, []), (2, [0, 1, 2])):
        name = f"encoder.layers.{layer}.fc1.weight"
        assert missing(path, name) == wanted
        found = gradients(path)[name]
        for step in set(range(STEPS)) - set(wanted):
            own = expected[step][f"encoder.layers.{layer}.linear1.weight"]
            assert found[step] == pytest.approx(own, rel=1e-12)
    with h5py.File(path) as file:
        # Frozen parameters are no part of the gradient, and tell nothing of clipping.
        assert np.isfinite(file["gradient_l2"][:]).all() and np.isfinite(file["clip_coefficient"][:]).all()
        squares = np.nansum(np.concatenate([v[:, None] for v in gradients(path, "sum_squares").values()], 1), axis=1)
        assert file["gradient_l2"][:] == pytest.approx(np.sqrt(squares), rel=1e-12)
    assert "whole" in nf_probe_command("verify", path)


@pytest.mark.parametrize("set_to_none", [True, False])
def test_a_skipped_layer_is_missing_at_its_steps(tmp_path: Path, set_to_none: bool) -> None:
    path = tmp_path / "run.h5"

    def skipping(model: nn.Module, step: int) -> None:
        model.skips = step in (1, 4)

    record(path, make(SkippingGPT), skipping, set_to_none)
    assert (
        missing(path, "decoder.layers.1.fc2.weight")
        == missing(path, "decoder.layers.1.self_attn.q_proj.bias")
        == [1, 4]
    )
    assert missing(path, "decoder.layers.0.fc2.weight") == missing(path, "decoder.embed_tokens.weight") == []


def test_what_no_loss_reaches_is_missing_and_a_gradient_of_zero_is_not(tmp_path: Path) -> None:
    model, path = make(TorchEncoder), tmp_path / "run.h5"
    model.unused = nn.Linear(3, 2)
    model.scale = nn.Parameter(torch.zeros(4))
    forward = model.forward
    model.forward = lambda tokens: forward(tokens) + 0 * model.scale.sum()  # type: ignore[method-assign]
    record(path, model, lambda *_: None)
    assert missing(path, "unused.weight") == missing(path, "unused.bias") == list(range(STEPS))
    assert gradients(path)["scale"].tolist() == [0] * STEPS
    assert gradients(path, "zeros")["scale"].tolist() == [4] * STEPS


def test_a_gradient_that_is_not_a_number_is_not_missing(tmp_path: Path) -> None:
    model, path = make(NanoGPT), tmp_path / "run.h5"

    def broken(model: nn.Module, step: int) -> None:
        if step == 4:
            model.transformer["h"][2].mlp["c_proj"].weight.data[0, 0] = torch.nan

    record(path, model, broken)
    assert np.isnan(gradients(path)["decoder.layers.0.fc2.weight"][4])
    assert gradients(path, "nonfinite")["decoder.layers.0.fc2.weight"][4] == 12 * 48


def test_a_head_is_trained_alone_before_its_model(tmp_path: Path) -> None:
    """No layer trains at first, and later nothing of what did."""
    model, path = make(TorchEncoder), tmp_path / "run.h5"

    def alternating(model: nn.Module, step: int) -> None:
        model.requires_grad_(step >= 3)
        model.head.requires_grad_(step < 3)

    alternating(model, 0)
    record(path, model, alternating)
    assert missing(path, "encoder.layers.1.fc2.weight") == [0, 1, 2]
    assert missing(path, "head.weight") == [3, 4, 5]


def test_a_model_that_is_all_frozen_is_refused(tmp_path: Path) -> None:
    with pytest.raises(nf_probe.UsageError, match="none of the model's parameters requires a gradient"):
        nf_probe.Recorder(tmp_path / "run.h5", make(TorchEncoder).requires_grad_(False))
    assert not (tmp_path / "run.h5").exists()


def test_recording_does_not_thaw(tmp_path: Path) -> None:
    model = make(TorchEncoder)
    model.encoder.layers[0].requires_grad_(False)
    # What is quantised, and what was made in inference mode, can never train.
    model.register_parameter("packed", nn.Parameter(torch.zeros(4, dtype=torch.uint8), requires_grad=False))
    with torch.inference_mode():
        model.register_parameter("fixed", nn.Parameter(torch.zeros(4), requires_grad=False))
    before = {name: p.requires_grad for name, p in model.named_parameters()}
    record(tmp_path / "run.h5", model, lambda *_: None)
    assert {name: p.requires_grad for name, p in model.named_parameters()} == before
    assert missing(tmp_path / "run.h5", "fixed") == list(range(STEPS))
    assert "packed" not in gradients(tmp_path / "run.h5")


def test_readers_leave_out_steps_at_which_a_layer_does_not_train(tmp_path: Path) -> None:
    model, path = make(TorchEncoder), tmp_path / "run.h5"
    freezing(model, 0)
    expected = record(path, model, freezing)
    with nf_probe.open(path) as run:
        assert run.is_trained()[:, 0, run.tensors.index("fc2.weight")].tolist() == [True] * 3 + [False] * 3
        found = run.mismatch("fc2.weight", window=(0, STEPS))
        for layer, steps in ((0, range(3)), (1, range(6)), (2, range(3, 6))):
            own = [expected[step][f"encoder.layers.{layer}.linear2.weight"] for step in steps]
            assert found.means[layer] == pytest.approx(np.mean(own), rel=1e-12)
        late = run.mismatch("fc2.weight", window=(3, STEPS))
        assert late.layers == (1, 2) and np.isfinite([late.early_late, late.spread, late.slope]).all()
        frame = run.to_frame()
        assert frame[(frame.layer == 0) & (frame.tensor == "fc2.weight")].step.tolist() == [0, 1, 2]
        assert (frame.nonfinite == 0).all() and np.isfinite(frame.l1).all()
        axes = run.plot().axes[0]
        assert not [line for line in axes.get_lines() if line.get_marker() == "x" and len(line.get_xdata())]
    with xarray.open_dataset(path, engine="h5netcdf") as plainly:
        zeros = plainly.gradient_zeros.sel(tensor="fc2.weight").isel(layer=0).values
        assert np.isnan(zeros[3:]).all() and not np.isnan(zeros[:3]).any()
