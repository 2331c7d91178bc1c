"""Outputs of operations and the gradients that reach them, against hooks of the tests' own in float64."""

from __future__ import annotations

import csv
import functools
import gc
import importlib.util
import io
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import xarray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

import nf_probe
from conftest import ROOT, Run
from models import NanoGPT, TorchEncoder, batch, loss_of, make
from nf_probe.reading.reader import open_run
from nf_probe.reading.tidy import tidy_blocks
from nf_probe.runfile.schema import MISSING_COUNT

SUMS = ("l1", "sum_squares", "max_abs", "zeros", "nonfinite")
# Where a file has what passes a module: layer (None outside the layers), operation, module, whether it enters, part.
Place = tuple[int | None, str, str, bool, slice]
ALL = slice(None)
PLACES: dict[type[nn.Module], list[Place]] = {
    NanoGPT: [
        (0, "input", "transformer.h.0", True, ALL),
        (2, "input", "transformer.h.2", True, ALL),
        (1, "self_attn_layer_norm", "transformer.h.1.ln_1", False, ALL),
        (1, "self_attn.q_proj", "transformer.h.1.attn.c_attn", False, slice(0, 12)),
        (2, "self_attn.v_proj", "transformer.h.2.attn.c_attn", False, slice(24, 36)),
        (0, "self_attn", "transformer.h.0.attn.c_proj", True, ALL),
        (0, "self_attn.out_proj", "transformer.h.0.attn.c_proj", False, ALL),
        (2, "fc1", "transformer.h.2.mlp.c_fc", False, ALL),
        (2, "activation", "transformer.h.2.mlp.c_proj", True, ALL),
        (1, "fc2", "transformer.h.1.mlp.c_proj", False, ALL),
        (None, "decoder.layer_norm", "transformer.ln_f", False, ALL),
        (None, "decoder.output_projection", "lm_head", False, ALL),
    ],
    TorchEncoder: [
        (1, "input", "encoder.layers.1", True, ALL),
        (1, "self_attn.out_proj", "encoder.layers.1.self_attn", False, ALL),
        (2, "self_attn_layer_norm", "encoder.layers.2.norm1", False, ALL),
        (0, "fc1", "encoder.layers.0.linear1", False, ALL),
        (0, "activation", "encoder.layers.0.linear2", True, ALL),
        (None, "encoder.layer_norm", "encoder.norm", False, ALL),
        (None, "head", "head", False, ALL),
    ],
}


def cell(file: h5py.File, name: str, place: Place) -> np.ndarray:
    """A variable of one operation, by step."""
    layer, operation = place[:2]
    if layer is None:
        return file[f"stem_{name}"][:, file["stem_operation"].asstr()[:].tolist().index(operation)]
    return file[name][:, layer, file["operation"].asstr()[:].tolist().index(operation)]


@contextmanager
def watched(model: nn.Module, places: list[Place]) -> Iterator[dict[int, tuple[list[Tensor], list[Tensor]]]]:
    """What passes in float64, and the gradients that arrive."""
    found: dict[int, tuple[list[Tensor], list[Tensor]]] = {index: ([], []) for index in range(len(places))}
    handles = []

    def take(index: int, part: slice, value: Any) -> None:
        value = value[0] if isinstance(value, tuple) else value
        found[index][0].append(value.detach().double()[..., part])
        if value.requires_grad:
            value.register_hook(lambda g: found[index][1].append(g.detach().double()[..., part]))

    for index, (_, _, name, enters, part) in enumerate(places):
        module = model.get_submodule(name)
        if enters:
            handles.append(module.register_forward_pre_hook(lambda _m, a, i=index, p=part: take(i, p, a)))
        else:
            handles.append(module.register_forward_hook(lambda _m, _a, o, i=index, p=part: take(i, p, o)))
    yield found
    for handle in handles:
        handle.remove()


def check(file: h5py.File, step: int, places: list[Place], found: dict[int, tuple[list[Tensor], list[Tensor]]]) -> None:
    for index, place in enumerate(places):
        for kind, tensors in zip(("activation", "activation_gradient"), found[index], strict=True):
            values = torch.cat([tensor.flatten() for tensor in tensors])
            wanted = [values.abs().sum(), (values**2).sum(), values.abs().max(), (values == 0).sum(), 0]
            own = [cell(file, f"{kind}_{name}", place)[step] for name in SUMS]
            assert own == pytest.approx([float(w) for w in wanted], rel=1e-12), (place, kind)
        values = torch.cat([tensor.flatten() for tensor in found[index][0]])
        assert cell(file, "activation_count", place)[step] == values.numel()
        assert cell(file, "activation_sum_fourth_powers", place)[step] == pytest.approx(
            float((values**4).sum()), rel=1e-12
        )


