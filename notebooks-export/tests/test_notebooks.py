"""The notebooks run from a new kernel, and are saved with outputs that say nothing of the machine they were made on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest

import execute
from conftest import PROGRAM

NOTEBOOKS = sorted(execute.FOLDER.glob("*.ipynb"))
# The paper's figures take a minute: `make parallel` has them.
# What every check runs; the others take long, and `make parallel` runs them all.
QUICK = {"compare_checkpoints"}
RUN = [path for path in NOTEBOOKS if path.stem in QUICK or os.environ.get("NF_PROBE_ALL_PARALLEL")]
FIGURES = {"image/png", "image/svg+xml"}


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell: nbformat.NotebookNode) -> list[set[str]]:
    """What each output of a cell can be shown as."""
    return [set(output.get("data", {output.output_type: None})) for output in cell.outputs]


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.stem)
def test_notebook_runs_from_a_new_kernel_and_shows_what_is_saved(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NF_PROBE", str(PROGRAM))
    saved = code_cells(nbformat.read(path, as_version=4))
    found = code_cells(execute.executed(path))
    assert [kinds(cell) for cell in found] == [kinds(cell) for cell in saved]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_saved_notebook_is_small_complete_and_of_no_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.encode()) < 500_000
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(FIGURES & kind) for cell in cells for kind in kinds(cell)) >= 2
    assert notebook.metadata.kernelspec.name == "python3"
    outputs = " ".join(str(output) for cell in cells for output in cell.outputs)
    assert not re.search(r"/(?:home|Users|root|tmp|var|work|opt)/", outputs)
    assert not any(output.output_type == "error" or output.get("name") == "stderr"
                   for cell in cells for output in cell.outputs)  # fmt: skip
