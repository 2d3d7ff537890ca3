"""Explicit certificates: IEEE 1609.2-2022 clause 6.4, as ETSI TS 103 097 V2.1.1 clause 6 narrows them.

Implicit certificates (reconstruction values) are told apart and refused as "unsupported".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import msgspec

from edge.v2x.moments import timestamp_its_ns
from edge.v2x.security import oer, region
from edge.v2x.security.algorithms import ALGORITHMS, Algorithm
from edge.v2x.security.permissions import (
    MOST,
    Group,
    Ssp,
    read_group,
    read_permission,
    write_group,
    write_permission,
)
from edge.v2x.security.region import Region
from edge.v2x.uper import CodecError

SECOND_NS = 1_000_000_000
_WHERE = "certificate"
_START = struct.Struct(">IBH")
_UNITS_NS = (
    1_000,
    1_000_000,
    SECOND_NS,
    60 * SECOND_NS,
    3600 * SECOND_NS,
    216_000 * SECOND_NS,
    31_556_952 * SECOND_NS,
)
_EPOCH_NS = -timestamp_its_ns(0)
_ISSUERS = {0x80: 0, 0x82: 2, 0x83: 3}


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """One explicit certificate, read.

    encoded: canonical, r as x alone and points compressed (6.4.3), and `signed` the part that is signed;
    digest: HashedId8 by the hash of its own key; issuer: HashedId8, None: itself; start_ns, end_ns: UTC, good
    up to but without the end; point: the compressed key; sealing, r, s: the issuer's signature and its kind.
    """

    encoded: bytes
    signed: bytes
    digest: bytes
    issuer: bytes | None
    issuer_kind: int
    name: str
    start_ns: int
    end_ns: int
    region: Region | None
    permissions: dict[int, Ssp]
    issues: tuple[Group, ...]
    algorithm: Algorithm
    point: bytes
    sealing: Algorithm
    r: bytes
    s: bytes


def read_certificate(data: bytes) -> Certificate:
    """One certificate and nothing behind it. Raises CodecError."""
    certificate, end = certificate_at(data, 0)
    if end != len(data):
        raise CodecError(_WHERE, f"{len(data) - end} octets behind its end")
    return certificate


def certificate_at(data: bytes, at: int) -> tuple[Certificate, int]:
    """The certificate that begins there, and where it ends. Raises CodecError."""
    start = at
    head, at = oer.fixed(data, at, 4)
    if head[1] != 3:
        raise CodecError(_WHERE, f"version {head[1]} is not read", "unsupported")
    if head[0] != 0x80 or head[2] != 0:
        raise CodecError(_WHERE, "it is not explicit and signed", "unsupported")
    issuer: bytes | None = None
    if head[3] == 0x81:
        issuer_kind, at = oer.octet(data, at)
    elif head[3] in _ISSUERS:
        issuer_kind = _ISSUERS[head[3]]
        issuer, at = oer.octets(data, at) if issuer_kind else oer.fixed(data, at, 8)
        if len(issuer) != 8:
            raise CodecError(_WHERE, f"issuer of {len(issuer)} octets")
    else:
        raise CodecError(_WHERE, f"issuer of kind {head[3]:#04x} is not read", "unsupported")
    signed_at = at
    optional, at = oer.octet(data, at)
    name, at = _identity(data, at)
    _, at = oer.fixed(data, at, 5)  # cracaId, crlSeries: no revocation lists are kept
    validity, at = oer.fixed(data, at, 7)
    seconds, unit, count = _START.unpack(validity)
    if not 0x80 <= unit <= 0x86:
        raise CodecError(_WHERE, f"duration of kind {unit:#04x}")
    begins_ns = _EPOCH_NS + seconds * SECOND_NS
    area: Region | None = None
    if optional & 0x40:
        area, at = region.read(data, at)
    if optional & 0x20:
        _, at = oer.octet(data, at)
    permissions: list[tuple[int, Ssp]] = []
    issues: list[Group] = []
    if optional & 0x10:
        permissions, at = oer.sequence_of(data, at, read_permission, MOST)
    if optional & 0x08:
        issues, at = oer.sequence_of(data, at, read_group, MOST)
    if optional & 0x04:
        _, at = oer.sequence_of(data, at, read_group, MOST)
    if optional & 0x01:
        at = encryption_key(data, at)
    indicator, at = oer.octet(data, at)
    if indicator != 0x80:
        raise CodecError(_WHERE, "its key must be reconstructed", "unsupported")
    key_at = at
    algorithm, key, at = _verification_key(data, at)
    canonical = data[signed_at:key_at] + write_key(algorithm, key)
    if optional & 0x80:
        extensions_at = at
        _, at = oer.additions(data, at)
        canonical += data[extensions_at:at]
    sealing, r, s, at = read_signature(data, at)
    encoded = b"".join((data[start:signed_at], canonical, write_signature(sealing, r, s)))
    if why := algorithm.missing():
        raise CodecError(_WHERE, why, "unsupported")
    return (
        Certificate(
            encoded=encoded,
            signed=canonical,
            digest=algorithm.hash(encoded)[-8:],
            issuer=issuer,
            issuer_kind=issuer_kind,
            name=name,
            start_ns=begins_ns,
            end_ns=begins_ns + count * _UNITS_NS[unit & 0x7F],
            region=area,
            permissions=dict(permissions),
            issues=tuple(issues),
            algorithm=algorithm,
            point=key,
            sealing=sealing,
            r=r,
            s=s,
        ),
        at,
    )


def write_to_be_signed(
    *,
    name: str,
    start_ns: int,
    hours: int,
    area: Region | None,
    permissions: Sequence[tuple[int, Ssp]],
    issues: Sequence[Group],
    algorithm: Algorithm,
    point: bytes,
) -> bytes:
    """ToBeSignedCertificate, canonical. start_ns: UTC, cut to seconds; name "": none."""
    parts = [
        bytes((0x40 * (area is not None) | 0x10 * bool(permissions) | 0x08 * bool(issues),)),
        b"\x81" + oer.write_octets(name.encode()) if name else b"\x83",
        bytes(5),
        _START.pack(timestamp_its_ns(start_ns) // SECOND_NS, 0x84, hours),
    ]
    if area is not None:
        parts.append(region.write(area))
    if permissions:
        parts.append(oer.write_sequence_of([write_permission(*each) for each in permissions]))
    if issues:
        parts.append(oer.write_sequence_of([write_group(group) for group in issues]))
    return b"".join((*parts, b"\x80", write_key(algorithm, point)))


def write_issuer(issuer: Certificate | None, own: Algorithm) -> bytes:
    """The head of a certificate before its ToBeSignedCertificate; issuer None: it signs itself."""
    if issuer is None:
        return bytes((0x80, 3, 0, 0x81, own.hash_number))
    number = issuer.algorithm.issuer
    digest = oer.write_octets(issuer.digest) if number else issuer.digest
    return bytes((0x80, 3, 0, 0x80 | number)) + digest


def read_signature(data: bytes, at: int) -> tuple[Algorithm, bytes, bytes, int]:
    """Signature: its kind, r, s and where it ends."""
    algorithm, at, end = _algorithm(data, at)
    if algorithm.name == "sm2":
        r, at = oer.fixed(data, at, 32)
    else:
        kind, r, _, at = _point(data, at, algorithm.size)
        if kind == 1:
            raise CodecError("signature", "without r")
    s, at = oer.fixed(data, at, algorithm.size)
    if end is not None and at != end:
        raise CodecError("signature", "its open type has another length")
    return algorithm, r, s, at


def write_signature(algorithm: Algorithm, r: bytes, s: bytes) -> bytes:
    """Signature with r as x alone."""
    body = r + s if algorithm.name == "sm2" else b"\x80" + r + s
    return bytes((0x80 | algorithm.number,)) + (oer.write_octets(body) if algorithm.extension else body)


def write_key(algorithm: Algorithm, point: bytes) -> bytes:
    """PublicVerificationKey, compressed."""
    body = bytes((point[0] | 0x80,)) + point[1:]
    return bytes((0x80 | algorithm.number,)) + (oer.write_octets(body) if algorithm.extension else body)


def encryption_key(data: bytes, at: int) -> int:
    """Where PublicEncryptionKey ends; its point must be compressed, so that what is hashed is canonical."""
    _, at = oer.octet(data, at)
    tag, at = oer.octet(data, at)
    point = data[at : at + 33]
    if tag == 0x84:
        point, at = oer.octets(data, at)
    elif tag in (0x80, 0x81):
        at += 33
    if tag not in (0x80, 0x81, 0x84) or len(point) != 33 or point[0] not in (0x82, 0x83):
        raise CodecError("encryption key", f"kind {tag:#04x} is not read", "unsupported")
    return at


def _verification_key(data: bytes, at: int) -> tuple[Algorithm, bytes, int]:
    algorithm, at, end = _algorithm(data, at)
    kind, x, odd, at = _point(data, at, algorithm.size)
    if kind < 2 or (end is not None and at != end):
        raise CodecError(_WHERE, "its key is not a whole point")
    return algorithm, bytes((2 | odd,)) + x, at


def _algorithm(data: bytes, at: int) -> tuple[Algorithm, int, int | None]:
    """Which one, where its value begins, and where its open type ends."""
    tag, at = oer.octet(data, at)
    if not 0x80 <= tag < 0x80 + len(ALGORITHMS):
        raise CodecError(_WHERE, f"kind {tag:#04x} of key or signature is not read", "unsupported")
    algorithm = ALGORITHMS[tag & 0x7F]
    if not algorithm.extension:
        return algorithm, at, None
    size, at = oer.length(data, at)
    return algorithm, at, at + size


def _point(data: bytes, at: int, size: int) -> tuple[int, bytes, int, int]:
    """EccP256CurvePoint and EccP384CurvePoint: kind, x, whether y is odd, end."""
    tag, at = oer.octet(data, at)
    if not 0x80 <= tag <= 0x84:
        raise CodecError(_WHERE, f"point of kind {tag:#04x}")
    if tag == 0x81:
        return 1, b"", 0, at
    x, at = oer.fixed(data, at, size)
    odd = tag & 1
    if tag == 0x84:
        y, at = oer.fixed(data, at, size)
        odd = y[-1] & 1
    return tag & 0x7F, x, odd, at


def _identity(data: bytes, at: int) -> tuple[str, int]:
    tag, at = oer.octet(data, at)
    if tag == 0x83:
        return "", at
    if tag == 0x81:
        octets, at = oer.octets(data, at)
        try:
            return octets.decode(), at
        except UnicodeDecodeError:
            raise CodecError(_WHERE, "its name is not UTF-8") from None
    if tag == 0x82:
        octets, at = oer.octets(data, at)
        if not 1 <= len(octets) <= 64:
            raise CodecError(_WHERE, f"binary id of {len(octets)} octets")
        return octets.hex(), at
    if tag == 0x80:
        optional, at = oer.octet(data, at)
        if optional not in (0, 0x80):
            raise CodecError(_WHERE, "linkage data")
        octets, at = oer.fixed(data, at, 24 if optional else 11)
        return octets.hex(), at
    raise CodecError(_WHERE, f"id of kind {tag:#04x} is not read", "unsupported")
