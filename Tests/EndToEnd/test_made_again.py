"""A run is made again from its file alone: `nf-probe train --config RUN.h5`."""

import json
import pathlib
import shutil

import h5py
import pytest
from conftest import refuses, run_files, small, succeeds
from conftest import run as start

FINISHED = 2
CLOCK = {"seconds", "status_time", "attempt_checksum", "event_machine", "event_checksum"}


def contents(path: pathlib.Path) -> dict[str, bytes]:
    with h5py.File(path) as file:
        arrays = {name: file[name][...] for name in file if name not in CLOCK}
        found = {
            name: repr(array.tolist()).encode() if array.dtype.kind == "O" else array.tobytes() for name, array in arrays.items()
        }
        return {**found, "run_id": str(file.attrs["run_id"]).encode()}


def made_again(run: pathlib.Path, *arguments: str, cwd: pathlib.Path) -> pathlib.Path:
    folder = cwd / "again"
    shutil.rmtree(folder, ignore_errors=True)
    # A run that failed then fails again.
    with h5py.File(run) as file:
        failed = file["status"][-1] != FINISHED
    result = start("train", f"--config={run}", f"--out={folder}", *arguments, cwd=cwd)
    assert result.returncode == (1 if failed else 0), result.stderr
    (path,) = run_files(folder)
    return path


