"""Sees the attention of modules while they run: calls of `scaled_dot_product_attention`, and softmax over scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from .attention import of_logits, of_projections

Report = Callable[[Callable[[], Tensor], Tensor], None]
"""Takes what computes the sums of heads, and the tensor that attention has made."""


class HeadWatch(TorchFunctionMode):
    """Reports attention with a given number of heads while it is entered; calls run as they would without it."""

    def __init__(self, heads: int, report: Report) -> None:
        super().__init__()
        self._heads = heads
        self._report = report
        self._squashed: tuple[Tensor, Tensor] | None = None
        """What a tanh took that may be a cap's, and what it gave."""
        self._cap: tuple[Tensor, float] | None = None
        """Scores over their cap, and the cap."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Iterable[type], args: Any = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        options = kwargs or {}
        if torch.compiler.is_compiling():
            return function(*args, **options)
        name = getattr(function, "__name__", "")
        if name == "multi_head_attention_forward":
            # What it calls does not come through here.
            with self._seeing_inside():
                return function(*args, **options)
        result = function(*args, **options)
        if name == "scaled_dot_product_attention":
            self._see_projections(result, *args, **options)
        elif name == "softmax":
            self._see_softmax(result, *args, **options)
        elif name == "tanh" and self._has_heads(args[0]):
            self._squashed = (args[0], result)
        elif name in ("mul", "__mul__") and self._squashed is not None and args[0] is self._squashed[1]:
            # cap · tanh(score / cap)
            if isinstance(args[1], (int, float)):
                self._cap = (self._squashed[0], float(args[1]))
            self._squashed = None
        return result

    def _has_heads(self, values: Tensor) -> bool:
        has_heads = values.dim() == 4 and values.shape[1] == self._heads and values.is_floating_point()
        # Of sequences that are spread over workers, each sees a part.
        return has_heads and not isinstance(values, DTensor)

    @contextmanager
    def _seeing_inside(self) -> Iterator[None]:
        originals = {name: getattr(functional, name) for name in ("scaled_dot_product_attention", "softmax")}

        def attention(*args: Any, **options: Any) -> Tensor:
            result: Tensor = originals["scaled_dot_product_attention"](*args, **options)
            self._see_projections(result, *args, **options)
            return result

        def softmax(scores: Tensor, *args: Any, **options: Any) -> Tensor:
            result: Tensor = originals["softmax"](scores, *args, **options)
            # Sequences and heads share a dimension here.
            if scores.dim() == 3 and scores.shape[0] % self._heads == 0:
                self._report(lambda: of_logits(scores.unflatten(0, (-1, self._heads))), result)
            return result

        try:
            for name, replacement in (("scaled_dot_product_attention", attention), ("softmax", softmax)):
                setattr(functional, name, replacement)
            yield
        finally:
            for name, original in originals.items():
                setattr(functional, name, original)

    def _see_projections(
        self, result: Tensor, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
        dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
    ) -> None:  # fmt: skip
        if not (self._has_heads(query) and query.shape[1] % key.shape[1] == 0):
            return
        is_rounded = query.dtype == torch.float32 and torch.is_autocast_enabled(query.device.type)
        kind = torch.get_autocast_dtype(query.device.type) if is_rounded else query.dtype

        def sums() -> Tensor:
            return of_projections(query.to(kind), key.to(kind), attn_mask, is_causal=is_causal, scale=scale)

        self._report(sums, result)

    def _see_softmax(self, result: Tensor, scores: Tensor, dim: int | None = None, *_: Any, **options: Any) -> None:
        if dim not in (-1, 3) or not self._has_heads(scores):
            return
        uncapped, cap = self._cap if self._cap is not None and self._cap[0].shape == scores.shape else (None, 1.0)
        self._cap = None
        self._report(lambda: of_logits(scores, uncapped, cap), result)
