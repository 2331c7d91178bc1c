"""The learned gains and scales of a model's layers, whose values a run file keeps in snapshots."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..runfile.manifest import Scale
from .holdings import Holdings
from .layout import Layout, Part

_NORM = re.compile(r"(.*(?:layer_norm|layernorm|norm|_ln|ln_\d|LayerNorm))\.weight")
_LEARNED_SCALE = re.compile(
    r"(.*\b(?:c_attn|w_resid\w*|alpha\d?)|.*(?:layer_?scale\w*|\bls\d?|\bgamma\w*|\blambda\w*)(?:\.\w+)?)"
)


@dataclass(frozen=True)
class _Source:
    part: Part
    layer: int
    repeats: int


class ScaleSnapshots:
    """The gains and scales of a model that have one number for each element of the model, of the FFN, or each head."""

    def __init__(self, holdings: Holdings, layout: Layout, head_count: int) -> None:
        """Finds them by their names and shapes; others are left out.

        Args:
            holdings: The parameters that are recorded.
            layout: Where they belong.
            head_count: Attention heads of a layer.
        """
        self._holdings = holdings
        self._layer_count = len(layout.layers)
        self._widths = {"model_element": layout.model_dim, "ffn_element": layout.ffn_dim, "head": head_count}
        self._sources: dict[Scale, list[_Source]] = {}
        tensors = len(layout.gradients.tensor_names)
        for part in layout.parts:
            if part.placed is None or part.cell >= layout.grid_size:
                continue
            name = scale_name(part.placed.place.name)
            if name and (found := self._axis(name, part.element_count)):
                axis, repeats = found
                if any(scale.name == name and scale.axis != axis for scale in self._sources):
                    continue
                source = _Source(part, part.cell // tensors, repeats)
                self._sources.setdefault(Scale(name, axis), []).append(source)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Those of this worker's parameters whose values are kept, by name."""
        names = [source.part.parameter for sources in self._sources.values() for source in sources]
        return {name: self._holdings.local[name] for name in names if name in self._holdings.local}

    @property
    def scales(self) -> tuple[Scale, ...]:
        """What is kept, in the order of the file's tensors."""
        order = {scale: min(source.part.cell for source in sources) for scale, sources in self._sources.items()}
        return tuple(sorted(self._sources, key=lambda scale: order[scale]))

    def read(self) -> dict[str, NDArray[np.float32]]:
        """The values as they multiply, `(layer, element)`, by variable name; not a number where a layer has none.

        Every worker calls this: shards are brought together.
        """
        sources = [source for scale in self.scales for source in self._sources[scale]]
        values = [self._holdings.values(source.part.parameter) for source in sources]
        fetched = self._holdings.together(torch.cat(values)).split([v.numel() for v in values]) if values else []
        by_source = dict(zip(sources, fetched, strict=True))
        return {f"scale_{scale.name}": self._grid(scale, by_source) for scale in self.scales}

    def _grid(self, scale: Scale, values: Mapping[_Source, Tensor]) -> NDArray[np.float32]:
        grid = np.full((self._layer_count, self._widths[scale.axis]), np.nan, dtype=np.float32)
        for source in self._sources[scale]:
            assert source.part.placed is not None
            by_name = 1 if source.part.placed.is_gain_minus_one else 0
            offset = self._holdings.offsets.get(source.part.parameter, by_name)
            grid[source.layer] = np.tile(values[source].numpy(), source.repeats) + np.float32(offset)
        return grid

    def _axis(self, name: str, width: int) -> tuple[str, int] | None:
        """What the elements run over, and how often they are repeated: a norm inside heads serves all of them."""
        if name.endswith("c_attn"):
            return ("head", 1) if width == self._widths["head"] else None
        for axis in ("model_element", "ffn_element"):
            if width == self._widths[axis]:
                return axis, 1
        model_dim = self._widths["model_element"]
        is_scalar_or_within_heads = width == 1 or name in ("q_layer_norm", "k_layer_norm", "v_layer_norm")
        if is_scalar_or_within_heads and model_dim and width and model_dim % width == 0:
            return "model_element", model_dim // width
        return None


def scale_name(tensor: str) -> str | None:
    """What a run file calls a gain or scale, e.g. `ffn_layernorm` of `ffn_layernorm.weight`; None for other tensors."""
    found = _NORM.fullmatch(tensor) or _LEARNED_SCALE.fullmatch(tensor)
    if not found:
        return None
    return re.sub(r"\W", "_", found[1].removeprefix("self_attn.").removesuffix(".weight"))
