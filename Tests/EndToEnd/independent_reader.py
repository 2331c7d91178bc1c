"""A reader of run files, written from Guides.docc/RunFile.md alone: h5py, the standard library, and nothing of the project.

It shows that the guide suffices, and stands for readers that others write: `python independent_reader.py run.h5` prints a run's
numbers in the form of `nf-probe export`.
"""

import functools
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import h5py

LATEST_VERSION = 2
MARKERS = ["step", "snapshot", "validation_step", "noise_step", "evaluation_step", "event"]
CONTRACT = ["loss", "reduction", "scope", "unit", "gradient_scale", "measured_at", "accumulation", "objective"]
RUNNING = 1
MISSING_COUNT = 2**32 - 1


def crc32c(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register = register >> 8 ^ _TABLE[(register ^ byte) & 0xFF]
    return register ^ 0xFFFFFFFF


def _entry(register: int) -> int:
    for _ in range(8):
        register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register


_TABLE = [_entry(byte) for byte in range(256)]


@dataclass(frozen=True)
class Number:
    """One recorded number, and what it is of."""

    step: int
    layer: int | None
    tensor: str | None
    element: int | None
    statistic: str
    value: float


class Run:
    """A run file that is finished, grows, or was left by a killed writer."""

    def __init__(self, path: str) -> None:
        self.file, self.is_plain = self._open(path)
        covers = {name: str(self.file[name].attrs.get("covers", "")).split() for name in self.file}
        self.covered = {name: names for name, names in covers.items() if names}
        self.rows = {marker: self._finished_rows(marker) for marker in MARKERS if marker in self.file}
        self.damaged = {
            marker: [row for row in range(count) if not self._is_sound(marker, row)] for marker, count in self.rows.items()
        }

    def _open(self, path: str) -> tuple[h5py.File, bool]:
        try:
            file, is_plain = h5py.File(path, "r"), True
        except OSError:
            file, is_plain = h5py.File(path, "r", swmr=True), False
        if file.attrs.get("schema_name") != "nf-probe-run":
            raise ValueError(f"{path} is no run file")
        if file.attrs["schema_version"] > LATEST_VERSION:
            raise ValueError(f"{path} has a later schema version")
        return file, is_plain

    # Which rows to trust

    def _variables(self, marker: str) -> list[str]:
        """All variables of a table: the marker, its columns, its checksums."""
        checksums = self._checksums(marker)
        return [*dict.fromkeys(name for checksum in checksums for name in self.covered[checksum]), *checksums]

    def _checksums(self, marker: str) -> list[str]:
        return [checksum for checksum, names in self.covered.items() if names[0] == marker]

    def _finished_rows(self, marker: str) -> int:
        claimed = self.file[marker].shape[0]
        count = min(claimed, *(self.file[name].shape[0] for name in self._variables(marker)))
        for row in range(count):
            key = self.file[marker][row]
            if key < 0 or (key == 0 and row > 0):
                return row
            if row == 0 and key == 0 and not self.is_plain and not self._is_sound(marker, 0):
                return 0
        return count

    def _is_sound(self, marker: str, row: int) -> bool:
        for checksum in self._checksums(marker):
            try:
                data = b"".join(self._bytes(name, row) for name in self.covered[checksum])
                expected = self.file[checksum][row]
            except OSError:
                return False
            if crc32c(data) != expected:
                return False
        return True

    def _bytes(self, name: str, row: int) -> bytes:
        # One row as an array: a scalar of fixed text would come without its padding.
        values = self.file[name][row : row + 1]
        return values.astype(values.dtype.newbyteorder("<")).tobytes()

    def sound_rows(self, marker: str) -> list[int]:
        return [row for row in range(self.rows.get(marker, 0)) if row not in self.damaged[marker]]

    # What the numbers are

    def numbers(self) -> Iterator[Number]:
        """Every number of steps, validations, evaluations and snapshots."""
        for marker in ("step", "validation_step", "evaluation_step", "snapshot"):
            if marker not in self.rows:
                continue
            names = [name for name in self._variables(marker) if name != marker and name not in self.covered]
            # The names of what a row runs over, without the dimension of the rows.
            dimensions = {name: [scales.keys()[0] for scales in self.file[name].dims][1:] for name in names}
            for row in self.sound_rows(marker):
                step = int(self.file[marker][row])
                for name in names:
                    # Weights, updates and heads that were not measured at a step are not a number there.
                    is_sampled = name.removeprefix("stem_").startswith(("weight_", "update_", "attention_"))
                    missing = self._missing(name, row)
                    for number in self._of_row(step, name, dimensions[name], self.file[name][row]):
                        if (number.layer, number.tensor) not in missing and (not is_sampled or number.value == number.value):
                            yield number

    def _missing(self, name: str, row: int) -> set[tuple[int | None, str]]:
        """Layer and name of the tensors and outputs that have no number of a kind in a row."""
        kind = re.fullmatch(r"(.*(?:gradient|activation))_\w+", name)
        counts = f"{kind[1]}_{'zeros' if name.endswith('_zeros') else 'nonfinite'}" if kind else ""
        if counts not in self.file or self.file[name].ndim == 1:
            return set()
        labels = self._texts(self.file[counts].dims[self.file[counts].ndim - 1].keys()[0])
        places = (self.file[counts][row] == MISSING_COUNT).nonzero()
        if len(places) == 1:
            return {(None, labels[tensor]) for tensor in places[0]}
        return {(int(layer), labels[tensor]) for layer, tensor in zip(*places, strict=True)}

    def _of_row(self, step: int, name: str, dimensions: list[str], values) -> Iterator[Number]:
        if not dimensions:
            yield Number(step, None, None, None, name, float(values))
        elif len(dimensions) == 1:
            # A text has no accuracy.
            examples = self.file["evaluation_examples"] if name == "evaluation_accuracy" else [1] * len(values)
            for label, value, count in zip(self._texts(dimensions[0]), values, examples, strict=True):
                if count > 0:
                    yield Number(step, None, label, None, name, float(value))
        elif dimensions[1] in ("tensor", "operation") or (dimensions[1] == "head" and not name.startswith("scale_")):
            is_head = dimensions[1] == "head"
            labels = [f"heads.{head}" for head in self.file["head"]] if is_head else self._texts(dimensions[1])
            for layer, tensors in enumerate(values):
                for tensor, value in enumerate(tensors):
                    if dimensions[1] != "tensor" or self.counts[layer, tensor] > 0:
                        yield Number(step, layer, labels[tensor], None, name, float(value))
        else:
            for layer, elements in enumerate(values):
                if not all(value != value for value in elements):
                    for element, value in enumerate(elements):
                        yield Number(step, layer, None, element, name, float(value))

    @functools.cached_property
    def counts(self):
        return self.file["gradient_count"][...]

    @functools.cache
    def _texts(self, name: str) -> list[str]:
        return [str(text) for text in self.file[name].asstr()[...]] if name in self.file else []

    @property
    def is_killed(self) -> bool:
        """Whether nobody finished the run; the caller knows that nobody writes it now."""
        return int(self.file["status"][self.sound_rows("event")[-1]]) == RUNNING

    # Whether attributes and coordinates are as they were written

    @property
    def is_manifest_intact(self) -> bool:
        return crc32c(b"".join(self._manifest())) == self.file.attrs["manifest_checksum"]

    def _manifest(self) -> Iterator[bytes]:
        attributes, file = self.file.attrs, self.file

        def texts(*names: str) -> bytes:
            return b"".join(str(attributes[name]).encode() + b"\0" for name in names)

        def integers(*values: int) -> bytes:
            return b"".join(struct.pack("<q", int(value)) for value in values)

        def listed(strings: list[str]) -> bytes:
            return integers(len(strings)) + b"".join(string.encode() + b"\0" for string in strings)

        yield texts("run_id", "architecture", "configuration", "started_at")
        yield texts(*CONTRACT)
        yield struct.pack("<Q", int(attributes["seed"]))
        yield texts("corpus_name", "corpus_sha256")
        yield integers(attributes.get("corpus_token_count", -1), attributes["vocabulary_size"])
        yield struct.pack("<2d", attributes["unigram_entropy"], attributes.get("entropy_rate", float("inf")))
        yield texts("program", "cpu", "blas")
        yield integers(*(attributes[name] for name in ("threads", "model_dim", "ffn_dim", "head_count")))
        if "head_dim" in attributes:
            yield integers(attributes["head_dim"])
        for name in ("layer_name", "tensor", "stem_tensor", "operation"):
            yield listed(self._texts(name))
        yield listed([str(attributes["scales"])])
        if "stem_operation" in file:
            yield listed(self._texts("stem_operation"))
        marks = {"loss_scale": "loss_scale", "weight_l1": "weights", "update_l1": "updates", "noise_sum_squares": "noise"}
        marks |= {"activation_count": "moments", "norm_examples": "examples"}
        metrics = ("accuracy", "accuracy_mismatched", "f1", "matthews", "pearson", "spearman")
        marks |= {f"validation_{metric}": f"validation_{metric}" for metric in metrics}
        yield b"".join(mark.encode() + b"\0" for variable, mark in marks.items() if variable in file)
        if "evaluation" in file:
            yield listed(self._texts("evaluation"))
            for name in ("tokens", "words", "bytes", "examples"):
                yield integers(*file[f"evaluation_{name}"][...])
        if "packed_every" in attributes:
            yield integers(attributes["packed_every"], attributes["packed_steps"])
        for name in ("gradient_count", "stem_gradient_count"):
            yield integers(*file[name][...].flatten()) if name in file else b""
        for name in ("gradient_zero_by_construction", "stem_gradient_zero_by_construction"):
            yield file[name][...].tobytes() if name in file else b""


if __name__ == "__main__":
    for number in Run(sys.argv[1]).numbers():
        cells = [number.step, number.layer, number.tensor, number.element, number.statistic, number.value]
        print(",".join("" if cell is None else str(cell) for cell in cells))
