"""nf-probe compare: the built program against NumPy, on files that the safetensors library wrote, and on recorded runs."""

import csv
import io
import json
import pathlib
import subprocess
import xml.etree.ElementTree as ElementTree

import h5py
import numpy
import pytest
from conftest import by_architecture, refuses, run, succeeds
from safetensors.numpy import save_file

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "CheckpointsTests" / "Fixtures"

LAYERS, DIM, FFN, HEADS = 3, 16, 40, 4


def decoder(seed: int, layers: int = LAYERS) -> dict[str, numpy.ndarray]:
    """A NormFormer decoder with fairseq's names and random values."""
    random = numpy.random.default_rng(seed)

    def normal(*shape):
        return random.normal(size=shape).astype(numpy.float32)

    tensors = {"decoder.embed_tokens.weight": normal(50, DIM), "decoder.layer_norm.weight": 1 + 0.1 * normal(DIM)}
    for layer in range(layers):
        own = {f"self_attn.{name}_proj.weight": normal(DIM, DIM) for name in ["q", "k", "v", "out"]}
        own |= {"fc1.weight": normal(FFN, DIM), "fc1.bias": normal(FFN), "fc2.weight": normal(DIM, FFN)}
        own |= {"ffn_layernorm.weight": 1 + 0.1 * normal(FFN), "c_attn": 1 + 0.1 * normal(HEADS), "w_resid": normal(DIM)}
        tensors |= {f"decoder.layers.{layer}.{name}": value for name, value in own.items()}
    return tensors


def moved(tensors: dict[str, numpy.ndarray], seed: int, size: float = 0.01) -> dict[str, numpy.ndarray]:
    random = numpy.random.default_rng(seed)
    return {
        name: (value + size * random.normal(size=value.shape)).astype(value.dtype) for name, value in tensors.items()
    }


@pytest.fixture
def pair(tmp_path):
    """a.safetensors and b.safetensors, and what is in them."""
    a = decoder(0)
    b = moved(a, 1)
    b["decoder.layers.1.fc1.bias"] = a["decoder.layers.1.fc1.bias"].copy()
    save_file(a, tmp_path / "a.safetensors")
    save_file(b, tmp_path / "b.safetensors")
    return tmp_path, a, b


def table(result: subprocess.CompletedProcess, *key: str) -> dict:
    rows = csv.DictReader(io.StringIO(result.stdout))
    return {tuple(row[name] for name in key) if len(key) > 1 else row[key[0]]: row for row in rows}


def expect_numbers(row: dict, first: list[numpy.ndarray], second: list[numpy.ndarray]):
    a = numpy.concatenate([value.ravel() for value in first]).astype(numpy.float64)
    b = numpy.concatenate([value.ravel() for value in second]).astype(numpy.float64)
    expected = {
        "elements": a.size, "l1_a": numpy.abs(a).sum(), "l1_b": numpy.abs(b).sum(), "l2_a": numpy.linalg.norm(a),
        "l2_b": numpy.linalg.norm(b), "rms_a": numpy.sqrt((a**2).mean()), "rms_b": numpy.sqrt((b**2).mean()),
        "log10_l2_ratio": numpy.log10(numpy.linalg.norm(b) / numpy.linalg.norm(a)),
        "relative_difference": numpy.linalg.norm(b - a) / numpy.linalg.norm(a),
        "cosine": a @ b / numpy.linalg.norm(a) / numpy.linalg.norm(b), "max_difference": numpy.abs(b - a).max(),
        "unchanged": (a == b).mean(),
    }  # fmt: skip
    for name, value in expected.items():
        # Float64 on both sides: only the order of additions differs. The logarithm of a ratio near 1 loses digits.
        assert float(row[name]) == pytest.approx(value, rel=1e-12, abs=1e-14), name


def test_numbers_are_numpys(pair):
    folder, a, b = pair
    tensors = table(
        succeeds("compare", "a.safetensors", "b.safetensors", "--by=change", "--rows=0", "--format=csv", cwd=folder),
        "tensor",
    )
    assert set(tensors) == set(a)
    for name in a:
        expect_numbers(tensors[name], [a[name]], [b[name]])
    differences = numpy.abs(b["decoder.layers.2.fc2.weight"].astype(float) - a["decoder.layers.2.fc2.weight"])
    place = [int(index) for index in numpy.unravel_index(differences.argmax(), differences.shape)]
    assert json.loads(tensors["decoder.layers.2.fc2.weight"]["max_difference_index"]) == place
    order = [float(row["relative_difference"]) for row in tensors.values()]
    assert order == sorted(order, reverse=True)


