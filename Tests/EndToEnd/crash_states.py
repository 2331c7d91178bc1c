"""Every state in which a crash can leave a file, built again from a log of what a program did to it.

`write_log.c` makes the log. A killed program leaves a prefix of its writes, the last one perhaps cut at a page. A
machine that loses power leaves, of the pages written since the file was last synchronised, any mixture of old and new;
it is taken to write a page of 4 KiB whole.
"""

import dataclasses
import os
import pathlib
import random
import shutil
import struct
import subprocess

PAGE = 4096
OPENED, WRITTEN, CUT, SYNCED, RENAMED, REMOVED, MARK = range(1, 8)


@dataclasses.dataclass
class Operation:
    kind: int
    file: int
    offset: int
    length: int
    first: bytes
    second: bytes


def shim(folder: pathlib.Path) -> pathlib.Path:
    """The logging library, built from its source."""
    source = pathlib.Path(__file__).with_name("write_log.c")
    library = folder / "write_log.so"
    compilers = [os.environ.get("CC"), "cc", "clang", "gcc"]
    compiler = next(filter(None, (shutil.which(name) for name in compilers if name)))
    subprocess.run([compiler, "-std=c11", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def logged(command: list, path: pathlib.Path, library: pathlib.Path, env: dict) -> list[Operation]:
    """Runs a program and returns what it did to `path`, with what it printed as marks."""
    log = library.with_suffix(".log")
    log.unlink(missing_ok=True)
    preload = {"LD_PRELOAD": str(library), "WRITE_LOG": str(log), "WRITE_LOG_FOR": str(path)}
    command = list(map(str, command))
    result = subprocess.run(command, env={**env, **preload}, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-2000:]
    data, place, operations = log.read_bytes(), 0, []
    while place < len(data):
        kind, file, offset, length, first, second = struct.unpack_from("<6q", data, place)
        place += 48
        texts = data[place : place + first], data[place + first : place + first + second]
        operations.append(Operation(kind, file, offset, length, *texts))
        place += first + second
    log.unlink()
    return operations


class File:
    """A file's bytes, and the pages that they had when the file was last synchronised."""

    def __init__(self, content=b""):
        self.content = bytearray(content)
        self.synchronise()

    def synchronise(self):
        self.synced_length = len(self.content)
        self.old_pages: dict[int, bytes] = {}

    def _keep(self, start: int, end: int):
        for page in range(start // PAGE, (end + PAGE - 1) // PAGE):
            if page not in self.old_pages:
                self.old_pages[page] = bytes(self.content[page * PAGE : (page + 1) * PAGE])

    def write(self, offset: int, data: bytes):
        self._keep(offset, offset + len(data))
        if len(self.content) < offset:
            self.content.extend(bytes(offset - len(self.content)))
        self.content[offset : offset + len(data)] = data

    def cut(self, length: int):
        self._keep(min(length, len(self.content)), max(length, len(self.content)))
        if length < len(self.content):
            del self.content[length:]
        else:
            self.content.extend(bytes(length - len(self.content)))

    def without_power(self, generator: random.Random) -> bytes:
        """The file after a loss of power now."""
        content = bytearray(self.content)
        keeps_new = generator.choice([0.1, 0.5, 0.9])
        end = self.synced_length
        for page, old in self.old_pages.items():
            start = page * PAGE
            if generator.random() < keeps_new:
                end = max(end, min(start + PAGE, len(self.content)))
            else:
                content[start : start + PAGE] = old.ljust(min(PAGE, max(0, len(content) - start)), b"\0")
        if len(self.content) < self.synced_length:  # Cut since: the old length may be back, and old pages with it.
            if generator.random() < 0.5:
                for page in sorted(self.old_pages):
                    if page * PAGE >= len(self.content):
                        content[page * PAGE :] = self.old_pages[page]
        elif generator.random() < 0.5:
            del content[end:]
        return bytes(content)


@dataclasses.dataclass
class State:
    """One state of a file, and what had been promised by then."""

    label: str
    content: bytes
    flushed: int
    snapshots: int


class Replay:
    """Goes through a log and gives out the states of the file that has a certain name."""

    def __init__(self, operations: list[Operation], path: pathlib.Path, content: bytes | None = None):
        self.operations = operations
        self.name = str(path).encode()
        # A file that was there before the log began.
        self.content = content

    def points(self) -> list[tuple[int, int]]:
        """Each operation that changes a file, and the bytes that it got through: all of them, or up to a page's end."""
        points = []
        for index, operation in enumerate(self.operations):
            if operation.kind == WRITTEN:
                first = PAGE - operation.offset % PAGE
                points += [(index, cut) for cut in range(first, len(operation.first), PAGE)]
            if operation.kind in (WRITTEN, CUT, RENAMED):
                points.append((index, -1))
        return points

    def states(self, points: set[tuple[int, int]], power_losses: dict[int, int], generator: random.Random):
        """The states at some points, and so many after a loss of power behind some operations."""
        files: dict[int, File] = {}
        names: dict[bytes, int] = {}
        flushed = snapshots = 0

        def state(label, content):
            return State(label, bytes(content), flushed, snapshots)

        for index, operation in enumerate(self.operations):
            file = files.get(operation.file)
            if operation.kind == OPENED:
                if operation.first == self.name and self.content is not None and not files:
                    files[operation.file] = File(self.content)
                elif file is None or operation.length == 0:
                    files[operation.file] = File()
                names[operation.first] = operation.file
            elif operation.kind == WRITTEN:
                if names.get(self.name) == operation.file:
                    for cut in range(PAGE - operation.offset % PAGE, len(operation.first), PAGE):
                        if (index, cut) in points:
                            torn = bytearray(file.content)
                            torn.extend(bytes(max(0, operation.offset - len(torn))))
                            torn[operation.offset : operation.offset + cut] = operation.first[:cut]
                            yield state(f"operation {index} cut at {cut}", torn)
                file.write(operation.offset, operation.first)
            elif operation.kind == CUT:
                file.cut(operation.length)
            elif operation.kind == SYNCED:
                file.synchronise()
            elif operation.kind == RENAMED:
                names[operation.second] = names.pop(operation.first)
            elif operation.kind == REMOVED:
                names.pop(operation.first, None)
            elif operation.kind == MARK:
                for line in operation.first.decode().splitlines():
                    word, _, number = line.partition(" ")
                    flushed = int(number) if word == "flushed" else flushed
                    snapshots = int(number) if word == "snapshots" else snapshots
            if self.name in names:
                current = files[names[self.name]]
                if (index, -1) in points:
                    yield state(f"after operation {index}", current.content)
                for trial in range(power_losses.get(index, 0)):
                    yield state(f"power lost after operation {index}, {trial}", current.without_power(generator))

    def sample(self, generator: random.Random, points: int | None, power_losses: int | None):
        """Some of the states, or all where nothing else is said: at each point, and four losses of power behind each
        operation."""
        all_points = self.points()
        chosen = all_points if points is None else generator.sample(all_points, min(points, len(all_points)))
        changing = [index for index, cut in all_points if cut == -1]
        losses: dict[int, int] = {}
        for index in changing * 4 if power_losses is None else generator.choices(changing, k=power_losses):
            losses[index] = losses.get(index, 0) + 1
        return self.states(set(chosen), losses, generator)
