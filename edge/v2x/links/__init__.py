"""How packets travel: one port, many ways.

Every packet is one datagram in the form of edge.v2x.network: its first octet names the family.
"""

from __future__ import annotations

from typing import Protocol

from edge import clock
from edge.config import V2xLink

MAX_PACKET = 2304
"""Octets. The largest service data unit of IEEE 802.11; GeoNetworking and DSMP packets are smaller."""


class Link(Protocol):
    """One way in and out. Every packet is one datagram; what cannot go or come raises OSError.

    Some count what they dropped by themselves: `damaged`, of a form that is not theirs; `lost`, too late.
    """

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


def open_link(config: V2xLink, listen: bool = True, time: clock.Clock | None = None) -> Link:
    """The way that the config names; record_file puts Recorded around it.

    listen False: only for sending, where that makes a difference (udp_multicast). time: by which a capture is
    replayed, the machine's if none is given. Raises OSError where it cannot be opened now (worth another
    try), ValueError for keys that are missing or wrong.
    """
    link = _open(config, listen, time or clock.LiveClock())
    if not config.record_file:
        return link
    from edge.v2x.links.recorded import Recorded

    try:
        return Recorded(link, config.record_file, config.dsmp_ethertype)
    except ValueError:
        link.close()
        raise


def _open(config: V2xLink, listen: bool, time: clock.Clock) -> Link:
    if config.kind == "udp_multicast":
        from edge.v2x.links.udp import UdpMulticast

        return UdpMulticast(config.group, config.port, config.interface, listen)
    if config.kind == "ethernet":
        from edge.v2x.links.ethernet import Ethernet

        return Ethernet(config.device, config.dsmp_ethertype)
    if config.kind == "cohda":
        from edge.v2x.links.cohda import Cohda

        return Cohda(config.host, config.host_port, config.listen_port)
    if config.kind == "unix":
        from edge.v2x.links.unix import UnixHelper

        return UnixHelper(config.path, config.own_path)
    if config.kind == "mqtt":
        from edge.v2x.links.mqtt import MqttBridge

        return MqttBridge(config)
    if config.kind == "pcap":
        from edge.v2x.links.recorded import Replay

        return Replay(config.read_file, config.pace, time, config.dsmp_ethertype)
    raise ValueError(f"a link of kind {config.kind} is not opened but given")
