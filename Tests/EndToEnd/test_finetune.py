"""Fine-tuning on GLUE's tasks: files in their public layout, what is recorded, grids that go on, and what is refused."""

import csv
import io
import json
import pathlib
import random
import shutil

import h5py
import numpy
import pytest
from conftest import SIZES, flags, refuses, run_files, succeeds
from independent_reader import Run

GOOD, BAD = ["good", "fine", "warm"], ["bad", "dull", "cold"]
HEAD = "classification_heads.sentence_classification_head"
QUICK = dict(learning_rates=[0.01], dropout=0, attention_dropout=0)
MODEL = {**SIZES, "vocab_size": 256, "sequence": 24}


def sst2(source: random.Random, count: int) -> str:
    lines = ["sentence\tlabel"]
    for _ in range(count):
        label = source.randrange(2)
        lines.append(f"a {source.choice([BAD, GOOD][label])} film \t{label}")
    return "\n".join(lines) + "\n"


def pairs(header: str, labels: list[str], count: int) -> str:
    """A table of pairs: the words of `header` that begin with `sentence` or `question` hold text, the last one the label."""
    source = random.Random(header)
    rows = [header]
    for row in range(count):
        same = row % len(labels)
        words = [source.choice(GOOD + BAD) for _ in range(2)]
        cells = [words[i % 2] for i in range(len(header.split("\t")) - 1)]
        rows.append("\t".join([*cells, labels[same]]))
    return "\n".join(rows) + "\n"


FILES = {
    "CoLA": "".join(f"gj04\t{row % 2}\t{'*' * (1 - row % 2)}\tA sentence {row}.\n" for row in range(12)),
    "MRPC": pairs("\t#1 ID\t#2 ID\t#1 String\t#2 String", ["0"], 1),
    "QQP": pairs("id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", ["0", "1"], 12),
    "STS-B": pairs("index\tgenre\tsentence1\tsentence2\tscore", ["0.000", "2.5", "5.000", "3.8"], 12),
    "MNLI": pairs("index\tgenre\tsentence1\tsentence2\tlabel1\tgold_label", ["neutral", "contradiction", "entailment"], 12),
    "QNLI": pairs("index\tquestion\tsentence\tlabel", ["entailment", "not_entailment"], 12),
    "RTE": pairs("index\tsentence1\tsentence2\tlabel", ["entailment", "not_entailment"], 12),
}
FILES["MRPC"] = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n" + "".join(
    f"{row % 2}\t1\t2\tHe said \"no\" .\tHe \"said so .\n" for row in range(12)
)
METRICS = {
    "cola": ["accuracy", "matthews"], "sst-2": ["accuracy"], "mrpc": ["accuracy", "f1"], "qqp": ["accuracy", "f1"],
    "sts-b": ["pearson", "spearman"], "mnli": ["accuracy", "accuracy_mismatched"], "qnli": ["accuracy"], "rte": ["accuracy"],
}  # fmt: skip


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> pathlib.Path:
    """A folder of checkpoints whose tokens are bytes: a decoder of each of two architectures and a masked model; and GLUE's tasks in small."""
    folder = tmp_path_factory.mktemp("finetune")
    (folder / "book.txt").write_text("a good film, a bad film, a warm or a cold one\n" * 60)
    for name, words in (
        ("pre-ln", dict(architecture="pre-ln")), ("normformer", dict(architecture="normformer")),
        ("masked", dict(architecture="normformer", objective="masked")),
    ):  # fmt: skip
        sizes = flags(**{**MODEL, "batch": 2, "steps": 4, "warmup": 2, "lr": 0.01}, **words)
        succeeds("train", *sizes, "--corpus=book.txt", f"--out={name}-run", cwd=folder)
        (checkpoint,) = (folder / f"{name}-run").glob("*/step-00000004.safetensors")
        shutil.copy(checkpoint, folder / f"{name}.safetensors")
    source = random.Random(3)
    for title, texts in {"SST-2": None, **FILES}.items():
        (folder / "glue" / title).mkdir(parents=True)
        for split in ("train", "dev_matched", "dev_mismatched") if title == "MNLI" else ("train", "dev"):
            text = texts or sst2(source, 64 if split == "train" else 20)
            (folder / "glue" / title / f"{split}.tsv").write_text(text)
    return folder


