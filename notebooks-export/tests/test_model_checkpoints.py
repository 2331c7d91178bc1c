"""The program finds in a checkpoint what the recorder finds in the model: the same parts at the same places."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cases import CHOSEN, Case, case_of, elements
from conftest import Run
from nf_probe.facts import head_count

# An adapter's files have no name of its set, and no weights of the model.
NAMES = [name for name in CHOSEN if not name.startswith("lora")]


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    return case_of(request.param)


def test_differences_after_an_update_are_those_of_every_part(case: Case, tmp_path: Path, nf_probe_command: Run) -> None:
    before = {name: parameter.detach().clone() for name, parameter in case.parameters.items()}
    generator = torch.Generator().manual_seed(5)
    after = {name: w + 0.1 * torch.randn(w.shape, generator=generator, dtype=w.dtype) for name, w in before.items()}
    for name, values in (("a", before), ("b", after)):
        (tmp_path / name).mkdir()
        save_file(values, tmp_path / name / "model.safetensors")
        config = {"num_attention_heads": head_count(case.made.module)}
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    files = [tmp_path / name / "model.safetensors" for name in ("a", "b")]
    table = nf_probe_command("compare", *files, "--by", "change", "--rows", 0, "--format", "csv", "--table", "changes")
    rows = {row["tensor"]: row for row in csv.DictReader(io.StringIO(table))}
    expected: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for part in case.layout.parts:
        place = part.placed.place if part.placed else None
        name = place.full_name if place and place.full_name in rows else part.parameter
        old, new = (elements(part, values[part.parameter]) for values in (before, after))
        offset = 1 if part.placed and part.placed.is_gain_minus_one else 0
        expected.setdefault(name, []).append((old + offset, new + offset))
    assert rows.keys() == expected.keys()
    for name, pairs in expected.items():
        old, new = (torch.cat([pair[side].flatten() for pair in pairs]) for side in (0, 1))
        found = {key: float(rows[name][key]) for key in ("l1_a", "l1_b", "relative_difference")}
        assert found["l1_a"] == pytest.approx(float(old.abs().sum()), rel=1e-5), name
        assert found["l1_b"] == pytest.approx(float(new.abs().sum()), rel=1e-5), name
        assert found["relative_difference"] == pytest.approx(float((new - old).norm() / old.norm()), rel=1e-5), name
