"""Outputs of operations and the gradients that reach them, against hooks of the tests' own in float64."""

from __future__ import annotations

import csv
import importlib.util
import io
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import xarray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

from conftest import ROOT, Run
from models import NanoGPT, TorchEncoder, batch, loss_of, make
from nf_probe.reading.reader import open_run
from nf_probe.reading.tidy import tidy_blocks
from nf_probe.runfile.schema import MISSING_COUNT
from watched_outputs import PLACES, assert_equal, assert_same_rows, rows, train


@pytest.mark.parametrize("kind", PLACES)
def test_sums_are_those_of_what_passes(tmp_path: Path, nf_probe_command: Run, kind: type[nn.Module]) -> None:
    path = tmp_path / "run.h5"
    train(make(kind), path, places=PLACES[kind])
    assert "whole" in nf_probe_command("verify", path)
    assert "input" in nf_probe_command("activations", path)
    assert "Outputs" in nf_probe_command("info", path) or "activations" in nf_probe_command("info", path)
    nf_probe_command("report", path, "--out", tmp_path / "report")
    assert "Outputs and attention" in (tmp_path / "report" / "report.md").read_text()
    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        assert dataset["activation_l1"].dims == ("step", "layer", "operation")
        assert dataset["attention_entropy"].dims == ("step", "layer", "head")


class Dropped(NanoGPT):
    """Draws random numbers in every pass."""

    def forward(self, tokens: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1])
        x = nn.functional.dropout(self.transformer["wte"](tokens) + self.transformer["wpe"](positions), 0.2)
        for block in self.transformer["h"]:
            x = nn.functional.dropout(block(x), 0.1)
        logits: Tensor = self.lm_head(self.transformer["ln_f"](x))
        return logits


@pytest.mark.parametrize("kind", [NanoGPT, TorchEncoder, Dropped])
@pytest.mark.parametrize("is_autocast", [False, True])
def test_training_is_not_changed(tmp_path: Path, kind: type[nn.Module], is_autocast: bool) -> None:
    def loss(model: nn.Module, tokens: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16) if is_autocast else nullcontext():
            return loss_of(model, tokens)

    assert_equal(train(make(kind), tmp_path / "run.h5", loss=loss), train(make(kind), None, loss=loss))


