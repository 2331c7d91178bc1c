"""`nf-probe report`: one page of a set of runs, and its parts as files."""

import csv
import html.parser
import io
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import h5py
import numpy
import pytest
from conftest import by_architecture, flags, refuses, run_files, small, succeeds

VOID = {"meta", "br", "wbr", "img", "input", "hr", "link"}


class Page(html.parser.HTMLParser):
    """What a strict reader finds in a page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.problems = [], [], [], [], []
        self.headings, self.text, self.tables = [], "", 0
        self.feed(text)
        self.close()
        self.problems += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if len(values) != len(attributes):
            self.problems.append(f"<{tag}> has an attribute twice")
        if "id" in values:
            self.ids.append(values["id"])
        if "href" in values:
            self.links.append(values["href"])
        self.sources += [values[name] for name in ("src", "srcset", "data", "poster", "xlink:href") if name in values]
        if tag in ("script", "iframe", "object", "embed", "form", "img"):
            self.problems.append(f"there is a <{tag}>")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.tables += tag == "table"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        # Allowed within SVG alone.
        if "svg" not in self.open:
            self.problems.append(f"<{tag}/> outside of SVG")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes something else")

    def handle_data(self, text):
        if "style" not in self.open:
            self.text += text


def check(folder):
    """Everything that holds of every report; gives the page."""
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert not page.problems, page.problems[:5]
    assert len(set(page.ids)) == len(page.ids)
    assert not page.sources and not re.search(r"https?:|//[a-z]|@import|url\(", text)
    assert len(text) < 5_000_000
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        else:
            assert (folder / link).is_file(), link
    # One first heading, and none below that skips a level.
    assert page.headings.count(1) == 1 and page.headings[0] == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:]))
    assert not re.search(r"\bnan\b|Optional\(|\binf\b", page.text)
    for path in (folder / "figures").glob("*.svg"):
        ElementTree.fromstring(path.read_bytes())
        # The picture of wirings shows no data.
        assert path.with_name(path.stem + "-points.csv").is_file() == (path.stem != "wiring")
    for path in (folder / "tables").glob("*.csv"):
        rows = list(csv.reader(io.StringIO(path.read_text())))
        assert len({len(row) for row in rows}) == 1
        for ending in (".md", ".tex"):
            assert path.with_suffix(ending).is_file()
    # The other two forms name parts that are there.
    markdown, latex = (folder / "report.md").read_text(), (folder / "report.tex").read_text()
    for link in re.findall(r"\]\(([^)]+)\)", markdown):
        assert (folder / link).is_file(), link
    for name in re.findall(r"\\input\{([^}]+)\}", latex):
        assert (folder / f"{name}.tex").is_file(), name
    for name in re.findall(r"\\includegraphics\[[^]]*\]\{([^}]+)\}", latex):
        assert (folder / f"{name}.svg").is_file(), name
    return page


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def section(folder, name):
    """The lines of report.md under a heading."""
    text = (folder / "report.md").read_text()
    return text.split(f"\n## {name}\n")[1].split("\n## ")[0]


def table(folder, name):
    return list(csv.DictReader(io.StringIO((folder / "tables" / f"{name}.csv").read_text())))


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Three architectures of three seeds, validated. Tests only read it."""
    folder = tmp_path_factory.mktemp("seeds")
    text = " ".join(f"word{number % 37} is {number * 7919 % 101};" for number in range(3000))
    (folder / "text.txt").write_text(text)
    sizes = dict(layers=3, dim=16, heads=2, ffn_dim=32, sequence=16, batch=4, steps=30, warmup=5, lr=0.01, clip=1)
    succeeds(
        "grads",
        *flags(**sizes, seeds=3, corpus="text.txt", hold_out=0.1, validate_every=10, snapshot_every=10, out="runs"),
        cwd=folder,
    )
    return folder / "runs"


