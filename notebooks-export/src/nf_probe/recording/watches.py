"""All that looks at a training while it runs, and what of a step it has seen when the step is over."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import UsageError
from ..measuring.experts import Experts
from ..measuring.holdings import Holdings
from ..measuring.layout import Layout, Part
from ..measuring.loss_scaling import LossScaleWatch
from ..measuring.measurement import Measurement
from ..measuring.noise import NoiseWatch
from ..measuring.parameterwatch import ParameterWatch
from ..measuring.pipeline import PipelineWatch
from ..measuring.probe import GradientProbe
from ..measuring.sharding import worker_count
from ..measuring.step import StepReduction, StepRow
from ..measuring.updates import UpdateWatch
from ..outputs.outputwatch import OutputWatch
from ..outputs.taps import Taps


@dataclass(frozen=True)
class Plan:
    """What is looked at, and what the script says of its gradients."""

    layout: Layout
    left_out: Sequence[Part]
    """Parts that only enter the norm of the whole gradient."""
    experts: Experts | None
    taps: Taps | None
    heads: int
    weights_every: int
    noise_every: int
    outputs_every: int
    passes: int
    gradient_scale: float
    has_data: bool
    """Whether this worker's loss and tokens count."""


@dataclass(frozen=True)
class Seen:
    """One step, as all workers together have seen it."""

    row: StepRow
    parameters: Mapping[str, NDArray[np.float64]]
    outputs: Mapping[str, NDArray[np.generic]]
    noise: Mapping[str, NDArray[np.generic] | float] | None
    learning_rate: float
    clip_coefficient: float


class Watches:
    """Hooks on a model, its optimizers and its scaler."""

    def __init__(
        self, modules: Sequence[nn.Module], holdings: Holdings, optimizers: list[torch.optim.Optimizer],
        scaler: torch.amp.GradScaler | None, pipeline: Any, plan: Plan,
    ) -> None:  # fmt: skip
        """Attaches them.

        Raises:
            UsageError: Something that is asked for cannot be seen.
        """
        if plan.noise_every and pipeline is not None:
            raise UsageError(
                "noise_every sees no parts in a pipeline, whose micro-batches flow together; leave it at 0"
            )
        layout, parts = plan.layout, [*plan.layout.parts, *plan.left_out]
        self._gradient_scale = plan.gradient_scale
        self.loss_scaling = LossScaleWatch(scaler)
        passes = plan.passes if pipeline is None else math.inf
        self.probe = GradientProbe(holdings, parts, passes, self.loss_scaling.scale)
        self._pipeline = PipelineWatch(pipeline, self.probe.measure_quietly) if pipeline is not None else None
        replicas = [holdings.all[part.parameter].is_replica for part in parts]
        self._reduction = StepReduction(
            layout, parts, replicas, plan.gradient_scale, plan.has_data, is_pipeline=pipeline is not None,
            experts=plan.experts,
        )  # fmt: skip
        self.parameters = ParameterWatch(holdings, layout, plan.weights_every, is_told=bool(optimizers))
        self.noise = NoiseWatch(holdings, layout, plan.noise_every, plan.gradient_scale)
        self.outputs = OutputWatch(modules, plan.taps, plan.heads, plan.outputs_every)
        self.updates = UpdateWatch(optimizers, self.probe, self.loss_scaling, self.parameters)

    def begin(self, step: int, *, is_recorded: bool) -> None:
        """A new step begins."""
        self.probe.reset()
        self.probe.is_wanted = is_recorded
        self.updates.reset()
        self.parameters.begin(step, is_recorded=is_recorded)
        self.noise.begin(step, is_recorded=is_recorded)
        self.outputs.begin(step, is_recorded=is_recorded)

    def seen(self, loss: Tensor | float | None, tokens: int, error: Exception | None) -> Seen:
        """The step that ends. Every worker calls this, also one that cannot go on, with what keeps it from that.

        Raises:
            Exception: `error`, or what was wrong with this step; on the other workers, that one of them has failed.
        """
        try:
            measurement = self._measured()
            self.parameters.measure()
            if self.outputs.error is not None:
                raise self.outputs.error
        except Exception as found:
            # Other workers wait for this one's numbers, or for the news that there are none.
            error, measurement = error or found, self.probe.nothing
        row = self._reduction.reduce(measurement, loss, tokens, has_failed=error is not None)
        if error is not None:
            raise error
        # Of the mean over workers, which each of them contributes a share to.
        outputs = self.outputs.reduced(1 / (self._gradient_scale * row.loss_scale * worker_count()))
        return Seen(
            row, self.parameters.reduced(), outputs, self.noise.row(row, self.probe.pass_count),
            self.updates.learning_rate, self.updates.clip_coefficient(),
        )  # fmt: skip

    def _measured(self) -> Measurement:
        """What the last backward pass left; where that is not what the step took, an error."""
        probe = self.probe
        if probe.error:
            raise probe.error
        if probe.pass_count == 0 and probe.measurement is None:
            raise UsageError(
                "no gradients since the last step: call recorder.step() once after each backward(), and make the "
                "recorder after the model is wrapped (DDP, fully_shard, parallelize_module)"
            )
        if probe.measurement is None:
            if not probe.are_untouched:
                raise UsageError(
                    f"only {probe.pass_count} backward passes came before this step, and the gradients were changed "
                    "since, so they are lost; leave passes at 1 where the number varies"
                )
            probe.measure()
        self.loss_scaling.check()
        assert probe.measurement is not None
        return probe.measurement

    def close(self) -> None:
        """Takes the hooks off."""
        self.probe.detach()
        if self._pipeline is not None:
            self._pipeline.close()
        self.updates.close()
        self.noise.close()
        self.outputs.close()
        self.loss_scaling.close()
