"""Makes golden.json: the statistics of a mismatch, computed independently with NumPy and SciPy.

    python3 make_golden.py > golden.json

Needs numpy and scipy. Nothing here is derived from the Swift code: the block length follows Politis and White (2004) with
the correction of Patton, Politis and White (2009), the expanded percentiles Hesterberg (2015), the random numbers Salmon
et al. (2011).
"""
import json
import sys

import numpy as np
from scipy import stats

RESAMPLES = 2000
SEED = 0x6E667072_6F6265
MASK = 0xFFFFFFFF


def philox(counter, key):
    """Philox4x32-10 on arrays of counters, (n, 4) uint64."""
    c = [counter[:, i].astype(np.uint64) for i in range(4)]
    k0, k1 = key
    for _ in range(10):
        first = np.uint64(0xD2511F53) * c[0]
        second = np.uint64(0xCD9E8D57) * c[2]
        c = [(second >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), second & np.uint64(MASK),
             (first >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), first & np.uint64(MASK)]
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return np.stack(c, axis=1)


def draws(resample, count, bound, stream):
    """Integers below `bound` at positions resample * 2^32 + 0, 1, ..."""
    counter = np.zeros((count, 4), dtype=np.uint64)
    counter[:, 0] = np.arange(count)
    counter[:, 1] = resample
    counter[:, 2] = stream & MASK
    counter[:, 3] = stream >> 32
    words = philox(counter, (SEED & MASK, SEED >> 32))
    return [(bound * ((int(w[0]) << 32) | int(w[1]))) >> 64 for w in words]


def block_length(x):
    x = np.asarray(x, dtype=float)
    n = len(x)
    e = x - x.mean()
    longest = int(np.ceil(min(3 * np.sqrt(n), n / 3)))
    window = max(5, int(np.ceil(np.log10(n))))
    lags = min(n - 1, int(np.ceil(np.sqrt(n))) + window)
    cov = np.array([np.dot(e[: n - k], e[k:]) / n for k in range(lags + 1)])
    if cov[0] <= 0:
        return 1
    rho = np.abs(cov / cov[0])
    bound = 2 * np.sqrt(np.log10(n) / n)
    last = None
    for lag in range(lags - window + 1):
        if np.all(rho[lag + 1: lag + window + 1] < bound):
            last = max(1, lag)
            break
    if last is None:
        above = np.nonzero(rho >= bound)[0]
        last = max(1, int(above[-1]))
    bandwidth = min(2 * last, lags)
    k = np.arange(1, bandwidth + 1)
    flat_top = np.minimum(1, 2 * (1 - k / bandwidth))
    slope = 2 * np.sum(flat_top * k * cov[k])
    density = cov[0] + 2 * np.sum(flat_top * cov[k])
    length = (2 * slope**2 / (4 / 3 * density**2)) ** (1 / 3) * n ** (1 / 3)
    return int(max(1, min(longest, np.ceil(length))))


def resampled_means(values, stretches, length, stream):
    """(resamples, layers) means of values (layers, records)."""
    blocks = [range(max(s, lo), min(s + length, hi))
              for lo, hi in stretches for s in range(lo - length + 1, hi)]
    n = values.shape[1]
    result = []
    for r in range(RESAMPLES):
        chosen = []
        for start in draws(r, n, len(blocks), stream):
            chosen.extend(blocks[start])
            if len(chosen) >= n:
                break
        result.append(values[:, chosen[:n]].mean(axis=1))
    return np.array(result)


def statistics(profile):
    """log10 early/late and the slope of profiles (..., layers)."""
    logs = np.log10(profile)
    depth = np.linspace(0, 1, profile.shape[-1])
    slope = np.polyfit(depth, logs.T.reshape(len(depth), -1), 1)[0]
    return logs[..., 0] - logs[..., -1], slope.reshape(logs.shape[:-1])


