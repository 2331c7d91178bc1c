"""Measures weights, and what an optimizer's step changed of them, whatever the optimizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from ..runfile.schema import MAGNITUDES
from .holdings import Holdings
from .layout import Layout
from .sharding import local_values, part_of, reduced
from .sums import SUM_COUNT, tensor_sums

_KINDS = ("weight", "update")

_GROUP_ELEMENTS = 1 << 24
"""Elements of parts that are summed together."""


class ParameterWatch:
    """Keeps the parameters as they are before a step's update, and sums them and what has changed after it.

    An update is what changed, not what a formula says: decay, clipping and learning rate are in it. All workers measure
    at the same steps.
    """

    def __init__(self, holdings: Holdings, layout: Layout, every: int, *, is_told: bool) -> None:
        """Prepares it.

        Args:
            holdings: Who holds which parameters.
            layout: Where sums go.
            every: Steps between two that are measured; 0 measures none.
            is_told: Whether `keep` will be called before each update; else parameters are kept when a step begins.
        """
        self._holdings = holdings
        self._layout = layout
        self._every = every
        self._is_told = is_told
        self._is_wanted = False
        self._before: dict[str, Tensor] = {}
        self._sums: Tensor | None = None

    def begin(self, step: int, *, is_recorded: bool) -> None:
        """A new step begins."""
        self._is_wanted = is_recorded and self._every > 0 and step % self._every == 0
        self._before.clear()
        self._sums = None
        if not self._is_told:
            self.keep()

    def keep(self) -> None:
        """An update begins: parameters are copied, if the step's are wanted and nobody has done so."""
        if self._is_wanted and not self._before:
            with torch.no_grad():
                self._before = {name: local_values(p).clone() for name, p in self._holdings.local.items()}

    def measure(self) -> None:
        """Sums this worker's weights and changes, if they are wanted. Nothing waits for the device."""
        if not self._is_wanted:
            return
        device = torch.device("cpu") if self._holdings.device.type == "mps" else self._holdings.device
        sums = torch.zeros(len(_KINDS), len(self._layout.parts), SUM_COUNT, dtype=torch.float64, device=device)
        with torch.no_grad():
            for places in self._groups():
                pairs = [self._pair(place) for place in places]
                own = torch.zeros(len(places), SUM_COUNT, dtype=torch.float64, device=device)
                tensor_sums([after for after, _ in pairs], own)
                sums[0, places] = own
                known = [place for place, (_, change) in zip(places, pairs, strict=True) if change is not None]
                changes = torch.zeros(len(known), SUM_COUNT, dtype=torch.float64, device=device)
                tensor_sums([change for _, change in pairs if change is not None], changes)
                sums[1, places] = torch.nan
                sums[1, known] = changes
        self._before.clear()
        self._sums = sums

    def discard(self) -> None:
        """What was kept is not what this step's update begins with."""
        self._before.clear()

    def _groups(self) -> Iterator[list[int]]:
        """Parts that this worker counts, so many at a time that the copies of their changes stay small."""
        group: list[int] = []
        size = 0
        for place, part in enumerate(self._layout.parts):
            if part.parameter in self._holdings.local and self._holdings.shard(part.parameter).is_counted:
                group.append(place)
                size += part.element_count
            if size > _GROUP_ELEMENTS:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _pair(self, place: int) -> tuple[Tensor, Tensor | None]:
        """The elements of one part after the update, and their change up to its sign; None where it is not known."""
        part = self._layout.parts[place]
        shard = self._holdings.shard(part.parameter)
        values = local_values(self._holdings.local[part.parameter])
        before = self._before.get(part.parameter)
        after = part_of(values, shard, part.cuts)
        if before is None or before.shape != values.shape:
            return after, None
        return after, _change(after, part_of(before, shard, part.cuts))

    def reduced(self) -> Mapping[str, NDArray[np.float64]]:
        """The sums of all workers, by variable; not a number at a step at which nothing is measured. Every worker calls
        this."""
        gradients = self._layout.gradients
        shape = (len(gradients.layer_names), len(gradients.tensor_names))
        result: dict[str, NDArray[np.float64]] = {}
        if not self._every:
            return result
        for kind, of_kind in enumerate(self._in_cells()):
            for name, flat in zip(MAGNITUDES, of_kind, strict=True):
                result[f"{_KINDS[kind]}_{name}"] = flat[: self._layout.grid_size].reshape(shape)
                if gradients.stem_tensor_names:
                    result[f"stem_{_KINDS[kind]}_{name}"] = flat[self._layout.grid_size :]
        return result

    def _in_cells(self) -> NDArray[np.float64]:
        """`(kind, sum, cell)`."""
        cells = np.array([part.cell for part in self._layout.parts])
        flat = np.zeros((len(_KINDS), len(MAGNITUDES), self._layout.cell_count))
        if self._sums is None:
            flat[:, :, cells] = np.nan
            return flat
        added = reduced(self._sums[:, :, :2].contiguous(), dist.ReduceOp.SUM)
        # The largest of several numbers, one of which is none, is none: only then is the sum none.
        finite = torch.nan_to_num(self._sums[:, :, 2], nan=torch.inf, posinf=torch.inf)
        largest = torch.where(added[:, :, 0].isnan(), added[:, :, 0], reduced(finite, dist.ReduceOp.MAX))
        # NaNs are numbers like others here.
        with np.errstate(invalid="ignore"):
            for kind in range(len(_KINDS)):
                for place in range(2):
                    np.add.at(flat[kind, place], cells, added[kind, :, place].numpy())
                np.maximum.at(flat[kind, 2], cells, largest[kind].numpy())
        return flat


def _change(after: Tensor, before: Tensor) -> Tensor:
    """What has changed, up to its sign. The copy from before is used up."""
    if after.element_size() >= 4:
        return before.sub_(after)
    # In 16 bits a difference can need more digits than its terms have.
    return before.float().sub_(after)
