"""A run as one long table, a row for each number, in blocks that fit into memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runfile.contents import Variable
from ..runfile.schema import MISSING_COUNT, SUMS
from .reader import Run


@dataclass(frozen=True)
class TidyBlock:
    """Numbers of one variable over some steps, step by step.

    A label that a variable does not have is None: a loss has neither layer nor tensor.
    """

    statistic: str
    """The variable's name in the run file, e.g. `gradient_l1`."""
    step: NDArray[np.int64]
    value: NDArray[np.float64]
    layer: NDArray[np.int32] | None
    tensor: NDArray[np.str_] | None
    element: NDArray[np.int32] | None
    """Index within a learned scale: of a head, or of an element of the residual stream or of the FFN's hidden layer."""


def tidy_blocks(run: Run, markers: tuple[str, ...], largest: int) -> Iterator[list[TidyBlock]]:
    """The numbers of a run, as `nf-probe export` has them.

    Args:
        run: The run; rows whose checksum is wrong are left out.
        markers: The tables that are wanted: `step`, `validation_step`, `evaluation_step`, `snapshot`.
        largest: The most rows that come together, unless a single step has more.
    """
    for marker in markers:
        labelled = [(variable, _Labels(run, variable)) for variable in run.variables(marker)]
        count = run.row_count(marker)
        rows = max(1, largest // max(1, sum(labels.count for _, labels in labelled)))
        for start in range(0, count, rows):
            end = min(count, start + rows)
            yield [labels.block(run, variable, start, end) for variable, labels in labelled if labels.count]


_MOMENTS = ("count", "sum_fourth_powers")
_COUNTED = (("layer", "tensor"), ("stem_tensor",), ("layer", "expert"), ("layer", "operation"), ("stem_operation",))
"""What variables run over whose counts tell what is missing."""


class _Labels:
    """Layer, tensor and element of each number of one row of a variable."""

    def __init__(self, run: Run, variable: Variable) -> None:
        axes = [np.arange(extent) for extent in variable.shape]
        grid = dict(zip(variable.dimensions, np.meshgrid(*axes, indexing="ij"), strict=True)) if axes else {}
        present = run.is_present(variable)
        self._present = present
        self.layer: NDArray[Any] | None = None
        self.tensor: NDArray[Any] | None = None
        self.element: NDArray[Any] | None = None
        for dimension, index in grid.items():
            chosen = index[present]
            if dimension == "layer":
                self.layer = chosen.astype(np.int32)
            elif (names := run.labels(dimension)) is not None:
                self.tensor = np.array(names)[chosen]
            elif dimension == "head" and variable.marker == "step":
                # What heads of attention do, as `nf-probe export` names them; those of a scale are its elements.
                self.tensor = np.array([f"heads.{head}" for head in range(len(axes[-1]))])[chosen]
            else:
                self.element = chosen.astype(np.int32)
        self.count = int(present.sum())

    def block(self, run: Run, variable: Variable, start: int, end: int) -> TidyBlock:
        keys, values = run.rows(variable.marker, variable.name, start, end)
        repeats = len(keys)
        measured = values[:, self._present].reshape(-1)
        # What was not measured, because the tensor did not train, or not at this step, has no row.
        if variable.name.removeprefix("stem_").startswith(("weight_", "update_", "attention_")):
            kept: NDArray[np.bool_] | slice = ~np.isnan(measured)
        else:
            kept = self._is_there(run, variable, start, end)

        def repeated(labels: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if labels is None else np.tile(labels, repeats)[kept]

        return TidyBlock(
            variable.name, np.repeat(keys, self.count)[kept], measured[kept].astype(np.float64),
            repeated(self.layer), repeated(self.tensor), repeated(self.element),
        )  # fmt: skip

    def _is_there(self, run: Run, variable: Variable, start: int, end: int) -> NDArray[np.bool_] | slice:
        found = re.fullmatch(r"(.*(?:gradient|activation))_(\w+)", variable.name)
        if found is None or found[2] not in (*SUMS, *_MOMENTS) or variable.dimensions not in _COUNTED:
            return slice(None)
        counts = "zeros" if found[2] == "zeros" else "nonfinite"
        _, counted = run.rows(variable.marker, f"{found[1]}_{counts}", start, end)
        return np.asarray(counted[:, self._present].reshape(-1) != MISSING_COUNT)
