#!/usr/bin/env python3
"""Compares model.py with torch.nn's own modules: loss and every gradient of each golden case that they can express.

Plain cases run through `nn.TransformerEncoderLayer`; the others through `F.multi_head_attention_forward`,
`F.layer_norm`, `F.rms_norm`, `F.gelu` and `F.cross_entropy`, with HeadScale as fairseq writes it or folded into the
columns of W_O. Norms on q, k, v sit inside the attention, so there `F.scaled_dot_product_attention` takes its place.
"""

import math
import random
import sys

import torch
import torch.nn.functional as F

from cases import all_cases
from generate import random_batch, random_parameters
from model import Configuration, Decoder

EPSILON = 1e-5


def stacked(p: dict, layer: str, kind: str) -> torch.Tensor:
    return torch.cat([p[f"{layer}.self_attn.{letter}_proj.{kind}"] for letter in "qkv"])


def is_plain(c: Configuration) -> bool:
    additions = (c.scale_attn, c.scale_fc, c.qkv_norm, c.geglu, c.scale_heads != "none", c.scale_resids != "none")
    return c.norm == "layer" and not any(additions)


def encoder_layer(c: Configuration, p: dict, layer: str, x: torch.Tensor, mask) -> torch.Tensor:
    module = torch.nn.TransformerEncoderLayer(
        c.dim, c.heads, c.ffn_dim, dropout=0.0, activation="gelu", layer_norm_eps=EPSILON, batch_first=True,
        norm_first=c.placement == "pre-ln", dtype=torch.float64,
    )  # fmt: skip
    values = {
        "self_attn.in_proj_weight": stacked(p, layer, "weight"),
        "self_attn.in_proj_bias": stacked(p, layer, "bias"),
    }
    theirs = {"self_attn.out_proj": "self_attn.out_proj", "linear1": "fc1", "linear2": "fc2",
              "norm1": "self_attn_layer_norm", "norm2": "final_layer_norm"}  # fmt: skip
    for name, ours in theirs.items():
        for kind in ("weight", "bias"):
            values[f"{name}.{kind}"] = p[f"{layer}.{ours}.{kind}"]
    return torch.func.functional_call(module, values, (x,), {"src_mask": mask})


