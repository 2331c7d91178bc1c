"""Which worker holds which parameters: in a pipeline each has the layers of its stage, elsewhere all have the same."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from ..errors import UsageError
from .facts import head_count
from .flat_shards import FlatShard, flat_shards
from .gains import gain_offsets
from .parameters import trainable_parameters
from .sharding import Shard, is_distributed, reduced, shard_of, worker, worker_count


@dataclass(frozen=True)
class Held:
    """A parameter, as the workers together have it."""

    shape: tuple[int, ...]
    """Of the whole parameter."""
    owner: int
    """The first worker that holds it."""
    is_replica: bool
    """Whether each of its workers holds all of it, and must have the same gradient."""
    trains: bool
    """Whether it requires a gradient now."""


@dataclass(frozen=True)
class _Told:
    """What a worker tells the others."""

    held: Mapping[str, Held]
    offsets: Mapping[str, float]
    heads: int
    has_flat: bool


class Holdings:
    """The parameters of this worker and of all of them. Every worker makes one."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        """Looks at the modules of all workers.

        Args:
            modules: This worker's: the model, or its stages of a pipeline.

        Raises:
            UsageError: There is nothing that trains, or workers cannot have one model.
        """
        self.local: dict[str, Tensor] = trainable_parameters(modules)
        """This worker's parameters that train or may yet, by name."""
        self.flat: dict[str, FlatShard] = flat_shards(modules, self.local)
        """Those of them that `FullyShardedDataParallel` has put into flat vectors."""
        offsets: dict[str, float] = {}
        for module in modules:
            offsets |= gain_offsets(module)
        heads = next((heads for heads in map(head_count, modules) if heads), 0)
        own = {name: self._held(name, p) for name, p in self.local.items()}
        has_flat = any(not flat.is_whole for flat in self.flat.values())
        told = self._gathered(_Told(own, offsets, heads, has_flat))
        self.all: dict[str, Held] = _united([one.held for one in told])
        """Every worker's parameters, by name."""
        self.has_flat: bool = any(one.has_flat for one in told)
        """Whether any worker has a stretch of flattened parameters."""
        self.offsets: dict[str, float] = {}
        """What modules add to the gains that they store."""
        for one in reversed(told):
            self.offsets |= one.offsets
        self.heads: int = next((one.heads for one in told if one.heads), 0)
        """Attention heads of a layer; 0 where nobody knows."""
        self.first_peer: int = next(rank for rank, one in enumerate(told) if one.held.keys() == own.keys())
        """The first worker with the same parameters as this one."""
        self._has_data = _carries_data(modules, self.first_peer)

    def shard(self, name: str) -> Shard:
        """This worker's share of a parameter that it holds."""
        owner = self.all[name].owner
        if (flat := self._cut(name)) is not None:
            return Shard(flat.shape, (), owner in flat.workers, is_replica=False, flat_start=flat.start)
        return shard_of(self.local[name], owner)

    def values(self, name: str) -> Tensor:
        """The elements of a whole parameter in C order, float32; zeros on workers but one where it must be brought to
        others by `together`. Every worker calls this, as shards come together."""
        if (flat := self._cut(name)) is not None:
            own = self.local[name].detach().float().flatten()
            values = torch.zeros(prod(flat.shape), device=own.device)
            if self.shard(name).is_counted:
                values[flat.start : flat.start + own.numel()] = own
            return values
        if name not in self.local:
            return torch.zeros(prod(self.all[name].shape), device=self.device)
        parameter = self.local[name].detach()
        values = (parameter.full_tensor() if isinstance(parameter, DTensor) else parameter).float().flatten()
        return values if self._is_whole or worker() == self.all[name].owner else torch.zeros_like(values)

    def together(self, values: Tensor) -> Tensor:
        """Values of all workers, on the CPU."""
        return values.cpu() if self._is_whole else reduced(values, dist.ReduceOp.SUM)

    @functools.cached_property
    def _is_whole(self) -> bool:
        """Whether worker 0 holds every parameter, or can put it together by itself."""
        return not self.has_flat and all(held.owner == 0 for held in self.all.values())

    @property
    def device(self) -> torch.device:
        """Where this worker trains: frozen parameters may lie elsewhere."""
        devices = [p.device for p in sorted(self.local.values(), key=lambda p: not p.requires_grad)]
        return devices[0] if devices else torch.device("cpu")

    def carries_data(self, group: dist.ProcessGroup | None) -> bool:
        """Whether this worker's tokens and loss count: those of workers that share another one's data must not.

        Args:
            group: The workers with different data, as the caller states them; None for what the model's wrappers say.
        """
        if group is None or not is_distributed():
            return self._has_data
        return self.first_peer in dist.get_process_group_ranks(group)

    def _cut(self, name: str) -> FlatShard | None:
        flat = self.flat.get(name)
        return None if flat is None or flat.is_whole else flat

    def _held(self, name: str, parameter: Tensor) -> Held:
        flat = self._cut(name)
        is_replica = flat is None and not isinstance(parameter, DTensor)
        return Held(flat.shape if flat else tuple(parameter.shape), worker(), is_replica, parameter.requires_grad)

    @staticmethod
    def _gathered(own: _Told) -> list[_Told]:
        if not is_distributed():
            return [own]
        told: list[_Told | None] = [None] * worker_count()
        dist.all_gather_object(told, own)
        return [one for one in told if one is not None]


def _united(held: Sequence[Mapping[str, Held]]) -> dict[str, Held]:
    united: dict[str, Held] = {}
    for own in held:
        for name, parameter in own.items():
            first = united.setdefault(name, parameter)
            if first.shape != parameter.shape:
                raise UsageError(
                    f"workers {first.owner} and {parameter.owner} hold {name} in shapes {list(first.shape)} and "
                    f"{list(parameter.shape)}: shards can only be recorded as DTensor"
                )
    if not any(parameter.trains for parameter in united.values()):
        raise UsageError("none of the model's parameters requires a gradient")
    return united


def _carries_data(modules: Sequence[nn.Module], first_peer: int) -> bool:
    """The outermost data parallelism says whose data differ; of the others with one worker's data, the first counts."""
    if not is_distributed():
        return True
    for module in (inner for outer in modules for inner in outer.modules()):
        if (ranks := _data_workers(module)) is not None:
            return first_peer in ranks
    is_tensor_parallel = any(isinstance(p, DTensor) for module in modules for p in module.parameters())
    # Tensor parallelism alone: all workers see the same tokens.
    return worker() == first_peer if is_tensor_parallel else True


def _data_workers(module: nn.Module) -> list[int] | None:
    """The workers with different data among which a module's gradients are averaged; None where it does not average."""
    if isinstance(module, DistributedDataParallel):
        return list(dist.get_process_group_ranks(module.process_group))
    if isinstance(module, FullyShardedDataParallel):
        # Hybrid sharding averages between its groups, too.
        return list(range(worker_count()))
    if isinstance(module, FSDPModule):
        state = module._get_fsdp_state()
        groups = getattr(state, "_fsdp_param_groups", None) or [state._fsdp_param_group]
        return next((group.mesh_info.mesh.mesh.flatten().tolist() for group in groups if group is not None), None)
    return None
