"""Pages that stay open while runs grow, die, go on and are replaced, and while the server does."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from conftest import PROGRAM, by_architecture, environment, small, succeeds
from pages import browser, expect, visit
from watching import watching


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


def training(cwd: pathlib.Path, *arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [PROGRAM, "train", *arguments, "--quiet"], cwd=cwd, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def step(page) -> int:
    found = re.search(r"step (\d+)", page.inner_text("#list"))
    return int(found[1]) if found else -1


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def test_a_run_is_followed_to_its_end_and_choices_stay(chromium, tmp_path):
    (tmp_path / "runs").mkdir()
    with watching("runs", cwd=tmp_path) as server, visit(chromium, server.address, waits=False) as one:
        expect(one.page.locator("#list")).to_contain_text("No run file yet")
        expect(one.page.locator("#problem")).to_contain_text("no run with a step")
        process = training(tmp_path, *small(steps=60_000, architecture="pre-ln", out="runs/one"))
        try:
            expect(one.page.locator(".standing.running")).to_have_text("running")
            expect(one.page.locator("#chart > svg").first).to_be_visible()
            until(lambda: step(one.page) > 200)
            one.page.fill("#choice-from", "50")
            one.page.fill("#choice-to", "149")
            one.page.keyboard.press("Enter")
            one.page.select_option("#choice-y", "linear")
            expect(one.page.locator("#table caption").first).to_contain_text("steps 50 to 149")
            seen = step(one.page)
            until(lambda: step(one.page) > seen + 100)
            assert one.window() == ("50", "149") and one.page.input_value("#choice-y") == "linear"
            assert "left" in one.page.inner_text("#list")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130
            expect(one.page.locator(".standing")).to_have_text("interrupted")
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()
        assert one.loads == 1


def test_a_long_way_to_the_server_is_no_reason_to_ask_seldom(chromium, tmp_path):
    """The page rests in proportion to what its server works, not to how far away that is."""
    process = training(tmp_path, *small(steps=1_000_000, architecture="pre-ln", out="runs"))
    try:
        until(lambda: list(tmp_path.glob("runs/*.h5")))
        with watching("runs", cwd=tmp_path) as server, visit(chromium, server.address) as one:
            asked = []

            def late(route):
                asked.append(time.monotonic())
                time.sleep(0.2)
                route.continue_()

            one.page.route("**/api/view*", late)
            one.page.wait_for_timeout(9_000)
            # Every second at best; a way of 0.2 s counted as work would make it one in fifteen.
            assert len(asked) >= 3, asked
    finally:
        process.kill()
        process.communicate()


def test_a_killed_run_a_resumed_one_and_its_end(chromium, tmp_path):
    options = small(steps=6000, architecture="pre-ln", out="runs", checkpoint_every=200)
    with watching(tmp_path, cwd=tmp_path) as server:
        first = training(tmp_path, *options)
        try:
            server.wait(lambda rows: (rows[0].get("step") or 0) > 600, seconds=60)
        finally:
            first.kill()
            first.communicate()
        with visit(chromium, server.address) as one:
            expect(one.page.locator(".standing")).to_have_text("killed")
            seen = step(one.page)
            second = training(tmp_path, "--resume", "runs")
            try:
                expect(one.page.locator(".standing")).to_have_text("running")
                assert second.wait(timeout=120) == 0, second.stderr.read()
            finally:
                if second.poll() is None:
                    second.kill()
                second.communicate()
            expect(one.page.locator(".standing")).to_have_text("finished")
            until(lambda: step(one.page) == 5999)
            assert seen < 5999 and one.loads == 1


def test_files_that_are_replaced_damaged_and_deleted_under_an_open_page(chromium, recorded, tmp_path):
    runs = by_architecture(recorded)
    folder = tmp_path / "runs"
    folder.mkdir()
    shown = folder / "shown.h5"
    shutil.copy(runs["pre-ln"], shown)
    with watching(folder, cwd=tmp_path) as server, visit(chromium, server.address) as one:
        expect(one.page.locator("#table tbody th")).to_have_text("Pre-LN")
        os.replace(shutil.copy(runs["normformer"], tmp_path / "next.h5"), shown)
        expect(one.page.locator("#table tbody th")).to_have_text("NormFormer")
        (tmp_path / "cut.h5").write_bytes(shown.read_bytes()[:30_000])
        os.replace(tmp_path / "cut.h5", shown)
        expect(one.page.locator("#list")).to_contain_text("cut off")
        shown.unlink()
        expect(one.page.locator("#list")).to_contain_text("the file is gone")
        shutil.copy(runs["post-ln"], shown)
        expect(one.page.locator("#table tbody th")).to_have_text("Post-LN")
        assert one.loads == 1


def test_the_server_starts_anew_under_an_open_page(chromium, recorded, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with watching(recorded, cwd=tmp_path, port=port) as server, visit(chromium, server.address) as one:
        expect(one.page.locator("#link")).to_have_text("live")
        server.stop()
        expect(one.page.locator("#link")).to_contain_text("does not answer")
        expect(one.page.locator("#chart > svg").first).to_be_visible()
        with watching(recorded, cwd=tmp_path, port=port):
            expect(one.page.locator("#link")).to_have_text("live")
            one.page.select_option("#choice-stat", "l2")
            expect(one.page.locator("#view-title")).to_contain_text("L2 norm")
        assert one.loads == 1


def test_ten_pages_are_open_at_once(chromium, recorded, tmp_path):
    with watching(recorded, cwd=tmp_path) as server:
        pages = [chromium.new_page() for _ in range(10)]
        for page in pages:
            page.goto(server.address)
        for page in pages:
            expect(page.locator("#chart > svg").first).to_be_visible()
            expect(page.locator("#link")).to_have_text("live")
            page.close()


def test_a_spike_of_one_step_is_seen(chromium, tmp_path):
    """Of six thousand steps drawn in some hundred columns, the largest of each layer is among the points."""
    succeeds("train", *small(steps=6_000, architecture="pre-ln", out="long", quiet=True), cwd=tmp_path, timeout=300)
    import h5py

    with h5py.File(next((tmp_path / "long").glob("*.h5"))) as file:
        names = [name.decode() if isinstance(name, bytes) else name for name in file["tensor"][:]]
        values = file["gradient_l1"][:, 0, names.index("fc2.weight")]
    with watching("long", cwd=tmp_path) as server:
        server.runs(step=5_999)
        panel = server.json("view", width=300)["figure"]["panels"][0]
        raw = next(series for series in panel["series"] if series["name"] == "0, each step")
        assert len(raw["y"]) < 2500
        assert max(raw["y"]) == pytest.approx(values.max()) and min(raw["y"]) == pytest.approx(values.min())
        assert raw["x"][raw["y"].index(max(raw["y"]))] == int(values.argmax())


def test_names_with_markup_are_text(chromium, recorded, tmp_path):
    import h5py

    folder = tmp_path / "runs"
    folder.mkdir()
    shutil.copy(by_architecture(recorded)["pre-ln"], folder / "<img src=x onerror=alert(1)>.h5")
    with h5py.File(next(folder.iterdir()), "r+") as file:
        file.attrs["architecture"] = "<script>alert(1)</script><b>x"
    with watching(folder, cwd=tmp_path) as server, visit(chromium, server.address) as one:
        expect(one.page.locator("#list")).to_contain_text("<img src=x onerror=alert(1)>")
        assert one.page.locator("main img, main script, main b:has-text('x')").count() == 0


def test_with_a_token_the_page_and_its_parts_are_there(chromium, recorded, tmp_path):
    with watching(recorded, "--token", cwd=tmp_path) as server, visit(chromium, server.address) as one:
        expect(one.page.locator("#link")).to_have_text("live")
        with one.page.expect_download():
            one.page.locator("#downloads a").first.click()
