"""A packet, whatever its family: what the headers below the message say."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.v2x.network.area import Area

GEONETWORKING = 3
"""The first octet of a GeoNetworking packet, as modems with a non-IP interface give it."""

STATION_TYPES = {"person": 1, "bicycle": 2, "motorcycle": 4, "car": 5, "bus": 6, "truck": 8}
"""StationType of ETSI TS 102 894-2 by our kinds, in headers and messages; 0: unknown."""

DSMP = 4
"""The first octet of a DSMP packet: protocol type of the adaptation layer of YD/T 3707."""


class Source(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The long position vector, in the standard's units: who sends, where it was and when.

    address: the lower 48 bits of the GN address; timestamp_ms: TimestampIts modulo 2**32; latitude,
    longitude: 0.1 microdegree; accurate: the position is within PAI's limit; speed: 0.01 m/s, negative
    backwards; heading: 0.1 degree; manual: the address was given by hand.
    """

    station_type: int
    address: int
    timestamp_ms: int
    latitude: int
    longitude: int
    accurate: bool = False
    speed: int = 0
    heading: int = 0
    manual: bool = False


class Packet(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a packet carries and says.

    family: "j2735" is a bare message frame of SAE J2735, or a bare IEEE 1609.2 one that holds it. kind: of
    GeoNetworking "shb", "tsb", "gbc", "gac", "guc", "beacon", "ls_request", "ls_reply", "any"; "" elsewhere,
    and of a secured packet whose inside has not been read. secured: the IEEE 1609.2 octets, when what is
    inside is still to be verified; then nothing behind it is known. service: BTP destination port, AID or
    PSID; service_info: BTP-A's source port or BTP-B's port info. traffic_class: the whole octet.
    sequence: None where the kind has none; destination: 48 bits of the address that it is for. data: the
    packet as it came, b"" of a packet that was not read.
    """

    family: Literal["geonetworking", "dsmp", "wsmp", "j2735"]
    payload: bytes = b""
    kind: str = ""
    service: int = 0
    source: Source | None = None
    secured: bytes | None = None
    transport: Literal["", "btp-a", "btp-b", "ipv6"] = ""
    service_info: int = 0
    traffic_class: int = 0
    lifetime_s: float = 0.0
    hop_limit: int = 1
    remaining_hops: int = 1
    mobile: bool = False
    sequence: int | None = None
    area: Area | None = None
    destination: int | None = None
    data: bytes = b""