def test_rows_of_several_tensors_are_of_all_their_elements(pair):
    folder, a, b = pair
    for grouping, key, belongs in [
        ("layer", "1", lambda name: name.startswith("decoder.layers.1.")),
        ("layer", "outside", lambda name: ".layers." not in name),
        ("layer", "all", lambda name: True),
        ("operation", "fc1.weight", lambda name: name.endswith("fc1.weight")),
    ]:
        rows = table(
            succeeds("compare", "a.safetensors", "b.safetensors", "--by", grouping, "--format=csv", cwd=folder),
            grouping,
        )
        names = [name for name in a if belongs(name)]
        expect_numbers(rows[key], [a[name] for name in names], [b[name] for name in names])


def test_the_default_view_fits_a_terminal(pair):
    folder, _, _ = pair
    for grouping in ["layer", "operation", "change"]:
        output = succeeds("compare", "a.safetensors", "b.safetensors", "--by", grouping, cwd=folder).stdout
        assert "fc1.weight" in output or grouping == "layer"
        assert max(map(len, output.splitlines())) <= 100


@pytest.mark.parametrize("format", ["csv", "json", "markdown", "latex", "table"])
def test_every_table_in_every_format(pair, format):
    folder, _, _ = pair
    for name in ["changes", "scales", "spectra", "differences"]:
        output = succeeds("compare", "a.safetensors", "b.safetensors", f"--table={name}", f"--format={format}", cwd=folder)
        assert output.stdout
        if format == "json":
            json.loads(output.stdout)


def test_threshold(pair):
    folder, _, _ = pair
    passed = run("compare", "a.safetensors", "b.safetensors", "--threshold=0.0105", "--by=change", "--format=csv", cwd=folder)
    assert passed.returncode == 3
    tensors = table(passed, "tensor")
    expected = {name for name, row in tensors.items() if float(row["relative_difference"]) > 0.0105}
    listed = {line.strip() for line in passed.stderr.splitlines() if line.startswith("  ")}
    assert expected and expected <= listed
    succeeds("compare", "a.safetensors", "b.safetensors", "--threshold=10", cwd=folder)
    succeeds("compare", "a.safetensors", "a.safetensors", "--threshold=0", cwd=folder)


def test_the_same_file_twice(pair):
    folder, a, _ = pair
    output = succeeds("compare", "a.safetensors", "a.safetensors", cwd=folder).stdout
    assert f"identical: all {sum(value.size for value in a.values())} elements" in output


def test_what_differs_beside_the_numbers(pair):
    folder, a, b = pair
    b = {name: value for name, value in b.items() if "w_resid" not in name}
    b["decoder.layers.0.fc1.weight"] = numpy.ascontiguousarray(b["decoder.layers.0.fc1.weight"].T)
    b["decoder.layers.2.fc1.weight"] = b["decoder.layers.2.fc1.weight"].astype(numpy.float16)
    b["decoder.layers.1.fc2.weight"][3, 7] = numpy.nan
    b["head.weight"] = numpy.ones((2, 2), numpy.float32)
    save_file(b, folder / "b.safetensors")
    rows = table(
        succeeds("compare", "a.safetensors", "b.safetensors", "--table=differences", "--format=csv", cwd=folder),
        "difference", "tensors",
    )  # fmt: skip
    assert set(rows) == {
        ("only in A", "w_resid, layers 0-2"), ("only in B", "head.weight"), ("shape", "fc1.weight, layer 0"),
        ("type", "fc1.weight, layer 2"), ("not finite", "fc2.weight, layer 1"),
    }  # fmt: skip
    assert rows["type", "fc1.weight, layer 2"]["detail"] == "F32 and F16"
    numbers = table(
        succeeds("compare", "a.safetensors", "b.safetensors", "--by=change", "--rows=0", "--format=csv", cwd=folder),
        "tensor",
    )
    half = "decoder.layers.2.fc1.weight"
    expect_numbers(numbers[half], [a[half]], [b[half]])
    broken = numbers["decoder.layers.1.fc2.weight"]
    assert broken["relative_difference"] == "nan" and broken["nonfinite_b"] == "1" and broken["nonfinite_a"] == "0"


