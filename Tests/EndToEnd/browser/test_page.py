"""The page of `nf-probe watch` as people meet it: in Chromium, with pointer and with keyboard, on screens of any size."""

import os
import pathlib
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import small, succeeds
from pages import browser, expect, visit
from watching import watching

PICTURES = ["layers", "loss", "map", "operations", "ratio", "scales"]


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> pathlib.Path:
    """Runs long enough for moving means and intervals, two seeds each."""
    folder = tmp_path_factory.mktemp("watched")
    succeeds("grads", *small(steps=120, seeds=2, out="runs"), cwd=folder)
    return folder / "runs"


@pytest.fixture(scope="module")
def server(runs):
    with watching(runs, cwd=runs.parent) as running:
        running.runs(architecture="NormFormer")
        yield running


def drag(page, start: float, end: float):
    """Drags over the first panel between two shares of the picture's width."""
    box = page.locator("#chart > svg").first.bounding_box()
    y = box["y"] + box["height"] * 0.25
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y, steps=4)
    page.mouse.move(box["x"] + box["width"] * end, y, steps=4)
    page.mouse.up()


def test_a_window_is_chosen_in_the_picture_and_stands_in_the_address(chromium, server):
    with visit(chromium, server.address) as one:
        title = one.page.locator("#table caption").first
        before = title.inner_text()
        drag(one.page, 0.15, 0.3)
        expect(title).not_to_have_text(before)
        assert re.search(r"#window=\d+:\d+$", one.page.url)
        lower, upper = map(int, one.window())
        assert f"steps {lower} to {upper}" in title.inner_text() and 0 <= lower < upper < 120
        with visit(chromium, server.address, fragment=one.page.url.split("#")[1]) as other:
            expect(other.page.locator("#table caption").first).to_have_text(title.inner_text())
        one.page.locator("#chart").dblclick(position={"x": 5, "y": 5})
        expect(title).to_have_text(before)


def test_the_pointer_reads_values(chromium, server, runs):
    with visit(chromium, server.address) as one:
        box = one.page.locator("#chart > svg").first.bounding_box()
        one.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.2)
        expect(one.page.locator("#reading")).to_contain_text(re.compile(r"Post-LN, step \d+\. layer 0: [\d.]+, layer 1: "))


@pytest.mark.parametrize("picture", PICTURES)
def test_every_picture_is_drawn_and_saved(chromium, server, picture):
    with visit(chromium, server.address, fragment=f"view={picture}") as one:
        expect(one.page.locator(f"#picture-{picture}")).to_be_checked()
        expect(one.page.locator("#table table").first).to_be_visible()
        expect(one.page.locator("#problem")).to_be_hidden()
        for link in one.page.locator("#downloads a").all():
            with one.page.expect_download() as saved:
                link.click()
            text = pathlib.Path(saved.value.path()).read_text(encoding="utf-8")
            assert saved.value.suggested_filename == link.get_attribute("data-file") and len(text.splitlines()) > 3


def test_the_slider_goes_through_the_snapshots(chromium, server):
    with visit(chromium, server.address, fragment="view=scales") as one:
        output = one.page.locator("#snapshot-step")
        expect(output).to_have_text("after 120 updates")
        one.page.focus("#choice-snapshot")
        one.page.keyboard.press("Home")
        expect(output).to_have_text("after 0 updates")
        expect(one.page.locator("#table caption").first).to_contain_text("step 0")
        assert one.page.url.endswith("snapshot=0")


def test_choices_change_the_picture_and_wrong_ones_are_answered(chromium, server):
    with visit(chromium, server.address) as one:
        one.page.fill("#choice-op", "fc1.weight")
        one.page.keyboard.press("Enter")
        expect(one.page.locator("#view-title")).to_contain_text("fc1.weight")
        one.page.select_option("#choice-stat", "rms")
        expect(one.page.locator("#view-title")).to_contain_text("root mean square")
        one.page.select_option("#choice-x", "tokens")
        expect(one.page.locator("#chart")).to_contain_text("tokens")
        one.page.fill("#choice-op", "fc9.weight")
        one.page.keyboard.press("Enter")
        expect(one.page.locator("#problem")).to_contain_text("did you mean")
        expect(one.page.locator("#view-title")).to_contain_text("fc1.weight")
        one.page.fill("#choice-op", "fc2.weight")
        one.page.keyboard.press("Enter")
        expect(one.page.locator("#problem")).to_be_hidden()


