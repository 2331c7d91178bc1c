#!/usr/bin/env bash
# Collects what `make install` installs: package.sh program|completions|man FOLDER. The program is built so that it needs no Swift
# toolchain; completions and manual page come from PROGRAM, by default the one that `make build` builds.
set -euo pipefail
cd "$(dirname "$0")/.."

part=$1
folder=$2
program=${PROGRAM:-}
[[ -n "$program" || "$part" == program ]] || program=$(swift build -c release --show-bin-path)/nf-probe
mkdir -p "$folder"

# A program with Swift's libraries inside, where the system has none of its own. In a folder of its own: the flag changes how everything
# is compiled, and `make run` should not have to compile it again.
build_program() {
  local flags=(-c release --product nf-probe)
  if [[ $(uname) == Linux ]]; then flags+=(--static-swift-stdlib --scratch-path .build/install); fi
  swift build "${flags[@]}" >&2
  program=$(swift build "${flags[@]}" --show-bin-path)/nf-probe
  if command -v ldd >/dev/null && ldd "$program" | grep -E 'lib(swift|Foundation|dispatch|BlocksRuntime)'; then
    echo "package.sh: $program still needs these libraries of the Swift toolchain." >&2
    exit 1
  fi
}

# The names of a command's subcommands, from its help.
subcommands() {
  COLUMNS=10000 "$program" "$@" --help |
    awk '/^SUBCOMMANDS:/ { on = 1; next } /^$/ { on = 0 } on && /^  [^ ]/ { sub(/,$/, "", $1); print $1 }'
}

# A section for the command and each of its subcommands, depth first.
manual_sections() {
  printf '.SS %s\n' "$(printf '%s ' nf-probe "$@" | sed 's/ $//; s/-/\\-/g')"
  COLUMNS=10000 "$program" "$@" --help | awk -f scripts/manual.awk
  local subcommand
  for subcommand in $(subcommands "$@"); do
    [[ "$subcommand" == help ]] || manual_sections "$@" "$subcommand"
  done
}

manual() {
  local version overview
  version=$("$program" --version)
  overview=$(COLUMNS=10000 "$program" --help | sed -n 's/^OVERVIEW: //p' | sed 's/\.$//; s/-/\\-/g')
  printf '.TH NF\\-PROBE 1 "" "%s" "User Commands"\n' "${version//-/\\-}"
  printf '.ad l\n.nh\n.SH NAME\nnf\\-probe \\- %s\n' "$overview"
  printf '.SH SYNOPSIS\n.B nf\\-probe\n.I command\n.RI [ options ]\n.SH COMMANDS\n'
  manual_sections
  cat scripts/manual-end.man
}

case $part in
  program)
    build_program
    cp "$program" "$folder/nf-probe"
    ;;
  completions)
    for shell in bash zsh fish; do
      "$program" --generate-completion-script "$shell" >"$folder/nf-probe.$shell"
    done
    ;;
  man)
    manual >"$folder/nf-probe.1"
    ;;
  *)
    echo "package.sh: no part called '$part'; there are program, completions and man." >&2
    exit 2
    ;;
esac
