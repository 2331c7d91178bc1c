"""What goes wrong around a recording run: kills, full disks, files that vanish, other writers, readers beside it.

NF_PROBE_KILLS says how many runs are killed, NF_PROBE_READER_STEPS how many steps a reader follows.
"""

import contextlib
import ctypes
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import time

import h5py
import numpy
import pytest
from conftest import CRASH, PROGRAM, environment, refuses, run, run_files, small, succeeds
from test_crash_states import CHILD, SEED, Server
from test_interruption import check_rows, long_run, steps_so_far

KILLS = int(os.environ.get("NF_PROBE_KILLS", "8"))
READER_STEPS = int(os.environ.get("NF_PROBE_READER_STEPS", "3000"))
MiB = 1 << 20


def endless(folder, **changes) -> list:
    """A run that would take hours."""
    values = dict(architecture="normformer", steps=10_000_000, out=folder / "runs", threads=1, quiet=True)
    return [PROGRAM, "train", *small(**{**values, **changes})]


def started(command, **options) -> subprocess.Popen:
    """Standard output goes nowhere: a pipe that nobody reads would stop the program."""
    return subprocess.Popen(
        command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, **options,
    )  # fmt: skip


def check_recovery(path, seen: int):
    """The file holds at least the steps that were seen, before and after it is recovered."""
    folder = path.parent
    verified = succeeds("verify", path, "--format=csv", cwd=folder).stdout
    (count,) = re.findall(r"^[^,]*,step,whole,(\d+)", verified, re.M)
    assert int(count) >= seen, (count, seen)
    succeeds("recover", path, cwd=folder)
    with h5py.File(path) as file:
        check_rows(file)
        assert len(file["step"]) == len(file["gradient_l1"]) == int(count)


def test_kills_at_any_moment(tmp_path):
    generator = random.Random(SEED)
    for batch in range(0, KILLS, 4):
        runs = []
        for number in range(batch, min(batch + 4, KILLS)):
            folder = tmp_path / str(number)
            folder.mkdir()
            # A run starts, writes every two seconds, and spends most of its time in between.
            runs.append((time.monotonic() + generator.uniform(0.02, 4), folder, started(endless(folder))))
        for moment, folder, process in sorted(runs, key=lambda entry: entry[0]):
            time.sleep(max(0, moment - time.monotonic()))
            seen = len(steps_so_far(folder))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            assert process.returncode == -signal.SIGKILL
            # The file has its name once it is complete; before that there is nothing to lose.
            for path in run_files(folder):
                check_recovery(path, seen)
            shutil.rmtree(folder)


# Full disks
#
# Half of a step's bytes are of weights and updates, which nine of ten steps do not measure: see RunFileBuilder's chunkRows.


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, size: int):
    """A file system of `size` bytes; skips the test where none may be made."""
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={size}".encode()
    if libc.mount(b"nf-probe-test", str(folder).encode(), b"tmpfs", 0, options) != 0:
        pytest.skip(f"mounting a file system is not permitted here: {os.strerror(ctypes.get_errno())}")
    try:
        yield libc
    finally:
        libc.umount2(str(folder).encode(), 2)


def check_full(process, folder, reason: str):
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 1 and not CRASH.search(errors), errors
    flushed = re.search(rf"could not be written: {reason}; the (\d+) steps flushed before are intact", errors)
    assert flushed and len(errors.splitlines()) <= 3, errors
    (path,) = run_files(folder)
    assert not list(folder.rglob("*.lock"))
    return path, int(flushed[1])


def test_a_full_disk(tmp_path):
    with small_disk(tmp_path / "disk", 6 * MiB):
        folder = tmp_path / "disk"
        path, flushed = check_full(started(endless(folder)), folder, "No space left on device")
        assert flushed > 100
        # Recovery writes next to nothing; where even that does not fit, space has to be made, and nothing is lost.
        shutil.copy(path, tmp_path / "copy.h5")
        result = run("recover", path, cwd=folder)
        if result.returncode != 0:
            assert "could not be repaired: No space left on device" in result.stderr
            with open(path, "rb") as before, open(tmp_path / "copy.h5", "rb") as after:
                assert before.read()[4096:] == after.read()[4096:]
        check_recovery(tmp_path / "copy.h5", flushed)


