"""Makes the file of a killed recorder whole: a training can go on with it where nf-probe itself is not installed."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import h5py

from ..errors import RunFileError
from .creation import synchronize
from .lock import WriterLock
from .rowcheck import look_at

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK = struct.Struct("<8sBBBBQQQQI")
"""Version 3: signature, version, sizes of offsets and lengths, flags, base, extension, end of file, root, checksum."""


def recover(path: str | os.PathLike[str]) -> int:
    """Takes the writer's mark off a run file that nobody writes, and cuts off rows that it had only begun.

    Nothing that was flushed is lost, and a recovery that is killed can be repeated. `nf-probe recover` does the same.

    Returns:
        The number of steps that the file holds.

    Raises:
        FileLockedError: The file's writer lives.
        RunFileError: It is no such file, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise RunFileError(f"{path}: there is no such file")
    lock = WriterLock(path, f"a recovery by process {os.getpid()}")
    try:
        _close(path)
        return _trim(path)
    except OSError as error:
        raise RunFileError(f"{path} cannot be recovered: {error}") from error
    finally:
        lock.release()


def _close(path: Path) -> None:
    """Writes into the header that nobody writes the file, and where it ends: it still says where it ended at first."""
    with path.open("r+b") as file:
        block = file.read(_SUPERBLOCK.size)
        if len(block) < _SUPERBLOCK.size or not block.startswith(_SIGNATURE):
            raise RunFileError(f"{path} is not an HDF5 file")
        signature, version, offsets, lengths, flags, base, extension, end, root, checksum = _SUPERBLOCK.unpack(block)
        if version != 3 or (offsets, lengths) != (8, 8) or checksum != _lookup3(block[:-4]):
            raise RunFileError(f"{path} is damaged, or no run file; `nf-probe verify {path}` says more")
        if flags == 0:
            return
        end = max(end, file.seek(0, os.SEEK_END))
        # The end first: a file that is still marked can be recovered again.
        for mark in (flags, 0):
            fields = (signature, version, offsets, lengths, mark, base, extension, end, root)
            unchecked = _SUPERBLOCK.pack(*fields, 0)[:-4]
            file.seek(0)
            file.write(unchecked + struct.pack("<I", _lookup3(unchecked)))
            file.flush()
            os.fsync(file.fileno())


def _trim(path: Path) -> int:
    """Cuts every variable down to the finished rows of its table."""
    steps = 0
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        # The mark that opening puts into the header is on the disk before anything changes, and all that changes before
        # closing takes it away: otherwise a loss of power could leave a cut file under a header that calls it whole.
        os.fsync(file.id.get_vfd_handle())
        checksums = {name: str(d.attrs["covers"]).split()[0] for name, d in file.items() if "covers" in d.attrs}
        for marker in dict.fromkeys(checksums.values()):
            columns = [name for name, owner in checksums.items() if owner == marker]
            rows = len(look_at(file, marker, columns).keys)
            for name in {covered for c in columns for covered in str(file[c].attrs["covers"]).split()} | {*columns}:
                if len(file[name]) != rows:
                    file[name].resize(rows, axis=0)
            steps = rows if marker == "step" else steps
        file.flush()
        os.fsync(file.id.get_vfd_handle())
    synchronize(path)
    return steps


def _lookup3(data: bytes) -> int:
    """The checksum of HDF5's metadata: Bob Jenkins' hashlittle of lookup3.c (2006), from 0."""
    mask = 0xFFFFFFFF

    def rotated(value: int, bits: int) -> int:
        return (value << bits | value >> (32 - bits)) & mask

    a = b = c = (0xDEADBEEF + len(data)) & mask
    padded = data + b"\0" * (-len(data) % 12)
    words = struct.unpack(f"<{len(padded) // 4}I", padded)
    for start in range(0, len(words), 3):
        a, b, c = (a + words[start]) & mask, (b + words[start + 1]) & mask, (c + words[start + 2]) & mask
        if start + 3 < len(words):
            for bits in (4, 6, 8, 16, 19, 4):
                a = ((a - c) & mask) ^ rotated(c, bits)
                c = (c + b) & mask
                a, b, c = b, c, a
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - rotated(b, bits)) & mask
        a, b, c = b, c, a
    # Seven turns have moved the result.
    return b
