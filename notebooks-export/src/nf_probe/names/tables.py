"""The tables of names that nf-probe itself reads checkpoints with: whose rule a name follows."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .cuts import Fusion, Shape

NUMBER = re.compile(r"0|[1-9][0-9]*")
"""A whole number as names have it: without sign and leading zeros."""


@dataclass(frozen=True)
class Rule:
    """One line of a table: names in models, and where such a tensor belongs."""

    components: tuple[str | tuple[str, int, int], ...]
    """Literal, or what a number stands for: `layer` or `expert`, factor, offset."""
    stack: str
    names: tuple[str, ...]
    """Several are parts of one tensor."""
    transposed: bool
    minus_one: bool
    fusion: Fusion
    dimension: int | None
    """That parts lie along, where it is not that of the outputs."""
    whole: str
    """What a fused tensor is called that cannot be cut; empty for its own name."""
    sibling: str
    """Pattern of the projection whose inputs tell the size of parts."""
    when: tuple[str, ...]
    """Patterns, of which one has to be there."""
    unless: tuple[str, ...]
    """Patterns, of which none may be there."""

    @property
    def key(self) -> str:
        """Equal to that of names that may match."""
        parts = (part if isinstance(part, str) else "0" for part in self.components)
        return ".".join("#" if NUMBER.fullmatch(part) else part for part in parts)


@dataclass(frozen=True)
class Match:
    """A name that follows a rule."""

    rule: Rule
    beginning: str
    """What stands before the table's own names, with its dot."""
    numbers: Mapping[str, int]
    """The layer's and the expert's, where the name has them."""
    stored_layer: int | None
    """The layer's number as it stands in the name."""

    @property
    def before_layer(self) -> str:
        """What the table has before the layer's number, with its dot."""
        position = next(i for i, part in enumerate(self.rule.components) if not isinstance(part, str))
        return "".join(f"{part}." for part in self.rule.components[:position])

    @property
    def layer_factor(self) -> int:
        """Numbers of a layer in a model that counts its sublayers; 1 where it counts layers."""
        return next(part[1] for part in self.rule.components if not isinstance(part, str) and part[0] == "layer")

    def full_name(self, pattern: str) -> str:
        """The name that a pattern has in this tensor's layer."""
        return self.beginning + re.sub(r"\{\w*layer[^}]*\}", str(self.stored_layer), pattern)


@dataclass(frozen=True)
class Adapter:
    """The table of one library."""

    name: str
    order: str
    prefixes: tuple[str, ...]
    has_rotary_positions: bool
    rules: Mapping[str, Sequence[Rule]]
    """By key."""

    def match(self, readings: Iterable[Reading], prefix: str, there: Collection[str] | None) -> Match | None:
        """The rule that a name follows.

        Args:
            readings: The ways in which it may be read.
            prefix: What the whole model is called inside a larger one.
            there: All names, among which the structure has to be the rule's; None to go by the name alone.
        """
        for reading in readings:
            rules = self.rules.get(reading.key)
            if rules and self._may_begin(reading.beginning, prefix):
                for rule in rules:
                    found = _match(rule, reading)
                    if found and (there is None or _agrees(found, there)):
                        return found
        return None

    def _may_begin(self, beginning: str, prefix: str) -> bool:
        if beginning in ("", prefix) or beginning in self.prefixes:
            return True
        return bool(prefix) and beginning.startswith(prefix) and beginning[len(prefix) :] in self.prefixes


@dataclass(frozen=True)
class Reading:
    """A name, or its end: a model may be a part of a larger one."""

    beginning: str
    components: tuple[str, ...]
    key: str


def _match(rule: Rule, reading: Reading) -> Match | None:
    numbers: dict[str, int] = {}
    stored_layer = None
    for part, text in zip(rule.components, reading.components, strict=True):
        if isinstance(part, str):
            if part != text:
                return None
            continue
        kind, factor, offset = part
        number = int(text) - offset
        if number < 0 or number % factor:
            return None
        numbers[kind] = number // factor
        if kind == "layer":
            stored_layer = int(text)
    return Match(rule, reading.beginning, numbers, stored_layer)


def _agrees(match: Match, there: Collection[str]) -> bool:
    """Whether the structure around a tensor is the one that its rule is of."""
    rule = match.rule
    is_there = (match.full_name(pattern) in there for pattern in rule.when)
    return (not rule.when or any(is_there)) and not any(match.full_name(pattern) in there for pattern in rule.unless)


