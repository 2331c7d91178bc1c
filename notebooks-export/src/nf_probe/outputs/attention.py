"""What heads of attention do: entropies, largest logits and what the first token gets, from queries, keys and masks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

HEAD_SUM_COUNT = 5
"""Of each head: queries that see more than one key, Σ of their entropies, those of them that see the first token, Σ of
its probabilities; the largest logit of the former, -∞ where there is none. As in nf-probe's own loop."""

_CHUNK = {"cpu": 1 << 20}
_LARGE_CHUNK = 1 << 23
"""Logits that are looked at together: what is computed anew stays small, on the processor within its cache."""

_MASKED = -1e8
"""Masks that are added to logits have larger negative numbers than any logit."""


@dataclass(frozen=True)
class _Visible:
    """Which keys queries see; dimensions of extent 1 stand for all."""

    keys: Tensor
    """`(sequence, head, query, key)`, bool."""

    @property
    def of_any_query(self) -> Tensor:
        """`(sequence, head, 1, key)`: a key that no query sees is padding."""
        return self.keys.any(dim=-2, keepdim=True)


def of_projections(
    query: Tensor, key: Tensor, mask: Tensor | None, *, is_causal: bool, scale: float | None
) -> Tensor:  # fmt: skip
    """The sums of `scaled_dot_product_attention`'s heads.

    Args:
        query: `(sequence, head, query, width)`.
        key: `(sequence, head, key, width)`; each of its heads serves equally many of the queries'.
        mask: Broadcastable to `(sequence, head, query, key)`: whether a query sees a key, or what its logit gets added.
        is_causal: Whether a query sees the keys that stand no later than it.
        scale: Of the logits; None for one over the root of the width.

    Returns:
        `(head, sum)`, float64.
    """
    sequences, heads, length, width = query.shape
    keys = key.shape[-2]
    number = torch.float64 if query.dtype == torch.float64 else torch.float32
    factor = 1 / math.sqrt(width) if scale is None else scale
    visible, bias = None, None
    if is_causal:
        visible = _Visible(torch.ones(length, keys, dtype=torch.bool, device=query.device).tril()[None, None])
    elif mask is not None:
        mask = mask[(None,) * (4 - mask.dim())]
        visible = _Visible(mask if mask.dtype == torch.bool else _is_seen(mask))
        bias = None if mask.dtype == torch.bool else mask
    groups = heads // key.shape[1]
    sums = _Sums(visible, heads, length, keys, query.device)
    for some, rows in _chunks(query.device, sequences, heads, length, keys):
        # Query heads that share a key head stand side by side.
        grouped = query[some, :, rows].to(number).unflatten(1, (-1, groups))
        logits = (grouped @ key[some].to(number).unsqueeze(2).transpose(-1, -2)).flatten(1, 2)
        # Not sooner: products of 16 bits are exact, also where a device rounds what it multiplies.
        logits *= factor
        if bias is not None:
            logits += _part(bias, some, rows).to(number)
        sums.add(logits, some, rows)
    return sums.total


def of_logits(logits: Tensor, uncapped: Tensor | None = None, cap: float = 1) -> Tensor:
    """The sums of heads whose softmax is made from logits, masks added.

    Args:
        logits: `(sequence, head, query, key)`.
        uncapped: The same before a cap, without masks, over `cap`; None where there is no cap.
        cap: The largest logit that the cap leaves.

    Returns:
        `(head, sum)`, float64.
    """
    sequences, heads, length, keys = logits.shape
    number = torch.float64 if logits.dtype == torch.float64 else torch.float32
    sums = _Sums(_Visible(_is_seen(logits)), heads, length, keys, logits.device)
    for some, rows in _chunks(logits.device, sequences, heads, length, keys):
        before = None if uncapped is None else uncapped[some, :, rows].to(number) * cap
        sums.add(logits[some, :, rows].to(number, copy=True), some, rows, before)
    return sums.total