def test_what_holds_of_every_tensor_is_said_once(pair):
    folder, a, _ = pair
    save_file({name: value.astype(numpy.float16) for name, value in a.items()}, folder / "half.safetensors")
    rows = table(
        succeeds("compare", "a.safetensors", "half.safetensors", "--table=differences", "--format=csv", cwd=folder),
        "difference",
    )  # fmt: skip
    assert rows.keys() == {"type"} and rows["type"]["detail"] == "F32 and F16"
    assert int(rows["type"]["count"]) == len(a) and f"and {len(a) - 1} more tensors" in rows["type"]["tensors"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("module.pt", "module-legacy.pt"), ("nested.pt", "nested-legacy.pt"), ("training.pt", "training-legacy.pt"),
        ("types.pt", "types-legacy.pt"), ("views.pt", "views-legacy.pt"), ("parameters.pt", "module.pt"), ("shards", "shards"),
    ],
)  # fmt: skip
def test_both_forms_of_pytorchs_files_hold_the_same(one, other, tmp_path):
    """The files of Tests/CheckpointsTests/Fixtures, written by PyTorch (make_fixtures.py there)."""
    output = succeeds("compare", FIXTURES / one, FIXTURES / other, cwd=tmp_path).stdout
    assert "identical: all" in output
    for name in {one, other}:
        assert "whole" in succeeds("verify", FIXTURES / name, cwd=tmp_path).stdout


def test_integers_are_compared_for_equality(tmp_path):
    large = 2**60
    a = {"ids": numpy.array([1, large, 3, 4]), "flags": numpy.array([True, False]), "x": numpy.ones(3, numpy.float32)}
    b = {"ids": numpy.array([1, large + 1, 3, 4]), "flags": a["flags"], "x": a["x"].astype(numpy.int32)}
    save_file(a, tmp_path / "a.safetensors")
    save_file(b, tmp_path / "b.safetensors")
    result = run("compare", "a.safetensors", "b.safetensors", "--by=change", "--format=csv", "--threshold=1", cwd=tmp_path)
    rows = table(result, "tensor")
    # Float64 holds neither number exactly.
    assert rows["ids"]["unchanged"] == "0.75" and rows["ids"]["relative_difference"] == ""
    assert rows["flags"]["unchanged"] == "1"
    assert "x" not in rows
    assert result.returncode == 3 and {line.strip() for line in result.stderr.splitlines()[1:]} == {"ids", "x"}


def test_float64_keeps_its_digits(tmp_path):
    a = {"w": numpy.array([1.0, 1e-200, 3.0])}
    save_file(a, tmp_path / "a.safetensors")
    save_file({"w": a["w"] + [2**-50, 0, 0]}, tmp_path / "b.safetensors")
    rows = table(succeeds("compare", "a.safetensors", "b.safetensors", "--by=change", "--format=csv", cwd=tmp_path), "tensor")
    assert float(rows["w"]["max_difference"]) == 2**-50


