"""A deliberately plain decoder-only transformer in PyTorch: the second opinion that the Swift engine is tested against.

Nothing here is fast, and nothing is shared with the Swift code: parameters are a dictionary from fairseq's names to
tensors, every operation is written out, and autograd does the backward. Shapes: B batch, T positions, D model width,
H heads, F FFN width, V vocabulary.
"""

import dataclasses
import math

import torch

EPSILON = 1e-5
FIRST_POSITION = 2  # fairseq counts positions from padding_idx + 1, and its padding_idx is 1.


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What a case switches on. The field names are the keys of the JSON files."""

    placement: str = "pre-ln"  # post-ln | pre-ln
    scale_attn: bool = False  # attn_ln
    scale_fc: bool = False  # ffn_layernorm
    scale_heads: str = "none"  # c_attn: none | paper | fairseq | fairseq-2021
    scale_resids: str = "none"  # none | ffn (w_resid) | both (w_resid, w_resid_attention)
    qkv_norm: bool = False  # q_layer_norm, k_layer_norm, v_layer_norm
    geglu: bool = False
    norm: str = "layer"  # layer | rms
    objective: str = "causal"  # causal | masked
    layers: int = 2
    dim: int = 6
    heads: int = 2
    ffn_dim: int = 11
    vocab_size: int = 13
    sequence: int = 5
    batch: int = 2


def parameter_shapes(c: Configuration) -> dict[str, tuple[int, ...]]:
    """Every parameter's shape under its full name, in the order in which the files list them."""
    shapes: dict[str, tuple[int, ...]] = {"decoder.embed_tokens.weight": (c.vocab_size, c.dim)}

    def linear(name: str, outputs: int, inputs: int) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs)
        shapes[f"{name}.bias"] = (outputs,)

    def norm(name: str, width: int) -> None:
        shapes[f"{name}.weight"] = (width,)
        if c.norm == "layer":
            shapes[f"{name}.bias"] = (width,)

    for index in range(c.layers):
        layer = f"decoder.layers.{index}"
        norm(f"{layer}.self_attn_layer_norm", c.dim)
        for letter in "qkv":
            linear(f"{layer}.self_attn.{letter}_proj", c.dim, c.dim)
        if c.qkv_norm:
            for letter in "qkv":
                norm(f"{layer}.self_attn.{letter}_layer_norm", c.dim)
        linear(f"{layer}.self_attn.out_proj", c.dim, c.dim)
        if c.scale_heads != "none":
            shapes[f"{layer}.c_attn"] = (c.heads,)
        if c.scale_attn:
            norm(f"{layer}.attn_ln", c.dim)
        if c.scale_resids == "both":
            shapes[f"{layer}.w_resid_attention"] = (c.dim,)
        norm(f"{layer}.final_layer_norm", c.dim)
        linear(f"{layer}.fc1", c.ffn_dim * (2 if c.geglu else 1), c.dim)
        if c.scale_fc:
            norm(f"{layer}.ffn_layernorm", c.ffn_dim)
        linear(f"{layer}.fc2", c.dim, c.ffn_dim)
        if c.scale_resids != "none":
            shapes[f"{layer}.w_resid"] = (c.dim,)
    if c.placement == "pre-ln":
        norm("decoder.layer_norm", c.dim)
    return shapes


def gelu(x: torch.Tensor) -> torch.Tensor:
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def positions(sequence: int, dim: int) -> torch.Tensor:
    """Sinusoids (T, D): the sines of all frequencies first, then the cosines."""
    half = dim // 2
    frequency = torch.exp(torch.arange(half, dtype=torch.float64) * -(math.log(10000) / (half - 1)))
    position = torch.arange(FIRST_POSITION, FIRST_POSITION + sequence, dtype=torch.float64)
    angle = position[:, None] * frequency[None, :]
    return torch.cat([torch.sin(angle), torch.cos(angle)], dim=1)


