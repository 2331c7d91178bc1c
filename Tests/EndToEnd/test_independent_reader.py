"""A reader that was written from the file's specification alone reads what `nf-probe export` does."""

import csv
import io
import shutil

import h5py
import numpy
import pytest
from conftest import by_architecture, run_files, small, succeeds
from independent_reader import Run
from test_interruption import long_run


def exported(path) -> dict[tuple, float]:
    text = succeeds("export", path, "--scales", "--quiet", cwd=path.parent).stdout
    return {
        (int(row["step"]), row["layer"], row["tensor"], row["element"], row["statistic"]): number(
            row["statistic"], row["value"]
        )
        for row in csv.DictReader(io.StringIO(text))
    }


def number(statistic: str, text: str) -> float:
    """Scales are float32, and are written with as many digits as that takes."""
    return float(numpy.float32(text)) if statistic.startswith("scale_") else float(text)


def read(path) -> dict[tuple, float]:
    numbers = list(Run(str(path)).numbers())
    found = {
        (n.step, *("" if part is None else str(part) for part in (n.layer, n.tensor, n.element)), n.statistic): n.value
        for n in numbers
    }
    assert len(found) == len(numbers)
    return found


def assert_equal(found: dict[tuple, float], expected: dict[tuple, float]) -> None:
    # A few of what one side alone has: to compare all of it word by word takes minutes.
    assert not sorted(found.keys() ^ expected.keys(), key=str)[:5]
    other = {
        key: (found[key], value)
        for key, value in expected.items()
        if not numpy.array_equal(found[key], value, equal_nan=True)
    }
    assert not other


@pytest.mark.parametrize("architecture", ["post-ln", "normformer"])
def test_whole_files(architecture, recorded):
    path = by_architecture(recorded)[architecture]
    assert_equal(read(path), exported(path))
    run = Run(str(path))
    assert run.is_manifest_intact and not run.is_killed and run.damaged["step"] == []


def test_everything_that_a_run_can_record(tmp_path):
    """Operations inside and after the layers, loss scaling, validations, a file corpus, steps left out."""
    (tmp_path / "book.txt").write_text("what is written here is of no matter, but it is long enough. " * 60)
    more = dict(
        corpus="book.txt", hold_out=0.2, validate_every=4, vocab_size=None, precision="fp16", activations=True, every=3
    )
    succeeds("train", *small(out="run", **more), cwd=tmp_path)
    (path,) = run_files(tmp_path)
    found = read(path)
    assert_equal(found, exported(path))
    assert {"loss_scale", "validation_loss", "stem_activation_max_abs"} <= {key[-1] for key in found}
    assert Run(str(path)).is_manifest_intact


def test_a_damaged_row_is_left_out(recorded, tmp_path):
    path = shutil.copy(by_architecture(recorded)["pre-ln"], tmp_path / "damaged.h5")
    with h5py.File(path, "r+") as file:
        file["gradient_l1"][4, 0, 0] += 1
    assert Run(str(path)).damaged["step"] == [4]
    found = read(path)
    assert_equal(found, exported(path))
    assert (3, "", "", "", "loss") in found and (4, "", "", "", "loss") not in found


def test_damage_of_the_attributes_is_seen(recorded, tmp_path):
    path = shutil.copy(by_architecture(recorded)["pre-ln"], tmp_path / "damaged.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["unit"] = "bits"
    assert not Run(str(path)).is_manifest_intact


def test_the_file_of_a_killed_writer(tmp_path):
    # Few rows are read as well as many, and rows come fast.
    with long_run(tmp_path, every=50) as process:
        process.kill()
        process.wait()
    (path,) = run_files(tmp_path)
    run = Run(str(path))
    assert not run.is_plain and run.is_killed and run.rows["step"] >= 20
    assert_equal(read(path), exported(path))
