#!/usr/bin/env python3
"""Writes finetuning/: loss and gradients of models that judge whole sequences, and twenty updates of AdamW; or checks them with --check.

The model is `model.py`'s, each sequence passed alone, under RoBERTa's head: dense, tanh, projection, at the first position of masked models and
the last one of causal ones. Everything is float64 on one thread. The files are laid out as those of data/ (README.md).
"""

import argparse
import array
import dataclasses
import json
import math
import pathlib
import random
import sys

import torch

from cases import ARCHITECTURES
from generate import flat, float32, numbers_differ, random_parameters, to_bytes, to_text
from model import Configuration, Decoder

FOLDER = pathlib.Path(__file__).resolve().parent / "finetuning"
DENSE = "classification_heads.sentence_classification_head.dense"
PROJECTION = "classification_heads.sentence_classification_head.out_proj"
SIZES = dict(layers=2, dim=6, heads=2, ffn_dim=11, vocab_size=13, sequence=7, batch=4)
LENGTHS = [3, 7, 1, 5]
CASES = {
    "causal-classes": (dataclasses.replace(ARCHITECTURES["normformer"], **SIZES), 3),
    "masked-classes": (dataclasses.replace(ARCHITECTURES["post-ln"], objective="masked", **SIZES), 2),
    "causal-score": (dataclasses.replace(ARCHITECTURES["pre-ln"], **SIZES), 1),
    "masked-score": (dataclasses.replace(ARCHITECTURES["normformer"], objective="masked", **SIZES), 1),
}
RECIPE = dict(updates=20, peak_learning_rate=0.01, warmup=2, beta1=0.9, beta2=0.98, epsilon=1e-6, weight_decay=0.1)


def parameters_of(c: Configuration, outputs: int, source: random.Random) -> dict[str, torch.Tensor]:
    parameters = random_parameters(c, source)
    for name, count in ((DENSE, c.dim), (PROJECTION, outputs)):
        for kind, shape in (("weight", (count, c.dim)), ("bias", (count,))):
            values = [float32(0.8 * (2 * source.random() - 1)) for _ in range(math.prod(shape))]
            parameters[f"{name}.{kind}"] = torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
    return parameters


def outputs_of(c: Configuration, parameters: dict[str, torch.Tensor], tokens: list[int]) -> torch.Tensor:
    decoder = Decoder(c, parameters)
    x = decoder.embed(torch.tensor([tokens]))
    for index in range(c.layers):
        x = decoder.block(f"decoder.layers.{index}", x)
    if c.placement == "pre-ln":
        x = decoder.norm("decoder.layer_norm", x)
    hidden = x[0, 0 if c.objective == "masked" else -1]
    return decoder.linear(PROJECTION, torch.tanh(decoder.linear(DENSE, hidden)))


def loss_of(c: Configuration, parameters: dict[str, torch.Tensor], batch: list[list[int]], labels: list[float]) -> torch.Tensor:
    """The mean cross-entropy in nats, or with one output the mean squared error."""
    found = torch.stack([outputs_of(c, parameters, tokens) for tokens in batch])
    if found.shape[1] == 1:
        return torch.nn.functional.mse_loss(found[:, 0], torch.tensor(labels, dtype=torch.float64))
    return torch.nn.functional.cross_entropy(found, torch.tensor(labels))


def make_case(name: str) -> tuple[dict, list[float]]:
    """A case's description, and its weights, its gradients, and the weights after twenty updates over the same batch."""
    c, outputs = CASES[name]
    source = random.Random(f"nf-probe fine-tuning case {name}")
    parameters = parameters_of(c, outputs, source)
    batch = [[int(source.random() * c.vocab_size) for _ in range(length)] for length in LENGTHS]
    labels = [source.random() * 5 if outputs == 1 else int(source.random() * outputs) for _ in LENGTHS]
    first = flat(parameters.values())
    optimizer = torch.optim.AdamW(
        parameters.values(), lr=0.0, betas=(RECIPE["beta1"], RECIPE["beta2"]), eps=RECIPE["epsilon"],
        weight_decay=RECIPE["weight_decay"],
    )  # fmt: skip
    losses, gradients = [], []
    for update in range(RECIPE["updates"]):
        optimizer.zero_grad()
        loss = loss_of(c, parameters, batch, labels)
        loss.backward()
        losses.append(loss.item())
        if update == 0:
            gradients = flat(parameter.grad for parameter in parameters.values())
        t, warmup, total = update + 1, RECIPE["warmup"], RECIPE["updates"]
        share = t / warmup if t <= warmup else 1 - (t - warmup) / (total - warmup)
        for group in optimizer.param_groups:
            group["lr"] = RECIPE["peak_learning_rate"] * share
        optimizer.step()
    offset, tensors = 0, []
    for tensor, parameter in parameters.items():
        tensors.append({"name": tensor, "shape": list(parameter.shape), "offset": offset})
        offset += parameter.numel()
    description = {
        "name": name, "configuration": dataclasses.asdict(c), "outputs": outputs, "batch": batch, "labels": labels,
        "recipe": RECIPE, "losses": losses, "parameter_count": offset, "tensors": tensors,
    }  # fmt: skip
    return description, first + gradients + flat(parameters.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the stored files instead of writing them")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    wrong = []
    FOLDER.mkdir(exist_ok=True)
    for name in CASES:
        description, values = make_case(name)
        if not options.check:
            (FOLDER / f"{name}.json").write_text(to_text(description))
            (FOLDER / f"{name}.f64").write_bytes(to_bytes(values))
            continue
        stored = array.array("d", (FOLDER / f"{name}.f64").read_bytes())
        if sys.byteorder == "big":
            stored.byteswap()
        text = json.loads((FOLDER / f"{name}.json").read_text())
        if numbers_differ(description, text) or numbers_differ(values, list(stored)):
            wrong.append(name)
    print(f"{len(CASES) - len(wrong)} of {len(CASES)}" + (f"; not as stored: {', '.join(wrong)}" if wrong else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
