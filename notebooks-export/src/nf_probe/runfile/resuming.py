"""What earlier attempts at a run left in its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import FileLockedError, UsageError
from .lock import holder_of
from .manifest import Manifest
from .recovery import recover
from .schema import LATEST_VERSION, SCHEMA_NAME, Schema
from .writer import EarlierRows


@dataclass(frozen=True)
class Earlier:
    """The file of a run that is to go on."""

    rows: EarlierRows
    last_step: int
    last_snapshot: int
    has_parameters: bool
    """Whether it has columns for the sums of weights and updates: a file of an earlier version has not."""
    last_noise: int
    """The last step that was looked at by parts; -1 where none was."""
    recorded: Mapping[int, tuple[float, float]]
    """Loss and L2 norm of the gradient, by step."""

    def difference(self, step: int, loss: float, gradient_l2: float) -> str | None:
        """How a step that is made again differs from the one that was recorded; None where it does not."""
        before = self.recorded.get(step)
        if before is None:
            return f"step {step} is not in the file although later ones are; it stays missing"
        if np.array_equal(before, (loss, gradient_l2), equal_nan=True):
            return None
        return (
            f"step {step} came out otherwise than it is recorded (loss {loss:.6g}, was {before[0]:.6g}; gradient "
            f"{gradient_l2:.6g}, was {before[1]:.6g}); up to step {self.last_step} the file keeps the first attempt's"
        )


def find_earlier(path: Path, manifest: Manifest) -> Earlier | None:
    """Reads what a run's file holds; None where there is no file. A killed writer's file is made whole before.

    Raises:
        FileLockedError: Another process writes it.
        UsageError: It belongs to another run.
        RunFileError: It is damaged.
    """
    if not path.exists():
        return None
    if (holder := holder_of(path)) is not None:
        raise FileLockedError(f"{path} is being written by another process ({holder})")
    # Nothing happens to a file that was closed.
    recover(path)
    with h5py.File(path) as file:
        _check_same_run(path, file, manifest)
        has_parameters = "weight_l1" in file
        counts = {}
        for table in Schema(manifest).tables:
            counts[table.marker.name] = len(file[table.marker.name])
        steps = [int(step) for step in file["step"][:]]
        numbers = zip(file["loss"][:].tolist(), file["gradient_l2"][:].tolist(), strict=True)
        segments = [int(file[name][-1]) for name in ("segment", "event_segment") if len(file[name])]
        noises = file["noise_step"][:] if "noise_step" in file else []
        snapshots = file["snapshot"][:] if "snapshot" in file else np.array([], dtype=np.int64)
    return Earlier(
        EarlierRows(max(segments, default=-1) + 1, counts), steps[-1] if steps else -1,
        int(snapshots[-1]) if len(snapshots) else -1, has_parameters,
        int(noises[-1]) if len(noises) else -1, dict(zip(steps, numbers, strict=True)),
    )  # fmt: skip


def _check_same_run(path: Path, file: h5py.File, manifest: Manifest) -> None:
    if file.attrs.get("schema_name") != SCHEMA_NAME or not 1 <= file.attrs.get("schema_version", 0) <= LATEST_VERSION:
        raise UsageError(f"{path} is no run file of schema versions 1 to {LATEST_VERSION}")
    if "packed_every" in file.attrs:
        raise UsageError(f"{path} is packed, and nothing can be added to it; go on with the file as it was recorded")
    stored: dict[str, Any] = json.loads(str(file.attrs["configuration"]))
    now = json.loads(manifest.configuration_json)
    if stored.get("workers") != now.get("workers"):
        raise UsageError(
            f"{path} was recorded by {stored.get('workers')} workers, and now there are {now.get('workers')}; "
            "record to a new file"
        )
    names, stem = _texts(file, "tensor"), _texts(file, "stem_tensor")
    counts = file["gradient_count"][:].ravel().tolist()
    layout = manifest.gradients
    is_same_layout = (
        names == list(layout.tensor_names) and stem == list(layout.stem_tensor_names)
        and counts == list(layout.element_counts) and str(file.attrs["scales"]) == manifest.scale_list
        and ("loss_scale" in file) == manifest.has_loss_scale and ("noise_step" in file) == manifest.has_noise
        and (len(file["expert"]) if "expert" in file else 0) == manifest.experts.count
        and _texts(file, "operation") == list(manifest.outputs.operation_names)
        and _texts(file, "stem_operation") == list(manifest.outputs.stem_operation_names)
    )  # fmt: skip
    if not is_same_layout:
        raise UsageError(f"{path} has other tensors, scales or operations than this model; record to a new file")
    # What is watched for changes nothing that is recorded.
    different = sorted(key for key in {*stored, *now} - {"alerts"} if stored.get(key) != now.get(key))
    facts = {
        "architecture": manifest.architecture, "seed": manifest.seed, "corpus_sha256": manifest.corpus.sha256,
        **manifest.contract.labels,
    }  # fmt: skip
    different += [name for name, value in facts.items() if file.attrs[name] != value]
    if different:
        raise UsageError(f"{path} belongs to another run ({', '.join(different)} differ); record to a new file")


def _texts(file: h5py.File, name: str) -> list[str]:
    return [str(text, "utf-8") for text in file[name][:]] if name in file else []
