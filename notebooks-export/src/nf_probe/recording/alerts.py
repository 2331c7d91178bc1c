"""Rules over what a run records, which say when somebody is to look: those of `nf-probe grads --alerts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UsageError
from ..runfile.manifest import GradientLayout

_EXAMPLE = "update/weight of any layer > 0.1 for 20 steps"
_OF_GRADIENTS = ("l1", "l2", "rms", "mean")
_OF_PARAMETERS = ("weight-rms", "update-rms", "update/weight")
_OF_RUNS = ("loss", "gradient-l2")


@dataclass(frozen=True)
class AlertRule:
    """`QUANTITY [of OPERATION] [in layer N] > NUMBER [for N steps]`."""

    quantity: str
    operation: str | None
    """Of a layer; None for every large tensor, of at least a sixteenth of the largest one's elements."""
    layer: int | None
    is_above: bool
    bound: float
    steps: int

    @classmethod
    def parsed(cls, text: str) -> AlertRule:
        """Reads a rule.

        Raises:
            UsageError: It is none.
        """
        quantity, *words = text.split() or [""]
        known = (*_OF_RUNS, *_OF_GRADIENTS, *_OF_PARAMETERS)
        if quantity not in known:
            raise UsageError(f"alerts: {text!r} begins with no quantity ({', '.join(known)}): {_EXAMPLE}")
        signs = [index for index, word in enumerate(words) if word in ("<", ">")]
        if not signs:
            raise UsageError(f"alerts: {text!r} has no > or < with spaces around: {_EXAMPLE}")
        operation, layer = _place(words[: signs[0]], text)
        if quantity in _OF_RUNS and (operation is not None or layer is not None):
            raise UsageError(f"alerts: {text!r}: {quantity} is the whole run's, and no layer's")
        bound, steps = _bound(words[signs[0] + 1 :], text)
        return cls(quantity, operation, layer, words[signs[0]] == ">", bound, steps)

    def __str__(self) -> str:
        words = [self.quantity]
        if self.quantity not in _OF_RUNS:
            of = self.operation or ("any layer" if self.layer is None else f"layer {self.layer}")
            words.append(f"of {of}")
            if self.operation is not None and self.layer is not None:
                words.append(f"in layer {self.layer}")
        words.append(f"{'>' if self.is_above else '<'} {self.bound!r}".removesuffix(".0"))
        return " ".join(words) + (f" for {self.steps} steps" if self.steps > 1 else "")


