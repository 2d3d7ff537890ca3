"""Where the bits of a signal lie and in what numbers it is scaled.

The arithmetic is cantools': raw * scale + offset in Python's numbers, so exact where both are whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.can.dbc import Signal

_HUGE = 1e280  # from here on products may leave the floats: whole numbers are taken as floats, too
_LONGEST = 64  # bytes of a frame; messages that a transport carries have signals beyond
_EXACT = 1 << 53  # whole numbers up to here are exact in a float


@dataclass(frozen=True)
class Field:
    """A signal as bits of the 64-bit word that begins at byte `byte` (big-endian if `big`): the raw value is
    word << left >> right.

    wide: it takes part of a ninth byte, too, and begins `left` bits into the word. end: how many bytes the
    frame must have. limit: the greatest raw value that means a value, None where all do. scale, offset: for
    arithmetic in floats. arithmetic: in what numbers numpy gets the same as Python, "float", "int" (64 bits)
    or "python".
    """

    signal: Signal
    byte: int
    big: bool
    left: int
    right: int
    wide: bool
    end: int
    limit: int | None
    scale: float
    offset: float
    arithmetic: str

    @property
    def is_scaled_in_floats(self) -> bool:
        """An integer in one word, and floats scale it as Python does."""
        return not self.signal.is_float and not self.wide and self.arithmetic == "float"

    @property
    def is_plain(self) -> bool:
        """That, in an aligned word, not beyond the integers of 64 bits with a sign, and never infinite."""
        return (
            self.is_scaled_in_floats
            and max(abs(self.scale), abs(self.offset)) < _HUGE
            and self.byte % 8 == 0
            and (self.signal.signed or self.signal.length < 64)
        )


def prefers_big(signals: Sequence[Signal]) -> bool:
    """The byte order of most: what fits in one byte can be read in either."""
    orders = [signal.little_endian for signal in signals if not _in_one_byte(signal)]
    return orders.count(False) > orders.count(True)


def _in_one_byte(signal: Signal) -> bool:
    first, end = signal.span()
    return first // 8 == (end - 1) // 8


def field_of(signal: Signal, prefer_big: bool | None = None, j1939: bool = False) -> Field:
    """Of a signal. prefer_big: read it so if it fits in one byte; None: as the file says."""
    first, end = signal.span()
    if end > 8 * _LONGEST:
        first, end = 0, signal.length  # no frame is long enough; what is read instead is never used
    big = not signal.little_endian
    if prefer_big not in (None, big) and _in_one_byte(signal):
        byte = first // 8 * 8
        first, end, big = 2 * byte + 8 - end, 2 * byte + 8 - first, not big
    byte = first // 64 * 8 if first // 64 == (end - 1) // 64 else first // 8
    offset, length = first - byte * 8, signal.length
    wide = offset + length > 64
    left = offset if big or wide else 64 - offset - length
    return Field(
        signal=signal,
        byte=byte,
        big=big,
        left=left,
        right=64 - length,
        wide=wide,
        end=min(signal.bytes_needed(), _LONGEST + 1),
        limit=j1939_limit(signal) if j1939 else None,
        scale=float(signal.scale),
        offset=_float_offset(signal),
        arithmetic=_arithmetic(signal),
    )


def j1939_limit(signal: Signal) -> int | None:
    """The greatest raw value that is a value: SAE J1939-71 (5.1.4) keeps the top for "error" (FE.., 10 of two
    bits) and "not available" (FF.., 11). None: all are; of floats, numbers with a sign and what is longer
    than 32 bits (text, bit fields) nothing is kept."""
    if signal.is_float or signal.signed or not 2 <= signal.length <= 32:
        return None
    kept = 2 << max(signal.length - 8, 0)
    return (1 << signal.length) - kept - 1


def _float_offset(signal: Signal) -> float:
    whole_numbers = not signal.is_float and is_whole(signal.scale) and is_whole(signal.offset)
    return float(int(signal.offset)) if whole_numbers else float(signal.offset)  # no -0 among integers


def _arithmetic(signal: Signal) -> str:
    scale, offset = signal.scale, signal.offset
    if signal.is_float or (scale == 1 and offset == 0):
        return "float"
    products = [raw * whole(scale) for raw in signal.raw_range()] if is_whole(scale) else []
    if is_whole(scale) and is_whole(offset):
        numbers = [*products, *(product + whole(offset) for product in products), whole(offset), whole(scale)]
    elif isinstance(scale, int):
        numbers = [*products, scale]
    else:
        return "float"
    if max(map(abs, numbers)) <= _EXACT:
        return "float"
    return "int" if max(map(abs, (*numbers, *signal.raw_range()))) < 1 << 63 else "python"


def is_whole(number: float | int) -> bool:
    """A whole number, also as a float."""
    return isinstance(number, int) or (abs(number) < _HUGE and number.is_integer())


def whole(number: float | int) -> int:
    """It, as an int."""
    return int(number)
