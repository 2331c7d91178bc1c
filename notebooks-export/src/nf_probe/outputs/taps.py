"""Which modules of a model make the outputs that a run file names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import nn

from ..errors import UsageError
from ..measuring.layout import Layout
from ..names.cuts import Cut
from ..names.operations import ATTENTION, STREAM, entering, in_order
from ..names.places import Place, Placed, Placing, bare_name, pass_order, stem_order
from ..runfile.manifest import OutputLayout

_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
_UNMEASURED = (nn.Embedding, nn.Dropout, nn.Identity, *_CONTAINERS)


@dataclass(frozen=True)
class Tap:
    """A tensor that enters a module or leaves it, or a part of one, and what it is."""

    module: nn.Module
    layer: int | None
    """Its place among the run's layers; None after them."""
    name: str
    """Of the operation."""
    is_input: bool = False
    """Whether it is what enters the module."""
    cut: Cut | None = None
    """Which elements of the last dimension are meant; None for all."""
    cell: int = -1
    """Its index in the flat row: the `(layer, operation)` grid, layer-major, then the operations after the layers."""


@dataclass(frozen=True)
class Taps:
    """The operations of a model whose outputs can be seen, and where."""

    layout: OutputLayout
    taps: tuple[Tap, ...]
    attention: Mapping[nn.Module, int]
    """The module in which each layer's heads attend, and the layer."""
    layer_count: int

    @property
    def grid_size(self) -> int:
        """Cells of the `(layer, operation)` grid."""
        return self.layer_count * len(self.layout.operation_names)

    @property
    def cell_count(self) -> int:
        """Cells of the grid, and operations after the layers."""
        return self.grid_size + len(self.layout.stem_operation_names)


def find_taps(modules: Sequence[nn.Module], placing: Placing, layout: Layout) -> Taps:
    """Finds them by the places of the parameters: an operation is called what the tensors of its module are.

    Args:
        modules: The model.
        placing: Where each parameter belongs.
        layout: The run's layers.

    Raises:
        UsageError: Nothing inside the layers can be seen: they are compiled, or no modules.
    """
    search = _Search(modules, placing, layout)
    in_layers, stem_taps = [*search.streams(), *search.in_layers()], list(search.after_layers())
    if not in_layers:
        raise UsageError("no module of the model's layers has an output that can be seen; leave outputs_every at 0")
    names = in_order(((tap.layer, tap.name) for tap in in_layers), pass_order(placing))
    stem = tuple(dict.fromkeys(tap.name for tap in stem_taps))
    columns = {name: place for place, name in enumerate(names)}
    layer_count = len(layout.gradients.layer_names)
    taps = [replace(tap, cell=tap.layer * len(names) + columns[tap.name]) for tap in in_layers if tap.layer is not None]
    taps += [replace(tap, cell=layer_count * len(names) + stem.index(tap.name)) for tap in stem_taps]
    return Taps(OutputLayout(names, stem), tuple(taps), search.attention(), layer_count)


