"""Finds the place of every parameter of a model: by tables of names, and by its own name where no table knows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..errors import UsageError
from .cuts import Cut, Shape, cut
from .finetuning import HostName, host_names
from .stacks import own_places, without_expert
from .tables import Adapter, Match, adapter_names, adapters, best_adapter, readings, tables

__all__ = [
    "Place", "Placed", "Placing", "Shape", "adapter_names", "bare_name", "find_places", "pass_order", "stem_order",
]  # fmt: skip

OWN_NAMES = "own names"
"""Stands for a table where none knows the model."""


@dataclass(frozen=True)
class Place:
    """Which part of a model a tensor is."""

    stack: str
    """`encoder`, `decoder` or `none` in fairseq's names; in the model's own, what stands before a layer's number."""
    layer: int | None
    """Counted from 0; None outside the layers."""
    name: str
    """Within the layer, e.g. `fc2.weight`; outside the layers the full name."""
    is_own: bool = False
    """Whether the stack has the model's own name."""

    @property
    def layer_name(self) -> str:
        """The layer's full name, e.g. `decoder.layers.3`."""
        stack = self.stack if self.is_own else f"{self.stack}.layers"
        return f"{stack}.{self.layer}" if stack else f"{self.layer}"

    @property
    def full_name(self) -> str:
        """The tensor's full name."""
        return self.name if self.layer is None else f"{self.layer_name}.{self.name}"


@dataclass(frozen=True)
class Placed:
    """Where a parameter, or a part of a fused one, belongs."""

    place: Place
    cut: Cut | None = None
    """Which elements are meant; None for all."""
    is_transposed: bool = False
    """Stored as `(inputs, outputs)`."""
    is_gain_minus_one: bool = False
    """A gain that is stored as its difference from one."""
    expert: int | None = None
    """The expert that it is of, where each has a parameter of its own: all of a layer's have one place."""
    are_stacked_experts: bool = False
    """Whether the first dimension counts experts."""


@dataclass(frozen=True)
class Placing:
    """The places of a model's parameters."""

    adapter: str
    """Whose names the parameters have; `regular expression` where the caller says, `own names` where no table does."""
    places: dict[str, list[Placed]]
    """By parameter name, for those with a place."""
    unknown: list[str]
    """Parameters outside the layers that no rule knows, under their own names."""
    is_pre_ln: bool
    has_rotary_positions: bool
    notes: list[str] = field(default_factory=list)
    """What a reader should know of these names."""


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
        placing = _Search({name: shapes[original] for name, original in bare.items()}, heads).placing(adapter, bare)
    return _renamed(placing, renamed or {})


