#!/usr/bin/env bash
# Whether `make install` puts a program in place that runs without the Swift toolchain. It builds the program anew (some minutes), so
# continuous integration does not run it every time.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
make --no-print-directory install DESTDIR="$folder" PREFIX=/usr
program=$folder/usr/bin/nf-probe

fail() {
  printf 'check-install: %s\n' "$@" >&2
  exit 1
}

for file in bin/nf-probe share/man/man1/nf-probe.1 share/bash-completion/completions/nf-probe \
  share/zsh/site-functions/_nf-probe share/fish/vendor_completions.d/nf-probe.fish; do
  [[ -s "$folder/usr/$file" ]] || fail "$file was not installed"
done

# Every library is one of the system's: none lies in the toolchain or where the program was built.
toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
if command -v ldd >/dev/null; then
  libraries=$(ldd "$program")
  ! grep 'not found' <<<"$libraries" || fail "a library is missing"
  ! grep -E "lib(swift|Foundation|dispatch)|$toolchain/|$PWD/" <<<"$libraries" || fail "it needs the libraries above"
fi

# It measures, and reads what it measured, with nothing of the toolchain on any path.
cd "$folder"
clean=(env -i PATH=/usr/bin:/bin HOME="$folder")
sizes=(--layers 5 --dim 12 --heads 3 --ffn-dim 20 --vocab-size 32 --sequence 8 --batch 2 --steps 12)
"${clean[@]}" "$program" --version
"${clean[@]}" "$program" grads --architectures pre-ln "${sizes[@]}" --out runs --quiet >table.txt
grep -q 'Pre-LN' table.txt || fail "its table is not what it should be"
"${clean[@]}" "$program" verify runs/*.h5 --quiet
"${clean[@]}" "$program" report runs --out report --quiet >report.txt
echo "check-install: the installed program needs no Swift toolchain"
