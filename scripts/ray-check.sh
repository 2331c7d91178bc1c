#!/usr/bin/env bash
# Runs a sweep of 60 runs on a local Ray cluster, with a worker killed on the way, and compares its files with one process's. Ray lies in a
# folder of its own, so that the tests' environment stays light. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(scripts/python-environment.sh --package)
cluster=.build/ray
if [[ ! -d $cluster/ray ]]; then
  echo "Installing Ray into $cluster" >&2
  "$python" -m pip install --quiet --disable-pip-version-check --target "$cluster" 'ray>=2.40' >&2
fi

export PYTHONPATH=$PWD/$cluster RAY_USAGE_STATS_ENABLED=0
NF_PROBE=${NF_PROBE:-$(swift build -c release --show-bin-path)/nf-probe}
export NF_PROBE
cd notebooks-export
exec "$python" -m pytest -q -p no:cacheprovider tests/test_ray.py "$@"
