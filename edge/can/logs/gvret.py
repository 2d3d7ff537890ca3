"""CSV of GVRET and SavvyCAN; the header names the columns; times in us, ids in hex."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from edge.can.frames import EXTENDED, FD, TX, Frames
from edge.can.logs.report import BadDataError, Report
from edge.can.logs.text import Found, check_id, read_lines

NAME = "gvret"
SUFFIXES: tuple[str, ...] = (".csv",)


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
                raise BadDataError(f"a header without {', '.join(sorted(missing))}")
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
            raise BadDataError("not a line of GVRET CSV") from None
        if len(payload) != int(length) or bus_number < 0:
            raise BadDataError("not a line of GVRET CSV")
        flags = EXTENDED if extended.lower() in ("true", "1") else 0
        if len(payload) > 8:
            flags |= FD
        direction = self._columns.get("dir")
        if direction is not None and cells[direction].lower() == "tx":
            flags |= TX
        check_id(identifier, flags)
        return t_ns, f"can{bus_number}", identifier, flags, payload


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return any(b"time stamp" in line and b",id," in line for line in head.lower().splitlines()[:200])


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of the file."""
    return read_lines(file, report, Gvret())