def test_sixteen_bits_are_summed_as_they_are(tmp_path: Path) -> None:
    def loss(model: nn.Module, tokens: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return loss_of(model, tokens)

    train(make(NanoGPT), tmp_path / "run.h5", loss=loss, places=PLACES[NanoGPT])
    train(make(TorchEncoder).bfloat16(), tmp_path / "bf16.h5", loss=loss_of, places=PLACES[TorchEncoder])


def evaluate_without_gradients(model: nn.Module) -> None:
    model.eval()
    with torch.no_grad():
        model(batch(99))
    with torch.inference_mode():
        model(batch(98))
    model.train()


def forget_a_pass(model: nn.Module) -> None:
    loss_of(model, batch(97))


@pytest.mark.parametrize("between", [evaluate_without_gradients, forget_a_pass])
def test_passes_without_a_backward_pass_do_not_count(tmp_path: Path, between: Callable[[nn.Module], None]) -> None:
    train(make(TorchEncoder), tmp_path / "plain.h5")
    train(make(TorchEncoder), tmp_path / "run.h5", between=between)
    assert_same_rows(tmp_path / "run.h5", tmp_path / "plain.h5")


class Checkpointed(NanoGPT):
    options: dict[str, Any] = {}  # noqa: RUF012

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.transformer["wte"](tokens) + self.transformer["wpe"](torch.arange(tokens.shape[1]))
        for block in self.transformer["h"]:
            x = checkpoint(block, x, **self.options)
        logits: Tensor = self.lm_head(self.transformer["ln_f"](x))
        return logits


def selective() -> Any:
    kept = [torch.ops.aten.addmm.default, torch.ops.aten.mm.default, torch.ops.aten.bmm.default]
    return create_selective_checkpoint_contexts(kept)


WAYS: dict[str, dict[str, Any]] = {
    "reentrant": {"use_reentrant": True},
    "not reentrant": {"use_reentrant": False},
    "to the end": {"use_reentrant": False, "early_stop": False},
    "selective": {"use_reentrant": False, "context_fn": selective},
}


@pytest.mark.parametrize("is_recognised", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_what_checkpointing_computes_anew_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, is_recognised: bool
) -> None:
    monkeypatch.setattr(Checkpointed, "options", WAYS[way])
    if not is_recognised:
        monkeypatch.setattr("nf_probe.outputs.passes._is_recomputed", lambda: False)
    train(make(NanoGPT), tmp_path / "plain.h5", places=PLACES[NanoGPT])
    recorded = train(make(Checkpointed), tmp_path / "run.h5")
    assert_equal(recorded, train(make(Checkpointed), None))
    assert_same_rows(tmp_path / "run.h5", tmp_path / "plain.h5", 1e-9)


def test_what_no_gradient_reaches_has_outputs_all_the_same(tmp_path: Path) -> None:
    def frozen() -> nn.Module:
        model = make(NanoGPT)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(not name.startswith(("transformer.w", "transformer.h.0")))
        return model

    path = tmp_path / "run.h5"
    assert_equal(train(frozen(), path, between=evaluate_without_gradients), train(frozen(), None))
    with h5py.File(path) as file:
        assert (file["activation_count"][:] > 0).all() and np.isfinite(file["attention_entropy"][:]).all()
        gradients = file["activation_gradient_l1"][:]
        # The stream that enters layer 1 is the last that nothing reaches.
        assert np.isnan(gradients[:, 0]).all() and np.isnan(gradients[:, 1, 0]).all()
        assert np.isfinite(gradients[:, 1, 2:]).all() and np.isfinite(gradients[:, 2]).all()
        assert set(file["activation_gradient_zeros"][:, 0].ravel()) == {MISSING_COUNT}
        wanted = 2 * 6 * 8 * 12
        assert file["activation_count"][0, 0, 0] == wanted == file["activation_count"][0, 1, 0]


def test_steps_between_are_missing_and_pay_nothing(tmp_path: Path, nf_probe_command: Run) -> None:
    path, model = tmp_path / "run.h5", make(TorchEncoder)
    hooks = []

    def count(_: nn.Module) -> None:
        hooks.append(sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()))

    train(model, path, steps=7, every=2, outputs_every=4, between=count)
    assert [bool(number) for number in hooks] == [True, False, False, False, True, False, False]
    train(make(TorchEncoder), tmp_path / "all.h5", steps=7)
    found, wanted = rows(path), rows(tmp_path / "all.h5")
    for name, values in found.items():
        np.testing.assert_array_equal(values[[0, 2]], wanted[name][[0, 4]], err_msg=name)
        missing = 0 if name.endswith("_count") else MISSING_COUNT if values.dtype.kind == "u" else np.nan
        assert np.array_equal(values[[1, 3]], np.full_like(values[[1, 3]], missing), equal_nan=True), name
    assert "nan" not in nf_probe_command("activations", path, "--window=0:7").lower()
    exported = nf_probe_command("export", path, "--statistics=activation_l1,activation_count,attention_entropy")
    assert {line.split(",")[1] for line in exported.splitlines()[1:]} == {"0", "4"}
    with open_run(path) as run, xarray.open_dataset(path, engine="h5netcdf") as dataset:
        for block in (block for blocks in tidy_blocks(run, ("step",), 1 << 20) for block in blocks):
            if "activation_" in block.statistic or "attention_" in block.statistic:
                assert set(block.step.tolist()) == {0, 4}, block.statistic
        assert np.isnan(dataset["activation_zeros"].values[1]).all()


def test_a_reader_of_the_specification_alone_reads_what_export_does(tmp_path: Path, nf_probe_command: Run) -> None:
    spec = importlib.util.spec_from_file_location("independent", ROOT / "Tests/EndToEnd/independent_reader.py")
    assert spec is not None and spec.loader is not None
    # Its dataclasses look for their module.
    reader = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reader)
    path = tmp_path / "run.h5"
    train(make(NanoGPT), path, steps=3, outputs_every=2)
    run = reader.Run(str(path))
    assert run.is_manifest_intact
    found = {(n.step, n.layer, n.tensor, n.statistic): n.value for n in run.numbers() if n.element is None}
    exported = list(csv.DictReader(io.StringIO(nf_probe_command("export", path, "--quiet"))))
    assert len(exported) == len(found)
    for row in exported:
        key = (int(row["step"]), int(row["layer"]) if row["layer"] else None, row["tensor"] or None, row["statistic"])
        assert np.array_equal(found[key], float(row["value"]), equal_nan=True), key
