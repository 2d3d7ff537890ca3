"""Packets with headers around them that others record."""

from hypothesis import given
from hypothesis import strategies as st

from edge.v2x import network
from edge.v2x.network import Source
from edge.v2x.network.recorded import find

SOURCE = Source(station_type=5, address=1, timestamp_ms=0, latitude=0, longitude=0)
CAM = network.single_hop(b"\x02\x02payload", SOURCE, 2001)
ETHERNET = b"\xff" * 6 + b"\x02\0\0\0\0\x01"
FRAME = bytes.fromhex("0014 05 0102030405")
WSM = bytes.fromhex("03002008") + FRAME


def first(data):
    packet = find(data)[0]
    return packet.family, packet.payload


def test_a_packet_as_our_links_give_it():
    assert first(CAM) == ("geonetworking", b"\x02\x02payload")
    assert first(FRAME) == ("j2735", FRAME)
    assert first(WSM) == ("wsmp", FRAME)


def test_whole_frames_of_ethernet_and_of_ieee_802_11():
    wlan = bytes.fromhex("88000000ffffffffffff020000000001ffffffffffff00002000") + b"\xaa\xaa\x03\0\0\0"
    radiotap = bytes.fromhex("00000a000000000000aa")
    for head in (ETHERNET, ETHERNET + b"\x81\0\0\5", wlan, radiotap + wlan):
        assert first(head + b"\x89\x47" + CAM[1:]) == ("geonetworking", b"\x02\x02payload")
        assert first(head + b"\x88\xdc" + WSM) == ("wsmp", FRAME)


def test_packets_without_the_octet_of_their_family():
    assert first(CAM[1:]) == ("geonetworking", b"\x02\x02payload")
    dsm = network.wrap_dsmp(b"\x08abc", 111)
    assert first(dsm[1:]) == ("dsmp", b"\x08abc")


def test_a_frame_behind_thirty_octets_of_headers():
    head = bytes(range(0x40, 0x40 + 30))
    assert first(head + FRAME) == ("j2735", FRAME)
    long = bytes.fromhex("0014 8090") + bytes(0x90)
    assert first(head + long) == ("j2735", long)
    signed = bytes.fromhex("0381004003800800140501020304050000")
    packet = find(head + signed)[0]
    assert (packet.family, packet.secured) == ("j2735", signed)


def test_nothing():
    assert find(b"") == []
    assert find(b"\x7f" * 40) == []


@given(st.binary(max_size=150))
def test_any_octets_give_packets_or_none(data):
    for packet in find(data):
        assert packet.family
