"""Lines of text that are alike in all but time, id and data, read together.

Their text is gathered into rows of one width; decimal digits are then read eight at a time within 64-bit words
(the "SIMD within a register" way), hex digits by binascii.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edge.can.frames import EXTENDED, Frames

LEAD = 8
"""Bytes that must lie in front of the first line of a block."""
MAX_ALIKE = 512
"""Longer lines are always read one at a time."""
TAIL = MAX_ALIKE + 3 * 8
"""Bytes that must lie behind the last line of a block."""
MAX_T_NS = 2**62

Span = tuple[int, int]
"""Columns of a line: from, up to but not with."""


@dataclass(frozen=True)
class Shape:
    """Where in a line its fields lie. Lines that agree in every other column are read together.

    time: spans of decimal digits, each with its ns per unit; t_ns is their sum, and what the sample's own
    time has beside that (a date) counts for all. can_id: a span of at most 8 hex digits, of which id_base is
    taken off. data: column of the first hex digit, bytes, columns from one byte to the next (2 or 3). key: up to 8
    columns that tell the bus and the flags. ignored: spans of which the meaning does not depend.
    """

    time: tuple[tuple[int, int, int], ...]
    can_id: Span
    data: tuple[int, int, int]
    key: Span | None = None
    ignored: tuple[Span, ...] = ()
    id_base: int = 0


class Columns:
    """Frames of a block by the number of their line, in any order."""

    def __init__(self, count: int) -> None:
        self.good = np.zeros(count, bool)
        self.t_ns = np.empty(count, np.int64)
        self.id = np.empty(count, np.uint32)
        self.flags = np.empty(count, np.uint16)
        self.bus = np.empty(count, np.uint8)
        self.length = np.empty(count, np.uint8)
        self.data = np.zeros((count, 8), np.uint8)

    def widen(self) -> None:
        """Make room for CAN FD."""
        if self.data.shape[1] == 8:
            self.data = np.pad(self.data, ((0, 0), (0, 56)))

    def put(self, row: int, t_ns: int, can_id: int, flags: int, bus: int, payload: bytes) -> None:
        """One frame; a remote frame's payload is as many zeros as it asks for."""
        if len(payload) > 8:
            self.widen()
        self.t_ns[row], self.id[row], self.flags[row], self.bus[row] = t_ns, can_id, flags, bus
        self.length[row] = len(payload)
        if payload:
            self.data[row, : len(payload)] = np.frombuffer(payload, np.uint8)
        self.good[row] = True

    def forget(self, first: int) -> None:
        """Take back all rows from this one on."""
        self.good[first:] = False
        self.data[first:] = 0

    def frames(self) -> Frames:
        """All that were put."""
        found = Frames(self.t_ns, self.id, self.flags, self.bus, self.length, self.data)
        return found if self.good.all() else found[self.good]


_U64 = np.uint64
_ZEROS = 0x3030303030303030
_CHUNK = 8192
"""Lines at a time: their rows and what is made of them stay in the second level cache."""
_CONSTANT_NS = 10**15
"""Digits that change more seldom than this (11 days) are taken as constant."""
_IS_HEX = np.zeros(256, bool)
_IS_HEX[list(b"0123456789ABCDEFabcdef")] = True


def _keep(begin: int, end: int) -> int:
    """A mask of the bytes begin..end of a little-endian word."""
    return ((1 << (8 * end)) - 1) & ~((1 << (8 * begin)) - 1)


def _column(numbers: Iterable[int]) -> np.ndarray:
    return np.array(list(numbers), np.uint64).reshape(-1, 1)


