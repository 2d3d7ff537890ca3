"""What one line of a textual CAN log says: candump, GVRET/SavvyCAN CSV, Vector ASC.

Each reader is called with a line and gives (t_ns, name of the bus, id, flags, payload), None for a line that
holds no frame by right, and raises BadLineError, which says why, for anything else.
"""

from __future__ import annotations

import re

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, REMOTE, TX

Found = tuple[int, str, int, int, bytes]
"""t_ns, name of the bus, id, flags, payload."""


class BadLineError(Exception):
    """A line that is no line of this format; the text says why."""


CANDUMP_LINE = re.compile(
    r"\((\d{1,12})\.(\d{1,9})\)[ \t]+(\S{1,64})[ \t]+([0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})#"
    r"(?:(R)[0-9]?|#([0-9A-Fa-f])((?:[0-9A-Fa-f]{2}){0,64})|((?:[0-9A-Fa-f]{2}){0,8}))(?:_[9A-Fa-f])?"
    r"(?:[ \t]+([RT]))?\s*"
)


class Candump:
    """candump -l (can-utils): `(1533226488.230547) can0 260#08FFFB0000001884`."""

    def __call__(self, line: str) -> Found | None:
        """The frame of this line."""
        found = CANDUMP_LINE.fullmatch(line)
        if not found:
            if not line.strip():
                return None
            raise BadLineError("not a candump line")
        seconds, fraction, bus, can_id, remote, fd_flags, fd_data, data, direction = found.groups()
        t_ns = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))
        identifier = int(can_id, 16)
        flags = 0
        if len(can_id) == 8:
            flags = ERROR if identifier & 0x20000000 else EXTENDED
            identifier &= 0x1FFFFFFF
        elif identifier > 0x7FF:
            raise BadLineError("an id of more than 11 bits")
        if remote:
            flags |= REMOTE
        elif fd_flags:
            bits = int(fd_flags, 16)
            flags |= FD | (BRS if bits & 1 else 0) | (ESI if bits & 2 else 0)
        if direction == "T":
            flags |= TX
        return t_ns, bus, identifier, flags, bytes.fromhex(fd_data or data or "")


