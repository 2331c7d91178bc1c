"""Finds the place of every parameter of a model, by the tables of names that nf-probe itself reads checkpoints with."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import UnmappedNamesError, UsageError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """Which part of a transformer a tensor is, in fairseq's names."""

    stack: str
    """`encoder`, `decoder` or `none`."""
    layer: int | None
    """Counted from 0; None outside the layers."""
    name: str
    """Within the layer, e.g. `fc2.weight`; outside the layers the full name."""


@dataclass(frozen=True)
class Placed:
    """Where a parameter, or an equal part of a fused one, belongs."""

    place: Place
    part: int = 0
    part_count: int = 1
    is_transposed: bool = False
    """Stored as `(inputs, outputs)`: parts are columns rather than rows."""
    is_gain_minus_one: bool = False
    """A gain that is stored as its difference from one."""

    @property
    def dimension(self) -> int:
        """The dimension that parts are cut along."""
        return 1 if self.is_transposed else 0


@dataclass(frozen=True)
class Placing:
    """The places of a model's parameters."""

    adapter: str
    """Whose names the parameters have; `regular expression` where the caller says."""
    places: dict[str, list[Placed]]
    """By parameter name, for those with a place."""
    unknown: list[str]
    """Parameters that no rule knows, under their own names."""
    is_pre_ln: bool
    has_rotary_positions: bool


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    factor: int
    offset: int
    stack: str
    names: tuple[str, ...]
    transposed: bool
    minus_one: bool

    def match(self, name: str) -> tuple[_Rule, int | None] | None:
        found = self.pattern.fullmatch(name)
        if not found:
            return None
        if "layer" not in self.pattern.groupindex:
            return self, None
        number = int(found["layer"]) - self.offset
        return (self, number // self.factor) if number >= 0 and number % self.factor == 0 else None

    def fits(self, shape: Shape) -> bool:
        """Whether fused queries, keys and values lie where the rule says: libraries share names and differ in this."""
        if len(self.names) != 3 or len(shape) != 2:
            return True
        outputs, inputs = reversed(shape) if self.transposed else shape
        return outputs // 3 == inputs


@dataclass(frozen=True)
class _Adapter:
    name: str
    order: str
    prefixes: tuple[str, ...]
    rules: tuple[_Rule, ...]

    def match(self, name: str, prefix: str) -> tuple[_Rule, int | None] | None:
        beginnings = {"", *self.prefixes, prefix}
        for reading in _readings(name):
            if name.removesuffix(reading) in beginnings:
                for rule in self.rules:
                    if found := rule.match(reading):
                        return found
        return None


@functools.cache
def _tables() -> dict[str, Any]:
    text = importlib.resources.files("nf_probe").joinpath("adapters.json").read_text("utf-8")
    return dict(json.loads(text))


@functools.cache
def _adapters() -> tuple[_Adapter, ...]:
    return tuple(
        _Adapter(
            table["name"], table["order"], tuple(table["prefixes"]),
            tuple(rule for entry in table["rules"] for rule in _expanded(entry)),
        )
        for table in _tables()["adapters"]
    )  # fmt: skip


def adapter_names() -> list[str]:
    """Names of all tables."""
    return [adapter.name for adapter in _adapters()]


def _expanded(entry: Mapping[str, Any]) -> list[_Rule]:
    """The rules of one line of a table: one each for `weight` and `bias` where it says `{kind}`."""
    kinds = ["weight", "bias"] if "{kind}" in entry["pattern"] else [""]
    return [_compiled(entry, kind) for kind in kinds]


def _compiled(entry: Mapping[str, Any], kind: str) -> _Rule:
    factor, offset, parts = 1, 0, []
    for component in entry["pattern"].replace("{kind}", kind).split("."):
        if counted := re.fullmatch(r"\{(\d*)layer(?:\+(\d+))?\}", component):
            factor, offset = int(counted[1] or 1), int(counted[2] or 0)
            parts.append("(?P<layer>0|[1-9][0-9]*)")
        else:
            parts.append(re.escape(component))
    names = tuple(name.replace("{kind}", kind) for name in entry["names"])
    return _Rule(
        re.compile(r"\.".join(parts)), factor, offset, entry["stack"], names,
        bool(entry.get("isTransposed")), bool(entry.get("isGainStoredMinusOne")),
    )  # fmt: skip


_INNER_WRAPPERS = ("_orig_mod.", "_checkpoint_wrapped_module.", "_fsdp_wrapped_module.")


def bare_name(name: str) -> str:
    """A parameter's name without what data parallelism, compilation, checkpointing and sharding put into it."""
    for wrapper in _INNER_WRAPPERS:
        name = name.replace(wrapper, "")
    wrappers: list[str] = _tables()["wrappers"]
    while wrapper := next((w for w in wrappers if name.startswith(w)), ""):
        name = name.removeprefix(wrapper)
    return name


def _readings(name: str) -> list[str]:
    """A name as it stands, and without its first components: a model may be a part of a larger one."""
    parts = name.split(".")
    longest = min(int(_tables()["longestBeginning"]), len(parts) - 1)
    return [".".join(parts[count:]) for count in range(longest + 1)]


def find_places(
    shapes: Mapping[str, Shape], *, adapter: str | None = None, pattern: str | None = None,
    renamed: Mapping[str, str] | None = None,
) -> Placing:  # fmt: skip
    """Finds the place of every parameter.

    Args:
        shapes: Shape by parameter name, in the model's order, wrappers' names included.
        adapter: Whose names to expect; by default found by the names and shapes that are there.
        pattern: A regular expression instead of a table, with groups `layer` (a number) and `tensor`.
        renamed: Names within a layer, as the table or the pattern gives them, to fairseq's.

    Raises:
        UnmappedNamesError: No table knows a tensor inside the layers, or the pattern matches none.
        UsageError: `adapter` is no table, or the pattern lacks its groups.
    """
    bare = {bare_name(name): (name, shape) for name, shape in shapes.items()}
    placing = _by_pattern(bare, pattern) if pattern is not None else _by_table(bare, adapter)
    if not any(part.place.layer is not None for parts in placing.places.values() for part in parts):
        raise UnmappedNamesError(_advice(list(bare), adapter, pattern))
    return _renamed(placing, renamed or {})


def _by_table(bare: Mapping[str, tuple[str, Shape]], wanted: str | None) -> Placing:
    candidates = [a for a in _adapters() if wanted in (None, a.name)]
    if not candidates:
        raise UsageError(f"there is no table of names '{wanted}'; there are {', '.join(adapter_names())}")
    adapter, prefix = _best(candidates, bare)
    matches = {name: adapter.match(name, prefix) for name in bare}
    places: dict[str, list[Placed]] = {}
    taken: set[Place] = set()
    # Parts that are there by themselves win over a fused tensor of the same parts.
    for name in sorted(bare, key=lambda name: len(found[0].names) if (found := matches[name]) else 0):
        found = matches[name]
        if not found:
            continue
        parts = _parts(*found, name, bare[name][1])
        if taken.isdisjoint(part.place for part in parts):
            taken.update(part.place for part in parts)
            places[bare[name][0]] = parts
    has_final_norm = any(p.name in ("decoder.layer_norm.weight", "encoder.layer_norm.weight") for p in taken)
    return Placing(
        adapter.name, places, [original for original, _ in bare.values() if original not in places],
        is_pre_ln=adapter.order == "pre-ln" or (adapter.order != "post-ln" and has_final_norm),
        has_rotary_positions=adapter.name == "llama" or adapter.name.startswith("x-transformers"),
    )  # fmt: skip


def _best(candidates: Sequence[_Adapter], bare: Mapping[str, tuple[str, Shape]]) -> tuple[_Adapter, str]:
    """The adapter that knows most of the names, with what they begin with."""
    beginnings = Counter(name.removesuffix(reading) for name in bare for reading in _readings(name)[1:])
    common = sorted(beginnings, key=lambda b: (-beginnings[b], len(b), b))[:8]
    best, best_score = (candidates[0], ""), -1
    for prefix in ["", *common]:
        for adapter in candidates:
            matches = ((adapter.match(name, prefix), shape) for name, (_, shape) in bare.items())
            score = sum(1 for found, shape in matches if found and found[0].fits(shape))
            if score > best_score:
                best, best_score = (adapter, prefix), score
        if best_score == len(bare):
            break
    return best


def _parts(rule: _Rule, layer: int | None, name: str, shape: Shape) -> list[Placed]:
    count = len(rule.names)
    transposed = rule.transposed and len(shape) == 2
    if count > 1 and (not shape or shape[1 if transposed else 0] % count):
        raise UsageError(f"{name} has shape {list(shape)}, which cannot be cut into {count} equal parts")
    return [
        Placed(Place(rule.stack, layer, part_name), index, count, transposed, rule.minus_one)
        for index, part_name in enumerate(rule.names)
    ]


def _by_pattern(bare: Mapping[str, tuple[str, Shape]], pattern: str) -> Placing:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"'{pattern}' is no regular expression: {error}") from None
    if not {"layer", "tensor"} <= set(expression.groupindex):
        raise UsageError(rf"the pattern '{pattern}' needs the groups (?P<layer>\d+) and (?P<tensor>.+)")
    places: dict[str, list[Placed]] = {}
    for name, (original, _) in bare.items():
        if found := expression.fullmatch(name):
            if not found["layer"].isdecimal():
                raise UsageError(f"the pattern takes '{found['layer']}' of {name} for a layer's number")
            places[original] = [Placed(Place("decoder", int(found["layer"]), found["tensor"]))]
    unknown = [original for original, _ in bare.values() if original not in places]
    return Placing("regular expression", places, unknown, is_pre_ln=True, has_rotary_positions=True)