def rows(path: pathlib.Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def finetune(models: pathlib.Path, out: pathlib.Path, *words: object, model="pre-ln", task="sst-2", **options):
    return succeeds(
        "finetune", models / f"{model}.safetensors", f"--task=glue/{task}", f"--data={models / 'glue'}", *words,
        *flags(out=out, **{**QUICK, **options}), cwd=out.parent,
    )  # fmt: skip


@pytest.fixture(scope="module")
def learned(models, tmp_path_factory) -> pathlib.Path:
    """A run that learned SST-2, with its weights."""
    out = tmp_path_factory.mktemp("learned") / "out"
    finetune(models, out, "--keep-weights", epochs=4, batch=8)
    return out


def test_a_model_learns_a_task_and_leaves_a_run_file(learned):
    (run,) = rows(learned / "runs.csv")
    # The words that decide are three against three: any model that learns at all tells them apart.
    assert float(run["accuracy"]) >= 90 and float(run["loss"]) < 0.4
    course = rows(learned / "course.csv")
    assert [int(row["updates"]) for row in course] == [8, 16, 24, 32]
    best = max(course, key=lambda row: float(row["accuracy"]))
    assert int(run["updates"]) == int(best["updates"]) and float(run["epoch"]) == int(best["updates"]) / 8
    (table,) = rows(learned / "glue.csv")
    assert table["checkpoint"] == "pre-ln.safetensors" and float(table["sst_2"]) == float(run["accuracy"])
    with h5py.File(learned / run["file"]) as file:
        assert file["step"][:].tolist() == list(range(32))
        assert dict(file.attrs)["objective"] == "classification" and file.attrs["loss"] == "example negative log-likelihood"
        assert file["tokens"][:].tolist() == [8] * 32
        stem = [name.decode() for name in file["stem_tensor"][:]]
        for name in ("dense.weight", "dense.bias", "out_proj.weight", "out_proj.bias"):
            assert (file["stem_gradient_l1"][:, stem.index(f"{HEAD}.{name}")] > 0).all()
        assert not any("output_projection" in name for name in stem)
        tensor = [name.decode() for name in file["tensor"][:]].index("fc2.weight")
        assert (file["gradient_l1"][:, :, tensor] > 0).all()
        assert [100 * value for value in file["validation_accuracy"][:]] == [float(row["accuracy"]) * 100 for row in course]
        assert file["validation_loss"][:].tolist() == [float(row["loss"]) for row in course]
        configuration = json.loads(file.attrs["configuration"])
        assert configuration["task"] == "glue/sst-2" and configuration["epochs"] == 4 and configuration["batch"] == 8
        # A line up over 6 % of 32 updates, then down to 0.
        rates = file["learning_rate"][:]
        assert rates[1] == pytest.approx(0.01) and rates[0] == pytest.approx(0.005) and rates[-1] == 0
        # The loss of the first step is that of guessing, but for the head's own start.
        assert abs(file["loss"][0] - numpy.log(2)) < 0.4
    reader = Run(str(learned / run["file"]))
    assert reader.is_manifest_intact and not any(reader.damaged.values())
    assert sum(number.statistic == "validation_accuracy" for number in reader.numbers()) == 4


def test_other_commands_read_such_runs(learned, models, tmp_path):
    (path,) = run_files(learned)
    table = succeeds("grads", path, "--format=csv", cwd=tmp_path).stdout
    assert len(rows_of(table)) == 1 and "fc2.weight" in succeeds("grads", path, cwd=tmp_path).stdout
    text = succeeds("info", path, cwd=tmp_path).stdout
    assert "nats/example" in text
    succeeds("verify", path, cwd=tmp_path)
    succeeds("report", path, "--out=report", cwd=tmp_path)
    assert "nats/example" in (tmp_path / "report/report.html").read_text()
    (other,) = run_files(models / "pre-ln-run")
    refuses("grads", path, other, cwd=tmp_path, mentions=["loss: example negative log-likelihood"])


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_kept_weights_answer_as_they_did(learned, models, tmp_path):
    (checkpoint,) = learned.glob("*.checkpoints/step-00000032.safetensors")
    words = ("--task=glue/sst-2", f"--data={models / 'glue'}", "--no-train", "--format=csv")
    (found,) = rows_of(succeeds("finetune", checkpoint, *words, cwd=tmp_path).stdout)
    last = rows(learned / "course.csv")[-1]
    # Other passes: sums of float32 in another order.
    assert float(found["accuracy"]) == pytest.approx(100 * float(last["accuracy"]))
    assert float(found["loss"]) == pytest.approx(float(last["loss"]), rel=1e-4) and found["examples"] == "20"
    # It can be fine-tuned further, on another task, whose head begins anew.
    finetune_words = flags(out="further", steps=2, **QUICK)
    data = f"--data={models / 'glue'}"
    succeeds("finetune", checkpoint, "--task=glue/mnli", data, *finetune_words, cwd=tmp_path)
    refuses(
        "finetune", models / "pre-ln.safetensors", *words, cwd=tmp_path, mentions=["has no head that judges sequences", "no-train"]
    )
    refuses(
        "finetune", checkpoint, "--task=glue/mnli", data, "--no-train", cwd=tmp_path, mentions=["2 classes", "3 classes", "another task"]
    )
    # A language model it is no more.
    refuses("evaluate", checkpoint, f"--text={models / 'book.txt'}", cwd=tmp_path, mentions=["classification_heads"])


@pytest.mark.parametrize("task", METRICS)
@pytest.mark.parametrize("model", ["masked", "pre-ln"])
def test_every_task_is_learned_from(task, model, models, tmp_path):
    out = tmp_path / "out"
    finetune(models, out, model=model, task=task, steps=3, batch=5, dropout=0.1, attention_dropout=0.1)
    (run,) = rows(out / "runs.csv")
    with h5py.File(out / run["file"]) as file:
        metrics = [name for name in file if name.startswith("validation_") and not name.endswith(("_step", "_loss", "_checksum"))]
        assert sorted(metrics) == sorted(f"validation_{metric}" for metric in METRICS[task])
        assert numpy.isfinite(file["loss"][:]).all() and numpy.isfinite(file["validation_loss"][:]).all()
        assert file.attrs["objective"] == ("regression" if task == "sts-b" else "classification")
    assert Run(str(out / run["file"])).is_manifest_intact
    for metric in METRICS[task]:
        assert run[metric] == "nan" or -100 <= float(run[metric]) <= 100


def test_several_checkpoints_and_tasks_are_table_3(models, tmp_path):
    out = tmp_path / "out"
    words = ["finetune", models / "pre-ln.safetensors", models / "normformer.safetensors", "--task=glue/sst-2", "--task=glue/cola"]
    words += [f"--data={models / 'glue'}", "--metric=accuracy"]
    text = succeeds(
        *words, *flags(out=out, seeds=3, steps=4, batch=8, **{**QUICK, "learning_rates": [0.0001, 0.01]}), "--svg=t3.svg",
        cwd=tmp_path,
    ).stdout  # fmt: skip
    assert "CoLA" in text and "average" in text and "median over 3 seeds" in text
    runs = rows(out / "runs.csv")
    assert len(runs) == 2 * 2 * 2 * 3 == len(run_files(out))
    grid = rows(out / "grid.csv")
    for cell in grid:
        own = [
            float(run["accuracy"]) for run in runs
            if all(run[key] == cell[key] for key in ("checkpoint", "task", "learning_rate"))
        ]  # fmt: skip
        assert float(cell["median"]) == pytest.approx(numpy.median(own)) and len(own) == 3
        assert [float(cell["lowest"]), float(cell["highest"])] == pytest.approx([min(own), max(own)])
    for row in rows(out / "glue.csv"):
        best = {}
        for cell in grid:
            if cell["checkpoint"] == row["checkpoint"]:
                best[cell["task"]] = max(best.get(cell["task"], 0), float(cell["median"]))
        assert float(row["sst_2"]) == pytest.approx(best["SST-2"]) and float(row["cola"]) == pytest.approx(best["CoLA"])
        assert float(row["average"]) == pytest.approx(numpy.mean(list(best.values())))
    assert (tmp_path / "t3.svg").read_text().count("CoLA") >= 1
    # A part of the grid is lost; what is left stays as it is, what is made again is the same.
    lost, kept = run_files(out)[0], run_files(out)[1]
    before = {path: h5py.File(path)["gradient_l1"][:] for path in (lost, kept)}
    time = kept.stat().st_mtime_ns
    lost.unlink()
    resumed = succeeds("finetune", "--resume", out, cwd=models)
    assert resumed.stdout == text and kept.stat().st_mtime_ns == time
    with h5py.File(lost) as file:
        assert (file["gradient_l1"][:] == before[lost]).all()


def test_a_checkpoint_that_changed_does_not_go_on(models, tmp_path):
    shutil.copy(models / "pre-ln.safetensors", tmp_path / "model.safetensors")
    words = flags(out="out", steps=2, **QUICK)
    succeeds("finetune", "model.safetensors", "--task=glue/rte", f"--data={models / 'glue'}", *words, cwd=tmp_path)
    shutil.copy(models / "normformer.safetensors", tmp_path / "model.safetensors")
    refuses("finetune", "--resume=out", cwd=tmp_path, mentions=["--resume", "is of another run", "from-checkpoint was"])


def test_measuring_and_batches_change_nothing(models, tmp_path):
    """A run recorded at every tenth step has the same numbers there."""
    finetune(models, tmp_path / "all", steps=11, dropout=0.1)
    finetune(models, tmp_path / "some", steps=11, dropout=0.1, every=10, weights_every=0)
    (one,), (two,) = run_files(tmp_path / "all"), run_files(tmp_path / "some")
    with h5py.File(one) as first, h5py.File(two) as second:
        assert second["step"][:].tolist() == [0, 10]
        for name in ("loss", "gradient_l1", "stem_gradient_l1"):
            assert (first[name][::10] == second[name][:]).all()
        assert (first["validation_loss"][:] == second["validation_loss"][:]).all()


def test_tokens_of_a_tokenizer(models, tmp_path):
    """Bytes as a tokenizer's tokens, in its files: the same run but for what the files are called."""
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    for split in ("train", "dev"):
        lines = (models / f"glue/SST-2/{split}.tsv").read_text().splitlines()[1:]
        header = {"nf_probe_sentences": 1, "task": "glue/sst-2", "vocabulary_size": 256, "before": [10], "between": [10], "after": []}
        examples = [
            {"line": 2 + row, "label": int(line.split("\t")[1]), "sentences": [list(line.split("\t")[0].strip().encode())]}
            for row, line in enumerate(lines)
        ]
        (tokens / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [header, *examples]))
    finetune(models, tmp_path / "text", steps=4)
    succeeds(
        "finetune", models / "pre-ln.safetensors", "--task=glue/sst-2", "--data=tokens", *flags(out="made", steps=4, **QUICK),
        cwd=tmp_path,
    )  # fmt: skip
    (one,), (two,) = run_files(tmp_path / "text"), run_files(tmp_path / "made")
    with h5py.File(one) as first, h5py.File(two) as second:
        assert (first["gradient_l1"][:] == second["gradient_l1"][:]).all()
    words = ("finetune", models / "pre-ln.safetensors", "--task=glue/sst-2", "--data=tokens", "--out=no")

    def refused(old: str, new: str, *mentions: str) -> None:
        text = (tokens / "train.jsonl").read_text()
        (tokens / "train.jsonl").write_text(text.replace(old, new, 1))
        refuses(*words, cwd=tmp_path, mentions=["train.jsonl", *mentions])
        (tokens / "train.jsonl").write_text(text)

    refused("glue/sst-2", "glue/rte", "is of glue/rte")
    refused('"vocabulary_size": 256', '"vocabulary_size": 300', "300 tokens", "256")
    refused('"label": 1', '"label": 2', "line", "label 2", "2 classes")
    refused('"sentences": [[', '"sentences": [[999, ', "token 999")
    refused('{"line": 2', '{"lime": 2', "line 2", "no example")
    refused("nf_probe_sentences", "other", "first line")


