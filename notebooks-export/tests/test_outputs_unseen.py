"""Outputs that cannot be seen, and what may go wrong: it is refused, or missing and told; the training goes on."""

from __future__ import annotations

import functools
import gc
import warnings
import weakref
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nf_probe
from conftest import Run
from models import NanoGPT, TorchEncoder, batch, loss_of, make
from watched_outputs import assert_equal, assert_same_rows, train


def test_layers_without_modules_are_refused(tmp_path: Path) -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ParameterList([nn.Parameter(torch.ones(2, 2)) for _ in range(2)])

    with pytest.raises(nf_probe.UsageError, match="output that can be seen"):
        nf_probe.Recorder(tmp_path / "run.h5", Bare(), outputs_every=1)


def test_nothing_of_a_pass_is_kept(tmp_path: Path) -> None:
    model, kept = make(NanoGPT), []
    model.transformer["h"][1].mlp["c_fc"].register_forward_hook(lambda _m, _a, out: kept.append(weakref.ref(out)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nf_probe.Recorder(tmp_path / "run.h5", model, optimizer, outputs_every=1, on_error="raise") as recorder:
        for step in range(2):
            gc.collect()
            gc.disable()
            loss = loss_of(model, batch(step))
            loss.backward()
            del loss
            assert kept[-1]() is None
            gc.enable()
            recorder.step(1.0)


def test_scales_of_the_loss_are_divided_out(tmp_path: Path) -> None:
    train(make(TorchEncoder), tmp_path / "plain.h5", steps=1)
    # Adam does not see a factor, as long as nothing else does.
    train(make(TorchEncoder), tmp_path / "run.h5", steps=1, loss=lambda m, t: 64 * loss_of(m, t), gradient_scale=64.0)
    assert_same_rows(tmp_path / "run.h5", tmp_path / "plain.h5", 1e-6)


def test_compiled_layers_are_refused_and_later_ones_missing(tmp_path: Path) -> None:
    for compiled in (torch.compile(make(NanoGPT), backend="eager"), make(NanoGPT)):
        if compiled.__class__ is NanoGPT:
            compiled.transformer["h"][0] = torch.compile(compiled.transformer["h"][0], backend="eager")
        with pytest.raises(nf_probe.UsageError, match="compiled layers cannot be seen"):
            nf_probe.Recorder(tmp_path / "run.h5", compiled, outputs_every=1)
        assert not (tmp_path / "run.h5").exists()
    compiled_later: dict[int, nn.Module] = {}

    def loss(model: nn.Module, tokens: Tensor) -> Tensor:
        return loss_of(compiled_later.setdefault(0, torch.compile(model, backend="aot_eager")), tokens)

    with pytest.warns(nf_probe.RecorderWarning, match=r"torch\.compile") as told:
        recorded = train(make(NanoGPT), tmp_path / "late.h5", loss=loss)
    assert len([w for w in told if w.category is nf_probe.RecorderWarning]) == 1
    compiled_later.clear()
    assert_equal(recorded, train(make(NanoGPT), None, loss=loss))
    with h5py.File(tmp_path / "late.h5") as file:
        assert not file["activation_count"][:].any() and np.isnan(file["activation_l1"][:]).all()


class Direct(NanoGPT):
    """Attention that comes through none of PyTorch's functions."""

    def __init__(self) -> None:
        super().__init__()
        for block in self.transformer["h"][1:]:
            block.forward = lambda x, block=block: (
                x + block.attn["c_proj"](block.attn["c_attn"](block.ln_1(x))[..., :12])
            )


def test_attention_that_cannot_be_seen_is_missing_and_told_once(tmp_path: Path) -> None:
    with pytest.warns(nf_probe.RecorderWarning, match="layers 1, 2 cannot be seen") as told:
        train(make(Direct), tmp_path / "run.h5")
    assert len([w for w in told if w.category is nf_probe.RecorderWarning]) == 1
    with h5py.File(tmp_path / "run.h5") as file:
        for name in ("entropy", "max_logit", "first_share"):
            values = file[f"attention_{name}"][:]
            assert np.isfinite(values[:, 0]).all() and np.isnan(values[:, 1:]).all()


class PartlyCompiled(NanoGPT):
    """Attention in a compiled function, between modules that are not."""

    def __init__(self) -> None:
        super().__init__()
        attend = torch.compile(
            lambda q, k, v: torch.softmax(q @ k.transpose(-1, -2), dim=-1) @ v, backend="aot_eager", fullgraph=True
        )

        def forward(x: Tensor, block: nn.Module) -> Tensor:
            q, k, v = (
                part.unflatten(-1, (3, -1)).transpose(1, 2)
                for part in block.attn["c_attn"](block.ln_1(x)).split(12, dim=2)
            )
            mixed = x + block.attn["c_proj"](attend(q, k, v).transpose(1, 2).flatten(2))
            return mixed + block.mlp["c_proj"](block.mlp["c_fc"](block.ln_2(mixed)))

        for block in self.transformer["h"]:
            block.forward = functools.partial(forward, block=block)


def test_a_compiled_function_inside_a_layer_is_left_alone(tmp_path: Path) -> None:
    with pytest.warns(nf_probe.RecorderWarning, match="layers 0, 1, 2 cannot be seen"):
        recorded = train(make(PartlyCompiled), tmp_path / "run.h5", outputs_every=2)
    assert_equal(recorded, train(make(PartlyCompiled), None))
    with h5py.File(tmp_path / "run.h5") as file:
        assert (file["activation_count"][[0, 2]] > 0).all() and np.isnan(file["attention_entropy"][:]).all()


def test_a_run_goes_on_only_with_the_same_operations(tmp_path: Path, nf_probe_command: Run) -> None:
    path = tmp_path / "run.h5"
    model = make(NanoGPT)
    train(model, path, steps=2)
    with pytest.raises(nf_probe.UsageError, match="operations"):
        train(model, path, resume=True, outputs_every=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(nf_probe.UsageError):
        nf_probe.Recorder(path, make(TorchEncoder), optimizer, resume=True, outputs_every=1)
    train_again(model, path)
    with h5py.File(path) as file:
        assert file["step"][:].tolist() == [0, 1, 2, 3] and (file["activation_count"][:] > 0).all()
    assert "whole" in nf_probe_command("verify", path)


def train_again(model: nn.Module, path: Path) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    options: dict[str, Any] = {"outputs_every": 1, "weights_every": 0, "resume": True, "seed": 5}
    with nf_probe.Recorder(path, model, optimizer, on_error="raise", **options) as recorder:
        for step in range(2, 4):
            loss = loss_of(model, batch(step))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(loss)


def test_errors_of_a_hook_do_not_reach_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no sums today")

    monkeypatch.setattr("nf_probe.outputs.outputwatch.rows_of", broken)
    with pytest.warns(nf_probe.RecorderWarning, match="no sums today"):
        recorded = train(make(NanoGPT), tmp_path / "run.h5", on_error="warn", steps=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_equal(recorded, train(make(NanoGPT), None, steps=2))
