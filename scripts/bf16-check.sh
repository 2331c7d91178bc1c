#!/usr/bin/env bash
# Trains in float32 and in bf16 from the same seeds, 300 steps each: losses may differ by less than seeds do. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(scripts/python-environment.sh --package)
NF_PROBE=${NF_PROBE:-$(swift build -c release --show-bin-path)/nf-probe}
export NF_PROBE NF_PROBE_LONG=1
exec "$python" -m pytest -q -s -p no:cacheprovider -k noise_of_seeds Tests/EndToEnd/test_bf16.py "$@"
