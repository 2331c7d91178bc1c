"""The factor on the loss that keeps float16 gradients from vanishing."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from ..errors import UsageError


class LossScaleWatch:
    """Knows the factor that gradients carry, and notices a scaler that nobody told it of."""

    def __init__(self, scaler: torch.amp.GradScaler | None) -> None:
        self._scaler = scaler
        self._stranger: torch.amp.GradScaler | None = None
        self._last: Tensor | None = None
        # Scalers are looked up by their class at each call, so this sees all of them.
        self._original = original = torch.amp.GradScaler.scale

        @functools.wraps(original)
        def scale(instance: torch.amp.GradScaler, outputs: Any) -> Any:
            if instance is not scaler and instance.is_enabled():
                self._stranger = instance
            return original(instance, outputs)

        self._replacement = scale
        torch.amp.GradScaler.scale = scale  # type: ignore[assignment,method-assign]

    def close(self) -> None:
        """Stops watching."""
        if torch.amp.GradScaler.scale is self._replacement:
            torch.amp.GradScaler.scale = self._original  # type: ignore[method-assign]

    def scale(self) -> Tensor | None:
        """The factor that gradients carry at the end of a backward pass; None without a scaler."""
        if self._scaler is None:
            return None
        if not self._scaler.is_enabled():
            self._last = torch.ones((), device="cpu")
        else:
            # Without waiting for the device; a copy, because an update of the factor is made in place.
            self._last = self._scaler._get_scale_async().clone()  # type: ignore[union-attr]
        return self._last

    def check(self) -> None:
        """Looks whether gradients carry a factor that is not known.

        Raises:
            UsageError: They do.
        """
        if self._stranger is not None:
            raise UsageError(
                "a GradScaler multiplies the loss, and so the gradients, by a factor that the recorder does not know: "
                "pass it as Recorder(..., scaler=scaler)"
            )

    def undone_in_place(self, optimizer: torch.optim.Optimizer) -> Tensor:
        """The factor that the scaler has divided the gradients by, at the time of an optimizer's step; on the device.

        Some optimizers divide by it themselves, and then their attribute `grad_scale` is there.
        """
        if self._last is None or getattr(optimizer, "grad_scale", None) is not None:
            return torch.ones((), device="cpu")
        return self._last
