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
from conftest import PROGRAM, environment, small

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
