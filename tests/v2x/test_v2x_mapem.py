"""MAPEM and SPATEM: the official module, tshark and damaged messages."""

import shutil
import struct
import subprocess
from contextlib import suppress
from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from v2x_judge import agree_official

from edge.messages import (
    Connection,
    Intersection,
    Intersections,
    MapLane,
    SignalPhase,
    SignalState,
    SignalStates,
)
from edge.v2x import etsi
from edge.v2x.etsi import mapem_message, spatem_message
from edge.v2x.moments import Now
from edge.v2x.uper import CodecError

S = 1_000_000_000
NOW = Now(5_000 * S, 1_700_000_000_123_000_000)
CROSSING = Intersections(
    intersections=(
        Intersection(
            id="276.12",
            latitude_deg=48.1,
            longitude_deg=11.5,
            name="crossing",
            lanes=(
                MapLane(
                    id=3,
                    points=((48.1002, 11.5), (48.1008, 11.5001), (48.12, 11.6)),
                    width_m=3.25,
                    speed_limit_mps=13.88,
                    connections=(
                        Connection(manoeuvre="left", group=4, to_lane=7),
                        Connection(manoeuvre="straight", group=5, to_lane=8),
                    ),
                ),
                MapLane(id=7, points=((48.0998, 11.4999), (48.0998, 11.499)), approach=False, width_m=3.0),
            ),
        ),
    )
)
LIGHTS = SignalStates(
    signals=(
        SignalState(
            intersection="276.12",
            group=4,
            phases=(
                SignalPhase(
                    state="red",
                    from_ns=NOW.t_ns - 3 * S,
                    earliest_end_ns=NOW.t_ns + 5 * S,
                    latest_end_ns=NOW.t_ns + 9 * S,
                    likely_end_ns=NOW.t_ns + 7 * S,
                    confidence_ratio=0.81,
                ),
                SignalPhase(state="green"),
            ),
        ),
        SignalState(intersection="276.12", group=5, phases=(SignalPhase(state="green_yielding"),)),
        SignalState(intersection="276.13", group=1, phases=(SignalPhase(state="yellow_flashing"),)),
    )
)


def test_a_map_through_the_message_set():
    wire = etsi.mapem(CROSSING, 42, NOW)
    heard = etsi.hear(wire, NOW)
    assert (heard.standard, heard.message, heard.sender) == ("etsi", "MAPEM", "42")
    (seen,) = heard.content.intersections
    assert (seen.id, seen.name) == ("276.12", "crossing")
    assert seen.lanes[0].connections == CROSSING.intersections[0].lanes[0].connections
    assert heard.tree["map"]["intersections"][0]["laneSet"][1]["laneAttributes"]["directionalUse"] == [
        "egressPath"
    ]
    assert etsi.peek(wire, NOW) is None


def test_lights_through_the_message_set():
    heard = etsi.hear(etsi.spatem(LIGHTS, 42, NOW), NOW)
    assert (heard.message, heard.sender, heard.counter) == ("SPATEM", "42", 20_123)
    assert heard.measured_ns == NOW.t_ns
    red = heard.content.signals[0].phases[0]
    assert (red.state, red.confidence_ratio) == ("red", 0.81)
    assert abs(red.likely_end_ns - (NOW.t_ns + 7 * S)) <= S // 10
    assert [one.intersection for one in heard.content.signals] == ["276.12", "276.12", "276.13"]


def test_both_protocol_versions_are_read():
    for version in (1, 2):
        assert etsi.hear(etsi.mapem(CROSSING, 1, NOW, release=version), NOW).version.endswith(f"V{version}")
        assert etsi.hear(etsi.spatem(LIGHTS, 1, NOW, release=version), NOW).version.endswith(f"V{version}")
    with pytest.raises(CodecError, match="SPATEM of protocol version 3") as refused:
        etsi.hear(b"\x03\x04" + bytes(20), NOW)
    assert refused.value.reason == "unsupported"


def test_nothing_to_say_is_refused():
    for make, empty in (
        (etsi.mapem, Intersections(intersections=())),
        (etsi.spatem, SignalStates(signals=())),
    ):
        with pytest.raises(CodecError) as refused:
            make(empty, 1, NOW)
        assert refused.value.reason == "unencodable"


def test_the_official_modules_read_what_we_make():
    modules = pytest.importorskip("pycrate_asn1dir.ITS_IS")
    official = modules.MAPEM_PDU_Descriptions.MAPEM, modules.SPATEM_PDU_Descriptions.SPATEM
    mapem = mapem_message.codec().decode(etsi.mapem(CROSSING, 42, NOW))
    agree_official(mapem_message.MAPEM, mapem, official[0])
    spatem = spatem_message.codec().decode(etsi.spatem(LIGHTS, 42, NOW))
    agree_official(spatem_message.SPATEM, spatem, official[1])


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_dissects_what_we_make(tmp_path):

    from edge.v2x import network

    source = network.Source(
        station_type=15, address=1, timestamp_ms=1, latitude=481000000, longitude=115000000,
        accurate=True, speed=0, heading=0,
    )  # fmt: skip
    packets = [
        network.single_hop(etsi.mapem(CROSSING, 42, NOW), source, 2003),
        network.single_hop(etsi.spatem(LIGHTS, 42, NOW), source, 2004),
        network.single_hop(etsi.mapem(CROSSING, 42, NOW, release=1), source, 2003),
        network.single_hop(etsi.spatem(LIGHTS, 42, NOW, release=1), source, 2004),
    ]
    path = tmp_path / "packets.pcap"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for packet in packets:
            frame = b"\xff" * 6 + b"\x02\0\0\0\0\x01\x89\x47" + packet[1:]  # without the family
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    fields = ["frame.protocols", "_ws.malformed", "_ws.expert.message", "its.stationID", "dsrc.signalGroup"]
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=|"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = [line.split("|") for line in done.stdout.splitlines()]
    assert [line[0].split(":")[-1] for line in lines] == ["its"] * 4
    assert [line[1:4] for line in lines] == [["", "", "42"]] * 4
    assert [line[4] for line in lines] == ["4,5", "4,5,1"] * 2


@cache
def good():
    return [etsi.mapem(CROSSING, 42, NOW), etsi.spatem(LIGHTS, 42, NOW)]


@pytest.mark.fuzz
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_damaged_messages_give_a_message_or_a_codec_error(seed, wounds):
    chance = Random(seed)
    data = bytearray(chance.choice(good()))
    for _ in range(wounds):
        at = chance.randrange(6, len(data))
        data[at] = chance.choice([0, 255, data[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
    cut = chance.choice([len(data), len(data), chance.randrange(len(data))])
    with suppress(CodecError):
        heard = etsi.hear(bytes(data[:cut]), NOW)
        assert heard.tree
