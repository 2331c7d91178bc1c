"""Writes the run file of a log of gradient norms."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..measuring.layout import Layout, make_layout
from ..names.places import Placed, Placing, Shape, bare_name, find_places
from ..recording.ending import STATUS_NUMBERS
from ..runfile.manifest import Contract, Corpus, Machine, Manifest
from ..runfile.schema import MISSING_COUNT
from ..runfile.writer import RunFileWriter
from .series import Log, LogError
from .tags import GradientTag, Norm


@dataclass(frozen=True)
class Norms:
    """What is imported of a log."""

    gradients: Sequence[GradientTag]
    loss: str | None = None
    learning_rate: str | None = None
    whole_gradient: str | None = None
    """The L2 norm of the whole gradient before clipping."""
    validation: str | None = None


@dataclass(frozen=True)
class Naming:
    """How parameters' names become places, as of `nf_probe.Recorder`."""

    adapter: str | None = None
    pattern: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)


_NOTHING_STATED = Contract(measured_at="unknown", accumulation="unknown", gradient_scale="unknown")


@dataclass(frozen=True)
class Statement:
    """What the person who imports says of the run, and its log does not."""

    contract: Contract = _NOTHING_STATED
    architecture: str = "imported"
    seed: int | None = None


@dataclass(frozen=True)
class ImportedRun:
    """What came of it."""

    steps: int
    parameters: int
    layers: int
    names: str
    """The table of names."""
    notes: list[str]


def import_run(
    log: Log, norms: Norms, shapes: Mapping[str, Shape], out: Path, *, naming: Naming | None = None,
    statement: Statement | None = None, sources: Sequence[str] = (), replacing: bool = False,
) -> ImportedRun:  # fmt: skip
    """Writes a run file of logged norms.

    A norm gives one of the sums: l1 Σ|g|, l2 Σg², max max|g|. The others are not a number in the file, nor
    are a tensor's sums at steps where its norm was not logged.

    Args:
        log: The numbers.
        norms: Which of them are what.
        shapes: Shape by parameter name, as the norms' tags have it.
        out: The run file.
        naming: How names become places; by default found by the names.
        statement: What else is known.
        sources: Names of the log's files, for the configuration.
        replacing: Whether an existing file is replaced.

    Raises:
        UsageError: A parameter of the tags has no shape, or the table that `naming` states knows none.
        LogError: No step has a norm, or what was logged is none.
        RunFileError: The file cannot be made.
    """
    naming, statement = naming or Naming(), statement or Statement()
    steps = sorted({step for tag in norms.gradients for step in log.series[tag.tag]})
    if not steps:
        raise LogError("no gradient norm was logged at any step")
    _check(log, norms)
    if unknown := sorted({tag.parameter for tag in norms.gradients} - set(shapes)):
        raise UsageError(f"the number of elements of {unknown[0]} is not known")
    placing = find_places(shapes, adapter=naming.adapter, pattern=naming.pattern, renamed=naming.renamed)
    layout = make_layout(_unsplit(placing), shapes)
    notes = [*log.notes, *_notes(log, norms, steps)]
    sums = _Sums(log, norms.gradients, layout, steps)
    manifest = _manifest(log, norms, layout, statement, placing.adapter, sources)
    _write(out, manifest, sums, _columns(log, norms, steps), _validations(log, norms), replacing)
    return ImportedRun(len(steps), len(layout.parts), len(layout.layers), placing.adapter, notes)


def _check(log: Log, norms: Norms) -> None:
    """Refuses what cannot be steps and norms: the logarithm of a norm, for one, would be taken for the norm."""
    for tag in [*(gradient.tag for gradient in norms.gradients), *([norms.validation] if norms.validation else [])]:
        if (step := min(log.series[tag])) < 0:
            raise LogError(f"'{tag}' was logged at step {step}; steps count from 0")
    for gradient in norms.gradients:
        for step, value in log.series[gradient.tag].items():
            if value < 0:
                raise LogError(f"'{gradient.tag}' is {value:g} at step {step}: no norm is below 0; choose with --tag")


def _unsplit(placing: Placing) -> Placing:
    """The norm of a fused projection is not that of its parts: it stays one tensor, under its own name in the layer."""

    def whole(name: str, parts: list[Placed]) -> list[Placed]:
        if len(parts) == 1:
            return parts
        tail = re.search(r"(?:^|\.)\d+\.(.+)$", bare_name(name))
        return [Placed(replace(parts[0].place, name=tail[1] if tail else name))]

    return replace(placing, places={name: whole(name, parts) for name, parts in placing.places.items()})


