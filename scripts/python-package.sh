#!/usr/bin/env bash
# Checks the Python package: style, types, tests. NF_PROBE names the built program; by default the release build's.
# --without-program: all but the tests that run the program, which need not be built yet; --with-program: those alone.
# Other arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

part=${1:-}
case $part in
  --without-program)
    shift
    selection=(-m "not program")
    NF_PROBE=not-built-yet
    ;;
  --with-program)
    shift
    selection=(-m program)
    ;;
  *) selection=() ;;
esac

python=$(scripts/python-environment.sh --package)
NF_PROBE=${NF_PROBE:-$(swift build -c release --show-bin-path)/nf-probe}
export NF_PROBE
cd notebooks-export
if [[ $part != --with-program ]]; then
  "$python" -m ruff check --no-cache .
  "$python" -m ruff format --no-cache --check .
  "$python" -m mypy --cache-dir=/dev/null
fi
exec "$python" -m pytest -q -p no:cacheprovider "${selection[@]}" "$@"
