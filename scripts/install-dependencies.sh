#!/usr/bin/env bash
# Makes sure that the libraries nf-probe is built with are there: HDF5, OpenBLAS, and pkg-config to find them.
# On a processor with AVX-512 also oneDNN, whose products are faster there, where apt-get has it; it is not needed.
# With --python, also what `python3 -m venv` needs. Installs with apt-get where it may; elsewhere says what to install.
set -euo pipefail

die() {
  printf '%s\n' "$@" >&2
  exit 1
}

have_libraries() {
  command -v pkg-config >/dev/null && pkg-config --exists hdf5 openblas
}

# Debian ships Python without ensurepip, and then a virtual environment cannot be made.
have_python() {
  "${PYTHON:-python3}" -c 'import ensurepip, venv' >/dev/null 2>&1
}

check_swift() {
  command -v swift >/dev/null || die "nf-probe is built with Swift 6.3 or later; no 'swift' was found on the PATH." \
    "Install a toolchain: https://www.swift.org/install"
  local version major minor
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
  read -r major minor <<<"${version:-0 0}"
  if ((major < 6 || (major == 6 && minor < 3))); then
    die "nf-probe is built with Swift 6.3 or later; 'swift' on the PATH is $major.$minor." \
      "Install a newer toolchain: https://www.swift.org/install"
  fi
}

install_with_apt() {
  local root=()
  if (($(id -u) != 0)); then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
    root=(sudo -n)
  fi
  printf 'Installing %s\n' "$*" >&2
  # Without update a fresh image knows no packages; an unreachable source among many must not stop the others.
  "${root[@]}" apt-get update -qq >&2 || true
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

explain() {
  cat >&2 <<END

nf-probe needs HDF5 and OpenBLAS with their headers, and pkg-config. Install them and run this again:
  Debian, Ubuntu   sudo apt-get install ${packages[*]}
  Fedora, RHEL     sudo dnf install hdf5-devel openblas-devel pkgconf-pkg-config python3
  Arch             sudo pacman -S hdf5 openblas pkgconf python
  macOS            brew install hdf5 openblas pkgconf python
                   export PKG_CONFIG_PATH="\$(brew --prefix openblas)/lib/pkgconfig"
In another place: name the folders of hdf5.pc and openblas.pc in PKG_CONFIG_PATH.
END
  if ((python_wanted)) && ! have_python; then
    printf 'The tests also need Python 3.10 or later with the venv and ensurepip modules (PYTHON=... chooses one).\n' >&2
  fi
  exit 1
}

# oneDNN under the name that the release has for it. The program looks for it when it runs.
install_native_products() {
  grep -qw avx512vl /proc/cpuinfo 2>/dev/null || return 0
  if /sbin/ldconfig -p 2>/dev/null | grep -q 'libdnnl\.so\.[23]'; then return 0; fi
  local package
  for package in libdnnl3 libdnnl2; do
    if apt-cache show "$package" >/dev/null 2>&1; then
      install_with_apt "$package" || true
      return 0
    fi
  done
}

python_wanted=0
[[ "${1:-}" == --python ]] && python_wanted=1

check_swift
packages=()
have_libraries || packages+=(libhdf5-dev libopenblas-dev pkg-config)
if ((python_wanted)) && ! have_python; then packages+=(python3-venv); fi
if ((${#packages[@]} == 0)); then
  install_native_products
  exit 0
fi

if ! command -v apt-get >/dev/null || ! install_with_apt "${packages[@]}"; then explain; fi
have_libraries || explain
if ((python_wanted)); then have_python || explain; fi
install_native_products
