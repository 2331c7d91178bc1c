"""One worker of a distributed training that is recorded; `test_distributed.py` starts several with torchrun."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Replicate
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

import nf_probe
from models import VOCABULARY, NanoGPT, batch, make

ROWS, LENGTH, STEPS = 12, 8, 3


class MLPStack(nn.Module):
    """fairseq's names for a stack of FFNs, of widths that do not divide evenly."""

    def __init__(self, layers: int = 2, width: int = 10, ffn: int = 16) -> None:
        super().__init__()
        self.decoder = nn.Module()
        self.decoder.embed_tokens = nn.Embedding(VOCABULARY, width)
        self.decoder.layers = nn.ModuleList()
        for _ in range(layers):
            layer = nn.Module()
            layer.final_layer_norm = nn.LayerNorm(width)
            layer.fc1 = nn.Linear(width, ffn)
            layer.fc2 = nn.Linear(ffn, width)
            self.decoder.layers.append(layer)
        self.decoder.output_projection = nn.Linear(width, VOCABULARY)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.decoder.embed_tokens(tokens)
        for layer in self.decoder.layers:
            x = x + layer.fc2(nn.functional.gelu(layer.fc1(layer.final_layer_norm(x))))
        logits: Tensor = self.decoder.output_projection(x)
        return logits


def loss_of(model: nn.Module, tokens: Tensor) -> Tensor:
    logits = model(tokens[:, :-1])
    return nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def prepared(way: str) -> tuple[nn.Module, nn.Module, dict[str, object], int, int]:
    """The wrapped model, the one the recorder gets, its options, and this worker's share of the data: which of how
    many."""
    rank, workers = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    model = make(MLPStack if "tp" in way else NanoGPT)
    if way == "single":
        return model, model, {}, 0, 1
    if way in ("ddp", "there", "vanishing"):
        wrapped = DistributedDataParallel(model)
        return wrapped, wrapped, {}, rank, workers
    if way == "ddp-inner":
        return DistributedDataParallel(model), model, {}, rank, workers
    if way == "unwrapped":
        return model, model, {}, rank, workers
    if way == "fsdp":
        for block in model.transformer["h"]:
            fully_shard(block)
        fully_shard(model)
        return model, model, {}, rank, workers
    if way == "tp":
        tensor_parallel(model, init_device_mesh("cpu", (workers,), mesh_dim_names=("tp",)))
        return model, model, {}, 0, 1
    mesh = init_device_mesh("cpu", (workers // 2, 2), mesh_dim_names=("dp", "tp"))
    tensor_parallel(model, mesh["tp"])
    fully_shard(model, mesh=mesh["dp"])
    return model, model, {"data_group": mesh["dp"].get_group()}, mesh["dp"].get_local_rank(), workers // 2


def tensor_parallel(model: nn.Module, mesh: object) -> None:
    """Norms stay whole on every worker: plain tensors beside the sharded ones."""
    for layer in model.decoder.layers:
        parallelize_module(layer, mesh, {"fc1": ColwiseParallel(), "fc2": RowwiseParallel()})
    plan = {"decoder.output_projection": ColwiseParallel(output_layouts=Replicate())}
    plan["decoder.embed_tokens"] = RowwiseParallel(input_layouts=Replicate())
    parallelize_module(model, mesh, plan)


def train(way: str, path: Path) -> None:
    is_by_parts, has_outputs = way.endswith("-noise"), way.endswith("-outputs")
    wrapped, model, options, share, shares = prepared(way.removesuffix("-noise").removesuffix("-outputs"))
    passes = 4 // shares if is_by_parts or has_outputs else 1
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.1)
    recorder = nf_probe.Recorder(
        path,
        model,
        optimizer,
        objective="causal",
        snapshot_every=1,
        flush_interval=0,
        weights_every=2,
        noise_every=2 if is_by_parts else 0,
        outputs_every=2 if has_outputs else 0,
        **options,
    )
    for step in range(STEPS):
        rows = ROWS // shares
        tokens = batch(step, ROWS, LENGTH)[share * rows : (share + 1) * rows]
        loss = torch.zeros(())
        for rows_of_part in tokens.chunk(passes):
            own = loss_of(wrapped, rows_of_part) / passes
            own.backward()
            loss += own.detach()
        optimizer.step()
        optimizer.zero_grad()
        with warnings.catch_warnings(record=True) as told:
            recorder.step(loss, tokens=tokens[:, 1:].numel())
        if told:
            path.with_suffix(f".{dist.get_rank()}.step{step}").write_text(str(told[0].message))
        if way == "vanishing" and step == 0 and dist.get_rank() == 0:
            path.unlink()
    recorder.close()


def main(folder: Path, ways: list[str]) -> None:
    """One training after another; what the recorder refuses is written beside the files, by every worker."""
    torch.set_num_threads(1)
    if not all(way.startswith("single") for way in ways):
        dist.init_process_group("gloo")
    for way in ways:
        try:
            train(way, folder / f"{way}.h5")
        except nf_probe.NFProbeError as error:
            (folder / f"{way}.{dist.get_rank()}.error").write_text(str(error))
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
        # Gloo's threads can abort a process that ends with a model of theirs alive.
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
