"""`--noise K`: what the files hold, what `grads --noise-scale` makes of it, and that kills lose nothing."""

import csv
import io
import signal
import subprocess

import h5py
import numpy
import pytest
import xarray
from conftest import PROGRAM, environment, refuses, run_files, small, succeeds, wait_until


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    options = small(architectures=["pre-ln", "normformer"], seeds=3, steps=40, batch=64, sequence=16, lr=0.003, noise=2, noise_every=2, out="runs")
    succeeds("grads", *options, cwd=folder)
    return run_files(folder)


def table(*arguments, cwd) -> list[dict]:
    text = succeeds("grads", *arguments, "--noise-scale", "--format=csv", cwd=cwd).stdout
    return list(csv.DictReader(io.StringIO(text)))


def test_the_file_says_what_was_measured(runs):
    with h5py.File(runs[0]) as file, xarray.open_dataset(runs[0], engine="netcdf4") as dataset:
        assert file.attrs["schema_version"] == 2
        assert list(file["noise_step"]) == list(range(0, 40, 2))
        assert set(file["noise_parts"]) == {2} and numpy.all(file["noise_part_tokens"][...] * 2 == file["noise_tokens"][...])
        # The whole batch's is the recorded gradient's.
        whole = file["noise_sum_squares"][...]
        assert numpy.array_equal(whole, file["gradient_sum_squares"][0:40:2])
        assert numpy.array_equal(file["stem_noise_sum_squares"][...], file["stem_gradient_sum_squares"][0:40:2])
        # The mean of two gradients is no longer than they are on average; what is zero by construction is rounding noise.
        is_noise = file["gradient_zero_by_construction"][...] == 1
        assert numpy.all((file["noise_part_sum_squares"][...] / 2 >= whole * (1 - 1e-5)) | is_noise)
        assert dataset["noise_part_sum_squares"].dims == ("noise_step", "layer", "tensor")