class AlertWatch:
    """Looks at a run step by step, and says when its rules begin to hold.

    A rule over n steps holds where it does at every record that was measured from one step on, up to one at least n - 1
    later. It speaks once for each place, and again only after it has ceased to hold there.
    """

    def __init__(self, rules: Sequence[str], layout: GradientLayout, *, has_parameters: bool) -> None:
        """Reads rules, for a run.

        Raises:
            UsageError: One is no rule, or of what the run has not.
        """
        self.rules = [AlertRule.parsed(text) for text in rules]
        self._layout = layout
        self._counts = np.array(layout.element_counts, dtype=float).reshape(
            len(layout.layer_names), len(layout.tensor_names)
        )
        self._masks = [self._mask(rule, has_parameters=has_parameters) for rule in self.rules]
        self._since = [np.full(mask.shape, -1) for mask in self._masks]
        self._has_spoken = [np.zeros(mask.shape, dtype=bool) for mask in self._masks]

    def look(self, step: int, loss: float, gradient_l2: float, sums: Mapping[str, ArrayLike]) -> list[str]:
        """What begins to be the case at the next step, a sentence a rule.

        Args:
            step: The step.
            loss: Its loss.
            gradient_l2: The norm of its whole gradient.
            sums: The step's row, by variable.
        """
        found = []
        for index, rule in enumerate(self.rules):
            if rule.quantity in _OF_RUNS:
                value = loss if rule.quantity == "loss" else gradient_l2
                # What is not a number is beyond every bound.
                values = np.array([[np.inf if np.isnan(value) else value]])
            else:
                values = self._statistic(rule.quantity, sums)
            if (spoken := self._begun(index, step, values)) is not None:
                found.append(self._sentence(rule, step, values, spoken, self._since[index]))
        return found

    def _begun(self, index: int, step: int, values: NDArray[np.float64]) -> NDArray[np.bool_] | None:
        rule, since, has_spoken = self.rules[index], self._since[index], self._has_spoken[index]
        is_known = self._masks[index] & ~np.isnan(values)
        with np.errstate(invalid="ignore"):
            holds = is_known & (values > rule.bound if rule.is_above else values < rule.bound)
        ceased = is_known & ~holds
        since[ceased], has_spoken[ceased] = -1, False
        since[holds & (since < 0)] = step
        spoken: NDArray[np.bool_] = holds & ~has_spoken & (step - since + 1 >= rule.steps)
        has_spoken |= spoken
        return spoken if spoken.any() else None

    def _sentence(
        self,
        rule: AlertRule,
        step: int,
        values: NDArray[np.float64],
        spoken: NDArray[np.bool_],
        since: NDArray[np.int_],
    ) -> str:
        own = np.where(spoken, values, -np.inf if rule.is_above else np.inf)
        layer, tensor = np.unravel_index(own.argmax() if rule.is_above else own.argmin(), own.shape)
        place = "" if rule.quantity in _OF_RUNS else f"{self._layout.tensor_names[tensor]} in layer {layer}, "
        begin = f", since step {since[layer, tensor]}" if since[layer, tensor] < step else ""
        others = f", and {spoken.sum() - 1} more" if spoken.sum() > 1 else ""
        return f"{rule}: {place}{own[layer, tensor]:.4g} at step {step}{begin}{others}"

    def _statistic(self, quantity: str, sums: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        def read(name: str) -> NDArray[np.float64]:
            return np.asarray(sums[name], dtype=float)

        with np.errstate(divide="ignore", invalid="ignore"):
            made: dict[str, Callable[[], NDArray[np.float64]]] = {
                "l1": lambda: read("gradient_l1"),
                "mean": lambda: read("gradient_l1") / self._counts,
                "l2": lambda: np.sqrt(read("gradient_sum_squares")),
                "rms": lambda: np.sqrt(read("gradient_sum_squares") / self._counts),
                "weight-rms": lambda: np.sqrt(read("weight_sum_squares") / self._counts),
                "update-rms": lambda: np.sqrt(read("update_sum_squares") / self._counts),
                "update/weight": lambda: np.sqrt(read("update_sum_squares") / read("weight_sum_squares")),
            }
            found = made[quantity]()
        return np.where(np.isinf(found) & (quantity == "update/weight"), np.nan, found)

    def _mask(self, rule: AlertRule, *, has_parameters: bool) -> NDArray[np.bool_]:
        """Where in the grid of layers and tensors a rule looks."""
        if rule.quantity in _OF_RUNS:
            return np.ones((1, 1), dtype=bool)
        if rule.quantity in _OF_PARAMETERS and not has_parameters:
            raise UsageError(f"alerts: '{rule}': the run does not record weights and updates (weights_every)")
        layers, names = self._counts.shape[0], self._layout.tensor_names
        if rule.layer is not None and rule.layer >= layers:
            raise UsageError(f"alerts: '{rule}': the run has layers 0 to {layers - 1}")
        if rule.operation is not None and rule.operation not in names:
            raise UsageError(f"alerts: '{rule}': the run has no {rule.operation}; it has {', '.join(names)}")
        least = self._counts.max() // 16 if rule.operation is None else 0
        mask = (self._counts > 0) & (self._counts >= least)
        mask &= ~np.array(self._layout.is_zero_by_construction).reshape(mask.shape)
        if rule.operation is not None:
            mask &= np.array([name == rule.operation for name in names])
        if rule.layer is not None:
            mask &= (np.arange(layers) == rule.layer)[:, None]
        return mask


def _place(words: Sequence[str], text: str) -> tuple[str | None, int | None]:
    operation: str | None = None
    layer: int | None = None
    rest = list(words)
    while rest:
        preposition, *rest = rest
        if preposition in ("of", "in") and rest[:2] == ["any", "layer"]:
            rest = rest[2:]
        elif preposition in ("of", "in") and rest[:1] == ["layer"]:
            if len(rest) < 2 or not rest[1].isdecimal() or layer is not None:
                raise UsageError(f"alerts: {text!r}: a layer is a number from 0 on, as in 'in layer 3'")
            layer, rest = int(rest[1]), rest[2:]
        elif preposition == "of" and rest and operation is None:
            operation, rest = rest[0], rest[1:]
        else:
            raise UsageError(f"alerts: {text!r}: {preposition!r} is not understood: {_EXAMPLE}")
    return operation, layer


def _bound(words: Sequence[str], text: str) -> tuple[float, int]:
    try:
        bound = float(words[0])
    except (IndexError, ValueError):
        bound = np.nan
    if not np.isfinite(bound):
        raise UsageError(f"alerts: {text!r} compares with no number")
    if len(words) == 1:
        return bound, 1
    is_right = len(words) == 4 and words[1] == "for" and words[3] in ("step", "steps") and words[2].isdecimal()
    if not is_right or int(words[2]) < 1:
        raise UsageError(f"alerts: {text!r} ends otherwise than 'for 20 steps'")
    return bound, int(words[2])
