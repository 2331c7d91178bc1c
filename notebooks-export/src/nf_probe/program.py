"""The `nf-probe` program: where it is, and its commands from Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from .errors import ProgramError

NAME = "nf-probe"
_VARIABLE = "NF_PROBE"


def find_program() -> Path:
    """The program that came with this package, else the one on the PATH; `NF_PROBE` in the environment names another.

    Raises:
        ProgramError: There is none.
    """
    chosen = os.environ.get(_VARIABLE)
    if chosen:
        if _is_program(Path(chosen)):
            return Path(chosen)
        raise ProgramError(f"{_VARIABLE}={chosen} in the environment names no program")
    for folder in _folders():
        if _is_program(folder / NAME):
            return folder / NAME
    found = shutil.which(NAME)
    if found:
        return Path(found)
    raise ProgramError(
        f"the program {NAME} is not installed: this package was built without it. A wheel for this system brings it; "
        "else build it (`make install`), or name it with NF_PROBE in the environment"
    )


def command(*arguments: str | os.PathLike[str]) -> str:
    """Runs a command of the program, e.g. `command("grads", "run.h5", "--format", "csv")`, and returns what it prints.

    Raises:
        ProgramError: There is no program, or it failed: what it said of the reason.
    """
    words = [os.fspath(argument) for argument in arguments]
    done = subprocess.run([find_program(), *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise ProgramError(f"{NAME} {words[0] if words else ''}: {said}")
    return done.stdout


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _folders() -> Iterator[Path]:
    """Where installers put programs: for this environment, the interpreter that it was made from, and this user; and
    beside a package that was put elsewhere (`pip install --prefix`, `--target`).
    """
    yield Path(sysconfig.get_path("scripts"))
    yield Path(sysconfig.get_path("scripts", vars={"base": sys.base_prefix}))
    yield Path(sysconfig.get_path("scripts", scheme=sysconfig.get_preferred_scheme("user")))
    packages = Path(__file__).resolve().parent.parent
    if packages.parent.parent.name == "lib":  # prefix/lib/python3.x/site-packages
        yield packages.parent.parent.parent / "bin"
    yield packages / "bin"
