"""`nf-probe watch` beside what goes wrong: a disk that is full, files on which the HDF5 library crashes.

The same under a page that is open in a browser: `make watch-check`.
"""

import os
import pathlib
import shutil

import pytest
from conftest import by_architecture, run, succeeds
from hdf5_blocks import crashing
from test_faults import MiB, check_full, endless, small_disk, started
from watching import watching

CRASHED = "the HDF5 library crashed on it: Segmentation fault"


def crash(path: pathlib.Path, sound: pathlib.Path) -> pathlib.Path:
    """Puts a file in place that is a run but for a byte on which the library crashes."""
    beside = path.with_suffix(".new")
    beside.write_bytes(crashing(sound.read_bytes()))
    os.replace(beside, path)
    said = run("info", path, cwd=path.parent)
    assert said.returncode == 1 and "damaged" in said.stderr
    if CRASHED not in said.stderr:
        pytest.skip("this version of the HDF5 library survives the file")
    return path


def test_a_run_that_fills_its_disk(recorded, tmp_path):
    """Every step that was flushed is shown, the run is no longer said to go on, and what comes next is shown as well."""
    with small_disk(tmp_path / "disk", 12 * MiB), watching(tmp_path / "disk", cwd=tmp_path) as server:
        folder = tmp_path / "disk"
        # Steps of many tokens: the disk is not full before the server has looked for the first time.
        writer = started(endless(folder, batch=32))
        try:
            server.wait(lambda rows: rows[0].get("standing") == "running" and rows[0].get("step", 0) > 0, seconds=60)
            path, flushed = check_full(writer, folder, "No space left on device")
        finally:
            writer.kill()
            writer.communicate()
        row = server.wait(lambda rows: rows[0].get("standing") == "killed")[0]
        assert row.get("problem") is None
        assert row["step"] >= flushed - 1 and row.get("secondsLeft") is None
        view = server.json("view")
        assert view["steps"] == [0, row["step"]] and view["figure"]["panels"][0]["name"] == "NormFormer"
        # What looks at every operation has had the file open, too: what is moved away gives its room back.
        assert server.get("api/findings").status == 200 and server.get("api/view", view="operations").status == 200
        shutil.move(path, tmp_path / "kept.h5")
        server.runs(problem="the file is gone")
        shutil.copy(by_architecture(recorded)["pre-ln"], folder / "next.h5")
        server.runs(architecture="Pre-LN", standing="finished")
    succeeds("recover", tmp_path / "kept.h5", cwd=tmp_path)


def test_a_file_that_crashes_the_library_is_a_line_of_the_list(recorded, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    runs = by_architecture(recorded)
    shutil.copy(runs["pre-ln"], folder / "sound.h5")
    bad = crash(folder / "bad.h5", runs["normformer"])
    with watching(folder, cwd=tmp_path) as server:
        rows = {row["name"]: row for row in server.runs(name="sound.h5", standing="finished")}
        assert rows["bad.h5"]["problem"] == f"bad.h5 could not be read: the file is damaged ({CRASHED})"
        assert str(tmp_path) not in rows["bad.h5"]["problem"]
        assert server.json("view")["figure"]["panels"][0]["name"] == "Pre-LN"
        chosen = server.get("api/view", runs=rows["bad.h5"]["id"])
        assert chosen.status == 422
        # One that is sound is put in its place, and one that crashes in the place of the one that is shown.
        os.replace(shutil.copy(runs["post-ln"], tmp_path / "next.h5"), bad)
        server.runs(name="bad.h5", architecture="Post-LN")
        crash(folder / "sound.h5", runs["normformer"])
        row = next(row for row in server.wait(lambda rows: any(row.get("problem") for row in rows)) if row["name"] == "sound.h5")
        assert CRASHED in row["problem"]
        assert server.json("view")["figure"]["panels"][0]["name"] == "Post-LN"
        assert server.process.poll() is None


def test_many_files_that_crash_the_library(recorded, tmp_path):
    """Each takes a reading process down; the sound one among them is read all the same."""
    folder = tmp_path / "runs"
    folder.mkdir()
    runs = by_architecture(recorded)
    first = crash(folder / "00.h5", runs["normformer"])
    for number in range(1, 20):
        shutil.copy(first, folder / f"{number:02}.h5")
    shutil.copy(runs["pre-ln"], folder / "10-sound.h5")
    with watching(folder, cwd=tmp_path) as server:
        rows = server.wait(lambda rows: len(rows) == 21, seconds=60)
        assert sum(CRASHED in (row.get("problem") or "") for row in rows) == 20
        assert server.json("view")["figure"]["panels"][0]["name"] == "Pre-LN"
