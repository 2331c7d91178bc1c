#!/usr/bin/env python3
"""Writes transformers-evaluation/NAME.json: what the models of transformers/NAME say of a text, token by token; or recomputes and compares
with --check. Needs requirements-transformers.txt.

Every loss comes from a pass of its own over exactly the tokens that the question lets the model see, in float64: no windows that
several targets share, no batches, no cache.
"""

import argparse
import json
import pathlib
import random
import sys

import torch

from transformers_cases import CASES
from transformers_models import HERE, build

OUT = HERE.parent / "transformers-evaluation"
LENGTH = 41


def load(name: str) -> torch.nn.Module:
    """A model of transformers/NAME: its weights as the library itself reads them, in modules that compute in float64."""
    model = build(CASES[name])
    read = type(model).from_pretrained(HERE / name, dtype=torch.float64)
    for (own, parameter), (other, value) in zip(model.named_parameters(), read.named_parameters(), strict=True):
        assert own == other and value.dtype == torch.float64, (own, other)
        parameter.data.copy_(value)
    return model


def loss_of(model: torch.nn.Module, seen: list[int], target: int) -> float:
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([seen]), use_cache=False).logits[0, -1]
    assert logits.dtype == torch.float64
    return -torch.log_softmax(logits, dim=-1)[target].item()


def losses(model: torch.nn.Module, text: list[int], context: int, stride: int) -> list[float | None]:
    """The loss of each token of a text: of the windows [k stride, k stride + context) that end right before it or later, the first answers."""
    found: list[float | None] = [None]
    for place in range(1, len(text)):
        start = max(0, -(-(place - context) // stride)) * stride
        found.append(loss_of(model, text[start:place], text[place]))
    return found


def compute(name: str) -> dict[str, object]:
    source = random.Random(f"evaluation of {name}")
    model = load(name)
    case = CASES[name]
    text = [source.randrange(case.fields["vocab_size"]) for _ in range(LENGTH)]
    positions = case.fields.get("n_positions", case.fields.get("max_position_embeddings", 16))
    questions = []
    for context, stride in sorted({(positions, positions), (positions, max(1, positions // 3)), (min(4, positions), 1)}):
        questions.append({"context": context, "stride": stride, "losses": losses(model, text, context, stride)})
    start = source.randrange(case.fields["vocab_size"])
    with_start = losses(model, [start, *text], positions, positions)[1:]
    questions.append({"context": positions, "stride": positions, "start_token": start, "losses": with_start})
    return {"tokens": text, "positions": positions, "questions": questions}


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [number for key in sorted(value) for number in numbers(value[key])]
    if isinstance(value, list):
        return [number for element in value for number in numbers(element)]
    return [float(value)] if isinstance(value, int | float) else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    OUT.mkdir(exist_ok=True)
    for name in CASES:
        found = compute(name)
        path = OUT / f"{name}.json"
        if not check:
            path.write_text(json.dumps(found) + "\n")
            continue
        stored = numbers(json.loads(path.read_text()))
        again = numbers(found)
        if len(stored) != len(again) or max(abs(a - b) for a, b in zip(stored, again, strict=True)) > 1e-10:
            print(f"{name} differs", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
