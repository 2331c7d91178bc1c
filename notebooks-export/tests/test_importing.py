"""Run files of logs that others wrote: the numbers, what is not known, and wrong input."""

from __future__ import annotations

import csv
import io
import json
import struct
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

import logs
import nf_probe
from conftest import PROGRAM, Run, gradients
from nf_probe.importing.__main__ import main


@pytest.fixture
def shapes(tmp_path: Path) -> str:
    return f"--shapes={logs.write_shapes(tmp_path / 'shapes.json')}"


def check_numbers(path: Path, norm: str = "sum_squares") -> None:
    found = gradients(path, norm)
    assert list(found) and set(found) == set(logs.SHAPES)
    for name, values in found.items():
        wanted = np.array([logs.norm(name, step) for step in logs.STEPS])
        np.testing.assert_array_equal(values, wanted**2 if norm == "sum_squares" else wanted)
    with h5py.File(path) as file:
        assert list(file["step"]) == list(logs.STEPS)
        assert list(file["loss"]) == [logs.loss(step) for step in logs.STEPS]
        for other in {"l1", "sum_squares", "max_abs"} - {norm}:
            assert np.isnan(file[f"gradient_{other}"]).all() and np.isnan(file[f"stem_gradient_{other}"]).all()


@pytest.mark.parametrize("sizes", ["shapes", "checkpoint"])
def test_event_files_of_tensorboard_give_their_numbers(
    tmp_path: Path, nf_probe_command: Run, shapes: str, sizes: str
) -> None:
    logs.write_events(tmp_path / "log")
    out = tmp_path / "run.h5"
    told = shapes if sizes == "shapes" else f"--checkpoint={logs.write_checkpoint(tmp_path / 'w.safetensors')}"
    assert main([str(tmp_path / "log"), told, "--out", str(out)]) == 0
    check_numbers(out)
    with h5py.File(out) as file:
        assert list(file["learning_rate"]) == pytest.approx([1e-3] * len(logs.STEPS))
        assert (list(file["validation_step"]), list(file["validation_loss"])) == ([20], [3.5])
        assert list(file["gradient_count"][0]) == [4, 64, 64] and list(file["stem_gradient_count"]) == [128]
        labels = {name: file.attrs[name] for name in ("loss", "reduction", "measured_at", "gradient_scale")}
        assert set(labels.values()) == {"unknown"}
    assert "whole" in nf_probe_command("verify", out)


def test_commands_show_the_norm_and_refuse_the_others(tmp_path: Path, nf_probe_command: Run, shapes: str) -> None:
    logs.write_events(tmp_path / "log")
    out = tmp_path / "run.h5"
    assert main([str(tmp_path / "log"), shapes, "--out", str(out), "--architecture=pre-ln"]) == 0
    for statistic, divisor in (("l2", 1.0), ("rms", 8.0)):
        table = nf_probe_command("grads", out, "--statistic", statistic, "--layers-shown=all", "--format=csv")
        (row,) = csv.DictReader(io.StringIO(table))
        window = [step for step in logs.STEPS if step >= 13]
        for layer in range(logs.LAYERS):
            wanted = np.mean([logs.norm(f"decoder.layers.{layer}.fc2.weight", step) for step in window]) / divisor
            (value,) = (text for name, text in row.items() if name in (f"m_{layer}", f"layer_{layer}"))
            assert float(value) == pytest.approx(wanted, rel=1e-6)
    for statistic in ("l1", "mean"):
        command = [PROGRAM, "grads", out, "--statistic", statistic]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 1, result.stdout
        assert "imported" in result.stderr and "--statistic l2 or --statistic rms" in result.stderr


def test_what_is_not_stated_is_not_made_up(tmp_path: Path, nf_probe_command: Run, shapes: str) -> None:
    logs.write_events(tmp_path / "log")
    out = tmp_path / "run.h5"
    assert main([str(tmp_path / "log"), shapes, "--out", str(out)]) == 0
    info = nf_probe_command("info", out)
    assert "endless" not in info and "nats/token" not in info and "nan" not in info
    nf_probe_command("report", out, "--out", tmp_path / "report", "--quiet")
    page = (tmp_path / "report/report.md").read_text()
    assert "Training loss of each group, unit unknown" in page and "perplexity: the losses are not known" in page
    assert "not finite at" not in page and "imported from a log that has the norm l2" in page


