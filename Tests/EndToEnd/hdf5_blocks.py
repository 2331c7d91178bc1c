"""The metadata blocks of an HDF5 file that carry a checksum, so that a test can change what is behind it.

Layouts: HDF5 File Format Specification 3.0, II.A (superblock), III.C (extensible array), IV.A.1.b (object headers).
"""

import dataclasses
import re
import struct

MASK = 0xFFFFFFFF


def lookup3(data: bytes) -> int:
    """Bob Jenkins' hash `hashlittle` with a start of 0: the checksum of HDF5's metadata."""

    def rotate(value, bits):
        return (value << bits | value >> 32 - bits) & MASK

    a = b = c = 0xDEADBEEF + len(data) & MASK
    padded = data + bytes(-len(data) % 12 if data else 0)
    words = struct.unpack(f"<{len(padded) // 4}I", padded)
    last = len(words) - 3
    for place in range(0, last, 3):
        a, b, c = a + words[place] & MASK, b + words[place + 1] & MASK, c + words[place + 2] & MASK
        a = (a - c & MASK) ^ rotate(c, 4)
        c = c + b & MASK
        b = (b - a & MASK) ^ rotate(a, 6)
        a = a + c & MASK
        c = (c - b & MASK) ^ rotate(b, 8)
        b = b + a & MASK
        a = (a - c & MASK) ^ rotate(c, 16)
        c = c + b & MASK
        b = (b - a & MASK) ^ rotate(a, 19)
        a = a + c & MASK
        c = (c - b & MASK) ^ rotate(b, 4)
        b = b + a & MASK
    if not words:
        return c
    a, b, c = a + words[last] & MASK, b + words[last + 1] & MASK, c + words[last + 2] & MASK
    c = (c ^ b) - rotate(b, 14) & MASK
    a = (a ^ c) - rotate(c, 11) & MASK
    b = (b ^ a) - rotate(a, 25) & MASK
    c = (c ^ b) - rotate(b, 16) & MASK
    a = (a ^ c) - rotate(c, 4) & MASK
    b = (b ^ a) - rotate(a, 14) & MASK
    return (c ^ b) - rotate(b, 24) & MASK


@dataclasses.dataclass
class Block:
    kind: str
    start: int
    # The checksum lies here, and covers everything from the start.
    end: int


def _header_length(data: bytes, start: int) -> int:
    """Bytes of the first piece of an object header before its checksum."""
    flags = data[start + 5]
    place = start + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    return place + width + int.from_bytes(data[place : place + width], "little") - start


def blocks(data: bytes) -> list[Block]:
    """The blocks whose checksum is right."""
    found = [Block("superblock", 0, 44)]
    lengths = {b"EAHD": 68}
    for match in re.finditer(rb"OHDR|EAHD|EAIB|EADB|OCHK|FRHP|BTHD", data):
        start, kind = match.start(), match[0]
        if kind == b"OHDR":
            candidates = [_header_length(data, start)]
        else:
            candidates = [lengths[kind]] if kind in lengths else range(18, 700)
        for length in candidates:
            end = start + length
            if data[end : end + 4] == struct.pack("<I", lookup3(data[start:end])):
                if kind != b"OCHK":  # These differ in length.
                    lengths.setdefault(kind, length)
                found.append(Block(kind.decode(), start, end))
                break
    return found


def seal(data: bytearray, block: Block):
    """Makes a block's checksum right again."""
    struct.pack_into("<I", data, block.end, lookup3(bytes(data[block.start : block.end])))


def crashing(data: bytes) -> bytes:
    """The file with one byte changed, on which libraries up to now end in a segmentation fault.

    The index of the names says that it is of kind 0, which the library knows from its own tests alone (III.A.2), and takes for
    granted that it has what those tests hand over.
    """
    changed = bytearray(data)
    index = next(block for block in blocks(data) if block.kind == "BTHD")
    changed[index.start + 5] = 0
    seal(changed, index)
    return bytes(changed)
