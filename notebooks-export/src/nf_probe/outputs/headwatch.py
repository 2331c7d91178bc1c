"""Sees the attention of modules while they run: calls of `scaled_dot_product_attention`, and softmax over scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeGuard

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

    def __init__(self, heads: int, report: Report, fail: Callable[[Exception], None]) -> None:
        """Prepares it.

        Args:
            heads: Of a layer; attention with another number is none of its own.
            report: Called after each attention.
            fail: Takes an error, which would come out of the script's own call.
        """
        super().__init__()
        self._heads = heads
        self._report = report
        self._fail = fail
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
        self._look(name, result, args, options)
        return result

    @contextmanager
    def _seeing_inside(self) -> Iterator[None]:
        originals = {name: getattr(functional, name) for name in ("scaled_dot_product_attention", "softmax")}

        def replacement(name: str) -> Callable[..., Any]:
            def call(*args: Any, **options: Any) -> Any:
                result = originals[name](*args, **options)
                self._look(name, result, args, options, are_flat=name == "softmax")
                return result

            return call

        try:
            for name in originals:
                setattr(functional, name, replacement(name))
            yield
        finally:
            for name, original in originals.items():
                setattr(functional, name, original)

    def _look(
        self, name: str, result: Any, args: Sequence[Any], options: Mapping[str, Any], *, are_flat: bool = False
    ) -> None:  # fmt: skip
        """Looks at a call.

        Args:
            name: The function's.
            result: What it gave.
            args: What it was given.
            options: The same by name.
            are_flat: Whether scores have sequences and heads in one dimension.
        """
        see = _SEEN.get(name)
        if see is None:
            return
        try:
            if are_flat:
                self._see_flat_softmax(result, *args, **options)
            else:
                see(self, result, *args, **options)
        except Exception as error:
            self._fail(error)

    def _has_heads(self, values: object) -> TypeGuard[Tensor]:
        # Of sequences that are spread over workers, each sees a part.
        if not isinstance(values, Tensor) or isinstance(values, DTensor):
            return False
        return values.dim() == 4 and values.shape[1] == self._heads and values.is_floating_point()

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

    def _see_softmax(self, result: Tensor, input: Tensor, dim: int | None = None, *_: Any, **__: Any) -> None:
        if dim not in (-1, 3) or not self._has_heads(input):
            return
        uncapped, cap = self._cap if self._cap is not None and self._cap[0].shape == input.shape else (None, 1.0)
        self._cap = None
        self._report(lambda: of_logits(input, uncapped, cap), result)

    def _see_flat_softmax(self, result: Tensor, input: Tensor, dim: int | None = None, *_: Any, **__: Any) -> None:
        if input.dim() == 3 and dim in (-1, 2) and input.shape[0] % self._heads == 0:
            self._report(lambda: of_logits(input.view(-1, self._heads, *input.shape[1:])), result)

    def _see_tanh(self, result: Tensor, input: Tensor, *_: Any, **__: Any) -> None:
        if self._has_heads(input):
            self._squashed = (input, result)

    def _see_product(self, result: Tensor, *factors: Any, **_: Any) -> None:
        """cap · tanh(score / cap)"""
        if self._squashed is None or not factors or factors[0] is not self._squashed[1]:
            return
        if isinstance(factors[-1], (int, float)):
            self._cap = (self._squashed[0], float(factors[-1]))
        self._squashed = None


_SEEN: Mapping[str, Callable[..., None]] = {
    "scaled_dot_product_attention": HeadWatch._see_projections,
    "softmax": HeadWatch._see_softmax,
    "tanh": HeadWatch._see_tanh,
    "mul": HeadWatch._see_product,
    "__mul__": HeadWatch._see_product,
}
"""What looks at calls, by their functions' names."""
