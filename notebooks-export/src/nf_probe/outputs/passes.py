"""Tells passes that train from others: evaluations, and what activation checkpointing computes anew."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_MET = "nf_probe"
"""Where nodes of the graph say whose hooks they have."""


def is_looked_at() -> bool:
    """Whether this may be a pass that trains: no compiler's look at the code, nor what checkpointing computes anew."""
    return torch.is_grad_enabled() and not torch.compiler.is_compiling() and not _is_recomputed()


def _is_recomputed() -> bool:
    if not is_in_backward():
        return False
    # Whoever is not recognised is looked at for nothing: see `is_met_again`.
    hooks: Any = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", lambda _: None)(True)
    return bool(hooks) and "_recomputation_hook" in getattr(hooks[0], "__qualname__", "")


def is_in_backward() -> bool:
    """Whether a backward pass goes on in this thread."""
    return bool(torch._C._current_graph_task_id() != -1)


def is_met_again(tensor: Tensor, key: object) -> bool:
    """Whether a backward pass that goes on computes anew with a tensor of the pass itself: what enters a checkpoint."""
    node: Any = tensor.grad_fn
    if node is None:
        return False
    met: set[object] = node.metadata.setdefault(_MET, set())
    is_again = is_in_backward() and (key, tensor.output_nr) in met
    met.add((key, tensor.output_nr))
    return is_again
