"""`train --evaluate`: a run is evaluated on texts and tasks while it trains, and its file keeps what came out."""

import csv
import io
import json
import math
import pathlib
import signal
import subprocess

import h5py
import numpy
import pytest
from conftest import PROGRAM, environment, flags, refuses, run_files, small, succeeds, wait_until
from independent_reader import Run
from test_independent_reader import assert_equal, exported, read
from test_made_again import contents, made_again
from watching import watching

TEXT = "the cat sat on the mat and the dog sat on the log\n"
BOOK = TEXT * 60
HELD_OUT = "the dog sat on the mat and the cat\nsat on the log and the mat\n" * 12
TASK = [
    {"context": "the cat sat on", "choices": [" the mat", " zebra qx"], "label": 0},
    {"context": "the dog sat on", "choices": ["## ### ##", " the log"], "label": 1},
    {"context": "nobody knows", "choices": ["a", "b"]},
]
SIZES = dict(corpus="book.txt", vocab_size=None, sequence=12, architecture="normformer")
EVALUATED = dict(evaluate="every:5", evaluate_text="held-out.txt", evaluate_task="multiple-choice=cats.jsonl")
FINISHED = 2


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
    (tmp_path / "book.txt").write_text(BOOK)
    (tmp_path / "held-out.txt").write_text(HELD_OUT)
    (tmp_path / "cats.jsonl").write_text("".join(json.dumps(example) + "\n" for example in TASK))
    return tmp_path


def train(folder: pathlib.Path, **changes) -> pathlib.Path:
    out = changes.setdefault("out", "run")
    succeeds("train", *small(**{**SIZES, **EVALUATED, **changes}), cwd=folder)
    (path,) = run_files(folder / out)
    return path


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def evaluated(path: pathlib.Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(path).items() if name.startswith("evaluation")}


def test_the_file_keeps_every_evaluation(folder):
    path = train(folder)
    with h5py.File(path) as file:
        assert list(file["evaluation"].asstr()) == ["held-out.txt", "cats"]
        assert file["evaluation_step"][...].tolist() == [5, 10, 12]
        assert file["evaluation_loss"].shape == file["evaluation_accuracy"].shape == (3, 2)
        # Every byte but the first is asked for; words as WikiText counts them, with an end for each line.
        words = len(HELD_OUT.split()) + HELD_OUT.count("\n")
        assert file["evaluation_tokens"][...].tolist() == [len(HELD_OUT) - 1, len(" the mat the log")]
        assert file["evaluation_words"][...].tolist() == [words, 0]
        assert file["evaluation_bytes"][...].tolist() == [len(HELD_OUT), len("the matthe log")]
        assert file["evaluation_examples"][...].tolist() == [0, 2]
        accuracy = file["evaluation_accuracy"][...]
        assert numpy.isnan(accuracy[:, 0]).all() and set(accuracy[:, 1]) <= {0, 0.5, 1}
        # A model that learns what it is evaluated on.
        assert (file["evaluation_loss"][-1] < file["evaluation_loss"][0]).all()
        assert file["evaluation_loss"].dims[1][0].name == "/evaluation"


