"""What we sign, read by others: pycrate's official module, asn1tools, `cryptography` and tshark."""

import hashlib
import shutil
import struct
import subprocess

import asn1tools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_security_world import HOUR_NS, PLACE, at, authorities, pair, store, tickets

from edge.v2x.security import Requests, Signer, read_signed, sm2
from edge.v2x.security.algorithms import ALGORITHMS, BY_NAME
from edge.v2x.security.certificate import read_certificate, write_issuer, write_signature, write_to_be_signed
from edge.v2x.security.permissions import Group, Range, Ssp
from edge.v2x.security.region import Circle, Polygon, Rectangle, Region

pytest.importorskip("cryptography")

EPOCH_S = 1_072_915_200 - 5  # of 2004, TAI, in seconds of UTC since 1970
NEEDS_SM2 = pytest.mark.skipif(bool(sm2.missing()), reason=sm2.missing() or "SM2 is here")
WITH_SM2 = [*("p256", "brainpoolp256r1", "brainpoolp384r1", "p384"), pytest.param("sm2", marks=NEEDS_SM2)]

# Types of IEEE 1609.2 as far as they are used here, with its SM2 additions, for a second reader.
MODULE = """
M DEFINITIONS AUTOMATIC TAGS ::= BEGIN
Data ::= SEQUENCE { protocolVersion INTEGER (0..255), content Content }
Content ::= CHOICE { unsecuredData OCTET STRING, signedData SignedData, encryptedData NULL,
  request OCTET STRING, ... }
SignedData ::= SEQUENCE { hashId Hash, tbsData Covered, signer Signer, signature Signature }
Hash ::= ENUMERATED { sha256, ..., sha384, sm3 }
Covered ::= SEQUENCE { payload Payload, headerInfo Header }
Payload ::= SEQUENCE { data Data OPTIONAL, extDataHash NULL OPTIONAL, ... }
Header ::= SEQUENCE {
  psid INTEGER (0..MAX), generationTime INTEGER (0..18446744073709551615) OPTIONAL,
  expiryTime INTEGER (0..18446744073709551615) OPTIONAL, generationLocation Place3 OPTIONAL,
  p2pcd OCTET STRING (SIZE (3)) OPTIONAL, missingCrl NULL OPTIONAL, encryptionKey NULL OPTIONAL, ...,
  inlineP2pcdRequest SEQUENCE OF OCTET STRING (SIZE (3)) OPTIONAL, requestedCertificate Certificate OPTIONAL,
  pduFunctionalType INTEGER (0..255) OPTIONAL, contributedExtensions OCTET STRING OPTIONAL }
Place3 ::= SEQUENCE { latitude INTEGER (-900000000..900000001), longitude INTEGER (-1799999999..1800000001),
  elevation INTEGER (0..65535) }
Signer ::= CHOICE { digest OCTET STRING (SIZE (8)), certificate SEQUENCE OF Certificate, self NULL, ... }
Certificate ::= SEQUENCE { version INTEGER (0..255), type ENUMERATED { explicit, implicit, ... },
  issuer Issuer, toBeSigned Tbs, signature Signature OPTIONAL }
Issuer ::= CHOICE { sha256AndDigest OCTET STRING (SIZE (8)), self Hash, ...,
  sha384AndDigest OCTET STRING (SIZE (8)), sm3AndDigest OCTET STRING (SIZE (8)) }
Tbs ::= SEQUENCE { id Id, cracaId OCTET STRING (SIZE (3)), crlSeries INTEGER (0..65535),
  validityPeriod SEQUENCE { start INTEGER (0..4294967295), duration Duration }, region NULL OPTIONAL,
  assuranceLevel OCTET STRING (SIZE (1)) OPTIONAL, appPermissions SEQUENCE OF PsidSsp OPTIONAL,
  certIssuePermissions SEQUENCE OF Group OPTIONAL, certRequestPermissions NULL OPTIONAL,
  canRequestRollover NULL OPTIONAL, encryptionKey NULL OPTIONAL, verifyKeyIndicator Indicator, ... }
Id ::= CHOICE { linkageData NULL, name UTF8String, binaryId OCTET STRING (SIZE (1..64)), none NULL, ... }
Duration ::= CHOICE { us INTEGER (0..65535), ms INTEGER (0..65535), s INTEGER (0..65535),
  min INTEGER (0..65535), hours INTEGER (0..65535), sixty INTEGER (0..65535), years INTEGER (0..65535) }
PsidSsp ::= SEQUENCE { psid INTEGER (0..MAX), ssp Ssp OPTIONAL }
Ssp ::= CHOICE { opaque OCTET STRING, ..., bitmapSsp OCTET STRING (SIZE (0..31)) }
Group ::= SEQUENCE { subjectPermissions Subject, minChainLength INTEGER DEFAULT 1,
  chainLengthRange INTEGER DEFAULT 0, eeType BIT STRING (SIZE (8)) DEFAULT '10000000'B }
Subject ::= CHOICE { explicit SEQUENCE OF PsidRange, all NULL, ... }
PsidRange ::= SEQUENCE { psid INTEGER (0..MAX), sspRange Range OPTIONAL }
Range ::= CHOICE { opaque SEQUENCE OF OCTET STRING, all NULL, ..., bitmap Bitmaps }
Bitmaps ::= SEQUENCE { value OCTET STRING (SIZE (1..32)), mask OCTET STRING (SIZE (1..32)) }
Indicator ::= CHOICE { verificationKey Key, reconstructionValue Point32, ... }
Key ::= CHOICE { p256 Point32, brainpool256 Point32, ...,
  brainpool384 Point48, p384 Point48, sm2 Point32 }
Signature ::= CHOICE { p256 Ecdsa32, brainpool256 Ecdsa32, ...,
  brainpool384 Ecdsa48, p384 Ecdsa48, sm2 Two32 }
Ecdsa32 ::= SEQUENCE { r Point32, s OCTET STRING (SIZE (32)) }
Ecdsa48 ::= SEQUENCE { r Point48, s OCTET STRING (SIZE (48)) }
Two32 ::= SEQUENCE { r OCTET STRING (SIZE (32)), s OCTET STRING (SIZE (32)) }
Point32 ::= CHOICE { xOnly OCTET STRING (SIZE (32)), fill NULL, y0 OCTET STRING (SIZE (32)),
  y1 OCTET STRING (SIZE (32)), both SEQUENCE { x OCTET STRING (SIZE (32)), y OCTET STRING (SIZE (32)) } }
Point48 ::= CHOICE { xOnly OCTET STRING (SIZE (48)), fill NULL, y0 OCTET STRING (SIZE (48)),
  y1 OCTET STRING (SIZE (48)), both SEQUENCE { x OCTET STRING (SIZE (48)), y OCTET STRING (SIZE (48)) } }
END
"""


