"""One of several workers that save models in parts; `test_model_checkpoints.py` starts them with torchrun."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor


def in_parts(state: dict[str, Tensor], mesh: DeviceMesh) -> dict[str, Tensor]:
    """Every tensor over the workers, some by rows and some by columns; numbers are whole on all of them."""
    return {
        name: distribute_tensor(value, mesh, [Shard(index % value.dim())]) if value.dim() else value
        for index, (name, value) in enumerate(state.items())
    }


def main(folder: Path) -> None:
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    for name, states in torch.load(folder / "states.pt").items():
        for side, state in states.items():
            dcp.save({"model": in_parts(state, mesh)}, checkpoint_id=folder / name / side)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
