"""The reader gives what nf-probe itself reads from the same file."""

from __future__ import annotations

import json
import typing
from pathlib import Path

import h5py
import numpy as np
import pytest

import nf_probe
from conftest import Run
from nf_probe import plots
from nf_probe.reading.mismatch import Statistic


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, nf_probe_command: Run) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    sizes = "--layers=6 --dim=12 --heads=3 --steps=30 --sequence=8 --batch=2 --warmup=5 --snapshot-every=10 --out=runs"
    sizes += " --weights-every=3 --noise=2 --noise-every=2"
    nf_probe_command("grads", *sizes.split(), cwd=folder)
    return folder / "runs"


@pytest.mark.parametrize("architecture", ["post-ln", "pre-ln", "normformer"])
@pytest.mark.parametrize("statistic", typing.get_args(Statistic))
@pytest.mark.parametrize("window", [None, (3, 12)])
def test_mismatches_are_those_of_the_command(
    recorded: Path, nf_probe_command: Run, architecture: str, statistic: str, window: tuple[int, int] | None
) -> None:
    path = recorded / f"{architecture}-seed0.h5"
    with nf_probe.open(path) as run:
        for operation in ("fc2.weight", "self_attn.q_proj.weight"):
            options = [f"--operation={operation}", f"--statistic={statistic}", "--layers-shown=all", "--format=json"]
            options += [f"--window={window[0]}:{window[1]}"] if window else []
            row = json.loads(nf_probe_command("grads", path, *options))["rows"][0]
            found = run.mismatch(operation, statistic, window)  # type: ignore[arg-type]
            for name in ("early_late", "spread", "slope"):
                assert getattr(found, name) == pytest.approx(row[name]["value"], rel=1e-12), name
            assert found.means.tolist() == pytest.approx([row[f"layer_{layer}"] for layer in range(6)], rel=1e-12)


def test_mismatches_of_noise_and_unknown_operations_are_refused(recorded: Path) -> None:
    with nf_probe.open(recorded / "pre-ln-seed0.h5") as run:
        with pytest.raises(nf_probe.UsageError, match="rounding noise"):
            run.mismatch("self_attn.k_proj.bias")
        with pytest.raises(nf_probe.UsageError, match="it has self_attn_layer_norm"):
            run.mismatch("fc9.weight")
        table = run.mismatch_table()
        assert "self_attn.k_proj.bias" not in table.index and "fc2.weight" in table.index
        assert list(table.columns[:3]) == ["early_late", "spread", "slope"]


def test_weights_and_updates_are_series_too(recorded: Path, tmp_path: Path) -> None:
    with nf_probe.open(recorded / "pre-ln-seed0.h5") as run, h5py.File(run.path) as file:
        measured = ~np.isnan(file["weight_sum_squares"][:, 0, run.tensors.index("fc2.weight")])
        assert run.steps[measured].tolist() == list(range(0, 30, 3))
        squares = {name: file[f"{name}_sum_squares"][:] for name in ("weight", "update")}
        shares = run.series("update/weight").sel(tensor="fc2.weight").values
        wanted = np.sqrt(squares["update"] / squares["weight"])[:, :, run.tensors.index("fc2.weight")]
        assert np.array_equal(shares, wanted, equal_nan=True) and np.isnan(shares[1]).all()
        figure = run.plot(statistic="update/weight")
        line = next(line for line in figure.axes[0].get_lines() if len(line.get_xdata()) > 1)
        assert line.get_xdata().tolist() == run.steps[measured].tolist()
        assert figure.axes[0].get_ylabel() == "RMS of the update over that of the weights of fc2.weight"
        plots.gradient_map(run, statistic="weight-rms").savefig(tmp_path / "map.svg")
        # Biases begin as zeros: an update has no share of nothing.
        assert run.mismatch("self_attn.k_proj.bias", "update-rms").early_late > 0
        with pytest.raises(nf_probe.UsageError, match=r"'signal' is of several tensors .*run.noise\(\)"):
            run.series("signal")  # type: ignore[arg-type]
        with pytest.raises(nf_probe.UsageError, match=r"no statistic 'median'; there are l1, .*update/weight"):
            run.mismatch(statistic="median")  # type: ignore[arg-type]
        with pytest.raises(nf_probe.UsageError, match=r"was not measured in the window 1:3"):
            run.mismatch(statistic="weight-rms", window=(1, 3))


def test_noise_is_the_commands(recorded: Path, nf_probe_command: Run) -> None:
    path = recorded / "normformer-seed0.h5"
    with nf_probe.open(path) as run:
        frame = run.noise("fc2.weight", window=(0, 30))
        options = ["--noise-scale", "--operation=fc2.weight", "--window=0:30", "--format=json"]
        rows = json.loads(nf_probe_command("grads", path, *options))["rows"]
        assert frame.index.tolist() == [row["place"] for row in rows] and "all layers" in frame.index
        for name in ("noise_scale", "signal"):
            wanted = [float(row[name]["value"]) for row in rows]
            assert np.array_equal(frame[name], wanted, equal_nan=True), name
        # So few steps resolve no signal; what the noise scale is at least is told.
        assert frame["at_least"].notna().any() and frame["batch"].tolist() == [16] * len(rows)
        assert run.noise().index[-1] == "whole model"
        with pytest.raises(nf_probe.ProgramError, match="fc9"):
            run.noise("fc9")


