"""What heads of attention do, against loops over queries and keys in Python's own numbers."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from nf_probe.outputs import attention
from nf_probe.outputs.attention import of_logits, of_projections


def plain(logits: list[list[list[list[float]]]], seen: Tensor, queries: int, keys: int) -> list[list[float]]:
    """`(head, sum)`: logits `(sequence, head, query, key)`, and which keys queries see."""
    rows = []
    for head in range(len(logits[0])):
        counted, entropies, first_counted, shares, largest = 0, [], 0, [], -math.inf
        for sequence in range(len(logits)):
            visible = seen[sequence, head].tolist()
            tokens = [key for key in range(keys) if any(row[key] for row in visible)]
            for query in range(queries):
                own = [key for key in range(keys) if visible[query][key]]
                if not own or (queries == keys and query not in tokens):
                    continue
                scores = [logits[sequence][head][query][key] for key in own]
                if len(own) < 2:
                    continue
                largest = max(largest, *scores)
                total = math.fsum(math.exp(score - max(scores)) for score in scores)
                probabilities = [math.exp(score - max(scores)) / total for score in scores]
                counted += 1
                entropies.append(-math.fsum(p * math.log(p) for p in probabilities if p > 0))
                if tokens[0] in own:
                    first_counted += 1
                    shares.append(probabilities[own.index(tokens[0])])
        rows.append([counted, math.fsum(entropies), first_counted, math.fsum(shares), largest])
    return rows


def scores(query: Tensor, key: Tensor, scale: float) -> list[list[list[list[float]]]]:
    groups = query.shape[1] // key.shape[1]

    def score(s: int, h: int, i: int, j: int) -> float:
        return scale * math.fsum(a * b for a, b in zip(q[s][h][i], k[s][h // groups][j], strict=True))

    q, k = query.double().tolist(), key.double().tolist()
    extents = (query.shape[0], query.shape[1], query.shape[2], key.shape[2])
    flat = [score(*place) for place in itertools.product(*map(range, extents))]
    return torch.tensor(flat, dtype=torch.float64).view(extents).tolist()


def projections(queries: int, keys: int, heads: int = 4, key_heads: int = 4, rows: int = 3) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(queries * 100 + keys)
    query = torch.randn(rows, heads, queries, 6, generator=source) * 2
    return query, torch.randn(rows, key_heads, keys, 6, generator=source)


def causal(queries: int, keys: int) -> Tensor:
    return torch.ones(queries, keys, dtype=torch.bool).tril()


def padded(lengths: list[int], keys: int, *, is_left: bool = False) -> Tensor:
    """`(sequence, key)`: whether a token is none of the padding."""
    place = torch.arange(keys)
    return torch.stack([place >= keys - length if is_left else place < length for length in lengths])


@pytest.fixture(params=[1, 64, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setitem(attention._CHUNK, "cpu", request.param)
    return int(request.param)


MASKS = {
    "none": None,
    "causal": causal(7, 7)[None, None],
    "window": (causal(7, 7) & ~causal(7, 7).tril(-3))[None, None],
    "right": padded([7, 4, 1], 7)[:, None, None, :],
    "left": (padded([7, 4, 2], 7, is_left=True)[:, None, None, :] & causal(7, 7)),
    "packed": torch.block_diag(causal(3, 3), causal(4, 4)).bool()[None, None],
    "by-head": torch.rand(3, 4, 7, 7, generator=torch.Generator().manual_seed(3)) > 0.4,
    "strict": causal(7, 7).tril(-1)[None, None],
}


@pytest.mark.parametrize("kind", ["bool", "-inf", "finfo", "-1e9"])
@pytest.mark.parametrize("name", MASKS)
def test_masks(chunk: int, name: str, kind: str) -> None:
    query, key = projections(7, 7)
    mask = MASKS[name]
    seen = torch.ones(3, 4, 7, 7, dtype=torch.bool) if mask is None else mask.expand(3, 4, 7, 7)
    expected = plain(scores(query, key, 6**-0.5), seen, 7, 7)
    given = mask
    if mask is not None and kind != "bool":
        hidden = {"-inf": -math.inf, "finfo": torch.finfo(torch.float32).min, "-1e9": -1e9}[kind]
        given = torch.where(mask, 0.0, hidden)
    found = of_projections(query, key, given, is_causal=False, scale=None)
    assert found.numpy() == pytest.approx(torch.tensor(expected).numpy(), rel=2e-6)
    logits = query @ key.transpose(-1, -2) * 6**-0.5
    if given is not None:
        logits = logits.masked_fill(~given, -math.inf) if given.dtype == torch.bool else logits + given
    before = logits.clone()
    assert of_logits(logits).numpy() == pytest.approx(torch.tensor(expected).numpy(), rel=2e-6)
    assert torch.equal(logits, before)


@pytest.mark.parametrize(("queries", "keys"), [(7, 7), (3, 7), (7, 3), (1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("is_causal", [False, True])
def test_shapes_and_grouped_queries(chunk: int, queries: int, keys: int, is_causal: bool) -> None:
    query, key = projections(queries, keys, heads=6, key_heads=2)
    seen = causal(queries, keys) if is_causal else torch.ones(queries, keys, dtype=torch.bool)
    expected = torch.tensor(plain(scores(query, key, 0.3), seen.expand(3, 6, queries, keys), queries, keys))
    found = of_projections(query, key, None, is_causal=is_causal, scale=0.3)
    assert found.numpy() == pytest.approx(expected.numpy(), rel=2e-6)


def test_biases_are_part_of_logits(chunk: int) -> None:
    query, key = projections(5, 5)
    bias = torch.randn(1, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    bias[..., 3] = -math.inf
    logits = torch.tensor(scores(query, key, 6**-0.5), dtype=torch.float64) + bias.double()
    expected = torch.tensor(plain(logits.tolist(), ~bias.isneginf().expand(3, 4, 5, 5), 5, 5))
    assert of_projections(query, key, bias, is_causal=False, scale=None).numpy() == pytest.approx(
        expected.numpy(), rel=2e-6
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_number_formats(dtype: torch.dtype) -> None:
    query, key = (part.to(dtype) for part in projections(9, 9, key_heads=2))
    expected = torch.tensor(
        plain(scores(query, key, 6**-0.5), causal(9, 9).expand(3, 4, 9, 9), 9, 9), dtype=torch.float64
    )
    found = of_projections(query, key, None, is_causal=True, scale=None)
    assert found.dtype == torch.float64
    assert found.numpy() == pytest.approx(expected.numpy(), rel=1e-12 if dtype == torch.float64 else 2e-6)


def test_logits_that_are_no_numbers_are_told() -> None:
    query, key = projections(4, 4)
    query[1, 2, 3] = math.nan
    found = of_projections(query, key, None, is_causal=True, scale=None)
    assert found[2, [1, 3, 4]].isnan().all() and found[[0, 1, 3]].isfinite().all()
    assert found[:, 0].tolist() == [9.0] * 4


def test_nothing_is_seen_of_nothing() -> None:
    query, key = projections(4, 4)
    found = of_projections(query, key, torch.zeros(4, 4, dtype=torch.bool), is_causal=False, scale=None)
    assert found[:, :4].eq(0).all() and found[:, 4].isneginf().all()
