"""The rows of a run file's tables that wait to be written, and when they are due."""

from __future__ import annotations

import time
from collections.abc import Mapping

import google_crc32c
import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import RunFileError
from .schema import Column, Schema, Table

WAITING_LIMIT = 4 << 20
"""Bytes of waiting rows that are flushed whatever the time; readers rely on it to tell an unfinished tail."""

Row = Mapping[str, ArrayLike | str]


class TableWriter:
    """One table of an open run file: rows are buffered whole and written column by column, the marker last."""

    def __init__(self, table: Table, schema: Schema, file: h5py.File, written_rows: int) -> None:
        self.written_rows = written_rows
        self.waiting_bytes = 0
        self._table = table
        self._row_bytes = schema.row_bytes(table)
        self._columns = {column.name: _ColumnWriter(column, schema, file) for column in table.all_columns}

    @property
    def row_count(self) -> int:
        """Written and waiting rows."""
        return self.written_rows + self.waiting_bytes // self._row_bytes

    def append(self, marker: int, row: Row) -> None:
        """Takes the next row; nothing is taken where a value does not fit its column."""
        table = self._table
        values = {column.name: self._columns[column.name].value(row[column.name]) for column in table.columns}
        values[table.marker.name] = self._columns[table.marker.name].value(marker)
        for index, name in enumerate(table.checksum_names):
            covered = b"".join(values[covered].tobytes() for covered in table.covered(index))
            values[name] = self._columns[name].value(google_crc32c.value(covered))
        for name, value in values.items():
            self._columns[name].waiting.append(value)
        self.waiting_bytes += self._row_bytes

    def write_columns(self) -> None:
        """Hands all waiting rows to the operating system but for their markers."""
        for column in self._table.columns + self._table.checksums:
            self._columns[column.name].write(self.written_rows)

    def write_markers(self) -> None:
        """Hands the markers over: a reader that sees one finds the rest of its row there."""
        rows = self.row_count
        self._columns[self._table.marker.name].write(self.written_rows)
        self.written_rows = rows
        self.waiting_bytes = 0


class _ColumnWriter:
    """One growing variable and the rows that wait to be written to it."""

    def __init__(self, column: Column, schema: Schema, file: h5py.File) -> None:
        self.waiting: list[NDArray[np.generic]] = []
        self._column = column
        self._shape = schema.row_shape(column)
        self._dataset = file[column.name]

    def value(self, value: ArrayLike | str) -> NDArray[np.generic]:
        """A row in the stored format."""
        if isinstance(value, str):
            return np.array(value.encode(), dtype=self._column.storage)
        array = np.asarray(value)
        number = np.dtype(self._column.number)
        stored = array.astype(number)
        if array.shape != self._shape or (number.kind in "iu" and not np.array_equal(stored, array)):
            raise RunFileError(f"the record does not have the shape or numbers of {self._column.name}")
        return stored

    def write(self, rows: int) -> None:
        """Writes the waiting rows behind the first `rows` and hands them to the operating system."""
        block = np.stack(self.waiting).astype(self._column.storage)
        self._dataset.resize(rows + len(block), axis=0)
        self._dataset[rows:] = block
        self._dataset.flush()
        self.waiting = []


class Pace:
    """When waiting rows are flushed: steps much shorter than the interval share one flush."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._oldest_waiting: float | None = None
        self._last_appended: float | None = None

    def is_due(self, waiting_bytes: int) -> bool:
        """Whether by the next row, expected after as long as this one took, the oldest has nearly waited enough."""
        now = time.monotonic()
        gap = self._interval if self._last_appended is None else now - self._last_appended
        self._last_appended = now
        if self._oldest_waiting is None:
            self._oldest_waiting = now
        return now - self._oldest_waiting + gap >= 0.9 * self._interval or waiting_bytes >= WAITING_LIMIT

    def flushed(self) -> None:
        """Nothing waits any more."""
        self._oldest_waiting = None
