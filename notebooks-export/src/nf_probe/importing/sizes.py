"""Shapes of parameters, from a checkpoint's header or a JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

from ..errors import NFProbeError, UsageError
from ..names.places import Shape, bare_name

_LARGEST_HEADER = 100_000_000


class SizesError(NFProbeError):
    """A file does not say how large the parameters are."""


def checkpoint_shapes(path: Path) -> dict[str, Shape]:
    """Shapes by name from the headers of a safetensors file, or of the shards of a `*.index.json` or its folder.

    Raises:
        SizesError: The file is not of that format.
    """
    if path.is_dir():
        parts = sorted(path.glob("*.safetensors"))
        if not parts:
            raise SizesError(f"{path} holds no *.safetensors files")
    elif path.name.endswith(".index.json"):
        index = _json(path.read_bytes(), path)
        parts = sorted({path.parent / str(name) for name in dict(index.get("weight_map", {})).values()})
    else:
        parts = [path]
    shapes: dict[str, Shape] = {}
    for part in parts:
        shapes |= _header_shapes(part)
    return shapes


def listed_shapes(path: Path) -> dict[str, Shape]:
    """Shapes by name from a JSON file of `{name: shape}` or `{name: number of elements}`.

    Raises:
        SizesError: The file is none.
    """
    shapes: dict[str, Shape] = {}
    for name, value in _json(path.read_bytes(), path).items():
        extents = value if isinstance(value, list) else [value]
        if not all(isinstance(extent, int) and not isinstance(extent, bool) and extent > 0 for extent in extents):
            raise SizesError(f"{path}: {value!r} is no shape or number of elements of {name}")
        shapes[name] = tuple(extents)
    return shapes


def shapes_of(parameters: Iterable[str], known: Mapping[str, Shape], source: Path) -> dict[str, Shape]:
    """The shape of each parameter. Names may differ by what they begin with, if it stays clear which is meant.

    Raises:
        UsageError: A parameter is not among the known ones.
    """
    by_bare = {bare_name(name): shape for name, shape in known.items()}
    result: dict[str, Shape] = {}
    missing = []
    for parameter in parameters:
        name = bare_name(parameter)
        candidates = [name] if name in by_bare else [n for n in by_bare if n.endswith("." + name)]
        candidates = candidates or [n for n in by_bare if name.endswith("." + n)]
        if len(candidates) == 1 and prod(by_bare[candidates[0]]) > 0:
            result[parameter] = by_bare[candidates[0]]
        else:
            missing.append(parameter)
    if missing:
        raise UsageError(
            f"{source} does not say how large {len(missing)} of the logged parameters are, {missing[0]} among them; it "
            f"knows {', '.join(list(known)[:3])}, ..."
        )
    return result


def _header_shapes(path: Path) -> dict[str, Shape]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= _LARGEST_HEADER:
            raise SizesError(f"{path} is no safetensors file")
        header = _json(file.read(length), path)
    return {
        name: tuple(int(extent) for extent in entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and isinstance(entry, dict) and "shape" in entry
    }


def _json(data: bytes, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SizesError(f"{path} is no JSON object, or no safetensors file")
    return value
