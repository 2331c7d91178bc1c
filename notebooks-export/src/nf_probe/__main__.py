"""`python -m nf_probe` is the program `nf-probe`, where its folder is not on the PATH."""

from __future__ import annotations

import os
import sys

from .errors import ProgramError
from .program import NAME, find_program


def main() -> None:
    """Becomes the program, with this process's arguments."""
    try:
        program = find_program()
        os.execv(program, [NAME, *sys.argv[1:]])
    except (ProgramError, OSError) as error:
        sys.exit(f"nf_probe: {error}")


if __name__ == "__main__":
    main()
