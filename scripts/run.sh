#!/usr/bin/env bash
# The first command on a fresh machine: installs what is missing, builds, measures gradients on the built-in corpus.
# Arguments go to `nf-probe grads`.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh
swift build -c release --product nf-probe
exec "$(swift build -c release --show-bin-path)/nf-probe" grads "$@"
