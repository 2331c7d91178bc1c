"""What is shown on a terminal while a run goes on, and how the terminal is left."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import pytest
from conftest import PROGRAM, environment, run, run_files, small, succeeds

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(arguments, folder, columns=100, rows=30, interrupt_after=None, **variables) -> tuple[int, str]:
    """Runs the program on a terminal of its own; its exit status and everything that it wrote there."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [PROGRAM, *arguments], cwd=folder, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        env=environment(TERM="xterm-256color", **variables),
    )  # fmt: skip
    os.close(terminal)
    output = b""
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            try:
                output += os.read(controller, 65536)
            except OSError:  # The other side is closed.
                break
            if interrupt_after is not None and interrupt_after in output:
                process.send_signal(signal.SIGINT)
                interrupt_after = None
        return process.wait(timeout=30), output.decode()
    finally:
        process.kill()
        os.close(controller)


def check_left_in_order(output: str):
    assert output.count("\x1b[?25l") <= output.count("\x1b[?25h"), "the cursor stays hidden"
    assert output.count("\x1b[?1049h") <= output.count("\x1b[?1049l"), "the second screen stays on"


@pytest.mark.parametrize("columns, rows", [(100, 30), (30, 5), (1, 1), (0, 0), (400, 100)])
def test_live_table(columns, rows, tmp_path):
    status, output = on_terminal(["grads", *small(steps=200, out="runs")], tmp_path, columns, rows)
    assert status == 0, output[-3000:]
    check_left_in_order(output)
    text = CONTROL.sub("", output)
    if columns >= 100:
        for word in ("post-ln", "loss", "early/late"):
            assert word in text.lower()


def test_no_color_is_heeded(tmp_path):
    _, output = on_terminal(["grads", *small(steps=200, out="runs")], tmp_path, NO_COLOR="1")
    colours = re.findall(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7])(?:;[0-9;]*)?m", output)
    assert not colours


def test_interrupted_on_a_terminal(tmp_path):
    arguments = ["grads", *small(steps=10_000_000, architectures="pre-ln", out="runs")]
    status, output = on_terminal(arguments, tmp_path, interrupt_after=b"loss")
    assert status == 130, output[-3000:]
    check_left_in_order(output)


# Tables in terminals from 60 columns up.

