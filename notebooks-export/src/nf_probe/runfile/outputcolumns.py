"""Variables of operations' outputs, and of what heads of attention do."""

from __future__ import annotations

from .columns import Column, sum_columns
from .manifest import OutputLayout

_OUTPUT = "the operation's output"
_GRADIENT = "the gradient that reaches the operation's output"


def output_sum_columns(outputs: OutputLayout) -> list[Column]:
    """The sums of outputs, and of the gradients that reach them."""
    columns: list[Column] = []
    for prefix, dimensions in _grids(outputs):
        columns += sum_columns(f"{prefix}activation", dimensions, subject=_OUTPUT)
        columns += sum_columns(f"{prefix}activation_gradient", dimensions, subject=_GRADIENT)
    return columns


def moment_columns(outputs: OutputLayout, has_heads: bool) -> list[Column]:
    """What tells the size of outputs beside their sums, and what heads do."""
    columns: list[Column] = []
    for prefix, dimensions in _grids(outputs):
        name = f"{prefix}activation"
        columns += [
            Column(f"{name}_count", "<i8", f"elements of {_OUTPUT}", dimensions),
            Column(f"{name}_sum_fourth_powers", "<f8", f"sum of fourth powers of {_OUTPUT}", dimensions),
        ]
    return columns + (list(ATTENTION) if columns and has_heads else [])


def _grids(outputs: OutputLayout) -> list[tuple[str, tuple[str, ...]]]:
    if not outputs.is_measured:
        return []
    return [("", ("layer", "operation")), *([("stem_", ("stem_operation",))] if outputs.stem_operation_names else [])]


_HEADS = ("layer", "head")

ATTENTION = (
    Column(
        "attention_entropy", "<f8", "mean entropy of the attention probabilities of queries that see more than one key",
        _HEADS, units="nat",
    ),
    Column("attention_max_logit", "<f8", "largest attention logit, scaled, before any cap", _HEADS),
    Column(
        "attention_first_share", "<f8",
        "mean attention probability of a sequence's first token, of queries that see it and others", _HEADS,
    ),
)  # fmt: skip
"""In the order of `nf_probe.outputs.attention.HeadSums.columns`."""
