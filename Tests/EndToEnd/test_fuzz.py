"""Damaged run files: whatever was changed in them, nothing that is not as it was written is ever shown.

Changes know the file's structure: bits and words of metadata with and without a right checksum behind them, rows, whole
pages, ends cut off. NF_PROBE_FUZZ_COUNT says how many files are tried, NF_PROBE_FUZZ_SEED which.

Files are read in one process after the other, which the library may crash; what crashed it is read once more by the
program itself, which must end with a message.
"""

import collections
import os
import random
import struct
import subprocess

import h5py
import pytest
from conftest import CRASH, run
from hdf5_blocks import blocks, seal
from test_crash_states import CHILD, SEED, Server, folder  # noqa: F401 (a fixture)

COUNT = int(os.environ.get("NF_PROBE_FUZZ_COUNT", "400"))
STEPS, SNAPSHOTS = 60, 1
INTERESTING = [0, 1, 2, 0xFF, 1 << 20] + [(1 << bits) - less for bits in (7, 16, 31, 32, 40, 63) for less in (0, 1)]


class Source:
    """A good file, and where things lie in it."""

    def __init__(self, path):
        self.data = path.read_bytes()
        self.blocks = blocks(self.data)
        self.rows = []
        with h5py.File(path, swmr=self.data[11] != 0) as file:
            for name in file:
                dataset = file[name]
                if dataset.chunks and dataset.shape[0]:
                    place = dataset.id.get_chunk_info(0).byte_offset
                    self.rows.append(range(place, place + dataset[0].nbytes * dataset.shape[0]))

    def flip_bits(self, data, generator):
        for _ in range(generator.randint(1, 8)):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)

    def change_row(self, data, generator):
        data[generator.choice(generator.choice(self.rows))] ^= 1 << generator.randrange(8)

    def change_block(self, data, generator):
        block = generator.choice(self.blocks)
        data[generator.randrange(block.start, block.end + 4)] = generator.randrange(256)

    def change_sealed_block(self, data, generator):
        """Changes metadata and makes their checksum right again: what is damaged gets past the first look."""
        block = generator.choice(self.blocks)
        for _ in range(generator.randint(1, 3)):
            width = generator.choice([1, 1, 2, 4, 8])
            place = generator.randrange(block.start + 4, block.end - width + 1)
            value = generator.choice([generator.choice(INTERESTING), generator.randrange(256), len(data)])
            data[place : place + width] = struct.pack("<Q", value)[:width]
        seal(data, block)

    def swap_sealed_blocks(self, data, generator):
        kind = generator.choice(["OHDR", "EAHD", "EAIB"])
        first, second = generator.sample([block for block in self.blocks if block.kind == kind], 2)
        if first.end - first.start == second.end - second.start:
            one, other = data[first.start : first.end + 4], data[second.start : second.end + 4]
            data[first.start : first.end + 4], data[second.start : second.end + 4] = other, one

    def change_page(self, data, generator):
        page = generator.randrange(len(data) // 4096) * 4096
        other = generator.randrange(len(data) // 4096) * 4096
        content = [bytes(4096), data[other : other + 4096], generator.randbytes(4096)]
        data[page : page + 4096] = generator.choice(content)

    def cut(self, data, generator):
        length = generator.choice([generator.randrange(len(data)), generator.randrange(len(data) // 4096) * 4096])
        del data[length:]

    def lengthen(self, data, generator):
        data.extend(generator.randbytes(generator.randint(1, 9000)))

    def noise(self, data, generator):
        data[generator.choice([0, 8, 48]) :] = generator.randbytes(generator.randint(0, 5000))

    CHANGES = [change_row, change_block, change_sealed_block, change_sealed_block, change_sealed_block,
               swap_sealed_blocks, flip_bits, change_page, cut, lengthen, noise]  # fmt: skip
    # A checksum that was made right proves nothing.
    SEALED = [change_sealed_block, swap_sealed_blocks]


@pytest.mark.parametrize("ending", ["finished", "killed"])
def test_damaged_run_files(ending, folder, tmp_path):  # noqa: F811
    generator = random.Random(f"{SEED} {ending}")
    path = folder / "fuzzed.h5"
    unfinished = ["unfinished"] if ending == "killed" else []
    sizes = ["steps", STEPS, "flush", 6, "layers", 3, "tensors", 4, "interval", 1000]
    path.unlink(missing_ok=True)
    subprocess.run(list(map(str, [CHILD, path, *sizes, *unfinished])), check=True, stdout=subprocess.DEVNULL)
    source = Source(path)
    assert len(source.blocks) > 60 and len(source.rows) > 20
    server = Server(memory=2 << 30)
    found, crashed, hung = collections.Counter(), [], []
    try:
        for trial in range(COUNT):
            data = bytearray(source.data)
            change = generator.choice(Source.CHANGES)
            change(source, data, generator)
            path.write_bytes(data)
            label = f"{change.__name__}, trial {trial}"
            try:
                seen = server.ask("read", path, seconds=20)
            except AssertionError as error:
                text = str(error)
                assert "not what was written" not in text, f"{label}: {text}"
                if "no answer" in text:
                    (hung if "status None" in text else crashed).append(bytes(data))
                found["refused"] += "no answer" not in text
                continue
            if seen["intact"] and not seen["unfinished"]:
                everything = seen["steps"] == STEPS and seen["snapshots"] == SNAPSHOTS
                assert everything or change in Source.SEALED, f"{label}: {seen}"
                found["harmless" if everything else "sealed with fewer rows"] += 1
            else:
                found["damage found"] += 1
            assert path.read_bytes() == data, f"{label}: reading changed the file"
    finally:
        server.close()
    found |= {"crashed": len(crashed), "hung": len(hung)}
    print(f"{COUNT} damaged files of a {ending} run: {dict(sorted(found.items()))}")
    assert found["refused"] and found["damage found"] and found["harmless"] < COUNT / 2
    for data in crashed[: max(3, COUNT // 100)]:
        path.write_bytes(data)
        check_program(path, tmp_path, ["verify", "recover", "info"])
    # The program's patience is a minute.
    for data in hung[: COUNT // 5000]:
        path.write_bytes(data)
        check_program(path, tmp_path, ["verify"])


def check_program(path, cwd, commands):
    """The program itself, on a file that takes the library down."""
    before = path.read_bytes()
    for command in commands:
        result = run(command, path, cwd=cwd, timeout=200)
        assert result.returncode == 1, (command, result)
        assert not CRASH.search(result.stderr), result.stderr[-2000:]
        assert "damaged" in result.stdout + result.stderr
    assert path.read_bytes() == before
