"""Sums over the elements of gradients: what a run file holds of every tensor at every step."""

from __future__ import annotations

import torch
from torch import Tensor

from .cpu_sums import cpu_sums

SUM_COUNT = 5
"""Σ|g|, Σg², max|g|, elements that are exactly zero, elements that are not finite; in this order."""
OUTPUT_SUM_COUNT = SUM_COUNT + 1
"""The same of an operation's output, and Σx⁴."""


_PIECE = 1 << 24
"""Elements whose float64 copies are made at once, where a device needs them."""


def tensor_sums(gradients: list[Tensor], out: Tensor) -> None:
    """Writes the sums of each of some gradients, accumulated in float64.

    A non-finite element makes Σ|g|, Σg² and max|g| non-finite too, and is counted. Nothing waits for the device.

    Args:
        gradients: Local tensors of one device, of any shape and real floating type; they are not changed.
        out: `(gradient, sum)`, float64, on the same device, or on the CPU where the device has no float64; of
            `SUM_COUNT` sums, or of `OUTPUT_SUM_COUNT`.
    """
    if not gradients:
        return
    if gradients[0].device.type == "cpu":
        out.copy_(cpu_sums(gradients, out.shape[1]))
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
    sums = [l1, l2 * l2, largest, (counts - nonzero).double(), (counts - finite).double()]
    if out.shape[1] > SUM_COUNT:
        sums.append(torch.stack([_fourth_powers(tensor) for tensor in tensors]))
    out[rows] = torch.stack(sums, dim=1)


def _fourth_powers(tensor: Tensor) -> Tensor:
    norms = [torch.linalg.vector_norm(piece, 4, dtype=torch.float64) for piece in tensor.flatten().split(_PIECE)]
    return torch.stack(norms).pow(4).sum()
