"""The way of a number through the package: names, measuring, recording, the run file, reading. No import runs back."""

from __future__ import annotations

import ast
from pathlib import Path

import nf_probe

ROOT = Path(nf_probe.__file__).parent

ALLOWED = {
    "names": {"errors"},
    "runfile": {"errors"},
    "measuring": {"errors", "names", "runfile"},
    "outputs": {"errors", "names", "runfile", "measuring"},
    "recording": {"errors", "names", "runfile", "measuring", "outputs"},
    "reading": {"errors", "names", "runfile", "plots", "program"},
    "importing": {"errors", "exitstatus", "names", "runfile", "measuring", "recording"},
}
"""What each package may import of the others and of the modules beside them; those may import all."""


def imported(path: Path) -> set[str]:
    """The packages and modules of `nf_probe` that a module imports, but for its own package's."""
    package = path.relative_to(ROOT).parts[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            found |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "nf_probe":
            found.add((node.module or "").partition(".")[2].split(".")[0])
    return found - {package}


def test_no_import_runs_back() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(ALLOWED)
    backward = {
        f"{path.relative_to(ROOT)} imports {name}"
        for package in packages
        for path in (ROOT / package).glob("*.py")
        for name in imported(path) - ALLOWED[package]
    }
    assert not backward, sorted(backward)


def test_every_package_is_seen() -> None:
    """The reading of imports finds what is there: a test of the test above."""
    assert imported(ROOT / "measuring" / "parameterwatch.py") == {"runfile"}
    assert {"measuring", "names", "runfile"} <= imported(ROOT / "recording" / "recorder.py")
