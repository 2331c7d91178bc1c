"""Small models under the names of the libraries that people use."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

VOCABULARY = 32


class TorchEncoder(nn.Module):
    """`nn.TransformerEncoder` between an embedding and a head."""

    def __init__(self, layers: int = 3, width: int = 16, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, VOCABULARY, bias=False)
        for parameter in self.encoder.parameters():
            # The layers are copies of one; every gradient is to be another.
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.2)
        if tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(self.embedding(tokens)))
        return logits


class NanoGPTBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.ModuleDict({"c_attn": nn.Linear(width, 3 * width), "c_proj": nn.Linear(width, width)})
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.attn["c_attn"](self.ln_1(x)).split(width, dim=2)
        )
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn["c_proj"](mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp["c_proj"](nn.functional.gelu(self.mlp["c_fc"](self.ln_2(x))))


class NanoGPT(nn.Module):
    """nanoGPT's names and fused projections; its output is tied to the embedding."""

    def __init__(self, layers: int = 3, width: int = 12, heads: int = 3) -> None:
        super().__init__()
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(VOCABULARY, width),
                "wpe": nn.Embedding(16, width),
                "h": nn.ModuleList(NanoGPTBlock(width, heads) for _ in range(layers)),
                "ln_f": nn.LayerNorm(width),
            }
        )
        self.lm_head = nn.Linear(width, VOCABULARY, bias=False)
        self.lm_head.weight = self.transformer["wte"].weight

    def forward(self, tokens: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.transformer["wte"](tokens) + self.transformer["wpe"](positions)
        for block in self.transformer["h"]:
            x = block(x)
        logits: Tensor = self.lm_head(self.transformer["ln_f"](x))
        return logits


def make(kind: type[nn.Module] = NanoGPT, seed: int = 0, **options: Any) -> nn.Module:
    torch.manual_seed(seed)
    return kind(**options)


def batch(step: int, rows: int = 6, length: int = 8) -> Tensor:
    return torch.randint(0, VOCABULARY, (rows, length + 1), generator=torch.Generator().manual_seed(1000 + step))


def loss_of(model: nn.Module, tokens: Tensor) -> Tensor:
    logits = model(tokens[:, :-1])
    return nn.functional.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten())


def reference(gradient: Tensor) -> tuple[float, float, float, int, int]:
    """The sums of one gradient, one element at a time as Python's exact `fsum` does."""
    values = gradient.detach().double().flatten().tolist()
    finite = [v for v in values if math.isfinite(v)]
    if len(finite) < len(values):
        total = math.nan if any(math.isnan(v) for v in values) else math.inf
        return total, total, total, sum(v == 0 for v in values), len(values) - len(finite)
    return (
        math.fsum(map(abs, values)), math.fsum(v * v for v in values), max(map(abs, values), default=0.0),
        sum(v == 0 for v in values), 0,
    )  # fmt: skip
