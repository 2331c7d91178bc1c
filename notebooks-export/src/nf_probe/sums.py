"""Sums over the elements of gradients: what a run file holds of every tensor at every step."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

SUM_COUNT = 5
"""Σ|g|, Σg², max|g|, elements that are exactly zero, elements that are not finite; in this order."""

_BLOCK = 1 << 15
"""Elements that the CPU looks at together: their float64 copy stays in the second-level cache."""

_DOT = 1 << 13
"""Elements of a dot product: so few that the library makes it without threads of its own."""

_MOST_WORKERS = 4


def tensor_sums(gradients: list[Tensor], out: Tensor) -> None:
    """Writes the sums of each of some gradients, accumulated in float64.

    A non-finite element makes Σ|g|, Σg² and max|g| non-finite too, and is counted. Nothing waits for the device.

    Args:
        gradients: Local tensors of one device, of any shape and real floating type; they are not changed.
        out: `(gradient, sum)`, float64, on the same device, or on the CPU where the device has no float64.
    """
    if not gradients:
        return
    if gradients[0].device.type == "cpu":
        _cpu_sums(gradients, out)
    elif out.device.type == "cpu":
        # The device has no float64 (Apple's).
        tensor_sums([gradient.cpu() for gradient in gradients], out)
    else:
        _device_sums(gradients, out)


def _device_sums(gradients: list[Tensor], out: Tensor) -> None:
    filled = [(index, gradient) for index, gradient in enumerate(gradients) if gradient.numel() > 0]
    out.zero_()
    if not filled:
        return
    rows = torch.tensor([index for index, _ in filled], device=out.device)
    tensors = [gradient for _, gradient in filled]
    l1, l2, largest = (
        torch.stack(torch._foreach_norm(tensors, order, torch.float64)) for order in (1, 2, float("inf"))
    )
    finite = torch.stack([torch.isfinite(tensor).sum() for tensor in tensors])
    nonzero = torch.stack([torch.count_nonzero(tensor) for tensor in tensors])
    counts = torch.tensor([tensor.numel() for tensor in tensors], device=out.device)
    out[rows] = torch.stack([l1, l2 * l2, largest, (counts - nonzero).double(), (counts - finite).double()], dim=1)


def _cpu_sums(gradients: list[Tensor], out: Tensor) -> None:
    """NumPy rather than PyTorch, whose threads would wait for each other at every one of many short loops."""
    pieces = [(index, piece) for index, gradient in enumerate(gradients) for piece in _pieces(gradient)]
    partial = np.zeros((4, len(pieces)))
    workers = min(_MOST_WORKERS, torch.get_num_threads())

    def sum_some(first: int) -> None:
        scratch = _Scratch()
        for position in range(first, len(pieces), workers):
            partial[:, position] = scratch.sums(pieces[position][1])

    if workers == 1 or len(pieces) < 2 * workers:
        for first in range(workers):
            sum_some(first)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(sum_some, range(workers)))
    owners = np.array([index for index, _ in pieces], dtype=np.intp)
    ends = np.searchsorted(owners, np.arange(len(gradients) + 1))
    for index, gradient in enumerate(gradients):
        l1, squares, largest, smallest = partial[:, ends[index] : ends[index + 1]]
        row = [l1.sum(), squares.sum(), largest.max(initial=0), 0.0, 0.0]
        if not np.isfinite(row[0]):
            row[3:] = [_zeros(gradient), gradient.numel() - int(torch.isfinite(gradient).sum())]
        elif not smallest.all():
            # Counting costs as much as all the rest, and most pieces have no zero.
            row[3] = sum(_zeros(pieces[ends[index] + k][1]) for k in np.flatnonzero(smallest == 0))
        out[index] = torch.tensor(row, dtype=torch.float64)


class _Scratch:
    """Room for one piece at a time, which stays in the processor's cache."""

    def __init__(self) -> None:
        self._rounded = torch.empty(_BLOCK, dtype=torch.float32)
        self._absolute = {kind: np.empty(_BLOCK, dtype=kind) for kind in (np.float32, np.float64)}
        self._wide = np.empty(_BLOCK, dtype=np.float64)

    def sums(self, piece: Tensor) -> tuple[float, float, float, float]:
        """Σ|g|, Σg², the largest and the smallest |g|."""
        count = piece.numel()
        if piece.dtype in (torch.float32, torch.float64):
            values = piece.numpy()
        else:
            # 16 bits fit into 32 exactly.
            values = self._rounded[:count].view(piece.shape).copy_(piece).numpy()
        absolute = self._absolute[values.dtype.type][:count].reshape(values.shape)
        np.abs(values, out=absolute)
        flat = absolute.reshape(-1)
        wide = self._wide[:count]
        np.copyto(wide, flat)
        # NaNs and infinities are numbers like others here.
        with np.errstate(all="ignore"):
            squares = sum(float(np.dot(part, part)) for part in (wide[i : i + _DOT] for i in range(0, count, _DOT)))
            return float(np.add.reduce(wide)), squares, float(flat.max()), float(flat.min())


def _zeros(values: Tensor) -> int:
    return values.numel() - int(torch.count_nonzero(values))


def _pieces(gradient: Tensor) -> list[Tensor]:
    """Pieces of at most `_BLOCK` elements, without a copy; the columns of a matrix stay columns."""
    if gradient.numel() == 0:
        return []
    if gradient.is_contiguous():
        return list(gradient.view(-1).split(_BLOCK))
    if gradient.dim() == 2 and gradient.shape[1] <= _BLOCK:
        return list(gradient.split(max(1, _BLOCK // gradient.shape[1])))
    return list(gradient.reshape(-1).split(_BLOCK))
