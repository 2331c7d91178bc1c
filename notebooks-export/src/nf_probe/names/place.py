"""Where a parameter belongs, as values: what the search for places finds."""

from __future__ import annotations

from dataclasses import dataclass, field

from .cuts import Cut


@dataclass(frozen=True)
class Place:
    """Which part of a model a tensor is."""

    stack: str
    """`encoder`, `decoder` or `none` in fairseq's names; in the model's own, what stands before a layer's number."""
    layer: int | None
    """Counted from 0; None outside the layers."""
    name: str
    """Within the layer, e.g. `fc2.weight`; outside the layers the full name."""
    is_own: bool = False
    """Whether the stack has the model's own name."""

    @property
    def layer_name(self) -> str:
        """The layer's full name, e.g. `decoder.layers.3`."""
        stack = self.stack if self.is_own else f"{self.stack}.layers"
        return f"{stack}.{self.layer}" if stack else f"{self.layer}"

    @property
    def full_name(self) -> str:
        """The tensor's full name."""
        return self.name if self.layer is None else f"{self.layer_name}.{self.name}"


@dataclass(frozen=True)
class Placed:
    """Where a parameter, or a part of a fused one, belongs."""

    place: Place
    cut: Cut | None = None
    """Which elements are meant; None for all."""
    is_transposed: bool = False
    """Stored as `(inputs, outputs)`."""
    is_gain_minus_one: bool = False
    """A gain that is stored as its difference from one."""
    expert: int | None = None
    """The expert that it is of, where each has a parameter of its own: all of a layer's have one place."""
    are_stacked_experts: bool = False
    """Whether the first dimension counts experts."""


@dataclass(frozen=True)
class Placing:
    """The places of a model's parameters."""

    adapter: str
    """Whose names the parameters have; `regular expression` where the caller says, `own names` where no table does."""
    places: dict[str, list[Placed]]
    """By parameter name, for those with a place."""
    unknown: list[str]
    """Parameters outside the layers that no rule knows, under their own names."""
    is_pre_ln: bool
    has_rotary_positions: bool
    notes: list[str] = field(default_factory=list)
    """What a reader should know of these names."""
