"""candump (can-utils): its log format, `(1533226488.230547) can0 260#08FFFB0000001884`, and what it prints on
the console, ` (1533226488.230547)  can0  260   [8]  08 FF FB 00 00 00 18 84`.

Layouts as can-utils of 2020 to 2026 write them with options -a -d -e -i -S -t -x -8 -N. CAN XL is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import BinaryIO

import numpy as np

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, REMOTE, TX, Frames
from edge.can.logs.report import BadDataError, LogError, Report
from edge.can.logs.rows import alike, beside, decimal, hexadecimal, in_order, pairs
from edge.can.logs.shapes import MAX_T_NS, Shape
from edge.can.logs.text import Found, read_lines

NAME = "candump"
SUFFIXES: tuple[str, ...] = (".log",)

_LOG_LINE = re.compile(
    r"\((\d{1,12})\.(\d{1,9})\)[ \t]+(\S{1,64})[ \t]+([0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})#(?:"
    r"(?P<remote>[Rr])(?P<asked>[0-9A-Fa-f])?(?:_[9A-Fa-f])?"
    r"|\#(?P<fd>[0-9A-Fa-f])(?P<fd_data>(?:\.?[0-9A-Fa-f]{2})*)"
    r"|(?P<data>(?:\.?[0-9A-Fa-f]{2})*)(?:_[9A-Fa-f])?"
    r")(?:[ \t]+(?P<direction>[RT]))?[ \t]*"
)
_CONSOLE_LINE = re.compile(
    r" *(?:\((?:(?P<date>\d{4}-\d\d-\d\d) (?P<hour>\d\d):(?P<minute>\d\d):)?"
    r"(\d{1,12})\.(\d{1,9})\)[ \t]+)?"
    r"(\S{1,64})[ \t]+(?:(?P<direction>[RT])X (?P<brs>[B-]) (?P<esi>[E-])[ \t]+)?"
    r"([0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})[ \t]+(?:\[(?P<length>\d\d?)\]|\{(?P<dlc>[0-9A-Fa-f])\})(?P<rest>.*)"
)
_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(?:(?P<gap>[ `])[0-9A-Fa-f]{2}(?:(?P=gap)[0-9A-Fa-f]{2})*)?")
_OCTETS = re.compile(r"[01]{8}(?:(?P<gap>[ `])[01]{8}(?:(?P=gap)[01]{8})*)?")
_TAIL = re.compile(r"(?:ERRORFRAME|'.*'|`.*`)?")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LOST = re.compile(r"DROPCOUNT: dropped (\d{1,10}) CAN frames? on ")
_ALMOST = re.compile(r"\(\d+\.\d+\)[ \t]+\S+[ \t]+([^\s#]*)#(\S*)(.*)")
_XL = re.compile(
    r"[ \t]*(?:\([^)]*\)[ \t]+)?\S+[ \t]+(?:[0-9A-F]{5}#|(?:[TR]X . .[ \t]+)?[0-9A-F]{3} \[\d{4}\] \()"
)
_SECOND = 10**9
_ABSOLUTE_NS = 10**9 * _SECOND
"""Times from here on (of 2001) count from 1970."""


class Candump:
    """Reads one line after the other; lines that candump prints beside the frames hold none by right."""

    def __init__(self, report: Report | None = None) -> None:
        self._report = report
        self.from_first = False
        """Console lines were seen that count from the first frame or from the one before."""

    def __call__(self, line: str) -> Found | None:
        """The frame of this line."""
        if found := _LOG_LINE.fullmatch(line):
            return _log_frame(found)
        if "\x1b" in line:
            line = _COLOUR.sub("", line)
        if found := _CONSOLE_LINE.fullmatch(line):
            self._note_times(found)
            return _console_frame(found)
        if not line.strip() or line.startswith("\t"):  # what -e says of an error frame follows on such lines
            return None
        if lost := _LOST.match(line):
            if self._report:
                self._report.lost += int(lost[1])
            return None
        raise BadDataError(_why(line))

    def _note_times(self, found: re.Match[str]) -> None:
        if found["date"]:
            note = "its dates have no zone, they are taken as UTC"
        elif found[4] is None:
            note = "it has no times, all frames are at 0"
        elif int(found[4]) * _SECOND < _ABSOLUTE_NS:
            self.from_first = True
            return
        else:
            return
        if self._report:
            self._report.note(note)


def _identifier(text: str) -> tuple[int, int]:
    identifier = int(text, 16)
    if len(text) == 3:
        if identifier > 0x7FF:
            raise BadDataError("an id of more than 11 bits")
        return identifier, 0
    if identifier > 0x3FFFFFFF:
        raise BadDataError("an id of more than 29 bits")
    return identifier & 0x1FFFFFFF, ERROR if identifier & 0x20000000 else EXTENDED


def _log_frame(found: re.Match[str]) -> Found:
    seconds, fraction, bus, can_id = found.group(1, 2, 3, 4)
    t_ns = int(seconds) * _SECOND + int(fraction.ljust(9, "0"))
    identifier, flags = _identifier(can_id)
    data = found["fd_data"] or found["data"] or ""
    payload = bytes.fromhex(data.replace(".", ""))
    if found["remote"]:
        flags |= REMOTE
        payload = bytes(min(int(found["asked"] or "0", 16), 8))
    elif found["fd"]:
        bits = int(found["fd"], 16)
        flags |= FD | (BRS if bits & 1 else 0) | (ESI if bits & 2 else 0)
    flags |= TX if found["direction"] == "T" else 0
    return t_ns, bus, identifier, flags, payload


def _console_frame(found: re.Match[str]) -> Found:
    seconds, fraction, bus, can_id = found.group(4, 5, 6, 10)
    t_ns = int(seconds) * _SECOND + int(fraction.ljust(9, "0")) if seconds else 0
    if found["date"]:
        try:
            day = datetime.strptime(found["date"], "%Y-%m-%d").replace(tzinfo=timezone.utc)
        except ValueError:
            raise BadDataError("a date that is none") from None
        t_ns += (int(day.timestamp()) + int(found["hour"]) * 3600 + int(found["minute"]) * 60) * _SECOND
    identifier, flags = _identifier(can_id)
    flags |= TX if found["direction"] == "T" else 0
    if found["length"] is None:
        length = min(int(found["dlc"], 16), 8)
    else:
        length = int(found["length"])
        if len(found["length"]) == 2:
            flags |= FD | (BRS if found["brs"] == "B" else 0) | (ESI if found["esi"] == "E" else 0)
    rest = found["rest"].strip(" \t")
    if rest == "remote request" and not flags & FD and length <= 8:
        return t_ns, bus, identifier, flags | REMOTE, bytes(length)
    return t_ns, bus, identifier, flags, _console_data(rest, length)


def _console_data(rest: str, length: int) -> bytes:
    """length bytes, in hexadecimal or binary, swapped if "`" stands between them; ASCII may follow."""
    data = b""
    for digits, base in (_OCTETS, 2), (_PAIRS, 16):
        width = (9 if base == 2 else 3) * length - 1
        if length and len(rest) >= width and (found := digits.fullmatch(rest, 0, width)):
            data = bytes(int(digit, base) for digit in re.split("[ `]", found[0]))
            data = data[::-1] if found["gap"] == "`" else data
            rest = rest[width:]
            break
    if len(data) != length:
        raise BadDataError(f"not {length} bytes of data, as its length says")
    if not _TAIL.fullmatch(rest.strip(" \t")):
        raise BadDataError(f"more than the {length} bytes of data that its length says")
    return data


def _why(line: str) -> str:
    """What is wrong with a line that is none of candump's."""
    if _XL.match(line):
        return "CAN XL, which is not read"
    if almost := _ALMOST.fullmatch(line):
        can_id, data = almost[1], almost[2].lstrip("#")
        if len(can_id) not in (3, 8) or not re.fullmatch("[0-9A-Fa-f]*", can_id):
            return "an id that is not of 3 or 8 hex digits"
        if not re.fullmatch("[0-9A-Fa-f.]*", data):
            return "data that is not hexadecimal"
        if len(data) % 2:
            return "half a byte at the end of its data"
    return "not a candump line"