def test_names_of_two_libraries_meet(tmp_path):
    """GPT-2 as transformers stores it (fused, transposed) beside nanoGPT's names (fused, in torch's orientation)."""
    random = numpy.random.default_rng(3)
    width = 8
    hugging, nano = {}, {}

    def add(name: str, value: numpy.ndarray, transposed: bool = False):
        value = value.astype(numpy.float32)
        nano[f"transformer.{name}"] = value
        hugging[f"transformer.{name}"] = numpy.ascontiguousarray(value.T) if transposed else value

    add("wte.weight", random.normal(size=(20, width)))
    add("wpe.weight", random.normal(size=(10, width)))
    for layer in range(2):
        for name, shape in [("attn.c_attn", (3 * width, width)), ("attn.c_proj", (width, width)),
                            ("mlp.c_fc", (4 * width, width)), ("mlp.c_proj", (width, 4 * width))]:  # fmt: skip
            add(f"h.{layer}.{name}.weight", random.normal(size=shape), transposed=True)
            add(f"h.{layer}.{name}.bias", random.normal(size=shape[0]))
        for name in ["ln_1", "ln_2"]:
            add(f"h.{layer}.{name}.weight", random.normal(size=width))
            add(f"h.{layer}.{name}.bias", random.normal(size=width))
    add("ln_f.weight", random.normal(size=width))
    add("ln_f.bias", random.normal(size=width))
    # What only either library's files have, and tells them apart.
    nano["lm_head.weight"] = nano["transformer.wte.weight"].copy()
    nano["transformer.h.1.mlp.c_fc.weight"] = nano["transformer.h.1.mlp.c_fc.weight"] * numpy.float32(2)
    save_file(hugging, tmp_path / "hf.safetensors")
    save_file(nano, tmp_path / "nano.safetensors")
    rows = table(succeeds("compare", "hf.safetensors", "nano.safetensors", "--by=change", "--rows=0", "--format=csv", cwd=tmp_path), "tensor")
    assert float(rows["decoder.layers.1.fc1.weight"]["relative_difference"]) == 1
    assert {name for name, row in rows.items() if row["unchanged"] != "1"} == {"decoder.layers.1.fc1.weight"}
    assert {f"decoder.layers.0.self_attn.{name}_proj.weight" for name in "qkv"} <= set(rows)
    findings = table(
        succeeds("compare", "hf.safetensors", "nano.safetensors", "--table=differences", "--format=csv", cwd=tmp_path),
        "difference", "tensors",
    )  # fmt: skip
    layout = findings["layout", "self_attn.q_proj.weight, layers 0-1"]["detail"]
    assert "(inputs, outputs) in A" in layout and "(outputs, inputs) in B" in layout


def test_noise(pair):
    folder, a, b = pair
    seeds = [moved(a, 10 + seed, 0.002) for seed in range(3)]
    for seed, tensors in enumerate(seeds):
        save_file(tensors, folder / f"seed{seed}.safetensors")
    names = [f"seed{seed}.safetensors" for seed in range(3)]
    rows = table(
        succeeds("compare", "a.safetensors", "b.safetensors", "--by=change", "--rows=0", "--format=csv", "--noise", *names, cwd=folder),
        "tensor",
    )  # fmt: skip

    def relative(one, other):
        return numpy.linalg.norm(other.astype(float) - one) / numpy.linalg.norm(one.astype(float))

    for name in a:
        noise = numpy.prod([relative(seeds[i][name], seeds[j][name]) for i, j in [(0, 1), (0, 2), (1, 2)]]) ** (1 / 3)
        row = rows[name]
        assert float(row["noise"]) == pytest.approx(noise, rel=1e-10)
        if row["unchanged"] != "1":
            assert float(row["noise_ratio"]) == pytest.approx(relative(a[name], b[name]) / noise, rel=1e-10)
            assert float(row["noise_ratio_low"]) <= float(row["noise_ratio"]) <= float(row["noise_ratio_high"])
            assert ("*" in row["mark"]) == (float(row["noise_ratio_low"]) > 1)
    refuses("compare", "a.safetensors", "b.safetensors", "--noise", "seed0.safetensors", cwd=folder, mentions=["--noise", "two"])


def test_path(pair):
    folder, a, b = pair
    c = moved(b, 2)
    save_file(c, folder / "c.safetensors")
    rows = table(
        succeeds("compare", "a.safetensors", "b.safetensors", "c.safetensors", "--by=change", "--format=csv", "--svg=path.svg", cwd=folder),
        "operation", "layer", "from",
    )  # fmt: skip
    name = "decoder.layers.2.fc1.weight"
    row = rows["fc1.weight", "2", "b.safetensors"]
    first, before, last = (tensors[name].astype(float) for tensors in [a, b, c])
    assert float(row["relative_difference"]) == pytest.approx(
        numpy.linalg.norm(last - before) / numpy.linalg.norm(before), rel=1e-12
    )
    assert float(row["distance_from_first"]) == pytest.approx(
        numpy.linalg.norm(last - first) / numpy.linalg.norm(first), rel=1e-12
    )
    ElementTree.parse(folder / "path.svg")
    refuses("compare", "a.safetensors", "b.safetensors", "c.safetensors", "--threshold=1", cwd=folder, mentions=["path"])


