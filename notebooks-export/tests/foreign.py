"""Models of libraries that the tests do not install, under those libraries' names and with their layouts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LAYERS, HEADS, GROUPS, WIDTH, HIDDEN, VOCABULARY = 3, 4, 2, 24, 40, 31
HEAD = WIDTH // HEADS


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal attention: `(batch, length, head, width)`, keys and values of fewer heads."""
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (k, v))
    scores = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5
    mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    mixed = nn.functional.softmax(scores.masked_fill(mask, float("-inf")), dim=-1) @ v
    return mixed.transpose(1, 2).flatten(2)


def linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


class _Model(nn.Module):
    def block(self, x: Tensor, layer: nn.Module) -> Tensor:
        raise NotImplementedError


class MegatronLayer(nn.Module):
    """Queries, keys and values by group; gate and values in one projection."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(WIDTH)
        self.self_attention = nn.ModuleDict(
            {"linear_qkv": nn.Linear(WIDTH, WIDTH + 2 * GROUPS * HEAD), "linear_proj": linear(WIDTH, WIDTH)}
        )
        self.pre_mlp_layernorm = nn.RMSNorm(WIDTH)
        self.mlp = nn.ModuleDict({"linear_fc1": linear(WIDTH, 2 * HIDDEN), "linear_fc2": linear(HIDDEN, WIDTH)})

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.self_attention["linear_qkv"](self.input_layernorm(x))
        groups = mixed.view(*x.shape[:2], GROUPS, (HEADS // GROUPS + 2) * HEAD)
        query, key, value = groups.split([HEADS // GROUPS * HEAD, HEAD, HEAD], dim=-1)
        query = query.reshape(*x.shape[:2], HEADS, HEAD)
        x = x + self.self_attention["linear_proj"](attend(query, key, value))
        gate, values = self.mlp["linear_fc1"](self.pre_mlp_layernorm(x)).chunk(2, dim=-1)
        return x + self.mlp["linear_fc2"](nn.functional.silu(gate) * values)


class MegatronModel(nn.Module):
    """Megatron-core's GPTModel."""

    num_attention_heads = HEADS

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.ModuleDict({"word_embeddings": nn.Embedding(VOCABULARY, WIDTH)})
        self.decoder = nn.ModuleDict(
            {"layers": nn.ModuleList(MegatronLayer() for _ in range(LAYERS)), "final_layernorm": nn.RMSNorm(WIDTH)}
        )
        self.output_layer = linear(WIDTH, VOCABULARY)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding["word_embeddings"](tokens)
        for layer in self.decoder["layers"]:
            x = layer(x)
        logits: Tensor = self.output_layer(self.decoder["final_layernorm"](x))
        return logits


class _GatedFFN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w1, self.w2, self.w3 = linear(WIDTH, HIDDEN), linear(HIDDEN, WIDTH), linear(WIDTH, HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.w2(nn.functional.silu(self.w1(x)) * self.w3(x))
        return result


class MetaLlamaLayer(nn.Module):
    """torchtitan's TransformerBlock."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {"wq": linear(WIDTH, WIDTH), "wk": linear(WIDTH, GROUPS * HEAD), "wv": linear(WIDTH, GROUPS * HEAD),
             "wo": linear(WIDTH, WIDTH)}
        )  # fmt: skip
        self.feed_forward = _GatedFFN()
        self.attention_norm, self.ffn_norm = nn.RMSNorm(WIDTH), nn.RMSNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        h = self.attention_norm(x)
        heads = [self.attention[name](h).unflatten(-1, (-1, HEAD)) for name in ("wq", "wk", "wv")]
        x = x + self.attention["wo"](attend(*heads))
        result: Tensor = x + self.feed_forward(self.ffn_norm(x))
        return result


class MetaLlama(nn.Module):
    """torchtitan's Transformer, whose layers are a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.tok_embeddings = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleDict({str(number): MetaLlamaLayer() for number in range(LAYERS)})
        self.norm = nn.RMSNorm(WIDTH)
        self.output = linear(WIDTH, VOCABULARY)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tok_embeddings(tokens)
        for layer in self.layers.values():
            x = layer(x)
        logits: Tensor = self.output(self.norm(x))
        return logits


class OLMoCoreLayer(nn.Module):
    """OLMo-core's reordered block, norms on the branches."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {f"w_{name}": linear(WIDTH, WIDTH) for name in ("q", "k", "v", "out")}
            | {"q_norm": nn.RMSNorm(WIDTH), "k_norm": nn.RMSNorm(WIDTH)}
        )
        self.attention_norm = nn.RMSNorm(WIDTH)
        self.feed_forward = _GatedFFN()
        self.feed_forward_norm = nn.RMSNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        query, key = (self.attention[f"{n}_norm"](self.attention[f"w_{n}"](x)) for n in ("q", "k"))
        heads = [part.unflatten(-1, (HEADS, HEAD)) for part in (query, key, self.attention["w_v"](x))]
        x = x + self.attention_norm(self.attention["w_out"](attend(*heads)))
        result: Tensor = x + self.feed_forward_norm(self.feed_forward(x))
        return result


class OLMoCore(nn.Module):
    """OLMo-core's Transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleDict({str(number): OLMoCoreLayer() for number in range(LAYERS)})
        self.lm_head = nn.ModuleDict({"norm": nn.RMSNorm(WIDTH), "w_out": linear(WIDTH, VOCABULARY)})

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embeddings(tokens)
        for layer in self.blocks.values():
            x = layer(x)
        logits: Tensor = self.lm_head["w_out"](self.lm_head["norm"](x))
        return logits


class NanoChatBlock(nn.Module):
    """nanochat's Block: no learned norms, a squared ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.ModuleDict(
            {"c_q": linear(WIDTH, WIDTH), "c_k": linear(WIDTH, GROUPS * HEAD), "c_v": linear(WIDTH, GROUPS * HEAD),
             "c_proj": linear(WIDTH, WIDTH)}
        )  # fmt: skip
        self.mlp = nn.ModuleDict({"c_fc": linear(WIDTH, HIDDEN), "c_proj": linear(HIDDEN, WIDTH)})

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.rms_norm(x, (WIDTH,))
        heads = [self.attn[name](h).unflatten(-1, (-1, HEAD)) for name in ("c_q", "c_k", "c_v")]
        x = x + self.attn["c_proj"](attend(*heads))
        hidden = self.mlp["c_fc"](nn.functional.rms_norm(x, (WIDTH,)))
        result: Tensor = x + self.mlp["c_proj"](nn.functional.relu(hidden).square())
        return result


class NanoChat(nn.Module):
    """nanochat's GPT."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = nn.ModuleDict(
            {"wte": nn.Embedding(VOCABULARY, WIDTH), "h": nn.ModuleList(NanoChatBlock() for _ in range(LAYERS))}
        )
        self.lm_head = linear(WIDTH, VOCABULARY)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.transformer["wte"](tokens)
        for block in self.transformer["h"]:
            x = block(x)
        logits: Tensor = self.lm_head(nn.functional.rms_norm(x, (WIDTH,)))
        return logits
