"""The page of `nf-probe watch` in a notebook: runs while they grow."""

from __future__ import annotations

import atexit
import html
import os
import subprocess

from ..errors import ProgramError, UsageError
from ..program import NAME, find_program


class Watching:
    """A server that shows run files and folders of them until `stop()`, or until Python ends.

    Shown as the result of a cell it is the page itself, where the notebook's browser runs on this machine; elsewhere,
    `print` it: it says how the page is reached.
    """

    def __init__(self, *paths: str | os.PathLike[str], port: int | None = None, height: int = 900) -> None:
        """Starts the server.

        Args:
            paths: Run files, and folders that hold some.
            port: Its port; a free one by default.
            height: Of the page in a notebook, in pixels.

        Raises:
            ProgramError: There is no program, or it cannot serve: what it said of the reason.
        """
        if not paths:
            raise UsageError("name run files, or folders that hold some")
        words = [os.fspath(path) for path in paths] + ["--no-open"]
        if port is not None:
            words.append(f"--port={port}")
        self._process = subprocess.Popen(
            [find_program(), "watch", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        if not self.address:
            raise ProgramError(f"{NAME} watch: {self._process.communicate()[1].strip()}")
        self.height = height
        atexit.register(self.stop)

    @property
    def is_running(self) -> bool:
        """Whether the page can be seen."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends the server; once more does nothing."""
        atexit.unregister(self.stop)
        if self.is_running:
            self._process.terminate()
        self._process.communicate()

    def __repr__(self) -> str:
        if not self.is_running:
            return "the page is closed"
        port = self.address.split(":")[2].split("/")[0]
        return (
            f"{self.address}\nFrom another machine: ssh -L {port}:127.0.0.1:{port} HOST, then the same address there. "
            "stop() ends it."
        )

    def _repr_html_(self) -> str:
        if not self.is_running:
            return "<p>The page is closed.</p>"
        address = html.escape(self.address)
        return (
            f'<iframe src="{address}" title="Runs while they grow" width="100%" height="{self.height}"'
            ' style="border: 0"></iframe>'
            f'<p><a href="{address}" target="_blank">{address}</a></p>'
        )


def watch(*paths: str | os.PathLike[str], port: int | None = None, height: int = 900) -> Watching:
    """Shows run files, and folders of them, as a page that grows with them; see `Watching`."""
    return Watching(*paths, port=port, height=height)