def _is_seen(logits: Tensor) -> Tensor:
    # A number that is none is a logit, too.
    return ~(logits <= max(torch.finfo(logits.dtype).min / 2, _MASKED))


class _Sums:
    """Adds up chunks of logits."""

    def __init__(self, visible: _Visible | None, heads: int, queries: int, keys: int, device: torch.device) -> None:
        # Apple's accelerators have no float64.
        self._wide = torch.float32 if device.type == "mps" else torch.float64
        self._visible = visible
        self._keys = keys
        self.total = torch.zeros(heads, HEAD_SUM_COUNT, dtype=self._wide, device=device)
        """`(head, sum)`."""
        self.total[:, 4] = -torch.inf
        if visible is not None:
            any_query = visible.of_any_query
            self._first = any_query.int().argmax(dim=-1, keepdim=True)
            # Of a sequence with itself: a token whose key nobody sees is padding, and so is its query.
            is_square = queries == keys == any_query.shape[-1]
            self._is_query = any_query.transpose(-1, -2) if is_square else None

    def add(self, logits: Tensor, some: slice, rows: slice, uncapped: Tensor | None = None) -> None:
        """Adds some queries of some sequences; the logits are used up, also those before a cap."""
        shape = logits.shape[:3]
        if self._visible is None:
            is_query = torch.ones((), dtype=torch.bool, device=logits.device).expand(shape)
            is_first_seen, has_choice = is_query, is_query & (self._keys > 1)
            first = torch.zeros((1, 1, 1, 1), dtype=torch.int64, device=logits.device)
        else:
            seen = _part(self._visible.keys, some, rows)
            for scores in (logits, *([] if uncapped is None else [uncapped])):
                scores.masked_fill_(~seen, -torch.inf)
            counts = seen.sum(dim=-1) if seen.shape[-1] > 1 else seen.sum(dim=-1) * self._keys
            is_query = counts > 0
            if self._is_query is not None:
                is_query = is_query & _part(self._is_query, some, rows)[..., 0]
            has_choice = (is_query & (counts > 1)).expand(shape)
            first = _part(self._first, some, slice(0, 1))
            own = seen.expand(*torch.broadcast_shapes(seen.shape[:-1], first.shape[:-1]), seen.shape[-1])
            place = first if seen.shape[-1] > 1 else torch.zeros_like(first)
            is_first_seen = own.gather(-1, place.expand(*own.shape[:-1], 1))[..., 0]
        highest = (logits if uncapped is None else uncapped).amax(dim=-1)
        largest = torch.where(has_choice, highest, -torch.inf).amax(dim=(0, 2)).to(self._wide)
        probabilities = torch.softmax(logits, dim=-1)
        share = probabilities.gather(-1, first.expand(*shape, 1))[..., 0]
        entropy = torch.special.entr(probabilities).sum(dim=-1)
        sees_first = has_choice & is_first_seen
        own_sums = [
            has_choice,
            torch.where(has_choice, entropy, 0),
            sees_first.expand(shape),
            torch.where(sees_first, share, 0),
        ]
        self.total[:, :4] += torch.stack([part.sum(dim=(0, 2), dtype=self._wide) for part in own_sums], dim=1)
        # `torch.maximum` keeps what is not a number.
        self.total[:, 4] = torch.maximum(self.total[:, 4], largest)


def _chunks(device: torch.device, sequences: int, heads: int, queries: int, keys: int) -> Iterator[tuple[slice, slice]]:
    """Sequences and queries whose logits are looked at together."""
    rows = max(1, _CHUNK.get(device.type, _LARGE_CHUNK) // max(1, heads * keys))
    together = max(1, rows // max(1, queries))
    for first in range(0, sequences, together):
        for row in range(0, queries, rows):
            yield slice(first, first + together), slice(row, min(queries, row + rows))


def _part(values: Tensor, some: slice, rows: slice) -> Tensor:
    """Some sequences and queries of what may be the same for all of them."""
    values = values if values.shape[0] == 1 else values[some]
    return values if values.shape[2] == 1 else values[:, :, rows]
