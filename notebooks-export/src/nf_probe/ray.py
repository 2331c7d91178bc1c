"""Runs a sweep or a recipe on a Ray cluster: `python -m nf_probe.ray grid.yaml --out rates`.

Each task makes a share of the runs (`nf-probe sweep --shard`) in a folder that all machines see. A task whose worker or
machine dies is tried again, and what others find unclaimed meanwhile they make.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import h5py

from .errors import NFProbeError
from .exitstatus import exit_status
from .program import command, find_program

_FINISHED = 2
"""The status of a run that has come to its end."""


class ClusterError(NFProbeError):
    """A sweep did not come to its end on a cluster."""


def make_share(program: str, grid: str, out: str, shard: str, threads: int) -> str:
    """One task: makes a share of the runs, then what others have left.

    Raises:
        ClusterError: The program failed: what it said.
    """
    words = [program, "sweep", grid, "--out", out, "--shard", shard, "--threads", str(threads), "--quiet"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"share {shard}: {done.stderr.strip()[-2000:] or f'exit status {done.returncode}'}")
    return shard


def run(
    grid: Path, out: Path, *, shares: int | None = None, cpus: int = 2, gpus: float = 0, address: str | None = None,
    retries: int = 3, told: TextIO | None = None,
) -> None:  # fmt: skip
    """Runs a sweep on a cluster, and waits for its end.

    Args:
        grid: The file of a sweep or of a recipe.
        out: The folder of its runs, which all machines see.
        shares: Tasks; by default as many as the cluster has room for at once.
        cpus: Processors of a task, and threads of a run.
        gpus: Accelerators of a task, or the part of one, for a grid of commands that use them.
        address: The cluster; by default the one that Ray finds, else one on this machine.
        retries: How often a task is tried again.
        told: Takes lines of progress, if it is given.

    Raises:
        ClusterError: A share failed to the last try, or runs are missing.
    """
    try:
        import ray
    except ImportError:
        raise ClusterError("Ray is not installed: pip install 'nf-probe[ray]'") from None
    ray.init(address=address, log_to_driver=False, ignore_reinit_error=True)
    try:
        room = ray.cluster_resources()
        places = [int(room.get("CPU", cpus)) // cpus] + ([int(room.get("GPU", 0) / gpus)] if gpus else [])
        if gpus and not places[-1]:
            raise ClusterError(f"the cluster has {room.get('GPU', 0):g} GPUs, and a task is to have {gpus:g}")
        count = shares or max(1, min(places))
        task = ray.remote(make_share).options(
            num_cpus=cpus, num_gpus=gpus, max_retries=retries, retry_exceptions=[ClusterError]
        )
        program, words = str(find_program()), (str(grid.resolve()), str(out.resolve()))
        waiting = [task.remote(program, *words, f"{index + 1}/{count}", cpus) for index in range(count)]
        _wait(ray, waiting, out, told)
    finally:
        ray.shutdown()
    finished, of = progress(out)
    if finished < of:
        raise ClusterError(
            f"{of - finished} of {of} runs in {out} are not finished; the same command goes on with them"
        )


def _wait(ray: Any, waiting: list[Any], out: Path, told: TextIO | None) -> None:
    begin, count = time.monotonic(), len(waiting)
    while waiting:
        done, waiting = ray.wait(waiting, num_returns=1, timeout=2)
        try:
            ray.get(done)
        except Exception as error:
            raise ClusterError(f"a share failed to its last try: {error}") from error
        if told is not None:
            finished, of = progress(out)
            minutes = (time.monotonic() - begin) / 60
            told.write(f"{finished} of {of} runs, {count - len(waiting)} of {count} shares, {minutes:.1f} min\n")
            told.flush()


def progress(folder: Path) -> tuple[int, int]:
    """Runs of a sweep's folder that are finished, and how many it is to have; 0 of 0 before its plan is there."""
    try:
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0, 0
    return sum(map(_is_finished, folder.glob("*.h5"))), len(plan["cells"]) * len(plan["seeds"])


def _is_finished(path: Path) -> bool:
    """Whether nobody writes the file, and its run came to its end."""
    try:
        with h5py.File(path) as file:
            return int(file["status"][-1]) == _FINISHED
    except (OSError, KeyError, ValueError):
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m nf_probe.ray", description="Run an nf-probe sweep or recipe on a Ray cluster."
    )
    parser.add_argument("grid", type=Path, help="the YAML file of a sweep or of a recipe")
    parser.add_argument("--out", type=Path, required=True, help="the folder of its runs, which all machines see")
    parser.add_argument("--shares", type=int, help="tasks (default: as many as there is room for at once)")
    parser.add_argument("--cpus", type=int, default=2, help="processors of a task, and threads of a run (default: 2)")
    parser.add_argument("--gpus", type=float, default=0, help="accelerators of a task, for commands (default: 0)")
    parser.add_argument("--address", help="the cluster (default: the one that Ray finds, else this machine)")
    parser.add_argument("--retries", type=int, default=3, help="how often a task is tried again (default: 3)")
    options = parser.parse_args(arguments)
    for name in ("shares", "cpus"):
        if (number := getattr(options, name)) is not None and number < 1:
            parser.error(f"--{name} must be at least 1, not {number}")
    if not 0 <= options.gpus < math.inf:
        parser.error(f"--gpus must not be negative, not {options.gpus}")
    return exit_status("nf_probe.ray", lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    run(
        options.grid, options.out, shares=options.shares, cpus=options.cpus, gpus=options.gpus, address=options.address,
        retries=options.retries, told=sys.stderr,
    )  # fmt: skip
    if _is_recipe(options.grid):
        print(command("recipe", options.grid, "--runs", options.out, "--as-is"), end="")
    else:
        print(command("sweep", options.out), end="")


def _is_recipe(path: Path) -> bool:
    """Whether a file asks a question of its sweep, and is not the sweep alone."""
    file = path / "recipe.yaml" if path.is_dir() else path
    return re.search(r"^[\"']?sweep[\"']?\s*:", file.read_text(encoding="utf-8"), re.MULTILINE) is not None


if __name__ == "__main__":
    sys.exit(main())
