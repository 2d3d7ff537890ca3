"""The lines of an SLCAN adapter, a whole read at a time.

Source: LAWICEL CANUSB manual 1.0 (t, T, r, R, F, Z), CANable 2 firmware (d, D, b, B for CAN FD), state and
error lines as Linux drivers/net/can/slcan has them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from edge.can.bus.socketcan_errors import (
    ACTIVE,
    BUS_ERROR,
    BUS_OFF,
    CONTROLLER,
    COUNTERS,
    LOST_ARBITRATION,
    PROTOCOL,
    RX_OVERFLOW,
    TX_OVERFLOW,
)
from edge.can.frames import BRS, ERROR, EXTENDED, FD, FD_LENGTHS, REMOTE

LONGEST = 1 + 8 + 1 + 128 + 4
"""Characters of a line at most."""

NO_STAMP = -1
_CR, _BEL = 13, 7
_KINDS = {
    "t": 0, "T": EXTENDED, "x": EXTENDED, "r": REMOTE, "R": REMOTE | EXTENDED, "d": FD, "D": FD | EXTENDED,
    "b": FD | BRS, "B": FD | BRS | EXTENDED,
}  # fmt: skip
_NO_KIND = 0xFFFF
_KIND = np.full(256, _NO_KIND, np.uint16)
for _letter, _flags in _KINDS.items():
    _KIND[ord(_letter)] = _flags
_LETTERS = np.zeros(256, bool)  # those of them that are no hexadecimal digits
_LETTERS[[ord(letter) for letter in "tTxrR"]] = True
_END = 0xFE
_DIGITS = bytes(
    int(chr(c), 16) if chr(c) in "0123456789abcdefABCDEF" else _END if c in (_CR, _BEL) else 0x80
    for c in range(256)
)
_PADDING = bytes(LONGEST + 8)
_any_bit, _largest = np.bitwise_or.reduce, np.maximum.reduce
_WEIGHTS = np.uint32(1) << np.arange(28, -1, -4, dtype=np.uint32)
_LENGTH = np.array([*FD_LENGTHS, 0xFF], np.uint8)  # by DLC, 255 for what is none
_MASKS = np.where(np.arange(64) < np.arange(65)[:, None], 0xFF, 0).astype(np.uint8).view(np.uint64)
_MASKS_8 = _MASKS[:, 0].copy()
_STARTS = re.compile(rb"[tTrR]")


class Lines(NamedTuple):
    """What a read held. Frames as columns: id uint32, flags uint16, length uint8, data uint8 (n, 8 or 64),
    stamp_ms int32 (NO_STAMP: none); error frames of state and error lines are among them, in order.

    status: the values of F lines; acknowledged, refused: commands; bad: lines that are nothing; rest: the
    beginning of the next line.
    """

    id: np.ndarray
    flags: np.ndarray
    length: np.ndarray
    data: np.ndarray
    stamp_ms: np.ndarray
    status: tuple[int, ...]
    acknowledged: int
    refused: int
    bad: int
    rest: bytes


class _Rows(NamedTuple):
    """Lines read as frames; starts, ends: where in the buffer; fine: which are."""

    starts: np.ndarray
    ends: np.ndarray
    id: np.ndarray
    flags: np.ndarray
    length: np.ndarray
    data: np.ndarray
    stamp_ms: np.ndarray
    fine: np.ndarray

    def only(self, which: np.ndarray) -> _Rows:
        return _Rows(*(column[which] for column in self))


def parse(buffer: bytes) -> Lines:
    """All whole lines of a buffer. After damage it goes on at the next letter that begins a frame."""
    digits = np.frombuffer(buffer.translate(_DIGITS) + _PADDING, np.uint8)
    marks = (digits > 0xF).nonzero()[0]  # all but hexadecimal digits
    ends = marks[digits.take(marks) == _END]
    if not len(ends):
        return _nothing(buffer)
    raw = np.frombuffer(buffer, np.uint8)
    starts = np.empty_like(ends)
    starts[0] = 0
    np.add(ends[:-1], 1, out=starts[1:])
    first = raw.take(starts)
    kinds = _KIND.take(first)
    bad, status, acknowledged, refused = 0, [], 0, 0
    if _largest(kinds) != _NO_KIND:  # frames and nothing else
        parts = _rows(digits, starts, ends, kinds)
        letters = np.count_nonzero(_LETTERS.take(first))
        if marks.searchsorted(ends[-1]) + 1 != len(ends) + letters:  # a strange character somewhere
            parts = [_checked(digits, part) for part in parts]
    else:
        framed = kinds != _NO_KIND
        parts = [_checked(digits, p) for p in _rows(digits, starts[framed], ends[framed], kinds[framed])]
        refused = int((raw[ends] == _BEL).sum())
        acknowledged = int((first == _CR).sum())
        others = ~framed & (starts != ends)
        for start, end in zip(starts[others].tolist(), ends[others].tolist(), strict=True):
            line = buffer[start:end]
            event = _event(line)
            if line in (b"z", b"Z"):
                acknowledged += 1
            elif re.fullmatch(rb"F[0-9A-Fa-f]{2}", line):
                status.append(int(line[1:], 16))
            elif event is not None:
                parts.append(_error_row(start, end, *event))
            elif not re.fullmatch(rb"[VvN][0-9A-Za-z._ -]*", line):
                bad += 1
                parts += _again(buffer, digits, [start], [end])
    for i, part in enumerate(parts):
        if not part.fine.all():
            lost = ~part.fine
            bad += int(lost.sum())
            parts[i] = part.only(part.fine)
            parts += _again(buffer, digits, part.starts[lost].tolist(), part.ends[lost].tolist())
    rest = buffer[int(ends[-1]) + 1 :]
    if len(rest) > LONGEST:
        rest, bad = b"", bad + 1
    rows = parts[0] if len(parts) == 1 else _merged(parts)
    return Lines(
        rows.id, rows.flags, rows.length, rows.data, rows.stamp_ms,
        tuple(status), acknowledged, refused, bad, rest,
    )  # fmt: skip


def _rows(digits: np.ndarray, starts: np.ndarray, ends: np.ndarray, kinds: np.ndarray) -> list[_Rows]:
    """Lines that begin with the letter of a frame, those with short and those with long ids. digits: of the
    whole buffer; more than 15: none. That all of a line are digits is not looked at."""
    if not _any_bit(kinds) & EXTENDED:
        return [_same_rows(digits, starts, ends, kinds, 3)]
    extended = kinds & EXTENDED
    if extended.all():
        return [_same_rows(digits, starts, ends, kinds, 8)]
    parts = []
    for size, which in ((3, extended == 0), (8, extended != 0)):
        parts.append(_same_rows(digits, starts[which], ends[which], kinds[which], size))
    return parts


def _same_rows(
    digits: np.ndarray, starts: np.ndarray, ends: np.ndarray, kinds: np.ndarray, id_digits: int
) -> _Rows:
    head = 2 + id_digits
    all_kinds = int(_any_bit(kinds))
    width = 64 if all_kinds & FD else 8
    table = digits.take(starts[:, None] + np.arange(head + 2 * width))
    ids = np.dot(table[:, 1 : 1 + id_digits], _WEIGHTS[-id_digits:])
    length = _LENGTH.take(table[:, head - 1], mode="clip")
    fine = ids <= (0x7FF if id_digits == 3 else 0x1FFFFFFF)
    fine &= length <= (np.where(kinds & FD, np.uint8(64), np.uint8(8)) if all_kinds & FD else 8)
    carried = length * (kinds & REMOTE == 0) if all_kinds & REMOTE else length
    surplus = ends - starts - head - 2 * carried.astype(np.intp)
    octets = table[:, head::2] << 4
    octets |= table[:, head + 1 :: 2]
    if width == 8:
        words = octets.view(np.uint64)[:, 0] & _MASKS_8.take(carried, mode="clip")
    else:
        words = octets.view(np.uint64) & _MASKS.take(carried, axis=0, mode="clip")
    data = words.view(np.uint8).reshape(-1, width)
    stamp_ms = np.full(len(starts), NO_STAMP, np.int32)
    if surplus.any():
        stamped = surplus == 4
        fine &= stamped | (surplus == 0)
        places = digits.take((ends - 4)[:, None].clip(min=0) + np.arange(4)).astype(np.int32)
        stamp_ms = np.where(stamped, places @ _WEIGHTS[-4:].astype(np.int32), stamp_ms)
    return _Rows(starts, ends, ids, kinds, length, data, stamp_ms, fine)


def _checked(digits: np.ndarray, rows: _Rows) -> _Rows:
    """Fine only where all behind the first letter is hexadecimal."""
    others = np.cumsum(digits > 0xF, dtype=np.int32)
    return rows._replace(fine=rows.fine & (others[rows.ends - 1] == others[rows.starts]))


def _again(buffer: bytes, digits: np.ndarray, starts: list[int], ends: list[int]) -> list[_Rows]:
    """What can be saved of damaged lines: the frame behind the last letter that begins one."""
    inner = []
    for start, end in zip(starts, ends, strict=True):
        found = [match.start() for match in _STARTS.finditer(buffer, start + 1, end)]
        if found:
            inner.append((found[-1], end))
    if not inner:
        return []
    where, until = (np.array(column, np.intp) for column in zip(*inner, strict=True))
    kinds = _KIND[np.frombuffer(buffer, np.uint8)[where]]
    saved = [_checked(digits, part) for part in _rows(digits, where, until, kinds)]
    return [part.only(part.fine) for part in saved]


def _event(line: bytes) -> tuple[int, bytes] | None:
    """State and error lines as error frames: class and data."""
    data = bytearray(8)
    state = re.fullmatch(rb"s([awpb])(\d{3})(\d{3})", line)
    if state:
        rx, tx = min(255, int(state[2])), min(255, int(state[3]))
        data[6], data[7] = tx, rx
        if state[1] == b"b":
            return BUS_OFF | COUNTERS, bytes(data)
        sending = tx >= rx
        data[1] = {b"a": ACTIVE, b"w": 0x08 if sending else 0x04, b"p": 0x20 if sending else 0x10}[state[1]]
        return CONTROLLER | COUNTERS, bytes(data)
    error = re.fullmatch(rb"e(\d)([abBcfoOs]+)", line)
    if not error or len(error[2]) != int(error[1]):
        return None
    kind = 0
    for letter in error[2].decode():
        if letter in "oO":
            kind |= CONTROLLER
            data[1] |= RX_OVERFLOW if letter == "o" else TX_OVERFLOW
            continue
        kind |= PROTOCOL | BUS_ERROR
        if letter in "ac":
            data[3] = 0x19 if letter == "a" else 0x08
        else:
            data[2] |= {"b": 0x08, "B": 0x10, "f": 0x02, "s": 0x04}[letter]
    return kind, bytes(data)


def status_event(status: int) -> tuple[int, bytes] | None:
    """The flags of an F line as an error frame: class and data; None: all is well."""
    data = bytearray(8)
    if status & (1 << 0 | 1 << 3):  # receive FIFO full, data overrun
        data[1] |= RX_OVERFLOW
    if status & 1 << 1:
        data[1] |= TX_OVERFLOW
    if status & 1 << 2:
        data[1] |= 0x04
    if status & 1 << 5:
        data[1] |= 0x10
    kind = CONTROLLER if data[1] else 0
    kind |= LOST_ARBITRATION if status & 1 << 6 else 0
    kind |= BUS_ERROR if status & 1 << 7 else 0
    return (kind, bytes(data)) if kind else None


def _error_row(start: int, end: int, kind: int, data: bytes) -> _Rows:
    return _Rows(
        np.array([start]),
        np.array([end]),
        np.array([kind], np.uint32),
        np.array([ERROR], np.uint16),
        np.array([8], np.uint8),
        np.frombuffer(data, np.uint8).reshape(1, 8),
        np.array([NO_STAMP], np.int32),
        np.array([True]),
    )


def _merged(parts: list[_Rows]) -> _Rows:
    order = np.argsort(np.concatenate([part.ends for part in parts]), kind="stable")
    width = max(part.data.shape[1] for part in parts)
    data = [np.pad(part.data, ((0, 0), (0, width - part.data.shape[1]))) for part in parts]
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in _Rows._fields
        if name != "data"
    }
    return _Rows(**columns, data=np.concatenate(data)).only(order)


def _nothing(buffer: bytes) -> Lines:
    bad = len(buffer) > LONGEST
    none = np.zeros(0, np.uint32)
    return Lines(
        none, none.astype(np.uint16), none.astype(np.uint8), np.zeros((0, 8), np.uint8),
        none.astype(np.int32), (), 0, 0, int(bad), b"" if bad else buffer,
    )  # fmt: skip