def ar1(rng, n, phi):
    noise = rng.standard_normal(n)
    x = np.empty(n)
    x[0] = noise[0] / np.sqrt(1 - phi**2)
    for t in range(1, n):
        x[t] = phi * x[t - 1] + noise[t]
    return x


def steps_case(rng):
    layers, n, gap = 4, 120, 50
    common = ar1(rng, n, 0.5)
    values = np.array([np.exp(np.log(level) + 0.1 * common + 0.15 * ar1(rng, n, phi))
                       for level, phi in zip([200, 120, 60, 80], [0.6, 0.2, 0.5, 0.7])])
    values = np.round(values, 4)
    means = values.mean(axis=1)
    ratio_influence = values[0] / means[0] - values[-1] / means[-1]
    depth = np.linspace(0, 1, layers)
    weights = (depth - depth.mean()) / np.sum((depth - depth.mean()) ** 2)
    slope_influence = np.sum(weights[:, None] * values / means[:, None], axis=0)
    lengths = [block_length(ratio_influence), block_length(slope_influence)]
    profile = resampled_means(values, [(0, gap), (gap, n)], max(lengths), 0)
    early_late, slope = statistics(profile)
    value, slope_value = statistics(means)
    spread = np.log10(profile[:, means.argmax()] / profile[:, means.argmin()])
    blocks = n // max(lengths)
    tail = stats.norm.cdf(-np.sqrt(blocks / (blocks - 1)) * stats.t.ppf(0.975, blocks - 1))
    interval = lambda x: list(np.percentile(x, [100 * tail, 100 * (1 - tail)]))
    return {
        "values": values.tolist(), "gapBefore": gap, "blockLength": max(lengths), "guideLengths": lengths,
        "earlyLate": [10**value, *(10 ** np.array(interval(early_late)))],
        "spread": [means.max() / means.min(), *(10 ** np.array(interval(spread)))],
        "slope": [float(slope_value), *interval(slope)],
        "layer0": [means[0], *(10 ** np.array(interval(np.log10(profile[:, 0]))))],
    }


def seeds_case(rng):
    """t intervals over five seeds of six layers."""
    profiles = np.round(np.exp(rng.normal(np.linspace(5, 3, 6), 0.2, size=(5, 6))), 4)
    early_late, slope = statistics(profiles)
    mean = np.exp(np.log(profiles).mean(axis=0))
    spread = np.log10(profiles[:, mean.argmax()] / profiles[:, mean.argmin()])

    def t_interval(x):
        return [x.mean(), *stats.t.interval(0.95, len(x) - 1, loc=x.mean(), scale=stats.sem(x))]

    return {
        "profiles": profiles.tolist(),
        "earlyLate": list(10 ** np.array(t_interval(early_late))),
        "spread": list(10 ** np.array(t_interval(spread))),
        "slope": t_interval(slope),
        "layer2": list(10 ** np.array(t_interval(np.log10(profiles[:, 2])))),
    }


def block_length_cases(rng):
    cases = []
    for n, phi in [(30, 0.0), (200, 0.3), (400, 0.9), (64, -0.5), (12, 0.5)]:
        series = np.round(ar1(rng, n, phi), 3)
        cases.append({"series": series.tolist(), "length": block_length(series)})
    trend = np.round(np.linspace(0, 10, 100) + rng.standard_normal(100), 3)
    cases.append({"series": trend.tolist(), "length": block_length(trend)})
    return cases


def main():
    rng = np.random.default_rng(20211018)
    golden = {
        "studentT": [[p, df, stats.t.ppf((1 + p) / 2, df)]
                     for df in (1, 2, 3, 4, 5, 9, 10, 29, 200) for p in (0.5, 0.95, 0.99)],
        "blockLengths": block_length_cases(rng),
        "steps": steps_case(rng),
        "seeds": seeds_case(rng),
    }
    json.dump(golden, sys.stdout, indent=None, separators=(",", ":"), default=float)
    print()


if __name__ == "__main__":
    main()
