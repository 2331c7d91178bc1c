"""Makes distributed/: one small model saved with torch.distributed.checkpoint by one worker and by four, and quantized tensors.

    python make_distributed.py      # PyTorch 2.13, Transformers 5 (for MXFP4) and safetensors; runs itself under torchrun

`one`, `four`: folders of the same model and its optimizer, sharded over rows (some workers have none), over columns, and not at all.
`four-after`: the model after one update. `model.pt`, `model-after.pt`: the same as state dicts of torch.save.
`quantized.safetensors`: F8 with block scales as DeepSeek-V3 stores them and MXFP4 as gpt-oss does; `numbers.safetensors`: what PyTorch
and Transformers make of them. `differences.json`: relative differences by tensor, computed by PyTorch in float64.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import warnings

import torch
import torch.distributed.checkpoint as dcp
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "distributed"


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(10, 6)
        self.layers = nn.ModuleList(nn.ModuleDict({"up": nn.Linear(6, 9), "down": nn.Linear(9, 6)}) for _ in range(2))
        self.norm = nn.LayerNorm(6)
        self.eighths = nn.Parameter(torch.randn(5, 4).to(torch.float8_e4m3fn), requires_grad=False)
        self.halves = nn.Parameter(torch.randn(3).to(torch.bfloat16), requires_grad=False)

    def forward(self, tokens):
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = x + layer["down"](torch.tanh(layer["up"](x)))
        return self.norm(x) @ self.embed_tokens.weight.T


def trained():
    """A model, its optimizer, and both after one update."""
    torch.manual_seed(0)
    model = Model()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)

    def update():
        tokens = torch.arange(10).reshape(2, 5)
        loss = nn.functional.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    update()
    before = {name: value.detach().clone() for name, value in model.state_dict().items()}
    moments = {"norm.weight": optimizer.state[model.norm.weight]["exp_avg"].clone()}
    update()
    return before, moments, {name: value.detach().clone() for name, value in model.state_dict().items()}


def sharded(state, mesh):
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    def placement(name, value):
        if value.dtype == torch.float8_e4m3fn or value.dim() == 0:
            return None
        return Shard(1) if "down.weight" in name else Replicate() if name == "norm.bias" else Shard(0)

    chosen = {name: placement(name, value) for name, value in state.items()}
    return {
        name: value if chosen[name] is None else distribute_tensor(value, mesh, [chosen[name]])
        for name, value in state.items()
    }


def four():
    from torch.distributed.device_mesh import init_device_mesh

    torch.distributed.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (4,))
    before, moments, after = torch.load(FOLDER / "states.pt")
    optim = {"state": {name: {"exp_avg": value} for name, value in sharded(moments, mesh).items()}}
    saved = {"model": sharded(before, mesh), "optim": optim, "step": torch.tensor(1), "name": "x"}
    dcp.save(saved, checkpoint_id=FOLDER / "four")
    dcp.save({"app": {"model": sharded(after, mesh), "optim": optim}}, checkpoint_id=FOLDER / "four-after")
    torch.distributed.destroy_process_group()


def quantized():
    from safetensors.torch import save_file
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    generator = torch.Generator().manual_seed(1)

    def random(*shape):
        return torch.randn(shape, generator=generator)

    stored, numbers = {}, {}
    for name, shape, kind in (
        ("layers.0.mlp.up.weight", (130, 3), torch.float8_e4m3fn),
        ("layers.0.mlp.down.weight", (3, 257), torch.float8_e5m2),
    ):
        blocks = [(size + 127) // 128 for size in shape]
        scale = random(*blocks).abs() + 0.01
        weight = random(*shape).to(kind)
        # Each element by the scale of its block of 128 x 128.
        spread = scale.repeat_interleave(128, 0).repeat_interleave(128, 1)[: shape[0], : shape[1]]
        stored |= {name: weight, name + "_scale_inv": scale}
        numbers[name] = weight.to(torch.float32) * spread
    row = random(4, 5).to(torch.float8_e4m3fn)
    stored |= {"layers.0.out.weight": row, "layers.0.out.weight_scale": torch.tensor([[0.5], [2.0], [3.0], [0.1]])}
    numbers["layers.0.out.weight"] = row.to(torch.float32) * stored["layers.0.out.weight_scale"]
    blocks = torch.randint(0, 256, (2, 6, 3, 16), generator=generator, dtype=torch.uint8)
    scales = torch.randint(120, 134, (2, 6, 3), generator=generator, dtype=torch.uint8)
    name = "layers.0.mlp.experts.gate_up_proj"
    stored |= {name + "_blocks": blocks, name + "_scales": scales, name + "_bias": random(2, 6)}
    numbers |= {name: convert_moe_packed_tensors(blocks, scales, dtype=torch.float32), name + "_bias": stored[name + "_bias"]}
    save_file(stored, FOLDER / "quantized.safetensors")
    save_file({name: value.contiguous() for name, value in numbers.items()}, FOLDER / "numbers.safetensors")


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    before, moments, after = trained()
    # The workers save what one process trained: sums differ in their last bits between numbers of threads.
    torch.save((before, moments, after), FOLDER / "states.pt")
    torch.save(before, FOLDER / "model.pt")
    torch.save(after, FOLDER / "model-after.pt")
    warnings.simplefilter("ignore")
    optim = {"state": {name: {"exp_avg": value} for name, value in moments.items()}}
    dcp.save({"model": before, "optim": optim, "step": torch.tensor(1)}, checkpoint_id=FOLDER / "one")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=4", __file__]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    (FOLDER / "states.pt").unlink()
    wide = {name: (before[name].double(), after[name].double()) for name in before}
    differences = {name: (float((b - a).norm() / a.norm()), float((b - a).abs().max())) for name, (a, b) in wide.items()}
    (FOLDER / "differences.json").write_text(json.dumps(differences, indent=1) + "\n")
    quantized()


if __name__ == "__main__":
    four() if "RANK" in os.environ else main()