def test_sentences_are_written_for_a_tokenizer(models, tmp_path):
    data = models / "glue"
    succeeds("finetune", "--task=glue/mrpc", f"--data={data}", "--sentences=texts", cwd=tmp_path)
    header, *lines = [json.loads(line) for line in (tmp_path / "texts/train.sentences.jsonl").read_text().splitlines()]
    assert header == {"nf_probe_sentences": 1, "task": "glue/mrpc"} and len(lines) == 12
    assert lines[1] == {"line": 3, "label": 1, "sentences": ['He said "no" .', 'He "said so .']}
    assert (tmp_path / "texts/dev.sentences.jsonl").exists()


def test_long_examples_are_cut(models, tmp_path):
    data = tmp_path / "SST-2"
    data.mkdir()
    for split in ("train", "dev"):
        (data / f"{split}.tsv").write_text(f"sentence\tlabel\n{'good ' * 40}\t1\r\nbad\t0\r\n\t1\r\n")
    words = ("finetune", models / "pre-ln.safetensors", "--task=glue/sst-2", "--data=.")
    said = succeeds(*words, *flags(out="out", steps=2, **QUICK), cwd=tmp_path).stderr
    assert "1 of 3 examples are longer than 24 tokens" in said
    said = succeeds(*words, *flags(out="long", steps=2, context=300, **QUICK), cwd=tmp_path).stderr
    assert "longer than" not in said


