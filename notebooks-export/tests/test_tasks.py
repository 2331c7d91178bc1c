"""From a task's file to tokens, and from there to scores by nf-probe."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from conftest import PROGRAM, ROOT, Run
from nf_probe.tasks import main, tokenised
from nf_probe.tokenize import main as tokenize

TASKS = ROOT / "Tests/golden/tasks"
MODEL = TASKS / "model"


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NF_PROBE", str(PROGRAM))


@pytest.fixture(scope="module")
def bpe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer of more than bytes."""
    out = tmp_path_factory.mktemp("tokenizer") / "x.bin"
    assert tokenize([str(ROOT / "Guides.docc/RunFile.md"), "--vocab-size", "400", "--out", str(out)]) == 0
    return out.with_suffix(".tokenizer.json")


def bytes_tokenizer(path: Path) -> Path:
    """A tokenizer whose tokens are bytes, and their ids the bytes themselves."""
    # Where the byte-level alphabet puts each byte.
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [byte for byte in range(256) if byte not in kept]
    vocabulary = {chr(byte if byte in kept else 256 + moved.index(byte)): byte for byte in range(256)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.save(str(path))
    return path


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("task", ["hellaswag=hellaswag.jsonl", "storycloze=storycloze.csv", "lambada=lambada.jsonl"])
def test_tokens_that_are_bytes_have_the_scores_of_bytes(
    task: str, tmp_path: Path, nf_probe_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(TASKS)
    tokenizer = bytes_tokenizer(tmp_path / "bytes.json")
    tokens = tmp_path / "tokens.jsonl"
    assert main([task, "--tokenizer", str(tokenizer), "--out", str(tokens)]) == 0
    found = []
    for number, given in enumerate((task, str(tokens))):
        out = tmp_path / f"out{number}"
        nf_probe_command("evaluate", MODEL, "--task", given, "--out", out)
        with (out / "examples.csv").open() as file:
            found.append(list(csv.DictReader(file)))
    assert found[0] == found[1] and found[0]


def test_the_tokens_are_those_of_the_whole_text(bpe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TASKS)
    out = tmp_path / "tokens.jsonl"
    arguments = ["piqa=piqa.jsonl,piqa-labels.lst", "--tokenizer", str(bpe), "--out", str(out), "--shots", "1"]
    assert main(arguments) == 0
    tokenizer = Tokenizer.from_file(str(bpe))
    header, *examples = lines(out)
    assert header["vocabulary_size"] == tokenizer.get_vocab_size() and header["shots"] == 1
    assert len(examples) == 3
    seen = 0
    for example in examples:
        choices = example["choices"]
        assert isinstance(choices, list)
        for choice in choices:
            whole = choice["context"] + choice["completion"]
            text = tokenizer.decode(whole)
            assert tokenizer.encode(text).ids == whole
            assert tokenizer.decode(choice["completion"]).strip().encode().__len__() == choice["bytes"]
            seen += text.count("\n\n")
    assert seen == 6


def test_a_token_over_the_seam_belongs_to_the_completion() -> None:
    vocabulary = {"a": 0, "b": 1, "c": 2, "bc": 3}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("b", "c")]))
    assert tokenised(tokenizer, "ab", "c") == ([0], [3])
    assert tokenised(tokenizer, "a", "bc") == ([0], [3])
    assert tokenised(tokenizer, "ab", "") == ([0, 1], [])
    assert tokenised(tokenizer, "", "ab") == ([], [0, 1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["piqa=missing.jsonl", "--tokenizer", "BPE", "--out", "x.jsonl"], "missing.jsonl"),
        (["hellaswag=piqa.jsonl", "--tokenizer", "BPE", "--out", "x.jsonl"], "PIQA"),
        (["piqa=piqa.jsonl", "--tokenizer", "piqa.jsonl", "--out", "x.jsonl"], "no tokenizer"),
        (["piqa=piqa.jsonl", "--tokenizer", "BPE", "--out", "there.jsonl"], "--overwrite"),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_nothing(
    bpe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("piqa.jsonl").write_bytes((TASKS / "piqa.jsonl").read_bytes())
    Path("there.jsonl").write_text("x")
    assert main([str(bpe) if word == "BPE" else word for word in arguments]) == 1
    assert message in capsys.readouterr().err
    assert not Path("x.jsonl").exists() and Path("there.jsonl").read_text() == "x"


def test_sentences_of_glue_become_tokens(tmp_path: Path, bpe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "RTE"
    data.mkdir()
    rows = ["index\tsentence1\tsentence2\tlabel", "0\tIt rains.\tIt is wet.\tentailment", "1\tA\t\tnot_entailment"]
    for split in ("train", "dev"):
        (data / f"{split}.tsv").write_text("\n".join(rows) + "\n")
    plain = Tokenizer.from_file(str(bpe))
    out = tmp_path / "tokens"
    words = [f"glue/rte={data}", "--tokenizer", str(bpe), "--out", str(out)]
    assert main(words) == 0
    header, first, second = lines(out / "train.jsonl")
    end = plain.encode("\n").ids
    assert header["between"] == end and header["before"] == header["after"] == []
    assert header["vocabulary_size"] == plain.get_vocab_size() and header["task"] == "glue/rte"
    assert first["sentences"] == [plain.encode("It rains.").ids, plain.encode("It is wet.").ids] and first["label"] == 0
    assert second["sentences"] == [plain.encode("A").ids, []] and (out / "dev.jsonl").exists()
    # Another time nothing is replaced unless it is said.
    assert main(words) == 1 and main([*words, "--overwrite"]) == 0
    assert main(["glue/rte", *words[1:]]) == 1


def test_marks_of_a_tokenizer_are_kept(bpe: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    from nf_probe.sentences import Marks, marks

    tokenizer = Tokenizer.from_file(str(bpe))
    tokenizer.add_special_tokens(["<s>", "</s>"])
    start, end = tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>")
    tokenizer.post_processor = TemplateProcessing(  # RoBERTa's
        single="<s> $A </s>", pair="<s> $A </s> </s> $B:1 </s>:1", special_tokens=[("<s>", start), ("</s>", end)]
    )
    assert marks(tokenizer) == Marks([start], [end, end], [end])
