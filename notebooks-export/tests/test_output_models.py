"""Outputs and heads of attention of models as libraries make them, against hooks and loops of the tests' own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nf_probe
from conftest import Run
from models import VOCABULARY, batch
from test_attention import plain
from watched_outputs import ALL, Place, assert_equal, check, rows, watched

transformers = pytest.importorskip("transformers")
LAYERS, HEADS, WIDTH = 2, 4, 16


def gpt2(attention: str) -> nn.Module:
    config = transformers.GPT2Config(
        n_layer=LAYERS, n_embd=WIDTH, n_head=HEADS, vocab_size=VOCABULARY, n_positions=16, bos_token_id=0,
        eos_token_id=0, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, initializer_range=0.4,
        attn_implementation=attention,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)


def small(attention: str, **options: Any) -> dict[str, Any]:
    return {
        "num_hidden_layers": LAYERS, "hidden_size": WIDTH, "num_attention_heads": HEADS, "intermediate_size": 24,
        "vocab_size": VOCABULARY, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1, "initializer_range": 0.4,
        "attn_implementation": attention, **options,
    }  # fmt: skip


def llama(attention: str) -> nn.Module:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**small(attention, num_key_value_heads=2)))


def bert(attention: str) -> nn.Module:
    dropped = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return transformers.BertForMaskedLM(transformers.BertConfig(**small(attention, **dropped)))


MODELS: dict[str, Callable[[str], nn.Module]] = {"gpt2": gpt2, "llama": llama, "bert": bert}
PLACES: dict[str, list[Place]] = {
    "gpt2": [
        (0, "input", "transformer.h.0", True, ALL),
        (1, "self_attn.k_proj", "transformer.h.1.attn.c_attn", False, slice(16, 32)),
        (1, "self_attn", "transformer.h.1.attn.c_proj", True, ALL),
        (0, "activation", "transformer.h.0.mlp.act", False, ALL),
        (1, "fc2", "transformer.h.1.mlp.c_proj", False, ALL),
        (None, "decoder.output_projection", "lm_head", False, ALL),
    ],
    "llama": [
        (1, "input", "model.layers.1", True, ALL),
        (0, "self_attn_layer_norm", "model.layers.0.input_layernorm", False, ALL),
        (1, "self_attn.v_proj", "model.layers.1.self_attn.v_proj", False, ALL),
        (0, "self_attn.out_proj", "model.layers.0.self_attn.o_proj", False, ALL),
        (0, "fc_gate", "model.layers.0.mlp.gate_proj", False, ALL),
        (1, "activation", "model.layers.1.mlp.down_proj", True, ALL),
        (None, "decoder.layer_norm", "model.norm", False, ALL),
        (None, "decoder.output_projection", "lm_head", False, ALL),
    ],
    "bert": [
        (1, "input", "bert.encoder.layer.1", True, ALL),
        (1, "self_attn", "bert.encoder.layer.1.attention.output.dense", True, ALL),
        (0, "fc1", "bert.encoder.layer.0.intermediate.dense", False, ALL),
        (1, "final_layer_norm", "bert.encoder.layer.1.output.LayerNorm", False, ALL),
        (None, "encoder.output_projection", "cls.predictions.decoder", False, ALL),
    ],
}


def padded(tokens: Tensor) -> Tensor:
    """Which tokens are none of the padding, which lies on the right."""
    lengths = torch.tensor([8, 5, 8, 3, 8, 2])
    return (torch.arange(tokens.shape[1]) < lengths[: len(tokens), None]).long()


def train(
    name: str, attention: str, path: Path | None, *, has_padding: bool = True, is_checkpointed: bool = False
) -> tuple[list[float], list[Tensor]]:
    """Losses and final parameters of two steps of two micro-batches."""
    torch.manual_seed(3)
    model = MODELS[name](attention).train()
    if is_checkpointed:
        getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    recorder = nf_probe.Recorder(path, model, optimizer, outputs_every=1, on_error="raise") if path else None
    losses, passed = [], []
    for step in range(2):
        with watched(model, PLACES[name] if path and not is_checkpointed else []) as found:
            for part in range(2):
                tokens = batch(2 * step + part)[:, :8].contiguous()
                mask = padded(tokens) if has_padding else None
                labels = tokens if mask is None else tokens.masked_fill(mask == 0, -100)
                loss = model(input_ids=tokens, attention_mask=mask, labels=labels).loss / 2
                loss.backward()
                losses.append(loss.item())
        passed.append(found)
        optimizer.step()
        optimizer.zero_grad()
        if recorder:
            recorder.step(loss)
    if recorder and path:
        recorder.close()
        if not is_checkpointed:
            with h5py.File(path) as file:
                for step in range(2):
                    check(file, step, PLACES[name], passed[step])
    return losses, [p.detach().clone() for p in model.parameters()]


def looped_heads(name: str, *, has_padding: bool) -> np.ndarray:
    """`(layer, head, number)` of the first step, from the scores that eager attention's softmax is given."""
    torch.manual_seed(3)
    model = MODELS[name]("eager").train()
    seen: list[Tensor] = []
    original = nn.functional.softmax

    def softmax(scores: Tensor, *args: Any, **options: Any) -> Tensor:
        seen.append(scores.detach().double())
        return original(scores, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.functional, "softmax", softmax)
        for part in range(2):
            tokens = batch(part)[:, :8].contiguous()
            model(input_ids=tokens, attention_mask=padded(tokens) if has_padding else None)
    result = []
    for layer in range(LAYERS):
        scores = torch.cat([seen[layer], seen[LAYERS + layer]])
        sums = np.array(plain(scores.tolist(), scores > -1e30, 8, 8))
        result.append(np.stack([sums[:, 1] / sums[:, 0], sums[:, 4], sums[:, 3] / sums[:, 2]], axis=1))
    return np.array(result)


