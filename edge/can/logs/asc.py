"""Vector ASC: `0.083540 1  594x  Rx  d 8 34 21 ...`, its CANFD and CANXL lines.

Layouts as CANalyzer, CANoe, python-can and can-utils write them. Channels count from 1 (can0); in a file that
has a channel 0 among its first lines they count from 0. What a bus did not carry is no frame: statistics,
status, transmit requests (TxRq), other buses' and programs' events.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, REMOTE, TX, Frames
from edge.can.logs.dates import parse_date
from edge.can.logs.report import BadDataError, Report
from edge.can.logs.shapes import Shape, Span, padded_from
from edge.can.logs.text import Found, Header, check_id, read_lines

NAME = "asc"
SUFFIXES: tuple[str, ...] = (".asc",)

BUS_ERROR = 0x80
"""The id of an error frame of which nothing more is known: CAN_ERR_BUSERROR of linux/can/error.h."""

_TIMED = re.compile(r"\s*(-?\d{1,10}\.\d{1,9})\s+(.*\S)", re.DOTALL)
_CLASSIC = re.compile(
    r"(\d{1,3})\s+(\S+)\s+(Rx|Tx)\s+(?:d\s+([0-9A-F])((?:\s+[0-9A-F]{1,3})*)|r(?:\s+([0-9A-F]))?)(?!\S)(.*)",
    re.IGNORECASE | re.DOTALL,
)
_ERROR = re.compile(r"(?:CANFD\s+|CANXL\s+)?(\d{1,3})\s+(?:(Rx|Tx)\s+)?ErrorFrame", re.IGNORECASE)
_FD = re.compile(
    r"CANFD\s+(\d{1,3})\s+(Rx|Tx)\s+(\S+)\s+(?:(\S+\s+))??([01])\s+([01])\s+([0-9A-F])\s+(\d{1,2})(?!\S)(.*)",
    re.IGNORECASE | re.DOTALL,
)
_XL = re.compile(
    r"CANXL\s+(\d{1,3})\s+(Rx|Tx)\s+([CF])[BE]FF\s+\S+\s+\S+\s+(\S+)\s+(?:\S+\s+)??([0-9A-F])\s+(\d{1,2})(?!\S)(.*)",
    re.IGNORECASE | re.DOTALL,
)
_ID = re.compile(r"[0-9A-F]+x?", re.IGNORECASE)
_HEADER = re.compile(
    r"\s*(?:$|//|;|date\b|base\b|begin\b|end\b|internal events|no internal|previous log)", re.IGNORECASE
)
_LOGGED_ID = re.compile(r"\bID = (\d{1,10})(x?)", re.IGNORECASE)
_CHANNEL_0 = re.compile(rb"(?m)^[ \t]*\d+\.\d+[ \t]+(?:CANFD[ \t]+)?0[ \t]+\S")

_HEAD_BYTES = 1 << 16
"""In which a channel 0 is looked for."""
_FLAG_REMOTE, _FLAG_FD, _FLAG_BRS, _FLAG_ESI = 0x10, 0x1000, 0x2000, 0x4000
"""Of the flags near the end of CANFD and CANXL lines."""


class Asc:
    """Reads lines; keeps what the header and the lines before said."""

    def __init__(self) -> None:
        self.first_channel = 1
        self._base = 16
        self._relative = False
        self._origin_ns = 0
        self._block_ns: int | None = None  # the date of a trigger block that no time has followed yet
        self._blocks = 0
        self._offset_ns = 0

    def __call__(self, line: str) -> Found | Header | None:
        """The frame of this line."""
        timed = _TIMED.match(line)
        if not timed:
            return self._header(line)
        t_ns, rest = self._time(timed[1]), timed[2]
        classic = _CLASSIC.match(rest)
        if classic:
            return self._classic(t_ns, classic)
        error = _ERROR.match(rest)
        if error:
            flags = ERROR | (TX if (error[2] or "").lower() == "tx" else 0)
            return t_ns, self._bus(error[1]), BUS_ERROR, flags, bytes(8)
        fd = _FD.match(rest)
        if fd:
            return self._fd(t_ns, fd)
        xl = _XL.match(rest)
        if xl:
            return self._xl(t_ns, xl)
        if _is_event(rest.split()):
            return None
        raise BadDataError("not a frame of an ASC file")

    def shape(self, line: str) -> Shape | None:
        """Where the fields of a line that is a data frame lie."""
        timed = _TIMED.match(line)
        if not timed or self._relative or self._base == 10 or timed[1][0] == "-":
            return None
        at, rest = timed.start(2), timed[2]
        ignored: tuple[Span, ...] = ()
        found, can_id, data = _CLASSIC.match(rest), 2, 5
        length = min(int((found and found[4]) or "0", 16), 8)
        if not found:
            found, can_id, data = _FD.match(rest), 3, 9
            length = int(found[8]) if found else 0
            if found and found[4]:
                ignored = ((found.start(4), found.end(4) - 1),)  # a database's name of the id
        if not found or found[data] is None:
            return None
        digits, end = found.start(data), found.start(data) + 3 * length
        if not re.fullmatch(rf"(?: [0-9A-Fa-f]{{2}}){{{length}}}", rest[digits:end]):
            return None
        ignored += _tail(rest, end, data == 5 or length > 8 or "1" in (found[5], found[6]))
        (a, b), dot, (c, d) = timed.span(1), line.index("."), found.span(can_id)
        return Shape(
            time=((padded_from(line, a, dot), dot, 10**9), (dot + 1, b, 10 ** (10 + dot - b))),
            can_id=(at + c, at + d - (rest[d - 1] in "xX")),
            data=(at + digits + 1, length, 3),
            key=(at + found.start(1), at + found.end(1)),
            padded=1,
            ignored=tuple((at + i, at + j) for i, j in ignored),
        )

    def _header(self, line: str) -> Header | None:
        if not _HEADER.match(line):
            raise BadDataError("not a line of an ASC file")
        words = line.lower().split()
        if words[:1] == ["base"]:
            self._base = 10 if words[1:2] == ["dec"] else 16
            self._relative = "relative" in words
        elif words[:1] == ["date"]:
            self._origin_ns = _date(line) or 0
        elif words[:2] == ["begin", "triggerblock"]:
            self._block_ns = _date(line)
        else:
            return None
        return Header.CHANGED

    def _time(self, text: str) -> int:
        whole, _, fraction = text.lstrip("-").partition(".")
        t_ns = int(whole) * 1_000_000_000 + int(fraction.ljust(9, "0"))
        t_ns = -t_ns if text[0] == "-" else t_ns
        self._offset_ns = self._offset_ns + t_ns if self._relative else t_ns
        if self._block_ns is not None:
            # The first block's date is the start of the measurement. The times of a later one go on counting
            # from there, or from its own date: whichever brings them nearer to its date.
            late_ns = abs(self._origin_ns + self._offset_ns - self._block_ns)
            if not self._blocks or late_ns > abs(self._offset_ns):
                self._origin_ns = self._block_ns
            self._blocks += 1
            self._block_ns = None
        return self._origin_ns + self._offset_ns

    def _bus(self, text: str) -> str:
        number = int(text) - self.first_channel
        return f"can{number}" if number >= 0 else "channel0"

    def _id(self, text: str, tail: str = "") -> tuple[int, int]:
        """Where a database's name stands for the id, the end of the line tells it in decimal."""
        number, base, extended = text.lower().removesuffix("x"), self._base, text[-1] in "xX"
        if not _is_id(number, base, extended):
            logged = _LOGGED_ID.search(tail)
            if not logged:
                raise BadDataError(f"no id: {text}")
            number, base, extended = logged[1], 10, bool(logged[2])
        identifier, flags = int(number, base), EXTENDED if extended else 0
        check_id(identifier, flags)
        return identifier, flags

    def _classic(self, t_ns: int, found: re.Match[str]) -> Found:
        channel, can_id, direction, dlc, data, asked, tail = found.groups()
        identifier, flags = self._id(can_id, tail)
        flags |= TX if direction.lower() == "tx" else 0
        if dlc is None:
            length = min(int(asked or "0", 16), 8)
            return t_ns, self._bus(channel), identifier, flags | REMOTE, bytes(length)
        payload = self._data(data.split(), min(int(dlc, 16), 8))
        return t_ns, self._bus(channel), identifier, flags, payload

    def _fd(self, t_ns: int, found: re.Match[str]) -> Found:
        channel, direction, can_id, _, brs, esi, dlc, length, rest = found.groups()
        words = rest.split()
        identifier, flags = self._id(can_id)
        flags |= TX if direction.lower() == "tx" else 0
        payload = self._data(words, int(length))
        logged = _hex(words[len(payload) + 2 : len(payload) + 3])
        if brs == "1" or esi == "1" or len(payload) > 8 or logged is None or logged & _FLAG_FD:
            flags |= FD | (BRS if brs == "1" else 0) | (ESI if esi == "1" else 0)
        elif logged & _FLAG_REMOTE:
            return t_ns, self._bus(channel), identifier, flags | REMOTE, bytes(min(int(dlc, 16), 8))
        return t_ns, self._bus(channel), identifier, flags, payload

    def _xl(self, t_ns: int, found: re.Match[str]) -> Found:
        channel, direction, kind, can_id, dlc, length, rest = found.groups()
        words = rest.split()
        identifier, flags = self._id(can_id)
        flags |= TX if direction.lower() == "tx" else 0
        payload = self._data(words, int(length))
        at = len(payload) + (2 if kind in "Ff" else 1)
        logged = _hex(words[at : at + 1]) or 0
        if kind in "Ff":
            flags |= FD | (BRS if logged & _FLAG_BRS else 0) | (ESI if logged & _FLAG_ESI else 0)
        elif logged & _FLAG_REMOTE:
            return t_ns, self._bus(channel), identifier, flags | REMOTE, bytes(min(int(dlc, 16), 8))
        return t_ns, self._bus(channel), identifier, flags, payload

    def _data(self, words: list[str], length: int) -> bytes:
        try:
            payload = bytes(int(word, self._base) for word in words[:length])
        except ValueError:
            payload = b""
        if len(payload) != length:
            raise BadDataError(f"not the {length} bytes of data that it says")
        return payload


