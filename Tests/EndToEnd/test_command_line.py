"""Help, version, configuration files, output formats, and what every command has in common."""

import json
import re
import subprocess

import h5py
import pytest
from conftest import PROGRAM, ROOT, environment, flags, refuses, run, run_files, small, succeeds

COMMANDS = ["grads", "train", "sweep", "stability", "recipe", "init", "scales", "ratio", "compare", "evaluate", "finetune", "watch", "info", "export", "pack"]


def test_help_lists_the_commands(tmp_path):
    text = succeeds("--help", cwd=tmp_path).stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command}\b", text, re.M), text


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_has_examples(command, tmp_path):
    text = succeeds(command, "--help", cwd=tmp_path).stdout
    before_usage = text.split("USAGE:")[0]
    assert re.search(rf"^ +nf-probe {command}\b", before_usage, re.M), text


def test_version_names_the_commit(tmp_path):
    version = succeeds("--version", cwd=tmp_path).stdout
    assert re.match(r"nf-probe \d+\.\d+\.\d+ ", version)
    git = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True)
    if git.returncode != 0 or not (ROOT / ".git").exists():
        assert "unknown commit" in version
    else:
        assert git.stdout[:12] in version


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_name_the_commands(shell, tmp_path):
    script = succeeds("--generate-completion-script", shell, cwd=tmp_path).stdout
    for command in COMMANDS:
        assert command in script


def test_unknown_command(tmp_path):
    for words in (["grad"], ["grad", "run.h5", "--quiet"], ["help", "grad"]):
        result = refuses(*words, cwd=tmp_path, mentions=["no command grad ", r"did you mean grads\?", "nf-probe --help"])
        assert result.returncode == 2


def test_a_file_in_the_place_of_the_command(recorded, tmp_path):
    assert refuses(run_files(recorded)[0], cwd=tmp_path, mentions=["is a file", "names a command"]).returncode == 2


def test_unknown_flag(tmp_path):
    assert refuses("grads", "--layer=3", cwd=tmp_path, mentions=["--layer"]).returncode == 2


def test_results_go_to_stdout_and_progress_to_stderr(tmp_path):
    result = succeeds("grads", *small(out="runs"), cwd=tmp_path)
    for architecture in ("post-ln", "pre-ln", "normformer"):
        assert architecture in result.stdout.lower()
    assert "\x1b" not in result.stdout + result.stderr, "colour or cursor movement without a terminal"


def test_quiet_leaves_only_the_results(tmp_path):
    loud = succeeds("grads", *small(out="loud"), cwd=tmp_path)
    quiet = succeeds("grads", *small(out="quiet", quiet=True), cwd=tmp_path)
    assert quiet.stderr == ""
    assert quiet.stdout.replace("quiet", "loud") == loud.stdout


def test_default_output_folder_is_the_next_free_one(tmp_path):
    for number in ("001", "002"):
        succeeds("grads", *small(), cwd=tmp_path)
        assert run_files(tmp_path / "nf-probe-runs" / f"grads-{number}")


@pytest.mark.parametrize("name", ["csv", "json", "markdown", "latex"])
def test_formats(name, recorded, tmp_path):
    text = succeeds("grads", *run_files(recorded), *flags(format=name, out="o"), cwd=tmp_path).stdout
    if name == "json":
        json.loads(text)
    expected = {"csv": ",", "json": "{", "markdown": "| ", "latex": r"\begin{tabular"}[name]
    assert expected in text and "normformer" in text.lower()


def test_configuration_file_and_flags_that_win(tmp_path):
    names = {"layers": 3, "dim": 12, "heads": 3, "ffn-dim": 20, "vocab-size": 32, "sequence": 8, "batch": 2, "steps": 4}
    lines = [f"{name}: {value}" for name, value in names.items()]
    (tmp_path / "probe.yaml").write_text("\n".join([*lines, "architectures: [pre-ln]"]) + "\n")
    succeeds("grads", *flags(config="probe.yaml", layers=2, out="runs"), cwd=tmp_path)
    (path,) = run_files(tmp_path / "runs")
    with h5py.File(path) as file:
        assert file["layer"].shape == (2,)
        assert file["step"].shape == (4,)
        assert file.attrs["architecture"] == "pre-ln"


def test_unknown_key_names_the_nearest(tmp_path):
    (tmp_path / "probe.yaml").write_text("layrs: 3\n")
    refuses("grads", *flags(config="probe.yaml", out="runs"), cwd=tmp_path, mentions=["layrs", r"\blayers\b"])
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("text", ["layers: [1\n", "- layers\n", "layers: many\n", "layers: 3\nlayers: 4\n", "\0\1\2"])
def test_broken_configuration(text, tmp_path):
    (tmp_path / "probe.yaml").write_text(text)
    refuses("grads", *flags(config="probe.yaml", out="runs"), cwd=tmp_path, mentions=["probe.yaml|layers"])


def test_a_reader_that_goes_away_is_no_crash(recorded, tmp_path):
    process = subprocess.Popen(
        [PROGRAM, "export", str(run_files(recorded)[0])], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.read(1)
    process.stdout.close()
    stderr = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) in (0, 1, -13, 141)
    assert "rror" not in stderr or len(stderr.splitlines()) <= 3


def test_two_runs_of_one_command_do_not_overwrite(tmp_path):
    succeeds("grads", *small(out="runs", architectures="pre-ln"), cwd=tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    refuses("grads", *small(out="runs", architectures="pre-ln"), cwd=tmp_path, mentions=["runs", "exist|empty"])
    assert before == {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()}


def test_info_says_what_a_file_holds(recorded, tmp_path):
    for path in run_files(recorded):
        text = succeeds("info", path, cwd=tmp_path).stdout
        with h5py.File(path) as file:
            for name in ("run_id", "architecture", "program"):
                assert str(file.attrs[name]) in text, name
        assert re.search(r"\b12\b", text), "number of steps"
    assert run("info", cwd=tmp_path).returncode == 2
