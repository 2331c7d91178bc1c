"""Finds the place of every parameter of a model: by tables of names, and by its own name where no table knows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ..errors import UsageError
from .cuts import Shape
from .place import Place, Placed, Placing
from .search import Search
from .tables import adapter_names, tables

__all__ = [
    "Place", "Placed", "Placing", "Shape", "adapter_names", "bare_name", "find_places", "pass_order", "stem_order",
]  # fmt: skip

_INNER_WRAPPERS = ("_orig_mod.", "_checkpoint_wrapped_module.", "_fsdp_wrapped_module.")


def bare_name(name: str) -> str:
    """A parameter's name without what data parallelism, compilation, checkpointing and sharding put into it."""
    for wrapper in _INNER_WRAPPERS:
        name = name.replace(wrapper, "")
    wrappers: list[str] = tables()["wrappers"]
    while wrapper := next((w for w in wrappers if name.startswith(w)), ""):
        name = name.removeprefix(wrapper)
    return name


def find_places(
    shapes: Mapping[str, Shape], *, adapter: str | None = None, pattern: str | None = None,
    renamed: Mapping[str, str] | None = None, heads: int = 0,
) -> Placing:  # fmt: skip
    """Finds the place of every parameter.

    Args:
        shapes: Shape by parameter name, in the model's order, wrappers' names included; frozen ones too, for what
            stands around a tensor tells what it is.
        adapter: Whose names to expect; by default found by the names and shapes that are there.
        pattern: A regular expression instead of a table, with groups `layer` (a number) and `tensor`.
        renamed: Names within a layer, as the table or the pattern gives them, to fairseq's.
        heads: Attention heads of a layer, which tell how some fused projections lie; 0 where nobody knows.

    Raises:
        UsageError: `adapter` is no table or knows none of the names, or the pattern lacks its groups or matches none.
    """
    bare = {bare_name(name): name for name in shapes}
    if len(bare) < len(shapes):
        # What wrappers put into names may be all that tells two stacks apart.
        bare = {name: name for name in shapes}
    if pattern is not None:
        placing = _by_pattern(bare, pattern)
    else:
        placing = Search({name: shapes[original] for name, original in bare.items()}, heads).placing(adapter, bare)
    return _renamed(placing, renamed or {})


def _by_pattern(bare: Mapping[str, str], pattern: str) -> Placing:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"'{pattern}' is no regular expression: {error}") from None
    if not {"layer", "tensor"} <= set(expression.groupindex):
        raise UsageError(rf"the pattern '{pattern}' needs the groups (?P<layer>\d+) and (?P<tensor>.+)")
    places: dict[str, list[Placed]] = {}
    for name, original in bare.items():
        if found := expression.fullmatch(name):
            if not found["layer"].isdecimal():
                raise UsageError(f"the pattern takes '{found['layer']}' of {name} for a layer's number")
            places[original] = [Placed(Place("decoder", int(found["layer"]), found["tensor"]))]
    if not places:
        sample = ", ".join(list(bare)[:4]) + (", ..." if len(bare) > 4 else "")
        raise UsageError(f"the pattern '{pattern}' matches no parameter of the model ({sample})")
    unknown = [original for original in bare.values() if original not in places]
    return Placing("regular expression", places, unknown, is_pre_ln=True, has_rotary_positions=True)


def _renamed(placing: Placing, names: Mapping[str, str]) -> Placing:
    if not names:
        return placing

    def moved(part: Placed) -> Placed:
        return replace(part, place=replace(part.place, name=names.get(part.place.name, part.place.name)))

    return replace(placing, places={name: [moved(part) for part in parts] for name, parts in placing.places.items()})


def pass_order(placing: Placing) -> list[str]:
    """Names within a layer, without `.weight` and `.bias`, in the order in which data pass them."""
    order: list[str] = tables()["layerOrder"]["pre-ln" if placing.is_pre_ln else "post-ln"]
    return order


def stem_order() -> tuple[list[str], int]:
    """Beginnings of stem names after the stack's in data order, and how many of them stand before the layers."""
    return tables()["stemOrder"], tables()["stemBeforeLayers"]
