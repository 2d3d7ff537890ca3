"""Pictures in a recording: Foxglove's CompressedImage as protobuf, so that viewers show them as they are.

The wire format is that of https://protobuf.dev/programming-guides/encoding; the message is
`foxglove.CompressedImage`: timestamp = 1, data = 2, format = 3, frame_id = 4. Two message types do not need a
protobuf library.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

IMAGE_SCHEMA = "foxglove.CompressedImage"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class StoredPicture(NamedTuple):
    """One recorded picture: when it was received, when taken, its number at the camera, "jpeg" or "png"."""

    t_ns: int
    taken_ns: int
    frame_id: int
    format: str
    data: bytes


def encode_image(camera: str, taken_ns: int, image_format: str, data: bytes) -> bytes:
    """A CompressedImage; its frame_id is the camera's name, as viewers expect a coordinate frame there."""
    seconds, nanoseconds = divmod(taken_ns, 1_000_000_000)
    stamp = _number(1, seconds) + _number(2, nanoseconds)
    return b"".join(
        (
            _bytes(1, stamp),
            _bytes(3, image_format.encode()),
            _bytes(4, camera.encode()),
            _key(2, len(data)),
            data,
        )
    )


def decode_image(message: bytes) -> tuple[int, str, bytes]:
    """taken_ns, format and data of a CompressedImage. Raises ValueError if it is none."""
    taken_ns, image_format, data = 0, "", b""
    for number, value in _fields(message):
        if number == 1 and isinstance(value, bytes):
            stamp = dict(_fields(value))
            seconds, nanoseconds = stamp.get(1, 0), stamp.get(2, 0)
            if not isinstance(seconds, int) or not isinstance(nanoseconds, int):
                raise ValueError("not a CompressedImage")
            taken_ns = seconds * 1_000_000_000 + nanoseconds
        elif number == 2 and isinstance(value, bytes):
            data = value
        elif number == 3 and isinstance(value, bytes):
            image_format = value.decode()
    return taken_ns, image_format, data


def image_descriptor() -> bytes:
    """The FileDescriptorSet of CompressedImage and of the Timestamp in it (descriptor.proto)."""
    timestamp = _file(
        "google/protobuf/timestamp.proto",
        "google.protobuf",
        (),
        _message("Timestamp", (("seconds", 1, 3, ""), ("nanos", 2, 5, ""))),
    )
    image = _file(
        "foxglove/CompressedImage.proto",
        "foxglove",
        ("google/protobuf/timestamp.proto",),
        _message(
            "CompressedImage",
            (
                ("timestamp", 1, 11, ".google.protobuf.Timestamp"),
                ("frame_id", 4, 9, ""),
                ("data", 2, 12, ""),
                ("format", 3, 9, ""),
            ),
        ),
    )
    return _bytes(1, timestamp) + _bytes(1, image)


def _file(name: str, package: str, needs: tuple[str, ...], message: bytes) -> bytes:
    """FileDescriptorProto: name 1, package 2, dependency 3, message_type 4, syntax 12."""
    imports = b"".join(_bytes(3, need.encode()) for need in needs)
    return (
        _bytes(1, name.encode())
        + _bytes(2, package.encode())
        + imports
        + _bytes(4, message)
        + _bytes(12, b"proto3")
    )


def _message(name: str, fields: tuple[tuple[str, int, int, str], ...]) -> bytes:
    """DescriptorProto: name 1, field 2; field: name 1, number 3, label 4 (1 optional), type 5, its name 6."""
    encoded = _bytes(1, name.encode())
    for field, number, kind, kind_name in fields:
        one = _bytes(1, field.encode()) + _number(3, number) + _number(4, 1) + _number(5, kind)
        encoded += _bytes(2, one + (_bytes(6, kind_name.encode()) if kind_name else b""))
    return encoded


def _varint(value: int) -> bytes:
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _key(field: int, length: int) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(length)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, len(value)) + value


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("not a protobuf message: a number does not end")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _read_varint(message, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _read_varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"not a protobuf message: wire type {kind}")
        if at + length > len(message):
            raise ValueError("not a protobuf message: it is cut short")
        yield key >> 3, message[at : at + length]
        at += length
