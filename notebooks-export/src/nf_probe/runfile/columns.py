"""Variables of a run file that grow, and the tables that they form, as `schema.json` lists them.

nf-probe itself writes that list, so that files are the same whoever makes them.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import h5py
import numpy as np

MISSING_COUNT = 2**32 - 1
"""Stands for the zeros and non-finite elements of what was not measured: of a tensor that has no gradient at a step,
being frozen or reached by nothing, and of a norm that a log did not have. Its other sums are not a number."""

_TEXT = "text"
_NAME, _AXIS = "NAME", "head_element"
"""What a column of the list has where each run puts a scale's name and its axis."""


@functools.cache
def listed() -> Any:
    """The list."""
    return json.loads(importlib.resources.files(__package__).joinpath("schema.json").read_text("utf-8"))


@dataclass(frozen=True)
class Column:
    """One variable that grows with its table."""

    name: str
    number: str
    """`text`, or a number format of NumPy."""
    long_name: str
    dimensions: tuple[str, ...] = ()
    units: str = "1"
    checksum: int = 0
    """Which of its table's checksums covers the column."""

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Column:
        """The column that an entry of the list describes."""
        number = entry["number"]
        if number != _TEXT:
            number = np.dtype(number).newbyteorder("<").str
        dimensions = tuple(entry.get("dimensions", ()))
        return cls(
            entry["name"], number, entry["longName"], dimensions, entry.get("units", "1"), entry.get("checksum", 0)
        )

    def of_scale(self, name: str, axis: str) -> Column:
        """The column of a learned scale."""
        dimensions = tuple(axis if dimension == _AXIS else dimension for dimension in self.dimensions)
        return replace(
            self,
            name=self.name.replace(_NAME, name),
            long_name=self.long_name.replace(_NAME, name),
            dimensions=dimensions,
        )

    @property
    def storage(self) -> np.dtype[np.void]:
        """The type in the file."""
        return h5py.string_dtype("utf-8", TEXT_LENGTH) if self.number == _TEXT else np.dtype(self.number)

    @property
    def fill(self) -> object:
        """What rows hold that were never written: nothing that looks like a measurement."""
        if self.number == _TEXT:
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


@dataclass(frozen=True)
class ListedTable:
    """A table with all that a file can have of it."""

    marker: Column
    groups: Mapping[str, tuple[Column, ...]]
    checksum_names: tuple[str, ...]

    @classmethod
    @functools.cache
    def named(cls, name: str) -> ListedTable:
        """One of the list."""
        entry = listed()["tables"][name]
        groups = {group["name"]: tuple(map(Column.of, group["columns"])) for group in entry["groups"]}
        return cls(Column.of(entry["marker"]), groups, tuple(entry["checksums"]))

    def restricted(self, groups: Iterable[str]) -> Table:
        """The table of a file that has some of the groups; their order is the list's."""
        wanted = set(groups)
        assert wanted <= set(self.groups), f"no such groups: {wanted - set(self.groups)}"
        return self.table(column for name, columns in self.groups.items() if name in wanted for column in columns)

    def table(self, columns: Iterable[Column]) -> Table:
        """The table with these columns, and the checksums that cover any."""
        own = tuple(columns)
        covering = {column.checksum for column in own}
        return Table(self.marker, own, tuple(n for place, n in enumerate(self.checksum_names) if place in covering))


def _sums() -> dict[str, tuple[str, str]]:
    prefix = "gradient_"
    return {
        column.name.removeprefix(prefix): (column.number, column.long_name.removesuffix(" of the gradient"))
        for column in ListedTable.named("steps").groups["gradient"]
    }


TEXT_LENGTH: int = listed()["textBytes"]
"""Bytes of a text that grows with its table: UTF-8, padded with NULs."""

SUMS = _sums()
"""The sums of each tensor: the end of their variables' names, their number format, their meaning."""

MAGNITUDES = tuple(column.name.removeprefix("weight_") for column in ListedTable.named("steps").groups["weight"])
"""The sums that weights and updates have."""
