"""Which rows of a run file are finished and as they were written."""

from __future__ import annotations

from dataclasses import dataclass

import google_crc32c
import h5py
import numpy as np
from numpy.typing import NDArray

_BLOCK = 512


@dataclass
class TableRows:
    """The rows of one table that can be trusted, as of the last look."""

    marker: str
    keys: NDArray[np.int64]
    """The marker of each finished row."""
    is_sound: NDArray[np.bool_]
    """Whether a row's checksums are right."""

    @property
    def sound(self) -> NDArray[np.intp]:
        """Positions of the rows that are as they were written."""
        return np.flatnonzero(self.is_sound)


def look_at(file: h5py.File, marker: str, checksums: list[str], before: TableRows | None = None) -> TableRows:
    """Finds a table's finished rows and compares them with their checksums; rows known `before` are not read again."""
    covered = {name: str(file[name].attrs["covers"]).split() for name in checksums}
    columns = {name for names in covered.values() for name in names} | set(checksums)
    for name in columns:
        file[name].id.refresh()
    # The marker is written last, so what it counts is there in every other column.
    count = min(len(file[name]) for name in columns)
    known = len(before.keys) if before is not None else 0
    keys = np.asarray(file[marker][known:count], dtype=np.int64)
    # A crash of the machine can leave a marker's extent ahead of its data.
    positions = np.arange(known, known + len(keys))
    unwritten = np.flatnonzero((keys < 0) | ((keys == 0) & (positions > 0)))
    if len(unwritten):
        keys = keys[: unwritten[0]]
    sound = [_sound(file, covered, start, min(start + _BLOCK, known + len(keys)))
             for start in range(known, known + len(keys), _BLOCK)]  # fmt: skip
    is_sound = np.concatenate([np.array([], dtype=bool), *sound])
    if before is not None:
        keys, is_sound = np.concatenate([before.keys, keys]), np.concatenate([before.is_sound, is_sound])
    return TableRows(marker, keys, is_sound)


def _sound(file: h5py.File, covered: dict[str, list[str]], start: int, end: int) -> NDArray[np.bool_]:
    try:
        blocks = {name: file[name][start:end] for names in covered.values() for name in names}
        expected = {name: file[name][start:end] for name in covered}
    except OSError:
        # One row that cannot be read must not take its neighbours with it.
        if end - start == 1:
            return np.array([False])
        return np.concatenate([_sound(file, covered, row, row + 1) for row in range(start, end)])
    result = np.ones(end - start, dtype=bool)
    for name, columns in covered.items():
        for row in range(end - start):
            written = b"".join(blocks[column][row : row + 1].tobytes() for column in columns)
            result[row] &= google_crc32c.value(written) == int(expected[name][row])
    return result