def norm(c: Configuration, p: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    if c.norm == "rms":
        return F.rms_norm(x, x.shape[-1:], p[f"{name}.weight"], EPSILON)
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"], EPSILON)


def normed_attention(c: Configuration, p: dict, layer: str, x: torch.Tensor, mask) -> torch.Tensor:
    """Attention with norms on q, k and v, up to the heads side by side."""

    def heads(letter: str) -> torch.Tensor:
        name = f"{layer}.self_attn.{letter}"
        projected = F.linear(x, p[f"{name}_proj.weight"], p[f"{name}_proj.bias"])
        return norm(c, p, f"{name}_layer_norm", projected).unflatten(-1, (c.heads, -1)).transpose(1, 2)

    output = F.scaled_dot_product_attention(heads("q"), heads("k"), heads("v"), attn_mask=mask)
    return output.transpose(1, 2).flatten(2)


def attention(c: Configuration, p: dict, layer: str, x: torch.Tensor, mask) -> torch.Tensor:
    weight = p[f"{layer}.self_attn.out_proj.weight"]
    if c.scale_heads == "paper":
        weight = weight * p[f"{layer}.c_attn"].repeat_interleave(c.dim // c.heads)
    bias = p[f"{layer}.self_attn.out_proj.bias"]
    if c.qkv_norm:
        x = normed_attention(c, p, layer, x, mask)
        x = F.linear(x, weight, bias).transpose(0, 1)
    else:
        x = x.transpose(0, 1)  # (T, B, D)
        x, _ = F.multi_head_attention_forward(
            x, x, x, c.dim, c.heads, stacked(p, layer, "weight"), stacked(p, layer, "bias"), None, None, False, 0.0,
            weight, bias, attn_mask=mask, need_weights=False,
        )  # fmt: skip
    if c.scale_heads in ("fairseq", "fairseq-2021"):
        order = "tbhd,h->tbhd" if c.scale_heads == "fairseq" else "tbhd,h->tbdh"
        sequence, batch, _ = x.shape
        x = torch.einsum(order, x.reshape(sequence, batch, c.heads, -1), p[f"{layer}.c_attn"])
        x = x.reshape(sequence, batch, c.dim)
    return x.transpose(0, 1)


def composed_layer(c: Configuration, p: dict, layer: str, x: torch.Tensor, mask) -> torch.Tensor:
    """Both sublayers in the order of fairseq's TransformerDecoderLayerBase.forward."""
    pre = c.placement == "pre-ln"
    residual = x * p.get(f"{layer}.w_resid_attention", torch.ones(()))
    x = attention(c, p, layer, norm(c, p, f"{layer}.self_attn_layer_norm", x) if pre else x, mask)
    x = residual + (norm(c, p, f"{layer}.attn_ln", x) if c.scale_attn else x)
    x = x if pre else norm(c, p, f"{layer}.self_attn_layer_norm", x)

    residual = x * p.get(f"{layer}.w_resid", torch.ones(()))
    x = norm(c, p, f"{layer}.final_layer_norm", x) if pre else x
    x = F.linear(x, p[f"{layer}.fc1.weight"], p[f"{layer}.fc1.bias"])
    x = F.gelu(x[..., : c.ffn_dim]) * x[..., c.ffn_dim :] if c.geglu else F.gelu(x)
    x = norm(c, p, f"{layer}.ffn_layernorm", x) if c.scale_fc else x
    x = residual + F.linear(x, p[f"{layer}.fc2.weight"], p[f"{layer}.fc2.bias"])
    return x if pre else norm(c, p, f"{layer}.final_layer_norm", x)


def embed(c: Configuration, p: dict, tokens: torch.Tensor) -> torch.Tensor:
    half = c.dim // 2
    angles = [[position * 10000 ** (-k / (half - 1)) for k in range(half)] for position in range(2, 2 + c.sequence)]
    table = [[f(angle) for f in (math.sin, math.cos) for angle in row] for row in angles]
    rows = F.embedding(tokens, p["decoder.embed_tokens.weight"])
    return c.dim**0.5 * rows + torch.tensor(table, dtype=torch.float64)


def torch_loss(c: Configuration, p: dict, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    mask = None
    if c.objective == "causal":
        mask = torch.nn.Transformer.generate_square_subsequent_mask(c.sequence, dtype=torch.float64)
    x = embed(c, p, tokens)
    layer_function = encoder_layer if is_plain(c) else composed_layer
    for index in range(c.layers):
        x = layer_function(c, p, f"decoder.layers.{index}", x, mask)
    if c.placement == "pre-ln":
        x = norm(c, p, "decoder.layer_norm", x)
    logits = F.linear(x, p["decoder.embed_tokens.weight"])
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


def worst_difference(name: str, c: Configuration) -> float:
    """The largest difference in loss or any gradient element, relative to the largest gradient element."""
    source = random.Random(f"nf-probe golden case {name}")
    p = random_parameters(c, source)
    tokens, targets = map(torch.tensor, random_batch(c, source))
    ours, theirs = Decoder(c, p).loss(tokens, targets), torch_loss(c, p, tokens, targets)
    our_gradients = torch.autograd.grad(ours, list(p.values()))
    their_gradients = torch.autograd.grad(theirs, list(p.values()))
    largest = max(gradient.abs().max().item() for gradient in our_gradients)
    differences = [(a - b).abs().max().item() for a, b in zip(our_gradients, their_gradients, strict=True)]
    return max(abs(ours.item() - theirs.item()), *differences) / largest


def main() -> int:
    cases, failed = all_cases(), 0
    for name, c in cases.items():
        difference = worst_difference(name, c)
        # Two orders of summation in float64: some hundred roundings of 1e-16.
        if not math.isfinite(difference) or difference > 1e-12:
            failed += 1
            print(f"{name}: {difference:.1e}")
    print(f"{len(cases) - failed} of {len(cases)} cases agree with torch.nn")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
