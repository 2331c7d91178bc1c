"""How the package's own commands end."""

from __future__ import annotations

import sys
from collections.abc import Callable

from .errors import NFProbeError


def exit_status(command: str, task: Callable[[], None]) -> int:
    """Runs a command's task: 0, or 1 with a message on standard error where it fails.

    Args:
        command: Its name, e.g. `nf_probe.tokenize`.
        task: What it does; errors of the package and of files are told, others are faults of ours.
    """
    try:
        task()
    except (NFProbeError, OSError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    return 0
