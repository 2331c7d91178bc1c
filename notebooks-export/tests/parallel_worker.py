"""One worker of a training that is spread in other ways than by data; `test_parallel.py` starts several with torchrun.

Usage: parallel_worker.py FOLDER WAY...
"""

from __future__ import annotations

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
from torch.distributed.tensor import DTensor, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

import nf_probe
from distributed_worker import MLPStack, tensor_parallel
from models import NanoGPTBlock, make
from parallel_models import (
    LENGTH,
    Experts,
    Staged,
    logits_loss,
    loop,
    rows,
    start,
    train_whole,
)
from parallel_pipelines import (
    gpipe,
    interleaved,
    one_forward_one_backward,
    pipeline_and_data,
    pipeline_and_sharding,
    zero_bubble,
)


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