@pytest.mark.parametrize("stride", [None, 3])
def test_the_last_evaluation_is_that_of_the_checkpoint(stride, folder):
    """`nf-probe evaluate` of the weights at the end, by other code for the tables: the same passes, so the same numbers."""
    path = train(folder, evaluate="end", evaluate_context=10, evaluate_stride=stride)
    (weights,) = [p for p in path.parent.rglob("step-00000012.safetensors") if ".state." not in p.name]
    options = ["--context=10", *([f"--stride={stride}"] if stride else []), "--truncate", "--out=worth"]
    succeeds("evaluate", weights, "--text=held-out.txt", "--task=multiple-choice=cats.jsonl", *options, cwd=folder)
    by = {row["by"]: row for row in rows((folder / "worth/text.csv").read_text())}
    task = next(row for row in rows((folder / "worth/scorings.csv").read_text()) if row["scoring"] == "per-token")
    right = [
        -float(row["log_likelihood"])
        for row in rows((folder / "worth/examples.csv").read_text())
        if row["answer"] == row["label"]
    ]
    with h5py.File(path) as file:
        assert file["evaluation_step"][...].tolist() == [12]
        loss, accuracy = file["evaluation_loss"][0], file["evaluation_accuracy"][0]
        tokens, words, size = (file[f"evaluation_{name}"][...] for name in ("tokens", "words", "bytes"))
    # Sums over the same float32 losses, in another order at most.
    assert loss[0] == pytest.approx(float(by["token"]["nats"]), rel=1e-12)
    assert loss[0] * tokens[0] / words[0] == pytest.approx(float(by["word"]["nats"]), rel=1e-12)
    assert loss[0] * tokens[0] / size[0] == pytest.approx(float(by["byte"]["nats"]), rel=1e-12)
    # Sequences lie in other passes beside other neighbours: rounding of float32.
    assert loss[1] == pytest.approx(sum(right) / tokens[1], rel=1e-5)
    assert 100 * accuracy[1] == pytest.approx(float(task["accuracy"]))


def test_training_is_the_same_without(folder):
    """Bit for bit: every dataset of the steps, and the weights at the end. With dropout, whose masks stay where they are."""
    with_it, without = (
        train(folder, dropout=0.1),
        train(folder, dropout=0.1, evaluate=None, evaluate_text=None, evaluate_task=None, out="plain"),
    )
    found, plain = contents(with_it), contents(without)
    assert {name for name in found if name not in plain} == set(evaluated(with_it)) and len(evaluated(with_it)) == 9
    del found["run_id"], plain["run_id"]
    assert {name: found[name] for name in plain} == plain

    def weights(path: pathlib.Path) -> bytes:
        (file,) = [p for p in path.parent.rglob("step-00000012.safetensors") if ".state." not in p.name]
        with open(file, "rb") as opened:
            size = int.from_bytes(opened.read(8), "little")
            # The header names the run.
            return opened.read()[size:]

    assert weights(with_it) == weights(without)


