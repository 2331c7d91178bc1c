"""`verify` and `recover`, on the files that `grads` leaves finished, killed and damaged."""

import json
import re
import shutil
import struct
import subprocess

import h5py
import numpy
import pytest
import xarray
from conftest import TRAINING, by_architecture, refuses, run, run_files, small, succeeds
from hdf5_blocks import Block, seal
from test_interruption import check_rows, long_run

STEPS = TRAINING["steps"]


def findings(*paths, cwd) -> list[dict]:
    """The rows of `verify --format json`, whatever its exit status."""
    return json.loads(run("verify", *paths, "--format=json", cwd=cwd).stdout)["rows"]


def states(rows, part) -> set[str]:
    return {row["state"] for row in rows if row["part"] == part}


@pytest.fixture
def finished(recorded, tmp_path):
    return shutil.copy(by_architecture(recorded)["normformer"], tmp_path / "run.h5")


@pytest.fixture(scope="module")
def killed_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    with long_run(folder) as process:
        process.kill()
        process.wait()
    return run_files(folder)[0]


@pytest.fixture
def killed(killed_run, tmp_path):
    return shutil.copy(killed_run, tmp_path / "killed.h5")


def steps_in(path) -> list[int]:
    return [row["count"] for row in findings(path, cwd=path.parent) if row["part"] == "step"]


def test_a_finished_run_is_whole(finished):
    before = finished.read_bytes()
    result = succeeds("verify", finished, cwd=finished.parent)
    assert result.stdout.startswith(f"{finished}: whole")
    rows = findings(finished, cwd=finished.parent)
    assert {row["state"] for row in rows} == {"whole"}
    assert [(row["count"], row["detail"]) for row in rows if row["part"] == "step"] == [(STEPS, f"0 to {STEPS - 1}")]
    assert "as it was" in succeeds("recover", finished, cwd=finished.parent).stdout
    assert finished.read_bytes() == before
    assert [path.name for path in finished.parent.iterdir()] == ["run.h5"]


def test_a_killed_run_is_whole_and_opens_plainly_after_recover(killed):
    with pytest.raises(OSError):
        h5py.File(killed)
    with h5py.File(killed, swmr=True) as file:
        seen = {name: file[name][...] for name in file if file[name].shape}
    result = succeeds("verify", killed, cwd=killed.parent)
    assert "recover" in result.stdout and "killed.h5: whole" in result.stdout
    count = steps_in(killed)
    assert "opens plainly now" in succeeds("recover", killed, cwd=killed.parent).stdout
    with h5py.File(killed) as file:
        check_rows(file)
        rows = len(file["step"])
        assert rows >= 20 and count == [rows]
        for name in ("loss", "gradient_l1", "row_checksum", "segment"):
            assert len(file[name]) == rows
            numpy.testing.assert_array_equal(file[name][...], seen[name][:rows])
    with xarray.open_dataset(killed, engine="h5netcdf") as dataset:
        assert dataset.sizes["step"] == rows
    once = killed.read_bytes()
    assert "as it was" in succeeds("recover", killed, cwd=killed.parent).stdout
    assert killed.read_bytes() == once
    succeeds("grads", killed, "--out=table", cwd=killed.parent)
    assert "stopped before its end" in succeeds("info", killed, cwd=killed.parent).stdout


def test_h5dump_reads_it_after_recover(killed):
    if not shutil.which("h5dump"):
        pytest.skip("h5dump is not installed")
    command = ["h5dump", "-H", str(killed)]
    assert subprocess.run(command, capture_output=True).returncode != 0
    succeeds("recover", killed, cwd=killed.parent)
    assert b'DATASET "gradient_l1"' in subprocess.run(command, capture_output=True, check=True).stdout


def test_a_living_writer_is_left_alone(tmp_path):
    with long_run(tmp_path) as process:
        (path,) = run_files(tmp_path)
        refuses("recover", path, cwd=tmp_path, mentions=[rf"process {process.pid}\b", "wait|end"])
        rows = findings(path, cwd=tmp_path)
        assert states(rows, "file") == {"growing"}
        assert run("verify", path, cwd=tmp_path).returncode == 0
        assert process.poll() is None
        with h5py.File(path, swmr=True) as file:
            check_rows(file)


