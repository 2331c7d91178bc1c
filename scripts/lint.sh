#!/usr/bin/env bash
# Checks the format of everything that swift-format reads, and says how to mend it. With --fix, mends it.
set -euo pipefail
cd "$(dirname "$0")/.."

sources=(Package.swift Plugins Sources Tests)
if [[ "${1:-}" == --fix ]]; then
  swift format --in-place --parallel --recursive "${sources[@]}"
elif ! swift format lint --strict --parallel --recursive "${sources[@]}"; then
  echo "The format differs: 'make format' mends what can be mended." >&2
  exit 1
fi
