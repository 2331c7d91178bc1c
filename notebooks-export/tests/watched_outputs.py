"""What the tests of outputs share: trainings whose outputs hooks of their own see in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nf_probe
from models import NanoGPT, TorchEncoder, batch, loss_of

SUMS = ("l1", "sum_squares", "max_abs", "zeros", "nonfinite")
# Where a file has what passes a module: layer (None outside the layers), operation, module, whether it enters, part.
Place = tuple[int | None, str, str, bool, slice]
ALL = slice(None)
PLACES: dict[type[nn.Module], list[Place]] = {
    NanoGPT: [
        (0, "input", "transformer.h.0", True, ALL),
        (2, "input", "transformer.h.2", True, ALL),
        (1, "self_attn_layer_norm", "transformer.h.1.ln_1", False, ALL),
        (1, "self_attn.q_proj", "transformer.h.1.attn.c_attn", False, slice(0, 12)),
        (2, "self_attn.v_proj", "transformer.h.2.attn.c_attn", False, slice(24, 36)),
        (0, "self_attn", "transformer.h.0.attn.c_proj", True, ALL),
        (0, "self_attn.out_proj", "transformer.h.0.attn.c_proj", False, ALL),
        (2, "fc1", "transformer.h.2.mlp.c_fc", False, ALL),
        (2, "activation", "transformer.h.2.mlp.c_proj", True, ALL),
        (1, "fc2", "transformer.h.1.mlp.c_proj", False, ALL),
        (None, "decoder.layer_norm", "transformer.ln_f", False, ALL),
        (None, "decoder.output_projection", "lm_head", False, ALL),
    ],
    TorchEncoder: [
        (1, "input", "encoder.layers.1", True, ALL),
        (1, "self_attn.out_proj", "encoder.layers.1.self_attn", False, ALL),
        (2, "self_attn_layer_norm", "encoder.layers.2.norm1", False, ALL),
        (0, "fc1", "encoder.layers.0.linear1", False, ALL),
        (0, "activation", "encoder.layers.0.linear2", True, ALL),
        (None, "encoder.layer_norm", "encoder.norm", False, ALL),
        (None, "head", "head", False, ALL),
    ],
}


def cell(file: h5py.File, name: str, place: Place) -> np.ndarray:
    """A variable of one operation, by step."""
    layer, operation = place[:2]
    if layer is None:
        return file[f"stem_{name}"][:, file["stem_operation"].asstr()[:].tolist().index(operation)]
    return file[name][:, layer, file["operation"].asstr()[:].tolist().index(operation)]


@contextmanager
def watched(model: nn.Module, places: list[Place]) -> Iterator[dict[int, tuple[list[Tensor], list[Tensor]]]]:
    """What passes in float64, and the gradients that arrive."""
    found: dict[int, tuple[list[Tensor], list[Tensor]]] = {index: ([], []) for index in range(len(places))}
    handles = []

    def take(index: int, part: slice, value: Any) -> None:
        value = value[0] if isinstance(value, tuple) else value
        found[index][0].append(value.detach().double()[..., part])
        if value.requires_grad:
            value.register_hook(lambda g: found[index][1].append(g.detach().double()[..., part]))

    for index, (_, _, name, enters, part) in enumerate(places):
        module = model.get_submodule(name)
        if enters:
            handles.append(module.register_forward_pre_hook(lambda _m, a, i=index, p=part: take(i, p, a)))
        else:
            handles.append(module.register_forward_hook(lambda _m, _a, o, i=index, p=part: take(i, p, o)))
    yield found
    for handle in handles:
        handle.remove()


def check(file: h5py.File, step: int, places: list[Place], found: dict[int, tuple[list[Tensor], list[Tensor]]]) -> None:
    for index, place in enumerate(places):
        for kind, tensors in zip(("activation", "activation_gradient"), found[index], strict=True):
            values = torch.cat([tensor.flatten() for tensor in tensors])
            wanted = [values.abs().sum(), (values**2).sum(), values.abs().max(), (values == 0).sum(), 0]
            own = [cell(file, f"{kind}_{name}", place)[step] for name in SUMS]
            assert own == pytest.approx([float(w) for w in wanted], rel=1e-12), (place, kind)
        values = torch.cat([tensor.flatten() for tensor in found[index][0]])
        assert cell(file, "activation_count", place)[step] == values.numel()
        assert cell(file, "activation_sum_fourth_powers", place)[step] == pytest.approx(
            float((values**4).sum()), rel=1e-12
        )


Loss = Callable[[nn.Module, Tensor], Tensor]


def train(
    model: nn.Module, path: Path | None, *, steps: int = 3, loss: Loss = loss_of, parts: int = 2,
    between: Callable[[nn.Module], None] = lambda _: None, places: list[Place] | None = None, **options: Any,
) -> tuple[list[float], list[Tensor]]:  # fmt: skip
    """Losses, final parameters and the state of the random numbers; checked against hooks where there are places."""
    torch.manual_seed(5)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    options = {"outputs_every": 1, "weights_every": 0, "on_error": "raise", **options}
    recorder = nf_probe.Recorder(path, model, optimizer, **options) if path else None
    losses, passed = [], []
    for step in range(steps):
        with watched(model, places or []) as found:
            for part in range(parts):
                value = loss(model, batch(parts * step + part)) / parts
                value.backward()
                losses.append(value.item())
        passed.append(found)
        between(model)
        optimizer.step()
        optimizer.zero_grad()
        if recorder:
            recorder.step(value, tokens=48)
    if recorder and path:
        recorder.close()
        with h5py.File(path) as file:
            for step in range(steps):
                check(file, step, places or [], passed[step])
    return losses, [*(p.detach().clone() for p in model.parameters()), torch.get_rng_state()]


def assert_equal(one: tuple[list[float], list[Tensor]], other: tuple[list[float], list[Tensor]]) -> None:
    assert one[0] == other[0]
    assert all(torch.equal(a, b) for a, b in zip(one[1], other[1], strict=True))


def rows(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][:] for name in file if "activation_" in name or "attention_" in name}


def assert_same_rows(path: Path, other: Path, tolerance: float = 0) -> None:
    found, wanted = rows(path), rows(other)
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=tolerance, err_msg=name)
