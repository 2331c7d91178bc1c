"""Makes scales.json: the statistics of learned scales, computed independently with NumPy and SciPy.

    python3 make_scales.py > scales.json

Needs numpy and scipy. Nothing here is derived from the Swift code: exact p-values are `scipy.stats.permutation_test`'s, those
of random orders follow Fisher and Yates with the Philox of make_golden.py.
"""
import json
import sys

import numpy as np
from scipy import stats

from make_golden import MASK, philox

SEED = 0x7363616C6573
PERMUTATIONS = 9999


def box(values, near):
    """Quartiles as NumPy's default, whiskers as matplotlib's `boxplot_stats` and Tukey have them."""
    x = np.asarray(values)
    x = x[np.isfinite(x)]
    q1, median, q3 = np.percentile(x, [25, 50, 75])
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    inside = x[(x >= low) & (x <= high)]
    return {
        "values": [str(v) for v in np.asarray(values)], "near": near, "count": len(x),
        "nonfinite": len(values) - len(x),
        "numbers": [x.min(), min(inside.min(), q1), q1, median, q3, max(inside.max(), q3), x.max(), x.mean(),
                    np.mean(np.abs(x - 1)), np.mean(np.abs(x) <= near), np.mean(np.abs(x - 1) <= near)],
        "outliers": np.sort(x[(x < low) | (x > high)]).tolist(),
    }


def random_order_p(values):
    """(b + 1) / (B + 1) of shuffles drawn from the counter-based generator."""
    n = len(values)
    ranks = np.rint(2 * stats.rankdata(values)).astype(np.int64)
    centred = 2 * np.arange(n) - (n - 1)
    bound = abs(int(ranks @ centred))
    counter = np.zeros((PERMUTATIONS * (n - 1), 4), dtype=np.uint64)
    places = np.arange(n - 1, 0, -1)
    counter[:, 0] = np.tile(places, PERMUTATIONS)
    counter[:, 1] = np.repeat(np.arange(PERMUTATIONS), n - 1)
    counter[:, 2] = n
    words = philox(counter, (SEED & MASK, SEED >> 32)).reshape(PERMUTATIONS, n - 1, 4)
    hits = 1
    for draws in words:
        shuffled = ranks.copy()
        for place, w in zip(places, draws):
            other = ((int(place) + 1) * ((int(w[0]) << 32) | int(w[1]))) >> 64
            shuffled[place], shuffled[other] = shuffled[other], shuffled[place]
        hits += abs(int(shuffled @ centred)) >= bound
    return hits / (PERMUTATIONS + 1)


def correlation(values):
    x = np.asarray(values, dtype=float)
    depth = np.arange(len(x))
    rho = stats.spearmanr(depth, x).statistic
    if len(x) <= 9:
        test = stats.permutation_test(
            (x,), lambda y: stats.spearmanr(depth, y).statistic, permutation_type="pairings", n_resamples=np.inf,
            alternative="two-sided", vectorized=False)
        p = test.pvalue
    else:
        p = random_order_p(x)
    return {"values": x.tolist(), "value": rho, "pValue": p}


def seeds_case(rng):
    """Student's t interval of the mean of correlations and of medians."""
    numbers = np.round(rng.uniform(0.2, 0.9, size=4), 3)
    interval = stats.t.interval(0.95, 3, loc=numbers.mean(), scale=stats.sem(numbers))
    return {"numbers": numbers.tolist(), "mean": numbers.mean(), "interval": list(interval)}


def main():
    rng = np.random.default_rng(20211101)
    heavy = np.round(1 + 0.2 * rng.standard_t(2, size=200), 4)
    boxes = [
        box(heavy, 0.05), box(np.round(rng.normal(0, 0.1, size=33), 3), 0.05), box(np.array([0.7]), 0.3),
        box(np.array([1.0, 2.0]), 0.0), box(np.array([1.0] * 9 + [5.0]), 0.05),
        box(np.array([0.1, np.nan, 1.02, np.inf, -np.inf, 0.96]), 0.05),
        # No number lies between the fence and the box.
        box(np.array([0.0, 0.0, 0.0, 10.0, 10.1, 10.2, 10.3]), 0.05),
    ]
    correlations = [
        correlation(v) for v in [
            [1, 2, 3], [3, 1], [0.3, 0.1, 0.9, 0.5], [1, 1, 2, 2, 3], [5, 3, 4, 1, 2, 0], [1, 1, 1, 2, 1, 1],
            np.round(rng.normal(size=7), 3), np.round(rng.normal(size=8), 1),
            np.round(np.arange(12) / 12 + rng.normal(size=12) / 3, 3), np.round(rng.normal(size=10), 0),
            np.arange(24), np.round(rng.normal(size=24), 2),
        ]
    ]
    document = {"boxes": boxes, "correlations": correlations, "seeds": seeds_case(rng)}
    json.dump(document, sys.stdout, indent=None, separators=(",", ":"), default=float)
    print()


if __name__ == "__main__":
    main()
