#!/usr/bin/env bash
# Builds the guides as a site with the toolchain's DocC: scripts/docs.sh [FOLDER] (default .build/guides).
#
# The sources are Markdown that reads as it is on any git host. DocC has links of its own between its pages, and shows no file of the
# repository, so a copy is made in which links between guides are DocC's, and links to other files are their text.
set -euo pipefail
cd "$(dirname "$0")/.."

site=${1:-.build/guides}
docc=$(command -v docc || true)
# The toolchain has it beside `swift`, which may be a link.
[[ -n $docc ]] || docc="$(dirname "$(readlink -f "$(command -v swift)")")/docc"
if [[ ! -x $docc ]]; then
  echo "There is no docc beside swift; the toolchains of swift.org have it." >&2
  exit 1
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/Guides.docc"
for guide in Guides.docc/*.md; do
  sed -E \
    -e '/^- \[[^]]*\]\([A-Za-z]+\.md\)$/ s|\[[^]]*\]\(([A-Za-z]+)\.md\)|<doc:\1>|' \
    -e 's|\]\(([A-Za-z]+)\.md(#[^)]*)?\)|](doc:\1\2)|g' \
    -e 's|\]\(#([a-z]+)\)|](doc:#\1)|g' \
    -e 's|\[([^]]*)\]\(\.\./[^)]*\)|\1|g' \
    "$guide" >"$copy/Guides.docc/${guide##*/}"
done

rm -rf "$site"
mkdir -p "$(dirname "$site")"
"$docc" convert "$copy/Guides.docc" --output-path "$site" --warnings-as-errors \
  --fallback-display-name Guides --fallback-bundle-identifier nf-probe.guides \
  --transform-for-static-hosting
echo "The guides are in $site: python3 -m http.server --directory $site, then http://localhost:8000/documentation/guides"
