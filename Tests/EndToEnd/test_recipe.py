"""`nf-probe recipe`: a grid, figures, and claims judged."""

import csv
import io
import pathlib
import re

import h5py
import numpy
import pytest
from conftest import ROOT, refuses, run_files, succeeds

RECIPE = """
question: Which gradients are larger?
paper: nobody
sweep:
  title: three
  base: {layers: 5, dim: 12, heads: 3, ffn-dim: 20, vocab-size: 32, sequence: 8, batch: 2, steps: 12, warmup: 3, lr: 0.01}
  vary:
    model:
      Pre-LN: {architecture: pre-ln}
      NormFormer: {architecture: normformer}
  seeds: 3
  baseline: {model: Pre-LN}
figures:
  - {figure: mismatch, operation: fc1.weight}
  - {figure: ratio-map, base: {model: Pre-LN}, of: {model: NormFormer}, window: "6:12"}
  - {figure: perplexity}
  - {figure: curves, name: course}
claims:
  - says: early over late
    measure: early/late
    of: {model: Pre-LN}
    window: "6:12"
    above: 1e-9
  - says: attention shrinks
    source: somebody
    measure: gradient
    of: {model: NormFormer}
    against: {model: Pre-LN}
    operation: [self_attn.v_proj.weight, self_attn.out_proj.weight]
    take: largest
    window: "6:12"
    below: 1e-9
  - says: perplexity
    measure: perplexity
    of: {model: NormFormer}
    against: {model: Pre-LN}
    between: [0.5, 2]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "recipe.yaml").write_text(RECIPE)
    succeeds("recipe", ".", "--runs=runs", "--results=results", "--threads=1", cwd=folder)
    return folder


def claims(text: str) -> dict[str, dict]:
    return {row["claim"]: row for row in csv.DictReader(io.StringIO(text))}


def gradients(folder, word: str, tensor: str) -> dict[int, numpy.ndarray]:
    found = {}
    for path in run_files(folder):
        if word in path.name:
            with h5py.File(path) as file:
                place = [name.decode() for name in file["tensor"][...]].index(tensor)
                found[int(file.attrs["seed"])] = file["gradient_l1"][6:12, :, place].mean(axis=0)
    return found


def test_claims_are_those_of_the_files_numbers(made):
    rows = claims((made / "results/claims.csv").read_text())
    own = gradients(made / "runs", "pre-ln", "fc2.weight")
    logs = numpy.log([own[seed][0] / own[seed][-1] for seed in range(3)])
    reach = 4.302652729911275 * logs.std(ddof=1) / numpy.sqrt(3)
    row = rows["early over late"]
    assert numpy.isclose(float(row["effect"]), numpy.exp(logs.mean()), rtol=1e-9)
    assert numpy.isclose(float(row["effect_low"]), numpy.exp(logs.mean() - reach), rtol=1e-9)
    assert row["verdict"] == "holds" and row["seeds"] == "3" and row["source"] == "nobody"
    largest = []
    names = ["self_attn.v_proj.weight", "self_attn.out_proj.weight"]
    for seed in range(3):
        ratios = [
            gradients(made / "runs", "normformer", name)[seed] / gradients(made / "runs", "pre-ln", name)[seed]
            for name in names
        ]
        largest.append(numpy.max(ratios))
    row = rows["attention shrinks"]
    assert numpy.isclose(float(row["effect"]), numpy.exp(numpy.log(largest).mean()), rtol=1e-9)
    assert row["verdict"] == "does not hold" and row["source"] == "somebody"
    assert rows["perplexity"]["verdict"] == "holds"


def test_what_is_written(made):
    names = {path.name for path in (made / "results").iterdir()}
    assert {"claims.csv", "grid.csv", "runs.csv", "results.md", "mismatch.svg", "ratio-map.svg", "perplexity.svg", "course.svg"} <= names
    text = (made / "results/results.md").read_text()
    assert text.startswith("# Which gradients are larger?") and "| attention shrinks | does not hold |" in text


def test_earlier_runs_are_judged_anew(made, tmp_path):
    before = {path: path.read_bytes() for path in run_files(made / "runs")}
    changed = RECIPE.replace("above: 1e-9", "below: 1e-9")
    (tmp_path / "recipe.yaml").write_text(changed)
    text = succeeds("recipe", "recipe.yaml", f"--runs={made / 'runs'}", "--results=r", "--format=csv", cwd=tmp_path).stdout
    assert claims(text)["early over late"]["verdict"] == "does not hold"
    assert before == {path: path.read_bytes() for path in run_files(made / "runs")}
    (tmp_path / "recipe.yaml").write_text(changed.replace("steps: 12", "steps: 13"))
    refuses("recipe", "recipe.yaml", f"--runs={made / 'runs'}", cwd=tmp_path, mentions=["another sweep"])


@pytest.mark.parametrize(
    ("old", "new", "mentions"),
    [
        ("question:", "qestion:", ["line 2", "did you mean question"]),
        ("    above: 1e-9", "    above: much", ["above is a number"]),
        ("    above: 1e-9", "", ["below", "above", "between"]),
        ("between: [0.5, 2]", "between: [2, 0.5]", ["lower one first"]),
        ("measure: early/late", "measure: early", ["early/late, spread"]),
        ("    of: {model: Pre-LN}\n", "    of: {model: Post-LN}\n", ["no Post-LN"]),
        ("    of: {model: Pre-LN}\n", "    of: {size: big}\n", ["size", "does not vary"]),
        ("take: largest", "take: all", ["mean, largest, smallest"]),
        ('"6:12"\n    above', '"12:6"\n    above', ["12:6"]),
        ("{figure: mismatch,", "{figure: heatmap,", ["mismatch, ratio-lines"]),
        ("base: {model: Pre-LN}, of", "of", ["base"]),
        ("name: course", "name: ../x", ["name"]),
        ("{figure: curves, name: course}", "{figure: perplexity}", ["two figures"]),
        ("lr: 0.01}", "lrr: 0.01}", ["lrr"]),
        ("claims:", "clams:", ["clams", "did you mean claims"]),
    ],
)
def test_wrong_recipes(old, new, mentions, tmp_path):
    assert old in RECIPE
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace(old, new, 1))
    refuses("recipe", "recipe.yaml", cwd=tmp_path, mentions=mentions)
    assert not (tmp_path / "nf-probe-runs").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "analyses").glob("*/recipe.yaml")), ids=lambda path: path.parent.name)
def test_the_recipes_of_record_are_read(path: pathlib.Path, tmp_path):
    """Their steps are cut down until they take a second; every claim still comes out as a row."""
    text = path.read_text()
    text = re.sub(r"steps: \d+", "steps: 4", text)
    text = re.sub(r"layers: 12, dim: \d+, heads: \d+", "layers: 3, dim: 12, heads: 3", text)
    text = re.sub(r"warmup: \d+", "warmup: 2", text)
    text = re.sub(r"dim: (68|66|65)", "dim: 18", text)
    text = re.sub(r'"\d+:\d+"', '"2:4"', text).replace("validate-every: 100", "validate-every: 2").replace("every: 10}", "every: 1}")
    (tmp_path / "recipe.yaml").write_text(text)
    output = succeeds("recipe", ".", "--seeds=1", "--format=csv", "--threads=1", cwd=tmp_path).stdout
    assert len(claims(output)) == text.count("- says:")
