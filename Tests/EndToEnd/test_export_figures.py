"""`export` to LaTeX and notebooks: what is drawn are the run file's numbers, and the code in it makes them again."""

import ast
import csv
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import h5py
import numpy
import pytest
from conftest import by_architecture, refuses, run_files, small, succeeds


@pytest.fixture(scope="module")
def paths(recorded):
    found = by_architecture(recorded)
    return [found[name] for name in ("post-ln", "pre-ln", "normformer")]


def gradients(path, operation="fc2.weight"):
    with h5py.File(path) as file:
        tensor = list(file["tensor"].asstr()[...]).index(operation)
        return file["step"][...], file["gradient_l1"][:, :, tensor]


def columns(path) -> dict[str, numpy.ndarray]:
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    assert all(len(row) == len(header) for row in rows) and len(set(header)) == len(header)
    return dict(zip(header, numpy.array(rows, dtype=float).T))


def shown(values):
    """A column without what fills it up."""
    return values[~numpy.isnan(values)]


# pgfplots


def test_pgfplots_draws_the_numbers_of_the_runs(paths, tmp_path):
    succeeds("export", *paths, "--format=pgfplots", "--out=mismatch.tex", cwd=tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mismatch.csv", "mismatch.tex"]
    table, text = columns(tmp_path / "mismatch.csv"), (tmp_path / "mismatch.tex").read_text()
    assert text.count("\\begin{axis}") == text.count("\\end{axis}") == 3
    assert "{mismatch.csv}" in text and "ymode=log" in text and "compat=" in text
    # Every column is drawn, and nothing else.
    assert sorted(re.findall(r"[xy]=\{([^}]+)\}", text)) == sorted(table)
    for name, path in zip(["post-ln", "pre-ln", "normformer"], paths):
        steps, values = gradients(path)
        for layer in (0, 1, 2, 3, 4):
            assert list(shown(table[f"{name}.{layer}.x"])) == list(steps)
            assert list(shown(table[f"{name}.{layer}.y"])) == list(values[:, layer])
    for run in paths:
        assert h5py.File(run).attrs["run_id"] in text


def test_pgfplots_thins_long_lines_and_says_so(tmp_path):
    succeeds("grads", *small(architectures="pre-ln", steps=1500, out="runs"), cwd=tmp_path)
    (path,) = run_files(tmp_path)
    succeeds("export", path, "--format=pgfplots", "--operation=fc1.weight", "--out=long", cwd=tmp_path)
    table, text = columns(tmp_path / "long.csv"), (tmp_path / "long.tex").read_text()
    assert "Thinned" in text and "400 points" in text and "fc1.weight" in text
    steps, values = gradients(path, "fc1.weight")
    for layer in range(5):
        x, y = shown(table[f"pre-ln.{layer}-each-step.x"]), shown(table[f"pre-ln.{layer}-each-step.y"])
        assert 300 < len(x) <= 402
        # Points of the run, in order, with the same extremes.
        assert (numpy.diff(x) > 0).all() and list(y) == list(values[x.astype(int), layer])
        assert (y.min(), y.max()) == (values[:, layer].min(), values[:, layer].max())
        assert (x[0], x[-1]) == (steps[0], steps[-1])


def test_pgfplots_compiles(paths, tmp_path):
    if not shutil.which("pdflatex") or subprocess.run(["kpsewhich", "standalone.cls", "pgfplots.sty"]).returncode:
        pytest.skip("no pdflatex with pgfplots and standalone")
    succeeds("export", *paths, "--format=pgfplots", "--out=mismatch.tex", cwd=tmp_path)
    result = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "mismatch.tex"], cwd=tmp_path, capture_output=True,
        text=True, timeout=300, errors="replace",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-3000:]
    assert not re.search(r"^! |LaTeX Warning|undefined", result.stdout, re.M), result.stdout[-3000:]
    assert (tmp_path / "mismatch.pdf").read_bytes().startswith(b"%PDF")


def test_pgfplots_files_are_not_replaced_unasked(paths, tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    refuses("export", *paths, "--format=pgfplots", "--out=a.tex", cwd=tmp_path, mentions=["a.csv exists", "--overwrite"])
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    succeeds("export", *paths, "--format=pgfplots", "--out=a.tex", "--overwrite", cwd=tmp_path)
    first = (tmp_path / "a.tex").read_bytes(), (tmp_path / "a.csv").read_bytes()
    succeeds("export", *paths, "--format=pgfplots", "--out=a.tex", "--overwrite", cwd=tmp_path)
    assert first == ((tmp_path / "a.tex").read_bytes(), (tmp_path / "a.csv").read_bytes())


# Notebooks


def notebook(path: pathlib.Path) -> dict:
    """A notebook whose structure is that of format 4.5."""
    book = json.loads(path.read_text())
    assert set(book) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in book["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one) for one in ids)
    for cell in book["cells"]:
        keys = {"id", "cell_type", "metadata", "source"}
        assert set(cell) == keys | ({"outputs", "execution_count"} if cell["cell_type"] == "code" else set())
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        for output in cell.get("outputs", []):
            assert set(output) == {"output_type", "data", "metadata"} and output["output_type"] == "display_data"
    return book


def figures(book) -> dict[str, ElementTree.Element]:
    found = {}
    for cell in book["cells"]:
        for output in cell.get("outputs", []):
            if "image/svg+xml" in output["data"]:
                found[cell["id"]] = ElementTree.fromstring("".join(output["data"]["image/svg+xml"]))
    return found


def code(book) -> dict[str, str]:
    return {cell["id"]: "".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"}


def execute(cells: list[str], folder: pathlib.Path, expression: str):
    """Runs cells as a kernel would, in the notebook's folder, and gives what an expression is then."""
    script = "\n\n".join(cells) + f"\n\nimport json\nprint()\nprint(json.dumps({expression}))\n"
    environment = {**os.environ, "MPLBACKEND": "agg"}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=folder, capture_output=True, text=True, env=environment,
        timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])


def mismatches(path) -> dict:
    """early/late, spread and slope by group as `grads` has them."""
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["run"]]
    names = ("early_late", "spread", "slope")
    labels = {row["label"] for row in rows}
    return {
        label: {row["quantity"]: float(row["value"]) for row in rows if row["label"] == label and row["quantity"] in names}
        for label in labels
    }


