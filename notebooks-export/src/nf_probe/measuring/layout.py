"""Where in a run file the sums of each parameter go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from ..errors import UsageError
from ..names.cuts import Cut
from ..names.places import Place, Placed, Placing, Shape, bare_name, pass_order, stem_order
from ..runfile.manifest import GradientLayout

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
    expert_cut: Cut | None = None
    """Which of them are an expert's, where all of a layer's are stacked in the parameter and measured apart."""

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """Which elements of the parameter are meant; none for all."""
        own = self.placed.cut if self.placed else None
        return tuple(cut for cut in (own, self.expert_cut) if cut is not None)


@dataclass(frozen=True)
class Layout:
    """The columns of a run's gradient variables and what goes there."""

    gradients: GradientLayout
    parts: tuple[Part, ...]
    stack: str
    """The deepest one's name."""
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
    stack = _main_stack(placed, shapes)
    in_layers = [entry for entry in placed if _stack(entry[1]) == stack]
    outside = [entry for entry in placed if _stack(entry[1]) != stack]
    by_layer = {part.place.layer: part.place.layer_name for _, part in in_layers if part.place.layer is not None}
    layers = sorted(by_layer)
    tensors = _sorted_tensors([part.place for _, part in in_layers], pass_order(placing))
    unknown = [name for name in shapes if name not in placing.places]
    stem = [(name, part, part.place.full_name) for name, part in _sorted_stem(outside, stack)]

    parts, counts = [], [0] * (len(layers) * len(tensors))
    rows, columns = ({key: index for index, key in enumerate(keys)} for keys in (layers, tensors))
    for name, part in in_layers:
        assert part.place.layer is not None
        cell = rows[part.place.layer] * len(tensors) + columns[part.place.name]
        parts.append(Part(name, part, cell, _count(name, shapes, part)))
        # Experts that have a parameter each are one tensor of the layer.
        counts[cell] += parts[-1].element_count
    stem_cells: dict[str, int] = {}
    stem_counts: list[int] = []
    for name, maybe, full_name in [*stem, *((name, None, bare_name(name)) for name in unknown)]:
        count = _count(name, shapes, maybe)
        if full_name not in stem_cells:
            stem_cells[full_name] = len(stem_counts)
            stem_counts.append(0)
        stem_counts[stem_cells[full_name]] += count
        parts.append(Part(name, maybe, len(counts) + stem_cells[full_name], count))
    for total, what in [(max(counts), "of a layer"), (max(stem_counts, default=0), "outside the layers")]:
        if total > _LARGEST_COUNT:
            raise UsageError(f"a tensor {what} has {total} elements; a run file counts up to {_LARGEST_COUNT}")

    zero = set() if stack[1] else _zero_by_construction(placing, layers, in_layers)
    gradients = GradientLayout(
        tuple(by_layer[layer] for layer in layers), tuple(tensors), tuple(stem_cells), tuple(counts),
        tuple(stem_counts), tuple((layer, tensor) in zero for layer in layers for tensor in tensors),
        tuple(False for _ in stem_cells),
    )  # fmt: skip
    model_dim, ffn_dim = _widths(in_layers, shapes)
    return Layout(gradients, tuple(parts), stack[0], tuple(layers), model_dim, ffn_dim)


def _stack(part: Placed) -> tuple[str, bool] | None:
    """Which stack a tensor lies in; None outside the layers."""
    return None if part.place.layer is None else (part.place.stack, part.place.is_own)


def _main_stack(placed: list[tuple[str, Placed]], shapes: Mapping[str, Shape]) -> tuple[str, bool]:
    """The deepest stack; of the one table that knows the model's largest part, where it does."""
    layers: dict[tuple[str, bool], set[int]] = {}
    sizes: Counter[tuple[str, bool]] = Counter()
    for name, part in placed:
        if (stack := _stack(part)) is not None and part.place.layer is not None:
            layers.setdefault(stack, set()).add(part.place.layer)
            sizes[stack] += _count(name, shapes, part)
    if not layers:
        raise UsageError("none of the parameters inside the model's layers requires a gradient")
    known = [stack for stack in layers if not stack[1]]
    if 2 * sum(sizes[stack] for stack in known) < sum(sizes.values()):
        known = list(layers)
    return max(known, key=lambda stack: (len(layers[stack]), stack == ("decoder", False), sizes[stack]))


def _stem(name: str) -> str:
    return name.removesuffix(".weight").removesuffix(".bias")


def _sorted_tensors(places: list[Place], order: list[str]) -> list[str]:
    """Names within a layer in the order in which data pass them; one that has no rank follows what stands before it."""
    ranks = {stem: rank for rank, stem in enumerate(order)}
    keys: dict[str, tuple[int, int, int]] = {}
    layer, last = None, -1
    for position, place in enumerate(places):
        layer, last = place.layer, last if place.layer == layer else -1
        rank = _rank(place.name, ranks)
        is_known = _stem(place.name) in ranks
        last = last if rank is None else rank
        within = int(place.name.endswith(".bias")) if is_known else 2
        keys.setdefault(place.name, (last, within, position))
    return sorted(keys, key=keys.__getitem__)


def _rank(name: str, ranks: Mapping[str, int]) -> int | None:
    """The rank of a tensor, or of what it is a part of: `self_attn.q_proj.lora_A.weight`."""
    stem = _stem(name)
    while stem:
        if stem in ranks:
            return ranks[stem]
        stem = stem.rpartition(".")[0]
    return None


def _sorted_stem(tensors: list[tuple[str, Placed]], stack: tuple[str, bool]) -> list[tuple[str, Placed]]:
    order, _ = stem_order()

    def key(entry: tuple[str, Placed]) -> tuple[bool, bool, int, bool]:
        place = entry[1].place
        tail = place.name.partition(".")[2] if place.layer is None else ""
        rank = next((i for i, beginning in enumerate(order) if tail.startswith(beginning)), len(order))
        # Other stacks of the model's own stay in its order.
        return (place.is_own, place.stack != stack[0], rank, place.name.endswith(".bias") and not place.is_own)

    return sorted(tensors, key=key)


def _count(name: str, shapes: Mapping[str, Shape], part: Placed | None) -> int:
    count = part.cut.count(shapes[name]) if part and part.cut else prod(shapes[name])
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
