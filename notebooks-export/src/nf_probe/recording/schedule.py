"""Which steps are recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import UsageError


@dataclass(frozen=True)
class Schedule:
    """Every n-th step from step 0 on, or step 0 and the steps nearest to 10^(k / per_decade); as `nf-probe train`'s."""

    every: int = 1
    per_decade: int | None = None
    """About as many steps are recorded in each decade of steps, instead of `every`."""

    def __post_init__(self) -> None:
        for name, value in (("every", self.every), ("per_decade", 1 if self.per_decade is None else self.per_decade)):
            if value < 1:
                raise UsageError(f"{name} must be at least 1, not {value}")

    def includes(self, step: int) -> bool:
        """Whether a step is recorded."""
        if self.per_decade is None:
            return step % self.every == 0
        if step <= 0:
            return True
        point = _nearest(math.log10(step) * self.per_decade)
        return any(_nearest(10 ** ((point + near) / self.per_decade)) == step for near in (-1, 0, 1))

    @property
    def settings(self) -> dict[str, object]:
        """What the run's configuration says of it; nothing where every step is recorded."""
        if self.per_decade is not None:
            return {"per-decade": self.per_decade}
        return {"every": self.every} if self.every > 1 else {}


def _nearest(number: float) -> int:
    """Halves are rounded up: steps are none below 0."""
    return math.floor(number + 0.5)
