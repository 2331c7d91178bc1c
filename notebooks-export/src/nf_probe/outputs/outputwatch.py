"""Sums the outputs of a model's operations, the gradients that reach them, and what heads of attention do."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..errors import UsageError
from ..measuring.sharding import reduced
from ..measuring.sums import OUTPUT_SUM_COUNT, SUM_COUNT
from ..runfile.outputrow import Numbers
from .headwatch import HeadWatch
from .outputsums import StepTally, first_tensor, rows_of, undisturbed
from .passes import is_in_backward, is_looked_at, is_met_again
from .taps import Tap, Taps


@dataclass
class _Forward:
    """One forward pass of the model."""

    unreached: list[Callable[[], None]] = field(default_factory=list)
    """What counts outputs that no gradient can reach, before the first tensor that trains: with the pass's others."""


class _Entered(threading.local):
    """Of each thread that runs the model, the modules that it is inside of."""

    def __init__(self) -> None:
        self.watches: list[HeadWatch | None] = []


class OutputWatch:
    """Hooks on modules at the steps that are measured. Training is not changed: no number of it, and nothing is kept of
    an output but its sums."""

    def __init__(self, modules: Sequence[nn.Module], taps: Taps | None, heads: int, every: int) -> None:
        """Prepares it.

        Args:
            modules: The model.
            taps: What is looked at; None for nothing.
            heads: Attention heads of a layer; 0 where nobody knows.
            every: Steps between two that are measured.
        """
        self.error: Exception | None = None
        self._note: str | None = None
        self._has_told = False
        self.tally: StepTally | None = None
        """Of this step; None where it is not measured."""
        self.taps = taps
        self._modules = modules
        self._heads = heads
        self._every = every
        self._forward = _Forward()
        self._handles: list[RemovableHandle] = []
        self._entered = _Entered()
        self._entering: dict[nn.Module, list[Tap]] = {}
        self._leaving: dict[nn.Module, list[Tap]] = {}
        for tap in () if taps is None else taps.taps:
            (self._entering if tap.is_input else self._leaving).setdefault(tap.module, []).append(tap)

    def begin(self, step: int, *, is_recorded: bool) -> None:
        """A new step begins."""
        self.error = None
        self._forward = _Forward()
        is_wanted = self.taps is not None and is_recorded and step % self._every == 0
        self.tally = StepTally(self.taps, self._heads) if self.taps is not None and is_wanted else None
        if is_wanted and not self._handles:
            self._attach()
        elif not is_wanted:
            self.close()

    def close(self) -> None:
        """Takes the hooks off."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def reduced(self, gradient_factor: float) -> Mapping[str, NDArray[np.generic]]:
        """The sums of all workers, by variable; missing at a step that is not measured. Every worker calls this.

        Args:
            gradient_factor: What gradients on their way are multiplied by to be those of the global batch's loss.
        """
        if self.taps is None:
            return {}
        numbers = Numbers(self.taps.layout, self.taps.layer_count, self._heads)
        if self.tally is None:
            return numbers.missing()
        tally = self.tally
        facts = torch.from_numpy(np.concatenate([tally.counts.ravel(), tally.attended]))
        counts, attended = np.split(reduced(facts, dist.ReduceOp.SUM).numpy(), [tally.counts.size])
        counts = counts.reshape(tally.counts.shape)
        outputs, gradients = tally.outputs.of_all_workers(), tally.gradients.of_all_workers()
        heads = tally.heads.of_all_workers()
        self._note = numbers.unseen(counts[0], attended)
        return numbers.row(counts, outputs, gradients * _factors(gradient_factor), heads)

    def told(self) -> str | None:
        """What is to be told of the last row: once, that something could not be seen."""
        if self._has_told or self._note is None:
            return None
        self._has_told = True
        return self._note

    def _attach(self) -> None:
        assert self.taps is not None
        handles = [module.register_forward_pre_hook(self._pass_begins) for module in self._modules]
        if self._heads:
            # First in and last out: what enters or leaves the module is no attention.
            for module, layer in self.taps.attention.items():
                handles.append(module.register_forward_pre_hook(functools.partial(self._attention_begins, layer)))
                handles.append(module.register_forward_hook(self._attention_ended, always_call=True))
        for module, taps in self._entering.items():
            hook = functools.partial(self._entered_module, taps)
            handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))
        for module, taps in self._leaving.items():
            handles.append(module.register_forward_hook(functools.partial(self._left_module, taps)))
        self._handles = handles

    def _pass_begins(self, *_: object) -> None:
        if is_looked_at():
            self._forward = _Forward()

    def _entered_module(self, taps: list[Tap], module: nn.Module, args: Any, options: Mapping[str, Any]) -> None:
        if is_looked_at() and (tensor := first_tensor((*args, *options.values()))) is not None:
            self._take(taps, tensor)

    def _left_module(self, taps: list[Tap], module: nn.Module, args: Any, output: Any) -> None:
        if is_looked_at() and (tensor := first_tensor(output)) is not None:
            self._take(taps, tensor)

    def _attention_begins(self, layer: int, *_: object) -> None:
        if torch.compiler.is_compiling():
            return
        watch = None
        if is_looked_at():
            watch = HeadWatch(self._heads, functools.partial(self._attended, layer), self._failed)
            watch.__enter__()  # type: ignore[no-untyped-call]
        self._entered.watches.append(watch)

    def _attention_ended(self, *_: object) -> None:
        if torch.compiler.is_compiling() or not self._entered.watches:
            return
        if (watch := self._entered.watches.pop()) is not None:
            watch.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def _take(self, taps: list[Tap], tensor: Tensor) -> None:
        """Sums what passes, and its gradient when that arrives."""
        tally = self.tally
        if tally is None:
            return
        # An exception here would come out of the script's own call.
        try:
            with undisturbed(tensor.device):
                rows = rows_of(taps, tensor, OUTPUT_SUM_COUNT)
            count = _once(lambda: tally.add_outputs(rows))

            def arrived(gradient: Tensor) -> None:
                count()
                tally.add_gradients(rows_of(taps, gradient, SUM_COUNT))

            self._when_reached(tensor, tuple(tap.cell for tap in taps), arrived, count)
        except Exception as error:
            self.error = error

    def _attended(self, layer: int, sums: Callable[[], Tensor], result: Tensor) -> None:
        tally = self.tally
        if tally is None:
            return
        with undisturbed(result.device):
            own = sums()
        count = _once(lambda: tally.add_heads(layer, own))
        self._when_reached(result, layer, lambda _: count(), count)

    def _failed(self, error: Exception) -> None:
        self.error = error

    def _when_reached(
        self, tensor: Tensor, key: object, arrived: Callable[[Tensor], None], count: Callable[[], None]
    ) -> None:  # fmt: skip
        """Has something run when the backward pass comes by. Of what is computed twice it meets one, so all counts
        once."""
        forward = self._forward

        def hook(gradient: Tensor) -> None:
            try:
                for waiting in forward.unreached:
                    waiting()
                forward.unreached.clear()
                with undisturbed(gradient.device):
                    arrived(gradient)
            except Exception as error:
                self.error = error
            if handle is not None:
                handle.remove()

        handle: RemovableHandle | None = None
        if not tensor.requires_grad:
            if not is_in_backward():
                forward.unreached.append(count)
        elif not is_met_again(tensor, key):
            registered: RemovableHandle = tensor.register_hook(hook)
            # One that outlives the pass must not keep it.
            handle = registered if tensor.is_leaf else None


def _once(action: Callable[[], None]) -> Callable[[], None]:
    """What does something at its first call."""
    waiting = [action]
    return lambda: waiting.pop()() if waiting else None


def require_whole_outputs(*, has_data: bool, is_pipeline: bool) -> None:
    """Looks whether every worker sees whole outputs, of data of its own. Every worker calls this.

    Raises:
        UsageError: They are spread over workers.
    """
    shares = reduced(torch.tensor([float(not has_data)], dtype=torch.float64, device="cpu"), dist.ReduceOp.MAX)
    if is_pipeline or float(shares[0]):
        raise UsageError(
            "outputs_every needs every worker to have the whole model and data of its own, as with "
            "DistributedDataParallel and fully_shard: here workers share outputs; leave it at 0"
        )


def _factors(factor: float) -> NDArray[np.float64]:
    """By how much the sums of a gradient grow with it."""
    return np.array([factor, factor**2, factor, 1, 1])
