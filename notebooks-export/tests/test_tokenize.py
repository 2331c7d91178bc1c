"""Text to token files and from there to a training by nf-probe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from conftest import ROOT, Run
from nf_probe.tokenize import Stretch, blocks, main

TEXT = ROOT / "Guides.docc" / "RunFile.md"


def tokens(path: Path, header: int = 0, kind: str = "<u2") -> list[int]:
    return np.frombuffer(path.read_bytes()[header:], dtype=kind).tolist()


@pytest.mark.parametrize("token_format", ["nanogpt", "llm.c"])
def test_tokens_of_a_text_are_the_whole_text_and_train(
    tmp_path: Path, nf_probe_command: Run, token_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.bin"
    assert main([str(TEXT), "--vocab-size", "400", "--out", str(out), "--format", token_format]) == 0
    tokenizer = Tokenizer.from_file(str(tmp_path / "x.tokenizer.json"))
    header = 1024 if token_format == "llm.c" else 0
    found = [tokens(tmp_path / name, header) for name in ("x.bin", "x.val.bin")]
    assert "".join(tokenizer.decode(part) for part in found) == TEXT.read_text("utf-8")
    assert len(found[1]) == pytest.approx(0.1 * len(found[0] + found[1]), rel=0.3)
    command = capsys.readouterr().out.splitlines()[-1].split()
    assert command[0] == "nf-probe"
    sizes = ["--steps=3", "--layers=2", "--dim=8", "--heads=2", "--sequence=16", "--batch=2", "--out=run"]
    nf_probe_command(*command[1:], *sizes, cwd=tmp_path)


def test_texts_are_kept_apart_and_a_given_tokenizer_is_used(tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("one two three two one")
    second.write_text("vier fünf sechs")
    out = str(tmp_path / "x.bin")
    assert main([str(first), "--vocab-size", "260", "--out", out, "--validation", "0"]) == 0
    given = str(tmp_path / "x.tokenizer.json")
    arguments = [str(first), str(second), "--tokenizer", given, "--out", str(tmp_path / "y.bin"), "--validation", "0"]
    assert main(arguments) == 0
    separator = Tokenizer.from_file(given).token_to_id("<|endoftext|>")
    found = tokens(tmp_path / "y.bin")
    assert found.count(separator) == 1
    assert Tokenizer.from_file(given).decode(found[found.index(separator) + 1 :]) == "vier fünf sechs"
    assert not (tmp_path / "y.val.bin").exists()


def test_pieces_of_a_large_text_give_the_tokens_of_the_whole(tmp_path: Path) -> None:
    text = "".join(f"wörd{i % 97} {'  ' * (i % 3)}{i}\n" for i in range(150_000))
    path = tmp_path / "large.txt"
    path.write_text(text)
    pieces = list(blocks(Stretch(path, 0, path.stat().st_size)))
    assert len(pieces) > 2 and "".join(pieces) == text
    assert all(piece[0].isspace() and not piece[-1].isspace() for piece in pieces[1:-1])
    assert main([str(TEXT), "--vocab-size", "300", "--out", str(tmp_path / "x.bin")]) == 0
    tokenizer = tmp_path / "x.tokenizer.json"
    arguments = [str(path), "--tokenizer", str(tokenizer), "--out", str(tmp_path / "y.bin"), "--validation", "0"]
    assert main(arguments) == 0
    assert tokens(tmp_path / "y.bin") == Tokenizer.from_file(str(tokenizer)).encode(text).ids


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    tokenizer = tmp_path / "x.tokenizer.json"
    assert main([str(TEXT), "--vocab-size", "300", "--out", str(tmp_path / "x.bin")]) == 0
    peaks = []
    for size in (4 << 20, 12 << 20):
        text = tmp_path / "text.txt"
        text.write_bytes((b"some words and more of them\n" * (size // 28 + 1))[:size])
        arguments = [str(text), "--tokenizer", str(tokenizer), "--out", str(tmp_path / "y.bin"), "--overwrite"]
        # Not `ru_maxrss`, which a process inherits from the one that starts it.
        code = f"from nf_probe.tokenize import main; assert main({arguments!r}) == 0; "
        code += "print(open('/proc/self/status').read())"
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peaks.append(int(result.stdout.partition("VmHWM:")[2].split()[0]))
    assert peaks[1] - peaks[0] < 8 << 10, peaks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.txt", "--vocab-size", "300", "--out", "x.bin"], "missing.txt"),
        (["bad.txt", "--vocab-size", "300", "--out", "x.bin", "--validation", "0"], "byte 3"),
        (["good.txt", "--tokenizer", "bad.txt", "--out", "x.bin"], "no tokenizer"),
        (["good.txt", "--vocab-size", "300", "--out", "there.bin"], "--overwrite"),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str],
    message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("good.txt").write_text("good words here")
    Path("bad.txt").write_bytes(b"abc\xff\xfe def")
    Path("there.bin").write_bytes(b"xx")
    assert main(arguments) == 1
    assert message in capsys.readouterr().err
    assert not Path("x.bin").exists() and Path("there.bin").read_bytes() == b"xx"


@pytest.mark.parametrize(
    "arguments", [["a.txt", "--out", "x.bin"], ["a.txt", "--vocab-size", "9", "--out", "x.bin"],
                  ["a.txt", "--vocab-size", "300", "--out", "x.txt"]],
)  # fmt: skip
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
