"""Architectures by name and by file: lists, runs, what they record, and checkpoints of Transformers' models."""

import json
import pathlib
import shutil
import subprocess
import tempfile
from xml.etree import ElementTree

import h5py
import numpy
import pytest
import xarray
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from conftest import ROOT, flags
from conftest import run as start

TRANSFORMERS = ROOT / "Tests/golden/transformers"
SMALL = flags(layers=3, dim=16, heads=4, steps=6, sequence=8, batch=2, threads=1)
MINE = """architecture: 1
norm: rms
biases: no
embedding: {scale: 1, positions: none}
block:
  - attention: {input-norm: yes, q-norm: {per: head}, rotary: yes, branch-scale: {learned: scalar, from: 0.5}}
  - ffn: {input-norm: yes, activation: silu, gated: yes, residual-scale: 1/sqrt(l)}
exceptions:
  - layers: last 1
    ffn: {inner-norm: yes}
head: {norm: yes, tied: no}
"""


def run(*arguments: object, status: int = 0) -> subprocess.CompletedProcess:
    result = start(*arguments, cwd=tempfile.gettempdir())
    assert result.returncode == status, f"{arguments}\n{result.stderr[-3000:]}"
    return result


def presets() -> list[str]:
    return [line.split(",")[0] for line in run("architectures", "--format", "csv").stdout.splitlines()[1:] if "," in line]


def test_the_list_has_every_preset_and_each_prints_its_file():
    names = presets()
    assert len(names) >= 26 and {"pre-ln", "llama", "gemma3", "hybridnorm"} <= set(names)
    for name in ("llama", "mix-ln"):
        shown = run("architectures", name).stdout
        assert "Equation:" in shown and "Source:" in shown and "architecture: 1" in shown and "parameters:" in shown


def test_wirings_are_drawn(tmp_path):
    (tmp_path / "mine.yaml").write_text(MINE)
    for architecture in ("gemma3", tmp_path / "mine.yaml"):
        run("architectures", architecture, "--svg", tmp_path / "wiring.svg", "--yaml")
        words = [element.text for element in ElementTree.parse(tmp_path / "wiring.svg").iter() if element.text]
        assert {"token embedding", "rotary, θ 10000", "attention"} & set(words) and "fc2" in words
    assert "ffn_layernorm" in words and "layers 0-10" in words
    out = tmp_path / "out"
    run("grads", "--architectures=pre-ln,llama", *SMALL, "--out", out)
    run("report", out, "--out", tmp_path / "report")
    drawing = (tmp_path / "report/figures/wiring.svg").read_text()
    assert "Pre-LN" in drawing and "SiLU(gate)" in drawing
    assert not (tmp_path / "report/figures/wiring-points.csv").exists()
    assert 'id="wiring"' in (tmp_path / "report/report.html").read_text()
    assert "no run states" not in (tmp_path / "report/report.md").read_text()
    assert run("architectures", "--svg", tmp_path / "list.svg", status=2).stderr.count("name it") == 1


def test_a_preset_and_its_file_give_the_same_numbers(tmp_path):
    (tmp_path / "mine.yaml").write_text(run("architectures", "qwen3", "--yaml").stdout)
    out = tmp_path / "out"
    run("grads", "--architectures", f"qwen3,{tmp_path / 'mine.yaml'}", *SMALL, "--kv-heads=2", "--out", out)
    with h5py.File(out / "qwen3-seed0.h5") as preset, h5py.File(out / "mine-seed0.h5") as mine:
        for name in ("loss", "gradient_l1", "stem_gradient_l1", "scale_q_layer_norm"):
            assert preset[name][()].tobytes() == mine[name][()].tobytes(), name


