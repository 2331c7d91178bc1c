"""Finds places table after table, by names and shapes, and by its own name what no table knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..errors import UsageError
from .cuts import Cut, Shape, cut
from .finetuning import HostName, host_names
from .place import Place, Placed, Placing
from .stacks import own_places, without_expert
from .tables import Adapter, Match, adapter_names, adapters, best_adapter, readings

OWN_NAMES = "own names"
"""Stands for a table where none knows the model."""


class Search:
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
        """The places, under `originals`: by the table `wanted`, or by those that know the names best.

        Raises:
            UsageError: `wanted` is no table, or knows none of the names.
        """
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
