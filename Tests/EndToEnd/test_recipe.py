"""`nf-probe recipe`: a grid, figures, and claims judged."""

import csv
import importlib.util
import io
import json
import pathlib
import re
import shutil

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
  - {figure: mismatch, name: paper, paper: true}
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
    assert {"claims.csv", "grid.csv", "runs.csv", "results.md", "mismatch.svg", "ratio-map.svg", "perplexity.svg", "course.svg", "paper.svg"} <= names
    assert "2110.09456v2" in (made / "results/paper.svg").read_text() and "2110.09456" not in (made / "results/mismatch.svg").read_text()
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
        ("operation: fc1.weight}", "operation: fc1.weight, paper: true}", ["paper", "fc2.weight"]),
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


def put_stand_ins(recipe: str, folder: pathlib.Path) -> None:
    """Small files for the texts, tokens and tasks that a recipe reads and the repository does not hold."""
    book = "".join(f"the cat sat on mat {number} and the dog did not\n" for number in range(60))
    task = {"context": "the cat sat", "choices": [" on mat 1", " dog"], "label": 0}
    for name in re.findall(r"wikitext-\d+/[\w.]+", recipe):
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        if file.suffix == ".bin":
            file.write_bytes(bytes(part for letter in name + book for part in (ord(letter) % 32, 0)))
        else:
            file.write_text(json.dumps(task) if file.suffix == ".jsonl" else f"{name}\n{book}")


def test_the_recipe_of_table_7_is_read(tmp_path):
    """With everything small: the settings are the recipe's own."""
    text = (ROOT / "analyses/16-evaluation/wikitext-103.yaml").read_text()
    sizes = {"layers": 2, "dim": 12, "heads": 3, "ffn-dim": 20, "vocab-size": 32, "sequence": 16, "accumulate": 2, "steps": 4, "warmup": 2}
    sizes |= {"snapshot-every": 2, "validate-every": 2, "every": 1, "evaluate-context": 16, "evaluate-stride": 4}
    for name, value in sizes.items():
        text, count = re.subn(rf"^    {name}: \d+", f"    {name}: {value}", text, flags=re.M)
        assert count == 1, name
    (tmp_path / "recipe.yaml").write_text(text)
    put_stand_ins(text, tmp_path)
    output = succeeds("recipe", ".", "--seeds=1", "--format=csv", "--threads=1", "--runs=runs", cwd=tmp_path).stdout
    assert len(claims(output)) == 2
    with h5py.File(sorted((tmp_path / "runs").rglob("*.h5"))[0]) as file:
        assert list(file["evaluation"].asstr()) == ["valid.bin", "test.bin"] and (file["evaluation_words"][...] > 0).all()


# Those of dozens of cells.
LONG = {"03-ablations", "08-learning-rates", "13-placements", "15-coordinate-check"}
RECIPES = [
    pytest.param(path, id=path.parent.name, marks=pytest.mark.long if path.parent.name in LONG else ())
    for path in sorted((ROOT / "analyses").glob("*/recipe.yaml"))
]


@pytest.mark.parametrize("path", RECIPES)
def test_the_recipes_of_record_are_read(path: pathlib.Path, tmp_path):
    """Their steps are cut down until they take a second; every claim still comes out as a row."""
    text = path.read_text()
    text = re.sub(r"size: 125M, vocab-size: \d+, sequence: \d+", "layers: 12, dim: 64, heads: 4", text)
    text = re.sub(r"\bsteps: \d+", "steps: 4", text)
    text = re.sub(r"layers: \d+, dim: \d+, heads: \d+", "layers: 3, dim: 12, heads: 3", text)
    text = re.sub(r"dim: (68|66|65)", "dim: 18", text).replace("kv-heads: 2", "kv-heads: 1")
    text = re.sub(r'"\d+:\d+"', '"2:4"', text)
    text = re.sub(r"(validate-every|snapshot-every|noise-every): \d+", r"\1: 2", text)
    text = re.sub(r" every: \d+", " every: 1", text).replace("sequence: 128", "sequence: 16")
    # Of a grid of a hundred cells some are enough.
    text = re.sub(r"^ +\"(2017|0\.001|0\.01)\": .*\n", "", text, flags=re.M)
    (tmp_path / "recipe.yaml").write_text(text)
    put_stand_ins(text, tmp_path)
    output = succeeds("recipe", ".", "--seeds=1", "--format=csv", "--threads=1", cwd=tmp_path).stdout
    said = text.count("- says:")
    # One that claims nothing prints its grid.
    axes = re.findall(r"^  vary:\n +(?:#.*\n +)*([\w-]+):", text, flags=re.M)
    assert len(claims(output)) == said if said else output.startswith(f"{axes[0]},")


