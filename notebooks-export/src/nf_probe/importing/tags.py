"""Which logged tags are gradient norms of which parameter, and which norms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError

Norm = Literal["l1", "l2", "max"]
_NORMS: dict[str, Norm] = {
    "1": "l1", "1.0": "l1", "l1": "l1", "2": "l2", "2.0": "l2", "l2": "l2", "inf": "max", "linf": "max", "max": "max"
}  # fmt: skip
_PREFIX = r"(?:.*/)?"
_GRADIENT = r"(?:grad|grads|gradient|gradients)"
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Lightning's grad_norm() and, before version 2, track_grad_norm: grad_2.0_norm/NAME, grad_2.0_norm_NAME.
        rf"{_PREFIX}{_GRADIENT}_(?P<norm>[0-9.]+|inf)_norm[/_](?P<name>.+)",
        # grad_l2/NAME, grad_norm_l2/NAME, gradients/l1_norm/NAME.
        rf"{_PREFIX}{_GRADIENT}[_/-](?:norms?[_/-])?(?P<norm>l1|l2|linf|max)(?:[_-]norms?)?/(?P<name>.+)",
        # gradients/NAME, grad_norm/NAME.
        rf"{_PREFIX}{_GRADIENT}(?:[_-]?norms?)?/(?P<name>.+)",
        # NAME/grad_norm, NAME.grad_l2_norm.
        rf"(?P<name>.*\..*|.*/(?:weight|bias))[./]{_GRADIENT}[_./-](?:(?P<norm>l1|l2|linf|max)(?:[_-]norms?)?|norms?)",
    )
]
_STAGE = re.compile(r"_step$")
_WHOLE = re.compile(r"(?:total|total[_-]norm|global|global[_-]norm|norm|all)(?:_step)?", re.IGNORECASE)


@dataclass(frozen=True)
class GradientTag:
    """A tag that holds a norm of one parameter's gradient."""

    tag: str
    parameter: str
    """The parameter's name, with dots."""
    norm: Norm


def find_gradient_tags(tags: Iterable[str], *, norm: Norm | None, pattern: str | None = None) -> list[GradientTag]:
    """The tags that are gradient norms of parameters.

    Args:
        tags: All tags of a log.
        norm: Which norm those are whose tags do not say it.
        pattern: A regular expression of whole tags with a group `name`, and perhaps `norm`, instead of the usual forms.

    Raises:
        UsageError: Tags do not say which norm they are, nor does `norm`; or they say another one, or one that a run
            file does not hold; or two tags are the same norm of the same parameter.
    """
    patterns = [_own_pattern(pattern)] if pattern is not None else _PATTERNS
    found: dict[tuple[str, Norm], GradientTag] = {}
    unstated = []
    for tag in tags:
        match = _match(tag, patterns)
        # An epoch's mean beside the steps' own numbers is Lightning's.
        if match is None or _WHOLE.fullmatch(match["name"]) or tag.endswith("_epoch"):
            continue
        stated = _stated_norm(tag, match)
        if stated is None and norm is None:
            unstated.append(tag)
            continue
        if stated is not None and norm is not None and stated != norm:
            raise UsageError(f"the tag '{tag}' says {stated}, and --norm says {norm}; leave --norm out")
        kind: Norm = stated or norm or "l2"
        # Names of parameters have no slashes; some scripts log dots as such.
        parameter = _STAGE.sub("", match["name"]).replace("/", ".")
        if (parameter, kind) in found:
            other = found[parameter, kind].tag
            raise UsageError(f"'{other}' and '{tag}' are both {kind} norms of {parameter}; choose with --tag")
        found[parameter, kind] = GradientTag(tag, parameter, kind)
    if unstated:
        raise UsageError(
            f"'{unstated[0]}' and {len(unstated) - 1} more tags do not say which norm: say --norm l1|l2|max"
        )
    return list(found.values())


def whole_gradient_tag(tags: Iterable[str]) -> str | None:
    """The tag of the whole gradient's L2 norm, as Lightning, Hugging Face and fairseq name it."""
    known = ("grad_2.0_norm_total", "grad_2.0_norm/total", "train/grad_norm", "grad_norm", "gnorm", "train_inner/gnorm")
    return first_of(known, tags)


def first_of(wanted: Sequence[str], tags: Iterable[str]) -> str | None:
    """The first of some names that is among the tags, whatever its case; also with Lightning's `_step`."""
    by_lower = {tag.lower(): tag for tag in tags}
    names = [variant for name in wanted for variant in (name, f"{name}_step")]
    return next((by_lower[name] for name in names if name in by_lower), None)


LOSS_TAGS = (
    "train/loss", "train_loss", "training_loss", "training/loss", "loss/train", "loss", "train/train_loss",
    "train_inner/loss", "train/lm_loss", "lm loss",
)  # fmt: skip
LEARNING_RATE_TAGS = (
    "train/learning_rate", "learning_rate", "train/lr", "lr", "lr-adamw", "lr-adam", "lr-sgd", "lr-adamw/pg1",
    "lr-adam/pg1", "learning-rate", "train_inner/lr", "optim/lr",
)  # fmt: skip
VALIDATION_TAGS = (
    "eval/loss", "eval_loss", "val/loss", "val_loss", "valid/loss", "valid_loss", "validation/loss", "validation_loss",
    "loss/val", "loss/validation", "loss/eval", "loss/test",
)  # fmt: skip


def _match(tag: str, patterns: list[re.Pattern[str]]) -> re.Match[str] | None:
    return next((found for pattern in patterns if (found := pattern.fullmatch(tag))), None)


def _stated_norm(tag: str, match: re.Match[str]) -> Norm | None:
    text = match.groupdict().get("norm")
    if text is None:
        return None
    if text.lower() not in _NORMS:
        raise UsageError(f"'{tag}' is the norm of order {text}; a run file holds those of order 1, 2 and inf")
    return _NORMS[text.lower()]


def _own_pattern(pattern: str) -> re.Pattern[str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--tag '{pattern}' is no regular expression: {error}") from None
    if "name" not in expression.groupindex:
        raise UsageError(f"--tag '{pattern}' needs the group (?P<name>.+), the parameter's name")
    return expression
