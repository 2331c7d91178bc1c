"""Each kind of wrong input: one clear message, exit status 1 or 2, nothing recorded lost."""

import os
import resource
import shutil
import signal
import subprocess

import h5py
import numpy
import pytest
from conftest import CRASH, PROGRAM, environment, flags, refuses, run_files, small, succeeds
from conftest import run as run_program

ONE = dict(architectures="pre-ln", out="runs")


# Corpora


def write_corpora(folder):
    random = numpy.random.default_rng(1)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "short.txt").write_bytes(b"abc")
    (folder / "binary.txt").write_bytes(random.integers(0, 256, 4000, dtype=numpy.uint8).tobytes())
    tokens = random.integers(0, 32, 4000).astype("<u2")
    tokens[1234] = 999
    (folder / "beyond.bin").write_bytes(tokens.tobytes())
    (folder / "odd.bin").write_bytes(tokens.tobytes()[:-1])
    header = numpy.zeros(256, "<i4")
    header[:3] = 20240520, 1, 10_000_000
    (folder / "truncated.bin").write_bytes(header.tobytes() + tokens.tobytes())
    (folder / "folder.txt").mkdir()


@pytest.mark.parametrize(
    "corpus, mentions",
    [
        ("missing.txt", ["missing.txt", "exist|no such file|not found"]),
        ("empty.txt", ["empty.txt", "empty"]),
        ("short.txt", ["short.txt", "short|token|byte", r"\b3\b"]),
        ("binary.txt", ["binary.txt", "UTF-8|text|binary"]),
        ("beyond.bin", ["beyond.bin", r"\b999\b", r"\b1,?234\b", r"\b32\b"]),
        ("odd.bin", ["odd.bin"]),
        ("truncated.bin", ["truncated.bin"]),
        ("folder.txt", ["folder.txt", "folder|directory"]),
    ],
)
def test_corpus(corpus, mentions, tmp_path):
    write_corpora(tmp_path)
    vocabulary = 32 if corpus.endswith(".bin") else None
    refuses("grads", *small(**ONE, corpus=corpus, vocab_size=vocabulary), cwd=tmp_path, mentions=mentions)
    assert not run_files(tmp_path)


# Sizes and numbers


@pytest.mark.parametrize(
    "changes, mentions",
    [
        (dict(heads=5), ["12", "5", "head"]),
        *[({name: 0}, [name.replace("_", "-")]) for name in ("layers", "dim", "heads", "ffn_dim", "sequence", "batch")],
        *[
            ({name: -3}, [name.replace("_", "-")])
            for name in ("layers", "dim", "heads", "steps", "warmup", "accumulate")
        ],
        (dict(steps=0), ["steps"]),
        (dict(vocab_size=0), ["vocab"]),
        (dict(vocab_size=70000), ["65,?536"]),
        (dict(dim=3), ["dim|width|even|head"]),
        (dict(dim=1 << 19, heads=16, layers=100), ["[GTPE]i?B"]),
        (dict(batch=1 << 40), ["batch|memory|[GTPE]i?B"]),
        (dict(layers=1 << 62), ["layers|memory|[GTPE]i?B"]),
        (dict(layers="99999999999999999999"), ["layers"]),
        (dict(layers="3.5"), ["layers"]),
        (dict(lr="nan"), ["lr"]),
        (dict(lr=-1), ["lr"]),
        (dict(clip=-1), ["clip"]),
        (dict(seed=-1), ["seed"]),
        (dict(architectures="postln"), ["postln", "--architectures"]),
        (dict(architectures=""), ["architecture"]),
        (dict(operation="fc3.weight"), ["fc3.weight", "fc2.weight"]),
        (dict(statistic="l3"), ["l3", "l1"]),
        (dict(window="9:3"), ["9:3"]),
        (dict(window="1000:2000"), ["1000:2000|window"]),
        (dict(layers_shown=[0, 99]), ["99"]),
        (dict(sampling="sorted"), ["sorted", "sequential"]),
        (dict(scale_heads=True, head_scale_placement="output"), ["output", "fairseq"]),
        (dict(on_nonfinite="ignore"), ["ignore", "stop"]),
    ],
    ids=lambda value: ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_numbers(changes, mentions, tmp_path):
    refuses("grads", *small(**{**ONE, **changes}), cwd=tmp_path, mentions=mentions, timeout=30)


# Run files


@pytest.fixture
def run_file(recorded, tmp_path):
    """A copy of a good run file, to be damaged."""
    return shutil.copy(run_files(recorded)[0], tmp_path / "run.h5")


READERS = ["info", "export", "grads"]


@pytest.mark.parametrize("command", READERS)
def test_missing_run_file(command, tmp_path):
    refuses(command, "missing.h5", cwd=tmp_path, mentions=["missing.h5", "exist|no such file|not found"])


@pytest.mark.parametrize("command", READERS)
def test_another_schema_version(command, run_file, tmp_path):
    with h5py.File(run_file, "r+") as file:
        file.attrs.modify("schema_version", numpy.int64(99))
    refuses(command, "run.h5", cwd=tmp_path, mentions=["run.h5", "99", "version|schema"])


@pytest.mark.parametrize("command", READERS)
def test_hdf5_that_is_no_run(command, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = numpy.arange(10)
    refuses(command, "other.h5", cwd=tmp_path, mentions=["other.h5"])


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("size", [0, 8, 700, 5000])
def test_truncated_run_file(command, size, run_file, tmp_path):
    os.truncate(run_file, size)
    refuses(command, "run.h5", cwd=tmp_path, mentions=["run.h5"])


@pytest.mark.parametrize("command", READERS)
def test_random_bytes_as_run_file(command, tmp_path):
    (tmp_path / "noise.h5").write_bytes(numpy.random.default_rng(2).bytes(50_000))
    refuses(command, "noise.h5", cwd=tmp_path, mentions=["noise.h5"])


@pytest.mark.parametrize("command", READERS)
def test_folder_as_run_file(command, tmp_path):
    (tmp_path / "folder.h5").mkdir()
    refuses(command, "folder.h5", cwd=tmp_path, mentions=["folder.h5"])


@pytest.mark.parametrize("command", READERS)
def test_file_that_somebody_writes_plainly(command, run_file, tmp_path):
    with h5py.File(run_file, "r+"):
        refuses(command, "run.h5", cwd=tmp_path, mentions=["run.h5", "open|lock|writ"])
    succeeds("info", "run.h5", cwd=tmp_path)


# Output folders


def test_output_is_a_file(tmp_path):
    (tmp_path / "runs").write_text("mine")
    refuses("grads", *small(**ONE), cwd=tmp_path, mentions=["runs"])
    assert (tmp_path / "runs").read_text() == "mine"


def test_output_cannot_be_written(tmp_path):
    if os.geteuid() == 0:
        folder = "/proc/nf-probe-runs"  # Where not even the superuser makes folders.
    else:
        (tmp_path / "sealed").mkdir(mode=0o500)
        folder = "sealed/runs"
    refuses("grads", *small(**{**ONE, "out": folder}), cwd=tmp_path, mentions=[folder])


def limit_files_to_two_megabytes():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))