def test_a_limit_on_file_sizes(tmp_path):
    limit = 4 * MiB, 4 * MiB
    process = started(endless(tmp_path), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    path, flushed = check_full(process, tmp_path, "File too large")
    assert flushed > 100
    check_recovery(path, flushed)


def test_a_read_only_folder(tmp_path):
    with small_disk(tmp_path / "disk", 16 * MiB) as libc:
        folder = tmp_path / "disk"
        with long_run(folder) as process:
            process.kill()
            process.wait()
        (path,) = run_files(folder)
        before = path.read_bytes()
        read_only, remount = 1, 32
        assert libc.mount(None, str(folder).encode(), None, read_only | remount, None) == 0
        refuses("recover", path, cwd=folder, mentions=["cannot be repaired", "read-only"])
        assert ": whole" in succeeds("verify", path, cwd=folder).stdout
        refuses("train", *small(steps=3, out=folder / "new"), cwd=tmp_path, mentions=["read.only"])
        assert path.read_bytes() == before


# Others at the same file


def test_a_file_that_is_deleted_meanwhile(tmp_path):
    process = started(endless(tmp_path))
    while not steps_so_far(tmp_path).size:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    run_files(tmp_path)[0].unlink()
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and "was deleted while it was written" in errors, errors
    assert not run_files(tmp_path) and not list(tmp_path.rglob("*.lock"))


def test_a_second_writer_and_a_recovery_leave_the_first_alone(tmp_path):
    with long_run(tmp_path) as process:
        (path,) = run_files(tmp_path)
        for command in (["grads", *small(architectures="normformer", out="runs", overwrite=True)], ["recover", path]):
            refuses(*command, cwd=tmp_path, mentions=["being written by another process", f"process {process.pid}"])
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    with h5py.File(path) as file:
        check_rows(file)
    assert ": whole" in succeeds("verify", path, cwd=tmp_path).stdout


def test_verify_while_the_run_writes(tmp_path):
    """Whatever moment the reader picks, every row that it sees is whole."""
    counts = []
    with long_run(tmp_path) as process:
        (path,) = run_files(tmp_path)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            result = succeeds("verify", path, "--format=csv", cwd=tmp_path)
            counts += map(int, re.findall(r"^[^,]*,step,whole,(\d+)", result.stdout, re.M))
            assert "damaged" not in result.stdout
        assert process.poll() is None
    assert counts == sorted(counts) and counts[-1] > counts[0]


def test_a_reader_follows_a_writer_that_never_rests(tmp_path):
    """Every row is compared with its rule and its checksum as soon as it shows."""
    path = tmp_path / "run.h5"
    command = [CHILD, path, "steps", READER_STEPS, "flush", 1, "delay", 300, "interval", 0]
    writer = started(list(map(str, command)))
    server = Server()
    try:
        while not path.exists():
            assert writer.poll() is None, writer.communicate()[1]
        seen = server.ask("watch", path, seconds=60 + READER_STEPS / 50)
    finally:
        server.close()
        writer.kill()
        errors = writer.communicate()[1]
    assert seen["steps"] == READER_STEPS and seen["refreshes"] > READER_STEPS / 100, (seen, errors)
    print(f"{seen['steps']} steps in {seen['refreshes']} refreshes")


def test_h5py_follows_it_too(tmp_path):
    with long_run(tmp_path) as process, h5py.File(run_files(tmp_path)[0], swmr=True) as file:
        before = 0
        end = time.monotonic() + 3
        while time.monotonic() < end:
            for name in ("step", "loss", "gradient_l1"):
                file[name].refresh()
            rows = len(file["step"])
            assert rows >= before
            assert (file["step"][before:rows] == numpy.arange(before, rows)).all()
            assert (file["loss"][before:rows] > 0).all()
            assert (file["gradient_l1"][before:rows].sum(axis=(1, 2)) > 0).all()
            before = rows
        assert process.poll() is None and before > 20
