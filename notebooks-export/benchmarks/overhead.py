"""What recording costs: the recorder beside other ways to look at every gradient at every step.

    pip install './notebooks-export[torch]' trainscope
    python benchmarks/overhead.py --size 125M --steps 20

Ways: `plain` (nothing is looked at), `recorder` (nf_probe, gradients alone), `weights` (with weights and updates, as at
every tenth step unless told otherwise: nine steps of `recorder` and one of `weights` are what it costs), `outputs`
(with outputs, their gradients and heads, as at the steps of `outputs_every`), `item` (a loop of `.item()` calls for L1,
L2 and the largest element), `histograms` (a histogram of every gradient in 64 bins, as `wandb.watch` makes them),
`trainscope` (if it is installed). Ways take turns step by step on one model and the same batches, so that a machine's
moods meet all of them; what is compared is the median over steps of a way's time over that of the plain step beside it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import nf_probe
from nf_probe.runfile.machine import processor_name

SIZES = {
    "125M": {"layers": 12, "width": 768, "heads": 12, "vocabulary": 50_257, "length": 128, "rows": 4},
    "30M": {"layers": 6, "width": 384, "heads": 6, "vocabulary": 50_257, "length": 128, "rows": 4},
    "tiny": {"layers": 4, "width": 64, "heads": 4, "vocabulary": 512, "length": 64, "rows": 4},
}


WAYS = ["recorder", "weights", "outputs", "item", "histograms", "trainscope"]


class Model(nn.Module):
    """A Pre-LN decoder of PyTorch's own layers; the output is tied to the embedding."""

    def __init__(self, layers: int, width: int, heads: int, vocabulary: int, length: int, rows: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.encoder(self.embedding(tokens), mask=self.mask, is_causal=True)
        return nn.functional.linear(hidden, self.embedding.weight)


class Way:
    """One way to look at gradients: what it does around and after `backward()`."""

    def before(self) -> None: ...

    def after_backward(self, loss: Tensor) -> None: ...

    def after_step(self, loss: Tensor) -> None: ...


class RecorderWay(Way):
    """Attached for its own steps alone, so that others do not pay for its hooks."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, path: Path, *, weights_every: int = 0,
        outputs_every: int = 0,
    ) -> None:  # fmt: skip
        self.recorder = nf_probe.Recorder(
            path, model, optimizer, objective="causal", weights_every=weights_every, outputs_every=outputs_every
        )
        self.watches = self.recorder._watches
        self.rest()

    def rest(self) -> None:
        self.watches.probe.detach()
        self.watches.parameters.begin(0, is_recorded=False)
        self.watches.outputs.begin(0, is_recorded=False)

    def before(self) -> None:
        self.watches.updates.reset()
        self.watches.parameters.begin(0, is_recorded=True)
        self.watches.outputs.begin(0, is_recorded=True)
        self.watches.probe.attach()

    def after_step(self, loss: Tensor) -> None:
        self.recorder.step(loss, tokens=1)
        self.rest()


class ItemWay(Way):
    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.rows: list[list[float]] = []

    def after_backward(self, loss: Tensor) -> None:
        for parameter in self.model.parameters():
            g = parameter.grad
            self.rows.append([g.abs().sum().item(), g.norm().item(), g.abs().max().item()])


class HistogramWay(Way):
    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def after_backward(self, loss: Tensor) -> None:
        for parameter in self.model.parameters():
            flat = parameter.grad.flatten()
            low, high = flat.min().item(), flat.max().item()
            torch.histc(flat, 64, low, high if high > low else low + 1).tolist()


class TrainscopeWay(Way):
    """trainscope with its gradient statistics alone: no activations, no histograms."""

    def __init__(self, module: Any, model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
        config = module.TrainScopeConfig(
            run_dir=str(folder), run_name="trainscope", activation_layer_filter=["no layer"],
            histogram_every_n_steps=10**9,
        )  # fmt: skip
        self.scope = module.TrainScope(model, optimizer, config).attach()

    def after_backward(self, loss: Tensor) -> None:
        self.scope.step(loss.item())


def trainscope_way(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> Way | None:
    """None where it is not installed."""
    try:
        return TrainscopeWay(importlib.import_module("trainscope"), model, optimizer, folder)
    except ImportError:
        return None


def one_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, tokens: Tensor, way: Way, synchronize: Callable
) -> float:
    """Seconds of one training step."""
    synchronize()
    start = time.perf_counter()
    way.before()
    logits = model(tokens[:, :-1])
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()
    way.after_backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    way.after_step(loss)
    synchronize()
    return time.perf_counter() - start


def interval(ratios: list[float]) -> tuple[float, float]:
    """95 % of medians of resamples."""
    random = np.random.default_rng(0)
    medians = np.median(random.choice(ratios, (2000, len(ratios))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(low), float(high)


def measure(options: argparse.Namespace) -> dict[str, object]:
    device = torch.device(options.device)
    sizes = SIZES[options.size]
    torch.manual_seed(0)
    model = Model(**sizes).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    synchronize = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    shape = (sizes["rows"], sizes["length"] + 1)
    with tempfile.TemporaryDirectory() as name:
        ways: dict[str, Way | None] = {
            "recorder": RecorderWay(model, optimizer, Path(name) / "run.h5"),
            "weights": RecorderWay(model, optimizer, Path(name) / "weights.h5", weights_every=1),
            "outputs": RecorderWay(model, optimizer, Path(name) / "outputs.h5", outputs_every=1),
            "item": ItemWay(model), "histograms": HistogramWay(model),
            "trainscope": trainscope_way(model, optimizer, Path(name)),
        }  # fmt: skip
        chosen = {way: value for way, value in ways.items() if value is not None and way in options.ways}
        times: dict[str, list[float]] = {way: [] for way in ("plain", *chosen)}
        ratios: dict[str, list[float]] = {way: [] for way in chosen}
        for step in range(options.warmup + options.steps):
            tokens = torch.randint(0, sizes["vocabulary"], shape, device=device)
            for way, value in chosen.items():
                plain = one_step(model, optimizer, tokens, Way(), synchronize)
                seconds = one_step(model, optimizer, tokens, value, synchronize)
                if step >= options.warmup:
                    times["plain"].append(plain)
                    times[way].append(seconds)
                    ratios[way].append(seconds / plain)
        for way in ("recorder", "weights", "outputs"):
            ways[way].recorder.close()
    return {
        "size": options.size, "parameters": sum(p.numel() for p in model.parameters()), "steps": options.steps,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else processor_name(),
        "threads": torch.get_num_threads(), "torch": torch.__version__,
        "seconds": {way: statistics.median(values) for way, values in times.items()},
        "overhead": {
            way: {"median": statistics.median(values) - 1, "interval": [end - 1 for end in interval(values)]}
            for way, values in ratios.items()
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=list(SIZES), default="tiny")
    parser.add_argument("--steps", type=int, default=20, help="pairs of steps of each way (20)")
    parser.add_argument("--warmup", type=int, default=3, help="pairs before them (3)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="which to measure (all)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="also writes the figures here")
    options = parser.parse_args()
    result = measure(options)
    for way, cost in result["overhead"].items():
        low, high = cost["interval"]
        print(f"{way:12} {100 * cost['median']:7.2f} % of a step [{100 * low:.2f}, {100 * high:.2f}]")
    print(f"plain step {1e3 * result['seconds']['plain']:.1f} ms, {result['parameters'] / 1e6:.1f} M parameters")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
