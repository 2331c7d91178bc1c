"""What `grads` leaves behind, read with h5py and xarray alone, and the numbers in it."""

import csv
import io
import xml.etree.ElementTree as ElementTree

import h5py
import numpy
import pytest
import xarray
from conftest import ARCHITECTURES, SIZES, TRAINING, by_architecture, flags, run_files, small, succeeds

STEPS, LAYERS = TRAINING["steps"], SIZES["layers"]
SUMS = ["l1", "sum_squares", "max_abs", "zeros", "nonfinite"]


@pytest.fixture(params=ARCHITECTURES)
def path(request, recorded):
    return by_architecture(recorded)[request.param]


@pytest.fixture
def file(path):
    with h5py.File(path) as file:
        yield file


def names(file, variable) -> list[str]:
    return list(file[variable].asstr()[...])


def test_one_file_a_run(recorded):
    assert sorted(by_architecture(recorded)) == sorted(ARCHITECTURES)
    assert len(run_files(recorded)) == len(ARCHITECTURES)
    assert not list(recorded.rglob("*.tmp"))


def test_every_variable_has_named_dimensions(file):
    expected = {"loss": ["step"], "seconds": ["step"], "gradient_count": ["layer", "tensor"], "layer_name": ["layer"]}
    expected |= {f"gradient_{name}": ["step", "layer", "tensor"] for name in SUMS}
    expected |= {f"stem_gradient_{name}": ["step", "stem_tensor"] for name in SUMS}
    for name, dimensions in expected.items():
        variable = file[name]
        scales = [[scale.name.strip("/") for scale in dimension.values()] for dimension in variable.dims]
        assert scales == [[dimension] for dimension in dimensions], name
    assert list(file["step"][...]) == list(range(STEPS))
    assert file["gradient_l1"].dtype == numpy.float64


def test_labels(file):
    labels = {name: file.attrs[name] for name in ("loss", "reduction", "unit", "measured_at", "scope")}
    assert labels["reduction"] == "mean" and labels["unit"] == "nats" and labels["scope"] == "global batch"
    assert "before clipping" in labels["measured_at"]
    assert file.attrs["seed"] == TRAINING["seed"]
    assert len(file.attrs["corpus_sha256"]) == 64 and len(file.attrs["run_id"]) == 16


def test_tensors_are_those_of_the_architecture(file):
    architecture = file.attrs["architecture"]
    tensors, stem = set(names(file, "tensor")), set(names(file, "stem_tensor"))
    common = {"self_attn.q_proj.weight", "self_attn.k_proj.bias", "fc1.weight", "fc2.weight", "final_layer_norm.weight"}
    additions = {"attn_ln.weight", "ffn_layernorm.bias", "c_attn", "w_resid"}
    assert common <= tensors
    assert additions & tensors == (additions if architecture == "normformer" else set())
    assert "decoder.embed_tokens.weight" in stem
    assert ("decoder.layer_norm.weight" in stem) == (architecture != "post-ln")


def test_counts(file):
    counts = dict(zip(names(file, "tensor"), file["gradient_count"][0], strict=True))
    dim, ffn_dim = SIZES["dim"], SIZES["ffn_dim"]
    assert counts["fc2.weight"] == counts["fc1.weight"] == dim * ffn_dim
    assert counts["fc1.bias"] == ffn_dim
    assert counts["self_attn.out_proj.weight"] == dim * dim
    assert (file["gradient_count"][...] == file["gradient_count"][0]).all()


def test_sums_are_consistent(file):
    """Inequalities between the norms of one vector, and the norm of the whole gradient."""
    l1, squares, largest = (file[f"gradient_{name}"][...] for name in ("l1", "sum_squares", "max_abs"))
    count = file["gradient_count"][...]
    slack = 1 + 1e-9  # float64 sums of a few hundred float32 values
    assert numpy.isfinite(l1).all() and (l1 >= 0).all()
    assert (largest <= l1 * slack).all() and (largest**2 <= squares * slack).all()
    assert (squares <= l1**2 * slack).all() and (l1**2 <= count * squares * slack).all()
    total = squares.sum(axis=(1, 2)) + file["stem_gradient_sum_squares"][...].sum(axis=1)
    numpy.testing.assert_allclose(file["gradient_l2"][...], numpy.sqrt(total), rtol=1e-6)
    assert (file["gradient_nonfinite"][...] == 0).all()


