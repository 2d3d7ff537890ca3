"""Octets of unknown origin: packets of every kind, whole or as others record them, and bare messages."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from edge.v2x import csae53, etsi
from edge.v2x.hear import message_set
from edge.v2x.moments import Now
from edge.v2x.network import Packet, read, read_inside
from edge.v2x.network.recorded import find
from edge.v2x.security.signed import Signed, read_signed
from edge.v2x.sets import Heard, MessageSet
from edge.v2x.uper import CodecError

_ITS_VERSIONS = (1, 2, 3)  # protocolVersion, the first octet of a bare message of ETSI


class Found(msgspec.Struct, frozen=True):
    """What octets are. packet: None of a bare message; signed: what signs it, not verified; heard: None where
    there is no message, as in a beacon, or none that can be read: then `error` says why."""

    packet: Packet | None = None
    signed: Signed | None = None
    heard: Heard | None = None
    error: CodecError | None = None


def look(data: bytes, utc_ns: int) -> Found:
    """What the octets are, by what reads to the end; else the likeliest, and why it cannot be read.

    utc_ns: about when they were sent, unless they are signed and say so. Monotonic times of what is heard are
    dates: ns since 1970. Never raises.
    """
    possible = list(_possible(data, utc_ns))
    for found in possible:
        if found.heard is not None:
            return found
    for found in possible:
        if found.error is None:
            return found
    unknown = [found for found in possible if found.error and found.error.reason != "unknown"]
    if unknown and (unknown[0].packet is not None or len(unknown) > 1):
        return unknown[0]
    try:
        read(data)
        first = "cannot be read"
    except CodecError as error:
        first = str(error)
    last = possible[-1].error
    return Found(error=CodecError("", f"{first}; nor is it a bare message ({last})", "unknown"))


def _possible(data: bytes, utc_ns: int) -> Iterator[Found]:
    """Readings, the likeliest first; the last is always that of a bare message of T/CSAE 53."""
    now = Now(utc_ns, utc_ns)
    packets = find(data)
    direct = bool(packets) and packets[0].data == data
    if direct:
        yield _open(packets[0], utc_ns)
    if _is_etsi(data):
        yield _bare(etsi, data, now)
    for packet in packets[direct:]:
        yield _open(packet, utc_ns)
    try:
        read(data)
    except CodecError as error:
        yield Found(error=error)
    yield _bare(csae53, data, now)


def _open(packet: Packet, utc_ns: int) -> Found:
    """The message in a packet, also in one that is signed."""
    signed = None
    try:
        if packet.secured is not None:
            signed = read_signed(packet.secured)
            packet = read_inside(packet, signed.payload)
            utc_ns = signed.generated_ns or utc_ns
        if packet.transport == "ipv6":
            raise CodecError("GeoNetworking", "it carries IPv6, which is not read", "unsupported")
        heard = _message(packet, signed, Now(utc_ns, utc_ns)) if packet.payload else None
    except CodecError as error:
        return Found(packet, signed, error=error)
    return Found(packet, signed, heard)


def _message(packet: Packet, signed: Signed | None, now: Now) -> Heard:
    data = packet.payload
    try:
        return message_set(packet.family).hear(data, now)
    except CodecError:
        if signed is None or packet.family != "j2735":
            raise
        found = _bare(etsi if _is_etsi(data) else csae53, data, now)  # signed, and no header says what
        if found.heard is None:
            raise
        return found.heard


def _is_etsi(data: bytes) -> bool:
    return len(data) > 1 and data[0] in _ITS_VERSIONS and data[1] in etsi.MESSAGE_NAMES


def _bare(messages: MessageSet, data: bytes, now: Now) -> Found:
    try:
        return Found(heard=messages.hear(data, now))
    except CodecError as error:
        return Found(error=error)
