"""Gains are recorded as they multiply, however a module stores them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch import nn
from x_transformers import Decoder, TransformerWrapper

import nf_probe
from conftest import Run
from models import NanoGPT, batch, loss_of, make
from nf_probe.measuring.gains import gain_offsets
from nf_probe.names.places import find_places


def x_transformers_model(**options: object) -> nn.Module:
    return TransformerWrapper(
        num_tokens=32, max_seq_len=16, attn_layers=Decoder(dim=12, depth=2, heads=3, attn_dim_head=4, **options)
    )


def scales_of(model: nn.Module, path: Path) -> dict[str, np.ndarray]:
    nf_probe.Recorder(path, model).close()
    with nf_probe.open(path) as run:
        return {name: run.scales(name).values[0] for name in run.scale_names}


@pytest.mark.parametrize(
    "options",
    [
        {}, {"use_rmsnorm": True}, {"norm_add_unit_offset": False}, {"pre_norm": False},
        {"use_rmsnorm": True, "norm_add_unit_offset": False}, {"use_scalenorm": True},
        {"ff_post_act_ln": True, "attn_head_scale": True, "scale_residual": True, "sandwich_norm": True},
    ],
)  # fmt: skip
def test_gains_of_x_transformers_begin_at_one(tmp_path: Path, options: dict[str, object]) -> None:
    scales = scales_of(x_transformers_model(**options), tmp_path / "run.h5")
    assert {"self_attn_layer_norm", "final_layer_norm"} <= scales.keys()
    for name, values in scales.items():
        assert (values == 1).all(), name


def test_scales_of_branches_and_of_queries_are_found(tmp_path: Path) -> None:
    options = {"use_layerscale": True, "layerscale_init_value": 0.25, "attn_qk_norm": True}
    scales = scales_of(x_transformers_model(**options, attn_qk_norm_dim_scale=True), tmp_path / "run.h5")
    assert (scales["attn_layer_scale"] == 0.25).all() and (scales["ffn_layer_scale"] == 0.25).all()
    # The fourth root of the heads' width, which is theirs to begin with.
    assert scales["q_layer_norm"] == pytest.approx(np.full((2, 12), 4**0.25))


@pytest.mark.parametrize(
    ("options", "adapter"),
    [
        ({"ff_glu": True}, "x-transformers"), ({"cross_attend": True}, "x-transformers-cross"),
        ({"macaron": True}, "x-transformers-macaron"), ({"attn_gate_values": True}, "x-transformers"),
        ({"attn_kv_heads": 1, "use_layerscale": True}, "x-transformers"),
    ],
)  # fmt: skip
def test_every_parameter_of_x_transformers_has_its_place(options: dict[str, object], adapter: str) -> None:
    shapes = {name: tuple(p.shape) for name, p in x_transformers_model(**options).named_parameters()}
    placing = find_places(shapes)
    assert placing.adapter == adapter
    assert placing.places.keys() == shapes.keys()
    in_layers = [(p.place.layer, p.place.name) for parts in placing.places.values() for p in parts if p.place.layer]
    assert len(in_layers) == len(set(in_layers))


def test_gains_of_gemma_are_one_more_than_stored(tmp_path: Path) -> None:
    """Its names are Llama's."""
    config = transformers.GemmaConfig(
        vocab_size=32, hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=3,
        num_key_value_heads=1, head_dim=4,
    )  # fmt: skip
    model = transformers.GemmaForCausalLM(config)
    with torch.no_grad():
        model.model.layers[1].input_layernorm.weight.fill_(0.5)
    scales = scales_of(model, tmp_path / "run.h5")
    assert (scales["self_attn_layer_norm"] == [[1.0], [1.5]]).all()


def test_code_that_adds_one_is_known() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.weight + 1 - self.bias.sum()

    class Before(Plain):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * (1 + self.weight)

    class After(Plain):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * (self.weight.float() + 1.0) + self.bias

    class Other(Plain):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * (self.weight + 1e-5) * (11 + self.weight) * (self.weight + 10)

    assert gain_offsets(nn.Sequential(Before(), After())) == {"0.weight": 1.0, "1.weight": 1.0}
    assert gain_offsets(nn.Sequential(Plain(), Other(), nn.LayerNorm(3), nn.Linear(3, 3))) == {}


Groups = Callable[[nn.Module], torch.optim.Optimizer]


def _decaying(decays: list[float], rates: list[float]) -> Groups:
    """AdamW whose first group has the matrices and whose second one has the rest."""

    def make_optimizer(model: nn.Module) -> torch.optim.Optimizer:
        parts = [[p for p in model.parameters() if (p.ndim > 1) == is_matrix] for is_matrix in (True, False)]
        groups = [{"params": p, "weight_decay": d, "lr": r} for p, d, r in zip(parts, decays, rates, strict=True)]
        return torch.optim.AdamW(groups)

    return make_optimizer


@pytest.mark.parametrize(
    ("make_optimizer", "told"),
    [
        (lambda m: torch.optim.AdamW(m.parameters(), lr=0.01, weight_decay=0.5), "a gain of 1 to 0.9851 in 3 updates"),
        (_decaying([0.5, 0.5], [0.01, 0.01]), "a gain of 1 to 0.9851 in 3 updates"),
        (_decaying([0.5, 0], [0.01, 0.01]), "weight decay 0.5 spared gains and scales"),
        (_decaying([0, 0], [0.01, 0.01]), "weight decay is 0"),
        (_decaying([0.5, 0.5], [0.01, 0.1]), "does not say"),
        (lambda m: torch.optim.Adam(m.parameters(), lr=0.01, weight_decay=0.5), "does not say"),
        (lambda m: torch.optim.SGD(m.parameters(), lr=0.01), "weight decay is 0"),
    ],
)  # fmt: skip
def test_what_decay_does_to_gains_is_told(
    tmp_path: Path, nf_probe_command: Run, make_optimizer: Groups, told: str
) -> None:
    model = make(NanoGPT)
    optimizer = make_optimizer(model)
    with nf_probe.Recorder(tmp_path / "run.h5", model, optimizer, snapshot_every=1) as recorder:
        for step in range(3):
            loss_of(model, batch(step)).backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.step()
    text = nf_probe_command("scales", tmp_path / "run.h5", "--all")
    # 0.9851 is (1 - 0.01 · 0.5)³.
    assert told in " ".join(text.split())


@pytest.mark.parametrize(("rates", "decayed"), [([0.01, 0.01], "all"), ([0.01, 0.02], None)])
def test_warm_up_from_0_hides_no_learning_rate(tmp_path: Path, rates: list[float], decayed: str | None) -> None:
    model = make(NanoGPT)
    optimizer = _decaying([0.5, 0.5], rates)(model)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 10)
    nf_probe.Recorder(tmp_path / "run.h5", model, optimizer).close()
    with nf_probe.open(tmp_path / "run.h5") as run:
        assert run.configuration.get("decayed") == decayed


def test_decay_draws_gains_that_are_stored_minus_one_to_one(tmp_path: Path) -> None:
    model = x_transformers_model()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.5)
    nf_probe.Recorder(tmp_path / "run.h5", model, optimizer).close()
    with nf_probe.open(tmp_path / "run.h5") as run:
        assert (run.configuration["decayed"], run.configuration["weight-decay"]) == ("weights", 0.5)
