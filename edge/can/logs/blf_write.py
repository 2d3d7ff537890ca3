"""Writing Vector BLF, as CANoe, CANalyzer and python-can read it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import BinaryIO

import numpy as np

from edge.can.frames import BRS, ERROR, ESI, FD, FD_LENGTHS, REMOTE, TX, Frames
from edge.can.logs import blf_objects as objects
from edge.can.logs.blf import (
    CONTAINER,
    CONTAINER_HEADER,
    DEFLATED,
    FILE_HEADER,
    FILE_SIGNATURE,
    OBJECT_HEADER,
)  # fmt: skip
from edge.can.logs.blf_walk import SIGNATURE
from edge.can.logs.channels import Channels
from edge.can.logs.report import LogError

_FILE_HEADER_BYTES = 144
_CONTAINER_BYTES = 128 << 10
_LEVEL = 4
"""Of zlib: a twentieth larger than its default, in half the time."""
_VERSIONS = (0, 0, 0, 0, 2, 6, 8, 1)
"""Application (unknown) and its version; version of the format."""
_FIRST_DATED_NS = 631_152_000 * 1_000_000_000
"""1990: earlier times count from the start of a log, not since 1970."""
_DLC_OF_LENGTH = np.searchsorted(FD_LENGTHS, np.arange(65)).astype(np.uint8)


def _object(body: np.dtype) -> np.dtype:
    return np.dtype([("head", objects.HEADER), ("body", body)])


_KINDS = (
    (objects.CAN_MESSAGE, _object(objects.CLASSIC)),
    (objects.CAN_FD_MESSAGE, _object(objects.FD_MESSAGE)),
    (objects.CAN_ERROR_EXT, _object(objects.ERROR_EXT)),
)
_SIZES = np.array([layout.itemsize for _, layout in _KINDS], np.int64)


class Writer:
    """CAN_MESSAGE, CAN_FD_MESSAGE and, for errors as SocketCAN has them, CAN_ERROR_EXT.

    Times are kept to the ns. The header tells the date of the first frame in UTC; no frame may be earlier
    than the earliest of the first batch. Counts in the header need a file that can be written twice: a
    compressed one goes without.
    """

    def __init__(self, file: BinaryIO, buses: Sequence[str]) -> None:
        self._file = file
        self._channels = Channels(buses)
        self._start_ns: int | None = None
        self._end_ns = 0
        self._count = 0
        self._unpacked_bytes = _FILE_HEADER_BYTES
        self._packed_bytes = _FILE_HEADER_BYTES

    def write(self, batch: Frames) -> None:
        """Append frames. Raises LogError for one that is earlier than the first."""
        if not len(batch):
            return
        if self._start_ns is None:
            self._start_ns = int(batch.t_ns.min()) // 1_000_000 * 1_000_000
            if self._start_ns < _FIRST_DATED_NS:
                self._start_ns = 0
            self._file.write(self._header())
        if batch.t_ns.min() < self._start_ns:
            early_s = (self._start_ns - int(batch.t_ns.min())) / 1e9
            raise LogError(
                f"a frame is {early_s:.3f} s earlier than the first: BLF has no such times; sort the log"
            )
        self._end_ns = int(batch.t_ns.max())
        self._count += len(batch)
        kinds = np.where(batch.flags & ERROR, 2, np.where(batch.flags & FD, 1, 0))
        ends = np.cumsum(_SIZES[kinds])
        content = self._objects(batch, kinds, ends)
        first = 0
        while first < len(content):
            # Objects are not split: a container ends where the last one that fits ends.
            fits = int(np.searchsorted(ends, first + _CONTAINER_BYTES, "right"))
            end = int(ends[fits - 1])
            self._container(content[first:end])
            first = end

    def close(self) -> None:
        """The counts in the header."""
        if self._start_ns is None:
            self._file.write(self._header())
        try:
            self._file.seek(0)
        except OSError:
            return
        self._file.write(self._header())
        self._file.seek(0, 2)

    def _header(self) -> bytes:
        start, end = _system_time(self._start_ns or 0), _system_time(self._end_ns)
        counts = (self._packed_bytes, self._unpacked_bytes, self._count, 0)
        header = FILE_HEADER.pack(FILE_SIGNATURE, _FILE_HEADER_BYTES, *_VERSIONS, *counts, *start, *end)
        return header.ljust(_FILE_HEADER_BYTES, b"\0")

    def _container(self, content: memoryview) -> None:
        packed = zlib.compress(content, _LEVEL)
        size = OBJECT_HEADER.size + CONTAINER_HEADER.size + len(packed)
        head = OBJECT_HEADER.pack(SIGNATURE, OBJECT_HEADER.size, 1, size, CONTAINER)
        padding = bytes(size % 4)
        self._file.write(b"".join((head, CONTAINER_HEADER.pack(DEFLATED, len(content)), packed, padding)))
        self._packed_bytes += size + len(padding)
        self._unpacked_bytes += OBJECT_HEADER.size + CONTAINER_HEADER.size + len(content)

    def _objects(self, batch: Frames, kinds: np.ndarray, ends: np.ndarray) -> memoryview:
        out = bytearray(int(ends[-1]))
        channels = self._channels.of(batch)
        for kind, (number, layout) in enumerate(_KINDS):
            which = np.flatnonzero(kinds == kind)
            if not len(which):
                continue
            found = batch if len(which) == len(batch) else batch[which]
            made = np.zeros(len(found), layout)
            head, body = made["head"], made["body"]
            head["signature"] = SIGNATURE
            head["header_size"], head["version"] = objects.HEADER.itemsize, 1
            head["size"], head["type"] = layout.itemsize, number
            head["unit"] = objects.ONE_NANOSECOND
            head["time"] = found.t_ns - self._start_ns
            body["channel"] = channels[which]
            body["id"] = found.keys()
            _FILL[kind](body, found)
            size = layout.itemsize
            everywhere = np.ndarray((len(out) - size + 1,), f"V{size}", out, 0, (1,))
            everywhere[ends[which] - size] = made.view(f"V{size}")
        return memoryview(out)


def _fill_classic(body: np.ndarray, found: Frames) -> None:
    body["flags"] = _flags(found)
    body["dlc"] = found.length
    body["data"] = np.ascontiguousarray(found.data[:, :8]).view("<u8")[:, 0]


def _fill_fd(body: np.ndarray, found: Frames) -> None:
    body["flags"] = _flags(found)
    body["fd_flags"] = (
        objects.EDL_FLAG
        | np.where(found.flags & BRS, objects.BRS_FLAG, 0)
        | np.where(found.flags & ESI, objects.ESI_FLAG, 0)
    )
    body["dlc"] = _DLC_OF_LENGTH[found.length]
    body["valid"] = found.length
    body["data"][:, : found.data.shape[1] // 8] = np.ascontiguousarray(found.data).view("<u8")


def _fill_error(body: np.ndarray, found: Frames) -> None:
    body["dlc"] = np.minimum(found.length, 8)
    body["data"] = np.ascontiguousarray(found.data[:, :8]).view("<u8")[:, 0]


_FILL = (_fill_classic, _fill_fd, _fill_error)


def _flags(found: Frames) -> np.ndarray:
    return np.where(found.flags & TX, objects.TX_FLAG, 0) | np.where(
        found.flags & REMOTE, objects.REMOTE_FLAG, 0
    )


def _system_time(t_ns: int) -> tuple[int, ...]:
    """Zeros for a time that is no date."""
    if t_ns < _FIRST_DATED_NS:
        return (0,) * 8
    at = datetime.fromtimestamp(t_ns // 1_000_000_000, tz=timezone.utc)
    day_of_week = at.isoweekday() % 7
    milliseconds = t_ns // 1_000_000 % 1000
    return (at.year, at.month, day_of_week, at.day, at.hour, at.minute, at.second, milliseconds)
