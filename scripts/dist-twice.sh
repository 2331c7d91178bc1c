#!/usr/bin/env bash
# Checks that a commit makes the same files wherever it is built: dist-twice.sh [COMMIT]. Clones it into two folders of different depth,
# runs scripts/dist.sh in each with nothing built before, and compares what lies in dist/. Takes as long as two builds from nothing, so
# continuous integration does not run it. NF_PROBE_TWICE names a folder that keeps both; what is complete there is not built again.
set -euo pipefail
cd "$(dirname "$0")/.."

commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
if [[ -n "${NF_PROBE_TWICE:-}" ]]; then
  work=$(mkdir -p "$NF_PROBE_TWICE" && cd "$NF_PROBE_TWICE" && pwd)
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi

folders=("$work/one" "$work/another/further/down")
for folder in "${folders[@]}"; do
  [[ -e "$folder/dist/SHA256SUMS" ]] && continue
  rm -rf "$folder"
  git clone --quiet --no-checkout . "$folder"
  git -C "$folder" -c advice.detachedHead=false checkout --quiet "$commit"
  # Versions that a lock file has chosen belong to the commit's surroundings.
  if [[ -e Package.resolved ]]; then cp Package.resolved "$folder/"; fi
  "$folder/scripts/dist.sh"
done
if ! diff "${folders[0]}/dist/SHA256SUMS" "${folders[1]}/dist/SHA256SUMS" >&2; then
  echo "dist-twice: these files differ between ${folders[0]} and ${folders[1]}" >&2
  exit 1
fi
echo "dist-twice: $(wc -l <"${folders[0]}/dist/SHA256SUMS") files of $commit have the same bytes from two folders"