class _Search:
    """Finds places, table after table: the parts of a model may come from several libraries."""

    _MOST_TABLES = 4

    def __init__(self, shapes: Mapping[str, Shape], heads: int) -> None:
        self._shapes = shapes
        self._heads = heads
        self._hosts: dict[str, HostName] = host_names(shapes)
        # An adapter's host may not be there itself.
        self._there: dict[str, Shape] = {host.host: () for host in self._hosts.values()}
        self._there.update({host.host: shapes[name] for name, host in self._hosts.items() if not host.addition})
        self._places: dict[str, list[Placed]] = {}
        self._taken: set[tuple[Place, int | None]] = set()
        self._notes: list[str] = []

    def placing(self, wanted: str | None, originals: Mapping[str, str]) -> Placing:
        candidates = [a for a in adapters() if wanted in (None, a.name)]
        if not candidates:
            raise UsageError(f"there is no table of names '{wanted}'; there are {', '.join(adapter_names())}")
        first = self._use_table(candidates, is_first=True, is_wanted=wanted is not None)
        if wanted is not None and first is None:
            raise UsageError(
                f"the table '{wanted}' knows none of the parameters ({', '.join(list(self._shapes)[:3])}, ...); leave "
                "it out to have them under their own names"
            )
        for _ in range(self._MOST_TABLES - 1):
            if first is None or self._use_table(candidates, is_first=False, is_wanted=False) is None:
                break
        self._use_own_names()
        final_norms = ("decoder.layer_norm.weight", "encoder.layer_norm.weight")
        has_final_norm = any(place.name in final_norms for place, _ in self._taken)
        order = "pre-ln" if first is None else first.order
        return Placing(
            OWN_NAMES if first is None else first.name,
            {originals[name]: self._places[name] for name in self._shapes if name in self._places},
            [original for name, original in originals.items() if name not in self._places],
            is_pre_ln=order == "pre-ln" or (order != "post-ln" and has_final_norm),
            has_rotary_positions=first is None or first.has_rotary_positions, notes=self._notes,
        )  # fmt: skip

    def _use_table(self, candidates: Sequence[Adapter], *, is_first: bool, is_wanted: bool) -> Adapter | None:
        """Places what the best table knows, and what else lies in its layers; nothing where it knows less than half of
        a layer: then it is another library's."""
        left = {host.host: self._there[host.host] for name, host in self._hosts.items() if name not in self._places}
        best = best_adapter(candidates, left) if left else None
        if best is None:
            return None
        adapter, prefix = best
        matches = {name: adapter.match(readings(name), prefix, self._there) for name in left}
        found = {name: match for name, match in matches.items() if match is not None}
        stacks = {_stored_stack(match): match for match in found.values() if match.stored_layer is not None}
        joined = {name: own for name in left if name not in found and (own := _inside(name, stacks))}
        in_layers = sum(1 for match in found.values() if match.stored_layer is not None)
        if not is_wanted and (not in_layers or in_layers < len(joined)):
            return None
        # Parts that are there by themselves win over a fused tensor of the same parts.
        for name, host in sorted(self._hosts.items(), key=lambda entry: _part_count(found.get(entry[1].host))):
            if name in self._places:
                continue
            if match := found.get(host.host):
                self._place(name, host, match, is_first)
        strange = {own[2] for name, own in joined.items() if adapter.match(readings(name), prefix, None)}
        self._notes += [
            f"{name} keeps its name: what stands around it is not {adapter.name}'s" for name in sorted(strange)
        ]
        for name, host in self._hosts.items():
            own = joined.get(host.host) or _inside(host.host, stacks)
            if name not in self._places and own and host.host in left:
                stack, layer, tail = own
                self._place_own(name, self._place_in(stacks[stack], stack, layer, tail, is_first), host)
        return adapter

    def _place(self, name: str, host: HostName, match: Match, is_first: bool) -> None:
        rule, layer = match.rule, match.numbers.get("layer")
        if layer is None and (host.addition or not is_first):
            return
        parts = self._parts(name, host, match)
        if parts is None:
            return
        stack, is_own = (rule.stack, False) if is_first else (_stored_stack(match), True)
        placed = [
            Placed(
                Place(stack, layer, host.named(part_name), is_own), part_cut, rule.transposed, rule.minus_one,
                match.numbers.get("expert"),
                are_stacked_experts=_is_of_experts(part_name) and "expert" not in match.numbers,
            )
            for part_name, part_cut in parts
        ]  # fmt: skip
        keys = {(part.place, part.expert) for part in placed}
        if self._taken.isdisjoint(keys):
            self._taken |= keys
            self._places[name] = placed

    def _parts(self, name: str, host: HostName, match: Match) -> list[tuple[str, Cut | None]] | None:
        """Names and cuts of a parameter's parts; None where it keeps its own name."""
        rule, shape = match.rule, self._shapes[name]
        if len(rule.names) == 1:
            return [(rule.names[0], None)]
        if not host.addition:
            dimension = (1 if rule.transposed and len(shape) == 2 else 0) if rule.dimension is None else rule.dimension
            sibling = self._there.get(match.full_name(rule.sibling)) if rule.sibling else None
            inputs = sibling[0 if rule.transposed else -1] if sibling else None
            cuts = cut(rule.fusion, len(rule.names), shape, dimension, inputs=inputs, heads=self._heads)
            if cuts is not None:
                return list(zip(rule.names, cuts, strict=True)) if cuts else [(rule.names[-1], None)]
            self._notes.append(
                f"{name} {list(shape)} is not cut into {len(rule.names)} parts: how they lie is not certain"
            )
        return [(rule.whole, None)] if rule.whole else None

    def _place_in(self, match: Match, stack: str, number: int, tail: str, is_first: bool) -> Place:
        """The place of a tensor that its table does not know, beside those that it does."""
        if not is_first:
            return Place(stack, number, tail, is_own=True)
        layer, factor = match.numbers["layer"], match.layer_factor
        if factor == 1:
            return Place(match.rule.stack, number + layer - (match.stored_layer or 0), tail)
        return Place(match.rule.stack, number // factor, f"{number % factor}.{tail}")

    def _use_own_names(self) -> None:
        left = [host.host for name, host in self._hosts.items() if name not in self._places]
        places = own_places(left, has_layers=any(place.layer is not None for place, _ in self._taken))
        for name, host in self._hosts.items():
            if name not in self._places and (own := places.get(host.host)):
                self._place_own(name, Place(own.stack, own.layer, own.name, is_own=True), host)

    def _place_own(self, name: str, place: Place, host: HostName) -> None:
        tail, expert = without_expert(host.named(place.name))
        is_stacked = expert is None and _is_of_experts(tail) and len(self._shapes[name]) > 2
        place = replace(place, name=tail)
        while (place, expert) in self._taken:
            place = replace(place, name=f"own.{place.name}")
        self._taken.add((place, expert))
        self._places[name] = [Placed(place, expert=expert, are_stacked_experts=is_stacked)]


def _part_count(match: Match | None) -> int:
    return len(match.rule.names) if match else 0


def _stored_stack(match: Match) -> str:
    """What stands before the layer's number in a name that follows a rule with one."""
    return (match.beginning + match.before_layer).removesuffix(".")


def _inside(name: str, stacks: Mapping[str, Match]) -> tuple[str, int, str] | None:
    """The stack in whose layers a name lies, the layer's number as it is stored, and the rest."""
    for stack in stacks:
        found = re.match(r"(0|[1-9][0-9]*)\.(.+)", name.removeprefix(f"{stack}.")) if name.startswith(stack) else None
        if found:
            return stack, int(found[1]), found[2]
    return None


def _is_of_experts(name: str) -> bool:
    return re.match(r"(.*\.)?experts\.", name) is not None


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
