"""Lines of text that are alike in all but time, id and data, read together.

Their text is gathered into rows of one width; decimal digits are then read eight at a time within 64-bit
words (the "SIMD within a register" way), hex digits by binascii.
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
    taken off. data: column of the first hex digit, bytes, columns from one byte to the next (2 or 3). key: up
    to 8 columns that tell the bus and the flags. ignored: spans of which the meaning does not depend. open:
    the data (of step 2, up to 8 bytes) ends where the line does, and lines with less data are alike, too.
    padded: so many of the times' spans, from the first, of at most 8 columns each, may begin with spaces.
    """

    time: tuple[tuple[int, int, int], ...]
    can_id: Span
    data: tuple[int, int, int]
    key: Span | None = None
    ignored: tuple[Span, ...] = ()
    id_base: int = 0
    open: bool = False
    padded: int = 0


@dataclass(frozen=True)
class Block:
    """Whole lines of a file: its text, with LEAD bytes before and TAIL bytes after the lines; where each
    begins, and its length without its end; the number of the first, from 1."""

    raw: bytes | bytearray
    start: np.ndarray
    length: np.ndarray
    number: int

    def line(self, row: int) -> bytes:
        """One line without its end."""
        start = int(self.start[row])
        return bytes(self.raw[start : start + int(self.length[row])])


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

    def put_data(self, rows: np.ndarray, data: bytes) -> None:
        """As many bytes for each of these rows."""
        if not data:
            return
        each = np.frombuffer(data, np.uint8).reshape(len(rows), -1)
        if each.shape[1] > 8:
            self.widen()
        width = self.data.shape[1]
        if each.shape[1] < width:
            each = np.pad(each, ((0, 0), (0, width - each.shape[1])))
        self.data.view(f"V{width}")[:, 0][rows] = each.view(f"V{width}")[:, 0]

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
_CHUNK = 16384
"""Lines at a time: their rows and what is made of them stay in the second level cache."""
_CONSTANT_NS = 10**15
"""Digits that change more seldom than this (11 days) are taken as constant."""
_LARGEST_NS = 10**18
_IS_HEX = np.zeros(256, bool)
_IS_HEX[list(b"0123456789ABCDEFabcdef")] = True


def _keep(begin: int, end: int) -> int:
    """A mask of the bytes begin..end of a little-endian word."""
    return ((1 << (8 * end)) - 1) & ~((1 << (8 * begin)) - 1)


def padded_from(line: str, first: int, end: int) -> int:
    """Where the span of a number that ends there begins: with the spaces before it, in 8 columns at most."""
    begin = max(end - 8, 0)
    while first > begin and line[first - 1] == " ":
        first -= 1
    return max(first, begin)


def _column(numbers: Iterable[int]) -> np.ndarray:
    return np.array(list(numbers), np.uint64).reshape(-1, 1)


_FIRST_DIGITS = np.array([[_keep(0, min(n, 8)), _keep(0, max(n - 8, 0))] for n in range(17)], np.uint64)
"""Masks of the first n of 16 characters."""


