"""What a model and its optimizers say of themselves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

Optimizers = torch.optim.Optimizer | Sequence[torch.optim.Optimizer] | None


def optimizer_list(given: Optimizers) -> list[torch.optim.Optimizer]:
    """The optimizers themselves: libraries wrap them, and hooks belong on the one that steps."""
    if given is None:
        return []
    several = list(given) if isinstance(given, Sequence) else [given]
    return [getattr(o, "optimizer", o) for o in several]


def optimizer_settings(optimizers: list[torch.optim.Optimizer]) -> dict[str, object]:
    """The numbers that an optimizer was made with, for the configuration of the run."""
    if not optimizers:
        return {}
    settings: dict[str, object] = {
        name.replace("_", "-"): value
        for name, value in optimizers[0].defaults.items()
        if isinstance(value, (int, float, tuple)) and not isinstance(value, bool)
    }
    decays = {group.get("weight_decay", 0) for group in optimizers[0].param_groups}
    if len(decays) > 1:
        settings["weight-decay"] = sorted(decays)
    return {"optimizer": type(optimizers[0]).__name__, **settings}


def bare_model(model: nn.Module) -> nn.Module:
    """The model inside data parallelism and compilation."""
    for wrapper in ("module", "_orig_mod"):
        inner = getattr(model, wrapper, None)
        if isinstance(inner, nn.Module) and len(list(model.children())) == 1:
            return bare_model(inner)
    return model


def head_count(model: nn.Module) -> int:
    """Attention heads of a layer, as the model's configuration or its attention modules say; 0 where they do not."""
    model = bare_model(model)
    names = ("num_attention_heads", "n_head", "n_heads", "num_heads", "nhead", "heads")
    for owner in (getattr(model, "config", None), *model.modules()):
        for name in names:
            value = getattr(owner, name, None)
            if isinstance(value, int) and value > 0:
                return value
    return 0
