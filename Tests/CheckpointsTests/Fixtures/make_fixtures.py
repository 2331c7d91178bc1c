"""Writes the checkpoints of this folder with PyTorch and safetensors, and expected.json with what is in them.

    python make_fixtures.py     (made with torch 2.13.0 and safetensors 0.8.0)
"""

import argparse
import collections
import json
import math
import pathlib

import numpy
import torch
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
NAMES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
    torch.complex64: "C64", torch.float8_e4m3fn: "F8_E4M3",
}  # fmt: skip
expected = {}


def numbers(*shape, dtype=torch.float32, start=0.5):
    """Consecutive numbers, which every type represents exactly."""
    count = int(numpy.prod(shape))
    return (torch.arange(count, dtype=torch.float64) + start).reshape(shape).to(dtype)


def describe(tensors, format, tied=(), metadata=None):
    def values(tensor):
        if not tensor.dtype.is_floating_point:
            return None
        # JSON has no infinity.
        return [str(value) if math.isinf(value) else value for value in tensor.detach().double().flatten().tolist()]

    return dict(
        format=format,
        tensors={
            name: dict(type=NAMES[tensor.dtype], shape=list(tensor.shape), values=values(tensor))
            for name, tensor in tensors.items()
        },
        tied=[list(group) for group in tied],
        metadata=metadata or {},
    )


def save(name, object, tensors, zip=True, legacy=True, **facts):
    """Saves in both of PyTorch's forms."""
    if zip:
        torch.save(object, HERE / f"{name}.pt")
        expected[f"{name}.pt"] = describe(tensors, "torch-zip", **facts)
    if legacy:
        torch.save(object, HERE / f"{name}-legacy.pt", _use_new_zipfile_serialization=False)
        expected[f"{name}-legacy.pt"] = describe(tensors, "torch-legacy", **facts)


def types():
    kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
    tensors = {str(kind).removeprefix("torch."): numbers(2, 3, dtype=kind) for kind in kinds}
    whole = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]
    tensors |= {str(kind).removeprefix("torch."): numbers(5, dtype=kind) for kind in whole}
    tensors |= {"bool": torch.tensor([True, False]), "complex": torch.ones(2, dtype=torch.complex64)}
    tensors |= {"scalar": torch.tensor(1.25), "empty": torch.zeros(0, 3), "ones": torch.ones(1, 1, 1)}
    tensors["special"] = torch.tensor([float("inf"), -0.0, 1e-40, 65504.0])
    save("types", tensors, tensors)
    eight = {"eight": numbers(4, start=1).to(torch.float8_e4m3fn), "float": numbers(2)}
    torch.save(eight, HERE / "float8.pt")
    expected["float8.pt"] = describe({"eight": eight["eight"], "float": eight["float"]}, "torch-zip")
    expected["float8.pt"]["tensors"]["eight"]["values"] = None


def views():
    base = numbers(6, 8)
    tensors = {
        "base": base,
        "transposed": base.t(),
        "rows": base[2:4],
        "columns": base[:, 3:5],
        "steps": base[::2, 1::3],
        "tail": base.flatten()[40:],
        "repeated": torch.ones(1).expand(3, 4),
        "permuted": numbers(2, 3, 4).permute(2, 0, 1),
        "half": numbers(4, 3, dtype=torch.float16).t(),
        "tied": base,
    }
    save("views", tensors, tensors, tied=[["base", "tied"]])


