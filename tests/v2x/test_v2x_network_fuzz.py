"""Any octets give a packet or a CodecError; whatever we make is read back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.v2x import network
from edge.v2x.network import Area, Router, Source
from edge.v2x.uper import CodecError

HEADS = [
    b"", b"\x03\x11\x00\x1a\x0a\x20\x50\x00\x00\x00\x04\x0a\x00", b"\x03\x11\x00\x1a\x0a\x20\x40",
    b"\x03\x12\x00\x05\x01", b"\x04\x00", b"\x04\x10", b"\x03\x00", b"\x0b", b"\x00\x14",
]  # fmt: skip

i32 = st.integers(-(1 << 31), (1 << 31) - 1)
u16 = st.integers(0, 0xFFFF)
sources = st.builds(
    Source, station_type=st.integers(0, 31), address=st.integers(0, (1 << 48) - 1),
    timestamp_ms=st.integers(0, (1 << 32) - 1), latitude=i32, longitude=i32, accurate=st.booleans(),
    speed=st.integers(-16384, 16383), heading=u16, manual=st.booleans(),
)  # fmt: skip
areas = st.one_of(
    st.builds(Area, shape=st.just("circle"), latitude=i32, longitude=i32, a=st.integers(0, 1784)),
    st.builds(
        Area, shape=st.sampled_from(["rectangle", "ellipse"]), latitude=i32, longitude=i32,
        a=st.integers(0, 1500), b=st.integers(0, 1500), angle=st.integers(0, 359),
    ),
)  # fmt: skip


@pytest.mark.fuzz
@given(st.sampled_from(HEADS), st.binary(max_size=200), sources)
def test_any_octets_give_a_packet_or_a_codec_error(head, data, own):
    router = Router(1)
    try:
        packet = network.read(head + data)
        if packet.secured is not None:
            packet = network.read_inside(packet, data)
        router.hear(packet, 0, own)
    except CodecError as error:
        said = error
    else:
        said = None
        assert (head + data).find(packet.payload) >= 0
    assert said is None or said.reason


@given(sources, areas, st.binary(max_size=50), u16, u16, st.integers(1, 255), st.integers(0, 255))
def test_what_is_made_is_read_back(source, area, payload, sequence, port, hops, traffic_class):
    more = {"traffic_class": traffic_class, "hop_limit": hops}
    for data in (
        network.single_hop(payload, source, port, traffic_class=traffic_class),
        network.geo_broadcast(payload, source, port, area, sequence, **more),
        network.topological(payload, source, port, sequence, **more),
    ):
        packet = network.read(data)
        assert (packet.source, packet.payload, packet.service) == (source, payload, port)
        assert packet.traffic_class == traffic_class
        if packet.kind != "shb":
            assert (packet.sequence, packet.hop_limit) == (sequence, hops)
        if packet.kind == "gbc":
            assert packet.area == area
    assert network.read(network.beacon(source)).source == source


@given(st.integers(0, network.short.MAX_IDENTIFIER), st.binary(max_size=50))
def test_every_aid(aid, payload):
    packet = network.read(network.wrap_dsmp(payload, aid))
    assert (packet.service, packet.secured or packet.payload) == (aid, payload)
