"""How packets travel: a port that radios, networks and tests implement alike."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections import deque
from typing import Protocol

from edge import clock

MAX_PACKET = 2304
"""Octets. The largest service data unit of IEEE 802.11; GeoNetworking and DSMP packets are smaller."""

_BURST = 256
_SO_TIMESTAMPNS = 35  # of Linux; the control message has the same number
_TIMESPEC = struct.Struct("@qq")


class Link(Protocol):
    """One way in and out. Every packet is one datagram; what cannot go or come raises OSError."""

    def fileno(self) -> int | None:
        """Readable when a packet is there; None: ask `receive` now and then."""
        ...

    def receive(self) -> list[tuple[int, bytes]]:
        """What has arrived, oldest first, with the monotonic time in ns; never waits."""
        ...

    def send(self, packet: bytes) -> None:
        """One packet to everyone in reach, at once or not at all."""
        ...

    def close(self) -> None:
        """Leave. Closing twice does no harm."""
        ...


class UdpMulticast:
    """Stations on one machine or one network, over IPv4 multicast.

    interface: the address of the network interface. On the loopback the TTL is 0, so that nothing leaves the
    machine; elsewhere 1, so that nothing leaves the network. What we send comes back to us too: `V2xInlet`
    knows it by its station id. listen False: only for sending. Raises OSError as sockets do.
    """

    def __init__(self, group: str, port: int, interface: str = "127.0.0.1", listen: bool = True) -> None:
        ttl = 0 if ipaddress.ip_address(interface).is_loopback else 1
        self._to = (group, port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
            if listen:
                self._listen(group, port, interface)
        except OSError:
            self._socket.close()
            raise

    def _listen(self, group: str, port: int, interface: str) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sys.platform == "linux":
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((group, port))  # to the group: packets for other groups on this port stay out
        member = socket.inet_aton(group) + socket.inet_aton(interface)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)

    def fileno(self) -> int | None:
        """The socket's."""
        return self._socket.fileno()

    def receive(self) -> list[tuple[int, bytes]]:
        """At most 256 packets, stamped by the kernel where it does so, else now."""
        offset_ns = clock.realtime_offset_ns()
        packets: list[tuple[int, bytes]] = []
        while len(packets) < _BURST:
            try:
                data, control, _, _ = self._socket.recvmsg(MAX_PACKET + 1, 64)
            except BlockingIOError:
                break
            t_ns = clock.now_ns()
            for level, kind, stamp in control:
                if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(stamp) == _TIMESPEC.size:
                    seconds, nanoseconds = _TIMESPEC.unpack(stamp)
                    t_ns = min(seconds * 1_000_000_000 + nanoseconds + offset_ns, t_ns)
            packets.append((t_ns, data))
        return packets

    def send(self, packet: bytes) -> None:
        """To the group."""
        self._socket.sendto(packet, self._to)

    def close(self) -> None:
        """Leave the group."""
        self._socket.close()


class Loopback:
    """One end of a pair within one program, for tests and simulation: stamps come from the given clock."""

    def __init__(self, time: clock.Clock) -> None:
        self._time = time
        self._arrived: deque[tuple[int, bytes]] = deque(maxlen=4096)
        self._other: Loopback | None = None

    @classmethod
    def pair(cls, time: clock.Clock) -> tuple[Loopback, Loopback]:
        """Two ends; what one sends the other receives."""
        one, other = cls(time), cls(time)
        one._other, other._other = other, one
        return one, other

    def fileno(self) -> int | None:
        """None: there is nothing to wait on."""
        return None

    def receive(self) -> list[tuple[int, bytes]]:
        """All that the other end has sent."""
        packets = list(self._arrived)
        self._arrived.clear()
        return packets

    def send(self, packet: bytes) -> None:
        """To the other end, if it is still there; the oldest of 4096 that nobody takes is lost."""
        if self._other is None:
            raise OSError("this end is closed")
        if self._other._other is self:
            self._other._arrived.append((self._time.now_ns(), packet))

    def close(self) -> None:
        """From now on nothing arrives."""
        self._other = None
        self._arrived.clear()
