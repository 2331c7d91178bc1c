"""`--precision bf16`: products of bfloat16 factors, native where the machine has them, else of rounded numbers."""

import json
import os
import re
import statistics
import subprocess

import h5py
import numpy
import pytest
from conftest import PROGRAM, environment, flags, run_files, small

LONG = pytest.mark.skipif(not os.environ.get("NF_PROBE_LONG"), reason="make bf16-check runs it")


def with_products(*arguments, cwd, products=None, **variables):
    variables |= {"NF_PROBE_BF16": products} if products else {}
    return subprocess.run(
        [PROGRAM, *map(str, arguments)], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1200,
        env=environment(**variables),
    )  # fmt: skip


@pytest.fixture(scope="module")
def has_native(tmp_path_factory) -> bool:
    result = with_products("train", *small(steps=1, precision="bf16"), cwd=tmp_path_factory.mktemp("native"), products="native")
    if result.returncode:
        assert re.search("NF_PROBE_BF16=native: that takes oneDNN .* AVX512-BF16 or AMX", result.stderr)
    return result.returncode == 0


def has_fast(has_native: bool) -> bool:
    """Whether they are faster than float32's, and used where nobody chooses: not AVX512-BF16 on Intel's processors but Cooper Lake."""
    with open("/proc/cpuinfo") as file:
        facts = dict(line.split(":", 1) for line in file if ":" in line)
    vendor, model, features = ({name.strip(): value for name, value in facts.items()}.get(name, "") for name in ("vendor_id", "model", "flags"))
    return has_native and ("amx_bf16" in features or vendor.strip() != "GenuineIntel" or model.strip() == "85")


def train(folder, out, products=None, **changes):
    options = small(architecture="pre-ln", precision="bf16", out=out, **changes)
    result = with_products("train", *options, cwd=folder, products=products)
    assert result.returncode == 0, result.stderr
    (path,) = run_files(folder / out)
    return path


def numbers(path):
    """Everything but the clock, and the checksums that cover it."""
    clock = {"seconds", "attempt_checksum", "status_time", "event_checksum"}
    with h5py.File(path) as file:
        return {name: file[name][...] for name in file if name not in clock and file[name].dtype.kind in "fiu"}


def same(one, other):
    return one.keys() == other.keys() and all(numpy.array_equal(one[name], other[name], equal_nan=True) for name in one)


def test_a_file_says_what_computed_its_products(has_native, tmp_path):
    native = [("native", "bf16 by oneDNN")] if has_native else []
    for products, words in [("rounded", "bf16 by rounding"), (None, "bf16 by oneDNN" if has_fast(has_native) else "bf16 by rounding"), *native]:
        path = train(tmp_path, f"run-{products}", products=products)
        with h5py.File(path) as file:
            assert words in file.attrs["blas"]
        info = with_products("info", path, cwd=tmp_path)
        assert re.search(f"matrix products +OpenBLAS.*, {words}", info.stdout)
    result = with_products("train", *small(precision="bf16"), cwd=tmp_path, products="fast")
    assert result.returncode == 1 and "NF_PROBE_BF16 must be native or rounded, not fast" in result.stderr


def test_a_library_that_may_not_use_the_instructions_is_not_used(has_native, tmp_path):
    options = small(steps=1, architecture="pre-ln", precision="bf16", out="run")
    result = with_products("train", *options, cwd=tmp_path, ONEDNN_MAX_CPU_ISA="AVX2")
    assert result.returncode == 0, result.stderr
    with h5py.File(run_files(tmp_path / "run")[0]) as file:
        assert file.attrs["blas"].endswith(", bf16 by rounding")


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_equal_runs_are_equal_and_recording_changes_nothing(threads, has_native, tmp_path):
    changes = dict(threads=threads, dim=24, ffn_dim=40, sequence=16)
    first = numbers(train(tmp_path, "first", **changes))
    assert same(first, numbers(train(tmp_path, "second", **changes)))
    measured = numbers(train(tmp_path, "measured", activations=True, **changes))
    thinned = numbers(train(tmp_path, "thinned", every=5, **changes))
    assert numpy.array_equal(first["loss"], measured["loss"]) and numpy.array_equal(first["gradient_l1"], measured["gradient_l1"])
    assert numpy.array_equal(first["loss"][thinned["step"]], thinned["loss"])


