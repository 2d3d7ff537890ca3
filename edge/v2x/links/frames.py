"""Our packets in the frames of data links: Ethernet, and IEEE 802.11 as radios record it.

The first octet of our packets names the family; on Ethernet the ethertype does that, and the octet goes.
Sources: EN 302 636-4-1 (0x8947), IEEE 1609.3 (0x88DC), IEEE 802.3, 802.1Q, 802.11, radiotap.org.
"""

from __future__ import annotations

import struct

from edge.v2x.network import DSMP, GEONETWORKING

GEONETWORKING_TYPE = 0x8947
WSMP_TYPE = 0x88DC
EXPERIMENTAL_TYPE = 0x88B5
"""Of IEEE's for experiments: DSMP has none that is public."""

BROADCAST = b"\xff" * 6
_VLAN_TYPES = (0x8100, 0x88A8, 0x9100)
_SNAP = b"\xaa\xaa\x03\x00\x00\x00"
_WSMP_TRANSPORTS = 6
_HAS_CHECK = 0x10  # in radiotap's flags: the frame ends with its check sequence


def to_frame(packet: bytes, source: bytes, dsmp_type: int = EXPERIMENTAL_TYPE) -> bytes:
    """An Ethernet frame to everyone. ValueError for a packet of no family that has an ethertype."""
    if packet[:1] == bytes((GEONETWORKING,)) and len(packet) > 1:
        if packet[1] < _WSMP_TRANSPORTS:
            return BROADCAST + source + struct.pack(">H", WSMP_TYPE) + packet
        return BROADCAST + source + struct.pack(">H", GEONETWORKING_TYPE) + packet[1:]
    if packet[:1] == bytes((DSMP,)):
        return BROADCAST + source + struct.pack(">H", dsmp_type) + packet[1:]
    raise ValueError(f"a packet that begins {packet[:2].hex()} is of no family that Ethernet carries")


def from_frame(frame: bytes, dsmp_type: int = EXPERIMENTAL_TYPE) -> bytes | None:
    """The packet in an Ethernet frame, with VLAN tags or without; None: nothing of ours."""
    at = 12
    for _ in range(3):
        kind = int.from_bytes(frame[at : at + 2], "big")
        if kind not in _VLAN_TYPES:
            break
        at += 4
    return _packet(kind, frame[at + 2 :], dsmp_type)


def from_radio(frame: bytes, dsmp_type: int = EXPERIMENTAL_TYPE) -> bytes | None:
    """The packet in an IEEE 802.11 data frame behind a radiotap header; None: nothing of ours."""
    if len(frame) < 8 or frame[0] != 0:
        return None
    length = int.from_bytes(frame[2:4], "little")
    if length > len(frame):
        return None
    if _radiotap_flags(frame[:length]) & _HAS_CHECK:
        frame = frame[:-4]
    at = length
    control = int.from_bytes(frame[at : at + 2], "little")
    if control >> 2 & 3 != 2 or control & 0x4043:  # a data frame that has data and is not encrypted
        return None
    at += 24 + 6 * (control & 0x300 == 0x300) + (2 + 4 * (control >> 15)) * (control >> 7 & 1)
    if frame[at : at + 6] != _SNAP:
        return None
    return _packet(int.from_bytes(frame[at + 6 : at + 8], "big"), frame[at + 8 :], dsmp_type)


def _packet(kind: int, payload: bytes, dsmp_type: int) -> bytes | None:
    if kind == GEONETWORKING_TYPE:
        return bytes((GEONETWORKING,)) + payload
    if kind == dsmp_type:
        return bytes((DSMP,)) + payload
    return payload if kind == WSMP_TYPE else None


def _radiotap_flags(header: bytes) -> int:
    """The field of flags, 0 where there is none."""
    present = int.from_bytes(header[4:8], "little")
    at, words = 8, present
    while words >> 31 and at + 4 <= len(header):
        words = int.from_bytes(header[at : at + 4], "little")
        at += 4
    if present & 1:  # the time stands before, aligned to 8 octets
        at = (at + 7 & ~7) + 8
    return header[at] if present & 2 and at < len(header) else 0
