#!/usr/bin/env bash
# Checks the Python package: style, types, tests. NF_PROBE names the built program; by default the release build's.
# Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(scripts/python-environment.sh --package)
NF_PROBE=${NF_PROBE:-$(swift build -c release --show-bin-path)/nf-probe}
export NF_PROBE
cd notebooks-export
"$python" -m ruff check --no-cache .
"$python" -m ruff format --no-cache --check .
"$python" -m mypy --cache-dir=/dev/null
exec "$python" -m pytest -q -p no:cacheprovider "$@"
