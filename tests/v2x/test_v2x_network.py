"""Headers, octet by octet as the standards lay them out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.v2x.network import headers as network
from edge.v2x.uper import CodecError

SOURCE = network.Source(
    station_type=5,
    address=0x0000DEADBEEF,
    timestamp_ms=0x01020304,
    latitude=399000000,
    longitude=-1163000000,
    accurate=True,
    speed=-250,
    heading=900,
)


def test_a_single_hop_broadcast_as_en_302_636_4_1_draws_it():
    packet = network.wrap_single_hop(b"\xaa\xbb\xcc", SOURCE, 2001)
    assert packet.hex(" ") == (
        "03 "  # family
        "11 00 05 01 "  # basic header: version 1, next common; lifetime 1 x 1 s; one hop left
        "20 50 02 80 00 07 01 00 "  # common: BTP-B, single hop, traffic class 2, mobile, 7 octets, one hop
        "14 00 00 00 de ad be ef "  # GN address: station type 5 (bits 1 to 5), lower 48 bits
        "01 02 03 04 17 c8 41 c0 ba ae 07 40 "  # time, 39.9 degrees, -116.3 degrees
        "ff 06 03 84 "  # position accurate, -2.5 m/s in 15 bits; 90 degrees
        "00 00 00 00 "  # media-dependent
        "07 d1 00 00 "  # BTP-B: port 2001
        "aa bb cc"
    )
    assert network.unwrap(packet) == network.Packet(
        family="geonetworking", service=2001, payload=b"\xaa\xbb\xcc", source=SOURCE
    )


@pytest.mark.parametrize(
    ("aid", "header"),
    [(0, "00"), (111, "6f"), (127, "7f"), (128, "8000"), (16511, "bfff"), (16512, "c00000"),
     (2113663, "dfffff"), (2113664, "e0000000"), (270549119, "efffffff")],
)  # fmt: skip
def test_dsmp_with_aids_of_one_to_four_octets(aid, header):
    """The borders of the P-encoding, IEEE 1609.12 and 1609.3."""
    packet = network.wrap_dsmp(b"\1\2\3", aid)
    assert packet.hex() == f"0400{header}0003010203"
    assert network.unwrap(packet) == network.Packet(family="dsmp", service=aid, payload=b"\1\2\3")


def test_an_aid_that_is_none():
    for aid in (-1, 270549120):
        with pytest.raises(CodecError, match="AID"):
            network.wrap_dsmp(b"", aid)


GOOD = network.wrap_single_hop(b"\1\2\3\4", SOURCE, 2001)
DSM = network.wrap_dsmp(b"\1\2\3\4", 111)


def changed(packet, offset, value):
    return packet[:offset] + bytes((value,)) + packet[offset + 1 :]


@pytest.mark.parametrize(
    ("packet", "reason", "text"),
    [
        (b"", "undecodable", "empty"),
        (b"\x7f\1\2", "unknown", "0x7f"),
        (GOOD[:10], "undecodable", "headers alone"),
        (GOOD[:-1], "undecodable", "8 octets announced, 7 there"),
        (GOOD + b"\0", "undecodable", "8 octets announced, 9 there"),
        (changed(GOOD, 1, 0x21), "unsupported", "version 2"),
        (changed(GOOD, 1, 0x12), "secured", "secured"),
        (changed(GOOD, 1, 0x17), "undecodable", "next header 7"),
        (changed(GOOD, 6, 0x40), "unsupported", "header type 4.0"),
        (changed(GOOD, 5, 0x10), "unsupported", "not BTP-B"),
        (DSM[:3], "undecodable", "header alone"),
        (changed(DSM, 1, 0x20), "unsupported", "version 1"),
        (changed(DSM, 1, 0x10), "unsupported", "extension"),
        (changed(DSM, 2, 0xF0), "undecodable", "AID"),
        (DSM[:-1], "undecodable", "4 octets announced, 3 there"),
        (b"\x04\x00\xe0\x00\x00\x00", "undecodable", "header"),
    ],
)
def test_what_is_refused_and_why(packet, reason, text):
    with pytest.raises(CodecError, match=text) as caught:
        network.unwrap(packet)
    assert caught.value.reason == reason


@given(st.binary(max_size=200), st.sampled_from([b"", b"\3", b"\4", GOOD[:9], DSM[:3]]))
@settings(max_examples=500, deadline=None)
def test_any_octets_give_a_packet_or_a_codec_error(data, head):
    try:
        packet = network.unwrap(head + data)
    except CodecError:
        return
    assert (head + data).endswith(packet.payload)
