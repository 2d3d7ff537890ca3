"""python-can's own CSV: `timestamp,arbitration_id,extended,remote,error,dlc,data`, the data in base64.

It knows neither buses (all is can0) nor CAN FD: only frames of more than 8 bytes are known to be that.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import BinaryIO

from edge.can.frames import ERROR, EXTENDED, FD, REMOTE, Frames
from edge.can.logs.report import BadDataError, Report
from edge.can.logs.text import Found, check_id, read_lines

NAME = "python-can csv"
SUFFIXES: tuple[str, ...] = ()

_HEADER = b"timestamp,arbitration_id,extended,remote,error,dlc,data"
_SINCE_1970 = 100_000_000
"""Times above so many seconds are dates."""
_LINE = re.compile(
    r"(-?\d{1,12}(?:\.\d{1,30})?(?:e-\d\d?)?),0x([0-9a-f]{1,8}),([01]),([01]),([01]),(\d{1,2}),([^,\s]*)\s*",
    re.IGNORECASE,
)


def parse(line: str) -> Found | None:
    """The frame of this line."""
    found = _LINE.fullmatch(line)
    if not found:
        if not line.strip() or line.startswith(_HEADER.decode()):
            return None
        raise BadDataError("not a line of python-can's CSV")
    time, can_id, extended, remote, error, dlc, data = found.groups()
    try:
        payload = bytes(min(int(dlc), 8)) if remote == "1" else binascii.a2b_base64(data)
    except binascii.Error:
        raise BadDataError("not base64") from None
    if remote == "0" and len(payload) != int(dlc):
        raise BadDataError(f"{len(payload)} bytes where it says {dlc}")
    flags = EXTENDED if extended == "1" else 0
    identifier = int(can_id, 16)
    check_id(identifier, EXTENDED if error == "1" else flags)
    flags |= (
        (REMOTE if remote == "1" else 0) | (ERROR if error == "1" else 0) | (FD if len(payload) > 8 else 0)
    )
    return ns(Decimal(time)), "can0", identifier, flags, payload


def ns(seconds: Decimal) -> int:
    """Of a float of python-can's, which tells the ns of a time since the start of the log, but only the us of
    one since 1970."""
    return round(seconds.scaleb(9)) if abs(seconds) < _SINCE_1970 else round(seconds.scaleb(6)) * 1000


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return any(line.strip() == _HEADER for line in head.splitlines()[:200])


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of the file."""
    return read_lines(file, report, parse)