SCALES = """
question: What becomes of the scales?
sweep:
  base: {architecture: normformer, layers: 5, dim: 12, heads: 3, ffn-dim: 20, vocab-size: 32, sequence: 8, batch: 2, steps: 30,
         warmup: 3, lr: 0.02, decay: linear, snapshot-every: 10, validate-every: 10}
  vary:
    decayed:
      yes: {weight-decay: 0.1}
      no: {weight-decay: 0}
  seeds: 3
figures:
  - {figure: scales, of: {decayed: yes}, paper: true}
  - {figure: drift}
claims:
  - {says: trend, measure: scale trend, scale: ffn_layernorm, of: {decayed: yes}, above: 0}
  - {says: lambda, measure: scale trend, scale: w_resid, statistic: minimum, of: {decayed: yes}, below: 0}
  - {says: level, measure: scale, scale: attn_ln.weight, take: largest, of: {decayed: yes}, below: 1}
  - {says: width, measure: scale width, scale: c_attn, than: attn_ln, of: {decayed: yes}, above: 1}
  - {says: change, measure: scale, scale: ffn_layernorm, of: {decayed: yes}, against: {decayed: no}, below: 0}
  - {says: reach, measure: cost share, of: {decayed: yes}, against: {decayed: no}, below: 1}
  - {says: memory, measure: memory, of: {decayed: yes}, against: {decayed: no}, between: [0.9, 1.1]}
"""


def ranks(values) -> numpy.ndarray:
    return numpy.argsort(numpy.argsort(values)).astype(float)


def test_claims_on_scales_are_those_of_the_files_numbers(tmp_path):
    (tmp_path / "recipe.yaml").write_text(SCALES)
    succeeds("recipe", ".", "--runs=runs", "--results=results", "--threads=1", cwd=tmp_path)
    rows = claims((tmp_path / "results/claims.csv").read_text())
    expected = {name: [] for name in ("trend", "lambda", "level", "width", "change")}
    paths = run_files(tmp_path / "runs")
    for path in [path for path in paths if "yes" in path.name]:
        with h5py.File(path) as file, h5py.File(path.with_name(path.name.replace("0-yes", "1-no"))) as other:
            last = {name: file[f"scale_{name}"][-1].astype(float) for name in ("ffn_layernorm", "attn_ln", "c_attn", "w_resid")}
            medians = numpy.median(last["ffn_layernorm"], axis=1)
            expected["trend"].append(numpy.corrcoef(ranks(medians), numpy.arange(5))[0, 1])
            expected["lambda"].append(numpy.corrcoef(ranks(last["w_resid"].min(axis=1)), numpy.arange(5))[0, 1])
            expected["level"].append(numpy.median(last["attn_ln"], axis=1).max())
            height = {name: numpy.subtract(*numpy.percentile(last[name], [75, 25], axis=1)).mean() for name in last}
            expected["width"].append(numpy.log(height["c_attn"] / height["attn_ln"]))
            plain = numpy.median(other["scale_ffn_layernorm"][-1].astype(float), axis=1)
            expected["change"].append(medians.mean() - plain.mean())
    expected["width"] = [numpy.exp(numpy.mean(expected["width"]))]
    for name, values in expected.items():
        assert numpy.isclose(float(rows[name]["effect"]), numpy.mean(values), rtol=1e-9, atol=1e-12), name
    assert rows["memory"]["verdict"] == "holds" and float(rows["memory"]["effect"]) == 1
    assert {"scales.svg", "drift.svg"} <= {path.name for path in (tmp_path / "results").iterdir()}
    assert "v2" in (tmp_path / "results/scales.svg").read_text()


