"""What a packet says, whatever its standard."""

from __future__ import annotations

from edge.v2x import csae53, etsi, j2735
from edge.v2x.moments import Now
from edge.v2x.network import Packet, read
from edge.v2x.sets import Glimpse, Heard, MessageSet
from edge.v2x.uper import CodecError

SETS: dict[str, MessageSet] = {"dsmp": csae53, "geonetworking": etsi, "wsmp": j2735, "j2735": j2735}
"""By the family of the packet."""

_ITS_VERSIONS = (1, 2)  # protocolVersion, the first octet of a bare message of ETSI


def hear(packet: Packet, now: Now) -> Heard:
    """The message in a packet that is not secured, or no longer. Raises CodecError."""
    return SETS[packet.family].hear(packet.payload, now)


def peek(packet: Packet, now: Now) -> Glimpse | None:
    """Who sends and where he is, without reading all. Raises CodecError."""
    return SETS[packet.family].peek(packet.payload, now)


def hear_bare(data: bytes, now: Now) -> tuple[Packet | None, Heard]:
    """A packet, or a bare message as others record them. Raises CodecError of the likeliest."""
    errors: list[CodecError] = []
    try:
        packet = read(data)
        if packet.secured is None:
            return packet, hear(packet, now)
        raise CodecError("packet", "is secured", "secured")
    except CodecError as error:
        errors.append(error)
    bare: list[MessageSet] = [csae53, j2735]
    if data[:1] and data[0] in _ITS_VERSIONS:
        bare.insert(0, etsi)
    for one in bare:
        try:
            return None, one.hear(data, now)
        except CodecError as error:
            errors.append(error)
    known = [error for error in errors if error.reason != "unknown"]
    raise next((error for error in known if error.reason in ("unsupported", "secured")), known[0])