def test_a_killed_run_goes_on_without_doubling(folder):
    changes = dict(steps=400, evaluate="every:20", every=10)
    whole = train(folder, out="whole", checkpoint_every=50, **changes)
    arguments = small(**{**SIZES, **EVALUATED, **changes, "out": "killed", "checkpoint_every": 50})
    process = subprocess.Popen(
        [PROGRAM, "train", *arguments], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def seen() -> int:
        try:
            with h5py.File(run_files(folder / "killed")[0], swmr=True) as file:
                return len(file["evaluation_step"])
        except (IndexError, OSError, KeyError):
            return 0

    try:
        wait_until(lambda: seen() >= 4, process)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    (path,) = run_files(folder / "killed")
    kept = Run(str(path))
    assert kept.rows["evaluation_step"] >= 4 and kept.damaged["evaluation_step"] == []
    # An open file keeps writers out.
    kept.file.close()
    succeeds("train", "--resume=killed", cwd=folder)
    assert evaluated(path) == evaluated(whole)
    with h5py.File(path) as file:
        assert file["evaluation_step"][...].tolist() == list(range(20, 401, 20)) and file["status"][-1] == FINISHED


def test_a_run_without_text_is_evaluated_on_what_it_holds_out(folder):
    path = train(folder, evaluate_text=None, evaluate_task=None, hold_out=0.25)
    with h5py.File(path) as file:
        assert file["evaluation_tokens"][...].tolist() == [math.floor(len(BOOK) * 0.25) - 1]
    language = train(
        folder, corpus=None, hold_out=0.1, evaluate_text=None, evaluate_task=None, vocab_size=32, out="language", evaluate="end"
    )
    with h5py.File(language) as file:
        assert file["evaluation_tokens"][...].tolist() == [(1 << 16) - 1]
        # Not learned much, but below the logarithm of the vocabulary.
        assert file["evaluation_loss"][0, 0] < math.log(32) + 0.1


def test_whoever_reads_runs_knows_of_it(folder):
    path = train(folder)
    assert_equal(read(path), exported(path))
    assert Run(str(path)).is_manifest_intact
    found = {key[1:] for key in exported(path) if key[-1].startswith("evaluation")}
    assert ("", "cats", "", "evaluation_accuracy") in found and ("", "held-out.txt", "", "evaluation_accuracy") not in found
    text = succeeds("info", path, cwd=folder).stdout
    assert "held-out.txt: " in text and "perplexity by word" in text and "of 2 examples right" in text
    succeeds("report", path, "--out=report", cwd=folder)
    page = (folder / "report/report.html").read_text()
    assert "Texts and tasks" in page
    (table,) = (folder / "report").rglob("evaluation.csv")
    by = {row["on"]: row for row in rows(table.read_text())}
    with h5py.File(path) as file:
        loss, share = file["evaluation_loss"][-1], file["evaluation_accuracy"][-1, 1]
        factor = file["evaluation_tokens"][0] / file["evaluation_words"][0]
    assert float(by["held-out.txt"]["word_perplexity"]) == pytest.approx(math.exp(loss[0] * factor))
    assert float(by["cats"]["accuracy"]) == pytest.approx(100 * share)
    assert "evaluation_step" in succeeds("verify", path, cwd=folder).stdout
    succeeds("pack", path, "--to=packed.h5", cwd=folder)
    assert_equal(read(folder / "packed.h5"), exported(path))


def test_the_watched_page_shows_it(folder):
    path = train(folder)
    with watching(path.parent, cwd=folder) as server:
        server.runs(architecture="NormFormer")
        view = server.json("view", view="evaluation", width=900)
        assert [panel["name"] for panel in view["figure"]["panels"]] == ["held-out.txt", "cats"]
        (line,) = [series for series in view["figure"]["panels"][0]["series"] if not series["upper"]]
        with h5py.File(path) as file:
            assert line["y"] == pytest.approx(file["evaluation_loss"][:, 0].tolist())
        assert "perplexity" in view["tables"][0]


def test_a_damaged_evaluation_is_left_out(folder):
    path = train(folder)
    with h5py.File(path, "r+") as file:
        file["evaluation_loss"][1, 0] += 1
    assert Run(str(path)).damaged["evaluation_step"] == [1]
    steps = {key[0] for key in exported(path) if key[-1] == "evaluation_loss"}
    assert steps == {5, 12}
    with h5py.File(path, "r+") as file:
        file["evaluation_words"][0] += 1
    assert not Run(str(path)).is_manifest_intact


def test_a_run_is_made_again_from_its_file(folder):
    path = train(folder)
    assert contents(made_again(path, cwd=folder)) == contents(path)
    (folder / "held-out.txt").write_text(HELD_OUT + "more\n")
    refuses("train", f"--config={path}", "--out=other", cwd=folder, mentions=["held-out.txt", "not the same", "--evaluate-text"])


RECIPE = """
question: Which model answers better?
sweep:
  base: {layers: 2, dim: 12, heads: 3, ffn-dim: 20, sequence: 12, batch: 2, steps: 12, warmup: 2, corpus: book.txt, hold-out: 0.25,
    evaluate: end, evaluate-text: held-out.txt, evaluate-task: multiple-choice=cats.jsonl}
  vary:
    model: {Pre-LN: {architecture: pre-ln}, NormFormer: {architecture: normformer}}
  seeds: 3
  baseline: {model: Pre-LN}
figures:
  - figure: summary
    columns:
      - {measure: evaluation perplexity, by: word, evaluated: held-out.txt, title: by word}
      - {measure: accuracy}
claims:
  - {says: lower, measure: evaluation perplexity, by: word, of: {model: NormFormer}, against: {model: Pre-LN}, below: 1}
  - {says: better, measure: accuracy, of: {model: NormFormer}, against: {model: Pre-LN}, above: 0}
  - {says: no such text, measure: evaluation perplexity, evaluated: other.txt, of: {model: NormFormer}, below: 1}
"""


def test_claims_about_evaluations_are_judged(folder):
    (folder / "recipe.yaml").write_text(RECIPE)
    succeeds("recipe", ".", "--runs=runs", "--results=results", "--threads=1", cwd=folder)
    claims = {row["claim"]: row for row in rows((folder / "results/claims.csv").read_text())}
    ratios, differences = [], []
    words = len(HELD_OUT.split()) + HELD_OUT.count("\n")
    found = {}
    for path in run_files(folder / "runs"):
        with h5py.File(path) as file:
            key = (file.attrs["architecture"], int(file.attrs["seed"]))
            found[key] = (file["evaluation_loss"][-1, 0] * (len(HELD_OUT) - 1) / words, 100 * file["evaluation_accuracy"][-1, 1])
    for seed in sorted({seed for _, seed in found}):
        one, other = found["normformer", seed], found["pre-ln", seed]
        ratios.append(one[0] - other[0])
        differences.append(one[1] - other[1])
    assert float(claims["lower"]["effect"]) == pytest.approx(math.exp(sum(ratios) / 3))
    assert float(claims["better"]["effect"]) == pytest.approx(sum(differences) / 3)
    assert claims["no such text"]["verdict"] == "undecided"


@pytest.mark.parametrize(
    ("changes", "mentions"),
    [
        (dict(evaluate="5"), ["evaluate", "5"]),
        (dict(evaluate="every:0"), ["evaluate", "every:0"]),
        (dict(evaluate_text="missing.txt"), ["missing.txt"]),
        (dict(evaluate_text="a=b=c"), ["--evaluate-text"]),
        (dict(evaluate_text="held-out.txt=book.txt"), ["held-out.txt", "text itself"]),
        (dict(evaluate_task="quiz=cats.jsonl"), ["evaluate-task", "quiz"]),
        (dict(evaluate_task="piqa=cats.jsonl"), ["cats.jsonl", "goal"]),
        (dict(evaluate_task="cats.jsonl"), ["cats.jsonl", "which task"]),
        (dict(evaluate_text=None, evaluate_task=None), ["nothing to evaluate on", "--hold-out"]),
        (dict(evaluate_context=13), ["--evaluate-context", "13", "12"]),
        (dict(evaluate_context=4, evaluate_stride=5), ["--evaluate-stride", "leave tokens out"]),
        (dict(evaluate_stride=13), ["--evaluate-stride", "leave tokens out"]),
        (dict(evaluate_context=0), ["--evaluate-context", "at least 1"]),
        (dict(evaluate=None, evaluate_text=None, evaluate_task=None, evaluate_context=4), ["--evaluate-context", "--evaluate-text"]),
        (dict(objective="masked"), ["masked", "--evaluate"]),
        (dict(corpus=None, vocab_size=32), ["held-out.txt", "ids end at 31"]),
        (dict(corpus=None, vocab_size=1000), ["held-out.txt", "byte by byte", "1000"]),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_on(changes, mentions, folder):
    refuses("train", *small(**{**SIZES, **EVALUATED, **changes, "out": "run"}), cwd=folder, mentions=mentions)
    assert not (folder / "run").exists()


def test_a_task_without_labels(folder):
    (folder / "open.jsonl").write_text(json.dumps({"context": "a", "choices": ["b", "c"]}) + "\n")
    refuses(
        "train", *small(**SIZES, evaluate_task="multiple-choice=open.jsonl", out="run"), cwd=folder, mentions=["which answers"]
    )


def test_a_sweep_and_grads_evaluate_too(folder):
    arguments = flags(architectures="pre-ln,normformer", evaluate_text="held-out.txt,book.txt", out="grads")
    sizes = {name: value for name, value in SIZES.items() if name != "architecture"}
    succeeds("grads", *small(**sizes), *arguments, cwd=folder)
    for path in run_files(folder / "grads"):
        with h5py.File(path) as file:
            assert list(file["evaluation"].asstr()) == ["held-out.txt", "book.txt"]
            assert file["evaluation_step"][...].tolist() == [12]
