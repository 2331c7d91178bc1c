"""Runs that were interrupted or killed and go on: they give what an uninterrupted run gives, bit for bit."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import h5py
import numpy
import pytest
from conftest import PROGRAM, environment, flags, refuses, run, run_files, small, succeeds, wait_until

# What belongs to the attempt and the clock, and not to the run.
ATTEMPT = {"segment", "seconds", "attempt_checksum"}
EVENTS = {"event", "status", "status_time", "event_segment", "event_step", "event_machine", "event_checksum"}
# Long enough to be killed in, at under a millisecond a step.
LONG = dict(
    architecture="normformer", steps=1200, warmup=20, lr=0.003, clip=1.0, dropout=0.1, snapshot_every=90,
    validate_every=110, hold_out=0.2, checkpoint_every=100, accumulate=2, threads=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    words = random.Random(5).choices(["norm", "former", "layer", "scale", "head", "gain", "\n"], k=4000)
    path.write_text(" ".join(words))
    return path


def long(text, **changes) -> list[str]:
    return small(**{**LONG, "corpus": text, "vocab_size": None, **changes})


@pytest.fixture(scope="module")
def whole(text, tmp_path_factory) -> pathlib.Path:
    """The uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    succeeds("train", *long(text, out="run"), cwd=folder)
    return folder / "run"


