"""Counters and checksums as common makers use them.

The ways to compute them, and the constants, are those that opendbc (comma.ai, MIT) has found in cars; its own
code is the judge in the tests. None is published by a maker. MAKERS lists those that all messages of a DBC
file follow that have the signals CHECKSUM and COUNTER; the others are named for one message at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Any, Protocol

import numpy as np

from edge.can.protection.crc import Field, FrameCrc, crc


class Checksum(Protocol):
    """What the checksum of a frame should be, whatever stands in its place."""

    def one(self, data: bytes) -> int:
        """Of one frame."""

    def many(self, data: np.ndarray) -> np.ndarray:
        """Of data uint8 (n, w) -> unsigned (n,)."""


@dataclass(frozen=True)
class Place:
    """Which message, how long its frames are in bytes, and where in them the checksum is."""

    id: int
    extended: bool
    length: int
    checksum: Field

    def other_bytes(self) -> list[int]:
        """All positions but that of the checksum's byte."""
        return [at for at in range(self.length) if at != self.checksum.first]


class Sum:
    """A checksum without a polynomial: `add` takes the bytes of one frame, or the columns of many."""

    def __init__(self, add: Callable[[Any], Any], positions: Sequence[int], mask: int = 0xFF) -> None:
        self._add = add
        self._positions = positions
        self._slice = slice(positions.start, positions.stop) if isinstance(positions, range) else None
        self._mask = mask

    def one(self, data: bytes) -> int:
        """Of one frame."""
        if self._slice is not None:
            return self._add(data[self._slice]) & self._mask
        return self._add([data[at] for at in self._positions]) & self._mask

    def many(self, data: np.ndarray) -> np.ndarray:
        """Of data uint8 (n, w) -> uint8 (n,); uint8 wraps, as the sum does."""
        if not self._positions:
            return np.full(len(data), self._add([]) & self._mask, np.uint8)
        return self._add([data[:, at] for at in self._positions]) & np.uint8(self._mask)


def _crc8(
    polynomial: int,
    covered: Sequence[int],
    start: int = 0,
    final: int = 0,
    leading: bytes = b"",
) -> FrameCrc:
    constant = crc(leading + bytes(len(covered)), 8, polynomial, start, final)
    return FrameCrc(8, polynomial, covered, 0, [constant])


def _bytes(start: int, positions: Sequence[int]) -> Sum:
    return Sum(lambda values: sum(values, start & 0xFF), positions)


def _id_bytes(place: Place) -> int:
    return sum(place.id.to_bytes(4, "big"))


def _toyota(place: Place) -> Checksum:
    return _bytes(_id_bytes(place) + place.length, range(place.length - 1))


def _subaru(place: Place) -> Checksum:
    return _bytes(_id_bytes(place), range(1, place.length))


def _subaru_preglobal(place: Place) -> Checksum:
    return _bytes(0, place.other_bytes())


def _tesla(place: Place) -> Checksum:
    return _bytes(sum((place.id & 0xFFFF).to_bytes(2, "big")), place.other_bytes())


def _nibbles(value: Any) -> Any:
    return (value & 15) + (value >> 4)


def _honda(place: Place) -> Checksum:
    id_nibbles = sum(_nibbles(byte) for byte in place.id.to_bytes(4, "big"))
    start = (8 + 3 * (place.id > 0x7FF) - id_nibbles) & 0xFF

    def add(values: Any) -> Any:
        total = values[-1] >> 4
        for value in values[:-1]:
            total = total + _nibbles(value)
        return start - total

    return Sum(add, range(place.length), 15)


def _psa(place: Place) -> Checksum:
    start = {0x452: 0x4, 0x38D: 0x7, 0x42D: 0xC}.get(place.id, 0xB)
    return _other_nibbles(place, lambda nibbles: start - sum(nibbles))


def _nibble_sum(place: Place) -> Checksum:
    return _other_nibbles(place, sum)


def _nibble_xor(place: Place) -> Checksum:
    return _other_nibbles(place, lambda nibbles: reduce(xor, nibbles))


def _other_nibbles(place: Place, add: Callable[[list[Any]], Any]) -> Checksum:
    """Over all nibbles but the one that the checksum is."""

    def of(values: Any) -> Any:
        *others, own = values
        beside = own & 15 if place.checksum.shift >= 4 else own >> 4
        return add([beside, *(nibble for value in others for nibble in (value & 15, value >> 4))])

    return Sum(of, [*place.other_bytes(), place.checksum.first], 15)


def _xor(start: int, positions: Sequence[int]) -> Sum:
    return Sum(lambda values: reduce(xor, values, start), positions)


def _vw_pq(place: Place) -> Checksum:
    return _xor(0, place.other_bytes())


def _vw_mqb(place: Place) -> Checksum:
    same = _MQB_SAME.get(place.id)
    by_counter = _MQB_BY_COUNTER.get(place.id)
    covered = range(1, place.length)
    if by_counter:
        constants = list(bytes.fromhex(by_counter))
    elif same is not None:
        constants = [same]
    else:
        return _crc8(0x2F, covered, 0xFF, 0xFF)
    after = [crc(bytes(len(covered)) + bytes([one]), 8, 0x2F, 0xFF, 0xFF) for one in constants]
    return FrameCrc(8, 0x2F, covered, 1, after, Field(1, 1, 0, 15))


