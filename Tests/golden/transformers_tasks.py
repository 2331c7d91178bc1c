#!/usr/bin/env python3
"""Writes tasks/: files of each task in the layout in which it is distributed, a small byte model of Transformers', and what that model says of
every answer; or recomputes and compares with --check. Needs requirements-transformers.txt.

The prompts are made here a second time, from the tasks' own files, and each answer is scored by a pass of its own in float64. The examples
are ours; of the tasks they have the layout alone, with its odd cases: labels apart or missing, quotes, ends of lines as on Windows, answers with
nothing in them, WikiHow's marks.
"""

import argparse
import csv
import json
import pathlib
import random
import re
import sys
from typing import Any

import torch
import transformers

from transformers_cases import Case
from transformers_evaluation import numbers
from transformers_models import build, fill

HERE = pathlib.Path(__file__).resolve().parent / "tasks"
MODEL = Case("gpt2", dict(vocab_size=256, n_embd=12, n_layer=2, n_head=2, n_positions=320, n_inner=20))

HELLASWAG = [
    dict(ind=4, activity_label="Making soup", ctx_a="A pot stands on the stove.", ctx_b="a cook", ctx="A pot stands on the stove. a cook",
         split="val", split_type="indomain", label=2, endings=["sings.", "runs away from it.", "stirs the soup.", ""], source_id="x~1"),
    dict(ind=14, activity_label="Home and Garden", ctx_a="[header] How to plant a tree [title] Dig a hole. [step] Make it deep.", ctx_b="",
         ctx="", split="val", split_type="zeroshot", label=0,
         endings=["[substeps] Put the tree in.", "Eat  the tree.", "Fill it with “water”.", "Call the tree by its name."], source_id="y~2"),
    dict(ind=15, activity_label="Ölwechsel", ctx_a="Ein Auto steht da.", ctx_b="ein \"Mechaniker\"", ctx="", split="test",
         split_type="zeroshot", endings=["kommt.", "geht heim.", "schläft.", "schläft."], source_id="z~3"),
]  # fmt: skip
PIQA = [
    {"goal": "To cut bread,", "sol1": "use a knife with teeth.", "sol2": "use a spoon."},
    {"goal": "How do I dry a shirt?", "sol1": "Lay it in the sea.", "sol2": "Hang it on a line, in the sun."},
    {"goal": "boil an egg", "sol1": "", "sol2": "Put it into boiling water."},
]
PIQA_LABELS = [0, 1, 1]
WINOGRANDE = [
    {"qID": "A-1", "sentence": "The cup did not fit into the bag because the _ was too large.", "option1": "cup", "option2": "bag", "answer": "1"},
    {"qID": "A-2", "sentence": "Ann paid Eve since _ had worked.", "option1": "Ann", "option2": "Eve", "answer": "2"},
    {"qID": "A-3", "sentence": "Tom called Jim, but _ slept.", "option1": "Tom", "option2": "Jim", "answer": ""},
]
OPENBOOKQA = [
    {"id": "8-1", "question": {"stem": "Plants take in", "choices": [{"text": text, "label": label} for text, label in
     zip(["light", "stones", "music", "cars"], "ABCD", strict=True)]}, "answerKey": "A"},
    {"id": "8-2", "question": {"stem": "What melts in the sun?", "choices": [{"text": text, "label": label} for text, label in
     zip(["a rock", "an old shoe", "the number 7", "ice"], "ABCD", strict=True)]}, "answerKey": "D"},
]  # fmt: skip
STORIES = [
    ["s1", "Ann lost her key.", "She looked in the garden.", 'A man said, "Look up!"', "It hung in a tree.", "She took it down.", "She ate the tree.", 1],
    ["s2", "Bo wanted a dog.", "He saved money,\nlots of it.", "One day he had enough.", "He went to town.", "He bought a boat.", "He came home with a dog.", 2],
]
LAMBADA = [
    "She opened the door and there stood Tom. \"You are late,\" she said to Tom",
    "The rain fell all day.  The streets were full of rain",
]
OWN = [
    {"id": "q1", "context": "Two and two are", "choices": ["four", "five", "many apples"], "label": 0},
    {"context": "The sky is", "choices": ["blue", "a fish"], "label": 1, "unconditional": "It is"},
]


def lines(rows: list[Any], end: str = "\n") -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in rows).encode()


def stories() -> bytes:
    header = ["InputStoryid", *[f"InputSentence{i}" for i in range(1, 5)], "RandomFifthSentenceQuiz1", "RandomFifthSentenceQuiz2",
              "AnswerRightEnding"]  # fmt: skip
    path = HERE / "storycloze.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerows([header, *STORIES])
    return path.read_bytes()


def write_files() -> None:
    (HERE / "hellaswag.jsonl").write_bytes(lines(HELLASWAG))
    (HERE / "piqa.jsonl").write_bytes(lines(PIQA, "\r\n"))
    (HERE / "piqa-labels.lst").write_bytes("".join(f"{label}\r\n" for label in PIQA_LABELS).encode())
    (HERE / "winogrande.jsonl").write_bytes(lines(WINOGRANDE))
    (HERE / "openbookqa.jsonl").write_bytes(b"\xef\xbb\xbf" + lines(OPENBOOKQA))
    stories()
    (HERE / "lambada.jsonl").write_bytes(lines([{"text": text} for text in LAMBADA]))
    (HERE / "lambada.txt").write_bytes("".join(f"{text} \n" for text in LAMBADA).encode())
    (HERE / "multiple-choice.jsonl").write_bytes(lines(OWN))