def _renamed(placing: Placing, names: Mapping[str, str]) -> Placing:
    def moved(part: Placed) -> Placed:
        place = Place(part.place.stack, part.place.layer, names.get(part.place.name, part.place.name))
        return Placed(place, part.part, part.part_count, part.is_transposed, part.is_gain_minus_one)

    places = {name: [moved(part) for part in parts] for name, parts in placing.places.items()}
    return Placing(placing.adapter, places, placing.unknown, placing.is_pre_ln, placing.has_rotary_positions)


def _advice(names: list[str], adapter: str | None, pattern: str | None) -> str:
    sample = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    if pattern is not None:
        return f"the pattern '{pattern}' matches no parameter of the model ({sample})"
    numbered = next((re.fullmatch(r"(.*?\.)?(\d+)\.(.+)", name) for name in names if re.search(r"\.\d+\.", name)), None)
    example = rf"{re.escape(numbered[1] or '')}(?P<layer>\d+)\.(?P<tensor>.+)" if numbered else r"...(?P<layer>\d+)..."
    known = f"the table '{adapter}' does not know" if adapter else f"no table ({', '.join(adapter_names())}) knows"
    return f'{known} the parameters ({sample}); say which layer they belong to, e.g. pattern=r"{example}"'


def pass_order(placing: Placing) -> list[str]:
    """Names within a layer, without `.weight` and `.bias`, in the order in which data pass them."""
    order: list[str] = _tables()["layerOrder"]["pre-ln" if placing.is_pre_ln else "post-ln"]
    return order


def stem_order() -> tuple[list[str], int]:
    """Beginnings of stem names after the stack's in data order, and how many of them stand before the layers."""
    return _tables()["stemOrder"], _tables()["stemBeforeLayers"]
