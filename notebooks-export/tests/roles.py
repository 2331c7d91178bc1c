"""What the parameters of a layer do, seen in a model's forward pass and by differentiation, not by their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def plain_attention(record: Callable[[Tensor], None]) -> Iterator[None]:
    """Shows every table of attention scores that a softmax is taken of, whatever the model calls it."""
    softmax, function, method = torch.softmax, nn.functional.softmax, Tensor.softmax
    fused = nn.functional.scaled_dot_product_attention
    seen: list[Tensor] = []

    def watched(call: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def inner(scores: Tensor, *arguments: Any, **options: Any) -> Tensor:
            # One of these calls another.
            is_new = not (seen and seen[-1] is scores)
            if is_new and scores.dim() > 2 and scores.requires_grad and scores.shape[-1] - scores.shape[-2] in (0, 1):
                seen.append(scores)
                record(scores)
            return call(scores, *arguments, **options)

        return inner

    def attention(
        query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
        is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
    ) -> Tensor:  # fmt: skip
        scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
        if is_causal:
            scores = scores + torch.full_like(scores[0, 0], float("-inf")).triu(1)
        if attn_mask is not None:
            is_bool = attn_mask.dtype == torch.bool
            scores = scores.masked_fill(~attn_mask, float("-inf")) if is_bool else scores + attn_mask
        record(scores)
        return softmax(scores, dim=-1) @ value

    try:
        torch.softmax, nn.functional.softmax = watched(softmax), watched(function)  # type: ignore[assignment]
        Tensor.softmax = watched(method)  # type: ignore[method-assign,assignment]
        nn.functional.scaled_dot_product_attention = attention  # type: ignore[assignment]
        yield
    finally:
        torch.softmax, nn.functional.softmax, Tensor.softmax = softmax, function, method  # type: ignore[method-assign]
        nn.functional.scaled_dot_product_attention = fused


@dataclass
class Pass:
    """One forward pass: what went into modules and came out of them."""

    inputs: dict[str, list[Tensor]] = field(default_factory=lambda: defaultdict(list))
    outputs: dict[str, list[Tensor]] = field(default_factory=lambda: defaultdict(list))
    scores: list[Tensor] = field(default_factory=list)


def watch(model: nn.Module, run: Callable[[nn.Module], Tensor]) -> Pass:
    """Runs a model and keeps every tensor that a module takes or gives."""
    seen = Pass()
    handles = []
    for name, module in model.named_modules():

        def keep(
            _: nn.Module, arguments: tuple[Any, ...], options: Mapping[str, Any], result: Any, name: str = name
        ) -> None:
            given = next((a for a in [*arguments, *options.values()] if isinstance(a, Tensor)), None)
            results = result if isinstance(result, (tuple, list)) else [result]
            made = next((r for r in results if isinstance(r, Tensor)), None)
            if given is not None and made is not None:
                seen.inputs[name].append(given)
                seen.outputs[name].append(made)

        handles.append(module.register_forward_hook(keep, with_kwargs=True))
    try:
        with plain_attention(seen.scores.append):
            run(model)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold the same numbers, in whatever shape."""
    return a.numel() == b.numel() and torch.allclose(a.reshape(-1), b.reshape(-1), rtol=1e-9, atol=1e-12)


def same_set(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold the same numbers in any order: heads are turned about before norms are taken of them."""
    return a.numel() == b.numel() and torch.allclose(a.reshape(-1).sort()[0], b.reshape(-1).sort()[0], rtol=1e-9)


def lies_along(rows: Tensor, directions: Tensor) -> bool:
    """Whether every row is made of some vectors, `(vector, element)`, and some row is not 0."""
    basis = torch.linalg.qr(directions.T)[0]
    rest = rows - rows @ basis @ basis.T
    return bool(rows.norm() > 0) and bool(rest.norm() <= 1e-9 * rows.norm())


def is_affine(run: Callable[[], Tensor], parameter: Tensor, mask: Tensor) -> bool:
    """Whether an output is an affine function of the elements of a parameter that a mask chooses."""
    results = []
    with torch.no_grad():
        original = parameter.detach().clone()
        for factor in (1.0, 1.25, 1.5):
            parameter.copy_(torch.where(mask, original * factor, original))
            results.append(run().detach().clone())
        parameter.copy_(original)
    first, second = results[1] - results[0], results[2] - 2 * results[1] + results[0]
    assert first.norm() > 0, "the output does not depend on it"
    return bool(second.norm() <= 1e-9 * first.norm())
