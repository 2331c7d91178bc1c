"""Texts and token files: one content gives one training, whatever the format that it comes in."""

import h5py
import numpy
import pytest
from conftest import flags, run_files, small, succeeds

WORDS = ["the", "cat", "saw", "a", "dog", "and", "naïve", "mice", "—", "then", "slept"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A few thousand bytes of text, also as token files of all formats."""
    folder = tmp_path_factory.mktemp("corpus")
    random = numpy.random.default_rng(3)
    words = random.choice(WORDS, 1500, p=numpy.arange(11, 0, -1) / 66)
    data = " ".join(words).encode()
    (folder / "text.txt").write_bytes(data)
    tokens = numpy.frombuffer(data, numpy.uint8)
    (folder / "nanogpt.bin").write_bytes(tokens.astype("<u2").tobytes())
    for name, magic, version, kind in [("gpt2", 20240520, 1, "<u2"), ("llama", 20240801, 7, "<u4")]:
        header = numpy.zeros(256, "<i4")
        header[:3] = magic, version, len(tokens)
        (folder / f"llmc-{name}.bin").write_bytes(header.tobytes() + tokens.astype(kind).tobytes())
    return folder


def trained(corpus, folder, **changes) -> h5py.File:
    arguments = small(architectures="pre-ln", corpus=corpus, vocab_size=256, layers=2, out="runs", **changes)
    succeeds("grads", *arguments, cwd=folder)
    (path,) = run_files(folder)
    return h5py.File(path)


def test_unigram_entropy(text, tmp_path):
    counts = numpy.bincount(numpy.frombuffer((text / "text.txt").read_bytes(), numpy.uint8))
    share = counts[counts > 0] / counts.sum()
    with trained(text / "text.txt", tmp_path) as file:
        assert file.attrs["unigram_entropy"] == pytest.approx(-(share * numpy.log(share)).sum(), rel=1e-12)
        assert file.attrs["corpus_token_count"] == counts.sum()


@pytest.mark.parametrize("name", ["nanogpt.bin", "llmc-gpt2.bin", "llmc-llama.bin"])
@pytest.mark.parametrize("sampling", ["random", "sequential"])
def test_formats_agree(name, sampling, text, tmp_path):
    for folder in ("bytes", "tokens"):
        (tmp_path / folder).mkdir()
    with (
        trained(text / "text.txt", tmp_path / "bytes", sampling=sampling) as first,
        trained(text / name, tmp_path / "tokens", sampling=sampling) as second,
    ):
        for variable in ("loss", "gradient_l1", "stem_gradient_l1"):
            assert (first[variable][...] == second[variable][...]).all()


def test_micro_batches_add_up(text, tmp_path):
    """Read in sequence, four rows are the same rows as four micro-batches of one: only roundings differ."""
    results = []
    for batch, accumulate in ((4, 1), (1, 4)):
        folder = tmp_path / f"{batch}-{accumulate}"
        folder.mkdir()
        changes = dict(sampling="sequential", batch=batch, accumulate=accumulate, steps=3, warmup=0, lr=1e-3)
        with trained(text / "text.txt", folder, **changes) as file:
            results.append({name: file[name][...] for name in ("loss", "gradient_l2", "tokens", "gradient_l1")})
    whole, parts = results
    assert (whole["tokens"] == parts["tokens"]).all()
    # The first step starts from the same weights: float32 sums in another order. Later ones pass through AdamW, which
    # divides by the root of a small number.
    numpy.testing.assert_allclose(parts["loss"][0], whole["loss"][0], rtol=1e-6)
    numpy.testing.assert_allclose(parts["gradient_l2"][0], whole["gradient_l2"][0], rtol=1e-5)
    numpy.testing.assert_allclose(parts["loss"], whole["loss"], rtol=1e-3)


def test_clipping_is_recorded_and_leaves_the_recorded_gradient(text, tmp_path):
    for folder in ("free", "clipped"):
        (tmp_path / folder).mkdir()
    with (
        trained(text / "text.txt", tmp_path / "free") as free,
        trained(text / "text.txt", tmp_path / "clipped", clip=0.1) as clipped,
    ):
        norm = clipped["gradient_l2"][...]
        numpy.testing.assert_allclose(
            clipped["clip_coefficient"][...], numpy.minimum(1, 0.1 / (norm + 1e-6)), rtol=1e-5
        )
        assert (clipped["clip_coefficient"][...] < 1).any()
        assert (clipped["gradient_l1"][0] == free["gradient_l1"][0]).all()


def test_held_out_loss(text, tmp_path):
    arguments = small(corpus=text / "text.txt", vocab_size=256, layers=2, hold_out=0.2, out="runs", steps=20)
    succeeds("grads", *arguments, *flags(validate_every=10, architectures="pre-ln"), cwd=tmp_path)
    (path,) = run_files(tmp_path)
    with h5py.File(path) as file:
        assert list(file["validation_step"][...]) == [10, 20]
        loss = file["validation_loss"][...]
        assert numpy.isfinite(loss).all() and loss[1] < loss[0]


def test_train_is_the_same_loop(text, tmp_path):
    for folder in ("grads", "train"):
        (tmp_path / folder).mkdir()
    with trained(text / "text.txt", tmp_path / "grads") as first:
        arguments = small(corpus=text / "text.txt", vocab_size=256, layers=2, out="runs", architecture="pre-ln")
        succeeds("train", *arguments, cwd=tmp_path / "train")
        (path,) = run_files(tmp_path / "train")
        with h5py.File(path) as second:
            for variable in ("loss", "gradient_l1", "stem_gradient_l1"):
                assert (first[variable][...] == second[variable][...]).all()