def start(command, arguments, folder) -> subprocess.Popen:
    return subprocess.Popen(
        [PROGRAM, command, *arguments], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def checkpoint_files(folder) -> list[pathlib.Path]:
    return sorted(folder.rglob("*.safetensors"))


def assert_same_run(one: pathlib.Path, other: pathlib.Path):
    with h5py.File(one) as a, h5py.File(other) as b:
        assert set(a) == set(b)
        for name in set(a) - ATTEMPT - EVENTS:
            assert numpy.array_equal(a[name][...], b[name][...], equal_nan=a[name].dtype.kind == "f"), name
        changing = {"started_at", "manifest_checksum"}
        for name in set(a.attrs) - changing:
            assert numpy.array_equal(a.attrs[name], b.attrs[name]), name


def assert_same_end(one: pathlib.Path, other: pathlib.Path):
    """The last weights and the optimizer's last state, byte for byte."""
    for suffix in (".safetensors", ".state.safetensors"):
        ends = [sorted(folder.rglob(f"step-*{suffix}"))[-1] for folder in (one, other)]
        assert ends[0].name == ends[1].name
        assert ends[0].read_bytes() == ends[1].read_bytes(), suffix


@pytest.mark.parametrize("delays", [[0.15], [0.3, 0.1]])
def test_a_killed_run_goes_on_bit_for_bit(delays, text, whole, tmp_path):
    arguments = long(text, out="run")
    for delay in delays:
        process = start("train", arguments, tmp_path)
        wait_until(lambda: run_files(tmp_path), process)
        time.sleep(delay)
        process.kill()
        process.communicate()
        arguments = ["--resume=run"]
    succeeds("train", "--resume=run", cwd=tmp_path)
    assert_same_run(whole / "normformer-seed7.h5", tmp_path / "run/normformer-seed7.h5")
    assert_same_end(whole, tmp_path)
    assert not list(tmp_path.rglob("*.tmp*")) and not list(tmp_path.rglob("*.lock"))
    with h5py.File(tmp_path / "run/normformer-seed7.h5") as file:
        segments, firsts = file["event_segment"][...], file["event_step"][...]
        assert (numpy.diff(file["segment"][...]) >= 0).all() and segments[-1] == segments.max() > 0
        assert firsts[0] == 0 and all(b"thread" in machine for machine in file["event_machine"][...])


@pytest.mark.parametrize(
    "changes",
    [
        dict(precision="fp16", loss_scale=2.0**24, loss_scale_window=20, until="either"),
        dict(optimizer="sgd", momentum=0.9, lr=0.1, beta1=None),
        dict(architecture="admin"),
    ],
)
def test_what_a_run_knows_beside_weights_goes_on_too(changes, text, tmp_path):
    """The loss scale, the losses that a divergence is judged by, SGD's velocity; scales that a first pass set."""
    arguments = dict(steps=150, checkpoint_every=40, **changes)
    name = f"{changes.get('architecture', 'normformer')}-seed7.h5"
    succeeds("train", *long(text, out="whole", **arguments), cwd=tmp_path)
    (tmp_path / "cut").mkdir()
    process = start("train", long(text, out="run", **arguments), tmp_path / "cut")
    wait_until(lambda: len(checkpoint_files(tmp_path / "cut")) >= 2, process)
    process.kill()
    process.communicate()
    succeeds("train", "--resume=run", cwd=tmp_path / "cut")
    assert_same_run(tmp_path / "whole" / name, tmp_path / "cut/run" / name)
    assert_same_end(tmp_path / "whole", tmp_path / "cut")
    with h5py.File(tmp_path / "cut/run" / name) as file:
        assert len(set(file["event_segment"][...])) > 1
        if "precision" in changes:
            assert len(set(file["loss_scale"][...])) > 3


def test_a_start_that_was_killed_at_once_leaves_a_folder_that_can_be_used(tmp_path):
    """Killed while it wrote the first file: there is nothing to go on with, and nothing to overwrite."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run/command.json.tmp-4711-0").write_text("{")
    refuses("train", "--resume=run", cwd=tmp_path, mentions=["command.json"])
    succeeds("train", *small(out="run"), cwd=tmp_path)
    assert not list(tmp_path.rglob("*.tmp*"))


def test_kills_at_random_moments(text, tmp_path):
    """NF_PROBE_KILLS kills of one run: while it starts, records, keeps a checkpoint, recovers, goes on or ends."""
    kills = int(os.environ.get("NF_PROBE_KILLS", "4"))
    chance = random.Random(int(os.environ.get("NF_PROBE_FUZZ_SEED", "1")))
    sizes = dict(steps=120 * kills, checkpoint_every=7)
    succeeds("train", *long(text, out="whole", **sizes), cwd=tmp_path)
    (tmp_path / "cut").mkdir()
    killed = 0
    while killed < kills:
        begun = (tmp_path / "cut/run/command.json").exists()
        process = start("train", ["--resume=run"] if begun else long(text, out="run", **sizes), tmp_path / "cut")
        try:
            process.wait(timeout=chance.uniform(0.01, 0.6))
            assert process.returncode == 0, process.communicate()[1]
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
        files = run_files(tmp_path / "cut") + checkpoint_files(tmp_path / "cut")[-2:]
        if files:
            result = run("verify", *files, cwd=tmp_path)
            assert result.returncode == 0, result.stdout + result.stderr
    succeeds("train", "--resume=run", cwd=tmp_path / "cut")
    print(f"{killed} kills, {len(recorded_steps(tmp_path / 'cut'))} steps")
    assert_same_run(tmp_path / "whole/normformer-seed7.h5", tmp_path / "cut/run/normformer-seed7.h5")
    assert_same_end(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_a_checkpoint_and_goes_on(number, status, text, whole, tmp_path):
    process = start("train", long(text, out="run", checkpoint_every=None), tmp_path)
    wait_until(lambda: len(recorded_steps(tmp_path)) > 50, process)
    process.send_signal(number)
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == status and "--resume run" in errors
    (path,) = run_files(tmp_path)
    with h5py.File(path) as file:
        done = len(file["step"])
        # A stop leaves no trace among the numbers.
        assert all(step % 90 == 0 for step in file["snapshot"][...])
    assert [p.name for p in checkpoint_files(tmp_path)] == [
        f"step-{done:08}.safetensors", f"step-{done:08}.state.safetensors"
    ]  # fmt: skip
    succeeds("train", "--resume", "run", cwd=tmp_path)
    assert_same_run(whole / "normformer-seed7.h5", path)
    assert_same_end(whole, tmp_path)
    text = succeeds("info", path, cwd=tmp_path).stdout
    assert "segments" in text and f"step {done}" in text


def recorded_steps(folder):
    try:
        with h5py.File(run_files(folder)[0], swmr=True) as file:
            return file["step"][...]
    except (IndexError, OSError, KeyError):
        return []


def test_grads_goes_on_with_the_runs_that_are_left(tmp_path):
    arguments = small(steps=400, seeds=2, snapshot_every=60, threads=2)
    succeeds("grads", *arguments, "--out=whole", cwd=tmp_path)
    (tmp_path / "cut").mkdir()
    process = start("grads", [*arguments, "--out=cut/whole"], tmp_path)
    wait_until(lambda: len(run_files(tmp_path / "cut")) >= 2, process)
    process.kill()
    process.communicate()
    result = succeeds("grads", "--resume", "cut/whole", cwd=tmp_path)
    names = [path.name for path in run_files(tmp_path / "whole")]
    assert [path.name for path in run_files(tmp_path / "cut")] == names and len(names) == 6
    for name in names:
        assert_same_run(tmp_path / "whole" / name, tmp_path / "cut/whole" / name)
    assert "early/late" in result.stdout
    tables = [(tmp_path / folder / "mismatch.csv").read_text() for folder in ("whole", "cut/whole")]
    assert tables[0] == tables[1]


def test_a_finished_run_stays_as_it_is(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    # The run file stands for its folder.
    for name, cwd in [("run", tmp_path), ("run/normformer-seed7.h5", tmp_path), ("normformer-seed7.h5", tmp_path / "run")]:
        result = succeeds("train", "--resume", name, cwd=cwd)
        assert "1200 steps" in result.stdout
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}


def killed(text, folder, **changes):
    """A run that was killed after some checkpoints."""
    process = start("train", long(text, out="run", **changes), folder)
    wait_until(lambda: len(checkpoint_files(folder)) >= 4, process)
    process.kill()
    process.communicate()


def test_a_damaged_checkpoint_is_passed_over(text, whole, tmp_path):
    killed(text, tmp_path)
    newest = [path for path in checkpoint_files(tmp_path) if ".state" not in path.name][-1]
    data = bytearray(newest.read_bytes())
    data[-7] ^= 4
    newest.write_bytes(data)
    result = succeeds("train", "--resume=run", cwd=tmp_path)
    assert "checksum" in result.stderr and "earlier checkpoint" in result.stderr
    assert_same_run(whole / "normformer-seed7.h5", tmp_path / "run/normformer-seed7.h5")
    assert_same_end(whole, tmp_path)


def test_without_any_checkpoint_all_steps_are_made_again(text, whole, tmp_path):
    killed(text, tmp_path)
    for path in checkpoint_files(tmp_path):
        path.unlink()
    result = succeeds("train", "--resume=run", cwd=tmp_path)
    assert "no checkpoint" in result.stderr
    assert_same_run(whole / "normformer-seed7.h5", tmp_path / "run/normformer-seed7.h5")


def test_keep_counts_and_zero_makes_none(text, tmp_path):
    succeeds("train", *long(text, out="three", keep=3), cwd=tmp_path)
    names = [path.name for path in checkpoint_files(tmp_path) if ".state" not in path.name]
    assert names == ["step-00001000.safetensors", "step-00001100.safetensors", "step-00001200.safetensors"]
    succeeds("train", *long(text, out="none", keep=0, steps=30), cwd=tmp_path)
    assert not checkpoint_files(tmp_path / "none")


def test_checkpoints_are_weights_for_anybody(whole, tmp_path):
    weights = whole / "normformer-seed7.checkpoints/step-00001200.safetensors"
    with open(weights, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    metadata = header.pop("__metadata__")
    assert metadata["step"] == "1200" and metadata["head_count"] == "3"
    assert metadata["head_scale_placement"] == "paper" and json.loads(metadata["configuration"])["seed"] == "7"
    assert {"decoder.embed_tokens.weight", "decoder.layers.4.c_attn"} <= set(header)
    succeeds(
        "grads", "--from-checkpoint", weights, *flags(steps=2, sequence=8, batch=2, out="more"), cwd=tmp_path
    )


def test_what_cannot_go_on_is_refused(text, whole, tmp_path):
    refuses("train", "--resume", "nothing", cwd=tmp_path, mentions=["nothing", "command.json"])
    (tmp_path / "empty").mkdir()
    refuses("train", "--resume", "empty", cwd=tmp_path, mentions=["empty", "command.json"])
    shutil.copytree(whole, tmp_path / "run")
    refuses("grads", "--resume", "run", cwd=tmp_path, mentions=["made by `train`", "nf-probe train --resume"])
    refuses("train", "--resume", "run", "--out=other", cwd=tmp_path, mentions=["--out"])
    refuses("train", "--resume", "run", "--lr=0.5", cwd=tmp_path, mentions=["another run", "lr was 0.003, is 0.5"])
    (tmp_path / "run/command.json").write_text("{")
    refuses("train", "--resume", "run", cwd=tmp_path, mentions=["damaged"])


def test_another_text_is_refused(text, tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_bytes(text.read_bytes())
    killed(mine, tmp_path)
    mine.write_bytes(text.read_bytes()[::-1])
    refuses("train", "--resume", "run", cwd=tmp_path, mentions=["same text"])


def test_a_run_that_is_still_made_is_refused(text, tmp_path):
    process = start("train", long(text, out="run", steps=10**6), tmp_path)
    try:
        wait_until(lambda: len(recorded_steps(tmp_path)) > 50, process)
        refuses("train", "--resume", "run", cwd=tmp_path, mentions=["being written by another process"])
        refuses("recover", run_files(tmp_path)[0], cwd=tmp_path, mentions=["being written by another process"])
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_other_threads_are_told_of(text, tmp_path):
    killed(text, tmp_path)
    result = run("train", "--resume=run", "--threads=1", cwd=tmp_path)
    assert "threads: 2, now 1" in result.stderr
    # The rounding of one thread may be that of two; if it is not, the run does not go on as if it were.
    assert result.returncode == 0 or "came out otherwise" in result.stderr


def test_a_checkpoint_that_does_not_fit_does_not_end_the_run(text, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/normformer-seed7.checkpoints").write_text("in the way")
    result = run("train", *long(text, out="run", overwrite=True, steps=250), cwd=tmp_path)
    assert result.returncode == 1 and result.stderr.count("could not be kept") == 2
    with h5py.File(run_files(tmp_path)[0]) as file:
        assert len(file["step"]) == 250
