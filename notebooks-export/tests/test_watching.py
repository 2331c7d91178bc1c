"""The page of `nf-probe watch`, from Python."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

import nf_probe
from conftest import PROGRAM


@pytest.fixture(autouse=True)
def _built_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NF_PROBE", str(PROGRAM))


def test_a_run_is_watched_from_a_notebook(tmp_path: Path) -> None:
    sizes = ("--layers=2", "--dim=8", "--heads=2", "--sequence=8", "--batch=2", "--vocab-size=32")
    nf_probe.command("train", *sizes, "--steps=6", "--out", tmp_path / "run", "--quiet")
    (path,) = (tmp_path / "run").glob("*.h5")
    page = nf_probe.open(path).watch(height=500)
    try:
        assert (
            page.is_running
            and f'<iframe src="{page.address}"' in page._repr_html_()
            and 'height="500"' in page._repr_html_()
        )
        assert "ssh -L" in repr(page)
        with urllib.request.urlopen(page.address) as answer:
            assert b"<title>nf-probe watch</title>" in answer.read()
            # A notebook on this machine may show it in a frame.
            assert "frame-ancestors 'self' http://localhost:*" in answer.headers["Content-Security-Policy"]
    finally:
        page.stop()
    page.stop()
    assert not page.is_running and "closed" in repr(page) and "closed" in page._repr_html_()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(page.address)


def test_what_cannot_be_watched_is_said(tmp_path: Path) -> None:
    with pytest.raises(nf_probe.ProgramError, match="does not exist"):
        nf_probe.watch(tmp_path / "none")
    with pytest.raises(nf_probe.UsageError):
        nf_probe.watch()
