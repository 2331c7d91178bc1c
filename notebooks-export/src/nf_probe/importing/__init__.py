"""Makes run files of gradient norms that were logged elsewhere: TensorBoard event files, CSV exports of W&B, CSV logs.

`python -m nf_probe.importing --help`.
"""

from __future__ import annotations

from .events import EventFileError
from .imported import ImportedRun, Norms, import_run
from .series import Log, LogError, read_logs
from .tags import GradientTag, find_gradient_tags

__all__ = [
    "EventFileError", "GradientTag", "ImportedRun", "Log", "LogError", "Norms", "find_gradient_tags", "import_run",
    "read_logs",
]  # fmt: skip