def test_spectra_are_numpys(pair):
    folder, a, b = pair
    rows = table(
        succeeds("compare", "a.safetensors", "b.safetensors", "--table=spectra", "--singular-values=3", "--format=csv", cwd=folder),
        "tensor",
    )
    assert set(rows) == {name for name, value in a.items() if value.ndim == 2}
    for name, row in rows.items():
        for side, tensors in [("a", a), ("b", b)]:
            values = numpy.linalg.svd(tensors[name].astype(float), compute_uv=False)
            shares = values / values.sum()
            found = [float(row[f"sigma_{index}_{side}"]) for index in [1, 2, 3]]
            # Squared and back in float64: the error of a well-conditioned matrix's values stays near 1e-14.
            assert found == pytest.approx(values[:3], rel=1e-12)
            assert float(row[f"stable_rank_{side}"]) == pytest.approx((values**2).sum() / values[0] ** 2, rel=1e-12)
            assert float(row[f"effective_rank_{side}"]) == pytest.approx(
                numpy.exp(-(shares * numpy.log(shares)).sum()), rel=1e-10
            )


def test_a_folder_of_everything(pair):
    folder, a, _ = pair
    succeeds("compare", "a.safetensors", "b.safetensors", "--spectral", "--out=out", cwd=folder)
    files = {path.name for path in (folder / "out").iterdir()}
    assert files == {
        "layers.csv", "operations.csv", "tensors.csv", "scales.csv", "spectra.csv", "differences.csv", "changes.svg",
        "changes-points.csv", "scales.svg", "scales-points.csv",
    }  # fmt: skip
    for path in (folder / "out").glob("*.svg"):
        ElementTree.parse(path)
    points = list(csv.DictReader((folder / "out" / "changes-points.csv").open()))
    assert {(point["x"], point["y"]) for point in points if point["series"] == "identical"} == {("1", "fc1.bias")}
    scales = list(csv.DictReader((folder / "out" / "scales.csv").open()))
    row = next(row for row in scales if row["scale"] == "γ c_attn" and row["layer"] == "2")
    own = a["decoder.layers.2.c_attn"].astype(float)
    assert float(row["mean_a"]) == pytest.approx(own.mean(), rel=1e-12)
    assert (float(row["min_a"]), float(row["max_a"])) == (own.min(), own.max())
    refuses("compare", "a.safetensors", "b.safetensors", "--out=out", cwd=folder, mentions=["--overwrite"])


def test_one_figure(pair):
    folder, _, _ = pair
    for figure in ["changes", "scales"]:
        succeeds("compare", "a.safetensors", "b.safetensors", f"--figure={figure}", "--svg=x.svg", cwd=folder)
        first = (folder / "x.svg").read_bytes()
        succeeds("compare", "a.safetensors", "b.safetensors", f"--figure={figure}", "--svg=x.svg", cwd=folder)
        assert (folder / "x.svg").read_bytes() == first and (folder / "x-points.csv").stat().st_size > 0


def test_threads_do_not_change_the_result(pair):
    folder, _, _ = pair
    outputs = {
        succeeds("compare", "a.safetensors", "b.safetensors", f"--threads={threads}", "--format=json", cwd=folder).stdout
        for threads in [1, 2, 5]
    }
    assert len(outputs) == 1


# Run files stand for their scales.


@pytest.fixture(scope="session")
def normformer(recorded):
    return by_architecture(recorded)["normformer"]


def test_a_run_against_its_own_beginning(normformer, tmp_path):
    rows = table(succeeds("compare", normformer, "--table=scales", "--format=csv", cwd=tmp_path), "scale", "layer")
    with h5py.File(normformer) as file:
        for scale, title in [("c_attn", "γ c_attn"), ("ffn_layernorm", "α ffn_layernorm"), ("w_resid", "λ w_resid")]:
            values = file[f"scale_{scale}"][...].astype(float)
            for layer in range(values.shape[1]):
                row = rows[title, str(layer)]
                assert float(row["mean_a"]) == pytest.approx(values[0, layer].mean(), rel=1e-12)
                assert float(row["mean_b"]) == pytest.approx(values[-1, layer].mean(), rel=1e-12)
                assert float(row["max_b"]) == values[-1, layer].max()
    output = " ".join(succeeds("compare", normformer, cwd=tmp_path).stdout.split())
    assert "@0" in output and "is a run: only its gains and scales" in output


