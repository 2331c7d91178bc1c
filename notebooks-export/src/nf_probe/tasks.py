"""Turns a task's file into the tokens that `nf-probe evaluate --task` reads: `python -m nf_probe.tasks --help`.

What a task's file means and how its prompts read says the program (`nf-probe evaluate --prompts`); here they get their
tokens. The sentences of GLUE's tasks, `glue/sst-2=FOLDER`, become tokens for `nf-probe finetune --data` (`sentences`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import sentences
from .errors import NFProbeError
from .exitstatus import exit_status
from .program import command

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class TaskError(NFProbeError):
    """A task's file cannot be made tokens of."""


def tokenised(tokenizer: Tokenizer, context: str, completion: str) -> tuple[list[int], list[int]]:
    """The tokens of a context and of what follows it, as the tokenizer writes both together.

    Where a token reaches over the seam, the completion begins with it.
    """
    before: list[int] = tokenizer.encode(context, add_special_tokens=False).ids
    if not completion:
        return before, []
    whole: list[int] = tokenizer.encode(context + completion, add_special_tokens=False).ids
    common = 0
    while common < min(len(before), len(whole) - 1) and before[common] == whole[common]:
        common += 1
    return whole[:common], whole[common:]


def examples(tokenizer: Tokenizer, prompts: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file of tokens, from those of a file of prompts.

    Raises:
        TaskError: It is no file of prompts.
    """
    with prompts.open(encoding="utf-8") as file:
        header = _object(file.readline(), prompts)
        if header.get("nf_probe_task") != 1 or header.get("kind") != "prompts":
            raise TaskError(f"{prompts} holds no prompts: nf-probe evaluate --prompts writes them")
        yield {**header, "kind": "tokens", "vocabulary_size": tokenizer.get_vocab_size()}
        for line in file:
            example = _object(line, prompts)
            for choice in example["choices"]:
                parts = tokenised(tokenizer, choice["context"], choice["completion"])
                choice["context"], choice["completion"] = parts
            example["unconditional"] = tokenizer.encode(example["unconditional"], add_special_tokens=False).ids
            yield example


def _object(line: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise TaskError(f"{path} has a line that is no object of JSON")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    options = _parser().parse_args(arguments)
    return exit_status("nf_probe.tasks", lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    from tokenizers import Tokenizer

    out: Path = options.out
    is_glue = options.task.startswith(sentences.SUITE)
    if out.exists() and not options.overwrite and not is_glue:
        raise TaskError(f"{out} exists already; say --overwrite, or choose another --out")
    try:
        tokenizer = Tokenizer.from_file(str(options.tokenizer))
    except Exception as error:
        raise TaskError(f"{options.tokenizer} is no tokenizer of the tokenizers library: {error}") from None
    # A length that the file sets would cut prompts in silence.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if is_glue:
        task, _, data = options.task.partition("=")
        if not data:
            raise TaskError(f"{task} does not say where its files are: {task}=FOLDER")
        counts = sentences.write(task, Path(data), tokenizer, out, overwrite=options.overwrite)
        for file, count in counts.items():
            print(f"{file}: {count} examples, vocabulary {tokenizer.get_vocab_size()}")
        print(f"nf-probe finetune CHECKPOINT --task {task} --data {out}")
        return
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "prompts.jsonl"
        words = ["--task", options.task, "--prompts", str(prompts), "--shots", str(options.shots)]
        if options.shots_from:
            words += ["--shots-from", options.shots_from]
        command("evaluate", "--quiet", *words, "--shots-seed", str(options.shots_seed))
        lines = [json.dumps(example) for example in examples(tokenizer, prompts)]
    temporary = out.with_name(out.name + ".tmp")
    try:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    print(f"{out}: {len(lines) - 1} examples, vocabulary {tokenizer.get_vocab_size()}")
    print(f"nf-probe evaluate CHECKPOINT --task {out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nf_probe.tasks",
        description="Tokens of a task's file, for nf-probe evaluate --task.",
    )
    parser.add_argument(
        "task",
        help="FORMAT=FILE or FORMAT=FILE,LABELS, as `nf-probe evaluate --task` has it; glue/NAME=FOLDER for finetune",
    )
    parser.add_argument("--tokenizer", required=True, type=Path, help="a tokenizer.json of the tokenizers library")
    parser.add_argument("--out", required=True, type=Path, help="the file of tokens; of glue/NAME a folder")
    parser.add_argument("--shots", type=int, default=0, help="examples with their answers before each (0)")
    parser.add_argument("--shots-from", help="what they are drawn from (the task's own file)")
    parser.add_argument("--shots-seed", type=int, default=0, help="seed of the draw (0)")
    parser.add_argument("--overwrite", action="store_true", help="replaces an existing file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