def heads(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return np.stack([file[f"attention_{n}"][0] for n in ("entropy", "max_logit", "first_share")], axis=-1)


@pytest.mark.parametrize("has_padding", [False, True])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("name", MODELS)
def test_models_of_transformers(
    tmp_path: Path, nf_probe_command: Run, name: str, attention: str, has_padding: bool
) -> None:
    path = tmp_path / "run.h5"
    recorded = train(name, attention, path, has_padding=has_padding)
    assert_equal(recorded, train(name, attention, None, has_padding=has_padding))
    np.testing.assert_allclose(heads(path), looped_heads(name, has_padding=has_padding), rtol=5e-5)
    assert "whole" in nf_probe_command("verify", path)
    assert "Heads of attention" in nf_probe_command("activations", path)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_their_own_checkpointing(tmp_path: Path, name: str, attention: str) -> None:
    train(name, attention, tmp_path / "plain.h5")
    recorded = train(name, attention, tmp_path / "run.h5", is_checkpointed=True)
    assert_equal(recorded, train(name, attention, None, is_checkpointed=True))
    found, wanted = rows(tmp_path / "run.h5"), rows(tmp_path / "plain.h5")
    for variable, values in wanted.items():
        np.testing.assert_allclose(found[variable], values, rtol=1e-9, err_msg=variable)


def test_attention_of_pytorch_that_gives_its_weights(tmp_path: Path) -> None:
    class Layer(nn.Module):
        def __init__(self, needs_weights: bool) -> None:
            super().__init__()
            self.self_attn = nn.MultiheadAttention(8, 2, batch_first=True)
            self.linear1, self.linear2 = nn.Linear(8, 8), nn.Linear(8, 8)
            self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
            self.needs_weights = needs_weights

        def forward(self, x: Tensor) -> Tensor:
            mask = torch.ones(x.shape[1], x.shape[1]).triu(1).bool()
            mixed = self.self_attn(x, x, x, need_weights=self.needs_weights, attn_mask=mask)[0]
            x = self.norm1(x + mixed)
            return self.norm2(x + self.linear2(self.linear1(x).relu()))

    found = []
    for needs_weights in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Embedding(VOCABULARY, 8))
        model.add_module("layers", nn.Sequential(Layer(needs_weights), Layer(needs_weights)))
        path = tmp_path / f"{needs_weights}.h5"
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with nf_probe.Recorder(path, model, optimizer, outputs_every=1, on_error="raise") as recorder:
            model(batch(0)).square().mean().backward()
            recorder.step(1.0)
        found.append(heads(path))
    assert np.isfinite(found[0]).all()
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


def test_logits_are_those_before_a_cap(tmp_path: Path) -> None:
    """Gemma 2 caps its scores where it attends eagerly."""
    torch.manual_seed(3)
    options = small("eager", num_key_value_heads=2, head_dim=4, attn_logit_softcapping=2.0, query_pre_attn_scalar=4)
    model = transformers.Gemma2ForCausalLM(transformers.Gemma2Config(**options))
    capped: list[Tensor] = []
    uncapped: list[Tensor] = []
    softmax, tanh = nn.functional.softmax, torch.tanh

    def seeing_softmax(scores: Tensor, *args: Any, **others: Any) -> Tensor:
        capped.append(scores.detach().double())
        return softmax(scores, *args, **others)

    def seeing_tanh(scores: Tensor) -> Tensor:
        uncapped.append(scores.detach().double() * 2)
        return tanh(scores)

    path, tokens = tmp_path / "run.h5", batch(0)[:, :8].contiguous()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.functional, "softmax", seeing_softmax)
        patch.setattr(torch, "tanh", seeing_tanh)
        model(input_ids=tokens)
    with nf_probe.Recorder(path, model, outputs_every=1, on_error="raise") as recorder:
        model(input_ids=tokens, labels=tokens).loss.backward()
        recorder.step(1.0)
    found = heads(path)
    for layer in range(LAYERS):
        seen = capped[layer] > -1e30
        sums = np.array(plain(capped[layer].tolist(), seen, 8, 8))
        np.testing.assert_allclose(found[layer, :, 0], sums[:, 1] / sums[:, 0], rtol=5e-5)
        largest = uncapped[layer].masked_fill(~seen, -torch.inf).amax(dim=(0, 2, 3))
        np.testing.assert_allclose(found[layer, :, 1], largest.numpy(), rtol=5e-5)
        assert (found[layer, :, 1] > 2).any()
