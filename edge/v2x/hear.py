"""What a packet says, whatever its standard."""

from __future__ import annotations

from edge.v2x import csae53, etsi, j2735
from edge.v2x.moments import Now
from edge.v2x.network import Packet
from edge.v2x.sets import Glimpse, Heard, MessageSet

SETS: dict[str, MessageSet] = {"dsmp": csae53, "geonetworking": etsi, "wsmp": j2735, "j2735": j2735}
"""By the family of the packet."""


def hear(packet: Packet, now: Now) -> Heard:
    """The message in a packet that is not secured, or no longer. Raises CodecError."""
    return SETS[packet.family].hear(packet.payload, now)


def peek(packet: Packet, now: Now) -> Glimpse | None:
    """Who sends and where he is, without reading all. Raises CodecError."""
    return SETS[packet.family].peek(packet.payload, now)
