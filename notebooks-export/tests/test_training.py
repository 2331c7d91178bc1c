"""The recorder beside what scripts do with a model: training is not changed, and the sums are the same."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import nf_probe
from conftest import Run, gradients
from models import NanoGPT, TorchEncoder, batch, loss_of, make
from training import train

# Inductor compiles for a minute: `make parallel` has it.
BACKENDS = ["aot_eager", "inductor"] if os.environ.get("NF_PROBE_ALL_PARALLEL") else ["aot_eager"]


class WithDropout(TorchEncoder):
    def forward(self, tokens: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(tokens), 0.3)


class Checkpointed(NanoGPT):
    def forward(self, tokens: Tensor) -> Tensor:
        x = self.transformer["wte"](tokens) + self.transformer["wpe"](torch.arange(tokens.shape[1]))
        for block in self.transformer["h"]:
            x = checkpoint(block, x, use_reentrant=False)
        logits: Tensor = self.lm_head(self.transformer["ln_f"](x))
        return logits


def half_precision(model: nn.Module, tokens: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return loss_of(model, tokens)


@pytest.mark.parametrize("kind", [NanoGPT, WithDropout, Checkpointed])
@pytest.mark.parametrize("step", [loss_of, half_precision])
def test_recording_changes_no_bit_of_the_training(tmp_path: Path, kind: type[nn.Module], step: Callable) -> None:
    plain = train(make(kind), None, step=step)
    recorded = train(make(kind), tmp_path / "run.h5", step=step)
    assert plain[0] == recorded[0]
    assert all(torch.equal(a, b) for a, b in zip(plain[1], recorded[1], strict=True))


def test_checkpointing_changes_no_sum(tmp_path: Path) -> None:
    train(make(NanoGPT), tmp_path / "plain.h5")
    train(make(Checkpointed), tmp_path / "checkpointed.h5")
    for name, values in gradients(tmp_path / "plain.h5").items():
        assert gradients(tmp_path / "checkpointed.h5")[name] == pytest.approx(values, rel=1e-5), name


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_compiled_model_is_recorded_like_the_plain_one(tmp_path: Path, backend: str) -> None:
    if backend == "inductor" and shutil.which(os.environ.get("CXX", "g++")) is None:
        pytest.skip("inductor needs a C++ compiler")
    train(make(), tmp_path / "plain.h5", 2)
    train(torch.compile(make(), backend=backend), tmp_path / "compiled.h5", 2)
    plain, compiled = gradients(tmp_path / "plain.h5"), gradients(tmp_path / "compiled.h5")
    assert plain.keys() == compiled.keys()
    for name, values in plain.items():
        if not name.endswith("k_proj.bias"):
            assert compiled[name] == pytest.approx(values, rel=1e-4), name


def test_a_default_device_of_the_script_changes_nothing(tmp_path: Path) -> None:
    """Nothing is ever computed on the device `meta`, so what the recorder makes must not be there."""
    model = make(NanoGPT)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    with torch.device("meta"):
        recorder = nf_probe.Recorder(tmp_path / "run.h5", model, optimizer, snapshot_every=1, on_error="raise")
    torch.manual_seed(5)
    for index in range(3):
        loss = loss_of(model, batch(index))
        with torch.device("meta"):
            loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
        with torch.device("meta"):
            recorder.step(loss if index else loss.item())
    with torch.device("meta"):
        recorder.close()
    train(make(NanoGPT), tmp_path / "plain.h5", 3)
    for name, values in gradients(tmp_path / "plain.h5").items():
        assert gradients(tmp_path / "run.h5")[name].tolist() == values.tolist(), name


def test_tied_weights_are_recorded_once(tmp_path: Path) -> None:
    train(make(TorchEncoder, tied=True), tmp_path / "tied.h5", 2)
    assert {"embedding.weight", "encoder.layer_norm.weight"} <= gradients(tmp_path / "tied.h5").keys()
    assert "head.weight" not in gradients(tmp_path / "tied.h5")


def test_what_the_script_does_not_state_is_unknown(tmp_path: Path, nf_probe_command: Run) -> None:
    train(make(), tmp_path / "run.h5", 2)
    info = nf_probe_command("info", tmp_path / "run.h5")
    for label in ("loss", "reduction", "scope", "unit", "objective"):
        assert [line for line in info.splitlines() if line.split() == ["gradient", label, "unknown"]], label
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recorder = nf_probe.Recorder(tmp_path / "stated.h5", make(), objective="masked", gradient_scale=4)
        recorder.close()
    assert "global batch" in nf_probe_command("info", tmp_path / "stated.h5")