def test_differs_from_rounded_products_by_the_order_of_sums(has_native, tmp_path):
    if not has_native:
        pytest.skip("no native products here")
    native, rounded = (numbers(train(tmp_path, products, products=products)) for products in ("native", "rounded"))
    # The first loss is one forward pass from the same weights; a moved rounding of a logit is 2^-8 of it.
    assert abs(native["loss"][0] - rounded["loss"][0]) <= 2**-8 * rounded["loss"][0]
    assert numpy.allclose(native["loss"], rounded["loss"], rtol=0.01)
    assert numpy.allclose(native["gradient_l2"], rounded["gradient_l2"], rtol=0.1)


def test_an_overflow_is_found(has_native, tmp_path):
    """The range of bf16 is float32's: only weights beyond all measure leave it."""
    found = []
    for products in ["native", "rounded"] if has_native else ["rounded"]:
        arguments = flags(
            architectures="pre-ln", seeds=1, layers=3, dim=12, heads=3, ffn_dim=20, vocab_size=32, sequence=8, batch=2, seed=7,
            precision="bf16", until="overflow", lr_slope=1e18, max_steps=50, format="csv", out=products,
        )  # fmt: skip
        result = with_products("stability", *arguments, cwd=tmp_path, products=products)
        assert result.returncode == 0, result.stderr
        (path,) = run_files(tmp_path / products)
        with h5py.File(path) as file:
            assert file["status"][-1] == 6
            found.append((len(file["step"]), result.stdout.splitlines()[1].split(",")[:3]))
    assert len(set(map(str, found))) == 1


def test_bench_says_what_it_multiplies(has_native, tmp_path):
    sizes = ["bench", "--pairs=5", "--layers=2", "--dim=12", "--heads=3", "--sequence=8", "--batch=2"]
    for products, word in [("rounded", "float32"), ("native", "bfloat16")][: 1 + has_native]:
        table = with_products(*sizes, "--precision=bf16", cwd=tmp_path, products=products)
        assert f"products of {word} at" in " ".join(table.stdout.split())
        found = json.loads(with_products(*sizes, "--precision=bf16", "--json", cwd=tmp_path, products=products).stdout)
        assert found["productFormat"] == word and found["productRate"] > 0


@LONG
def test_losses_of_bf16_and_float32_agree_within_the_noise_of_seeds(tmp_path):
    """Three hundred steps, five seeds; the mean difference of the last fifty steps' losses, seed by seed, beside what seeds differ by."""
    ends = {}
    for precision in ("fp32", "bf16"):
        for seed in range(5):
            options = flags(
                architecture="pre-ln", precision=precision, layers=4, dim=64, heads=4, sequence=64, batch=8, steps=300, warmup=30,
                lr=2e-3, seed=seed, out=f"{precision}-{seed}",
            )  # fmt: skip
            result = with_products("train", *options, cwd=tmp_path)
            assert result.returncode == 0, result.stderr
            (path,) = run_files(tmp_path / f"{precision}-{seed}")
            with h5py.File(path) as file:
                ends[precision, seed] = file["loss"][-50:].mean()
    spread = statistics.stdev(ends["fp32", seed] for seed in range(5))
    differences = [ends["bf16", seed] - ends["fp32", seed] for seed in range(5)]
    print(f"float32 {ends}, spread over seeds {spread:.4f}, bf16 less float32 {differences}")
    assert abs(statistics.mean(differences)) <= spread
