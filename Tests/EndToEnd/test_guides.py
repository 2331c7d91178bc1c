"""The guides stay true: their commands run, their options and files exist, their links lead somewhere."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse

import pytest
from conftest import PROGRAM, ROOT, environment, flags, succeeds
from guide_blocks import do, steps

CATALOG = ROOT / "Guides.docc"
GUIDES = [ROOT / "README.md", *sorted(CATALOG.glob("*.md"))]
PAGES = [*GUIDES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]

# Options of the Python package's modules and of other programs, which `nf-probe` does not have.
FOREIGN = {"--tokenizer", "--system", "--directory", "--name-only", "--cpus", "--gpus", "--address"}

# Sizes at which a training takes a fraction of a second. What a guide's command says itself wins.
MODEL = dict(layers=5, dim=12, heads=3, ffn_dim=20)
BATCHES = dict(sequence=8, batch=2)
TRAINING = dict(**BATCHES, steps=12, warmup=3, lr=0.01)
SMALL = {
    "grads": {**MODEL, **TRAINING}, "train": {**MODEL, **TRAINING}, "stability": {**MODEL, **BATCHES},
    "bench": {**MODEL, **BATCHES}, "init": dict(dim=12, heads=3, ffn_dim=20, batches=2, **BATCHES),
}  # fmt: skip

# Stands for `nf-probe` on the PATH: sizes come first, but where they are in files that are read, in a run that goes on, in settings in
# a file, or in the tensors of a checkpoint.
WRAPPER = """#!{python}
import os, sys
command, *words = sys.argv[1:]
if any(word.endswith(".h5") or word in ("--resume", "--config") for word in words):
    small = []
elif "--from-checkpoint" in words:
    small = {from_checkpoint}
else:
    small = {small}.get(command, [])
os.execv({program!r}, ["nf-probe", command, *small, *words])
"""


@pytest.fixture
def workplace(tmp_path) -> pathlib.Path:
    """A folder with a text to train on."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "book.txt").write_text((CATALOG / "Mismatch.md").read_text(encoding="utf-8"), encoding="utf-8")
    return folder


@pytest.fixture
def path_with_wrapper(tmp_path) -> str:
    wrapper = tmp_path / "bin" / "nf-probe"
    wrapper.parent.mkdir()
    small = {command: flags(**sizes) for command, sizes in SMALL.items()}
    wrapper.write_text(
        WRAPPER.format(python=sys.executable, from_checkpoint=flags(**TRAINING), small=small, program=str(PROGRAM))
    )
    wrapper.chmod(0o755)
    return f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_commands_of_a_guide_run(guide, workplace, path_with_wrapper):
    for step in steps(guide):
        if not step.needs_torch:
            do(step, workplace, environment(PATH=path_with_wrapper))


def test_the_guides_have_commands_that_are_run():
    assert sum(len(list(steps(guide))) for guide in GUIDES) >= 40


def rows_of_the_table(text: str) -> dict[str, list[str]]:
    """The cells of a mismatch table by architecture, but for `n`, which the README leaves out."""
    lines = [line.split("  ") for line in text.splitlines() if re.match("(Post-LN|Pre-LN|NormFormer) ", line)]
    return {cells[0]: [cell.strip() for cell in cells[1:] if cell.strip()][:9] for cells in lines}


def test_the_readme_shows_what_the_first_command_prints(tmp_path):
    """To the last digit, on any kernels. One architecture of three, unless NF_PROBE_README is `all` (`make soak`)."""
    wanted = ["post-ln", "pre-ln", "normformer"] if os.environ.get("NF_PROBE_README") == "all" else ["pre-ln"]
    shown = rows_of_the_table((ROOT / "README.md").read_text(encoding="utf-8"))
    made = rows_of_the_table(succeeds("grads", *flags(architectures=wanted, quiet=True), cwd=tmp_path, timeout=600).stdout)
    assert len(made) == len(wanted) and len(shown) == 3
    for architecture, cells in made.items():
        assert cells == shown[architecture]


def test_options_in_the_guides_exist(tmp_path):
    help_text = json.loads(succeeds("--experimental-dump-help", cwd=tmp_path).stdout)
    known = {
        f"--{name['name']}"
        for command in help_text["command"]["subcommands"]
        for argument in command.get("arguments", [])
        for name in argument.get("names", [])
    }
    known |= {f"--no-{name[2:]}" for name in known} | {"--version", "--help"} | FOREIGN
    for guide in GUIDES:
        if guide.stem in ("Tour", "Recorder"):
            continue
        for option in set(re.findall(r"(?<![\w-])--(?!no-\.)[a-z][a-z0-9-]*[a-z0-9]", guide.read_text(encoding="utf-8"))):
            assert option in known, f"{guide.name}: no command has {option}"


def test_every_command_has_a_section():
    program = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, env=environment()).stdout
    commands = re.findall(r"^  ([a-z]+) {2,}", program.split("SUBCOMMANDS:")[1], re.M)
    sections = re.findall(r"^## (\w+)$", (CATALOG / "Commands.md").read_text(encoding="utf-8"), re.M)
    assert len(commands) >= 15
    assert [command for command in commands if command != "help" and command not in sections] == []


def anchor(heading: str) -> str:
    """What git hosts make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M))
    for link in links:
        if re.match(r"https?:", link):
            continue
        path, _, fragment = urllib.parse.unquote(link).partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {link}"
        if fragment:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
            assert fragment in map(anchor, headings), f"{page.name}: {link}"


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_catalog_lists_every_guide():
    index = (CATALOG / "Guides.md").read_text(encoding="utf-8")
    for guide in CATALOG.glob("*.md"):
        assert guide.stem == "Guides" or f"({guide.name})" in index, guide.name
        assert f"Guides.docc/{guide.name}" in (ROOT / "README.md").read_text(encoding="utf-8") or guide.stem == "Guides"


def test_the_tour_names_what_is_there():
    """Files by their names alone, wherever they lie; and every target."""
    tour = (CATALOG / "Tour.md").read_text(encoding="utf-8")
    folders = ["Sources", "Tests", "Examples", "Guides.docc", "notebooks-export", "scripts"]
    there = {path.name for folder in folders for path in (ROOT / folder).rglob("*.*")}
    # Names of what a reader is to make begin so.
    named = {
        name for name in re.findall(r"`(?:[\w/.-]*/)?([\w+-]+\.(?:swift|py|md|json))`", tour) if not name.startswith("My")
    }
    assert len(named) >= 20 and sorted(named - there) == []
    targets = [
        folder.name for folder in (ROOT / "Sources").iterdir() if folder.is_dir() and not re.match("C[A-Z]", folder.name)
    ]
    assert [target for target in targets if not re.search(rf"\b{target}\b", tour)] == []


def test_the_guides_build_as_a_site(tmp_path):
    """DocC's warnings are errors: links to pages and sections that are not there, marks that it does not know."""
    if not shutil.which("docc") and not shutil.which("swift"):
        pytest.skip("there is no Swift toolchain")
    subprocess.run([ROOT / "scripts" / "docs.sh", tmp_path / "site"], check=True, capture_output=True, timeout=120)
    pages = {path.stem for path in (tmp_path / "site" / "data" / "documentation" / "guides").glob("*.json")}
    assert pages == {guide.stem.lower() for guide in CATALOG.glob("*.md")} - {"guides"}
