#!/usr/bin/env bash
# The one version of everything that is distributed: the sources' number where HEAD carries the tag v<number>, else that number with
# the commit, e.g. 0.1.0.dev57+g3b28e52aa010 (PEP 440). Fails where the sources name two numbers, or the tag another.
set -euo pipefail
cd "$(dirname "$0")/../.."

number=$(sed -n 's/.*static let number = "\(.*\)"/\1/p' Sources/Experiments/Runs/Machine.swift)
package=$(sed -n 's/^version = "\(.*\)"/\1/p' notebooks-export/pyproject.toml)
if [[ -z "$number" || "$number" != "$package" ]]; then
  echo "version.sh: the program is of version '$number', the Python package of '$package'." >&2
  exit 1
fi
if tag=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null) && [[ -z "$(git status --porcelain -uno)" ]]; then
  if [[ "$tag" != "v$number" ]]; then
    echo "version.sh: the tag $tag is not the sources' version $number." >&2
    exit 1
  fi
  echo "$number"
else
  changed=$([[ -z "$(git status --porcelain -uno)" ]] || echo .changed)
  echo "$number.dev$(git rev-list --count HEAD)+g$(git rev-parse --short=12 HEAD)$changed"
fi
