"""Which parameters of a model are recorded."""

from __future__ import annotations

from torch import Tensor, nn

from .errors import UsageError


def trainable_parameters(model: nn.Module) -> dict[str, Tensor]:
    """The parameters that train, or may yet: also those that are frozen now, but not what cannot have a gradient.

    Raises:
        UsageError: None of them trains.
    """
    parameters: dict[str, Tensor] = {name: p for name, p in model.named_parameters() if p.is_floating_point()}
    if not any(p.requires_grad for p in parameters.values()):
        raise UsageError("none of the model's parameters requires a gradient")
    return parameters
