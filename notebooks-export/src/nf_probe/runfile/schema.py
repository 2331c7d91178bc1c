"""What a run file (schema versions 1 and 2) holds: names, shapes, units. Writer and reader both follow these tables."""

from __future__ import annotations

from math import prod

from .columns import MAGNITUDES, MISSING_COUNT, SUMS, TEXT_LENGTH, Column, Table, sum_columns
from .manifest import Manifest
from .outputcolumns import moment_columns, output_sum_columns

__all__ = [
    "LATEST_VERSION", "MAGNITUDES", "MISSING_COUNT", "SCHEMA_NAME", "STATUS", "SUMS", "TEXT_LENGTH", "Column", "Schema",
    "Table",
]  # fmt: skip

SCHEMA_NAME = "nf-probe-run"
LATEST_VERSION = 2
"""Files have the first version that knows all that is in them: see `Schema.version`."""
STATUS = {
    1: "running", 2: "finished", 3: "interrupted", 4: "nonfinite", 5: "failed", 6: "overflow", 7: "diverged",
    8: "lossScaleExhausted",
}  # fmt: skip
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
        self.steps = _steps(manifest)
        self.snapshots = Table(
            Column("snapshot", "<i8", "optimizer updates before the snapshot"),
            tuple(
                Column(f"scale_{s.name}", "<f4", f"learned values of {s.name}", ("layer", s.axis))
                for s in manifest.scales
            ),
            ("snapshot_checksum",),
        )
        self.validations = _VALIDATIONS
        self.noises = _noises(bool(gradients.stem_tensor_names)) if manifest.has_noise else Table(_NOISE_STEP, (), ())
        self.events = _EVENTS

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


def _steps(manifest: Manifest) -> Table:
    has_stem = bool(manifest.gradients.stem_tensor_names)
    columns = [
        Column("segment", "<i4", "attempt that made the step", checksum=1),
        Column("loss", "<f8", "mean token negative log-likelihood of the global batch", units="nat"),
        Column("learning_rate", "<f8", "learning rate of the update that follows"),
        Column("gradient_l2", "<f8", "L2 norm of the whole gradient before clipping"),
        Column("clip_coefficient", "<f8", "factor applied by clipping"),
        Column("tokens", "<i8", "tokens that the loss runs over"),
        Column("seconds", "<f8", "wall-clock time of the step", units="s", checksum=1),
        *sum_columns("gradient", ("layer", "tensor")),
    ]
    if has_stem:
        columns += sum_columns("stem_gradient", ("stem_tensor",))
    columns += output_sum_columns(manifest.outputs)
    if manifest.has_loss_scale:
        meaning = "factor on the loss while gradients were computed; they are recorded without it"
        columns.append(Column("loss_scale", "<f8", meaning))
    for kind, subject in _PARAMETERS.items() if manifest.has_parameters else ():
        columns += _magnitude_columns(kind, subject, ("layer", "tensor"))
        if has_stem:
            columns += _magnitude_columns(f"stem_{kind}", subject, ("stem_tensor",))
    columns += moment_columns(manifest.outputs, manifest.head_count > 0)
    checksums = ["row_checksum", "attempt_checksum"]
    if manifest.experts.count:
        # With a checksum of their own: readers that do not know of experts find the others right.
        checksums.append("expert_checksum")
        columns += sum_columns("expert_gradient", ("layer", "expert"), checksums.index("expert_checksum"))
    marker = Column("step", "<i8", "optimizer step")
    return Table(marker, tuple(columns), tuple(checksums))


_PARAMETERS = {"weight": "the weights after the update", "update": "what the update changed"}


def _magnitude_columns(prefix: str, subject: str, dimensions: tuple[str, ...]) -> list[Column]:
    return [Column(f"{prefix}_{name}", *SUMS[name], dimensions).about(subject) for name in MAGNITUDES]


_NOISE_STEP = Column("noise_step", "<i8", "optimizer step that was looked at by parts")

_SQUARES = {
    "part_sum_squares": "sum over the parts of each one's sum of squares of the gradient",
    "sum_squares": "sum of squares of the gradient of the whole batch",
}


def _noises(has_stem: bool) -> Table:
    columns = [
        Column("noise_parts", "<i4", "equal parts that the batch was cut into"),
        Column("noise_part_tokens", "<f8", "tokens of a part; the harmonic mean where parts differ"),
        Column("noise_tokens", "<i8", "tokens of the whole batch"),
    ]
    grids = [("noise", ("layer", "tensor")), *([("stem_noise", ("stem_tensor",))] if has_stem else [])]
    for prefix, dimensions in grids:
        columns += [Column(f"{prefix}_{end}", "<f8", meaning, dimensions) for end, meaning in _SQUARES.items()]
    return Table(_NOISE_STEP, tuple(columns), ("noise_checksum",))


_VALIDATIONS = Table(
    Column("validation_step", "<i8", "optimizer updates before the validation"),
    (Column("validation_loss", "<f8", "mean token negative log-likelihood on held-out text", units="nat"),),
    ("validation_checksum",),
)

_EVENTS = Table(
    Column("event", "<i8", "change of status"),
    (
        Column("status", "<i4", "how the run stands from this event on"),
        Column("status_time", "<f8", "when the status changed", units="seconds since 1970-01-01 00:00:00"),
        Column("event_segment", "<i4", "attempt that the event belongs to"),
        Column("event_step", "<i8", "optimizer step that the attempt went on with"),
        Column("event_machine", "text", "program, matrix products, threads and processor"),
    ),
    ("event_checksum",),
)
