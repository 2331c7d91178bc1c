"""What the sums of a step's passes add up to, on one worker and on all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from ..measuring.sharding import reduced

_MOST_WAITING = 1 << 12
"""Rows that wait on the device until they are added up: then it is waited for."""


@dataclass
class Rows:
    """Rows of sums by cell, of which all but one column add up and that one is the largest."""

    cell_count: int
    width: int
    largest: int
    """The column that does not add up."""
    none: float
    """The largest of nothing."""
    _waiting: list[tuple[int, Tensor]] = field(default_factory=list)
    _total: NDArray[np.float64] | None = None

    def add(self, cell: int, row: Tensor) -> None:
        """Adds a row, float64 on any device. It is waited for at the end, or where there are very many."""
        self._waiting.append((cell, row))
        if len(self._waiting) > _MOST_WAITING:
            self.total()

    def total(self) -> NDArray[np.float64]:
        """`(cell, column)`. Waits for the device."""
        if self._total is None:
            self._total = np.zeros((self.cell_count, self.width))
            self._total[:, self.largest] = self.none
        if self._waiting:
            cells = np.array([cell for cell, _ in self._waiting])
            rows = torch.stack([row for _, row in self._waiting]).cpu().double().numpy()
            added = np.arange(self.width) != self.largest
            # NaNs are numbers like others here.
            with np.errstate(invalid="ignore"):
                np.add.at(self._total, (cells[:, None], np.flatnonzero(added)), rows[:, added])
                np.maximum.at(self._total[:, self.largest], cells, rows[:, self.largest])
            self._waiting.clear()
        return self._total

    def of_all_workers(self) -> NDArray[np.float64]:
        """The same of all workers; every one of them calls this."""
        if self.cell_count == 0:
            return self.total()
        own = torch.from_numpy(self.total())
        # The largest of several numbers, one of which is none, is none.
        nan = own[:, self.largest].isnan().double()
        largest = torch.nan_to_num(own[:, self.largest], nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
        compared = reduced(torch.stack([largest, nan]), dist.ReduceOp.MAX)
        total = reduced(own, dist.ReduceOp.SUM).clone()
        total[:, self.largest] = torch.where(compared[1] > 0, torch.nan, compared[0])
        return total.numpy()
