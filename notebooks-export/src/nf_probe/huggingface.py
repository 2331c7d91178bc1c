"""Records a training by Hugging Face's `Trainer`.

trainer.add_callback(nf_probe.huggingface.RecorderCallback("run.h5", objective="causal"))
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from .recording.recorder import Recorder


class RecorderCallback(TrainerCallback):  # type: ignore[misc]
    """Makes a `Recorder` when training begins, and records every optimizer step.

    The loss is what the model returns: its mean over micro-batches, or their sum where `Trainer` has the model divide
    by the tokens of all of them. Tokens are those of the labels, padding included. A training that resumes from a
    checkpoint goes on with its file. `Trainer` divides by all labels, also the first of a row, which nothing predicts:
    mask it (-100) where the gradient is to be that of the mean. With float16, pass `scaler=trainer.accelerator.scaler`.
    """

    def __init__(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Takes the arguments of `Recorder`; model, optimizer and seed come from the trainer."""
        self.recorder: Recorder | None = None
        self._path = Path(path)
        self._options = options
        self._handle: RemovableHandle | None = None
        self._losses: list[Tensor] = []
        self._tokens = 0
        self._is_summed = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Called by the trainer."""
        model: nn.Module = kwargs["model"]
        options = {"seed": args.seed, "passes": 1, **self._options}
        if state.global_step > 0:
            options = {"resume": self._path.exists(), "first_step": state.global_step, **options}
        self.recorder = Recorder(self._path, model, kwargs.get("optimizer"), **options)
        self._handle = model.register_forward_hook(self._forwarded, with_kwargs=True)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Called by the trainer."""
        assert self.recorder is not None
        loss = torch.stack(self._losses) if self._losses else None
        if loss is not None:
            loss = loss.sum() if self._is_summed else loss.mean()
        self.recorder.step(loss, tokens=self._tokens)
        self._losses, self._tokens = [], 0

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Called by the trainer."""
        loss = (kwargs.get("metrics") or {}).get("eval_loss")
        if self.recorder is not None and loss is not None:
            self.recorder.validation(loss)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Called by the trainer."""
        if self._handle is not None:
            self._handle.remove()
        if self.recorder is not None:
            self.recorder.close()

    def _forwarded(self, model: nn.Module, _: Any, inputs: dict[str, Any], output: Any) -> None:
        if not model.training:
            return
        loss = output.get("loss") if isinstance(output, dict) else None
        if isinstance(loss, Tensor):
            self._losses.append(loss.detach())
        labels = inputs.get("labels", inputs.get("input_ids"))
        self._tokens += labels.numel() if isinstance(labels, Tensor) else 0
        self._is_summed = inputs.get("num_items_in_batch") is not None
