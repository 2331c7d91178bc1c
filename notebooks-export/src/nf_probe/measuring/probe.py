"""Reads gradients at the end of every backward pass, before the training script can touch them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from ..errors import UsageError
from .holdings import Holdings
from .hooks import at_end_of_pass, registered_first, requiring_gradient
from .layout import Part
from .measurement import Measurement, SecondLook
from .sharding import is_distributed, local_gradient, part_of
from .sums import SUM_COUNT, tensor_sums

_LOOKED_AT_AGAIN = 16
"""Gradients that are looked at once more to see what clipping did: the shortest, for that costs next to nothing."""


class GradientProbe:
    """Hooks on a model's parameters that measure what a backward pass leaves in their gradients.

    The hooks run inside `backward()`; the measurement does when the pass is over, after data parallelism has averaged
    the gradients and before `backward()` returns. So neither clipping nor an optimizer can come first, in whatever
    order a script calls them.
    """

    def __init__(
        self, holdings: Holdings, parts: Sequence[Part], passes: float,
        loss_scale: Callable[[], Tensor | None],
    ) -> None:  # fmt: skip
        """Attaches the hooks.

        Args:
            holdings: The parameters that are measured.
            parts: What of them is measured, the same on every worker.
            passes: Backward passes that come before each optimizer step; earlier ones are not measured. Infinite where
                `measure` is called instead.
            loss_scale: The factor that the gradients carry, asked for at the end of a pass.
        """
        self.error: Exception | None = None
        self.measurement: Measurement | None = None
        self.pass_count = 0
        self.is_wanted = True
        """Whether the step that comes is recorded: nothing is measured of others."""
        self._parameters = dict(holdings.local)
        self._parts = parts
        self._passes = passes
        self._loss_scale = loss_scale
        self._shards = {name: holdings.shard(name) for name in self._parameters}
        self._flat_vectors = list({id(flat.vector): flat.vector for flat in holdings.flat.values()}.values())
        self._uncounted = [
            index
            for index, part in enumerate(parts)
            if part.parameter in self._shards and not self._shards[part.parameter].is_counted
        ]
        self._parts_by_parameter: dict[str, list[int]] = {}
        for index, part in enumerate(parts):
            self._parts_by_parameter.setdefault(part.parameter, []).append(index)
        # The others are averaged over workers only when the pass ends.
        self._final = {
            name for name, shard in self._shards.items()
            if name not in holdings.flat and not (shard.is_replica and is_distributed())
        }  # fmt: skip
        self._early: dict[str, Tensor] = {}
        self._strange = [index for index, part in enumerate(parts) if part.parameter not in self._parameters]
        self._versions: list[int] = []
        sizes = [part.element_count for part in self._parts]
        own = (index for index, part in enumerate(parts) if part.parameter in self._parameters)
        self._by_size = sorted(own, key=sizes.__getitem__)
        self._device = holdings.device
        self._reached: set[str] = set()
        self._is_queued = False
        self._handles: list[RemovableHandle] = []
        self.attach()

    def attach(self) -> None:
        """Puts the hooks on."""
        self._handles = []
        for name, parameter in self._parameters.items():
            # One that is frozen may thaw. What was made in inference mode cannot, and takes no hook.
            with suppress(RuntimeError), requiring_gradient(parameter):
                hook = functools.partial(self._gradient_arrived, name)
                self._handles.append(registered_first(parameter, hook))
        # A flattened parameter's gradient never passes through it.
        self._handles += [v.register_post_accumulate_grad_hook(self._vector_arrived) for v in self._flat_vectors]

    def detach(self) -> None:
        """Takes the hooks off."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def reset(self) -> None:
        """Forgets what was measured: a new step begins."""
        self.measurement = None
        self.pass_count = 0
        self.error = None
        self._reached.clear()
        self._early.clear()
        self._versions.clear()

    @property
    def has_begun(self) -> bool:
        """Whether a gradient of this step has arrived."""
        return self.pass_count > 0 or bool(self._reached)

    @property
    def nothing(self) -> Measurement:
        """No gradients at all."""
        sums = self._new_sums(len(self._parts))
        return Measurement(sums, sums[:, 0], sums[:, 0], [], None)

    @property
    def are_untouched(self) -> bool:
        """Whether nobody has changed a gradient since the last pass."""
        return self._versions == self._current_versions()

    def measure(self, *, is_asked: bool = False) -> None:
        """Measures the gradients as they are now, if they are wanted.

        Args:
            is_asked: Whether the script asks, so that gradients count as they are, not as they arrived.
        """
        if not self.is_wanted:
            return
        self._versions = self._current_versions()
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            for kind in {p.device.type for p in self._parameters.values()}:
                stack.enter_context(torch.autocast(kind, enabled=False))
            self.measurement = self._measured(is_asked)

    def measure_quietly(self) -> None:
        """The same, where an exception would come out of the script's own call: it is kept for the step."""
        try:
            self.measure()
        except Exception as error:
            self.error = error

    def look_again(self) -> SecondLook:
        """Sums a few gradients as they are now, to be compared with what was measured. Nothing waits for the device."""
        measured = self.measurement
        if measured is None:
            return SecondLook(None, None)
        before = measured.local_l1[measured.look_at_again]
        if self.are_untouched:
            return SecondLook(before, before)
        gradients = self._local_parts(measured.look_at_again)
        there = [place for place, gradient in enumerate(gradients) if gradient is not None]
        after = torch.empty(len(there), SUM_COUNT, dtype=torch.float64, device=measured.sums.device)
        with torch.no_grad():
            tensor_sums([gradient for gradient in gradients if gradient is not None], after)
        return SecondLook(before[there], after[:, 0])

    def _gradient_arrived(self, name: str, parameter: Tensor) -> None:
        self._reached.add(name)
        # Other hooks may belong to an optimizer that steps inside `backward()` and leaves no gradient behind.
        if self.is_wanted and name in self._final and len(parameter._post_accumulate_grad_hooks or ()) > 1:
            try:
                self._early[name] = self._sums_of(self._parts_by_parameter[name])
            except Exception as error:
                self.error = error
        self._vector_arrived(parameter)

    def _vector_arrived(self, _: Tensor) -> None:
        # A pipeline's gradients can come outside of any pass.
        if not self._is_queued and math.isfinite(self._passes):
            self._is_queued = True
            # Data parallelism queues its own last work when its last gradient arrives: ours has to queue once more,
            # from there, to come after it.
            at_end_of_pass(lambda: at_end_of_pass(self._pass_ended))

    def _pass_ended(self) -> None:
        self._is_queued = False
        self.pass_count += 1
        if not self.is_wanted:
            return
        # An exception here would come out of the script's `backward()`.
        try:
            self._versions = self._current_versions()
            self.measurement = None
        except Exception as error:
            self.error = error
        if self.pass_count >= self._passes:
            self.measure_quietly()

    def _current_versions(self) -> list[int]:
        return [-1 if p.grad is None else p.grad._version for p in self._parameters.values()]

    def _measured(self, is_asked: bool) -> Measurement:
        early = {
            name: sums for name, sums in self._early.items()
            if not is_asked or self._parameters[name].grad is None
        }  # fmt: skip
        for name in self._reached - early.keys():
            if self._parameters[name].grad is None and self._parameters[name].requires_grad:
                raise UsageError(
                    f"the gradient of {name} is gone when backward() ends, before the workers' gradients were "
                    "averaged: an optimizer that steps inside backward() can be recorded with fully_shard"
                )
        late = [index for index, part in enumerate(self._parts) if part.parameter not in early]
        sums = self._new_sums(len(self._parts))
        sums[late] = self._sums_of(late)
        for name, own in early.items():
            sums[self._parts_by_parameter[name]] = own
        local_l1 = sums[:, 0].clone()
        local_l1[self._strange] = -torch.inf
        sums[self._uncounted] = 0
        reached = [float(part.parameter in self._reached) for part in self._parts]
        is_reached = torch.tensor(reached, dtype=torch.float64, device=sums.device)
        return Measurement(sums, local_l1, is_reached, self._shortest_training(), self._loss_scale())

    def _sums_of(self, indices: Sequence[int]) -> Tensor:
        """`(part, sum)` of this worker's elements of some parts; zeros where there is no gradient."""
        gradients = self._local_parts(indices)
        there = [place for place, gradient in enumerate(gradients) if gradient is not None]
        measured = self._new_sums(len(there))
        tensor_sums([gradient for gradient in gradients if gradient is not None], measured)
        sums = self._new_sums(len(indices))
        sums[there] = measured
        return sums

    def _shortest_training(self) -> list[int]:
        """The same on every worker, who may have to work together for a gradient."""
        training = (i for i in self._by_size if self._parameters[self._parts[i].parameter].requires_grad)
        return list(itertools.islice(training, _LOOKED_AT_AGAIN))

    def _new_sums(self, count: int) -> Tensor:
        device = self._device
        # Apple's accelerators have no float64.
        device = torch.device("cpu") if device.type == "mps" else device
        return torch.zeros(count, SUM_COUNT, dtype=torch.float64, device=device)

    def _local_parts(self, indices: Iterable[int]) -> list[Tensor | None]:
        """This worker's elements of some parts' gradients; None where no gradient has arrived."""
        parts = [self._parts[index] for index in indices]
        names = dict.fromkeys(part.parameter for part in parts if part.parameter in self._parameters)
        gradients = {name: local_gradient(self._parameters[name]) for name in names}
        found: list[Tensor | None] = []
        for part in parts:
            gradient = gradients.get(part.parameter)
            found.append(None if gradient is None else part_of(gradient, self._shards[part.parameter], part.cuts))
        return found
