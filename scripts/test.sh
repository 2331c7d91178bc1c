#!/usr/bin/env bash
# The second command on a fresh machine: every check there is. Ends with the summaries of the Swift and Python tests.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh --python
NF_PROBE_PYTHON=$(scripts/python-environment.sh)
export NF_PROBE_PYTHON

echo "== Format"
scripts/lint.sh
echo "== Release build"
swift build -c release --product nf-probe
NF_PROBE=$(swift build -c release --show-bin-path)/nf-probe
export NF_PROBE
echo "== Swift tests"
swift test
echo "== End-to-end tests"
"$NF_PROBE_PYTHON" -m pytest -q -p no:cacheprovider Tests/EndToEnd
echo "== Python package"
scripts/python-package.sh
