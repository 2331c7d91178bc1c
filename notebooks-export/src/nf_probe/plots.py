"""Figures of a run that match those of nf-probe: Okabe-Ito colours with dashes, logarithmic axes, nothing smoothed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MaxNLocator

from .errors import UsageError
from .reading.mismatch import OF_PARAMETERS, Statistic, paper_layers

if TYPE_CHECKING:
    from .reading.runnumbers import RunNumbers

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Colours that people with any colour vision tell apart (Okabe and Ito 2008)."""
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
_STATISTICS = {
    "l1": "L1 norm of the gradient", "l2": "L2 norm of the gradient", "rms": "root mean square of the gradient",
    "mean": "mean |g| of the gradient", "weight-rms": "RMS of the weights", "update-rms": "RMS of the update",
    "update/weight": "RMS of the update over that of the weights",
}  # fmt: skip
_INCHES = 1 / 25.4


def gradient_lines(
    run: RunNumbers, operation: str = "fc2.weight", statistic: Statistic = "l1", layers: list[int] | None = None
) -> Figure:
    """An operation over the steps (gradient, weights or updates), a line a layer; by default 0, 1, L/2, L-2 and L-1.

    A gap in the recorded steps is a gap in the line, as are steps at which a layer did not train; values that are not
    finite are marked at the upper edge. Weights and updates have the steps at which they were measured.
    """
    figure, axes = _figure()
    series = run.series(statistic)
    if operation not in run.tensors:
        raise UsageError(f"{run.path} has no tensor '{operation}' in its layers")
    # Steps of a segment, and whether a layer has a value there: weights and updates only where they were measured.
    trained = run.is_trained()[:, :, run.tensors.index(operation)]
    steps, segments = run.steps, run.column("segment")
    if statistic in OF_PARAMETERS:
        trained = ~np.isnan(series.sel(tensor=operation).values)
        measured = trained.any(axis=1)
        series, trained, steps, segments = series[measured], trained[measured], steps[measured], segments[measured]
    breaks = _gaps(steps, segments)
    for place, layer in enumerate(paper_layers(run.layer_count) if layers is None else layers):
        values = series.sel(layer=layer, tensor=operation).values
        colour = OKABE_ITO[place % len(OKABE_ITO)]
        for start, end in zip([0, *breaks], [*breaks, len(steps)], strict=True):
            axes.plot(
                steps[start:end], np.where(values > 0, values, np.nan)[start:end], color=colour, linewidth=1,
                linestyle=_DASHES[place % len(_DASHES)], label=f"layer {layer}" if start == 0 else None,
            )  # fmt: skip
        wrong = steps[~np.isfinite(values) & trained[:, layer]]
        axes.plot(wrong, np.ones(len(wrong)), "x", color=colour, transform=axes.get_xaxis_transform(), clip_on=False)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(_plain_numbers())
    axes.yaxis.set_minor_formatter(_plain_numbers())
    axes.set_xlabel("optimizer step")
    axes.set_ylabel(_title(statistic, operation))
    axes.legend(frameon=False, fontsize=7)
    axes.set_title(str(run.attributes["architecture"]), fontsize=8)
    return figure


def gradient_map(run: RunNumbers, operation: str = "fc2.weight", statistic: Statistic = "l1") -> Figure:
    """Layers over steps, the gradient (or weights, or updates) as a colour on a logarithmic scale."""
    figure, axes = _figure()
    series = run.series(statistic)
    if operation not in run.tensors:
        raise UsageError(f"{run.path} has no tensor '{operation}' in its layers")
    series = series.sel(tensor=operation)
    if statistic in OF_PARAMETERS:
        series = series[~np.isnan(series.values).all(axis=1)]
    values = series.values.T
    positive = values[np.isfinite(values) & (values > 0)]
    if not positive.size:
        raise UsageError(f"{run.path} has nothing of {operation} that could be drawn")
    image = axes.pcolormesh(
        series.step, np.arange(run.layer_count), np.where(values > 0, values, np.nan), shading="nearest",
        norm=LogNorm(positive.min(), positive.max()), cmap="viridis",
    )  # fmt: skip
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("layer")
    bar = figure.colorbar(image, ax=axes, format=_plain_numbers())
    bar.ax.yaxis.set_minor_formatter(_plain_numbers())
    bar.ax.tick_params(which="both", labelsize=7)
    bar.set_label(_title(statistic, operation), fontsize=8)
    return figure


def scale_boxes(run: RunNumbers, name: str, snapshot: int | None = None) -> Figure:
    """The distribution of a learned gain or scale in each layer at a snapshot, by default the last."""
    figure, axes = _figure()
    values = run.scales(name)
    chosen = values.isel(snapshot=-1) if snapshot is None else values.sel(snapshot=snapshot)
    boxes = [layer[np.isfinite(layer)] for layer in chosen.values]
    axes.boxplot(
        boxes, positions=range(run.layer_count), widths=0.6, flierprops={"marker": ".", "markersize": 2},
        medianprops={"color": OKABE_ITO[1]},
    )  # fmt: skip
    axes.axhline(1, color="#888888", linewidth=0.5)
    axes.set_xlabel("layer")
    axes.set_ylabel(name)
    axes.set_title(f"{run.attributes['architecture']}, after {int(chosen.snapshot)} updates", fontsize=8)
    return figure


def _title(statistic: Statistic, operation: str) -> str:
    return f"{_STATISTICS[statistic]} of {operation}"


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(120 * _INCHES, 75 * _INCHES), layout="constrained")
    axes = figure.subplots()
    axes.tick_params(which="both", labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _plain_numbers() -> LogFormatter:
    """Labels of a logarithmic axis: 0.1, 1, 10, and between them where it spans less than two decades."""
    return LogFormatter(minor_thresholds=(2, 0.5))


def _gaps(steps: np.ndarray[Any, Any], segments: np.ndarray[Any, Any]) -> list[int]:
    """Positions where a line ends: a distance at least twice its neighbours', or one between attempts."""
    distances = np.diff(steps)
    if len(distances) < 2:
        return []
    usual = int(np.median(distances))
    is_gap = (distances >= 2 * usual) | ((np.diff(segments) != 0) & (distances > usual))
    return [int(index) + 1 for index in np.flatnonzero(is_gap)]
