"""`nf-probe stability`: the learning rate rises until training destabilises."""

import csv
import io
import json
import signal
import subprocess

import h5py
import numpy
import pytest
from conftest import (
    ARCHITECTURES, PROGRAM, SIZES, by_architecture, environment, flags, refuses, run, run_files, small,
    succeeds, wait_until,
)  # fmt: skip

FINISHED, INTERRUPTED, OVERFLOW, DIVERGED, EXHAUSTED = 2, 3, 6, 7, 8
LIMIT = 65504


def tiny(**changes) -> list[str]:
    """The flags of a test that takes a fraction of a second a run."""
    return flags(**{**SIZES, "layers": 3, "seed": 7, "lr_slope": 0.02, "max_steps": 400, "seeds": 2, **changes})


def rows(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """The folder of one small test over the three architectures until an overflow, and its table as CSV."""
    folder = tmp_path_factory.mktemp("stability")
    result = succeeds("stability", *tiny(out="runs", until="overflow", max_steps=5000, format="csv"), cwd=folder)
    return folder / "runs", rows(result.stdout)


def outputs(file):
    """max |x| of every operation, in the order of the forward pass, and the operations' layers and names."""
    grid = file["activation_max_abs"][...]
    steps = len(file["step"])
    names = [(str(layer), name) for layer in range(grid.shape[1]) for name in file["operation"].asstr()[...]]
    names += [("", name) for name in file["stem_operation"].asstr()[...]]
    return numpy.hstack([grid.reshape(steps, -1), file["stem_activation_max_abs"][...]]), names


def test_the_failed_operation_is_the_first_beyond_the_range(tested):
    folder, table = tested
    assert len(table) == 6 and {row["ending"] for row in table} == {"overflow"}
    for row in table:
        path = next(p for p in run_files(folder) if h5py.File(p).attrs["run_id"] == row["run_id"])
        with h5py.File(path) as file:
            values, names = outputs(file)
            beyond = ~(values <= LIMIT)
            assert not beyond[:-1].any() and beyond[-1].any()
            assert names[beyond[-1].argmax()] == (row["failed_layer"], row["failed_operation"])
            assert int(row["last_step"]) == int(row["overflow_step"]) == file["step"][-1]
            assert numpy.isclose(float(row["peak_learning_rate"]), 0.02 * file["step"][-1], rtol=1e-12)
            assert numpy.allclose(file["learning_rate"][...], 0.02 * (file["step"][...] + 1), rtol=1e-12)
            assert file["status"][-1] == OVERFLOW
            settings = json.loads(file.attrs["configuration"])
            assert (settings["decay"], settings["lr-slope"], settings["until"]) == ("ramp", 0.02, "overflow")
            assert not {"lr", "warmup", "precision", "loss-scale"} & settings.keys()
            assert "self_attn.logits" in file["operation"].asstr()[...]


def test_figures_and_files(tested):
    folder, _ = tested
    names = {path.name for path in folder.iterdir()}
    runs = {f"{architecture}-seed{seed}.h5" for architecture in ARCHITECTURES for seed in (7, 8)}
    assert names == runs | {"command.json", "stability.csv", "stability.svg", "stability-points.csv"}
    assert (folder / "stability.svg").read_text().startswith("<?xml")
    endings = [row for row in rows((folder / "stability-points.csv").read_text()) if row["series"] == "overflow"]
    assert len(endings) == 6


def test_recorded_runs_give_the_same_table_and_figure(tested, tmp_path):
    folder, table = tested
    files = run_files(folder)
    again = succeeds("stability", *files, "--format=csv", "--out=again", cwd=tmp_path)
    assert rows(again.stdout) == table
    assert (tmp_path / "again/stability-points.csv").read_text() == (folder / "stability-points.csv").read_text()
    text = succeeds("stability", *files, cwd=tmp_path).stdout
    for words in ("Post-LN", "NormFormer", "peak LR", "overflow", "median over seeds"):
        assert words in text
    for kind, expected in dict(json="{", markdown="| architecture", latex="\\toprule").items():
        assert expected in succeeds("stability", *files, f"--format={kind}", "--svg=f.svg", cwd=tmp_path).stdout
    assert (tmp_path / "f-points.csv").exists()


def test_other_commands_read_the_runs(tested, tmp_path):
    folder, _ = tested
    files = by_architecture(folder)
    text = succeeds("info", files["pre-ln"], cwd=tmp_path).stdout
    assert "overflow, closed" in text and "self_attn.logits" in text
    succeeds("grads", *run_files(folder), cwd=tmp_path)
    succeeds("ratio", files["pre-ln"], files["normformer"], cwd=tmp_path)
    succeeds("verify", *run_files(folder), cwd=tmp_path)
    exported = rows(succeeds("export", files["post-ln"], "--statistics=stem_activation_max_abs", cwd=tmp_path).stdout)
    assert {row["tensor"] for row in exported} == {"decoder.output_projection"}


def test_testing_changes_nothing(tested, tmp_path):
    """The same losses and gradients as a plain run over the same rates."""
    folder, _ = tested
    with h5py.File(by_architecture(folder)["normformer"]) as file:
        steps = len(file["step"])
        arguments = {**SIZES, "layers": 3, "seed": int(file.attrs["seed"]), "decay": "ramp", "lr_slope": 0.02}
        succeeds("grads", *flags(**arguments, architectures="normformer", steps=steps, out="g"), cwd=tmp_path)
        (path,) = run_files(tmp_path / "g")
        with h5py.File(path) as plain:
            assert (plain["loss"][...] == file["loss"][...]).all()
            assert (plain["gradient_l1"][...] == file["gradient_l1"][...]).all()
            assert plain.attrs["run_id"] != file.attrs["run_id"]


def test_additions_can_be_switched_off(tmp_path):
    succeeds("stability", *tiny(architectures="normformer", seeds=1, no_scale_resids=True, out="o"), cwd=tmp_path)
    (path,) = run_files(tmp_path / "o")
    with h5py.File(path) as file:
        assert file.attrs["architecture"] == "normformer-no-w_resid"


def test_a_loss_that_rises_again_ends_a_run(tmp_path):
    arguments = tiny(architectures="post-ln", until="divergence", divergence_margin=0.4, out="o", max_steps=2000)
    result = succeeds("stability", *arguments, "--format=csv", cwd=tmp_path)
    for path, row in zip(run_files(tmp_path / "o"), rows(result.stdout), strict=True):
        with h5py.File(path) as file:
            loss = file["loss"][...]
            means = numpy.convolve(loss, numpy.ones(20) / 20, "valid")
            lowest = numpy.minimum.accumulate(means)
            diverged = (means > lowest + 0.4) & (means > file.attrs["unigram_entropy"])
            assert row["ending"] == "diverged" and file["status"][-1] == DIVERGED
            assert list(numpy.flatnonzero(diverged)) == [len(means) - 1]
            assert json.loads(file.attrs["configuration"])["divergence-margin"] == 0.4


def test_runs_that_do_not_fail_are_lower_bounds(tmp_path):
    result = succeeds("stability", *tiny(max_steps=5, lr_slope=1e-5, out="o"), cwd=tmp_path)
    assert "did not fail" in result.stdout and "lower bound" in result.stdout
    for path in run_files(tmp_path / "o"):
        with h5py.File(path) as file:
            assert file["status"][-1] == FINISHED and len(file["step"]) == 5


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_sixteen_bits(precision, tmp_path):
    arguments = tiny(architectures="pre-ln", seeds=1, max_steps=30, lr_slope=1e-3, loss_scale=4, loss_scale_window=8)
    succeeds("stability", *arguments, f"--precision={precision}", "--out=rounded", cwd=tmp_path)
    succeeds("stability", *arguments, "--out=plain", cwd=tmp_path)
    (rounded,), (plain,) = run_files(tmp_path / "rounded"), run_files(tmp_path / "plain")
    with h5py.File(rounded) as file, h5py.File(plain) as other:
        settings = json.loads(file.attrs["configuration"])
        assert settings["precision"] == precision and file.attrs["gradient_scale"] == "1"
        kept = file["activation_max_abs"][...]
        if precision == "fp16":
            assert (kept == kept.astype(numpy.float16)).all()
            # 4 for 8 updates, then twice as much every 8.
            assert list(file["loss_scale"][...]) == [4.0 * 2 ** (step // 8) for step in range(30)]
            assert (settings["loss-scale"], settings["loss-scale-window"]) == (4, 8)
        else:
            bits = kept.astype(numpy.float32).view(numpy.uint32)
            assert (bits & 0xFFFF == 0).all()
            assert "loss_scale" not in file and "loss-scale" not in settings
        assert not (file["loss"][...] == other["loss"][...]).any()
        assert numpy.allclose(file["loss"][...], other["loss"][...], rtol=0.05)
        # Gradients of the unscaled loss, whatever the scale.
        assert numpy.allclose(file["gradient_l2"][:5], other["gradient_l2"][:5], rtol=0.1)


def test_the_loss_scale_is_exhausted(tmp_path):
    """fp16 goes on through overflows, as training does, until the scale cannot be halved."""
    arguments = tiny(architectures="pre-ln", seeds=1, precision="fp16", until="divergence", divergence_margin=100)
    result = succeeds("stability", *arguments, "--max-steps=5000", "--lr-slope=0.2", "--out=o", cwd=tmp_path)
    assert "loss scale exhausted" in result.stdout
    (path,) = run_files(tmp_path / "o")
    with h5py.File(path) as file:
        assert file["status"][-1] == EXHAUSTED
        scale, norm = file["loss_scale"][...], file["gradient_l2"][...]
        assert not numpy.isfinite(norm[-1]) and 1e-4 < scale[-1] <= 2e-4
        # A rate belongs to an update: it stays while updates are left out.
        rate = file["learning_rate"][...]
        assert numpy.allclose(rate, 0.2 * (1 + numpy.r_[0, numpy.isfinite(norm).cumsum()[:-1]]), rtol=1e-12)


def test_an_interrupted_test_is_complete(tmp_path):
    arguments = tiny(architectures="pre-ln", max_steps=10_000_000, lr_slope=1e-12, seeds=1, out="o")
    process = subprocess.Popen(
        [PROGRAM, "stability", *arguments], cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def steps():
        try:
            with h5py.File(run_files(tmp_path)[0], swmr=True) as file:
                return len(file["step"]) >= 20
        except (IndexError, OSError, KeyError):
            return False

    try:
        wait_until(steps, process)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130 and output == "" and "stopped" in errors
    (path,) = run_files(tmp_path)
    with h5py.File(path) as file:
        assert file["status"][-1] == INTERRUPTED
    assert "interrupted" in succeeds("stability", path, cwd=tmp_path).stdout


@pytest.mark.parametrize(
    "changes, mentions",
    [
        (dict(lr_slope=0), ["--lr-slope", "above 0"]),
        (dict(lr_slope=-1e-5), ["--lr-slope"]),
        (dict(lr_slope="nan"), ["--lr-slope"]),
        (dict(seeds=0), ["--seeds", "1 and 1000"]),
        (dict(max_steps=0), ["--max-steps"]),
        (dict(precision="fp8"), ["fp8", "fp16"]),
        (dict(until="never"), ["never", "either"]),
        (dict(loss_scale=0), ["--loss-scale"]),
        (dict(loss_scale_window=0), ["--loss-scale-window"]),
        (dict(divergence_margin=0), ["--divergence-margin"]),
        (dict(architectures="pre-ln,pre-ln"), ["twice"]),
        (dict(lr=1e-3), ["--lr"]),
        (dict(decay="cosine"), ["--decay"]),
    ],
)
def test_wrong_settings(changes, mentions, tmp_path):
    assert refuses("stability", *tiny(out="o", **changes), cwd=tmp_path, mentions=mentions).returncode == 2
    assert not (tmp_path / "o").exists()


def test_runs_that_are_no_test(recorded, tested, tmp_path):
    (plain, *_) = run_files(recorded)
    refuses("stability", plain, cwd=tmp_path, mentions=["schedule is linear", "--decay ramp"])
    succeeds("grads", *small(decay="ramp", lr_slope=1e-3, architectures="pre-ln", out="blind"), cwd=tmp_path)
    (blind,) = run_files(tmp_path / "blind")
    refuses("stability", blind, cwd=tmp_path, mentions=["--activations"])
    succeeds(
        "grads", *small(decay="ramp", lr_slope=1e-3, architectures="pre-ln", activations=True, out="seeing"),
        cwd=tmp_path,
    )  # fmt: skip
    (seeing,) = run_files(tmp_path / "seeing")
    assert "did not fail" in succeeds("stability", seeing, cwd=tmp_path).stdout
    file = run_files(tested[0])[0]
    refuses("stability", file, file, cwd=tmp_path, mentions=["given twice"])
    refuses("stability", "missing.h5", cwd=tmp_path, mentions=["missing.h5"])
    refuses("grads", *small(decay="ramp", lr_slope=0, out="o"), cwd=tmp_path, mentions=["--lr-slope"])


def test_a_killed_test_goes_on(tmp_path):
    arguments = tiny(until="divergence", max_steps=300, lr_slope=1e-5, seeds=1)
    succeeds("stability", *arguments, "--out=whole", cwd=tmp_path)
    (tmp_path / "cut").mkdir()
    process = subprocess.Popen(
        [PROGRAM, "stability", *arguments, "--out=runs"], cwd=tmp_path / "cut", env=environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: len(run_files(tmp_path / "cut")) >= 2, process)
    process.kill()
    process.communicate()
    result = succeeds("stability", "--resume=runs", "--format=csv", cwd=tmp_path / "cut")
    expected = succeeds("stability", *run_files(tmp_path / "whole"), "--format=csv", cwd=tmp_path).stdout
    assert result.stdout == expected and len(rows(expected)) == 3


def test_train_ends_at_a_failure_too(tmp_path):
    arguments = flags(**{**SIZES, "layers": 2, "steps": 20, "warmup": 0, "lr": 5, "precision": "fp16", "until": "either"})
    result = run("train", *arguments, "--out=run", cwd=tmp_path)
    assert result.returncode == 1 and "overflows" in result.stderr and "-nan" not in result.stdout
    (path,) = run_files(tmp_path)
    with h5py.File(path) as file:
        assert file["status"][-1] == OVERFLOW and len(file["step"]) < 20 and "activation_max_abs" in file
    assert "-nan" not in succeeds("info", path, cwd=tmp_path).stdout
