"""Writes Vector ASC as CANoe does: base hex, times from the start of the measurement, its date in the header.

Times keep their microseconds, as the format has them. An error frame keeps that it was one, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, Frames
from edge.can.logs.channels import Channels
from edge.can.logs.dates import utc

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DLC = {length: dlc for dlc, length in enumerate(FD_LENGTHS)}


class Writer:
    """Writes an ASC file; the times count from the first frame's millisecond."""

    def __init__(self, file: BinaryIO, buses: Sequence[str]) -> None:
        self._file = file
        self._channels = Channels(buses)
        self._start_ns: int | None = None

    def write(self, batch: Frames) -> None:
        """Append frames."""
        if not len(batch):
            return
        if self._start_ns is None:
            self._begin(int(batch.t_ns.min()))
        lines = [
            _line(batch, i, offset_us, channel)
            for i, (offset_us, channel) in enumerate(
                zip(
                    ((batch.t_ns - np.int64(self._start_ns or 0) + 500) // 1000).tolist(),
                    self._channels.of(batch).tolist(),
                    strict=True,
                )
            )
        ]
        self._file.write("".join(lines).encode())

    def close(self) -> None:
        """The last line."""
        if self._start_ns is None:
            self._begin(0)
        self._file.write(b"End TriggerBlock\n")

    def _begin(self, first_ns: int) -> None:
        self._start_ns = first_ns // 1_000_000 * 1_000_000
        date = _date(self._start_ns)
        self._file.write(
            f"date {date}\nbase hex  timestamps absolute\nno internal events logged\n"
            f"Begin TriggerBlock {date}\n   0.000000 Start of measurement\n".encode()
        )


def _date(t_ns: int) -> str:
    date = utc(t_ns)
    return (
        f"{_DAYS[date.weekday()]} {_MONTHS[date.month - 1]} {date.day} {date.hour % 12 or 12:02}:{date:%M:%S}"
        f".{date.microsecond // 1000:03} {'pm' if date.hour >= 12 else 'am'} {date.year}"
    )


def _line(batch: Frames, i: int, offset_us: int, channel: int) -> str:
    flags, length = int(batch.flags[i]), int(batch.length[i])
    sign, offset_us = ("-", -offset_us) if offset_us < 0 else ("", offset_us)
    time = f"{sign + str(offset_us // 1_000_000):>4}.{offset_us % 1_000_000:06}"
    if flags & ERROR:
        return f"{time} {channel}  ErrorFrame\n"
    name = f"{int(batch.id[i]):X}{'x' if flags & EXTENDED else ''}"
    direction = "Tx" if flags & TX else "Rx"
    data = batch.payload(i).hex(" ").upper()
    if flags & FD:
        brs, esi = int(bool(flags & BRS)), int(bool(flags & ESI))
        logged = 0x1000 | brs << 13 | esi << 14
        return (
            f"{time} CANFD {channel:>3} {direction} {name:>10}  {'':>32} {brs} {esi} {_DLC[length]:x}"
            f" {length:>2} {data}{' ' if data else ''}{0:>8} {0:>4} {logged:>8x} 0 0 0 0 0\n"
        )
    if flags & REMOTE:
        return f"{time} {channel}  {name:<15} {direction}   r {length:x}\n"
    return f"{time} {channel}  {name:<15} {direction}   d {length:x} {data}\n"
