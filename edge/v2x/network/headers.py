"""The headers below the message, by which every packet says what it is.

The first octet names the family, as modems with a non-IP interface do: 3 GeoNetworking, 4 the adaptation
layer of YD/T 3707 with DSMP. Sent and heard: single-hop broadcast with BTP-B (EN 302 636-4-1 V1.3.1
clause 9, EN 302 636-5-1), and a DSMP header without extension. A packet may also be a bare SAE J2735 BSM
frame. Nothing is signed yet: a secured packet is told apart and refused.
"""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

from edge.v2x.uper import CodecError

GEONETWORKING = 3
DSMP = 4
BTP_PORT_CAM = 2001

_J2735_BSM = b"\x00\x14"  # extension bit 0, messageId 20
_BASIC = struct.Struct(">BBBB")  # version and next header, reserved, lifetime, remaining hop limit
_COMMON = struct.Struct(">BBBBHBB")  # next header, type, traffic class, flags, length, hop limit, reserved
_POSITION = struct.Struct(">HHIIiiHH")  # GN address (16 + 48 bits), time, latitude, longitude, speed, heading
_BTP_B = struct.Struct(">HH")  # destination port and its info
_MEDIA_DEPENDENT = bytes(4)
_SINGLE_HOP = 0x50  # TSB, sub-type 0
_NEXT_BTP_B = 2
_LIFETIME_1_S = 1 << 2 | 1  # multiplier 1, base 1 s
_TRAFFIC_CLASS_CAM = 2
_MOBILE = 0x80


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The long position vector, in the standard's units: who sends, where it was and when."""

    station_type: int
    address: int  # the lower 48 bits of the GN address
    timestamp_ms: int  # TimestampIts modulo 2**32
    latitude: int  # 0.1 microdegree
    longitude: int
    accurate: bool = False
    speed: int = 0  # 0.01 m/s, negative backwards
    heading: int = 0  # 0.1 degree


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """What a packet carries. service: the BTP-B destination port, or the AID of DSMP."""

    family: Literal["geonetworking", "dsmp", "j2735"]
    payload: bytes
    service: int = 0
    source: Source | None = None


def unwrap(data: bytes) -> Packet:
    """The packet in `data`. Raises CodecError: "unknown" family, "unsupported" kind, "undecodable" header."""
    if not data:
        raise CodecError("packet", "is empty")
    if data[0] == GEONETWORKING:
        return _unwrap_geonetworking(data)
    if data[0] == DSMP:
        return _unwrap_dsmp(data)
    if data[:2] == _J2735_BSM:
        return Packet(family="j2735", payload=data)
    raise CodecError("packet", f"first octet {data[0]:#04x} names no family that is known", "unknown")


def wrap_single_hop(payload: bytes, source: Source, port: int) -> bytes:
    """A GeoNetworking single-hop broadcast with BTP-B; not secured, lifetime 1 s."""
    return b"".join(
        (
            bytes((GEONETWORKING,)),
            _BASIC.pack(1 << 4 | 1, 0, _LIFETIME_1_S, 1),
            _COMMON.pack(
                _NEXT_BTP_B << 4, _SINGLE_HOP, _TRAFFIC_CLASS_CAM, _MOBILE, _BTP_B.size + len(payload), 1, 0
            ),
            _POSITION.pack(
                (source.station_type & 0x1F) << 10,
                source.address >> 32 & 0xFFFF,
                source.address & 0xFFFFFFFF,
                source.timestamp_ms & 0xFFFFFFFF,
                source.latitude,
                source.longitude,
                source.accurate << 15 | source.speed & 0x7FFF,
                source.heading,
            ),
            _MEDIA_DEPENDENT,
            _BTP_B.pack(port, 0),
            payload,
        )
    )


