"""Reads a run file made from SampleRun with h5py and xarray, and compares every number with its rule.

    check_run.py FILE finished|recovered|open LAYERS TENSORS STEM OPERATIONS MINIMUM_STEPS

Prints the number of steps that it found. `open` files grow or were left by a killed writer; `recovered` ones were too,
and then repaired.
"""

import json
import sys

import h5py
import numpy as np
import xarray as xr


def value(steps, kind, cells):
    return (steps[:, None] * 1000 + kind * 100 + np.arange(cells)[None, :]) / 128


def check_sums(file, prefix, kind, steps, shape):
    cells = int(np.prod(shape))
    n = len(steps)
    expected = value(steps, kind, cells)
    columns = {
        "l1": expected,
        "sum_squares": expected * expected,
        "max_abs": expected / 4,
        "zeros": steps[:, None] + np.arange(cells)[None, :],
        "nonfinite": np.repeat(((steps + kind) % 3)[:, None], cells, axis=1),
    }
    for suffix, want in columns.items():
        got = file[f"{prefix}_{suffix}"][:n].reshape(n, cells)
        assert np.array_equal(got, want), (prefix, suffix)


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc32c_table()
TABLES = ["step", "snapshot", "validation_step", "event"]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def check_checksums(file, name, rows):
    covers = file[name].attrs["covers"].split()
    for row in rows:
        # A slice, because a single text comes without the NULs that pad it.
        data = b"".join(file[c][row : row + 1].tobytes() for c in covers)
        assert crc32c(data) == file[name][row], (name, row)


def check_attributes(file):
    a = file.attrs
    assert a["schema_name"] == "nf-probe-run" and a["schema_version"] == 1
    assert a["run_id"] == "0123456789abcdef" and a["architecture"] == "normformer"
    assert json.loads(a["configuration"]) == {"name": "γ and λ"}
    assert a["seed"] == 2**64 - 7
    assert a["loss"] == "token negative log-likelihood" and a["reduction"] == "mean"
    assert a["scope"] == "global batch" and a["unit"] == "nats" and a["gradient_scale"] == "1"
    assert a["measured_at"] == "before clipping, before weight decay"
    assert a["accumulation"] == "float64" and a["objective"] == "causal"
    assert a["corpus_name"] == "built-in language" and a["corpus_sha256"] == "ab" * 32
    assert "corpus_token_count" not in a
    assert a["vocabulary_size"] == 512 and a["unigram_entropy"] == 5.25 and a["entropy_rate"] == 2.125
    assert a["program"] == "nf-probe test" and a["cpu"] == "a CPU" and a["blas"] == "a BLAS"
    assert a["threads"] == 2 and a["model_dim"] == 6 and a["ffn_dim"] == 24 and a["head_count"] == 2
    assert a["started_at"] == "2026-01-02T03:04:05Z"
    assert a["scales"] == "ffn_layernorm:ffn_element c_attn:head w_resid:model_element"


def check_fixed(file, layers, tensors, stem):
    assert [s.decode() for s in file["tensor"][:]] == [f"tensor{i}.weight" for i in range(tensors)]
    assert [s.decode() for s in file["layer_name"][:]] == [f"decoder.layers.{i}" for i in range(layers)]
    assert [s.decode() for s in file["stem_tensor"][:]] == [f"decoder.stem{i}" for i in range(stem)]
    counts = 10 + np.arange(layers * tensors)
    counts[tensors - 1] = 0
    assert np.array_equal(file["gradient_count"][:].ravel(), counts)
    assert np.array_equal(file["stem_gradient_count"][:], 100 + np.arange(stem))
    zero = file["gradient_zero_by_construction"][:]
    assert zero.shape == (layers, tensors) and zero[:, 1].all() and zero.sum() == layers
    assert np.array_equal(file["stem_gradient_zero_by_construction"][:], np.arange(stem) == 1)


