"""Reads a run file in a notebook: finished, still growing, or left by a killed writer. The file is never changed."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..program import command
from ..runfile.schema import STATUS
from .mismatch import Statistic
from .runnumbers import RunNumbers
from .watching import Watching

if TYPE_CHECKING:
    from matplotlib.figure import Figure

State = Literal["closed", "growing", "killed"]
StepState = Literal["recorded", "not yet", "never", "lost"]


def open_run(path: str | os.PathLike[str]) -> Run:
    """Opens a run file.

    Raises:
        RunFileError: There is no such file, it is no run file, or it is damaged.
    """
    return Run(Path(path))


class Run(RunNumbers):
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

    def plot(self, operation: str = "fc2.weight", statistic: Statistic = "l1") -> Figure:
        """The operation's gradient in layers 0, 1, L/2, L-2 and L-1 over the steps, on a logarithmic axis."""
        from ..plots import gradient_lines

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