def estimates(paths, places) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Signal and noise of each run over the first half of its steps: the formulas once more."""
    signal, noise = [], []
    for path in paths:
        with h5py.File(path) as file:
            rows = file["noise_step"][...] < 20
            small_size, size = file["noise_part_tokens"][rows], file["noise_tokens"][rows].astype(float)
            parts = places(file, "part_sum_squares")[rows] / file["noise_parts"][rows]
            whole = places(file, "sum_squares")[rows]
            signal.append(((size * whole - small_size * parts) / (size - small_size)).mean())
            noise.append(((parts - whole) / (1 / small_size - 1 / size)).mean())
    return numpy.array(signal), numpy.array(noise)


def test_the_table_has_the_formulas_numbers(runs, tmp_path):
    def whole(file, end):
        return file[f"noise_{end}"][...].sum((1, 2)) + file[f"stem_noise_{end}"][...].sum(1)

    def layer(file, end):
        return file[f"noise_{end}"][:, 1, :].sum(1)

    def operation(file, end):
        return file[f"noise_{end}"][:, 1, list(file["tensor"].asstr()).index("fc1.weight")]

    resolved = 0
    for arguments, place, sums in [
        ((), "whole model", whole), ((), "layer 1", layer), (("--operation=fc1.weight",), "layer 1", operation),
    ]:  # fmt: skip
        # While token frequencies are learned, all sequences pull in one direction.
        rows = table(*runs, *arguments, "--window=0:20", cwd=tmp_path)
        for name, architecture in (("Pre-LN", "pre-ln"), ("NormFormer", "normformer")):
            (row,) = [row for row in rows if row["architecture"] == name and row["place"] == place]
            signals, noises = estimates([path for path in runs if path.name.startswith(architecture)], sums)
            signal, scale = signals.mean(), noises.mean() / signals.mean()
            # Student's t of three seeds: told from none, or not.
            reach = [4.302653 * values.std(ddof=1) / 3**0.5 for values in (signals, noises)]
            if signal > reach[0] and noises.mean() > reach[1]:
                resolved += 1
                assert float(row["noise_scale"]) == pytest.approx(scale, rel=1e-9)
                assert float(row["noise_scale_low"]) < scale < float(row["noise_scale_high"])
                assert float(row["signal"]) == pytest.approx(1 / (1 + scale / float(row["batch"])), rel=1e-9)
            else:
                assert numpy.isnan([float(row["noise_scale"]), float(row["signal"])]).all()
            assert row["interval"] == "3 seeds"
    assert resolved >= 3


def test_norms_tell_it_at_every_step(runs, tmp_path):
    """The norms' gradients by sequence, beside their squares as they are recorded; and the table's column, by the formulas."""
    signals, noises = [], []
    for path in (path for path in runs if path.name.startswith("pre-ln")):
        with h5py.File(path) as file, xarray.open_dataset(path, engine="netcdf4") as dataset:
            assert dataset["norm_example_sum_squares"].dims == ("step", "layer") and len(file["step"]) == 40
            norms = ["layer_norm" in name for name in file["tensor"].asstr()]
            squares = file["norm_sum_squares"][...]
            assert squares == pytest.approx(file["gradient_sum_squares"][..., norms].sum(2), rel=1e-9)
            assert set(file["norm_examples"]) == {64} and set(file["norm_example_tokens"]) == {16}
            rows = file["step"][...] < 20
            parts = (file["norm_example_sum_squares"][...].sum(1) + file["stem_norm_example_sum_squares"][...])[rows] / 64
            whole = (squares.sum(1) + file["stem_norm_sum_squares"][...])[rows]
            signals.append(((1024 * whole - 16 * parts) / (1024 - 16)).mean())
            noises.append(((parts - whole) / (1 / 16 - 1 / 1024)).mean())
    rows = table(*runs, "--window=0:20", cwd=tmp_path)
    (row,) = [row for row in rows if row["architecture"] == "Pre-LN" and row["place"] == "whole model"]
    assert float(row["from_norms"]) == pytest.approx(sum(noises) / sum(signals), rel=1e-9)
    assert float(row["from_norms_low"]) < float(row["from_norms"]) < float(row["from_norms_high"])
    shown = succeeds("grads", *runs, "--noise-scale", "--window=0:20", cwd=tmp_path).stdout
    assert "times it" in shown and "correlate" in shown
    # One operation's is not what the norms tell of.
    assert "from_norms" not in table(*runs, "--operation=fc1.weight", "--window=0:20", cwd=tmp_path)[0]


def test_figure_and_files(runs, tmp_path):
    succeeds("grads", *runs, "--noise-scale", "--out=made", "--svg=own.svg", cwd=tmp_path)
    assert (tmp_path / "own.svg").read_bytes() == (tmp_path / "made/noise.svg").read_bytes()
    rows = list(csv.DictReader(io.StringIO((tmp_path / "made/noise.csv").read_text())))
    assert {row["place"] for row in rows} == {*(f"layer {i}" for i in range(5)), "outside the layers", "whole model"}
    # The same by the statistic's name; of signal the figure has the share.
    asked = succeeds("grads", *runs, "--statistic=noise-scale", "--format=csv", "--svg=asked.svg", cwd=tmp_path).stdout
    assert asked == succeeds("grads", *runs, "--noise-scale", "--format=csv", cwd=tmp_path).stdout
    succeeds("grads", *runs, "--statistic=signal", "--svg=signal.svg", cwd=tmp_path)
    points = list(csv.DictReader(io.StringIO((tmp_path / "made/signal-points.csv").read_text())))
    assert (tmp_path / "signal-points.csv").read_text() == (tmp_path / "made/signal-points.csv").read_text()
    known = {float(row["signal"]) for row in rows if row["signal"] and row["place"].startswith("layer")}
    assert {float(point["y"]) for point in points if point["series"] in ("Pre-LN", "NormFormer") and point["y"]} <= known


def test_two_groups_are_compared(runs, tmp_path):
    """The ratio of noise scales and of signal: the geometric mean over seeds, with Student's t of the logarithms."""
    for statistic, column in (("noise-scale", "noise_scale"), ("signal", "signal")):
        text = succeeds("ratio", *runs, f"--statistic={statistic}", "--window=0:20", "--format=csv", "--out=ratio", "--overwrite", cwd=tmp_path).stdout
        rows = {row["place"]: row for row in csv.DictReader(io.StringIO(text))}
        alone = [table(path, "--window=0:20", cwd=tmp_path) for path in runs]
        values = {(path.name.split("-seed")[0], path.stem[-1]): {row["place"]: row for row in own} for path, own in zip(runs, alone)}
        for place in ("layer 0", "whole model"):
            logarithms = []
            for seed in "789":
                # NormFormer's files come first in their folder, and the first group is the baseline.
                one, two = (float(values[name, seed][place][column]) for name in ("normformer", "pre-ln"))
                logarithms.append(numpy.log(two / one))
            row = rows[place]
            if numpy.isnan([float(row["base"]), float(row["other"])]).any():
                assert numpy.isnan(float(row["ratio"]))
            elif not numpy.isnan(logarithms).any():
                assert float(row["ratio"]) == pytest.approx(numpy.exp(numpy.mean(logarithms)), rel=1e-9)
                assert float(row["ratio_low"]) < float(row["ratio"]) < float(row["ratio_high"])
                assert row["pairs"] == "3"
    shown = succeeds("ratio", *runs, "--statistic=signal", "--window=0:20", "--svg=ratio.svg", cwd=tmp_path).stdout
    assert "Share of signal" in shown and (tmp_path / "ratio.svg").read_text().startswith("<?xml")


