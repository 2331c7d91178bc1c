"""Brings the measurements of all workers together, once a step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from ..errors import NFProbeError, UsageError
from ..runfile.schema import MISSING_COUNT, SUMS
from .experts import Experts
from .layout import Layout, Part
from .measurement import Measurement
from .sharding import is_distributed, reduced

_REPLICA_TOLERANCE = 1e-6


@dataclass(frozen=True)
class StepRow:
    """What one step leaves behind, of all workers."""

    loss: float
    tokens: int
    loss_scale: float
    gradient_l2: float
    sums: Mapping[str, NDArray[np.generic]]
    """The sums of the gradients, by variable."""


class StepReduction:
    """Adds up sums, losses and tokens; every worker takes part, and all learn the result."""

    def __init__(
        self, layout: Layout, parts: Sequence[Part], replicas: Sequence[bool], gradient_scale: float, has_data: bool, *,
        is_pipeline: bool, experts: Experts | None = None,
    ) -> None:  # fmt: skip
        """Prepares it.

        Args:
            layout: Where sums go.
            parts: What is measured: the layout's parts, then those that only enter the norm of the whole gradient.
            replicas: By part, whether all workers that hold it must have the same gradient.
            gradient_scale: A factor that the gradients carry.
            has_data: Whether this worker's loss and tokens count.
            is_pipeline: Whether only some workers have a loss.
            experts: The layout's experts, where they are recorded by themselves.
        """
        self._layout = layout
        self._parts = parts
        self._experts = experts
        self._cells = np.array([part.cell for part in layout.parts])
        self._replicas = torch.tensor(replicas, device="cpu")
        self._gradient_scale = gradient_scale
        self._has_data = has_data
        self._is_pipeline = is_pipeline

    def reduce(
        self, measurement: Measurement, loss: Tensor | float | None, tokens: int, *, has_failed: bool = False
    ) -> StepRow:
        """The row of this step. The one place that waits for the device, and for other workers.

        Args:
            measurement: This worker's sums.
            loss: This worker's loss.
            tokens: The tokens that it runs over.
            has_failed: Whether this worker cannot go on; then none does.

        Raises:
            UsageError: Workers have different gradients of a parameter that all of them hold.
            NFProbeError: Another worker has failed.
        """
        local = measurement.sums
        facts = torch.zeros(6, dtype=torch.float64, device=local.device)
        facts[:5] = self._facts(loss, tokens)
        facts[5] = float(has_failed)
        count = len(local)
        added = reduced(torch.cat([local[:, [0, 1, 3, 4]].flatten(), measurement.is_reached, facts]), dist.ReduceOp.SUM)
        own_l1 = measurement.local_l1
        # A worker that does not hold a parameter has no say.
        negative = torch.where(own_l1 == -torch.inf, own_l1, -own_l1)
        largest = torch.nan_to_num(local[:, 2], nan=math.inf, posinf=math.inf)
        scale = torch.ones((), device="cpu") if measurement.loss_scale is None else measurement.loss_scale
        compared = reduced(
            torch.cat([largest, own_l1, negative, scale.double().to(local.device)[None]]),
            dist.ReduceOp.MAX,
        )
        l1, sum_squares, zeros, nonfinite = added[: 4 * count].view(count, 4).unbind(dim=1)
        # A gradient that was only zeroed has not been reached; one that a script has made by hand is there.
        is_there = (added[4 * count : 5 * count] > 0) | (l1 != 0)
        losses, all_tokens, loss_sum, loss_tokens, weighted_loss, failures = added[-len(facts) :].tolist()
        if failures and not has_failed:
            raise NFProbeError("another worker could not record this step; it says why")
        if is_distributed() and not failures:
            self._check_replicas(compared[count : 2 * count], -compared[2 * count : 3 * count])
        # The largest of several numbers, one of which is none, is none: only then is the sum none.
        max_abs = torch.where(l1.isnan(), l1, compared[:count])
        factor = 1 / (self._gradient_scale * float(compared[-1]))
        by_name = {
            "l1": l1 * factor, "sum_squares": sum_squares * factor**2, "max_abs": max_abs * factor, "zeros": zeros,
            "nonfinite": nonfinite,
        }  # fmt: skip
        is_missing = self._missing_cells(is_there)
        has_token = (l1 != 0).numpy()
        sums: dict[str, NDArray[np.generic]] = {}
        for name, numbers in by_name.items():
            sums |= self._placed(name, numbers, is_missing)
            if self._experts is not None:
                sums[f"expert_gradient_{name}"] = self._by_expert(self._experts, name, numbers, has_token)
        gradient_l2 = math.sqrt(float(by_name["sum_squares"].sum()))
        mean = weighted_loss / loss_tokens if loss_tokens else loss_sum / losses if losses else math.nan
        return StepRow(mean, int(all_tokens), float(compared[-1]), gradient_l2, sums)

    def _facts(self, loss: Tensor | float | None, tokens: int) -> Tensor:
        """Of this worker: losses (1 or 0), tokens, loss, the loss's tokens, loss weighted by them; zeros where they do
        not count."""
        facts = torch.zeros(5, dtype=torch.float64, device="cpu")
        # In a pipeline, tokens are counted where the loss is.
        if not self._has_data or (self._is_pipeline and loss is None):
            return facts
        facts[1] = tokens
        if loss is None:
            return facts
        facts[0], facts[3] = 1, tokens
        value = (loss if isinstance(loss, Tensor) else torch.tensor(loss, device="cpu")).detach().double()
        facts = facts.to(value.device)
        facts[2], facts[4] = value, value * tokens
        return facts

    def _missing_cells(self, is_there: Tensor) -> NDArray[np.bool_]:
        """Cells that have parameters, none of which has a gradient."""
        missing, there = np.zeros((2, self._layout.cell_count), dtype=bool)
        missing[self._cells] = True
        there[self._cells[is_there.numpy()[: len(self._cells)]]] = True
        return missing & ~there

    def _placed(self, name: str, numbers: Tensor, is_missing: NDArray[np.bool_]) -> dict[str, NDArray[np.generic]]:
        """The numbers of all parts in the cells of a variable and of its stem variable."""
        gradients, grid_size = self._layout.gradients, self._layout.grid_size
        flat = _in_cells(name, numbers.numpy()[: len(self._cells)], self._cells, is_missing)
        shape = (len(gradients.layer_names), len(gradients.tensor_names))
        result: dict[str, NDArray[np.generic]] = {f"gradient_{name}": flat[:grid_size].reshape(shape)}
        if gradients.stem_tensor_names:
            result[f"stem_gradient_{name}"] = flat[grid_size:]
        return result

    def _by_expert(
        self, experts: Experts, name: str, numbers: Tensor, has_token: NDArray[np.bool_]
    ) -> NDArray[np.generic]:
        """The numbers of all parts of each expert, `(layer, expert)`. One without a token has no gradient: of those
        that are stacked it is zero everywhere."""
        cells = np.array(experts.cells)
        of_expert = np.flatnonzero(cells >= 0)
        is_missing = np.array(experts.counts.element_counts) > 0
        is_missing[cells[of_expert[has_token[of_expert]]]] = False
        flat = _in_cells(name, numbers.numpy()[of_expert], cells[of_expert], is_missing)
        return flat.reshape(-1, experts.counts.count)

    def _check_replicas(self, most: Tensor, least: Tensor) -> None:
        differs = self._replicas & most.isfinite() & least.isfinite() & (most - least > _REPLICA_TOLERANCE * most)
        if bool(differs.any()):
            name = self._parts[int(differs.nonzero()[0, 0])].parameter
            raise UsageError(
                f"the workers' gradients of {name} differ (by up to {float((most - least)[differs].max()):.3g} in "
                "their L1 norm), so this is no gradient of the global batch: wrap the model in "
                "DistributedDataParallel, or call recorder.measure() after the script has averaged its gradients"
            )


def _in_cells(
    name: str, numbers: NDArray[np.float64], cells: NDArray[np.intp], is_missing: NDArray[np.bool_]
) -> NDArray[np.generic]:
    """Some numbers in the cells of a variable; those of one cell are taken together."""
    flat = np.zeros(len(is_missing))
    # NaNs are numbers like others here.
    with np.errstate(invalid="ignore"):
        (np.maximum if name == "max_abs" else np.add).at(flat, cells, numbers)
    stored = flat.astype(SUMS[name][0])
    stored[is_missing] = np.nan if stored.dtype.kind == "f" else MISSING_COUNT
    return stored
