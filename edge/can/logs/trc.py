"""PEAK-System trace files, versions 1.0, 1.1, 1.2, 1.3, 2.0 and 2.1 (PEAK CAN TRC File Format, 2023).

Times are the $STARTTIME, taken as UTC, and an offset in ms; without $STARTTIME (1.0) the start that the
header's comment tells, and without that the offset alone. Buses count from 1 (can0). Changes of the hardware
status and of error counters, warnings and the user's events are no frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, Frames
from edge.can.logs.dates import parse_numeric_date
from edge.can.logs.report import BadDataError, Report
from edge.can.logs.shapes import Shape, padded_from
from edge.can.logs.text import Found, Header, check_id, read_lines

NAME = "trc"
SUFFIXES: tuple[str, ...] = (".trc",)

COLUMNS = {
    (1, 0): "NOILD", (1, 1): "NOTILD", (1, 2): "NOBTILD", (1, 3): "NOBTIRLD", (2, 0): "NOTIdlD",
    (2, 1): "NOTBIdRLD",
}  # fmt: skip
"""By version: N number, O offset in ms, T type, B bus, I id, d direction, R reserved, L DLC, l length, D
data. In versions 1.x the type is the direction; versions 2.x name theirs in $COLUMNS."""

_FRAME_TYPES = {"DT": 0, "RR": REMOTE, "FD": FD, "FB": FD | BRS, "FE": FD | ESI, "BI": FD | BRS | ESI}
_EVENT_TYPES = ("ST", "EC", "EV", "Warng")
_DAY_NS = 86_400_000_000_000
_1970 = 25_569
"""In days since 30 December 1899, from which $STARTTIME counts."""

ERR_PROTOCOL, ERR_BUS_ERROR, ERR_COUNTERS = 0x08, 0x80, 0x200
"""Bits of an error frame's id: CAN_ERR_PROT, CAN_ERR_BUSERROR and CAN_ERR_CNT of linux/can/error.h."""
ERR_SENDING = 0x80
"""CAN_ERR_PROT_TX, a bit of its data[2]; CAN_ERR_PROT_BIT, _FORM and _STUFF are 1, 2 and 4 as in PEAK's."""

_HEADER = re.compile(r";\s*(\$[A-Z]+)\s*=\s*(.*\S)|;\s*Start time:\s*(.*\S)")
_DATA = re.compile("([0-9A-F]{2}( |$))*", re.IGNORECASE)
_TIME = re.compile(r"(-?)(\d{1,15})(?:\.(\d{1,6}))?")


