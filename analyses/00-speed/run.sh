#!/usr/bin/env bash
# Installs PyTorch in a virtual environment of its own, builds nf-probe, and times both. Arguments go to compare.py,
# or to another script that is named first: ./run.sh checkpoints.py --folder DIR.
set -euo pipefail
cd "$(dirname "$0")"

environment=${NF_PROBE_TORCH:-../../.build/torch-environment}
if [[ ! -x $environment/bin/python ]]; then
  "${PYTHON:-python3}" -m venv "$environment"
  "$environment/bin/pip" install --quiet numpy safetensors 'torch==2.13.0+cpu' || "$environment/bin/pip" install --quiet numpy safetensors torch
fi
(cd ../.. && swift build -c release --product nf-probe)
script=compare.py
if [[ ${1:-} == *.py ]]; then
  script=$1
  shift
fi
exec "$environment/bin/python" "$script" "$@"
