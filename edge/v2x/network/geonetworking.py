"""GeoNetworking and BTP on the wire: ETSI EN 302 636-4-1 V1.4.1 clause 9, EN 302 636-5-1 V2.2.1.

Read: every header of version 1. Made: single-hop broadcast, beacon, GeoBroadcast, GeoAnycast and topological
broadcast, all with BTP-B. `secure` gets everything from the common header on and gives the IEEE 1609.2
octets that take its place; the basic header stays outside, in the clear.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Literal

from edge.v2x.network.area import SHAPES, Area
from edge.v2x.network.packet import GEONETWORKING, Packet, Source
from edge.v2x.uper import CodecError

Secure = Callable[[bytes], bytes]

BTP_PORTS = {
    "CAM": 2001, "DENM": 2002, "MAPEM": 2003, "SPATEM": 2004, "SAEM": 2005, "IVIM": 2006, "SREM": 2007,
    "SSEM": 2008, "CPM": 2009, "EVCSN": 2010, "RTCMEM": 2013, "CTL": 2014, "CRL": 2015, "VAM": 2018,
    "IMZM": 2019,
}  # fmt: skip
"""Well-known destination ports of ETSI TS 103 248."""

MAX_AREA_M2 = 10_000_000.0  # itsGnMaxGeoAreaSize
MAX_HOPS = 10  # itsGnDefaultHopLimit
LIFETIME_S = 60.0  # itsGnDefaultPacketLifetime
MAX_LIFETIME_S = 600.0  # itsGnMaxPacketLifetime
MAX_PAYLOAD = 1398  # itsGnMaxSduSize

_BASIC = 5  # the family octet and the basic header
_COMMON = 8
_BTP = 4
_ETHERNET_LEAST = 46  # shorter packets are filled up to that on Ethernet
_LIFETIMES_S = tuple((0.05, 1.0, 10.0, 100.0)[code & 3] * (code >> 2) for code in range(256))
_TRANSPORTS: dict[int, Literal["", "btp-a", "btp-b", "ipv6"]] = {0: "", 1: "btp-a", 2: "btp-b", 3: "ipv6"}
_SIZES = {
    0x00: ("any", 0), 0x10: ("beacon", 24), 0x20: ("guc", 48), 0x30: ("gac", 44), 0x31: ("gac", 44),
    0x32: ("gac", 44), 0x40: ("gbc", 44), 0x41: ("gbc", 44), 0x42: ("gbc", 44), 0x50: ("shb", 28),
    0x51: ("tsb", 28), 0x60: ("ls_request", 36), 0x61: ("ls_reply", 48),
}  # fmt: skip
"""Header type and sub-type: our name, octets of the extended header."""

_VECTOR = struct.Struct(">QIiiHH")  # GN address, time, latitude, longitude, PAI and speed, heading
_SINGLE = struct.Struct(">BBBBHBBQIiiHHIHH")  # common header, single-hop header and BTP, in one go
_HEAD = struct.Struct(">BBBBHBB")  # next header, type, traffic class, flags, length, hop limit, reserved
_AREA = struct.Struct(">iiHHHH")
_PORTS = struct.Struct(">HH")
_ADDRESS = 0xFFFF_FFFF_FFFF


def read(data: bytes) -> Packet:
    """The packet behind the octet 3. Of a secured one only the outside. Raises CodecError."""
    if len(data) < _BASIC:
        raise CodecError("GeoNetworking", f"{len(data) - 1} octets, the basic header alone has 4")
    first = data[1]
    if first == 0x11:
        return read_inside(data, data, _BASIC)
    if first >> 4 != 1:
        raise CodecError("GeoNetworking", f"version {first >> 4} is not read", "unsupported")
    if first == 0x12:
        return Packet(
            family="geonetworking",
            secured=data[_BASIC:],
            lifetime_s=_LIFETIMES_S[data[3]],
            hop_limit=0,
            remaining_hops=data[4],
            data=data,
        )
    raise CodecError("GeoNetworking", f"next header {first & 0xF} of the basic header")


def read_inside(outside: bytes, plain: bytes, at: int = 0) -> Packet:
    """What plain holds from the common header at `at` on; outside: the whole packet, for its basic header."""
    if len(plain) >= at + 40 and plain[at + 1] == 0x50 and plain[at] >> 4 in (1, 2):
        return _read_single_hop(outside, plain, at)
    start = at + _COMMON
    if len(plain) < start:
        raise CodecError("GeoNetworking", f"{len(plain) - at} octets, the common header alone has 8")
    following, kind, traffic_class, flags, length, hop_limit, _ = _HEAD.unpack_from(plain, at)
    name, size = _SIZES.get(kind, ("", 0))
    if not name:
        raise CodecError("GeoNetworking", f"header type {kind >> 4}.{kind & 0xF} is not known", "unsupported")
    transport = _TRANSPORTS.get(following >> 4)
    if transport is None:
        raise CodecError("GeoNetworking", f"next header {following >> 4} of the common header")
    if outside[4] > hop_limit:
        raise CodecError("GeoNetworking", f"{outside[4]} hops left of {hop_limit}")
    end = _end(plain, at, start + size, length)
    sequence = area = destination = source = None
    service = service_info = 0
    if size:
        vector_at = start
        if name not in ("beacon", "shb"):
            sequence = plain[start] << 8 | plain[start + 1]
            vector_at = start + 4
        source = _source(*_VECTOR.unpack_from(plain, vector_at))
        if name in ("gbc", "gac"):
            latitude, longitude, a, b, angle, _ = _AREA.unpack_from(plain, start + 28)
            area = Area(SHAPES[kind & 0xF], latitude, longitude, a, b, angle)  # type: ignore[arg-type]
        elif size >= 36:
            destination = int.from_bytes(plain[start + 30 : start + 36], "big")
    start += size
    if transport in ("btp-a", "btp-b") and name not in ("beacon", "any", "ls_request", "ls_reply"):
        if length < _BTP:
            raise CodecError("BTP", f"{length} octets, the header alone has 4")
        service, service_info = _PORTS.unpack_from(plain, start)
        start += _BTP
    return Packet(
        family="geonetworking",
        kind=name,
        payload=plain[start:end],
        service=service,
        source=source,
        transport=transport,
        service_info=service_info,
        traffic_class=traffic_class,
        lifetime_s=_LIFETIMES_S[outside[3]],
        hop_limit=hop_limit,
        remaining_hops=outside[4],
        mobile=flags >= 0x80,
        sequence=sequence,
        area=area,
        destination=destination,
        data=outside,
    )


def _read_single_hop(outside: bytes, plain: bytes, at: int) -> Packet:
    """The kind that nearly every packet is, in one unpacking."""
    (
        following, _, traffic_class, flags, length, hop_limit, _,
        address, time_ms, latitude, longitude, speed, heading, _, port, info,
    ) = _SINGLE.unpack_from(plain, at)  # fmt: skip
    if outside[4] > hop_limit:
        raise CodecError("GeoNetworking", f"{outside[4]} hops left of {hop_limit}")
    end = at + 36 + length
    if end != len(plain):
        end = _end(plain, at, at + 36, length)
    if length < _BTP:
        raise CodecError("BTP", f"{length} octets, the header alone has 4")
    return Packet(
        family="geonetworking",
        kind="shb",
        payload=plain[at + 40 : end],
        service=port,
        source=Source(
            station_type=address >> 58 & 0x1F,
            address=address & _ADDRESS,
            timestamp_ms=time_ms,
            latitude=latitude,
            longitude=longitude,
            accurate=speed >= 0x8000,
            speed=(speed & 0x7FFF) - ((speed & 0x4000) << 1),
            heading=heading,
            manual=address >= 1 << 63,
        ),
        transport="btp-b" if following >= 0x20 else "btp-a",
        service_info=info,
        traffic_class=traffic_class,
        lifetime_s=_LIFETIMES_S[outside[3]],
        hop_limit=hop_limit,
        remaining_hops=outside[4],
        mobile=flags >= 0x80,
        data=outside,
    )


def _end(plain: bytes, at: int, start: int, length: int) -> int:
    """Where the payload ends. More may follow only where Ethernet had to fill a short packet up."""
    end = start + length
    if len(plain) < end or (len(plain) > end and not (at and len(plain) <= 1 + _ETHERNET_LEAST)):
        there = max(len(plain) - start, 0)
        raise CodecError("GeoNetworking", f"payload of {length} octets announced, {there} there")
    return end


def _source(address: int, time_ms: int, latitude: int, longitude: int, speed: int, heading: int) -> Source:
    return Source(
        station_type=address >> 58 & 0x1F,
        address=address & _ADDRESS,
        timestamp_ms=time_ms,
        latitude=latitude,
        longitude=longitude,
        accurate=speed >= 0x8000,
        speed=(speed & 0x7FFF) - ((speed & 0x4000) << 1),
        heading=heading,
        manual=address >= 1 << 63,
    )


# ---------------------------------------------------------------- making


def single_hop(
    payload: bytes,
    source: Source,
    port: int,
    *,
    info: int = 0,
    traffic_class: int = 2,
    lifetime_s: float = 1.0,
    mobile: bool = True,
    secure: Secure | None = None,
) -> bytes:
    """To all in reach: CAM, CPM, VAM. traffic_class: 2 is the one of CAMs (TS 102 636-4-2)."""
    inside = _head(2, 0x50, traffic_class, mobile, _BTP + len(payload), 1) + b"".join(
        (_vector(source), bytes(4), _ports(port, info), payload)
    )
    return _packet(inside, lifetime_s, 1, secure)


def beacon(source: Source, *, mobile: bool = True, secure: Secure | None = None) -> bytes:
    """I am here: from a station that has nothing else to say (clause 10.3.6)."""
    return _packet(_head(0, 0x10, 0, mobile, 0, 1) + _vector(source), LIFETIME_S, 1, secure)


def geo_broadcast(
    payload: bytes,
    source: Source,
    port: int,
    area: Area,
    sequence: int,
    *,
    info: int = 0,
    traffic_class: int = 1,
    lifetime_s: float = LIFETIME_S,
    hop_limit: int = MAX_HOPS,
    mobile: bool = True,
    anycast: bool = False,
    secure: Secure | None = None,
) -> bytes:
    """To all in the area, or to any one there: DENM, MAPEM, SPATEM, IVIM. sequence: modulo 65536.

    Raises CodecError "unencodable" for an area above 10 km2 or an impossible one.
    """
    if area.square_m > MAX_AREA_M2:
        raise CodecError("area", f"{area.square_m / 1e6:.1f} km2, 10 are allowed", "unencodable")
    kind = (0x30 if anycast else 0x40) | SHAPES.index(area.shape)
    try:
        where = _AREA.pack(area.latitude, area.longitude, area.a, area.b, area.angle % 360, 0)
    except struct.error as error:
        raise CodecError("area", f"{area}: {error}", "unencodable") from None
    inside = _head(2, kind, traffic_class, mobile, _BTP + len(payload), hop_limit) + b"".join(
        (_PORTS.pack(sequence & 0xFFFF, 0), _vector(source), where, _ports(port, info), payload)
    )
    return _packet(inside, lifetime_s, hop_limit, secure)


def topological(
    payload: bytes,
    source: Source,
    port: int,
    sequence: int,
    *,
    info: int = 0,
    traffic_class: int = 1,
    lifetime_s: float = LIFETIME_S,
    hop_limit: int = MAX_HOPS,
    mobile: bool = True,
    secure: Secure | None = None,
) -> bytes:
    """To all within hop_limit hops."""
    inside = _head(2, 0x51, traffic_class, mobile, _BTP + len(payload), hop_limit) + b"".join(
        (_PORTS.pack(sequence & 0xFFFF, 0), _vector(source), _ports(port, info), payload)
    )
    return _packet(inside, lifetime_s, hop_limit, secure)


def one_hop_less(packet: Packet) -> bytes:
    """The packet to send on. Only the basic header changes, which no signature covers."""
    data = packet.data
    return b"%b%c%b" % (data[:4], packet.remaining_hops - 1, data[5:])


def lifetime_octet(lifetime_s: float) -> int:
    """Exact in the largest unit that it is a multiple of, else in the smallest that reaches (9.6.4)."""
    ms = round(min(max(lifetime_s, 0.05), MAX_LIFETIME_S) * 1000)
    units = ((50, 0), (1000, 1), (10_000, 2), (100_000, 3))
    for unit, base in reversed(units):
        if ms % unit == 0 and ms // unit <= 63:
            return ms // unit << 2 | base
    unit, base = next((unit, base) for unit, base in units if ms <= 63 * unit)
    return -(-ms // unit) << 2 | base


def _packet(inside: bytes, lifetime_s: float, hops: int, secure: Secure | None) -> bytes:
    following = 1 if secure is None else 2
    basic = bytes((GEONETWORKING, 0x10 | following, 0, lifetime_octet(lifetime_s), hops))
    return basic + (inside if secure is None else secure(inside))


def _head(following: int, kind: int, traffic_class: int, mobile: bool, length: int, hops: int) -> bytes:
    if length > _BTP + MAX_PAYLOAD:
        raise CodecError("GeoNetworking", f"{length - _BTP} octets, {MAX_PAYLOAD} are allowed", "unencodable")
    if not (0 <= traffic_class <= 255 and 1 <= hops <= 255):
        raise CodecError("GeoNetworking", f"traffic class {traffic_class}, {hops} hops", "unencodable")
    return _HEAD.pack(following << 4, kind, traffic_class, mobile << 7, length, hops, 0)


def _vector(source: Source) -> bytes:
    if not -16384 <= source.speed <= 16383:
        raise CodecError("speed", f"{source.speed} does not fit in 15 bits", "unencodable")
    try:
        return _VECTOR.pack(
            source.manual << 63 | (source.station_type & 0x1F) << 58 | source.address & _ADDRESS,
            source.timestamp_ms & 0xFFFF_FFFF,
            source.latitude,
            source.longitude,
            source.accurate << 15 | source.speed & 0x7FFF,
            source.heading,
        )
    except struct.error as error:
        raise CodecError("position vector", f"{source}: {error}", "unencodable") from None


def _ports(port: int, info: int) -> bytes:
    if not (0 <= port <= 65535 and 0 <= info <= 65535):
        raise CodecError("BTP", f"port {port}, {info}", "unencodable")
    return _PORTS.pack(port, info)
