#!/usr/bin/env bash
# Collects the licences of everything that the program holds: licenses.sh WORK FOLDER. Fails where one is not to be found.
set -euo pipefail

work=$1 folder=$2
swift=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
mkdir -p "$folder"
take() {
  local name=$1 file
  shift
  for file in "$@"; do
    if [[ -s "$file" ]]; then
      cp "$(readlink -f "$file")" "$folder/$name.txt"
      chmod 644 "$folder/$name.txt"
      return
    fi
  done
  echo "licenses.sh: the licence of $name is in none of: $*" >&2
  exit 1
}

# Debian keeps the licences of what it packages; other systems have them elsewhere.
take swift "$swift/share/swift/LICENSE.txt"
take icu /usr/share/doc/libicu*/copyright /usr/share/licenses/libicu/LICENSE /usr/share/licenses/icu/LICENSE
take libstdc++ /usr/share/doc/gcc-*-base/copyright /usr/share/licenses/libstdc++/COPYING.RUNTIME
take zlib /usr/share/doc/zlib1g/copyright /usr/share/licenses/zlib/README
take hdf5 "$work/dependencies/hdf5/share/COPYING"
take openblas "$work/dependencies/blas/COPYING"
for package in "$work"/build/checkouts/*/; do
  take "$(basename "$package" | tr '[:upper:]' '[:lower:]')" "$package"LICENSE*
done
