"""Signed messages: Ieee1609Dot2Data with signedData (IEEE 1609.2-2022, 6.3), as ETSI TS 103 097 uses it.

T/CSAE 53 messages travel in the same octets: V2XSecData of YD/T 3957, as its modules are found in public, has
other names and one more kind of signer (X.509), which is not read. All is read without any cryptography;
encrypted data, external payloads and signers without certificate are refused as "unsupported".
"""

from __future__ import annotations

import struct

import msgspec

from edge.v2x.moments import timestamp_its_ns
from edge.v2x.security import oer
from edge.v2x.security.algorithms import Algorithm
from edge.v2x.security.certificate import (
    Certificate,
    certificate_at,
    encryption_key,
    read_certificate,
    read_signature,
    write_signature,
)
from edge.v2x.uper import CodecError

CAM, DENM, TLM, RLT, IVI, TLC_R, GN, CRL, CTL, VRU, CP = 36, 37, 137, 138, 139, 140, 141, 622, 624, 638, 639
"""ITS-AIDs of ETSI TS 102 965."""

AID_OF_PORT = {2001: CAM, 2002: DENM, 2003: RLT, 2004: TLM, 2006: IVI, 2009: CP, 2018: VRU}
"""What a message for a BTP port must be signed as (TS 103 248, TS 102 965)."""

BSM = 111
"""AID of a BSM of T/CSAE 53, as a public test vector of a Chinese certificate request names it."""

_WHERE = "signed data"
_EPOCH_NS = -timestamp_its_ns(0)
_PLACE = struct.Struct(">iiH")
_TIME = struct.Struct(">Q")
_MOST_REQUESTS = 16
_MOST_CERTIFICATES = 4

