"""Stacks of layers beside the one that fills a run file's grid: their tensors lie outside it, under full names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..names.stacks import own_places


@dataclass(frozen=True)
class StackView:
    """A stack's layers and tensors, as if they filled the grid."""

    name: str
    """`encoder`, or what stands before the layers' numbers in the model's own names."""
    layers: list[int]
    """The layers' numbers."""
    tensors: list[str]
    cells: NDArray[np.intp]
    """`(layer, tensor)`: which stem tensor it is; -1 where a layer has no such tensor."""

    def grid(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(step, layer, tensor)` of a variable's `(step, stem_tensor)`; not a number where there is no tensor."""
        return np.where(self.cells >= 0, values[..., self.cells], np.nan)


def stack_views(stem_tensors: Sequence[str]) -> list[StackView]:
    """The stacks among the tensors outside the grid, in the order of their tensors."""
    places = own_places(stem_tensors, has_layers=True)
    views = []
    for stack in dict.fromkeys(place.stack for place in places.values()):
        own = {name: place for name, place in places.items() if place.stack == stack}
        layers = sorted({place.layer for place in own.values()})
        tensors = list(dict.fromkeys(place.name for place in own.values()))
        cells = np.full((len(layers), len(tensors)), -1, dtype=np.intp)
        for index, name in enumerate(stem_tensors):
            if place := own.get(name):
                cells[layers.index(place.layer), tensors.index(place.name)] = index
        views.append(StackView(stack_title(stack), layers, tensors, cells))
    return views


def stack_title(stack: str) -> str:
    """What a stack is called whose layers' names begin with `stack`: fairseq's `encoder.layers` is the encoder."""
    return stack.removesuffix(".layers") if stack in ("encoder.layers", "decoder.layers") else stack