def test_layers_that_differ_are_recorded_as_they_are(tmp_path):
    (tmp_path / "mine.yaml").write_text(MINE)
    out = tmp_path / "out"
    run("grads", "--architectures", tmp_path / "mine.yaml", *SMALL, "--activations", "--out", out)
    with xarray.open_dataset(out / "mine-seed0.h5", engine="netcdf4") as data:
        counts = data.gradient_count.sel(tensor="ffn_layernorm.weight").values
        assert list(counts[:2]) == [0, 0] and counts[2] > 0
        assert {"fc_gate.weight", "attn_layer_scale", "self_attn.q_layer_norm.weight"} <= set(data.tensor.values)
        assert "decoder.output_projection.weight" in data.stem_tensor.values
        assert {"self_attn.q_rotated", "self_attn.k_rotated"} <= set(data.operation.values)
        assert data.scale_q_layer_norm.sizes["head_element"] == 4
        assert data.scale_attn_layer_scale.sizes["single"] == 1
        assert "residual-scale" in json.loads(data.attrs["configuration"])["architecture-text"]
    for command in ("info", "scales", "report"):
        words = ["--out", tmp_path / command] if command == "report" else []
        run(command, out / "mine-seed0.h5", *words)
    run("grads", out / "mine-seed0.h5", "--operation", "fc_gate.weight")


@pytest.mark.parametrize("name", sorted(path.name for path in TRANSFORMERS.iterdir()))
def test_checkpoints_of_transformers_are_measured(name, tmp_path):
    golden = json.loads((TRANSFORMERS / name / "golden.json").read_text())
    sequence = min(4, len(golden["tokens"][0]))
    out = tmp_path / "out"
    run(
        "grads", "--from-checkpoint", TRANSFORMERS / name, "--no-update", "--vocab-size=19",
        *flags(steps=2, sequence=sequence, batch=2, threads=1), "--out", out,
    )  # fmt: skip
    (file,) = out.glob("*.h5")
    with h5py.File(file) as data:
        assert (data["gradient_l1"][()] >= 0).all() and data["loss"][0] > 0


