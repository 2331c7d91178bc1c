#!/usr/bin/env bash
# Makes .venv with what the tests import, and prints its interpreter. Does nothing when it is up to date.
# With --package, also what the Python package in notebooks-export needs: PyTorch for the processor, and its checks.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
requirements=Tests/requirements.txt
installed=.venv/installed-requirements.txt
pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "The tests need Python 3.10 or later, and '$python' is not that. Name another one with PYTHON=..." >&2
  exit 1
fi

# The list is copied last, so a half-made environment does not count; a moved or upgraded Python does not either.
if ! { cmp -s "$requirements" "$installed" && .venv/bin/python -c 'import h5py, pytest' 2>/dev/null; }; then
  echo "Making .venv with $("$python" --version)" >&2
  rm -rf .venv
  "$python" -m venv .venv >&2
  "${pip[@]}" --requirement "$requirements" >&2
  cp "$requirements" "$installed"
fi

package=notebooks-export
lists=("$package/tests/requirements.txt" "$package/pyproject.toml")
if [[ "${1:-}" == --package ]] && ! cat "${lists[@]}" | cmp -s - .venv/installed-package.txt; then
  if ! .venv/bin/python -c 'import torch' 2>/dev/null; then
    echo "Installing PyTorch for the processor into .venv" >&2
    # The plain wheel for Linux brings several gigabytes for accelerators: only where pip finds no other. PIP_EXTRA_INDEX_URL can
    # name an index that has one.
    torch=2.13.0
    "${pip[@]}" "torch==$torch+cpu" >&2 2>/dev/null \
      || "${pip[@]}" "torch==$torch" >&2
  fi
  "${pip[@]}" --requirement "$package/tests/requirements.txt" --editable "$package" >&2
  cat "${lists[@]}" >.venv/installed-package.txt
fi
printf '%s\n' "$PWD/.venv/bin/python"
