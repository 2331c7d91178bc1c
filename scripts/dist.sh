#!/usr/bin/env bash
# Writes to dist/ what people install who have no Swift: a wheel with the program in it, a source distribution of the Python package, a
# .tar.gz and a .deb of the program. What is built on the way stays in .build/dist. See Guides.docc/Installing.md.
set -euo pipefail
cd "$(dirname "$0")/.."

# The oldest glibc that the toolchain's own objects allow. A wheel that needs a newer one is an error, not another name.
glibc=2.34
largest=$((60 * 1000 * 1000))

work=$PWD/.build/dist
prefix=$work/prefix
python=$work/dependencies/python/bin/python
version=$(scripts/dist/version.sh)
machine=$(uname -m)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
umask 022

echo "nf-probe $version: the program" >&2
scripts/dist/program.sh "$work" "$prefix"
share=$prefix/share
mkdir -p "$share"/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d,man/man1} "$work/package"
for part in completions man; do PROGRAM=$prefix/bin/nf-probe scripts/package.sh $part "$work/package"; done
cp "$work/package/nf-probe.bash" "$share/bash-completion/completions/nf-probe"
cp "$work/package/nf-probe.zsh" "$share/zsh/site-functions/_nf-probe"
cp "$work/package/nf-probe.fish" "$share/fish/vendor_completions.d/nf-probe.fish"
cp "$work/package/nf-probe.1" "$share/man/man1/nf-probe.1"
scripts/dist/licenses.sh "$work" "$share/doc/nf-probe/licenses"
chmod -R u=rwX,go=rX "$prefix"

# The same files in the same order with the same dates: pack FOLDER NAME OUTPUT.tar.gz
pack() {
  tar --sort=name --format=posix --pax-option=delete=atime,delete=ctime --mtime="@$SOURCE_DATE_EPOCH" \
    --owner=0 --group=0 --numeric-owner -C "$1" -cf - "$2" | gzip -9n >"$3"
}

echo "nf-probe $version: wheel and source distribution" >&2
rm -rf dist "$work/source" "$work/wheels" "$work/sdist"
mkdir -p dist "$work/wheels" "$work/sdist"
# A copy with the version in it: building leaves files behind.
git ls-files -z notebooks-export | xargs -0 cp --parents -t "$(mkdir -p "$work/source" && echo "$work/source")"
sed -i "s/^version = .*/version = \"$version\"/" "$work/source/notebooks-export/pyproject.toml"
for kind in wheel sdist; do
  "$python" -m build --no-isolation --$kind --outdir "$work/${kind/wheel/wheels}" "$work/source/notebooks-export" >"$work/$kind.log" 2>&1 ||
    { cat "$work/$kind.log" >&2 && exit 1; }
done
source=$(basename "$work"/sdist/*.tar.gz .tar.gz)
tar xf "$work/sdist/$source.tar.gz" -C "$work/sdist"
pack "$work/sdist" "$source" "dist/$source.tar.gz"

pure=$(echo "$work"/wheels/*-py3-none-any.whl)
judged=$("$python" scripts/dist/wheel.py "$pure" "$prefix" "linux_$machine" "$work/wheels" installed)
"$python" -m auditwheel show "$judged" >"$work/auditwheel.txt"
platform=$(tr '\n' ' ' <"$work/auditwheel.txt" | grep -oE 'platform tag: "[a-z0-9_]*"' | head -n 1 | grep -oE "manylinux_[0-9]+_[0-9]+_$machine" || true)
if [[ "$platform" != "manylinux_${glibc/./_}_$machine" ]]; then
  cat "$work/auditwheel.txt" >&2
  echo "dist.sh: the wheel should run with glibc $glibc and whatever lies around it; auditwheel says above why it does not." >&2
  exit 1
fi
wheel=$("$python" scripts/dist/wheel.py "$pure" "$prefix" "$platform" dist)

echo "nf-probe $version: .tar.gz and .deb" >&2
name=nf-probe-$version-linux-$machine
rm -rf "${work:?}/archive" && mkdir -p "$work/archive"
cp -r "$prefix" "$work/archive/$name"
pack "$work/archive" "$name" "dist/$name.tar.gz"
if command -v dpkg-deb >/dev/null; then scripts/dist/deb.sh "$version" "$prefix" "$glibc" "$work" dist; fi

for file in dist/*; do
  if (($(stat -c %s "$file") > largest)); then
    echo "dist.sh: $file is larger than $((largest / 1000000)) MB." >&2
    exit 1
  fi
done
(cd dist && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
ls -l dist >&2
