"""Records a training by Lightning's `Trainer`.

Trainer(callbacks=[nf_probe.lightning.RecorderCallback("run.h5", objective="causal")])
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .recording.recorder import Recorder

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ModuleNotFoundError:
    from pytorch_lightning import Callback, LightningModule, Trainer


class RecorderCallback(Callback):  # type: ignore[misc]
    """Makes a `Recorder` when training begins, and records every optimizer step.

    The loss is what `training_step` returns, its mean over micro-batches. Tokens are those that `tokens` counts in a
    batch.
    """

    def __init__(self, path: str | os.PathLike[str], tokens: Any = None, **options: Any) -> None:
        """Takes the arguments of `Recorder`; model, optimizer and scaler come from the trainer.

        Args:
            path: The run file.
            tokens: A function from a batch to the number of tokens that its loss runs over.
            options: Of `Recorder`.
        """
        super().__init__()
        self.recorder: Recorder | None = None
        self._path = Path(path)
        self._count_tokens = tokens
        self._options = options
        self._losses: list[Tensor] = []
        self._tokens = 0
        self._updates = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Called by the trainer."""
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        options = {"scaler": scaler, **self._options}
        self._updates = trainer.global_step
        if trainer.global_step > 0:
            options = {"resume": self._path.exists(), "first_step": trainer.global_step, **options}
        self.recorder = Recorder(self._path, trainer.model, trainer.optimizers, **options)

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Called by the trainer, with the loss that is differentiated."""
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        factor = 1.0 if scaler is None else 1 / scaler.get_scale()
        self._losses.append(loss.detach() * factor)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Called by the trainer."""
        assert self.recorder is not None
        self._tokens += self._count_tokens(batch) if self._count_tokens else 0
        if trainer.global_step == self._updates:
            return
        self._updates = trainer.global_step
        # Lightning has divided each by the number of micro-batches already.
        self.recorder.step(torch.stack(self._losses).sum() if self._losses else None, tokens=self._tokens)
        self._losses, self._tokens = [], 0

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Called by the trainer."""
        if self.recorder is not None:
            self.recorder.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Called by the trainer."""
        if self.recorder is not None:
            self.recorder.close("interrupted" if isinstance(exception, KeyboardInterrupt) else "failed")
