"""Lines of text that are alike in all but time, id and data, read together: one gather, then words of eight
characters at a time (SIMD within a register; D. Lemire's "Quickly parsing eight digits", W. Mula's notes on
hexadecimal)."""

from __future__ import annotations

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

    time: spans of decimal digits, each with its ns per unit; t_ns is their sum, and what the sample's own time
    has beside that (a date) counts for all. can_id: a span of at most 8 hex digits, of which id_base is taken
    off. data: column of the first hex digit, bytes, columns from one byte to the next (2 or 3). key: up to 8
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
        self.data = np.zeros((count, 2), "<u4")

    def widen(self) -> None:
        """Make room for CAN FD."""
        if self.data.shape[1] == 2:
            data = np.zeros((len(self.data), 16), "<u4")
            data[:, :2] = self.data
            self.data = data

    def put(self, row: int, t_ns: int, can_id: int, flags: int, bus: int, payload: bytes) -> None:
        """One frame; a remote frame's payload is as many zeros as it asks for."""
        if len(payload) > 8:
            self.widen()
        self.t_ns[row], self.id[row], self.flags[row], self.bus[row] = t_ns, can_id, flags, bus
        self.length[row] = len(payload)
        if payload:
            self.data[row].view(np.uint8)[: len(payload)] = np.frombuffer(payload, np.uint8)
        self.good[row] = True

    def forget(self, first: int) -> None:
        """Take back all rows from this one on."""
        self.good[first:] = False
        self.data[first:] = 0

    def frames(self) -> Frames:
        """All that were put."""
        data = self.data.view(np.uint8)
        found = Frames(self.t_ns, self.id, self.flags, self.bus, self.length, data)
        return found if self.good.all() else found[self.good]


_U64 = np.uint64
_ZEROS = _U64(0x3030303030303030)
_MAX_UNIT_SUM = 2**64 - 1


def _keep(begin: int, end: int) -> int:
    """A mask of the bytes begin..end of a little-endian word."""
    return ((1 << (8 * end)) - 1) & ~((1 << (8 * begin)) - 1)


def _column(numbers: Iterable[int]) -> np.ndarray:
    return np.array(list(numbers), np.uint64).reshape(-1, 1)


