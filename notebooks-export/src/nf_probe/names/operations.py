"""Names of operations whose outputs are measured, as nf-probe's own loop has them, and their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

STREAM = "input"
"""The name, within a layer, of the residual stream that enters it."""
ATTENTION = "self_attn"
"""That of what heads of attention have mixed."""
_ACTIVATION = "activation"
_HEAD_PROJECTION = "self_attn.out_proj"


def entering(operations: Set[str], tensors: Set[str]) -> Mapping[str, str]:
    """The operations whose outputs are what enters another one: those that nf-probe's own loop has before it."""
    before = {"fc2": _ACTIVATION} if "ffn_layernorm" not in operations else {"ffn_layernorm": _ACTIVATION}
    if tensors.isdisjoint({"c_attn", "self_attn.c_attn"}):
        before[_HEAD_PROJECTION] = ATTENTION
    return {name: operation for name, operation in before.items() if name in operations}


def in_order(operations: Iterable[tuple[int | None, str]], order: Sequence[str]) -> tuple[str, ...]:
    """Names within a layer in the order in which data pass them; one without a rank follows what stands before it.

    Args:
        operations: Layer and name, layer by layer, in the model's order.
        order: Names of tensors within a layer, as data pass them.
    """
    ranks = {stem: rank for rank, stem in enumerate(order)}
    ranks |= {STREAM: -1, ATTENTION: ranks[_HEAD_PROJECTION], _ACTIVATION: ranks["ffn_layernorm"]}
    keys: dict[str, tuple[int, int, int]] = {}
    layer, last = None, -1
    for position, (own_layer, name) in enumerate(operations):
        layer, last = own_layer, last if own_layer == layer else -1
        last = ranks.get(name, last)
        is_before = name in (STREAM, ATTENTION, _ACTIVATION)
        keys.setdefault(name, (last, 0 if is_before else 1 if name in ranks else 2, position))
    return tuple(sorted(keys, key=keys.__getitem__))