Loss = Callable[[nn.Module, Tensor], Tensor]


def train(
    model: nn.Module, path: Path | None, *, steps: int = 3, loss: Loss = loss_of, parts: int = 2,
    between: Callable[[nn.Module], None] = lambda _: None, places: list[Place] | None = None, **options: Any,
) -> tuple[list[float], list[Tensor]]:  # fmt: skip
    """Losses, final parameters and the state of the random numbers; checked against hooks where there are places."""
    torch.manual_seed(5)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    options = {"outputs_every": 1, "weights_every": 0, "on_error": "raise", **options}
    recorder = nf_probe.Recorder(path, model, optimizer, **options) if path else None
    losses, passed = [], []
    for step in range(steps):
        with watched(model, places or []) as found:
            for part in range(parts):
                value = loss(model, batch(parts * step + part)) / parts
                value.backward()
                losses.append(value.item())
        passed.append(found)
        between(model)
        optimizer.step()
        optimizer.zero_grad()
        if recorder:
            recorder.step(value, tokens=48)
    if recorder and path:
        recorder.close()
        with h5py.File(path) as file:
            for step in range(steps):
                check(file, step, places or [], passed[step])
    return losses, [*(p.detach().clone() for p in model.parameters()), torch.get_rng_state()]


def assert_equal(one: tuple[list[float], list[Tensor]], other: tuple[list[float], list[Tensor]]) -> None:
    assert one[0] == other[0]
    assert all(torch.equal(a, b) for a, b in zip(one[1], other[1], strict=True))


def rows(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][:] for name in file if "activation_" in name or "attention_" in name}


def assert_same_rows(path: Path, other: Path, tolerance: float = 0) -> None:
    found, wanted = rows(path), rows(other)
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=tolerance, err_msg=name)


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


def test_layers_without_modules_are_refused(tmp_path: Path) -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ParameterList([nn.Parameter(torch.ones(2, 2)) for _ in range(2)])

    with pytest.raises(nf_probe.UsageError, match="output that can be seen"):
        nf_probe.Recorder(tmp_path / "run.h5", Bare(), outputs_every=1)