class Trc:
    """Reads lines; keeps what the header said."""

    def __init__(self) -> None:
        self._columns = COLUMNS[1, 0]
        self._start_ns = 0
        self._known_start = False

    def __call__(self, line: str) -> Found | Header | None:
        """The frame of this line."""
        line = line.strip()
        if line.startswith(";"):
            return self._header(line)
        if not line:
            return None
        columns = self._columns
        words = line.split(None, len(columns) - 1)
        try:
            kind = words[columns.index("T")] if "T" in columns else ""
            if kind in _EVENT_TYPES:
                return None
            offset = _TIME.fullmatch(words[columns.index("O")])
            if not offset:
                raise ValueError
            t_ns = self._start_ns + _ms(*offset.groups())
            bus = _bus(words[columns.index("B")]) if "B" in columns else "can0"
            if kind == "ER":
                return t_ns, bus, *_error(line.split()[-5:])
            return _frame(t_ns, bus, kind, columns, words)
        except (LookupError, ValueError):
            raise BadDataError("not a line of a TRC file") from None

    def shape(self, line: str) -> Shape | None:
        """Where the fields of a line that is a data frame lie."""
        columns = self._columns
        spans = [word.span() for word in re.finditer(r"\S+", line)]
        if len(spans) < len(columns) - 1:
            return None
        spans.append((len(line), len(line)))  # a frame without data
        at = dict(zip(columns, spans, strict=False))
        kind = line[slice(*at["T"])] if "T" in at else "Rx"
        text = line[at["D"][0] :].rstrip()
        if kind not in ("Rx", "Tx", *_FRAME_TYPES) or not _DATA.fullmatch(text):
            return None
        whole, end = at["O"]
        dot = line.find(".", whole, end) if "." in line[whole:end] else end
        told = [at[name] for name in "TB" if name in at]
        if told and max(told)[1] - min(told)[0] > 8:
            return None
        time = [(padded_from(line, whole, dot), dot, 10**6)]
        number = at.get("N", (0, 0))
        if number[1] - number[0] <= 8 and re.fullmatch(r"\d+\)?", line[slice(*number)], re.ASCII):
            last = number[1] - (line[number[1] - 1] == ")")
            time = [(padded_from(line, number[0], last), last, 0), *time]  # it is no time, but such a number
        padded = len(time)
        if dot < end:
            time.append((dot + 1, end, 10 ** (7 + dot - end)))
        return Shape(
            time=tuple(time),
            padded=padded,
            can_id=at["I"],
            data=(at["D"][0], (len(text) + 1) // 3, 3),
            key=(min(told)[0], max(told)[1]) if told else None,
        )

    def _header(self, line: str) -> Header | None:
        found = _HEADER.match(line)
        if not found:
            return None
        name, value, comment = found.groups()
        if comment and not self._known_start:
            self._start_ns = parse_numeric_date(comment) or 0
        elif name == "$FILEVERSION":
            version = re.match(r"(\d+)\.(\d+)", value)
            columns = COLUMNS.get((int(version[1]), int(version[2]))) if version else None
            if columns is None:
                raise BadDataError(f"version {value} of TRC is not known")
            self._columns = columns
        elif name == "$COLUMNS":
            columns = value.replace(",", "").replace(" ", "")
            if (
                {"O", "T", "I"} - set(columns)
                or not {"L", "l"} & set(columns)
                or columns[-1] != "D"
                or len(set(columns)) < len(columns)
            ):
                raise BadDataError("columns without a time, type, id, length or data, or one of them twice")
            self._columns = columns
        elif name == "$STARTTIME":
            start = re.match(r"(\d{1,6})(?:[.,](\d{1,18}))?", value)
            if not start:
                raise BadDataError("no start time")
            self._start_ns, self._known_start = _days(start[1], start[2] or ""), True
        return Header.CHANGED


def _days(whole: str, fraction: str) -> int:
    """ns since 1970, to the microsecond: the digits that PEAK's programs write mean no more."""
    if int(whole) < _1970:
        return 0
    scale = 10 ** len(fraction)
    us = (int(fraction or "0") * (_DAY_NS // 1000) + scale // 2) // scale
    return (int(whole) - _1970) * _DAY_NS + us * 1000


def _ms(sign: str, whole: str, fraction: str | None) -> int:
    t_ns = int(whole) * 1_000_000 + int((fraction or "").ljust(6, "0"))
    return -t_ns if sign else t_ns


def _bus(text: str) -> str:
    number = int(text)
    if not 0 <= number <= 255:
        raise ValueError
    return f"can{number - 1}" if number else "channel0"


def _frame(t_ns: int, bus: str, kind: str, columns: str, words: list[str]) -> Found | None:
    can_id = words[columns.index("I")]
    rest = words[-1].split() if len(words) == len(columns) else []
    if kind == "Error" or (not kind and rest[:1] == ["ERROR"]):
        return t_ns, bus, *_error([can_id, *rest[-4:]])
    if can_id == "FFFFFFFF":
        return None  # a warning in 1.0
    if "d" in columns:
        flags, direction = _FRAME_TYPES[kind], words[columns.index("d")]
    else:
        flags, direction = (REMOTE if rest[:1] == ["RTR"] else 0), kind or "Rx"
    if direction not in ("Rx", "Tx"):
        raise ValueError
    flags |= (EXTENDED if len(can_id) > 4 else 0) | (TX if direction == "Tx" else 0)
    identifier = int(can_id, 16)
    check_id(identifier, flags)
    if "l" in columns:
        length = int(words[columns.index("l")])
    else:
        dlc = int(words[columns.index("L")])
        length = FD_LENGTHS[dlc] if flags & FD else min(dlc, 8)
    if length < 0:
        raise ValueError
    if flags & REMOTE:
        return t_ns, bus, identifier, flags, bytes(min(length, 8))
    payload = bytes(int(byte, 16) for byte in rest)
    if len(payload) != length:
        raise ValueError
    return t_ns, bus, identifier, flags, payload


def _error(words: list[str]) -> tuple[int, int, bytes]:
    """The id, flags and data of an error frame: its type (1 bit, 2 form, 4 stuff, 8 another), direction (0
    while sending), position in the frame (the segments that linux/can/error.h numbers) and counters."""
    kind, direction, position, received, sent = (int(word, 16) for word in words)
    told = kind & 7
    data = bytes((0, 0, told | (0 if direction else ERR_SENDING), position, 0, 0, sent, received))
    return ERR_BUS_ERROR | ERR_COUNTERS | (ERR_PROTOCOL if told or position else 0), ERROR, data


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return bool(re.search(rb"(?m)^[ \t]*;[ \t]*(\$FILEVERSION[ \t]*=|PCAN-Net:|\+-current number)", head))


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of the file."""
    trc = Trc()
    return read_lines(file, report, trc, trc.shape)
