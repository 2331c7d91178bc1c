"""Machines with fewer processors or less memory than a run would like."""

import os
import platform
import re
import resource
import signal
import subprocess

import h5py
import numpy
import pytest
from conftest import PROGRAM, environment, refuses, run, run_files, small, succeeds


def on_one_processor():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def losses(folder) -> tuple[numpy.ndarray, int]:
    (path,) = run_files(folder)
    with h5py.File(path) as file:
        return file["loss"][...], int(file.attrs["threads"])


def test_one_processor(tmp_path):
    succeeds("train", *small(out="one", steps=60), cwd=tmp_path, preexec_fn=on_one_processor)
    succeeds("train", *small(out="asked", steps=60, threads=1), cwd=tmp_path)
    (alone, threads), (asked, _) = losses(tmp_path / "one"), losses(tmp_path / "asked")
    assert threads == 1
    numpy.testing.assert_array_equal(alone, asked)


def test_more_threads_than_processors(tmp_path):
    """Slow, but it ends, and with the numbers that so many threads give anywhere."""
    crowded = small(out="crowded", steps=10, threads=8)
    succeeds("train", *crowded, cwd=tmp_path, preexec_fn=on_one_processor)
    succeeds("train", *small(out="free", steps=10, threads=8), cwd=tmp_path)
    (one, threads), (other, _) = losses(tmp_path / "crowded"), losses(tmp_path / "free")
    assert threads == 8
    numpy.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("size", ["125M", "2.7B"])
def test_less_memory_than_the_model_needs(size, tmp_path):
    limit = (2 << 30, 2 << 30)
    result = refuses(
        "train", f"--size={size}", "--sequence=256", "--batch=4", "--out=run", cwd=tmp_path,
        mentions=["GB of memory", "2.1 GB", "--layers, --dim"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
    )  # fmt: skip
    assert result.returncode == 2 and not (tmp_path / "run").exists()


def processor_flags() -> set[str]:
    try:
        with open("/proc/cpuinfo") as file:
            return {word for line in file if line.startswith("flags") for word in line.split()[2:]}
    except OSError:
        return set()


@pytest.mark.skipif("avx512vl" not in processor_flags(), reason="without AVX-512 no slower kernels can be asked for")
def test_slower_kernels_from_the_environment_are_said(tmp_path):
    """OPENBLAS_CORETYPE is the user's choice and stays; what it costs is said where it costs much."""

    def with_kernels(*arguments, **options) -> subprocess.CompletedProcess:
        kept = environment(OPENBLAS_CORETYPE="Haswell")
        return subprocess.run([PROGRAM, *arguments], cwd=tmp_path, capture_output=True, text=True, env=kept, **options)

    sizes = ["--layers=2", "--dim=16", "--heads=2", "--vocab-size=32", "--sequence=8", "--batch=2"]
    bench = with_kernels("bench", "--pairs=5", *sizes, check=True)
    assert "Haswell" in bench.stdout
    assert re.search("warning: OPENBLAS_CORETYPE=Haswell .* SkylakeX .*unset OPENBLAS_CORETYPE", bench.stderr)
    short = with_kernels("train", *sizes, "--steps=5", "--out=short", check=True)
    assert "OPENBLAS_CORETYPE" not in short.stderr
    # Long enough to be said at the start; stopped once it has been.
    long = [PROGRAM, "train", *sizes, "--steps=100000000", "--out=long", "--quiet"]
    kept = environment(OPENBLAS_CORETYPE="Haswell")
    with subprocess.Popen(long, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=kept) as process:
        try:
            assert "OPENBLAS_CORETYPE=Haswell" in process.stderr.readline()
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def test_products_of_float32_are_the_library_s_that_is_asked_for(tmp_path):
    def trained(name, **variables):
        kept = {key: value for key, value in environment(**variables).items() if key != "OPENBLAS_CORETYPE" or key in variables}
        command = [PROGRAM, "train", *small(out=name)]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=kept)
        if result.returncode:
            return result.returncode, result.stderr
        (path,) = run_files(tmp_path / name)
        with h5py.File(path) as file:
            return file.attrs["blas"], file["loss"][:]

    library, losses = trained("openblas", NF_PROBE_FP32="openblas")
    assert library.startswith("OpenBLAS") and "oneDNN" not in library
    other, found = trained("onednn", NF_PROBE_FP32="onednn")
    if other == 1:
        assert "NF_PROBE_FP32=onednn: that takes oneDNN" in found and "AVX-512" in found
        assert trained("chosen")[0] == library
    else:
        # Both add up the same products; after four updates Adam has made of their last digits what it makes.
        numpy.testing.assert_allclose(found, losses, rtol=1e-4)
        assert re.fullmatch(re.escape(library) + r", fp32 by oneDNN [0-9.]+", other)
        assert trained("chosen")[0] == other
        # Who keeps OpenBLAS from its kernels for the processor has chosen it.
        assert "oneDNN" not in trained("kept", OPENBLAS_CORETYPE="Haswell")[0]
    code, message = trained("refused", NF_PROBE_FP32="mkl")
    assert code == 1 and "NF_PROBE_FP32 must be openblas or onednn, not mkl" in message


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these kernels are for x86-64")
def test_a_user_s_choice_of_kernels_and_threads_stays(tmp_path):
    variables = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "1"}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        succeeds("train", *small(out="run"), cwd=tmp_path)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    (path,) = run_files(tmp_path / "run")
    with h5py.File(path) as file:
        assert "Haswell" in file.attrs["blas"] and int(file.attrs["threads"]) == 1
    assert "Haswell" in run("info", path, cwd=tmp_path).stdout


def test_the_file_says_which_kernels_computed(tmp_path):
    succeeds("train", *small(out="run"), cwd=tmp_path)
    (path,) = run_files(tmp_path / "run")
    with h5py.File(path) as file:
        kernels = re.fullmatch(r"nf-probe .*, kernels (x86-64(?:-v[234])?|aarch64|generic)", file.attrs["program"])[1]
    assert f"kernels {kernels}" in run("info", path, cwd=tmp_path).stdout

    def asking_for(name: str) -> subprocess.CompletedProcess:
        asked = environment(NF_PROBE_KERNELS=name)
        return subprocess.run([PROGRAM, "info", path], cwd=tmp_path, capture_output=True, text=True, env=asked)

    assert asking_for(kernels).returncode == 0 and asking_for("").returncode == 0
    for name in ("none", "../x"):
        refused = asking_for(name)
        assert refused.returncode == 1
        assert re.search(rf"NF_PROBE_KERNELS={name}: this program has the kernels .*{kernels}", refused.stderr)
