#!/usr/bin/env bash
# Builds the program that runs on any machine of this architecture: program.sh WORK PREFIX. WORK keeps what is built; PREFIX gets
#
#   bin/nf-probe                                                   the program, Swift's libraries, HDF5 and zlib inside
#   libexec/nf-probe/libscipy_openblas.so                          OpenBLAS, which chooses its kernels by itself
#   libexec/nf-probe/x86-64-v2/libnf-probe-kernels.so              our kernels, for the plainest processor
#   libexec/nf-probe/glibc-hwcaps/x86-64-v3/libnf-probe-kernels.so the same for better ones: the system's loader takes the best that
#                                                                  the processor can run (glibc 2.33 and later)
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mkdir -p "$1" && cd "$1" && pwd)
prefix=$2
dependencies=$work/dependencies
library=libnf-probe-kernels.so

# Sets of kernels: the plainest first. Others only where the loader can choose: it knows levels of x86-64 alone.
machine=$(uname -m)
case $machine in
  x86_64) sets=(x86-64-v2 x86-64-v3 x86-64-v4) ;;
  aarch64) sets=(aarch64) ;;
  *)
    echo "program.sh: no kernel sets are known for $machine; there are those for x86_64 and aarch64." >&2
    exit 1
    ;;
esac
march() { if [[ "$1" == aarch64 ]]; then echo armv8-a; else echo "$1"; fi; }
place() { if [[ "$1" == "${sets[0]}" ]]; then echo "$1"; else echo "glibc-hwcaps/$1"; fi; }

swift=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
scripts/dist/dependencies.sh "$dependencies"
export PKG_CONFIG_PATH=$dependencies/pkgconfig
unset NF_PROBE_MARCH

# What is compiled lies at a path of the same length wherever the checkout is: where Swift looks whether a closure escapes it writes down
# how long the path of the source file is. So a copy of the sources is compiled, and what is built is reached through links beside it.
root=$(realpath /var/tmp)/nf-probe-dist-$(printf '%s' "$work" | sha256sum | cut -c 1-16)
copy_sources() {
  rm -rf "$root"
  mkdir -m 700 "$root"
  mkdir -p "$root/source" "$work/build" "$work/kernels"
  # With their dates, so that what has not changed is not compiled again; with the checkout's Git, which knows the commit.
  tar --null -cf - --ignore-failed-read -T <(git ls-files -z --cached --others --exclude-standard) | tar -xf - -C "$root/source"
  printf 'gitdir: %s\n' "$(git rev-parse --absolute-git-dir)" >"$root/source/.git"
  if [[ -e Package.resolved ]]; then cp -p Package.resolved "$root/source/"; fi
  ln -s "$work/build" "$work/kernels" "$root/"
}

