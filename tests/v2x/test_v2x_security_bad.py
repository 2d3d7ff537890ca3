"""Damaged signed packets and certificates: CodecError alone, whatever the octets."""

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_security_world import PLACE, at, authorities, store, tickets

from edge.v2x.security import Requests, Signer, Verifier, oer, read_signed
from edge.v2x.security.algorithms import BY_NAME
from edge.v2x.security.certificate import read_certificate
from edge.v2x.security.permissions import Group, Range, Ssp
from edge.v2x.security.region import Circle, Polygon, Rectangle, Region
from edge.v2x.uper import CodecError

pytest.importorskip("cryptography")

REGIONS = (
    None,
    Region((Circle(PLACE, 5000),)),
    Region((Rectangle((PLACE[0] + 9, PLACE[1]), (PLACE[0], PLACE[1] + 9)),)),
    Region((Polygon((PLACE, (0, 0), (9, 9))),)),
    Region(countries=(156, 276)),
)
REASONS = {
    "undecodable", "unsupported", "expired", "future", "profile", "unknown signer", "untrusted", "permission",
    "region", "replayed", "forged",
}  # fmt: skip


def packets():
    """Of every form: with and without certificate, place, requests, answers; all regions and algorithms."""
    kinds = [("p256", region) for region in REGIONS]
    kinds += [(name, None) for name in BY_NAME if not BY_NAME[name].missing()]
    found = []
    for algorithm, region in kinds:
        requests = Requests()
        own = tickets(algorithm=algorithm, authority=authorities()[1], region=region)
        signer = Signer(store(own), requests)
        found.append(signer.sign(b"payload" * 9, 36, at(1)))
        found.append(signer.sign(b"payload", 36, at(1.1)))
        requests.miss(b"12345abc")
        requests.asked(authorities()[1].certificate.digest[-3:])
        found.append(signer.sign(b"payload", 36, at(1.2)))
        found.append(signer.sign(b"payload" * 30, 37, at(1.3), PLACE))
    return found


PACKETS = packets()
CERTIFICATES = [each.certificate.encoded for each in authorities()] + [
    read_signed(packet).certificate.encoded for packet in PACKETS[::4]
]


def damaged(chance, sources):
    data = bytearray(chance.choice(sources))
    for _ in range(chance.randint(1, 4)):
        kind = chance.randrange(5)
        place = chance.randrange(len(data) + 1)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1 and place < len(data):
            data[place] = chance.choice((0, 1, 0x7F, 0x80, 0x81, 0x82, 0x83, 0x84, 0xFF))
        elif kind == 2:
            del data[place : place + chance.choice((1, 2, 8, 300))]
        elif kind == 3:
            data[place:place] = chance.randbytes(chance.choice((1, 2, 8)))
        else:
            other = chance.choice(sources)
            start = chance.randrange(len(other))
            data[place : place + 8] = other[start : start + chance.choice((4, 40))]
    return bytes(data)


def judge(verifier, data, reasons):
    try:
        verifier.verify(read_signed(data), at(1.3), PLACE)
    except CodecError as error:
        reasons.add(error.reason)
    assert reasons <= REASONS, data.hex()


@pytest.mark.fuzz
@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_damaged_packets(seed):
    chance, verifier = random.Random(seed), Verifier(store())
    for _ in range(30):
        judge(verifier, damaged(chance, PACKETS), set())


@pytest.mark.fuzz
@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_damaged_certificates_that_are_read_are_written_the_same(seed):
    chance = random.Random(seed)
    for _ in range(30):
        try:
            certificate = read_certificate(damaged(chance, CERTIFICATES))
        except CodecError:
            continue
        assert read_certificate(certificate.encoded) == certificate


@pytest.mark.fuzz
@given(st.binary(max_size=300))
def test_any_octets(data):
    verifier = Verifier(store())
    for prefix in (b"", b"\x03\x81\x00", b"\x03\x81\x00\x40\x03\x80", PACKETS[0][:90]):
        judge(verifier, prefix + data, set())


def test_every_cut_is_refused():
    for packet in PACKETS[:4]:
        for end in range(len(packet)):
            with pytest.raises(CodecError):
                read_signed(packet[:end])
        with pytest.raises(CodecError):
            read_signed(packet + b"\0")