def check_steps(file, layers, tensors, stem, operations):
    n = len(file["step"])
    steps = file["step"][:n]
    assert np.array_equal(steps, np.arange(n))
    assert np.array_equal(file["segment"][:n], np.zeros(n))
    assert np.array_equal(file["loss"][:n], 6 - steps / 1024)
    assert np.array_equal(file["learning_rate"][:n], 1e-3 * (steps % 7))
    assert (file["gradient_l2"][:n] == 0.5).all() and (file["seconds"][:n] == 0.0625).all()
    assert np.array_equal(file["clip_coefficient"][:n], np.where(steps % 2 == 0, 1, 0.25))
    assert np.array_equal(file["tokens"][:n], 512 + steps)
    check_sums(file, "gradient", 0, steps, (layers, tensors))
    check_sums(file, "stem_gradient", 1, steps, (stem,))
    assert ("activation_l1" in file) == (operations > 0)
    if operations:
        assert [s.decode() for s in file["operation"][:]] == [f"operation{i}" for i in range(operations)]
        check_sums(file, "activation", 2, steps, (layers, operations))
        check_sums(file, "activation_gradient", 3, steps, (layers, operations))
    assert file["attempt_checksum"].attrs["covers"].split() == ["step", "segment", "seconds"]
    for name in ["row_checksum", "attempt_checksum"]:
        check_checksums(file, name, sorted({0, n // 2, n - 1}) if n else [])
    covered = [c for name in ["row_checksum", "attempt_checksum"] for c in file[name].attrs["covers"].split()]
    assert sorted(covered + ["row_checksum", "attempt_checksum"]) == sorted(
        ["step"] + [name for name in file if dims(file[name])[0] == "step"]
    )
    return n


def check_snapshots(file, layers):
    snapshots = file["snapshot"][:]
    for name, width in [("ffn_layernorm", 24), ("c_attn", 2), ("w_resid", 6)]:
        got = file["scale_" + name][: len(snapshots)]
        cells = np.arange(layers * width, dtype=np.float32).reshape(layers, width)
        want = (1 + snapshots.astype(np.float32))[:, None, None] + cells[None] / 64
        if name == "c_attn":
            want[:, 0] = np.nan
        assert np.array_equal(got, want, equal_nan=True), name
    check_checksums(file, "snapshot_checksum", range(len(snapshots)))


def check_xarray(path, mode, n, layers, tensors, stem, operations):
    options = {"driver_kwds": {"swmr": True}} if mode == "open" else {}
    with xr.open_dataset(path, engine="h5netcdf", **options) as ds:
        assert ds["gradient_l1"].dims == ("step", "layer", "tensor")
        assert ds["gradient_count"].dims == ("layer", "tensor")
        assert ds["stem_gradient_zeros"].dims == ("step", "stem_tensor")
        assert ds["layer_name"].dims == ("layer",)
        assert ds["scale_c_attn"].dims == ("snapshot", "layer", "head")
        assert ds["scale_ffn_layernorm"].dims == ("snapshot", "layer", "ffn_element")
        assert ds["scale_w_resid"].dims == ("snapshot", "layer", "model_element")
        assert ds["validation_loss"].dims == ("validation_step",)
        assert ds["status"].dims == ("event",) and ds["status_time"].dtype.kind == "M"
        if operations:
            assert ds["activation_max_abs"].dims == ("step", "layer", "operation")
        assert ds["loss"].dims == ("step",) and ds["step"].dtype == np.int64
        got = ds["gradient_l1"].sel(step=n - 1, layer=layers - 1, tensor="tensor2.weight").item()
        assert got == ((n - 1) * 1000 + (layers - 1) * tensors + 2) / 128
        if mode != "open":
            assert ds.sizes["step"] == n
            assert ds["status"].values.tolist() == ([1, 2] if mode == "finished" else [1])
            if mode == "finished":
                assert ds["event_segment"].values.tolist() == [0, 0]
                assert ds["event_step"].values.tolist() == [0, n]
                assert all(b"thread" in machine for machine in ds["event_machine"].values)


def main():
    path, mode = sys.argv[1:3]
    layers, tensors, stem, operations, minimum = map(int, sys.argv[3:])
    with h5py.File(path, "r", swmr=mode == "open") as file:
        check_attributes(file)
        check_fixed(file, layers, tensors, stem)
        n = check_steps(file, layers, tensors, stem, operations)
        assert n >= minimum, (n, minimum)
        check_snapshots(file, layers)
        check_checksums(file, "event_checksum", range(len(file["event"])))
        check_checksums(file, "validation_checksum", range(len(file["validation_step"])))
        if mode != "open":
            for name in file:
                first = dims(file[name])[0]
                assert first not in TABLES or file[name].shape[0] == len(file[first]), name
    check_xarray(path, mode, n, layers, tensors, stem, operations)
    print(n)


def dims(dataset):
    if "DIMENSION_LIST" not in dataset.attrs:
        return [dataset.name.strip("/")]
    return [dataset.file[refs[0]].name.strip("/") for refs in dataset.attrs["DIMENSION_LIST"]]


main()
