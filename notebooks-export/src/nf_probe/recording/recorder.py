"""Records the gradients of a PyTorch training run in the file that every nf-probe command reads."""

from __future__ import annotations

import functools
import os
import secrets
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import RecorderWarning, UsageError
from ..measuring.choice import Choice, restricted
from ..measuring.experts import with_experts
from ..measuring.facts import Optimizers, class_name, gain_decay, optimizer_list, optimizer_settings
from ..measuring.holdings import Holdings
from ..measuring.layout import make_layout
from ..measuring.scales import ScaleSnapshots
from ..measuring.sharding import worker, worker_count
from ..measuring.step import StepRow
from ..names.places import find_places
from ..outputs.outputwatch import require_whole_outputs
from ..outputs.taps import find_taps
from ..runfile.machine import this_machine
from ..runfile.manifest import Contract, Corpus, ExpertLayout, Manifest, OutputLayout
from .alerts import AlertWatch
from .ending import Ending, Status, status_of
from .fileside import Recording
from .schedule import Schedule
from .watches import Plan, Watches

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _guarded(method: _Method) -> _Method:
    """Keeps errors of the recorder out of the training, unless `on_error` asks for them; they are told loudly."""

    @functools.wraps(method)
    def wrapper(self: Recorder, *arguments: Any, **options: Any) -> Any:
        if self._has_stopped:
            return None
        try:
            return method(self, *arguments, **options)
        except Exception as error:
            return self._stop(error)

    return wrapper  # type: ignore[return-value]


