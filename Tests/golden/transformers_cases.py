"""Tiny models of Transformers' own classes: odd sizes, fewer key/value heads, tied and untied, windows shorter than a sequence."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """A configuration by the library's name for the model, and the batch that it is measured on."""

    model_type: str
    fields: dict[str, Any]
    batch: int = 2
    sequence: int = 7


ROPE = {"rope_type": "default", "rope_theta": 10000.0}
LLAMA = dict(
    vocab_size=19,
    hidden_size=12,
    intermediate_size=17,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=16,
)
LOCAL_AND_GLOBAL = ["sliding_attention", "sliding_attention", "full_attention"]

CASES = {
    "gpt2": Case("gpt2", dict(vocab_size=19, n_embd=10, n_layer=2, n_head=2, n_positions=9, n_inner=13)),
    "gpt2-one-token": Case(
        "gpt2", dict(vocab_size=19, n_embd=10, n_layer=2, n_head=5, n_positions=4), batch=3, sequence=1
    ),
    "opt": Case(
        "opt",
        dict(
            vocab_size=19,
            hidden_size=10,
            word_embed_proj_dim=10,
            ffn_dim=15,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=11,
        ),
    ),
    "gpt-neox": Case("gpt_neox", dict(LLAMA, hidden_size=16, rope_parameters=dict(ROPE, partial_rotary_factor=0.5))),
    "gpt-neox-in-sequence": Case(
        "gpt_neox",
        dict(
            LLAMA,
            hidden_size=16,
            use_parallel_residual=False,
            rope_parameters=dict(ROPE, partial_rotary_factor=0.25),
        ),
    ),
    "llama": Case("llama", dict(LLAMA, hidden_size=24, num_attention_heads=4, num_key_value_heads=2, rope_parameters=ROPE)),
    "llama-tied": Case(
        "llama",
        dict(
            LLAMA,
            num_key_value_heads=1,
            tie_word_embeddings=True,
            attention_bias=True,
            mlp_bias=True,
            rms_norm_eps=1e-5,
            rope_parameters=dict(ROPE, rope_theta=500000.0),
        ),
    ),
    "mistral": Case("mistral", dict(LLAMA, num_key_value_heads=1, sliding_window=3, rope_parameters=ROPE)),
    "qwen3": Case(
        "qwen3",
        dict(
            LLAMA,
            num_attention_heads=3,
            num_key_value_heads=1,
            head_dim=6,
            rope_parameters=dict(ROPE, rope_theta=1000000.0),
        ),
    ),
    "gemma3": Case(
        "gemma3_text",
        dict(
            LLAMA,
            num_hidden_layers=3,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            query_pre_attn_scalar=5,
            sliding_window=3,
            layer_types=LOCAL_AND_GLOBAL,
            rope_parameters={
                "full_attention": dict(ROPE, rope_theta=1000000.0),
                "sliding_attention": ROPE,
            },
        ),
    ),
    "gemma2": Case(
        "gemma2",
        dict(
            LLAMA,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            query_pre_attn_scalar=5,
            sliding_window=3,
            attn_logit_softcapping=2.0,
            final_logit_softcapping=3.0,
            rope_parameters=ROPE,
        ),
    ),
    "olmo2": Case("olmo2", dict(LLAMA, num_attention_heads=2, num_key_value_heads=1, rope_parameters=ROPE)),
    "phi": Case(
        "phi", dict(LLAMA, hidden_size=16, rope_parameters=dict(ROPE, partial_rotary_factor=0.5))
    ),
}
