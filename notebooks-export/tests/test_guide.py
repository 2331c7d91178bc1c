"""The guide to PyTorch stays true: its code and commands run as they stand."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from conftest import PROGRAM, ROOT

# The end-to-end tests read the guides in the same way.
sys.path.append(str(ROOT / "Tests" / "EndToEnd"))
from guide_blocks import do, steps


def test_code_and_commands_of_the_guide_run(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "nf-probe").symlink_to(PROGRAM)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    found = [step for step in steps(ROOT / "Guides.docc" / "Recorder.md") if step.needs_torch]
    assert len(found) >= 3
    for step in found:
        do(step, tmp_path, environment)
