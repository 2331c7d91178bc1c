"""The `nf-probe` program, found and called from Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nf_probe
from conftest import PROGRAM

PACKAGE = Path(nf_probe.__file__).parent


@pytest.fixture(autouse=True)
def _built_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NF_PROBE", str(PROGRAM))


def python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "NF_PROBE"} | variables
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False)


def script(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\necho "{says}:" "$@"\n')
    path.chmod(0o755)
    return path


def test_a_command_from_python() -> None:
    assert nf_probe.command("--version").startswith("nf-probe ")


def test_what_a_failed_command_says(tmp_path: Path) -> None:
    with pytest.raises(nf_probe.ProgramError, match=r"info: .*none\.h5"):
        nf_probe.command("info", tmp_path / "none.h5")


def test_the_report_of_a_run(tmp_path: Path) -> None:
    sizes = ("--layers=2", "--dim=8", "--heads=2", "--sequence=8", "--batch=2", "--vocab-size=32")
    nf_probe.command("train", *sizes, "--steps=6", "--out", tmp_path / "run", "--quiet")
    (path,) = (tmp_path / "run").glob("*.h5")
    page = nf_probe.open(path).report(tmp_path / "review")
    assert "<svg" in page.read_text()


def test_the_module_is_the_program() -> None:
    done = python("-m", "nf_probe", "--version", NF_PROBE=str(PROGRAM))
    assert done.stdout == nf_probe.command("--version")
    assert python("-m", "nf_probe", "none", NF_PROBE=str(PROGRAM)).returncode == 2


@pytest.mark.parametrize(
    ("packages", "program"), [("target", "target/bin"), ("prefix/lib/python3/site-packages", "prefix/bin")]
)
def test_the_program_beside_the_package(packages: str, program: str, tmp_path: Path) -> None:
    """As `pip install --target` and `--prefix` lay them out, for an interpreter elsewhere."""
    shutil.copytree(PACKAGE, tmp_path / packages / "nf_probe", ignore=shutil.ignore_patterns("__pycache__"))
    script(tmp_path / program / "nf-probe", "beside")
    done = python("-m", "nf_probe", "grads", "x.h5", PYTHONPATH=str(tmp_path / packages), PATH=os.defpath)
    assert done.stdout == "beside: grads x.h5\n", done.stderr


def test_the_program_of_the_path(tmp_path: Path) -> None:
    script(tmp_path / "bin" / "nf-probe", "path")
    assert python("-m", "nf_probe", PATH=f"{tmp_path / 'bin'}:{os.defpath}").stdout == "path:\n"


def test_what_is_said_without_a_program(tmp_path: Path) -> None:
    done = python("-m", "nf_probe", PATH=str(tmp_path))
    assert done.returncode == 1 and "not installed" in done.stderr and "NF_PROBE" in done.stderr
    done = python("-m", "nf_probe", NF_PROBE=str(tmp_path / "none"))
    assert done.returncode == 1 and "names no program" in done.stderr