class Recorder:
    """Writes a run file while a training script runs.

        recorder = nf_probe.Recorder("run.h5", model, optimizer, objective="causal")
        for batch in batches:
            loss = model(batch).loss
            loss.backward()
            clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(loss, tokens=batch.numel())
        recorder.close()

    Gradients are measured when `backward()` ends, so they are those before clipping wherever `step` stands. Training is
    not changed: no random number is drawn, no gradient is written.

    With several workers every one of them makes a recorder and calls `step`; worker 0 writes.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: nn.Module | Sequence[nn.Module],
        optimizer: Optimizers = None,
        *,
        objective: Literal["causal", "masked"] | None = None,
        contract: Contract | None = None,
        scaler: torch.amp.GradScaler | None = None,
        gradient_scale: float = 1.0,
        passes: int = 1,
        architecture: str | None = None,
        configuration: Mapping[str, object] | None = None,
        seed: int | None = None,
        corpus: Corpus | None = None,
        adapter: str | None = None,
        pattern: str | None = None,
        renamed: Mapping[str, str] | None = None,
        heads: int | None = None,
        include: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] | None = None,
        every: int = 1,
        per_decade: int | None = None,
        experts: bool = False,
        weights_every: int = 10,
        noise_every: int = 0,
        outputs_every: int = 0,
        alerts: Sequence[str] = (),
        on_alert: Callable[[str], object] | None = None,
        snapshot_every: int = 50,
        flush_interval: float = 2.0,
        replacing: bool = False,
        resume: bool = False,
        first_step: int | None = None,
        data_group: dist.ProcessGroup | None = None,
        pipeline: Any = None,
        on_error: Literal["warn", "raise"] = "warn",
    ) -> None:
        """Finds the model's tensors, makes the file, and attaches to the parameters.

        Args:
            path: The run file; conventionally `*.h5`.
            model: The model, after `DistributedDataParallel`, `fully_shard` or `parallelize_module`; compiled or not.
                In a pipeline the module of this worker's stage, or those of its stages.
            optimizer: Whose learning rate is recorded (the first group's of the first one), and whose steps show what
                clipping did.
            objective: States that the loss is the mean token negative log-likelihood, in nats, over the global batch
                (all micro-batches of all workers): nf-probe's own contract. Unstated, everything is `unknown`, and
                commands refuse to compare the run with others.
            contract: The statement in full, for any other loss.
            scaler: Scales the loss, in float16; gradients are recorded without its factor.
            gradient_scale: A factor that the gradients carry beside that, e.g. the number of micro-batches where the
                script does not divide the loss by it; it is divided out.
            passes: Backward passes before each optimizer step, at most; with it, only the last one is measured.
            architecture: What tables and figures call the run; `post-ln`, `pre-ln` and `normformer` are known to them.
            configuration: Settings of the run. Runs with equal settings but another seed are taken together.
            seed: By default the one that PyTorch was given.
            corpus: What the run learns from.
            adapter: Whose names the parameters have (`nf_probe.adapter_names()`); by default found by the names.
            pattern: A regular expression of parameter names with groups `layer` and `tensor`, instead of a table.
            renamed: Names within a layer to fairseq's, e.g. `{"mlp.w2.weight": "fc2.weight"}`.
            heads: Attention heads of a layer; by default found in the model.
            include: Patterns of the names of parameters that are recorded (`*.mlp.*`: `*` is any text); by default all.
            exclude: Patterns of those that are not. The file says what was left out; `gradient_l2` is that of the whole
                gradient all the same.
            every: Records every n-th step.
            per_decade: Records about this many steps in each decade of steps instead.
            experts: Whether gradients are also summed by expert, all tensors of each together.
            weights_every: Measures weights and what an update changed of them at every n-th step (of those that are
                recorded); 0 never. It keeps a copy of this worker's parameters from the optimizer's step to `step`.
            noise_every: Also sums the gradients of a step's parts, its backward passes on all workers, at every n-th
                step; `nf-probe grads --noise-scale` makes noise and signal of them. Needs two parts or more of equally
                many tokens, and `tokens` of each step.
            outputs_every: Also sums operations' outputs, the gradients that reach them, and what heads of attention do,
                at every n-th step (of those that are recorded), for `nf-probe activations`. Layers must not be
                compiled, and every worker needs the whole model and data of its own.
            alerts: Rules such as `update/weight of any layer > 0.1 for 20 steps`: a warning says when one begins to
                hold, and `nf-probe report` shows it among the findings.
            on_alert: Called with the sentence instead of the warning; on worker 0.
            snapshot_every: Updates between two snapshots of learned gains and scales; 0 for none.
            flush_interval: Seconds that a step may wait before readers see it.
            replacing: Whether an existing file is replaced.
            resume: Goes on with the file where there is one; new steps belong to the next segment.
            first_step: Optimizer updates made before the first step; by default 0, or what the file has.
            data_group: The workers with different data, where the model's wrappers do not say it.
            pipeline: The schedule of `torch.distributed.pipelining` whose `step` makes the gradients. Workers without a
                loss give none to `step`.
            on_error: Whether an error ends the training (`raise`) or the recording (`warn`). What is wrong from the
                beginning always raises.

        Raises:
            UsageError: The model or the arguments cannot give right numbers.
            FileLockedError: Another process writes the file.
            RunFileError: The file exists, or cannot be made.
        """
        modules = [model] if isinstance(model, nn.Module) else list(model)
        holdings = Holdings(modules)
        self.path = Path(path)
        self._on_error = on_error
        self._has_stopped = False
        self._is_closed = True
        self._has_recorded = False
        optimizers = optimizer_list(optimizer)
        shapes = {name: held.shape for name, held in holdings.all.items()}
        heads = holdings.heads if heads is None else heads
        placing = find_places(shapes, adapter=adapter, pattern=pattern, renamed=renamed, heads=heads)
        choice, self._schedule = Choice.of(include, exclude), Schedule(every, per_decade)
        self._layout, left_out = restricted(make_layout(placing, shapes), choice.names(shapes))
        by_expert = with_experts(self._layout, shapes) if experts else None
        self._layout = self._layout if by_expert is None else by_expert.layout
        self._snapshots = ScaleSnapshots(holdings, self._layout, heads)
        self._snapshot_every = snapshot_every
        self._alerts = AlertWatch(alerts, self._layout.gradients, has_parameters=weights_every > 0)
        self._on_alert = on_alert
        has_data = holdings.carries_data(data_group)
        taps = None
        if outputs_every:
            require_whole_outputs(has_data=has_data, is_pipeline=pipeline is not None)
            taps = find_taps(modules, placing, self._layout)
        if contract is None:
            contract = Contract() if objective is None else Contract.language_model(objective)
        manifest = Manifest(
            # A script knows more settings than it states, so equal statements do not make equal runs.
            secrets.token_hex(8), architecture or class_name(modules),
            {
                "recorder": "nf_probe", "names": placing.adapter, "stack": self._layout.stack,
                "workers": worker_count(), "gradient-scale": gradient_scale, "passes": passes,
                "model": class_name(modules), **optimizer_settings(optimizers),
                **gain_decay(optimizers, self._snapshots.parameters, holdings.offsets),
                **({"names-notes": "; ".join(placing.notes)} if placing.notes else {}),
                **({"alerts": ", ".join(map(str, self._alerts.rules))} if alerts else {}),
                **choice.settings(left_out), **self._schedule.settings, **(configuration or {}),
            },
            contract, (torch.initial_seed() if seed is None else seed) % 2**64, corpus or Corpus(),
            this_machine(holdings.device, worker_count()),
            self._layout.gradients, self._layout.model_dim, self._layout.ffn_dim, heads,
            datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            self._snapshots.scales if snapshot_every else (), scaler is not None,
            ExpertLayout() if by_expert is None else by_expert.counts, weights_every > 0,
            noise_every > 0, OutputLayout() if taps is None else taps.layout,
        )  # fmt: skip
        self._recording = Recording(
            self.path, manifest, resume=resume, replacing=replacing, first_step=first_step, interval=flush_interval
        )
        self._step = self._recording.first_step
        # Nothing is attached before all is well.
        self._watches = Watches(
            modules, holdings, optimizers, scaler, pipeline,
            Plan(
                self._layout, left_out, by_expert, taps, heads, weights_every, noise_every, outputs_every, passes,
                gradient_scale, has_data,
            ),
        )  # fmt: skip
        self._watches.begin(self._step, is_recorded=self._schedule.includes(self._step))
        self._update_count = self._step
        self._last_time = time.monotonic()
        self._ending = Ending(self)
        self._is_closed = False
        self._take_snapshot()

    @_guarded
    def step(self, loss: Tensor | float | None = None, *, tokens: int = 0) -> None:
        """Records one optimizer step, if it is one of those that are recorded. Call it once a step, after `backward()`;
        best after `optimizer.step()`, for only then is the clipping coefficient known.

        Args:
            loss: The mean loss of this worker's share of the global batch. With several workers the recorded loss is
                their mean, weighted by tokens where these are given.
            tokens: Tokens that this worker's loss runs over, all micro-batches together.

        Raises:
            UsageError: There is nothing to record, e.g. no `backward()` was called since the last step. After the
                first step only with `on_error="raise"`, like every other error.
        """
        now = time.monotonic()
        if self._schedule.includes(self._step) and (note := self._record(loss, tokens, now - self._last_time)):
            self._warn(note)
        self._step += 1
        self._update_count = self._step if self._watches.updates.is_made else self._step - 1
        self._watches.begin(self._step, is_recorded=self._schedule.includes(self._step))
        self._last_time = now
        if self._snapshot_every and self._update_count > 0 and self._update_count % self._snapshot_every == 0:
            self._take_snapshot()

    @_guarded
    def measure(self) -> None:
        """Measures the gradients as they are now, for scripts that do something to them after `backward()` and before
        clipping, e.g. average them over workers by hand."""
        self._watches.probe.measure(is_asked=True)

    @_guarded
    def validation(self, loss: Tensor | float) -> None:
        """Records a mean loss on held-out text, in the loss's unit; every worker gives the same one."""
        self._recording.validation(self._update_count, float(loss))

    @_guarded
    def flush(self) -> None:
        """Brings all recorded steps to the disk."""
        self._recording.flush()

    def close(self, status: Status = "finished", *, with_snapshot: bool = True) -> None:
        """Ends the recording: the last snapshot, how the run ended, and the file is whole. Again it does nothing.

        Args:
            status: How the run ended.
            with_snapshot: Whether a last snapshot is taken, to which every worker must contribute; only of a finished
                run.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._finish(status, with_snapshot and status == "finished")
        self._watches.close()
        self._has_stopped = True

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Where something went wrong, other workers may not be there any more.
        self.close("finished" if kind is None else status_of(kind))

    def __del__(self) -> None:
        # Not of one that was never made.
        if not getattr(self, "_is_closed", True):
            self._ending.close(self)

    # What happens between two steps

    def _record(self, loss: Tensor | float | None, tokens: int, seconds: float) -> str | None:
        """Records this step; what is to be told of it."""
        seen = self._watches.seen(loss, tokens, self._recording.error)
        note = self._recording.step(
            self._step,
            seen.row,
            {**seen.parameters, **seen.outputs},
            seen.learning_rate,
            seen.clip_coefficient,
            seconds,
        )
        if seen.noise is not None:
            self._recording.noise(self._step, seen.noise)
        self._tell(seen.row, seen.parameters)
        self._has_recorded = True
        return note or (self._watches.outputs.told() if worker() == 0 else None)

    def _tell(self, row: StepRow, parameters: Mapping[str, NDArray[np.float64]]) -> None:
        """Alerts, where rules begin to hold."""
        for alert in self._alerts.look(self._step, row.loss, row.gradient_l2, {**row.sums, **parameters}):
            if worker() != 0:
                continue
            if self._on_alert is not None:
                self._on_alert(f"alert: {alert}")
            else:
                self._warn(f"alert: {alert}")

    def _take_snapshot(self) -> None:
        if not self._snapshots.scales or not self._snapshot_every:
            return
        self._recording.snapshot(self._update_count, self._snapshots.read())

    @_guarded
    def _finish(self, status: Status, with_snapshot: bool) -> None:
        if with_snapshot:
            self._take_snapshot()
        self._recording.finish(status)

    def _stop(self, error: Exception) -> None:
        """After an error: the training goes on, the recording does not, and both its file and its user learn why."""
        self._has_stopped = True
        self._recording.fail()
        self._watches.close()
        is_first = not self._has_recorded and isinstance(error, UsageError)
        if self._on_error == "raise" or is_first:
            raise error
        self._warn(f"the run is no longer recorded in {self.path}, from step {self._step} on: {error}")

    def _warn(self, message: str) -> None:
        warnings.warn(message, RecorderWarning, stacklevel=4)
