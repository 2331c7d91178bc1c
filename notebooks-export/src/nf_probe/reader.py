"""Reads a run file in a notebook: finished, still growing, or left by a killed writer. The file is never changed."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import UsageError
from .mismatch import Mismatch, Statistic, default_window, mismatch_of, statistic_of
from .program import command
from .runfile import CHECKSUMS, RunFile
from .schema import MISSING_COUNT, STATUS, SUMS
from .stackview import stack_title, stack_views
from .watching import Watching

if TYPE_CHECKING:
    import pandas
    import xarray
    from matplotlib.figure import Figure

State = Literal["closed", "growing", "killed"]
StepState = Literal["recorded", "not yet", "never", "lost"]


def open_run(path: str | os.PathLike[str]) -> Run:
    """Opens a run file.

    Raises:
        RunFileError: There is no such file, it is no run file, or it is damaged.
    """
    return Run(Path(path))


class Run(RunFile):
    """One run: what became of it, and its numbers. Damaged rows are listed in `damaged_steps`."""

    @property
    def state(self) -> State:
        """Whether its writer closed the file, is writing it, or ended without closing it."""
        if self._writer is not None:
            return "growing"
        return "closed" if self._is_plain else "killed"

    @property
    def status(self) -> str:
        """The last status that was recorded, e.g. `finished`."""
        rows = self._tables["event"].sound
        return STATUS.get(int(self._file["status"][rows[-1]]), "running") if len(rows) else "running"

    @property
    def steps(self) -> NDArray[np.int64]:
        """The recorded steps, ascending."""
        table = self._tables["step"]
        return table.keys[table.is_sound]

    @property
    def damaged_steps(self) -> list[int]:
        """Steps whose row is not as it was written."""
        table = self._tables["step"]
        return [int(step) for step in table.keys[~table.is_sound]]

    def state_of(self, step: int) -> StepState:
        """Whether a step is recorded, and if not, whether it may still come, was never made, or was lost.

        Steps that a killed writer had not flushed, or whose row is damaged, are lost.
        """
        steps = self.steps
        if step in steps:
            return "recorded"
        if step in self.damaged_steps:
            return "lost"
        if not len(steps) or step > steps[-1]:
            if self.state == "growing":
                return "not yet"
            return "lost" if self.status == "running" else "never"
        place = int(np.searchsorted(steps, step))
        segments = self.column("segment")
        is_between_attempts = place > 0 and segments[place - 1] != segments[place]
        return "lost" if is_between_attempts else "never"

    # Numbers

    @property
    def stacks(self) -> list[str]:
        """The stacks of layers, e.g. decoder and encoder; first the one that `tensors` and `layer_count` are of."""
        own = str(self._file["layer_name"].asstr()[0]).rpartition(".")[0]
        return [stack_title(own), *(view.name for view in stack_views(self.stem_tensors))]

    def gradients(self, statistic: Statistic = "l1", stack: str | None = None) -> xarray.DataArray:
        """One number per tensor, `(step, layer, tensor)`; not a number where a layer has no such tensor, and where that
        did not train (`is_trained`).

        Args:
            statistic: Of each tensor's gradient.
            stack: Which of `stacks`; by default the first.

        Raises:
            UsageError: The run has no such stack.
        """
        import xarray

        if stack is not None and stack != self.stacks[0]:
            return self._other_gradients(statistic, stack)
        values = statistic_of(
            statistic, self.column("gradient_l1"), self.column("gradient_sum_squares"), self._file["gradient_count"][:]
        )
        return xarray.DataArray(
            values, dims=("step", "layer", "tensor"), name=f"gradient_{statistic}",
            coords={"step": self.steps, "layer": np.arange(self.layer_count), "tensor": self.tensors},
        )  # fmt: skip

    def expert_gradients(self, statistic: Statistic = "l1") -> xarray.DataArray:
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

    def _other_gradients(self, statistic: Statistic, stack: str) -> xarray.DataArray:
        import xarray

        view = next((view for view in stack_views(self.stem_tensors) if view.name == stack), None)
        if view is None:
            raise UsageError(f"{self.path} has no stack '{stack}'; it has {', '.join(self.stacks)}")
        l1, squares = (self.column(f"stem_gradient_{name}") for name in ("l1", "sum_squares"))
        values = view.grid(statistic_of(statistic, l1, squares, self._file["stem_gradient_count"][:]))
        return xarray.DataArray(
            values, dims=("step", "layer", "tensor"), name=f"gradient_{statistic}",
            coords={"step": self.steps, "layer": view.layers, "tensor": view.tensors},
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
        """How unequal an operation's gradients are between layers, over a window of steps (by default the second half).

        Point values are those of `nf-probe grads`; intervals are that command's.
        """
        if operation not in self.tensors:
            raise UsageError(f"{self.path} has no tensor '{operation}' in its layers; it has {', '.join(self.tensors)}")
        index = self.tensors.index(operation)
        first, end = window or default_window(self.steps)
        inside = (self.steps >= first) & (self.steps < end)
        counts = self._file["gradient_count"][:, index]
        is_noise = self._file["gradient_zero_by_construction"][:, index] != 0
        l1, squares = (self.column(f"gradient_{name}")[inside, :, index] for name in ("l1", "sum_squares"))
        values = statistic_of(statistic, l1, squares, counts)
        trained = self.is_trained()[inside, :, index]
        return mismatch_of(operation, statistic, (first, end), values, (counts > 0) & ~is_noise, trained)

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

    def plot(self, operation: str = "fc2.weight", statistic: Statistic = "l1") -> Figure:
        """The operation's gradient in layers 0, 1, L/2, L-2 and L-1 over the steps, on a logarithmic axis."""
        from .plots import gradient_lines

        return gradient_lines(self, operation, statistic)

    def watch(self, port: int | None = None, height: int = 900) -> Watching:
        """Shows the run as a page that grows with it: in a notebook the page itself, else its address.

        Args:
            port: The server's port; a free one by default.
            height: Of the page in a notebook, in pixels.

        Raises:
            ProgramError: There is no program, or it cannot serve.
        """
        return Watching(self.path, port=port, height=height)

    def report(self, out: str | os.PathLike[str]) -> Path:
        """Everything that the run shows, as tables, figures and a page that holds them: `nf-probe report`.

        Args:
            out: A folder for them, which does not exist yet.

        Returns:
            The page.

        Raises:
            ProgramError: The program is not there, or cannot report on this run.
        """
        command("report", self.path, "--out", out, "--quiet")
        return Path(out) / "report.html"

    def __repr__(self) -> str:
        return f"<Run {self.path.name}: {', '.join(f'{name} {value}' for name, value in self._summary().items())}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td style='text-align:left'>"
            f"{html.escape(str(value))}</td></tr>"
            for name, value in {"file": self.path, **self._summary()}.items()
        )
        return f"<table>{rows}</table>"

    def _summary(self) -> dict[str, object]:
        attributes, steps = self.attributes, self.steps
        summary: dict[str, object] = {
            "architecture": attributes["architecture"], "run": attributes["run_id"],
            "state": f"{self.status}, {self.state}",
            "steps": f"{len(steps)}, from {steps[0]} to {steps[-1]}" if len(steps) else "none yet",
            "layers": self.layer_count, "tensors a layer": len(self.tensors),
        }  # fmt: skip
        if len(steps):
            summary["last loss"] = f"{self.column('loss')[-1]:.4f} {attributes['unit']}"
        summary["gradient"] = ", ".join(
            str(attributes[label]) for label in ("reduction", "loss", "scope", "measured_at")
        )
        if self.damaged_steps:
            summary["damaged steps, left out"] = len(self.damaged_steps)
        return summary
