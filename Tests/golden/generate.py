#!/usr/bin/env python3
"""Writes the golden files beside this script (format: README.md), or checks them with --check.

Needs torch and nothing else (requirements.txt). Everything is float64 on one thread.
"""

import argparse
import array
import dataclasses
import json
import math
import pathlib
import random
import struct
import sys

import torch

from cases import ARCHITECTURES, SMALL, WIDE, all_cases
from model import Configuration, Decoder, parameter_shapes

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "data"


def float32(x: float) -> float:
    """The nearest float32: both of the engine's precisions then start from the same weights."""
    return struct.unpack("<f", struct.pack("<f", x))[0]


def random_parameters(c: Configuration, source: random.Random) -> dict[str, torch.Tensor]:
    """Values unlike any initialisation: gains and scales spread around 1 and biases that are not zero, so that no
    term of a gradient vanishes by symmetry. Uniform, because Python promises the sequence of `random()` for ever."""

    def spread(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
        if len(shape) == 2:
            deviation = shape[1] ** -0.5
            return 0.0, math.sqrt(3) * deviation * (1.5 if "q_proj" in name or "k_proj" in name else 1.0)
        return (0.0, 0.4) if name.endswith(".bias") else (1.0, 0.6)

    parameters = {}
    for name, shape in parameter_shapes(c).items():
        centre, half_width = spread(name, shape)
        values = [float32(centre + half_width * (2 * source.random() - 1)) for _ in range(math.prod(shape))]
        parameters[name] = torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
    return parameters


def random_batch(c: Configuration, source: random.Random) -> tuple[list[list[int]], list[list[int]]]:
    """Inputs and targets (B, T). Causal: a target is the next token. Masked: it is the original at about half of the
    positions, at least one, whose input is replaced; -1 elsewhere."""
    text = [[int(source.random() * c.vocab_size) for _ in range(c.sequence + 1)] for _ in range(c.batch)]
    if c.objective == "causal":
        return [row[:-1] for row in text], [row[1:] for row in text]
    tokens = [row[:-1] for row in text]
    targets = [[-1] * c.sequence for _ in range(c.batch)]
    for row in range(c.batch):
        for column in range(c.sequence):
            if (row, column) == (0, 0) or source.random() < 0.5:
                targets[row][column] = tokens[row][column]
                tokens[row][column] = int(source.random() * c.vocab_size)
    return tokens, targets


def zero_by_construction(c: Configuration, name: str) -> bool:
    """Softmax does not see what is added to all keys alike; with one position it sees nothing at all."""
    if c.sequence == 1 and any(part in name for part in (".q_proj", ".k_proj", ".q_layer_norm", ".k_layer_norm")):
        return True
    if not c.qkv_norm:
        return name.endswith("k_proj.bias")
    return name.endswith("k_layer_norm.bias")


def tensor_entries(c: Configuration, parameters: dict[str, torch.Tensor]) -> list[dict]:
    """The table of tensors: where the weight lies in the values (in float64s), and its gradient's sums."""
    entries, offset = [], 0
    largest = max(parameter.grad.abs().max().item() for parameter in parameters.values())
    for name, parameter in parameters.items():
        gradient = parameter.grad.flatten().tolist()
        assert all(math.isfinite(value) for value in gradient), name
        entry = {
            "name": name,
            "shape": list(parameter.shape),
            "offset": offset,
            "l1": math.fsum(abs(value) for value in gradient),
            "sum_squares": math.fsum(value * value for value in gradient),
            "max_abs": max(abs(value) for value in gradient),
            "zero_by_construction": zero_by_construction(c, name),
        }
        assert (entry["max_abs"] < 1e-13 * largest) == entry["zero_by_construction"], (name, entry["max_abs"])
        entries.append(entry)
        offset += parameter.numel()
    return entries


def flat(tensors) -> list[float]:
    return [value for tensor in tensors for value in tensor.detach().flatten().tolist()]


def make_case(name: str, c: Configuration) -> tuple[dict, list[float]]:
    """The case's description and its values: all weights, then all gradients in the same order."""
    source = random.Random(f"nf-probe golden case {name}")
    parameters = random_parameters(c, source)
    tokens, targets = random_batch(c, source)
    loss = Decoder(c, parameters).loss(torch.tensor(tokens), torch.tensor(targets))
    loss.backward()
    description = {
        "name": name,
        "configuration": dataclasses.asdict(c),
        "tokens": tokens,
        "targets": targets,
        "loss": loss.item(),
        "parameter_count": sum(parameter.numel() for parameter in parameters.values()),
        "tensors": tensor_entries(c, parameters),
    }
    values = flat(parameters.values()) + flat(parameter.grad for parameter in parameters.values())
    return description, values


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a trajectory is trained."""

    updates: int = 5
    peak_learning_rate: float = 0.01
    warmup: int = 3
    total: int = 10
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    decayed: str = "all"  # all | weights (matrices alone; biases, gains and scales are spared)
    clip: float = 0.5  # 0 switches clipping off
    optimizer: str = "adamw"  # adamw | sgd
    momentum: float = 0.0  # SGD's

    def learning_rate(self, update: int) -> float:
        """Linear warm-up to the peak at t = warmup, then linearly to 0 at t = total, where t = update + 1."""
        t = update + 1
        if t <= self.warmup:
            return self.peak_learning_rate * t / self.warmup
        return self.peak_learning_rate * (1 - (t - self.warmup) / (self.total - self.warmup))


def make_trajectory(name: str, c: Configuration, recipe: Recipe) -> tuple[dict, list[float]]:
    """A short training run; its values are the first weights, then the last ones."""
    source = random.Random(f"nf-probe golden trajectory {name}")
    parameters = random_parameters(c, source)
    first = flat(parameters.values())
    spared = [p for p in parameters.values() if recipe.decayed == "weights" and p.ndim < 2]
    decayed = [p for p in parameters.values() if recipe.decayed == "all" or p.ndim == 2]
    groups = [{"params": decayed}, {"params": spared, "weight_decay": 0.0}]
    if recipe.optimizer == "sgd":
        # torch.optim.SGD adds the decay to the gradient: the same as decoupled decay where there is no momentum.
        assert recipe.momentum == 0 or recipe.weight_decay == 0
        optimizer = torch.optim.SGD(
            groups, lr=recipe.peak_learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )
    else:
        optimizer = torch.optim.AdamW(
            groups,
            lr=recipe.peak_learning_rate,
            betas=(recipe.beta1, recipe.beta2),
            eps=recipe.epsilon,
            weight_decay=recipe.weight_decay,
        )
    steps = []
    for update in range(recipe.updates):
        tokens, targets = random_batch(c, source)
        rate = recipe.learning_rate(update)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = Decoder(c, parameters).loss(torch.tensor(tokens), torch.tensor(targets))
        loss.backward()
        limit = recipe.clip if recipe.clip > 0 else math.inf
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), limit).item()
        steps.append(
            {
                "tokens": tokens,
                "targets": targets,
                "learning_rate": rate,
                "loss": loss.item(),
                "gradient_l2": norm,
                "clip_coefficient": min(1.0, limit / (norm + 1e-6)),
            }
        )
        optimizer.step()
    offset, tensors = 0, []
    for tensor, parameter in parameters.items():
        tensors.append({"name": tensor, "shape": list(parameter.shape), "offset": offset})
        offset += parameter.numel()
    description = {
        "name": name,
        "configuration": dataclasses.asdict(c),
        "recipe": dataclasses.asdict(recipe),
        "steps": steps,
        "parameter_count": offset,
        "tensors": tensors,
    }
    return description, first + flat(parameters.values())


def everything() -> tuple[dict, dict[str, tuple[dict, list[float]]]]:
    """The index, and what goes into the files of each name in it."""
    cases = {name: make_case(name, c) for name, c in all_cases().items()}
    trajectories = {}
    for name, architecture, sizes, recipe in (
        ("trajectory-post-ln", "post-ln", SMALL, Recipe(clip=0.0)),
        ("trajectory-pre-ln", "pre-ln", SMALL, Recipe()),
        ("trajectory-normformer", "normformer", WIDE, Recipe()),
        # Strong decay, so that a tensor in the wrong group shows.
        ("trajectory-decayed-weights", "normformer", SMALL, Recipe(weight_decay=1.0, decayed="weights", clip=2.5)),
        ("trajectory-sgd", "post-ln", SMALL, Recipe(peak_learning_rate=0.1, weight_decay=0.5, clip=0.0, optimizer="sgd")),
        (
            "trajectory-sgd-momentum",
            "normformer",
            SMALL,
            Recipe(peak_learning_rate=0.1, weight_decay=0.0, optimizer="sgd", momentum=0.9),
        ),
    ):
        c = dataclasses.replace(ARCHITECTURES[architecture], **sizes)
        trajectories[name] = make_trajectory(name, c, recipe)
    index = {"cases": list(cases), "trajectories": list(trajectories)}
    return index, {**cases, **trajectories}


def to_bytes(values: list[float]) -> bytes:
    packed = array.array("d", values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def to_text(description: dict) -> str:
    """JSON with one step or tensor a line, so that a change shows as one in a diff."""
    parts = []
    for key, value in description.items():
        if key in ("tensors", "steps", "cases", "trajectories"):
            body = ",\n".join("  " + json.dumps(item) for item in value)
            parts.append(f"{json.dumps(key)}: [\n{body}\n]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def write() -> None:
    index, files = everything()
    DATA.mkdir(exist_ok=True)
    for old in DATA.iterdir():
        old.unlink()
    (DATA / "index.json").write_text(to_text(index))
    for name, (description, values) in files.items():
        (DATA / f"{name}.json").write_text(to_text(description))
        (DATA / f"{name}.f64").write_bytes(to_bytes(values))
    size = sum(path.stat().st_size for path in DATA.iterdir())
    print(f"{len(files)} cases and trajectories, {size / 1e6:.2f} MB")


def numbers_differ(ours, theirs) -> bool:
    """Whether two JSON values differ by more than the last digits, in which processors and builds of torch differ."""
    if isinstance(ours, dict):
        return ours.keys() != theirs.keys() or any(numbers_differ(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list):
        return len(ours) != len(theirs) or any(map(numbers_differ, ours, theirs))
    if isinstance(ours, float):
        return not math.isclose(ours, theirs, rel_tol=1e-10, abs_tol=1e-13)
    return ours != theirs


def check() -> int:
    """Computes everything again and compares; the exit status."""
    index, files = everything()
    wrong = [] if json.loads((DATA / "index.json").read_text()) == index else ["index"]
    for name, (description, values) in files.items():
        stored = array.array("d", (DATA / f"{name}.f64").read_bytes())
        if sys.byteorder == "big":
            stored.byteswap()
        same_text = not numbers_differ(description, json.loads((DATA / f"{name}.json").read_text()))
        if not same_text or numbers_differ(values, list(stored)):
            wrong.append(name)
    print(f"{len(files) - len(wrong)} of {len(files)} as stored" + (f"; not: {', '.join(wrong)}" if wrong else ""))
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the stored files instead of writing them")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if options.check:
        return check()
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