class _Search:
    def __init__(self, modules: Sequence[nn.Module], placing: Placing, layout: Layout) -> None:
        self._placing = placing
        self._modules = {name: module for root in modules for name, module in root.named_modules()}
        self._order = {id(module): place for place, module in enumerate(self._modules.values())}
        part = next(part for part in layout.parts if part.cell < layout.grid_size and part.placed is not None)
        assert part.placed is not None
        self._stack = (part.placed.place.stack, part.placed.place.is_own)
        self._rows = {number: row for row, number in enumerate(layout.layers)}
        self._owners: dict[int, list[tuple[str, Placed]]] = {row: [] for row in self._rows.values()}
        """Of each layer, the paths of its parameters and their places."""
        for name, places in placing.places.items():
            for placed in places:
                place = placed.place
                if (place.stack, place.is_own) == self._stack and place.layer in self._rows:
                    self._owners[self._rows[place.layer]].append((name, placed))
        self._layers = self._layer_paths()
        for path in self._layers.values():
            self._check_eager(path)

    def _check_eager(self, path: str) -> None:
        """Looks whether any of the modules around a layer, or it itself, is compiled."""
        ends = [match.start() for match in re.finditer(r"\.|$", path)]
        for module in (self._modules[outer] for outer in ["", *(path[:end] for end in ends)] if outer in self._modules):
            if hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None:
                raise UsageError(
                    "outputs inside compiled layers cannot be seen: leave outputs_every at 0, or the model uncompiled"
                )

    def _layer_paths(self) -> dict[int, str]:
        """The path of the module that is each layer: the outermost that holds its parameters and no other layer's."""
        parts = {row: _common(name for name, _ in owners).split(".") for row, owners in self._owners.items()}
        # One layer alone ends with its number.
        depth = next((place for place, part in enumerate(next(iter(parts.values()))) if part.isdecimal()), 0)
        if len(parts) > 1:
            depth = len(_beginning(list(parts.values())))
        return {row: ".".join(path[: depth + 1]) for row, path in parts.items()}

    def in_layers(self) -> Iterator[Tap]:
        """What leaves modules that hold parameters, and what enters some; where no table knows the model, what leaves
        its other modules, too."""
        for row, owners in self._owners.items():
            found: dict[tuple[int, str], Tap] = {}
            for name, placed in owners:
                if (tap := self._tap(name, placed, row)) is not None:
                    found.setdefault((id(tap.module), tap.name), tap)
            before = entering({tap.name for tap in found.values()}, {placed.place.name for _, placed in owners})
            taps = [*found.values(), *([] if before else self._without_parameters(row, found.values()))]
            for tap in sorted(taps, key=lambda tap: self._order[id(tap.module)]):
                yield tap
                if tap.name in before and not isinstance(tap.module, nn.MultiheadAttention):
                    yield Tap(tap.module, row, before[tap.name], is_input=True)

    def _tap(self, name: str, placed: Placed, row: int | None) -> Tap | None:
        """The output of the module that holds a parameter; None where that is not the parameter's operation's."""
        path, _, leaf = name.split(".parametrizations.")[0].rpartition(".")
        if ".parametrizations." in name:
            path, leaf = f"{path}.{leaf}".removeprefix("."), ""
        path = path.removesuffix(".base_layer")
        operation, _, last = placed.place.name.rpartition(".")
        outer = self._modules.get(path.rpartition(".")[0])
        if isinstance(outer, nn.MultiheadAttention) and outer.out_proj is self._modules.get(path):
            # It is not called as a module.
            return Tap(outer, row, operation)
        module = self._modules.get(path)
        if module is None or not operation or isinstance(module, (*_UNMEASURED, nn.MultiheadAttention)):
            return None
        if placed.are_stacked_experts:
            # One module computes with all of a layer's.
            operation = operation[: operation.index("experts") + len("experts")]
            return Tap(module, row, operation)
        if _holds_others(module) and (last != leaf or operation == ATTENTION):
            return None
        return Tap(module, row, operation, cut=placed.cut if leaf != "bias" else None)

    def _without_parameters(self, row: int, known: Iterable[Tap]) -> Iterator[Tap]:
        """Modules of a layer that compute without parameters, under their own names: activation functions, mostly."""
        layer = self._layers[row]
        for name, module in self._modules.items() if self._is_one_module(row) else ():
            if layer and not name.startswith(f"{layer}."):
                continue
            is_plain = next(module.parameters(), None) is None and next(module.children(), None) is None
            if is_plain and not isinstance(module, _UNMEASURED) and all(tap.module is not module for tap in known):
                yield Tap(module, row, name.removeprefix(f"{layer}."))

    def streams(self) -> Iterator[Tap]:
        """What enters each layer, where the layer is one module."""
        for row, path in self._layers.items():
            module = self._modules.get(path)
            if path and module is not None and self._is_one_module(row) and not isinstance(module, _CONTAINERS):
                yield Tap(module, row, STREAM, is_input=True)

    def _is_one_module(self, row: int) -> bool:
        """Whether a layer's module is no other one's, too: some libraries list sublayers."""
        return list(self._layers.values()).count(self._layers[row]) == 1

    def after_layers(self) -> Iterator[Tap]:
        """Outputs of modules behind the last layer: the final norm, the head."""
        last = max((self._order[id(self._modules[path])] for path in self._layers.values()), default=0)
        order, before = stem_order()
        found: dict[int, tuple[int, Tap]] = {}
        strangers = {name: [Placed(Place("none", None, bare_name(name)))] for name in self._placing.unknown}
        for name, places in {**self._placing.places, **strangers}.items():
            for placed in places:
                tap = self._tap(name, placed, None) if placed.place.layer is None else None
                if tap is None or tap.cut is not None or _holds_others(tap.module):
                    continue
                tail = placed.place.name.partition(".")[2]
                rank = next((i for i, beginning in enumerate(order) if tail.startswith(beginning)), None)
                is_main = not self._stack[1] and placed.place.name.startswith(f"{self._stack[0]}.")
                if (rank is not None and rank >= before and is_main) or (
                    (rank is None or not is_main) and self._order[id(tap.module)] > last
                ):
                    found.setdefault(id(tap.module), (len(order) if rank is None else rank, tap))
        if (head := self._tied_head({tap.module for _, tap in found.values()})) is not None:
            found[id(head.module)] = (len(order), head)
        for _, tap in sorted(found.values(), key=lambda entry: (entry[0], self._order[id(entry[1].module)])):
            yield tap

    def _tied_head(self, known: set[nn.Module]) -> Tap | None:
        """The projection to the vocabulary whose weight is the embedding's, so that it has no name of its own."""
        tables = {id(m.weight) for m in self._modules.values() if isinstance(m, nn.Embedding)}
        for name, module in self._modules.items():
            if isinstance(module, nn.Linear) and module not in known and id(module.weight) in tables:
                stack = self._stack[0]
                return Tap(module, None, name if self._stack[1] else f"{stack}.output_projection")
        return None

    def attention(self) -> Mapping[nn.Module, int]:
        """The modules in which the layers' heads attend."""
        found: dict[nn.Module, list[int]] = {}
        for row, owners in self._owners.items():
            own = [name for name, placed in owners if placed.place.name.startswith(f"{ATTENTION}.")]
            path, layer = _common(own) if own else self._layers[row], self._layers[row]
            # A container has no forward pass of its own.
            while path and isinstance(self._modules.get(path), _CONTAINERS):
                path = path.rpartition(".")[0]
            module = self._modules.get(path) if f"{path}.".startswith(f"{layer}." if layer else "") else None
            # gpt-oss: a column of its own stands among the keys.
            if module is not None and not hasattr(module, "sinks"):
                found.setdefault(module, []).append(row)
        return {module: rows[0] for module, rows in found.items() if len(rows) == 1}


def _holds_others(module: nn.Module) -> bool:
    """Whether modules inside it have parameters, too."""
    return any(next(child.parameters(), None) is not None for child in module.children())


def _common(names: Iterable[str]) -> str:
    """The path of the module that holds all of some parameters."""
    paths = [name.rpartition(".")[0].split(".") for name in names]
    return ".".join(_beginning(paths))


def _beginning(paths: Sequence[Sequence[str]]) -> list[str]:
    """What all of some paths begin with."""
    columns = zip(*paths, strict=False)
    return [parts[0] for parts in itertools.takewhile(lambda parts: len(set(parts)) == 1, columns)]
