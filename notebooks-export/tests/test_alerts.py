"""Rules over what a run records: the same words, steps and sentences as the program's."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch

import nf_probe
from conftest import Run
from models import NanoGPT, batch, loss_of, make
from nf_probe.recording.alerts import AlertRule

RULES = [
    "l1 of fc2.weight in layer 1 > 1e-09 for 3 steps", "update/weight of any layer > 1e-06 for 4 steps", "loss > 99",
    "weight-rms of layer 0 < 1e-12",
]  # fmt: skip


def train(path: Path, steps: int = 8, **options: object) -> list[str]:
    """The warnings of a recorded training."""
    model = make(NanoGPT)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with nf_probe.Recorder(path, model, optimizer, weights_every=2, on_error="raise", **options) as recorder:  # type: ignore[arg-type]
            for step in range(steps):
                loss = loss_of(model, batch(step))
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                recorder.step(loss, tokens=40)
    return [str(one.message) for one in told if issubclass(one.category, nf_probe.RecorderWarning)]


def test_rules_speak_once_and_the_report_has_them(tmp_path: Path, nf_probe_command: Run) -> None:
    path = tmp_path / "run.h5"
    told = train(path, alerts=RULES)
    assert len(told) == 2
    assert told[0].startswith("alert: l1 of fc2.weight in layer 1 > 1e-09 for 3 steps: fc2.weight in layer 1, ")
    assert told[0].endswith("at step 2, since step 0")
    # Weights are measured at every second step: 0, 2, 4.
    assert "at step 4, since step 0" in told[1] and "more" in told[1]
    nf_probe_command("report", path, "--out", tmp_path / "report", "--mix-contracts")
    findings = (tmp_path / "report/report.md").read_text()
    assert findings.count("alert: ") == 2 and "since step 0" in findings


def test_a_call_instead_of_a_warning(tmp_path: Path) -> None:
    called: list[str] = []
    told = train(tmp_path / "run.h5", alerts=["loss > 0", "gradient-l2 > 0 for 2 steps"], on_alert=called.append)
    assert told == [] and [one.split(":")[1] for one in called] == [" loss > 0", " gradient-l2 > 0 for 2 steps"]


def test_runs_go_on_with_other_rules(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    train(path, steps=3, alerts=["loss > 99"])
    told = train(path, steps=3, alerts=["loss > 0"], resume=True, first_step=3)
    assert len(told) == 1


@pytest.mark.parametrize("text", RULES)
def test_rules_come_back_in_their_words(text: str) -> None:
    assert str(AlertRule.parsed(text)) == text and AlertRule.parsed(str(AlertRule.parsed(text))) == AlertRule.parsed(
        text
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "quantity"), ("losses > 1", "quantity"), ("loss 1", "> or <"), ("loss > much", "number"),
        ("loss > 1 for 0 steps", "for 20 steps"), ("loss of layer 1 > 1", "whole run"),
        ("l1 of layer x > 1", "layer 3"), ("l1 at fc1 > 1", "'at'"), ("l1 of fc9 > 1", "no fc9"),
        ("l1 of layer 77 > 1", "layers 0 to"), ("loss > nan", "number"),
    ],
)  # fmt: skip
def test_wrong_rules(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(nf_probe.UsageError, match=words):
        nf_probe.Recorder(tmp_path / "run.h5", make(NanoGPT), alerts=[text])
    assert not (tmp_path / "run.h5").exists()
