"""The same model and step in PyTorch eager mode, as somebody who trains on a CPU would write it. Prints one JSON object.

Pre-LN or NormFormer decoder, tied head, GELU; or Llama's, with RMSNorm, rotary positions, SwiGLU, grouped queries and a head of its own;
scaled_dot_product_attention, fused AdamW, clipping, gradients set to None; float32, or bfloat16 autocast.
"""

import argparse
import json
import resource
import time

import torch
from torch import nn
from torch.nn import functional as F


class Layer(nn.Module):
    def __init__(self, dim: int, heads: int, normformer: bool):
        super().__init__()
        self.heads, self.normformer = heads, normformer
        self.self_attn_layer_norm, self.final_layer_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv_proj, self.out_proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        if normformer:
            self.attn_ln, self.ffn_layernorm = nn.LayerNorm(dim), nn.LayerNorm(4 * dim)
            self.c_attn, self.w_resid = nn.Parameter(torch.ones(heads)), nn.Parameter(torch.ones(dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, dim = x.shape
        q, k, v = self.qkv_proj(self.self_attn_layer_norm(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        if self.normformer:
            h = h * self.c_attn.view(1, -1, 1, 1)
        h = self.out_proj(h.transpose(1, 2).reshape(batch, length, dim))
        x = x + (self.attn_ln(h) if self.normformer else h)
        h = F.gelu(self.fc1(self.final_layer_norm(x)))
        if self.normformer:
            return self.w_resid * x + self.fc2(self.ffn_layernorm(h))
        return x + self.fc2(h)


def rotated(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    one, other = x.chunk(2, dim=-1)
    return x * cosine + torch.cat((-other, one), dim=-1) * sine


class LlamaLayer(nn.Module):
    def __init__(self, dim: int, heads: int, kv_heads: int, ffn_dim: int):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = heads, kv_heads, dim // heads
        self.input_layernorm, self.post_attention_layernorm = nn.RMSNorm(dim, 1e-5), nn.RMSNorm(dim, 1e-5)
        self.qkv_proj = nn.Linear(dim, (heads + 2 * kv_heads) * self.head_dim, bias=False)
        self.o_proj = nn.Linear(dim, dim, bias=False)
        self.gate_up_proj = nn.Linear(dim, 2 * ffn_dim, bias=False)
        self.down_proj = nn.Linear(ffn_dim, dim, bias=False)

    def forward(self, x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
        batch, length, dim = x.shape
        heads = self.qkv_proj(self.input_layernorm(x)).view(batch, length, -1, self.head_dim).transpose(1, 2)
        q, k, v = heads.split([self.heads, self.kv_heads, self.kv_heads], dim=1)
        repeats = self.heads // self.kv_heads
        q, k = rotated(q, cosine, sine), rotated(k, cosine, sine).repeat_interleave(repeats, dim=1)
        h = F.scaled_dot_product_attention(q, k, v.repeat_interleave(repeats, dim=1), is_causal=True)
        x = x + self.o_proj(h.transpose(1, 2).reshape(batch, length, dim))
        gate, up = self.gate_up_proj(self.post_attention_layernorm(x)).chunk(2, dim=-1)
        return x + self.down_proj(F.silu(gate) * up)


class Llama(nn.Module):
    def __init__(self, options: argparse.Namespace):
        super().__init__()
        dim = options.dim
        self.embed_tokens = nn.Embedding(options.vocab_size, dim)
        self.layers = nn.ModuleList(
            LlamaLayer(dim, options.heads, options.kv_heads, options.ffn_dim) for _ in range(options.layers)
        )
        self.norm = nn.RMSNorm(dim, 1e-5)
        self.lm_head = nn.Linear(dim, options.vocab_size, bias=False)
        frequency = 10_000.0 ** (-torch.arange(0, dim // options.heads, 2) / (dim // options.heads))
        angles = torch.outer(torch.arange(options.sequence), frequency).repeat(1, 2)
        self.register_buffer("cosine", angles.cos())
        self.register_buffer("sine", angles.sin())

    def forward(self, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, self.cosine, self.sine)
        return F.cross_entropy(self.lm_head(self.norm(x)).flatten(0, 1), targets.flatten())


class Decoder(nn.Module):
    def __init__(self, options: argparse.Namespace):
        super().__init__()
        dim = options.dim
        self.embed_tokens = nn.Embedding(options.vocab_size, dim)
        nn.init.normal_(self.embed_tokens.weight, std=dim**-0.5)
        self.register_buffer("positions", torch.randn(options.sequence, dim))
        normformer = options.architecture == "normformer"
        self.layers = nn.ModuleList(Layer(dim, options.heads, normformer) for _ in range(options.layers))
        self.layer_norm = nn.LayerNorm(dim)

    def forward(self, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        x = self.embed_tokens(tokens) * self.embed_tokens.embedding_dim**0.5 + self.positions
        for layer in self.layers:
            x = layer(x)
        logits = F.linear(self.layer_norm(x), self.embed_tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", default="pre-ln", choices=["pre-ln", "normformer", "llama"])
    for name, value in [("layers", 12), ("dim", 768), ("heads", 12), ("vocab-size", 50257), ("sequence", 256), ("batch", 4),
                          ("kv-heads", 4), ("ffn-dim", 2048)]:  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--warmup-steps", type=int, default=2)
    parser.add_argument("--bfloat16", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = Llama(options) if options.architecture == "llama" else Decoder(options)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    tokens = torch.randint(options.vocab_size, (options.batch, options.sequence + 1))
    seconds = []
    for _ in range(options.warmup_steps + options.steps):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bfloat16):
            loss = model(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds[options.warmup_steps :], "peak_bytes": peak, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
