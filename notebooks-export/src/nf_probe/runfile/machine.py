"""Who records a run, and on what."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

import torch

from .manifest import Machine


def this_machine(device: torch.device, workers: int) -> Machine:
    """The recording program, the processor or accelerator, PyTorch and its threads."""
    processor = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    if workers > 1:
        processor += f" ({workers} workers)"
    return Machine(
        f"nf_probe (Python) {importlib.metadata.version('nf-probe')}", processor, f"PyTorch {torch.__version__}",
        torch.get_num_threads(),
    )  # fmt: skip


def processor_name() -> str:
    """What the system calls the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