def _vw_mlb(place: Place) -> Checksum:
    if place.id in _MLB_XOR:
        return _xor(_MLB_XOR[place.id], place.other_bytes())
    return _vw_mqb(place)


def _sae_j1850(place: Place) -> Checksum:
    return _crc8(0x1D, range(place.length - 1), 0xFF, 0xFF)


def _fca_giorgio(place: Place) -> Checksum:
    final = {0xDE: 0x10, 0x106: 0xF6, 0x122: 0xF1}.get(place.id, 0x0A)
    return _crc8(0x1D, range(place.length - 1), 0, final)


def _hyundai_canfd(place: Place) -> Checksum:
    final = {8: 0x5F29, 16: 0x041D, 24: 0x819D, 32: 0x9F5B}.get(place.length, 0)
    covered = range(2, place.length)
    trailing = (place.id & 0xFFFF).to_bytes(2, "little")
    constant = crc(bytes(len(covered)) + trailing, 16, 0x1021, 0, final)
    return FrameCrc(16, 0x1021, covered, 2, [constant])


def _hyundai_crc8(place: Place) -> Checksum:
    return _crc8(0x1D, place.other_bytes(), 0xFD ^ 0xDF, 0xDF)


def _hyundai_6b(place: Place) -> Checksum:
    return _bytes(0, range(min(6, place.length)))


def _hyundai_7b(place: Place) -> Checksum:
    return _bytes(0, place.other_bytes())


def _comma_body(place: Place) -> Checksum:
    return _crc8(0xD5, range(place.length - 2, -1, -1), 0xFF)


def _icv(place: Place) -> Checksum:
    """CRC-8 SAE J1850 over the id, high byte first, and the data without the checksum's own byte."""
    return _crc8(0x1D, place.other_bytes(), 0xFF, 0xFF, (place.id & 0xFFFF).to_bytes(2, "big"))


MAKERS: dict[str, Callable[[Place], Checksum]] = {
    "chrysler": _sae_j1850,
    "comma_body": _comma_body,
    "fca_giorgio": _fca_giorgio,
    "honda": _honda,
    "hyundai_canfd": _hyundai_canfd,
    "nissan": _sae_j1850,
    "psa": _psa,
    "subaru": _subaru,
    "tesla": _tesla,
    "toyota": _toyota,
    "vw_mlb": _vw_mlb,
    "vw_mqb": _vw_mqb,
    "vw_pq": _vw_pq,
}
"""By the name that a vehicle file gives."""

SINGLE: dict[str, Callable[[Place], Checksum]] = {
    "hyundai_6b": _hyundai_6b,
    "hyundai_7b": _hyundai_7b,
    "hyundai_crc8": _hyundai_crc8,
    "icv": _icv,
    "nibble_sum": _nibble_sum,
    "nibble_xor": _nibble_xor,
    "subaru_preglobal": _subaru_preglobal,
}
"""For single messages, whose signals have names of their own."""

_MLB_XOR = {
    0x109: 0x08, 0x10B: 0x0A, 0x10C: 0x0D, 0x10D: 0x0C, 0x10F: 0x0E, 0x111: 0x10, 0x30C: 0x0F, 0x311: 0x12,
    0x324: 0x27, 0x397: 0x94,
}  # fmt: skip

_MQB_SAME = {
    0x040: 0x40,
    0x086: 0x86,
    0x09F: 0xF5,
    0x101: 0xAA,
    0x106: 0x07,
    0x116: 0xAC,
    0x117: 0x16,
    0x126: 0xDA,
    0x30C: 0x0F,
    0x30F: 0x0C,
    0x324: 0x27,
    0x3C0: 0xC3,
}
_MQB_BY_COUNTER = {
    0x0AD: "3f6939dc94f91464d86a34cea255b52c",
    0x0DB: "09faca8e62d5d1f031a0afda4d1a0a97",
    0x0FC: "775ca0894b7cbbd61f6c4ff6202b43dd",
    0x0FD: "b4eff8491ee5c2c097193cc9f198d661",
    0x102: "d712857e0b34fa167a252d8f048e5d35",
    0x10B: "775ca0894b7cbbd61f6c4ff6202b43dd",
    0x120: "c4e24fe4f82f56819fe58344053f97df",
    0x121: "e965ae6b7b35e55f4ec786a2bbddebb4",
    0x122: "377df3a918466d4d3d71929ce53210b9",
    0x12B: "6a38b42722efe1bbf8808449c79e1e2b",
    0x12E: "f8e597c9d607472166ddcf6fa1947463",
    0x139: "ed031c13c623787a8b401451bf6832ba",
    0x13D: "20ca68d51b31e2da080ad4de9ce4355b",
    0x14C: "163559159a2a97b80e4e30ccb30701ad",
    0x14D: "1a658196c0df1192d361c6958c2921b5",
    0x187: "7fed17c27ceb442101fadb154a6b2305",
    0x1A4: "69bb54e64e468d7bea87e9b363cef8bf",
    0x1AB: "13219b6a9a62d46518f1ab163289e726",
    0x1F0: "2f3c226018eb6376c5910f2734047f02",
    0x20A: "9de836a1ca3b1d33e0d5bb5fae3c319f",
    0x26B: "ceccbd69a13c18760f04f23a93241951",
    0x3BE: "1f28c685e6f8b0195b643521e4f79c24",
    0x3D5: "c539c7f992d824cef1b57ac4bc60e3d1",
    0x65D: "acb3abeb7ae13bf773ba7c9e065f02d9",
}