# What is refused


@pytest.fixture
def glue(models, tmp_path) -> pathlib.Path:
    shutil.copytree(models / "glue", tmp_path / "glue")
    return tmp_path / "glue"


def refused(models: pathlib.Path, glue: pathlib.Path, *words: str, mentions: list[str], model="pre-ln", task="sst-2"):
    result = refuses(
        "finetune", models / f"{model}.safetensors", f"--task=glue/{task}", f"--data={glue}", *words, "--out=no", cwd=glue.parent,
        mentions=mentions,
    )  # fmt: skip
    assert not (glue.parent / "no").exists()
    return result


def test_files_that_are_not_the_tasks(models, glue):
    train = glue / "SST-2/train.tsv"
    train.write_text((glue / "RTE/train.tsv").read_text())
    refused(models, glue, mentions=["train.tsv, line 1", "columns of RTE, not of SST-2", "glue/rte"])
    train.write_text((glue / "CoLA/train.tsv").read_text())
    refused(models, glue, mentions=["no column sentence"])
    (glue / "CoLA/train.tsv").write_text("sentence\tlabel\nfine\t1\n")
    refused(models, glue, task="cola", mentions=["columns of SST-2, not of CoLA"])
    train.write_text("sentence\tlabel\nfine\t2\n")
    refused(models, glue, mentions=["line 2", "label 2", "0, 1"])
    train.write_text("sentence\tlabel\nfine\t1\nbad\n")
    refused(models, glue, mentions=["line 3", "1 columns"])
    train.write_text("sentence\tlabel\nfine\t\n")
    refused(models, glue, mentions=["line 2", "has no label"])
    train.write_text("index\tsentence\n0\tfine\n")
    refused(models, glue, mentions=["has no label"])
    train.write_text("")
    refused(models, glue, mentions=["empty"])
    train.write_bytes(b"sentence\tlabel\n\xff\t1\n")
    refused(models, glue, mentions=["line 2", "not UTF-8"])
    train.unlink()
    refused(models, glue, mentions=["--data", "neither train.tsv nor SST-2/train.tsv"])
    (glue / "RTE/dev.tsv").unlink()
    refused(models, glue, task="rte", mentions=["dev.tsv"])