@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Commands that print a table each, over runs of three seeds, and what they print into a pipe."""
    folder = tmp_path_factory.mktemp("tables")
    succeeds("grads", *small(out="runs", seeds=3, layers=8), cwd=folder)
    succeeds("train", *small(out="one", keep=2, checkpoint_every=6), cwd=folder)
    succeeds(
        "stability", *small(**dict(steps=None, warmup=None, lr=None, decay=None), out="rates", seeds=3, layers=3),
        "--lr-slope=0.02", "--max-steps=300", "--until=overflow", cwd=folder,
    )  # fmt: skip
    base = "{layers: 2, dim: 12, heads: 3, ffn-dim: 20, vocab-size: 32, sequence: 8, batch: 2, steps: 10, validate-every: 5}"
    (folder / "grid.yaml").write_text(
        f"title: rates\nbase: {base}\nvary: {{architecture: [pre-ln, normformer], lr: [0.003, 0.01]}}\n"
        "seeds: 3\nbaseline: {architecture: pre-ln, lr: 0.003}\nchoose: lr\n"
    )
    succeeds("sweep", "grid.yaml", "--out=grid", "--threads=1", cwd=folder)
    runs = sorted(str(path.relative_to(folder)) for path in (folder / "runs").glob("*.h5"))
    checkpoints = sorted(
        str(path.relative_to(folder))
        for path in folder.glob("one/*.checkpoints/*.safetensors") if ".state." not in path.name
    )  # fmt: skip
    own = {kind: [run for run in runs if f"/{kind}" in run] for kind in ("pre-ln", "normformer")}
    assert len(runs) == 9 and len(checkpoints) == 2
    return folder, {
        "grads": ["grads", *runs],
        "grads, all layers": ["grads", *runs, "--layers-shown=all"],
        "ratio": ["ratio", *own["pre-ln"], *own["normformer"]],
        "scales": ["scales", *own["normformer"]],
        "scales, drift": ["scales", own["normformer"][0], "--table=drift"],
        "compare": ["compare", *checkpoints],
        "compare, by change": ["compare", *checkpoints, "--by=change"],
        "stability": ["stability", *sorted(str(path.relative_to(folder)) for path in (folder / "rates").glob("*.h5"))],
        "sweep": ["sweep", "grid"],
        "sweep, runs": ["sweep", "grid", "--table=runs"],
        "report": ["report", *runs, "--out=report", "--overwrite", "--quiet"],
        "info": ["info", runs[0]],
        "verify": ["verify", *runs[:2]],
    }


TABLES = [
    "grads", "grads, all layers", "ratio", "scales", "scales, drift", "compare", "compare, by change", "stability",
    "sweep", "sweep, runs", "report", "info", "verify",
]  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables_fit_the_terminal(name, tables):
    folder, commands = tables
    piped = succeeds(*commands[name], cwd=folder).stdout
    for columns in (60, 80, 100, 140):
        status, output = on_terminal(commands[name], folder, columns)
        assert status == 0, output[-3000:]
        lines = CONTROL.sub("", output).replace("\r\n", "\n").split("\n")
        wide = [line for line in lines if len(line) > columns]
        assert not wide, f"wider than {columns}: {wide}"
        for line in lines:
            assert line.count("[") == line.count("]"), f"an interval is broken at {columns}: {line}"
        # Every number is there, unless the table says what it leaves out.
        if "Left out to fit" not in output and name != "info":
            numbers = re.compile(r"-?[0-9]+\.[0-9]+(?:e-?[0-9]+)?")
            assert sorted(numbers.findall(output)) == sorted(numbers.findall(piped))


def test_the_mismatch_is_whole_at_every_width(tables):
    """The main result leaves nothing out for three architectures, from 60 columns up."""
    folder, commands = tables
    for columns in (60, 80, 100, 140):
        _, output = on_terminal(commands["grads"], folder, columns)
        assert "Left out" not in output
        for word in ("early/late", "spread", "slope", "post-ln", "pre-ln", "normformer"):
            assert word in output.lower()


def test_columns_of_the_environment_stand_for_the_terminal_s(tables):
    """`COLUMNS` goes before what the terminal says, as for other programs; what is no width is ignored, pipes are not bound by it."""
    folder, commands = tables
    _, narrow = on_terminal(commands["grads"], folder, 60)
    _, wide = on_terminal(commands["grads"], folder, 140)
    assert narrow != wide
    assert on_terminal(commands["grads"], folder, 140, COLUMNS="60")[1] == narrow
    for word in ("", "0", "-5", "wide"):
        assert on_terminal(commands["grads"], folder, 60, COLUMNS=word)[1] == narrow
    piped = subprocess.run(
        [PROGRAM, *commands["grads"]], cwd=folder, capture_output=True, text=True, env=environment(COLUMNS="60")
    ).stdout
    assert piped == succeeds(*commands["grads"], cwd=folder).stdout
    # A terminal that does not know its width gets what a pipe gets.
    assert on_terminal(commands["grads"], folder, 0)[1].replace("\r\n", "\n") == piped


def test_bench_and_init_fit_the_terminal(tmp_path):
    sizes = ["--dim=12", "--heads=3", "--ffn-dim=20", "--vocab-size=32", "--sequence=8", "--batch=2"]
    for arguments in (["bench", "--pairs=5", "--layers=2", *sizes], ["init", "--depths=2,4", "--seeds=3", "-q", *sizes]):
        status, output = on_terminal(arguments, tmp_path, 60)
        assert status == 0, output[-3000:]
        lines = CONTROL.sub("", output).replace("\r\n", "\n").split("\n")
        assert max(map(len, lines)) <= 60
        assert all(line.count("[") == line.count("]") for line in lines)


def test_warnings_are_broken_at_spaces(tmp_path):
    succeeds("train", *small(steps=3, architecture="pre-ln", out="runs"), cwd=tmp_path)
    (path,) = run_files(tmp_path / "runs")
    again = ["train", f"--config={path.relative_to(tmp_path)}", "--steps=4", "--lr=0.02", "--beta1=0.8", "--out=again"]
    status, output = on_terminal(again, tmp_path, 60)
    assert status == 0, output[-3000:]
    lines = CONTROL.sub("", output).replace("\r\n", "\n").split("\n")
    first = next(index for index, line in enumerate(lines) if line.startswith("nf-probe: warning: another run than"))
    assert len(lines[first]) <= 60 and len(lines[first + 1]) <= 60 and "lr" in " ".join(lines[first : first + 4])
    # What is no terminal gets a line.
    piped = run(*again[:-1], "--out=piped", cwd=tmp_path).stderr
    (line,) = [line for line in piped.split("\n") if "warning" in line]
    assert len(line) > 60 and " ".join(lines[first : first + 4]).startswith(line)


@pytest.mark.parametrize("columns", [60, 40])
def test_the_live_table_is_no_wider_than_the_terminal(columns, tmp_path):
    status, output = on_terminal(["grads", *small(steps=300, out="runs")], tmp_path, columns)
    assert status == 0
    drawn = [line for line in output.replace("\r\n", "\n").split("\n") if "\x1b[2K" in line]
    assert drawn and max(len(CONTROL.sub("", line)) for line in drawn) <= columns
