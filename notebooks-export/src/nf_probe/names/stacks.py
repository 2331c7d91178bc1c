"""The general rule: a parameter whose name holds a repeated block's number is that layer's, under its own name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .tables import NUMBER


@dataclass(frozen=True)
class OwnPlace:
    """A parameter's place by its own name."""

    stack: str
    """What stands before the layer's number: `model.layers`; empty where nothing does."""
    layer: int
    name: str
    """What stands behind it."""


@dataclass(frozen=True)
class _Split:
    """A name, cut at one of its numbers."""

    stack: str
    layer: int
    tail: str
    is_inside_word: bool
    """`layer1`, not `layers.1`."""


_WORD = re.compile(r"([A-Za-z_]\w*?)(\d+)")
WHOLE_MODEL = "model"
"""What the one layer of a model is called that has no numbers at all."""


def own_places(names: Iterable[str], *, has_layers: bool = False) -> dict[str, OwnPlace]:
    """The place of every name that lies in a numbered block.

    Of nested numbers the outer one counts. A number is a block's where at least two of them have a tensor of one name;
    in a model without such blocks, where there is one number, or a word ends with one (`conv1`, `conv2`); in one
    without any, all parameters are one layer.

    Args:
        names: The parameters.
        has_layers: Whether the model has other layers already: then only what repeats is a layer.
    """
    names = list(names)
    splits = {name: _splits(name) for name in names}
    for accepted in (_blocks, _single_blocks, _numbered_words):
        stacks = accepted(splits)
        places = {name: place for name in names if (place := _place(splits[name], stacks)) is not None}
        if places or has_layers:
            return places
    return {name: OwnPlace(WHOLE_MODEL, 0, name) for name in names}


def _splits(name: str) -> list[_Split]:
    """The ways to cut a name, outermost first."""
    parts = name.split(".")
    found = []
    for index, part in enumerate(parts):
        before, tail = ".".join(parts[:index]), ".".join(parts[index + 1 :])
        if NUMBER.fullmatch(part):
            # Of a list of parameters, the list's name is the tensor's.
            found.append(_Split(before, int(part), tail or (parts[index - 1] if index else part), False))
        elif tail and (word := _WORD.fullmatch(part)):
            found.append(_Split(f"{before}.{word[1]}" if before else word[1], int(word[2]), tail, True))
    return found


def _blocks(splits: Mapping[str, list[_Split]]) -> set[tuple[str, bool]]:
    """Stacks of blocks that repeat. A word with a number is one where it holds numbered blocks: ResNet's `layer1.0`."""
    cuts = [split for found in splits.values() for split in found]
    return _repeated(cut for cut in cuts if not cut.is_inside_word or re.search(r"(^|\.)\d+\.", cut.tail))


def _single_blocks(splits: Mapping[str, list[_Split]]) -> set[tuple[str, bool]]:
    """Stacks of one layer."""
    return {(cut.stack, False) for found in splits.values() for cut in found if not cut.is_inside_word and cut.stack}


def _numbered_words(splits: Mapping[str, list[_Split]]) -> set[tuple[str, bool]]:
    return _repeated(cut for found in splits.values() for cut in found if cut.is_inside_word)


def _repeated(cuts: Iterable[_Split]) -> set[tuple[str, bool]]:
    """Stacks of which two layers have a tensor of one name."""
    layers: dict[tuple[str, bool, str], int] = {}
    repeated: set[tuple[str, bool]] = set()
    for cut in cuts:
        key = (cut.stack, cut.is_inside_word, cut.tail)
        if layers.setdefault(key, cut.layer) != cut.layer:
            repeated.add(key[:2])
    return repeated


def _place(splits: list[_Split], stacks: set[tuple[str, bool]]) -> OwnPlace | None:
    for split in splits:
        if (split.stack, split.is_inside_word) in stacks:
            return OwnPlace(split.stack, split.layer, split.tail)
    return None


_EXPERT = re.compile(r"((?:.*\.)?\w*experts)\.(0|[1-9][0-9]*)\.(.+)")


def without_expert(name: str) -> tuple[str, int | None]:
    """A name within a layer without the number of its expert, and that number."""
    found = _EXPERT.fullmatch(name)
    return (f"{found[1]}.{found[3]}", int(found[2])) if found else (name, None)