def test_options_that_make_no_sense(models, glue):
    for words, mention in (
        (["--context=0"], "context"), (["--batch=0"], "batch"), (["--epochs=0"], "epochs"), (["--dropout=1"], "dropout"),
        (["--learning-rates=1e-3,x"], "learning-rates"), (["--learning-rates=0"], "learning-rates"),
        (["--learning-rates=1e-3,0.001"], "learning-rates"), (["--seeds=0"], "seeds"), (["--warmup-share=2"], "warmup-share"),
        (["--task=glue/sst-2"], "twice"), (["--task=glue/wnli"], "glue/wnli"), (["--no-train", "--keep-weights"], "no-train"),
    ):  # fmt: skip
        assert refused(models, glue, *words, mentions=[mention]).returncode == 2
    refuses("finetune", "--task=glue/rte", f"--data={glue}", cwd=glue, mentions=["name a checkpoint"])
    refuses("finetune", models / "pre-ln.safetensors", cwd=glue, mentions=["name a task"])
    refuses("finetune", models / "pre-ln.safetensors", "--task=glue/rte", cwd=glue, mentions=["--data"])
    refuses("finetune", "none.safetensors", "--task=glue/rte", f"--data={glue}", cwd=glue, mentions=["none.safetensors"])
    refuses("finetune", "--resume=none", cwd=glue, mentions=["none"])


