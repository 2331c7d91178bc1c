#!/usr/bin/env bash
# The page of `nf-probe watch` in a browser, and its server under load: watch-check.sh [pytest arguments]. Needs Chromium;
# CHROMIUM names one that is elsewhere. NF_PROBE names the program; NF_PROBE_SCREENS a folder for pictures of the page.
set -euo pipefail
cd "$(dirname "$0")/.."

CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [[ -z "$CHROMIUM" ]]; then
  echo "No Chromium is found: install it (Debian: apt install chromium), or name one with CHROMIUM=..." >&2
  exit 1
fi
export CHROMIUM
python=$(scripts/python-environment.sh)
"$python" -m pip install --quiet --disable-pip-version-check --requirement Tests/EndToEnd/browser/requirements.txt
NF_PROBE_BROWSER=1 exec "$python" -m pytest -q -p no:cacheprovider Tests/EndToEnd/browser "$@"
