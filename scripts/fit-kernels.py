#!/usr/bin/env python3
"""Fits the polynomials of Sources/Kernels/KernelScalar.swift and prints their coefficients.

All are minimax fits of the relative error, by least squares whose weights move to where the error is largest.
Needs NumPy and SciPy.
"""

import numpy as np
from scipy.special import erfcx


def minimax(basis: np.ndarray, values: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients with the smallest maximum of |basis @ c - values| * scale, and that maximum."""
    weights = np.ones(len(values))
    for _ in range(300):
        rows = scale * np.sqrt(weights)
        coefficients, *_ = np.linalg.lstsq(basis * rows[:, None], values * rows, rcond=None)
        error = np.abs(basis @ coefficients - values) * scale
        weights *= (error / error.max() + 1e-3) ** 0.5
        weights /= weights.sum()
    return coefficients, error.max()


def powers(t: np.ndarray, exponents: range) -> np.ndarray:
    return np.stack([t**k for k in exponents], axis=1)


def exponential() -> None:
    """e^r = 1 + r + r² P(r) on [-ln2/2, ln2/2]."""
    r = np.linspace(-np.log(2) / 2, np.log(2) / 2, 4000)
    coefficients, error = minimax(powers(r, range(5)), (np.exp(r) - 1 - r) / r**2, r**2 / np.exp(r))
    print(f"exp: relative error {error:.1e}, r² and up:", [f"{c:.9g}" for c in coefficients])


def normal_tail() -> None:
    """Φ(-x) = exp(-x²/2) P(t), t = 1 / (1 + p x), for 0 <= x <= 14, with the best p."""
    x = np.linspace(0, 14, 6000)
    values = 0.5 * erfcx(x / np.sqrt(2))
    fits = [(p, *minimax(powers(1 / (1 + p * x), range(1, 10)), values, 1 / values)) for p in np.linspace(0.2, 0.5, 31)]
    p, coefficients, error = min(fits, key=lambda fit: fit[2])
    print(f"Φ: relative error {error:.1e}, p = {p:.3g}, t and up:", [f"{c:.9g}" for c in coefficients])


def hyperbolic_tangent() -> None:
    """tanh(x) = x + x³ P(x²) for |x| <= 0.625; beyond, 1 - 2 / (e^2x + 1) has no digits to lose."""
    x = np.linspace(1e-3, 0.625, 4000)
    coefficients, error = minimax(powers(x**2, range(5)), (np.tanh(x) - x) / x**3, x**3 / np.tanh(x))
    print(f"tanh: relative error {error:.1e}, x³ and up:", [f"{c:.9g}" for c in coefficients])


if __name__ == "__main__":
    exponential()
    normal_tail()
    hyperbolic_tangent()
