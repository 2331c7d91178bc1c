#!/usr/bin/env bash
# Makes .venv with what the tests import, and prints its interpreter. Does nothing when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
requirements=Tests/requirements.txt
installed=.venv/installed-requirements.txt

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "The tests need Python 3.10 or later, and '$python' is not that. Name another one with PYTHON=..." >&2
  exit 1
fi

# The list is copied last, so a half-made environment does not count; a moved or upgraded Python does not either.
if ! { cmp -s "$requirements" "$installed" && .venv/bin/python -c 'import h5py, pytest' 2>/dev/null; }; then
  echo "Making .venv with $("$python" --version)" >&2
  rm -rf .venv
  "$python" -m venv .venv >&2
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  cp "$requirements" "$installed"
fi
printf '%s\n' "$PWD/.venv/bin/python"
