"""Which elements of a fused parameter are one of its parts: queries of a q/k/v projection, the gate of a gated FFN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]

Fusion = Literal["equal", "queries", "heads", "gated", "alternating"]
"""How parts lie along a dimension.

`equal`: one after the other, of equal size. `queries`: queries, keys, values one after the other, of which the queries
are as many as the output projection's inputs. `heads`: by group of heads that share keys and values: its queries, its
keys, its values. `gated`: equal parts, each as wide as the following projection's inputs, or one part alone.
`alternating`: one element of each in turn.
"""


@dataclass(frozen=True)
class Cut:
    """Some indices of one dimension: of every stretch of `period`, the `length` ones from `offset` on."""

    dimension: int
    period: int
    offset: int
    length: int

    def count(self, shape: Shape) -> int:
        """Elements of the part."""
        return prod(shape) // self.period * self.length

    def of(self, values: Tensor, start: int) -> Tensor:
        """The part's elements.

        Args:
            values: All indices of the dimension, or a worker's share of them.
            start: Which index comes first.
        """
        size = values.shape[self.dimension]
        first, rest = divmod(start, self.period)
        if rest == 0 and size % self.period == 0:
            by_period: Tensor = values.unflatten(self.dimension, (size // self.period, self.period))
            return by_period.narrow(self.dimension + 1, self.offset, self.length)
        if start + size <= (first + 1) * self.period:
            # Inside one stretch.
            begin = min(max(self.offset - rest, 0), size)
            end = min(max(self.offset + self.length - rest, begin), size)
            return values.narrow(self.dimension, begin, end - begin)
        import torch  # Only who has tensors needs it: the package reads run files without PyTorch.

        place = torch.arange(start, start + size, device=values.device) % self.period
        chosen = (place >= self.offset) & (place < self.offset + self.length)
        return values.index_select(self.dimension, chosen.nonzero().flatten())


def of_stretch(cuts: Sequence[Cut], values: Tensor, start: int, shape: Shape) -> Tensor:
    """The elements that are in all of some cuts, among a stretch of a parameter's.

    Args:
        cuts: The cuts.
        values: The stretch, a vector.
        start: Where it begins in the parameter, whose elements are counted in C order.
        shape: The whole parameter's.
    """
    import torch

    place = torch.arange(start, start + values.numel(), device=values.device)
    chosen = torch.ones_like(place, dtype=torch.bool)
    for cut in cuts:
        index = place // prod(shape[cut.dimension + 1 :]) % shape[cut.dimension] % cut.period
        chosen &= (index >= cut.offset) & (index < cut.offset + cut.length)
    return values.flatten()[chosen]


def cut(
    fusion: Fusion, count: int, shape: Shape, dimension: int, *, inputs: int | None = None, heads: int = 0
) -> list[Cut] | None:  # fmt: skip
    """Where the parts of a fused parameter lie; None where that is not certain.

    Args:
        fusion: How they lie.
        count: How many there are.
        shape: The parameter's.
        dimension: Which one they lie along.
        inputs: Inputs of the projection that takes the queries' heads, or the FFN's hidden values.
        heads: Attention heads of a layer; 0 where nobody knows.

    Returns:
        One cut a part. For `gated`, none where the parameter is its last part alone.
    """
    if dimension >= len(shape) or not shape[dimension]:
        return None
    size = shape[dimension]
    if fusion in ("queries", "heads"):
        return _query_cuts(fusion, size, dimension, inputs, heads)
    if fusion == "gated" and size == inputs:
        return []
    if size % count or (fusion == "gated" and size != count * (inputs or 0)):
        return None
    part = size // count
    if fusion == "alternating":
        return [Cut(dimension, count, index, 1) for index in range(count)]
    return [Cut(dimension, size, index * part, part) for index in range(count)]


def _query_cuts(fusion: Fusion, size: int, dimension: int, inputs: int | None, heads: int) -> list[Cut] | None:
    if inputs is None or not 0 < inputs < size or (size - inputs) % 2:
        return None
    keys = (size - inputs) // 2
    groups = 1
    if fusion == "heads":
        if not heads or inputs % heads or keys % (inputs // heads):
            return None
        groups = keys // (inputs // heads)
        if heads % groups:
            return None
    lengths = [inputs // groups, keys // groups, keys // groups]
    offsets = [0, lengths[0], lengths[0] + lengths[1]]
    period = size // groups
    return [Cut(dimension, period, offset, length) for offset, length in zip(offsets, lengths, strict=True)]
