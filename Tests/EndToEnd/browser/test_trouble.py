"""Pages that stay open beside a disk that fills up and files on which the HDF5 library crashes."""

import os
import shutil

import pytest
from conftest import by_architecture
from pages import browser, expect, visit
from test_faults import MiB, check_full, endless, small_disk, started
from test_live import step, until
from test_watch_faults import CRASHED, crash
from watching import watching


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


def test_a_disk_fills_up_under_an_open_page(chromium, recorded, tmp_path):
    with small_disk(tmp_path / "disk", 32 * MiB), watching(tmp_path / "disk", cwd=tmp_path) as server:
        folder = tmp_path / "disk"
        with visit(chromium, server.address, waits=False) as one:
            writer = started(endless(folder))
            try:
                expect(one.page.locator(".standing.running")).to_have_text("running")
                expect(one.page.locator("#chart > svg").first).to_be_visible()
                path, flushed = check_full(writer, folder, "No space left on device")
            finally:
                writer.kill()
                writer.communicate()
            expect(one.page.locator(".standing.ended")).to_have_text("killed")
            until(lambda: step(one.page) >= flushed - 1)
            assert "left" not in one.page.inner_text("#list") and one.page.inner_text("#link") == "live"
            # Room is made, and another run is there.
            shutil.move(path, tmp_path / "kept.h5")
            expect(one.page.locator("#list")).to_contain_text("the file is gone")
            shutil.copy(by_architecture(recorded)["pre-ln"], folder / "next.h5")
            expect(one.page.locator("#table tbody th")).to_have_text("Pre-LN")
            assert one.loads == 1


def test_a_file_that_crashes_the_library_under_an_open_page(chromium, recorded, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    runs = by_architecture(recorded)
    for name in ("first", "second"):
        shutil.copy(runs["pre-ln" if name == "first" else "post-ln"], folder / f"{name}.h5")
    with watching(folder, cwd=tmp_path) as server, visit(chromium, server.address) as one:
        expect(one.page.locator("#table tbody tr")).to_have_count(2)
        for number in range(12):
            crash(folder / f"bad{number}.h5", runs["normformer"])
        crash(folder / "first.h5", runs["normformer"])
        expect(one.page.locator("#list .problem-text", has_text=CRASHED)).to_have_count(13)
        expect(one.page.locator("#table tbody th")).to_have_text("Post-LN")
        expect(one.page.locator("#problem")).to_be_hidden()
        one.page.select_option("#choice-stat", "l2")
        expect(one.page.locator("#view-title")).to_contain_text("L2 norm")
        os.replace(shutil.copy(runs["normformer"], tmp_path / "sound.h5"), folder / "first.h5")
        expect(one.page.locator("#table tbody tr")).to_have_count(2)
        expect(one.page.locator("#table tbody")).to_contain_text("NormFormer")
        assert one.loads == 1
