"""Writes a run as a tidy table to Parquet, for DuckDB, Polars, pandas or Spark: `python -m nf_probe.parquet --help`."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import NFProbeError
from .exitstatus import exit_status
from .reading.reader import Run, open_run
from .reading.tidy import TidyBlock, tidy_blocks

if TYPE_CHECKING:
    import pyarrow

_ROW_GROUP = 1 << 20


class ParquetError(NFProbeError):
    """A Parquet file cannot be made."""


def write_parquet(run: Run, path: Path, *, scales: bool = False) -> int:
    """Writes every number of a run, one row each; memory does not grow with the run.

    Columns are run, step, layer, tensor, statistic and value, as in `nf-probe export`; validation losses and
    evaluations have the updates before them as their step. A layer is null outside the layers, a tensor where a number
    belongs to none; an evaluation has the text or task there. What the file says of the run (number contract,
    configuration, corpus, machine) is in the table's metadata.

    Args:
        run: The run. Rows whose checksum is wrong are left out.
        path: The file; it appears under this name when it is complete.
        scales: Whether to add the snapshots of learned scales, and a column `element` for their indices.

    Returns:
        The number of rows.

    Raises:
        ParquetError: The file cannot be written, or pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise ParquetError("Parquet files need pyarrow: pip install 'nf-probe[parquet]'")
    import pyarrow
    from pyarrow import parquet

    schema = _schema(run, scales)
    markers = ("step", "validation_step", "evaluation_step", *(["snapshot"] if scales else []))
    temporary = path.with_name(path.name + ".tmp")
    count = 0
    try:
        with parquet.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for blocks in tidy_blocks(run, markers, _ROW_GROUP):
                tables = [_table(run, block, schema) for block in blocks]
                table = pyarrow.concat_tables(tables).combine_chunks()
                writer.write_table(table, row_group_size=max(1, len(table)))
                count += len(table)
        temporary.replace(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise ParquetError(f"{path} cannot be written: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return count


def _schema(run: Run, scales: bool) -> pyarrow.Schema:
    import pyarrow as pa

    names = pa.dictionary(pa.int32(), pa.string())
    fields = [("run", names), ("step", pa.int64()), ("layer", pa.int32()), ("tensor", names), ("statistic", names)]
    if scales:
        fields.append(("element", pa.int32()))
    attributes = {name: value if isinstance(value, str) else np.asarray(value).item()
                  for name, value in run.attributes.items()}  # fmt: skip
    # JSON knows no NaN, which an unknown entropy is.
    known = {name: value for name, value in attributes.items() if value == value}
    return pa.schema([*fields, ("value", pa.float64())], metadata={"nf_probe": json.dumps(known, ensure_ascii=False)})


def _table(run: Run, block: TidyBlock, schema: pyarrow.Schema) -> pyarrow.Table:
    import pyarrow as pa

    count = len(block.value)

    def texts(labels: Any) -> pyarrow.Array:
        if labels is None:
            return pa.nulls(count, schema.field("tensor").type)
        names, codes = np.unique(labels, return_inverse=True)
        return pa.DictionaryArray.from_arrays(codes.astype(np.int32), pa.array(names.tolist(), pa.string()))

    def constant(text: str) -> pyarrow.Array:
        return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([text]))

    columns = {
        "run": constant(str(run.attributes["run_id"])), "step": pa.array(block.step),
        "layer": pa.nulls(count, pa.int32()) if block.layer is None else pa.array(block.layer),
        "tensor": texts(block.tensor), "statistic": constant(block.statistic),
        "element": pa.nulls(count, pa.int32()) if block.element is None else pa.array(block.element),
        "value": pa.array(block.value, from_pandas=False),
    }  # fmt: skip
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    options = _parser().parse_args(arguments)
    return exit_status("nf_probe.parquet", lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    _check(options.run, options.out, options.overwrite)
    with open_run(options.run) as run:
        count = write_parquet(run, options.out, scales=options.scales)
        print(f"{options.out}: {count} rows")
        if run.damaged_steps:
            print(
                f"nf_probe.parquet: {options.run} has {len(run.damaged_steps)} damaged steps, which were left out; "
                f"`nf-probe verify {options.run}` names them", file=sys.stderr,
            )  # fmt: skip


def _check(run: Path, out: Path, overwrite: bool) -> None:
    if out.exists() and run.exists() and run.samefile(out):
        raise ParquetError(f"{out} is the run file itself; choose another name")
    if out.is_dir():
        raise ParquetError(f"{out} is a folder; name a file in it")
    if out.exists() and not overwrite:
        raise ParquetError(f"{out} exists already; say --overwrite, or choose another name")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nf_probe.parquet",
        description="A run as a tidy table in Parquet: run, step, layer, tensor, statistic, value.",
    )
    parser.add_argument("run", type=Path, metavar="RUN.h5", help="the run file; it may still grow")
    parser.add_argument("out", type=Path, metavar="OUT.parquet", help="the table")
    parser.add_argument(
        "--scales", action="store_true", help="adds snapshots of learned scales, and a column `element`"
    )
    parser.add_argument("--overwrite", action="store_true", help="replaces an existing table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