def test_notebook_of_a_comparison(paths, recorded, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    succeeds("export", *paths, "--format=notebook", "--out=notes/runs.ipynb", cwd=tmp_path)
    book = notebook(folder / "runs.ipynb")
    drawn = figures(book)
    assert set(drawn) == {"mismatch-figure", "loss-figure", "ratio-0", "ratio-1", "scales-figure"}
    assert all(root.tag.endswith("svg") for root in drawn.values())
    cells = code(book)
    for text in cells.values():
        ast.parse(text)
    assert str(recorded) not in cells["setup"] and "../" in cells["setup"], "paths are relative"
    found = execute(
        [cells["setup"], cells["mismatch-table"]], folder,
        "{k: {n: float(v[n]) for n in ('early_late', 'spread', 'slope')} for k, v in results.items()}",
    )  # fmt: skip
    expected = mismatches(recorded / "mismatch.csv")
    assert found.keys() == expected.keys() and len(found) == 3
    for label, values in expected.items():
        assert found[label] == pytest.approx(values, rel=1e-9)
    table = next(cell for cell in book["cells"] if cell["id"] == "mismatch-table")["outputs"][0]["data"]
    assert any("Pre-LN" in line for line in table["text/markdown"])


def test_notebook_code_makes_the_ratio_that_the_command_has(paths, tmp_path):
    succeeds("export", *paths[1:], "--format=notebook", "--out=runs.ipynb", cwd=tmp_path)
    cells = code(notebook(tmp_path / "runs.ipynb"))
    numbers = cells["ratio-0"].split("\n\nlargest = ")[0]
    found = execute([cells["setup"], numbers], tmp_path, "{k: list(v) for k, v in ratio.items()}")
    rows = csv.DictReader(succeeds("ratio", *paths[1:], "--format=csv", cwd=tmp_path).stdout.splitlines())
    expected = {}
    for row in rows:
        expected.setdefault(row["operation"], []).append(float(row["ratio"]))
    assert found.keys() == expected.keys() and len(found) > 10
    for operation, values in expected.items():
        assert found[operation] == pytest.approx(values, rel=1e-9), operation


def test_notebook_drawing_cells_run(paths, tmp_path):
    pytest.importorskip("matplotlib")
    succeeds("export", *paths, "--format=notebook", "--out=runs.ipynb", cwd=tmp_path)
    cells = code(notebook(tmp_path / "runs.ipynb"))
    assert execute(list(cells.values()), tmp_path, "plt.get_fignums()") != []


def test_notebook_of_one_run(paths, tmp_path):
    succeeds("export", paths[1], "--format=notebook", "--window=3:9", "--operation=fc1.weight", "--out=a.ipynb", cwd=tmp_path)
    book = notebook(tmp_path / "a.ipynb")
    # Nothing to compare with, and Pre-LN has none of NormFormer's scales.
    assert set(figures(book)) == {"mismatch-figure", "loss-figure"}
    cells = code(book)
    found = execute([cells["setup"], cells["mismatch-table"]], tmp_path, "[float(x) for x in results['Pre-LN']['means']]")
    assert found == pytest.approx(list(gradients(paths[1], "fc1.weight")[1][3:9].mean(axis=0)), rel=1e-9)


def test_groups_without_the_operation_are_left_out(paths, tmp_path):
    succeeds("export", *paths, "--format=notebook", "--operation=attn_ln.weight", "--out=a.ipynb", cwd=tmp_path)
    cells = code(notebook(tmp_path / "a.ipynb"))
    found = execute([cells["setup"], cells["mismatch-table"]], tmp_path, "{k: float(v['spread']) for k, v in results.items()}")
    assert list(found) == ["NormFormer"] and found["NormFormer"] > 1


def test_notebook_of_seeds(tmp_path):
    succeeds("grads", *small(architectures="pre-ln,normformer", seeds=2, out="runs"), cwd=tmp_path)
    files = run_files(tmp_path)
    succeeds("export", *files, "--format=notebook", "--out=runs/a.ipynb", cwd=tmp_path)
    cells = code(notebook(tmp_path / "runs/a.ipynb"))
    expression = "{k: {n: float(v[n]) for n in ('early_late', 'spread', 'slope')} for k, v in results.items()}"
    found = execute([cells["setup"], cells["mismatch-table"]], tmp_path / "runs", expression)
    expected = mismatches(tmp_path / "runs/mismatch.csv")
    assert found.keys() == expected.keys()
    for label, values in expected.items():
        assert found[label] == pytest.approx(values, rel=1e-9)


def test_equal_exports_are_equal(paths, tmp_path):
    texts = []
    for _ in range(2):
        succeeds("export", *paths, "--format=notebook", "--out=a.ipynb", "--overwrite", cwd=tmp_path)
        texts.append((tmp_path / "a.ipynb").read_bytes())
    assert texts[0] == texts[1]
    refuses("export", *paths, "--format=notebook", "--out=a.ipynb", cwd=tmp_path, mentions=["a.ipynb exists"])