def test_reports_and_exports_show_it(runs, tmp_path):
    succeeds("report", *runs, "--statistic=signal", "--window=0:20", "--out=report", cwd=tmp_path)
    assert "share of signal" in (tmp_path / "report/report.html").read_text()
    succeeds("export", *runs, "--format=pgfplots", "--statistic=noise-scale", "--window=0:20", "--out=noise.tex", cwd=tmp_path)
    assert "noise scale" in (tmp_path / "noise.tex").read_text()


def test_training_does_not_notice(runs, tmp_path):
    """And neither does the run's file but for what it holds more, also with 16 bits and a scaled loss."""
    succeeds("grads", *small(architectures="pre-ln", seeds=1, steps=40, batch=64, sequence=16, lr=0.003, out="plain"), cwd=tmp_path)
    with h5py.File(run_files(tmp_path / "plain")[0]) as plain, h5py.File([p for p in runs if p.name == "pre-ln-seed7.h5"][0]) as noisy:
        for name in ("loss", "gradient_l1", "gradient_sum_squares", "stem_gradient_max_abs"):
            assert numpy.array_equal(plain[name][...], noisy[name][...])
    sums = {}
    for precision in ("fp32", "fp16"):
        options = small(architecture="pre-ln", steps=1, noise=2, precision=precision, out=precision)
        succeeds("train", *options, cwd=tmp_path)
        with h5py.File(run_files(tmp_path / precision)[0]) as file:
            sums[precision] = file["noise_part_sum_squares"][...].sum(), file["noise_sum_squares"][...].sum()
    assert sums["fp16"] == pytest.approx(sums["fp32"], rel=0.02)