Place = tuple[int, int]
"""Latitude and longitude, 0.1 microdegree."""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One signed message, read and not verified.

    aid: PSID or ITS-AID; signer: HashedId8 of the signer's certificate, which is there itself or None; above:
    the certificates of those who issued it, that came with it (never so in TS 103 097);
    generated_ns, expires_ns: UTC; place: of generation; wanted: HashedId3 of certificates that the sender
    asks for; brought: the certificate of an authority that others asked for; covered: what is signed.
    """

    payload: bytes
    aid: int
    signer: bytes
    certificate: Certificate | None
    above: tuple[Certificate, ...]
    generated_ns: int | None
    expires_ns: int | None
    place: Place | None
    wanted: tuple[bytes, ...]
    brought: bytes | None
    hash_number: int
    covered: bytes
    algorithm: Algorithm
    r: bytes
    s: bytes


def read_signed(data: bytes) -> Signed:
    """The message. Raises CodecError: "undecodable", or "unsupported" for what is not signed as here."""
    head = data[:3]
    if len(head) < 3 or head[0] != 3:
        raise CodecError(_WHERE, "it is not IEEE 1609.2 of version 3", "unsupported")
    if head[1] != 0x81:
        raise CodecError(_WHERE, f"content of kind {head[1]:#04x} is not signed data", "unsupported")
    if head[2] > 2:
        raise CodecError(_WHERE, f"hash of kind {head[2]} is not read", "unsupported")
    at = 3
    inner = data[at : at + 3]
    if inner != b"\x40\x03\x80":
        raise CodecError(_WHERE, f"payload of kind {inner.hex()} is not read", "unsupported")
    payload, at = oer.octets(data, at + 3)
    optional, at = oer.octet(data, at)
    if optional & 1:
        raise CodecError(_WHERE, f"preamble {optional:#04x} of the header")
    aid, at = oer.unsigned(data, at)
    generated_ns = expires_ns = place = None
    if optional & 0x40:
        octets, at = oer.fixed(data, at, 8)
        generated_ns = _EPOCH_NS + 1000 * int.from_bytes(octets, "big")
    if optional & 0x20:
        octets, at = oer.fixed(data, at, 8)
        expires_ns = _EPOCH_NS + 1000 * int.from_bytes(octets, "big")
    if optional & 0x10:
        octets, at = oer.fixed(data, at, 10)
        latitude, longitude, _ = _PLACE.unpack(octets)
        if abs(latitude) <= 900_000_000 and -1_800_000_000 < longitude <= 1_800_000_000:
            place = (latitude, longitude)
        elif (latitude, longitude) != (900_000_001, 1_800_000_001):
            raise CodecError(_WHERE, f"{latitude}, {longitude} is no place")
    wanted: tuple[bytes, ...] = ()
    brought: bytes | None = None
    if optional & 0x8E:
        at, wanted, brought = _rare(data, at, optional)
    covered = data[3:at]
    kind, at = oer.octet(data, at)
    certificate: Certificate | None = None
    above: tuple[Certificate, ...] = ()
    if kind == 0x80:
        signer, at = oer.fixed(data, at, 8)
    elif kind == 0x81:
        chain, at = oer.sequence_of(data, at, certificate_at, _MOST_CERTIFICATES)
        if not chain:
            raise CodecError(_WHERE, "no certificate where one is announced")
        certificate, above = chain[0], tuple(chain[1:])
        signer = certificate.digest
    else:
        raise CodecError(_WHERE, f"signer of kind {kind:#04x} is not read", "unsupported")
    algorithm, r, s, at = read_signature(data, at)
    if at != len(data):
        raise CodecError(_WHERE, f"{len(data) - at} octets behind its end")
    return Signed(
        payload=payload,
        aid=aid,
        signer=signer,
        certificate=certificate,
        above=above,
        generated_ns=generated_ns,
        expires_ns=expires_ns,
        place=place,
        wanted=wanted,
        brought=brought,
        hash_number=head[2],
        covered=covered,
        algorithm=algorithm,
        r=r,
        s=s,
    )


def write_covered(
    payload: bytes,
    aid: int,
    utc_ns: int,
    place: Place | None = None,
    altitude_m: float | None = None,
    wanted: tuple[bytes, ...] = (),
    brought: bytes | None = None,
) -> bytes:
    """ToBeSignedData of a message that is generated at utc_ns; without an altitude it is said to be 0 m."""
    extended = bool(wanted) or brought is not None
    parts = [
        b"\x40\x03\x80",
        oer.write_octets(payload),
        bytes((0x40 | 0x80 * extended | 0x10 * (place is not None),)),
        oer.write_unsigned(aid),
        _TIME.pack(timestamp_its_ns(utc_ns) // 1000),
    ]
    if place is not None:
        decimeters = min(max(round(10 * (altitude_m or 0.0)), -4095), 61_440)
        parts.append(_PLACE.pack(*place, decimeters + 4095))  # 6.3.13: above -409.5 m
    if extended:
        asked = oer.write_sequence_of(wanted) if wanted else None
        parts.append(oer.write_additions((asked, brought, None, None)))
    return b"".join(parts)


def write_signed(covered: bytes, certificate: Certificate, whole: bool, r: bytes, s: bytes) -> bytes:
    """Ieee1609Dot2Data; whole: with the certificate, else with its digest."""
    algorithm = certificate.algorithm
    return b"".join(
        (
            bytes((3, 0x81, algorithm.hash_number)),
            covered,
            b"\x81\x01\x01" + certificate.encoded if whole else b"\x80" + certificate.digest,
            write_signature(algorithm, r, s),
        )
    )


def _rare(data: bytes, at: int, optional: int) -> tuple[int, tuple[bytes, ...], bytes | None]:
    """What few messages have: requests of certificates, encryption keys, and what is passed over."""
    wanted: list[bytes] = []
    brought = None
    if optional & 0x08:
        _, at = oer.fixed(data, at, 3)
    if optional & 0x04:
        extended, at = oer.octet(data, at)
        _, at = oer.fixed(data, at, 5)
        if extended & 0x7F:
            raise CodecError(_WHERE, f"preamble {extended:#04x}")
        if extended:
            _, at = oer.additions(data, at)
    if optional & 0x02:
        kind, at = oer.octet(data, at)
        if kind != 0x80:
            raise CodecError(_WHERE, f"encryption key of kind {kind:#04x} is not read", "unsupported")
        at = encryption_key(data, at)
    if optional & 0x80:
        found, at = oer.additions(data, at)
        if found[0] is not None:
            wanted, end = oer.sequence_of(found[0], 0, _hashed_id3, _MOST_REQUESTS)
            if end != len(found[0]):
                raise CodecError(_WHERE, "requests of certificates")
        if len(found) > 1 and found[1] is not None:
            brought = found[1]
            read_certificate(brought)
    return at, tuple(wanted), brought


def _hashed_id3(data: bytes, at: int) -> tuple[bytes, int]:
    return oer.fixed(data, at, 3)