BLOCK = """architecture: 1
title: mine
norm: rms
block:
  - attention: {input-norm: yes, rotary: {share: 0.5}, residual-scale: 1/sqrt(l)}
  - ffn: {input-norm: yes, activation: silu, gated: yes}
exceptions:
  - layers: last 1
    ffn: {gated: no}
head: {norm: yes, tied: no}
initial: {scheme: gpt2}
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--architecture=normformer", "--res-scale-placement=both", "--head-scale-placement=fairseq", "--qkv-norm"],
        ["train", "--architecture=post-ln", "--activation=geglu", "--clip=0.5", "--accumulate=2", "--activations", "--every=3"],
        ["train", "--architecture=mine.yaml", "--dropout=0.1", "--weights-every=0", "--noise=2", "--noise-every=4"],
        ["train", "--architecture=gpt2", "--objective=causal", "--optimizer=sgd", "--momentum=0.5", "--precision=fp16"],
        ["train", "--architecture=admin", "--parts=llama", "--heads=2", "--kv-heads=1"],
        ["train", "--architecture=pre-ln", "--objective=masked", "--norm=rms", "--per-decade=5", "--alerts=loss > 1"],
        ["grads", "--architectures=peri-ln", "--no-update"],
        ["stability", "--architectures=pre-ln", "--lr-slope=1", "--seeds=1"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_the_same_run_from_the_file_alone(arguments, tmp_path):
    (tmp_path / "mine.yaml").write_text(BLOCK)
    command, *options = arguments
    words = small(warmup=None, lr=None, decay=None, seed=None, steps=None) if command == "stability" else small()
    words = [word for word in words if not any(word.split("=")[0] == option.split("=")[0] for option in options)]
    succeeds(command, *words, *options, "--threads=1", "--out=first", cwd=tmp_path)
    (first,) = run_files(tmp_path / "first")
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    run = alone / "run.h5"
    shutil.copy(first, run)
    again = made_again(run, cwd=alone)
    assert contents(again) == contents(run)


def test_the_configuration_as_text_does_the_same(tmp_path):
    (tmp_path / "mine.yaml").write_text(BLOCK)
    succeeds("train", *small(), "--architecture=mine.yaml", "--threads=1", "--out=first", cwd=tmp_path)
    (first,) = run_files(tmp_path / "first")
    with h5py.File(first) as file:
        (tmp_path / "run.json").write_text(file.attrs["configuration"])
    (tmp_path / "mine.yaml").unlink()
    succeeds("train", "--config=run.json", "--threads=1", "--out=again", cwd=tmp_path)
    (again,) = run_files(tmp_path / "again")
    assert contents(again) == contents(first)


def test_options_win_and_the_difference_is_said(tmp_path):
    succeeds("train", *small(), "--threads=1", "--out=first", cwd=tmp_path)
    (first,) = run_files(tmp_path / "first")
    again = succeeds("train", f"--config={first}", "--seed=8", "--out=other", cwd=tmp_path)
    assert "another run than" in again.stderr and "seed was 7, is 8" in again.stderr
    (other,) = run_files(tmp_path / "other")
    with h5py.File(other) as file:
        assert file.attrs["seed"] == 8
    assert "makes run" in succeeds("train", f"--config={first}", "--out=same", cwd=tmp_path).stderr


TEXT = "the quick brown fox jumps over the lazy dog. " * 60


def test_texts_are_found_by_name_and_known_by_their_bytes(tmp_path):
    texts, here = tmp_path / "texts", tmp_path / "here"
    texts.mkdir()
    here.mkdir()
    (texts / "book.txt").write_text(TEXT)
    (texts / "held.txt").write_text(TEXT[7:400])
    words = [word for word in small(vocab_size=None) if "vocab" not in word]
    succeeds("train", *words, "--corpus=texts/book.txt", "--validation=texts/held.txt", "--threads=1", "--out=first", cwd=tmp_path)
    (first,) = run_files(tmp_path / "first")
    # Where the command of then found them, from any folder.
    assert contents(made_again(first, cwd=here)) == contents(first)
    run = here / "run.h5"
    shutil.copy(first, run)
    refuses("train", "--config=run.h5", cwd=here, mentions=["read book.txt", "neither here nor beside", "--corpus"])
    shutil.copy(texts / "book.txt", here)
    refuses("train", "--config=run.h5", cwd=here, mentions=["read held.txt", "--validation"])
    shutil.copy(texts / "held.txt", here)
    assert contents(made_again(run, cwd=here)) == contents(first)
    (here / "book.txt").write_text(TEXT + "x")
    refuses("train", "--config=run.h5", cwd=here, mentions=["book.txt is not the text any more", "SHA-256", "--corpus"])
    other = succeeds("train", "--config=run.h5", "--corpus=book.txt", "--out=other", cwd=here)
    assert "the corpus is not the same text" in other.stderr
    assert contents(made_again(run, f"--corpus={texts / 'book.txt'}", cwd=here)) == contents(first)


def test_what_is_held_out_belongs_to_the_run(tmp_path):
    (tmp_path / "book.txt").write_text(TEXT)
    words = [word for word in small(vocab_size=None) if "vocab" not in word]
    ids = {}
    for share in ("0.1", "0.2"):
        succeeds("train", *words, "--corpus=book.txt", f"--hold-out={share}", "--threads=1", f"--out={share}", cwd=tmp_path)
        (path,) = run_files(tmp_path / share)
        ids[share] = contents(path)["run_id"]
        assert contents(made_again(path, cwd=tmp_path)) == contents(path)
    assert ids["0.1"] != ids["0.2"]


def test_a_run_of_a_sweep_is_made_again(tmp_path):
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks/mine.yaml").write_text(BLOCK)
    (tmp_path / "blocks/grid.yaml").write_text(
        "base: {layers: 3, dim: 12, heads: 3, vocab-size: 32, sequence: 8, batch: 2, steps: 6, validate-every: 3}\n"
        "vary:\n  architecture: [mine.yaml, pre-ln]\n"
    )
    # The block lies beside the grid, wherever the command is called from.
    succeeds("sweep", "blocks/grid.yaml", "--threads=1", "--out=runs", cwd=tmp_path)
    for path in run_files(tmp_path / "runs"):
        assert contents(made_again(path, cwd=tmp_path)) == contents(path)


def test_what_cannot_be_made_again(tmp_path):
    succeeds("train", *small(), "--checkpoint-every=6", "--threads=1", "--out=first", cwd=tmp_path)
    (first,) = run_files(tmp_path / "first")
    refuses("grads", f"--config={first}", cwd=tmp_path, mentions=["nf-probe train"])
    damaged = tmp_path / "damaged.h5"
    data = bytearray(first.read_bytes())
    data[len(data) // 4 : len(data) // 2] = bytes(len(data) // 4)
    damaged.write_bytes(data)
    refuses("train", "--config=damaged.h5", cwd=tmp_path, mentions=["damaged"])
    weights = next(path for path in first.parent.rglob("*.safetensors") if ".state." not in path.name)
    succeeds("train", *small(steps=4), f"--from-checkpoint={weights}", "--threads=1", "--out=second", cwd=tmp_path)
    (second,) = run_files(tmp_path / "second")
    refuses("train", f"--config={second}", cwd=tmp_path, mentions=["began from weights", "--from-checkpoint"])
    assert contents(made_again(second, f"--from-checkpoint={weights}", cwd=tmp_path)) == contents(second)


def test_an_earlier_versions_run_did_not_keep_what_was_held_out(tmp_path):
    """Its id was made without, and such runs are still known."""
    (tmp_path / "book.txt").write_text(TEXT)
    words = [word for word in small(vocab_size=None) if "vocab" not in word]
    succeeds("train", *words, "--corpus=book.txt", "--threads=1", "--out=bare", cwd=tmp_path)
    succeeds("train", *words, "--corpus=book.txt", "--hold-out=0.1", "--threads=1", "--out=held", cwd=tmp_path)
    (bare,), (held,) = run_files(tmp_path / "bare"), run_files(tmp_path / "held")
    with h5py.File(held) as file:
        settings = json.loads(file.attrs["configuration"])
    assert settings.pop("hold-out") == 0.1
    with h5py.File(bare) as file:
        assert json.loads(file.attrs["configuration"]) == settings


def test_a_resumed_run_keeps_its_block(tmp_path):
    """The path of a block is kept whole, so that a run goes on from any folder."""
    (tmp_path / "mine.yaml").write_text(BLOCK)
    succeeds("train", *small(), "--architecture=mine.yaml", "--threads=1", "--out=first", cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    succeeds("train", f"--resume={tmp_path / 'first'}", cwd=elsewhere)
    options = json.loads((tmp_path / "first/command.json").read_text())["options"]
    assert f"--architecture={tmp_path / 'mine.yaml'}" in options


@pytest.mark.parametrize(
    ("arguments", "mentions"),
    [
        (["--architecture-text=x"], ["--architecture-text", "--architecture"]),
        (["--architecture=a", "--architecture-text=block: ["], ["--architecture-text", "line"]),
        (["--architecture=peri-ln", "--parts=lama"], ["lama", "llama"]),
        (["--architecture=peri-ln", "--parts=gemma3"], ["--parts", "layers of gemma3 differ"]),
        (["--architecture=normformer", "--parts=llama", "--no-scale-fc"], ["--scale-fc", "--parts"]),
    ],
)
def test_wrong_words(arguments, mentions, tmp_path):
    refuses("train", *arguments, cwd=tmp_path, mentions=mentions)