def test_what_norms_do_not_tell_is_missing_to_readers(tmp_path: Path, shapes: str) -> None:
    logs.write_events(tmp_path / "log")
    out = tmp_path / "run.h5"
    assert main([str(tmp_path / "log"), shapes, "--out", str(out)]) == 0
    with xarray.open_dataset(out, engine="h5netcdf") as run:
        assert run.gradient_zeros.isnull().all() and run.stem_gradient_zeros.isnull().all()
        assert (run.gradient_nonfinite == 0).all()
    with nf_probe.open(out) as run:
        assert run.gradients("l1").isnull().all() and run.gradients("l2").notnull().all()


@pytest.mark.parametrize(
    ("step", "prefix", "tag", "options", "norm"),
    [
        ("Step", "sunny-dew-7 - ", "gradients/{}", ["--norm=l2"], "sum_squares"),
        ("_step", "", "grad_norm/{}", ["--norm=max"], "max_abs"),
        ("trainer/global_step", "", "grad_1.0_norm_{}", [], "l1"),
        ("step", "", "{}/grad_l1_norm", [], "l1"),
        ("updates", "", "norms of {}", ["--tag=norms of (?P<name>.+)", "--norm=l1", "--step-column=updates"], "l1"),
        ("Step", "", "train/grad_norm/l2/{}", [], "sum_squares"),
    ],
)
def test_exports_as_csv_give_their_numbers(
    tmp_path: Path, shapes: str, step: str, prefix: str, tag: str, options: list[str], norm: str
) -> None:
    source = logs.write_csv(tmp_path / "export.csv", tag.format, step, prefix)
    out = tmp_path / "run.h5"
    assert main([str(source), shapes, "--out", str(out), *options]) == 0
    check_numbers(out, norm)


