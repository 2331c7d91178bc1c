#!/usr/bin/env bash
# Checks names and roles on small models of all libraries that the tables know: notebooks-export/tests/zoo.py. What only these models take
# lies in a folder of its own, so that the tests' environment stays light. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(scripts/python-environment.sh --package)
requirements=notebooks-export/tests/requirements-models.txt
models=.build/models
if ! cmp -s "$requirements" "$models/installed.txt"; then
  echo "Installing what the models take into $models" >&2
  rm -rf "$models"
  # Without what they depend on: PyTorch is there, perhaps one for the processor alone.
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$models" --requirement "$requirements" >&2
  cp "$requirements" "$models/installed.txt"
fi

export PYTHONPATH=$PWD/$models NF_PROBE_MODELS=all
NF_PROBE=${NF_PROBE:-$(swift build -c release --show-bin-path)/nf-probe}
export NF_PROBE
cd notebooks-export
exec "$python" -m pytest -q -p no:cacheprovider tests/test_models.py tests/test_model_checkpoints.py tests/test_stacks.py "$@"
