"""IPv4 multicast: stations on one desk or one network."""

from __future__ import annotations

import ipaddress
import socket

from edge.v2x.links import MAX_PACKET
from edge.v2x.links.datagrams import arrived, stamped


class UdpMulticast:
    """Stations on one machine or one network, over IPv4 multicast.

    interface: the address of the network interface. On the loopback the TTL is 0, so that nothing leaves the
    machine; elsewhere 1, so that nothing leaves the network. What we send comes back to us too: a station
    knows it by its id. listen False: only for sending. Raises OSError as sockets do.
    """

    def __init__(self, group: str, port: int, interface: str = "127.0.0.1", listen: bool = True) -> None:
        ttl = 0 if ipaddress.ip_address(interface).is_loopback else 1
        self._to = (group, port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
        try:
            stamped(self._socket)
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
        self._socket.bind((group, port))  # to the group: packets for other groups on this port stay out
        member = socket.inet_aton(group) + socket.inet_aton(interface)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)

    def fileno(self) -> int | None:
        """The socket's."""
        return self._socket.fileno()

    def receive(self) -> list[tuple[int, bytes]]:
        """At most 256 packets, stamped by the kernel where it does so, else now."""
        return [(t_ns, data) for t_ns, data, _ in arrived(self._socket, MAX_PACKET + 1)]

    def send(self, packet: bytes) -> None:
        """To the group."""
        self._socket.sendto(packet, self._to)

    def close(self) -> None:
        """Leave the group."""
        self._socket.close()
