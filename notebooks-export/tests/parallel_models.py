"""Models that can lie on several workers, and the loop that trains all of them alike."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Partial

import nf_probe
from models import VOCABULARY, NanoGPTBlock, batch

ROWS, LENGTH, STEPS, WIDTH = 12, 8, 3, 12


class Staged(nn.Module):
    """A model some of whose parts may be on another worker; the others keep their names."""

    def __init__(self, layers: int = 4) -> None:
        super().__init__()
        self.wte = nn.Embedding(VOCABULARY, WIDTH)
        self.h = nn.ModuleDict({str(index): NanoGPTBlock(WIDTH, 3) for index in range(layers)})
        self.ln_f = nn.LayerNorm(WIDTH)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.wte(x) if self.wte is not None else x
        for block in self.h.values():
            x = block(x)
        return self.lm_head(self.ln_f(x)) if self.lm_head is not None else x

    def stage(self, index: int, count: int) -> Staged:
        """The layers of one stage, the first ones' number rounded up."""
        part = copy.deepcopy(self)
        layers = len(self.h)
        begin, end = -(-layers * index // count), -(-layers * (index + 1) // count)
        part.h = nn.ModuleDict({name: block for name, block in part.h.items() if begin <= int(name) < end})
        if index > 0:
            part.wte = None
        if index < count - 1:
            part.ln_f = part.lm_head = None
        return part


class Experts(nn.Module):
    """Layers of experts, chosen by the token; an expert of every layer gets none."""

    def __init__(self, layers: int = 2, experts: int = 4) -> None:
        super().__init__()
        self.wte = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList()
        for _ in range(layers):
            layer = nn.Module()
            layer.norm = nn.LayerNorm(WIDTH)
            layer.w1 = nn.Parameter(torch.randn(experts, WIDTH, 2 * WIDTH) / 4)
            layer.w2 = nn.Parameter(torch.randn(experts, 2 * WIDTH, WIDTH) / 4)
            self.layers.append(layer)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.wte(tokens)
        for layer in self.layers:
            w1, w2 = (whole(layer.w1), whole(layer.w2))
            chosen = nn.functional.one_hot(tokens % (len(w1) - 1), len(w1)).to(x.dtype)
            hidden = torch.einsum("btd,edf->btef", layer.norm(x), w1).relu()
            x = x + torch.einsum("btef,efd,bte->btd", hidden, w2, chosen)
        logits: Tensor = self.lm_head(x)
        return logits


def whole(parameter: Tensor) -> Tensor:
    """All experts; the gradient goes back to the worker that has each, as a sum over workers."""
    return parameter.full_tensor(grad_placements=[Partial()]) if isinstance(parameter, DTensor) else parameter


def logits_loss(logits: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def rows(step: int, share: int = 0, shares: int = 1) -> Tensor:
    count = ROWS // shares
    return batch(step, ROWS, LENGTH)[share * count : (share + 1) * count]


def loop(recorder: nf_probe.Recorder, optimizer: Any, backward: Callable[[int], tuple[Tensor | None, int]]) -> None:
    """Some steps, of each of which `backward` gives the loss and its tokens."""
    for step in range(STEPS):
        loss, tokens = backward(step)
        optimizer.step()
        optimizer.zero_grad()
        recorder.step(loss, tokens=tokens)
    recorder.close()


def start(path: Path, model: Any, optimizer: Any, **options: Any) -> nf_probe.Recorder:
    return nf_probe.Recorder(
        path, model, optimizer, objective="causal", snapshot_every=1, flush_interval=0, on_error="raise",
        pattern=r"(?:.*\.)?(?:h|layers)\.(?P<layer>\d+)\.(?P<tensor>.+)", heads=3, **options,
    )  # fmt: skip


def train_whole(path: Path, model: nn.Module, share: int = 0, shares: int = 1) -> None:
    """A model that every worker has whole or sharded, and that is called as a whole."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorder = start(path, model, optimizer)

    def backward(step: int) -> tuple[Tensor, int]:
        tokens = rows(step, share, shares)
        loss = logits_loss(model(tokens[:, :-1]), tokens[:, 1:])
        loss.backward()
        return loss, tokens[:, 1:].numel()

    loop(recorder, optimizer, backward)


# One worker, to compare with
