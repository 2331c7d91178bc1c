"""A training of a few steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

import nf_probe
from models import batch, loss_of


def train(
    model: nn.Module, path: Path | None, steps: int = 5, step: Callable[[nn.Module, Tensor], Tensor] = loss_of
) -> tuple[list[float], list[Tensor]]:
    """Losses and final parameters, recorded where there is a path."""
    torch.manual_seed(5)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    recorder = nf_probe.Recorder(path, model, optimizer, snapshot_every=1) if path else None
    losses = []
    for index in range(steps):
        loss = step(model, batch(index))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
        if recorder:
            recorder.step(loss)
        losses.append(loss.item())
    if recorder:
        recorder.close()
    return losses, [p.detach().clone() for p in model.parameters()]
