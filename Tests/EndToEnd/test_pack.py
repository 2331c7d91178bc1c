"""`pack`: files of finished runs compressed and thinned out, and what it leaves alone."""

import json
import resource
import shutil
import signal
import subprocess
import time

import h5py
import numpy
import pytest
import xarray
from conftest import PROGRAM, by_architecture, environment, flags, refuses, run, run_files, small, succeeds
from independent_reader import Run
from test_interruption import long_run

STEPS = 400
EVERY = 50


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A run of many steps, of which some last ones are thawed and others never trained."""
    folder = tmp_path_factory.mktemp("long")
    succeeds("train", *small(architecture="normformer", steps=STEPS, activations=True, out="runs"), cwd=folder)
    return run_files(folder)[0]


@pytest.fixture
def original(long, tmp_path):
    return shutil.copy(long, tmp_path / "run.h5")


@pytest.fixture(scope="module")
def thin(long, tmp_path_factory):
    path = tmp_path_factory.mktemp("thin") / "thin.h5"
    succeeds("pack", long, f"--every={EVERY}", f"--to={path}", cwd=path.parent)
    return path


def contents(path) -> dict[str, numpy.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][...] for name in file}


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_number_is_there_and_takes_less_room(original, long):
    before = original.stat().st_size
    assert "became" in succeeds("pack", original, cwd=original.parent).stdout
    assert original.stat().st_size < 0.6 * before
    packed, plain = contents(original), contents(long)
    assert packed.keys() == plain.keys()
    for name, values in plain.items():
        assert packed[name].dtype == values.dtype
        numpy.testing.assert_array_equal(packed[name], values)
    with h5py.File(original) as file, h5py.File(long) as other:
        assert (file["gradient_l1"].compression, file["gradient_l1"].shuffle) == ("gzip", True)
        differing = {name for name in file.attrs if name not in other.attrs or file.attrs[name] != other.attrs[name]}
        assert differing == {"packed_every", "packed_steps", "manifest_checksum"}
        assert (file.attrs["packed_every"], file.attrs["packed_steps"]) == (1, STEPS)
        for name in other:
            kept = [key for key in other[name].attrs if key not in ("DIMENSION_LIST", "REFERENCE_LIST")]
            assert all(numpy.array_equal(file[name].attrs[key], other[name].attrs[key]) for key in kept), name
    assert names(original.parent) == ["run.h5"]


def test_xarray_reads_what_is_packed(original, long, thin):
    succeeds("pack", original, cwd=original.parent)
    with xarray.open_dataset(original, engine="netcdf4") as one, xarray.open_dataset(long, engine="netcdf4") as two:
        assert one.drop_attrs().identical(two.drop_attrs())
    with xarray.open_dataset(thin, engine="netcdf4") as dataset:
        assert dataset.largest_gradient_l1.dims == ("step", "layer", "tensor")


@pytest.mark.parametrize("command", [
    ["grads", "--format=csv"], ["grads", "--window=300:350"], ["export"], ["export", "--window=10:12", "--scales"],
    ["scales", "--format=csv"], ["info", "--format=json"], ["verify", "--format=json"],
])  # fmt: skip
def test_commands_read_it_as_before(command, original):
    def text() -> str:
        return succeeds(command[0], original, *command[1:], cwd=original.parent).stdout

    before = text()
    succeeds("pack", original, "--quiet", cwd=original.parent)
    after = text()
    if command[0] == "info":
        before, after = ({r["fact"]: r["value"] for r in json.loads(t)["rows"]} for t in (before, after))
        assert f"all {STEPS}" in after.pop("packed")
    assert after == before


def test_a_report_and_a_ratio_of_packed_files(recorded, tmp_path):
    files = [shutil.copy(path, tmp_path / path.name) for path in run_files(recorded)]
    before = [succeeds("ratio", *files[:2], *more, cwd=tmp_path).stdout for more in ([], ["--window=5:9"])]
    succeeds("pack", *files, cwd=tmp_path)
    assert [succeeds("ratio", *files[:2], *more, cwd=tmp_path).stdout for more in ([], ["--window=5:9"])] == before
    succeeds("report", *files, "--out=page", "--quiet", cwd=tmp_path)
    assert (tmp_path / "page/report.html").exists()


def test_a_window_is_read_without_the_rest(original, long):
    succeeds("pack", original, "--quiet", cwd=original.parent)
    with h5py.File(original) as file:
        variable = file["gradient_l1"]
        rows = variable.chunks[0]
        assert rows <= STEPS // 3
        places = [variable.id.get_chunk_info(i) for i in range(variable.id.get_num_chunks())]
    data = bytearray(original.read_bytes())
    for place in places:
        if place.chunk_offset[0] != rows:
            data[place.byte_offset : place.byte_offset + place.size] = bytes(place.size)
    original.write_bytes(data)
    window = f"--window={rows}:{2 * rows}"
    for command in (["grads"], ["export", "--statistics=loss,gradient_l1"]):
        result = succeeds(command[0], original, *command[1:], window, cwd=original.parent)
        assert "damaged" not in result.stderr and result.stdout == succeeds(command[0], long, *command[1:], window, cwd=original.parent).stdout
    assert "damaged" in run("grads", original, cwd=original.parent).stderr


def test_a_thinned_file_keeps_one_step_in_so_many_and_the_extremes(thin, long):
    kept = [*range(0, STEPS, EVERY), STEPS - 1]
    packed, plain = contents(thin), contents(long)
    assert packed["step"].tolist() == kept
    ends = [*kept[1:], STEPS]
    for name in ("loss", "gradient_l1", "stem_gradient_max_abs", "gradient_nonfinite", "activation_l1", "row_checksum"):
        numpy.testing.assert_array_equal(packed[name], plain[name][kept])
    for name in ("loss", "gradient_l1", "stem_gradient_max_abs", "gradient_zeros", "activation_max_abs"):
        for extreme, function in (("smallest", numpy.nanmin), ("largest", numpy.nanmax)):
            with numpy.errstate(all="ignore"):
                expected = [function(plain[name][a:b].astype(float), axis=0) for a, b in zip(kept, ends, strict=True)]
            present = ~numpy.isnan(expected)
            numpy.testing.assert_array_equal(packed[f"{extreme}_{name}"][present], numpy.array(expected)[present])
    assert "smallest_segment" not in packed and "largest_seconds" not in packed
    reader = Run(str(thin))
    assert reader.is_manifest_intact and reader.rows["step"] == len(kept) and not any(reader.damaged.values())


def test_a_thinned_file_says_so(thin):
    facts = succeeds("info", thin, cwd=thin.parent).stdout
    assert f"one step in {EVERY} of {STEPS} recorded" in facts
    rows = json.loads(succeeds("verify", thin, "--format=json", cwd=thin.parent).stdout)["rows"]
    assert {row["state"] for row in rows} == {"whole"}
    succeeds("grads", thin, "--out=table", cwd=thin.parent)


def test_a_damaged_extreme_is_found(thin, tmp_path):
    path = shutil.copy(thin, tmp_path / "damaged.h5")
    with h5py.File(path, "r+") as file:
        file["largest_loss"][2] += 1
    assert run("verify", path, cwd=tmp_path).returncode == 1


def test_what_it_refuses(recorded, thin, tmp_path):
    path = shutil.copy(by_architecture(recorded)["pre-ln"], tmp_path / "run.h5")
    before = path.read_bytes()
    for arguments, mentions in [
        ([path, "--every=5"], ["--to", "--replace"]), ([path, "--every=0"], ["at least 1"]),
        ([path, path, "--to=x.h5"], ["--to takes one"]), ([path, "--to=run.h5"], ["exists already"]),
        ([path, "--to=no/x.h5"], ["no folder"]), (["none.h5"], ["no such file"]), ([thin], ["packed already"]),
    ]:  # fmt: skip
        refuses("pack", *arguments, cwd=tmp_path, mentions=mentions)
    with h5py.File(path, "r+") as file:
        file["loss"][3] += 1
    refuses("pack", path, cwd=tmp_path, mentions=["damaged", "stays as it is", "verify"])
    path.write_bytes(before)
    with h5py.File(path, "r+") as file:
        file["notes"] = [1, 2]
    refuses("pack", path, cwd=tmp_path, mentions=["notes"])
    assert names(tmp_path) == ["run.h5"]


def test_notes_of_other_programs_are_kept(recorded, tmp_path):
    path = shutil.copy(by_architecture(recorded)["pre-ln"], tmp_path / "run.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["imported_from"] = ["a log", "another"]
        file["loss"].attrs["smoothing"] = 0.25
    succeeds("pack", path, cwd=tmp_path)
    with h5py.File(path) as file:
        assert list(file.attrs["imported_from"]) == ["a log", "another"] and file["loss"].attrs["smoothing"] == 0.25


def test_a_run_that_goes_on_and_one_that_was_killed(tmp_path):
    with long_run(tmp_path) as process:
        (path,) = run_files(tmp_path)
        refuses("pack", path, cwd=tmp_path, mentions=[rf"process {process.pid}\b", "ended"])
        process.kill()
        process.wait()
    before = path.read_bytes()
    refuses("pack", path, cwd=tmp_path, mentions=["recover"])
    assert path.read_bytes() == before
    succeeds("recover", path, cwd=tmp_path)
    succeeds("pack", path, cwd=tmp_path)
    assert run("verify", path, cwd=tmp_path).returncode == 0


def test_nothing_is_added_to_a_packed_file(tmp_path):
    with long_run(tmp_path, checkpoint_every=5) as process:
        process.send_signal(signal.SIGINT)
        process.wait()
    (path,) = run_files(tmp_path)
    succeeds("pack", path, cwd=tmp_path)
    before = path.read_bytes()
    result = run("grads", "--resume=runs", cwd=tmp_path)
    assert result.returncode == 1 and "is packed" in result.stderr, result.stderr
    assert path.read_bytes() == before


def test_a_full_disk_leaves_the_original(original):
    before = original.read_bytes()
    limit = 200_000

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    result = run("pack", original, cwd=original.parent, preexec_fn=limited)
    assert result.returncode == 1 and "could not be packed, and is as it was" in result.stderr, result.stderr
    assert original.read_bytes() == before and names(original.parent) == ["run.h5"]
    succeeds("pack", original, cwd=original.parent)


@pytest.mark.parametrize("delay", [0.05, 0.15, 0.3])
def test_a_kill_leaves_the_original_or_the_packed_file(delay, original):
    before = original.read_bytes()
    process = subprocess.Popen([PROGRAM, "pack", original], stdout=subprocess.PIPE, env=environment())
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # The child goes with its parent.
    deadline = time.monotonic() + 30
    while run("pack", original, cwd=original.parent).returncode and time.monotonic() < deadline:
        if original.read_bytes() != before:
            break
        time.sleep(0.1)
    assert original.read_bytes() != before
    assert run("verify", original, cwd=original.parent).returncode == 0
    assert names(original.parent) == ["run.h5"]
