"""Which elements of a parameter a worker holds, and how sums over all workers come together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from ..errors import NFProbeError
from ..names.cuts import Cut, of_stretch


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
    """Whether every worker that holds it holds all of it, and must have the same gradient."""
    flat_start: int | None = None
    """Of a parameter that is cut as a flat vector: where the local elements begin in it."""


def shard_of(parameter: Tensor, owner: int) -> Shard:
    """The share that this worker has of a parameter.

    Args:
        parameter: The parameter.
        owner: The first worker that holds it, or a part; of a plain tensor its copy counts.
    """
    shape = tuple(parameter.shape)
    if not isinstance(parameter, DTensor):
        return Shard(shape, (0,) * len(shape), worker() == owner, is_replica=True)
    mesh, placements = parameter.device_mesh, parameter.placements
    coordinate = mesh.get_coordinate()
    if coordinate is None:
        return Shard(shape, (0,) * len(shape), is_counted=False, is_replica=False)
    _, offset = compute_local_shape_and_global_offset(parameter.shape, mesh, placements)
    is_first = all(place == 0 for place, kind in zip(coordinate, placements, strict=True) if kind.is_replicate())
    # A mesh of some workers only: the others have copies on meshes of their own.
    has_owner = bool((mesh.mesh == owner).any())
    return Shard(shape, tuple(offset), is_first and has_owner, is_replica=False)


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


def local_values(parameter: Tensor) -> Tensor:
    """The elements of a parameter that this worker holds."""
    values = parameter.detach()
    return values.to_local() if isinstance(values, DTensor) else values


def part_of(gradient: Tensor, shard: Shard, cuts: Sequence[Cut]) -> Tensor:
    """The local elements of one part of a fused parameter.

    Args:
        gradient: The local elements.
        shard: Where they lie.
        cuts: Which elements of the whole parameter are meant, the last dimension first; none for all.
    """
    if not cuts:
        return gradient
    if shard.flat_start is not None:
        return of_stretch(cuts, gradient, shard.flat_start, shard.shape)
    for cut in cuts:
        gradient = cut.of(gradient, shard.offset[cut.dimension])
    return gradient


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
