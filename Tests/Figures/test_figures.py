"""Every figure of the project, on machines with different fonts: no ink touches the border, and no two texts meet."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TypedDict

import pytest
from conftest import Machine
from PIL import Image, ImageChops
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
FIGURES = sorted([*ROOT.glob("analyses/**/*.svg"), *ROOT.glob("Tests/*/Snapshots/*.svg")])
# Points that boxes may share: what a browser rounds.
TOLERANCE = 0.05


class Box(TypedDict):
    text: str
    left: float
    top: float
    right: float
    bottom: float


def figures() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("figure", FIGURES, ids=[str(file.relative_to(ROOT)) for file in FIGURES])


def test_there_are_figures() -> None:
    assert len(FIGURES) > 30


@figures()
def test_no_ink_touches_the_border(figure: Path, machine: Machine, tmp_path: Path) -> None:
    picture = tmp_path / "figure.png"
    machine.render(figure, to=picture, zoom=2)
    with Image.open(picture) as image:
        ink = ImageChops.invert(image.convert("L")).point(lambda level: 255 if level > 8 else 0)
    box = ink.getbbox()
    assert box is not None, "an empty picture"
    # A picture of less than a whole number of pixels ends with a pale row.
    width, height = ink.size
    assert box[0] >= 2 and box[1] >= 2 and box[2] <= width - 2 and box[3] <= height - 2, f"ink in {box} of {ink.size}"


# The boxes of all texts in the figure's own unit, points.
BOXES = """
svg => {
  const scale = svg.viewBox.baseVal.width / svg.getBoundingClientRect().width;
  const origin = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].map(text => {
    const box = text.getBoundingClientRect();
    return {
      text: text.textContent, left: (box.left - origin.left) * scale, top: (box.top - origin.top) * scale,
      right: (box.right - origin.left) * scale, bottom: (box.bottom - origin.top) * scale,
    };
  });
}
"""


@figures()
def test_no_two_texts_meet_in_a_browser(figure: Path, page: Page) -> None:
    page.set_content(figure.read_text().partition("?>")[2])
    svg = page.locator("svg")
    width, height = svg.evaluate("svg => [svg.viewBox.baseVal.width, svg.viewBox.baseVal.height]")
    boxes: list[Box] = svg.evaluate(BOXES)
    outside = [
        box["text"]
        for box in boxes
        if box["left"] < 0 or box["top"] < 0 or box["right"] > width or box["bottom"] > height
    ]
    assert not outside, f"beyond the border: {outside}"
    meeting = [f"{one['text']} | {other['text']}" for one, other in combinations(boxes, 2) if meet(one, other)]
    assert not meeting


def meet(one: Box, other: Box) -> bool:
    return (
        min(one["right"], other["right"]) - max(one["left"], other["left"]) > TOLERANCE
        and min(one["bottom"], other["bottom"]) - max(one["top"], other["top"]) > TOLERANCE
    )
