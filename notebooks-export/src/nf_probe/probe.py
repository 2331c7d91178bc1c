"""Reads gradients at the end of every backward pass, before the training script can touch them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from .layout import Part
from .sharding import Shard, local_gradient, part_of, shard_of
from .sums import SUM_COUNT, tensor_sums

_LOOKED_AT_AGAIN = 16
"""Gradients that are looked at once more to see what clipping did: the shortest, for that costs next to nothing."""

_COMPARED = 4
"""Those of them whose change counts: the largest, for small ones may have been rounded."""


@dataclass
class Measurement:
    """The sums of this worker's share of all gradients, still on the device."""

    sums: Tensor
    """`(part, sum)`, float64, in the order of the layout's parts; 0 where another worker counts."""
    local_l1: Tensor
    """`(part)`: Σ|g| of this worker's elements, whether they are counted or not."""
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


class GradientProbe:
    """Hooks on a model's parameters that measure what a backward pass leaves in their gradients.

    The hooks run inside `backward()`; the measurement does when the pass is over, after data parallelism has averaged
    the gradients and before `backward()` returns. So neither clipping nor an optimizer can come first, in whatever
    order a script calls them.
    """

    def __init__(
        self, parameters: Mapping[str, Tensor], parts: Sequence[Part], passes: int,
        loss_scale: Callable[[], Tensor | None],
    ) -> None:  # fmt: skip
        """Attaches the hooks.

        Args:
            parameters: The parameters that are measured, by name; one of them trains.
            parts: Of these parameters, what is measured.
            passes: Backward passes that come before each optimizer step; earlier ones are not measured.
            loss_scale: The factor that the gradients carry, asked for at the end of a pass.
        """
        self.error: Exception | None = None
        self.measurement: Measurement | None = None
        self.pass_count = 0
        self.is_wanted = True
        """Whether the step that comes is recorded: nothing is measured of others."""
        self._parameters = dict(parameters)
        self._parts = parts
        self._passes = passes
        self._loss_scale = loss_scale
        self._shards: dict[str, Shard] = {name: shard_of(p) for name, p in parameters.items()}
        self._versions: list[int] = []
        sizes = [part.element_count for part in self._parts]
        self._by_size = sorted(range(len(sizes)), key=sizes.__getitem__)
        # Frozen parameters may lie elsewhere.
        self._device = next(p for p in self._parameters.values() if p.requires_grad).device
        self._reached: set[str] = set()
        self._is_queued = False
        self._handles: list[RemovableHandle] = []
        self.attach()

    def attach(self) -> None:
        """Puts the hooks on."""
        self._handles = []
        for name, parameter in self._parameters.items():
            # One that is frozen may thaw. What was made in inference mode cannot, and takes no hook.
            with suppress(RuntimeError), _requiring_gradient(parameter):
                hook = functools.partial(self._gradient_arrived, name)
                self._handles.append(parameter.register_post_accumulate_grad_hook(hook))

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

    @property
    def nothing(self) -> Measurement:
        """No gradients at all."""
        sums = self._new_sums(len(self._parts))
        return Measurement(sums, sums[:, 0], sums[:, 0], [], None)

    @property
    def replicas(self) -> list[bool]:
        """By part, whether every worker must have the same gradient."""
        return [self._shards[part.parameter].is_replica for part in self._parts]

    @property
    def are_untouched(self) -> bool:
        """Whether nobody has changed a gradient since the last pass."""
        return self.pass_count > 0 and self._versions == self._current_versions()

    def measure(self) -> None:
        """Measures the gradients as they are now, if they are wanted."""
        if not self.is_wanted:
            return
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            for kind in {p.device.type for p in self._parameters.values()}:
                stack.enter_context(torch.autocast(kind, enabled=False))
            self.measurement = self._measured()

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

    def _gradient_arrived(self, name: str, _: Tensor) -> None:
        self._reached.add(name)
        if not self._is_queued:
            self._is_queued = True
            # Data parallelism queues its own last work when its last gradient arrives: ours has to queue once more,
            # from there, to come after it.
            _at_end_of_pass(lambda: _at_end_of_pass(self._pass_ended))

    def _pass_ended(self) -> None:
        self._is_queued = False
        self.pass_count += 1
        if not self.is_wanted:
            return
        # An exception here would come out of the script's `backward()`.
        try:
            self._versions = self._current_versions()
            self.measurement = None
            if self.pass_count >= self._passes:
                self.measure()
        except Exception as error:
            self.error = error

    def _current_versions(self) -> list[int]:
        return [-1 if p.grad is None else p.grad._version for p in self._parameters.values()]

    def _measured(self) -> Measurement:
        sums = self._new_sums(len(self._parts))
        gradients = self._local_parts(range(len(self._parts)))
        there = [index for index, gradient in enumerate(gradients) if gradient is not None]
        measured = self._new_sums(len(there))
        tensor_sums([gradient for gradient in gradients if gradient is not None], measured)
        sums[there] = measured
        local_l1 = sums[:, 0].clone()
        uncounted = [i for i, part in enumerate(self._parts) if not self._shards[part.parameter].is_counted]
        sums[uncounted] = 0
        reached = [float(part.parameter in self._reached) for part in self._parts]
        is_reached = torch.tensor(reached, dtype=torch.float64, device=sums.device)
        return Measurement(sums, local_l1, is_reached, self._shortest_training(), self._loss_scale())

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
        names = dict.fromkeys(part.parameter for part in parts)
        gradients = {name: local_gradient(self._parameters[name]) for name in names}
        found: list[Tensor | None] = []
        for part in parts:
            gradient = gradients[part.parameter]
            found.append(None if gradient is None else part_of(gradient, self._shards[part.parameter], part.rows))
        return found


@contextmanager
def _requiring_gradient(parameter: Tensor) -> Iterator[None]:
    """A frozen parameter as one that is not: no other takes a hook."""
    is_frozen = not parameter.requires_grad
    parameter.requires_grad_(True)
    try:
        yield
    finally:
        parameter.requires_grad_(not is_frozen)


def _at_end_of_pass(callback: Callable[[], None]) -> None:
    torch.autograd.Variable._execution_engine.queue_callback(callback)
