"""What a model and its optimizers say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

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


def gain_decay(
    optimizers: list[torch.optim.Optimizer], gains: Mapping[str, Tensor], offsets: Mapping[str, float]
) -> dict[str, object]:
    """Whether weight decay acts on gains and scales, as nf-probe's own runs state it in their configuration.

    With it, commands tell what decay alone would have done to them: multiplied them by 1 - lr · weight decay at every
    update. Nothing is stated where that is not so: decay by way of the gradient (SGD, Adam), some gains decayed and
    some not, learning rates of their own.

    Args:
        optimizers: The optimizers.
        gains: The gains and scales that are kept, by name; frozen ones are not asked.
        offsets: What is added to a gain before it multiplies: decay draws what is stored to 0, so such a gain to 1.
    """
    groups = [(optimizer, group) for optimizer in optimizers for group in optimizer.param_groups]
    by_parameter = {id(p): place for place in groups for p in place[1]["params"]}
    training = {name: p for name, p in gains.items() if p.requires_grad}
    own = {name: by_parameter[id(p)] for name, p in training.items() if id(p) in by_parameter}
    if not own or len(own) < len(training):
        return {}
    decays = {0.0 if offsets.get(name) else float(group.get("weight_decay", 0)) for name, (_, group) in own.items()}
    if decays == {0.0}:
        return {"decayed": "weights", "weight-decay": max(float(group.get("weight_decay", 0)) for _, group in groups)}
    rates = {_rate(group) for _, group in own.values()}
    are_decoupled = all(_is_decoupled(optimizer, group) for optimizer, group in own.values())
    if len(decays) > 1 or rates != {_rate(groups[0][1])} or not are_decoupled:
        return {}
    return {"decayed": "all", "weight-decay": decays.pop()}


def _rate(group: Mapping[str, Any]) -> float:
    """Without what a schedule has made of it by now: during a warm-up, all may be 0."""
    return float(group.get("initial_lr", group["lr"]))


def _is_decoupled(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> bool:
    return bool(group.get("decoupled_weight_decay", isinstance(optimizer, torch.optim.AdamW)))


def class_name(modules: Sequence[nn.Module]) -> str:
    """The name of a model's own class: sharding derives another from it."""
    classes = type(bare_model(modules[0])).__mro__ if modules else (nn.Module,)
    return next(kind for kind in classes if not issubclass(kind, FSDPModule)).__name__


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
    config = getattr(model, "config", None)
    for owner in (*([] if config is None else [config]), *model.modules()):
        for name in names:
            # Asking a module for what it does not have is slow.
            known = not isinstance(owner, nn.Module) or name in owner.__dict__ or hasattr(type(owner), name)
            value = getattr(owner, name, None) if known else None
            if isinstance(value, int) and value > 0:
                return value
    return 0