class Decoder:
    """One configuration and its parameters."""

    def __init__(self, configuration: Configuration, parameters: dict[str, torch.Tensor]):
        self.c = configuration
        self.p = parameters

    def linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return x @ self.p[f"{name}.weight"].T + self.p[f"{name}.bias"]

    def norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        if self.c.norm == "rms":
            return x / torch.sqrt((x * x).mean(-1, keepdim=True) + EPSILON) * self.p[f"{name}.weight"]
        centred = x - x.mean(-1, keepdim=True)
        variance = (centred * centred).mean(-1, keepdim=True)
        return centred / torch.sqrt(variance + EPSILON) * self.p[f"{name}.weight"] + self.p[f"{name}.bias"]

    def split_heads(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, D) to (B, H, T, D/H)."""
        c = self.c
        return x.reshape(x.shape[0], x.shape[1], c.heads, c.dim // c.heads).transpose(1, 2)

    def attention(self, layer: str, x: torch.Tensor) -> torch.Tensor:
        """(B, T, D) to (B, T, D), HeadScale of any placement included."""
        c = self.c
        batch, sequence, _ = x.shape
        query, key, value = (self.linear(f"{layer}.self_attn.{letter}_proj", x) for letter in "qkv")
        if c.qkv_norm:
            query = self.norm(f"{layer}.self_attn.q_layer_norm", query)
            key = self.norm(f"{layer}.self_attn.k_layer_norm", key)
            value = self.norm(f"{layer}.self_attn.v_layer_norm", value)
        query = query * (c.dim // c.heads) ** -0.5
        scores = self.split_heads(query) @ self.split_heads(key).transpose(-1, -2)  # (B, H, T, T)
        if c.objective == "causal":
            future = torch.ones(sequence, sequence, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(future, -math.inf)
        heads = torch.softmax(scores, dim=-1) @ self.split_heads(value)  # (B, H, T, D/H)
        if c.scale_heads == "paper":
            heads = heads * self.p[f"{layer}.c_attn"][None, :, None, None]
        joined = heads.transpose(1, 2).reshape(batch, sequence, c.dim)
        output = self.linear(f"{layer}.self_attn.out_proj", joined)
        if c.scale_heads in ("fairseq", "fairseq-2021"):
            chunks = output.reshape(batch, sequence, c.heads, c.dim // c.heads)
            chunks = chunks * self.p[f"{layer}.c_attn"][None, None, :, None]
            if c.scale_heads == "fairseq-2021":
                chunks = chunks.transpose(2, 3)  # y'[d*H + h] = y[h*dh + d]
            output = chunks.reshape(batch, sequence, c.dim)
        return output

    def feed_forward(self, layer: str, x: torch.Tensor) -> torch.Tensor:
        hidden = self.linear(f"{layer}.fc1", x)
        if self.c.geglu:
            gate, linear = hidden.split(self.c.ffn_dim, dim=-1)
            hidden = gelu(gate) * linear
        else:
            hidden = gelu(hidden)
        if self.c.scale_fc:
            hidden = self.norm(f"{layer}.ffn_layernorm", hidden)
        return self.linear(f"{layer}.fc2", hidden)

    def block(self, layer: str, x: torch.Tensor) -> torch.Tensor:
        c = self.c
        pre = c.placement == "pre-ln"
        residual = x
        x = self.norm(f"{layer}.self_attn_layer_norm", x) if pre else x
        x = self.attention(layer, x)
        if c.scale_attn:
            x = self.norm(f"{layer}.attn_ln", x)
        if c.scale_resids == "both":
            residual = self.p[f"{layer}.w_resid_attention"] * residual
        x = residual + x
        x = x if pre else self.norm(f"{layer}.self_attn_layer_norm", x)

        residual = x
        x = self.norm(f"{layer}.final_layer_norm", x) if pre else x
        x = self.feed_forward(layer, x)
        if c.scale_resids != "none":
            residual = self.p[f"{layer}.w_resid"] * residual
        x = residual + x
        return x if pre else self.norm(f"{layer}.final_layer_norm", x)

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        rows = self.p["decoder.embed_tokens.weight"][tokens] * math.sqrt(self.c.dim)
        return rows + positions(tokens.shape[1], self.c.dim)

    def logits(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, T) to (B, T, V); the head is the embedding, without a bias."""
        x = self.embed(tokens)
        for index in range(self.c.layers):
            x = self.block(f"decoder.layers.{index}", x)
        if self.c.placement == "pre-ln":
            x = self.norm("decoder.layer_norm", x)
        return x @ self.p["decoder.embed_tokens.weight"].T

    def loss(self, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean negative log-likelihood in nats over the positions whose target is not -1."""
        log_probabilities = torch.log_softmax(self.logits(tokens), dim=-1)
        counted = targets >= 0
        picked = log_probabilities[counted].gather(1, targets[counted][:, None])
        return -picked.mean()
