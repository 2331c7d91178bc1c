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


def close_at_exit(recorder: Closable) -> None:
    """Closes the file of a script that ends without doing so."""
    process = os.getpid()
    reference = weakref.ref(recorder)

    def close() -> None:
        alive = reference()
        # A process that was forked from the training script must leave its file alone.
        if alive is not None and process == os.getpid():
            error = getattr(sys, "last_value", None)
            alive.close("finished" if error is None else status_of(type(error)), with_snapshot=False)

    atexit.register(close)