def rows_of(path) -> int:
    """Readable steps of a file whose writer is gone; every one of them must be whole."""
    try:
        file = h5py.File(path)
    except OSError:
        file = h5py.File(path, swmr=True)
    with file:
        steps = file["step"][...]
        assert list(steps) == list(range(len(steps)))
        assert numpy.isfinite(file["loss"][: len(steps)]).all()
        assert (file["gradient_l1"][: len(steps)].sum(axis=(1, 2)) > 0).all()
        return len(steps)


def test_file_that_may_not_grow(tmp_path):
    """Write errors as on a full disk, without one: the limit on file sizes gives EFBIG."""
    result = run_program(
        "grads", *small(**ONE, **dict(steps=5000)), cwd=tmp_path, restore_signals=False,
        preexec_fn=limit_files_to_two_megabytes,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr[-3000:]
    assert not CRASH.search(result.stderr)
    assert run_files(tmp_path)[0].name in result.stderr
    assert rows_of(run_files(tmp_path)[0]) > 0


def test_full_disk(tmp_path):
    inner = 'mount -t tmpfs -o size=2m none disk && cd disk && { "$@"; code=$?; cp -r runs ../saved; exit $code; }'
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", inner, "sh"]
    (tmp_path / "disk").mkdir()
    try:
        possible = subprocess.run([*unshare, "mkdir", "runs"], cwd=tmp_path, capture_output=True).returncode == 0
    except FileNotFoundError:
        possible = False
    if not possible:
        pytest.skip("no file system of one's own can be mounted here")
    shutil.rmtree(tmp_path / "saved")
    result = subprocess.run(
        [*unshare, PROGRAM, "grads", *small(**ONE, **dict(steps=5000))], cwd=tmp_path, env=environment(),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr[-3000:]
    assert not CRASH.search(result.stderr)
    assert "space" in result.stderr.lower() or "full" in result.stderr.lower()
    assert rows_of(run_files(tmp_path / "saved")[0]) > 0


# Losses


@pytest.mark.parametrize("policy, last", [("stop", None), ("continue", 7)])
def test_nonfinite_loss_is_recorded_and_named(policy, last, tmp_path):
    arguments = small(**ONE, **dict(lr=1e30, warmup=0, steps=8, on_nonfinite=policy))
    result = run_program("grads", *arguments, cwd=tmp_path)
    assert result.returncode in (0, 1) and not CRASH.search(result.stderr), result.stderr[-3000:]
    text = (result.stdout + result.stderr).lower()
    assert "finite" in text or "nan" in text
    assert "layer" in text and ("weight" in text or "_proj" in text or "fc" in text or "norm" in text)
    (path,) = run_files(tmp_path)
    with h5py.File(path) as file:
        loss = file["loss"][...]
        bad = numpy.flatnonzero(~numpy.isfinite(loss))
        assert len(bad) > 0
        assert file["gradient_nonfinite"][bad[0]].sum() > 0
        assert numpy.isnan(file["gradient_l1"][bad[0]]).any() or numpy.isinf(file["gradient_l1"][bad[0]]).any()
        assert file["step"][-1] == (bad[0] if last is None else last)


# Checkpoints


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 8, b'\x10\0\0\0\0\0\0\0{"a": [1]}      ', b"PK\3\4 not a checkpoint"]
)
def test_file_that_is_no_checkpoint(content, tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(content)
    arguments = flags(from_checkpoint="weights.safetensors", no_update=True, steps=1, heads=2, out="runs")
    refuses("grads", *arguments, cwd=tmp_path, mentions=["weights.safetensors"])
