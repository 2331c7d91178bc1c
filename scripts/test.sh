#!/usr/bin/env bash
# The second command on a fresh machine: every check there is. Ends with the summaries of the Swift and Python tests.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh --python
NF_PROBE_PYTHON=$(scripts/python-environment.sh)
export NF_PROBE_PYTHON

echo "== Format"
scripts/lint.sh
echo "== Swift tests"
swift test
if [[ -d Tests/EndToEnd ]]; then
  echo "== End-to-end tests"
  swift build -c release --product nf-probe
  NF_PROBE=$(swift build -c release --show-bin-path)/nf-probe
  export NF_PROBE
  "$NF_PROBE_PYTHON" -m pytest -q -p no:cacheprovider Tests/EndToEnd
fi
