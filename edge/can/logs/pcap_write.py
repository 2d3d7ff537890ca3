"""Writing pcapng with SocketCAN frames, an interface for each bus, as Wireshark and tcpdump read it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, REMOTE, TX, Frames
from edge.can.logs.pcap import (
    BYTE_ORDER_MAGIC,
    ENHANCED,
    FLAGS_OPTION,
    INTERFACE,
    OUTBOUND,
    SECTION,
)  # fmt: skip
from edge.can.logs.pcap_frames import CAN_SOCKETCAN
from edge.can.logs.pcap_interfaces import NAME_OPTION, RESOLUTION_OPTION
from edge.can.logs.report import LogError

_INBOUND = 1
_SNAP_BYTES = 72
_NANOSECONDS = 9


def _block(width: int) -> np.dtype:
    """An enhanced packet block with a frame of so many bytes of data, and its direction as an option."""
    return np.dtype(
        [("kind", "<u4"), ("size", "<u4"), ("interface", "<u4"), ("high", "<u4"), ("low", "<u4"),
         ("captured", "<u4"), ("original", "<u4"), ("id", ">u4"), ("length", "u1"), ("flags", "u1"),
         ("reserved", "<u2"), ("data", "u1", width), ("option", "<u2"), ("option_size", "<u2"),
         ("direction", "<u4"), ("end", "<u4"), ("size_again", "<u4")]
    )  # fmt: skip


_KINDS = ((8, _block(8)), (64, _block(64)))


class Writer:
    """Link type CAN_SOCKETCAN, times in ns since 1970. What is earlier cannot be told: LogError."""

    def __init__(self, file: BinaryIO, buses: Sequence[str]) -> None:
        self._file = file
        self._buses = buses
        self._described = 0
        self._file.write(_whole(SECTION, struct.pack("<LHHq", BYTE_ORDER_MAGIC, 1, 0, -1)))

    def write(self, batch: Frames) -> None:
        """Append frames. Raises LogError for a time before 1970."""
        if not len(batch):
            return
        if batch.t_ns.min() < 0:
            raise LogError("a frame of before 1970: pcapng has no such times")
        self._describe(max(int(batch.bus.max()) + 1, len(self._buses)))
        fd = (batch.flags & FD) != 0
        sizes = np.where(fd, _KINDS[1][1].itemsize, _KINDS[0][1].itemsize)
        ends = np.cumsum(sizes)
        out = bytearray(int(ends[-1]))
        for (width, layout), mine in zip(_KINDS, (~fd, fd), strict=True):
            which = np.flatnonzero(mine)
            if not len(which):
                continue
            made = _filled(batch[which], width, layout)
            kind = f"V{layout.itemsize}"
            everywhere = np.ndarray((len(out) - layout.itemsize + 1,), kind, out, 0, (1,))
            everywhere[ends[which] - layout.itemsize] = made.view(kind)
        self._file.write(out)

    def close(self) -> None:
        """Nothing to add."""

    def _describe(self, count: int) -> None:
        for bus in range(self._described, count):
            name = (self._buses[bus] if bus < len(self._buses) else f"can{bus}").encode()
            options = (
                struct.pack("<HH", NAME_OPTION, len(name)) + name + bytes(-len(name) % 4)
                + struct.pack("<HHBxxx", RESOLUTION_OPTION, 1, _NANOSECONDS) + bytes(4)
            )  # fmt: skip
            head = struct.pack("<HHL", CAN_SOCKETCAN, 0, _SNAP_BYTES)
            self._file.write(_whole(INTERFACE, head + options))
        self._described = max(self._described, count)


def _whole(kind: int, body: bytes) -> bytes:
    size = struct.pack("<L", len(body) + 12)
    return struct.pack("<L", kind) + size + body + size


def _filled(found: Frames, width: int, layout: np.dtype) -> np.ndarray:
    made = np.zeros(len(found), layout)
    flags = found.flags
    made["kind"], made["size"], made["size_again"] = ENHANCED, layout.itemsize, layout.itemsize
    made["interface"] = found.bus
    made["high"], made["low"] = found.t_ns >> 32, found.t_ns & 0xFFFFFFFF
    made["captured"] = made["original"] = 8 + width
    made["id"] = (
        found.id
        | np.where(flags & EXTENDED, 1 << 31, 0).astype(np.uint32)
        | np.where(flags & REMOTE, 1 << 30, 0).astype(np.uint32)
        | np.where(flags & ERROR, 1 << 29, 0).astype(np.uint32)
    )
    made["length"] = found.length
    if width > 8:
        made["flags"] = 4 | np.where(flags & BRS, 1, 0) | np.where(flags & ESI, 2, 0)
    both = min(width, found.data.shape[1])
    made["data"][:, :both] = found.data[:, :both]
    made["option"], made["option_size"] = FLAGS_OPTION, 4
    made["direction"] = np.where(flags & TX, OUTBOUND, _INBOUND)
    return made