def _tail(rest: str, end: int, meaningless: bool) -> tuple[Span, ...]:
    """What stands behind the data and does not matter: all of it, or all but the flags."""
    if meaningless:
        return ((end + 1, len(rest)),)
    words = list(re.finditer(r"\S+", rest[end:]))[:3]
    if len(words) < 3:
        return ()
    return (end + 1, end + words[2].start() - 1), (end + words[2].end() + 1, len(rest))


def _is_event(words: list[str]) -> bool:
    """Whether a line of these words after its time is known to hold no frame."""
    if words[0][0].isalpha():
        return words[0].upper() not in ("CANFD", "CANXL") or "TxRq" in words[:3]
    if "TxRq" in words[:3]:
        return True
    return words[0].isdigit() and not _ID.fullmatch(words[1] if words[1:] else "0") and words[2:3] != ["Rx"]


def _date(line: str) -> int | None:
    with contextlib.suppress(UnicodeDecodeError):  # Vector's programs write the code page of the machine
        line = line.encode("latin-1").decode("utf-8")
    return parse_date(" ".join(line.split()[1:]).removeprefix("Triggerblock").removeprefix("TriggerBlock"))


def _is_id(text: str, base: int, extended: bool) -> bool:
    """Of a name such as "Fade" too, whose letters are hex digits, but which no 11 bits hold."""
    try:
        return 0 <= int(text, base) <= (0x1FFFFFFF if extended else 0x7FF)
    except ValueError:
        return False


def _hex(words: list[str]) -> int | None:
    try:
        return int(words[0], 16)
    except (IndexError, ValueError):
        return None


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return bool(re.search(rb"(?im)^\s*(date |base (hex|dec)|begin triggerblock)", head))


class _Watched:
    """A file whose first bytes tell whether channels count from 0."""

    def __init__(self, file: BinaryIO, asc: Asc) -> None:
        self._file = file
        self._asc: Asc | None = asc

    def read(self, size: int) -> bytes:
        block = self._file.read(size)
        if self._asc:
            self._asc.first_channel = 0 if _CHANNEL_0.search(block[:_HEAD_BYTES]) else 1
            self._asc = None
        return block


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of the file."""
    asc = Asc()
    return read_lines(cast(BinaryIO, _Watched(file, asc)), report, asc, asc.shape)
