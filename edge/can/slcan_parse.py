"""The lines of an SLCAN adapter, a whole read at a time.

Source: LAWICEL CANUSB manual 1.0 (t, T, r, R, F, Z), CANable 2 firmware (d, D, b, B for CAN FD), state and
error lines as Linux drivers/net/can/slcan has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from edge.can.frames import BRS, ERROR, EXTENDED, FD, FD_LENGTHS, REMOTE
from edge.can.socketcan_errors import (
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
_HEX = np.full(256, 0xFF, np.uint8)
for _value, _digits in enumerate("0123456789ABCDEF"):
    _HEX[[ord(_digits), ord(_digits.lower())]] = _value
_LENGTH = np.array([*FD_LENGTHS, 0xFF], np.uint8)  # by DLC, 255 for what is none
_FULL = np.zeros(LONGEST + 8, np.uint8)
_MASKS = np.where(np.arange(64) < np.arange(65)[:, None], 0xFF, 0).astype(np.uint8).view(np.uint64)
_STARTS = re.compile(rb"[tTrR]")


@dataclass(frozen=True)
class Lines:
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


@dataclass(frozen=True)
class _Rows:
    """Lines read as frames; ends: where in the buffer; fine: which are."""

    ends: np.ndarray
    id: np.ndarray
    flags: np.ndarray
    length: np.ndarray
    data: np.ndarray
    stamp_ms: np.ndarray
    fine: np.ndarray

    def only(self, which: np.ndarray) -> _Rows:
        return _Rows(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def parse(buffer: bytes) -> Lines:
    """All whole lines of a buffer. After damage it goes on at the next letter that begins a frame."""
    raw = np.frombuffer(buffer, np.uint8)
    ends = np.flatnonzero((raw == _CR) | (raw == _BEL))
    if not len(ends):
        return _nothing(buffer)
    rest = buffer[ends[-1] + 1 :]
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    digits = np.concatenate([_HEX[raw], _FULL])
    first = raw[starts]
    empty = first == _CR
    empty |= first == _BEL
    kinds = _KIND[first]
    framed = kinds != _NO_KIND
    rows = _rows(digits, starts[framed], ends[framed], kinds[framed])
    bad, status, acknowledged, refused = 0, [], 0, 0
    parts = [rows]
    if not rows.fine.all():
        lost = ~rows.fine
        bad += int(lost.sum())
        parts = [rows.only(rows.fine)]
        parts += _again(buffer, digits, starts[framed][lost], ends[framed][lost])
    if not framed.all():
        refused = int((raw[ends] == _BEL).sum())
        acknowledged = int((empty & (first == _CR)).sum())
        for start, end in zip(
            starts[~framed & ~empty].tolist(), ends[~framed & ~empty].tolist(), strict=True
        ):
            line = buffer[start:end]
            event = _event(line)
            if line in (b"z", b"Z"):
                acknowledged += 1
            elif re.fullmatch(rb"F[0-9A-Fa-f]{2}", line):
                status.append(int(line[1:], 16))
            elif event is not None:
                parts.append(_error_row(end, *event))
            elif not re.fullmatch(rb"[VvN][0-9A-Za-z._ -]*", line):
                bad += 1
                parts += _again(buffer, digits, np.array([start]), np.array([end]))
    if len(parts) > 1:
        rows = _merged(parts)
    if len(rest) > LONGEST:
        rest, bad = b"", bad + 1
    return Lines(
        rows.id, rows.flags, rows.length, rows.data, rows.stamp_ms,
        tuple(status), acknowledged, refused, bad, rest,
    )  # fmt: skip


def _rows(digits: np.ndarray, starts: np.ndarray, ends: np.ndarray, kinds: np.ndarray) -> _Rows:
    """Lines that begin with the letter of a frame. digits: of the whole buffer, 255 for what is none."""
    extended = kinds & EXTENDED != 0
    id_digits = np.where(extended, 8, 3)
    head = digits[starts[:, None] + np.arange(1, 9)]
    spread = (head & 0xF).astype(np.uint32)
    ids = spread[:, 0] << 8 | spread[:, 1] << 4 | spread[:, 2]
    if extended.any():
        whole = ids
        for place in range(3, 8):
            whole = whole << 4 | spread[:, place]
        ids = np.where(extended, whole, ids)
    at = starts + 1 + id_digits
    dlc = np.minimum(digits.take(at), 16)
    length = _LENGTH[dlc]
    fd = kinds & FD != 0
    fine = (length <= 8) | (fd & (length != 0xFF))
    fine &= ids <= np.where(extended, np.uint32(0x1FFFFFFF), np.uint32(0x7FF))
    length = np.where(fine, length, 0).astype(np.uint8)
    carried = length * (kinds & REMOTE == 0)
    at += 1 + 2 * carried.astype(np.intp)
    stamped = ends == at + 4
    fine &= stamped | (ends == at)
    fine &= _all_digits(digits, starts, ends)
    width = 64 if (carried > 8).any() else 8
    pairs = digits[(starts + 2 + id_digits)[:, None].clip(max=len(digits) - 2 * width) + np.arange(2 * width)]
    octets = pairs[:, 0::2] << 4
    octets |= pairs[:, 1::2]
    data = (octets.view(np.uint64) & _MASKS[carried, : width // 8]).view(np.uint8)
    stamp_ms = np.full(len(starts), NO_STAMP, np.int32)
    if stamped.any():
        places = digits[np.minimum(at, len(digits) - 4)[:, None] + np.arange(4)].astype(np.int32)
        value = places[:, 0] << 12 | places[:, 1] << 8 | places[:, 2] << 4 | places[:, 3]
        stamp_ms = np.where(stamped, value, stamp_ms)
    return _Rows(ends, ids, kinds, length, data, stamp_ms, fine)


def _all_digits(digits: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Whether all behind the first letter of each line is hexadecimal."""
    others = np.cumsum(digits == 0xFF, dtype=np.int32)
    return others[ends - 1] == others[starts]


def _again(buffer: bytes, digits: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[_Rows]:
    """What can be saved of damaged lines: the frame behind the last letter that begins one."""
    inner = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        found = [match.start() for match in _STARTS.finditer(buffer, start + 1, end)]
        if found:
            inner.append((found[-1], end))
    if not inner:
        return []
    where, until = (np.array(column, np.intp) for column in zip(*inner, strict=True))
    kinds = _KIND[np.frombuffer(buffer, np.uint8)[where]]
    rows = _rows(digits, where, until, kinds)
    return [rows.only(rows.fine)]


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


def _error_row(end: int, kind: int, data: bytes) -> _Rows:
    return _Rows(
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
        for name in _Rows.__dataclass_fields__
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
