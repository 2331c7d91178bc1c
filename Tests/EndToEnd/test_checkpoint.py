"""Gradients at given weights: the built program against PyTorch's, from one safetensors file and one token file."""

import json
import pathlib

import h5py
import numpy
import pytest
from conftest import flags, refuses, run_files, succeeds
from safetensors.numpy import save_file

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "data"
CASES = ["post-ln", "pre-ln", "normformer", "normformer-fairseq", "normformer-fairseq-2021"]


class Golden:
    """A golden case with one row of tokens, as the files that a user would have."""

    def __init__(self, name: str, folder: pathlib.Path):
        self.case = json.loads((GOLDEN / f"{name}.json").read_text())
        values = numpy.frombuffer((GOLDEN / f"{name}.f64").read_bytes(), "<f8")
        weights = {}
        for tensor in self.case["tensors"]:
            size = int(numpy.prod(tensor["shape"]))
            flat = values[tensor["offset"] : tensor["offset"] + size]
            weights[tensor["name"]] = flat.reshape(tensor["shape"]).astype(numpy.float32)
        save_file(weights, folder / "weights.safetensors")
        (row,) = self.case["tokens"]
        filler = [0] * 200  # Read by nobody: one step of one row starts at the first token.
        tokens = numpy.array(row + self.case["targets"][0][-1:] + filler, "<u2")
        (folder / "tokens.bin").write_bytes(tokens.tobytes())

    def flags(self, **changes) -> list[str]:
        configuration = self.case["configuration"]
        placement = configuration["scale_heads"]
        values = dict(
            from_checkpoint="weights.safetensors", no_update=True, corpus="tokens.bin", sampling="sequential", steps=1,
            batch=1, sequence=configuration["sequence"], heads=configuration["heads"],
            head_scale_placement=None if placement == "none" else placement, out="runs",
        )  # fmt: skip
        return flags(**{**values, **changes})


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_pytorchs(name, tmp_path):
    golden = Golden(name, tmp_path)
    succeeds("grads", *golden.flags(), cwd=tmp_path)
    (path,) = run_files(tmp_path)
    largest = max(tensor["max_abs"] for tensor in golden.case["tensors"])
    with h5py.File(path) as file:
        assert file["loss"][0] == pytest.approx(golden.case["loss"], rel=1e-5)
        tensors, stem = list(file["tensor"].asstr()[...]), list(file["stem_tensor"].asstr()[...])
        for tensor in golden.case["tensors"]:
            name = tensor["name"]
            if name in stem:
                found = {key: file[f"stem_gradient_{key}"][0, stem.index(name)] for key in ("l1", "max_abs")}
            else:
                layer, inner = name.removeprefix("decoder.layers.").split(".", 1)
                found = {key: file[f"gradient_{key}"][0, int(layer), tensors.index(inner)] for key in ("l1", "max_abs")}
            # Sums of float32 products of the largest gradient's size leave some 1e-6 of it in each element.
            floor = 2e-6 * largest
            size = int(numpy.prod(tensor["shape"]))
            assert found["l1"] == pytest.approx(tensor["l1"], rel=1e-4, abs=floor * size), name
            assert found["max_abs"] == pytest.approx(tensor["max_abs"], rel=1e-4, abs=floor), name


def test_head_count_is_asked_for(tmp_path):
    golden = Golden("pre-ln", tmp_path)
    refuses("grads", *golden.flags(heads=None), cwd=tmp_path, mentions=["--heads"])


def test_head_scale_placement_is_asked_for(tmp_path):
    golden = Golden("normformer", tmp_path)
    refuses(
        "grads", *golden.flags(head_scale_placement=None), cwd=tmp_path, mentions=["--head-scale-placement", "c_attn"]
    )


def test_heads_that_do_not_divide_the_width(tmp_path):
    golden = Golden("pre-ln", tmp_path)
    refuses("grads", *golden.flags(heads=3), cwd=tmp_path, mentions=["head", r"\b3\b", r"\b10\b"])


def test_truncated_checkpoint(tmp_path):
    golden = Golden("pre-ln", tmp_path)
    data = (tmp_path / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").write_bytes(data[:-100])
    refuses("grads", *golden.flags(), cwd=tmp_path, mentions=["weights.safetensors"])
