#!/usr/bin/env bash
# Writes a Debian package of what lies below PREFIX: deb.sh VERSION PREFIX GLIBC WORK OUTPUT_FOLDER, GLIBC the oldest version it runs on.
set -euo pipefail

version=$1 prefix=$2 glibc=$3 work=$4 output=$5
# What dev precedes sorts before the release: Debian says so with a tilde.
version=${version/.dev/\~dev}
architecture=$(dpkg --print-architecture)
root=$work/deb
rm -rf "$root"
mkdir -p "$root/usr" "$root/DEBIAN"
cp -r "$prefix/." "$root/usr"
mv "$root/usr/share/zsh/site-functions" "$root/usr/share/zsh/vendor-completions"
gzip -9n "$root/usr/share/man/man1/nf-probe.1"

documents=$root/usr/share/doc/nf-probe
for file in "$documents"/licenses/*; do
  printf '%s\n\n' "== $(basename "$file" .txt)"
  cat "$file"
  echo
done >"$documents/copyright"
rm -r "$documents/licenses"

cat >"$root/DEBIAN/control" <<END
Package: nf-probe
Version: $version
Architecture: $architecture
Maintainer: the authors of nf-probe <nf-probe@users.noreply.invalid>
Section: science
Priority: optional
Depends: libc6 (>= $glibc)
Installed-Size: $(du -sk --apparent-size "$root/usr" | cut -f1)
Description: Gradients of transformers, layer by layer
 Trains Post-LN, Pre-LN and NormFormer language models with every gradient
 recorded, reads runs that PyTorch scripts recorded, compares checkpoints, and
 shows where gradients are large and where they are small.
END
(cd "$root" && find usr -type f | LC_ALL=C sort | xargs -d '\n' md5sum >DEBIAN/md5sums)
find "$root" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
chmod 755 "$root/usr/bin/nf-probe"
dpkg-deb --root-owner-group --build "$root" "$output/nf-probe_${version}_$architecture.deb" >/dev/null