def place_of(path, variable, row) -> int:
    """Where one row of a variable lies in the file."""
    with h5py.File(path) as file:
        dataset = file[variable]
        chunk = dataset.id.get_chunk_info(row // dataset.chunks[0])
        return chunk.byte_offset + row % dataset.chunks[0] * dataset[0].nbytes


def flip(path, place, mask=0x10):
    data = bytearray(path.read_bytes())
    data[place] ^= mask
    path.write_bytes(data)


@pytest.mark.parametrize("variable, table", [
    ("gradient_l1", "step"), ("loss", "step"), ("seconds", "step"), ("row_checksum", "step"),
    ("attempt_checksum", "step"), ("scale_c_attn", "snapshot"), ("status", "event"),
])  # fmt: skip
@pytest.mark.parametrize("row", ["first", "last"])
def test_a_flipped_bit_is_found(variable, table, row, finished):
    with h5py.File(finished) as file:
        row = 0 if row == "first" else len(file[table]) - 1
        key = file[table][row]
    flip(finished, place_of(finished, variable, row))
    result = run("verify", finished, cwd=finished.parent)
    assert result.returncode == 1 and f"{finished}: damaged" in result.stdout
    (found,) = [row for row in findings(finished, cwd=finished.parent) if row["state"] == "damaged"]
    assert (found["part"], found["count"]) == (table, 1) and f"{table} {key}:" in found["detail"]
    damaged = finished.read_bytes()
    succeeds("recover", finished, cwd=finished.parent)
    assert finished.read_bytes() == damaged, "damage is not cut away"


def test_a_damaged_row_enters_no_table(finished):
    whole = succeeds("export", finished, cwd=finished.parent).stdout
    flip(finished, place_of(finished, "gradient_l1", 5))
    result = succeeds("export", finished, cwd=finished.parent)
    assert "1 damaged row of step is left out" in result.stderr and "verify" in result.stderr
    kept = [line for line in whole.splitlines() if line.split(",")[1] != "5"]
    assert result.stdout.splitlines() == kept
    assert "damaged" in succeeds("grads", finished, "--out=table", "--window=4:8", cwd=finished.parent).stderr
    assert str(STEPS - 1) in succeeds("info", finished, cwd=finished.parent).stdout


def test_a_changed_name_is_found(finished):
    data = finished.read_bytes()
    place = data.index(b"self_attn.q_proj.weight")
    flip(finished, place, 1)
    rows = findings(finished, cwd=finished.parent)
    assert run("verify", finished, cwd=finished.parent).returncode == 1
    assert states(rows, "manifest") == {"damaged"}
    assert "not as they were written" in run("info", finished, cwd=finished.parent).stderr


@pytest.mark.parametrize("marked", [True, False])
def test_a_file_that_is_shorter_than_its_header_says(marked, finished):
    """While a repair cuts rows off, the file shrinks before its header does; one that was closed has lost something."""
    data = bytearray(finished.read_bytes())
    mark, end = 11, 28
    data[mark] = int(marked)
    data[end : end + 8] = struct.pack("<Q", len(data) + 8192)
    seal(data, Block("superblock", 0, 44))
    finished.write_bytes(data)
    with pytest.raises(OSError):
        h5py.File(finished)
    if marked:
        assert steps_in(finished) == [STEPS]
        assert states(findings(finished, cwd=finished.parent), "file") == {"open"}
        succeeds("recover", finished, cwd=finished.parent)
        with h5py.File(finished) as file:
            check_rows(file)
            assert len(file["step"]) == STEPS
    else:
        refuses("recover", finished, cwd=finished.parent, mentions=["is cut off"])
        assert finished.read_bytes() == data


def test_many_files(finished, killed, tmp_path):
    (tmp_path / "text.h5").write_text("no run")
    cut = tmp_path / "cut.h5"
    cut.write_bytes(finished.read_bytes()[:5000])
    paths = [finished, tmp_path / "text.h5", killed, cut, tmp_path / "absent.h5"]
    result = run("verify", *paths, cwd=tmp_path)
    assert result.returncode == 1 and "5 files, 3 cannot be read" in result.stdout
    assert "absent.h5: cannot be read" in run("verify", tmp_path / "absent.h5", cwd=tmp_path).stdout
    by_file = {row["file"]: row["state"] for row in findings(*paths, cwd=tmp_path) if row["part"] == "file"}
    assert list(by_file.values()) == ["whole", "unreadable", "open", "unreadable", "unreadable"]
    result = run("recover", *paths, cwd=tmp_path)
    assert result.returncode == 1
    assert "opens plainly now" in result.stdout and result.stderr.count("nf-probe: ") == 3
    assert not list(tmp_path.glob("*.lock"))
    h5py.File(killed).close()


def test_only_the_lock_can_be_in_the_way(killed):
    (killed.parent / "killed.h5.lock").mkdir()
    refuses("recover", killed, cwd=killed.parent, mentions=["cannot be repaired", "directory"])


# Checkpoints


def safetensors(path, metadata: dict, values: numpy.ndarray):
    header = {"__metadata__": metadata} if metadata else {}
    header["a"] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [0, values.nbytes]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + values.tobytes())