def test_runs_are_chosen_and_found(chromium, server):
    with visit(chromium, server.address) as one:
        expect(one.page.locator(".group")).to_have_count(3)
        one.page.get_by_label("Show all runs of Post-LN").uncheck()
        expect(one.page.locator("#table tbody tr")).to_have_count(2)
        one.page.fill("#filter", "normformer")
        expect(one.page.locator(".group")).to_have_count(1)
        expect(one.page.locator("#list .run")).to_have_count(2)


def test_the_keyboard_is_enough(chromium, server):
    """From the top of the page to a window in the picture, without a pointer."""
    with visit(chromium, server.address) as one:
        reached = []
        for _ in range(60):
            one.page.keyboard.press("Tab")
            name = one.page.evaluate("document.activeElement.id || document.activeElement.dataset.key || ''")
            reached.append(name)
            if name == "chart":
                break
        assert reached[0] == "skip" and reached[-1] == "chart"
        assert {"filter", "choice-op", "choice-stat", "choice-layers", "choice-from", "zoom"} <= set(reached)
        for _ in range(3):
            one.page.keyboard.press("ArrowRight")
        expect(one.page.locator("#reading")).to_contain_text("Post-LN, step")
        first = one.reading()
        one.page.keyboard.press("PageDown")
        expect(one.page.locator("#reading")).to_contain_text("Pre-LN, step")
        assert one.reading() != first
        for _ in range(20):
            one.page.keyboard.press("Shift+ArrowRight")
        one.page.keyboard.press("Enter")
        expect(one.page.locator("#usual-window")).to_be_enabled()
        assert "window=" in one.page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("picture", PICTURES)
def test_nothing_keeps_anybody_out(chromium, server, picture, width, scheme):
    with visit(chromium, server.address, width=width, scheme=scheme, fragment=f"view={picture}") as one:
        expect(one.page.locator("#table table").first).to_be_visible()
        found = Axe().run(one.page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 2560])
@pytest.mark.parametrize("picture", PICTURES)
def test_nothing_is_cut_or_overlaps(chromium, server, picture, width, scheme):
    """Screens of any width: no sideways scrolling, no control over another, no word over another in the picture."""
    with visit(chromium, server.address, width=width, scheme=scheme, fragment=f"view={picture}") as one:
        expect(one.page.locator("#table table").first).to_be_visible()
        if folder := os.environ.get("NF_PROBE_SCREENS"):
            one.page.screenshot(path=f"{folder}/{picture}-{width}-{scheme}.png", full_page=True)
        assert one.page.evaluate("document.documentElement.scrollWidth") <= width
        if width >= 1280 and picture in ("layers", "loss", "map"):
            assert one.page.evaluate("[...document.querySelectorAll('.scroll')].every((e) => e.scrollWidth <= e.clientWidth)")
        assert one.page.evaluate(OVERLAPS, "#choices .field:not([hidden]), #choices fieldset:not([hidden])") == []
        assert one.page.evaluate(OVERLAPS, "#chart > svg:first-child text") == []
        assert one.page.evaluate(OUTSIDE, "#chart > svg:first-child text") == []


# Boxes of elements that meet by more than a hair, by their words.
OVERLAPS = """(selector) => {
  const boxes = [...document.querySelectorAll(selector)].map((e) => [e.textContent.slice(0, 40), e.getBoundingClientRect()]).filter(([, b]) => b.width);
  const found = [];
  boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
    const x = Math.min(p.right, q.right) - Math.max(p.left, q.left), y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (x > 1.5 && y > 2.5) found.push(`${a} / ${b}`);
  }));
  return found;
}"""
OUTSIDE = """(selector) => {
  const whole = document.querySelector("#chart > svg").getBoundingClientRect();
  return [...document.querySelectorAll(selector)].filter((e) => {
    const b = e.getBoundingClientRect();
    return b.left < whole.left - 1 || b.right > whole.right + 1 || b.top < whole.top - 1 || b.bottom > whole.bottom + 1;
  }).map((e) => e.textContent);
}"""
