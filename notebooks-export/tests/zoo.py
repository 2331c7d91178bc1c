"""Small models of many architectures, made with the libraries' own code where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from x_transformers import Decoder, TransformerWrapper

from foreign import MegatronModel, MetaLlama, NanoChat, OLMoCore
from models import NanoGPT, TorchEncoder

if importlib.util.find_spec("torchvision"):
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        # Of another build than PyTorch; models are made without its operators.
        _library = torch.library.Library("torchvision", "FRAGMENT")
        for _operator in ("nms", "qnms"):
            _library.define(f"{_operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import transformers

VOCABULARY = 31
LAYERS, HEADS, GROUPS, WIDTH, HIDDEN, LENGTH = 3, 4, 2, 24, 40, 7
"""All different, so that no dimension passes for another; a head is 6 wide."""


@dataclass(frozen=True)
class Model:
    """A model, and a loss that its parameters get gradients from."""

    module: nn.Module
    loss: Callable[[nn.Module], Tensor]


@dataclass(frozen=True)
class Architecture:
    """How a model is made, and what the recorder is to find."""

    make: Callable[[], Model]
    adapter: str
    roles: frozenset[str]
    """Names within a layer that some layer has to have."""
    layers: int = LAYERS
    stack: str = "decoder"
    package: str = "transformers"
    """That it takes."""

    @property
    def is_installed(self) -> bool:
        """Whether it can be made here."""
        return importlib.util.find_spec(self.package) is not None


def tokens() -> Tensor:
    """Two rows without a repetition that would make two positions alike."""
    generator = torch.Generator().manual_seed(7)
    return torch.stack([torch.randperm(VOCABULARY, generator=generator)[:LENGTH] for _ in range(2)])


def causal_loss(model: nn.Module) -> Tensor:
    """Of any language model: with or without labels of its own."""
    ids = tokens()
    output = model(ids)
    logits: Tensor = output if isinstance(output, Tensor) else output.logits
    return nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def _text(kind: str, config: str = "", **options: Any) -> Callable[[], Model]:
    def make() -> Model:
        settings = getattr(transformers, f"{config or kind}Config")
        known = {
            "vocab_size": VOCABULARY, "hidden_size": WIDTH, "intermediate_size": HIDDEN, "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS, "max_position_embeddings": 16, "bos_token_id": 0, "eos_token_id": 1,
            "pad_token_id": 0, "attn_implementation": "eager",
            # The other ways to call experts have no float64.
            "experts_implementation": "eager",
        }  # fmt: skip
        name = "GPT2LMHeadModel" if kind == "GPT2" else f"{kind}ForCausalLM"
        model = getattr(transformers, name)(settings(**{**known, **options}))
        return Model(model, causal_loss)

    return make


def _t5(gated: bool) -> Callable[[], Model]:
    def make() -> Model:
        config = transformers.T5Config(
            vocab_size=VOCABULARY, d_model=WIDTH, d_kv=6, d_ff=HIDDEN, num_layers=LAYERS, num_decoder_layers=LAYERS,
            num_heads=HEADS, feed_forward_proj="gated-gelu" if gated else "relu", decoder_start_token_id=0,
            dropout_rate=0.0, pad_token_id=0, attn_implementation="eager",
        )  # fmt: skip
        model = transformers.T5ForConditionalGeneration(config)
        return Model(model, lambda m: m(input_ids=tokens(), labels=tokens().flip(1)).loss)

    return make


def _bert() -> Model:
    config = transformers.BertConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=HIDDEN, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, max_position_embeddings=16, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, attn_implementation="eager",
    )  # fmt: skip
    return Model(transformers.BertForMaskedLM(config), lambda m: m(input_ids=tokens(), labels=tokens()).loss)


def _pictures() -> Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(3))


def _picture_loss(model: nn.Module) -> Tensor:
    dtype = next(model.parameters()).dtype
    output = model(_pictures().to(dtype))
    logits = output if isinstance(output, Tensor) else output.logits
    return nn.functional.cross_entropy(logits, torch.tensor([0, 2]))


def _vit() -> Model:
    config = transformers.ViTConfig(
        hidden_size=WIDTH, intermediate_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS, image_size=8,
        patch_size=4, num_labels=5, attn_implementation="eager",
    )  # fmt: skip
    return Model(transformers.ViTForImageClassification(config), _picture_loss)


def _clip_and_llama() -> Model:
    """A vision tower beside a language model."""
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(
            hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, image_size=8, patch_size=4
        ),
        text_config=transformers.LlamaConfig(
            vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=HIDDEN, num_hidden_layers=LAYERS,
            num_attention_heads=HEADS, max_position_embeddings=32,
        ),
        image_token_index=30, vision_feature_layer=-1, attn_implementation="eager",
    )  # fmt: skip

    def loss(model: nn.Module) -> Tensor:
        # Four patches, after which comes text.
        ids = torch.cat([torch.full((2, 4), 30), tokens() % 30], dim=1)
        pictures = _pictures().to(next(model.parameters()).dtype)
        value: Tensor = model(input_ids=ids, pixel_values=pictures, labels=ids).loss
        return value

    return Model(transformers.LlavaForConditionalGeneration(config), loss)


def _timm(name: str, **options: Any) -> Callable[[], Model]:
    def make() -> Model:
        import timm

        timm.layers.set_fused_attn(False)
        return Model(timm.create_model(name, num_classes=5, **options), _picture_loss)

    return make


def _adapted(make: Callable[[], Model], *targets: str) -> Callable[[], Model]:
    """A model with low-rank adapters, their second halves not 0 as they begin."""

    def adapted() -> Model:
        import peft

        model = make()
        config = peft.LoraConfig(r=3, target_modules=list(targets), task_type="CAUSAL_LM", lora_dropout=0.0)
        module = peft.get_peft_model(model.module, config)
        for name, parameter in module.named_parameters():
            if "lora_B" in name:
                nn.init.normal_(parameter, std=0.1)
        return Model(module, model.loss)

    return adapted


def _own(kind: type[nn.Module], **options: Any) -> Callable[[], Model]:
    return lambda: Model(kind(**options), causal_loss)


class ConvolutionalNet(nn.Module):
    """A model that is no transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3),
        )  # fmt: skip
        self.classifier = nn.Linear(8, 5)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(pictures).mean(dim=(2, 3)))
        return logits


