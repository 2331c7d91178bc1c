"""Fonts and renderers of the figure tests: a machine with DejaVu Sans alone, and one with Liberation Sans alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

# The first is what most Linux machines have; the second is made to the measure of Helvetica and Arial.
FACES = {
    "DejaVu Sans": ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"],
    "Liberation Sans": ["LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"],
}
CONFIGURATION = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}</dir><cachedir>{folder}/cache</cachedir></fontconfig>
"""


@dataclass(frozen=True)
class Machine:
    """A machine that has the regular and the bold face of one family and no other font."""

    family: str
    configuration: Path

    @property
    def environment(self) -> dict[str, str | float | bool]:
        return {**os.environ, "FONTCONFIG_FILE": str(self.configuration)}

    def render(self, figure: Path, to: Path, zoom: float) -> None:
        """Writes the figure as a PNG, drawn by librsvg."""
        command = ["rsvg-convert", f"--zoom={zoom}", f"--output={to}", str(figure)]
        environment = {name: str(value) for name, value in self.environment.items()}
        subprocess.run(command, env=environment, check=True)


@pytest.fixture(scope="session", params=FACES)
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    family: str = request.param
    folder = tmp_path_factory.mktemp(family.replace(" ", "-"))
    for name in FACES[family]:
        (folder / name).symlink_to(next(Path("/usr/share/fonts").rglob(name)))
    configuration = folder / "fonts.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder))
    return Machine(family, configuration)


@pytest.fixture(scope="session")
def page(machine: Machine) -> Iterator[Page]:
    """A page of Chromium on that machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            env=machine.environment,
            args=["--no-sandbox"],
        )
        yield browser.new_page(device_scale_factor=2)
        browser.close()
