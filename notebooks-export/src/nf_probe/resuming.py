"""What earlier attempts at a run left in its file."""

from __future__ import annotations

from pathlib import Path

from .manifest import Manifest
from .writer import EarlierRows


class Earlier:
    rows: EarlierRows
    next_step: int
    last_step: int
    last_snapshot: int
    def compare(self, step, loss, values): return ""


def find_earlier(path: Path, manifest: Manifest) -> Earlier | None:
    raise NotImplementedError