class NumberlessNet(nn.Module):
    """A model without a number in any name."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3 * 64, 12), nn.Linear(12, 5)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.second(self.first(pictures.flatten(1)).tanh())
        return logits


_QUERIES = {f"self_attn.{part}_proj.weight" for part in ("q", "k", "v", "out")}
_PLAIN = frozenset(_QUERIES | {f"{name}.weight" for name in ("self_attn_layer_norm", "final_layer_norm", "fc1", "fc2")})
_GATED = _PLAIN | {"fc_gate.weight"}
_QK_NORMS = {"self_attn.q_layer_norm.weight", "self_attn.k_layer_norm.weight"}
_EXPERTS = frozenset({"router.weight", "experts.fc_gate.weight", "experts.fc1.weight", "experts.fc2.weight"})
_MIXTURE = (_PLAIN - {"fc1.weight", "fc2.weight"}) | _EXPERTS
_LATENT = {f"self_attn.{part}_proj.weight" for part in ("q_a", "q_b", "kv_a", "kv_b", "out")}
_BRANCH_NORMS = {"attn_ln.weight", "ffn_ln.weight"}
_GROUPED: dict[str, Any] = {"num_key_value_heads": GROUPS}
_ROUTED: dict[str, Any] = {"num_experts_per_tok": 2, "moe_intermediate_size": 10}
_DEEPSEEK: dict[str, Any] = {
    **_ROUTED, "num_key_value_heads": HEADS, "n_routed_experts": 4, "n_shared_experts": 1, "first_k_dense_replace": 1,
    "q_lora_rank": 9, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 6, "v_head_dim": 5, "n_group": 1,
    "topk_group": 1,
}  # fmt: skip

ARCHITECTURES: dict[str, Architecture] = {
    "gpt2": Architecture(_text("GPT2", n_inner=HIDDEN, resid_pdrop=0, attn_pdrop=0, embd_pdrop=0), "gpt2", _PLAIN),
    "nanogpt": Architecture(_own(NanoGPT, layers=LAYERS), "nanogpt", _PLAIN),
    "nanochat": Architecture(
        _own(NanoChat), "nanogpt", frozenset(_QUERIES | {"fc1.weight", "fc2.weight"}), package="torch"
    ),
    "llama": Architecture(_text("Llama", **_GROUPED), "llama", _GATED),
    "qwen2": Architecture(_text("Qwen2", **_GROUPED), "llama", _GATED | {"self_attn.q_proj.bias"}),
    "qwen3": Architecture(_text("Qwen3", head_dim=8, **_GROUPED), "llama", _GATED | _QK_NORMS),
    "gemma2": Architecture(_text("Gemma2", head_dim=8, **_GROUPED), "llama", _GATED | _BRANCH_NORMS),
    "gemma3": Architecture(
        _text("Gemma3", config="Gemma3Text", head_dim=8, **_GROUPED), "llama", _GATED | _BRANCH_NORMS | _QK_NORMS
    ),
    "olmo2": Architecture(
        _text("Olmo2", **_GROUPED), "llama",
        (_GATED - {"self_attn_layer_norm.weight", "final_layer_norm.weight"}) | _BRANCH_NORMS | _QK_NORMS,
    ),
    "phi": Architecture(
        _text("Phi", num_attention_heads=2, num_key_value_heads=2, resid_pdrop=0.0), "llama",
        _PLAIN - {"final_layer_norm.weight"},
    ),
    "phi3": Architecture(_text("Phi3", **_GROUPED), "llama", _GATED),
    "mixtral": Architecture(_text("Mixtral", num_local_experts=4, **_GROUPED), "llama", _MIXTURE),
    "qwen3-moe": Architecture(
        _text("Qwen3Moe", head_dim=8, num_experts=4, **_GROUPED, **_ROUTED), "llama", _MIXTURE | _QK_NORMS
    ),
    "qwen2-moe": Architecture(
        _text("Qwen2Moe", num_experts=4, shared_expert_intermediate_size=9, **_GROUPED, **_ROUTED), "llama",
        _MIXTURE | {"shared_experts.fc2.weight", "shared_experts.router.weight"},
    ),
    "gpt-oss": Architecture(
        _text("GptOss", head_dim=6, num_local_experts=4, num_experts_per_tok=2, **_GROUPED), "llama",
        _MIXTURE | {"self_attn.sinks", "experts.fc_gate.bias", "router.bias"},
    ),
    "deepseek-v2": Architecture(
        _text("DeepseekV2", topk_method="greedy", **_DEEPSEEK), "llama", frozenset(_LATENT) | _EXPERTS | {"fc2.weight"}
    ),
    "deepseek-v3": Architecture(
        _text("DeepseekV3", **_DEEPSEEK), "llama",
        frozenset(_LATENT) | _EXPERTS | {"fc2.weight", "shared_experts.fc1.weight"},
    ),
    "gpt-neox": Architecture(_text("GPTNeoX", hidden_dropout=0.0), "gpt-neox", _PLAIN | {"self_attn.q_proj.bias"}),
    "falcon-7b": Architecture(
        _text("Falcon", multi_query=True, new_decoder_architecture=False, parallel_attn=True, ffn_hidden_size=HIDDEN),
        "falcon", _PLAIN - {"final_layer_norm.weight"},
    ),
    "falcon-40b": Architecture(
        _text("Falcon", num_kv_heads=GROUPS, new_decoder_architecture=True, ffn_hidden_size=HIDDEN), "falcon", _PLAIN
    ),
    "falcon-rw": Architecture(
        _text("Falcon", multi_query=False, new_decoder_architecture=False, parallel_attn=False, alibi=True, bias=True,
              ffn_hidden_size=HIDDEN), "falcon", _PLAIN,
    ),
    "bloom": Architecture(
        _text("Bloom", n_layer=LAYERS, n_head=HEADS, hidden_dropout=0.0), "bloom", _PLAIN | {"self_attn.k_proj.bias"}
    ),
    "mpt": Architecture(
        _text("Mpt", d_model=WIDTH, n_heads=HEADS, n_layers=LAYERS, expansion_ratio=2, max_seq_len=16), "mpt", _PLAIN
    ),
    "opt": Architecture(_text("OPT", ffn_dim=HIDDEN, word_embed_proj_dim=WIDTH, dropout=0.0), "opt", _PLAIN),
    "mamba": Architecture(
        _text("Mamba", state_size=5, intermediate_size=48), "mamba",
        frozenset({"mixer.in_proj.weight", "mixer.A_log", "mixer.out_proj.weight", "norm.weight"}),
    ),
    "bert": Architecture(_bert, "bert", _PLAIN, stack="encoder"),
    "t5": Architecture(_t5(gated=False), "t5", _PLAIN | {"encoder_attn.q_proj.weight"}),
    "t5-gated": Architecture(_t5(gated=True), "t5", _GATED | {"encoder_attn.out_proj.weight"}),
    "vit": Architecture(_vit, "vit", _PLAIN, stack="encoder"),
    "llava": Architecture(_clip_and_llama, "llama", _GATED),
    "timm-vit": Architecture(
        _timm("vit_tiny_patch16_224", img_size=8, patch_size=4, embed_dim=WIDTH, depth=LAYERS, num_heads=HEADS,
              mlp_ratio=2, init_values=0.1, qk_norm=True),
        "timm-vit", _PLAIN | _QK_NORMS | {"attn_layer_scale", "ffn_layer_scale"}, stack="encoder", package="timm",
    ),
    "timm-resnet": Architecture(
        _timm("resnet26", layers=(2, 2, 2, 2)), "own names",
        frozenset({"0.conv1.weight", "1.conv2.weight"}), layers=4, stack="layer", package="timm",
    ),
    "x-transformers": Architecture(
        lambda: Model(
            TransformerWrapper(
                num_tokens=VOCABULARY, max_seq_len=16,
                attn_layers=Decoder(dim=WIDTH, depth=LAYERS, heads=HEADS, attn_dim_head=6, ff_glu=True),
            ), causal_loss,
        ), "x-transformers", _GATED,
    ),
    "torch-encoder": Architecture(_own(TorchEncoder, layers=LAYERS), "torch-transformer", _PLAIN, stack="encoder"),
    "lora-llama": Architecture(
        _adapted(_text("Llama", **_GROUPED), "q_proj", "down_proj"), "llama",
        frozenset({"self_attn.q_proj.lora_A.weight", "self_attn.q_proj.lora_B.weight", "fc2.lora_B.weight"}),
        package="peft",
    ),
    "lora-neox": Architecture(
        _adapted(_text("GPTNeoX", hidden_dropout=0.0), "query_key_value", "dense"), "gpt-neox",
        frozenset({"self_attn.qkv_proj.lora_A.weight", "self_attn.out_proj.lora_B.weight"}), package="peft",
    ),
    "megatron": Architecture(_own(MegatronModel), "megatron-core", _GATED, package="torch"),
    "torchtitan": Architecture(_own(MetaLlama), "meta-llama", _GATED, package="torch"),
    "olmo-core": Architecture(
        _own(OLMoCore), "olmo-core", _GATED - {"self_attn_layer_norm.weight", "final_layer_norm.weight"},
        package="torch",
    ),
    "cnn": Architecture(
        lambda: Model(ConvolutionalNet(), _picture_loss), "own names", frozenset({"weight", "bias"}), stack="features"
    ),
    "numberless": Architecture(
        lambda: Model(NumberlessNet(), _picture_loss), "own names", frozenset({"first.weight", "second.weight"}),
        layers=1, stack="model",
    ),
}  # fmt: skip
