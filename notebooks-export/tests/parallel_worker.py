"""One worker of a training that is spread in other ways than by data; `test_parallel.py` starts several with torchrun.

Usage: parallel_worker.py FOLDER WAY...
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy, fully_shard
from torch.distributed.fsdp.wrap import ModuleWrapPolicy
from torch.distributed.pipelining import PipelineStage
from torch.distributed.pipelining.schedules import (
    Schedule1F1B,
    ScheduleGPipe,
    ScheduleInterleaved1F1B,
    ScheduleInterleavedZeroBubble,
)
from torch.distributed.tensor import DTensor, Partial, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

import nf_probe
from distributed_worker import MLPStack, tensor_parallel
from models import VOCABULARY, NanoGPTBlock, batch, make

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


def single(path: Path) -> None:
    train_whole(path, make(Staged))


def single_experts(path: Path) -> None:
    train_whole(path, make(Experts))


# Sharding


def hybrid(path: Path) -> None:
    """Sharded among pairs of workers, with a copy on each pair; nobody states which differ in their data."""
    model, workers = make(Staged), dist.get_world_size()
    mesh = init_device_mesh("cpu", (workers // 2, 2), mesh_dim_names=("replicate", "shard"))
    for block in model.h.values():
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    train_whole(path, model, dist.get_rank(), workers)


def tensor_and_data(path: Path) -> None:
    """Tensor parallelism inside sharding: the mesh says that pairs of workers have the same data."""
    mesh = init_device_mesh("cpu", (dist.get_world_size() // 2, 2), mesh_dim_names=("dp", "tp"))
    model = make(MLPStack)
    tensor_parallel(model, mesh["tp"])
    fully_shard(model, mesh=mesh["dp"])
    train_whole(path, model, mesh["dp"].get_local_rank(), dist.get_world_size() // 2)


def single_stack(path: Path) -> None:
    train_whole(path, make(MLPStack))


def flattened(path: Path, strategy: ShardingStrategy = ShardingStrategy.FULL_SHARD, **options: Any) -> None:
    model = FullyShardedDataParallel(
        make(Staged), auto_wrap_policy=ModuleWrapPolicy({NanoGPTBlock}), use_orig_params=True,
        device_id=torch.device("cpu"), sharding_strategy=strategy, **options,
    )  # fmt: skip
    train_whole(path, model, dist.get_rank(), dist.get_world_size())


def flattened_unsharded(path: Path) -> None:
    flattened(path, ShardingStrategy.NO_SHARD)


def flattened_hybrid(path: Path) -> None:
    mesh = init_device_mesh("cpu", (dist.get_world_size() // 2, 2))
    flattened(path, ShardingStrategy.HYBRID_SHARD, device_mesh=mesh)


def flattened_for_good(path: Path) -> None:
    model = FullyShardedDataParallel(make(Staged), use_orig_params=False, device_id=torch.device("cpu"))
    train_whole(path, model)


# Pipelines


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


def expert_parallel(path: Path) -> None:
    """Each worker has some experts of every layer whole, and its own data."""
    model, workers = make(Experts), dist.get_world_size()
    mesh = init_device_mesh("cpu", (workers,), mesh_dim_names=("ep",))
    for layer in model.layers:
        for name in ("w1", "w2"):
            sharded = distribute_tensor(getattr(layer, name).data, mesh, [Shard(0)])
            setattr(layer, name, nn.Parameter(sharded))
    experts = [p for layer in model.layers for p in (layer.w1, layer.w2)]
    for parameter in model.parameters():
        if not isinstance(parameter, DTensor):
            parameter.register_post_accumulate_grad_hook(averaged)
    for parameter in experts:
        parameter.register_post_accumulate_grad_hook(divided)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorder = start(path, model, optimizer, data_group=dist.group.WORLD)

    def backward(step: int) -> tuple[Tensor, int]:
        tokens = rows(step, dist.get_rank(), workers)
        loss = logits_loss(model(tokens[:, :-1]), tokens[:, 1:])
        loss.backward()
        recorder.measure()
        return loss, tokens[:, 1:].numel()

    loop(recorder, optimizer, backward)


def divided(parameter: Tensor) -> None:
    parameter.grad.div_(dist.get_world_size())


def averaged(parameter: Tensor) -> None:
    dist.all_reduce(parameter.grad, dist.ReduceOp.SUM)
    parameter.grad.div_(dist.get_world_size())


class Gathered(torch.autograd.Function):
    """All workers' stretches of a sequence `(row, head, place, element)`, one after the other."""

    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, own)
        return torch.cat(parts, dim=2)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        return gradient.chunk(dist.get_world_size(), dim=2)[dist.get_rank()]


def context_parallel(path: Path) -> None:
    """Each worker has a stretch of every sequence: one share of the tokens, the same rows."""
    rank, workers = dist.get_rank(), dist.get_world_size()
    model = make(Staged)
    for block in model.h.values():
        block.forward = lambda x, block=block: with_others(block, x, rank, workers)
    wrapped = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorder = start(path, wrapped, optimizer)
    length = LENGTH // workers

    def backward(step: int) -> tuple[Tensor, int]:
        tokens = rows(step)
        own = slice(rank * length, (rank + 1) * length)
        loss = logits_loss(wrapped(tokens[:, :-1][:, own]), tokens[:, 1:][:, own])
        loss.backward()
        return loss, tokens[:, 1:][:, own].numel()

    loop(recorder, optimizer, backward)


def with_others(block: nn.Module, x: Tensor, rank: int, workers: int) -> Tensor:
    rows_, length, width = x.shape
    parts = block.attn["c_attn"](block.ln_1(x)).split(width, dim=2)
    heads = [p.view(rows_, length, block.heads, -1).transpose(1, 2).contiguous() for p in parts]
    keys, values = (Gathered.apply(part) for part in heads[1:])
    places = torch.arange(rank * length, (rank + 1) * length)
    mask = places[:, None] >= torch.arange(workers * length)[None, :]
    mixed = nn.functional.scaled_dot_product_attention(heads[0], keys, values, attn_mask=mask)
    x = x + block.attn["c_proj"](mixed.transpose(1, 2).reshape(rows_, length, width))
    return x + block.mlp["c_proj"](nn.functional.gelu(block.mlp["c_fc"](block.ln_2(x))))


WAYS: dict[str, Callable[[Path], None]] = {
    "single": single, "single-experts": single_experts, "single-stack": single_stack, "hybrid": hybrid,
    "tensor-and-data": tensor_and_data, "flattened": flattened, "flattened-unsharded": flattened_unsharded,
    "flattened-hybrid": flattened_hybrid, "flattened-for-good": flattened_for_good, "gpipe": gpipe,
    "1f1b": one_forward_one_backward, "interleaved": interleaved, "zero-bubble": zero_bubble,
    "pipeline-and-data": pipeline_and_data, "pipeline-and-sharding": pipeline_and_sharding,
    "experts": expert_parallel, "context": context_parallel,
}  # fmt: skip


def main(folder: Path, ways: list[str]) -> None:
    """One training after another; what the recorder refuses is written beside the files, by every worker."""
    torch.set_num_threads(1)
    if not ways[0].startswith("single"):
        dist.init_process_group("gloo")
    for way in ways:
        try:
            WAYS[way](folder / f"{way}.h5")
        except nf_probe.NFProbeError as error:
            (folder / f"{way}.{dist.get_rank()}.error").write_text(str(error))
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
        # Gloo's threads can abort a process that ends with a model of theirs alive.
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
