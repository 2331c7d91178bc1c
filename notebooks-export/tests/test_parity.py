"""The same models, weights and batches in nf-probe's own training and in PyTorch with the recorder: equal run files.

Both start from one checkpoint that nf-probe wrote. Batches are equal because `--sampling sequential` cuts row r of a
run from token r * sequence on. nf-probe computes in float32; PyTorch does here in float64, so that what differs is one
side's rounding: about 1e-6 in a gradient of these sizes, and up to a hundred times that after 20 updates by AdamW,
whose quotients amplify it where a gradient is small. (Found: 1.5e-6 at the first step, 1e-4 at the last.)
"""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import nf_probe
from conftest import ROOT, Run

sys.path.append(str(ROOT / "Tests/golden"))
from model import Configuration, Decoder  # type: ignore[import-not-found]

STEPS, ROWS, PASSES, SEQUENCE, LAYERS, DIM, HEADS, CLIP = 20, 4, 2, 16, 5, 16, 4, 0.7
WIRING = {
    "post-ln": {"placement": "post-ln"},
    "pre-ln": {"placement": "pre-ln"},
    "normformer": {
        "placement": "pre-ln", "scale_attn": True, "scale_fc": True, "scale_heads": "paper", "scale_resids": "ffn"
    },
}  # fmt: skip


class Module(nn.Module):
    """The reference decoder of the golden tests as a module: fairseq's names, nested."""

    def __init__(self, configuration: Configuration, weights: dict[str, Tensor]) -> None:
        super().__init__()
        for name, value in weights.items():
            owner: nn.Module = self
            *path, leaf = name.split(".")
            for part in path:
                if part not in dict(owner.named_children()):
                    owner.add_module(part, nn.Module())
                owner = owner.get_submodule(part)
            owner.register_parameter(leaf, nn.Parameter(value.double()))
        self.reference = Decoder(configuration, dict(self.named_parameters()))

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        loss: Tensor = self.reference.loss(tokens, targets)
        return loss


def shared_options() -> list[str]:
    sizes = f"--layers={LAYERS} --dim={DIM} --heads={HEADS} --sequence={SEQUENCE} --batch={ROWS} --accumulate={PASSES}"
    training = f"--lr=0.003 --warmup=0 --decay=constant --weight-decay=0.05 --clip={CLIP} --sampling=sequential"
    return f"{sizes} {training} --vocab-size=256 --snapshot-every=5 --seed=3".split()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    random = np.random.default_rng(8)
    words = [bytes(random.integers(97, 123, size).tolist()) for size in random.integers(2, 9, 60)]
    path.write_bytes(b" ".join(words[index] for index in random.integers(0, 60, 3000)))
    return path


@pytest.mark.parametrize("architecture", list(WIRING))
def test_both_record_the_same_run(tmp_path: Path, corpus: Path, nf_probe_command: Run, architecture: str) -> None:
    options = [f"--architecture={architecture}", f"--corpus={corpus}", *shared_options()]
    nf_probe_command("train", "--steps=1", "--out=start", *options, cwd=tmp_path)
    checkpoint = next(path for path in (tmp_path / "start").rglob("step-00000001.safetensors"))
    nf_probe_command(
        "train", f"--steps={STEPS}", "--out=ours", f"--from-checkpoint={checkpoint}", *options, cwd=tmp_path
    )
    ours = next((tmp_path / "ours").glob("*.h5"))
    theirs = tmp_path / "pytorch.h5"
    record(theirs, architecture, load_file(checkpoint), np.frombuffer(corpus.read_bytes(), dtype=np.uint8))
    compare(ours, theirs)
    assert "whole" in nf_probe_command("verify", theirs)
    nf_probe_command("ratio", ours, theirs)


def record(path: Path, architecture: str, weights: dict[str, Tensor], text: np.ndarray) -> None:
    sizes = {"layers": LAYERS, "dim": DIM, "heads": HEADS, "ffn_dim": 4 * DIM, "vocab_size": 256}
    model = Module(Configuration(**WIRING[architecture], **sizes, sequence=SEQUENCE, batch=ROWS), weights)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, betas=(0.9, 0.98), eps=1e-8, weight_decay=0.05)
    windows = (len(text) - SEQUENCE - 1) // SEQUENCE + 1
    with nf_probe.Recorder(
        path, model, optimizer, objective="causal", architecture=architecture, snapshot_every=5, heads=HEADS
    ) as recorder:
        for step in range(STEPS):
            total = 0.0
            for micro in range(PASSES):
                first = (step * PASSES + micro) * ROWS
                starts = [row % windows * SEQUENCE for row in range(first, first + ROWS)]
                tokens = torch.tensor(np.stack([text[start : start + SEQUENCE + 1] for start in starts]).astype(int))
                loss = model(tokens[:, :-1], tokens[:, 1:]) / PASSES
                loss.backward()
                total += loss.item()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(total, tokens=PASSES * ROWS * SEQUENCE)


def compare(ours: Path, theirs: Path) -> None:
    with h5py.File(ours) as a, h5py.File(theirs) as b:
        assert a["stem_tensor"].asstr()[:].tolist() == b["stem_tensor"].asstr()[:].tolist()
        tensors, other = a["tensor"].asstr()[:].tolist(), b["tensor"].asstr()[:].tolist()
        assert sorted(tensors) == sorted(other)
        order = [other.index(name) for name in tensors]
        assert np.array_equal(a["gradient_count"][:], b["gradient_count"][:][:, order])
        is_noise = a["gradient_zero_by_construction"][:] != 0
        assert np.array_equal(is_noise, b["gradient_zero_by_construction"][:][:, order] != 0)
        for label in (
            "loss",
            "reduction",
            "scope",
            "unit",
            "gradient_scale",
            "measured_at",
            "accumulation",
            "objective",
        ):
            assert a.attrs[label] == b.attrs[label], label
        for name in ("step", "tokens", "learning_rate", "snapshot", "stem_gradient_count"):
            assert a[name][:] == pytest.approx(b[name][:], rel=1e-12), name
        assert a["loss"][:] == pytest.approx(b["loss"][:], rel=2e-5)
        assert a["gradient_l2"][:] == pytest.approx(b["gradient_l2"][:], rel=2e-4)
        assert a["clip_coefficient"][:] == pytest.approx(b["clip_coefficient"][:], rel=2e-4)
        assert (b["clip_coefficient"][:] < 1).any()
        for statistic, tolerance in (("l1", 5e-4), ("sum_squares", 1e-3), ("max_abs", 2e-3)):
            found, expected = b[f"gradient_{statistic}"][:][:, :, order], a[f"gradient_{statistic}"][:]
            assert np.abs(found / expected - 1)[:, ~is_noise].max() < tolerance, statistic
            # The first step starts from equal weights: what differs is the rounding of one backward pass.
            assert np.abs(found / expected - 1)[0][~is_noise].max() < 2e-5, statistic
            stem = f"stem_gradient_{statistic}"
            assert b[stem][:] == pytest.approx(a[stem][:], rel=tolerance), statistic
        for name in filter(lambda name: name.startswith("scale_"), a):
            assert b[name][:] == pytest.approx(a[name][:], rel=1e-4, abs=1e-5), name
        assert a.attrs["scales"] == b.attrs["scales"]
