"""Headers, octet by octet as the standards lay them out."""

import pytest

from edge.v2x import network
from edge.v2x.network import Area, Packet, Source
from edge.v2x.network.geonetworking import lifetime_octet, one_hop_less
from edge.v2x.uper import CodecError

SOURCE = Source(
    station_type=5,
    address=0x0000DEADBEEF,
    timestamp_ms=0x01020304,
    latitude=399000000,
    longitude=-1163000000,
    accurate=True,
    speed=-250,
    heading=900,
)
VECTOR = (
    "14 00 00 00 de ad be ef "  # GN address: station type 5 (bits 1 to 5), lower 48 bits
    "01 02 03 04 17 c8 41 c0 ba ae 07 40 "  # time, 39.9 degrees, -116.3 degrees
    "ff 06 03 84 "  # position accurate, -2.5 m/s in 15 bits; 90 degrees
)


def test_a_single_hop_broadcast_as_en_302_636_4_1_draws_it():
    data = network.single_hop(b"\xaa\xbb\xcc", SOURCE, 2001)
    assert (
        data.hex(" ")
        == (
            "03 "  # family
            "11 00 05 01 "  # basic header: version 1, next common; lifetime 1 x 1 s; one hop left
            "20 50 02 80 00 07 01 00 "  # common: BTP-B, single hop, class 2, mobile, 7 octets, one hop
            + VECTOR
            + "00 00 00 00 "  # media-dependent
            "07 d1 00 00 "  # BTP-B: port 2001
            "aa bb cc"
        )
    )
    assert network.read(data) == Packet(
        family="geonetworking", kind="shb", transport="btp-b", service=2001, payload=b"\xaa\xbb\xcc",
        source=SOURCE, traffic_class=2, lifetime_s=1.0, mobile=True, data=data,
    )  # fmt: skip


def test_a_geo_broadcast_as_en_302_636_4_1_draws_it():
    area = Area("ellipse", -338568000, 1512153000, 300, 20, 275)
    data = network.geo_broadcast(b"\xaa", SOURCE, 2002, area, 0x1234, info=7, lifetime_s=0.15)
    assert (
        data.hex(" ")
        == (
            "03 11 00 0c 0a "  # 3 x 50 ms, ten hops left
            "20 42 01 80 00 05 0a 00 "  # GeoBroadcast to an ellipse, at most ten hops
            "12 34 00 00 " + VECTOR + "eb d1 dc c0 5a 21 9f a8 01 2c 00 14 01 13 00 00 "  # the area
            "07 d2 00 07 aa"
        )
    )
    assert network.read(data) == Packet(
        family="geonetworking", kind="gbc", transport="btp-b", service=2002, service_info=7,
        payload=b"\xaa", source=SOURCE, traffic_class=1, lifetime_s=pytest.approx(0.15), mobile=True,
        hop_limit=10, remaining_hops=10, sequence=0x1234, area=area, data=data,
    )  # fmt: skip
    assert one_hop_less(network.read(data)) == data[:4] + b"\x09" + data[5:]


def test_a_beacon_and_a_topological_broadcast():
    assert (
        network.beacon(SOURCE, mobile=False).hex(" ")
        == (
            "03 11 00 1a 01 00 10 00 00 00 00 01 00 " + VECTOR  # 6 x 10 s; no transport, stationary
        ).strip()
    )
    data = network.topological(b"\xaa", SOURCE, 2002, 65536 + 1, hop_limit=3)
    assert data.hex(" ") == "03 11 00 1a 03 20 51 01 80 00 05 03 00 00 01 00 00 " + VECTOR + "07 d2 00 00 aa"
    assert network.read(data).kind == "tsb"