def test_how_high_the_rate_rises_is_a_claim(tmp_path):
    (tmp_path / "recipe.yaml").write_text("""
sweep:
  base: {layers: 3, dim: 12, heads: 3, ffn-dim: 20, vocab-size: 32, sequence: 8, batch: 2, steps: 2000, decay: ramp,
         lr-slope: 0.02, until: overflow}
  vary:
    model: {Pre-LN: {architecture: pre-ln}, NormFormer: {architecture: normformer}}
  seeds: 3
figures: [{figure: stability}]
claims:
  - {says: higher, measure: peak learning rate, of: {model: NormFormer}, against: {model: Pre-LN}, above: 1}
""")
    succeeds("recipe", ".", "--runs=runs", "--threads=1", cwd=tmp_path)
    rates = {}
    for path in run_files(tmp_path / "runs"):
        with h5py.File(path) as file:
            assert file["status"][-1] == 6
            rates[path.name.split("-", 1)[1]] = 0.02 * file["step"][-1]
    logs = [numpy.log(rates[f"normformer-seed{seed}.h5"] / rates[f"pre-ln-seed{seed}.h5"]) for seed in range(3)]
    row = claims((tmp_path / "runs/claims.csv").read_text())["higher"]
    assert numpy.isclose(float(row["effect"]), numpy.exp(numpy.mean(logs)), rtol=1e-9) and row["seeds"] == "3"
    assert (tmp_path / "runs/stability.svg").exists()


def test_a_recipe_of_initial_values(tmp_path):
    options = "{init: xiong, heads: 1, dim: 12, ffn-dim: 12, vocab-size: 32, depths: \"2,4,8\", seeds: 3, batches: 2}"
    text = f"""
question: How do gradients go with depth?
paper: somebody
init: {options}
claims:
  - {{says: flat, measure: depth exponent, of: Post-LN, between: [-9, 9]}}
  - {{says: grows, measure: growth, of: Pre-LN, above: 100}}
  - {{says: none, measure: late/early, of: Sub-LN, above: 1}}
"""
    (tmp_path / "recipe.yaml").write_text(text)
    succeeds("recipe", ".", "--results=results", cwd=tmp_path)
    found = claims((tmp_path / "results/claims.csv").read_text())
    arguments = ["--init=xiong", "--heads=1", "--dim=12", "--ffn-dim=12", "--vocab-size=32", "--depths=2,4,8", "--seeds=3",
                 "--batches=2", "--format=csv"]  # fmt: skip
    theory = {row["architecture"]: row for row in csv.DictReader(io.StringIO(succeeds("init", *arguments, cwd=tmp_path).stdout))}
    assert found["flat"]["effect"] == theory["Post-LN"]["exponent"] and found["flat"]["verdict"] == "holds"
    assert found["grows"]["effect"] == theory["Pre-LN"]["growth"] and found["grows"]["verdict"] == "does not hold"
    assert found["none"]["verdict"] == "undecided" and "Sub-LN" in found["none"]["note"]
    assert {"theory.csv", "layers.csv", "depth.svg", "stream.svg", "results.md"} <= {p.name for p in (tmp_path / "results").iterdir()}
    for old, new, mentions in [
        ("heads: 1", "headz: 1", ["headz", "did you mean heads"]), ("depth exponent", "exponent", ["depth exponent"]),
        ("heads: 1", "heads: 5", ["head"]), ("paper:", "sweep: {}\npaper:", ["no key sweep"]), ("of: Post-LN, ", "", ["`of`"]),
    ]:  # fmt: skip
        (tmp_path / "recipe.yaml").write_text(text.replace(old, new, 1))
        refuses("recipe", ".", cwd=tmp_path, mentions=mentions)
    (tmp_path / "recipe.yaml").write_text(text)
    refuses("recipe", ".", "--runs=x", cwd=tmp_path, mentions=["--runs"])