def test_key_bias_is_labelled_as_rounding_noise(file):
    tensor = names(file, "tensor").index("self_attn.k_proj.bias")
    query = names(file, "tensor").index("self_attn.q_proj.bias")
    assert (file["gradient_zero_by_construction"][:, tensor] == 1).all()
    assert (file["gradient_zero_by_construction"][:, query] == 0).all()
    noise, signal = file["gradient_l1"][:, :, tensor], file["gradient_l1"][:, :, query]
    assert noise.max() < 1e-3 * signal.max()


def test_schedule_tokens_and_loss(file):
    peak, warmup = TRAINING["lr"], TRAINING["warmup"]
    updates = numpy.arange(1, STEPS + 1)
    rate = numpy.where(updates <= warmup, peak * updates / warmup, peak * (1 - (updates - warmup) / (STEPS - warmup)))
    numpy.testing.assert_allclose(file["learning_rate"][...], rate, rtol=1e-12, atol=1e-18)
    assert (file["tokens"][...] == SIZES["batch"] * SIZES["sequence"]).all()
    assert (file["clip_coefficient"][...] == 1).all()
    # Logits of unit variance and a uniform guess: ln V + 0.5 at the start, give or take a small batch.
    assert abs(file["loss"][0] - numpy.log(SIZES["vocab_size"]) - 0.5) < 1.5


def test_first_snapshot_holds_the_initial_scales(recorded):
    with h5py.File(by_architecture(recorded)["normformer"]) as file:
        assert file["snapshot"][0] == 0 and file["snapshot"][-1] == STEPS
        for name in ("scale_ffn_layernorm", "scale_attn_ln", "scale_c_attn", "scale_w_resid"):
            assert (file[name][0] == 1).all()
            assert (file[name][-1] != 1).any()
        assert file["scale_c_attn"].shape[1:] == (LAYERS, SIZES["heads"])
        assert file["scale_ffn_layernorm"].shape[1:] == (LAYERS, SIZES["ffn_dim"])


def crc32c(data: bytes) -> int:
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def test_row_checksums(file):
    assert crc32c(b"123456789") == 0xE3069283
    for checksums in (file["row_checksum"], file["attempt_checksum"]):
        covered = str(checksums.attrs["covers"]).split()
        for row in (0, STEPS - 1):
            values = (file[name][row] for name in covered)
            data = b"".join(numpy.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes() for value in values)
            assert crc32c(data) == checksums[row]


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_opens_it_plainly(path, engine):
    with xarray.open_dataset(path, engine=engine) as dataset:
        assert dataset.gradient_l1.dims == ("step", "layer", "tensor")
        late = dataset.gradient_l1.sel(tensor="fc2.weight", layer=LAYERS - 1)
        assert late.shape == (STEPS,) and bool((late > 0).all())
        assert dataset.stem_gradient_l1.sel(stem_tensor="decoder.embed_tokens.weight").dims == ("step",)


# Tables, figures and exports made from it


def mismatch_rows(folder) -> list[dict]:
    return list(csv.DictReader(io.StringIO((folder / "mismatch.csv").read_text())))


