"""Sums by parts of a step's batch: backward passes of an accumulated step."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import nf_probe
from conftest import Run
from models import NanoGPT, batch, loss_of, make

STEPS, PARTS = 6, 3


def whole_and_parts(model: nn.Module, step: int) -> tuple[dict[str, float], dict[str, float]]:
    """|g|² of the mean over the parts, and Σ |g_i|² of each part's own mean loss, in float64."""
    copy = make(NanoGPT).double()
    copy.load_state_dict({name: value.double() for name, value in model.state_dict().items()})
    sums: dict[str, float] = {}
    mean: dict[str, torch.Tensor] = {}
    for part in range(PARTS):
        copy.zero_grad()
        loss_of(copy, batch(PARTS * step + part)).backward()
        for name, parameter in copy.named_parameters():
            assert parameter.grad is not None
            sums[name] = sums.get(name, 0) + float((parameter.grad**2).sum())
            mean[name] = mean.get(name, torch.zeros_like(parameter)) + parameter.grad / PARTS
    return {name: float((value**2).sum()) for name, value in mean.items()}, sums


@pytest.mark.parametrize("divides", [True, False])
def test_parts_are_those_of_float64(tmp_path: Path, nf_probe_command: Run, divides: bool) -> None:
    model, path = make(NanoGPT).double(), tmp_path / "run.h5"
    plain, other = make(NanoGPT).double(), tmp_path / "plain.h5"
    wanted: list[tuple[dict[str, float], dict[str, float]]] = []
    scale = {} if divides else {"gradient_scale": PARTS}
    for own, file, every in ((model, path, 2), (plain, other, 0)):
        optimizer = torch.optim.SGD(own.parameters(), lr=0.1)
        recorder = nf_probe.Recorder(
            file, own, optimizer, objective="causal", noise_every=every, on_error="raise", **scale
        )
        for step in range(STEPS):
            if every:
                wanted.append(whole_and_parts(own, step))
            tokens = 0
            for part in range(PARTS):
                loss = loss_of(own, batch(PARTS * step + part))
                (loss / PARTS if divides else loss).backward()
                tokens += batch(PARTS * step + part)[:, 1:].numel()
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(1.0, tokens=tokens)
        recorder.close()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), plain.parameters(), strict=True))
    with h5py.File(path) as file, h5py.File(other) as without:
        assert not any("noise" in name for name in without)
        assert file.attrs["schema_version"] == 2
        assert file["noise_step"][:].tolist() == [0, 2, 4] and set(file["noise_parts"][:]) == {PARTS}
        assert (file["noise_part_tokens"][:] * PARTS == file["noise_tokens"][:]).all()
        column = file["tensor"].asstr()[:].tolist().index("fc2.weight")
        stem = file["stem_tensor"].asstr()[:].tolist().index("decoder.embed_tokens.weight")
        for row, step in enumerate((0, 2, 4)):
            whole, parts = wanted[step]
            for layer in range(file["noise_sum_squares"].shape[1]):
                name = f"transformer.h.{layer}.mlp.c_proj.weight"
                assert file["noise_part_sum_squares"][row, layer, column] == pytest.approx(parts[name], rel=1e-6)
                assert file["noise_sum_squares"][row, layer, column] == pytest.approx(whole[name], rel=1e-6)
            name = "transformer.wte.weight"
            assert file["stem_noise_part_sum_squares"][row, stem] == pytest.approx(parts[name], rel=1e-6)
    assert "whole" in nf_probe_command("verify", path)
    rows = list(
        csv.DictReader(io.StringIO(nf_probe_command("grads", path, "--noise-scale", "--format=csv", "--window=0:")))
    )
    assert rows[-1]["place"] == "whole model" and float(rows[-1]["batch"]) == float(np.float64(tokens))


def test_what_did_not_train_has_no_parts(tmp_path: Path) -> None:
    model, path = make(NanoGPT), tmp_path / "run.h5"
    for parameter in model.transformer["h"][1].parameters():
        parameter.requires_grad_(False)
    with nf_probe.Recorder(path, model, noise_every=1, on_error="raise") as recorder:
        for part in range(2):
            loss_of(model, batch(part)).backward()
        recorder.step(1.0, tokens=40)
    with h5py.File(path) as file:
        column = file["tensor"].asstr()[:].tolist().index("fc2.weight")
        found = file["noise_part_sum_squares"][0, :, column]
        assert np.isnan(found[1]) and (found[[0, 2]] > 0).all()


def test_a_step_that_overflows_tells_nothing(tmp_path: Path) -> None:
    model, path = make(NanoGPT), tmp_path / "run.h5"
    with nf_probe.Recorder(path, model, noise_every=1, on_error="raise") as recorder:
        for step in range(3):
            for part in range(2):
                factor = float("inf") if step == 1 and part == 0 else 1.0
                (factor * loss_of(model, batch(2 * step + part))).backward()
            recorder.step(1.0, tokens=40)
            model.zero_grad()
    with h5py.File(path) as file:
        assert file["noise_step"][:].tolist() == [0, 2] and not np.isfinite(file["gradient_l2"][1])
        assert np.isfinite(file["noise_part_sum_squares"][:]).all()


def test_a_resumed_run_appends_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    for first in (0, 2):
        model = make(NanoGPT)
        with nf_probe.Recorder(path, model, noise_every=1, resume=True, first_step=first, on_error="raise") as recorder:
            for step in range(first, first + 4):
                for part in range(2):
                    loss_of(model, batch(2 * step + part)).backward()
                recorder.step(float(step), tokens=40)
                model.zero_grad()
    with h5py.File(path) as file:
        assert file["noise_step"][:].tolist() == file["step"][:].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("passes", "tokens", "words"), [(1, 40, "single backward pass"), (2, 0, "tokens="), (0, 40, "no gradients")]
)
def test_steps_that_cannot_be_cut(tmp_path: Path, passes: int, tokens: int, words: str) -> None:
    model = make(NanoGPT)
    recorder = nf_probe.Recorder(tmp_path / "run.h5", model, noise_every=1, on_error="raise")
    for part in range(passes):
        loss_of(model, batch(part)).backward()
    with pytest.raises(nf_probe.UsageError, match=words):
        recorder.step(1.0, tokens=tokens)


def test_gradients_that_arrive_more_often_than_passes(tmp_path: Path) -> None:
    model = make(NanoGPT)
    recorder = nf_probe.Recorder(tmp_path / "run.h5", model, noise_every=1, on_error="raise")
    weight = model.transformer["h"][0].mlp.c_proj.weight
    for part in range(2):
        ones = torch.ones((), requires_grad=True)
        twice = [checkpoint(lambda x: (x * weight).sum(), ones, use_reentrant=True) for _ in range(2)]
        (loss_of(model, batch(part)) + twice[0] + twice[1]).backward()
    with pytest.raises(nf_probe.UsageError, match="arrives"):
        recorder.step(1.0, tokens=40)
