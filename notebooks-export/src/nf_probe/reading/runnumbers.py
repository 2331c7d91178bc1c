"""The numbers of a run as arrays and frames: series of gradients, weights and updates, mismatches, noise, scales."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..program import command
from ..runfile.contents import CHECKSUMS, RunFile
from ..runfile.schema import MISSING_COUNT, SUMS
from .mismatch import (
    OF_PARAMETERS,
    Floats,
    GradientStatistic,
    Mismatch,
    Statistic,
    default_window,
    mismatch_of,
    parameter_statistic_of,
    statistic_of,
)
from .stackview import stack_title, stack_views

if TYPE_CHECKING:
    import pandas
    import xarray


class RunNumbers(RunFile):
    """What is recorded of a run, step by step. Damaged rows are left out."""

    @property
    def steps(self) -> NDArray[np.int64]:
        """The recorded steps, ascending."""
        table = self._tables["step"]
        return table.keys[table.is_sound]

    @property
    def stacks(self) -> list[str]:
        """The stacks of layers, e.g. decoder and encoder; first the one that `tensors` and `layer_count` are of."""
        own = str(self._file["layer_name"].asstr()[0]).rpartition(".")[0]
        return [stack_title(own), *(view.name for view in stack_views(self.stem_tensors))]

    def gradients(self, statistic: GradientStatistic = "l1", stack: str | None = None) -> xarray.DataArray:
        """`series` of the gradient."""
        return self.series(statistic, stack)

    def series(self, statistic: Statistic = "l1", stack: str | None = None) -> xarray.DataArray:
        """One number per tensor, `(step, layer, tensor)`; not a number where a layer has no such tensor, where that
        did not train (`is_trained`), and, of weights and updates, at steps at which they were not measured.

        Args:
            statistic: Of each tensor's gradient, of its weights after the update, or of what the update changed.
            stack: Which of `stacks`; by default the first.

        Raises:
            UsageError: The run has no such stack or statistic, or measured no weights.
        """
        import xarray

        if stack is not None and stack != self.stacks[0]:
            view = next((view for view in stack_views(self.stem_tensors) if view.name == stack), None)
            if view is None:
                raise UsageError(f"{self.path} has no stack '{stack}'; it has {', '.join(self.stacks)}")
            values = view.grid(self._values(statistic, "stem_"))
            layers, tensors = np.asarray(view.layers), list(view.tensors)
        else:
            values, layers, tensors = self._values(statistic, ""), np.arange(self.layer_count), self.tensors
        return xarray.DataArray(
            values, dims=("step", "layer", "tensor"), name=_series_name(statistic),
            coords={"step": self.steps, "layer": layers, "tensor": tensors},
        )  # fmt: skip

    def _values(self, statistic: Statistic, prefix: str) -> Floats:
        """The statistic of every tensor in the layers, or with `stem_` outside of them; the steps come first."""
        counts = self._file[f"{prefix}gradient_count"][:]
        if statistic not in OF_PARAMETERS:
            l1, squares = (self.column(f"{prefix}gradient_{name}") for name in ("l1", "sum_squares"))
            return statistic_of(statistic, l1, squares, counts)
        if f"{prefix}weight_sum_squares" not in self._file:
            raise UsageError(
                f"{self.path} has no sums of weights and updates: `nf-probe train --weights-every` and "
                "Recorder(weights_every=...) record them"
            )
        weights, updates = (self.column(f"{prefix}{name}_sum_squares") for name in ("weight", "update"))
        return parameter_statistic_of(statistic, weights, updates, counts)

    def expert_gradients(self, statistic: GradientStatistic = "l1") -> xarray.DataArray:
        """One number per expert, all its tensors together, `(step, layer, expert)`; not a number without a token."""
        import xarray

        if "expert_gradient_l1" not in self._file:
            raise UsageError(f"{self.path} has no sums by expert: Recorder(..., experts=True) records them")
        l1, squares = (self.column(f"expert_gradient_{name}") for name in ("l1", "sum_squares"))
        values = statistic_of(statistic, l1, squares, self._file["expert_gradient_count"][:])
        return xarray.DataArray(
            values, dims=("step", "layer", "expert"), name=f"expert_gradient_{statistic}",
            coords={"step": self.steps, "layer": np.arange(self.layer_count)},
        )  # fmt: skip

    def scales(self, name: str) -> xarray.DataArray:
        """The values of a learned gain or scale, e.g. `ffn_layernorm`, `(snapshot, layer, element)`."""
        import xarray

        variable = f"scale_{name}"
        if variable not in self._file:
            known = ", ".join(self.scale_names) or "none"
            raise UsageError(f"{self.path} keeps no scale '{name}'; it keeps {known}")
        rows = self._tables["snapshot"]
        return xarray.DataArray(
            self._rows(variable, rows), dims=("snapshot", "layer", "element"), name=variable,
            coords={"snapshot": rows.keys[rows.is_sound], "layer": np.arange(self.layer_count)},
        )  # fmt: skip

    @property
    def scale_names(self) -> list[str]:
        """The gains and scales of which snapshots are kept."""
        return [entry.partition(":")[0] for entry in str(self._file.attrs["scales"]).split()]

    def dataset(self) -> xarray.Dataset:
        """Everything that is recorded, under the file's names."""
        import xarray

        layers = list(range(self.layer_count))
        names: dict[str, list[Any]] = {
            "layer": layers, "tensor": self.tensors, "stem_tensor": self.stem_tensors
        }  # fmt: skip
        variables: dict[str, Any] = {}
        for name, dataset in self._file.items():
            dimensions = [next(iter(dimension.keys()), None) for dimension in dataset.dims]
            if name in CHECKSUMS or name in names or dataset.is_scale or None in dimensions:
                continue
            table = self._tables.get(str(dimensions[0])) if dimensions else None
            values = self._rows(name, table) if table is not None else dataset[:]
            variables[name] = (dimensions, values.astype(str) if values.dtype.kind == "O" else values)
        markers = {marker: rows.keys[rows.is_sound] for marker, rows in self._tables.items()}
        return xarray.Dataset(
            variables, {**markers, **{name: labels for name, labels in names.items() if len(labels)}}, self.attributes
        )

    def to_frame(self) -> pandas.DataFrame:
        """All gradient sums in tidy form: `step, layer, tensor, l1, sum_squares, max_abs, zeros, nonfinite`.

        The layer of a tensor outside the layers is not a number. A tensor has no row at steps at which it did not
        train.
        """
        import pandas

        counts = self._file["gradient_count"][:]
        frames = []
        for prefix, is_there in (("gradient", counts > 0), ("stem_gradient", None)):
            if f"{prefix}_l1" not in self._file:
                continue
            values = {sum_name: self.column(f"{prefix}_{sum_name}") for sum_name in SUMS}
            if is_there is not None:
                step, cell = np.meshgrid(self.steps, np.flatnonzero(is_there), indexing="ij")
                where = (cell // len(self.tensors)).ravel(), np.array(self.tensors)[cell % len(self.tensors)].ravel()
                flat = {name: v.reshape(len(v), -1)[:, is_there.ravel()].ravel() for name, v in values.items()}
            else:
                step, cell = np.meshgrid(self.steps, np.arange(len(self.stem_tensors)), indexing="ij")
                where = np.full(step.size, np.nan), np.array(self.stem_tensors)[cell].ravel()
                flat = {name: v.ravel() for name, v in values.items()}
            frame = pandas.DataFrame({"step": step.ravel(), "layer": where[0], "tensor": where[1], **flat})
            frames.append(frame[frame["nonfinite"] != MISSING_COUNT])
        return pandas.concat(frames, ignore_index=True)

    def mismatch(
        self, operation: str = "fc2.weight", statistic: Statistic = "l1", window: tuple[int, int] | None = None
    ) -> Mismatch:
        """How unequal an operation's gradients, weights or updates are between layers, over a window of steps (by
        default the second half).

        Point values are those of `nf-probe grads`; intervals are that command's.
        """
        if operation not in self.tensors:
            raise UsageError(f"{self.path} has no tensor '{operation}' in its layers; it has {', '.join(self.tensors)}")
        index = self.tensors.index(operation)
        first, end = window or default_window(self.steps)
        inside = (self.steps >= first) & (self.steps < end)
        is_there = self._file["gradient_count"][:, index] > 0
        values = self._values(statistic, "")[inside, :, index]
        # Weights and updates are what they are also where the gradient is rounding noise.
        is_noise = self._file["gradient_zero_by_construction"][:, index] != 0
        layers = is_there if statistic in OF_PARAMETERS else is_there & ~is_noise
        trained = ~np.isnan(values) if statistic in OF_PARAMETERS else self.is_trained()[inside, :, index]
        return mismatch_of(operation, statistic, (first, end), values, layers, trained)

    def mismatch_table(self, statistic: Statistic = "l1", window: tuple[int, int] | None = None) -> pandas.DataFrame:
        """`mismatch` of every operation whose gradient is not zero by construction, with m_l by layer."""
        import pandas

        rows = {}
        for operation in self.tensors:
            try:
                found = self.mismatch(operation, statistic, window)
            except UsageError:
                continue
            profile = {f"layer_{layer}": m for layer, m in zip(found.layers, found.means, strict=True)}
            rows[operation] = {
                "early_late": found.early_late, "spread": found.spread, "slope": found.slope, **profile
            }  # fmt: skip
        return pandas.DataFrame.from_dict(rows, orient="index").rename_axis("operation")

    def noise(self, operation: str | None = None, window: tuple[int, int] | None = None) -> pandas.DataFrame:
        """How much of the gradient is signal, and its noise scale in tokens, of each layer and the whole model over a
        window of steps, with intervals: the table of `nf-probe grads --noise-scale`.

        Args:
            operation: One operation's gradient, e.g. `fc2.weight`; by default all of a layer's.
            window: First step, and the one after the last; by default the second half.

        Raises:
            ProgramError: The program is not there, or the run has no parts of gradients.
        """
        import pandas

        options = ["--noise-scale", "--format=csv"]
        if operation is not None:
            options.append(f"--operation={operation}")
        if window is not None:
            options.append(f"--window={window[0]}:{window[1]}")
        frame = pandas.read_csv(io.StringIO(command("grads", self.path, *options)))
        return frame.set_index("place").drop(columns="architecture")


def _series_name(statistic: Statistic) -> str:
    return statistic.replace("-", "_").replace("/", "_over_") if statistic in OF_PARAMETERS else f"gradient_{statistic}"
