"""Short messages without a place: DSMP of YD/T 3707 (China), WSMP of IEEE 1609.3-2016 (receive only)."""

from __future__ import annotations

from edge.v2x.network.packet import DSMP, Packet
from edge.v2x.uper import CodecError

_STEPS = (
    (0x80, 0, 0),
    (0x4000, 0x80, 0x8000),
    (0x200000, 0x4080, 0xC00000),
    (0x10000000, 0x204080, 0xE0000000),
)
"""For 1 to 4 octets: how many numbers, the first of them, the mark in the leading bits."""

MAX_IDENTIFIER = 0x1020407F
_WSMP_ADDRESSED = 1  # TPID 0 and 1 carry a PSID; 2 to 5 ports or ITS addresses
_PLAIN_SIGNED = (b"\x03\x81", b"\x40\x03\x80")


def encode_identifier(number: int) -> bytes:
    """An AID or PSID in the P-encoding of IEEE 1609.12. Raises CodecError "unencodable"."""
    for octets, (count, first, mark) in enumerate(_STEPS, 1):
        if first <= number < first + count:
            return (number - first | mark).to_bytes(octets, "big")
    raise CodecError("AID", f"{number} is not in 0..{MAX_IDENTIFIER}", "unencodable")


def wrap_dsmp(payload: bytes, aid: int) -> bytes:
    """A DSMP packet of version 0 without extension, behind the octet of the adaptation layer.

    A payload that is signed is signed before.
    """
    if len(payload) > 0xFFFF:
        raise CodecError("DSMP", f"{len(payload)} octets do not fit in a length of 16 bits", "unencodable")
    return b"".join((bytes((DSMP, 0)), encode_identifier(aid), len(payload).to_bytes(2, "big"), payload))


def is_signed(payload: bytes) -> bool:
    """Begins as signed data of IEEE 1609.2 version 3 that carries its payload.

    03 81 alone is not enough: a BSM of T/CSAE 53 can begin so. The octet between is the hash algorithm.
    """
    return payload[:2] == _PLAIN_SIGNED[0] and payload[3:6] == _PLAIN_SIGNED[1]


def read_dsmp(data: bytes) -> Packet:
    """The packet behind the octet 4; the extension fields are skipped. Raises CodecError."""
    if len(data) < 5:
        raise CodecError("DSMP", f"{len(data) - 1} octets, the header alone has 4")
    first = data[1]
    if first >> 5:
        raise CodecError("DSMP", f"version {first >> 5} is not read", "unsupported")
    at = _skip_elements("DSMP", data, 2) if first & 0x10 else 2
    aid, at = _identifier("DSMP", data, at)
    if len(data) < at + 2:
        raise CodecError("DSMP", "the data ends in the header")
    return _packet("dsmp", "DSMP", aid, data, at + 2, data[at] << 8 | data[at + 1])


def read_wsmp(data: bytes) -> Packet:
    """A WAVE short message of version 3. Raises CodecError."""
    if len(data) < 4:
        raise CodecError("WSMP", f"{len(data)} octets, the header alone has 4")
    first = data[0]
    if first & 7 != 3 or first >> 4:
        raise CodecError("WSMP", f"version {first & 7}, sub-type {first >> 4} is not read", "unsupported")
    at = _skip_elements("WSMP", data, 1) if first & 8 else 1
    if at >= len(data):
        raise CodecError("WSMP", "the data ends in the header")
    kind = data[at]
    if kind > _WSMP_ADDRESSED:
        raise CodecError("WSMP", f"transport {kind} is not read", "unsupported")
    psid, at = _identifier("WSMP", data, at + 1)
    if kind:
        at = _skip_elements("WSMP", data, at)
    length, at = _length("WSMP", data, at)
    return _packet("wsmp", "WSMP", psid, data, at, length)


def _packet(family: str, where: str, service: int, data: bytes, at: int, length: int) -> Packet:
    if len(data) - at != length:
        raise CodecError(where, f"payload of {length} octets announced, {len(data) - at} there")
    payload = data[at:]
    signed = is_signed(payload)
    return Packet(
        family=family,  # type: ignore[arg-type]
        payload=b"" if signed else payload,
        secured=payload if signed else None,
        service=service,
        data=data,
    )


def _identifier(where: str, data: bytes, at: int) -> tuple[int, int]:
    first = data[at] if at < len(data) else 0
    if first < 0x80:
        octets = 1
    else:
        octets = 2 if first < 0xC0 else 3 if first < 0xE0 else 4
    if first >= 0xF0:
        raise CodecError(where, f"application identifier begins with {first:#04x}")
    if len(data) < at + octets:
        raise CodecError(where, "the data ends in the header")
    _, base, mark = _STEPS[octets - 1]
    return (int.from_bytes(data[at : at + octets], "big") ^ mark) + base, at + octets


def _length(where: str, data: bytes, at: int) -> tuple[int, int]:
    """A count or a length of IEEE 1609.3: 7 bits, or 14 behind the bits 10."""
    if at >= len(data):
        raise CodecError(where, "the data ends in the header")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    if first >= 0xC0 or at + 1 >= len(data):
        raise CodecError(where, f"length begins with {first:#04x}")
    return (first & 0x3F) << 8 | data[at + 1], at + 2


def _skip_elements(where: str, data: bytes, at: int) -> int:
    """Behind the information elements: their count, then of each its id, length and contents."""
    count, at = _length(where, data, at)
    for _ in range(count):
        length, at = _length(where, data, at + 1)
        at += length
    return at