def readings(name: str) -> Iterator[Reading]:
    """The ways to read a name: as it stands, and without its first components."""
    parts = tuple(name.split("."))
    keys = ["#" if part.isdecimal() and NUMBER.fullmatch(part) else part for part in parts]
    longest = min(_longest_beginning(), len(parts) - 1)
    for count in range(longest + 1):
        yield Reading("".join(f"{part}." for part in parts[:count]), parts[count:], ".".join(keys[count:]))


@functools.cache
def _longest_beginning() -> int:
    return int(tables()["longestBeginning"])


@functools.cache
def tables() -> dict[str, Any]:
    """The file of tables."""
    text = importlib.resources.files("nf_probe.names").joinpath("adapters.json").read_text("utf-8")
    return dict(json.loads(text))


@functools.cache
def adapters() -> tuple[Adapter, ...]:
    """All tables; of several that know equally many names, the first counts."""
    return tuple(_adapter(table) for table in tables()["adapters"])


def adapter_names() -> list[str]:
    """Names of all tables."""
    return [adapter.name for adapter in adapters()]


def _adapter(table: Mapping[str, Any]) -> Adapter:
    by_key: dict[str, list[Rule]] = {}
    for entry in table["rules"]:
        for rule in _rules(entry):
            by_key.setdefault(rule.key, []).append(rule)
    return Adapter(
        table["name"], table["order"], tuple(table["prefixes"]), bool(table.get("hasRotaryPositions")), by_key
    )


def _rules(entry: Mapping[str, Any]) -> Iterator[Rule]:
    """The rules of one line of a table: one each for `weight` and `bias` where it says `{kind}`."""
    for kind in ("weight", "bias") if "{kind}" in entry["pattern"] else ("",):
        pattern, whole = (entry.get(key, "").replace("{kind}", kind) for key in ("pattern", "whole"))
        yield Rule(
            tuple(_component(part) for part in pattern.split(".")), entry["stack"],
            tuple(name.replace("{kind}", kind) for name in entry["names"]), bool(entry.get("isTransposed")),
            bool(entry.get("isGainStoredMinusOne")), entry.get("fusion", "equal"), entry.get("dimension"), whole,
            entry.get("sibling", ""), tuple(entry.get("when", ())), tuple(entry.get("unless", ())),
        )  # fmt: skip


def _component(text: str) -> str | tuple[str, int, int]:
    found = re.fullmatch(r"\{(\d*)(layer|expert)(?:\+(\d+))?\}", text)
    return (found[2], int(found[1] or 1), int(found[3] or 0)) if found else text


def best_adapter(
    candidates: Sequence[Adapter], shapes: Mapping[str, Shape]
) -> tuple[Adapter, str] | None:  # fmt: skip
    """The adapter that knows most of the names, with what they begin with; None where none knows any.

    Args:
        candidates: The adapters that are asked.
        shapes: Shape by name: libraries share names and differ in how fused tensors lie.
    """
    sample = _sample(shapes)
    beginnings: Counter[str] = Counter()
    for name, weight in sample.items():
        beginnings.update({reading.beginning: weight for reading in readings(name) if reading.beginning})
    common = sorted(beginnings, key=lambda b: (-beginnings[b], len(b), b))[:8]
    read = {name: list(readings(name)) for name in sample}
    total = sum(sample.values())
    best, best_score = None, 0
    for prefix in ["", *common]:
        for adapter in candidates:
            score = 0
            for name, weight in sample.items():
                found = adapter.match(read[name], prefix, shapes)
                score += weight if found and _fits(found.rule, shapes[name]) else 0
            if score > best_score:
                best, best_score = (adapter, prefix), score
        if best_score == total:
            break
    return best


def _sample(names: Mapping[str, Shape]) -> dict[str, int]:
    """A name for each kind of tensor, with how many there are: layers repeat, sublayers in twos or threes."""
    kinds: dict[tuple[str, ...], str] = {}
    counts: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        kind = tuple(f"#{int(part) % 6}" if NUMBER.fullmatch(part) else part for part in parts)
        counts[kinds.setdefault(kind, name)] += 1
    return dict(counts)


def _fits(rule: Rule, shape: Shape) -> bool:
    """Whether fused queries, keys and values lie where the rule says."""
    if len(rule.names) != 3 or len(shape) != 2 or rule.fusion != "equal":
        return True
    outputs, inputs = reversed(shape) if rule.transposed else shape
    return outputs // 3 == inputs