@pytest.fixture(scope="module")
def second():
    return asn1tools.compile_string(MODULE, "oer")


@pytest.fixture(scope="module")
def official():
    return pytest.importorskip("pycrate_asn1dir.ITS_IEEE1609_2")


def messages(algorithm="p256"):
    """With a certificate, with a digest, an event, and one that asks and answers."""
    requests = Requests()
    signer = Signer(store(tickets(algorithm=algorithm), algorithm), requests)
    whole = signer.sign(b"payload" * 30, 36, at(1))
    digest = signer.sign(b"payload", 36, at(1.2))
    requests.miss(b"12345abc")
    requests.miss(b"12345xyz")
    requests.asked(authorities(algorithm)[1].certificate.digest[-3:])
    asking = signer.sign(b"payload", 36, at(1.4))
    event = signer.sign(b"p" * 200, 37, at(1.6), PLACE, 512.3)
    return whole, digest, asking, event


@pytest.mark.parametrize("algorithm", WITH_SM2)
def test_asn1tools_reads_what_we_sign_and_writes_the_same_octets(algorithm, second):
    names = {"p256": "p256", "brainpoolp256r1": "brainpool256", "brainpoolp384r1": "brainpool384"}
    name = names.get(algorithm, algorithm)
    for data in messages(algorithm):
        value = second.decode("Data", data)
        assert second.encode("Data", value) == data
        signed = value["content"][1]
        ours = read_signed(data)
        header = signed["tbsData"]["headerInfo"]
        assert signed["hashId"] == BY_NAME[algorithm].hash_name
        assert signed["tbsData"]["payload"]["data"]["content"] == ("unsecuredData", ours.payload)
        assert header["psid"] == ours.aid
        assert header["generationTime"] * 1000 + EPOCH_S * 10**9 == ours.generated_ns
        assert signed["signature"][0] == name
        assert tuple(header.get("inlineP2pcdRequest", ())) == ours.wanted
        assert ("requestedCertificate" in header) == (ours.brought is not None)
        if ours.place:
            place = header["generationLocation"]
            assert (place["latitude"], place["longitude"]) == PLACE
            assert place["elevation"] == 5123 + 4095
    for ticket in authorities(algorithm):
        value = second.decode("Certificate", ticket.certificate.encoded)
        assert second.encode("Certificate", value) == ticket.certificate.encoded
        assert value["toBeSigned"]["verifyKeyIndicator"][1][0] == name


