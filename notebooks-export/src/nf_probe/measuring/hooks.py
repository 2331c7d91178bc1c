"""Hooks on parameters, and what runs when a backward pass is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle


def registered_first(parameter: Tensor, hook: Callable[[Tensor], None]) -> RemovableHandle:
    """Registers a hook that runs before those that are there already."""
    handle: RemovableHandle = parameter.register_post_accumulate_grad_hook(hook)
    hooks = parameter._post_accumulate_grad_hooks
    if hooks is not None and len(hooks) > 1:
        own = hooks.pop(handle.id)
        others = dict(hooks)
        hooks.clear()
        hooks[handle.id] = own
        hooks.update(others)
    return handle


@contextmanager
def requiring_gradient(parameter: Tensor) -> Iterator[None]:
    """A frozen parameter as one that is not: no other takes a hook."""
    is_frozen = not parameter.requires_grad
    parameter.requires_grad_(True)
    try:
        yield
    finally:
        parameter.requires_grad_(not is_frozen)


def at_end_of_pass(callback: Callable[[], None]) -> None:
    """Has something run when the backward pass that goes on is over, before `backward()` returns."""
    torch.autograd.Variable._execution_engine.queue_callback(callback)
