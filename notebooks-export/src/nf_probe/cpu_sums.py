"""Sums over the elements of gradients in the processor's memory.

NumPy rather than PyTorch, whose threads would wait for each other at every one of many short loops.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_SHORT = 1 << 12
"""Gradients of at most so many elements are summed together: calls cost more than their elements."""

_BLOCK = 1 << 15
"""Elements of longer ones that are looked at together: their float64 copy stays in the second-level cache."""

_DOT = 1 << 13
"""Elements of a dot product: so few that the library makes it without threads of its own."""

_WORTH_THREADS = 1 << 19
"""Elements from which on threads save more than their start costs."""

_MOST_WORKERS = 4


def cpu_sums(gradients: list[Tensor]) -> Tensor:
    """The sums of each gradient: `(gradient, sum)`, float64, as `tensor_sums` writes them."""
    rows = np.zeros((len(gradients), 5))
    short = [index for index, gradient in enumerate(gradients) if 0 < gradient.numel() <= _SHORT]
    long = [index for index, gradient in enumerate(gradients) if gradient.numel() > _SHORT]
    # NaNs and infinities are numbers like others here.
    with np.errstate(all="ignore"):
        if short:
            rows[short] = _sums_of_short([gradients[index] for index in short])
        if long:
            rows[long] = _sums_of_long([gradients[index] for index in long])
    return torch.from_numpy(rows)


def _sums_of_short(gradients: list[Tensor]) -> NDArray[np.float64]:
    starts = np.cumsum([0] + [gradient.numel() for gradient in gradients[:-1]])
    absolute = np.abs(torch.cat([gradient.reshape(-1) for gradient in gradients]).double().numpy())
    return np.stack(
        [
            np.add.reduceat(absolute, starts),
            np.add.reduceat(absolute * absolute, starts),
            np.maximum.reduceat(absolute, starts),
            np.add.reduceat(absolute == 0, starts, dtype=np.float64),
            np.add.reduceat(~np.isfinite(absolute), starts, dtype=np.float64),
        ],
        axis=1,
    )


def _sums_of_long(gradients: list[Tensor]) -> NDArray[np.float64]:
    by_gradient = [_pieces(gradient) for gradient in gradients]
    pieces = [piece for own in by_gradient for piece in own]
    starts = np.cumsum([0] + [len(own) for own in by_gradient[:-1]])
    l1, squares, largest, smallest = _sums_of_pieces(pieces)
    rows = np.zeros((len(gradients), 5))
    rows[:, 0] = np.add.reduceat(l1, starts)
    rows[:, 1] = np.add.reduceat(squares, starts)
    rows[:, 2] = np.maximum.reduceat(largest, starts)
    # Counting costs as much as all the rest, and most pieces have no zero.
    for index in np.flatnonzero(np.minimum.reduceat(smallest, starts) == 0):
        has_zeros = smallest[starts[index] :] == 0
        rows[index, 3] = sum(_zeros(piece) for place, piece in enumerate(by_gradient[index]) if has_zeros[place])
    for index in np.flatnonzero(~np.isfinite(rows[:, 0])):
        gradient = gradients[index]
        rows[index, 3:] = [_zeros(gradient), gradient.numel() - int(torch.isfinite(gradient).sum())]
    return rows


def _sums_of_pieces(pieces: list[Tensor]) -> NDArray[np.float64]:
    """`(sum, piece)`: Σ|g|, Σg², the largest and the smallest |g|."""
    sums = np.zeros((4, len(pieces)))
    workers = min(_MOST_WORKERS, torch.get_num_threads())

    def sum_some(first: int, stride: int) -> None:
        scratch = _Scratch(max(piece.numel() for piece in pieces))
        with np.errstate(all="ignore"):
            for position in range(first, len(pieces), stride):
                sums[:, position] = scratch.sums(pieces[position])

    if workers == 1 or sum(piece.numel() for piece in pieces) < _WORTH_THREADS:
        sum_some(0, 1)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(sum_some, range(workers), [workers] * workers))
    return sums


class _Scratch:
    """Room for one piece at a time, which stays in the processor's cache."""

    def __init__(self, most: int) -> None:
        self._rounded = torch.empty(most, dtype=torch.float32)
        self._wide = np.empty(most)
        self._absolute: dict[type[np.generic], NDArray[Any]] = {
            kind: np.empty(most, kind) for kind in (np.float32, np.float64)
        }

    def sums(self, piece: Tensor) -> tuple[float, float, float, float]:
        """Σ|g|, Σg², the largest and the smallest |g|."""
        count = piece.numel()
        if piece.dtype in (torch.float32, torch.float64):
            values = piece.numpy()
        else:
            # 16 bits fit into 32 exactly.
            values = self._rounded[:count].view(piece.shape).copy_(piece).numpy()
        flat = self._absolute[values.dtype.type][:count]
        np.abs(values, out=flat.reshape(values.shape))
        wide = self._wide[:count]
        np.copyto(wide, flat)
        squares = sum(float(np.dot(part, part)) for part in (wide[i : i + _DOT] for i in range(0, count, _DOT)))
        return float(np.add.reduce(wide)), squares, float(flat.max()), float(flat.min())


def _zeros(values: Tensor) -> int:
    return values.numel() - int(torch.count_nonzero(values))


def _pieces(gradient: Tensor) -> list[Tensor]:
    """Pieces of at most `_BLOCK` elements, without a copy; the columns of a matrix stay columns."""
    if gradient.is_contiguous():
        return list(gradient.view(-1).split(_BLOCK))
    if gradient.dim() == 2 and gradient.shape[1] <= _BLOCK:
        return list(gradient.split(max(1, _BLOCK // gradient.shape[1])))
    return list(gradient.reshape(-1).split(_BLOCK))
