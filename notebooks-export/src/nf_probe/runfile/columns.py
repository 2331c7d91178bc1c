"""Variables of a run file that grow, and the tables that they form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import h5py
import numpy as np

TEXT_LENGTH = 256
"""Bytes of a text that grows with its table: UTF-8, padded with NULs."""

SUMS = {
    "l1": ("<f8", "sum of absolute values"),
    "sum_squares": ("<f8", "sum of squares"),
    "max_abs": ("<f8", "largest absolute value"),
    "zeros": ("<u4", "elements that are exactly zero"),
    "nonfinite": ("<u4", "elements that are infinite or not a number"),
}
"""The sums of each tensor: the end of their variables' names, their number format, their meaning."""

MAGNITUDES = ("l1", "sum_squares", "max_abs")
"""The sums that weights and updates have."""

MISSING_COUNT = 2**32 - 1
"""Stands for the zeros and non-finite elements of what was not measured: of a tensor that has no gradient at a step,
being frozen or reached by nothing, and of a norm that a log did not have. Its other sums are not a number."""


@dataclass(frozen=True)
class Column:
    """One variable that grows with its table."""

    name: str
    number: str
    long_name: str
    dimensions: tuple[str, ...] = ()
    units: str = "1"
    checksum: int = 0
    """Which of its table's checksums covers the column."""

    def about(self, subject: str) -> Column:
        """The column with what its sums are of."""
        return replace(self, long_name=f"{self.long_name} of {subject}")

    @property
    def storage(self) -> np.dtype[np.void]:
        """The type in the file."""
        return h5py.string_dtype("utf-8", TEXT_LENGTH) if self.number == "text" else np.dtype(self.number)

    @property
    def fill(self) -> object:
        """What rows hold that were never written: nothing that looks like a measurement."""
        if self.number == "text":
            return None
        kind = np.dtype(self.number).kind
        return {"f": np.nan, "i": -1, "u": 0}[kind]

    @property
    def missing(self) -> np.uint32 | None:
        """What stands for a count that was not made; of other numbers, not a number does."""
        is_count = self.number == "<u4" and ("gradient_" in self.name or "activation_" in self.name)
        return np.uint32(MISSING_COUNT) if is_count else None


@dataclass(frozen=True)
class Table:
    """Columns that grow together. A row exists once its marker, the coordinate, is written; that happens last."""

    marker: Column
    columns: tuple[Column, ...]
    checksum_names: tuple[str, ...]

    @property
    def checksums(self) -> tuple[Column, ...]:
        """CRC-32C of parts of the row: the marker's bytes, then those of the covered columns, in order."""
        return tuple(Column(name, "<u4", "CRC-32C of the row") for name in self.checksum_names)

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The marker, the columns and the checksums."""
        return (self.marker, *self.columns, *self.checksums)

    def covered(self, checksum: int) -> list[str]:
        """Names of the variables that a checksum covers, in order."""
        return [self.marker.name] + [column.name for column in self.columns if column.checksum == checksum]


def sum_columns(
    prefix: str, dimensions: tuple[str, ...], checksum: int = 0, subject: str = "the gradient"
) -> list[Column]:
    """The sums of each tensor, or of each output of an operation."""
    return [
        Column(f"{prefix}_{suffix}", number, meaning, dimensions, checksum=checksum).about(subject)
        for suffix, (number, meaning) in SUMS.items()
    ]
