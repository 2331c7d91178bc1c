#!/usr/bin/env bash
# Times the page of `nf-probe watch` and its server: watch-speed.sh [arguments of analyses/00-speed/watch.py]. Needs Chromium, as
# scripts/watch-check.sh does, and a quiet machine.
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
exec "$python" analyses/00-speed/watch.py --folder .build/watch-speed "$@"
