#!/usr/bin/env bash
# Checks what `make dist` wrote, as new users meet it: dist-check.sh [DEBIAN_RELEASE ...]. For each release a bare system is made with
# debootstrap (Python and nothing of ours), and wheel, .deb and .tar.gz are installed and used there; then older processors are
# emulated. Needs root, debootstrap, qemu-user and a network; takes some minutes, so continuous integration does not run it.
set -euo pipefail
cd "$(dirname "$0")/.."

releases=("$@")
((${#releases[@]})) || releases=(bookworm trixie)
work=$PWD/.build/dist
python=$work/dependencies/python/bin/python
wheel=$(echo dist/nf_probe-*.whl)
archive=$(echo dist/nf-probe-*-linux-*.tar.gz)
[[ -e "$wheel" ]] || { echo "dist-check.sh: there is no wheel in dist/; make dist makes it." >&2 && exit 2; }
for tool in debootstrap qemu-x86_64; do
  command -v $tool >/dev/null || { echo "dist-check.sh: $tool is missing (apt-get install debootstrap qemu-user)." >&2 && exit 2; }
done

fail() {
  printf 'dist-check: %s\n' "$@" >&2
  exit 1
}

# The wheel is for this glibc and newer, and pip says so itself on an older one.
glibc=$(sed 's/.*manylinux_\([0-9]*_[0-9]*\)_.*/\1/' <<<"$wheel")
tries_on() {
  "$python" -m pip install --quiet --disable-pip-version-check --dry-run --no-deps --ignore-installed --only-binary=:all: \
    --target "$work/none" --platform "manylinux_$1_$(uname -m)" "$wheel" 2>&1
}
tries_on "$glibc" >/dev/null || fail "pip refuses the wheel where it should run"
older=${glibc%_*}_$((${glibc#*_} - 1))
if said=$(tries_on "$older"); then fail "pip installs the wheel on glibc ${older/_/.}"; fi
grep -q 'not a supported wheel on this platform' <<<"$said" || fail "pip says something else of an older system:" "$said"

# The packages that the wheel asks for come from here, so that a bare system needs neither network nor certificates.
download() {
  local version=$1 folder=$2
  mkdir -p "$folder"
  cp "$wheel" "$folder/"
  "$python" -m pip download --quiet --disable-pip-version-check --only-binary=:all: --python-version "$version" --dest "$folder" \
    "${@:3}"
}

check_release() {
  local release=$1 root=$work/roots/$1 version torch=
  if [[ ! -e "$root/complete" ]]; then
    rm -rf "$root" && mkdir -p "$root"
    debootstrap --variant=minbase --include=python3,python3-venv "$release" "$root" >"$work/debootstrap-$release.log"
    touch "$root/complete"
  fi
  version=$(chroot "$root" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  echo "== $release: $(chroot "$root" ldd --version | sed -n '1s/.* //p'), Python $version"
  rm -rf "$root/tmp/dist" && mkdir -p "$root/tmp/dist"
  download "$version" "$root/tmp/dist/wheels" "$wheel"
  # PyTorch is large: NF_PROBE_CHECK_TORCH names the release of Debian that gets it, NF_PROBE_TORCH which (torch==2.13.0+cpu).
  if [[ "${NF_PROBE_CHECK_TORCH:-}" == "$release" ]]; then
    download "$version" "$root/tmp/dist/wheels" "$wheel" "${NF_PROBE_TORCH:-torch}"
    torch=torch
  fi
  cp scripts/dist/check-*.sh dist/*.deb "$archive" "$root/tmp/dist/"
  mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
  trap 'umount "$root/proc"' RETURN
  local inside=(env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LC_ALL=C.UTF-8 chroot "$root")
  echo "-- wheel"
  "${inside[@]}" sh /tmp/dist/check-wheel.sh /tmp/dist/wheels /tmp/dist/check-installed.sh "$torch"
  echo "-- .tar.gz"
  "${inside[@]}" sh -c 'cd /opt && tar xf /tmp/dist/nf-probe-*-linux-*.tar.gz && mv nf-probe-* nf-probe'
  "${inside[@]}" sh /tmp/dist/check-installed.sh /opt/nf-probe/bin/nf-probe /tmp/archive-check
  rm -r "$root/opt/nf-probe"
  echo "-- .deb"
  "${inside[@]}" sh -c 'dpkg --install /tmp/dist/*.deb >/dev/null'
  "${inside[@]}" sh /tmp/dist/check-installed.sh nf-probe /tmp/deb-check
  "${inside[@]}" dpkg --remove nf-probe >/dev/null
  ! [[ -e "$root/usr/libexec/nf-probe" ]] || fail "the .deb leaves files behind"
}
for release in "${releases[@]}"; do check_release "$release"; done

# One program on other processors: emulated ones get what they can run, and one too old for all is told so.
rm -rf "$work/unpacked" && mkdir -p "$work/unpacked"
tar xf "$archive" --strip-components 1 -C "$work/unpacked"
program=$work/unpacked/bin/nf-probe
on() { printf '#!/bin/sh\nexec qemu-x86_64 -cpu %s "%s" "$@"\n' "$1" "$program" >"$work/on-$1" && chmod +x "$work/on-$1"; }
if [[ $(uname -m) == x86_64 ]]; then
  for pair in Nehalem:x86-64-v2 Haswell-noTSX:x86-64-v3; do
    echo "== ${pair%:*}, emulated"
    on "${pair%:*}"
    KERNELS=${pair#*:} sh scripts/dist/check-installed.sh "$work/on-${pair%:*}" "$work/emulated"
  done
  on core2duo
  if said=$("$work/on-core2duo" --version 2>&1); then fail "core2duo cannot run what it lacks"; fi
  grep -q 'sse4.2, which this one lacks' <<<"$said" || fail "core2duo is not told what it lacks:" "$said"
fi

# The kernel sets that this processor can run, against each other; and how long the program takes to begin.
"$python" -c 'import h5py' 2>/dev/null || "$python" -m pip install --quiet --disable-pip-version-check h5py
runs=()
for library in "$work"/unpacked/libexec/nf-probe/{*,glibc-hwcaps/*}/libnf-probe-kernels.so; do
  set=$(basename "$(dirname "$library")")
  out=$work/sets/$set
  rm -rf "$out" && mkdir -p "$work/sets"
  if NF_PROBE_KERNELS=$set "$program" grads --architectures normformer --layers 5 --dim 48 --heads 3 --vocab-size 64 --sequence 32 \
    --batch 4 --steps 12 --out "$out" --quiet 2>"$work/sets/error.txt" >/dev/null; then
    runs+=("$out"/*.h5)
  else
    grep -q 'which this one lacks' "$work/sets/error.txt" || fail "$set: $(cat "$work/sets/error.txt")"
    echo "$set is not for this processor, and said so"
  fi
done
"$python" scripts/dist/compare-kernels.py "${runs[@]}"
"$python" - "$program" <<'END'
import subprocess, sys, time

def seconds() -> float:
    start = time.perf_counter()
    subprocess.run([sys.argv[1], "--version"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start

best = min(seconds() for _ in range(10))
print(f"begins within {best * 1000:.0f} ms")
sys.exit(best > 0.1)
END
echo "dist-check: what is in dist/ works on ${releases[*]}"
