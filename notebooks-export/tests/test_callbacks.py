"""Hugging Face's and Lightning's trainers record what a plain loop does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import lightning
import pytest
import torch
import transformers
from torch import Tensor

import nf_probe
from conftest import Run, gradients
from models import NanoGPT, batch, loss_of, make
from nf_probe.huggingface import RecorderCallback as HuggingFaceCallback
from nf_probe.lightning import RecorderCallback as LightningCallback

ROWS = [row for step in range(6) for row in batch(step, rows=4)]


def plain_run(path: Path, loss: Any, model: torch.nn.Module) -> None:
    """12 rows an update, in two micro-batches."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nf_probe.Recorder(path, model, optimizer) as recorder:
        for update in range(2):
            total = 0.0
            for micro in range(2):
                start = 12 * update + 6 * micro
                part = loss(model, torch.stack(ROWS[start : start + 6])) / 2
                part.backward()
                total += part.item()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.3)
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(total)


def check(found: Path, expected: Path, tokens: int) -> None:
    for name, values in gradients(expected).items():
        if not name.endswith("k_proj.bias"):
            assert gradients(found)[name] == pytest.approx(values, rel=1e-5), name
    with h5py.File(found) as file, h5py.File(expected) as other:
        assert file["loss"][:] == pytest.approx(other["loss"][:], rel=1e-6)
        assert file["clip_coefficient"][:] == pytest.approx(other["clip_coefficient"][:], rel=1e-5)
        assert (file["clip_coefficient"][:] < 1).all()
        assert file["learning_rate"][:].tolist() == [0.1, 0.1]
        assert file["tokens"][:].tolist() == [tokens] * 2
        assert file["status"][:].tolist() == [1, 2]


def test_a_trainer_of_transformers_is_recorded(tmp_path: Path, nf_probe_command: Run) -> None:
    def model() -> torch.nn.Module:
        torch.manual_seed(2)
        config = transformers.GPT2Config(
            vocab_size=32, n_positions=16, n_embd=12, n_layer=3, n_head=3, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
        )
        return transformers.GPT2LMHeadModel(config)

    trained = model()
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"), per_device_train_batch_size=6, gradient_accumulation_steps=2, max_steps=2,
        learning_rate=0.1, lr_scheduler_type="constant", max_grad_norm=0.3, report_to=[], use_cpu=True, seed=4,
        save_strategy="no", disable_tqdm=True, eval_strategy="steps", eval_steps=1,
    )  # fmt: skip
    # The first label is predicted by nothing, but counted.
    data = [{"input_ids": row, "labels": torch.cat([torch.tensor([-100]), row[1:]])} for row in ROWS]
    trainer = transformers.Trainer(
        trained, arguments, train_dataset=data, eval_dataset=data[:6],
        optimizers=(torch.optim.SGD(trained.parameters(), lr=0.1), None),
        callbacks=[HuggingFaceCallback(tmp_path / "run.h5", objective="causal")],
    )  # fmt: skip
    trainer._get_train_sampler = lambda *_: torch.utils.data.SequentialSampler(data)
    trainer.train()
    plain_run(tmp_path / "plain.h5", lambda m, rows: m(rows, labels=rows).loss, model())
    check(tmp_path / "run.h5", tmp_path / "plain.h5", 12 * 9)
    with h5py.File(tmp_path / "run.h5") as file:
        assert file["validation_step"][:].tolist() == [1, 2]
        assert file.attrs["seed"] == 4
    assert "whole" in nf_probe_command("verify", tmp_path / "run.h5")


class Task(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = make(NanoGPT)

    def training_step(self, rows: Tensor, index: int) -> Tensor:
        return loss_of(self.net, rows)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_a_trainer_of_lightning_is_recorded(tmp_path: Path) -> None:
    trainer = lightning.Trainer(
        max_steps=2, accumulate_grad_batches=2, gradient_clip_val=0.3, accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=tmp_path,
        callbacks=[LightningCallback(tmp_path / "run.h5", tokens=lambda rows: rows[:, 1:].numel())],
    )  # fmt: skip
    trainer.fit(Task(), torch.utils.data.DataLoader(ROWS, batch_size=6))
    plain_run(tmp_path / "plain.h5", loss_of, make(NanoGPT))
    check(tmp_path / "run.h5", tmp_path / "plain.h5", 12 * 8)
