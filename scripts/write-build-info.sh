#!/bin/sh
# Writes Commit.swift, which says what is being built: write-build-info.sh PACKAGE_DIRECTORY OUTPUT_DIRECTORY.
# Never fails: a source archive, a missing git or somebody else's checkout give "unknown".
set -u
package=$1
file=$2/Commit.swift

commit=unknown
changed=false
# Only if the package is the top of the work tree: an unpacked archive inside another project's checkout is not its commit.
if [ -e "$package/.git" ] && found=$(git -C "$package" rev-parse --verify HEAD 2>/dev/null); then
  commit=$found
  if [ -n "$(git --no-optional-locks -C "$package" status --porcelain --untracked-files=no 2>/dev/null)" ]; then
    changed=true
  fi
fi

text="extension BuildInfo {
  static let recordedCommit = \"$commit\"
  static let recordedChanges = $changed
}"
# An unchanged file keeps its time stamp, and nothing is compiled again.
if [ "$(cat "$file" 2>/dev/null)" != "$text" ]; then
  printf '%s\n' "$text" >"$file"
fi
