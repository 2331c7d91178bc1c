"""The likelihoods of a task's answers in PyTorch eager mode, float32, as evaluation harnesses compute them. Prints one JSON object.

Sequences are sorted by length and go through the model in padded batches. With --head all the logits of every position are made, padding
included; with --head asked those of the answers alone, which spares most of the products where the vocabulary is large.
"""

import argparse
import json
import math
import pathlib
import time

import torch
from safetensors.torch import load_file
from torch.nn import functional as F


class Decoder:
    """fairseq's Pre-LN decoder from its own tensors: sinusoidal positions from 2 on, embeddings times the root of the width, a tied head."""

    def __init__(self, path: str, layers: int, heads: int):
        self.weights = {name.removeprefix("decoder."): value for name, value in load_file(path).items()}
        self.heads = heads
        self.layers = [self.layer(f"layers.{index}.") for index in range(layers)]
        self.embedding = self.weights["embed_tokens.weight"]
        self.dim = self.embedding.shape[1]

    def layer(self, prefix: str) -> dict[str, torch.Tensor]:
        own = {name.removeprefix(prefix): value for name, value in self.weights.items() if name.startswith(prefix)}
        for end in ("weight", "bias"):
            own[f"qkv.{end}"] = torch.cat([own[f"self_attn.{name}_proj.{end}"] for name in "qkv"])
        return own

    def positions(self, length: int) -> torch.Tensor:
        half = self.dim // 2
        angles = torch.outer(
            torch.arange(2, length + 2, dtype=torch.float), torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
        )
        return torch.cat((angles.sin(), angles.cos()), dim=1)

    def hidden(self, tokens: torch.Tensor) -> torch.Tensor:
        batch, length = tokens.shape
        x = F.embedding(tokens, self.embedding) * math.sqrt(self.dim) + self.positions(length)
        for own in self.layers:
            h = self.norm(x, own, "self_attn_layer_norm")
            q, k, v = (
                F.linear(h, own["qkv.weight"], own["qkv.bias"]).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            )
            h = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, self.dim)
            x = x + F.linear(h, own["self_attn.out_proj.weight"], own["self_attn.out_proj.bias"])
            h = F.gelu(F.linear(self.norm(x, own, "final_layer_norm"), own["fc1.weight"], own["fc1.bias"]))
            x = x + F.linear(h, own["fc2.weight"], own["fc2.bias"])
        return self.norm(x, self.weights, "layer_norm")

    def norm(self, x: torch.Tensor, own: dict[str, torch.Tensor], name: str) -> torch.Tensor:
        return F.layer_norm(x, (self.dim,), own[f"{name}.weight"], own[f"{name}.bias"])


def likelihoods(model: Decoder, sequences: list[tuple[list[int], list[int]]], batch: int, head: str) -> list[float]:
    """log P(answer | context) of each pair of token lists."""
    order = sorted(range(len(sequences)), key=lambda index: -sum(map(len, sequences[index])))
    found = [0.0] * len(sequences)
    for start in range(0, len(order), batch):
        own = order[start : start + batch]
        inputs = [(sequences[index][0] + sequences[index][1])[:-1] for index in own]
        longest = max(map(len, inputs))
        hidden = model.hidden(torch.tensor([tokens + [0] * (longest - len(tokens)) for tokens in inputs]))
        if head == "all":
            scores = F.log_softmax(F.linear(hidden, model.embedding), dim=-1)
        for row, index in enumerate(own):
            context, answer = sequences[index]
            asked = slice(len(context) - 1, len(context) - 1 + len(answer))
            if head == "all":
                chosen = scores[row, asked]
            else:
                chosen = F.log_softmax(F.linear(hidden[row, asked], model.embedding), dim=-1)
            found[index] = chosen.gather(1, torch.tensor(answer)[:, None]).sum().item()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("task", type=pathlib.Path)
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--heads", type=int, required=True)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--head", choices=["all", "asked"], default="all")
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    examples = [json.loads(line) for line in words.task.read_text().splitlines()[1:]]
    sequences = [(choice["context"], choice["completion"]) for example in examples for choice in example["choices"]]
    model = Decoder(words.checkpoint, words.layers, words.heads)
    with torch.inference_mode():
        likelihoods(model, sequences[: words.batch], words.batch, words.head)
        start = time.perf_counter()
        found = likelihoods(model, sequences, words.batch, words.head)
        seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "log_likelihoods": found}))


if __name__ == "__main__":
    main()
