"""Brings the measurements of all workers together, once a step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from .errors import UsageError
from .layout import Layout
from .probe import Measurement
from .schema import SUMS
from .sharding import is_distributed, reduced

_REPLICA_TOLERANCE = 1e-6


@dataclass(frozen=True)
class StepRow:
    """What one step leaves behind, of all workers."""

    loss: float
    tokens: int
    values: Mapping[str, NDArray[np.generic] | float]
    """The sums of the gradients by variable, their L2 norm, and the loss scale where there is one."""


class StepReduction:
    """Adds up sums, losses and tokens; every worker takes part, and all learn the result."""

    def __init__(self, layout: Layout, replicas: list[bool], gradient_scale: float, has_data: bool) -> None:
        """Prepares it.

        Args:
            layout: Where sums go.
            replicas: By part, whether all workers must have the same gradient.
            gradient_scale: A factor that the gradients carry.
            has_data: Whether this worker's loss and tokens count.
        """
        self._layout = layout
        self._replicas = torch.tensor(replicas)
        self._gradient_scale = gradient_scale
        self._has_data = has_data

    def reduce(self, measurement: Measurement, loss: Tensor | float | None, tokens: int) -> StepRow:
        """The row of this step. The one place that waits for the device, and for other workers.

        Raises:
            UsageError: Workers have different gradients of a parameter that all of them hold.
        """
        sums = measurement.sums
        weighted = [0.0, 0.0, 0.0, 0.0]
        local_loss = torch.zeros((), dtype=torch.float64)
        if self._has_data:
            weighted = [1.0, float(tokens), 0.0, 0.0]
            if loss is not None:
                local_loss = torch.as_tensor(loss).detach().double().to(sums.device)
        facts = torch.tensor(weighted, dtype=torch.float64, device=sums.device)
        if self._has_data and loss is not None:
            facts[2], facts[3] = local_loss, local_loss * tokens
        scale = measurement.loss_scale
        scale = torch.ones((), dtype=torch.float64) if scale is None else scale.detach().double()
        largest = torch.nan_to_num(sums[:, 2], nan=math.inf, posinf=math.inf)
        added = reduced(torch.cat([sums[:, [0, 1, 3, 4]].flatten(), facts]), dist.ReduceOp.SUM)
        l1 = measurement.local_l1
        compared = reduced(torch.cat([largest, l1, -l1, scale.to(sums.device)[None]]), dist.ReduceOp.MAX)

        count = len(sums)
        l1, sum_squares, zeros, nonfinite = added[:-4].view(count, 4).unbind(dim=1)
        workers, all_tokens, loss_sum, weighted_loss = added[-4:].tolist()
        most, least = compared[count : 2 * count], -compared[2 * count : 3 * count]
        if is_distributed():
            self._check_replicas(most, least)
        # The largest of several numbers, one of which is none, is none: only then is the sum none.
        max_abs = torch.where(l1.isnan(), l1, compared[:count])
        factor = 1 / (self._gradient_scale * float(compared[-1]))
        by_name = {
            "l1": l1 * factor, "sum_squares": sum_squares * factor**2, "max_abs": max_abs * factor, "zeros": zeros,
            "nonfinite": nonfinite,
        }  # fmt: skip
        values: dict[str, NDArray[np.generic] | float] = {"gradient_l2": math.sqrt(float(by_name["sum_squares"].sum()))}
        if measurement.loss_scale is not None:
            values["loss_scale"] = float(compared[-1])
        for name, numbers in by_name.items():
            values |= self._placed(name, numbers)
        mean = math.nan if loss is None else weighted_loss / all_tokens if all_tokens else loss_sum / workers
        return StepRow(mean, int(all_tokens), values)

    def _placed(self, name: str, numbers: Tensor) -> dict[str, NDArray[np.generic]]:
        """The numbers of all parts in the cells of a variable and of its stem variable."""
        gradients, grid_size = self._layout.gradients, self._layout.grid_size
        flat = np.zeros(self._layout.cell_count)
        flat[[part.cell for part in self._layout.parts]] = numbers.numpy()
        flat = flat.astype(SUMS[name][0])
        shape = (len(gradients.layer_names), len(gradients.tensor_names))
        result: dict[str, NDArray[np.generic]] = {f"gradient_{name}": flat[:grid_size].reshape(shape)}
        if gradients.stem_tensor_names:
            result[f"stem_gradient_{name}"] = flat[grid_size:]
        return result

    def _check_replicas(self, most: Tensor, least: Tensor) -> None:
        differs = self._replicas & most.isfinite() & least.isfinite() & (most - least > _REPLICA_TOLERANCE * most)
        if bool(differs.any()):
            name = self._layout.parts[int(differs.nonzero()[0, 0])].parameter
            raise UsageError(
                f"the workers' gradients of {name} differ (by up to {float((most - least)[differs].max()):.3g} in "
                "their L1 norm), so this is no gradient of the global batch: wrap the model in "
                "DistributedDataParallel, or call recorder.measure() after the script has averaged its gradients"
            )