def test_steps_that_overflow_tell_nothing(tmp_path):
    """The loss scale begins too high for 16 bits: the scaler skips steps until it fits, and so does the noise."""
    options = small(architecture="pre-ln", steps=40, batch=4, noise=2, noise_every=1, precision="fp16", loss_scale=1e9, out="run")
    succeeds("train", *options, cwd=tmp_path)
    (path,) = run_files(tmp_path)
    with h5py.File(path) as file:
        overflowed = file["step"][~numpy.isfinite(file["gradient_l2"][...])]
        looked = set(file["noise_step"][...])
        assert len(overflowed) > 3 and not looked & set(overflowed) and len(looked) > 15
        for name in ("noise_part_sum_squares", "noise_sum_squares", "stem_noise_part_sum_squares"):
            assert numpy.isfinite(file[name][...]).all(), name
        assert not numpy.isfinite(file["norm_sum_squares"][...]).all()
    rows = table(path, "--window=0:", cwd=tmp_path)
    # Where the norms' gradients overflowed, they tell nothing either.
    assert any(row["from_norms"] != "nan" for row in rows)
    assert all("no interval" not in row["interval"] and float(row["batch"]) == 32 for row in rows)


def test_a_killed_run_goes_on_without_a_difference(tmp_path):
    options = dict(architectures="pre-ln", steps=300, noise=2, noise_every=3, checkpoint_every=20)
    succeeds("grads", *small(**options, out="whole"), cwd=tmp_path)
    process = subprocess.Popen(
        [PROGRAM, "grads", *small(**options, out="killed")], cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: list((tmp_path / "killed").rglob("step-00000020*")) or process.poll() is not None, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    succeeds("grads", "--resume=killed", cwd=tmp_path)
    with h5py.File(run_files(tmp_path / "whole")[0]) as whole, h5py.File(run_files(tmp_path / "killed")[0]) as killed:
        for name in (name for name in whole if "noise" in name or "norm" in name):
            assert numpy.array_equal(whole[name][...], killed[name][...]), name
    succeeds("verify", *run_files(tmp_path / "killed"), cwd=tmp_path)
    succeeds("pack", *run_files(tmp_path / "whole"), cwd=tmp_path)
    assert table(*run_files(tmp_path / "whole"), cwd=tmp_path) == table(*run_files(tmp_path / "killed"), cwd=tmp_path)


def test_wrong_input(runs, tmp_path):
    for changes, mentions in [
        (dict(noise=1), ["--noise", "at least 2"]),
        (dict(noise=3), ["--noise 3", "equal parts", "multiple"]),
        (dict(noise=2, noise_every=0), ["--noise-every", "at least 1"]),
        (dict(noise_scale=True), ["--noise-scale", "--noise"]),
        (dict(noise=2, noise_scale=True, over_time=True), ["--noise-scale", "--over-time"]),
    ]:
        refuses("grads", *small(architectures="pre-ln", out="none", **changes), cwd=tmp_path, mentions=mentions)
    succeeds("grads", *small(architectures="pre-ln", out="without"), cwd=tmp_path)
    refuses("grads", *run_files(tmp_path / "without"), "--noise-scale", cwd=tmp_path, mentions=["Pre-LN", "--noise 4"])
    refuses("grads", *runs, "--noise-scale", "--stack=encoder", cwd=tmp_path, mentions=["--noise-scale", "--stack"])
    refuses("grads", *runs, "--statistic=signal", "--over-time", cwd=tmp_path, mentions=["--statistic signal", "--over-time"])
    refuses("ratio", *runs[:2], "--statistic=signals", cwd=tmp_path, mentions=["signals", "l1"])
    refuses("ratio", *runs, "--statistic=signal", "--normalise=loss", cwd=tmp_path, mentions=["--statistic signal", "--normalise loss"])
    refuses("ratio", *runs[:2], "--statistic=signal", cwd=tmp_path, mentions=["two groups"])
    refuses("export", runs[0], "--statistic=signal", cwd=tmp_path, mentions=["--statistic signal", "pgfplots", "grads"])
    refuses("report", *run_files(tmp_path / "without"), "--statistic=signal", cwd=tmp_path, mentions=["Pre-LN", "--noise 4"])
    refuses("grads", *runs, "--noise-scale", "--window=900:", cwd=tmp_path, mentions=["900", "steps 0 to 38"])
    refuses("grads", *runs, "--noise-scale", "--operation=fc9", cwd=tmp_path, mentions=["fc9"])
