"""Which parameters of a model are recorded."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ..errors import UsageError


def trainable_parameters(modules: Sequence[nn.Module]) -> dict[str, Tensor]:
    """The parameters that train, or may yet: also those that are frozen now, but not what cannot have a gradient.

    Raises:
        UsageError: Two modules have different parameters of one name.
    """
    parameters: dict[str, Tensor] = {}
    for module in modules:
        for name, parameter in module.named_parameters():
            if parameter.is_floating_point() and parameters.setdefault(name, parameter) is not parameter:
                raise UsageError(
                    f"two stages have a parameter '{name}' each: keep the whole model's names in its stages, or wrap "
                    "each in a module under a name of its own"
                )
    return parameters
