"""The package in an environment that has nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nf_probe
from conftest import ROOT
from models import make


def test_it_installs_without_pytorch_and_reads(tmp_path: Path) -> None:
    nf_probe.Recorder(tmp_path / "run.h5", make()).close()
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "clean")], check=True)
    python = str(tmp_path / "clean/bin/python")
    # A copy: building leaves files behind.
    source = shutil.copytree(
        ROOT / "notebooks-export", tmp_path / "source", ignore=shutil.ignore_patterns("build", "*.egg-info", ".*")
    )
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(source)]
    subprocess.run(install, check=True, timeout=240)
    code = """
import importlib.util, sys, nf_probe
assert importlib.util.find_spec("torch") is None
run = nf_probe.open(sys.argv[1])
assert run.status == "finished" and run.layer_count == 3 and len(run.steps) == 0
try:
    nf_probe.Recorder
except ImportError as error:
    assert "nf-probe[torch]" in str(error)
else:
    raise AssertionError
assert "gpt2" in nf_probe.adapter_names()
"""
    subprocess.run([python, "-c", code, str(tmp_path / "run.h5")], check=True, cwd=tmp_path)