def test_one_run_of_an_export_of_several_is_chosen(
    tmp_path: Path, shapes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = logs.write_csv(tmp_path / "export.csv", prefix="first - ")
    rows = list(csv.reader(source.open()))
    rows = [rows[0] + [name.replace("first", "second") for name in rows[0][1:]]] + [
        row + [str(float(value) * 3) for value in row[1:]] for row in rows[1:]
    ]
    with source.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    arguments = [str(source), shapes, "--out", str(tmp_path / "run.h5")]
    assert main(arguments) == 1
    assert "--run: first, second" in capsys.readouterr().err
    assert main([*arguments, "--run=first"]) == 0
    check_numbers(tmp_path / "run.h5")


def test_a_restart_counts_the_later_number_and_says_so(
    tmp_path: Path, shapes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = logs.write_csv(tmp_path / "a.csv")
    second = tmp_path / "b.csv"
    lines = first.read_text().splitlines()
    wrong = [",".join([line.split(",")[0], *("99" for _ in line.split(",")[1:])]) for line in lines[-5:]]
    first.write_text("\n".join([*lines[:-5], *wrong]) + "\n")
    second.write_text("\n".join([lines[0], *lines[-5:]]) + "\n")
    assert main([str(first), str(second), shapes, "--out", str(tmp_path / "run.h5")]) == 0
    assert f"{5 * (len(logs.SHAPES) + 1)} numbers were logged twice" in capsys.readouterr().err
    check_numbers(tmp_path / "run.h5")


def test_a_norm_that_was_not_logged_at_a_step_is_not_a_number(
    tmp_path: Path, shapes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = logs.write_csv(tmp_path / "x.csv")
    lines = source.read_text().splitlines()
    cells = lines[5].split(",")
    cells[2], cells[3] = "", "nan"
    source.write_text("\n".join([*lines[:5], ",".join(cells), *lines[6:]]))
    out = tmp_path / "run.h5"
    assert main([str(source), shapes, "--out", str(out)]) == 0
    assert "1 of 19 norms were not logged at all 20 steps" in capsys.readouterr().err
    with h5py.File(out) as file:
        missing = np.isnan(file["gradient_sum_squares"])
        assert missing.sum() == 2 and missing[4, 0, 1:].all()
        # Neither a step without a number nor a norm that is none tells how many elements are not finite.
        assert (file["gradient_nonfinite"][4, 0, 1:] == 2**32 - 1).all()


def test_norms_of_fused_projections_stay_whole(tmp_path: Path) -> None:
    names = [f"transformer.h.{layer}.{name}" for layer in range(3)
             for name in ("attn.c_attn.weight", "mlp.c_proj.weight")]  # fmt: skip
    source = tmp_path / "x.csv"
    source.write_text("step," + ",".join(f"grad_l2/{name}" for name in names) + "\n0,1,2,3,4,5,6\n1,1,2,3,4,5,6\n")
    sizes = tmp_path / "s.json"
    sizes.write_text(json.dumps({name: [12, 4] for name in names}))
    out = tmp_path / "run.h5"
    assert main([str(source), f"--shapes={sizes}", "--out", str(out)]) == 0
    with nf_probe.open(out) as run:
        assert set(run.tensors) == {"attn.c_attn.weight", "fc2.weight"}
        assert run.gradients("l2").sel(step=0, tensor="attn.c_attn.weight").values.tolist() == [1, 3, 5]
        assert run.gradients("l2").sel(step=0, tensor="fc2.weight").values.tolist() == [2, 4, 6]


def test_norms_of_experts_are_those_of_one_tensor(tmp_path: Path) -> None:
    names = [f"model.layers.{layer}.mlp.experts.{expert}.down_proj.weight" for layer in range(2) for expert in range(2)]
    source = tmp_path / "x.csv"
    source.write_text("step," + ",".join(f"grad_l2/{name}" for name in names) + "\n0,3,4,5,12\n1,3,,8,nan\n")
    sizes = tmp_path / "s.json"
    sizes.write_text(json.dumps({name: [12, 4] for name in names}))
    out = tmp_path / "run.h5"
    assert main([str(source), f"--shapes={sizes}", "--out", str(out)]) == 0
    with nf_probe.open(out) as run:
        assert run.tensors == ["experts.fc2.weight"]
        assert run.gradients("l2").sel(step=0, tensor="experts.fc2.weight").values.tolist() == [5, 13]
        # What was not logged of one expert is not known of all.
        assert np.isnan(run.gradients("l2").sel(step=1, tensor="experts.fc2.weight").values).all()


def test_statements_are_recorded(tmp_path: Path, shapes: str) -> None:
    source = logs.write_csv(tmp_path / "x.csv")
    stated = ["--objective=causal", "--contract=unit=bits", "--architecture=post-ln", "--seed=7"]
    assert main([str(source), shapes, "--out", str(tmp_path / "run.h5"), *stated]) == 0
    with nf_probe.open(tmp_path / "run.h5") as run:
        facts = run.attributes
        assert (facts["objective"], facts["unit"], facts["reduction"]) == ("causal", "bits", "mean")
        assert (facts["architecture"], facts["seed"], facts["accumulation"]) == ("post-ln", 7, "unknown")


def test_a_log_that_was_cut_off_is_read_up_to_there(
    tmp_path: Path, shapes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = logs.write_events(tmp_path / "log")
    file.write_bytes(file.read_bytes()[:-700])
    assert main([str(file), shapes, "--out", str(tmp_path / "run.h5")]) == 0
    assert "ends within a record" in capsys.readouterr().err
    with h5py.File(tmp_path / "run.h5") as run:
        assert 15 < len(run["step"]) <= len(logs.STEPS)


def tensor_event(tag: bytes, value: float, step: int) -> bytes:
    """A scalar as TensorFlow 2 logs it: a tensor."""

    def part(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    tensor = b"\x08\x01" + part(2, b"") + part(4, struct.pack("<f", value))
    return b"\x10" + bytes([step]) + part(5, part(1, part(1, tag) + part(8, tensor)))


def test_scalars_of_tensorflow_2_are_tensors(tmp_path: Path) -> None:
    from tensorboard.summary.writer.record_writer import RecordWriter

    path = tmp_path / "events.out.tfevents.1.host"
    with path.open("wb") as file:
        records = RecordWriter(file)
        for step in (0, 1):
            for layer in (0, 1):
                records.write(tensor_event(b"grad_l2/decoder.layers.%d.fc2.weight" % layer, 2.0 + layer + step, step))
        records.flush()
    sizes = tmp_path / "s.json"
    sizes.write_text(json.dumps({f"decoder.layers.{layer}.fc2.weight": 8 for layer in (0, 1)}))
    assert main([str(path), f"--shapes={sizes}", "--out", str(tmp_path / "run.h5")]) == 0
    with nf_probe.open(tmp_path / "run.h5") as run:
        assert run.gradients("l2").sel(layer=1, tensor="fc2.weight").values.tolist() == [3, 4]


def damaged(path: Path, position: int) -> Path:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("body", [], "is damaged: the checksum of the record at byte"),
        ("head", [], "is no event file of TensorBoard"),
        ("short", [], "holds no complete record"),
        ("missing", [], "no such file or folder"),
        ("empty", [], "holds no event files"),
        ("two", [], "several runs"),
        ("unstated", [], "say --norm"),
        ("plain", [], "The tags are train/loss, train/gnorm_all"),
        ("log", ["--norm=l1"], "says l2, and --norm says l1"),
        ("log", ["--loss-tag=lss"], "there is no tag 'lss'"),
        ("log", ["--tag=x(?P<name>.+"], "no regular expression"),
        ("log", ["--tag=x"], "needs the group"),
        ("log", ["--pattern=nope"], "needs the groups"),
        ("nosteps", [], "--step-column"),
        ("ragged", [], "line 3 has 2 columns"),
        ("badstep", [], "line 2: '1.5' is no optimizer step"),
        ("order3", [], "of order 3.0"),
        ("negative", [], "is -1.5 at step 1: no norm is below 0"),
        ("unsized", [], "does not say how large 1 of the logged parameters"),
    ],
)
def test_wrong_input_is_told_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shapes: str, source: str, options: list[str], message: str
) -> None:
    head = "step,grad_2.0_norm/decoder.layers.0.fc2.weight"
    texts = {
        "plain": "step,train/loss,train/gnorm_all\n0,1,2\n", "nosteps": head.replace("step", "when") + "\n0,1\n",
        "ragged": head + ",x\n0,1,2\n1,2\n", "badstep": head + "\n1.5,1\n",
        "order3": head.replace("2.0", "3.0") + "\n0,1\n",
        "negative": head + "\n0,1\n1,-1.5\n", "unsized": head.replace("fc2", "fc9") + "\n0,1\n",
        "unstated": head.replace("_2.0_norm", "ients") + "\n0,1\n",
    }  # fmt: skip
    path = tmp_path / source
    if source in texts:
        path.write_text(texts[source])
    elif source in ("log", "body", "head", "short"):
        path = logs.write_events(tmp_path / "log", steps=range(3))
        if source in ("body", "head"):
            damaged(path, 300 if source == "body" else 3)
        elif source == "short":
            path.write_bytes(path.read_bytes()[:20])
    elif source == "two":
        for name in ("a", "b"):
            logs.write_events(path / name, steps=range(2))
    elif source == "empty":
        path.mkdir()
    out = tmp_path / "run.h5"
    assert main([str(path), shapes, "--out", str(out), *options]) == 1
    error = capsys.readouterr().err
    assert message in error and error.startswith("nf_probe.importing: ")
    assert not out.exists()


def test_existing_files_stay_unless_told(tmp_path: Path, shapes: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = logs.write_csv(tmp_path / "x.csv")
    out = tmp_path / "run.h5"
    out.write_bytes(b"x")
    assert main([str(source), shapes, "--out", str(out)]) == 1
    assert "--overwrite" in capsys.readouterr().err and out.read_bytes() == b"x"
    assert main([str(source), shapes, "--out", str(out), "--overwrite"]) == 0
    check_numbers(out)


@pytest.mark.parametrize("options", [[], ["--shapes=a", "--checkpoint=b"], ["--shapes=a", "--contract=x=y"]])
def test_wrong_usage_exits_with_2(options: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["x.csv", "--out", "run.h5", *options])
    assert stopped.value.code == 2
