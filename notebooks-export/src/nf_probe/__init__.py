"""Gradients of a transformer, layer by layer: a recorder for PyTorch and a reader for notebooks.

The recorder needs PyTorch (`pip install 'nf-probe[torch]'`), which is imported only when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    FileLockedError,
    NFProbeError,
    ProgramError,
    RecorderWarning,
    RunFileError,
    UsageError,
)
from .names.places import adapter_names
from .program import command, find_program
from .reading.mismatch import Mismatch
from .reading.reader import Run
from .reading.reader import open_run as open
from .reading.watching import watch
from .runfile.manifest import Contract, Corpus
from .runfile.recovery import recover

if TYPE_CHECKING:
    from .recording.recorder import Recorder

__all__ = [
    "Contract", "Corpus", "FileLockedError", "Mismatch", "NFProbeError", "ProgramError", "Recorder", "RecorderWarning",
    "Run", "RunFileError", "UsageError", "adapter_names", "command", "find_program", "open", "recover", "watch",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name != "Recorder":
        raise AttributeError(f"module 'nf_probe' has no attribute '{name}'")
    try:
        from .recording.recorder import Recorder
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ImportError("nf_probe.Recorder needs PyTorch: pip install 'nf-probe[torch]'") from error
    return Recorder
