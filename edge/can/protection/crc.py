"""CRCs of many frames at once, and fields of frames as integers.

A CRC is linear: it is the XOR of what each byte contributes by its place, so each pair of bytes costs one
look-up in a table of 65536 entries and no look-up waits for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edge.can.dbc import Signal


def crc(data: bytes, width: int, polynomial: int, start: int = 0, final: int = 0) -> int:
    """The CRC of some bytes, most significant bit first; final is the last XOR."""
    register = start
    for byte in data:
        register ^= byte << width - 8
        for _ in range(8):
            register = register << 1 ^ (polynomial if register >> width - 1 else 0)
            register &= (1 << width) - 1
    return register ^ final


@dataclass(frozen=True)
class Field:
    """Bits of a frame: (bytes first to last as one number >> shift) & mask."""

    first: int
    last: int
    shift: int
    mask: int
    little_endian: bool = True

    @staticmethod
    def of(signal: Signal) -> Field:
        """Where the raw bits of a signal of at most 16 bits are."""
        begin, end = signal.span()
        first, last = begin // 8, (end - 1) // 8
        shift = begin % 8 if signal.little_endian else 8 * (last + 1) - end
        return Field(first, last, shift, (1 << signal.length) - 1, signal.little_endian)

    def one(self, data: bytes) -> int:
        """Of one frame; the data must be long enough."""
        if self.first == self.last:
            return data[self.first] >> self.shift & self.mask
        return self._number(data) >> self.shift & self.mask

    def many(self, data: np.ndarray) -> np.ndarray:
        """Of data uint8 (n, w): uint8 (n,), or uint32 where it takes several bytes."""
        if self.first == self.last:
            found = data[:, self.first]
            if self.shift:
                found = found >> self.shift
            return found if self.mask >> 8 - self.shift else found & self.mask
        number = np.zeros(len(data), np.uint32)
        for at in range(self.first, self.last + 1):
            place = at - self.first if self.little_endian else self.last - at
            number |= data[:, at].astype(np.uint32) << np.uint32(8 * place)
        return number >> np.uint32(self.shift) & np.uint32(self.mask)

    def put(self, data: bytes, value: int) -> bytes:
        """The data with this value in these bits."""
        number = self._number(data) & ~(self.mask << self.shift) | value << self.shift
        changed = number.to_bytes(self.last + 1 - self.first, "little" if self.little_endian else "big")
        return data[: self.first] + changed + data[self.last + 1 :]

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data[self.first : self.last + 1], "little" if self.little_endian else "big")


class FrameCrc:
    """A CRC over some bytes of a frame, before and after which constant bytes may stand.

    covered: positions of the frame's bytes, in the order of the CRC. constants[c]: the CRC if these bytes
    were zero; where there are several, `chooser` picks one in each frame. trailing: how many constant bytes
    follow the frame's.
    """

    def __init__(
        self,
        width: int,
        polynomial: int,
        covered: Sequence[int],
        trailing: int,
        constants: Sequence[int],
        chooser: Field | None = None,
    ) -> None:
        after = {at: len(covered) - 1 - i + trailing for i, at in enumerate(covered)}
        self._kind = (width, polynomial)
        self._after = after
        self._one = [(at, _byte_table(width, polynomial, after[at]).tolist()) for at in covered]
        self._pairs: list[tuple[int, np.ndarray]] | None = None
        self._constants = np.array(constants, np.uint8 if width == 8 else np.uint16)
        self._constant = list(constants)
        self._chooser = chooser if len(set(constants)) > 1 else None

    def one(self, data: bytes) -> int:
        """Of one frame; the data must hold all covered bytes."""
        value: int = self._constant[self._chooser.one(data) if self._chooser else 0]
        for at, table in self._one:
            value ^= table[data[at]]
        return value

    def many(self, data: np.ndarray) -> np.ndarray:
        """Of data uint8 (n, w), w even: uint8 or uint16 (n,)."""
        if self._pairs is None:  # whoever sees one frame at a time needs none of these tables
            after = self._after
            self._pairs = [
                (pair, _pair_table(*self._kind, after.get(2 * pair), after.get(2 * pair + 1)))
                for pair in sorted({at // 2 for at in after})
            ]
        words = np.ascontiguousarray(data).view("<u2")
        if self._chooser:
            value = self._constants.take(self._chooser.many(data))
        else:
            value = np.full(len(data), self._constants[0])
        for pair, table in self._pairs:
            value ^= table.take(words[:, pair])
        return value


@lru_cache(maxsize=1024)
def _byte_table(width: int, polynomial: int, after: int) -> np.ndarray:
    """What each value of a byte contributes when `after` bytes follow it: (256,)."""
    single = [crc(bytes([1 << bit]) + bytes(after), width, polynomial) for bit in range(8)]
    table = np.zeros(1, np.uint8 if width == 8 else np.uint16)
    for value in single:
        table = np.concatenate([table, table ^ table.dtype.type(value)])
    return table


@lru_cache(maxsize=256)
def _pair_table(width: int, polynomial: int, after_low: int | None, after_high: int | None) -> np.ndarray:
    """What two bytes, read as a little-endian number, contribute: (65536,); None: that byte is left out."""
    low, high = (
        np.zeros(256, np.uint8 if width == 8 else np.uint16)
        if after is None
        else _byte_table(width, polynomial, after)
        for after in (after_low, after_high)
    )
    return np.bitwise_xor.outer(high, low).ravel()
