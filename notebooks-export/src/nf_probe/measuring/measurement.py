"""What is measured of a step's gradients, still on the device."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

_COMPARED = 4
"""Gradients whose change counts among those that are looked at again: the largest, for small ones may have been
rounded."""


@dataclass
class Measurement:
    """The sums of this worker's share of all gradients, still on the device."""

    sums: Tensor
    """`(part, sum)`, float64, in the order of the layout's parts; 0 where another worker counts."""
    local_l1: Tensor
    """`(part)`: Σ|g| of this worker's elements, whether they are counted or not; -∞ where it does not hold the
    parameter."""
    is_reached: Tensor
    """`(part)`: 1 where the backward pass has reached the parameter on this worker, else 0; float64."""
    look_at_again: list[int]
    """Parts whose gradients tell what clipping does."""
    loss_scale: Tensor | None
    """The factor that these gradients carry."""


@dataclass(frozen=True)
class SecondLook:
    """Σ|g| of a few gradients, as measured and at a later time; still on the device."""

    before: Tensor | None
    after: Tensor | None

    def ratio(self) -> float:
        """By what factor all gradients have changed; not a number where it is not one factor, or nothing is known.

        A quotient of sums, so exact to rounding of the gradients. This waits for the device.
        """
        if self.before is None or self.after is None:
            return float("nan")
        if self.before is self.after:
            return 1.0
        pairs = zip(self.before.tolist(), self.after.tolist(), strict=True)
        known = sorted((pair for pair in pairs if 0 < pair[0] < float("inf")), reverse=True)[:_COMPARED]
        ratios = sorted(after / before for before, after in known)
        is_one_factor = bool(ratios) and ratios[-1] - ratios[0] <= 0.01 * ratios[-1]
        return ratios[(len(ratios) - 1) // 2] if is_one_factor else float("nan")
