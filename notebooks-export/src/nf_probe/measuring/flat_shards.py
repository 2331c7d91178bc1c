"""Parameters that `FullyShardedDataParallel` has put into one flat vector, of which each worker holds a stretch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel

from ..errors import UsageError


@dataclass(frozen=True)
class FlatShard:
    """A worker's stretch of one parameter."""

    shape: tuple[int, ...]
    """Of the whole parameter."""
    start: int
    """Where the local elements begin in the whole, in C order."""
    workers: tuple[int, ...]
    """The workers that the whole is cut between; with hybrid sharding others have copies."""
    is_whole: bool
    """Whether it is not cut, and every worker has all of it."""
    vector: Tensor
    """The flat vector, in which gradients arrive."""


def flat_shards(modules: Sequence[nn.Module], parameters: Mapping[str, Tensor]) -> dict[str, FlatShard]:
    """The flattened ones among some parameters, by name.

    Raises:
        UsageError: Parameters are not kept apart (`use_orig_params=False`).
    """
    names = {id(parameter): name for name, parameter in parameters.items()}
    found: dict[str, FlatShard] = {}
    for module in (inner for outer in modules for inner in outer.modules()):
        handle = module._handle if isinstance(module, FullyShardedDataParallel) else None
        if handle is None:
            continue
        vector = handle.flat_param
        if vector._params is None:
            raise UsageError(
                "FullyShardedDataParallel flattens parameters, so that their gradients cannot be told apart: "
                "use_orig_params=True keeps them apart, as torch.distributed.fsdp.fully_shard does"
            )
        workers = tuple(dist.get_process_group_ranks(handle.process_group))
        for parameter, shape, share in zip(vector._params, vector._shapes, vector._shard_param_infos, strict=True):
            if (name := names.get(id(parameter))) is not None:
                start = share.intra_param_start_idx if share.in_shard else 0
                found[name] = FlatShard(tuple(shape), start or 0, workers, not handle.uses_sharded_strategy, vector)
    return found
