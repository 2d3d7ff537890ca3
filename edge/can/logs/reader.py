"""Any CAN log, recognised by its first bytes.

A line or object that cannot be read is counted and located, never fatal. Times are as the file has them, in
ns: since 1970 (UTC) where it tells the date, else since its start.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from edge.can.frames import Frames
from edge.can.logs import asc, blf, candump, gvret, pcap, python_can, python_can_csv, trc
from edge.can.logs.files import inner_suffix, open_to_read
from edge.can.logs.report import LogError, Report

_HEAD_BYTES = 1 << 16


class Format(Protocol):
    """What the module of a format offers."""

    NAME: str
    SUFFIXES: tuple[str, ...]

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with these (up to 64 KiB, decompressed) is one."""
        ...

    def read(self, file: BinaryIO, report: Report) -> Iterator[Frames]:
        """The frames, in batches, in the order of the file. Reads forward only; complains to the report of
        what it cannot read and goes on; raises nothing."""
        ...


FORMATS: tuple[Format, ...] = (blf, pcap, candump, gvret, python_can_csv, asc, trc)
"""Asked in this order."""


class LogReader:
    """One pass over a log: iterate for batches of Frames, in the order of the file.

    format: its name; report: buses and bad lines, which grow while iterating; frame_count: so far. Iterating
    raises LogError when the file holds no frame at all.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.report = Report(path)
        self.frame_count = 0
        self._format = self._recognise()
        self.format = self._format.NAME if self._format else python_can.NAME

    @property
    def buses(self) -> list[str]:
        """Names; the index is Frames.bus."""
        return self.report.buses

    def _recognise(self) -> Format | None:
        try:
            with open_to_read(self.path) as file:
                head = file.read(_HEAD_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise LogError(f"{self.path}: cannot be read: {error}") from None
        for candidate in FORMATS:
            if candidate.recognises(head):
                return candidate
        suffix = inner_suffix(self.path)
        for candidate in FORMATS:
            if suffix in candidate.SUFFIXES and suffix not in python_can.SUFFIXES:
                return candidate
        if suffix in python_can.SUFFIXES:
            return None
        raise LogError(
            f"{self.path}: not a CAN log: its content is none of {', '.join(f.NAME for f in FORMATS)}, and"
            f" {suffix or 'the ending'} is none of {', '.join(python_can.SUFFIXES)} (for python-can)"
        )

    def __iter__(self) -> Iterator[Frames]:
        try:
            if self._format is None:
                yield from self._counted(python_can.read(self.report))
            else:
                with open_to_read(self.path) as file:
                    yield from self._counted(self._format.read(file, self.report))
        except OSError as error:
            raise LogError(f"{self.path}: cannot be read: {error.strerror or error}") from None
        if not self.frame_count:
            bad = self.report.bad
            why = f"; first trouble: {bad[0].removeprefix(str(self.path))}" if bad else ""
            raise LogError(f"{self.path}: no CAN frame in it, read as {self.format}{why}")

    def _counted(self, batches: Iterator[Frames]) -> Iterator[Frames]:
        for batch in batches:
            self.frame_count += len(batch)
            yield batch


def read_log(path: str | Path) -> LogReader:
    """Any log that we know, .gz and .zst too. Raises LogError if it cannot be opened or is no CAN log."""
    return LogReader(path)
