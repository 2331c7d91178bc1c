"""Gradients at weights in every format: equal weights give equal gradients, bit for bit, whatever file they come from.

The files of PyTorch are those of Tests/CheckpointsTests/Fixtures, which make_fixtures.py there wrote with PyTorch.
"""

import csv
import io
import json
import pathlib
import shutil

import h5py
import numpy
import pytest
from conftest import flags, refuses, run_files, succeeds
from safetensors.numpy import save_file

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "CheckpointsTests" / "Fixtures"
# The file, and the flags for what its model's tensors and hyper-parameters do not tell.
MODELS = {"fairseq-args-legacy.pt": dict(head_scale_placement="fairseq"), "fairseq-cfg.pt": {}}


def weights(name: str) -> dict[str, numpy.ndarray]:
    tensors = json.loads((FIXTURES / "expected.json").read_text())[name]["tensors"]
    arrays = {key: numpy.array(tensor["values"], "<f4").reshape(tensor["shape"]) for key, tensor in tensors.items()}
    return arrays


def gradients(folder: pathlib.Path, checkpoint: str, out: str, **changes) -> dict[str, numpy.ndarray]:
    tokens = numpy.random.default_rng(3).integers(0, 5, 400).astype("<u2")
    (folder / "tokens.bin").write_bytes(tokens.tobytes())
    values = dict(from_checkpoint=checkpoint, no_update=True, corpus="tokens.bin", steps=2, batch=2, sequence=8, out=out)
    succeeds("grads", *flags(**{**values, **changes}), cwd=folder)
    (path,) = run_files(folder / out)
    with h5py.File(path) as file:
        found = {name: file[name][...] for name in file if "gradient_" in name or name == "loss"}
    assert found["gradient_l1"].size and numpy.isfinite(found["loss"]).all()
    return found


def same(left: dict[str, numpy.ndarray], right: dict[str, numpy.ndarray]):
    assert left.keys() == right.keys()
    for name in left:
        numpy.testing.assert_array_equal(left[name], right[name], err_msg=name)


@pytest.mark.parametrize("name", MODELS)
def test_pytorch_files_give_what_safetensors_gives(name, tmp_path):
    shutil.copy(FIXTURES / name, tmp_path / "model.pt")
    save_file(weights(name), tmp_path / "model.safetensors")
    ours = gradients(tmp_path, "model.pt", "from-pytorch", **MODELS[name])
    same(ours, gradients(tmp_path, "model.safetensors", "from-safetensors", **{"heads": 2, **MODELS[name]}))


