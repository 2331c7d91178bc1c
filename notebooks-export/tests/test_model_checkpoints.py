"""However a model was saved, the program finds in it what the recorder finds: the same parts at the same places."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Container, Mapping
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp
import transformers
from safetensors.torch import save_file
from torch import Tensor, nn

from cases import ALL, CHOSEN, Case, case_of, elements
from conftest import Run
from nf_probe.measuring.facts import head_count
from nf_probe.measuring.gains import gain_offsets
from nf_probe.measuring.layout import Part

WORKER = Path(__file__).with_name("checkpoint_worker.py")
# An adapter's files have no name of its set, and no weights of the model.
NAMES = [name for name in CHOSEN if not name.startswith("lora")]
FEW_WAYS = ("state dict", "save_pretrained")
WAYS = (*FEW_WAYS, "one worker", "four workers", "lightning") if ALL else FEW_WAYS
States = dict[str, dict[str, Tensor]]


def after_an_update(case: Case) -> States:
    """What the model keeps, before (`a`) and after (`b`) one step of AdamW; it is left as it was."""
    module = case.made.module
    states = {"a": {name: value.detach().clone() for name, value in module.state_dict().items()}}
    optimizer = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=0.1, weight_decay=0.1)
    case.made.loss(module).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    states["b"] = {name: value.detach().clone() for name, value in module.state_dict().items()}
    module.load_state_dict(states["a"])
    return states


@pytest.fixture(scope="module")
def updated() -> dict[str, States]:
    return {name: after_an_update(case_of(name)) for name in NAMES}


@pytest.fixture(scope="module")
def four_workers(updated: dict[str, States], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of `torch.distributed.checkpoint` of all models, each tensor in parts on four workers."""
    folder = tmp_path_factory.mktemp("workers")
    torch.save(updated, folder / "states.pt")
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=4",
        str(WORKER),
        str(folder),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert result.returncode == 0, result.stderr[-4000:]
    return folder


def save(way: str, case: Case, state: Mapping[str, Tensor], folder: Path) -> Path:
    """Saves a model with these values; the file or folder to name."""
    module = case.made.module
    folder.mkdir(exist_ok=True)
    if way == "save_pretrained":
        if not isinstance(module, transformers.PreTrainedModel):
            pytest.skip("no model of Transformers")
        module.load_state_dict(state)
        module.save_pretrained(folder)
        return folder
    (folder / "config.json").write_text(json.dumps({"num_attention_heads": head_count(module)}))
    if way == "state dict":
        save_file({name: state[name] for name in case.parameters}, folder / "model.safetensors")
        return folder / "model.safetensors"
    if way == "lightning":
        return save_with_lightning(module, state, folder / "last.ckpt")
    if way == "one worker":
        dcp.save({"model": dict(state)}, checkpoint_id=folder, no_dist=True)
    return folder


def save_with_lightning(module: nn.Module, state: Mapping[str, Tensor], path: Path) -> Path:
    import lightning

    class Task(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = module

    module.load_state_dict(state)
    trainer = lightning.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.strategy.connect(Task())
    trainer.save_checkpoint(path)
    return path


def rows_of(part: Part, rows: Container[str]) -> list[tuple[str, int | None]]:
    """The table's rows of a part, and each one's expert: Transformers stacks experts, and saves them one by one."""
    place = part.placed.place if part.placed else None
    placed = place.full_name if place else part.parameter
    own = part.parameter
    name = next((name for name in (placed, own, f"net.{own}", own.removeprefix("model.")) if name in rows), None)
    if name is not None:
        return [(name, None)]
    each = ((placed.replace(".experts.", f".experts.{expert}."), expert) for expert in range(64))
    return [(row, expert) for row, expert in each if row in rows]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_differences_after_an_update_are_those_of_every_part(
    name: str,
    way: str,
    updated: dict[str, States],
    tmp_path: Path,
    nf_probe_command: Run,
    request: pytest.FixtureRequest,
) -> None:
    case, states = case_of(name), updated[name]
    folder = request.getfixturevalue("four_workers") / name if way == "four workers" else tmp_path
    files = [save(way, case, states[side], folder / side) for side in ("a", "b")]
    case.made.module.load_state_dict(states["a"])
    table = nf_probe_command("compare", *files, "--by", "change", "--rows", 0, "--format", "csv", "--table", "changes")
    rows = {row["tensor"]: row for row in csv.DictReader(io.StringIO(table))}
    expected: dict[str, list[tuple[Tensor, Tensor]]] = {}
    # A config.json of Gemma says how its gains multiply.
    offsets = gain_offsets(case.made.module) if way == "save_pretrained" else {}
    for part in case.layout.parts:
        old, new = (elements(part, states[side][part.parameter]) for side in ("a", "b"))
        offset = 1 if part.placed and part.placed.is_gain_minus_one else offsets.get(part.parameter, 0)
        for row, expert in rows_of(part, rows):
            chosen = slice(None) if expert is None else expert
            expected.setdefault(row, []).append((old[chosen] + offset, new[chosen] + offset))
    # Beside its parameters a model may keep what an update leaves alone, and one tensor under two names.
    others = rows.keys() - expected.keys()
    saved = {part.parameter for part in case.layout.parts if rows_of(part, rows)}
    assert saved == case.parameters.keys() and len(others) <= len(states["a"].keys() - case.parameters.keys())
    for row, pairs in expected.items():
        old, new = (torch.cat([pair[side].flatten() for pair in pairs]) for side in (0, 1))
        found = {key: float(rows[row][key]) for key in ("l1_a", "l1_b", "relative_difference")}
        assert found["l1_a"] == pytest.approx(float(old.abs().sum()), rel=1e-5), row
        assert found["l1_b"] == pytest.approx(float(new.abs().sum()), rel=1e-5), row
        assert found["relative_difference"] == pytest.approx(float((new - old).norm() / old.norm()), rel=1e-5), row