@pytest.mark.parametrize(
    ("old", "new", "mentions"),
    [
        ("scale: ffn_layernorm, ", "", ["needs `scale`"]), ("statistic: minimum", "statistic: least", ["minimum"]),
        ("than: attn_ln, ", "", ["than"]), ("measure: memory,", "measure: memory, scale: c_attn,", ["`scale` goes"]),
        ("measure: memory", "measure: best value", ["choose"]), ("paper: true", "paper: maybe", ["true or false"]),
    ],
)  # fmt: skip
def test_wrong_claims_on_scales(old, new, mentions, tmp_path):
    assert old in SCALES
    (tmp_path / "recipe.yaml").write_text(SCALES.replace(old, new, 1))
    refuses("recipe", "recipe.yaml", cwd=tmp_path, mentions=["line", *mentions])


SUMMARY = """
question: Which placement?
paper: nobody
sweep:
  title: placements
  base: {layers: 5, dim: 12, heads: 3, ffn-dim: 20, vocab-size: 32, sequence: 8, batch: 2, steps: 12, warmup: 3, activations: true}
  vary:
    size:
      small: {}
      wide: {dim: 24}
    placement:
      Post-LN: {architecture: post-ln}
      Pre-LN: {architecture: pre-ln}
    rate:
      "0.001": {lr: 0.001}
      "0.01": {lr: 0.01}
      rising: {decay: ramp, lr-slope: 1, until: either, steps: 60}
      short: {decay: ramp, lr-slope: 1e-6, until: either, steps: 4}
  seeds: 3
  baseline: {size: small, placement: Pre-LN, rate: "0.001"}
  choose: rate
figures:
  - figure: summary
    lines: placement
    columns:
      - {measure: perplexity, title: held-out perplexity}
      - {measure: peak learning rate, of: {rate: rising}, title: largest stable rate}
      - {measure: peak learning rate, of: {rate: short}, title: a short ramp}
      - {measure: early/late, window: "6:12", against: {placement: Pre-LN}}
      - {measure: stream growth, window: "6:12"}
claims:
  - {says: grows, measure: stream growth, of: {size: small, placement: Pre-LN, rate: "0.01"}, above: 1}
"""


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("summary")
    (folder / "recipe.yaml").write_text(SUMMARY)
    succeeds("recipe", ".", "--runs=runs", "--results=results", "--threads=1", cwd=folder)
    return folder


def seeds_of(folder, words: str) -> list[pathlib.Path]:
    return sorted(path for path in run_files(folder / "runs") if f"-{words}-seed" in path.name)


def geometric(values) -> float:
    return float(numpy.exp(numpy.mean(numpy.log(values))))


def stream_growth(path: pathlib.Path) -> float:
    with h5py.File(path) as file:
        place = [name.decode() for name in file["operation"][...]].index("input")
        squares = file["activation_sum_squares"][6:12, :, place]
    return geometric(numpy.sqrt(squares[:, -1] / squares[:, 1]))


def test_a_summary_has_the_numbers_of_the_files(summary):
    rows = list(csv.DictReader(io.StringIO((summary / "results/summary.csv").read_text())))
    assert len(rows) == 4 and {(row["placement"], row["size"]) for row in rows} == {
        (placement, size) for placement in ("Post-LN", "Pre-LN") for size in ("small", "wide")
    }
    first = [float(row["held_out_perplexity"]) for row in rows if row["size"] == "small"]
    assert first == sorted(first)
    assert [row["placement"] for row in rows[:2]] == [row["placement"] for row in rows[2:]], "one order in all series"
    for row in rows:
        cell = f"{row['size']}-{row['placement'].lower()}"
        losses = {}
        for rate in ("0.001", "0.01"):
            found = []
            for path in seeds_of(summary, f"{cell}-{rate}"):
                with h5py.File(path) as file:
                    found.append(file["validation_loss"][-1])
            losses[rate] = numpy.mean(found)
        best = min(losses, key=losses.__getitem__)
        assert numpy.isclose(float(row["held_out_perplexity"]), numpy.exp(losses[best]), rtol=1e-9)
        growth = [stream_growth(path) for path in seeds_of(summary, f"{cell}-{best}")]
        assert numpy.isclose(float(row["stream_growth"]), geometric(growth), rtol=1e-9)
        peaks = []
        for path in seeds_of(summary, f"{cell}-rising"):
            with h5py.File(path) as file:
                peaks.append(float(file["step"][-1]))
        assert numpy.isclose(float(row["largest_stable_rate"]), geometric(peaks), rtol=1e-9)
        assert numpy.isclose(float(row["a_short_ramp"]), 4e-6, rtol=1e-9) and "a short ramp: at least" in row["note"]
        if row["placement"] == "Pre-LN":
            assert float(row["early_late"]) == 1
    grew = claims((summary / "results/claims.csv").read_text())["grows"]
    assert numpy.isclose(
        float(grew["effect"]), geometric([stream_growth(path) for path in seeds_of(summary, "small-pre-ln-0.01")]), rtol=1e-9
    )