@pytest.mark.parametrize("algorithm", ["p256", "brainpoolp256r1", "brainpoolp384r1"])
def test_pycrate_reads_what_we_sign_and_writes_the_same_octets(algorithm, official):
    data_type, certificate_type = official.Ieee1609Dot2.Ieee1609Dot2Data, official.Ieee1609Dot2.Certificate
    for data in messages(algorithm):
        data_type.from_coer(data)
        assert data_type.to_coer() == data
    for ticket in (*authorities(algorithm), *tickets(algorithm=algorithm)):
        certificate_type.from_coer(ticket.certificate.encoded)
        assert certificate_type.to_coer() == ticket.certificate.encoded


points = st.tuples(st.integers(-900_000_000, 900_000_000), st.integers(-1_799_999_999, 1_800_000_000))
regions = st.one_of(
    st.none(),
    st.builds(Circle, points, st.integers(0, 65_535)).map(lambda c: Region((c,))),
    st.lists(st.builds(Rectangle, points, points), min_size=1, max_size=4).map(lambda r: Region(tuple(r))),
    st.lists(points, min_size=3, max_size=6).map(lambda p: Region((Polygon(tuple(p)),))),
    st.lists(st.integers(0, 65_535), min_size=1, max_size=5).map(lambda c: Region(countries=tuple(c))),
)
aids = st.integers(0, (1 << 40) - 1)
ssps = st.one_of(
    st.just(Ssp()),
    st.binary(max_size=200).map(Ssp),
    st.binary(max_size=31).map(lambda value: Ssp(value, True)),
)
ranges = st.one_of(
    st.just(Range()),
    st.lists(st.binary(max_size=9), max_size=3).map(lambda values: Range(opaque=tuple(values))),
    st.integers(1, 32).flatmap(
        lambda n: st.builds(
            lambda value, mask: Range(value=value, mask=mask),
            st.binary(min_size=n, max_size=n),
            st.binary(min_size=n, max_size=n),
        )
    ),
)
groups = st.builds(
    lambda ranges, shortest, more: Group(ranges, shortest, shortest + more),
    st.one_of(st.none(), st.dictionaries(aids, ranges, max_size=4)),
    st.integers(1, 300),
    st.integers(0, 300),
)


