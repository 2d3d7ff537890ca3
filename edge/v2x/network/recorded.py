"""Packets as others record them, with headers around that our links never give: for decoding by hand.

Whole Ethernet and IEEE 802.11 frames, packets without our octet of the family, and message frames of SAE
J2735 behind headers of unknown kind, as operational data environments store them.
"""

from __future__ import annotations

from collections.abc import Iterator

from edge.v2x.network.dispatch import J2735_IDS, read
from edge.v2x.network.packet import DSMP, GEONETWORKING, Packet
from edge.v2x.network.short import is_signed
from edge.v2x.uper import CodecError

_GEONETWORKING_TYPE, _WSMP_TYPE, _VLAN_TYPE = b"\x89\x47", b"\x88\xdc", b"\x81\x00"
_SNAP = b"\xaa\xaa\x03\x00\x00\x00"  # before the same types on IEEE 802.11
_HEADERS = 96  # octets, among which a beginning is looked for


def find(data: bytes) -> list[Packet]:
    """What the octets can be read as, likeliest first; empty: nothing. Never raises."""
    packets = []
    for octets in dict.fromkeys(_candidates(data)):
        try:
            packets.append(read(octets))
        except CodecError:
            continue
    return packets


def _candidates(data: bytes) -> Iterator[bytes]:
    yield data
    yield from _payload(data[12:])
    if data[12:14] == _VLAN_TYPE:
        yield from _payload(data[16:])
    at = data.find(_SNAP, 0, _HEADERS)
    if at >= 0:
        yield from _payload(data[at + len(_SNAP) :])
    yield bytes((GEONETWORKING,)) + data
    yield bytes((DSMP,)) + data
    for at in range(1, min(len(data), _HEADERS)):
        if is_signed(data[at:]) or _is_frame(data, at):
            yield data[at:]


def _payload(typed: bytes) -> Iterator[bytes]:
    if typed[:2] == _GEONETWORKING_TYPE:
        yield bytes((GEONETWORKING,)) + typed[2:]
    elif typed[:2] == _WSMP_TYPE:
        yield typed[2:]


def _is_frame(data: bytes, at: int) -> bool:
    """A message frame of SAE J2735 that ends where the data ends."""
    if data[at] != 0 or at + 3 > len(data) or data[at + 1] not in J2735_IDS:
        return False
    length, start = data[at + 2], at + 3
    if length & 0x80:
        if length & 0x40 or start >= len(data):
            return False
        length, start = (length & 0x3F) << 8 | data[start], start + 1
    return start + length == len(data)
