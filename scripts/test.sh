#!/usr/bin/env bash
# The second command on a fresh machine: every check there is. Ends with the summaries of the Swift and Python tests.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh --python
# Python's packages come over the network while the compiler works; what needs no program is tested in the gaps where it waits
# for one module, and beside the other tests.
folder=$(mktemp -d)
without_program() {
  scripts/python-environment.sh --package
  touch "$folder/environment"
  exec nice scripts/python-package.sh --without-program
}
without_program >"$folder/log" 2>&1 &
package=$!
trap 'rm -rf "$folder"; if [[ $package ]]; then kill "$package" 2>/dev/null || true; fi' EXIT
said() {
  cat "$folder/log" >&2
  exit 1
}

echo "== Format"
scripts/lint.sh
echo "== Build"
# Once, optimized, for all tests: what is tested is what runs. `swift test` alone tests a debug build as ever.
build=(-c release --scratch-path .build/tested -Xswiftc -enable-testing)
# Product by product: `--build-tests` compiles the tools of the argument parser's plugins, too, twice.
for product in nf-probePackageTests nf-probe run-file-child isolation-child; do
  swift build "${build[@]}" --product "$product"
done
products=$(swift build "${build[@]}" --show-bin-path)
export NF_PROBE=$products/nf-probe NF_PROBE_TEST_CHILD=$products/run-file-child
until [[ -e $folder/environment ]]; do
  kill -0 "$package" 2>/dev/null || said
  sleep 1
done
NF_PROBE_PYTHON=$PWD/.venv/bin/python
export NF_PROBE_PYTHON

echo "== Swift tests"
swift test "${build[@]}" --skip-build
# At most four: what they start trains with as many threads as there are processors.
processors=$(nproc)
workers=$((processors < 2 ? 2 : processors > 4 ? 4 : processors))
echo "== End-to-end tests"
"$NF_PROBE_PYTHON" -m pytest -q -p no:cacheprovider -n "$workers" --dist loadfile -m 'not long' Tests/EndToEnd
echo "== Python package, what needs no program"
wait "$package" || said
package=
tail -n 1 "$folder/log"
echo "== Python package, what runs the program"
scripts/python-package.sh --with-program -n "$workers" --dist loadfile
