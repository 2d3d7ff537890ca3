"""Logs of CAN frames: candump, GVRET/SavvyCAN CSV, Vector ASC; other formats through python-can.

A line that cannot be read is counted and located, never fatal. Times are as the file has them, in ns: since
1970 in a candump log, since the start in most others.
"""

from __future__ import annotations

import gzip
import re
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, Frames, frames
from edge.can.log_formats import CANDUMP_LINE, Asc, BadLineError, Candump, Found, Gvret
from edge.config import UserError

CHUNK_FRAMES = 16384
"""Frames come in batches of about this many."""

_READ_BYTES = 1 << 20
_MAX_LINE = 1 << 16
_KEPT_BAD = 20
_MAX_T_NS = 2**62
_PYTHON_CAN_SUFFIXES = (".blf", ".csv", ".db", ".mf4", ".trc")
_PYTHON_CAN_TROUBLES = (
    ArithmeticError, AttributeError, AssertionError, EOFError, ImportError, LookupError, NotImplementedError,
    TypeError, ValueError, sqlite3.Error, struct.error, zlib.error, BadLineError,
)  # fmt: skip
"""What python-can's readers have been seen to raise, or may, on damaged files."""


class LogError(UserError):
    """A log that cannot be read at all; the text says which and why."""


class LogReader:
    """One pass over a log: iterate for batches of Frames, in the order of the file.

    format: "candump", "gvret", "asc" or "python-can"; buses: their names, the index is Frames.bus; bad_count:
    lines that could not be read; bad: the first of them, "FILE:LINE: why". All grow while iterating, which
    raises LogError when the file holds no frame at all.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.buses: list[str] = []
        self.bad: list[str] = []
        self.bad_count = 0
        self.frame_count = 0
        self.format = _sniff(self._head()) or "python-can"
        suffix = (self.path.with_suffix("") if self.path.suffix == ".gz" else self.path).suffix.lower()
        if self.format == "python-can" and suffix not in _PYTHON_CAN_SUFFIXES:
            raise LogError(
                f"{self.path}: not a CAN log: no line is candump, GVRET/SavvyCAN CSV or Vector ASC, and"
                f" {suffix or 'the ending'} is none of {', '.join(_PYTHON_CAN_SUFFIXES)} (for python-can)"
            )

    def __iter__(self) -> Iterator[Frames]:
        readers: dict[str, Callable[[], Iterator[Frames]]] = {
            "candump": lambda: self._lines(Candump()),
            "gvret": lambda: self._lines(Gvret()),
            "asc": lambda: self._lines(Asc()),
            "python-can": self._python_can,
        }
        try:
            for batch in readers[self.format]():
                self.frame_count += len(batch)
                yield batch
        except OSError as error:
            raise LogError(f"{self.path}: cannot be read: {error.strerror or error}") from None
        if not self.frame_count:
            why = f"; first trouble: {self.bad[0].removeprefix(str(self.path))}" if self.bad else ""
            raise LogError(f"{self.path}: no CAN frame in it, read as {self.format}{why}")

    def _head(self) -> bytes:
        try:
            with self._open() as file:
                return file.read(1 << 16)
        except (OSError, EOFError, zlib.error) as error:
            raise LogError(f"{self.path}: cannot be read: {error}") from None

    def _open(self) -> IO[bytes]:
        with self.path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        return cast(IO[bytes], gzip.open(self.path, "rb")) if packed else self.path.open("rb")

    def _complain(self, line: int, why: str) -> None:
        self.bad_count += 1
        if len(self.bad) < _KEPT_BAD:
            self.bad.append(f"{self.path}:{line}: {why}")

    def _bus(self, name: str) -> int:
        try:
            return self.buses.index(name)
        except ValueError:
            if len(self.buses) == 256:
                raise BadLineError("more than 256 buses") from None
            self.buses.append(name)
            return len(self.buses) - 1

    def _lines(self, parse: Callable[[str], Found | None]) -> Iterator[Frames]:
        batch = _Batch()
        known: dict[str, int] = {}
        for number, line in self._text():
            try:
                found = parse(line)
                if found is None:
                    continue
                t_ns, name, can_id, flags, payload = found
                bus = known.get(name)
                if bus is None:
                    bus = known[name] = self._bus(name)
                batch.add(t_ns, can_id, flags, bus, payload)
            except BadLineError as error:
                self._complain(number, f"{error}: {line.strip()[:80]!r}")
                continue
            if len(batch) == CHUNK_FRAMES:
                yield batch.take()
        if len(batch):
            yield batch.take()

    def _text(self) -> Iterator[tuple[int, str]]:
        number = 1
        rest = ""
        with self._open() as file:
            while True:
                try:
                    block = file.read(_READ_BYTES)
                except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                    self._complain(number, f"the compressed file is damaged, the rest is lost ({error})")
                    block = b""
                if not block:
                    break
                lines = (rest + block.decode("latin-1")).split("\n")
                rest = lines.pop()
                for line in lines:
                    yield number, line
                    number += 1
                if len(rest) > _MAX_LINE:
                    self._complain(number, "a line without an end")
                    rest = ""
            if rest.strip():
                yield number, rest

    def _python_can(self) -> Iterator[Frames]:
        import can

        batch = _Batch()
        read = 0
        try:
            with can.LogReader(self.path) as reader:
                for message in reader:
                    read += 1
                    channel = 0 if message.channel is None else message.channel
                    bus = self._bus(f"can{channel}" if isinstance(channel, int) else str(channel))
                    t_ns, flags = round(message.timestamp * 1e9), message_flags(message)
                    batch.add(
                        t_ns, message.arbitration_id & 0x1FFFFFFF, flags, bus, bytes(message.data or b"")
                    )
                    if len(batch) == CHUNK_FRAMES:
                        yield batch.take()
        except (*_PYTHON_CAN_TROUBLES, can.CanError, can.io.blf.BLFParseError) as error:
            self._complain(read + 1, f"python-can cannot read on, the rest is lost ({error!r})")
        if len(batch):
            yield batch.take()


def read_log(path: str | Path) -> LogReader:
    """Any log that we know, .gz too. Raises LogError if the file cannot be opened or is no CAN log."""
    return LogReader(path)


def write_candump(path: str | Path, batches: Iterable[Frames], buses: list[str]) -> int:
    """Write a candump log (.gz if the name ends so); returns the number of frames."""
    path = Path(path)
    count = 0
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
        for batch in batches:
            for i in range(len(batch)):
                file.write(_candump_line(batch, i, buses))
            count += len(batch)
    return count


def _candump_line(batch: Frames, i: int, buses: list[str]) -> str:
    flags = int(batch.flags[i])
    can_id = int(batch.id[i]) | (0x20000000 if flags & ERROR else 0)
    wide = flags & (EXTENDED | ERROR)
    name = f"{can_id:08X}" if wide else f"{can_id:03X}"
    data = batch.payload(i).hex().upper()
    if flags & REMOTE:
        data = "R"
    elif flags & FD:
        data = f"#{(flags & BRS and 1) | (flags & ESI and 2) | 4:X}{data}"
    seconds, ns = divmod(int(batch.t_ns[i]), 10**9)
    fraction = f"{ns // 1000:06d}" if ns % 1000 == 0 else f"{ns:09d}"
    direction = " T" if flags & TX else ""
    return f"({seconds:010d}.{fraction}) {buses[batch.bus[i]]} {name}#{data}{direction}\n"


class _Batch:
    def __init__(self) -> None:
        self._columns: tuple[list[int], list[int], list[int], list[int], list[bytes]] = ([], [], [], [], [])

    def __len__(self) -> int:
        return len(self._columns[0])

    def add(self, t_ns: int, can_id: int, flags: int, bus: int, payload: bytes) -> None:
        if len(payload) > 8 and (not flags & FD or len(payload) not in FD_LENGTHS):
            raise BadLineError(f"{len(payload)} bytes of data")
        if not -_MAX_T_NS < t_ns < _MAX_T_NS:
            raise BadLineError("a time out of all range")
        times, ids, all_flags, buses, payloads = self._columns
        times.append(t_ns)
        ids.append(can_id)
        all_flags.append(flags)
        buses.append(bus)
        payloads.append(payload)

    def take(self) -> Frames:
        batch = frames(*self._columns)
        for column in self._columns:
            column.clear()
        return batch


def message_flags(message: Any) -> int:
    """The flags of a can.Message."""
    flags = EXTENDED if message.is_extended_id else 0
    flags |= REMOTE if message.is_remote_frame else 0
    flags |= ERROR if message.is_error_frame else 0
    flags |= 0 if message.is_rx else TX
    if message.is_fd:
        flags |= FD | (BRS if message.bitrate_switch else 0) | (ESI if message.error_state_indicator else 0)
    return flags


def _sniff(head: bytes) -> str | None:
    for line in head.decode("latin-1").splitlines()[:200]:
        if "time stamp" in line.lower() and "," in line and "id" in line.lower():
            return "gvret"
        if CANDUMP_LINE.fullmatch(line):
            return "candump"
        if re.match(r"\s*(date |base (hex|dec)|begin triggerblock)", line, re.IGNORECASE):
            return "asc"
    return None
