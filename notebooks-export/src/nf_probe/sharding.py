"""Which elements of a parameter a worker holds, and how sums over all workers come together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset
from torch.nn.parallel import DistributedDataParallel

from .cuts import Cut
from .errors import NFProbeError, UsageError


@dataclass(frozen=True)
class Shard:
    """A worker's share of one parameter."""

    shape: tuple[int, ...]
    """Of the whole parameter."""
    offset: tuple[int, ...]
    """Where the local elements begin in the whole."""
    is_counted: bool
    """Whether this worker's elements enter the sums: of several equal copies one does."""
    is_replica: bool
    """Whether every worker holds the whole parameter, and must have the same gradient."""


def shard_of(parameter: Tensor) -> Shard:
    """The share that this worker has of a parameter; of a plain tensor worker 0's copy counts."""
    shape = tuple(parameter.shape)
    if not isinstance(parameter, DTensor):
        return Shard(shape, (0,) * len(shape), worker() == 0, is_replica=True)
    mesh, placements = parameter.device_mesh, parameter.placements
    coordinate = mesh.get_coordinate()
    if coordinate is None:
        return Shard(shape, (0,) * len(shape), is_counted=False, is_replica=False)
    _, offset = compute_local_shape_and_global_offset(parameter.shape, mesh, placements)
    is_first = all(place == 0 for place, kind in zip(coordinate, placements, strict=True) if kind.is_replicate())
    # A mesh of some workers only: the others have copies on meshes of their own.
    has_worker_0 = bool((mesh.mesh == 0).any())
    return Shard(shape, tuple(offset), is_first and has_worker_0, is_replica=False)


def local_gradient(parameter: Tensor) -> Tensor | None:
    """The elements of a parameter's gradient that this worker holds; None where there is none.

    What a parameter has from before it was frozen is none.
    """
    gradient = parameter.grad if parameter.requires_grad else None
    if isinstance(gradient, DTensor):
        if isinstance(parameter, DTensor) and gradient.placements != parameter.placements:
            # Whole on every worker, or a sum over workers that is not made yet; the gradient itself stays as it is.
            gradient = gradient.redistribute(placements=parameter.placements)
        return gradient.to_local()
    return gradient


def part_of(gradient: Tensor, shard: Shard, rows: Cut | None) -> Tensor:
    """The local elements of one part of a fused parameter.

    Args:
        gradient: The local elements.
        shard: Where they lie.
        rows: Which elements of the whole parameter are meant; None for all.
    """
    return gradient if rows is None else rows.of(gradient, shard.offset[rows.dimension])


def worker() -> int:
    """This worker's number; 0 where there is only one."""
    return dist.get_rank() if is_distributed() else 0


def worker_count() -> int:
    """How many workers train together."""
    return dist.get_world_size() if is_distributed() else 1


def is_distributed() -> bool:
    """Whether a process group of several workers is there."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def reduced(values: Tensor, operation: dist.ReduceOp.RedOpType) -> Tensor:
    """`values` of all workers taken together; every worker calls this. float64, on the CPU."""
    if not is_distributed():
        return values.cpu()
    if values.device.type == "cpu" and dist.get_backend() == "nccl":
        values = values.to(torch.device("cuda", torch.cuda.current_device()))
    values = values.clone()
    dist.all_reduce(values, operation)
    return values.cpu()


_Result = TypeVar("_Result")


def by_worker_0(task: Callable[[], _Result]) -> _Result:
    """What `task` gives when worker 0 runs it, on every worker; an error is raised on every one, too."""
    if not is_distributed():
        return task()
    outcome: list[object] = [None, None]
    if worker() == 0:
        try:
            outcome[0] = task()
        except NFProbeError as error:
            outcome[1] = error
    dist.broadcast_object_list(outcome, src=0)
    if isinstance(outcome[1], NFProbeError):
        raise outcome[1]
    return cast(_Result, outcome[0])


def check_supported(model: nn.Module) -> None:
    """Refuses ways of sharding whose gradients cannot be told apart by parameter.

    Raises:
        UsageError: The model is wrapped in the old FSDP, or workers hold different parameters.
    """
    names: list[object] = [None] * worker_count()
    if is_distributed():
        dist.all_gather_object(names, [name for name, p in model.named_parameters() if p.requires_grad])
        if any(other != names[0] for other in names):
            raise UsageError("the workers hold different parameters (pipeline parallelism?), which cannot be recorded")
    for module in model.modules():
        if isinstance(module, FullyShardedDataParallel):
            raise UsageError(
                "FullyShardedDataParallel flattens parameters, so their gradients cannot be told apart; "
                "use torch.distributed.fsdp.fully_shard"
            )


def carries_data(model: nn.Module, group: dist.ProcessGroup | None) -> bool:
    """Whether this worker's tokens and loss count: those of workers that share another one's data must not.

    Args:
        model: The model.
        group: The workers with different data, as the caller states them; None to find out.

    Raises:
        UsageError: Parameters are cut in two ways and nobody says which of them cuts the data.
    """
    if not is_distributed():
        return True
    if group is not None:
        return 0 in dist.get_process_group_ranks(group)
    dimensions = {p.device_mesh.ndim for p in model.parameters() if isinstance(p, DTensor)}
    if not dimensions:
        return True
    is_data_parallel = any(isinstance(module, (FSDPModule, DistributedDataParallel)) for module in model.modules())
    if not is_data_parallel:
        # Tensor parallelism alone: all workers see the same tokens.
        return worker() == 0
    if max(dimensions) > 1:
        raise UsageError(
            "the parameters are sharded over a mesh of several dimensions; name the group of workers that have "
            'different data, e.g. data_group=mesh["dp"].get_group()'
        )
    return True
