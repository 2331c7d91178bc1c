"""Turns text into token files that `nf-probe train --corpus` reads: `python -m nf_probe.tokenize --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import NFProbeError
from .exitstatus import exit_status
from .tokenfile import TokenFileWriter

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END_OF_TEXT = "<|endoftext|>"
"""Stands between two text files."""
_BLOCK = 1 << 18
_LARGEST_BLOCK = 1 << 24


class TokenizeError(NFProbeError):
    """A text cannot be read, or a token file cannot be made of it."""


@dataclass(frozen=True)
class Stretch:
    """Some bytes of a text file."""

    path: Path
    start: int
    end: int


def split(paths: Sequence[Path], validation_share: float) -> tuple[list[Stretch], list[Stretch]]:
    """The texts' bytes for training, and the last of them for validation, cut where a word begins."""
    sizes = [path.stat().st_size for path in paths]
    wanted = round(sum(sizes) * (1 - validation_share))
    training, validation = [], []
    for path, size in zip(paths, sizes, strict=True):
        cut = size if wanted >= size else _word_start(path, max(0, wanted), size)
        wanted -= size
        training.append(Stretch(path, 0, cut))
        validation.append(Stretch(path, cut, size))
    return [s for s in training if s.end > s.start], [s for s in validation if s.end > s.start]


def _word_start(path: Path, position: int, size: int) -> int:
    """The first position from here on that whitespace begins at."""
    with path.open("rb") as file:
        file.seek(position)
        previous_is_space = position == 0
        while block := file.read(_BLOCK):
            for offset, byte in enumerate(block):
                is_space = byte in b" \t\r\n"
                if is_space and not previous_is_space:
                    return position + offset
                previous_is_space = is_space
            position += len(block)
    return size


def blocks(stretch: Stretch) -> Iterator[str]:
    """The text in pieces of about 256 KiB. They end before whitespace, where a byte-level tokenizer cuts in any case:
    the tokens are those of the whole text.

    Raises:
        TokenizeError: The file is not UTF-8.
    """
    position, rest = stretch.start, b""
    with stretch.path.open("rb") as file:
        file.seek(position)
        left = stretch.end - position
        while left > 0 or rest:
            data = file.read(min(_BLOCK, left))
            left -= len(data)
            rest += data
            cut = len(rest) if left <= 0 or not data else _cut(rest)
            if cut == 0:
                continue
            try:
                yield rest[:cut].decode("utf-8")
            except UnicodeDecodeError as error:
                place = position + error.start
                raise TokenizeError(f"{stretch.path}: byte {place} (counted from 0) is not UTF-8") from None
            position, rest = position + cut, rest[cut:]


def _cut(data: bytes) -> int:
    """Where the last stretch of whitespace begins; 0 where more must be read first."""
    end = len(data.rstrip(b" \t\r\n"))
    cut = max(data.rfind(space, 0, end) for space in (b" ", b"\t", b"\r", b"\n")) + 1
    while cut > 0 and data[cut - 1 : cut] in (b" ", b"\t", b"\r", b"\n"):
        cut -= 1
    if cut == 0 and len(data) >= _LARGEST_BLOCK:
        # No whitespace in 16 MiB: between two characters, then.
        cut = len(data)
        while cut > 0 and data[cut - 1] & 0xC0 == 0x80:
            cut -= 1
        return cut - 1
    return cut


def train(texts: Sequence[Stretch], vocabulary_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer of a text; any text can be written in its tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size, special_tokens=[END_OF_TEXT], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(chain.from_iterable(blocks(text) for text in texts), trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[Stretch], out: Path, token_format: str) -> int:
    """Writes the tokens of some texts; how many they are. Memory does not grow with the texts."""
    separator = tokenizer.token_to_id(END_OF_TEXT)
    with TokenFileWriter(out, tokenizer.get_vocab_size(), token_format) as file:
        for index, text in enumerate(texts):
            if index > 0 and separator is not None:
                file.append([separator])
            for block in blocks(text):
                file.append(tokenizer.encode(block, add_special_tokens=False).ids)
        return file.token_count


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    options = _parser().parse_args(arguments)
    return exit_status("nf_probe.tokenize", lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    validation_path: Path = options.out.with_suffix(".val.bin")
    tokenizer_path: Path = options.out.with_suffix(".tokenizer.json")
    for path in (options.out, validation_path, *([] if options.tokenizer else [tokenizer_path])):
        if path.exists() and not options.overwrite:
            raise TokenizeError(f"{path} exists already; say --overwrite, or choose another --out")
    training, validation = split(options.text, options.validation)
    if not training:
        raise TokenizeError("there is no text to train on")
    if options.tokenizer:
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(options.tokenizer))
        except Exception as error:
            raise TokenizeError(f"{options.tokenizer} is no tokenizer of the tokenizers library: {error}") from None
    else:
        tokenizer = train(training, options.vocab_size)
        tokenizer.save(str(tokenizer_path))
    size = tokenizer.get_vocab_size()
    print(f"{options.out}: {encode(tokenizer, training, options.out, options.format)} tokens, vocabulary {size}")
    if validation:
        count = encode(tokenizer, validation, validation_path, options.format)
        print(f"{validation_path}: {count} tokens")
    held_out = f" --validation {validation_path}" if validation else ""
    print(f"nf-probe train --corpus {options.out}{held_out} --vocab-size {size}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nf_probe.tokenize",
        description="Byte-level BPE tokens of UTF-8 texts, for nf-probe, nanoGPT and llm.c.",
    )
    parser.add_argument("text", nargs="+", type=Path, help="UTF-8 text files, of any size")
    parser.add_argument("--out", required=True, type=_token_file, help="the token file, *.bin")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--vocab-size", type=_vocabulary, help="trains a tokenizer of this size on the text")
    kind.add_argument("--tokenizer", type=Path, help="a tokenizer.json of the tokenizers library")
    parser.add_argument("--format", choices=["nanogpt", "llm.c"], default="nanogpt", help="default: nanogpt")
    parser.add_argument(
        "--validation", type=_share, default=0.1, help="share of the text, at its end, held out in *.val.bin (0.1)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replaces existing files")
    return parser


def _token_file(text: str) -> Path:
    if not text.endswith(".bin"):
        raise argparse.ArgumentTypeError(f"'{text}' does not end in .bin, by which token files are known")
    return Path(text)


def _vocabulary(text: str) -> int:
    if not text.isdecimal() or not 257 <= int(text) <= 1 << 22:
        raise argparse.ArgumentTypeError(f"'{text}' is no vocabulary size from 257 (the bytes and a separator) on")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no share from 0 to below 1")
    return share


if __name__ == "__main__":
    sys.exit(main())
