"""Every addition on every placement, from the flag to the tensor in the run file."""

import h5py
import numpy
import pytest
from conftest import run_files, small, succeeds

ADDITIONS = {
    "scale_attn": {"attn_ln.weight", "attn_ln.bias"},
    "scale_fc": {"ffn_layernorm.weight", "ffn_layernorm.bias"},
    "scale_heads": {"c_attn"},
    "scale_resids": {"w_resid"},
    "qkv_norm": {f"self_attn.{letter}_layer_norm.{kind}" for letter in "qkv" for kind in ("weight", "bias")},
}


def measured(folder, **changes) -> dict[str, numpy.ndarray]:
    """The l1 of each tensor (step, layer)."""
    succeeds("grads", *small(layers=2, steps=3, out="runs", **changes), cwd=folder)
    (path,) = run_files(folder)
    with h5py.File(path) as file:
        assert numpy.isfinite(file["loss"][...]).all()
        return dict(zip(file["tensor"].asstr()[...], numpy.moveaxis(file["gradient_l1"][...], 2, 0), strict=True))


@pytest.mark.parametrize("placement", ["post-ln", "pre-ln"])
@pytest.mark.parametrize("addition", ADDITIONS)
def test_each_alone(addition, placement, tmp_path):
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    plain = measured(tmp_path / "without", architectures=placement)
    changed = measured(tmp_path / "with", architectures=placement, **{addition: True})
    assert changed.keys() - plain.keys() == ADDITIONS[addition] and plain.keys() <= changed.keys()
    for tensor in ADDITIONS[addition] - {"self_attn.k_layer_norm.bias"}:  # Zero by construction.
        assert (changed[tensor] > 0).all(), tensor


@pytest.mark.parametrize("addition", list(ADDITIONS)[:4])
def test_normformer_without_one(addition, tmp_path):
    names = measured(tmp_path, architectures="normformer", **{"no_" + addition: True}).keys()
    everything = set().union(*list(ADDITIONS.values())[:4])
    assert names & everything == everything - ADDITIONS[addition]


@pytest.mark.parametrize("placement", ["paper", "fairseq", "fairseq-2021"])
def test_head_scale_placements_differ(placement, tmp_path):
    """At the initial scales of 1 the first two are one function; the third permutes W_O's output."""
    found = measured(tmp_path, architectures="pre-ln", scale_heads=True, head_scale_placement=placement)
    assert (found["c_attn"] > 0).all()


def test_residual_scale_on_both(tmp_path):
    found = measured(tmp_path, architectures="pre-ln", scale_resids=True, res_scale_placement="both")
    assert (found["w_resid"] > 0).all() and (found["w_resid_attention"] > 0).all()


@pytest.mark.parametrize("architecture", ["post-ln", "pre-ln", "normformer"])
def test_rms_norms_geglu_and_masked_objective_together(architecture, tmp_path):
    found = measured(
        tmp_path, architectures=architecture, norm="rms", activation="geglu", objective="masked", batch=8, dropout=0.1
    )
    assert not {name for name in found if "norm.bias" in name or "_ln.bias" in name}
    assert (found["fc1.weight"] > 0).all()
