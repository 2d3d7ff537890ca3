"""From a schema table to two straight-line Python functions, in Unaligned PER (ITU-T X.691).

Every run of fields of fixed width, however deeply nested, becomes one range check, one advance and a few
shifts of one big int. Presence bitmaps, extension bits and indexes are such fields too. What a newer version
of a standard has added is skipped by its length, as X.691 intends. Clauses are those of X.691 (02/2021).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge.v2x.uper.reader import Reader
from edge.v2x.uper.types import CodecError, Type, fault
from edge.v2x.uper.writer import Writer


class Codec:
    """The functions for one type.

    encode(value) -> bytes and decode(bytes) -> value raise CodecError and nothing else; decode refuses
    octets left over and padding that is not zero. source: what was generated, to read.
    """

    def __init__(self, name: str, kind: Type) -> None:
        self.name = name
        self.kind = kind
        writer, reader = Writer(), Reader()
        self.source = writer.function(kind, name) + "\n" + reader.function(kind, name)
        names: dict[str, Any] = {
            **writer.constants, **reader.constants,
            "CodecError": CodecError, "fault": fault, "KIND": kind,
            "read_length": _read_length, "read_small": _read_small, "read_integer": _read_integer,
            "skip_additions": _skip_additions, "out_of_range": _out_of_range, "length_bits": _length_bits,
        }  # fmt: skip
        exec(compile(self.source, f"<uper {name}>", "exec"), names)
        self.encode: Callable[[Any], bytes] = names["encode"]
        self.decode: Callable[[bytes], Any] = names["decode"]


# ---------------------------------------------------------------- what the generated functions call


def _read_length(n: int, r: int, where: str) -> tuple[int, int]:
    """A length determinant, clause 11.9.3.5 to 7; not fragmented (16 K and more)."""
    r -= 8
    length = n >> r & 0xFF if r >= 0 else 0
    if length & 0x80:
        r -= 8
        length = n >> r & 0x3FFF if r >= 0 else 0
        if r >= 0 and n >> r & 0x4000:
            raise CodecError(where, "longer than 16383, which no message of a radio is")
    if r < 0:
        raise CodecError(where, "the data ends here")
    return length, r


def _read_small(n: int, r: int, where: str) -> tuple[int, int]:
    """A normally small non-negative whole number, clause 11.6."""
    r -= 7
    if r < 0:
        raise CodecError(where, "the data ends here")
    if not n >> r & 0x40:
        return n >> r & 0x3F, r
    octets, r = _read_length(n, r + 6, where)
    r -= 8 * octets
    if r < 0:
        raise CodecError(where, "the data ends here")
    return n >> r & (1 << 8 * octets) - 1, r


def _read_integer(n: int, r: int, where: str) -> tuple[int, int]:
    """An integer outside its root range, clause 13.2.4: two's complement with a length."""
    octets, r = _read_length(n, r, where)
    r -= 8 * octets
    if r < 0 or octets == 0:
        raise CodecError(where, "the data ends here")
    value = n >> r & (1 << 8 * octets) - 1
    return value - (value >> 8 * octets - 1 << 8 * octets), r


def _skip_additions(n: int, r: int, where: str) -> int:
    """Pass over the extension additions of a SEQUENCE, clause 19.7 to 9."""
    count, r = _read_small(n, r, where)
    count += 1
    r -= count
    if r < 0:
        raise CodecError(where, "the data ends here")
    for _ in range((n >> r & (1 << count) - 1).bit_count()):
        octets, r = _read_length(n, r, where)
        r -= 8 * octets
        if r < 0:
            raise CodecError(where, "the data ends here")
    return r


def _out_of_range(checks: tuple[tuple[int, int, str], ...]) -> CodecError:
    value, span, where = next(c for c in checks if c[0] > c[1])
    return CodecError(where, f"{value - span} above the highest value")


def _length_bits(length: int) -> tuple[int, int]:
    """A length determinant and how many bits it takes."""
    if length > 0x3FFF:
        raise ValueError(length)
    return (length, 8) if length < 0x80 else (length | 0x8000, 16)
