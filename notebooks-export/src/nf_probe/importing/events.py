"""Reads the scalars of TensorBoard event files: TFRecord framing, and the few protobuf fields that scalars need.

Formats: tensorflow/core/lib/io/record_writer.h (framing and masked CRC-32C), tensorflow/core/util/event.proto,
framework/summary.proto and framework/tensor.proto (field numbers), protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from ..errors import NFProbeError

_FLOAT, _DOUBLE = 1, 2
_TENSOR_FORMATS = {_FLOAT: "<f", _DOUBLE: "<d"}


class EventFileError(NFProbeError):
    """A file is no event file, or is damaged."""


@dataclass(frozen=True)
class Scalar:
    """One logged number."""

    step: int
    tag: str
    value: float
    wall_time: float
    """Seconds since 1970."""


def read_scalars(path: Path, notes: list[str]) -> Iterator[Scalar]:
    """The scalars of one event file, in the file's order.

    A file whose last record is not complete, as a killed training leaves it, is read up to there.

    Args:
        path: The event file.
        notes: What a person should know of the file is added here.

    Raises:
        EventFileError: The file is no event file, or a checksum is wrong.
    """
    with path.open("rb") as file:
        for record in _records(file, path, notes):
            try:
                yield from _scalars(record)
            except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
                raise EventFileError(f"{path} holds a record that is no event of TensorBoard ({error})") from None


def is_event_file(path: Path) -> bool:
    """Whether a file begins with a TFRecord, whatever its name."""
    with path.open("rb") as file:
        head = file.read(12)
    return len(head) == 12 and _masked_crc(head[:8]) == int.from_bytes(head[8:], "little")


def _records(file: BinaryIO, path: Path, notes: list[str]) -> Iterator[bytes]:
    """TFRecords: length (uint64), masked CRC of its bytes, data, masked CRC of the data."""
    position = count = 0
    while head := file.read(12):
        if len(head) == 12 and _masked_crc(head[:8]) != int.from_bytes(head[8:], "little"):
            what = "is no event file of TensorBoard" if position == 0 else f"is damaged at byte {position}"
            raise EventFileError(f"{path} {what}: the checksum of a record's length is wrong")
        length = int.from_bytes(head[:8], "little")
        body = file.read(length + 4) if len(head) == 12 else b""
        if len(head) < 12 or len(body) < length + 4:
            if count == 0:
                raise EventFileError(f"{path} holds no complete record: it was cut off, or is no event file")
            notes.append(f"{path} ends within a record, at byte {position}: read are the {count} records before it")
            return
        if _masked_crc(body[:length]) != int.from_bytes(body[length:], "little"):
            raise EventFileError(f"{path} is damaged: the checksum of the record at byte {position} is wrong")
        position += 16 + length
        count += 1
        yield body[:length]


def _masked_crc(data: bytes) -> int:
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _scalars(event: bytes) -> Iterator[Scalar]:
    wall_time, step, summaries = 0.0, 0, []
    for number, value in _fields(event):
        if number == 1 and isinstance(value, bytes):
            (wall_time,) = struct.unpack("<d", value)
        elif number == 2 and isinstance(value, int):
            step = value - (1 << 64) if value >= 1 << 63 else value
        elif number == 5 and isinstance(value, bytes):
            summaries.append(value)
    for summary in summaries:
        for number, value in _fields(summary):
            if number == 1 and isinstance(value, bytes) and (found := _tag_and_number(value)):
                yield Scalar(step, *found, wall_time)


def _tag_and_number(value: bytes) -> tuple[str, float] | None:
    """Of a `Summary.Value`; None for images, histograms and other things that are no number."""
    tag, number = "", None
    for field, content in _fields(value):
        if not isinstance(content, bytes):
            continue
        if field == 1:
            tag = content.decode("utf-8")
        elif field == 2:
            (number,) = struct.unpack("<f", content)
        elif field == 8:
            number = _tensor_number(content)
    return None if number is None else (tag, float(number))


def _tensor_number(tensor: bytes) -> float | None:
    """The number in a `TensorProto` of one float or double, as TensorFlow 2 logs scalars."""
    kind, data = 0, b""
    for field, content in _fields(tensor):
        if field == 1 and isinstance(content, int):
            kind = content
        elif field in (4, 5, 6) and isinstance(content, bytes):
            data += content
    number_format = _TENSOR_FORMATS.get(kind)
    if number_format is None or len(data) != struct.calcsize(number_format):
        return None
    return float(struct.unpack(number_format, data)[0])


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and content of each field of a protobuf message: a whole number for varints, else bytes."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        kind = key & 7
        if kind == 0:
            whole, position = _varint(message, position)
            yield key >> 3, whole
            continue
        if kind == 2:
            length, position = _varint(message, position)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if position + length > len(message):
            raise ValueError("a field reaches beyond its message")
        yield key >> 3, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a whole number without an end")
