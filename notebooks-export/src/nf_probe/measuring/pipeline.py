"""Gradients of a model whose layers are spread over workers as the stages of a pipeline."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


class PipelineWatch:
    """Measures when a schedule of `torch.distributed.pipelining` has made the gradients of a step.

    Not sooner: they come micro-batch by micro-batch, in some schedules without passing any hook, and are divided by the
    number of micro-batches at the end.
    """

    def __init__(self, schedule: Any, measure: Callable[[], None]) -> None:
        """Watches a schedule; `measure` must raise nothing, for that would come out of the script's `step`."""
        self._schedule = schedule
        original = schedule.step

        @functools.wraps(original)
        def step(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            # An evaluation has no backward pass.
            if getattr(schedule, "_has_backward", True):
                measure()
            return result

        self._replacement = schedule.step = step

    def close(self) -> None:
        """Stops watching."""
        if vars(self._schedule).get("step") is self._replacement:
            del self._schedule.step