class Template:
    """Reads all lines that are like one sample of which the frame is known."""

    def __init__(self, line: bytes, shape: Shape, t_ns: int, flags: int, length: int) -> None:
        """Raises ValueError if lines of this shape must be read one at a time."""
        id_digits = shape.can_id[1] - shape.can_id[0]
        if len(line) > MAX_ALIKE or not 0 < id_digits <= 8 or not shape.time:
            raise ValueError("not a shape to be read together")
        self._shape = shape
        self._length = length
        self._max_id = 0x7FF if not flags & EXTENDED and not shape.id_base else 0x1FFFFFFF
        self._row_bytes = (LEAD + len(line) + 8 + 7) // 8 * 8
        self._row = np.dtype(f"V{self._row_bytes}")
        self._id_kind = "<u4" if id_digits <= 4 else "<u8"
        id_bytes = 4 if id_digits <= 4 else 8
        self._id_at = LEAD + shape.can_id[1] - id_bytes
        self._id_keep = _keep(id_bytes - id_digits, id_bytes)
        self._find_times(line, t_ns)
        self._find_constants(line)
        self.identity = (shape, length, flags & EXTENDED, self._offset, *self._constants)
        self._keys: dict[int, tuple[int, int]] = {}

    def _find_times(self, line: bytes, t_ns: int) -> None:
        words: list[tuple[int, int, int]] = []
        self._time_spans = []
        most = known = 0
        for a, b, unit in self._shape.time:
            while b > a and not (words and unit >= _CONSTANT_NS):
                digits = min(8, b - a)
                words.append((LEAD + b - 8, _keep(8 - digits, 8), unit))
                self._time_spans.append((b - digits, b))
                most += 10**digits * unit
                known += int(line[b - digits : b]) * unit
                b -= digits
                unit *= 10**8
        self._offset = t_ns - known
        if most + abs(self._offset) >= MAX_T_NS:
            raise ValueError("times too large")
        self._time_at = [at for at, _, _ in words]
        self._time_keep = _column(keep for _, keep, _ in words)
        self._time_unit = [_U64(unit) for _, _, unit in words]

    def _find_constants(self, line: bytes) -> None:
        start, pairs, step = self._shape.data
        spans = [*self._time_spans, self._shape.can_id, *self._shape.ignored]
        spans += [(start + i * step, start + i * step + 2) for i in range(pairs)]
        spans += [self._shape.key] if self._shape.key else []
        mask = np.zeros(self._row_bytes, np.uint8)
        mask[LEAD : LEAD + len(line)] = 255
        for a, b in spans:
            mask[LEAD + a : LEAD + b] = 0
        text = np.zeros(self._row_bytes, np.uint8)
        text[LEAD : LEAD + len(line)] = np.frombuffer(line, np.uint8)
        words = zip(mask.view(np.uint64).tolist(), (text & mask).view(np.uint64).tolist(), strict=True)
        self._constants = [(i, kept, value) for i, (kept, value) in enumerate(words) if kept]

    def learn(self, line: bytes, bus: int, flags: int) -> None:
        """Lines with this one's key are of this bus and have these flags."""
        a, b = self._shape.key or (0, 0)
        self._keys[int.from_bytes(line[a:b], "little")] = bus, flags

    def read(self, text: np.ndarray, start: np.ndarray, rows: np.ndarray, out: Columns) -> int:
        """Put the frames of those of these lines (all as long as the sample) that are like it; how many.

        text: a block, uint8, with LEAD bytes before and TAIL bytes after its lines; start: of each line.
        """
        return sum(
            self._read(text, start, rows[i : i + _CHUNK], out) for i in range(0, len(rows), _CHUNK)
        )  # fmt: skip

    def _read(self, text: np.ndarray, start: np.ndarray, rows: np.ndarray, out: Columns) -> int:
        rows, words = self._alike(text, start, rows)
        while len(rows):
            t_ns, bad = self._decode_times(words)
            bus, flags = self._look_up(words, bad)
            hex_id, hex_data = self._hex_text(words)
            try:
                ids = self._ids(binascii.a2b_hex(hex_id))
                data = binascii.a2b_hex(hex_data)
            except binascii.Error:
                bad |= ~_IS_HEX[hex_id].reshape(len(rows), -1).all(axis=1)
                bad |= ~_IS_HEX[hex_data].reshape(len(rows), -1).all(axis=1)
            else:
                bad |= ids > self._max_id
                if not bad.any():
                    self._put(out, rows, t_ns.view(np.int64), ids, bus, flags, data)
                    break
            rows, words = rows[bad == 0], words[bad == 0]
        return len(rows)

    def _put(
        self,
        out: Columns,
        rows: np.ndarray,
        t_ns: np.ndarray,
        ids: np.ndarray,
        bus: np.ndarray | int,
        flags: np.ndarray | int,
        data: bytes,
    ) -> None:
        out.t_ns[rows] = t_ns + self._offset if self._offset else t_ns
        out.id[rows] = ids
        out.flags[rows] = flags
        out.bus[rows] = bus
        out.length[rows] = self._length
        if self._length > 8:
            out.widen()
        if data:
            bytes_each = len(data) // len(rows)
            width = out.data.shape[1]
            if bytes_each != width:
                wide = np.zeros((len(rows), width), np.uint8)
                wide[:, :bytes_each] = np.frombuffer(data, np.uint8).reshape(len(rows), -1)
                data = wide.data
            out.data.view(f"V{width}")[:, 0][rows] = np.frombuffer(data, f"V{width}")
        out.good[rows] = True

    def _alike(self, text: np.ndarray, start: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows that agree with the sample in the constant columns, and their text, uint64 (n, words)."""
        every = np.ndarray((len(text) - self._row_bytes,), self._row, text, strides=(1,))
        words = every[start[rows] - LEAD].view(np.uint64).reshape(len(rows), -1)
        differ = np.zeros(len(rows), np.uint64)
        one = np.empty_like(differ)
        for i, kept, value in self._constants:
            np.bitwise_xor(words[:, i], _U64(value), out=one)
            one &= _U64(kept)
            differ |= one
        if differ.any():
            alike = differ == 0
            rows, words = rows[alike], words[alike]
        return rows, words

    def _column(self, words: np.ndarray, at: int, kind: str) -> np.ndarray:
        """The text from this column of the rows on, as numbers or raw bytes."""
        return np.ndarray((len(words),), kind, words, at, (self._row_bytes,))

    def _decode_times(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint64 (n,) ns without the offset, and what is not 0 where a digit is none."""
        x = np.empty((len(self._time_at), len(words)), np.uint64)
        for i, at in enumerate(self._time_at):
            x[i] = self._column(words, at, "<u8")
        x ^= _U64(_ZEROS)
        x &= self._time_keep
        y = x + _U64(0x7676767676767676)
        y |= x
        y &= _U64(0x8080808080808080)
        bad = y[0].copy()
        for more in y[1:]:
            bad |= more
        for factor, shift, kept in (
            (10, 8, 0x00FF00FF00FF00FF),
            (100, 16, 0x0000FFFF0000FFFF),
            (10000, 32, 0xFFFFFFFF),
        ):
            np.right_shift(x, _U64(shift), out=y)
            x *= _U64(factor)
            x += y
            x &= _U64(kept)
        for i, unit in enumerate(self._time_unit):
            x[i] *= unit
            if i:
                x[0] += x[i]
        return x[0], bad

    def _hex_text(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The digits of the ids, 4 or 8 of each, and those of the data; uint8, of one row after the other."""
        ids = self._column(words, self._id_at, self._id_kind).copy()
        if self._id_keep + 1 != 1 << (8 * ids.itemsize):
            ids &= ids.dtype.type(self._id_keep)
            ids |= ids.dtype.type(_ZEROS & ~self._id_keep & ((1 << (8 * ids.itemsize)) - 1))
        start, pairs, step = self._shape.data
        if step == 2 or not pairs:
            data = self._column(words, LEAD + start, f"V{2 * pairs}").copy() if pairs else words[:0]
        else:
            data = np.empty((len(words), pairs), np.uint16)
            for i in range(pairs):
                data[:, i] = self._column(words, LEAD + start + step * i, "<u2")
        return ids.view(np.uint8), data.reshape(-1).view(np.uint8)

    def _ids(self, packed: bytes) -> np.ndarray:
        ids = np.frombuffer(packed, ">u2" if self._id_kind == "<u4" else ">u4").astype(np.uint32)
        if self._shape.id_base:
            ids -= np.uint32(self._shape.id_base)
        return ids

    def _look_up(self, words: np.ndarray, bad: np.ndarray) -> tuple[np.ndarray | int, np.ndarray | int]:
        """Bus and flags; marks as bad the lines with an unknown key."""
        if self._shape.key is None:
            return self._keys[0]
        a, b = self._shape.key
        keys = self._column(words, LEAD + a, "<u8") & _U64(_keep(0, b - a))
        if len(self._keys) == 1:
            key, (bus, flags) = next(iter(self._keys.items()))
            bad |= keys ^ _U64(key)
            return bus, flags
        which = np.zeros(len(words), np.uint8)
        for i, key in enumerate(self._keys):
            which += (keys == _U64(key)) * np.uint8(i + 1)
        bad |= which == 0
        buses, all_flags = zip((0, 0), *self._keys.values(), strict=True)
        if len(set(all_flags[1:])) == 1:
            return np.array(buses, np.uint8)[which], all_flags[1]
        return np.array(buses, np.uint8)[which], np.array(all_flags, np.uint16)[which]