def test_the_usual_refusals_are_all_met_in_damage():
    chance, verifier, reasons = random.Random(5), Verifier(store()), set()
    for _ in range(4000):
        judge(verifier, damaged(chance, PACKETS), reasons)
    # A replay is left to its own stories: here it takes two packets that chance left whole.
    assert {"undecodable", "unsupported", "expired", "future", "unknown signer", "permission"} <= reasons
    assert {"forged", "region"} <= reasons


@pytest.mark.parametrize(
    "data",
    [
        b"\x03\x81\x00\x40" * 100_000,  # signed data in signed data in ...
        b"\x03\x81\x00\x40\x03\x81\x00\x40" + b"\x03\x81\x00\x40" * 1000,
        b"\x03\x81\x00\x40\x03\x80\x84\xff\xff\xff\xff",  # a payload of 4 GiB
        b"\x03\x81\x00\x40\x03\x80\xff" + b"\xff" * 200,  # a length of 127 octets
        b"\x03\x81\x00\x40\x03\x80\x01x\x00\x01\x24\x81\x04\xff\xff\xff\xff",  # 4 G certificates
        PACKETS[1][:-66] + b"\x84" + b"\xff" * 40,
    ],
)
def test_nesting_and_lengths_that_are_not_there_cost_nothing(data):
    tracemalloc.start()
    try:
        with pytest.raises(CodecError):
            read_signed(data)
        assert tracemalloc.get_traced_memory()[1] < 100_000 + len(data)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (oer.length, "8105"), (oer.length, "820080"), (oer.length, "80"), (oer.length, ""),
        (oer.length, "02aa"),
        (oer.unsigned, "020001"), (oer.unsigned, "00"), (oer.unsigned, "09" + "11" * 9),
        (oer.signed, "02007f"), (oer.signed, "02ff80"), (oer.signed, "00"),
        (oer.additions, "0206"), (oer.additions, "02060001"), (oer.additions, "0206c1"),
        (oer.additions, "02080000"), (oer.additions, "0106"), (oer.additions, "0206800400"),
    ],
)  # fmt: skip
def test_what_is_not_canonical_is_refused(reader, data):
    with pytest.raises(CodecError):
        reader(bytes.fromhex(data), 0)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_integers_come_back(value):
    assert oer.signed(oer.write_signed(value), 0)[0] == value
    assert oer.unsigned(oer.write_unsigned(abs(value)), 0)[0] == abs(value)


@given(st.integers(0, 70_000))
def test_lengths_come_back(size):
    assert oer.octets(oer.write_octets(bytes(size)) + b"x", 0)[0] == bytes(size)


def test_long_lists_are_refused():
    many = oer.write_sequence_of([b"\0"] * 65)
    with pytest.raises(CodecError) as error:
        oer.sequence_of(many, 0, oer.octet, 64)
    assert error.value.reason == "unsupported"
    assert oer.sequence_of(many, 0, oer.octet, 65)[0] == [0] * 65


@pytest.mark.parametrize(
    ("allowed", "ssp", "may"),
    [
        (Range(), Ssp(b"x"), True),
        (Range(), Ssp(), True),
        (Range(), Ssp(b"\1", True), True),
        (Range(value=b"\1\0", mask=b"\xff\xf0"), Ssp(b"\1\x0f", True), True),
        (Range(value=b"\1\0", mask=b"\xff\xf0"), Ssp(b"\1\x1f", True), False),
        (Range(value=b"\1\0", mask=b"\xff\xf0"), Ssp(b"\1", True), False),
        (Range(value=b"\1\0", mask=b"\xff\xf0"), Ssp(), False),
        (Range(opaque=(b"a", b"b")), Ssp(b"b"), True),
        (Range(opaque=(b"a", b"b")), Ssp(b"c"), False),
        (Range(opaque=(b"a", b"b")), Ssp(b"b", True), False),
        (Range(opaque=(b"a", b"b")), Ssp(), False),
        (Range(opaque=(b"a", b"")), Ssp(), True),
        (Range(opaque=()), Ssp(b""), False),
    ],
)
def test_ranges_of_permissions(allowed, ssp, may):
    assert allowed.allows(ssp) is may
    assert Group({36: allowed}).ranges == {36: allowed}
