"""Figures of a recipe that other commands have too: over time, noise, outputs; and the coordinate check over widths."""

import csv
import re

import h5py
import numpy
import pytest
from conftest import refuses, run_files, succeeds

RECIPE = """
question: Do outputs keep their size?
sweep:
  title: widths
  base: {architecture: pre-ln, layers: 3, heads: 2, vocab-size: 32, sequence: 8, batch: 4, steps: 12, warmup: 1, lr: 0.01, activations: true, noise: 2, noise-every: 2}
  vary:
    width:
      "8": {dim: 8}
      "16": {dim: 16}
      "32": {dim: 32}
  seeds: 3
  baseline: {width: "8"}
figures:
  - {figure: over-time, of: {width: "8"}, windows: 3}
  - {figure: noise-scale}
  - {figure: activations, operation: [input, "fc*"], statistic: kurtosis}
  - {figure: coordinates, operation: [fc2, self_attn.logits]}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "recipe.yaml").write_text(RECIPE)
    succeeds("recipe", ".", "--runs=runs", "--results=results", "--threads=1", cwd=folder)
    return folder


def test_every_figure_is_there_with_its_points_and_tables(made):
    results = made / "results"
    for name in ("over-time", "noise-scale", "activations", "coordinates"):
        assert "<svg" in (results / f"{name}.svg").read_text()[:500]
        # So few steps need not tell any signal from none.
        assert name == "noise-scale" or len((results / f"{name}-points.csv").read_text().splitlines()) > 3
    text = (results / "results.md").read_text()
    for title in ("over time", "Noise scale of the gradient", "Outputs of operations, kurtosis", "Heads of attention", "Coordinate check"):
        assert title in text, title
    outputs = text[text.index("Outputs of operations") : text.index("Heads of attention")]
    assert "fc1" in outputs and "fc2" in outputs and "logits" not in outputs


def test_slopes_are_those_of_the_files(made):
    """Least squares once more, from the run files."""
    text = (made / "results" / "results.md").read_text()
    table = text[text.index("Coordinate check") :]
    header, _, *rows = [line for line in table.splitlines() if line.startswith("|")]
    names = [cell.strip() for cell in header.strip("|").split("|")]
    found = {cells[0]: cells for cells in ([cell.strip() for cell in row.strip("|").split("|")] for row in rows[:2])}
    means: dict[tuple, float] = {}
    for path in run_files(made / "runs"):
        with h5py.File(path) as file:
            operations = [name.decode() for name in file["operation"]]
            for operation in ("fc2", "self_attn.logits"):
                place = operations.index(operation)
                values = file["activation_l1"][:, :, place] / file["activation_count"][:, :, place]
                means[operation, int(file.attrs["seed"]), int(file.attrs["model_dim"])] = values.mean(1)
    assert set(found) == {"fc2", "self\\_attn.logits"} or set(found) == {"fc2", "self_attn.logits"}
    widths = [8, 16, 32]
    for name, cells in found.items():
        for column, step in ((names.index("slope, step 0"), 0), (names.index("slope, step 11"), 11)):
            seeds = sorted({seed for _, seed, _ in means})
            operation = name.replace("\\", "")
            slopes = [numpy.polyfit(numpy.log(widths), [numpy.log(means[operation, seed, width][step]) for width in widths], 1)[0] for seed in seeds]
            shown = float(re.match(r"-?[0-9.]+", cells[column].replace("−", "-"))[0])
            assert shown == pytest.approx(numpy.mean(slopes), abs=0.0051)


def test_points_are_geometric_means_over_seeds(made):
    with open(made / "results" / "coordinates-points.csv") as file:
        points = list(csv.DictReader(file))
    assert {"step 0", "step 11"} <= {point["series"] for point in points}


@pytest.mark.parametrize(
    "figure, message",
    [
        ("{figure: mismatch, windows: 3}", "windows is a number from 1 to 1000, and belongs to the figure over-time"),
        ("{figure: over-time, windows: 0}", "windows is a number from 1 to 1000"),
        ("{figure: over-time, statistic: rms}", "statistic belongs to the figure activations"),
        ("{figure: activations, statistic: rmss}", "rms"),
        ("{figure: coordinate}", "coordinates"),
        ('{figure: activations}\n  - {figure: activations, name: early, window: "0:4"}', "have one window"),
    ],
)
def test_words_that_do_not_belong_are_refused(tmp_path, figure, message):
    start = RECIPE[: RECIPE.index("figures:")]
    (tmp_path / "recipe.yaml").write_text(f"{start}figures:\n  - {figure}\n")
    refuses("recipe", "recipe.yaml", cwd=tmp_path, mentions=[re.escape(message)])


def test_one_width_has_no_coordinate_check(tmp_path):
    recipe = RECIPE[: RECIPE.index("figures:")].replace('      "16": {dim: 16}\n      "32": {dim: 32}\n', '      "9": {dim: 8, lr: 0.02}\n')
    (tmp_path / "recipe.yaml").write_text(recipe.replace("steps: 12", "steps: 2") + "figures:\n  - {figure: coordinates}\n")
    said = succeeds("recipe", "recipe.yaml", "--runs=runs", "--threads=1", cwd=tmp_path).stderr
    assert "coordinates.svg is left out" in said