class Template:
    """Reads all lines that are like one sample of which the frame is known."""

    def __init__(self, line: bytes, shape: Shape, t_ns: int, flags: int, length: int) -> None:
        """Raises ValueError if lines of this shape must be read one at a time."""
        id_digits = shape.can_id[1] - shape.can_id[0]
        if len(line) > MAX_ALIKE or not 0 < id_digits <= 8 or not shape.time:
            raise ValueError("not a shape to be read together")
        start, pairs, _ = shape.data
        self._shape = shape
        self._length = length
        self.open = shape.open and pairs < 8
        self._pairs = 8 if self.open else pairs
        self._line_length = start + 16 if self.open else len(line)
        self._max_id = 0x7FF if not flags & EXTENDED and not shape.id_base else 0x1FFFFFFF
        self._row_bytes = (LEAD + self._line_length + 8 + 7) // 8 * 8
        self._row = np.dtype(f"V{self._row_bytes}")
        self._id_kind = "<u4" if id_digits <= 4 else "<u8"
        id_bytes = 4 if id_digits <= 4 else 8
        self._id_at = LEAD + shape.can_id[1] - id_bytes
        self._id_keep = _keep(id_bytes - id_digits, id_bytes)
        self._find_times(line, t_ns)
        self._find_constants(line)
        self.identity = (
            *(shape.time, shape.can_id, start, self._pairs, shape.key, shape.ignored, shape.id_base),
            *(self.open or length, flags & EXTENDED, self._offset, *self._constants),
        )
        self._keys: dict[int, tuple[int, int]] = {}

    def _find_times(self, line: bytes, t_ns: int) -> None:
        words: list[tuple[int, int, int]] = []
        self._padded: list[int] = []
        self._time_spans = []
        most = known = 0
        for number, (a, b, unit) in enumerate(self._shape.time):
            if number < self._shape.padded:
                self._padded.append(len(words))
            while b > a and not (words and unit >= _CONSTANT_NS):
                digits = min(8, b - a)
                while unit * 10**digits > _LARGEST_NS:
                    digits -= 1
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
        if self.open:
            mask[LEAD + start :] = 0
        text = np.zeros(self._row_bytes, np.uint8)
        text[LEAD : LEAD + len(line)] = np.frombuffer(line, np.uint8)
        words = zip(mask.view(np.uint64).tolist(), (text & mask).view(np.uint64).tolist(), strict=True)
        self._constants = [(i, kept, value) for i, (kept, value) in enumerate(words) if kept]

    def learn(self, line: bytes, bus: int, flags: int) -> None:
        """Lines with this one's key are of this bus and have these flags."""
        a, b = self._shape.key or (0, 0)
        self._keys[int.from_bytes(line[a:b], "little")] = bus, flags

    def read(self, block: Block, rows: np.ndarray, out: Columns) -> int:
        """Put the frames of those of these lines that are like the sample; how many.

        rows: lines that are as long as the sample, or any if this is an open one.
        """
        if self.open:
            digits = block.length[rows] - self._shape.data[0]
            rows = rows[(digits >= 0) & (digits < 16) & (digits & 1 == 0)]
        chunks = [rows[i : i + _CHUNK] for i in range(0, len(rows), _CHUNK)]
        return sum(self._read(block, chunk, out) for chunk in chunks)

    def _read(self, block: Block, rows: np.ndarray, out: Columns) -> int:
        rows, words = self._alike(block, rows)
        while len(rows):
            digits = block.length[rows] - self._shape.data[0] if self.open else None
            t_ns, bad = self._decode_times(words)
            bus, flags = self._look_up(words, bad)
            hex_id, hex_data = self._hex_id(words), self._hex_data(words, digits)
            try:
                ids = self._ids(binascii.a2b_hex(hex_id))
                data = binascii.a2b_hex(hex_data)
            except binascii.Error:
                for text in (hex_id, hex_data):
                    bad |= ~_IS_HEX[np.frombuffer(text, np.uint8)].reshape(len(rows), -1).all(axis=1)
            else:
                bad |= ids > self._max_id
                if not bad.any():
                    out.t_ns[rows] = t_ns.view(np.int64) + self._offset
                    out.id[rows] = ids
                    out.flags[rows] = flags
                    out.bus[rows] = bus
                    out.length[rows] = self._length if digits is None else digits >> 1
                    out.put_data(rows, data)
                    out.good[rows] = True
                    break
            rows, words = rows[bad == 0], words[bad == 0]
        return len(rows)

    def _alike(self, block: Block, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows that agree with the sample in the constant columns, and their text, uint64 (n, words)."""
        every = np.ndarray((len(block.raw) - self._row_bytes,), self._row, block.raw, strides=(1,))
        words = every[block.start[rows] - LEAD].view(np.uint64).reshape(len(rows), -1)
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
        bad_spaces = self._fill(x)
        x ^= _U64(_ZEROS)
        x &= self._time_keep
        y = x + _U64(0x7676767676767676)
        y |= x
        bad = y[0].copy()
        for more in y[1:]:
            bad |= more
        bad &= _U64(0x8080808080808080)
        for more in bad_spaces:
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

    def _fill(self, x: np.ndarray) -> list[np.ndarray]:
        """Puts 0 for the spaces before the first digit; not 0 where a space stands elsewhere."""
        bad = []
        for i in self._padded:
            chars = int(self._time_keep[i, 0]) & 0x8080808080808080
            spaces = x[i] ^ _U64(0x2020202020202020)
            space = spaces & _U64(0x7F7F7F7F7F7F7F7F)
            space += _U64(0x7F7F7F7F7F7F7F7F)
            space |= spaces
            space = ~space & _U64(chars)
            other = space ^ _U64(chars)
            other <<= _U64(8)
            other |= _U64(1 << 63)
            other &= space
            bad.append(other)
            space >>= _U64(3)
            x[i] |= space
        return bad

    def _hex_id(self, words: np.ndarray) -> memoryview:
        """The digits of the ids, 4 or 8 of each."""
        ids = self._column(words, self._id_at, self._id_kind).copy()
        if self._id_keep + 1 != 1 << (8 * ids.itemsize):
            ids &= ids.dtype.type(self._id_keep)
            ids |= ids.dtype.type(_ZEROS & ~self._id_keep & ((1 << (8 * ids.itemsize)) - 1))
        return ids.data.cast("B")

    def _hex_data(self, words: np.ndarray, digits: np.ndarray | None) -> memoryview:
        """The digits of the data, of one row after the other; "0" where digits says that it has ended."""
        start, _, step = self._shape.data
        if not self._pairs:
            return memoryview(b"")
        if step == 2:
            data = self._column(words, LEAD + start, f"V{2 * self._pairs}").copy().view(np.uint8)
            if digits is not None:
                data = data.view(np.uint64).reshape(-1, 2)
                data ^= _U64(_ZEROS)
                data &= _FIRST_DIGITS[digits]
                data ^= _U64(_ZEROS)
        else:
            data = np.empty((len(words), self._pairs), np.uint16)
            for i in range(self._pairs):
                data[:, i] = self._column(words, LEAD + start + step * i, "<u2")
        return data.data.cast("B")

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
            key, its = next(iter(self._keys.items()))
            bad |= keys ^ _U64(key)
            return its
        bus = np.zeros(len(words), np.uint8)
        flags = np.zeros(len(words), np.uint16)
        known = np.zeros(len(words), bool)
        for key, (its_bus, its_flags) in self._keys.items():
            same = keys == _U64(key)
            known |= same
            if its_bus:
                bus += same.view(np.uint8) * np.uint8(its_bus)
            if its_flags:
                flags += same.view(np.uint8) * np.uint16(its_flags)
        bad |= ~known
        return bus, flags
