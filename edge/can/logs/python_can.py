"""Formats without a reader of our own, through python-can: its SQLite database, ASAM MF4 where asammdf is
there. What it raises ends the file; what came before is kept."""

from __future__ import annotations

import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, REMOTE, TX, Frames
from edge.can.logs.binary import DAMAGED
from edge.can.logs.files import COMPRESSED, inner_suffix, open_to_read
from edge.can.logs.python_can_csv import ns
from edge.can.logs.report import BadDataError, Report
from edge.can.logs.text import CHUNK_FRAMES, Batch, check_id

NAME = "python-can"
SUFFIXES: tuple[str, ...] = (".db",)

_BLOCK_BYTES = 1 << 20
_MAX_SECONDS = 4e9

_TROUBLES = (
    ArithmeticError, AttributeError, AssertionError, EOFError, ImportError, LookupError, NotImplementedError,
    TypeError, ValueError, sqlite3.Error, struct.error, zlib.error, BadDataError,
)  # fmt: skip
"""What python-can's readers have been seen to raise, or may, on damaged files."""


def read(report: Report) -> Iterator[Frames]:
    """The frames of report.path, in batches, in the order of the file."""
    if report.path.suffix.lower() not in COMPRESSED:
        yield from _read(report.path, report)
        return
    with tempfile.TemporaryDirectory() as folder:  # python-can needs a plain file of the right ending
        plain = Path(folder) / f"log{inner_suffix(report.path)}"
        with open_to_read(report.path) as packed, plain.open("wb") as unpacked:
            try:
                while block := packed.read(_BLOCK_BYTES):
                    unpacked.write(block)
            except DAMAGED as error:
                report.complain("end", f"the file is damaged, the rest is lost ({error})")
        yield from _read(plain, report)


def _read(path: Path, report: Report) -> Iterator[Frames]:
    import can

    batch = Batch()
    count = 0
    try:
        with can.LogReader(path) as reader:
            for message in reader:
                count += 1
                try:
                    _add(message, batch, report)
                except BadDataError as error:
                    report.complain(f"frame {count}", str(error))
                if len(batch) == CHUNK_FRAMES:
                    yield batch.take()
    except (*_TROUBLES, can.CanError) as error:
        report.complain(f"frame {count + 1}", f"python-can cannot read on, the rest is lost ({error!r})")
    if len(batch):
        yield batch.take()


def _add(message: Any, batch: Batch, report: Report) -> None:
    channel = 0 if message.channel is None else message.channel
    flags = message_flags(message)
    identifier = message.arbitration_id & 0x1FFFFFFF
    check_id(identifier, EXTENDED if flags & ERROR else flags)
    length = min(message.dlc, 8) if flags & REMOTE else 0
    payload = bytes(length) if flags & REMOTE else bytes(message.data or b"")
    if not abs(message.timestamp) < _MAX_SECONDS:
        raise BadDataError("a time out of all range")
    bus = report.bus(f"can{channel}" if isinstance(channel, int) else str(channel))
    batch.add(ns(Decimal(message.timestamp)), identifier, flags, bus, payload)


def message_flags(message: Any) -> int:
    """The flags of a can.Message."""
    flags = EXTENDED if message.is_extended_id else 0
    flags |= REMOTE if message.is_remote_frame else 0
    flags |= ERROR if message.is_error_frame else 0
    flags |= 0 if message.is_rx else TX
    if message.is_fd:
        flags |= FD | (BRS if message.bitrate_switch else 0) | (ESI if message.error_state_indicator else 0)
    return flags
