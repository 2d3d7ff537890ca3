"""Any CAN log, recognised by its first bytes.

A line or object that cannot be read is counted and located, never fatal. Times are as the file has them, in
ns: since 1970 (UTC) where it tells the date, else since its start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from edge.can.frames import Frames
from edge.can.logs import (
    asc,
    blf,
    candump,
    drive,
    gvret,
    mf4,
    pcap,
    python_can,
    python_can_csv,
    trc,
)
from edge.can.logs.files import LogFile, inner_suffix, open_to_read, read_head
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


FORMATS: tuple[Format, ...] = (blf, pcap, mf4, drive, candump, gvret, python_can_csv, asc, trc)
"""Asked in this order."""


_LOOKS: tuple[tuple[str, str], ...] = (
    (r"\s*\Z", "it is empty"),
    (r"\xff\xfe|\xfe\xff", "it is UTF-16 text; save it as UTF-8"),
    (r"(?i)\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body)", "it is an HTML page"),
    (r"\s*(?:\xef\xbb\xbf)?\s*<\?xml", "it is XML, as ARXML and KCD databases are"),
    (r"(?:[^\n]*\n){0,50}?(?:VERSION\s+\"|NS_\s*:|BU_\s*:|BO_ \d+ )", "it is a DBC database"),
    (r"\s*[{\[]\s*[{\[\"]", "it is JSON"),
    (r"%PDF", "it is a PDF"),
    (r"PK\x03\x04", "it is a ZIP archive; unpack it"),
    (
        r"7z\xbc\xaf|Rar!|BZh|\xfd7zXZ",
        "it is compressed in a way not read here; unpack it, or use gzip or zstd",
    ),
    (r"\x89PNG|\xff\xd8\xff|GIF8", "it is a picture"),
    (r"\x7fELF|MZ\x90", "it is a program"),
)
"""What else people give: the beginning, and what is said of it."""


def _looks_like(head: bytes) -> str | None:
    """What a file that begins so is, if it is a thing that we know and cannot read."""
    text = head[:4096].decode("latin-1")
    return next((what for pattern, what in _LOOKS if re.match(pattern, text)), None)


class LogReader:
    """One pass over a log: iterate for batches of Frames, in the order of the file.

    format: its name; report: buses and bad lines, which grow while iterating; frame_count: so far; progress:
    the share of the file's bytes that were read, 0 to 1. Iterating raises LogError when the file holds no
    frame at all.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.report = Report(path)
        self.frame_count = 0
        self._file: LogFile | None = None
        self._done = False
        self._head = self._read_head()
        self._format = self._recognise()
        self.format = self._format.NAME if self._format else python_can.NAME

    @property
    def buses(self) -> list[str]:
        """Names; the index is Frames.bus."""
        return self.report.buses

    @property
    def progress(self) -> float:
        """0 until the end where the whole file is read at once."""
        return 1.0 if self._done else self._file.progress if self._file else 0.0

    def _read_head(self) -> bytes:
        try:
            return read_head(self.path, _HEAD_BYTES)
        except OSError as error:
            raise LogError(f"{self.path}: cannot be read: {error.strerror or error}") from None

    def _recognise(self) -> Format | None:
        for candidate in FORMATS:
            if candidate.recognises(self._head):
                return candidate
        suffix = inner_suffix(self.path)
        for candidate in FORMATS:
            if suffix in candidate.SUFFIXES and suffix not in python_can.SUFFIXES:
                return candidate
        if suffix in python_can.SUFFIXES:
            return None
        names = ", ".join(each.NAME for each in FORMATS)
        raise LogError(
            f"{self.path}: not a CAN log: {_looks_like(self._head) or f'its content is none of {names}'}"
        )

    def __iter__(self) -> Iterator[Frames]:
        try:
            if self._format is None:
                yield from self._counted(python_can.read(self.report))
            else:
                with open_to_read(self.path) as self._file:
                    yield from self._counted(self._format.read(cast(BinaryIO, self._file), self.report))
        except OSError as error:
            raise LogError(f"{self.path}: cannot be read: {error.strerror or error}") from None
        self._done = True
        if not self.frame_count:
            bad = self.report.bad
            trouble = f"first trouble: {bad[0].removeprefix(str(self.path))}" if bad else ""
            why = [what for what in (_looks_like(self._head), f"read as {self.format}", trouble) if what]
            raise LogError(f"{self.path}: no CAN frame in it: {'; '.join(why)}")

    def _counted(self, batches: Iterator[Frames]) -> Iterator[Frames]:
        for batch in batches:
            self.report.see(batch)
            self.frame_count += len(batch)
            yield batch


def read_log(path: str | Path) -> LogReader:
    """Any log that we know, .gz and .zst too. Raises LogError if it cannot be opened or is no CAN log."""
    return LogReader(path)
