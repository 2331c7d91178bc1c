"""A run file's tables and the rows of them that can be trusted, whoever wrote it and however it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import RunFileError, UsageError
from .lock import holder_of
from .rowcheck import TableRows, look_at
from .schema import LATEST_VERSION, MISSING_COUNT, SCHEMA_NAME
from .writer import open_in_this_process

if TYPE_CHECKING:
    from typing_extensions import Self

CHECKSUMS = {
    "step": ["row_checksum", "attempt_checksum", "expert_checksum", "stretch_checksum"],
    "snapshot": ["snapshot_checksum"], "validation_step": ["validation_checksum"],
    "noise_step": ["noise_checksum"], "evaluation_step": ["evaluation_checksum"], "event": ["event_checksum"],
}  # fmt: skip


@dataclass(frozen=True)
class Variable:
    """A variable that grows with one of the file's tables."""

    name: str
    marker: str
    """The coordinate that counts its rows: `step`, `snapshot`, `validation_step` or `evaluation_step`."""
    dimensions: tuple[str, ...]
    """Of one row, e.g. `layer` and `tensor`."""
    shape: tuple[int, ...]
    """Of one row."""


class RunFile:
    """An open run file, which is never changed. Rows whose checksum is wrong are left out of everything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file, self._is_plain = _open(path)
        self._tables: dict[str, TableRows] = {}
        self.refresh()

    def close(self) -> None:
        """Closes the file; views that were made stay."""
        if self._file is not open_in_this_process(self.path):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(self) -> bool:
        """Looks at what a writer has added; whether there are more steps than before."""
        before = len(self._tables["step"].keys) if self._tables else 0
        if not self._file:
            # It was this process's own, and is finished.
            self._file, self._is_plain = _open(self.path)
        # Before the rows: a writer that ends in between has written all of them by then.
        self._writer = holder_of(self.path)
        for marker, checksums in CHECKSUMS.items():
            if marker in self._file:
                own = [name for name in checksums if name in self._file]
                self._tables[marker] = look_at(self._file, marker, own, self._tables.get(marker))
        return len(self._tables["step"].keys) > before

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of the file: architecture, number contract, corpus, machine and so on."""
        return dict(self._file.attrs)

    @property
    def configuration(self) -> dict[str, Any]:
        """The settings of the run."""
        return dict(json.loads(str(self._file.attrs["configuration"])))

    @cached_property
    def tensors(self) -> list[str]:
        """Names of tensors within a layer."""
        return _texts(self._file, "tensor")

    @cached_property
    def stem_tensors(self) -> list[str]:
        """Full names of the tensors outside the layers."""
        return _texts(self._file, "stem_tensor")

    @property
    def layer_count(self) -> int:
        """The number of layers."""
        return len(self._file["layer_name"])

    def column(self, name: str) -> NDArray[Any]:
        """A variable with a row for every step, e.g. `loss` or `gradient_l1 (step, layer, tensor)`."""
        if name not in self._file or not len(self._file[name].shape):
            raise UsageError(f"{self.path} has no variable '{name}'")
        return np.asarray(self._rows(name, self._tables["step"]))

    def variables(self, marker: str = "step") -> list[Variable]:
        """The numeric variables of one table, in the file's order, without its checksums."""
        found = []
        for name, dataset in self._file.items():
            dimensions = [next(iter(dimension.keys()), "") for dimension in dataset.dims]
            is_wanted = dimensions[:1] == [marker] and name != marker and name not in CHECKSUMS.get(marker, [])
            if is_wanted and dataset.dtype.kind in "fiu":
                found.append(Variable(name, marker, tuple(dimensions[1:]), tuple(dataset.shape[1:])))
        return found

    def row_count(self, marker: str = "step") -> int:
        """Rows of a table that can be trusted; 0 where the file has no such table."""
        return len(self._tables[marker].sound) if marker in self._tables else 0

    def rows(self, marker: str, name: str, first: int, end: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Rows `first` to `end` - 1 of a variable, counted without damaged ones, and their steps."""
        table = self._tables[marker]
        positions = table.sound[first:end]
        return table.keys[positions], self._read(name, positions)

    def labels(self, dimension: str) -> list[str] | None:
        """The names along a dimension; None where it only has indices."""
        names = dimension in self._file and self._file[dimension].dtype.kind == "O"
        return _texts(self._file, dimension) if names else None

    def is_present(self, variable: Variable) -> NDArray[np.bool_]:
        """Which numbers of a row stand for something: not those of a tensor that a layer does not have."""
        if variable.dimensions == ("layer", "tensor"):
            return np.asarray(self._file["gradient_count"][:] > 0)
        if variable.name == "evaluation_accuracy":
            return np.asarray(self._file["evaluation_examples"][:] > 0)
        if variable.dimensions == ("layer", "expert"):
            return np.asarray(self._file["expert_gradient_count"][:] > 0)
        return np.ones(variable.shape, dtype=bool)

    def is_trained(self, prefix: str = "gradient") -> NDArray[np.bool_]:
        """Where a tensor has a gradient, `(step, layer, tensor)`, or with `stem_gradient` `(step, stem_tensor)`.

        A tensor that is frozen at a step, or that nothing reached, has none, nor has one that a layer does not have.
        `expert_gradient` is `(step, layer, expert)`: an expert without a token has none.
        """
        return np.asarray(
            (self.column(f"{prefix}_nonfinite") != MISSING_COUNT) & (self._file[f"{prefix}_count"][:] > 0)
        )

    def _rows(self, name: str, table: TableRows) -> NDArray[Any]:
        return self._read(name, table.sound)

    def _read(self, name: str, positions: NDArray[np.intp]) -> NDArray[Any]:
        """Some rows of a variable, by ascending position."""
        dataset = self._file[name]
        dataset.id.refresh()
        first = int(positions[0]) if len(positions) else 0
        if len(positions) == 0 or positions[-1] - first + 1 == len(positions):
            return np.asarray(dataset[first : first + len(positions)])
        # A damaged row between them may not even be readable.
        values = np.empty((len(positions), *dataset.shape[1:]), dtype=dataset.dtype)
        for target, row in enumerate(positions):
            values[target] = dataset[row]
        return values


def _open(path: Path) -> tuple[h5py.File, bool]:
    """The open file, and whether it could be opened as one that nobody writes."""
    if not path.is_file():
        raise RunFileError(f"{path}: there is no such file")
    if (own := open_in_this_process(path)) is not None:
        return own, False
    failures = []
    for options in ({}, {"swmr": True}):
        try:
            file = h5py.File(path, "r", **options)
        except OSError as error:
            failures.append(str(error))
            continue
        if file.attrs.get("schema_name") != SCHEMA_NAME:
            raise RunFileError(f"{path} is an HDF5 file, but not a run file of nf-probe")
        if not 1 <= (version := int(file.attrs["schema_version"])) <= LATEST_VERSION:
            raise RunFileError(
                f"{path} has schema version {version}; this package reads versions 1 to {LATEST_VERSION}"
            )
        return file, not options
    raise RunFileError(f"{path} cannot be read ({failures[0]}); `nf-probe verify {path}` says what is wrong with it")


def _texts(file: h5py.File, name: str) -> list[str]:
    return [str(text) for text in file[name].asstr()[:]] if name in file else []
