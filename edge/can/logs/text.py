"""Textual logs, line by line; a bad line is located, counted and skipped."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from edge.can.frames import EXTENDED, FD, FD_LENGTHS, Frames, frames
from edge.can.logs.report import BadDataError, Report

CHUNK_FRAMES = 16384
"""Frames come in batches of about this many."""

Found = tuple[int, str, int, int, bytes]
"""t_ns, name of the bus, id, flags, payload."""

_READ_BYTES = 1 << 20
_MAX_LINE = 1 << 16
_MAX_T_NS = 2**62


def read_lines(file: BinaryIO, report: Report, parse: Callable[[str], Found | None]) -> Iterator[Frames]:
    """parse gives the frame of a line, None for a line that holds none by right, and raises BadDataError."""
    batch = Batch()
    known: dict[str, int] = {}
    for number, line in _lines(file, report):
        try:
            found = parse(line)
            if found is None:
                continue
            t_ns, name, can_id, flags, payload = found
            bus = known.get(name)
            if bus is None:
                bus = known[name] = report.bus(name)
            batch.add(t_ns, can_id, flags, bus, payload)
        except BadDataError as error:
            report.complain(number, f"{error}: {line.strip()[:80]!r}")
            continue
        if len(batch) == CHUNK_FRAMES:
            yield batch.take()
    if len(batch):
        yield batch.take()


def _lines(file: BinaryIO, report: Report) -> Iterator[tuple[int, str]]:
    number = 1
    rest = ""
    while True:
        try:
            block = file.read(_READ_BYTES)
        except (EOFError, zlib.error, OSError) as error:
            report.complain(number, f"the file is damaged, the rest is lost ({error})")
            block = b""
        if not block:
            break
        lines = (rest + block.decode("latin-1")).split("\n")
        rest = lines.pop()
        for line in lines:
            yield number, line
            number += 1
        if len(rest) > _MAX_LINE:
            report.complain(number, "a line without an end")
            rest = ""
    if rest.strip():
        yield number, rest


def check_id(identifier: int, flags: int) -> None:
    """Raises BadDataError for an id that does not fit its 11 or 29 bits."""
    if not 0 <= identifier <= (0x1FFFFFFF if flags & EXTENDED else 0x7FF):
        raise BadDataError("an id of too many bits")


class Batch:
    """Collects single frames into Frames."""

    def __init__(self) -> None:
        self._columns: tuple[list[int], list[int], list[int], list[int], list[bytes]] = ([], [], [], [], [])

    def __len__(self) -> int:
        return len(self._columns[0])

    def add(self, t_ns: int, can_id: int, flags: int, bus: int, payload: bytes) -> None:
        """One frame. Raises BadDataError for one that cannot be."""
        if len(payload) > 8 and (not flags & FD or len(payload) not in FD_LENGTHS):
            raise BadDataError(f"{len(payload)} bytes of data")
        if not -_MAX_T_NS < t_ns < _MAX_T_NS:
            raise BadDataError("a time out of all range")
        times, ids, all_flags, buses, payloads = self._columns
        times.append(t_ns)
        ids.append(can_id)
        all_flags.append(flags)
        buses.append(bus)
        payloads.append(payload)

    def take(self) -> Frames:
        """All that were added since the last time."""
        batch = frames(*self._columns)
        for column in self._columns:
            column.clear()
        return batch
