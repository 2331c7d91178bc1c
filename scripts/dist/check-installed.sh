#!/bin/sh
# What a new user does first, with the program given: check-installed.sh PROGRAM FOLDER. Needs nothing but sh; runs in a bare system.
set -eu
program=$1
folder=$2
rm -rf "$folder" && mkdir -p "$folder" && cd "$folder"
fail() {
  echo "check-installed: $program: $*" >&2
  exit 1
}

"$program" --version
sizes="--layers 5 --dim 12 --heads 3 --ffn-dim 20 --vocab-size 32 --sequence 8 --batch 2 --steps 12"
# shellcheck disable=SC2086
"$program" grads --architectures pre-ln,normformer $sizes --out runs --quiet >table.txt
grep -q 'NormFormer' table.txt || fail "its table is not what it should be"
for run in runs/*.h5; do
  "$program" verify "$run" --quiet
  "$program" info "$run" | grep -q "kernels ${KERNELS:-}" || fail "$run does not name the kernels ${KERNELS:-}"
done
"$program" report runs --out report --quiet >/dev/null
grep -q '<svg' report/report.html || fail "its report has no figures"
if NF_PROBE_KERNELS=none "$program" --version 2>error.txt; then fail "NF_PROBE_KERNELS=none is not refused"; fi
grep -q 'has the kernels' error.txt || fail "NF_PROBE_KERNELS=none is not explained"
