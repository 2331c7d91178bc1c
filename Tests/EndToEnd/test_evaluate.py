"""What models are worth on held-out text: losses by token against Transformers' own, and what the tables make of them."""

import csv
import io
import json
import math
import pathlib
import re
import signal
import struct
import subprocess

import numpy
import pytest
from conftest import PROGRAM, ROOT, environment, flags, refuses, succeeds

GOLDEN = ROOT / "Tests/golden/transformers-evaluation"
MODELS = ROOT / "Tests/golden/transformers"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))

TEXT = """
 = First article =

 = = A section = =

 Some words , and a number : 12 @.@ 5 .
 More words

 = Second article =

 Äther \u00a0 and\tsome   more
"""


def golden(name: str) -> dict:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def token_file(path: pathlib.Path, tokens: list[int]) -> pathlib.Path:
    path.write_bytes(struct.pack(f"<{len(tokens)}H", *tokens))
    return path


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def by_unit(text: str) -> dict[str, dict[str, str]]:
    return {row["by"]: row for row in rows(text)}


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> pathlib.Path:
    """Two byte models of our own, and the text that they were trained on."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "book.txt").write_text("the cat sat on the mat and the dog sat on the log\n" * 400)
    sizes = flags(layers=2, dim=16, heads=2, sequence=24, batch=4, steps=30, warmup=5, lr=0.01, corpus="book.txt")
    for name in ("pre-ln", "normformer"):
        succeeds("train", *sizes, f"--architecture={name}", f"--out={name}", cwd=folder)
        (weights,) = [path for path in folder.glob(f"{name}/*/step-*.safetensors") if ".state." not in path.name]
        weights.rename(folder / f"{name}.safetensors")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_losses_by_token_are_those_of_transformers(name, tmp_path):
    expected = golden(name)
    token_file(tmp_path / "text.bin", expected["tokens"])
    for number, question in enumerate(expected["questions"]):
        words = flags(context=question["context"], stride=question["stride"], start_token=question.get("start_token"))
        succeeds("evaluate", MODELS / name, "--text=text.bin", *words, f"--out=out{number}", "--token-losses", cwd=tmp_path)
        found = rows((tmp_path / f"out{number}/tokens.csv").read_text())
        assert [int(row["token"]) for row in found] == expected["tokens"]
        for row, loss in zip(found, question["losses"], strict=True):
            if loss is None:
                assert row[name] == ""
            else:
                assert float(row[name]) == pytest.approx(loss, abs=1e-5)
        asked = [loss for loss in question["losses"] if loss is not None]
        (row,) = rows((tmp_path / f"out{number}/text.csv").read_text())
        mean = sum(asked) / len(asked)
        assert (row["by"], int(row["count"])) == ("token", len(asked))
        assert [float(row[key]) for key in ("nats", "bits", "perplexity")] == pytest.approx(
            [mean, mean / math.log(2), math.exp(mean)], rel=1e-5
        )


def test_each_token_has_at_least_context_less_stride_before_it(trained, tmp_path):
    words = ["--text", trained / "book.txt", "--context=24", "--stride=7", "--out=out", "--token-losses"]
    succeeds("evaluate", trained / "pre-ln.safetensors", *words, cwd=tmp_path)
    contexts = [int(row["context"]) for row in rows((tmp_path / "out/tokens.csv").read_text())]
    assert contexts[:25] == list(range(25))
    assert set(contexts[25:]) == set(range(18, 25))


def test_words_and_bytes_are_counted_as_wikitext_does(trained, tmp_path):
    (tmp_path / "text.txt").write_text(TEXT * 6, "utf-8", newline="")
    words = ["--text=text.txt", "--format=csv"]
    found = by_unit(succeeds("evaluate", trained / "pre-ln.safetensors", *words, cwd=tmp_path).stdout)
    whole = TEXT * 6
    counts = {
        "word": sum(len(line.split()) + 1 for line in io.StringIO(whole, newline="\n")),
        "byte": len(whole.encode()),
        "token": len(whole.encode()) - 1,
    }
    assert {unit: int(row["count"]) for unit, row in found.items()} == counts
    total = float(found["token"]["nats"]) * counts["token"]
    for unit in ("word", "byte"):
        assert float(found[unit]["nats"]) * counts[unit] == pytest.approx(total, rel=1e-12)
    # Twelve articles: intervals over documents.
    assert all(float(row["nats_low"]) < float(row["nats"]) < float(row["nats_high"]) for row in found.values())
    text = succeeds("evaluate", trained / "pre-ln.safetensors", "--text=text.txt", cwd=tmp_path).stdout
    assert "bootstrap over 12 documents" in text and "blocks of 24" in text


@pytest.mark.parametrize(
    ("rule", "count"), [("whole", 1), ("lines", 6), ("paragraphs", 5), ("wikitext", 2)]
)  # fmt: skip
def test_documents_of_a_text(rule, count, trained, tmp_path):
    (tmp_path / "text.txt").write_text(TEXT * 10, "utf-8", newline="")
    words = ["--text=text.txt", f"--documents={rule}", "--out=out", "--separate"]
    succeeds("evaluate", trained / "pre-ln.safetensors", *words, cwd=tmp_path)
    samples = rows((tmp_path / "out/samples.csv").read_text())
    text = (TEXT * 10).encode()
    if rule != "whole":
        assert len(samples) == 10 * count
    starts = [int(row["start"]) for row in samples]
    assert sum(int(row["tokens"]) for row in samples) == len(text) and starts[0] == 0
    if rule == "wikitext":
        assert all(re.match(rb" = \w+ article =\n", text[start:]) for start in starts[1:])


def test_apart_a_document_is_as_if_it_were_alone(trained, tmp_path):
    lines = ["the cat sat\n", "on the mat and the log\n", "x\n", "the dog\n"]
    (tmp_path / "all.txt").write_text("".join(lines))
    words = ["--token-losses", "--overwrite", "--out=out", "--context=16", "--stride=5", "--documents=lines"]

    def losses(name: str) -> list[str]:
        succeeds("evaluate", trained / "pre-ln.safetensors", f"--text={name}", "--separate", *words, cwd=tmp_path)
        return [row["pre-ln.safetensors"] for row in rows((tmp_path / "out/tokens.csv").read_text())]

    together = losses("all.txt")
    place = 0
    for line in lines:
        (tmp_path / "one.txt").write_text(line)
        alone = losses("one.txt")
        found = together[place : place + len(line)]
        assert found[0] == alone[0] == ""
        numpy.testing.assert_allclose([float(x) for x in found[1:]], [float(x) for x in alone[1:]], rtol=1e-5)
        place += len(line)


def test_checkpoints_side_by_side(trained, tmp_path):
    paths = [trained / "pre-ln.safetensors", trained / "normformer.safetensors"]
    words = ["--text", trained / "book.txt", "--out=out", "--svg=figure.svg"]
    text = succeeds("evaluate", *paths, *words, cwd=tmp_path).stdout
    assert "pre-ln.safetensors" in text and "Loss less that of pre-ln.safetensors" in text
    table = rows((tmp_path / "out/text.csv").read_text())
    nats = {row["checkpoint"]: float(row["nats"]) for row in table if row["by"] == "token"}
    (difference,) = [row for row in rows((tmp_path / "out/differences.csv").read_text()) if row["by"] == "token"]
    assert float(difference["nats"]) == pytest.approx(nats["normformer.safetensors"] - nats["pre-ln.safetensors"])
    width = float(difference["nats_high"]) - float(difference["nats_low"])
    single = next(row for row in table if row["by"] == "token")
    assert 0 < width < float(single["nats_high"]) - float(single["nats_low"]) + 1
    assert float(difference["perplexity_ratio"]) == pytest.approx(math.exp(float(difference["nats"])))
    points = rows((tmp_path / "figure-points.csv").read_text())
    assert {row["series"] for row in points} >= set(nats)
    assert (tmp_path / "out/context.svg").read_text() == (tmp_path / "figure.svg").read_text()
    for name in ("json", "markdown", "latex"):
        assert "normformer" in succeeds("evaluate", *paths, "--text", trained / "book.txt", f"--format={name}", cwd=tmp_path).stdout


def test_the_interval_is_that_of_a_bootstrap_over_documents(trained, tmp_path):
    source = numpy.random.default_rng(5)
    words = "the cat sat on mat and dog log".split()
    lines = [" ".join(source.choice(words, source.integers(1, 9))) + "\n" for _ in range(200)]
    (tmp_path / "text.txt").write_text("".join(lines))
    arguments = ["--text=text.txt", "--documents=lines", "--out=out"]
    succeeds("evaluate", trained / "pre-ln.safetensors", *arguments, cwd=tmp_path)
    samples = rows((tmp_path / "out/samples.csv").read_text())
    losses, tokens = (numpy.array([float(row[key]) for row in samples]) for key in ("nats", "tokens"))
    drawn = source.integers(0, 200, (20_000, 200))
    means = losses[drawn].sum(1) / tokens[drawn].sum(1)
    row = by_unit((tmp_path / "out/text.csv").read_text())["byte"]
    width = float(row["nats_high"]) - float(row["nats_low"])
    assert width == pytest.approx(numpy.subtract(*numpy.quantile(means, [0.975, 0.025])), rel=0.1)


def test_a_token_file_with_its_original(trained, tmp_path):
    text = "the cat sat\non the mat\n" * 40
    (tmp_path / "text.txt").write_text(text)
    token_file(tmp_path / "text.bin", list(text.encode()))
    by_text = by_unit(succeeds("evaluate", trained / "pre-ln.safetensors", "--text=text.txt", "--format=csv", cwd=tmp_path).stdout)
    words = ["--text=text.bin", "--original=text.txt", "--format=csv", "--separator=10"]
    by_tokens = by_unit(succeeds("evaluate", trained / "pre-ln.safetensors", *words, cwd=tmp_path).stdout)
    for unit in ("token", "word", "byte"):
        assert by_tokens[unit]["count"] == by_text[unit]["count"]
        assert float(by_tokens[unit]["nats"]) == pytest.approx(float(by_text[unit]["nats"]), rel=1e-9)
    plain = by_unit(succeeds("evaluate", trained / "pre-ln.safetensors", "--text=text.bin", "--format=csv", cwd=tmp_path).stdout)
    assert set(plain) == {"token"}


def test_without_a_text_the_built_in_language(tmp_path):
    sizes = flags(layers=2, dim=12, heads=2, sequence=16, batch=4, steps=5, vocab_size=32, out="run")
    succeeds("train", *sizes, "--architecture=pre-ln", cwd=tmp_path)
    (weights,) = [path for path in tmp_path.glob("run/*/step-*.safetensors") if ".state." not in path.name]
    text = succeeds("evaluate", weights, cwd=tmp_path).stdout
    assert "entropy rate" in text and "blocks of 16" in text


@pytest.mark.parametrize(
    ("words", "mentions"),
    [
        (["missing.safetensors"], ["missing.safetensors"]),
        (["GPT2", "--text=missing.bin"], ["missing.bin"]),
        (["GPT2", "--text=text.bin", "--context=10"], ["--context 10", "9 positions"]),
        (["GPT2", "--text=text.bin", "--context=4", "--stride=5"], ["--stride 5", "left? out|leave"]),
        (["GPT2", "--text=text.bin", "--stride=12"], ["--stride 12", "context of 9"]),
        (["GPT2", "--text=text.bin", "--stride=0"], ["--stride"]),
        (["GPT2", "--text=text.bin", "--start-token=19"], ["--start-token 19", "end at 18"]),
        (["GPT2", "--text=text.bin", "--documents=lines"], ["--documents lines", "--separator"]),
        (["GPT2", "--text=wide.bin"], ["wide.bin", "token 3", "id 25", "end at 18", "other tokens"]),
        (["GPT2", "--text=one.bin"], ["one token"]),
        (["GPT2", "--text=empty.txt"], ["empty"]),
        (["GPT2", "--text=words.txt"], ["words.txt", "id 97", "end at 18"]),
        (["GPT2"], ["--text"]),
        (["GPT2", "GPT2", "--text=text.bin"], ["twice"]),
        (["GPT2", "--text=text.bin", "--token-losses"], ["--out"]),
        (["GPT2", "--text=words.txt", "--original=words.txt"], ["--original", "token files"]),
        (["GPT2", "--original=words.txt"], ["--original", "--text"]),
        (["words.txt", "--text=text.bin"], ["words.txt"]),
    ],
)
def test_what_cannot_be_evaluated(words, mentions, tmp_path):
    token_file(tmp_path / "text.bin", golden("gpt2")["tokens"])
    token_file(tmp_path / "wide.bin", [1, 2, 3, 25, 4])
    token_file(tmp_path / "one.bin", [1])
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "words.txt").write_text("a few words\n")
    refuses("evaluate", *[MODELS / "gpt2" if word == "GPT2" else word for word in words], cwd=tmp_path, mentions=mentions)


def test_a_model_that_fills_in_tokens_is_no_language_model(tmp_path):
    sizes = flags(layers=2, dim=12, heads=2, sequence=16, batch=2, steps=2, objective="masked", out="run")
    succeeds("train", *sizes, "--architecture=pre-ln", cwd=tmp_path)
    (weights,) = [path for path in tmp_path.glob("run/*/step-*.safetensors") if ".state." not in path.name]
    refuses("evaluate", weights, cwd=tmp_path, mentions=["masked tokens", "language models"])


def test_a_checkpoint_without_the_head(tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "model"
    folder.mkdir()
    tensors = load_file(MODELS / "gpt-neox/model.safetensors")
    save_file({name: value for name, value in tensors.items() if "embed_out" not in name}, folder / "model.safetensors")
    (folder / "config.json").write_text((MODELS / "gpt-neox/config.json").read_text())
    token_file(tmp_path / "text.bin", golden("gpt-neox")["tokens"])
    refuses("evaluate", folder, "--text=text.bin", cwd=tmp_path, mentions=["model", "output_projection|head"])


def test_an_interruption_ends_it(trained, tmp_path):
    (tmp_path / "long.txt").write_text((trained / "book.txt").read_text() * 20)
    words = ["evaluate", trained / "pre-ln.safetensors", "--text=long.txt", "--context=64", "--stride=1"]
    process = subprocess.Popen(
        [PROGRAM, *map(str, words)], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert "tokens of long.txt" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