def modules():
    torch.manual_seed(1)
    module = nn.Sequential(collections.OrderedDict(fc1=nn.Linear(4, 6), norm=nn.LayerNorm(6)))
    state = module.state_dict()
    save("module", state, state)
    parameters = dict(module.named_parameters())
    save("parameters", {"model_state_dict": parameters, "epoch": 3, "loss": 0.5}, parameters)
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    save("parallel", {"state_dict": parallel, "hyper_parameters": {"num_heads": 3}}, parallel,
         metadata={"num_heads": "3", "head_count": "3"})  # fmt: skip
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    save("training", {"model": state, "optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()[:16]}, state)
    nested = {"layers": {0: {"weight": numbers(2)}, 1: {"weight": numbers(3)}}, "bias": numbers(1)}
    flat = {"layers.0.weight": numbers(2), "layers.1.weight": numbers(3), "bias": numbers(1)}
    save("nested", nested, flat)


def decoder(normformer, layers=2, dim=4, ffn=6, heads=2, vocabulary=5):
    """fairseq's names of a language model, NormFormer or plain Pre-LN."""
    generator = torch.Generator().manual_seed(7)
    tensors = collections.OrderedDict()

    def add(name, *shape):
        tensors["decoder." + name] = torch.randn(shape, generator=generator)

    tensors["decoder.version"] = torch.tensor([3.0])
    add("embed_tokens.weight", vocabulary, dim)
    for layer in (f"layers.{index}." for index in range(layers)):
        for part in ["k_proj", "v_proj", "q_proj", "out_proj"]:
            add(f"{layer}self_attn.{part}.weight", dim, dim)
            add(f"{layer}self_attn.{part}.bias", dim)
        norms = dict(self_attn_layer_norm=dim, final_layer_norm=dim)
        if normformer:
            add(layer + "c_attn", heads)
            add(layer + "w_resid", dim)
            norms |= dict(attn_ln=dim, ffn_layernorm=ffn)
        for norm, width in norms.items():
            add(f"{layer}{norm}.weight", width)
            add(f"{layer}{norm}.bias", width)
        for name, rows, columns in [("fc1", ffn, dim), ("fc2", dim, ffn)]:
            add(f"{layer}{name}.weight", rows, columns)
            add(f"{layer}{name}.bias", rows)
    add("layer_norm.weight", dim)
    add("layer_norm.bias", dim)
    tensors["decoder.output_projection.weight"] = tensors["decoder.embed_tokens.weight"]
    return tensors


def fairseq():
    """A NormFormer with `args`, as fairseq wrote it until 2020, and a Pre-LN model with `cfg`, as it writes it now."""
    tied = [["decoder.embed_tokens.weight", "decoder.output_projection.weight"]]
    rest = dict(
        optimizer_history=[dict(num_updates=100)], extra_state=dict(epoch=1, train_iterator=dict(shuffle=True)),
        last_optimizer_state=dict(state={}, param_groups=[]),
    )  # fmt: skip
    for normformer in [True, False]:
        tensors = decoder(normformer)
        settings = dict(
            arch="transformer_lm_gpt", decoder_attention_heads=2, activation_fn="gelu", dropout=0.1,
            scale_heads=normformer, no_scale_embedding=False,
        )  # fmt: skip
        metadata = {name: str(value) for name, value in settings.items()} | dict(head_count="2", activation="gelu")
        if normformer:
            old = dict(args=argparse.Namespace(**settings), cfg=None, model=tensors, **rest)
            save("fairseq-args", old, tensors, zip=False, tied=tied, metadata=metadata)
        else:
            new = dict(args=None, cfg=dict(_name=None, model=settings, task=dict(data="x")), model=tensors, **rest)
            save("fairseq-cfg", new, tensors, legacy=False, tied=tied, metadata=metadata)


def others():
    tensors = {"a": numbers(3), "b": numbers(2, 2)}
    torch.serialization.set_crc32_options(False)
    save("no-checksums", tensors, tensors, legacy=False)
    torch.serialization.set_crc32_options(True)
    torch.save(nn.Linear(2, 2), HERE / "whole-module.pt")
    torch.save([1, 2], HERE / "list.pt")
    torch.save({"a": torch.sparse_coo_tensor([[0]], [1.0], (2,)), "b": numbers(2)}, HERE / "sparse.pt")
    torch.save(tensors, HERE / "protocol-4.pt", pickle_protocol=4)
    (HERE / "shards").mkdir(exist_ok=True)
    save_file({"a": tensors["a"]}, HERE / "shards" / "model-00001-of-00002.safetensors", metadata={"format": "pt"})
    save_file({"b": tensors["b"]}, HERE / "shards" / "model-00002-of-00002.safetensors", metadata={"format": "pt"})
    shards = {name: f"model-0000{index + 1}-of-00002.safetensors" for index, name in enumerate("ab")}
    index = json.dumps({"metadata": {"total_size": 28, "scale": 1.5}, "weight_map": shards}, indent=2) + "\n"
    (HERE / "shards" / "model.safetensors.index.json").write_text(index)
    facts = dict(total_size="28", scale="1.5", format="pt")
    expected["shards"] = describe(tensors, "safetensors-shards", metadata=facts)


if __name__ == "__main__":
    for make in [types, views, modules, fairseq, others]:
        make()
    lines = [f'"{name}": {json.dumps(expected[name])}' for name in sorted(expected)]
    (HERE / "expected.json").write_text("{" + ",\n".join(lines) + "}\n")