class Gvret:
    """CSV of GVRET and SavvyCAN; the header names the columns; times in us, ids in hex."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}
        self._first_data = 0

    def __call__(self, line: str) -> Found | None:
        """The frame of this line."""
        cells = [cell.strip() for cell in line.split(",")]
        if cells == [""]:
            return None
        if not self._columns:
            self._columns = {cell.lower(): i for i, cell in enumerate(cells)}
            missing = {"time stamp", "id", "extended", "bus", "len"} - set(self._columns)
            if missing:
                self._columns = {}
                raise BadLineError(f"a header without {', '.join(sorted(missing))}")
            self._first_data = self._columns.get("d1", len(cells))
            return None
        try:
            stamp, can_id, extended, bus, length = (
                cells[self._columns[name]] for name in ("time stamp", "id", "extended", "bus", "len")
            )
            data = cells[self._first_data : self._first_data + int(length)]
            payload = bytes(int(cell, 16) for cell in data)
            identifier, t_ns, bus_number = int(can_id, 16), int(stamp) * 1000, int(bus)
        except (IndexError, ValueError):
            raise BadLineError("not a line of GVRET CSV") from None
        if len(payload) != int(length) or bus_number < 0:
            raise BadLineError("not a line of GVRET CSV")
        flags = EXTENDED if extended.lower() in ("true", "1") else 0
        if len(payload) > 8:
            flags |= FD
        direction = self._columns.get("dir")
        if direction is not None and cells[direction].lower() == "tx":
            flags |= TX
        _check_id(identifier, flags)
        return t_ns, f"can{bus_number}", identifier, flags, payload


_ASC_IGNORED = re.compile(
    r"\s*(?:$|//|;|date\b|base\b|begin|end|internal|no internal"
    r"|-?\d+\.\d+\s+(?:[A-Za-z]|\d+\s+(?:Statistic|TxErr|\S+\s+TxRq)))",
    re.IGNORECASE,
)
_ASC_ERROR = re.compile(r"\s*(\d+\.\d+)\s+(?:CANFD\s+)?(\d+)\s+(?:Rx\s+)?ErrorFrame", re.IGNORECASE)


class Asc:
    """Vector ASC: `0.083540 1  594x  Rx  d 8 34 21 ...` and its CANFD lines; channels count from 1.

    Files of other programs count from 0; their channels keep their number.
    """

    def __init__(self) -> None:
        self._base = 16
        self._relative = False
        self._t_ns = 0
        self._first_channel: int | None = None

    def __call__(self, line: str) -> Found | None:
        """The frame of this line."""
        words = line.split()
        if not words or not words[0][0].isdigit():
            self._header(line, words)
            return None
        error = _ASC_ERROR.match(line)
        try:
            if error:
                return self._time(error[1]), self._bus(int(error[2])), 0, ERROR, b""
            if len(words) > 1 and words[1] == "CANFD":
                return self._fd(words)
            return self._classic(words)
        except (IndexError, ValueError, OverflowError):
            if _ASC_IGNORED.match(line):
                return None
            raise BadLineError("not a frame of an ASC file") from None

    def _header(self, line: str, words: list[str]) -> None:
        if words and words[0].lower() == "base":
            self._base = 10 if "dec" in words[1:2] else 16
            self._relative = "relative" in words
        elif not _ASC_IGNORED.match(line):
            raise BadLineError("not a line of an ASC file")

    def _time(self, text: str) -> int:
        whole, _, fraction = text.partition(".")
        t_ns = int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))
        self._t_ns = self._t_ns + t_ns if self._relative else t_ns
        return self._t_ns

    def _bus(self, channel: int) -> str:
        if self._first_channel is None:
            self._first_channel = min(channel, 1)
        if channel < self._first_channel:
            raise BadLineError("channel 0 in a file that counts from 1")
        return f"can{channel - self._first_channel}"

    def _id(self, text: str) -> tuple[int, int]:
        extended = text[-1:] in ("x", "X")
        identifier = int(text[:-1] if extended else text, self._base)
        flags = EXTENDED if extended else 0
        _check_id(identifier, flags)
        return identifier, flags

    def _classic(self, words: list[str]) -> Found:
        channel, (identifier, flags) = int(words[1]), self._id(words[2])
        flags |= _direction(words[3])
        if words[4] == "r":
            payload = b""
            flags |= REMOTE
        elif words[4] == "d":
            payload = self._data(words[6:], int(words[5], 16))
        else:
            raise ValueError(words[4])
        return self._time(words[0]), self._bus(channel), identifier, flags, payload

    def _fd(self, words: list[str]) -> Found:
        channel, (identifier, flags) = int(words[2]), self._id(words[4])
        flags |= _direction(words[3])
        at = (
            5 if words[5] in ("0", "1") and words[6] in ("0", "1") else 6
        )  # a symbolic name may stand between
        brs, esi = int(words[at]), int(words[at + 1])
        payload = self._data(words[at + 4 :], int(words[at + 3]))
        flags |= FD | (BRS if brs else 0) | (ESI if esi else 0)
        return self._time(words[0]), self._bus(channel), identifier, flags, payload

    def _data(self, words: list[str], length: int) -> bytes:
        payload = bytes(int(word, self._base) for word in words[:length])
        if len(payload) != length:
            raise ValueError(length)
        return payload


def _direction(word: str) -> int:
    if word not in ("Rx", "Tx"):
        raise ValueError(word)
    return TX if word == "Tx" else 0


def _check_id(identifier: int, flags: int) -> None:
    if not 0 <= identifier <= (0x1FFFFFFF if flags & EXTENDED else 0x7FF):
        raise BadLineError("an id of too many bits")