def _unwrap_geonetworking(data: bytes) -> Packet:
    where = "GeoNetworking"
    offset = 1 + _BASIC.size + _COMMON.size
    if len(data) < offset:
        raise CodecError(where, f"{len(data) - 1} octets, the first two headers alone have {offset - 1}")
    version_next, _, _, _ = _BASIC.unpack_from(data, 1)
    if version_next >> 4 != 1:
        raise CodecError(where, f"version {version_next >> 4} is not read", "unsupported")
    if version_next & 0xF == 2:
        raise CodecError(where, "secured packets are not read yet", "secured")
    if version_next & 0xF != 1:
        raise CodecError(where, f"next header {version_next & 0xF} of the basic header")
    next_header, kind, _, _, length, _, _ = _COMMON.unpack_from(data, 1 + _BASIC.size)
    if kind != _SINGLE_HOP:
        raise CodecError(where, f"header type {kind >> 4}.{kind & 0xF} is not read yet", "unsupported")
    if next_header >> 4 != _NEXT_BTP_B:
        raise CodecError(where, f"next header {next_header >> 4} is not BTP-B", "unsupported")
    start = offset + _POSITION.size + len(_MEDIA_DEPENDENT)
    if len(data) - start != length:
        raise CodecError(where, f"payload of {length} octets announced, {max(len(data) - start, 0)} there")
    if length < _BTP_B.size:
        raise CodecError("BTP-B", f"{length} octets, the header alone has {_BTP_B.size}")
    port, _ = _BTP_B.unpack_from(data, start)
    return Packet(
        family="geonetworking",
        service=port,
        payload=data[start + _BTP_B.size :],
        source=_source(data, offset),
    )


def _source(data: bytes, offset: int) -> Source:
    kind, high, low, time_ms, latitude, longitude, speed, heading = _POSITION.unpack_from(data, offset)
    return Source(
        station_type=kind >> 10 & 0x1F,
        address=high << 32 | low,
        timestamp_ms=time_ms,
        latitude=latitude,
        longitude=longitude,
        accurate=bool(speed >> 15),
        speed=(speed & 0x7FFF) - ((speed & 0x4000) << 1),
        heading=heading,
    )


_AID_STEPS = (
    (0x80, 0, 0),
    (0x4000, 0x80, 0x8000),
    (0x200000, 0x4080, 0xC00000),
    (0x10000000, 0x204080, 0xE0000000),
)
"""For 1 to 4 octets: how many AIDs, the first of them, the mark in the leading bits."""


def wrap_dsmp(payload: bytes, aid: int) -> bytes:
    """A DSMP packet of version 0 without extension, behind the octet of the adaptation layer."""
    for octets, (count, first, mark) in enumerate(_AID_STEPS, 1):
        if first <= aid < first + count:
            header = bytes((DSMP, 0)) + (aid - first | mark).to_bytes(octets, "big")
            return header + struct.pack(">H", len(payload)) + payload
    raise CodecError("DSMP", f"AID {aid} is not in 0..{first + count - 1}", "unencodable")


def _unwrap_dsmp(data: bytes) -> Packet:
    where = "DSMP"
    if len(data) < 5:
        raise CodecError(where, f"{len(data) - 1} octets, the header alone has 4")
    if data[1] >> 5:
        raise CodecError(where, f"version {data[1] >> 5} is not read", "unsupported")
    if data[1] & 0x10:
        raise CodecError(where, "extension fields are not read yet", "unsupported")
    octets = next((n for n, mask in enumerate((0x80, 0x40, 0x20, 0x10), 1) if not data[2] & mask), 0)
    if not octets:
        raise CodecError(where, f"AID begins with {data[2]:#04x}")
    _, first, mark = _AID_STEPS[octets - 1]
    start = 2 + octets + 2
    if len(data) < start:
        raise CodecError(where, "the data ends in the header")
    length = int.from_bytes(data[start - 2 : start], "big")
    if len(data) - start != length:
        raise CodecError(where, f"payload of {length} octets announced, {len(data) - start} there")
    aid = (int.from_bytes(data[2 : 2 + octets], "big") ^ mark) + first
    return Packet(family="dsmp", service=aid, payload=data[start:])
