#!/usr/bin/env python3
"""Writes Sources/Charts/FontWidths.swift: how wide characters are in the widest font that a figure may be shown in.

A figure names its fonts and carries none, so a reader's machine takes what it has: Helvetica or Arial, Liberation Sans
(made to their measure) or, on most Linux machines, DejaVu Sans. Of each character the table has the larger of the last
two's advance widths.

Needs fonttools and the fonts' files, as Debian's fonts-dejavu-core and fonts-liberation install them:
    scripts/font-widths.py [FOLDER OF FONTS] >Sources/Charts/FontWidths.swift
"""

import math
import sys
from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

# Latin, Greek, Cyrillic, punctuation, raised and lowered digits, arrows, mathematics.
BLOCKS = [
    (0x20, 0x7E),
    (0xA0, 0x17F),
    (0x370, 0x3FF),
    (0x400, 0x45F),
    (0x2010, 0x2033),
    (0x2070, 0x209C),
    (0x2150, 0x215E),
    (0x2190, 0x2195),
    (0x2200, 0x2265),
    (0x2308, 0x230B),
    (0x27E8, 0x27E9),
]
FACES = {
    "regular": ["DejaVuSans.ttf", "LiberationSans-Regular.ttf"],
    "bold": ["DejaVuSans-Bold.ttf", "LiberationSans-Bold.ttf"],
}
# What a character is taken for that no font of the list has: one of another font, about as wide as high.
UNKNOWN = 1000


def widest(folder: Path, names: list[str]) -> list[list[int]]:
    """Advance widths in thousandths of the font size, rounded up, block by block."""
    fonts = []
    for name in names:
        font = TTFont(next(folder.rglob(name)))
        fonts.append((font.getBestCmap(), font["hmtx"], font["head"].unitsPerEm))

    def width(code: int) -> int:
        found = [math.ceil(metrics[glyphs[code]][0] * 1000 / em) for glyphs, metrics, em in fonts if code in glyphs]
        return max(found, default=UNKNOWN)

    return [[width(code) for code in range(first, last + 1)] for first, last in BLOCKS]


def array(name: str, blocks: list[list[int]]) -> str:
    lines = []
    for numbers in blocks:
        rows = [numbers[start : start + 20] for start in range(0, len(numbers), 20)]
        lines += ["    " + " ".join(f"{number}," for number in row) for row in rows]
    return f"  static let {name}: [UInt16] = [\n" + "\n".join(lines) + "\n  ]\n"


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/fonts")
    ranges = [f"0x{first:X}...0x{last:X}," for first, last in BLOCKS]
    blocks = "\n    ".join(" ".join(ranges[start : start + 5]) for start in range(0, len(ranges), 5))
    print("// Written by scripts/font-widths.py.\n")
    print("/// Advance widths of DejaVu Sans or Liberation Sans, whichever is wider, in thousandths of the font size.")
    print("enum FontWidths {")
    print("  /// The characters of the tables, one block after the other.")
    print(f"  static let blocks: [ClosedRange<UInt32>] = [\n    {blocks}\n  ]\n")
    print("  /// What any other character is taken for.")
    print(f"  static let unknown: UInt16 = {UNKNOWN}\n")
    print("\n".join(array(name, widest(folder, names)) for name, names in FACES.items()), end="")
    print("}")


if __name__ == "__main__":
    main()
