"""`sweep --shard`: several processes fill one folder, and one that dies is replaced."""

import signal

import h5py
import numpy
import pytest
from conftest import refuses, start, succeeds, wait_until

GRID = """
title: sizes and rates
base: {layers: 2, dim: 12, heads: 3, ffn-dim: 20, vocab-size: 32, sequence: 8, batch: 2, steps: %d, warmup: 3, hold-out: 0.2}
vary:
  model:
    Pre-LN: {architecture: pre-ln}
    NormFormer: {architecture: normformer}
  lr: [0.01, 0.02]
seeds: 3
"""
CORPUS = "".join(chr(97 + i * i % 23) for i in range(4000))
# What two equal runs do not share.
ATTEMPT = {"seconds", "attempt_checksum", "segment", "status_time", "event_checksum", "event", "status", "event_segment", "event_step",
           "event_machine"}  # fmt: skip


def grid(folder, steps=20) -> list[str]:
    (folder / "text.txt").write_text(CORPUS)
    (folder / "grid.yaml").write_text(GRID.replace("vocab-size: 32, ", "corpus: text.txt, ") % steps)
    return ["sweep", "grid.yaml", "--threads=1"]


def runs(folder) -> list:
    return sorted(folder.glob("*.h5"))


def content(path) -> dict:
    with h5py.File(path) as file:
        return {name: numpy.array(file[name]) for name in file if name not in ATTEMPT} | {"id": file.attrs["run_id"]}


def equal(one, other) -> bool:
    first, second = content(one), content(other)
    return first.keys() == second.keys() and all(
        numpy.array_equal(first[name], second[name], equal_nan=first[name].dtype.kind == "f") if name != "id" else first[name] == second[name]
        for name in first
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    succeeds(*grid(folder), "--out=made", cwd=folder)
    return folder / "made"


def test_shares_side_by_side_make_what_one_process_makes(alone, tmp_path):
    arguments = grid(tmp_path)
    processes = [start(*arguments, "--out=made", f"--shard={i}/4", cwd=tmp_path) for i in range(1, 5)]
    outputs = [process.communicate(timeout=110) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, [stderr[-2000:] for _, stderr in outputs]
    names = [path.name for path in runs(alone)]
    assert [path.name for path in runs(tmp_path / "made")] == names and len(names) == 12
    for name in names:
        assert equal(alone / name, tmp_path / "made" / name), name
    # Whoever ends last has everything before it.
    assert any("grid of" in stdout or "perplexity" in stdout for stdout, _ in outputs)
    told = succeeds("sweep", "made", "--format=csv", cwd=tmp_path).stdout
    assert told == succeeds("sweep", str(alone), "--format=csv", cwd=tmp_path).stdout
    assert not list((tmp_path / "made").glob("*.claim*"))


def test_shares_make_the_runs_of_a_recipe(alone, tmp_path):
    """Named by its file or its folder; what they have made is judged, before all are done and after."""
    grid(tmp_path)
    sweep = (tmp_path / "grid.yaml").read_text().strip().replace("\n", "\n  ")
    claim = "{says: it learns, measure: perplexity, of: {model: Pre-LN, lr: 0.02}, above: 1}"
    (tmp_path / "recipe.yaml").write_text(f"question: Does it?\nsweep:\n  {sweep}\nclaims:\n  - {claim}\n")
    judge = ["recipe", ".", "--runs=made", "--as-is", "--format=csv"]
    succeeds("sweep", "recipe.yaml", "--threads=1", "--out=made", "--shard=1/2", cwd=tmp_path)
    assert "it learns,holds" in succeeds(*judge, cwd=tmp_path).stdout
    succeeds("sweep", ".", "--threads=1", "--out=made", "--shard=2/2", cwd=tmp_path)
    assert "it learns,holds" in succeeds(*judge, cwd=tmp_path).stdout
    names = [path.name for path in runs(alone)]
    assert [path.name for path in runs(tmp_path / "made")] == names
    assert all(equal(alone / name, tmp_path / "made" / name) for name in names)
    (tmp_path / "start.yaml").write_text("question: Q\ninit: {layers: 2}\n")
    refuses("sweep", "start.yaml", "--out=none", cwd=tmp_path, mentions=["no key question"])


def test_the_run_of_one_that_died_is_taken_over(tmp_path):
    arguments = grid(tmp_path, steps=300)
    first = start(*arguments, "--out=made", "--shard=1/2", cwd=tmp_path)
    wait_until(lambda: runs(tmp_path / "made"), first)
    second = start(*arguments, "--out=made", "--shard=2/2", cwd=tmp_path)
    wait_until(lambda: len(runs(tmp_path / "made")) >= 2, second)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    _, stderr = second.communicate(timeout=110)
    assert second.returncode == 0, stderr[-2000:]
    files = runs(tmp_path / "made")
    assert len(files) == 12
    for path in files:
        with h5py.File(path) as file:
            assert file["status"][-1] == 2 and file["step"][-1] == 299
    succeeds("verify", *files, cwd=tmp_path)


def test_a_share_joins_a_sweep_that_was_begun(alone, tmp_path):
    arguments = grid(tmp_path)
    process = start(*arguments, "--out=made", cwd=tmp_path)
    wait_until(lambda: len(runs(tmp_path / "made")) >= 2, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    succeeds("sweep", "--resume=made", "--shard=2/3", "--threads=1", cwd=tmp_path)
    assert all(equal(alone / path.name, path) for path in runs(tmp_path / "made")) and len(runs(tmp_path / "made")) == 12


def test_wrong_shares(tmp_path):
    arguments = grid(tmp_path)
    for shard in ("0/4", "5/4", "1", "a/b", "1/0", "-1/2"):
        assert "from 1/N to N/N" in " ".join(refuses(*arguments, "--out=made", f"--shard={shard}", cwd=tmp_path, mentions=["--shard"]).stderr.split())
    refuses(*arguments, "--shard=1/2", cwd=tmp_path, mentions=["--shard", "--out"])
    refuses(*arguments, "--out=made", "--overwrite", "--shard=1/2", cwd=tmp_path, mentions=["--overwrite"])
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine")
    refuses(*arguments, "--out=other", "--shard=1/2", cwd=tmp_path, mentions=["other", "no sweep"])
    assert (tmp_path / "other/notes.txt").read_text() == "mine"


def test_a_folder_that_is_read_has_no_shares(alone, tmp_path):
    refuses("sweep", str(alone), "--shard=1/2", "--out=x", cwd=tmp_path, mentions=["--shard", "--resume"])


def test_two_grids_do_not_share_a_folder(alone, tmp_path):
    arguments = grid(tmp_path)
    succeeds(*arguments, "--out=made", "--seeds=1", "--shard=1/2", cwd=tmp_path)
    text = (tmp_path / "grid.yaml").read_text()
    (tmp_path / "grid.yaml").write_text(text.replace("[0.01, 0.02]", "[0.01, 0.03]"))
    refuses(*arguments, "--out=made", "--seeds=1", "--shard=2/2", cwd=tmp_path, mentions=["another sweep"])
    (tmp_path / "grid.yaml").write_text(text)
    refuses(*arguments, "--out=made", "--seeds=2", "--shard=2/2", cwd=tmp_path, mentions=["another sweep|seeds"])
