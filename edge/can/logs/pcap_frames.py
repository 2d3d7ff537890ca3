"""Packets of CAN in a capture, as columns: the link types of SocketCAN and of Linux "cooked" captures.

Layouts: https://www.tcpdump.org/linktypes, LINKTYPE_CAN_SOCKETCAN, _LINUX_SLL and _LINUX_SLL2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, Frames
from edge.can.logs.binary import KEEP_8, KEEP_64, rows

CAN_SOCKETCAN, LINUX_SLL, LINUX_SLL2 = 227, 113, 276
LINKS = (CAN_SOCKETCAN, LINUX_SLL, LINUX_SLL2)
PADDING = 128
"""So many bytes must follow the last packet in the data, whatever they are."""

_CAN, _CAN_FD = 0x000C, 0x000D
"""Protocols (ETH_P_CAN, ETH_P_CANFD) in a cooked header."""
_OUTGOING = 4
"""PACKET_OUTGOING in a cooked header."""
_REMOTE_BIT, _ERROR_BIT = 1 << 30, 1 << 29
_FDF = 0x04
_HEAD_BYTES, _FD_BYTES = 8, 72

_COOKED = {
    LINUX_SLL: np.dtype([("packet", ">u2"), ("address", "V12"), ("protocol", ">u2")]),
    LINUX_SLL2: np.dtype(
        [("protocol", ">u2"), ("reserved", "V2"), ("interface", ">u4"), ("hardware", "V2"), ("packet", "u1"),
         ("address", "V9")]
    ),
}  # fmt: skip
_WIDE = np.dtype([("data", "<u8", 8)])
_IS_LENGTH = np.isin(np.arange(256), FD_LENGTHS)
_FD_FLAGS = np.array([FD | (BRS if f & 1 else 0) | (ESI if f & 2 else 0) for f in range(256)], np.uint16)


class Packets(NamedTuple):
    """Packets of one interface: offsets in the data, captured bytes, times, sent by us (bool)."""

    at: np.ndarray
    captured: np.ndarray
    t_ns: np.ndarray
    sent: np.ndarray

    def only(self, which: np.ndarray) -> Packets:
        """Some of them."""
        return Packets(*(column[which] for column in self))


class Found(NamedTuple):
    """Frames (all of bus 0), which of the packets they were, their interfaces by SLL2, else None; how many
    packets were of other protocols."""

    frames: Frames
    which: np.ndarray
    interfaces: np.ndarray | None
    others: int


def frames_of(
    data: bytes, packets: Packets, link: int, order: str, complain: Callable[[np.ndarray, str], None]
) -> Found:
    """The CAN frames among the packets; other protocols are left out.

    link: one of LINKS; order: "<" or ">" of the capturing machine, in which a cooked capture has the id.
    complain is told which packets cannot be, and why. data goes on for PADDING bytes after the last packet.
    """
    which = np.arange(len(packets.at))
    fd = interfaces = None
    others = 0
    if link != CAN_SOCKETCAN:
        cooked = rows(data, packets.at, _COOKED[link])
        size = cooked.dtype.itemsize
        protocol = cooked["protocol"]
        which = np.flatnonzero(((protocol == _CAN) | (protocol == _CAN_FD)) & (packets.captured >= size))
        others = len(cooked) - len(which)
        cooked, packets = cooked[which], packets.only(which)
        fd = cooked["protocol"] == _CAN_FD
        interfaces = cooked["interface"] if link == LINUX_SLL2 else None
        sent = packets.sent | (cooked["packet"] == _OUTGOING)
        packets = Packets(packets.at + size, packets.captured - size, packets.t_ns, sent)
    id_order = ">" if link == CAN_SOCKETCAN else order
    head = np.dtype(
        [("id", f"{id_order}u4"), ("length", "u1"), ("flags", "u1"), ("rest", "V2"), ("data", "<u8")]
    )
    found = rows(data, packets.at, head)
    stored, length, bits = found["id"].astype(np.uint32), found["length"].copy(), found["flags"]
    if fd is None:
        fd = (bits & _FDF != 0) | (packets.captured >= _FD_BYTES) | (length > 8)
    error = stored & _ERROR_BIT != 0
    extended = (stored >> np.uint32(31) != 0) & ~error
    remote = (stored & _REMOTE_BIT != 0) & ~fd & ~error
    flags = np.where(fd, _FD_FLAGS[bits], 0).astype(np.uint16)
    for flag, mask in ((EXTENDED, extended), (REMOTE, remote), (ERROR, error), (TX, packets.sent)):
        flags |= mask * np.uint16(flag)
    ids = stored & np.uint32(0x1FFFFFFF)
    carried = np.where(remote, 0, length)
    missing = packets.captured < _HEAD_BYTES + carried.astype(np.int64)
    good = np.ones(len(ids), bool)
    for bad, why in (
        (packets.captured < _HEAD_BYTES, "a packet that is too short for a CAN frame"),
        (~_IS_LENGTH[length] | (~fd & (length > 8)), "a length that no such frame has"),
        (missing, "a frame whose data were not captured"),
        (~extended & ~error & (ids > 0x7FF), "an id of too many bits"),
    ):
        bad = bad & good
        if bad.any():
            complain(which[bad], why)
            good &= ~bad
    if not good.all():
        found, packets, which = found[good], packets.only(good), which[good]
        ids, flags, length, carried = ids[good], flags[good], length[good], carried[good]
        interfaces = None if interfaces is None else interfaces[good]
    made = Frames(
        packets.t_ns,
        ids,
        flags,
        np.zeros(len(ids), np.uint8),
        length,
        _data(data, packets.at, found, carried),
    )
    return Found(made, which, interfaces, others)


def _data(data: bytes, at: np.ndarray, found: np.ndarray, carried: np.ndarray) -> np.ndarray:
    if not len(at) or carried.max() <= 8:
        return (found["data"] & KEEP_8[carried]).view(np.uint8).reshape(-1, 8)
    wide = rows(data, at + _HEAD_BYTES, _WIDE)["data"]
    return (wide & KEEP_64[carried]).view(np.uint8).reshape(-1, 64)
