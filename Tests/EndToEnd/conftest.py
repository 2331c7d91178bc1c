"""What the end-to-end tests share: the built program, run as a user runs it, and small recorded runs.

NF_PROBE names the program; without it, the release build of this checkout is tested.
"""

import os
import pathlib
import re
import subprocess
import time

import h5py
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("NF_PROBE", ROOT / ".build/release/nf-probe")).absolute()

# Threads of OpenBLAS that nobody uses sleep at once, instead of keeping the processors of the other workers for a while at every start.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes more time than `make test` has; `make soak` runs it")


# Tests that need a browser have a command of their own, `make watch-check`, which sets this.
collect_ignore = [] if os.environ.get("NF_PROBE_BROWSER") else ["browser"]

ARCHITECTURES = ["post-ln", "pre-ln", "normformer"]
SIZES = dict(layers=5, dim=12, heads=3, ffn_dim=20, vocab_size=32, sequence=8, batch=2)
TRAINING = dict(steps=12, warmup=3, lr=0.01, decay="linear", seed=7)


def flags(**values) -> list[str]:
    """`--name value` for each keyword; None leaves one out, True gives a switch, lists are joined by commas."""
    result = []
    for name, value in values.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            result.append(flag)
        elif value is not None:
            result.append(f"{flag}={','.join(map(str, value)) if isinstance(value, list) else value}")
    return result


def small(**changes) -> list[str]:
    """The flags of a run that takes a fraction of a second."""
    return flags(**{**SIZES, **TRAINING, **changes})


def environment(**extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NF_PROBE", "COLUMNS"))}
    return {**kept, **extra}


def run(*arguments, cwd, timeout=120, **options) -> subprocess.CompletedProcess:
    """Runs the program without a terminal and without input."""
    return subprocess.run(
        [PROGRAM, *map(str, arguments)], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=timeout, env=environment(), **options,
    )  # fmt: skip


def succeeds(*arguments, cwd, **options) -> subprocess.CompletedProcess:
    result = run(*arguments, cwd=cwd, **options)
    assert result.returncode == 0, f"{arguments}\n{result.stderr[-3000:]}"
    return result


CRASH = re.compile(r"fatal error|stack dump|HDF5-DIAG|infinite loop closing|precondition failed|core dumped", re.I)


def refuses(*arguments, cwd, mentions: list[str], **options) -> subprocess.CompletedProcess:
    """Expects exit status 1 or 2, nothing on stdout, and one message on stderr that matches every pattern."""
    result = run(*arguments, cwd=cwd, **options)
    assert result.returncode in (1, 2), f"exit status {result.returncode}\n{result.stderr[-3000:]}"
    assert not CRASH.search(result.stderr), result.stderr[-3000:]
    assert result.stdout == ""
    # Without the usage that the argument parser appends: its flags would match nearly every pattern.
    message = re.split(r"^(?:Usage|Help):", result.stderr, flags=re.M)[0].strip()
    assert message and len(message.splitlines()) <= 6, result.stderr[-3000:]
    for pattern in mentions:
        assert re.search(pattern, message, re.I), f"no {pattern!r} in: {message}"
    return result


def start(*arguments, cwd) -> subprocess.Popen:
    """The program, at work while the test goes on."""
    return subprocess.Popen(
        [PROGRAM, *arguments], cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def run_files(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.rglob("*.h5"))


def by_architecture(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    found = {}
    for path in run_files(folder):
        with h5py.File(path) as file:
            found[file.attrs["architecture"]] = path
    return found


def wait_until(condition, process: subprocess.Popen, seconds=60.0):
    """Polls until `condition()` gives something; the process must live until then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        assert process.poll() is None, process.communicate()[1][-3000:]
        time.sleep(0.02)
    raise AssertionError("nothing happened in time")


@pytest.fixture(scope="session", autouse=True)
def program_exists():
    if not PROGRAM.is_file():
        pytest.exit(f"{PROGRAM} does not exist: `make build` makes it", returncode=2)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory) -> pathlib.Path:
    """The folder of one small `grads` over the three architectures. Tests only read it."""
    folder = tmp_path_factory.mktemp("recorded")
    succeeds("grads", *small(out="runs"), cwd=folder)
    return folder / "runs"
