"""Makes a run file's whole schema: nothing is made later, for that would not be safe against a crash."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import RunFileError
from .columns import listed
from .manifest import Manifest
from .schema import SCHEMA_NAME, STATUS, Column, Schema, Table

_PAGE_BYTES = 4096
_CHUNK_SLOTS = 12_421


def create(path: Path, manifest: Manifest, schema: Schema, replacing: bool) -> h5py.File:
    """Builds the schema in a temporary file, brings it to the disk, lets readers in, and only then names it.

    Returns:
        The file, open for writing while others read.

    Raises:
        RunFileError: `path` exists and is not to be replaced, or cannot be written.
    """
    if path.exists() and not path.is_file():
        raise RunFileError(f"{path} exists and is not a regular file")
    if path.exists() and not replacing:
        raise RunFileError(f"{path} exists already; choose another name, or say replacing=True or resume=True")
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.unlink(missing_ok=True)
        with _new_file(temporary, schema) as file:
            _build(file, manifest, schema)
        synchronize(temporary)
        file = open_for_writing(temporary, schema)
        temporary.replace(path)
        synchronize(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunFileError(f"{path} cannot be made: {error}") from error
    return file


def open_for_writing(path: Path, schema: Schema) -> h5py.File:
    """Opens an existing, closed file for writing while others read."""
    access = _access(schema)
    flags = h5py.h5f.ACC_RDWR | h5py.h5f.ACC_SWMR_WRITE
    file = h5py.File(h5py.h5f.open(os.fsencode(path), flags, access))
    # The mark that this puts into the header is on the disk before anything changes under it.
    os.fsync(file.id.get_vfd_handle())
    return file


def synchronize(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _access(schema: Schema) -> h5py.h5p.PropFAID:
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    # Set for the file: single-writer mode forgets what is set for a dataset.
    access.set_cache(0, _CHUNK_SLOTS, schema.chunk_cache_bytes, 1.0)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    # Some cluster file systems know no locks. Writers are kept out by `WriterLock`.
    access.set_file_locking(True, True)
    return access


def _new_file(path: Path, schema: Schema) -> h5py.File:
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    # Pages keep metadata blocks from straddling two pages of the disk: a torn write then loses nothing.
    creation.set_file_space_strategy(h5py.h5f.FSPACE_STRATEGY_PAGE, False, 1)
    creation.set_file_space_page_size(_PAGE_BYTES)
    creation.set_link_creation_order(h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED)
    return h5py.File(h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_EXCL, creation, _access(schema)))


def _build(file: h5py.File, manifest: Manifest, schema: Schema) -> None:
    _write_attributes(file, manifest, schema)
    scales = _make_coordinates(file, manifest, schema)
    _make_fixed_variables(file, manifest, scales)
    for table in schema.tables:
        for column in table.columns + table.checksums:
            _make_described_column(file, schema, table, column, scales)


def _write_attributes(file: h5py.File, manifest: Manifest, schema: Schema) -> None:
    corpus, machine = manifest.corpus, manifest.machine
    values: dict[str, Any] = {
        "Conventions": "CF-1.10", "schema_name": SCHEMA_NAME, "schema_version": schema.version,
        "run_id": manifest.run_id, "architecture": manifest.architecture,
        "configuration": manifest.configuration_json, **manifest.contract.labels, "seed": manifest.seed,
        "corpus_name": corpus.name, "corpus_sha256": corpus.sha256, "vocabulary_size": corpus.vocabulary_size,
        "unigram_entropy": corpus.unigram_entropy,
        "program": machine.program, "cpu": machine.cpu, "blas": machine.blas, "threads": machine.threads,
        "model_dim": manifest.model_dim, "ffn_dim": manifest.ffn_dim, "head_count": manifest.head_count,
        "scales": manifest.scale_list, "started_at": manifest.started_at, "manifest_checksum": manifest.checksum,
    }  # fmt: skip
    if corpus.token_count is not None:
        values["corpus_token_count"] = corpus.token_count
    if corpus.entropy_rate is not None:
        values["entropy_rate"] = corpus.entropy_rate
    for attribute in listed()["attributes"]:
        name, number = attribute["name"], attribute["number"]
        if name in values or not attribute["isOptional"]:
            file.attrs[name] = values[name] if number == "text" else np.dtype(number).type(values[name])


def _make_coordinates(file: h5py.File, manifest: Manifest, schema: Schema) -> dict[str, h5py.Dataset]:
    scales: dict[str, h5py.Dataset] = {}
    for table in schema.tables:
        # No units here: a reader that decodes times must not take a step for one.
        scales[table.marker.name] = _make_column(file, schema, table.marker)
        scales[table.marker.name].attrs["long_name"] = table.marker.long_name
    for name in ("layer", "head", "model_element", "ffn_element", "expert"):
        if schema.extents[name] > 0:
            scales[name] = file.create_dataset(name, data=np.arange(schema.extents[name], dtype="<i4"))
    gradients = manifest.gradients
    for name, texts in (
        ("tensor", gradients.tensor_names), ("stem_tensor", gradients.stem_tensor_names),
        ("operation", manifest.outputs.operation_names), ("stem_operation", manifest.outputs.stem_operation_names),
    ):  # fmt: skip
        if texts:
            scales[name] = _make_texts(file, name, texts)
    for name, dataset in scales.items():
        dataset.make_scale(name)
    return scales


def _make_fixed_variables(file: h5py.File, manifest: Manifest, scales: dict[str, h5py.Dataset]) -> None:
    gradients = manifest.gradients
    _attach(_make_texts(file, "layer_name", gradients.layer_names), [scales["layer"]])
    grids: list[tuple[str, tuple[str, ...], tuple[int, ...], tuple[bool, ...]]] = [
        ("gradient", ("layer", "tensor"), gradients.element_counts, gradients.is_zero_by_construction)
    ]
    if gradients.stem_tensor_names:
        grids.append(
            ("stem_gradient", ("stem_tensor",), gradients.stem_element_counts, gradients.stem_is_zero_by_construction)
        )
    if manifest.experts.count:
        experts = np.array(manifest.experts.element_counts, dtype="<i8").reshape(-1, manifest.experts.count)
        _attach(file.create_dataset("expert_gradient_count", data=experts), [scales["layer"], scales["expert"]])
    for prefix, dimensions, counts, zero in grids:
        shape = [scales[name].shape[0] for name in dimensions]
        for suffix, values, number in (("count", counts, "<i8"), ("zero_by_construction", zero, "u1")):
            data = np.array(values, dtype=number).reshape(shape)
            _attach(file.create_dataset(f"{prefix}_{suffix}", data=data), [scales[name] for name in dimensions])


def _make_described_column(
    file: h5py.File, schema: Schema, table: Table, column: Column, scales: dict[str, h5py.Dataset]
) -> None:
    dataset = _make_column(file, schema, column)
    _attach(dataset, [scales[name] for name in (table.marker.name, *column.dimensions)])
    dataset.attrs["units"] = column.units
    dataset.attrs["long_name"] = column.long_name
    if column.missing is not None:
        # Readers that follow the CF conventions, such as xarray, take these for missing.
        dataset.attrs["_FillValue"] = column.missing
    if column.name == "status":
        dataset.attrs["flag_values"] = np.array(list(STATUS), dtype="<i4")
        dataset.attrs["flag_meanings"] = " ".join(STATUS.values())
    if column.name in table.checksum_names:
        dataset.attrs["covers"] = " ".join(table.covered(table.checksum_names.index(column.name)))
        dataset.attrs["algorithm"] = "CRC-32C of the little-endian bytes of the row in each covered variable, in order"


def _make_column(file: h5py.File, schema: Schema, column: Column) -> h5py.Dataset:
    row = schema.row_shape(column)
    return file.create_dataset(
        column.name, shape=(0, *row), maxshape=(None, *row), chunks=(schema.chunk_rows(column), *row),
        dtype=column.storage, fillvalue=column.fill, track_order=True,
    )  # fmt: skip


def _make_texts(file: h5py.File, name: str, texts: Sequence[str]) -> h5py.Dataset:
    return file.create_dataset(name, data=list(texts), dtype=h5py.string_dtype("utf-8"))


def _attach(dataset: h5py.Dataset, scales: list[h5py.Dataset]) -> None:
    for dimension, scale in enumerate(scales):
        dataset.dims[dimension].attach_scale(scale)
