"""The sums of single tensors against exact arithmetic."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models import reference
from nf_probe.measuring.sums import _device_sums, tensor_sums


def sums_of(gradient: Tensor) -> Tensor:
    """By the way of the CPU, between two others; that of accelerators, here on the CPU, must agree."""
    others = [torch.ones(70_000), torch.zeros(3)]
    out, device_out = torch.full((2, 3, 5), 7.0, dtype=torch.float64)
    tensor_sums([others[0], gradient, others[1]], out)
    assert out[0].tolist() == [70_000, 70_000, 1, 0, 0] and out[2].tolist() == [0, 0, 0, 3, 0]
    _device_sums([others[0], gradient, others[1]], device_out)
    assert device_out.tolist() == [pytest.approx(row, rel=1e-11, nan_ok=True) for row in out.tolist()]
    return out[1]


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize(
    "shape", [(), (1,), (5120,), (300, 257), (3, 5, 7), (0,), (4, 0), (1 << 15,), ((1 << 16) + 1,)]
)
def test_sums_are_exact_to_float64(shape: tuple[int, ...], kind: torch.dtype) -> None:
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(3)).mul(1e-3).to(kind)
    if gradient.numel() > 3:
        gradient.view(-1)[::3] = 0
    assert sums_of(gradient).tolist() == pytest.approx(reference(gradient), rel=1e-13, abs=0)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_many_ones_in_16_bits_are_all_counted(kind: torch.dtype) -> None:
    """A sum in bfloat16 itself stops at 256."""
    assert sums_of(torch.ones(5120, dtype=kind)).tolist() == [5120, 5120, 1, 0, 0]


def test_a_large_element_does_not_hide_small_ones() -> None:
    gradient = torch.full((100_001,), 1e-7)
    gradient[0] = 1e9
    assert float(sums_of(gradient)[0]) == pytest.approx(1e9 + 1e-2, rel=1e-15)


@pytest.mark.parametrize("bad", [[math.nan], [math.inf], [-math.inf], [math.inf, math.nan]])
def test_elements_that_are_not_finite_are_counted_and_not_hidden(bad: list[float]) -> None:
    gradient = torch.ones(70_000)
    gradient[5] = 0
    gradient[-len(bad) :] = torch.tensor(bad)
    l1, squares, largest, zeros, nonfinite = sums_of(gradient).tolist()
    expected = math.nan if any(map(math.isnan, bad)) else math.inf
    for value in (l1, squares, largest):
        assert value == pytest.approx(expected, nan_ok=True)
    assert (zeros, nonfinite) == (1, len(bad))


def test_columns_of_a_matrix_are_summed_where_they_lie() -> None:
    matrix = torch.randn(700, 90, generator=torch.Generator().manual_seed(4))
    part = matrix.narrow(1, 30, 30)
    assert sums_of(part).tolist() == pytest.approx(reference(part), rel=1e-13)
    assert sums_of(matrix.t()).tolist() == pytest.approx(reference(matrix), rel=1e-13)
