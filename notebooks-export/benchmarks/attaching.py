"""How long a recorder takes to attach to a model of some ten thousand parameters: a mixture of 97 layers of 32 experts.

    python benchmarks/attaching.py

Prints the median and the range of five attachings, in seconds of processor time, the run file's making included.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from torch import nn

import nf_probe


class Block(nn.Module):
    """A layer with Llama's names and experts of a tensor each."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = nn.ModuleDict({f"{n}_proj": nn.Linear(2, 2, bias=False) for n in "qkvo"})
        self.input_layernorm, self.post_attention_layernorm = nn.RMSNorm(2), nn.RMSNorm(2)
        names = ("gate_proj", "up_proj", "down_proj")
        experts = [nn.ModuleDict({name: nn.Linear(2, 2, bias=False) for name in names}) for _ in range(32)]
        self.mlp = nn.ModuleDict({"gate": nn.Linear(2, 32, bias=False), "experts": nn.ModuleList(experts)})


def many_parameters() -> nn.Module:
    """The model."""
    return nn.ModuleDict({"model": nn.ModuleDict({"layers": nn.ModuleList(Block() for _ in range(97))})})


def main() -> None:
    """Attaches five times."""
    model = many_parameters()
    seconds = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            nf_probe.Recorder(Path(folder) / "run.h5", model).close()
            seconds.append(time.process_time() - start)
    count = len(list(model.parameters()))
    print(f"{count} parameters: {statistics.median(seconds):.2f} s [{min(seconds):.2f}, {max(seconds):.2f}]")


if __name__ == "__main__":
    main()