HEAD = "11 00 1a 0a"
OTHERS = {
    "guc": f"03 {HEAD} 10 20 00 00 00 05 0a 00 00 09 00 00 {VECTOR} {VECTOR[:-12]} 07 d1 00 05 aa",
    "gac": f"03 {HEAD} 20 30 00 00 00 05 0a 00 00 09 00 00 {VECTOR} {'00 ' * 16} 07 d1 00 05 aa",
    "ls_request": f"03 {HEAD} 00 60 00 00 00 00 0a 00 00 09 00 00 {VECTOR} 94 00 0a 0b 0c 0d 0e 0f",
    "ls_reply": f"03 {HEAD} 00 61 00 00 00 00 0a 00 00 09 00 00 {VECTOR} {VECTOR[:-12]}",
    "any": f"03 {HEAD} 00 00 00 00 00 02 0a 00 aa bb",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_headers_that_are_read_only(kind):
    packet = network.read(bytes.fromhex(OTHERS[kind]))
    assert packet.kind == kind
    assert packet.source == (None if kind == "any" else SOURCE)
    if kind in ("guc", "gac"):
        assert (packet.service, packet.service_info, packet.payload) == (2001, 5, b"\xaa")
    if kind in ("guc", "ls_reply"):
        assert packet.destination == 0x0000DEADBEEF
    if kind == "ls_request":
        assert packet.destination == 0x0A0B0C0D0E0F
    assert packet.transport == {"guc": "btp-a", "gac": "btp-b"}.get(kind, "")


def test_what_is_signed_begins_with_the_common_header_and_the_basic_header_stays_outside():
    covered = []

    def secure(plain):
        covered.append(plain)
        return b"\x03\x81" + plain[::-1]

    area = Area("circle", 399000000, -1163000000, 500)
    for make in (
        lambda s: network.single_hop(b"abc", SOURCE, 2001, secure=s),
        lambda s: network.geo_broadcast(b"abc", SOURCE, 2002, area, 1, secure=s),
        lambda s: network.topological(b"abc", SOURCE, 2002, 1, secure=s),
        lambda s: network.beacon(SOURCE, secure=s),
    ):
        plain, data = make(None), make(secure)
        assert data[1] == 0x12
        assert data[2:5] == plain[2:5]
        assert covered[-1] == plain[5:]
        outside = network.read(data)
        assert (outside.secured, outside.kind, outside.payload) == (data[5:], "", b"")
        assert (outside.source, outside.service) == (None, 0)
        inside = network.read_inside(outside, covered[-1])
        whole = network.read(plain)
        assert inside.secured is None
        assert inside.data == data
        assert (inside.kind, inside.payload, inside.service, inside.source, inside.area, inside.sequence) == (
            whole.kind, whole.payload, whole.service, whole.source, whole.area, whole.sequence,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("lifetime_s", "octet"),
    [(0.05, 0x04), (1, 0x05), (3.15, 0xFC), (3.2, 0x11), (60, 0x1A), (63, 0xFD), (64, 0x1E), (600, 0x1B),
     (9999, 0x1B), (0, 0x04)],
)  # fmt: skip
def test_lifetimes_are_never_shorter_than_asked(lifetime_s, octet):
    assert lifetime_octet(lifetime_s) == octet


@pytest.mark.parametrize(
    ("aid", "header"),
    [(0, "00"), (111, "6f"), (127, "7f"), (128, "8000"), (16511, "bfff"), (16512, "c00000"),
     (2113663, "dfffff"), (2113664, "e0000000"), (270549119, "efffffff")],
)  # fmt: skip
def test_dsmp_with_aids_of_one_to_four_octets(aid, header):
    """The borders of the P-encoding, IEEE 1609.12 and 1609.3."""
    data = network.wrap_dsmp(b"\1\2\3", aid)
    assert data.hex() == f"0400{header}0003010203"
    assert network.read(data) == Packet(family="dsmp", service=aid, payload=b"\1\2\3", data=data)


def test_dsmp_with_extension_fields_which_are_skipped():
    packet = network.read(bytes.fromhex("04 10 02 04 01 14 0f 00 6f 0002 aabb"))
    assert (packet.service, packet.payload) == (111, b"\xaa\xbb")


@pytest.mark.parametrize(
    "head",
    [
        "03 00 20 04",  # version 3, transport 0, PSID 0x20, four octets
        "0b 03 0f 01 ac 10 01 0c 04 01 9e 00 20 04",  # channel 172, data rate and power before
        "03 01 20 01 05 02 aabb 04",  # an information element behind the PSID
        "03 00 8003 8004",  # PSID 0x83 and the length, of two octets each
    ],
)
def test_wave_short_messages_of_ieee_1609_3(head):
    packet = network.read(bytes.fromhex(head + "00143344"))
    assert packet.family == "wsmp"
    assert packet.service == (0x83 if "8003" in head else 0x20)
    assert packet.payload == bytes.fromhex("00143344")


SIGNED = bytes.fromhex("0381004003800400143344")


def test_signed_payloads_are_told_apart_and_given_to_security():
    for data, service in (
        (network.wrap_dsmp(SIGNED, 111), 111),
        (bytes.fromhex("0300200b") + SIGNED, 0x20),
        (SIGNED, 0),
    ):
        packet = network.read(data)
        assert (packet.secured, packet.payload, packet.service) == (SIGNED, b"", service)
        inside = network.read_inside(packet, b"\x00\x14\x33\x44")
        assert (inside.secured, inside.payload, inside.service) == (None, b"\x00\x14\x33\x44", service)


def test_a_bsm_that_only_begins_like_signed_data_is_not_taken_for_it():
    bsm = bytes.fromhex("0381aabbccddeeff")  # T/CSAE 53: three optional fields and message count 8
    assert network.read(network.wrap_dsmp(bsm, 111)).payload == bsm


def test_the_ports_of_ts_103_248():
    ports = ["CAM", "DENM", "MAPEM", "SPATEM", "SAEM", "IVIM", "SREM", "SSEM", "CPM", "EVCSN"]
    assert [network.BTP_PORTS[name] for name in ports] == list(range(2001, 2011))
    assert [network.BTP_PORTS[name] for name in ("RTCMEM", "CTL", "CRL", "VAM", "IMZM")] == [
        2013, 2014, 2015, 2018, 2019,
    ]  # fmt: skip


def test_a_bare_frame_of_sae_j2735():
    for message_id in (18, 19, 20, 31, 32):
        data = bytes((0, message_id, 1, 0))
        assert network.read(data) == Packet(family="j2735", payload=data, data=data)


GOOD = network.single_hop(b"\1\2\3\4", SOURCE, 2001)
BROADCAST = network.geo_broadcast(b"\1" * 20, SOURCE, 2002, Area("circle", 0, 0, 9), 1)
DSM = network.wrap_dsmp(b"\1\2\3\4", 111)


def changed(packet, offset, value):
    return packet[:offset] + bytes((value,)) + packet[offset + 1 :]


@pytest.mark.parametrize(
    ("packet", "reason", "text"),
    [
        (b"", "undecodable", "empty"),
        (b"\3", "undecodable", "one octet"),
        (b"\x7f\1\2", "unknown", "0x7f"),
        (b"\x00\x60\0\0", "unsupported", "IPv6"),
        (b"\x05\x45\0\0", "unsupported", "IPv4"),
        (GOOD[:4], "undecodable", "basic header alone"),
        (GOOD[:10], "undecodable", "common header alone"),
        (GOOD[:-1], "undecodable", "8 octets announced, 7 there"),
        (GOOD + b"\0", "undecodable", "8 octets announced, 9 there"),
        (GOOD[:20], "undecodable", "8 octets announced, 0 there"),
        (changed(GOOD, 1, 0x21), "unsupported", "version 2"),
        (changed(GOOD, 1, 0x17), "undecodable", "next header 7 of the basic"),
        (changed(GOOD, 4, 2), "undecodable", "2 hops left of 1"),
        (changed(BROADCAST, 4, 11), "undecodable", "11 hops left of 10"),
        (changed(GOOD, 5, 0x50), "undecodable", "next header 5 of the common"),
        (changed(GOOD, 6, 0x43), "unsupported", "header type 4.3"),
        (changed(changed(GOOD[:-5], 10, 3), 6, 0x50), "undecodable", "BTP: 3 octets"),
        (BROADCAST[:60], "undecodable", "24 octets announced, 3 there"),
        (DSM[:3], "undecodable", "header alone"),
        (changed(DSM, 1, 0x20), "unsupported", "version 1"),
        (changed(DSM, 1, 0x10), "undecodable", "ends in the header"),
        (changed(DSM, 2, 0xF0), "undecodable", "begins with 0xf0"),
        (DSM[:-1], "undecodable", "4 octets announced, 3 there"),
        (b"\x04\x00\xe0\x00\x00\x00", "undecodable", "header"),
        (bytes.fromhex("0b 01"), "undecodable", "header alone"),
        (bytes.fromhex("0b 00 02 20 00"), "unsupported", "transport 2"),
        (bytes.fromhex("03 00 20 05 00"), "undecodable", "5 octets announced, 1 there"),
        (bytes.fromhex("03 00 20 c0 00"), "undecodable", "length begins with 0xc0"),
    ],
)
def test_what_is_refused_and_why(packet, reason, text):
    with pytest.raises(CodecError, match=text) as caught:
        network.read(packet)
    assert caught.value.reason == reason


def test_ethernet_fills_short_packets_up_and_they_are_read_nevertheless():
    beacon = network.beacon(SOURCE)
    assert network.read(beacon.ljust(47, b"\0")).kind == "beacon"
    with pytest.raises(CodecError):
        network.read(beacon.ljust(48, b"\0"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: network.wrap_dsmp(b"", -1),
        lambda: network.wrap_dsmp(b"", 270549120),
        lambda: network.wrap_dsmp(bytes(65536), 111),
        lambda: network.single_hop(bytes(1399), SOURCE, 2001),
        lambda: network.single_hop(b"", SOURCE, 65536),
        lambda: network.single_hop(b"", SOURCE, 2001, traffic_class=256),
        lambda: network.single_hop(b"", Source(station_type=5, address=1, timestamp_ms=0, latitude=1 << 31,
                                               longitude=0), 2001),
        lambda: network.single_hop(b"", Source(station_type=5, address=1, timestamp_ms=0, latitude=0,
                                               longitude=0, speed=16384), 2001),
        lambda: network.geo_broadcast(b"", SOURCE, 2002, Area("circle", 0, 0, 1785), 1),  # 10.01 km2
        lambda: network.geo_broadcast(b"", SOURCE, 2002, Area("rectangle", 0, 0, 1600, 1600), 1),
        lambda: network.geo_broadcast(b"", SOURCE, 2002, Area("circle", 0, 0, -1), 1),
        lambda: network.geo_broadcast(b"", SOURCE, 2002, Area("circle", 0, 0, 9), 1, hop_limit=0),
        lambda: network.circle(91, 0, 5),
        lambda: network.circle(0, float("nan"), 5),
    ],
)  # fmt: skip
def test_what_cannot_be_made(make):
    with pytest.raises(CodecError) as caught:
        make()
    assert caught.value.reason == "unencodable"


def test_the_greatest_circle_of_10_km2():
    assert (
        network.read(network.geo_broadcast(b"", SOURCE, 2002, Area("circle", 0, 0, 1784), 1)).area.a == 1784
    )


# ---------------------------------------------------------------- EN 302 931: inside or outside

M = 1 / 111_195 * 1e7  # 0.1 microdegree of latitude in a metre


def holds(area, north_m, east_m):
    from math import cos, radians

    east = east_m / cos(radians(area.latitude / 1e7))
    return area.holds(area.latitude + round(north_m * M), area.longitude + round(east * M))


def test_inside_a_circle():
    area = Area("circle", 480000000, 110000000, 100)
    assert area.function(area.latitude, area.longitude) == 1
    assert holds(area, 99, 0)
    assert holds(area, -70, 70)
    assert not holds(area, 101, 0)
    assert not holds(area, 72, 72)


def test_a_rectangle_lies_along_its_angle():
    area = Area("rectangle", 480000000, 110000000, 100, 10, 90)  # its long side runs east
    assert holds(area, 9, 99)
    assert not holds(area, 11, 0)
    assert not holds(area, 0, 101)
    tilted = Area("rectangle", 480000000, 110000000, 100, 10, 45)  # to the north-east
    assert holds(tilted, 60, 60)
    assert not holds(tilted, 60, -60)


def test_an_ellipse_has_no_corners():
    assert not holds(Area("ellipse", 0, 0, 100, 10, 90), 9, 99)
    assert holds(Area("ellipse", 0, 0, 100, 10, 90), 0, 99)


def test_across_the_date_line():
    area = Area("circle", 0, 1_799_999_000, 100)
    assert area.holds(0, -1_799_999_000)
    assert not area.holds(0, -1_799_900_000)


def test_an_area_without_extent_holds_its_centre_only():
    for area in (Area("circle", 5, 5, 0), Area("rectangle", 5, 5, 7, 0)):
        assert area.holds(5, 5)
        assert not area.holds(5, 6)
