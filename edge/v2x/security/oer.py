"""Canonical octet encoding rules, X.696: what IEEE 1609.2 is written in.

A reader is a function of (data, at) that gives (value, where it ended) and raises CodecError: a value that
ends beyond the data, and every encoding that is not the canonical one. Nothing here calls itself, so depth is
bounded by the types that are read; no length is believed before the octets are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from edge.v2x.uper import CodecError

T = TypeVar("T")

WHERE = "IEEE 1609.2"


def short(data: bytes, at: int, octets: int) -> CodecError:
    """The data end before what is announced."""
    return CodecError(WHERE, f"{octets} octets announced at {at}, {max(len(data) - at, 0)} there")


def octet(data: bytes, at: int) -> tuple[int, int]:
    """One octet."""
    if at >= len(data):
        raise short(data, at, 1)
    return data[at], at + 1


def fixed(data: bytes, at: int, octets: int) -> tuple[bytes, int]:
    """So many octets."""
    end = at + octets
    if end > len(data):
        raise short(data, at, octets)
    return data[at:end], end


def length(data: bytes, at: int) -> tuple[int, int]:
    """A length determinant, in its shortest form; what it announces is there (8.6)."""
    if at >= len(data):
        raise short(data, at, 1)
    size = data[at]
    at += 1
    if size >= 0x80:
        octets = size & 0x7F
        size = int.from_bytes(data[at : at + octets], "big")
        if not 1 <= octets <= 4 or at + octets > len(data) or size < 0x80 or size >> 8 * (octets - 1) == 0:
            raise CodecError(WHERE, f"length at {at - 1} is not in its shortest form")
        at += octets
    if at + size > len(data):
        raise short(data, at, size)
    return size, at


def octets(data: bytes, at: int) -> tuple[bytes, int]:
    """OCTET STRING of any size, and open types."""
    size, at = length(data, at)
    return data[at : at + size], at + size


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    """INTEGER (0..MAX) of up to 8 octets; also the count of a SEQUENCE OF (10.3, 17.2)."""
    size, at = length(data, at)
    if not 1 <= size <= 8 or (size > 1 and not data[at]):
        raise CodecError(WHERE, f"integer at {at} is not in its shortest form")
    return int.from_bytes(data[at : at + size], "big"), at + size


def signed(data: bytes, at: int) -> tuple[int, int]:
    """INTEGER without bounds, of up to 8 octets (10.4)."""
    size, at = length(data, at)
    value = int.from_bytes(data[at : at + size], "big", signed=True)
    if not 1 <= size <= 8 or (size > 1 and -1 << 8 * size - 9 <= value < 1 << 8 * size - 9):
        raise CodecError(WHERE, f"integer at {at} is not in its shortest form")
    return value, at + size


def sequence_of(
    data: bytes, at: int, element: Callable[[bytes, int], tuple[T, int]], most: int
) -> tuple[list[T], int]:
    """SEQUENCE OF; more than `most` elements are refused as "unsupported"."""
    count, at = unsigned(data, at)
    if count > most:
        raise CodecError(WHERE, f"{count} elements at {at}, more than {most} are not read", "unsupported")
    elements = []
    for _ in range(count):
        value, at = element(data, at)
        elements.append(value)
    return elements, at


def additions(data: bytes, at: int) -> tuple[list[bytes | None], int]:
    """Extension additions, behind the last root component of a SEQUENCE: open types or None (16.4)."""
    bits, at = octets(data, at)
    if len(bits) < 2 or bits[0] > 7 or bits[-1] & (1 << bits[0]) - 1 or len(bits) > 9:
        raise CodecError(WHERE, f"presence bitmap of extensions at {at}")
    count = 8 * (len(bits) - 1) - bits[0]
    present = int.from_bytes(bits[1:], "big") >> bits[0]
    if not present:
        raise CodecError(WHERE, f"extension announced and none there at {at}")
    found: list[bytes | None] = []
    for index in range(count - 1, -1, -1):
        value = None
        if present >> index & 1:
            value, at = octets(data, at)
        found.append(value)
    return found, at


def write_length(size: int) -> bytes:
    """A length determinant."""
    if size < 0x80:
        return bytes((size,))
    width = (size.bit_length() + 7) // 8
    return bytes((0x80 | width,)) + size.to_bytes(width, "big")


def write_octets(value: bytes) -> bytes:
    """OCTET STRING of any size, and open types."""
    return write_length(len(value)) + value


def write_unsigned(value: int) -> bytes:
    """INTEGER (0..MAX)."""
    return write_octets(value.to_bytes(max((value.bit_length() + 7) // 8, 1), "big"))


def write_signed(value: int) -> bytes:
    """INTEGER without bounds."""
    return write_octets(value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True))


def write_sequence_of(elements: Sequence[bytes]) -> bytes:
    """SEQUENCE OF what is encoded already."""
    return write_unsigned(len(elements)) + b"".join(elements)


def write_additions(values: Sequence[bytes | None]) -> bytes:
    """Extension additions, encoded already, None where absent."""
    bits = 0
    for value in values:
        bits = bits << 1 | (value is not None)
    unused = -len(values) % 8
    bitmap = bytes((unused,)) + (bits << unused).to_bytes((len(values) + unused) // 8, "big")
    return write_octets(bitmap) + b"".join(write_octets(value) for value in values if value is not None)
