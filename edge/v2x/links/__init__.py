"""How packets travel: one port, many ways.

Every packet is one datagram in the form of edge.v2x.network: its first octet names the family.
"""

from __future__ import annotations

from typing import Protocol

from edge.config import V2xLink

MAX_PACKET = 2304
"""Octets. The largest service data unit of IEEE 802.11; GeoNetworking and DSMP packets are smaller."""


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


def open_link(config: V2xLink, listen: bool = True) -> Link:
    """The way that the config names. listen False: only for sending. Raises OSError, or UserError."""
    from edge.v2x.links.udp import UdpMulticast

    return UdpMulticast(config.group, config.port, config.interface, listen)