class Template:
    """Reads all lines that are like one sample of which the frame is known."""

    def __init__(self, line: bytes, shape: Shape, t_ns: int, flags: int, length: int) -> None:
        """Raises ValueError if lines of this shape must be read one at a time."""
        self.line_length = len(line)
        start, pairs, step = shape.data
        hex_text = [line[slice(*shape.can_id)], line[start : start + step * pairs]]
        if len(line) > MAX_ALIKE or len(hex_text[0]) > 8 or pairs > 64 or not shape.time:
            raise ValueError("too long")
        self._shape = shape
        self._length = length
        self._wide = length > 8
        self._max_id = 0x7FF if not flags & EXTENDED and not shape.id_base else 0x1FFFFFFF
        self._row_bytes = (LEAD + len(line) + 8 + 7) // 8 * 8
        self._row = np.dtype(f"V{self._row_bytes}")
        self._constants(line)
        self._times(line, t_ns)
        lower = [text.upper() != text for text in hex_text]
        if any(low and text.lower() != text for low, text in zip(lower, hex_text, strict=True)):
            raise ValueError("mixed case")
        words = (pairs + 3) // 4
        last = 8 if pairs % 4 == 0 else 2 * (pairs % 4)
        id_digits = len(hex_text[0])
        self._hex_keep = _column(
            [_keep(8 - id_digits, 8)] + [_keep(0, 8)] * (words - 1) + [_keep(0, last)] * bool(words)
        )  # noqa: E501
        self._letters = _column([0x47 if lower[0] else 0x67] + [0x47 if lower[1] else 0x67] * words)
        self.identity = (shape, length, flags & EXTENDED, tuple(lower), self._offset, *self._constant_words)
        self._keys: dict[int, tuple[int, int]] = {}

    def _constants(self, line: bytes) -> None:
        mask = np.full(self._row_bytes, 255, np.uint8)
        mask[:LEAD] = mask[LEAD + len(line) :] = 0
        start, pairs, step = self._shape.data
        spans = [(a, b) for a, b, _ in self._shape.time] + [self._shape.can_id, *self._shape.ignored]
        spans += [(start + i * step, start + i * step + 2) for i in range(pairs)]
        spans += [self._shape.key] if self._shape.key else []
        for a, b in spans:
            mask[LEAD + a : LEAD + b] = 0
        text = np.zeros(self._row_bytes, np.uint8)
        text[LEAD : LEAD + len(line)] = np.frombuffer(line, np.uint8)
        masks, texts = mask.view(np.uint64), (text & mask).view(np.uint64)
        self._constant_words = [
            (i, int(masks[i]), int(texts[i])) for i in range(len(masks)) if masks[i]
        ]  # fmt: skip

    def _times(self, line: bytes, t_ns: int) -> None:
        words: list[tuple[int, int, int]] = []
        most = known = 0
        for a, b, unit in self._shape.time:
            known += int(line[a:b]) * unit
            most += 10 ** (b - a) * unit
            while b > a:
                digits = min(8, b - a)
                words.append((LEAD + b - 8, _keep(8 - digits, 8), unit))
                b -= digits
                unit *= 10**8
        self._offset = t_ns - known
        if most > _MAX_UNIT_SUM or (self._offset and most + abs(self._offset) >= MAX_T_NS):
            raise ValueError("times too large")
        self._may_overflow = most >= MAX_T_NS
        self._time_at = [at for at, _, _ in words]
        self._time_keep = _column(keep for _, keep, _ in words)
        self._time_unit = [_U64(unit) for _, _, unit in words]

    def learn(self, line: bytes, bus: int, flags: int) -> None:
        """Lines with this one's key are of this bus and have these flags."""
        a, b = self._shape.key or (0, 0)
        self._keys[int.from_bytes(line[a:b], "little")] = bus, flags

    def read(self, text: np.ndarray, start: np.ndarray, rows: np.ndarray, out: Columns) -> np.ndarray:
        """Put the frames of those of these lines (all as long as the sample) that are like it; their numbers.

        text: a block, uint8, with LEAD bytes before and TAIL bytes after its lines; start: of each line.
        """
        rows, words = self._alike(text, start, rows)
        if not len(rows):
            return rows
        t_ns, bad_time = self._decode_times(words)
        ids, data, bad = self._decode_hex(words)
        bad |= bad_time
        bad |= ids > self._max_id
        if self._may_overflow:
            bad |= t_ns >= MAX_T_NS
        bus, flags = self._look_up(words, bad)
        if bad.any():
            good = bad == 0
            rows, t_ns, ids = rows[good], t_ns[good], ids[good]
            data = [column[good] for column in data]
            bus, flags = (x[good] if isinstance(x, np.ndarray) else x for x in (bus, flags))
        if self._wide:
            out.widen()
        t_ns = t_ns.view(np.int64)
        if self._offset:
            t_ns += self._offset
        out.t_ns[rows] = t_ns
        out.id[rows] = ids
        out.flags[rows] = flags
        out.bus[rows] = bus
        out.length[rows] = self._length
        for i, column in enumerate(data):
            out.data[:, i][rows] = column
        out.good[rows] = True
        return rows

    def _alike(self, text: np.ndarray, start: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows that agree with the sample in the constant columns, and their text, uint64 (n, words)."""
        every = np.ndarray((len(text) - self._row_bytes,), self._row, text, strides=(1,))
        words = every[start[rows] - LEAD].view(np.uint64).reshape(len(rows), -1)
        differ = np.zeros(len(rows), np.uint64)
        one = np.empty_like(differ)
        for i, mask, constant in self._constant_words:
            np.bitwise_xor(words[:, i], _U64(constant), out=one)
            one &= _U64(mask)
            differ |= one
        if differ.any():
            alike = differ == 0
            rows, words = rows[alike], words[alike]
        return rows, words

    def _unaligned(self, words: np.ndarray, at: int, kind: str = "<u8") -> np.ndarray:
        return np.ndarray((len(words),), kind, words, at, (self._row_bytes,))

    def _decode_times(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = np.empty((len(self._time_at), len(words)), np.uint64)
        for i, at in enumerate(self._time_at):
            x[i] = self._unaligned(words, at)
        x ^= _ZEROS
        x &= self._time_keep
        y = x + _U64(0x7676767676767676)
        y |= x
        y &= _U64(0x8080808080808080)
        bad = y[0]
        for i in range(1, len(y)):
            bad |= y[i]
        for factor, shift, mask in (
            (10, 8, 0x00FF00FF00FF00FF),
            (100, 16, 0x0000FFFF0000FFFF),
            (10000, 32, 0xFFFFFFFF),
        ):
            y = x >> _U64(shift)
            x *= _U64(factor)
            x += y
            x &= _U64(mask)
        for i, unit in enumerate(self._time_unit):
            x[i] *= unit
            if i:
                x[0] += x[i]
        return x[0], bad

    def _decode_hex(self, words: np.ndarray) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
        """Ids uint32 (n,), data as columns of uint32 (n,), and what is not 0 where a digit is none."""
        n = len(words)
        start, pairs, step = self._shape.data
        x = np.empty((len(self._hex_keep), n), np.uint64)
        x[0] = self._unaligned(words, LEAD + self._shape.can_id[1] - 8)
        if step == 2:
            for i in range(1, len(x)):
                x[i] = self._unaligned(words, LEAD + start + 8 * (i - 1))
        else:
            halves = x.view(np.uint16).reshape(len(x), n, 4)
            for i in range(pairs):
                halves[1 + i // 4, :, i % 4] = self._unaligned(words, LEAD + start + step * i, "<u2")
        x ^= _ZEROS
        x &= self._hex_keep  # digits are 0x00..0x09 now, letters 0x71..0x76, small letters 0x51..0x56
        letter = x >> _U64(6)
        letter &= _U64(0x0101010101010101)
        x -= letter * self._letters
        letter <<= _U64(4)
        y = x + _U64(0x0606060606060606)
        y ^= letter
        y |= x
        y &= _U64(0xF0F0F0F0F0F0F0F0)
        bad = y[0]
        for i in range(1, len(y)):
            bad |= y[i]
        y = x << _U64(4)
        x >>= _U64(8)
        x |= y
        packed = x.view(np.uint16).astype(np.uint8).view("<u4")
        ids = packed[0].byteswap()
        if self._shape.id_base:
            ids -= np.uint32(self._shape.id_base)
        return ids, list(packed[1:]), bad

    def _look_up(self, words: np.ndarray, bad: np.ndarray) -> tuple[np.ndarray | int, np.ndarray | int]:
        """Bus and flags; marks as bad the lines with an unknown key."""
        if self._shape.key is None:
            return self._keys[0]
        a, b = self._shape.key
        keys = self._unaligned(words, LEAD + a) & _U64(_keep(0, b - a))
        if len(self._keys) == 1:
            bad |= keys ^ _U64(next(iter(self._keys)))
            return next(iter(self._keys.values()))
        bus = np.zeros(len(words), np.uint8)
        flags = np.zeros(len(words), np.uint16)
        known = np.zeros(len(words), bool)
        for key, (its_bus, its_flags) in self._keys.items():
            same = keys == _U64(key)
            bus[same] = its_bus
            flags[same] = its_flags
            known |= same
        bad |= ~known
        return bus, flags
