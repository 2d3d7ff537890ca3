"""What the generated functions call. n: all bits of a message as one int, r: how many are still unread."""

from __future__ import annotations

from edge.v2x.uper.types import CodecError
from edge.v2x.uper.values import ALPHABETS

LONGEST = 16383 * 8
"""Bits. No message of a radio is longer; the bound keeps what a message costs in proportion to its length."""


def _ends(where: str) -> CodecError:
    return CodecError(where, "the data ends here")


def read_length(n: int, r: int, where: str) -> tuple[int, int]:
    """A length determinant, clause 11.9.3.5 to 7; not fragmented (16 K and more)."""
    r -= 8
    length = n >> r & 0xFF if r >= 0 else 0
    if length & 0x80:
        r -= 8
        length = n >> r & 0x3FFF if r >= 0 else 0
        if r >= 0 and n >> r & 0x4000:
            raise CodecError(where, "longer than 16383, which no message of a radio is")
    if r < 0:
        raise _ends(where)
    return length, r


def read_small(n: int, r: int, where: str) -> tuple[int, int]:
    """A normally small non-negative whole number, clause 11.6."""
    r -= 7
    if r < 0:
        raise _ends(where)
    if not n >> r & 0x40:
        return n >> r & 0x3F, r
    return read_integer(n, r + 6, 0, where)


def read_integer(n: int, r: int, low: int | None, where: str) -> tuple[int, int]:
    """An integer with a length, clauses 13.2.3 and 4: from `low` on; low None: two's complement."""
    octets, r = read_length(n, r, where)
    r -= 8 * octets
    if r < 0 or octets == 0:
        raise _ends(where)
    value = n >> r & (1 << 8 * octets) - 1
    return (value - (value >> 8 * octets - 1 << 8 * octets) if low is None else value + low), r


def read_open(n: int, r: int, where: str) -> tuple[int, int]:
    """The length of an open type: where it ends, and where it begins."""
    octets, r = read_length(n, r, where)
    if 8 * octets > r:
        raise _ends(where)
    return r - 8 * octets, r


def read_additions(n: int, r: int, where: str) -> tuple[int, int, int]:
    """How many extension additions there may be, their bitmap, and where they begin: clause 19.7 and 8."""
    r -= 7
    if r < 0:
        raise _ends(where)
    if n >> r & 0x40:
        count, r = read_length(n, r + 6, where)
    else:
        count = (n >> r & 0x3F) + 1
    r -= count
    if r < 0:
        raise _ends(where)
    return count, n >> r & (1 << count) - 1, r


def skip_open(n: int, r: int, count: int, where: str) -> int:
    """Pass over so many open types."""
    for _ in range(count):
        r, _ = read_open(n, r, where)
    return r


def skip_additions(n: int, r: int, where: str) -> int:
    """Pass over the extension additions of a SEQUENCE."""
    _, bitmap, r = read_additions(n, r, where)
    return skip_open(n, r, bitmap.bit_count(), where)


def read_text(packed: int, length: int, kind: str, where: str) -> str:
    """Characters as they are packed, clause 30.5."""
    if kind == "utf8":
        try:
            return packed.to_bytes(length, "big").decode()
        except UnicodeDecodeError:
            raise CodecError(where, "no text of Unicode") from None
    if kind == "numeric":
        numbers = [packed >> 4 * i & 15 for i in range(length - 1, -1, -1)]
        if max(numbers, default=0) > 10:
            raise CodecError(where, f"{max(numbers)} is no digit")
        return "".join([ALPHABETS[kind][number] for number in numbers])
    text = "".join([chr(packed >> 7 * i & 127) for i in range(length - 1, -1, -1)])
    if kind == "visible" and not all(" " <= c <= "~" for c in text):
        raise CodecError(where, "has characters that cannot be seen")
    return text


def misfit(left: int, where: str) -> CodecError:
    """A value that does not fill its open type: bits left, negative: too few."""
    if left < 0:
        return CodecError(where, "is longer than its length says")
    if left > 7:
        return CodecError(where, f"{left // 8} octets left over in an open type")
    return CodecError(where, "the padding of an open type is not zero")


def out_of_range(checks: tuple[tuple[int, int, str], ...]) -> CodecError:
    """For the first (value, highest, where) that is too high."""
    value, highest, where = next(c for c in checks if c[0] > c[1])
    return CodecError(where, f"{value - highest} above the highest value")


# ---------------------------------------------------------------- writing


def length_bits(length: int) -> tuple[int, int]:
    """A length determinant and how many bits it takes."""
    if length > 0x3FFF:
        raise ValueError(length)
    return (length, 8) if length < 0x80 else (length | 0x8000, 16)


def small_bits(number: int) -> tuple[int, int]:
    """A normally small number, clause 11.6, and how many bits it takes."""
    if number < 64:
        return number, 7
    bits, width = integer_bits(number, 0)
    return 1 << width | bits, width + 1


def integer_bits(value: int, low: int | None) -> tuple[int, int]:
    """An integer with its length, clauses 13.2.3 and 4, and how many bits both take."""
    if low is not None:
        value -= low
        if value < 0:
            raise ValueError(value)
        octets = max((value.bit_length() + 7) // 8, 1)
    else:
        octets = (value + (value < 0)).bit_length() // 8 + 1
        value &= (1 << 8 * octets) - 1
    bits, width = length_bits(octets)
    return bits << 8 * octets | value, width + 8 * octets


def text_bits(value: str, kind: str) -> tuple[int, int, int]:
    """Packed characters, how many units count for the length, and how many bits they take."""
    if kind == "utf8":
        data = value.encode()
        return int.from_bytes(data, "big"), len(data), 8 * len(data)
    alphabet, packed = ALPHABETS[kind], 0
    width, first = (4, 0) if kind == "numeric" else (7, ord(alphabet[0]))
    for character in value:
        packed = packed << width | alphabet.index(character) + first
    return packed, len(value), width * len(value)


def closed(n: int) -> tuple[int, int]:
    """The bits of a value, behind a 1, as an open type with its length, and how many they are."""
    r = n.bit_length() - 1
    octets = (r + 7) // 8 or 1
    bits, width = length_bits(octets)
    return bits << 8 * octets | (n ^ 1 << r) << 8 * octets - r, width + 8 * octets