def plain(text: str) -> str:
    return re.sub(r"\[.*?\]", "", text.replace(" [title]", ". ")).replace("  ", " ").strip()


Prompt = tuple[str, int | None, list[tuple[str, str]], str]


def behind(context: str, answers: list[str]) -> list[tuple[str, str]]:
    return [(context.strip(), " " + answer.strip() if answer.strip() else "") for answer in answers]


def prompts(task: str) -> list[Prompt]:
    """Id, label, context and completion of each answer, and what stands before an answer alone."""
    alone = "Answer:"
    if task == "hellaswag":
        return [
            (str(row["ind"]), row.get("label"), behind(
                plain(f"{row['activity_label']}: {row['ctx_a']} {row['ctx_b'][:1].upper()}{row['ctx_b'][1:]}".strip()),
                [plain(ending) for ending in row["endings"]]), alone)
            for row in HELLASWAG
        ]  # fmt: skip
    if task == "piqa":
        return [(f"line {i + 1}", PIQA_LABELS[i], behind(row["goal"], [row["sol1"], row["sol2"]]), alone) for i, row in enumerate(PIQA)]
    if task == "winogrande":
        found: list[Prompt] = []
        for row in WINOGRANDE:
            before, after = row["sentence"].split("_")
            answers = [(before + row[option], after) for option in ("option1", "option2")]
            found.append((row["qID"], int(row["answer"]) - 1 if row["answer"] else None, answers, alone))
        return found
    if task == "openbookqa":
        return [
            (row["id"], "ABCD".index(row["answerKey"]), behind(row["question"]["stem"], [c["text"] for c in row["question"]["choices"]]), alone)
            for row in OPENBOOKQA
        ]
    if task == "storycloze":
        return [(row[0], row[7] - 1, behind(" ".join(row[1:5]), row[5:7]), alone) for row in STORIES]
    if task == "lambada":
        return [(f"line {i + 1}", 0, behind(*(lambda parts: (parts[0], [parts[1]]))(text.rsplit(" ", 1))), alone) for i, text in enumerate(LAMBADA)]
    return [(row.get("id", f"line {i + 1}"), row["label"], behind(row["context"], row["choices"]), row.get("unconditional", alone)) for i, row in enumerate(OWN)]


def likelihood(model: torch.nn.Module, context: str, completion: str) -> tuple[float, bool]:
    tokens = list(context.encode() + completion.encode())
    start = len(context.encode())
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0]
    assert logits.dtype == torch.float64
    logs = torch.log_softmax(logits, dim=-1)
    total = sum(logs[place - 1, tokens[place]].item() for place in range(start, len(tokens)))
    return total, all(logs[place - 1].argmax().item() == tokens[place] for place in range(start, len(tokens)))


def score(model: torch.nn.Module, prompt: Prompt) -> dict[str, Any]:
    name, label, answers, alone = prompt
    choices: list[dict[str, Any]] = []
    for context, completion in answers:
        count = len(completion.encode())
        choice: dict[str, Any] = {"context": context, "completion": completion, "tokens": count}
        if count:
            choice["sum"], choice["greedy"] = likelihood(model, context, completion)
            choice["alone"] = likelihood(model, alone, completion)[0]
        choices.append(choice)
    scores = {
        "sum": [c.get("sum") for c in choices],
        "per-token": [c["sum"] / c["tokens"] if c["tokens"] else None for c in choices],
        "per-byte": [c["sum"] / len(c["completion"].strip().encode()) if c["tokens"] else None for c in choices],
        "unconditional": [c["sum"] - c["alone"] if c["tokens"] else None for c in choices],
    }
    chosen = {key: max((i for i, v in enumerate(values) if v is not None), key=lambda i: values[i]) for key, values in scores.items()}
    return {"id": name, "label": label, "choices": choices, "chosen": chosen}


TASKS = ["hellaswag", "piqa", "winogrande", "openbookqa", "storycloze", "lambada", "multiple-choice"]


def compute() -> tuple[torch.nn.Module, dict[str, Any]]:
    model = build(MODEL)
    fill(model, random.Random("tasks"), False)
    return model, {task: [score(model, prompt) for prompt in prompts(task)] for task in TASKS}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    HERE.mkdir(exist_ok=True)
    model, found = compute()
    if check:
        stored, again = numbers(json.loads((HERE / "expected.json").read_text())), numbers(found)
        same = len(stored) == len(again) and max(abs(a - b) for a, b in zip(stored, again, strict=True)) < 1e-9
        print("" if same else "tasks differ", file=sys.stderr)
        return 0 if same else 1
    write_files()
    folder = HERE / "model"
    model.float().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    found["transformers"] = transformers.__version__
    (HERE / "expected.json").write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
