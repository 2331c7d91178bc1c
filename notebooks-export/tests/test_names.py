"""Parameters find their places under the names of the libraries that people use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers
from torch import nn

import nf_probe
from conftest import gradients
from models import NanoGPT, TorchEncoder, make
from nf_probe.measuring.layout import Layout, make_layout
from nf_probe.measuring.scales import scale_name
from nf_probe.names.cuts import Cut
from nf_probe.names.places import bare_name, find_places

SMALL = {"vocab_size": 32, "max_position_embeddings": 16}


def gpt2() -> nn.Module:
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=32, n_positions=16, n_embd=12, n_layer=3, n_head=3))  # fmt: skip  # noqa: E501


def llama() -> nn.Module:
    config = transformers.LlamaConfig(
        **SMALL, hidden_size=12, intermediate_size=20, num_hidden_layers=3, num_attention_heads=3,
        num_key_value_heads=1,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


def qwen3() -> nn.Module:
    config = transformers.Qwen3Config(
        **SMALL, hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, head_dim=4,
    )  # fmt: skip
    return transformers.Qwen3ForCausalLM(config)


def opt() -> nn.Module:
    config = transformers.OPTConfig(
        **SMALL, hidden_size=12, ffn_dim=20, num_hidden_layers=3, num_attention_heads=3, word_embed_proj_dim=12
    )
    return transformers.OPTForCausalLM(config)


def bert() -> nn.Module:
    config = transformers.BertConfig(
        **SMALL, hidden_size=12, intermediate_size=20, num_hidden_layers=3, num_attention_heads=3
    )
    return transformers.BertForMaskedLM(config)


def layout_of(model: nn.Module, **options: str) -> tuple[str, Layout]:
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    placing = find_places(shapes, **options)
    return placing.adapter, make_layout(placing, shapes)


@pytest.mark.parametrize(
    ("model", "adapter", "layers", "widths", "stem"),
    [
        (gpt2, "gpt2", 3, (12, 48), "decoder.embed_positions.weight"),
        (lambda: make(NanoGPT), "nanogpt", 3, (12, 48), "decoder.embed_positions.weight"),
        (llama, "llama", 3, (12, 20), "decoder.output_projection.weight"),
        (qwen3, "llama", 2, (12, 20), "decoder.layer_norm.weight"),
        (opt, "opt", 3, (12, 20), "decoder.embed_positions.weight"),
        (bert, "bert", 3, (12, 20), "encoder.lm_head.dense.weight"),
        (lambda: make(TorchEncoder).encoder, "torch-encoder", 3, (16, 32), "encoder.layer_norm.weight"),
    ],
)  # fmt: skip
def test_every_parameter_of_a_library_has_its_place(
    model: object, adapter: str, layers: int, widths: tuple[int, int], stem: str
) -> None:
    found, layout = layout_of(model())  # type: ignore[operator]
    assert found == adapter
    gradients = layout.gradients
    assert len(gradients.layer_names) == layers and (layout.model_dim, layout.ffn_dim) == widths
    assert {"self_attn.q_proj.weight", "self_attn.k_proj.weight", "fc2.weight"} <= set(gradients.tensor_names)
    assert all(part.placed is not None for part in layout.parts), [p.parameter for p in layout.parts if not p.placed]
    assert stem in gradients.stem_tensor_names
    # Every element once.
    total = sum(p.numel() for p in model().parameters())  # type: ignore[operator]
    assert sum(gradients.element_counts) + sum(gradients.stem_element_counts) == total


def test_fused_columns_of_gpt2_are_told_apart(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = gpt2()
    with nf_probe.Recorder(tmp_path / "run.h5", model) as recorder:
        tokens = torch.randint(0, 32, (3, 9))
        model(tokens, labels=tokens).loss.backward()
        fused = model.transformer.h[1].attn.c_attn.weight.grad
        for index, letter in enumerate("qkv"):
            expected = fused[:, 12 * index : 12 * (index + 1)].double().abs().sum().item()
            recorder.step() if index == 0 else None
            recorder.flush()
            with nf_probe.open(tmp_path / "run.h5") as run:
                values = run.gradients().sel(layer=1, tensor=f"self_attn.{letter}_proj.weight")
                assert values.values.tolist() == pytest.approx([expected], rel=1e-12)


def test_biases_of_keys_are_noise_only_without_rotary_positions() -> None:
    _, plain = layout_of(make(NanoGPT))
    names = plain.gradients.tensor_names
    noise = {names[i % len(names)] for i, zero in enumerate(plain.gradients.is_zero_by_construction) if zero}
    assert noise == {"self_attn.k_proj.bias"}
    assert not any(layout_of(llama())[1].gradients.is_zero_by_construction)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("module.decoder.layers.0.fc1.weight", "decoder.layers.0.fc1.weight"),
        ("module._orig_mod.transformer.h.0.mlp.c_fc.weight", "transformer.h.0.mlp.c_fc.weight"),
        ("h.0._checkpoint_wrapped_module.mlp._orig_mod.c_fc.bias", "h.0.mlp.c_fc.bias"),
    ],
)
def test_wrappers_are_no_part_of_a_name(name: str, expected: str) -> None:
    assert bare_name(name) == expected


def test_a_pattern_and_names_for_what_it_finds(tmp_path: Path) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stages = nn.ModuleList(nn.ModuleDict({"up": nn.Linear(4, 6), "down": nn.Linear(6, 4)}) for _ in "abc")
            self.out = nn.Linear(4, 1)

    model = Own()
    pattern = r"stages\.(?P<layer>\d+)\.(?P<tensor>.+)"
    names = {"up.weight": "fc1.weight", "down.weight": "fc2.weight"}
    with nf_probe.Recorder(tmp_path / "run.h5", model, pattern=pattern, renamed=names) as recorder:
        x = torch.ones(1, 4)
        for stage in model.stages:
            x = stage["down"](stage["up"](x))
        model.out(x).sum().backward()
        recorder.step()
    found = gradients(tmp_path / "run.h5")
    assert {"decoder.layers.2.fc2.weight", "decoder.layers.0.up.bias", "out.weight"} <= found.keys()


@pytest.mark.parametrize(
    ("tensor", "scale"),
    [
        ("ffn_layernorm.weight", "ffn_layernorm"), ("self_attn_layer_norm.weight", "self_attn_layer_norm"),
        ("self_attn.q_layer_norm.weight", "q_layer_norm"), ("c_attn", "c_attn"), ("w_resid", "w_resid"),
        ("w_resid_attention", "w_resid_attention"), ("ls1.gamma", "ls1_gamma"),
        ("layer_scale_1.gamma", "layer_scale_1_gamma"),
        ("gamma_1", "gamma_1"), ("fc1.weight", None), ("fc1.bias", None), ("self_attn_layer_norm.bias", None),
        ("self_attn.out_proj.weight", None),
    ],
)  # fmt: skip
def test_gains_and_scales_are_known_by_their_names(tensor: str, scale: str | None) -> None:
    assert scale_name(tensor) == scale


def test_norms_of_queries_within_heads_are_kept_for_all_heads(tmp_path: Path) -> None:
    model = qwen3()
    with torch.no_grad():
        model.model.layers[1].self_attn.q_norm.weight.copy_(torch.arange(4.0))
    nf_probe.Recorder(tmp_path / "run.h5", model).close()
    with nf_probe.open(tmp_path / "run.h5") as run:
        assert run.scales("q_layer_norm").values[0, 1].tolist() == [0, 1, 2, 3] * 3


def test_a_norm_that_nothing_explains_keeps_its_name() -> None:
    shapes = {f"layers.{layer}.post_attention_layernorm.weight": (4,) for layer in range(2)}
    shapes |= {f"layers.{layer}.mlp.{name}_proj.weight": (4, 4) for layer in range(2) for name in ("up", "down")}
    placing = find_places(shapes)
    assert placing.places["layers.1.post_attention_layernorm.weight"][0].place.name == "post_attention_layernorm.weight"
    assert placing.notes == ["post_attention_layernorm.weight keeps its name: what stands around it is not llama's"]


def test_fused_projections_of_unknown_heads_stay_whole() -> None:
    layer = "layers.{}.attention.{}.weight"
    shapes = {
        layer.format(n, name): s for n in range(2) for name, s in (("query_key_value", (12, 4)), ("dense", (4, 4)))
    }
    whole = find_places(shapes)
    assert [part.place.name for part in whole.places["layers.0.attention.query_key_value.weight"]] == [
        "self_attn.qkv_proj.weight"
    ]
    assert "how they lie is not certain" in whole.notes[0]
    parts = find_places(shapes, heads=2).places["layers.0.attention.query_key_value.weight"]
    assert [(part.cut.period, part.cut.offset, part.cut.length) for part in parts if part.cut] == [
        (6, 0, 2), (6, 2, 2), (6, 4, 2)
    ]  # fmt: skip


def test_adapters_of_several_sets_stay_apart() -> None:
    host = "base_model.model.model.layers.{}.self_attn.q_proj"
    shapes = {f"{host.format(n)}.lora_A.{own}.weight": (2, 4) for n in range(2) for own in ("default", "other")}
    names = {part.place.name for parts in find_places(shapes).places.values() for part in parts}
    assert names == {"self_attn.q_proj.lora_A.default.weight", "self_attn.q_proj.lora_A.other.weight"}


def test_adapters_of_several_kinds_share_their_hosts() -> None:
    host = "base_model.model.model.layers.{}.self_attn.q_proj"
    own = ["base_layer.base_layer.weight", "base_layer.lora_A.one.weight", "hada_w1_a.two"]
    shapes = {f"{host.format(n)}.{name}": (4, 4) for n in range(2) for name in own}
    names = {part.place.name for parts in find_places(shapes).places.values() for part in parts}
    projection = "self_attn.q_proj"
    assert names == {f"{projection}.weight", f"{projection}.lora_A.one.weight", f"{projection}.hada_w1_a.two"}


def test_stacks_that_a_wrapper_s_name_alone_tells_apart(tmp_path: Path) -> None:
    """`module.` is what DistributedDataParallel puts before every name; here it is the model's own."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.ModuleDict({"layers": nn.ModuleList(nn.Linear(4, 4) for _ in range(2))})
            self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))

    model = Twice()
    with nf_probe.Recorder(tmp_path / "run.h5", model) as recorder:
        x = torch.ones(1, 4)
        for layer in [*model.module["layers"], *model.layers]:
            x = layer(x)
        x.square().sum().backward()
        recorder.step()
    found = gradients(tmp_path / "run.h5")
    assert found.keys() == {name for name, _ in model.named_parameters()}
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert found[name].tolist() == pytest.approx([parameter.grad.double().abs().sum().item()], rel=1e-12)
    with nf_probe.open(tmp_path / "run.h5") as run:
        assert run.stacks == ["layers", "module.layers"]


