"""Where in a run file the sums of each parameter go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from .errors import UsageError
from .manifest import GradientLayout
from .names import Placed, Placing, Shape, pass_order, stem_order

_LARGEST_COUNT = 2**32 - 1


@dataclass(frozen=True)
class Part:
    """A parameter, or its part of a fused one, and its column."""

    parameter: str
    placed: Placed | None
    """None for a parameter without a place."""
    cell: int
    """Index in the flat row: the `(layer, tensor)` grid, layer-major, then the stem tensors."""
    element_count: int

    @property
    def rows(self) -> tuple[int, int, int]:
        """Dimension, number of the part, and of how many it is one."""
        return (self.placed.dimension, self.placed.part, self.placed.part_count) if self.placed else (0, 0, 1)


@dataclass(frozen=True)
class Layout:
    """The columns of a run's gradient variables and what goes there."""

    gradients: GradientLayout
    parts: tuple[Part, ...]
    stack: str
    layers: tuple[int, ...]
    """Numbers of the layers as the model counts them."""
    model_dim: int
    ffn_dim: int

    @property
    def grid_size(self) -> int:
        """Cells of the `(layer, tensor)` grid."""
        return len(self.gradients.element_counts)

    @property
    def cell_count(self) -> int:
        """Cells of the grid and stem tensors."""
        return self.grid_size + len(self.gradients.stem_element_counts)


def make_layout(placing: Placing, shapes: Mapping[str, Shape]) -> Layout:
    """Lays out the sums of a model's parameters.

    Layers are those of the deepest stack; tensors of another stack, outside the layers, and without a place, keep their
    full names beside them.

    Args:
        placing: Where each parameter belongs.
        shapes: Whole shape by parameter name, of the parameters that are recorded, in the model's order.

    Raises:
        UsageError: A tensor has more elements than a run file can count.
    """
    placed = [(name, part) for name in shapes for part in placing.places.get(name, [])]
    stack = _main_stack(placed)
    in_layers = [(name, part) for name, part in placed if part.place.layer is not None and part.place.stack == stack]
    outside = [(name, part) for name, part in placed if (name, part) not in in_layers]
    layers = sorted({part.place.layer for _, part in in_layers if part.place.layer is not None})
    tensors = _sorted_tensors([part.place.name for _, part in in_layers], pass_order(placing))
    unknown = [name for name in shapes if name not in placing.places]
    stem = _sorted_stem([(name, part, _full_name(part)) for name, part in outside], stack)

    parts, counts = [], [0] * (len(layers) * len(tensors))
    for name, part in in_layers:
        assert part.place.layer is not None
        cell = layers.index(part.place.layer) * len(tensors) + tensors.index(part.place.name)
        counts[cell] = _count(name, shapes, part)
        parts.append(Part(name, part, cell, counts[cell]))
    stem_counts, stem_names = [], []
    for name, maybe, full_name in [*stem, *((name, None, name) for name in unknown)]:
        stem_counts.append(_count(name, shapes, maybe))
        stem_names.append(full_name)
        parts.append(Part(name, maybe, len(counts) + len(stem_counts) - 1, stem_counts[-1]))

    zero = _zero_by_construction(placing, layers, in_layers)
    gradients = GradientLayout(
        tuple(f"{stack}.layers.{layer}" for layer in layers), tuple(tensors), tuple(stem_names), tuple(counts),
        tuple(stem_counts), tuple((layer, tensor) in zero for layer in layers for tensor in tensors),
        tuple(False for _ in stem_names),
    )  # fmt: skip
    model_dim, ffn_dim = _widths(in_layers, shapes)
    return Layout(gradients, tuple(parts), stack, tuple(layers), model_dim, ffn_dim)


def _main_stack(placed: list[tuple[str, Placed]]) -> str:
    depth = Counter(stack for stack, layer in {(p.place.stack, p.place.layer) for _, p in placed} if layer is not None)
    if not depth:
        raise UsageError("none of the parameters inside the model's layers requires a gradient")
    return max(depth, key=lambda stack: (depth[stack], stack == "decoder"))


def _full_name(part: Placed) -> str:
    place = part.place
    return place.name if place.layer is None else f"{place.stack}.layers.{place.layer}.{place.name}"


def _stem(name: str) -> str:
    return name.removesuffix(".weight").removesuffix(".bias")


def _sorted_tensors(names: list[str], order: list[str]) -> list[str]:
    ranks = {stem: rank for rank, stem in enumerate(order)}
    return sorted(dict.fromkeys(names), key=lambda name: (ranks.get(_stem(name), len(order)), name.endswith(".bias")))


def _sorted_stem(tensors: list[tuple[str, Placed, str]], stack: str) -> list[tuple[str, Placed | None, str]]:
    order, _ = stem_order()

    def key(entry: tuple[str, Placed, str]) -> tuple[int, int, bool]:
        place = entry[1].place
        tail = place.name.partition(".")[2] if place.layer is None else ""
        rank = next((i for i, beginning in enumerate(order) if tail.startswith(beginning)), len(order))
        return (place.stack != stack, rank, place.name.endswith(".bias"))

    return [(name, part, full) for name, part, full in sorted(tensors, key=key)]


def _count(name: str, shapes: Mapping[str, Shape], part: Placed | None) -> int:
    count = prod(shapes[name]) // (part.part_count if part else 1)
    if count > _LARGEST_COUNT:
        raise UsageError(f"{name} has {count} elements; a run file counts up to {_LARGEST_COUNT}")
    return count


def _zero_by_construction(
    placing: Placing, layers: list[int], in_layers: list[tuple[str, Placed]]
) -> set[tuple[int, str]]:
    """Biases of keys: a shift of all keys moves every score of a query alike, and softmax does not see it.

    Unless keys are normalised or turned by their positions after the bias.
    """
    if placing.has_rotary_positions:
        return set()
    there = {(part.place.layer, part.place.name) for _, part in in_layers}
    return {
        (layer, f"{attention}.k_proj.bias")
        for layer in layers
        for attention in ("self_attn", "encoder_attn")
        if (layer, f"{attention}.k_layer_norm.weight") not in there
    }


def _widths(in_layers: list[tuple[str, Placed]], shapes: Mapping[str, Shape]) -> tuple[int, int]:
    """Width of the model and of its feed-forward part; 0 where the names do not tell."""
    by_name = {part.place.name: (shapes[name], part) for name, part in in_layers}

    def inputs(name: str) -> int:
        shape, part = by_name.get(name, ((), None))
        return shape[0 if part and part.is_transposed else 1] if len(shape) == 2 else 0

    def norm(name: str) -> int:
        shape, _ = by_name.get(name, ((), None))
        return shape[0] if len(shape) == 1 else 0

    names = ("self_attn_layer_norm.weight", "final_layer_norm.weight", "attn_ln.weight")
    model_dim = next((width for width in map(norm, names) if width), 0)
    model_dim = model_dim or inputs("fc1.weight") or inputs("self_attn.q_proj.weight")
    return model_dim, inputs("fc2.weight")
