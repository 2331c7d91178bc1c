"""The choice of parameters to record, by patterns of their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from ..errors import UsageError
from ..names.places import bare_name
from .layout import Layout, Part

NOT_KEPT = -1
"""The cell of parts that are measured for the norm of the whole gradient alone."""


@dataclass(frozen=True)
class Choice:
    """What is recorded: names that some of `include` match and none of `exclude`."""

    include: tuple[str, ...] = ()
    """Patterns, in which `*` stands for any characters and `?` for one; none for everything."""
    exclude: tuple[str, ...] = ()

    @classmethod
    def of(cls, include: str | Sequence[str] | None, exclude: str | Sequence[str] | None) -> Choice:
        """The choice of one pattern or several."""
        return cls(*((p,) if isinstance(p, str) else tuple(p or ()) for p in (include, exclude)))

    def names(self, parameters: Iterable[str]) -> set[str]:
        """The chosen ones of some parameters, whose names may have those of wrappers in them.

        Raises:
            UsageError: A pattern matches nothing.
        """
        bare = {name: bare_name(name) for name in parameters}
        for pattern in self.include + self.exclude:
            if not any(fnmatchcase(name, pattern) for name in bare.values()):
                sample = ", ".join(list(bare.values())[:4])
                raise UsageError(f"no parameter has a name like '{pattern}' (the first are {sample}); '*' is any text")
        return {
            original for original, name in bare.items()
            if (not self.include or any(fnmatchcase(name, pattern) for pattern in self.include))
            and not any(fnmatchcase(name, pattern) for pattern in self.exclude)
        }  # fmt: skip

    def settings(self, left_out: Sequence[Part]) -> dict[str, object]:
        """What the run's configuration says of it; nothing where all is recorded."""
        if not self.include and not self.exclude:
            return {}
        names = Counter(re.sub(r"(?<![^.])\d+(?![^.])", "*", bare_name(part.parameter)) for part in left_out)
        listed = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in names.items())
        elements = sum(part.element_count for part in left_out)
        patterns = {"include": list(self.include), "exclude": list(self.exclude)}
        return {
            **{name: values for name, values in patterns.items() if values},
            "left-out": f"{elements} elements: {listed}" if left_out else "nothing",
        }


def restricted(layout: Layout, recorded: Container[str]) -> tuple[Layout, list[Part]]:
    """The columns of some parameters alone, and the parts of the others. Layers keep their numbers.

    Raises:
        UsageError: Nothing is left inside the layers.
    """
    kept = [part for part in layout.parts if part.parameter in recorded]
    left_out = [replace(part, cell=NOT_KEPT) for part in layout.parts if part.parameter not in recorded]
    if not left_out:
        return layout, []
    gradients, size = layout.gradients, layout.grid_size
    width = len(gradients.tensor_names)
    columns = sorted({part.cell % width for part in kept if part.cell < size})
    if not columns:
        raise UsageError("include and exclude leave nothing to record inside the model's layers")
    stem = sorted({part.cell for part in kept if part.cell >= size})
    cells = [layer * width + column for layer in range(len(gradients.layer_names)) for column in columns]
    places = {cell: place for place, cell in enumerate(cells + stem)}
    counts: Counter[int] = Counter()
    for part in kept:
        counts[part.cell] += part.element_count
    chosen = replace(
        gradients, tensor_names=tuple(gradients.tensor_names[column] for column in columns),
        stem_tensor_names=tuple(gradients.stem_tensor_names[cell - size] for cell in stem),
        element_counts=tuple(counts[cell] for cell in cells), stem_element_counts=tuple(counts[cell] for cell in stem),
        is_zero_by_construction=tuple(gradients.is_zero_by_construction[cell] for cell in cells),
        stem_is_zero_by_construction=tuple(gradients.stem_is_zero_by_construction[cell - size] for cell in stem),
    )  # fmt: skip
    parts = tuple(replace(part, cell=places[part.cell]) for part in kept)
    return replace(layout, gradients=chosen, parts=parts), left_out
