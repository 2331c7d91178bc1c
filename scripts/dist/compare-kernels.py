"""Compares runs that kernel sets computed: compare-kernels.py RUN.h5 RUN.h5 ... They may differ as rounding does, and no more.

Twelve updates of a small model in float32: a relative difference of 1e-3 is far above what the order of a sum does, and far below what a
wrong formula does.
"""

import sys
from pathlib import Path

import h5py
import numpy

TOLERANCE = 1e-3


def kernels(path: Path) -> str:
    """The set that the run file names."""
    with h5py.File(path) as file:
        return str(file.attrs["program"]).rpartition("kernels ")[2]


def difference(first: Path, second: Path) -> float:
    """The largest of the datasets' differences, each relative to the largest number of its dataset."""
    largest = 0.0
    with h5py.File(first) as one, h5py.File(second) as other:
        for name in ("loss", "gradient_l1", "gradient_sum_squares", "gradient_max_abs"):
            a, b = one[name][...], other[name][...]
            if a.shape != b.shape or not numpy.isfinite(a).all():
                raise SystemExit(f"{second}: {name} is not comparable to {first}'s")
            largest = max(largest, float(numpy.abs(a - b).max() / numpy.abs(a).max()))
    return largest


def main() -> None:
    """Exits with 1 where runs differ by more than rounding, or one set computed two of them."""
    first, *others = map(Path, sys.argv[1:])
    for other in others:
        found = difference(first, other)
        print(f"{kernels(first)} and {kernels(other)}: largest relative difference {found:.1e}")
        if found > TOLERANCE or kernels(first) == kernels(other):
            raise SystemExit(f"{other} differs from {first} by more than rounding, or is of the same kernels")


if __name__ == "__main__":
    main()
