"""What a run file holds: names, shapes, units. Writer and reader both follow these tables."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from .columns import (
    MAGNITUDES,
    MISSING_COUNT,
    SUMS,
    TEXT_LENGTH,
    Column,
    ListedTable,
    Table,
    listed,
)  # fmt: skip
from .manifest import Manifest

__all__ = [
    "LATEST_VERSION", "MAGNITUDES", "MISSING_COUNT", "SCHEMA_NAME", "STATUS", "SUMS", "TEXT_LENGTH", "Column", "Schema",
    "Table",
]  # fmt: skip

SCHEMA_NAME: str = listed()["name"]
LATEST_VERSION: int = listed()["latestVersion"]
"""Files have the first version that knows all that is in them: see `Schema.version`."""
STATUS: dict[int, str] = {entry["number"]: entry["name"] for entry in listed()["status"]}
"""How a run stands: the last value of the variable `status`."""


class Schema:
    """The tables of one run."""

    def __init__(self, manifest: Manifest) -> None:
        gradients = manifest.gradients
        self.extents = {
            "layer": len(gradients.layer_names), "tensor": len(gradients.tensor_names),
            "stem_tensor": len(gradients.stem_tensor_names), "head": manifest.head_count,
            "model_element": manifest.model_dim, "ffn_element": manifest.ffn_dim, "expert": manifest.experts.count,
            "operation": len(manifest.outputs.operation_names),
            "stem_operation": len(manifest.outputs.stem_operation_names),
        }  # fmt: skip
        is_later = manifest.has_parameters or manifest.has_noise or manifest.outputs.is_measured
        self.version = LATEST_VERSION if is_later else 1
        self.steps = ListedTable.named("steps").restricted(_step_groups(manifest))
        snapshots = ListedTable.named("snapshots")
        (scale,) = snapshots.groups["scales"]
        self.snapshots = snapshots.table(scale.of_scale(own.name, own.axis) for own in manifest.scales)
        self.validations = ListedTable.named("validations").restricted(["validation"])
        self.noises = ListedTable.named("noises").restricted(_noise_groups(manifest))
        self.events = ListedTable.named("events").restricted(["event"])

    @property
    def tables(self) -> list[Table]:
        """The tables that the file has: without columns there is nothing to mark."""
        return [t for t in (self.steps, self.snapshots, self.validations, self.noises, self.events) if t.columns]

    def row_shape(self, column: Column) -> tuple[int, ...]:
        """Extents of one row."""
        return tuple(self.extents[dimension] for dimension in column.dimensions)

    def row_bytes(self, table: Table) -> int:
        """Bytes of one row of all columns."""
        return sum(self._column_bytes(column) for column in table.all_columns)

    def chunk_rows(self, column: Column) -> int:
        """Rows of a chunk: the power of two, at most 512, that keeps a chunk within 128 KiB."""
        if column.number == "text":
            return 16
        rows = 512
        while rows > 1 and rows * self._column_bytes(column) > 128 << 10:
            rows //= 2
        return rows

    @property
    def chunk_cache_bytes(self) -> int:
        """The chunk cache that holds two chunks of the largest column: the one that grows and its successor."""
        columns = [column for table in self.tables for column in table.columns]
        largest = max(self.chunk_rows(column) * self._column_bytes(column) for column in columns)
        return max(1 << 20, 2 * largest)

    def _column_bytes(self, column: Column) -> int:
        return prod(self.row_shape(column)) * column.storage.itemsize


def _step_groups(manifest: Manifest) -> Iterator[str]:
    has_stem = bool(manifest.gradients.stem_tensor_names)
    outputs = manifest.outputs
    yield from ("step", "gradient")
    if has_stem:
        yield "stem_gradient"
    for prefix, is_there in (("", outputs.is_measured), ("stem_", bool(outputs.stem_operation_names))):
        if is_there:
            yield from (f"{prefix}activation", f"{prefix}activation_gradient", f"{prefix}activation_moments")
    if outputs.is_measured and manifest.head_count > 0:
        yield "attention"
    if manifest.has_loss_scale:
        yield "loss_scale"
    if manifest.has_parameters:
        yield from ("weight", "update", *(("stem_weight", "stem_update") if has_stem else ()))
    if manifest.experts.count:
        yield "expert_gradient"


def _noise_groups(manifest: Manifest) -> Iterator[str]:
    if manifest.has_noise:
        yield from ("parts", "noise", *(("stem_noise",) if manifest.gradients.stem_tensor_names else ()))
