#!/usr/bin/env bash
# The second command on a fresh machine: every check there is. Ends with the summaries of the Swift and Python tests.
#
# What waits is done beside what works: Python's packages come over the network, and what needs no program is tested, while the compiler
# makes the program; the program is tested end to end while the compiler makes the Swift tests.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh --python
folder=$(mktemp -d)
beside=()
trap 'kill "${beside[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT

# Starts a function in the background: what it says is shown by `ended`.
begin() {
  "$1" >"$folder/$1.log" 2>&1 &
  beside+=($!)
  printf -v "$1" '%s' $!
}
# Waits for it. Where it failed everything it said is shown, else its last line.
ended() {
  if wait "${!1}"; then tail -n 1 "$folder/$1.log"; else
    cat "$folder/$1.log" >&2
    exit 1
  fi
}

without_program() {
  scripts/python-environment.sh --package
  touch "$folder/environment"
  exec nice scripts/python-package.sh --without-program
}
begin without_program

echo "== Format"
scripts/lint.sh
echo "== Build"
# Once, optimized, for all tests: what is tested is what runs. `swift test` alone tests a debug build as ever. Product by product:
# `--build-tests` compiles the tools of the argument parser's plugins, too, twice.
build=(-c release --scratch-path .build/tested -Xswiftc -enable-testing)
for product in nf-probe run-file-child; do
  swift build "${build[@]}" --product "$product"
done
# Where no later build replaces them.
cp "$(swift build "${build[@]}" --show-bin-path)"/{nf-probe,run-file-child} "$folder"
export NF_PROBE=$folder/nf-probe NF_PROBE_TEST_CHILD=$folder/run-file-child
export NF_PROBE_PYTHON=$PWD/.venv/bin/python
until [[ -e $folder/environment ]]; do
  kill -0 "$without_program" 2>/dev/null || ended without_program
  sleep 1
done

# At most four: what they start trains with as many threads as there are processors.
processors=$(nproc)
workers=$((processors < 2 ? 2 : processors > 4 ? 4 : processors))
end_to_end() {
  exec "$NF_PROBE_PYTHON" -m pytest -q -p no:cacheprovider -n "$workers" --dist loadfile -m 'not long' Tests/EndToEnd
}
begin end_to_end
for product in nf-probePackageTests isolation-child; do
  swift build "${build[@]}" --product "$product"
done

echo "== Swift tests"
swift test "${build[@]}" --skip-build
echo "== End-to-end tests"
ended end_to_end
echo "== Python package, what needs no program"
ended without_program
echo "== Python package, what runs the program"
scripts/python-package.sh --with-program -n "$workers" --dist loadfile
