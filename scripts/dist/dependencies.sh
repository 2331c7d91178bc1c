#!/usr/bin/env bash
# Makes what the distributed program is linked with, in FOLDER: dependencies.sh FOLDER. Does nothing when it is there.
#
#   python/   build tools, and OpenBLAS as SciPy's wheels have it: for all processors, made for glibc 2.27, Fortran's library inside
#   hdf5/     HDF5 as a static library that opens files, and nothing on the network (Debian's brings libcurl, Kerberos and LDAP)
#   blas/     OpenBLAS's header and library under the names that Sources/COpenBLAS looks for
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$(mkdir -p "$1" && cd "$1" && pwd)
requirements=scripts/dist/requirements.txt
hdf5_version=1.10.8+repack1-1

# Build tools, and OpenBLAS among them.
python=$folder/python/bin/python
if ! cmp -s "$requirements" "$folder/python/requirements.txt"; then
  rm -rf "$folder/python" "$folder/blas"
  "${PYTHON:-python3}" -m venv "$folder/python"
  "$python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  cp "$requirements" "$folder/python/requirements.txt"
fi

# The source of HDF5 that NF_PROBE_HDF5_SOURCE names, or Debian's, signed; on whatever release this is.
hdf5_source() {
  if [[ -n "${NF_PROBE_HDF5_SOURCE:-}" ]]; then
    tar xf "$NF_PROBE_HDF5_SOURCE" --strip-components 1 -C "$1"
    return
  fi
  local apt=$folder/apt
  mkdir -p "$apt/lists/partial" "$apt/source"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" \
    >"$apt/sources.list"
  local options=(-qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >&2
  (cd "$apt/source" && apt-get "${options[@]}" source --download-only "hdf5=$hdf5_version" >&2)
  tar xf "$apt"/source/hdf5_*.orig.tar.* --strip-components 1 -C "$1"
  rm -rf "$apt"
}

# Without the library's note of when, where and by whom it was built: those would be other bytes each time.
build_hdf5() {
  local work=$folder/hdf5-work
  rm -rf "$work" && mkdir -p "$work/source" "$work/build"
  hdf5_source "$work/source"
  (
    cd "$work/build"
    CFLAGS="-O2 -fPIC" ../source/configure --prefix="$folder/hdf5" --quiet --enable-build-mode=production --disable-shared \
      --disable-tools --disable-hltools --disable-tests --disable-fortran --disable-cxx --disable-java \
      --disable-embedded-libinfo --without-szlib --with-zlib
    for part in src hl/src; do make --silent -j"$(nproc)" -C "$part" install; done
  ) >"$folder/hdf5.log" 2>&1 || {
    tail -n 20 "$folder/hdf5.log" >&2
    echo "dependencies.sh: HDF5 does not build; all it said is in $folder/hdf5.log" >&2
    exit 1
  }
  mkdir -p "$folder/hdf5/share" "$folder/pkgconfig"
  cp "$work/source/COPYING" "$folder/hdf5/share/COPYING"
  cat >"$folder/pkgconfig/hdf5.pc" <<END
Name: HDF5
Description: HDF5, static, of local files
Version: ${hdf5_version%%+*}
Cflags: -I$folder/hdf5/include
Libs: -L$folder/hdf5/lib -lhdf5_hl -lhdf5 -lz
END
  rm -rf "$work"
}
[[ -e "$folder/hdf5/share/COPYING" ]] || build_hdf5

# SciPy's build gives every function a prefix. The pragmas have the compiler call those under the usual names.
name_openblas() {
  local source include=$folder/blas/include
  source=$("$python" -c 'import scipy_openblas32 as o; print(o.get_include_dir())')
  mkdir -p "$include" "$folder/blas/lib" "$folder/pkgconfig"
  {
    grep -oE '\bscipy_[A-Za-z0-9_]+' "$source/cblas.h" | sort -u |
      sed 's/^scipy_\(.*\)/#pragma redefine_extname \1 scipy_\1/'
    echo '#pragma redefine_extname dsyevd_ scipy_dsyevd_'
    sed 's/\bscipy_//g' "$source/cblas.h"
  } >"$include/cblas.h"
  cp "$source/openblas_config.h" "$include"
  cp "$source/../lib/libscipy_openblas.so" "$folder/blas/lib"
  ln -sf libscipy_openblas.so "$folder/blas/lib/libopenblas.so"
  cp "$folder"/python/lib/python*/site-packages/scipy_openblas32-*.dist-info/licenses/LICENSE.txt "$folder/blas/COPYING"
  cat >"$folder/pkgconfig/openblas.pc" <<END
Name: OpenBLAS
Description: OpenBLAS of scipy-openblas32, by its usual names
Version: $(sed -n 's/^scipy-openblas32==//p' "$requirements")
Cflags: -I$include
Libs: -L$folder/blas/lib -lopenblas
END
}
[[ -e "$folder/blas/COPYING" ]] || name_openblas
