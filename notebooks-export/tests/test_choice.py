"""Which parameters and which steps are recorded."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

import nf_probe
from conftest import Run, gradients
from models import batch, loss_of, make
from nf_probe.recording.schedule import Schedule

STEPS = 8


def record(path: Path, **options: object) -> dict[str, np.ndarray]:
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nf_probe.Recorder(path, model, optimizer, objective="causal", snapshot_every=2, **options) as recorder:  # type: ignore[arg-type]
        for step in range(STEPS):
            loss = loss_of(model, batch(step))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            optimizer.zero_grad()
            recorder.step(loss, tokens=48)
    return gradients(path)


def columns(path: Path, *names: str) -> list[np.ndarray]:
    with h5py.File(path) as file:
        return [file[name][:] for name in names]


def settings(path: Path) -> dict[str, object]:
    with h5py.File(path) as file:
        return dict(json.loads(file.attrs["configuration"]))


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"include": "*.mlp.*"}, lambda name: ".fc1." in name or ".fc2." in name),
        ({"include": ["*.mlp.c_proj.weight", "transformer.wte.weight"]},
         lambda name: name.endswith("fc2.weight") or "embed_tokens" in name),
        ({"exclude": ["transformer.w?e.weight", "*.bias"]},
         lambda name: not (name.endswith("bias") or "embed" in name)),
        ({"include": "*.h.1.*", "exclude": "*.attn.*"}, lambda name: ".layers.1." in name and "self_attn." not in name),
    ],
)  # fmt: skip
def test_chosen_parameters_are_recorded_as_among_all(
    tmp_path: Path, nf_probe_command: Run, options: dict[str, object], kept: object
) -> None:
    everything, chosen = record(tmp_path / "all.h5"), record(tmp_path / "some.h5", **options)
    assert chosen.keys() == {name for name in everything if kept(name)}  # type: ignore[operator]
    for name, values in chosen.items():
        assert values.tolist() == everything[name].tolist(), name
    # The whole gradient is still the whole one.
    for name in ("gradient_l2", "loss", "clip_coefficient"):
        (one,), (other,) = columns(tmp_path / "all.h5", name), columns(tmp_path / "some.h5", name)
        assert one == pytest.approx(other, rel=1e-7)
    found = settings(tmp_path / "some.h5")
    assert {name: found[name] for name in options} == {
        name: [value] if isinstance(value, str) else value for name, value in options.items()
    }
    left_out = sum(p.numel() for p in make().parameters()) - sum(
        int(counts.sum()) for counts in columns(tmp_path / "some.h5", "gradient_count")
    )
    with h5py.File(tmp_path / "some.h5") as file:
        left_out -= int(file["stem_gradient_count"][:].sum()) if "stem_gradient_count" in file else 0
    assert str(found["left-out"]).startswith(f"{left_out} elements: ")
    assert "left-out" not in settings(tmp_path / "all.h5")
    assert "whole" in nf_probe_command("verify", tmp_path / "some.h5")
    assert f"{left_out} elements: " in nf_probe_command("info", tmp_path / "some.h5")


def test_left_out_names_are_listed_briefly(tmp_path: Path) -> None:
    record(tmp_path / "run.h5", exclude=["*.mlp.c_fc.*", "*.wpe.*"])
    assert settings(tmp_path / "run.h5")["left-out"] == (
        "2064 elements: transformer.h.*.mlp.c_fc.weight (3), transformer.h.*.mlp.c_fc.bias (3), transformer.wpe.weight"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"include": "*.experts.*"}, r"like '\*\.experts\.\*'"),
        ({"exclude": "fc2"}, "no parameter has a name like 'fc2'"),
        ({"include": "*wte*"}, "nothing to record inside"), ({"every": 0}, "every must be at least 1"),
        ({"per_decade": 0}, "per_decade must be at least 1"),
    ],
)  # fmt: skip
def test_choices_of_nothing_are_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(nf_probe.UsageError, match=message):
        record(tmp_path / "run.h5", **options)
    assert not (tmp_path / "run.h5").exists()


@pytest.mark.parametrize(("options", "steps"), [({"every": 3}, [0, 3, 6]), ({"per_decade": 4}, [0, 1, 2, 3, 6])])
def test_some_steps_are_recorded_as_among_all(
    tmp_path: Path, options: dict[str, object], steps: list[int], nf_probe_command: Run
) -> None:
    everything, some = record(tmp_path / "all.h5"), record(tmp_path / "some.h5", **options)
    for name, values in some.items():
        assert values.tolist() == everything[name][steps].tolist(), name
    names = ("step", "loss", "tokens", "gradient_l2", "clip_coefficient", "snapshot")
    for name, one, other in zip(
        names, columns(tmp_path / "all.h5", *names), columns(tmp_path / "some.h5", *names), strict=True
    ):
        assert other.tolist() == (one if name == "snapshot" else one[steps]).tolist(), name
    assert settings(tmp_path / "some.h5").items() >= {k.replace("_", "-"): v for k, v in options.items()}.items()
    assert "whole" in nf_probe_command("verify", tmp_path / "some.h5")


def test_nothing_is_measured_at_other_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nf_probe.measuring import probe

    calls: list[int] = []
    monkeypatch.setattr(probe, "tensor_sums", lambda gradients, out: calls.append(len(gradients)))
    record(tmp_path / "run.h5", every=4)
    # At step 0 and 4: all gradients, and some again for what clipping did.
    assert len(calls) == 4


def test_a_schedule_goes_on_where_a_run_is_resumed(tmp_path: Path) -> None:
    record(tmp_path / "run.h5", every=3)
    record(tmp_path / "run.h5", every=3, resume=True, first_step=STEPS)
    (steps,) = columns(tmp_path / "run.h5", "step")
    assert steps.tolist() == [0, 3, 6, 9, 12, 15]


@pytest.mark.parametrize("per_decade", [1, 3, 7, 20])
def test_a_logarithmic_schedule_is_that_of_the_program(tmp_path: Path, nf_probe_command: Run, per_decade: int) -> None:
    sizes = "--layers=1 --dim=8 --heads=2 --steps=120 --sequence=8 --batch=1 --out=runs"
    nf_probe_command("train", *sizes.split(), f"--per-decade={per_decade}", cwd=tmp_path)
    (steps,) = columns(next((tmp_path / "runs").glob("*.h5")), "step")
    schedule = Schedule(per_decade=per_decade)
    assert [step for step in range(120) if schedule.includes(step)] == steps.tolist()
