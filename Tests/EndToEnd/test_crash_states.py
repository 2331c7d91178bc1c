"""Whatever moment a crash picks, the file opens, holds every row that was flushed, and can be made whole.

States come from `crash_states`. NF_PROBE_CRASH_STATES says how many of each kind are tried; `all` tries all of them.
"""

import os
import pathlib
import random
import resource
import select
import shutil
import subprocess
import tempfile

import h5py
import numpy
import pytest
from conftest import PROGRAM, ROOT, environment, small, succeeds
from crash_states import Replay, State, logged, shim

CHILD = pathlib.Path(os.environ.get("NF_PROBE_TEST_CHILD", ROOT / ".build/debug/run-file-child")).absolute()
COUNT = os.environ.get("NF_PROBE_CRASH_STATES", "30")
LIMIT = None if COUNT == "all" else int(COUNT)
SEED = int(os.environ.get("NF_PROBE_FUZZ_SEED", "1"))

# Few and many flushes, rows that fill a chunk within the run, and rows wider than a page.
WRITERS = {
    "small": "steps 60 flush 3 layers 3 tensors 4",
    "many rows": "steps 1200 flush 60 layers 2 tensors 2",
    "wide": "steps 60 flush 7 layers 12 tensors 60",
    "weights and updates": "steps 60 flush 5 layers 3 tensors 4 parameters",
    "left open": "steps 45 flush 4 layers 3 tensors 4 unfinished",
}


@pytest.fixture(scope="module")
def folder():
    """A folder in memory where there is one: thousands of files are written and synchronised."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory, prefix="nf-probe-crash-") as path:
        yield pathlib.Path(path)


@pytest.fixture(scope="module")
def library(folder):
    if not CHILD.is_file():
        pytest.fail(f"{CHILD} does not exist: `swift build --product run-file-child` makes it")
    return shim(folder)


class Server:
    """A process that looks at one file after the other; a file that takes it down is an error, not the end."""

    def __init__(self, memory=None):
        self.process = None
        self.memory = memory

    def _limit(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self.memory:
            resource.setrlimit(resource.RLIMIT_AS, (self.memory, self.memory))

    def ask(self, request: str, path, seconds=30) -> dict[str, int]:
        if self.process is None:
            pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
            self.process = subprocess.Popen(
                [CHILD, "serve"], env=environment(SWIFT_BACKTRACE="enable=no"), preexec_fn=self._limit,
                stderr=subprocess.DEVNULL, **pipes,
            )  # fmt: skip
        self.process.stdin.write(f"{request} {path}\n")
        self.process.stdin.flush()
        answer = ""
        if select.select([self.process.stdout], [], [], seconds)[0]:
            answer = self.process.stdout.readline()
        if not answer.startswith("ok "):
            status = self.process.poll()
            self.close()
            raise AssertionError(f"{request}: {answer.strip() or f'no answer, status {status}'}")
        return {name: int(value) for name, value in (pair.split("=") for pair in answer.split()[1:])}

    def close(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def check(state: State, path: pathlib.Path, server: Server, rows: int | None = None) -> int:
    """Checks one state; returns the steps that are there."""
    path.write_bytes(state.content)
    seen = server.ask("check", path)
    promised = state.flushed, state.snapshots
    assert seen["steps"] >= promised[0] and seen["snapshots"] >= promised[1], (seen, promised)
    assert rows is None or seen["steps"] == rows, f"{seen['steps']} steps, {rows} before the repair"
    assert path.read_bytes() == state.content, "looking changed the file"
    repaired = server.ask("repair", path)
    assert repaired["kept"] == seen["steps"], (repaired, seen)
    again = server.ask("check", path)
    assert again == {**seen, "closed": 1}, (again, seen)
    with h5py.File(path) as file:
        steps = numpy.arange(seen["steps"])
        for name in ("loss", "gradient_l1", "stem_gradient_zeros", "row_checksum", "segment", "step"):
            assert len(file[name]) == len(steps), name
        assert (file["loss"][...] == 6 - steps / 1024).all() and (file["step"][...] == steps).all()
        assert len(file["scale_w_resid"]) == len(file["snapshot"]) == seen["snapshots"]
    path.unlink()
    return seen["steps"]


class Sources:
    """A few states of many, each as likely as any other: those from which repairs are followed."""

    def __init__(self, size: int, generator: random.Random):
        self.states: list[State] = []
        self.size, self.generator, self.seen = size, generator, 0

    def offer(self, state: State):
        self.seen += 1
        place = self.seen - 1 if self.seen <= self.size else self.generator.randrange(self.seen)
        if place < self.size:
            self.states[place : place + 1] = [state]


def check_all(states, path, server, sources: Sources | None = None, rows=None) -> int:
    """Checks states; returns how many there were."""
    count, failures = 0, []
    for state in states:
        count += 1
        try:
            check(state, path, server, rows)
        except (AssertionError, OSError, KeyError, RuntimeError) as error:
            failures.append(f"{state.label}: {error}")
        # The writer's mark in the superblock: a repair has something to do.
        if sources and state.content[11]:
            sources.offer(state)
    assert not failures, f"{len(failures)} of {count} states\n" + "\n".join(failures[:20])
    return count


@pytest.mark.parametrize("name", WRITERS)
def test_every_state_of_a_recording_is_recovered(name, folder, library, server):
    generator = random.Random(SEED)
    path = folder / "run.h5"
    operations = logged([CHILD, path, "interval", 1000, *WRITERS[name].split()], path, library, environment())
    states = Replay(operations, path).sample(generator, LIMIT, LIMIT)
    sources = Sources(3 if LIMIT else 20, generator)
    count = check_all(states, path, server, sources)
    assert count > 50
    print(f"{name}: {count} states of a recording", flush=True)

    # Recovery can be stopped at any moment, too.
    count = 0
    for source in sources.states:
        path.write_bytes(source.content)
        rows = server.ask("check", path)["steps"]
        operations = logged([CHILD, path, "repair"], path, library, environment())
        replay = Replay(operations, path, source.content)
        repairs = list(replay.sample(generator, LIMIT and LIMIT // 2, LIMIT and LIMIT // 4))
        for state in repairs:
            state.flushed, state.snapshots = source.flushed, source.snapshots
            state.label = f"repair of [{source.label}], {state.label}"
        count += check_all(repairs, path, server, rows=rows)
    print(f"{name}: {count} states of {len(sources.states)} repairs", flush=True)
    assert count > 20


def test_the_program_itself(folder, library):
    """`train`, `verify` and `recover`, as they are built."""
    generator = random.Random(SEED)
    out = folder / "train"
    path = out / "normformer-seed7.h5"
    command = [PROGRAM, "train", *small(out=out, quiet=True)]
    operations = logged(command, path, library, environment())
    count = 0
    for state in Replay(operations, path).sample(generator, 6, 6):
        path.write_bytes(state.content)
        assert ": whole" in succeeds("verify", path, cwd=folder).stdout, state.label
        succeeds("recover", path, cwd=folder)
        with h5py.File(path) as file:
            assert len(file["loss"]) == len(file["step"]) == len(file["gradient_l1"])
        count += 1
    assert count > 2
    shutil.rmtree(out)