def test_a_model_that_cannot_be_computed_is_refused_by_name(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(TRANSFORMERS / "llama", folder)
    config = json.loads((folder / "config.json").read_text())
    measure = ["grads", "--from-checkpoint", folder, "--no-update", "--vocab-size=19", "--out", tmp_path / "out"]

    def refused(**changes: object) -> str:
        (folder / "config.json").write_text(json.dumps(config | changes))
        return run(*measure, status=1).stderr

    assert "model of type mixtral" in refused(model_type="mixtral")
    assert "of the kind yarn" in refused(rope_parameters={"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0})
    assert "activation quick_gelu" in refused(hidden_act="quick_gelu")
    (folder / "config.json").unlink()
    assert "no config.json" in run(*measure, status=1).stderr


def test_what_goes_on_from_a_checkpoint_is_read_again(tmp_path):
    out = tmp_path / "out"
    run(
        "train", "--from-checkpoint", TRANSFORMERS / "gemma3", "--vocab-size=19",
        *flags(steps=4, sequence=6, batch=2, threads=1), "--out", out,
    )  # fmt: skip
    files = sorted(pathlib.Path(out).glob("*.checkpoints/step-*.safetensors"))
    weights = next(file for file in reversed(files) if ".state." not in file.name)
    measure = flags(steps=2, sequence=6, batch=2, vocab_size=19)
    shown = run("grads", "--from-checkpoint", weights, "--no-update", *measure, "--out", tmp_path / "again")
    assert "Gemma 3" in shown.stdout
    # Gains that are kept minus one are shown as they multiply: of Transformers' folder, of ours, and of the run.
    (recorded,) = out.glob("*.h5")
    for source in (TRANSFORMERS / "gemma3", weights, recorded):
        rows = json.loads(run("scales", source, "--all", "--format", "json").stdout)["rows"]
        medians = {(row["scale"], row["layer"]): row["median"] for row in rows}
        assert len(medians) >= 18 and all(0.5 < value < 2 for value in medians.values()), (source, medians)


@pytest.mark.parametrize("name", ["gpt2", "gpt-neox", "llama", "gemma3", "phi"])
def test_a_model_goes_back_under_its_own_names(name, tmp_path):
    (source,) = [path for path in TRANSFORMERS.iterdir() if path.name == name]
    out = tmp_path / "out"
    # A step so small that weights stay as they were to the last digit.
    run(
        "train", "--from-checkpoint", source, "--vocab-size=19", "--lr=1e-30", "--warmup=0",
        *flags(steps=1, sequence=4, batch=2, threads=1), "--out", out,
    )  # fmt: skip
    (folder,) = out.glob("*.model")
    with safe_open(folder / "model.safetensors", "numpy") as file:
        assert file.metadata() == {"format": "pt"}
    given, back = load_file(source / "model.safetensors"), load_file(folder / "model.safetensors")
    assert set(back) == set(given)
    for tensor, values in given.items():
        assert back[tensor].shape == values.shape, tensor
        assert numpy.array_equal(back[tensor], values.astype("<f4")) or abs(back[tensor] - values).max() < 1e-7, tensor
    config = json.loads((folder / "config.json").read_text())
    assert config.get("dtype", config.get("torch_dtype", "float32")) == "float32"
    assert config["model_type"] == json.loads((source / "config.json").read_text())["model_type"]
    measure = ["--vocab-size=19", *flags(steps=2, sequence=4, batch=2, threads=1)]
    run("grads", "--from-checkpoint", folder, "--no-update", *measure, "--out", tmp_path / "again")


def test_a_checkpoint_of_names_that_nobody_knows(tmp_path):
    measure = ["--no-update", "--vocab-size=19", *flags(steps=3, sequence=4, batch=2, threads=1)]
    run("grads", "--from-checkpoint", TRANSFORMERS / "llama", *measure, "--out", tmp_path / "known")
    (known,) = (tmp_path / "known").glob("*.h5")
    with h5py.File(known) as file:
        configuration = json.loads(file.attrs["configuration"])
        wanted = {name: file[name][()] for name in ("loss", "gradient_l1", "stem_gradient_l1")}
    (tmp_path / "wiring.yaml").write_text(configuration["architecture-text"])
    tensors = load_file(TRANSFORMERS / "llama/model.safetensors")
    mine: dict[str, numpy.ndarray] = {}
    for layer in range(configuration["layers"]):
        theirs, ours = f"model.layers.{layer}.", f"blocks.{layer}."
        mine[ours + "qkv"] = numpy.concatenate([tensors[f"{theirs}self_attn.{part}_proj.weight"] for part in "qkv"])
        mine[ours + "wo"] = tensors[theirs + "self_attn.o_proj.weight"]
        mine[ours + "down"] = numpy.ascontiguousarray(tensors[theirs + "mlp.down_proj.weight"].T)
        for there, here in (("gate_proj", "gate"), ("up_proj", "up")):
            mine[ours + here] = tensors[f"{theirs}mlp.{there}.weight"]
        mine[ours + "n1"] = tensors[theirs + "input_layernorm.weight"]
        mine[ours + "n2"] = tensors[theirs + "post_attention_layernorm.weight"]
    mine |= {"tok": tensors["model.embed_tokens.weight"], "n": tensors["model.norm.weight"]}
    if "lm_head.weight" in tensors:
        mine["out"] = tensors["lm_head.weight"]
    save_file(mine, tmp_path / "mine.safetensors")
    names = {
        "tok": "decoder.embed_tokens.weight", "n": "decoder.layer_norm.weight", "out": "decoder.output_projection.weight",
        "blocks.{layer}.qkv": [f"self_attn.{part}_proj.weight" for part in "qkv"],
        "blocks.{layer}.wo": "self_attn.out_proj.weight",
        "blocks.{layer}.gate": "fc_gate.weight", "blocks.{layer}.up": "fc1.weight",
        "blocks.{layer}.down": {"is": "fc2.weight", "transposed": True},
        "blocks.{layer}.n1": "self_attn_layer_norm.weight", "blocks.{layer}.n2": "final_layer_norm.weight",
    }  # fmt: skip
    (tmp_path / "names.yaml").write_text(json.dumps(names))
    words = [
        "grads", "--from-checkpoint", tmp_path / "mine.safetensors", "--architectures", tmp_path / "wiring.yaml",
        f"--heads={configuration['heads']}", *measure,
    ]  # fmt: skip
    run(*words, "--names", tmp_path / "names.yaml", "--out", tmp_path / "own")
    (own,) = (tmp_path / "own").glob("*.h5")
    with h5py.File(own) as file:
        for name, values in wanted.items():
            assert file[name][()].tobytes() == values.tobytes(), name

    def refused(text: str) -> str:
        (tmp_path / "wrong.yaml").write_text(text)
        return run(*words, "--names", tmp_path / "wrong.yaml", "--out", tmp_path / "wrong", status=2).stderr

    assert "no YAML" in refused("{") and "mapping" in refused("- tok")
    assert "has no {layer}" in refused("wo: self_attn.out_proj.weight")
    assert "line 2" in refused('tok: decoder.embed_tokens.weight\n"b.{layer}.n1": decoder.layer_norm.weight')
    assert "says nothing here" in refused("tok: {was: decoder.embed_tokens.weight}")
    assert "{layer} alone" in refused('"b.{expert}.w": fc1.weight')


def test_scales_are_recorded_as_they_multiply(tmp_path):
    out = tmp_path / "out"
    presets = "gemma3,layerscale,dyt"
    run("grads", "--architectures", presets, *SMALL, "--weight-decay=0.1", "--out", out)
    with h5py.File(out / "gemma3-seed0.h5") as file:
        assert (file["scale_attn_ln"][0] == 1).all() and (file["scale_q_layer_norm"][0] == 1).all()
        assert "attn_ln:model_element:1.0:minus-one" in str(file.attrs["scales"])
    with h5py.File(out / "layerscale-seed0.h5") as file:
        assert (file["scale_attn_layer_scale"][0] == file["scale_attn_layer_scale"][0, 0, 0]).all()
        assert "attn_layer_scale:model_element:0.1" in str(file.attrs["scales"])
    with h5py.File(out / "dyt-seed0.h5") as file:
        assert "self_attn_layer_norm_alpha:single:0.5" in str(file.attrs["scales"])
    shown = run("scales", out / "layerscale-seed0.h5", out / "dyt-seed0.h5", "--svg", tmp_path / "scales.svg").stdout
    assert "attn_layer_scale" in shown and "self_attn_layer_norm.alpha" in shown
    drawing = (tmp_path / "scales.svg").read_text()
    assert "initial value 0.1" in drawing and "initial value 0.5" in drawing


def test_admins_scales_start_by_a_pass_over_the_first_batch(tmp_path):
    """Each is the root of what the sum before it was made of, by the activations of the step that had them."""
    run("grads", "--architectures=admin", *SMALL, "--activations", "--out", tmp_path / "out")
    with h5py.File(tmp_path / "out/admin-seed0.h5") as file:
        found = [file[name][0] for name in ("scale_w_resid_attention", "scale_w_resid")]
        assert all((scale == scale[:, :1]).all() for scale in found)
        scales = numpy.stack([scale[:, 0] for scale in found], axis=1).ravel()
        assert scales[0] == 1 and (numpy.diff(scales) > 0).all()
        squares = file["activation_sum_squares"][0] / (2 * 8 * 16)
        place = [name.decode() for name in file["operation"][...]].index
        streams = squares[:, [place("input"), place("self_attn_layer_norm")]].ravel()
        branches = squares[:, [place("self_attn.out_proj"), place("fc2")]].ravel()
        # Variances there, mean squares here: the same where the stream has gone through a norm, and nearly for a branch.
        squared = numpy.sqrt(scales**2 * streams + branches)[:-1]
        assert numpy.allclose(scales[2:], squared[1:], rtol=0.01) and scales[1] < squared[0]
    start_of = run("init", "--architectures=admin,post-ln", "--depths=2,3", "--seeds=2", *flags(dim=16, heads=4, sequence=8, batch=2)).stdout
    assert "Admin" in start_of
    text = run("architectures", "admin").stdout
    assert "w_(i+1)^2 = Var(w_i * x_(i-1)) + Var(f_i(x_(i-1)))" in " ".join(text.split())


def test_one_architectures_places_hold_anothers_parts(tmp_path):
    made = run("architectures", "peri-ln", "--parts=llama", "--yaml").stdout
    (tmp_path / "mine.yaml").write_text(made)
    sizes = flags(layers=3, dim=16, heads=4, kv_heads=2, ffn_dim=20, steps=6, sequence=8, batch=2, threads=1)
    run("grads", "--architectures=peri-ln", "--parts=llama", *sizes, "--out", tmp_path / "one")
    run("grads", f"--architectures={tmp_path / 'mine.yaml'}", *sizes, "--out", tmp_path / "other")
    with h5py.File(tmp_path / "one/peri-ln-seed0.h5") as one, h5py.File(tmp_path / "other/mine-seed0.h5") as other:
        assert numpy.array_equal(one["gradient_l1"], other["gradient_l1"])
        names = {name.decode() for name in one["tensor"][...]}
        assert {"fc_gate.weight", "attn_ln.weight", "ffn_ln.weight"} <= names and "attn_ln.bias" not in names
        assert "decoder.output_projection.weight" in [name.decode() for name in one["stem_tensor"][...]]


def test_text_is_no_corpus_for_a_model_of_subwords(tmp_path):
    """A vocabulary of tens of thousands is a tokenizer's: bytes would be measured against the wrong rows."""
    folder = tmp_path / "model"
    shutil.copytree(TRANSFORMERS / "llama", folder)
    tensors = load_file(folder / "model.safetensors")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        if name in tensors:
            tensors[name] = numpy.tile(tensors[name], (40, 1))
    rows = len(tensors["model.embed_tokens.weight"])
    save_file(tensors, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": rows}))
    (tmp_path / "book.txt").write_text("It was a bright cold day in April. " * 40)
    measure = flags(steps=2, sequence=4, batch=2, threads=1)
    words = ["--from-checkpoint", folder, "--no-update", *measure, "--out", tmp_path / "out"]
    refused = run("grads", *words, "--corpus", tmp_path / "book.txt", status=2).stderr
    assert "python -m nf_probe.tokenize" in refused and str(rows) in refused
    (tmp_path / "tokens.bin").write_bytes(numpy.arange(4000, dtype="<u2").astype("<u2").__mod__(rows).tobytes())
    run("grads", *words, "--corpus", tmp_path / "tokens.bin")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("architecture: 1\nblock:\n  - atention: {}\n", "line 3"),
        ("architecture: 1\nblock:\n  - ffn: {residual-scale: 2*x}\n", '"x" in "2*x"'),
        ("architecture: 1\nblock:\n  - ffn: {branch-scale: ln(l-1)}\n", "is no number in layer 1"),
        ("block: [", "is no YAML"),
    ],
)
def test_wrong_files_get_one_clear_message(text, complaint, tmp_path):
    (tmp_path / "wrong.yaml").write_text(text)
    result = run("grads", "--architectures", tmp_path / "wrong.yaml", *SMALL, "--out", tmp_path / "out", status=2)
    assert complaint in result.stderr and "wrong.yaml" in result.stderr or "is no number" in result.stderr
    assert not (tmp_path / "out").exists()


def test_options_of_the_paper_are_refused_elsewhere(tmp_path):
    assert "--scale-fc changes post-ln" in run("grads", "--architectures=llama", "--scale-fc", *SMALL, status=2).stderr
    assert "divide heads" in run("grads", "--architectures=llama", "--kv-heads=3", *SMALL, status=2).stderr
    assert "has no meaning" in run("grads", "--architectures=pre-ln", "--kv-heads=2", *SMALL, status=2).stderr
