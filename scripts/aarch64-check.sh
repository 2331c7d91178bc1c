#!/usr/bin/env bash
# Compiles the C parts for 64-bit ARM with the Swift toolchain's clang, and runs them there against known answers: on such a machine, or
# emulated. Elsewhere it needs Debian's gcc-aarch64-linux-gnu and qemu-user. The Swift parts need a toolchain of that machine.
set -euo pipefail
cd "$(dirname "$0")/.."

clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile=("$clang" -O2 -Wall -Wextra -Werror -march=armv8-a -ISources/CChecksums/include -ISources/CProcessor/include)
link=("$clang") runner=()
if [[ $(uname -m) != aarch64 ]]; then
  for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v $tool >/dev/null || { echo "aarch64-check.sh: $tool is missing (apt-get install gcc-aarch64-linux-gnu qemu-user)." >&2 && exit 2; }
  done
  compile+=(--target=aarch64-linux-gnu --sysroot=/usr/aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include)
  link=(aarch64-linux-gnu-gcc -static) runner=(qemu-aarch64)
fi
for source in Sources/CChecksums/crc32c.c Sources/CProcessor/processor.c Tests/aarch64/check.c; do
  "${compile[@]}" -c "$source" -o "$work/$(basename "$source").o"
done
"${link[@]}" "$work"/*.o -o "$work/check"
"${runner[@]}" "$work/check"
echo "aarch64-check: the C parts are right on $(uname -m)'s ${runner[*]:-own processor}"