def test_a_run_against_a_checkpoint(normformer, tmp_path):
    with h5py.File(normformer) as file:
        values = {
            f"decoder.layers.{layer}.{name}": file[f"scale_{scale}"][-1, layer]
            for scale, name in [("c_attn", "c_attn"), ("ffn_layernorm", "ffn_layernorm.weight")]
            for layer in range(file["layer"].size)
        }
        step = int(file["snapshot"][0])
    values["decoder.embed_tokens.weight"] = numpy.zeros((3, 3), numpy.float32)
    save_file(values, tmp_path / "w.safetensors")
    rows = table(succeeds("compare", normformer, "w.safetensors", "--by=change", "--format=csv", cwd=tmp_path), "tensor")
    assert set(rows) == set(values) - {"decoder.embed_tokens.weight"}
    assert all(row["unchanged"] == "1" for row in rows.values())
    first = table(succeeds("compare", f"{normformer}@{step}", "w.safetensors", "--by=layer", "--format=csv", cwd=tmp_path), "layer")
    assert float(first["all"]["relative_difference"]) > 0
    refuses("compare", f"{normformer}@7777", "w.safetensors", cwd=tmp_path, mentions=["7777", "no snapshot", rf"\b{step}\b"])


# What cannot be done.


def test_nothing_in_common(pair):
    folder, _, _ = pair
    save_file({"x": numpy.ones(3, numpy.float32)}, folder / "x.safetensors")
    result = refuses("compare", "a.safetensors", "x.safetensors", cwd=folder, mentions=["no tensor in common", "fairseq", r"x \[3\]"])
    assert result.returncode == 1


def test_another_depth(pair):
    folder, _, _ = pair
    save_file(decoder(5, layers=5), folder / "deep.safetensors")
    output = succeeds("compare", "a.safetensors", "deep.safetensors", cwd=folder).stdout
    assert "all of layers 3-4" in output


@pytest.mark.parametrize(
    "arguments, status, mentions",
    [
        (["a.safetensors"], 2, ["two checkpoints"]),
        ([], 2, ["checkpoint"]),
        (["a.safetensors", "missing.safetensors"], 1, ["missing.safetensors", "no such file"]),
        (["a.safetensors", "missing.safetensors@3"], 2, ["no run file"]),
        (["a.safetensors", "a.safetensors@3"], 2, ["a.safetensors@3", "run"]),
        (["a.safetensors", "folder"], 1, ["folder"]),
        (["a.safetensors", "cut.safetensors"], 1, ["cut.safetensors"]),
        (["a.safetensors", "empty"], 1, ["empty"]),
        (["a.safetensors", "text.h5"], 1, ["text.h5"]),
        (["a.safetensors", "damaged.h5"], 1, ["damaged.h5"]),
        (["a.safetensors", "b.safetensors", "--threshold=-1"], 2, ["--threshold"]),
        (["a.safetensors", "b.safetensors", "--threshold=nan"], 2, ["--threshold"]),
        (["a.safetensors", "b.safetensors", "--rows=-1"], 2, ["--rows"]),
        (["a.safetensors", "b.safetensors", "--by=size"], 2, ["--by", "layer"]),
        (["a.safetensors", "b.safetensors", "--singular-values=0"], 2, ["--singular-values"]),
        (["a.safetensors", "b.safetensors", "--svg=no/such/folder.svg"], 1, ["folder.svg"]),
    ],
)
def test_wrong_input(pair, arguments, status, mentions):
    folder, _, _ = pair
    (folder / "folder").mkdir()
    (folder / "cut.safetensors").write_bytes((folder / "a.safetensors").read_bytes()[:-10])
    (folder / "empty").write_bytes(b"")
    (folder / "text.h5").write_text("no run at all")
    (folder / "damaged.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 4)
    result = run("compare", *arguments, cwd=folder)
    assert result.returncode == status, result.stderr
    for pattern in mentions:
        assert pattern in result.stderr