def test_what_there_is_can_be_judged_while_it_grows(summary, tmp_path):
    """Another process may be filling the folder; nothing is trained."""
    shutil.copytree(summary / "runs", tmp_path / "runs")
    gone = seeds_of(tmp_path, "small-pre-ln-0.01")[2]
    gone.unlink()
    (tmp_path / "recipe.yaml").write_text(SUMMARY)
    text = succeeds("recipe", ".", "--runs=runs", "--as-is", "--results=r", "--format=csv", cwd=tmp_path).stdout
    row = claims(text)["grows"]
    assert row["verdict"] == "undecided" and row["seeds"] == "2" and not gone.exists()
    assert "Means over 2 to 3 seeds" in (tmp_path / "r" / "results.md").read_text()
    assert "Means over 3 seeds" in (summary / "results" / "results.md").read_text()
    refuses("recipe", ".", "--as-is", cwd=tmp_path, mentions=["--as-is", "--runs"])
    refuses("recipe", ".", "--as-is", "--runs=elsewhere", cwd=tmp_path, mentions=["elsewhere", "not the folder of a sweep"])
    assert not (tmp_path / "elsewhere").exists()


def test_a_summary_is_drawn_with_a_panel_a_column(summary):
    points = list(csv.DictReader(io.StringIO((summary / "results/summary-points.csv").read_text())))
    rows = {(row["placement"], row["size"]): row for row in csv.DictReader(io.StringIO((summary / "results/summary.csv").read_text()))}
    drawn = {(point["panel"], point["series"], point["y"]): point["x"] for point in points}
    for (placement, size), row in rows.items():
        assert drawn["stream growth", size, placement] == row["stream_growth"]
        assert drawn["a short ramp", f"{size}, at least", placement] == row["a_short_ramp"]
    text = (summary / "results/summary.svg").read_text()
    assert "held-out perplexity" in text and "bore every rate" in text
    assert "side by side" in (summary / "results/results.md").read_text()


@pytest.mark.parametrize(
    ("old", "new", "mentions"),
    [
        ("activations: true", "activations: false", ["stream growth", "activations: true"]),
        ("title: a short ramp", "title: largest stable rate", ["two columns"]),
        (", title: held-out perplexity", ", says: low", ["`says`", "claim"]),
        ("{measure: perplexity,", "{title2: x, measure: perplexity,", ["title2", "did you mean title"]),
        ("{measure: perplexity,", "{of: {size: small}, measure: perplexity,", ["size", "other columns"]),
        ("lines: placement", "lines: rate", ["rate", "size, placement"]),
        ("  - figure: summary\n", "  - figure: curves\n", ["columns", "summary"]),
        ("{says: grows,", "{says: grows, title: x,", ["title", "column"]),
    ],
)  # fmt: skip
def test_wrong_summaries(old, new, mentions, tmp_path):
    assert old in SUMMARY
    (tmp_path / "recipe.yaml").write_text(SUMMARY.replace(old, new, 1))
    refuses("recipe", "recipe.yaml", cwd=tmp_path, mentions=["line", *mentions])
    assert not (tmp_path / "nf-probe-runs").exists()


def test_the_index_has_the_verdicts_of_record():
    """`python analyses/verdicts.py` writes what is there."""
    path = ROOT / "analyses/verdicts.py"
    specification = importlib.util.spec_from_file_location("verdicts", path)
    verdicts = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(verdicts)
    for page, text in verdicts.texts().items():
        assert page.read_text() == text, f"{page.name} is not what {path.name} writes"
