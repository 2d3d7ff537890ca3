"""Vector ASC: `0.083540 1  594x  Rx  d 8 34 21 ...` and its CANFD lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, REMOTE, TX, Frames
from edge.can.logs.report import BadDataError, Report
from edge.can.logs.text import Found, check_id, read_lines

NAME = "asc"
SUFFIXES: tuple[str, ...] = (".asc",)

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
            raise BadDataError("not a frame of an ASC file") from None

    def _header(self, line: str, words: list[str]) -> None:
        if words and words[0].lower() == "base":
            self._base = 10 if "dec" in words[1:2] else 16
            self._relative = "relative" in words
        elif not _ASC_IGNORED.match(line):
            raise BadDataError("not a line of an ASC file")

    def _time(self, text: str) -> int:
        whole, _, fraction = text.partition(".")
        t_ns = int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))
        self._t_ns = self._t_ns + t_ns if self._relative else t_ns
        return self._t_ns

    def _bus(self, channel: int) -> str:
        if self._first_channel is None:
            self._first_channel = min(channel, 1)
        if channel < self._first_channel:
            raise BadDataError("channel 0 in a file that counts from 1")
        return f"can{channel - self._first_channel}"

    def _id(self, text: str) -> tuple[int, int]:
        extended = text[-1:] in ("x", "X")
        identifier = int(text[:-1] if extended else text, self._base)
        flags = EXTENDED if extended else 0
        check_id(identifier, flags)
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


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return bool(re.search(rb"(?im)^\s*(date |base (hex|dec)|begin triggerblock)", head))


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of the file."""
    return read_lines(file, report, Asc())