def test_shards_and_their_folder(tmp_path):
    name = "fairseq-cfg.pt"
    tensors = weights(name)
    save_file(tensors, tmp_path / "whole.safetensors")
    shards = tmp_path / "shards"
    shards.mkdir()
    names = sorted(tensors)
    index = {}
    for number, part in enumerate([names[::2], names[1::2]], start=1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({key: tensors[key] for key in part}, shards / file)
        index |= dict.fromkeys(part, file)
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": index})
    (shards / "model.safetensors.index.json").write_text(text)
    whole = gradients(tmp_path, "whole.safetensors", "whole", heads=2)
    same(whole, gradients(tmp_path, "shards/model.safetensors.index.json", "by-index", heads=2))
    same(whole, gradients(tmp_path, "shards", "by-folder", heads=2))
    (shards / "model-00002-of-00002.safetensors").unlink()
    refuses("grads", "--from-checkpoint=shards", cwd=tmp_path, mentions=["model-00002-of-00002.safetensors is missing"])


def test_older_fused_projections_and_the_papers_names(tmp_path):
    name = "fairseq-args-legacy.pt"
    tensors = weights(name)
    save_file(tensors, tmp_path / "today.safetensors")
    for layer in ["decoder.layers.0.", "decoder.layers.1."]:
        for kind in ["weight", "bias"]:
            parts = [tensors.pop(f"{layer}self_attn.{part}_proj.{kind}") for part in "qkv"]
            tensors[f"{layer}self_attn.in_proj_{kind}"] = numpy.concatenate(parts)
        tensors[layer + "alpha2"] = tensors.pop(layer + "w_resid")
    save_file(tensors, tmp_path / "older.safetensors")
    same(
        gradients(tmp_path, "today.safetensors", "today", **MODELS[name]),
        gradients(tmp_path, "older.safetensors", "older", **MODELS[name]),
    )


def test_a_damaged_weight_is_noticed(tmp_path):
    data = bytearray((FIXTURES / "fairseq-cfg.pt").read_bytes())
    weight = weights("fairseq-cfg.pt")["decoder.layers.1.fc2.weight"].tobytes()
    data[data.index(weight) + 5] ^= 1
    (tmp_path / "damaged.pt").write_bytes(data)
    mentions = ["decoder.layers.1.fc2.weight", "checksum", "copy it again"]
    refuses("grads", "--from-checkpoint=damaged.pt", "--no-update", cwd=tmp_path, mentions=mentions)


@pytest.mark.parametrize(
    ("name", "mentions"),
    [
        ("whole-module.pt", ["whole object of class torch.nn", r"state_dict\(\)"]),
        ("list.pt", ["no tensors by name"]),
        ("protocol-4.pt", ["pickle protocol 4"]),
        ("types.pt", ["no decoder with fairseq's names"]),
    ],
)
def test_what_cannot_be_used_is_named(name, mentions, tmp_path):
    shutil.copy(FIXTURES / name, tmp_path / name)
    refuses("grads", f"--from-checkpoint={name}", cwd=tmp_path, mentions=[name, *mentions])


@pytest.mark.parametrize("size", [1, 14, 100, 1000, 9000])
def test_files_that_are_cut_off(size, tmp_path):
    for name in MODELS:
        (tmp_path / name).write_bytes((FIXTURES / name).read_bytes()[:size])
        refuses("grads", f"--from-checkpoint={name}", cwd=tmp_path, mentions=[name])


def test_another_librarys_names(tmp_path):
    shape = {"wte.weight": (5, 4), "h.0.attn.c_attn.weight": (4, 12), "h.0.ln_1.weight": (4,)}
    save_file({name: numpy.ones(size, "<f4") for name, size in shape.items()}, tmp_path / "gpt2.safetensors")
    refuses("grads", "--from-checkpoint=gpt2.safetensors", cwd=tmp_path, mentions=["GPT-2's names", "config.json"])


# What PyTorch and Transformers wrote and computed: Tests/CheckpointsTests/Fixtures/make_distributed.py.
MADE = FIXTURES / "distributed"


def changes(*arguments, cwd) -> dict[str, dict[str, str]]:
    """The rows of `compare` by the tensors' names in the files."""
    text = succeeds("compare", *arguments, "--by=change", "--rows=0", "--format=csv", cwd=cwd).stdout
    return {row["tensor"]: row for row in csv.DictReader(io.StringIO(text)) if row["tensor"]}


@pytest.mark.parametrize("one, other", [("one", "four"), ("four", "model.pt"), ("one", "model.pt"), ("four-after", "model-after.pt")])
def test_a_model_saved_in_several_ways_is_one_model(one, other, tmp_path):
    result = succeeds("compare", MADE / one, MADE / other, cwd=tmp_path)
    assert "A and B are identical: all 341 elements have the same bits." in result.stdout
    assert "only in" not in result.stdout


@pytest.mark.parametrize("before, after", [("one", "four-after"), ("four", "model-after.pt"), ("model.pt", "four-after")])
def test_an_update_s_differences_are_pytorch_s(before, after, tmp_path):
    rows = changes(MADE / before, MADE / after, cwd=tmp_path)
    expected = json.loads((MADE / "differences.json").read_text())
    assert len(rows) == len(expected)
    places = {"decoder.embed_tokens": "embed_tokens", "decoder.layer_norm": "norm"}
    for name, row in rows.items():
        stem, _, kind = name.rpartition(".")
        relative, largest = expected[f"{places.get(stem, stem)}.{kind}" if stem else name]
        # Both are sums in float64, added in other orders.
        assert float(row["relative_difference"]) == pytest.approx(relative, rel=1e-9)
        assert float(row["max_difference"]) == pytest.approx(largest, rel=1e-9)


def test_quantized_tensors_are_the_numbers_that_they_stand_for(tmp_path):
    result = succeeds("compare", MADE / "quantized.safetensors", MADE / "numbers.safetensors", cwd=tmp_path)
    assert "A and B are identical: all 2345 elements have the same bits." in result.stdout


def test_what_a_distributed_checkpoint_lacks_is_said(tmp_path):
    shutil.copytree(MADE / "four", tmp_path / "four")
    (tmp_path / "four/__3_0.distcp").unlink()
    for command in (["compare", "four", MADE / "one"], ["scales", "four"]):
        refuses(*command, cwd=tmp_path, mentions=["__3_0.distcp, which holds parts of tensors, is missing"])
    (tmp_path / "four/.metadata").unlink()
    refuses("compare", "four", MADE / "one", cwd=tmp_path, mentions=["without the .metadata"])
    refuses("compare", MADE / "four/__0_0.distcp", MADE / "one", cwd=tmp_path, mentions=["one worker's part", "Name the folder"])
    damaged = succeeds("verify", MADE / "four", cwd=tmp_path)
    assert "the checksums agree" in damaged.stdout
