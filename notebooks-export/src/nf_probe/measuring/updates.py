"""Watches the optimizers' steps: at what learning rate they are made, and what clipping did before them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .loss_scaling import LossScaleWatch
from .measurement import SecondLook
from .parameterwatch import ParameterWatch
from .probe import GradientProbe


@dataclass(frozen=True)
class _Update:
    """What is known when an optimizer's step begins."""

    learning_rate: float
    second_look: SecondLook
    undone_scale: Tensor
    """What a `GradScaler` has divided the gradients by since they were measured."""
    pass_count: int


class UpdateWatch:
    """Hooks on the optimizers. Nothing in them waits for the device."""

    def __init__(
        self, optimizers: list[torch.optim.Optimizer], probe: GradientProbe, loss_scaling: LossScaleWatch,
        parameters: ParameterWatch,
    ) -> None:  # fmt: skip
        self._optimizers = optimizers
        self._probe = probe
        self._loss_scaling = loss_scaling
        self._parameters = parameters
        self._update: _Update | None = None
        self._handles = [o.register_step_pre_hook(self._step_begins) for o in optimizers]
        self._handles += [o.register_step_post_hook(self._step_ended) for o in optimizers]

    def close(self) -> None:
        """Takes the hooks off."""
        for handle in self._handles:
            handle.remove()

    def reset(self) -> None:
        """Forgets what was seen: a new step begins."""
        self._update = None

    @property
    def is_made(self) -> bool:
        """Whether an update was made since the last reset, as far as is known: without an optimizer, nobody tells."""
        return self._update is not None or not self._optimizers

    @property
    def learning_rate(self) -> float:
        """The one of this update, or of the next; not a number without an optimizer."""
        if self._update is not None:
            return self._update.learning_rate
        return float(self._optimizers[0].param_groups[0]["lr"]) if self._optimizers else float("nan")

    def clip_coefficient(self) -> float:
        """What clipping has multiplied the gradients by; not a number where that is not known. Waits for the device."""
        if self._update is None:
            return float("nan")
        return self._update.second_look.ratio() * float(self._update.undone_scale)

    def _step_begins(self, *_: object) -> None:
        if self._update is not None:
            return
        # An exception here would come out of the script's `optimizer.step()`.
        try:
            self._parameters.keep()
            undone = self._loss_scaling.undone_in_place(self._optimizers[0])
            self._update = _Update(self.learning_rate, self._probe.look_again(), undone, self._probe.pass_count)
        except Exception as error:
            self._probe.error = error

    def _step_ended(self, *_: object) -> None:
        """Lightning's backward pass and clipping lie inside the step, in its closure."""
        if not self._probe.has_begun:
            # The update of a step that was recorded before it: `step` stands before `optimizer.step()`.
            self._parameters.discard()
        if self._update is not None and self._probe.pass_count > self._update.pass_count:
            self._update = None
            self._step_begins()