# Everything once, with the plainest kernels; of the other sets only the kernels.
folder_of() { if [[ "$1" == "${sets[0]}" ]]; then echo "$root/build"; else echo "$root/kernels/$1"; fi; }
build() {
  local set=$1 what=(--target Kernels)
  if [[ "$set" == "${sets[0]}" ]]; then what=(--product nf-probe); fi
  # C's assertions name their file: without what differs between checkouts.
  NF_PROBE_MARCH=$(march "$set") swift build -c release --static-swift-stdlib --package-path "$root/source" \
    --scratch-path "$(folder_of "$set")" -Xcc "-ffile-prefix-map=$root/=" "${what[@]}" >&2
}
objects() { (cd "$(folder_of "$1")/release" && realpath {Kernels,CProcessor,COneDNN}.build/*.o); }

# Static libraries in the place of shared ones: an old system has an older libstdc++, or none.
link_statically() {
  local name
  mkdir -p "$work/static"
  for name in "$@"; do
    printf 'INPUT(%s)\n' "$(gcc -print-file-name="lib$name.a")" >"$work/static/lib$name.so"
  done
}

# The toolchain's static libraries, linked to, so that the kernels can call Swift's library in the program: the toolchain has every
# function of a program visible to others but those of its own libraries (-export-dynamic, --exclude-libs ALL). Here the linker decides,
# and shows what the kernels ask for.
open_swift() {
  rm -rf "$work/swift_static"
  cp -rs "$swift/lib/swift_static" "$work/swift_static"
  local options=$work/swift_static/linux/static-stdlib-args.lnk
  rm "$options"
  grep -vE -- '-export-dynamic|--exclude-libs|^-Xlinker ALL' "$swift/lib/swift_static/linux/static-stdlib-args.lnk" >"$options"
}

# The package of the HTTP server has a handler that passes requests on to other servers: through Foundation's client, and so libcurl,
# Kerberos and LDAP. The program has no use for it. What that handler would call ends the program here, and the client stays out.
leave_out_network() {
  local number=0 name
  grep '/FlyingFox\.build/' "$work/objects.txt" | xargs nm -u | grep -oE '\$s20FoundationNetworking[A-Za-z0-9_]*' | LC_ALL=C sort -u |
    while read -r name; do
      number=$((number + 1))
      printf 'void client_%d(void) __asm__("%s");\nvoid client_%d(void) { __builtin_trap(); }\n' "$number" "$name" "$number"
    done >"$work/network.c"
  gcc -O2 -fPIC -c "$work/network.c" -o "$work/network.o"
  # Foundation's client would be linked with it, called or not.
  echo 'INPUT()' >"$work/static/libcurl.so"
}

# A set's kernels as a library. Swift's own library is in the program, and the loader finds it there.
link_kernels() {
  local set=$1 output=$2
  # shellcheck disable=SC2046
  "$swift/bin/clang" -shared -fuse-ld=lld -o "$output" \
    -Wl,--soname="$library" -Wl,--gc-sections -Wl,--strip-all -Wl,--build-id=none -Wl,-z,now \
    -Wl,--enable-new-dtags -Wl,-rpath,"\$ORIGIN/..:\$ORIGIN/../.." \
    "$swift/lib/swift_static/linux/$machine/swiftrt.o" $(objects "$set") \
    -L"$dependencies/blas/lib" -lopenblas -lm
}

# The compiler's note of what each file was compiled from: other bytes each time, which nothing reads in a linked file.
without_hashes() { objcopy --remove-section=.swift_modhash "$1"; }

# The names that a library offers and asks for, but the C library's. The sets must not differ in them: the program is linked with one.
interface() { nm -D "$1" | sed 's/^[0-9a-f ]* //' | grep -v '@' | LC_ALL=C sort; }

copy_sources
trap 'rm -rf "$root"' EXIT
for set in "${sets[@]}"; do build "$set"; done
cp "$root/source/Package.resolved" .
link_statically stdc++ z
open_swift
rm -rf "$prefix"
mkdir -p "$prefix/bin" "$prefix/libexec/nf-probe"
for set in "${sets[@]}"; do
  output=$prefix/libexec/nf-probe/$(place "$set")/$library
  mkdir -p "$(dirname "$output")"
  link_kernels "$set" "$output"
  without_hashes "$output"
  if ! diff <(interface "$prefix/libexec/nf-probe/${sets[0]}/$library") <(interface "$output") >"$work/interface.diff"; then
    echo "program.sh: the kernels of $set have another interface than those of ${sets[0]}; see $work/interface.diff" >&2
    exit 1
  fi
done
cp "$dependencies/blas/lib/libscipy_openblas.so" "$prefix/libexec/nf-probe/"
strip --strip-unneeded "$prefix/libexec/nf-probe/libscipy_openblas.so"

# The program, from all objects but the kernels'. What they need of it, it offers.
grep -vE '/(Kernels|CProcessor|COneDNN)\.build/' "$work/build/release/nf-probe.product/Objects.LinkFileList" >"$work/objects.txt"
gcc -O2 -fPIC -c scripts/dist/glibc.c -o "$work/glibc.o"
leave_out_network
linker=(
  # SwiftPM gives each program's entry a name of its own.
  --defsym=main=nf_probe_main
  --gc-sections --strip-all --build-id=none -z now --as-needed --enable-new-dtags
  -rpath-link "$dependencies/blas/lib"
  -rpath "\$ORIGIN/../libexec/nf-probe:\$ORIGIN/../libexec/nf-probe/${sets[0]}"
)
options=()
for option in "${linker[@]}"; do options+=(-Xlinker "$option"); done
swiftc -emit-executable -o "$prefix/bin/nf-probe" -static-stdlib -resource-dir "$work/swift_static" -use-ld=lld "${options[@]}" \
  @"$work/objects.txt" "$work/glibc.o" "$work/network.o" -L "$work/static" -L "$prefix/libexec/nf-probe/${sets[0]}" -L "$dependencies/blas/lib" \
  -L "$dependencies/hdf5/lib" -lnf-probe-kernels -lz
without_hashes "$prefix/bin/nf-probe"
