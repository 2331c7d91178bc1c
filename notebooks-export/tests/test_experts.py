"""Gradients by expert: stacked in one parameter, or with a parameter each."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nf_probe
from conftest import Run, gradients
from models import VOCABULARY, batch, loss_of, make

WIDTH, EXPERTS, LAYERS, STEPS, MISSING = 8, 4, 2, 3, 2**32 - 1
SUMS = ("l1", "sum_squares", "max_abs", "zeros", "nonfinite")


class Stacked(nn.Module):
    """Experts that are stacked, gate and up fused as gpt-oss has them."""

    def __init__(self) -> None:
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.randn(EXPERTS, WIDTH, 4 * WIDTH) / 4)
        self.down_proj = nn.Parameter(torch.randn(EXPERTS, 2 * WIDTH, WIDTH) / 4)

    def forward(self, x: Tensor, chosen: Tensor) -> Tensor:
        gate, up = torch.einsum("btd,edf->btef", x, self.gate_up_proj).chunk(2, dim=-1)
        return torch.einsum("btef,efd,bte->btd", gate.sigmoid() * up, self.down_proj, chosen)

    def own(self, expert: int) -> list[Tensor]:
        return [self.gate_up_proj.grad[expert], self.down_proj.grad[expert]]


class Apart(nn.ModuleList):
    """Experts with parameters of their own; one without a token is not called."""

    def __init__(self) -> None:
        super().__init__(
            nn.ModuleDict({"w1": nn.Linear(WIDTH, 2 * WIDTH), "w2": nn.Linear(2 * WIDTH, WIDTH)})
            for _ in range(EXPERTS)
        )

    def forward(self, x: Tensor, chosen: Tensor) -> Tensor:
        out = torch.zeros_like(x)
        for index, expert in enumerate(self):
            if chosen[..., index].any():
                out = out + chosen[..., index, None] * expert["w2"](expert["w1"](x).relu())
        return out

    def own(self, expert: int) -> list[Tensor]:
        return [p.grad for p in self[expert].parameters() if p.grad is not None]


class MixtureOfExperts(nn.Module):
    """The token chooses the expert: never the last one of layer 0, and expert 1 of layer 1 at the last step alone."""

    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList()
        for _ in range(LAYERS):
            layer = nn.Module()
            layer.mlp = nn.Module()
            layer.mlp.gate = nn.Linear(WIDTH, EXPERTS, bias=False)
            layer.mlp.experts = kind()
            self.layers.append(layer)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.step = 0

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed_tokens(tokens)
        for index, layer in enumerate(self.layers):
            choice = tokens % (EXPERTS - 1)
            if index == 1 and self.step < STEPS - 1:
                choice = torch.where(choice == 1, 3, choice)
            chosen = nn.functional.one_hot(choice, EXPERTS) * layer.mlp.gate(x).sigmoid()
            x = x + layer.mlp.experts(x, chosen)
        logits: Tensor = self.lm_head(x)
        return logits


def record(path: Path, kind: type[nn.Module], **options: object) -> np.ndarray:
    """Records some steps; Σ|g| of each expert, `(step, layer, expert)`, not a number where it has no gradient."""
    torch.manual_seed(0)
    model = MixtureOfExperts(kind)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    expected = np.full((STEPS, LAYERS, EXPERTS), np.nan)
    with nf_probe.Recorder(path, model, optimizer, objective="causal", on_error="raise", **options) as recorder:  # type: ignore[arg-type]
        for step in range(STEPS):
            model.step = step
            loss = loss_of(model, batch(step, rows=20))
            loss.backward()
            for layer in range(LAYERS):
                for expert in range(EXPERTS):
                    own = model.layers[layer].mlp.experts.own(expert)
                    total = sum(float(g.double().abs().sum()) for g in own)
                    expected[step, layer, expert] = total or np.nan
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(loss, tokens=160)
    return expected


@pytest.mark.parametrize("kind", [Stacked, Apart])
def test_each_expert_has_sums_of_its_own(tmp_path: Path, nf_probe_command: Run, kind: type[nn.Module]) -> None:
    path = tmp_path / "run.h5"
    expected = record(path, kind, experts=True)
    # An expert that never has a token, and one that has none at first.
    assert np.isnan(expected[:, 0, 3]).all() and np.isnan(expected[:, 1, 1]).tolist() == [True, True, False]
    with h5py.File(path) as file:
        assert file["expert_gradient_l1"][:] == pytest.approx(expected, rel=1e-12, nan_ok=True)
        missing = np.isnan(expected)
        for name in SUMS:
            values = file[f"expert_gradient_{name}"][:]
            is_missing = values == MISSING if name in ("zeros", "nonfinite") else np.isnan(values)
            assert np.array_equal(is_missing, missing), name
        counts = file["expert_gradient_count"][:]
        assert counts.tolist() == [[counts[0, 0]] * EXPERTS] * LAYERS
        in_layers = file["gradient_count"][:].sum() - LAYERS * EXPERTS * WIDTH
        assert counts.sum() == in_layers
    with nf_probe.open(path) as run:
        found = run.expert_gradients()
        assert found.dims == ("step", "layer", "expert") and not run.damaged_steps
        assert found.values == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert "whole" in nf_probe_command("verify", path)
    info = " ".join(nf_probe_command("info", path).split())
    assert "experts a layer 4" in info and "experts without a token layer 0: 3" in info
    nf_probe_command("report", path, "--out=report", cwd=tmp_path)
    report = (tmp_path / "report" / "report.md").read_text()
    assert "experts that got no token at any recorded step: layer 0: 3." in report
    lines = [line.split(",") for line in nf_probe_command("export", path).splitlines()[1:]]
    exported = [line for line in lines if line[4] == "expert_gradient_l1"]
    assert {(line[2], line[3]) for line in exported if line[1] == "0"} == {
        (str(layer), f"experts.{expert}") for layer, expert in np.argwhere(~np.isnan(expected[0]))
    }


@pytest.mark.parametrize("kind", [Stacked, Apart])
def test_the_sums_of_tensors_are_the_same_with_experts_and_without(tmp_path: Path, kind: type[nn.Module]) -> None:
    record(tmp_path / "with.h5", kind, experts=True)
    record(tmp_path / "without.h5", kind)
    for name in SUMS:
        one, other = gradients(tmp_path / "with.h5", name), gradients(tmp_path / "without.h5", name)
        assert one.keys() == other.keys()
        for tensor, values in one.items():
            assert values == pytest.approx(other[tensor], rel=1e-12), (name, tensor)


def test_experts_of_a_model_without_any_are_refused(tmp_path: Path) -> None:
    with pytest.raises(nf_probe.UsageError, match="known to be an expert's"):
        nf_probe.Recorder(tmp_path / "run.h5", make(), experts=True)
    assert not (tmp_path / "run.h5").exists()


def test_a_run_with_experts_goes_on(tmp_path: Path) -> None:
    record(tmp_path / "run.h5", Apart, experts=True)
    record(tmp_path / "run.h5", Apart, experts=True, resume=True, first_step=STEPS)
    with h5py.File(tmp_path / "run.h5") as file:
        assert file["expert_gradient_l1"].shape == (2 * STEPS, LAYERS, EXPERTS)
    with pytest.raises(nf_probe.UsageError, match="other tensors"):
        record(tmp_path / "run.h5", Apart, resume=True)


@pytest.mark.parametrize("kind", ["MixtralConfig", "Qwen3MoeConfig", "GptOssConfig", "DeepseekV3Config"])
def test_models_of_transformers_have_their_experts(tmp_path: Path, kind: str) -> None:
    import transformers

    torch.manual_seed(0)
    sizes = {
        "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "moe_intermediate_size": 8,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "num_local_experts": 4,
        "num_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 1, "n_group": 1, "topk_group": 1,
        "first_k_dense_replace": 1, "max_position_embeddings": 16, "q_lora_rank": 8, "kv_lora_rank": 8,
        "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8, "pad_token_id": 0,
    }  # fmt: skip
    model = transformers.AutoModelForCausalLM.from_config(getattr(transformers, kind)(**sizes))
    with nf_probe.Recorder(tmp_path / "run.h5", model, experts=True, on_error="raise") as recorder:
        rows = batch(0)
        model(rows, labels=rows).loss.backward()
        recorder.step()
    of_experts = {n: p for n, p in model.named_parameters() if ".experts." in n}
    with h5py.File(tmp_path / "run.h5") as file:
        assert file["expert_gradient_l1"].shape == (1, 2, 4)
        assert file["expert_gradient_count"][:].sum() == sum(p.numel() for p in of_experts.values())
        total = sum(float(p.grad.double().abs().sum()) for p in of_experts.values() if p.grad is not None)
        assert np.nansum(file["expert_gradient_l1"][:]) == pytest.approx(total, rel=1e-10)
