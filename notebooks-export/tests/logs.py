"""Event files and exports as other programs write them, and what they say."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from torch.utils.tensorboard import SummaryWriter

LAYERS = 6
SHAPES = {
    f"decoder.layers.{layer}.{name}": shape
    for layer in range(LAYERS)
    for name, shape in (("self_attn.k_proj.bias", [4]), ("fc1.weight", [16, 4]), ("fc2.weight", [4, 16]))
} | {"decoder.embed_tokens.weight": [32, 4]}
STEPS = range(3, 23)


def norm(name: str, step: int) -> float:
    """What was logged: exact in float32, as TensorBoard keeps it."""
    return float(np.float32(1 + list(SHAPES).index(name) + step / 64))


def loss(step: int) -> float:
    return 4 - step / 32


def tag_of(name: str) -> str:
    return f"grad_2.0_norm/{name}"


def write_events(folder: Path, tag: Callable[[str], str] = tag_of, steps: Iterable[int] = STEPS) -> Path:
    """TensorBoard's own writer."""
    with SummaryWriter(str(folder)) as writer:
        writer.add_text("note", "no number")
        for step in steps:
            for name in SHAPES:
                writer.add_scalar(tag(name), norm(name, step), step)
            writer.add_scalar("train/loss", loss(step), step)
            writer.add_scalar("lr-AdamW", 1e-3, step)
            writer.add_histogram("gradients/decoder.layers.0.fc1.weight", np.arange(9.0), step)
        writer.add_scalar("val_loss", 3.5, 20)
    (file,) = folder.glob("*tfevents*")
    return file


def write_csv(path: Path, tag: Callable[[str], str] = tag_of, step: str = "Step", prefix: str = "") -> Path:
    """An export of W&B: of a chart (`run - tag`, with bounds) or of a run's history."""
    names = [*map(tag, SHAPES), "train/loss"]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        bounds = ("", "__MIN", "__MAX") if prefix else ("",)
        rows.writerow([step, *(f"{prefix}{name}{bound}" for name in names for bound in bounds)])
        for at in STEPS:
            values = [*(norm(name, at) for name in SHAPES), loss(at)]
            rows.writerow([at, *(value for value in values for _ in bounds)])
    return path


def write_shapes(path: Path) -> Path:
    path.write_text(json.dumps(SHAPES))
    return path


def write_checkpoint(path: Path, beginning: str = "model.") -> Path:
    save_file({beginning + name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}, path)
    return path