def test_checkpoints(tmp_path):
    values = numpy.arange(37, dtype=numpy.float32)
    path = tmp_path / "weights.safetensors"
    safetensors(path, {}, values)
    rows = findings(path, cwd=tmp_path)
    assert states(rows, "header") == {"whole"} and states(rows, "data") == {"unchecked"}
    assert run("verify", path, cwd=tmp_path).returncode == 0
    path.write_bytes(path.read_bytes()[:-1])
    assert states(findings(path, cwd=tmp_path), "file") == {"unreadable"}
    renamed = tmp_path / "weights.bin"
    safetensors(renamed, {}, values)
    assert states(findings(renamed, cwd=tmp_path), "header") == {"whole"}
    refuses("recover", path, cwd=tmp_path, mentions=["not an HDF5 file"])


def test_checkpoints_of_runs(tmp_path):
    succeeds("train", *small(out="run"), cwd=tmp_path)
    for path in sorted(tmp_path.rglob("*.safetensors")):
        assert states(findings(path, cwd=tmp_path), "data") == {"whole"}
        flip(path, path.stat().st_size - 1)
        rows = findings(path, cwd=tmp_path)
        assert states(rows, "data") == {"damaged"} and "decoder." in str(rows)
        result = run("verify", path, cwd=tmp_path)
        assert result.returncode == 1 and f"{path}: damaged" in result.stdout


# Folders


@pytest.fixture
def folder(recorded, tmp_path):
    return shutil.copytree(recorded, tmp_path / "runs")


def test_a_folder_stands_for_its_run_files(folder):
    files = sorted(path.relative_to(folder.parent) for path in folder.glob("*.h5"))
    assert len(files) == 3
    for words in (["verify"], ["grads"], ["scales"], ["export", "--format=notebook", "--out=a.ipynb", "--overwrite"]):
        by_folder, by_name = (succeeds(*words, *names, cwd=folder.parent) for names in (["runs/"], files))
        assert by_folder.stdout == by_name.stdout
    told = succeeds("recover", "runs", cwd=folder.parent).stdout
    assert [line.split(":")[0] for line in told.splitlines()] == [str(path) for path in files]


def test_one_damaged_file_of_a_folder(folder):
    path = sorted(folder.glob("*.h5"))[1]
    path.write_bytes(path.read_bytes()[:300])
    result = run("verify", "runs", cwd=folder.parent)
    assert result.returncode == 1
    assert result.stdout.startswith("3 files, 1 cannot be read")
    assert re.search(rf"runs/{path.name} +file +unreadable", result.stdout)


def test_a_folder_of_other_things(folder):
    (folder.parent / "empty").mkdir()
    refuses("grads", "empty", cwd=folder.parent, mentions=["empty: is a folder, not a run file"])
    refuses("verify", ".", cwd=folder.parent, mentions=["holds no run files", "its folders runs do", "name those"])
    refuses("info", "runs", cwd=folder.parent, mentions=["runs: is a folder, not a run file"])
    # Weights that Transformers has saved for another library are no run file.
    (folder / "config.json").write_text("{}")
    assert "runs: cannot be read" in run("verify", "runs", cwd=folder.parent).stdout
