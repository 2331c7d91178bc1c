"""Makes spectra.json: small matrices with NumPy's singular values, in float64, and the ranks derived from them.

    python make_spectra.py > spectra.json
"""

import json

import numpy

random = numpy.random.default_rng(7)


def low_rank(rows: int, columns: int, rank: int) -> numpy.ndarray:
    return random.normal(size=(rows, rank)) @ random.normal(size=(rank, columns))


MATRICES = {
    "tall": random.normal(size=(9, 4)),
    "wide": random.normal(size=(3, 11)),
    "square": random.normal(size=(6, 6)) * 1e-3,
    "one row": random.normal(size=(1, 5)),
    "one element": numpy.array([[-2.5]]),
    "rank two": low_rank(7, 8, 2),
    "decaying": numpy.diag(10.0 ** -numpy.arange(6)) @ numpy.linalg.qr(random.normal(size=(6, 6)))[0],
    "zero": numpy.zeros((3, 4)),
}

cases = []
for name, matrix in MATRICES.items():
    matrix = matrix.astype(numpy.float32).astype(numpy.float64)
    values = numpy.linalg.svd(matrix, compute_uv=False)
    shares = values[values > 0] / values.sum() if values[0] > 0 else numpy.array([])
    cases.append(
        dict(
            name=name, shape=matrix.shape, elements=matrix.ravel().tolist(), singular_values=values.tolist(),
            stable_rank=float((values**2).sum() / values[0] ** 2) if values[0] > 0 else None,
            effective_rank=float(numpy.exp(-(shares * numpy.log(shares)).sum())) if values[0] > 0 else None,
        )
    )  # fmt: skip
print(json.dumps(cases))