@pytest.fixture(scope="module")
def report(seeds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    result = succeeds("report", seeds, "--out=out", "--base=pre-ln", cwd=folder)
    return folder / "out", result


def test_page_is_whole_and_needs_nothing_else(report):
    folder, result = report
    page = check(folder)
    assert "Post-LN" in result.stdout and str("out/report.html") in result.stdout
    assert "What to look at first" in result.stdout
    assert page.tables == len(list((folder / "tables").glob("*.csv")))
    assert "Not shown: no run is a stability test" in page.text
    for words in ("early/late", "Learned scales", "FFN LN α", "clip coefficient", "SHA-256", "Held-out perplexity"):
        assert words in page.text


def test_numbers_are_those_of_the_files(report, seeds):
    folder, _ = report
    rows = {row["group"]: row for row in table(folder, "summary")}
    norms = {row["group"]: row for row in table(folder, "optimization")}
    titles = {"post-ln": "Post-LN", "pre-ln": "Pre-LN", "normformer": "NormFormer"}
    for architecture, title in titles.items():
        files = [h5py.File(path) for path in sorted(seeds.glob(f"{architecture}-seed*.h5"))]
        assert len(files) == 3
        losses = [file["loss"][-10:].mean() for file in files]
        assert numpy.isclose(float(rows[title]["loss"]), numpy.mean(losses), rtol=1e-12)
        validation = [file["validation_loss"][-1] for file in files]
        assert numpy.isclose(float(rows[title]["validation_loss"]), numpy.mean(validation), rtol=1e-12)
        assert numpy.isclose(float(rows[title]["perplexity"]), numpy.exp(numpy.mean(validation)), rtol=1e-12)
        count = sum(int(files[0][name][...].sum()) for name in ("gradient_count", "stem_gradient_count"))
        assert int(rows[title]["parameters"]) == count
        clipped = numpy.concatenate([file["clip_coefficient"][...] for file in files]) < 1
        assert numpy.isclose(float(norms[title]["clipped_percent"]), 100 * clipped.mean(), rtol=1e-12)
        norm = numpy.concatenate([file["gradient_l2"][...] for file in files])
        assert numpy.isclose(float(norms[title]["gradient_l2_median"]), numpy.median(norm), rtol=1e-12)
        assert numpy.isclose(float(norms[title]["gradient_l2_max"]), norm.max(), rtol=1e-12)
        seconds = numpy.concatenate([file["seconds"][...] for file in files])
        (times,) = [row for row in table(folder, "time") if row["group"] == title]
        assert numpy.isclose(float(times["seconds_p95"]), numpy.quantile(seconds, 0.95), rtol=1e-12)
        for file in files:
            file.close()


def test_parts_are_those_of_the_other_commands(report, seeds, tmp_path):
    folder, _ = report
    mismatch = succeeds("grads", *run_files(seeds), "--out=grads", cwd=tmp_path)
    assert (folder / "tables/mismatch.csv").read_text() == (tmp_path / "grads/mismatch.csv").read_text()
    assert "early/late" in mismatch.stdout
    files = sorted(seeds.glob("pre-ln*.h5")) + sorted(seeds.glob("normformer*.h5"))
    ratio = succeeds("ratio", *files, "--format=csv", cwd=tmp_path).stdout
    assert (folder / "tables/ratio-2.csv").read_text() == ratio
    scales = succeeds("scales", *sorted(seeds.glob("normformer*.h5")), "--format=csv", cwd=tmp_path).stdout
    assert (folder / "tables/scales.csv").read_text() == scales
    # Every operation's row of the report's own operation is the mismatch.
    own = {row["group"]: row for row in table(folder, "operations") if row["operation"] == "fc2.weight"}
    for row in csv.DictReader(io.StringIO(succeeds("grads", *run_files(seeds), "--format=csv", cwd=tmp_path).stdout)):
        for key in ("early_late", "early_late_low", "spread_high", "slope"):
            assert float(own[row["architecture"]][key]) == float(row[key])


def test_same_runs_same_bytes(report, seeds, tmp_path):
    succeeds("report", seeds, "--base=pre-ln", "--out=elsewhere", "--quiet", cwd=tmp_path)
    assert contents(tmp_path / "elsewhere") == contents(report[0])


def test_no_folder_of_this_machine_is_in_it(report, seeds):
    page = (report[0] / "report.html").read_text()
    assert str(seeds) not in page and str(seeds.parent) not in page
    assert "nf-probe report runs --base pre-ln" in page


def test_one_run_says_what_it_lacks(recorded, tmp_path):
    succeeds("report", by_architecture(recorded)["pre-ln"], "--out=one", cwd=tmp_path)
    page = check(tmp_path / "one")
    for reason in ("between two", "no run has scales", "no run was validated", "one group of runs"):
        assert reason in page.text
    assert "fewer than three seeds" in page.text


def test_mixed_depths_folders_and_files(recorded, seeds, tmp_path):
    arguments = small(layers=3, architectures="pre-ln,normformer", out="shallow", steps=12)
    succeeds("grads", *arguments, cwd=tmp_path)
    # A folder, and files of it again: each run once.
    result = succeeds(
        "report", "shallow", *run_files(tmp_path / "shallow"), recorded, "--out=mixed", cwd=tmp_path
    )
    check(tmp_path / "mixed")
    assert len(table(tmp_path / "mixed", "runs")) == 5
    assert "NormFormer, layers 3 over Pre-LN, layers 3" in section(tmp_path / "mixed", "Gradients against a baseline")
    assert "Models of 5 layers" in section(tmp_path / "mixed", "Learned scales")
    assert "more than the architecture: " in result.stdout
    # With one base for all, depths that cannot be compared are said to be.
    succeeds("report", "shallow", recorded, "--base=post-ln", "--out=based", cwd=tmp_path)
    page = check(tmp_path / "based")
    assert "needs equal depths" in page.text


def test_stability_and_sweep(tmp_path):
    sizes = dict(layers=2, dim=12, heads=3, ffn_dim=20, vocab_size=32, sequence=8, batch=2)
    succeeds("stability", *flags(**sizes, max_steps=60, lr_slope=0.02, seeds=2, out="stability"), cwd=tmp_path)
    (tmp_path / "grid.yaml").write_text(
        "title: two rates\n"
        "base: {layers: 2, dim: 12, heads: 3, ffn-dim: 20, vocab-size: 32, sequence: 8, batch: 2, steps: 12,"
        " warmup: 3, corpus: text.txt, hold-out: 0.2}\n"
        "vary:\n  lr: [0.001, 0.01]\nseeds: 2\nchoose: lr\n"
    )
    (tmp_path / "text.txt").write_text(" ".join(str(number % 7) for number in range(3000)))
    (tmp_path / "grid.yaml").write_text((tmp_path / "grid.yaml").read_text().replace(" vocab-size: 32,", ""))
    succeeds("sweep", "grid.yaml", "--out=sweep", cwd=tmp_path)
    succeeds("report", "stability", "sweep", "--out=out", cwd=tmp_path)
    page = check(tmp_path / "out")
    assert "Sweep: two rates" in page.text and "peak LR" in page.text
    assert (tmp_path / "out/tables/sweep-best.csv").is_file()
    own = succeeds("stability", *run_files(tmp_path / "stability"), "--format=csv", cwd=tmp_path).stdout
    assert (tmp_path / "out/tables/stability.csv").read_text() == own
    succeeds("report", "stability", "--out=alone", cwd=tmp_path)
    assert "all runs are stability tests" in check(tmp_path / "alone").text


def test_words_of_strangers_stay_words(recorded, tmp_path):
    path = shutil.copy(by_architecture(recorded)["pre-ln"], tmp_path / "<img src=x>&.h5")
    title = "</title><script>alert(1)</script> & \"quoted\" `tick` $x_1$"
    succeeds("report", path, f"--title={title}", "--out=out", cwd=tmp_path)
    page = check(tmp_path / "out")
    assert title in page.text and "<img src=x>&.h5" in page.text


def test_killed_and_not_finite_runs_are_said_first(recorded, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(recorded, runs)
    path = by_architecture(runs)["post-ln"]
    succeeds("grads", *small(architectures="pre-ln", lr=1e30, out="burst"), cwd=tmp_path)
    result = succeeds("report", runs, *run_files(tmp_path / "burst"), "--out=out", cwd=tmp_path)
    page = check(tmp_path / "out")
    assert "problem: Pre-LN" in result.stdout and re.search(r"not finite at \d+ step", page.text)
    assert re.search(r"gradients of \d+ tensors? are not: decoder\.", page.text)
    # A damaged row is left out, and the page says so.
    with h5py.File(path, "r+") as file:
        file["loss"][3] = 17
    result = succeeds("report", runs, "--out=damaged", cwd=tmp_path)
    page = check(tmp_path / "damaged")
    assert "1 damaged row" in result.stderr and "1 damaged row of step left out" in page.text
    assert "steps are missing between 2 and 4" in page.text


def test_folders_and_overwriting(recorded, tmp_path):
    succeeds("report", recorded, cwd=tmp_path)
    succeeds("report", recorded, cwd=tmp_path)
    assert (tmp_path / "nf-probe-runs/report-002/report.html").is_file()
    refuses("report", recorded, "--out=nf-probe-runs/report-001", cwd=tmp_path, mentions=["--overwrite"])
    folder = tmp_path / "nf-probe-runs" / "report-001"
    (folder / "figures" / "of-an-earlier-report.svg").write_text("<svg/>")
    (folder / "figures" / "notes.txt").write_text("mine")
    succeeds("report", recorded, "--out=nf-probe-runs/report-001", "--overwrite", cwd=tmp_path)
    assert not (folder / "figures" / "of-an-earlier-report.svg").exists()
    assert (folder / "figures" / "notes.txt").exists() and len(list((folder / "figures").glob("*.svg"))) > 2


def test_options_reach_the_parts(recorded, tmp_path):
    succeeds(
        "report", recorded, "--operation=fc1.weight", "--window=6:12", "--title=A title", "--paper", "--out=out",
        cwd=tmp_path,
    )  # fmt: skip
    page = check(tmp_path / "out")
    assert "Gradient mismatch of fc1.weight, L1 norm over steps 6 to 11" in page.text
    assert "L1 norm over steps 6 to 11" in section(tmp_path / "out", "Gradients against Pre-LN")
    assert (tmp_path / "out/report.md").read_text().startswith("# A title\n")
    assert "125M, digitised" in page.text
    assert "--operation fc1.weight" in page.text


def test_wrong_input_is_refused_in_words(recorded, tmp_path):
    files = by_architecture(recorded)
    (tmp_path / "empty").mkdir()
    (tmp_path / "random.h5").write_bytes(numpy.random.default_rng(0).bytes(5000))
    (tmp_path / "cut.h5").write_bytes(files["pre-ln"].read_bytes()[:3000])
    (tmp_path / "deep" / "runs").mkdir(parents=True)
    shutil.copy(files["pre-ln"], tmp_path / "deep/runs/run.h5")
    shutil.copy(files["pre-ln"], tmp_path / "again.h5")
    refuses("report", cwd=tmp_path, mentions=["run or folder|run files"])
    refuses("report", "missing.h5", cwd=tmp_path, mentions=["missing.h5", "exist"])
    refuses("report", "empty", cwd=tmp_path, mentions=["empty", "no run files"])
    refuses("report", "deep", cwd=tmp_path, mentions=["no run files", "runs"])
    refuses("report", "random.h5", cwd=tmp_path, mentions=["random.h5"])
    refuses("report", files["post-ln"], "cut.h5", cwd=tmp_path, mentions=["cut.h5"])
    refuses("report", files["pre-ln"], "again.h5", cwd=tmp_path, mentions=["again.h5", "same run"])
    refuses("report", recorded, "--operation=fc3.weight", cwd=tmp_path, mentions=["fc3.weight", "did you mean"])
    refused = refuses("report", recorded, "--base=sandwich", cwd=tmp_path, mentions=["sandwich", "Post-LN"])
    assert refused.returncode == 2
    refuses("report", recorded, "--window=9:3", cwd=tmp_path, mentions=["9:3"])
    refuses("report", recorded, "--window=500:600", cwd=tmp_path, mentions=["steps 500 to 599", "steps 0 to 11"])
    succeeds("train", *small(architecture="pre-ln", checkpoint_every=12, out="train"), cwd=tmp_path)
    (checkpoint,) = [path for path in (tmp_path / "train").rglob("step-*.safetensors") if ".state." not in path.name]
    refuses("report", checkpoint, cwd=tmp_path, mentions=["is a checkpoint", "nf-probe scales"])
    succeeds("report", "train", "--out=trained", cwd=tmp_path)
    succeeds("grads", *small(architectures="pre-ln", objective="masked", out="masked"), cwd=tmp_path)
    refuses("report", recorded, "masked", cwd=tmp_path, mentions=["do not mean the same"])
    succeeds("report", recorded, "masked", "--mix-contracts", "--out=both", cwd=tmp_path)
    assert "different number contracts" in check(tmp_path / "both").text
    assert not (tmp_path / "nf-probe-runs").exists()


def test_latex_compiles(report, tmp_path):
    if not (shutil.which("pdflatex") and shutil.which("rsvg-convert")):
        pytest.skip("pdflatex or rsvg-convert is not installed")
    folder = tmp_path / "report"
    shutil.copytree(report[0], folder)
    for path in (folder / "figures").glob("*.svg"):
        subprocess.run(["rsvg-convert", "-f", "pdf", "-o", path.with_suffix(".pdf"), path], check=True)
    result = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"], cwd=folder, capture_output=True
    )
    if b".sty' not found" in result.stdout:
        pytest.skip("a LaTeX package is not installed")
    assert result.returncode == 0, result.stdout.decode(errors="replace")[-3000:]


def test_steps_are_those_made_not_those_recorded(tmp_path):
    succeeds("train", *small(architecture="pre-ln", steps=12, every=5, out="run"), cwd=tmp_path)
    succeeds("report", "run", "--out=report", cwd=tmp_path)
    (row,) = csv.DictReader((tmp_path / "report/tables/runs.csv").open())
    assert row["updates"] == "12" and row["records"] == "3"
