"""Records one run in an HDF5 file that others can read meanwhile and that survives this process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import h5py

from ..errors import RunFileError
from .creation import create, open_for_writing, synchronize
from .lock import WriterLock
from .manifest import Manifest
from .schema import TEXT_LENGTH, Schema
from .tablewriter import Pace, Row, TableWriter


class RunFileWriter:
    """Appends rows to a run file.

    Rows wait in memory until they are due (see `interval`) or `flush` is called; what was flushed outlives a crash of
    the process, and of the machine. After a failed write the file is left as a killed process would leave it, readable
    up to the last flush, and every later call raises the same error.
    """

    def __init__(
        self, path: Path, manifest: Manifest, *, replacing: bool = False, first_step: int = 0, interval: float = 2,
        earlier: EarlierRows | None = None,
    ) -> None:  # fmt: skip
        """Makes a new file, or goes on with the one that `earlier` describes, of which the caller holds no lock yet.

        Args:
            path: The file; it appears under this name when its schema is complete and on the disk.
            manifest: What its readers learn of the run.
            replacing: Whether an existing file is replaced.
            first_step: The step that this attempt begins with.
            interval: Seconds that a row may wait before readers see it.
            earlier: What earlier attempts left in the file.

        Raises:
            FileLockedError: Another process writes the file.
            RunFileError: The file cannot be made or opened.
        """
        self.path = path
        self.segment = earlier.segment_count if earlier else 0
        self._schema = Schema(manifest)
        self._machine = manifest.machine.summary
        self._pace = Pace(interval)
        self._last_step = first_step - 1
        self._failure: RunFileError | None = None
        # A write beyond the file-size limit then fails like one on a full disk, rather than end the process.
        if signal.getsignal(signal.SIGXFSZ) is signal.SIG_DFL:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        holder = (
            f"process {os.getpid()} of {manifest.machine.program}, run {manifest.run_id}, since {manifest.started_at}"
        )
        self._lock = WriterLock(path, holder)
        try:
            self._file: h5py.File | None = (
                open_for_writing(path, self._schema) if earlier else create(path, manifest, self._schema, replacing)
            )
            rows = earlier.row_counts if earlier else {}
            self._tables = {
                table.marker.name: TableWriter(table, self._schema, self._file, rows.get(table.marker.name, 0))
                for table in self._schema.tables
            }
            self._descriptor = _descriptor(self._file)
        except OSError as error:
            self._lock.release()
            raise RunFileError(f"{path} cannot be opened for writing: {error}") from error
        except BaseException:
            self._lock.release()
            raise
        _open_files[path.resolve()] = self._file
        self._record_status(1, first_step)
        self.flush()

    @property
    def is_open(self) -> bool:
        """Whether rows can be appended."""
        return self._file is not None

    def append_step(self, step: int, row: Row) -> None:
        """Appends one step, with a value for each column of the table `step` but `segment`.

        Raises:
            RunFileError: The file can no longer be written.
        """
        if step <= self._last_step:
            raise RunFileError(f"{self.path}: step {step} cannot follow step {self._last_step}")
        table = self._table("step")
        table.append(step, {**row, "segment": self.segment})
        self._last_step = step
        if self._pace.is_due(table.waiting_bytes):
            self.flush()

    def append(self, table: str, marker: int, row: Row, *, flushes: bool = True) -> None:
        """Appends a row to another table than `step`, and flushes unless it is to wait for the steps.

        Raises:
            RunFileError: The file can no longer be written.
        """
        self._table(table).append(marker, row)
        if flushes:
            self.flush()

    def flush(self) -> None:
        """Brings everything that was appended to the disk: readers see it, and it outlives a crash.

        Raises:
            RunFileError: The file can no longer be written.
        """
        self._usable()
        try:
            waiting = [table for table in self._tables.values() if table.waiting_bytes > 0]
            if waiting:
                # The markers last: one on the disk stands for a row on the disk, also after a crash of the machine.
                for table in waiting:
                    table.write_columns()
                _synchronize_data(self._descriptor)
                for table in waiting:
                    table.write_markers()
                _synchronize_data(self._descriptor)
            if os.fstat(self._descriptor).st_nlink == 0:
                raise RunFileError(f"{self.path} was deleted while it was written; the run is no longer recorded")
        except (OSError, RuntimeError, RunFileError) as error:
            raise self._fail(error) from error
        self._pace.flushed()

    def finish(self, status: int) -> None:
        """Records how the run ended and closes the file; afterwards any reader opens it plainly.

        Raises:
            RunFileError: The file can no longer be written.
        """
        self._record_status(status, self._last_step + 1)
        self.flush()
        file = self._usable()
        try:
            file.flush()
            _synchronize_data(self._descriptor)
            self._tables.clear()
            file.close()
            synchronize(self.path)
        except (OSError, RuntimeError) as error:
            raise self._fail(error) from error
        self._let_go()

    def _let_go(self) -> None:
        self._file = None
        _open_files.pop(self.path.resolve(), None)
        self._lock.release()

    def _table(self, name: str) -> TableWriter:
        self._usable()
        return self._tables[name]

    def _usable(self) -> h5py.File:
        if self._failure:
            raise self._failure
        if self._file is None:
            raise RunFileError(f"{self.path} is finished; nothing can be added")
        return self._file

    def _record_status(self, status: int, next_step: int) -> None:
        events = self._table("event")
        text = self._machine.encode()[:TEXT_LENGTH].decode(errors="ignore")
        row: Row = {
            "status": status, "status_time": time.time(), "event_segment": self.segment, "event_step": next_step,
            "event_machine": text,
        }  # fmt: skip
        events.append(events.row_count, row)

    def _fail(self, error: Exception) -> RunFileError:
        """Gives the file up: nothing of it is written any more, so that what was flushed stays readable."""
        rows = self._tables["step"].written_rows if "step" in self._tables else 0
        failure = error if isinstance(error, RunFileError) else RunFileError(
            f"{self.path} could not be written: {error}; the {rows} steps flushed before are intact"
        )  # fmt: skip
        self._failure = failure
        if self._file is not None:
            _abandon(self._file, self._descriptor)
        self._let_go()
        return failure


class EarlierRows:
    """What earlier attempts at a run left in its file."""

    def __init__(self, segment_count: int, row_counts: dict[str, int]) -> None:
        self.segment_count = segment_count
        self.row_counts = row_counts


def _descriptor(file: h5py.File) -> int:
    return int(file.id.get_vfd_handle())


def _synchronize_data(descriptor: int) -> None:
    getattr(os, "fdatasync", os.fsync)(descriptor)


_open_files: dict[Path, h5py.File] = {}


def open_in_this_process(path: Path) -> h5py.File | None:
    """The open file of a run that this very process records: HDF5 cannot open it a second time, for reading."""
    return _open_files.get(path.resolve())


_abandoned: list[h5py.File] = []


def _abandon(file: h5py.File, descriptor: int) -> None:
    """Leaves the file as a killed process would. The library would write its half-made state on closing, at the latest
    when the process ends; so it gets another file, without a name, to write that to."""
    _abandoned.append(file)
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
