"""Sums over the elements of gradients: what a run file holds of every tensor at every step."""

from __future__ import annotations

import torch
from torch import Tensor

SUM_COUNT = 5
"""Σ|g|, Σg², max|g|, elements that are exactly zero, elements that are not finite; in this order."""

_BLOCK = 1 << 15
"""Elements that the CPU looks at together: their float64 copy stays in the second-level cache, and PyTorch does not
start threads for so few."""


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
        scratch = torch.empty(_BLOCK, dtype=torch.float64)
        for index, gradient in enumerate(gradients):
            _cpu_sums(gradient, out[index], scratch)
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


def _cpu_sums(gradient: Tensor, out: Tensor, scratch: Tensor) -> None:
    blocks = _blocks(gradient)
    partial = torch.empty(4, len(blocks), dtype=torch.float64)
    for index, block in enumerate(blocks):
        values = scratch[: block.numel()].view(block.shape)
        values.copy_(block)
        flat = values.view(-1)
        torch.dot(flat, flat, out=partial[1, index])
        flat.abs_()
        torch.sum(flat, dim=0, out=partial[0, index])
        torch.aminmax(flat, out=(partial[3, index], partial[2, index]))
    out.zero_()
    if not blocks:
        return
    out[0] = partial[0].sum()
    out[1] = partial[1].sum()
    out[2] = partial[2].amax()
    if torch.isfinite(out[0]):
        # Counting costs as much as all the rest, and most blocks have no zero.
        with_zeros = (partial[3] == 0).nonzero().flatten().tolist()
        out[3] = sum(blocks[index].numel() - int(torch.count_nonzero(blocks[index])) for index in with_zeros)
    else:
        out[3] = gradient.numel() - torch.count_nonzero(gradient)
        out[4] = gradient.numel() - torch.isfinite(gradient).sum()


def _blocks(gradient: Tensor) -> list[Tensor]:
    """Pieces of at most `_BLOCK` elements, without a copy; the columns of a matrix stay columns."""
    if gradient.numel() == 0:
        return []
    if gradient.is_contiguous():
        return list(gradient.view(-1).split(_BLOCK))
    if gradient.dim() == 2 and gradient.shape[1] <= _BLOCK:
        return list(gradient.split(max(1, _BLOCK // gradient.shape[1])))
    return list(gradient.reshape(-1).split(_BLOCK))
