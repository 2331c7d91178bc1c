"""Encoder and decoder, or a vision tower beside a language model, are each shown by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nf_probe
from cases import record
from conftest import Run, gradients
from nf_probe.reading.mismatch import default_window


@pytest.mark.parametrize(
    ("name", "main", "other", "layers", "operation"),
    [
        ("t5-gated", "decoder", "encoder", 3, "fc2.weight"),
        ("llava", "decoder", "model.vision_tower.encoder.layers", 2, "fc2.weight"),
    ],
)
def test_each_stack_has_its_own_mismatch(
    name: str, main: str, other: str, layers: int, operation: str, tmp_path: Path, nf_probe_command: Run
) -> None:
    run = record(name, tmp_path / "run.h5")
    told = " ".join(nf_probe_command("info", run).split())
    assert f"3 in {main}" in told and f"{layers} in {other} (--stack {other})" in told
    values = gradients(run)
    first, end = default_window(range(4))  # type: ignore[arg-type]
    prefix = f"{other}.layers" if other == "encoder" else other
    for stack, beginning, count in ((main, "decoder.layers", 3), (other, prefix, layers)):
        found = json.loads(nf_probe_command("grads", run, "--stack", stack, "--format", "json", "--quiet"))
        (row,) = found["rows"]
        for layer in range(count):
            mean = values[f"{beginning}.{layer}.{operation}"][first:end].mean()
            assert row[f"layer_{layer}"] == pytest.approx(mean, rel=1e-9)
        assert f"layer_{count}" not in row
    with nf_probe.open(run) as opened:
        assert opened.stacks == [main, other]
        shown = opened.gradients(stack=other).sel(tensor=operation)
        assert shown.values[:, 1].tolist() == values[f"{prefix}.1.{operation}"].tolist()
        with pytest.raises(nf_probe.UsageError, match="no stack 'tower'"):
            opened.gradients(stack="tower")
    later = record(name, tmp_path / "later.h5", factor=2)
    assert operation in nf_probe_command("ratio", run, later, "--stack", other, "--quiet")
    nf_probe_command("report", run, "--stack", other, "--out", tmp_path / "report", "--quiet")
    page = (tmp_path / "report" / "report.html").read_text()
    assert operation in page
