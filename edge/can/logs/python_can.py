"""Formats that nobody asked for, and those without a reader of our own, through python-can."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, REMOTE, TX, Frames
from edge.can.logs.report import BadDataError, Report
from edge.can.logs.text import CHUNK_FRAMES, Batch

NAME = "python-can"
SUFFIXES: tuple[str, ...] = (".blf", ".csv", ".db", ".mf4")

_TROUBLES = (
    ArithmeticError, AttributeError, AssertionError, EOFError, ImportError, LookupError, NotImplementedError,
    TypeError, ValueError, sqlite3.Error, struct.error, zlib.error, BadDataError,
)  # fmt: skip
"""What python-can's readers have been seen to raise, or may, on damaged files."""


def read(report: Report) -> Iterator[Frames]:
    """The frames of report.path, in batches, in the order of the file."""
    import can

    batch = Batch()
    count = 0
    try:
        with can.LogReader(report.path) as reader:
            for message in reader:
                count += 1
                channel = 0 if message.channel is None else message.channel
                bus = report.bus(f"can{channel}" if isinstance(channel, int) else str(channel))
                t_ns, flags = round(message.timestamp * 1e9), message_flags(message)
                payload = bytes(message.data or b"")
                batch.add(t_ns, message.arbitration_id & 0x1FFFFFFF, flags, bus, payload)
                if len(batch) == CHUNK_FRAMES:
                    yield batch.take()
    except (*_TROUBLES, can.CanError, can.io.blf.BLFParseError) as error:
        report.complain(count + 1, f"python-can cannot read on, the rest is lost ({error!r})")
    if len(batch):
        yield batch.take()


def message_flags(message: Any) -> int:
    """The flags of a can.Message."""
    flags = EXTENDED if message.is_extended_id else 0
    flags |= REMOTE if message.is_remote_frame else 0
    flags |= ERROR if message.is_error_frame else 0
    flags |= 0 if message.is_rx else TX
    if message.is_fd:
        flags |= FD | (BRS if message.bitrate_switch else 0) | (ESI if message.error_state_indicator else 0)
    return flags
