#!/usr/bin/env bash
# Installs PyTorch in a virtual environment of its own, builds nf-probe, and times both. Arguments go to compare.py.
set -euo pipefail
cd "$(dirname "$0")"

environment=${NF_PROBE_TORCH:-../../.build/torch-environment}
if [[ ! -x $environment/bin/python ]]; then
  "${PYTHON:-python3}" -m venv "$environment"
  "$environment/bin/pip" install --quiet numpy 'torch==2.13.0+cpu' || "$environment/bin/pip" install --quiet numpy torch
fi
(cd ../.. && swift build -c release --product nf-probe)
exec "$environment/bin/python" compare.py "$@"
