#!/usr/bin/env python3
"""Writes placements/: tiny models of placements that no library has, with the float64 gradients of autograd; or recomputes and
compares with --check. Each is written out from its paper's equation, by itself; nothing is shared but attention and FFN.

Needs torch (requirements.txt). The files have the format of data/ (README.md); `configuration` names the preset.
"""

import argparse
import array
import json
import math
import pathlib
import random
import struct
import sys
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, gelu, layer_norm

HERE = pathlib.Path(__file__).resolve().parent / "placements"
LAYERS, DIM, HEADS, FFN, VOCABULARY, SEQUENCE, BATCH = 4, 10, 2, 13, 17, 6, 2
Parameters = dict[str, Tensor]
Norm = Callable[[str, Tensor], Tensor]


class Layer:
    """One layer's parameters, made when they are first asked for, and the parts that placements put together."""

    def __init__(self, parameters: Parameters, source: random.Random, number: int):
        self.parameters, self.source, self.number = parameters, source, number

    def get(self, name: str, *shape: int, centre: float = 0.0, half: float | None = None) -> Tensor:
        full = name if self.number == 0 else f"decoder.layers.{self.number - 1}.{name}"
        if full not in self.parameters:
            spread = half if half is not None else math.sqrt(3 / shape[-1])
            values = [float32(centre + spread * (2 * self.source.random() - 1)) for _ in range(math.prod(shape))]
            self.parameters[full] = torch.tensor(values, dtype=torch.float64).reshape(shape).requires_grad_()
        return self.parameters[full]

    def norm(self, name: str, x: Tensor) -> Tensor:
        gain = self.get(f"{name}.weight", x.shape[-1], centre=1.0, half=0.5)
        return layer_norm(x, x.shape[-1:], gain, self.get(f"{name}.bias", x.shape[-1], half=0.4), 1e-5)

    def dyt(self, name: str, x: Tensor) -> Tensor:
        slope = self.get(f"{name}.alpha", 1, centre=0.5, half=0.2)
        gain = self.get(f"{name}.weight", x.shape[-1], centre=1.0, half=0.5)
        return gain * torch.tanh(slope * x) + self.get(f"{name}.bias", x.shape[-1], half=0.4)

    def linear(self, name: str, x: Tensor, outputs: int) -> Tensor:
        weight = self.get(f"{name}.weight", outputs, x.shape[-1])
        return x @ weight.T + self.get(f"{name}.bias", outputs, half=0.4)

    def attention(
        self, x: Tensor, normed: str = "", per_head: bool = False, heads_norm: bool = False
    ) -> Tensor:
        """W_O softmax(q kᵀ / sqrt(k)) v; letters in `normed` have a norm, by head or over the width."""

        def heads(letter: str) -> Tensor:
            y = self.linear(f"self_attn.{letter}_proj", x, DIM)
            name = f"self_attn.{letter}_layer_norm"
            if letter in normed and not per_head:
                y = self.norm(name, y)
            y = y.reshape(*x.shape[:2], HEADS, DIM // HEADS)
            if letter in normed and per_head:
                y = self.norm(name, y)
            return y.transpose(1, 2)

        q, k, v = heads("q"), heads("k"), heads("v")
        scores = q @ k.transpose(-1, -2) / math.sqrt(DIM // HEADS)
        hidden = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        y = torch.softmax(scores.masked_fill(hidden, -math.inf), -1) @ v
        y = y.transpose(1, 2).reshape(x.shape)
        return self.linear("self_attn.out_proj", self.norm("self_attn.inner_attn_ln", y) if heads_norm else y, DIM)

    def ffn(self, x: Tensor, inner_norm: bool = False) -> Tensor:
        y = gelu(self.linear("fc1", x, FFN))
        return self.linear("fc2", self.norm("ffn_layernorm", y) if inner_norm else y, DIM)


def float32(x: float) -> float:
    (value,) = struct.unpack("<f", struct.pack("<f", x))
    return float(value)


A, F = "self_attn_layer_norm", "final_layer_norm"


def pre_ln(m: Layer, x: Tensor) -> Tensor:
    x = x + m.attention(m.norm(A, x))
    return x + m.ffn(m.norm(F, x))


def post_ln(m: Layer, x: Tensor) -> Tensor:
    x = m.norm(A, x + m.attention(x))
    return m.norm(F, x + m.ffn(x))


def sandwich_ln(m: Layer, x: Tensor) -> Tensor:
    x = x + m.norm("attn_ln", m.attention(m.norm(A, x)))
    return x + m.norm("ffn_ln", m.ffn(m.norm(F, x)))


def output_norm(m: Layer, x: Tensor) -> Tensor:
    x = x + m.norm("attn_ln", m.attention(x, normed="qk"))
    return x + m.norm("ffn_ln", m.ffn(x))


def sub_ln(m: Layer, x: Tensor) -> Tensor:
    x = x + m.attention(m.norm(A, x), heads_norm=True)
    return x + m.ffn(m.norm(F, x), inner_norm=True)


def deepnorm(m: Layer, x: Tensor) -> Tensor:
    a = (2 * LAYERS) ** 0.25
    x = m.norm(A, a * x + m.attention(x))
    return m.norm(F, a * x + m.ffn(x))


def lns(m: Layer, x: Tensor) -> Tensor:
    x = x + m.attention(m.norm(A, x) / math.sqrt(m.number))
    return x + m.ffn(m.norm(F, x) / math.sqrt(m.number))


def mix_ln(m: Layer, x: Tensor) -> Tensor:
    return post_ln(m, x) if m.number <= LAYERS // 4 else pre_ln(m, x)


def hybridnorm(m: Layer, x: Tensor) -> Tensor:
    u = m.norm(A, x + m.attention(x, normed="qkv", per_head=True))
    return u + m.ffn(u)


def hybridnorm_star(m: Layer, x: Tensor) -> Tensor:
    if m.number > 1:
        return hybridnorm(m, x)
    y = x + m.attention(m.norm(A, x), normed="qkv", per_head=True)
    return y + m.ffn(m.norm(F, y))


def b2t(m: Layer, x: Tensor) -> Tensor:
    y = m.norm(A, x + m.attention(x))
    return m.norm(F, x + y + m.ffn(y))


def rezero(m: Layer, x: Tensor) -> Tensor:
    x = x + m.get("attn_layer_scale", 1, centre=0.3, half=0.2) * m.attention(x)
    return x + m.get("ffn_layer_scale", 1, centre=0.3, half=0.2) * m.ffn(x)


def layerscale(m: Layer, x: Tensor) -> Tensor:
    x = x + m.get("attn_layer_scale", DIM, centre=0.3, half=0.2) * m.attention(m.norm(A, x))
    return x + m.get("ffn_layer_scale", DIM, centre=0.3, half=0.2) * m.ffn(m.norm(F, x))


def dyt(m: Layer, x: Tensor) -> Tensor:
    x = x + m.attention(m.dyt(A, x))
    return x + m.ffn(m.dyt(F, x))


def admin(m: Layer, x: Tensor) -> Tensor:
    x = m.norm(A, m.get("w_resid_attention", DIM, centre=1.5, half=0.5) * x + m.attention(x))
    return m.norm(F, m.get("w_resid", DIM, centre=1.5, half=0.5) * x + m.ffn(x))


def profile(layers: list[Layer], x: Tensor) -> list[float]:
    """Admin's pass: each scale is the root of both variances of the sum before, the first 1."""
    found, scale = [], 1.0
    for m in layers:
        for norm, branch in ((A, m.attention), (F, m.ffn)):
            found.append(scale)
            y = branch(x)
            total = scale * x + y
            scale = math.sqrt((scale * x).var(correction=0).item() + y.var(correction=0).item())
            x = m.norm(norm, total)
    return found


def qk_norm(m: Layer, x: Tensor) -> Tensor:
    x = x + m.attention(m.norm(A, x), normed="qk", per_head=True)
    return x + m.ffn(m.norm(F, x))


def parallel(m: Layer, x: Tensor) -> Tensor:
    y = m.norm(A, x)
    return x + m.attention(y) + m.ffn(y)


PLACEMENTS = {
    "sandwich-ln": sandwich_ln,
    "peri-ln": sandwich_ln,
    "output-norm": output_norm,
    "sub-ln": sub_ln,
    "deepnorm": deepnorm,
    "admin": admin,
    "lns": lns,
    "mix-ln": mix_ln,
    "hybridnorm": hybridnorm,
    "hybridnorm-star": hybridnorm_star,
    "b2t": b2t,
    "rezero": rezero,
    "layerscale": layerscale,
    "dyt": dyt,
    "qk-norm": qk_norm,
    "parallel": parallel,
}
NO_FINAL_NORM = {"deepnorm", "admin", "b2t", "rezero"}


def positions() -> Tensor:
    """fairseq's: sines, then cosines; the first position is 2."""
    half = DIM // 2
    frequency = torch.exp(torch.arange(half, dtype=torch.float64) * -(math.log(10000) / (half - 1)))
    angles = (torch.arange(SEQUENCE, dtype=torch.float64) + 2)[:, None] * frequency
    return torch.cat([angles.sin(), angles.cos()], 1)


def compute(name: str) -> tuple[dict[str, object], Parameters]:
    source = random.Random(name)
    parameters: Parameters = {}
    stem = Layer(parameters, source, 0)
    text = [[int(source.random() * VOCABULARY) for _ in range(SEQUENCE + 1)] for _ in range(BATCH)]
    tokens, targets = [row[:-1] for row in text], [row[1:] for row in text]
    table = stem.get("decoder.embed_tokens.weight", VOCABULARY, DIM)
    x = table[torch.tensor(tokens)] * math.sqrt(DIM) + positions()
    if name == "peri-ln":
        x = stem.norm("decoder.layernorm_embedding", x)
    layers = [Layer(parameters, source, number) for number in range(1, LAYERS + 1)]
    entering = x
    for layer in layers:
        x = PLACEMENTS[name](layer, x)
    if name not in NO_FINAL_NORM:
        x = (stem.dyt if name == "dyt" else stem.norm)("decoder.layer_norm", x)
    loss = cross_entropy((x @ table.T).reshape(-1, VOCABULARY), torch.tensor(targets).reshape(-1))
    loss.backward()
    facts: dict[str, object] = {"tokens": tokens, "targets": targets, "loss": loss.item()}
    if name == "admin":
        facts["profile"] = profile(layers, entering)
    return facts, parameters


def flat(tensors: list[Tensor]) -> list[float]:
    return torch.cat([tensor.detach().flatten() for tensor in tensors]).tolist()


def gradients(parameters: Parameters) -> list[Tensor]:
    found = [parameter.grad for parameter in parameters.values()]
    assert all(gradient is not None for gradient in found)
    return [gradient for gradient in found if gradient is not None]


def write(name: str) -> None:
    facts, parameters = compute(name)
    offset = 0
    tensors = []
    for key, parameter in parameters.items():
        tensors.append({"name": key, "shape": list(parameter.shape), "offset": offset})
        offset += parameter.numel()
    facts["configuration"] = {
        "architecture": name, "layers": LAYERS, "dim": DIM, "heads": HEADS, "ffn_dim": FFN, "vocab_size": VOCABULARY,
        "sequence": SEQUENCE, "batch": BATCH,
    }  # fmt: skip
    facts["parameter_count"] = offset
    facts["tensors"] = tensors
    HERE.mkdir(exist_ok=True)
    (HERE / f"{name}.json").write_text(json.dumps(facts) + "\n")
    numbers = array.array("d", flat(list(parameters.values())) + flat(gradients(parameters)))
    if sys.byteorder == "big":
        numbers.byteswap()
    (HERE / f"{name}.f64").write_bytes(numbers.tobytes())


def differs(name: str) -> bool:
    facts, parameters = compute(name)
    stored = json.loads((HERE / f"{name}.json").read_text())
    numbers = array.array("d", (HERE / f"{name}.f64").read_bytes())
    found = flat(list(parameters.values())) + flat(gradients(parameters))
    worst = max(abs(a - b) for a, b in zip(found, numbers, strict=True))
    return worst > 1e-12 * max(map(abs, numbers)) or stored["tokens"] != facts["tokens"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    if not check:
        for name in PLACEMENTS:
            write(name)
        return 0
    wrong = [name for name in PLACEMENTS if differs(name)]
    print(f"{len(PLACEMENTS) - len(wrong)} of {len(PLACEMENTS)} are as they were" + (f"; not: {wrong}" if wrong else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
