"""How recordings end, also those that nobody ends."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from typing import Literal, Protocol

Status = Literal["finished", "interrupted", "nonfinite", "failed"]
STATUS_NUMBERS: dict[Status, int] = {"finished": 2, "interrupted": 3, "nonfinite": 4, "failed": 5}
"""The numbers of the variable `status`."""


class Closable(Protocol):
    """A recorder."""

    def close(self, status: Status = "finished", *, with_snapshot: bool = True) -> None:
        """Ends the recording."""


def status_of(kind: type[BaseException]) -> Status:
    """How a run ends that an error ends."""
    return "interrupted" if issubclass(kind, KeyboardInterrupt) else "failed"


class Ending:
    """Closes the file of a script that does not: when nobody holds the recorder any more, and when the script ends."""

    def __init__(self, recorder: Closable) -> None:
        self._process = os.getpid()
        # Of a notebook's earlier cell, which says nothing of this recording.
        self._earlier_error = id(getattr(sys, "last_value", None))
        reference = weakref.ref(recorder)

        def close() -> None:
            if (alive := reference()) is not None:
                self.close(alive)

        atexit.register(close)

    def close(self, recorder: Closable) -> None:
        """Ends the recording, unless this process was forked from the training script: it must leave the file alone."""
        if self._process == os.getpid():
            error = getattr(sys, "last_value", None)
            is_old = id(error) == self._earlier_error
            recorder.close("finished" if error is None or is_old else status_of(type(error)), with_snapshot=False)