class _Sums:
    """The gradient variables' rows."""

    def __init__(self, log: Log, tags: Sequence[GradientTag], layout: Layout, steps: list[int]) -> None:
        self.steps = steps
        self._layout = layout
        cells = {part.parameter: part.cell for part in layout.parts}
        rows = {step: row for row, step in enumerate(steps)}
        shape = (len(steps), layout.cell_count)
        kinds: dict[Norm, str] = {"l1": "l1", "l2": "sum_squares", "max": "max_abs"}
        self._values = {name: np.full(shape, np.nan) for name in kinds.values()}
        self._nonfinite = np.full(shape, MISSING_COUNT, dtype=np.uint32)
        found: dict[tuple[Norm, int], list[NDArray[np.float64]]] = {}
        for tag in tags:
            series = log.series[tag.tag]
            column = np.full(len(steps), np.nan)
            column[[rows[step] for step in series]] = list(series.values())
            found.setdefault((tag.norm, cells[tag.parameter]), []).append(column)
        for (norm, cell), columns in found.items():
            with np.errstate(over="ignore"):
                powers = [column**2 for column in columns] if norm == "l2" else columns
                # Experts that have a parameter each are one tensor; where one of them was not logged, nothing is known.
                self._values[kinds[norm]][:, cell] = (np.maximum if norm == "max" else np.add).reduce(powers)
            # A finite norm has no element that is not.
            self._nonfinite[np.isfinite(columns).all(axis=0), cell] = 0

    def row(self, index: int) -> dict[str, NDArray[np.generic]]:
        """The variables at one step."""
        flat: dict[str, NDArray[np.generic]] = {name: values[index] for name, values in self._values.items()}
        flat["zeros"] = np.full(self._layout.cell_count, MISSING_COUNT, dtype=np.uint32)
        flat["nonfinite"] = self._nonfinite[index]
        gradients, size = self._layout.gradients, self._layout.grid_size
        shape = (len(gradients.layer_names), len(gradients.tensor_names))
        row: dict[str, NDArray[np.generic]] = {}
        for name, values in flat.items():
            row[f"gradient_{name}"] = values[:size].reshape(shape)
            if gradients.stem_tensor_names:
                row[f"stem_gradient_{name}"] = values[size:]
        return row


def _columns(log: Log, norms: Norms, steps: list[int]) -> dict[str, list[float]]:
    """The scalar variables that a log can have, by step; not a number where it does not."""
    tags = {"loss": norms.loss, "learning_rate": norms.learning_rate, "gradient_l2": norms.whole_gradient}
    return {
        name: [log.series[tag].get(step, math.nan) if tag else math.nan for step in steps]
        for name, tag in tags.items()
    }  # fmt: skip


def _validations(log: Log, norms: Norms) -> dict[int, float]:
    return dict(sorted(log.series[norms.validation].items())) if norms.validation else {}


def _notes(log: Log, norms: Norms, steps: list[int]) -> list[str]:
    notes = []
    short = [tag for tag in norms.gradients if len(log.series[tag.tag]) < len(steps)]
    if short:
        least = min(short, key=lambda tag: len(log.series[tag.tag]))
        notes.append(
            f"{len(short)} of {len(norms.gradients)} norms were not logged at all {len(steps)} steps "
            f"('{least.tag}' at {len(log.series[least.tag])}): they are not a number at the others"
        )
    for what, tag in (("loss", norms.loss), ("learning rate", norms.learning_rate)):
        count = sum(step in log.series[tag] for step in steps) if tag else len(steps)
        if count < len(steps):
            notes.append(f"the {what} ('{tag}') was logged at {count} of the {len(steps)} steps with gradient norms")
    return notes


def _manifest(
    log: Log, norms: Norms, layout: Layout, statement: Statement, names: str, sources: Sequence[str]
) -> Manifest:
    configuration: dict[str, object] = {
        "recorder": "import", "names": names, "stack": layout.stack,
        "norms": " ".join(sorted({tag.norm for tag in norms.gradients})),
        "not-recorded": "numbers of zeros (4294967295), and every sum that is not a number",
        "tags": {name: tag for name, tag in vars(norms).items() if isinstance(tag, str)},
    }  # fmt: skip
    # Runs that differ in their seed alone are taken together, and without a seed nobody has said that they do.
    if statement.seed is None:
        configuration["sources"] = list(sources)
    digest = hashlib.sha256(json.dumps(configuration, sort_keys=True).encode())
    for tag in norms.gradients:
        digest.update(f"{tag}{sorted(log.series[tag.tag].items())}".encode())
    started = "unknown" if log.started is None else _time(log.started)
    version = importlib.metadata.version("nf-probe")
    machine = Machine(f"nf_probe (Python) {version}, imported", "unknown", "unknown", 0)
    return Manifest(
        digest.hexdigest()[:16], statement.architecture, configuration, statement.contract, statement.seed or 0,
        Corpus(), machine, layout.gradients, layout.model_dim, layout.ffn_dim, 0, started,
    )  # fmt: skip


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(
    out: Path, manifest: Manifest, sums: _Sums, columns: Mapping[str, list[float]], validations: Mapping[int, float],
    replacing: bool,
) -> None:  # fmt: skip
    writer = RunFileWriter(out, manifest, replacing=replacing, first_step=sums.steps[0], interval=math.inf)
    for index, step in enumerate(sums.steps):
        scalars = {name: values[index] for name, values in columns.items()}
        rest = {"clip_coefficient": math.nan, "seconds": math.nan, "tokens": 0}
        writer.append_step(step, {**sums.row(index), **scalars, **rest})
    for step, loss in validations.items():
        writer.append("validation_step", step, {"validation_loss": loss})
    writer.finish(STATUS_NUMBERS["finished"])
