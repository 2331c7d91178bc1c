"""Logged numbers by tag and step, from event files and CSV files."""

from __future__ import annotations

import csv
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import NFProbeError
from .events import is_event_file, read_scalars

_STEP_COLUMNS = ("trainer/global_step", "train/global_step", "global_step", "step", "_step")
"""Optimizer steps first: W&B's own `_step` counts calls of its log function."""


class LogError(NFProbeError):
    """A log cannot be read, or does not hold what is needed."""


@dataclass
class Log:
    """What was logged of one run."""

    series: dict[str, dict[int, float]] = field(default_factory=dict)
    """By tag, the number at each step."""
    started: float | None = None
    """Seconds since 1970 of the first number, where the log says it."""
    notes: list[str] = field(default_factory=list)
    """What a person should know of it."""
    replaced: int = 0
    """Numbers that a later one of the same tag and step has replaced."""

    def add(self, tag: str, step: int, value: float) -> None:
        """Adds a number; of two at one step the later one counts, as after a restart from a checkpoint."""
        values = self.series.setdefault(tag, {})
        before = values.get(step)
        if before is not None and not (before == value or (math.isnan(before) and math.isnan(value))):
            self.replaced += 1
        values[step] = value


def read_logs(sources: Sequence[Path], *, run: str | None = None, step_column: str | None = None) -> Log:
    """Reads event files, folders of them, and CSV files of one run.

    Args:
        sources: Several are put together.
        run: In a CSV export of several runs, the one that is wanted.
        step_column: Which column of a CSV holds the optimizer step; by default known names.

    Raises:
        EventFileError: An event file is damaged.
        LogError: A source cannot be read, or does not say which run or step is meant.
    """
    log = Log()
    for path in (file for source in sources for file in _files(source)):
        if is_event_file(path) or ".tfevents." in path.name:
            _read_events(path, log)
        else:
            _read_csv(path, log, run, step_column)
    if log.replaced:
        log.notes.append(f"{log.replaced} numbers were logged twice with different values; the later ones are taken")
    return log


def _files(source: Path) -> list[Path]:
    """The files of a source; a folder stands for the event files in it."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise LogError(f"{source}: there is no such file or folder")
    by_folder: dict[Path, list[Path]] = {}
    for folder, _, names in sorted(os.walk(source)):
        # Names begin with their time, so that a restart's file comes after the first one's.
        if found := sorted(Path(folder) / name for name in names if "tfevents" in name):
            by_folder[Path(folder)] = found
    if not by_folder:
        raise LogError(f"{source} holds no event files (*tfevents*); name CSV files themselves")
    if source not in by_folder and len(by_folder) > 1:
        folders = ", ".join(str(folder) for folder in by_folder)
        raise LogError(f"{source} holds several runs; name one of {folders}")
    return by_folder.get(source) or next(iter(by_folder.values()))


def _read_events(path: Path, log: Log) -> None:
    for scalar in read_scalars(path, log.notes):
        if log.started is None or scalar.wall_time < log.started:
            log.started = scalar.wall_time
        log.add(scalar.tag, scalar.step, scalar.value)


def _read_csv(path: Path, log: Log, run: str | None, step_column: str | None) -> None:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            step_index = _step_index(path, header, step_column)
            tags = _tags(path, header, step_index, run)
            texts: Counter[str] = Counter()
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise LogError(f"{path}: line {rows.line_num} has {len(row)} columns, the first line {len(header)}")
                if not row[step_index].strip():
                    continue
                step = _step(path, rows.line_num, row[step_index])
                for index, tag in tags.items():
                    _add_cell(log, tag, step, row[index], texts)
    except UnicodeDecodeError:
        raise LogError(f"{path} is neither an event file of TensorBoard nor a CSV file in UTF-8") from None
    except csv.Error as error:
        raise LogError(f"{path} is no CSV file: {error}") from None
    if texts:
        log.notes.append(f"{path}: left out are {len(texts)} columns that hold no numbers: {_few(list(texts))}")


def _add_cell(log: Log, tag: str, step: int, text: str, texts: Counter[str]) -> None:
    """Empty cells are numbers that were not logged at this step; what is no number is counted by its tag."""
    if not (text := text.strip()):
        return
    try:
        log.add(tag, step, float(text))
    except ValueError:
        texts[tag] += 1


def _step_index(path: Path, header: list[str], wanted: str | None) -> int:
    lower = [name.strip().lower() for name in header]
    for name in [wanted.lower()] if wanted else _STEP_COLUMNS:
        if name in lower:
            return lower.index(name)
    what = f"has no column '{wanted}'" if wanted else "has no column Step, _step or global_step"
    raise LogError(f"{path} {what}; name one with --step-column. It has {_few(header) or 'none'}")


def _step(path: Path, line: int, text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number != int(number) or number < 0:
        raise LogError(f"{path}: line {line}: '{text}' is no optimizer step")
    return int(number)


def _tags(path: Path, header: list[str], step_index: int, wanted: str | None) -> dict[int, str]:
    """Tag by column. A chart's export has `run - tag` for each run, with its lowest and highest values beside it."""
    columns = {
        index: name.strip()
        for index, name in enumerate(header)
        if index != step_index and name.strip() and not name.strip().endswith(("__MIN", "__MAX"))
    }
    runs = {name.split(" - ", 1)[0] for name in columns.values() if " - " in name}
    if not runs:
        return columns
    if wanted is None and len(runs) > 1:
        raise LogError(f"{path} holds {len(runs)} runs; choose one with --run: {_few(sorted(runs), 12)}")
    if wanted is not None and wanted not in runs:
        raise LogError(f"{path} has no run '{wanted}'; it has {_few(sorted(runs), 12)}")
    chosen = wanted or next(iter(runs))
    start = f"{chosen} - "
    return {index: name.removeprefix(start) for index, name in columns.items() if name.startswith(start)}


def _few(names: Sequence[str], count: int = 6) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
