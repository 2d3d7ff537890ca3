"""CSV of GVRET and SavvyCAN: `Time Stamp,ID,Extended,Dir,Bus,LEN,D1,...`; times in us, ids and data in hex.

The header names the columns; older files have no Dir. The format knows nothing of remote and error frames;
that more than 8 bytes are CAN FD shows by their number only. Bus 0 is can0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from edge.can.frames import ERROR, EXTENDED, FD, REMOTE, TX, Frames
from edge.can.logs.channels import Channels
from edge.can.logs.report import BadDataError, LogError, Report
from edge.can.logs.rows import alike, beside, decimal, hexadecimal, in_order, pairs
from edge.can.logs.shapes import Shape
from edge.can.logs.text import Found, Header, check_id, read_lines

NAME = "gvret"
SUFFIXES: tuple[str, ...] = (".csv",)

_NEEDED = ("time stamp", "id", "extended", "bus", "len")
_STAMP = re.compile(r"-?\d{1,19}")
_HEX_ID = re.compile(r"(?:0[xX])?[0-9A-Fa-f]{1,8}")
_HEX_BYTE = re.compile(r"(?:0[xX])?[0-9A-Fa-f]{1,2}")


class Gvret:
    """Reads one line after the other, the header first."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}

    def __call__(self, line: str) -> Found | Header | None:
        """The frame of this line."""
        cells = [cell.strip() for cell in line.split(",")]
        if cells == [""]:
            return None
        if not self._columns or cells[0].lower() == "time stamp":
            return self._header(cells)
        if len(cells) <= max(self._columns[name] for name in _NEEDED):
            raise BadDataError("fewer cells than the header has columns")
        stamp, can_id, extended, bus, length = (cells[self._columns[name]] for name in _NEEDED)
        if not _STAMP.fullmatch(stamp):
            raise BadDataError("a time stamp that is no integer")
        if not _HEX_ID.fullmatch(can_id):
            raise BadDataError("an id that is not hexadecimal")
        if not re.fullmatch(r"\d{1,3}", bus):
            raise BadDataError("a bus that is no number")
        if not re.fullmatch(r"\d{1,2}", length):
            raise BadDataError("a length that is no number")
        payload = self._payload(cells, int(length))
        identifier = int(can_id, 16)
        # some programs do not mark the ids of more than 11 bits; SavvyCAN takes them as extended, too
        flags = EXTENDED if extended.lower() in ("true", "1") or identifier > 0x7FF else 0
        flags |= FD if len(payload) > 8 else 0
        direction = self._columns.get("dir", len(cells))
        if direction < len(cells) and cells[direction].lower() == "tx":
            flags |= TX
        check_id(identifier, flags)
        return int(stamp) * 1000, f"can{int(bus)}", identifier, flags, payload

    def _header(self, cells: list[str]) -> Header | None:
        columns = {cell.lower(): i for i, cell in enumerate(cells)}
        missing = set(_NEEDED) - set(columns)
        if missing:
            raise BadDataError(f"a header without {', '.join(sorted(missing))}")
        known, self._columns = self._columns, columns
        return Header.CHANGED if known and known != columns else None

    def _payload(self, cells: list[str], length: int) -> bytes:
        first = self._columns.get("d1", len(cells))
        data = cells[first : first + length]
        while data and not data[-1]:
            data.pop()
        if len(data) < length:
            raise BadDataError(f"{len(data)} bytes of data, its length says {length}")
        if not all(_HEX_BYTE.fullmatch(cell) for cell in data):
            raise BadDataError("data that is not hexadecimal")
        return bytes(int(cell, 16) for cell in data)

    def shape(self, line: str) -> Shape | None:
        """Where the fields of a line that was read lie."""
        cells = line.split(",")
        stamp, can_id, extended, bus, length = (self._columns[name] for name in _NEEDED)
        first = self._columns.get("d1", len(cells))
        data = cells[first : first + int(cells[length])]
        at = [0]
        for cell in cells:
            at.append(at[-1] + len(cell) + 1)
        span = [(at[i], at[i + 1] - 1) for i in range(len(cells))]
        marked = cells[extended].lower() in ("true", "1")
        plain = all(cells[i].isalnum() and cells[i].isascii() for i in (stamp, can_id, bus, length))
        plain = plain and not any(len(cell) != 2 or not cell.isalnum() for cell in data)
        if not plain or "x" in cells[can_id].lower() or (int(cells[can_id], 16) > 0x7FF and not marked):
            return None
        return Shape(
            time=((*span[stamp], 1000),),
            can_id=span[can_id],
            data=(at[first] if data else 0, len(data), 3),
            key=span[bus],
        )


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return any(b"time stamp" in line and b",id," in line for line in head.lower().splitlines()[:200])


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of the file."""
    parse = Gvret()
    return read_lines(file, report, parse, parse.shape)


class Writer:
    """Writes what SavvyCAN does; times lose their nanoseconds, CAN FD its flags, buses all but a number."""

    def __init__(self, file: BinaryIO, buses: Sequence[str]) -> None:
        self._file = file
        self._channels = Channels(buses)
        file.write(b"Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n")

    def write(self, batch: Frames) -> None:
        """Append frames. Raises LogError for those that the format cannot say."""
        if (batch.flags & (REMOTE | ERROR)).any():
            raise LogError("GVRET CSV knows no remote and no error frames: write .log, .asc, .blf or .trc")
        if len(batch) and batch.t_ns.min() < 0:
            raise LogError("GVRET CSV has no times before 0")
        stamps = batch.t_ns // 1000
        buses = self._channels.of(batch) - 1
        digits = np.searchsorted(10 ** np.arange(1, 19), stamps, side="right") + 1
        groups = []
        for rows in alike(batch.flags, buses, batch.length, digits):
            first = rows[0]
            flags, length, width = int(batch.flags[first]), int(batch.length[first]), int(digits[first])
            data = pairs(batch.data[rows, : max(length, 8)])
            commas = np.full((len(rows), data.shape[1] // 2, 3), ord(","), np.uint8)
            commas[:, :, :2] = data.reshape(len(rows), -1, 2)
            parts: list[np.ndarray | bytes] = [
                decimal(stamps[rows], width + width % 2)[:, width % 2 :],
                b",",
                hexadecimal(batch.id[rows], 8),
                b",true," if flags & EXTENDED else b",false,",
                b"Tx," if flags & TX else b"Rx,",
                b"%d,%d," % (buses[first], length),
                commas.reshape(len(rows), -1),
                b"\n",
            ]
            groups.append((rows, beside(parts, len(rows))))
        self._file.write(in_order(groups, len(batch)))

    def close(self) -> None:
        """Nothing to finish."""
