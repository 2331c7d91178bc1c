"""What figures show of models that are no dense decoder: each sublayer's weights in a panel of its name."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cases import record
from conftest import Run
from zoo import ARCHITECTURES


def points(figure: Path) -> list[dict[str, str]]:
    """What is drawn, which lies beside the figure."""
    with figure.with_name(f"{figure.stem}-points.csv").open() as file:
        return list(csv.DictReader(file))


def names(beginning: str, *ends: str) -> set[str]:
    return {f"{beginning}{end}.weight" for end in ends}


ATTENTION = names("self_attn.", "q_proj", "k_proj", "v_proj", "out_proj")
GATED = names("", "fc_gate", "fc1", "fc2")


@pytest.mark.parametrize(
    ("name", "panels"),
    [
        ("qwen3-moe", {"attention": ATTENTION, "experts": names("experts.", "fc_gate", "fc1", "fc2")}),
        (
            "deepseek-v3",
            {
                "attention": names("self_attn.", "q_a_proj", "q_b_proj", "kv_a_proj", "kv_b_proj", "out_proj"),
                "FFN": GATED,
                "experts": names("experts.", "fc_gate", "fc1", "fc2")
                | names("shared_experts.", "fc_gate", "fc1", "fc2"),
            },
        ),
        (
            "t5-gated",
            {
                "attention": ATTENTION,
                "cross attention": names("encoder_attn.", "q_proj", "k_proj", "v_proj", "out_proj"),
                "FFN": GATED,
            },
        ),
        ("vit", {"attention": ATTENTION, "FFN": names("", "fc1", "fc2")}),
        ("mamba", {"mixer": names("mixer.", "in_proj", "x_proj", "dt_proj", "out_proj")}),
        (
            "lora-llama",
            {
                "attention": names("self_attn.q_proj.", "lora_A", "lora_B"),
                "FFN": names("fc2.", "lora_A", "lora_B"),
            },
        ),
    ],
)
def test_each_sublayer_s_ratios_have_a_panel(
    name: str, panels: dict[str, set[str]], tmp_path: Path, nf_probe_command: Run
) -> None:
    if not ARCHITECTURES[name].is_installed:
        pytest.skip(f"{ARCHITECTURES[name].package} is not installed")
    runs = [record(name, tmp_path / f"{factor}.h5", factor) for factor in (1, 2)]
    nf_probe_command("ratio", *runs, "--figure", "lines", "--svg", tmp_path / "lines.svg", "--quiet")
    found: dict[str, set[str]] = {}
    for point in points(tmp_path / "lines.svg"):
        if point["series"] == "equal" or point["series"].endswith("95 %"):
            continue
        found.setdefault(point["panel"], set()).add(point["series"])
    assert found == panels
