"""Trainings in pipelines, for `parallel_worker.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.pipelining import PipelineStage
from torch.distributed.pipelining.schedules import (
    Schedule1F1B,
    ScheduleGPipe,
    ScheduleInterleaved1F1B,
    ScheduleInterleavedZeroBubble,
)
from torch.nn.parallel import DistributedDataParallel

from models import make
from parallel_models import (
    ROWS,
    Staged,
    logits_loss,
    loop,
    rows,
    start,
)


def pipeline(
    path: Path, kind: Any, stages_each: int = 1, ranks: list[int] | None = None, wrap: Any = None, share: int = 0,
    shares: int = 1,
) -> None:  # fmt: skip
    """Micro-batches of two rows; stages go round the workers."""
    ranks = ranks or list(range(dist.get_world_size()))
    group = dist.new_group(ranks, use_local_synchronization=True)
    place, count = ranks.index(dist.get_rank()), len(ranks) * stages_each
    whole_model = make(Staged)
    modules = [whole_model.stage(place + turn * len(ranks), count) for turn in range(stages_each)]
    called = [wrap(module) if wrap else module for module in modules]
    stages = [
        PipelineStage(module, place + turn * len(ranks), count, torch.device("cpu"), group=group)
        for turn, module in enumerate(called)
    ]
    is_single = stages_each == 1
    schedule = kind(stages[0] if is_single else stages, ROWS // shares // 2, loss_fn=logits_loss)
    optimizer = torch.optim.SGD([p for module in modules for p in module.parameters()], lr=0.1)
    recorder = start(path, called if not is_single else called[0], optimizer, pipeline=schedule)
    has_loss = any(stage.is_last for stage in stages)

    def backward(step: int) -> tuple[Tensor | None, int]:
        tokens = rows(step, share, shares)
        losses: list[Tensor] = []
        inputs = (tokens[:, :-1].contiguous(),) if any(stage.is_first for stage in stages) else ()
        targets = {"target": tokens[:, 1:].contiguous(), "losses": losses} if has_loss else {}
        schedule.step(*inputs, **targets)
        return (torch.stack(losses).mean() if has_loss else None), tokens[:, 1:].numel()

    loop(recorder, optimizer, backward)


def gpipe(path: Path) -> None:
    pipeline(path, ScheduleGPipe)


def one_forward_one_backward(path: Path) -> None:
    pipeline(path, Schedule1F1B)


def interleaved(path: Path) -> None:
    pipeline(path, ScheduleInterleaved1F1B, stages_each=2)


def zero_bubble(path: Path) -> None:
    pipeline(path, ScheduleInterleavedZeroBubble, stages_each=2)


def pipeline_and_data(path: Path) -> None:
    """Two pipelines of two stages, each stage averaged between them."""
    rank = dist.get_rank()
    peers = [dist.new_group([stage, stage + 2]) for stage in (0, 1)][rank % 2]
    first = rank - rank % 2

    def wrap(module: nn.Module) -> nn.Module:
        # It finds its buckets anew after the first pass, and fails where micro-batches make several.
        return DistributedDataParallel(module, process_group=peers, find_unused_parameters=True)

    pipeline(path, ScheduleGPipe, ranks=[first, first + 1], wrap=wrap, share=rank // 2, shares=2)


def pipeline_and_sharding(path: Path) -> None:
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("dp", "pp"))

    def wrap(module: nn.Module) -> nn.Module:
        return fully_shard(module, mesh=mesh["dp"])  # type: ignore[return-value]

    rank = dist.get_rank()
    first = rank - rank % 2
    pipeline(path, ScheduleGPipe, ranks=[first, first + 1], wrap=wrap, share=rank // 2, shares=2)


# Experts and contexts
