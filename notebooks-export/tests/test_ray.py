"""A sweep on a local Ray cluster, with a worker that is killed on the way.

Without Ray only its absence is tested: `make ray-check` installs it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from conftest import PROGRAM, Run
from nf_probe import ray as cluster
from nf_probe.errors import NFProbeError

GRID = """
title: sizes and rates
base: {{layers: 2, dim: 12, heads: 3, ffn-dim: 20, vocab-size: 32, sequence: 8, batch: 2, steps: {steps}, warmup: 3}}
vary:
  architecture: [pre-ln, normformer]
  lr: [0.01, 0.02]
seeds: {seeds}
"""


def grid(folder: Path, *, steps: int, seeds: int) -> Path:
    path = folder / "grid.yaml"
    path.write_text(GRID.format(steps=steps, seeds=seeds))
    return path


def content(path: Path) -> dict[str, np.ndarray]:
    attempt = ("seconds", "attempt_checksum", "segment", "status", "event")
    with h5py.File(path) as file:
        return {name: file[name][...] for name in file if not name.startswith(attempt)}


def test_a_cluster_makes_what_one_process_makes(
    tmp_path: Path, nf_probe_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("NF_PROBE", str(PROGRAM))
    path = grid(tmp_path, steps=60, seeds=15)
    nf_probe_command("sweep", path, "--out", tmp_path / "alone", "--threads=1", "--quiet")
    killed: list[int] = []

    def kill() -> None:
        """The first share's process, once it has begun."""
        while not killed:
            time.sleep(0.2)
            found = subprocess.run(["pgrep", "-f", f"sweep .*{tmp_path}.* --shard 1/3"], capture_output=True, text=True)
            for pid in map(int, found.stdout.split()):
                if list((tmp_path / "together").glob("*.h5")):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                    break

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    told = io.StringIO()
    cluster.run(path, tmp_path / "together", shares=3, cpus=1, told=told)
    assert killed and "60 of 60 runs, 3 of 3 shares" in told.getvalue()
    names = sorted(one.name for one in (tmp_path / "alone").glob("*.h5"))
    assert len(names) == 60
    for name in names:
        one, other = content(tmp_path / "alone" / name), content(tmp_path / "together" / name)
        assert one.keys() == other.keys()
        for variable, values in one.items():
            is_real = values.dtype.kind == "f"
            assert np.array_equal(values, other[variable], equal_nan=is_real), (name, variable)


def test_a_recipe_is_made_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("NF_PROBE", str(PROGRAM))
    sweep = grid(tmp_path, steps=10, seeds=3).read_text().strip().replace("\n", "\n  ")
    claim = "{says: it learns, measure: perplexity, of: {architecture: pre-ln, lr: 0.02}, above: 1}"
    (tmp_path / "recipe.yaml").write_text(f"question: Does it?\nsweep:\n  {sweep}\nclaims:\n  - {claim}\n")
    assert cluster.main([str(tmp_path), "--out", str(tmp_path / "made"), "--shares=2", "--cpus=1"]) == 0
    shown = capsys.readouterr().out
    assert "it learns" in shown and "holds" in shown
    assert cluster.main([str(tmp_path), "--out", str(tmp_path / "made"), "--cpus=1", "--gpus=1"]) == 1
    assert "0 GPUs" in capsys.readouterr().err


def test_a_grid_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("NF_PROBE", str(PROGRAM))
    path = grid(tmp_path, steps=10, seeds=1)
    path.write_text(path.read_text().replace("heads: 3", "heads: 5"))
    with pytest.raises(NFProbeError, match="heads"):
        cluster.run(path, tmp_path / "out", shares=2, cpus=1, retries=0)


def test_without_ray_it_says_what_to_install(tmp_path: Path) -> None:
    script = "import sys; sys.modules['ray'] = None; from nf_probe.ray import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", script, str(grid(tmp_path, steps=1, seeds=1)), "--out", str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1 and "pip install 'nf-probe[ray]'" in done.stderr
    wrong = subprocess.run([*words, "--cpus=0"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "--cpus" in wrong.stderr
