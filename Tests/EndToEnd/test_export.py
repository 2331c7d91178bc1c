"""`export` to CSV, JSON lines and TensorBoard: every number of the run file is in it, and reads back as it was."""

import calendar
import csv
import io
import json
import math
import re
import time

import h5py
import numpy
import pytest
from conftest import by_architecture, flags, refuses, run, run_files, small, succeeds
from event_file import events, series

COLUMNS = ["run", "step", "layer", "tensor", "statistic", "value"]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A run with everything that a run can have: validation, snapshots, activations, loss scaling."""
    folder = tmp_path_factory.mktemp("exported")
    settings = dict(
        architecture="normformer", scale_resids=True, hold_out=0.2, validate_every=5, snapshot_every=4, activations=True,
        precision="fp16", out="run",
    )  # fmt: skip
    corpus = folder / "text.txt"
    corpus.write_text("Early layers of one kind get larger gradients than late ones. " * 200)
    succeeds("train", *small(**settings, corpus="text.txt", vocab_size=None), cwd=folder)
    return run_files(folder)[0]


def texts(file, name):
    return list(file[name].asstr()[...])


def stored(path, scales=False) -> dict[tuple, float]:
    """Every number of a run by (step, layer, tensor, element, statistic)."""
    numbers = {}
    with h5py.File(path) as file:
        names = {
            axis: texts(file, axis) for axis in ("tensor", "stem_tensor", "operation", "stem_operation") if axis in file
        }
        if "head" in file:
            names["head"] = [f"heads.{head}" for head in file["head"]]
        count = file["gradient_count"][...]
        for name, variable in file.items():
            axes = [scale.values()[0].name.strip("/") if len(scale) else "" for scale in variable.dims]
            if name.endswith("checksum") or axes[:1] == [name] or not variable.shape:
                continue
            if axes[:1] == ["step"]:
                steps, values = file["step"][...], variable[...]
                for index in numpy.ndindex(values.shape):
                    layer = index[1] if "layer" in axes else None
                    tensor = names[axes[-1]][index[-1]] if len(axes) > 1 else None
                    if axes[-1] == "tensor" and count[index[1:]] == 0:
                        continue
                    # Weights and updates are measured at some steps alone.
                    if re.match("(stem_)?(weight|update)_", name) and numpy.isnan(values[index]):
                        continue
                    numbers[int(steps[index[0]]), layer, tensor, None, name] = values[index]
            elif axes == ["validation_step"]:
                for step, value in zip(file["validation_step"][...], variable[...]):
                    numbers[int(step), None, None, None, name] = value
            elif axes[:1] == ["snapshot"] and scales:
                for index, value in numpy.ndenumerate(variable[...]):
                    numbers[int(file["snapshot"][index[0]]), index[1], None, index[2], name] = value
    return numbers


def exported(text) -> dict[tuple, float]:
    rows = list(csv.DictReader(io.StringIO(text)))
    numbers = {
        (
            int(row["step"]), int(row["layer"]) if row["layer"] else None, row["tensor"] or None,
            int(row["element"]) if row.get("element") else None, row["statistic"],
        ): float(row["value"])
        for row in rows
    }  # fmt: skip
    assert len(numbers) == len(rows), "a number came twice"
    return numbers


def as_float64(numbers):
    """What a float32 prints as is its shortest digits, not those of the float64 that it becomes."""
    return {key: float(str(value)) for key, value in numbers.items()}


def test_validation_losses_are_exported(path, tmp_path):
    with h5py.File(path) as file:
        expected = list(zip(file["validation_step"][...], file["validation_loss"][...]))
    assert len(expected) >= 3
    rows = csv.DictReader(io.StringIO(succeeds("export", path, cwd=tmp_path).stdout))
    found = [row for row in rows if row["statistic"] == "validation_loss"]
    assert [(int(row["step"]), float(row["value"])) for row in found] == expected
    assert all(row["layer"] == row["tensor"] == "" for row in found)


def test_csv_has_every_number_of_the_run_and_no_other(path, tmp_path):
    text = succeeds("export", path, cwd=tmp_path).stdout
    assert text.splitlines()[0].split(",") == COLUMNS
    found, expected = exported(text), stored(path)
    assert len({key[4] for key in expected}) > 30 and "loss_scale" in {key[4] for key in expected}
    assert found == as_float64(expected)
    assert {line.split(",")[0] for line in text.splitlines()[1:]} == {h5py.File(path).attrs["run_id"]}


def test_scales_add_their_elements(path, tmp_path):
    text = succeeds("export", path, "--scales", cwd=tmp_path).stdout
    assert text.splitlines()[0].split(",") == COLUMNS[:4] + ["element"] + COLUMNS[4:]
    found, expected = exported(text), stored(path, scales=True)
    assert found == as_float64(expected)
    assert {key[4] for key in expected if key[3] is not None} >= {"scale_ffn_layernorm", "scale_c_attn", "scale_w_resid"}


def test_json_lines_say_the_same(path, tmp_path):
    lines = succeeds("export", path, "--format", "jsonl", "--scales", cwd=tmp_path).stdout.splitlines()
    objects = [json.loads(line) for line in lines]
    numbers = {
        tuple(one.get(key) for key in ("step", "layer", "tensor", "element", "statistic")): one["value"] for one in objects
    }
    assert len(numbers) == len(objects)
    assert numbers == as_float64(stored(path, scales=True))
    for one in objects:
        # What does not apply is not there.
        assert list(one) == [key for key in COLUMNS[:4] + ["element"] + COLUMNS[4:] if key in one]
        assert None not in one.values()


def test_numbers_that_are_not_finite(tmp_path):
    run("grads", *small(architectures="pre-ln", lr=1e30, warmup=0, out="runs"), cwd=tmp_path)
    (path,) = run_files(tmp_path)
    expected = as_float64(stored(path))
    assert any(not math.isfinite(value) for value in expected.values())
    found = exported(succeeds("export", path, cwd=tmp_path).stdout)
    assert found.keys() == expected.keys()
    assert numpy.array_equal(list(found.values()), [expected[key] for key in found], equal_nan=True)
    lines = succeeds("export", path, "--format=jsonl", cwd=tmp_path).stdout.splitlines()
    values = [json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))["value"] for line in lines]
    assert {value for value in values if isinstance(value, str)} <= {"nan", "inf", "-inf"}
    assert [float(value) for value in values].count(math.inf) == list(expected.values()).count(math.inf)
    succeeds("export", path, "--format=tensorboard", "--out=logs", cwd=tmp_path)
    (log,) = (tmp_path / "logs").iterdir()
    steps = series(log)["loss/train"]
    with h5py.File(path) as file:
        assert numpy.array_equal(list(steps.values()), file["loss"][...].astype("f4"), equal_nan=True)


def test_window_and_statistics_narrow(path, tmp_path):
    options = ["--statistics=gradient_l1,validation_loss", "--window=5:8"]
    found = exported(succeeds("export", path, *options, cwd=tmp_path).stdout)
    expected = {
        key: value for key, value in stored(path).items()
        if key[4] in ("gradient_l1", "validation_loss") and 5 <= key[0] < 8
    }  # fmt: skip
    assert found == as_float64(expected) and (5, None, None, None, "validation_loss") in found


def test_files_hold_what_goes_to_standard_output(path, tmp_path):
    text = succeeds("export", path, cwd=tmp_path).stdout
    for options in (["--csv=a.csv"], ["--format=csv", "--out=b.csv"], ["--out=c.csv"]):
        assert succeeds("export", path, *options, cwd=tmp_path).stdout == ""
    assert [(tmp_path / f"{name}.csv").read_text() == text for name in "abc"] == [True] * 3
    refuses("export", path, "--out=a.csv", cwd=tmp_path, mentions=["a.csv exists", "--overwrite"])
    (tmp_path / "a.csv").write_text("earlier")
    succeeds("export", path, "--out=a.csv", "--overwrite", cwd=tmp_path)
    assert (tmp_path / "a.csv").read_text() == text
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "b.csv", "c.csv"]


@pytest.mark.parametrize(
    "options, mentions",
    [
        (["--format=parquet", "--out=x.parquet"], ["python -m nf_probe.parquet", "parquet"]),
        (["--format=feather"], ["feather", "csv"]),
        (["--format=tensorboard"], ["tensorboard", "--out DIR"]),
        (["--format=pgfplots"], ["pgfplots", "--out NAME.tex"]),
        (["--format=notebook"], ["notebook", "--out NAME.ipynb"]),
        (["--format=jsonl", "--csv=x.csv"], ["--csv"]),
        (["--csv=x.csv", "--out=y.csv"], ["--csv"]),
        (["--statistics=gradient_l3"], ["gradient_l3", "did you mean gradient_l", "validation_loss"]),
        (["--statistics=loss", "--format=notebook", "--out=x.ipynb"], ["--statistics", "notebook"]),
        (["--operation=fc1.weight"], ["--operation", "pgfplots"]),
        (["--window=9:3"], ["--window", "9:3"]),
        (["--operation=fc3.weight", "--format=pgfplots", "--out=x.tex"], ["fc3.weight", "fc2.weight"]),
        (["--format=pgfplots", "--out=50%.tex"], ["50%.tex", "letters, digits"]),
        (["--out=missing/x.csv"], ["missing/x.csv", "no such file"]),
        (["--out=folder"], ["folder is a folder"]),
        (["--out=/dev/null", "--overwrite"], ["/dev/null is no regular file"]),
        (["--format=tensorboard", "--out=taken"], ["taken", "cannot be made|exists|not a directory"]),
        (["--format=notebook", "--out=missing/x.ipynb"], ["missing/x.ipynb", "no such file"]),
    ],
)
def test_wrong_requests(options, mentions, path, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken").write_text("a file")
    refuses("export", path, *options, cwd=tmp_path, mentions=mentions)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["folder", "taken"]


def test_one_run_a_table(recorded, tmp_path):
    for format in ("csv", "jsonl"):
        refuses("export", *run_files(recorded), f"--format={format}", cwd=tmp_path, mentions=[format, "one run", "3"])


def test_damaged_rows_are_left_out_of_every_format(path, tmp_path):
    copy = tmp_path / "run.h5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        file["loss"][3] = 99.0
        file["validation_loss"][0] = 99.0
        file["scale_ffn_layernorm"][1, 0, 0] = 99.0
    result = succeeds("export", copy, "--scales", cwd=tmp_path)
    for table in ("step", "validation_step", "snapshot"):
        assert f"1 damaged row of {table} is left out" in result.stderr
    found = exported(result.stdout)
    assert 99.0 not in found.values() and (3, None, None, None, "loss") not in found
    succeeds("export", copy, "--format=tensorboard", "--out=logs", cwd=tmp_path)
    (log,) = (tmp_path / "logs").iterdir()
    assert 3 not in series(log)["loss/train"] and 99.0 not in series(log)["loss/validation"].values()


# TensorBoard


def test_event_file(path, tmp_path):
    succeeds("export", path, "--format=tensorboard", "--out=logs/normformer", cwd=tmp_path)
    (log,) = (tmp_path / "logs/normformer").iterdir()
    with h5py.File(path) as file:
        start = calendar.timegm(time.strptime(file.attrs["started_at"], "%Y-%m-%dT%H:%M:%SZ"))
        assert log.name == f"events.out.tfevents.{start}.nf-probe.{file.attrs['run_id']}"
        found, every = series(log), events(log)
        assert every[0]["file_version"] == "brain.Event:2" and every[0]["wall_time"] == start
        times = [event["wall_time"] for event in every]
        assert times == sorted(times)
        steps = list(map(int, file["step"][...]))
        ends = dict(zip(steps, start + numpy.cumsum(file["seconds"][...])))
        for event in every:
            if "loss/train" in event["scalars"]:
                assert event["wall_time"] == pytest.approx(ends[event["step"]], abs=1e-6)
        float32 = lambda values: [float(value) for value in numpy.float32(values)]  # noqa: E731
        expected = {
            "loss/train": file["loss"][...], "learning_rate": file["learning_rate"][...], "loss_scale": file["loss_scale"][...],
            "gradient_l2/total": file["gradient_l2"][...], "clip_coefficient": file["clip_coefficient"][...],
        }  # fmt: skip
        l1, squares, count = (file[f"gradient_{name}"][...] for name in ("l1", "sum_squares", "count"))
        for tensor, name in enumerate(texts(file, "tensor")):
            for layer in range(l1.shape[1]):
                if count[layer, tensor]:
                    expected[f"gradient_l1/{name}/layer_{layer:02}"] = l1[:, layer, tensor]
                    expected[f"gradient_l2/{name}/layer_{layer:02}"] = numpy.sqrt(squares[:, layer, tensor])
        for tensor, name in enumerate(texts(file, "stem_tensor")):
            expected[f"gradient_l1/{name}"] = file["stem_gradient_l1"][:, tensor]
            expected[f"gradient_l2/{name}"] = numpy.sqrt(file["stem_gradient_sum_squares"][:, tensor])
        for tag, values in expected.items():
            assert found.pop(tag) == dict(zip(steps, float32(values))), tag
        updates = list(map(int, file["validation_step"][...]))
        assert found.pop("loss/validation") == dict(zip(updates, float32(file["validation_loss"][...])))
        snapshots = list(map(int, file["snapshot"][...]))
        for name in [name for name in file if name.startswith("scale_")]:
            for layer in range(l1.shape[1]):
                medians = numpy.median(file[name][:, layer].astype("f8"), axis=1)
                if not numpy.isnan(medians).all():
                    assert found.pop(f"{name}/median/layer_{layer:02}") == dict(zip(snapshots, float32(medians)))
        assert not found, "a series that nothing stands for"


def test_event_files_of_equal_runs_are_equal(path, tmp_path):
    for folder in ("a", "b"):
        succeeds("export", path, "--format=tensorboard", f"--out={folder}", cwd=tmp_path)
    (one,), (other,) = (tmp_path / "a").iterdir(), (tmp_path / "b").iterdir()
    assert one.name == other.name and one.read_bytes() == other.read_bytes()
    refuses("export", path, "--format=tensorboard", "--out=a", cwd=tmp_path, mentions=["exists", "--overwrite"])
    succeeds("export", path, "--format=tensorboard", "--out=a", "--overwrite", cwd=tmp_path)
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_statistics_and_window_of_an_event_file(path, tmp_path):
    options = flags(format="tensorboard", out="logs", statistics="activation_max_abs,loss", window="4:9")
    succeeds("export", path, *options, cwd=tmp_path)
    (log,) = (tmp_path / "logs").iterdir()
    found = series(log)
    assert all(set(values) == set(range(4, 9)) for values in found.values())
    with h5py.File(path) as file:
        operations, layers = texts(file, "operation"), len(file["layer"])
        tags = {f"activation_max_abs/{name}/layer_{layer:02}" for name in operations for layer in range(layers)}
        assert set(found) == tags | {"loss/train"}
        # The window does not move the clock.
        start = events(log)[0]["wall_time"]
        assert events(log)[1]["wall_time"] == pytest.approx(start + file["seconds"][:5].sum(), abs=1e-6)


def test_medians_beside_chosen_statistics(path, tmp_path):
    succeeds("export", path, *flags(format="tensorboard", out="logs", statistics="loss", scales=True), cwd=tmp_path)
    (log,) = (tmp_path / "logs").iterdir()
    groups = {tag.split("/")[0] for tag in series(log)}
    assert "loss" in groups and "scale_c_attn" in groups and not any(group.startswith("gradient") for group in groups)


def test_runs_of_one_log_folder_have_folders_of_their_own(recorded, tmp_path):
    paths = by_architecture(recorded)
    succeeds("export", *paths.values(), "--format=tensorboard", "--out=logs", cwd=tmp_path)
    assert sorted(folder.name for folder in (tmp_path / "logs").iterdir()) == sorted(path.stem for path in paths.values())
    for path in paths.values():
        (log,) = (tmp_path / "logs" / path.stem).iterdir()
        with h5py.File(path) as file:
            assert log.name.endswith(file.attrs["run_id"])
            assert list(series(log)["loss/train"].values()) == pytest.approx(list(file["loss"][...]))
