"""IPv4 multicast: stations on one desk or one network."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys

from edge import clock
from edge.v2x.links import MAX_PACKET

_BURST = 256
_SO_TIMESTAMPNS = 35  # of Linux; the control message has the same number
_TIMESPEC = struct.Struct("@qq")


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
