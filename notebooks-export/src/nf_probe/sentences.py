"""The tokens of a GLUE task's sentences, which `nf-probe finetune --data` reads."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import NFProbeError
from .program import command

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SUITE = "glue/"
_ENDING = ".sentences.jsonl"


class SentenceError(NFProbeError):
    """A task's sentences cannot be made tokens of."""


@dataclass(frozen=True)
class Marks:
    """What a tokenizer puts around sentences: `<s>` and `</s>` of RoBERTa's."""

    before: list[int]
    between: list[int]
    after: list[int]


def marks(tokenizer: Tokenizer) -> Marks:
    """The marks of a tokenizer; of one that has none, the end of a line stands between two sentences.

    Raises:
        SentenceError: It has no token for the end of a line either.
    """
    pair = tokenizer.encode("a", "b")
    own = [index for index, is_mark in enumerate(pair.special_tokens_mask) if not is_mark]
    second = [index for index in own if pair.sequence_ids[index] == 1]
    first = [index for index in own if index not in second]
    before, between = pair.ids[: first[0]], pair.ids[first[-1] + 1 : second[0]]
    between = between or tokenizer.encode("\n", add_special_tokens=False).ids
    if not between:
        raise SentenceError("the tokenizer has neither a mark between two sentences nor a token for the end of a line")
    return Marks(before, between, pair.ids[second[-1] + 1 :])


def lines(tokenizer: Tokenizer, sentences: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file of tokens, from those of a file of sentences."""
    found = marks(tokenizer)
    with sentences.open(encoding="utf-8") as file:
        header = json.loads(file.readline())
        yield {
            **header, "vocabulary_size": tokenizer.get_vocab_size(), "before": found.before, "between": found.between,
            "after": found.after,
        }  # fmt: skip
        for line in file:
            example = json.loads(line)
            texts = example["sentences"]
            example["sentences"] = [code.ids for code in tokenizer.encode_batch(texts, add_special_tokens=False)]
            yield example


def write(task: str, data: Path, tokenizer: Tokenizer, out: Path, *, overwrite: bool) -> dict[Path, int]:
    """Writes the tokens of each split of a task into a folder, and returns how many examples each file has.

    Raises:
        SentenceError: A file is there already, or the tokenizer has no marks.
    """
    counts: dict[Path, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        command("finetune", "--quiet", "--task", task, "--data", str(data), "--sentences", folder)
        splits = sorted(Path(folder).glob(f"*{_ENDING}"))
        files = {split: out / f"{split.name.removesuffix(_ENDING)}.jsonl" for split in splits}
        there = next((file for file in files.values() if file.exists()), None)
        if there and not overwrite:
            raise SentenceError(f"{there} exists already; say --overwrite, or choose another --out")
        out.mkdir(parents=True, exist_ok=True)
        for split, file in files.items():
            temporary = file.with_name(file.name + ".tmp")
            try:
                with temporary.open("w", encoding="utf-8") as target:
                    for count, line in enumerate(lines(tokenizer, split)):
                        target.write(json.dumps(line) + "\n")
                        counts[file] = count
                temporary.replace(file)
            finally:
                temporary.unlink(missing_ok=True)
    return counts