@pytest.mark.parametrize(
    ("names", "stack", "layers"),
    [
        (["blocks.3.experts.7.w1", "blocks.4.experts.7.w1"], "blocks", {3, 4}),
        (["0.weight", "2.weight", "2.bias"], "", {0, 2}),
        (["net.0.layers.1.w", "net.0.layers.2.w"], "net.0.layers", {1, 2}),
        (["layer1.0.conv.weight", "layer2.0.conv.weight", "conv1.weight"], "layer", {1, 2}),
        (["conv1.weight", "conv2.weight"], "conv", {1, 2}),
        (["scales.0", "scales.1"], "scales", {0, 1}),
        (["h.0.w", "norm"], "h", {0}),
        (["a", "b"], "model", {0}),
    ],
)
def test_layers_are_found_by_numbers(names: list[str], stack: str, layers: set[int]) -> None:
    places = [part.place for parts in find_places(dict.fromkeys(names, (2, 2))).places.values() for part in parts]
    assert {place.stack for place in places} == {stack}
    assert {place.layer for place in places} == layers


@pytest.mark.parametrize("rows", [(0, 24), (0, 6), (3, 9), (5, 17), (6, 12), (23, 1)])
@pytest.mark.parametrize("cut", [Cut(0, 24, 8, 8), Cut(0, 6, 2, 3), Cut(0, 2, 1, 1)])
def test_parts_of_a_shard_are_those_of_the_whole(cut: Cut, rows: tuple[int, int]) -> None:
    values = torch.arange(48).reshape(24, 2)
    start, count = rows
    wanted = [i for i in range(start, start + count) if cut.offset <= i % cut.period < cut.offset + cut.length]
    assert cut.of(values[start : start + count], start).reshape(-1, 2).tolist() == values[wanted].tolist()
    assert cut.of(values, 0).numel() == cut.count((24, 2))