def test_a_context_longer_than_the_positions(glue, models, tmp_path):
    sizes = flags(**{**MODEL, "steps": 2, "batch": 2, "architecture": "gpt2"})
    succeeds("train", *sizes, f"--corpus={models / 'book.txt'}", "--out=gpt2", cwd=tmp_path)
    (checkpoint,) = (tmp_path / "gpt2").glob("*/step-00000002.safetensors")
    words = ("finetune", checkpoint, "--task=glue/rte", f"--data={glue}")
    refuses(*words, "--context=25", cwd=tmp_path, mentions=["--context 25", "24 positions"])
    succeeds(*words, *flags(out="out", steps=2, context=20, **QUICK), cwd=tmp_path)


def test_text_for_a_model_of_other_tokens(glue, models, tmp_path):
    sizes = flags(**{**MODEL, "vocab_size": 600, "steps": 2, "batch": 2})
    succeeds("train", *sizes, f"--corpus={models / 'book.txt'}", "--out=run", cwd=tmp_path)
    (checkpoint,) = (tmp_path / "run").glob("*/step-00000002.safetensors")
    words = ("finetune", checkpoint, "--task=glue/rte", f"--data={glue}")
    refuses(*words, cwd=tmp_path, mentions=["read byte by byte", "vocabulary of 600", "nf_probe.tasks glue/rte="])


def test_a_learning_rate_that_is_too_high_counts_below_all_others(models, tmp_path):
    out = tmp_path / "out"
    text = finetune(models, out, learning_rates=[1e30, 0.001], steps=6).stdout
    assert "broke off" in text
    high, low = sorted(rows(out / "grid.csv"), key=lambda row: row["broke_off"] == "")
    assert high["broke_off"] == "1" and high["median"] == "" and low["best"] == "yes"
    (table,) = rows(out / "glue.csv")
    assert float(table["sst_2"]) == float(low["median"])
