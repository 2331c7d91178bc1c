#!/usr/bin/env bash
# Runs the tests of the numbers, the golden ones among them, with each kernel set that `make dist` ships and this processor can run:
# check-kernels.sh [SET ...]. Each set's tests are built anew (some minutes), so continuous integration runs them with its own alone.
set -euo pipefail
cd "$(dirname "$0")/.."

sets=("$@")
if ((${#sets[@]} == 0)); then
  case $(uname -m) in
    x86_64) sets=(x86-64-v2 x86-64-v3 x86-64-v4) ;;
    *) sets=(native) ;;
  esac
fi
if [[ " ${sets[*]} " == *" x86-64-v4 "* ]] && ! grep -qw avx512vl /proc/cpuinfo; then
  echo "check-kernels.sh: this processor has no AVX-512; x86-64-v4 is not tested here" >&2
  sets=("${sets[@]/x86-64-v4/}")
fi
for set in "${sets[@]}"; do
  [[ -n "$set" ]] || continue
  echo "== $set"
  NF_PROBE_MARCH=$set swift test --scratch-path ".build/kernels/$set" --filter '^(KernelsTests|TransformerTests|TrainingTests)\.'
done
