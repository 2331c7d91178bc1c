#!/usr/bin/env python3
"""Writes transformers/NAME/, a tiny model of Transformers' as `save_pretrained` leaves it, in float64, and transformers-gradients/NAME,
what autograd finds; or recomputes and compares with --check. Needs requirements-transformers.txt.

The library computes norms, softmax and rotary positions in float32 whatever the weights are; here its modules are loaded with
float64 in those places, so that everything is.
"""

import argparse
import importlib.util
import json
import pathlib
import random
import struct
import sys
from types import ModuleType

import torch
import transformers
from safetensors.torch import load_file, save_file

from transformers_cases import CASES, Case

HERE = pathlib.Path(__file__).resolve().parent / "transformers"
GRADIENTS = HERE.parent / "transformers-gradients"
FLOAT64 = [
    ("torch.float32", "torch.float64"),
    ("dtype=torch.float)", "dtype=torch.float64)"),
    (".float()", ".double()"),
]


def float64_module(name: str) -> ModuleType:
    """One of the library's modules with float64 wherever its source says float32."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None, name
    source = pathlib.Path(spec.origin).read_text()
    for single, double in FLOAT64:
        source = source.replace(single, double)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    exec(compile(source, spec.origin, "exec"), module.__dict__)
    return module


def build(case: Case) -> torch.nn.Module:
    config = transformers.AutoConfig.for_model(case.model_type, **case.fields)
    config._attn_implementation = "eager"
    folder = {"gemma3_text": "gemma3"}.get(case.model_type, case.model_type)
    float64_module("transformers.modeling_rope_utils")
    module = float64_module(f"transformers.models.{folder}.modeling_{folder}")
    name = transformers.models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[case.model_type]
    model: torch.nn.Module = getattr(module, name)(config)
    return model.double().eval()


def float32(x: float) -> float:
    """The nearest float32: both of the engine's precisions then start from the same weights."""
    (value,) = struct.unpack("<f", struct.pack("<f", x))
    return float(value)


def fill(model: torch.nn.Module, source: random.Random, gains_are_differences: bool) -> None:
    """Values unlike any initialisation, so that no term of a gradient vanishes by symmetry."""
    for name, parameter in sorted(model.named_parameters()):
        centre, half = (0.0, 3**0.5 * parameter.shape[-1] ** -0.5)
        if parameter.dim() == 1:
            is_gain = name.endswith("weight")
            centre, half = (0.0 if gains_are_differences or not is_gain else 1.0), 0.5
        values = [float32(centre + half * (2 * source.random() - 1)) for _ in range(parameter.numel())]
        parameter.data = torch.tensor(values, dtype=torch.float64).reshape(parameter.shape)


def compute(name: str, case: Case) -> tuple[torch.nn.Module, dict[str, object], dict[str, torch.Tensor]]:
    source = random.Random(name)
    model = build(case)
    fill(model, source, case.model_type.startswith("gemma"))
    vocabulary = case.fields["vocab_size"]
    text = [[int(source.random() * vocabulary) for _ in range(case.sequence + 1)] for _ in range(case.batch)]
    tokens, targets = [row[:-1] for row in text], [row[1:] for row in text]
    logits = model(input_ids=torch.tensor(tokens), use_cache=False).logits
    assert logits.dtype == torch.float64
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, vocabulary), torch.tensor(targets).reshape(-1))
    loss.backward()
    gradients = {key: value.grad.contiguous() for key, value in model.named_parameters() if value.grad is not None}
    return model, {"tokens": tokens, "targets": targets, "loss": loss.item()}, gradients


def write(name: str, case: Case) -> None:
    model, facts, gradients = compute(name, case)
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    GRADIENTS.mkdir(exist_ok=True)
    # What cuts queries, keys and values of one tensor apart.
    heads = {"head_count": str(model.config.num_attention_heads)}
    save_file(gradients, GRADIENTS / f"{name}.safetensors", metadata=heads)
    facts["transformers"] = transformers.__version__
    (folder / "golden.json").write_text(json.dumps(facts) + "\n")


def differs(name: str, case: Case) -> bool:
    """Whether a recomputation is further away than the order of float64 sums explains."""
    _, facts, gradients = compute(name, case)
    stored = load_file(GRADIENTS / f"{name}.safetensors")
    scale = max(value.abs().max().item() for value in stored.values())
    worst = max((gradients[key] - stored[key]).abs().max().item() for key in stored)
    loss = json.loads((HERE / name / "golden.json").read_text())["loss"]
    return gradients.keys() != stored.keys() or worst > 1e-12 * scale or abs(facts["loss"] - loss) > 1e-12


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    if not check:
        for name, case in CASES.items():
            write(name, case)
        return 0
    wrong = [name for name, case in CASES.items() if differs(name, case)]
    print(f"{len(CASES) - len(wrong)} of {len(CASES)} are as they were" + (f"; not: {wrong}" if wrong else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
