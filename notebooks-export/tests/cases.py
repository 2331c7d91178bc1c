"""Models of many architectures in float64, with the places of their parameters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

import nf_probe
from nf_probe.measuring.facts import head_count
from nf_probe.measuring.layout import Layout, Part, make_layout
from nf_probe.names.places import Placing, find_places
from roles import Pass, watch
from zoo import ARCHITECTURES, Architecture, Model

# All of them take half a minute; NF_PROBE_MODELS=all has them all.
FEW = (
    "gemma3", "olmo2", "gpt-neox", "falcon-40b", "phi3", "qwen3-moe", "gpt-oss", "deepseek-v3", "t5-gated", "llava",
    "mamba", "megatron", "torchtitan", "olmo-core", "nanochat", "cnn", "numberless", "vit",
)  # fmt: skip
ALL = os.environ.get("NF_PROBE_MODELS") == "all"
CHOSEN = [name for name, a in ARCHITECTURES.items() if a.is_installed and (ALL or name in FEW)]


@dataclass
class Case:
    """A model in float64, and where its parameters go."""

    name: str

    @cached_property
    def architecture(self) -> Architecture:
        return ARCHITECTURES[self.name]

    @cached_property
    def made(self) -> Model:
        torch.manual_seed(11)
        made = self.architecture.make()
        # Gains and biases begin as ones and zeros, which hide what they do.
        for parameter in made.module.parameters():
            if parameter.dim() == 1:
                nn.init.normal_(parameter, mean=0.3, std=0.2)
        return Model(made.module.double().train(), made.loss)

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        return dict(self.made.module.named_parameters())

    @cached_property
    def placing(self) -> Placing:
        shapes = {name: tuple(p.shape) for name, p in self.parameters.items()}
        return find_places(shapes, heads=head_count(self.made.module))

    @cached_property
    def layout(self) -> Layout:
        return make_layout(self.placing, {name: tuple(p.shape) for name, p in self.parameters.items()})

    @cached_property
    def seen(self) -> Pass:
        return watch(self.made.module, self.made.loss)

    def roles(self) -> Iterator[tuple[str, int, str, Part]]:
        """Stack, layer and name of every tensor that a table has placed in a layer."""
        for part in self.layout.parts:
            if part.placed and part.placed.place.layer is not None and self.placing.adapter != "own names":
                yield part.placed.place.stack, part.placed.place.layer, part.placed.place.name, part


_MADE: dict[str, Case] = {}


def case_of(name: str) -> Case:
    """A model, which all tests share."""
    return _MADE.setdefault(name, Case(name))


def elements(part: Part, values: Tensor) -> Tensor:
    """Of a parameter's values, those of one of its parts."""
    for cut in part.cuts:
        values = cut.of(values, 0)
    return values


def record(name: str, path: Path, factor: int = 1) -> Path:
    """A short run of a model whose gradients grow with the factor, and are those of another run with another one."""
    made = case_of(name).made
    settings = {"factor": factor}
    with nf_probe.Recorder(path, made.module, objective="causal", seed=1, configuration=settings) as recorder:
        for step in range(4):
            made.module.zero_grad(set_to_none=True)
            loss = made.loss(made.module)
            (loss * (factor + step)).backward()
            recorder.step(loss, tokens=14)
    return path
