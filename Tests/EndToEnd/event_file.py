"""Reads TensorBoard's event files without TensorBoard: TFRecord framing, CRC-32C and protocol buffers, from their
descriptions alone."""

import pathlib
import struct

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def masked_crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path: pathlib.Path):
    data = path.read_bytes()
    start = 0
    while start < len(data):
        (length, checksum) = struct.unpack_from("<QI", data, start)
        assert checksum == masked_crc32c(data[start : start + 8])
        content = data[start + 12 : start + 12 + length]
        assert len(content) == length, "the last record is cut off"
        assert struct.unpack_from("<I", data, start + 12 + length) == (masked_crc32c(content),)
        yield content
        start += length + 16


def varint(data: bytes, start: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[start]
        value |= (byte & 0x7F) << shift
        start, shift = start + 1, shift + 7
        if byte < 0x80:
            return value, start


def fields(message: bytes):
    """(number, value) of each field; a delimited value is bytes, a fixed one its bytes, too."""
    start = 0
    while start < len(message):
        key, start = varint(message, start)
        wire = key & 7
        if wire == 0:
            value, start = varint(message, start)
        else:
            length = {1: 8, 5: 4}.get(wire)
            if wire == 2:
                length, start = varint(message, start)
            value = message[start : start + length]
            assert len(value) == length
            start += length
        yield key >> 3, value


def events(path: pathlib.Path) -> list[dict]:
    """Events in file order: wall_time, step, and file_version or scalars by tag."""
    found = []
    for record in records(path):
        event = {"step": 0, "scalars": {}}
        for number, value in fields(record):
            if number == 1:
                (event["wall_time"],) = struct.unpack("<d", value)
            elif number == 2:
                event["step"] = value
            elif number == 3:
                event["file_version"] = value.decode()
            elif number == 5:
                for one, summary_value in fields(value):
                    assert one == 1
                    parts = dict(fields(summary_value))
                    assert set(parts) == {1, 2}
                    (event["scalars"][parts[1].decode()],) = struct.unpack("<f", parts[2])
            else:
                raise AssertionError(f"unknown field {number}")
        found.append(event)
    return found


def series(path: pathlib.Path) -> dict[str, dict[int, float]]:
    """Each tag's values by step; no value may come twice."""
    result: dict[str, dict[int, float]] = {}
    for event in events(path):
        for tag, value in event["scalars"].items():
            values = result.setdefault(tag, {})
            assert event["step"] not in values, (tag, event["step"])
            values[event["step"]] = value
    return result