def test_nothing_of_a_pass_is_kept(tmp_path: Path) -> None:
    model, kept = make(NanoGPT), []
    model.transformer["h"][1].mlp["c_fc"].register_forward_hook(lambda _m, _a, out: kept.append(weakref.ref(out)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nf_probe.Recorder(tmp_path / "run.h5", model, optimizer, outputs_every=1, on_error="raise") as recorder:
        for step in range(2):
            gc.collect()
            gc.disable()
            loss = loss_of(model, batch(step))
            loss.backward()
            del loss
            assert kept[-1]() is None
            gc.enable()
            recorder.step(1.0)


def test_scales_of_the_loss_are_divided_out(tmp_path: Path) -> None:
    train(make(TorchEncoder), tmp_path / "plain.h5", steps=1)
    # Adam does not see a factor, as long as nothing else does.
    train(make(TorchEncoder), tmp_path / "run.h5", steps=1, loss=lambda m, t: 64 * loss_of(m, t), gradient_scale=64.0)
    assert_same_rows(tmp_path / "run.h5", tmp_path / "plain.h5", 1e-6)


def test_compiled_layers_are_refused_and_later_ones_missing(tmp_path: Path) -> None:
    for compiled in (torch.compile(make(NanoGPT), backend="eager"), make(NanoGPT)):
        if compiled.__class__ is NanoGPT:
            compiled.transformer["h"][0] = torch.compile(compiled.transformer["h"][0], backend="eager")
        with pytest.raises(nf_probe.UsageError, match="compiled layers cannot be seen"):
            nf_probe.Recorder(tmp_path / "run.h5", compiled, outputs_every=1)
        assert not (tmp_path / "run.h5").exists()
    compiled_later: dict[int, nn.Module] = {}

    def loss(model: nn.Module, tokens: Tensor) -> Tensor:
        return loss_of(compiled_later.setdefault(0, torch.compile(model, backend="aot_eager")), tokens)

    with pytest.warns(nf_probe.RecorderWarning, match=r"torch\.compile") as told:
        recorded = train(make(NanoGPT), tmp_path / "late.h5", loss=loss)
    assert len([w for w in told if w.category is nf_probe.RecorderWarning]) == 1
    compiled_later.clear()
    assert_equal(recorded, train(make(NanoGPT), None, loss=loss))
    with h5py.File(tmp_path / "late.h5") as file:
        assert not file["activation_count"][:].any() and np.isnan(file["activation_l1"][:]).all()


class Direct(NanoGPT):
    """Attention that comes through none of PyTorch's functions."""

    def __init__(self) -> None:
        super().__init__()
        for block in self.transformer["h"][1:]:
            block.forward = lambda x, block=block: (
                x + block.attn["c_proj"](block.attn["c_attn"](block.ln_1(x))[..., :12])
            )


def test_attention_that_cannot_be_seen_is_missing_and_told_once(tmp_path: Path) -> None:
    with pytest.warns(nf_probe.RecorderWarning, match="layers 1, 2 cannot be seen") as told:
        train(make(Direct), tmp_path / "run.h5")
    assert len([w for w in told if w.category is nf_probe.RecorderWarning]) == 1
    with h5py.File(tmp_path / "run.h5") as file:
        for name in ("entropy", "max_logit", "first_share"):
            values = file[f"attention_{name}"][:]
            assert np.isfinite(values[:, 0]).all() and np.isnan(values[:, 1:]).all()


class PartlyCompiled(NanoGPT):
    """Attention in a compiled function, between modules that are not."""

    def __init__(self) -> None:
        super().__init__()
        attend = torch.compile(
            lambda q, k, v: torch.softmax(q @ k.transpose(-1, -2), dim=-1) @ v, backend="aot_eager", fullgraph=True
        )

        def forward(x: Tensor, block: nn.Module) -> Tensor:
            q, k, v = (
                part.unflatten(-1, (3, -1)).transpose(1, 2)
                for part in block.attn["c_attn"](block.ln_1(x)).split(12, dim=2)
            )
            mixed = x + block.attn["c_proj"](attend(q, k, v).transpose(1, 2).flatten(2))
            return mixed + block.mlp["c_proj"](block.mlp["c_fc"](block.ln_2(mixed)))

        for block in self.transformer["h"]:
            block.forward = functools.partial(forward, block=block)


def test_a_compiled_function_inside_a_layer_is_left_alone(tmp_path: Path) -> None:
    with pytest.warns(nf_probe.RecorderWarning, match="layers 0, 1, 2 cannot be seen"):
        recorded = train(make(PartlyCompiled), tmp_path / "run.h5", outputs_every=2)
    assert_equal(recorded, train(make(PartlyCompiled), None))
    with h5py.File(tmp_path / "run.h5") as file:
        assert (file["activation_count"][[0, 2]] > 0).all() and np.isnan(file["attention_entropy"][:]).all()


def test_a_run_goes_on_only_with_the_same_operations(tmp_path: Path, nf_probe_command: Run) -> None:
    path = tmp_path / "run.h5"
    model = make(NanoGPT)
    train(model, path, steps=2)
    with pytest.raises(nf_probe.UsageError, match="operations"):
        train(model, path, resume=True, outputs_every=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(nf_probe.UsageError):
        nf_probe.Recorder(path, make(TorchEncoder), optimizer, resume=True, outputs_every=1)
    train_again(model, path)
    with h5py.File(path) as file:
        assert file["step"][:].tolist() == [0, 1, 2, 3] and (file["activation_count"][:] > 0).all()
    assert "whole" in nf_probe_command("verify", path)


def train_again(model: nn.Module, path: Path) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    options: dict[str, Any] = {"outputs_every": 1, "weights_every": 0, "resume": True, "seed": 5}
    with nf_probe.Recorder(path, model, optimizer, on_error="raise", **options) as recorder:
        for step in range(2, 4):
            loss = loss_of(model, batch(step))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(loss)


def test_errors_of_a_hook_do_not_reach_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no sums today")

    monkeypatch.setattr("nf_probe.outputs.outputwatch.rows_of", broken)
    with pytest.warns(nf_probe.RecorderWarning, match="no sums today"):
        recorded = train(make(NanoGPT), tmp_path / "run.h5", on_error="warn", steps=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_equal(recorded, train(make(NanoGPT), None, steps=2))
