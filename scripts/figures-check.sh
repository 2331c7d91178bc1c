#!/usr/bin/env bash
# Renders every figure of the project as machines with other fonts would (rsvg-convert and Chromium, with DejaVu Sans alone and with
# Liberation Sans alone), and checks that no ink touches the border and no two texts meet. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  printf '%s\n' "$@" >&2
  exit 1
}

packages=(librsvg2-bin chromium fontconfig fonts-dejavu-core fonts-liberation)

missing() {
  ! command -v rsvg-convert >/dev/null || ! command -v fc-list >/dev/null \
    || ! { command -v chromium || command -v google-chrome; } >/dev/null \
    || ! fc-list : family | grep -qx 'DejaVu Sans' || ! fc-list : family | grep -qx 'Liberation Sans'
}

if missing; then
  root=()
  if (($(id -u) != 0)); then root=(sudo -n); fi
  command -v apt-get >/dev/null && "${root[@]}" apt-get update -qq >&2 \
    && "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2 \
    || die "Figures are checked with rsvg-convert, Chromium, DejaVu Sans and Liberation Sans. Install them and run this again:" \
      "  Debian   sudo apt-get install ${packages[*]}"
fi

environment=.venv/figures
requirements=Tests/Figures/requirements.txt
if ! cmp -s "$requirements" "$environment/installed.txt"; then
  scripts/python-environment.sh >/dev/null
  rm -rf "$environment"
  .venv/bin/python -m venv "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  cp "$requirements" "$environment/installed.txt"
fi
exec "$environment/bin/python" -m pytest -q -p no:cacheprovider Tests/Figures "$@"