def shape(line: str) -> Shape | None:
    """Where the fields of a line that Candump reads lie."""
    if found := _LOG_LINE.fullmatch(line):
        field = "fd_data" if found["fd"] else "data"
        data = found.span(field) if found[field] is not None else (0, 0)
        if found[field] and "." in found[field]:
            return None
        return Shape(
            time=(_seconds(found.span(1)), _fraction(found.span(2))),
            can_id=found.span(4),
            data=(data[0], (data[1] - data[0]) // 2, 2),
            key=_key(found.span(3)),
            open=data[1] == len(line) and field == "data",
            id_base=_id_base(found[4]),
        )
    found = _CONSOLE_LINE.fullmatch(line)
    if not found or found[4] is None or "`" in found["rest"].split("'")[0]:
        return None
    start = found.start("rest") + len(found["rest"]) - len(found["rest"].lstrip(" \t"))
    length = 0 if "remote" in found["rest"] else int(found["length"] or min(int(found["dlc"], 16), 8))
    if length and not _PAIRS.fullmatch(line[start : start + 3 * length - 1]):
        return None
    end = start + max(3 * length - 1, 0)
    quoted = line.find("'", end)
    times = [_seconds(found.span(4)), _fraction(found.span(5))]
    if found["date"]:
        times += [(*found.span("hour"), 3600 * _SECOND), (*found.span("minute"), 60 * _SECOND)]
    return Shape(
        time=tuple(times),
        can_id=found.span(10),
        data=(start, length, 3),
        key=_key(found.span(6)),
        ignored=((quoted + 1, line.rindex("'")),) if quoted >= 0 else (),
        id_base=_id_base(found[10]),
    )


def _name(bus: str) -> bytes:
    return re.sub(rb"\s", b"_", bus.encode("ascii", "replace") or b"_") + b" "


def _seconds(span: tuple[int, int]) -> tuple[int, int, int]:
    return *span, _SECOND


def _fraction(span: tuple[int, int]) -> tuple[int, int, int]:
    return *span, 10 ** (9 - (span[1] - span[0]))


def _key(name: tuple[int, int]) -> tuple[int, int] | None:
    return name if name[1] - name[0] <= 8 else None


def _id_base(can_id: str) -> int:
    return int(can_id, 16) & 0x20000000 if len(can_id) == 8 else 0


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    lines = head.decode("latin-1").removeprefix("\xef\xbb\xbf").splitlines()[:200]
    return any(_LOG_LINE.fullmatch(line) or _CONSOLE_LINE.fullmatch(_COLOUR.sub("", line)) for line in lines)


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of the file."""
    parse = Candump(report)
    differences: bool | None = None
    t_ns = 0
    for batch in read_lines(file, report, parse, shape):
        if parse.from_first and batch.t_ns.max() < _ABSOLUTE_NS:
            if differences is None:
                differences = _are_differences(batch.t_ns)
                report.note(f"its times count from the {'frame before' if differences else 'first frame'}")
            if differences:
                batch.t_ns[0] += t_ns
                np.cumsum(batch.t_ns, out=batch.t_ns)
                t_ns = int(batch.t_ns[-1])
        yield batch


def _are_differences(t_ns: np.ndarray) -> bool:
    """Whether times from 0 on are each frame's distance from the one before (candump -t d), not its time
    since the first (-t z): the latter seldom stand still or go back."""
    return len(t_ns) > 1 and np.count_nonzero(np.diff(t_ns) <= 0) * 4 >= len(t_ns) - 1


class Writer:
    """Writes what `candump -l` does; times of less than a microsecond as `candump -N -l` does."""

    def __init__(self, file: BinaryIO, buses: Sequence[str]) -> None:
        self._file = file
        self._buses = buses

    def write(self, batch: Frames) -> None:
        """Append frames. Raises LogError for times that the format cannot say."""
        if len(batch) and (batch.t_ns.min() < 0 or batch.t_ns.max() >= MAX_T_NS):
            raise LogError("a frame of before 1970 or after 2116: such times are not written")
        nanoseconds = batch.t_ns % 1000 != 0
        groups = []
        for rows in alike(batch.flags, batch.bus, batch.length, nanoseconds):
            groups.append((rows, self._lines(batch[rows], bool(nanoseconds[rows[0]]))))
        self._file.write(in_order(groups, len(batch)))

    def close(self) -> None:
        """Nothing to finish."""

    def _lines(self, batch: Frames, nanoseconds: bool) -> np.ndarray:
        """Frames of the same flags, bus and length."""
        flags, length = int(batch.flags[0]), int(batch.length[0])
        seconds = batch.t_ns // _SECOND
        ns = batch.t_ns - seconds * _SECOND
        fraction = decimal(ns, 10)[:, 1:] if nanoseconds else decimal(ns // 1000, 6)
        ids = batch.id | np.uint32(0x20000000 if flags & ERROR else 0)
        data: list[np.ndarray | bytes] = [pairs(batch.data[:, :length])]
        if flags & REMOTE:
            data = [b"R%d" % length if length else b"R"]
        elif flags & FD:
            data.insert(0, b"#%X" % ((flags & BRS and 1) | (flags & ESI and 2) | 4))
        parts = [
            *(b"(", decimal(seconds, 10), b".", fraction, b") "),
            *(
                _name(self._buses[batch.bus[0]]),
                hexadecimal(ids, 8 if flags & (EXTENDED | ERROR) else 3),
            ),
            *(b"#", *data, b" T\n" if flags & TX else b"\n"),
        ]
        return beside(parts, len(batch))
