"""The file side of a recorder: what every worker asks for, and worker 0 writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from numpy.typing import ArrayLike

from ..errors import NFProbeError
from ..measuring.sharding import by_worker_0, worker_count
from ..measuring.step import StepRow
from ..runfile.manifest import Manifest
from ..runfile.resuming import Earlier, find_earlier
from ..runfile.tablewriter import Row
from ..runfile.writer import RunFileWriter
from .ending import STATUS_NUMBERS, Status


class Recording:
    """A run file that is being written, new or gone on with.

    Where other workers wait for this one at every step, an error of the file is kept in `error`, to be told to all of
    them at the next step; alone, it is raised.
    """

    def __init__(
        self, path: Path, manifest: Manifest, *, resume: bool, replacing: bool, first_step: int | None, interval: float
    ) -> None:
        """Opens the file on worker 0.

        Raises:
            NFProbeError: It cannot be opened; on every worker.
        """
        self.error: NFProbeError | None = None
        self._writer: RunFileWriter | None = None
        self._earlier: Earlier | None = None
        self._has_told_difference = False

        def open_file() -> int:
            earlier = self._earlier = find_earlier(path, manifest) if resume else None
            own = manifest if earlier is None else replace(manifest, has_parameters=earlier.has_parameters)
            begin = first_step if first_step is not None else earlier.last_step + 1 if earlier else 0
            self._writer = RunFileWriter(
                path, own, replacing=replacing, first_step=begin, interval=interval,
                earlier=earlier.rows if earlier else None,
            )  # fmt: skip
            return begin

        self.first_step = by_worker_0(open_file)
        self._last_snapshot = self._earlier.last_snapshot if self._earlier else -1

    def step(
        self, step: int, row: StepRow, parameters: Mapping[str, ArrayLike], learning_rate: float, clip: float,
        seconds: float,
    ) -> str | None:  # fmt: skip
        """Appends a step; one that an earlier attempt recorded is compared instead.

        Returns:
            What is to be told where it differs, for the first such step.
        """
        if self._earlier and step <= self._earlier.last_step:
            note = self._earlier.difference(step, row.loss, row.gradient_l2)
            if note is None or self._has_told_difference:
                return None
            self._has_told_difference = True
            return note
        values: dict[str, ArrayLike | str] = {
            **row.sums, **parameters, "gradient_l2": row.gradient_l2, "loss": row.loss, "learning_rate": learning_rate,
            "clip_coefficient": clip, "tokens": row.tokens, "seconds": seconds, "loss_scale": row.loss_scale,
        }  # fmt: skip
        self._do(lambda writer: writer.append_step(step, values))
        return None

    def noise(self, step: int, values: Row) -> None:
        """Appends what a step tells of noise, unless it is there already; it is flushed with the steps."""
        if self._earlier is None or step > self._earlier.last_noise:
            self._do(lambda writer: writer.append("noise_step", step, values, flushes=False))

    def snapshot(self, update_count: int, values: Row) -> None:
        """Appends a snapshot of the learned scales, unless there is a later one."""
        if update_count > self._last_snapshot:
            self._last_snapshot = update_count
            self._do(lambda writer: writer.append("snapshot", update_count, values))

    def validation(self, update_count: int, loss: float) -> None:
        """Appends a loss on held-out text."""
        self._do(lambda writer: writer.append("validation_step", update_count, {"validation_loss": loss}))

    def flush(self) -> None:
        """Brings everything to the disk."""
        self._do(RunFileWriter.flush)

    def finish(self, status: Status) -> None:
        """Records how the run ended, and closes the file.

        Raises:
            NFProbeError: The file could not be written, now or before.
        """
        self._do(lambda writer: writer.finish(STATUS_NUMBERS[status]))
        if self.error is not None:
            raise self.error

    def fail(self) -> None:
        """Records that the recorder has failed, if the file can still be written."""
        if self._writer is not None and self._writer.is_open:
            with suppress(NFProbeError):
                self._writer.finish(STATUS_NUMBERS["failed"])

    def _do(self, action: Callable[[RunFileWriter], None]) -> None:
        if self._writer is None or self.error is not None:
            return
        try:
            action(self._writer)
        except NFProbeError as error:
            if worker_count() == 1:
                raise
            self.error = error
