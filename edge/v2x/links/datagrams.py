"""Datagram sockets: what has arrived, stamped by the kernel."""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any

from edge import clock

BURST = 256
"""Packets that one call gives at the most."""

_SO_TIMESTAMPNS = 35  # of Linux; the control message has the same number
_TIMESPEC = struct.Struct("@qq")
_CONTROL = 64
_BUFFER = 4 << 20


def stamped(link: socket.socket) -> None:
    """Never wait, keep much that waits, and stamp what arrives, where the kernel does so."""
    link.setblocking(False)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)  # as much of it as the system allows
    if sys.platform == "linux":
        link.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def arrived(link: socket.socket, longest: int) -> list[tuple[int, bytes, Any]]:
    """At most BURST datagrams: monotonic time, data of at most `longest` octets, whence."""
    if link.fileno() < 0:
        return []
    offset_ns = clock.realtime_offset_ns()
    found: list[tuple[int, bytes, Any]] = []
    while len(found) < BURST:
        try:
            data, control, _, whence = link.recvmsg(longest, _CONTROL)
        except BlockingIOError:
            break
        t_ns = clock.now_ns()
        for level, kind, stamp in control:
            if kind == _SO_TIMESTAMPNS and level == socket.SOL_SOCKET and len(stamp) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(stamp)
                t_ns = min(seconds * 1_000_000_000 + nanoseconds + offset_ns, t_ns)
        found.append((t_ns, data, whence))
    return found