def test_mismatch_table_follows_from_the_file(recorded):
    rows = mismatch_rows(recorded)
    for architecture, path in by_architecture(recorded).items():
        mine = [row for row in rows if row["architecture"] == architecture and not row["run"]]
        lower, upper = int(mine[0]["first_step"]), int(mine[0]["last_step"]) + 1
        assert (lower, upper) == (STEPS // 2, STEPS), "the second half by default"
        with h5py.File(path) as file:
            tensor = names(file, "tensor").index("fc2.weight")
            means = file["gradient_l1"][lower:upper, :, tensor].mean(axis=0)
        slope = numpy.polyfit(numpy.arange(LAYERS) / (LAYERS - 1), numpy.log10(means), 1)[0]
        expected = {"early_late": means[0] / means[-1], "spread": means.max() / means.min(), "slope": slope}
        found = {row["quantity"]: float(row["value"]) for row in mine if row["quantity"] in expected}
        assert found.keys() == expected.keys()
        for quantity, value in expected.items():
            assert found[quantity] == pytest.approx(value, rel=1e-5), (architecture, quantity)
        layers = [float(row["value"]) for row in mine if row["quantity"] == "mean"]
        numpy.testing.assert_allclose(layers, means, rtol=1e-5)


def drawn(path) -> bytes:
    """A figure without its metadata, which name the command that made it."""
    root = ElementTree.fromstring(path.read_text())
    for element in root.findall("{*}metadata"):
        root.remove(element)
    return ElementTree.tostring(root)


def test_reading_the_files_again_gives_the_same_table_and_figure(recorded, tmp_path):
    paths = [by_architecture(recorded)[name] for name in ARCHITECTURES]
    succeeds("grads", *paths, *flags(out="again"), cwd=tmp_path)
    assert (tmp_path / "again" / "mismatch.csv").read_bytes() == (recorded / "mismatch.csv").read_bytes()
    assert drawn(tmp_path / "again" / "mismatch.svg") == drawn(recorded / "mismatch.svg")


def test_another_operation_statistic_and_window(recorded, tmp_path):
    arguments = flags(operation="self_attn.q_proj.weight", statistic="rms", window="2:6", out="other")
    succeeds("grads", *run_files(recorded), *arguments, cwd=tmp_path)
    for row in mismatch_rows(tmp_path / "other"):
        assert (row["operation"], row["statistic"]) == ("self_attn.q_proj.weight", "rms")
        assert (row["first_step"], row["last_step"]) == ("2", "5")
        if row["quantity"] == "mean" and row["run"]:
            with h5py.File(by_architecture(recorded)[row["architecture"]]) as file:
                tensor = names(file, "tensor").index(row["operation"])
                squares = file["gradient_sum_squares"][2:6, int(row["layer"]), tensor]
                count = file["gradient_count"][int(row["layer"]), tensor]
            assert float(row["value"]) == pytest.approx(numpy.sqrt(squares / count).mean(), rel=1e-5)


def test_figure_is_a_described_svg(recorded):
    root = ElementTree.fromstring((recorded / "mismatch.svg").read_text())
    tags = {element.tag.split("}")[1] for element in root.iter()}
    assert root.tag.endswith("svg") and {"title", "desc", "text"} <= tags


def test_three_seeds_give_intervals_over_seeds(tmp_path):
    succeeds("grads", *small(out="runs", seeds=3, steps=6), cwd=tmp_path)
    assert len(run_files(tmp_path)) == 9
    summary = [row for row in mismatch_rows(tmp_path / "runs") if row["quantity"] == "early_late"]
    assert len(summary) == 3 and all(row["interval"] == "seeds" and row["n"] == "3" for row in summary)


def test_export_keeps_every_digit(path, tmp_path):
    text = succeeds("export", path, cwd=tmp_path).stdout
    rows = csv.DictReader(io.StringIO(text))
    assert rows.fieldnames == ["run", "step", "layer", "tensor", "statistic", "value"]
    exported = {
        (int(row["step"]), int(row["layer"]), row["tensor"]): float(row["value"])
        for row in rows
        if row["statistic"] in ("l1", "gradient_l1") and row["layer"] != "" and not row["tensor"].startswith("decoder.")
    }
    with h5py.File(path) as file:
        l1, count, tensors = file["gradient_l1"][...], file["gradient_count"][...], names(file, "tensor")
    stored = {
        (step, layer, tensors[tensor]): l1[step, layer, tensor]
        for step, layer, tensor in numpy.ndindex(l1.shape)
        if count[layer, tensor] > 0
    }
    assert exported == stored
