"""The right to write one run file: a lock on a file beside it, as nf-probe itself takes it."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path

from ..errors import FileLockedError, RunFileError

# Locks of an open file description (Linux): unlike a process's own, they are not lost when another part of the process
# opens and closes the same file. Elsewhere `flock`'s are as good.
_SET = getattr(fcntl, "F_OFD_SETLK", None)
_GET = getattr(fcntl, "F_OFD_GETLK", None)
_REQUEST = "hhqqi4x"


class WriterLock:
    """Held until `release`; the kernel releases it however the process ends."""

    def __init__(self, run_file: Path, holder: str) -> None:
        """Takes the lock of `run_file`; `holder` says who that is.

        Raises:
            FileLockedError: another writer has it.
            RunFileError: the lock's file cannot be made.
        """
        self._path = lock_path(run_file)
        self._descriptor = _acquire(self._path, run_file)
        # For people only: a full disk must not keep a writer out here.
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, (holder + "\n").encode(), 0)
        except OSError:
            pass

    def release(self) -> None:
        """Gives the lock up."""
        if self._descriptor < 0:
            return
        # The name goes while the lock is still held: whoever opened the old file finds it nameless and tries again.
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


def lock_path(run_file: Path) -> Path:
    """The lock's file."""
    return run_file.with_name(run_file.name + ".lock")


def holder_of(run_file: Path) -> str | None:
    """Who writes a run file, in its own words; None where nobody does. Takes nothing."""
    try:
        descriptor = os.open(lock_path(run_file), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _note(descriptor) if _is_locked(descriptor) else None
    finally:
        os.close(descriptor)


def _acquire(path: Path, run_file: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            raise RunFileError(f"{run_file} cannot be made: there is no folder {run_file.parent}") from None
        except OSError as error:
            raise RunFileError(f"{run_file} cannot be made: {error.strerror}") from error
        try:
            _lock(descriptor)
        except OSError as error:
            note = _note(descriptor)
            os.close(descriptor)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise RunFileError(f"the lock of {run_file} cannot be taken: {error.strerror}") from error
            raise FileLockedError(
                f"{run_file} is being written by another process ({note}); wait for it to end or choose another file"
            ) from None
        if os.fstat(descriptor).st_nlink > 0:
            return descriptor
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if _SET is None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        fcntl.fcntl(descriptor, _SET, struct.pack(_REQUEST, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))


def _is_locked(descriptor: int) -> bool:
    if _GET is None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False
    query = struct.pack(_REQUEST, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    answer = fcntl.fcntl(descriptor, _GET, query)
    return bool(struct.unpack(_REQUEST, answer)[0] != fcntl.F_UNLCK)


def _note(descriptor: int) -> str:
    text = os.pread(descriptor, 512, 0).decode(errors="replace")
    return text.split("\n", 1)[0] or "it has not said who it is"
