"""A recorded training in a process of its own, to be killed or starved; `test_faults.py` starts it.

Usage: training_process.py PATH STEPS WAY
"""

from __future__ import annotations

import resource
import sys
import time

import torch

import nf_probe
from models import batch, loss_of, make


def main(path: str, steps: int, way: str) -> None:
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorder = nf_probe.Recorder(
        path, model, optimizer, objective="causal", resume="resume" in way, flush_interval=0.01, snapshot_every=5
    )
    if "small-disk" in way:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_700_000, 1_700_000))
    for step in range(steps):
        loss = loss_of(model, batch(step))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        recorder.step(loss, tokens=48)
        print(step, flush=True)
        if "slow" in way:
            time.sleep(0.01)
        if "raise" in way and step == 3:
            raise ValueError("the training itself")
    if "unclosed" not in way:
        recorder.close()
    print("trained", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
