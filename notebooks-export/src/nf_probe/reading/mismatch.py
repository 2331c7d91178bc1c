"""How unequal the gradients of one operation are between early and late layers, as `nf-probe grads` has it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError

GradientStatistic = Literal["l1", "l2", "rms", "mean"]
Statistic = Literal["l1", "l2", "rms", "mean", "weight-rms", "update-rms", "update/weight"]
Floats = NDArray[np.float64]

OF_PARAMETERS = ("weight-rms", "update-rms", "update/weight")
"""Of weights after an update and of what it changed; they are measured at every n-th step."""


@dataclass(frozen=True)
class Mismatch:
    """Point values over a step window. Intervals, over seeds or by a bootstrap, are `nf-probe grads`' own."""

    operation: str
    statistic: Statistic
    window: tuple[int, int]
    """First step, and the one after the last."""
    record_count: int
    layers: tuple[int, ...]
    """Layers that have the tensor, and train it in the window."""
    means: Floats
    """m_l: the window's mean of the statistic, by layer."""
    early_late: float
    """m of the first layer over m of the last one."""
    spread: float
    """The largest m over the smallest."""
    slope: float
    """Least-squares slope of log10 m_l against l / (L - 1): decades over the depth."""


def statistic_of(statistic: Statistic, l1: Floats, sum_squares: Floats, counts: Floats) -> Floats:
    """One number per tensor from its sums; not a number where there are no elements."""
    counts = np.where(counts > 0, counts, np.nan)
    values: dict[str, Callable[[], Floats]] = {
        "l1": lambda: l1 + 0 * counts, "l2": lambda: np.sqrt(sum_squares) + 0 * counts,
        "rms": lambda: np.sqrt(sum_squares / counts), "mean": lambda: l1 / counts,
    }  # fmt: skip
    if statistic not in values:
        raise unknown_statistic(statistic)
    return values[statistic]()


def parameter_statistic_of(
    statistic: Statistic, weight_squares: Floats, update_squares: Floats, counts: Floats
) -> Floats:  # fmt: skip
    """One number per tensor from Σw² and Σu²; not a number where they were not measured, nor over weights of zeros."""
    counts = np.where(counts > 0, counts, np.nan)
    if statistic == "update/weight":
        return np.sqrt(update_squares / np.where(weight_squares > 0, weight_squares, np.nan)) + 0 * counts
    return np.sqrt((weight_squares if statistic == "weight-rms" else update_squares) / counts)


def unknown_statistic(name: str) -> UsageError:
    """No statistic of tensors has this name."""
    known = ", ".join(get_args(Statistic))
    if name in ("signal", "noise-scale"):
        return UsageError(f"'{name}' is of several tensors and steps together: `run.noise()` has it")
    return UsageError(f"there is no statistic '{name}'; there are {known}, and of noise `run.noise()`")


def mismatch_of(
    operation: str, statistic: Statistic, window: tuple[int, int], values: Floats, layers: NDArray[np.bool_],
    trained: NDArray[np.bool_],
) -> Mismatch:  # fmt: skip
    """The mismatch of a series. Where a layer does not train at a step, its mean runs over the others.

    Args:
        operation: The tensor's name within a layer.
        statistic: What `values` are.
        window: The steps that they are of.
        values: `(step, layer)`.
        layers: Which layers have the tensor, and of a gradient one that is not zero by construction.
        trained: `(step, layer)`: where there is a gradient, or a measurement.

    Raises:
        UsageError: No layer has the tensor or trains it, or the window holds no step.
    """
    if not layers.any():
        raise UsageError(f"the gradient of {operation} is zero by construction: what is recorded is rounding noise")
    if not len(values):
        raise UsageError(f"no steps are recorded in the window {window[0]}:{window[1]}")
    chosen = np.flatnonzero(layers & trained.any(axis=0))
    if not len(chosen):
        lacks = "was not measured" if statistic in OF_PARAMETERS else "does not train"
        raise UsageError(f"{operation} {lacks} in the window {window[0]}:{window[1]}")
    counts = trained[:, chosen].sum(axis=0)
    means: Floats = np.where(trained[:, chosen], values[:, chosen], 0).sum(axis=0) / counts
    with np.errstate(divide="ignore", invalid="ignore"):
        is_one = len(chosen) == 1
        early_late, spread = (math.nan,) * 2 if is_one else (means[0] / means[-1], means.max() / means.min())
        logarithms = np.log10(means)
    depth = chosen / max(1, len(layers) - 1)
    slope = math.nan
    if len(chosen) > 1 and np.isfinite(logarithms).all():
        centred = depth - depth.mean()
        slope = float((centred * logarithms).sum() / (centred**2).sum())
    records = int(trained[:, chosen].any(axis=1).sum()) if statistic in OF_PARAMETERS else len(values)
    return Mismatch(
        operation, statistic, window, records, tuple(int(layer) for layer in chosen), means, float(early_late),
        float(spread), slope,
    )  # fmt: skip


def default_window(steps: NDArray[np.int64]) -> tuple[int, int]:
    """The second half of the steps that the run has reached, as `nf-probe grads` takes it."""
    if not len(steps):
        return 0, 1
    start, end = int(steps[0]), int(steps[-1]) + 1
    return min(start + (end - start) // 2, end - 1), end


def paper_layers(layer_count: int) -> list[int]:
    """Layers 0, 1, L/2, L-2 and L-1: those of the paper's figures."""
    wanted = {0, 1, layer_count // 2, layer_count - 2, layer_count - 1}
    return sorted(layer for layer in wanted if 0 <= layer < layer_count)
