"""Which family a packet is of, and what it carries."""

from __future__ import annotations

import msgspec

from edge.v2x.network import geonetworking
from edge.v2x.network.packet import DSMP, GEONETWORKING, Packet
from edge.v2x.network.short import is_signed, read_dsmp, read_wsmp
from edge.v2x.uper import CodecError

J2735_IDS = range(18, 64)
"""DSRCmsgID of the messages of SAE J2735, in the second octet of a frame."""


def read(data: bytes) -> Packet:
    """The packet in `data`; of a secured one the outside, and `secured` to verify.

    Octet 3: GeoNetworking, whose version follows in the next four bits; or WSMP, whose transport (0 to 5)
    does; or bare IEEE 1609.2. 4: DSMP. 0: a bare message frame of SAE J2735. Raises CodecError: "unknown"
    family, "unsupported" kind or version, "undecodable" header.
    """
    if len(data) < 2:
        raise CodecError("packet", "is empty" if not data else "is one octet")
    first, second = data[0], data[1]
    if first == GEONETWORKING:
        if second & 0xF0 == 0x10:
            return geonetworking.read(data)
        if second < 6:
            return read_wsmp(data)
        if is_signed(data):
            return Packet(family="j2735", secured=data, data=data)
        return geonetworking.read(data)
    if first == DSMP:
        return read_dsmp(data)
    if first == 0 and second in J2735_IDS:
        return Packet(family="j2735", payload=data, data=data)
    if first == 0x0B:
        return read_wsmp(data)
    if (first == 0 and second >> 4 == 6) or (first == 5 and second >> 4 == 4):
        raise CodecError("adaptation layer", f"IPv{second >> 4} is not read", "unsupported")
    raise CodecError("packet", f"first octet {first:#04x} names no family that is known", "unknown")


def read_inside(packet: Packet, plain: bytes) -> Packet:
    """The whole packet, when what was secured has been verified: plain is what the signature covers.

    Raises CodecError as `read` does.
    """
    if packet.family == "geonetworking":
        return geonetworking.read_inside(packet.data, plain)
    return msgspec.structs.replace(packet, payload=plain, secured=None)
