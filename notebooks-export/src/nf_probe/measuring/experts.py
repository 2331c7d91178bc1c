"""The experts of a model's layers, whose gradients are summed one by one on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..errors import UsageError
from ..names.cuts import Cut, Shape
from ..runfile.manifest import ExpertLayout
from .layout import Layout, Part


@dataclass(frozen=True)
class Experts:
    """A layout whose experts are measured apart."""

    layout: Layout
    """With a part for each expert of a stacked parameter; the columns are the same."""
    cells: tuple[int, ...]
    """By part of the layout, its place in the `(layer, expert)` grid; -1 for what belongs to no expert."""
    counts: ExpertLayout


def with_experts(layout: Layout, shapes: Mapping[str, Shape]) -> Experts:
    """Takes the experts of a layout apart: those that are stacked in one parameter, and those that have one each.

    Raises:
        UsageError: There are none inside the layers.
    """
    width = len(layout.gradients.tensor_names)
    parts: list[Part] = []
    places: list[tuple[int, int] | None] = []
    for part in layout.parts:
        layer = part.cell // width if part.cell < layout.grid_size else None
        for expert, own in _experts_of(part, shapes[part.parameter]):
            parts.append(own)
            places.append(None if layer is None or expert is None else (layer, expert))
    count = max((place[1] + 1 for place in places if place is not None), default=0)
    if count == 0:
        raise UsageError("experts=True, but no parameter inside the model's layers is known to be an expert's")
    cells = tuple(-1 if place is None else place[0] * count + place[1] for place in places)
    elements: Counter[int] = Counter()
    for cell, part in zip(cells, parts, strict=True):
        elements[cell] += part.element_count
    counts = tuple(elements[cell] for cell in range(len(layout.layers) * count))
    return Experts(replace(layout, parts=tuple(parts)), cells, ExpertLayout(count, counts))


def _experts_of(part: Part, shape: Shape) -> list[tuple[int | None, Part]]:
    placed = part.placed
    if placed is None or not placed.are_stacked_experts or len(shape) < 2:
        return [(placed.expert if placed else None, part)]
    count = shape[0]
    return [
        (expert, replace(part, element_count=part.element_count // count, expert_cut=Cut(0, count, expert, 1)))
        for expert in range(count)
    ]