@settings(max_examples=80)
@given(
    st.text(max_size=60).filter(lambda text: len(text.encode()) < 200),
    st.integers(0, 2**32 - 1),
    st.integers(0, 65_535),
    regions,
    st.dictionaries(aids, ssps, max_size=5),
    st.lists(groups, max_size=3),
    st.sampled_from(ALGORITHMS[:3]),
    st.binary(min_size=48, max_size=48),
)
def test_certificates_of_every_kind_read_by_pycrate_and_back(
    official, name, start_s, hours, area, permissions, issues, algorithm, seed
):
    covered = write_to_be_signed(
        name=name,
        start_ns=(EPOCH_S + start_s) * 10**9,
        hours=hours,
        area=area,
        permissions=list(permissions.items()),
        issues=issues,
        algorithm=algorithm,
        point=bytes((2 + seed[0] % 2,)) + seed[: algorithm.size],
    )
    body = seed[: algorithm.size]
    encoded = write_issuer(None, algorithm) + covered + write_signature(algorithm, body, body)
    theirs = official.Ieee1609Dot2.Certificate
    theirs.from_coer(encoded)
    assert theirs.to_coer() == encoded
    value = theirs.get_val()["toBeSigned"]
    ours = read_certificate(encoded)
    assert ours.encoded == encoded
    assert ours.signed == covered
    assert value["id"] == (("name", name) if name else ("none", 0))
    assert value["validityPeriod"] == {"start": start_s, "duration": ("hours", hours)}
    assert ours.start_ns == (EPOCH_S + start_s) * 10**9
    assert ours.end_ns - ours.start_ns == hours * HOUR_NS
    assert [each["psid"] for each in value.get("appPermissions", ())] == list(permissions)
    assert ours.permissions == permissions
    assert ours.issues == tuple(issues)
    for theirs_group, group in zip(value.get("certIssuePermissions", ()), issues, strict=True):
        assert theirs_group["subjectPermissions"][0] == ("all" if group.ranges is None else "explicit")
        assert theirs_group.get("minChainLength", 1) == group.shortest
        assert theirs_group.get("chainLengthRange", 0) == group.longest - group.shortest
    assert ours.region == area or (
        ours.region.shapes == area.shapes and ours.region.countries == area.countries
    )


@pytest.mark.parametrize("algorithm", ["p256", "brainpoolp256r1", "brainpoolp384r1", "p384"])
def test_signatures_keep_the_rule_of_the_standard_computed_by_hand(algorithm, second):
    """Hash(Hash(tbsData) || Hash(certificate)), the octets found by asn1tools, checked by `cryptography`."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    curve, hash_type, new = {
        "p256": (ec.SECP256R1(), hashes.SHA256(), hashlib.sha256),
        "brainpoolp256r1": (ec.BrainpoolP256R1(), hashes.SHA256(), hashlib.sha256),
        "brainpoolp384r1": (ec.BrainpoolP384R1(), hashes.SHA384(), hashlib.sha384),
        "p384": (ec.SECP384R1(), hashes.SHA384(), hashlib.sha384),
    }[algorithm]

    def check(certificate, covered, signature, above):
        kind, x = certificate["toBeSigned"]["verifyKeyIndicator"][1][1]
        point = {"y0": b"\2", "y1": b"\3"}[kind] + x
        key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
        pair = signature[1]
        assert pair["r"][0] == "xOnly"
        r, s = (int.from_bytes(value, "big") for value in (pair["r"][1], pair["s"]))
        hashed = new(covered).digest() + new(above).digest()
        key.verify(encode_dss_signature(r, s), hashed, ec.ECDSA(hash_type))

    data = messages(algorithm)[0]
    signed = second.decode("Data", data)["content"][1]
    leaf = signed["signer"][1][0]
    leaf_octets = second.encode("Certificate", leaf)
    check(leaf, second.encode("Covered", signed["tbsData"]), signed["signature"], leaf_octets)
    root, authority = (each.certificate.encoded for each in authorities(algorithm))
    chain = [second.decode("Certificate", each) for each in (authority, root)]
    check(chain[0], second.encode("Tbs", leaf["toBeSigned"]), leaf["signature"], authority)
    check(chain[1], second.encode("Tbs", chain[0]["toBeSigned"]), chain[0]["signature"], root)
    check(chain[1], second.encode("Tbs", chain[1]["toBeSigned"]), chain[1]["signature"], b"")
    assert leaf["issuer"][1] == new(authority).digest()[-8:]
    assert chain[0]["issuer"][1] == new(root).digest()[-8:]
    assert read_signed(messages(algorithm)[1]).signer != leaf["issuer"][1]


def test_points_and_r_that_are_not_canonical_are_made_so_before_they_are_hashed():
    """IEEE 1609.2-2022, 6.4.3: another form of the same certificate has the same HashedId8."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    certificate = tickets()[0].certificate
    tail = certificate.encoded
    key_at = tail.index(certificate.point[1:]) - 1
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), certificate.point)
    whole = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    stretched = tail[:key_at] + b"\x84" + whole[1:] + tail[key_at + 33 :]
    odd = bytearray(stretched)
    odd[-65] = 0x83  # r as a whole point, its y odd
    for other in (stretched, bytes(odd)):
        again = read_certificate(other)
        assert again.encoded == certificate.encoded
        assert again.digest == certificate.digest
        assert (again.point, again.r, again.s) == (certificate.point, certificate.r, certificate.s)


