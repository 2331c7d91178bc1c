"""What modules add to the gains that they store: some keep a gain as its difference from one."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable

from torch import nn


def gain_offsets(model: nn.Module) -> dict[str, float]:
    """What is added to a parameter before it multiplies, by the parameter's name, where its module tells.

    Names do not tell: Gemma's are Llama's, and models of x-transformers are made with the offset or without. A module
    tells by an attribute `unit_offset`, as those of x-transformers, or by the code of its `forward`.
    """
    offsets: dict[str, float] = {}
    for prefix, module in model.named_modules():
        stated = getattr(module, "unit_offset", None)
        for name, _ in module.named_parameters(recurse=False):
            full = f"{prefix}.{name}" if prefix else name
            if isinstance(stated, (bool, int, float)):
                offsets[full] = float(stated)
            elif _adds_one(type(module).forward, name):
                offsets[full] = 1.0
    return offsets


@functools.cache
def _adds_one(forward: Callable[..., object], name: str) -> bool:
    """Whether a module computes with one plus its parameter, e.g. `output * (1.0 + self.weight.float())`."""
    try:
        code = inspect.getsource(forward)
    except (OSError, TypeError):
        return False
    own = rf"self\.{re.escape(name)}\b(?:\.\w+\([^()]*\))?"
    # Not in `x * self.weight + 1`.
    adds = rf"\b1(?:\.0?)?\s*\+\s*{own}|(?<!\*\s)(?<!\*){own}\s*\+\s*1(?:\.0?)?(?![\w.])"
    return re.search(adds, code) is not None
