"""The variables of outputs and heads of attention, as one step of a run file has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .columns import MISSING_COUNT, SUMS
from .manifest import OutputLayout

LARGEST = list(SUMS).index("max_abs")
"""The place of max|x| among the sums of an output, which are those of a tensor, and Σx⁴."""
LARGEST_LOGIT = 4
"""That of the largest logit among the sums of a head."""

Floats = NDArray[np.float64]
Row = dict[str, NDArray[np.generic]]


class Numbers:
    """Puts sums in the cells of variables; what has no element is missing."""

    def __init__(self, layout: OutputLayout, layer_count: int, heads: int) -> None:
        self._layout = layout
        self._layer_count = layer_count
        self._heads = heads

    def row(self, counts: Floats, outputs: Floats, gradients: Floats, heads: Floats) -> Row:
        """The variables of a step.

        Args:
            counts: `(2, cell)`: elements of outputs and of gradients.
            outputs: `(cell, sum)`, with Σx⁴.
            gradients: `(cell, sum)`.
            heads: `(layer · head, sum)`.
        """
        found: Row = {}
        for kind, sums, elements in (("activation", outputs, counts[0]), ("activation_gradient", gradients, counts[1])):
            for place, (name, (number, _)) in enumerate(SUMS.items()):
                found |= self._placed(f"{kind}_{name}", _stored(sums[:, place], elements > 0, number))
        found |= self._placed("activation_count", counts[0].astype(np.int64))
        fourth = np.where(counts[0] > 0, outputs[:, len(SUMS)], np.nan)
        found |= self._placed("activation_sum_fourth_powers", fourth)
        return found | self._of_heads(heads)

    def missing(self) -> Row:
        """The variables of a step at which nothing is measured."""
        cells = self._layer_count * len(self._layout.operation_names) + len(self._layout.stem_operation_names)
        heads = np.zeros((self._layer_count * self._heads, LARGEST_LOGIT + 1))
        heads[:, LARGEST_LOGIT] = -np.inf
        none = np.zeros((cells, len(SUMS) + 1))
        return self.row(np.zeros((2, cells)), none, none, heads)

    def unseen(self, counts: Floats, attended: Floats) -> str | None:
        """What is to be told of a step of which something could not be seen; `attended` are calls by layer."""
        if not counts.any():
            return (
                "outputs were asked for, and none passed through the model that the recorder was given: values are "
                "missing. Inside torch.compile they cannot be seen"
            )
        if not self._heads:
            has_attention = any(name.startswith("self_attn.") for name in self._layout.operation_names)
            return (
                "nobody says how many heads a layer has, so attention is not looked at: heads=..."
                if has_attention
                else None
            )
        if attended.all():
            return None
        layers = ", ".join(str(layer) for layer in np.flatnonzero(attended == 0))
        return (
            f"attention in layers {layers} cannot be seen, and its values are missing: it calls neither "
            f"scaled_dot_product_attention nor softmax over the scores of {self._heads} heads (heads=... names another "
            "number) outside of compiled code"
        )

    def _of_heads(self, heads: Floats) -> Row:
        if not self._heads:
            return {}
        queries, entropy, first_queries, share, logit = heads.reshape(self._layer_count, self._heads, -1).transpose(
            2, 0, 1
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                "attention_entropy": entropy / queries,
                "attention_max_logit": np.where(np.isneginf(logit) & (queries == 0), np.nan, logit),
                "attention_first_share": share / first_queries,
            }

    def _placed(self, name: str, values: NDArray[np.generic]) -> Row:
        operations = self._layout.operation_names
        size = self._layer_count * len(operations)
        found = {name: values[:size].reshape(self._layer_count, len(operations))}
        if self._layout.stem_operation_names:
            found[f"stem_{name}"] = values[size:]
        return found


def _stored(values: Floats, is_there: NDArray[np.bool_], number: str) -> NDArray[np.generic]:
    if np.dtype(number).kind == "f":
        return np.where(is_there, values, np.nan)
    # More than can be counted is as much as can.
    return np.where(is_there, np.minimum(values, MISSING_COUNT - 1), MISSING_COUNT).astype(number)
