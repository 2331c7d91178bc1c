#!/usr/bin/env bash
# What `make test` tries for seconds, for an hour or more: every state that a crash can leave, 100 kills, a reader that
# follows 36,000 steps, 10,000 damaged files of each kind, and the tests that `make test` has no time for (marked `long`).
# Prints a summary, and keeps everything in .build/soak.log.
#
# The variables below change how much; NF_PROBE_FUZZ_SEED repeats a soak that found something.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh --python
NF_PROBE_PYTHON=$(scripts/python-environment.sh)
export NF_PROBE_PYTHON
export NF_PROBE_FUZZ_SEED=${NF_PROBE_FUZZ_SEED:-$(date +%s)}
export NF_PROBE_FUZZ_COUNT=${NF_PROBE_FUZZ_COUNT:-10000}
export NF_PROBE_FUZZ_TRIALS=${NF_PROBE_FUZZ_TRIALS:-1000}
export NF_PROBE_CRASH_STATES=${NF_PROBE_CRASH_STATES:-all}
export NF_PROBE_KILLS=${NF_PROBE_KILLS:-100}
export NF_PROBE_README=all
export NF_PROBE_READER_STEPS=${NF_PROBE_READER_STEPS:-36000}

swift build -c release --product nf-probe
NF_PROBE=$(swift build -c release --show-bin-path)/nf-probe
export NF_PROBE
swift build --build-tests

log=.build/soak.log
: >"$log"
summary=()
failed=0

# run NAME COMMAND...: goes on after a failure, so that one soak shows all there is.
run() {
  local name=$1 start=$SECONDS result=passed
  shift
  echo "== $name" | tee -a "$log"
  "$@" >>"$log" 2>&1 || { result=FAILED failed=1; }
  summary+=("$(printf '%-36s %-7s %5d s' "$name" "$result" $((SECONDS - start)))")
  echo "${summary[-1]}"
}

pytest() { "$NF_PROBE_PYTHON" -m pytest -q -s -p no:cacheprovider "$@"; }

run "damaged text, tokens, checkpoints" swift test --skip-build --filter 'Fuzz'
run "damaged run files, each in a child" swift test --skip-build --filter 'DamagedFileTests'
run "damaged run files" pytest Tests/EndToEnd/test_fuzz.py
run "states after a crash" pytest Tests/EndToEnd/test_crash_states.py
run "kills, full disks, readers" pytest Tests/EndToEnd/test_faults.py Tests/EndToEnd/test_recover_verify.py
run "kills and resumed runs" pytest Tests/EndToEnd/test_resume.py
run "what takes dozens of trainings" pytest -m long Tests/EndToEnd
run "guides, the README's whole table" pytest Tests/EndToEnd/test_guides.py

echo
echo "Seed $NF_PROBE_FUZZ_SEED; everything is in $log"
grep -hE ' states of | damaged files | steps in | kills, | configuration files: | files of format |flipped bytes' "$log" || true
printf '%s\n' "${summary[@]}"
exit "$failed"
