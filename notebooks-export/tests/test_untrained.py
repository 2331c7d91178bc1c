"""What `nf-probe` says of runs whose layers do not train at every step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import nf_probe
from conftest import Run
from models import NanoGPT, batch, loss_of, make

STEPS = 24


class Skipping(NanoGPT):
    """LayerDrop: layer 2 is left out of every third step, layer 0 is frozen from step 12 on."""

    step = 0

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.transformer["wte"](tokens) + self.transformer["wpe"](torch.arange(tokens.shape[1]))
        for index, block in enumerate(self.transformer["h"]):
            if index != 2 or self.step % 3:
                x = block(x)
        logits: Tensor = self.lm_head(self.transformer["ln_f"](x))
        return logits


def record(path: Path, kind: type[nn.Module], **options: object) -> None:
    model = make(kind, layers=4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    with nf_probe.Recorder(path, model, optimizer, objective="causal", seed=1, **options) as recorder:  # type: ignore[arg-type]
        for step in range(STEPS):
            model.step = step
            if kind is Skipping:
                model.transformer["h"][0].requires_grad_(step < 12)
            loss = loss_of(model, batch(step))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(loss, tokens=48)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("untrained")
    record(folder / "skipping.h5", Skipping, architecture="skipping")
    record(folder / "plain.h5", NanoGPT, architecture="plain")
    return folder


def test_info_says_what_trains_when(recorded: Path, nf_probe_command: Run) -> None:
    lines = " ".join(nf_probe_command("info", recorded / "skipping.h5").split())
    assert "not always trained layer 0: not trained from step 12 on" in lines
    assert "not always trained layer 2: not trained at 8 of 24 recorded steps" in lines
    assert "not always trained" not in nf_probe_command("info", recorded / "plain.h5")


def test_grads_leaves_out_what_does_not_train(recorded: Path, nf_probe_command: Run) -> None:
    options = ["--layers-shown=all", "--format=json"]
    found = json.loads(nf_probe_command("grads", recorded / "skipping.h5", "--window=0:24", *options))
    row, notes = found["rows"][0], " ".join(found["notes"])
    assert "layer 0 not trained from step 12 on: its mean runs over the other steps" in notes
    assert "layer 2 not trained at 8 of 24 recorded steps" in notes
    with nf_probe.open(recorded / "skipping.h5") as run:
        own = run.mismatch("fc2.weight", window=(0, STEPS))
    for name in ("early_late", "spread", "slope"):
        assert row[name]["value"] == pytest.approx(getattr(own, name), rel=1e-12)
    assert [row[f"layer_{layer}"] for layer in range(4)] == pytest.approx(own.means.tolist(), rel=1e-12)
    late = json.loads(nf_probe_command("grads", recorded / "skipping.h5", "--window=12:24", *options))
    assert late["rows"][0]["layer_0"] is None and 0 < late["rows"][0]["early_late"]["value"] < 1e6
    assert "layer 0 not trained in the window" in " ".join(late["notes"])
    assert "non-finite" not in json.dumps(found) + json.dumps(late)


def test_a_report_notes_it_and_nothing_is_called_not_finite(
    recorded: Path, tmp_path: Path, nf_probe_command: Run
) -> None:
    nf_probe_command("report", recorded / "skipping.h5", recorded / "plain.h5", "--out=report", cwd=tmp_path)
    text = (tmp_path / "report" / "report.md").read_text()
    assert "layer 0: not trained from step 12 on. There is no gradient there" in text
    assert "layer 2: not trained at 8 of 24 recorded steps" in text
    assert "not finite" not in text.partition("## ")[0]


def test_ratio_and_export_leave_it_out(recorded: Path, nf_probe_command: Run) -> None:
    files = recorded / "plain.h5", recorded / "skipping.h5"
    found = json.loads(nf_probe_command("ratio", *files, "--window=12:24", "--format=json"))
    cells = {(row["operation"], row["layer"]): row["ratio"]["value"] for row in found["rows"]}
    assert ("fc2.weight", 0) not in cells and ("fc2.weight", 2) in cells
    assert all(value is not None and value > 0 for value in cells.values())
    assert "not trained at some steps of the window, which are left out, or at any: layers 0, 2." in " ".join(
        found["notes"]
    ).replace("Not", "not")
    lines = [line.split(",") for line in nf_probe_command("export", recorded / "skipping.h5").splitlines()[1:]]
    own = [line for line in lines if line[2] == "0" and line[3] == "fc2.weight" and line[4].startswith("gradient_")]
    assert {line[4] for line in own} == {
        f"gradient_{s}" for s in ("l1", "sum_squares", "max_abs", "zeros", "nonfinite")
    }
    assert sorted({int(line[1]) for line in own}) == list(range(12))
    assert not [line for line in lines if line[5] in ("nan", "4294967295") and line[4].startswith("gradient")]


def test_an_adapter_on_a_frozen_model_is_what_is_shown(tmp_path: Path, nf_probe_command: Run) -> None:
    class Adapted(NanoGPT):
        def __init__(self, **options: int) -> None:
            super().__init__(**options)
            self.requires_grad_(False)
            for block in self.transformer["h"]:
                block.mlp["lora_B"] = nn.Linear(12, 12, bias=False)

        def forward(self, tokens: Tensor) -> Tensor:
            x = self.transformer["wte"](tokens)
            for block in self.transformer["h"]:
                x = block(x)
                x = x + block.mlp["lora_B"](x)
            logits: Tensor = self.lm_head(self.transformer["ln_f"](x))
            return logits

    record(tmp_path / "run.h5", Adapted, pattern=r"transformer\.h\.(?P<layer>\d+)\.(?P<tensor>.+)")
    found = json.loads(nf_probe_command("grads", tmp_path / "run.h5", "--format=json"))
    assert "mlp.lora_B.weight" in found["title"] and found["rows"][0]["early_late"]["value"] > 0
    assert "not trained at any recorded step" in " ".join(nf_probe_command("info", tmp_path / "run.h5").split())