def test_views_hold_what_the_file_does(recorded: Path, nf_probe_command: Run) -> None:
    path = recorded / "normformer-seed0.h5"
    with nf_probe.open(path) as run, h5py.File(path) as file:
        assert run.status == "finished" and run.state == "closed" and run.steps.tolist() == list(range(30))
        assert [run.state_of(step) for step in (0, 29, 30)] == ["recorded", "recorded", "never"]
        dataset = run.dataset()
        for name in ("gradient_l1", "stem_gradient_zeros", "loss", "scale_c_attn", "gradient_count", "status"):
            assert np.array_equal(dataset[name].values, file[name][:]), name
        assert dataset["gradient_l1"].dims == ("step", "layer", "tensor")
        frame = run.to_frame()
        row = frame[(frame.step == 7) & (frame.layer == 2) & (frame.tensor == "fc2.weight")]
        tensor = file["tensor"].asstr()[:].tolist().index("fc2.weight")
        assert row.l1.tolist() == [file["gradient_l1"][7, 2, tensor]]
        assert frame.layer.isna().sum() == 30 * len(run.stem_tensors)
        # As many numbers as the command exports of the sums.
        exported = [line.split(",")[4] for line in nf_probe_command("export", path).splitlines()[1:]]
        assert len(frame) == sum(exported.count(f"{prefix}gradient_l1") for prefix in ("", "stem_"))
        assert run.scales("ffn_layernorm").shape == (4, 6, 48)
        html = run._repr_html_()
        assert "normformer" in html and "finished, closed" in html and "30, from 0 to 29" in html


def test_damaged_rows_are_left_out_and_named(recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    path.write_bytes((recorded / "pre-ln-seed0.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file["gradient_l1"][11, 3, 5] += 1
        file["gradient_l1"].flush()
    with nf_probe.open(path) as run:
        assert run.damaged_steps == [11] and run.state_of(11) == "lost"
        assert run.steps.tolist() == [step for step in range(30) if step != 11]
        assert len(run.gradients()) == 29 and "damaged" in run._repr_html_()


def test_a_gap_between_attempts_is_lost_and_one_inside_an_attempt_never_was(
    tmp_path: Path, nf_probe_command: Run
) -> None:
    sizes = "--layers=2 --dim=8 --heads=2 --steps=12 --sequence=8 --batch=2 --every=3 --out=sparse"
    nf_probe_command("train", *sizes.split(), cwd=tmp_path)
    with nf_probe.open(next((tmp_path / "sparse").glob("*.h5"))) as run:
        assert [run.state_of(step) for step in (0, 1, 3)] == ["recorded", "never", "recorded"]


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such file"), (b"text", "cannot be read"), (b"", "cannot be read")]
)
def test_what_is_no_run_file_is_told(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "x.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(nf_probe.RunFileError, match=message):
        nf_probe.open(path)
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    with pytest.raises(nf_probe.RunFileError, match="not a run file"):
        nf_probe.open(tmp_path / "other.h5")


def test_figures_show_the_papers_layers_on_logarithmic_axes(recorded: Path, tmp_path: Path) -> None:
    with nf_probe.open(recorded / "normformer-seed0.h5") as run:
        figure = run.plot()
        axes = figure.axes[0]
        assert axes.get_yscale() == "log"
        lines = [line for line in axes.get_lines() if len(line.get_xdata()) > 1]
        assert [text.get_text() for text in axes.get_legend().get_texts()] == [f"layer {n}" for n in (0, 1, 3, 4, 5)]
        assert [line.get_color() for line in lines] == list(plots.OKABE_ITO[:5])
        assert lines[2].get_ydata().tolist() == run.gradients().sel(layer=3, tensor="fc2.weight").values.tolist()
        for name, drawn in (
            ("map", plots.gradient_map(run)),
            ("boxes", plots.scale_boxes(run, "c_attn")),
            ("l", figure),
        ):
            drawn.savefig(tmp_path / f"{name}.svg")
            assert (tmp_path / f"{name}.svg").stat().st_size > 5000
        with pytest.raises(nf_probe.UsageError, match="it keeps self_attn_layer_norm, c_attn"):
            run.scales("w_resid_attention")


def test_a_run_is_read_where_it_is_recorded(tmp_path: Path) -> None:
    """In one notebook: HDF5 opens a file once in a process."""
    from models import batch, loss_of, make

    model = make()
    with nf_probe.Recorder(tmp_path / "run.h5", model) as recorder:
        for step in range(3):
            loss_of(model, batch(step)).backward()
            recorder.step()
            recorder.flush()
            if step == 0:
                run = nf_probe.open(tmp_path / "run.h5")
        assert run.refresh() and run.state == "growing" and len(run.steps) == 3
    assert not run.refresh() and run.state == "closed" and len(run.gradients()) == 3
