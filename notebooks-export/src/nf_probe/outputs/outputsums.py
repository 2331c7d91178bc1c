"""The sums of what modules take and give, pass by pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.utils import _python_dispatch

from ..measuring.sums import OUTPUT_SUM_COUNT, SUM_COUNT, tensor_sums
from ..runfile.outputrow import LARGEST, LARGEST_LOGIT
from .attention import HEAD_SUM_COUNT
from .tally import Rows
from .taps import Tap, Taps

OutputRows = list[tuple[int, int, Tensor]]
"""Of each tap its cell, how many elements it has, and their sums."""


class StepTally:
    """What the passes of one step have left so far. A pass counts once its backward pass reaches it."""

    def __init__(self, taps: Taps, heads: int) -> None:
        self.outputs = Rows(taps.cell_count, OUTPUT_SUM_COUNT, LARGEST, 0)
        self.gradients = Rows(taps.cell_count, SUM_COUNT, LARGEST, 0)
        self.heads = Rows(taps.layer_count * heads, HEAD_SUM_COUNT, LARGEST_LOGIT, -np.inf)
        self.counts = np.zeros((2, taps.cell_count))
        """Elements of outputs, and of gradients."""
        self.attended = np.zeros(taps.layer_count)
        """Calls of attention by layer."""
        self._lock = threading.Lock()

    def add_outputs(self, rows: OutputRows) -> None:
        """Adds what passed; from any thread."""
        self._add(rows, self.outputs, self.counts[0])

    def add_gradients(self, rows: OutputRows) -> None:
        """Adds what arrived; from any thread."""
        self._add(rows, self.gradients, self.counts[1])

    def add_heads(self, layer: int, sums: Tensor) -> None:
        """Adds the heads of one call of attention, `(head, sum)`; from any thread."""
        with self._lock:
            self.attended[layer] += 1
            for head, row in enumerate(sums):
                self.heads.add(layer * len(sums) + head, row)

    def _add(self, rows: OutputRows, to: Rows, counts: NDArray[np.float64]) -> None:
        with self._lock:
            for cell, count, row in rows:
                to.add(cell, row)
                counts[cell] += count


def first_tensor(values: Any) -> Tensor | None:
    """The first tensor of real numbers among what a module takes or gives."""
    if isinstance(values, Tensor):
        # What is spread over workers is nowhere whole.
        is_plain = values.is_floating_point() and values.layout == torch.strided and not isinstance(values, DTensor)
        return values if is_plain else None
    members = values.values() if isinstance(values, Mapping) else values if isinstance(values, (tuple, list)) else ()
    return next((found for value in members if (found := first_tensor(value)) is not None), None)


def _part(tap: Tap, values: Tensor) -> Tensor | None:
    """The elements that are meant; None where they cannot be told apart."""
    if tap.cut is None:
        return values
    if values.shape[-1] % tap.cut.period:
        return None
    return replace(tap.cut, dimension=values.dim() - 1).of(values, 0)


def rows_of(taps: list[Tap], values: Tensor, sum_count: int) -> OutputRows:
    """What passes some taps, or arrives there."""
    parts = [(tap.cell, part) for tap in taps if (part := _part(tap, values)) is not None]
    # Apple's accelerators have no float64.
    device = torch.device("cpu") if values.device.type == "mps" else values.device
    sums = torch.zeros(len(parts), sum_count, dtype=torch.float64, device=device)
    tensor_sums([part for _, part in parts], sums)
    return [(cell, part.numel(), row) for (cell, part), row in zip(parts, sums, strict=True)]


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Computes apart from what the script has switched on: gradients, 16 bits, selective checkpointing."""
    modes = getattr(_python_dispatch, "_disable_current_modes", nullcontext)
    with torch.no_grad(), torch.autocast(device.type, enabled=False), modes():
        yield
