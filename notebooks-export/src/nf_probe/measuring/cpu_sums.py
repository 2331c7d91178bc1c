"""Sums over the elements of gradients in the processor's memory."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_SHORT = 1 << 12
"""Gradients of at most so many elements are summed together: calls cost more than their elements."""

_BLOCK = 1 << 19
"""Elements of longer ones that are looked at together: their float64 copy stays in the cache that all cores share, and
each core has enough to do that the cores' waiting for each other does not count."""


def cpu_sums(gradients: list[Tensor], sum_count: int = 5) -> Tensor:
    """The sums of each gradient: `(gradient, sum)`, float64, as `tensor_sums` writes them; a sixth one is Σg⁴."""
    has_fourth = sum_count > 5
    # Scripts may have made another device the default one.
    rows = torch.zeros(len(gradients), sum_count, dtype=torch.float64, device="cpu")
    short = [index for index, gradient in enumerate(gradients) if 0 < gradient.numel() <= _SHORT]
    if short:
        rows[short] = torch.from_numpy(_sums_of_short([gradients[index] for index in short], has_fourth))
    long = [index for index, gradient in enumerate(gradients) if gradient.numel() > _SHORT]
    if long:
        scratch = _Scratch(max(gradients[index].numel() for index in long))
        for index in long:
            rows[index] = torch.from_numpy(_sums_of_long(gradients[index], scratch, has_fourth))
    return rows


def _sums_of_short(gradients: list[Tensor], has_fourth: bool) -> NDArray[np.float64]:
    starts = np.cumsum([0] + [gradient.numel() for gradient in gradients[:-1]])
    absolute = np.abs(torch.cat([gradient.reshape(-1) for gradient in gradients]).double().numpy())
    # NaNs and infinities are numbers like others here.
    with np.errstate(all="ignore"):
        squares = absolute * absolute
        sums = [
            np.add.reduceat(absolute, starts),
            np.add.reduceat(squares, starts),
            np.maximum.reduceat(absolute, starts),
            np.add.reduceat(absolute == 0, starts, dtype=np.float64),
            np.add.reduceat(~np.isfinite(absolute), starts, dtype=np.float64),
        ]
        if has_fourth:
            sums.append(np.add.reduceat(squares * squares, starts))
        return np.stack(sums, axis=1)


def _sums_of_long(gradient: Tensor, scratch: _Scratch, has_fourth: bool) -> NDArray[np.float64]:
    l1 = squares = largest = zeros = fourth = 0.0
    for piece in _pieces(gradient):
        own_l1, own_squares, own_largest, smallest = scratch.sums(piece)
        l1 += own_l1
        squares += own_squares
        if has_fourth:
            fourth += scratch.fourth_powers(piece.numel())
        largest = max(largest, own_largest)
        # Counting costs as much as all the rest, and most pieces have no zero.
        if smallest == 0:
            zeros += _zeros(piece)
    if not np.isfinite(l1):
        # The largest of several numbers, one of which is none, is none.
        largest = l1 if np.isnan(l1) else largest
        nonfinite = gradient.numel() - int(torch.isfinite(gradient).sum())
        zeros = _zeros(gradient)
    else:
        nonfinite = 0
    return np.array([l1, squares, largest, zeros, nonfinite, *([fourth] if has_fourth else [])])


class _Scratch:
    """Room for one piece at a time."""

    def __init__(self, most: int) -> None:
        self._absolute = torch.empty(min(most, _BLOCK), dtype=torch.float32, device="cpu")
        self._wide = torch.empty(min(most, _BLOCK), dtype=torch.float64, device="cpu")

    def sums(self, piece: Tensor) -> tuple[float, float, float, float]:
        """Σ|g|, Σg², the largest and the smallest |g|."""
        count = piece.numel()
        wide = self._wide[:count]
        absolute = wide if piece.dtype == torch.float64 else self._absolute[:count]
        shaped = absolute.view(piece.shape)
        if piece.dtype == absolute.dtype:
            torch.abs(piece, out=shaped)
        else:
            # 16 bits fit into 32 exactly.
            shaped.copy_(piece).abs_()
        if absolute is not wide:
            wide.copy_(absolute)
        least, largest = torch.aminmax(absolute)
        return float(wide.sum()), float(torch.dot(wide, wide)), float(largest), float(least)

    def fourth_powers(self, count: int) -> float:
        """Σg⁴ of the piece that was summed last, which is used up."""
        squares = self._wide[:count].square_()
        return float(torch.dot(squares, squares))


def _zeros(values: Tensor) -> int:
    return values.numel() - int(torch.count_nonzero(values))


def _pieces(gradient: Tensor) -> list[Tensor]:
    """Pieces of at most `_BLOCK` elements, without a copy; the columns of a matrix stay columns."""
    if gradient.is_contiguous():
        return list(gradient.view(-1).split(_BLOCK))
    if gradient.dim() == 2 and gradient.shape[1] <= _BLOCK:
        return list(gradient.split(max(1, _BLOCK // gradient.shape[1])))
    return list(gradient.reshape(-1).split(_BLOCK))