TSHARK = shutil.which("tshark")
SINGLE_HOP = '"Remain Hop Limit" only 1'  # what tshark notes of every single-hop broadcast
CAM = bytes.fromhex(  # station 4711 at PLACE, encoded by pycrate
    "02020000126703e8005a4a0c680e44929800c80c800049d7de00384122580902c08a8053ffe9fffa00"
)


def dissected(packets, tmp_path):
    """Protocols, malformed and expert of each packet, by tshark."""
    path = tmp_path / "x.pcap"
    frames = [b"\xff" * 6 + b"\2\0\0\0\0\1\x89\x47" + packet[1:] for packet in packets]
    path.write_bytes(
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        + b"".join(struct.pack("<IIII", n, 0, len(f), len(f)) + f for n, f in enumerate(frames))
    )
    fields = ["frame.protocols", "_ws.malformed", "_ws.expert.message", "its.stationID"]
    command = [
        TSHARK,
        "-r",
        path,
        "-T",
        "fields",
        "-E",
        "separator=|",
        *(part for field in fields for part in ("-e", field)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [line.split("|") for line in done.stdout.splitlines()]


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_tshark_dissects_what_we_sign_without_a_complaint(tmp_path):
    from edge.v2x import network

    source = network.Source(station_type=5, address=7, timestamp_ms=1, latitude=PLACE[0], longitude=PLACE[1])
    packets = []
    for algorithm in ("p256", "brainpoolp256r1", "brainpoolp384r1"):
        own = tickets(algorithm=algorithm, region=Region((Circle(PLACE, 5000),)))
        signer = Signer(store(own, algorithm))
        for seconds in (1.0, 1.5):
            now = at(seconds)
            packets.append(
                network.single_hop(
                    CAM, source, 2001, secure=lambda inside, s=signer, now=now: s.sign(inside, 36, now, PLACE)
                )
            )
    for protocols, malformed, expert, station in dissected(packets, tmp_path):
        assert protocols == "eth:ethertype:gnw:ieee1609dot2:btpb:its"
        assert (malformed, expert, station) == ("", SINGLE_HOP, "4711")


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_tshark_dissects_events_requests_and_answers(tmp_path):
    from edge.v2x import network

    source = network.Source(station_type=5, address=7, timestamp_ms=1, latitude=PLACE[0], longitude=PLACE[1])
    requests = Requests()
    signer = Signer(store(tickets()), requests)

    def packet(aid, seconds):
        return network.single_hop(
            CAM, source, 2001, secure=lambda inside: signer.sign(inside, aid, at(seconds), PLACE, 512.3)
        )

    packets = [packet(36, 1), packet(37, 1.1)]
    requests.miss(b"12345abc")
    requests.asked(authorities()[1].certificate.digest[-3:])
    packets.append(packet(36, 1.2))
    assert len(packets[2]) > len(packets[0]) - 20
    for protocols, malformed, expert, station in dissected(packets, tmp_path):
        assert protocols == "eth:ethertype:gnw:ieee1609dot2:btpb:its"
        assert (malformed, expert, station) == ("", SINGLE_HOP, "4711")


def test_what_is_secured_in_a_packet_is_read_verified_and_opened():
    from edge.v2x import network

    source = network.Source(station_type=5, address=7, timestamp_ms=1, latitude=PLACE[0], longitude=PLACE[1])
    signer, verifier = pair(region=Region((Circle(PLACE, 5000),)))
    data = network.single_hop(CAM, source, 2001, secure=lambda inside: signer.sign(inside, 36, at(1)))
    packet = network.read(data)
    signed = read_signed(packet.secured)
    opened = network.read_inside(packet, signed.payload)
    place = (opened.source.latitude, opened.source.longitude)
    assert verifier.verify(signed, at(1), place, 36) == signer.digest
    assert (opened.payload, opened.service) == (CAM, 2001)
    packet = network.read(network.wrap_dsmp(signer.sign(b"BSM", 111, at(1)), 111))
    signed = read_signed(packet.secured)
    assert (signed.payload, packet.service) == (b"BSM", signed.aid)
