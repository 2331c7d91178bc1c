"""Sums the gradients of a step's parts, micro-batches and workers, from which noise and signal are told."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from ..errors import UsageError
from .holdings import Holdings
from .hooks import requiring_gradient
from .layout import Layout
from .sharding import part_of, reduced, worker_count
from .step import StepRow
from .sums import SUM_COUNT, tensor_sums

_SQUARES = 1
"""The place of sums of squares among `tensor_sums`."""


class NoiseWatch:
    """Hooks that see each backward pass's own gradient on its way into `.grad`, before workers average it.

    A step's parts are its passes on all workers. Training is not changed, and nothing is kept of a gradient but its sum
    of squares.
    """

    def __init__(self, holdings: Holdings, layout: Layout, every: int, gradient_scale: float) -> None:
        """Attaches the hooks.

        Args:
            holdings: Who holds which parameters.
            layout: Where sums go.
            every: Steps between two that are looked at by parts; 0 looks at none.
            gradient_scale: A factor that the gradients carry.

        Raises:
            UsageError: The model's gradients are spread over workers, so no worker sees that of a part.
        """
        self._holdings = holdings
        self._layout = layout
        self._every = every
        self._gradient_scale = gradient_scale
        self._is_wanted = False
        self._handles: list[RemovableHandle] = []
        self._sums: Tensor | None = None
        self._arrived: dict[str, int] = {}
        self._places: dict[str, list[int]] = {}
        if not every:
            return
        spread = [name for name, held in holdings.all.items() if not held.is_replica or name not in holdings.local]
        if spread or holdings.has_flat:
            raise UsageError(
                "noise_every needs every worker to see whole gradients, and those of "
                f"{spread[0] if spread else 'flattened parameters'} are spread over workers; leave it at 0"
            )
        for place, part in enumerate(layout.parts):
            self._places.setdefault(part.parameter, []).append(place)
        for name, parameter in holdings.local.items():
            if name in self._places:
                # What was made in inference mode cannot train, and takes no hook.
                with suppress(RuntimeError), requiring_gradient(parameter):
                    self._handles.append(parameter.register_hook(functools.partial(self._gradient_arrived, name)))

    def begin(self, step: int, *, is_recorded: bool) -> None:
        """A new step begins."""
        self._is_wanted = is_recorded and self._every > 0 and step % self._every == 0
        self._arrived.clear()
        self._sums = None

    def close(self) -> None:
        """Takes the hooks off."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _gradient_arrived(self, name: str, gradient: Tensor) -> None:
        if not self._is_wanted:
            return
        with torch.no_grad():
            if self._sums is None:
                self._sums = self._new_sums()
            places, shard = self._places[name], self._holdings.shard(name)
            own = torch.zeros(len(places), SUM_COUNT, dtype=torch.float64, device=self._sums.device)
            tensor_sums([part_of(gradient, shard, self._layout.parts[place].cuts) for place in places], own)
            self._sums[places] += own[:, _SQUARES]
            self._arrived[name] = self._arrived.get(name, 0) + 1

    def row(self, row: StepRow, passes: int) -> Mapping[str, NDArray[np.generic] | float] | None:
        """What this step tells, of all workers; None where it is not looked at by parts, or its gradients are not
        finite. Every worker calls this.

        Args:
            row: The step's.
            passes: Backward passes of this worker.

        Raises:
            UsageError: The step has one part, or unequal ones, or nobody has said how many tokens it has.
        """
        if not self._is_wanted:
            return None
        own = self._new_sums() if self._sums is None else self._sums
        is_often = any(count > passes for count in self._arrived.values())
        facts = torch.tensor([passes, passes**2, is_often], dtype=torch.float64, device=own.device)
        added = reduced(torch.cat([own, facts]), dist.ReduceOp.SUM)
        parts = int(added[-3])
        is_equal = float(added[-2]) * worker_count() == parts**2
        self._check(row, parts, is_equal=is_equal, is_often=bool(added[-1] > 0))
        # Each part's own mean loss: a script divides its share of the mean by the passes, or states the factor.
        factor = (passes / (self._gradient_scale * row.loss_scale)) ** 2
        squares = self._in_cells(added[:-3] * factor)
        # An overflow, of which a scaler skips the step: the same on every worker.
        if not (np.isfinite(row.gradient_l2) and np.isfinite(squares).all()):
            return None
        gradients, grid_size = self._layout.gradients, self._layout.grid_size
        shape = (len(gradients.layer_names), len(gradients.tensor_names))
        whole = row.sums["gradient_sum_squares"]
        found: dict[str, NDArray[np.generic] | float] = {
            "noise_parts": parts, "noise_part_tokens": row.tokens / parts, "noise_tokens": row.tokens,
            "noise_part_sum_squares": _where_known(squares[:grid_size].reshape(shape), whole),
            "noise_sum_squares": whole,
        }  # fmt: skip
        if gradients.stem_tensor_names:
            stem = row.sums["stem_gradient_sum_squares"]
            found["stem_noise_part_sum_squares"] = _where_known(squares[grid_size:], stem)
            found["stem_noise_sum_squares"] = stem
        return found

    @staticmethod
    def _check(row: StepRow, parts: int, *, is_equal: bool, is_often: bool) -> None:
        # The same on every worker: none goes on while another one stops.
        if parts < 2:
            raise UsageError(
                "noise_every compares the parts of a step, and this one has a single backward pass on a single worker: "
                "accumulate two micro-batches or more, or leave noise_every at 0"
            )
        if not is_equal:
            raise UsageError("noise_every needs the same number of backward passes on every worker")
        if row.tokens < parts:
            raise UsageError("noise_every needs the step's tokens: recorder.step(loss, tokens=...)")
        if is_often:
            raise UsageError(
                "a gradient arrives more than once in a backward pass (reentrant checkpointing does so), so the parts "
                "of this step cannot be told apart; leave noise_every at 0"
            )

    def _new_sums(self) -> Tensor:
        # Apple's accelerators have no float64.
        device = torch.device("cpu") if self._holdings.device.type == "mps" else self._holdings.device
        return torch.zeros(len(self._layout.parts), dtype=torch.float64, device=device)

    def _in_cells(self, values: Tensor) -> NDArray[np.float64]:
        flat = np.zeros(self._layout.cell_count)
        cells: Sequence[int] = [part.cell for part in self._layout.parts]
        np.add.at(flat, cells, values.numpy())
        return flat


def _where_known(squares: NDArray[np.float64], whole: NDArray[np.generic]) -> NDArray[np.float64]:
    """What did not train has no gradient by parts, either."""
    return np.where(np.isnan(whole.astype(np.float64)), np.nan, squares)
