"""SAE J2735: BSM with part II, MAP and SPAT in their frames, as others encode them.

j2735.asn was written by hand from public facts; asn1tools encodes with it. Of public recordings (238 BSMs of
two log files, a MAP and a SPAT) all were once read and made again to the same octets.
"""

import shutil
import struct
import subprocess
from contextlib import suppress
from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from v2x_judge import MANY, agree, judge, messages, some

from edge.messages import RemoteObject
from edge.v2x import j2735
from edge.v2x.j2735 import bsm, bsm_schema, roadside
from edge.v2x.moments import Now
from edge.v2x.sets import Glimpse
from edge.v2x.uper import Codec, CodecError, Integer, Open, Sequence

S = 1_000_000_000
NOW = Now(5_000 * S, 1_700_000_000_123_000_000)  # 20.123 s into a minute
CORE = {
    "msgCnt": 3, "id": b"\x12\x34\x56\x78", "secMark": 20_023, "lat": 423000000, "long": -830000000,
    "elev": 2500, "accuracy": {"semiMajor": 40, "semiMinor": 40, "orientation": 0},
    "transmission": "forwardGears", "speed": 750, "heading": 14400, "angle": 0,
    "accelSet": {"long": 100, "lat": 0, "vert": 0, "yaw": 0},
    "brakes": {"wheelBrakes": (b"\x00", 5), "traction": "off", "abs": "engaged", "scs": "off",
               "brakeBoost": "off", "auxBrakes": "off"},
    "size": {"width": 190, "length": 500},
}  # fmt: skip
FRAME = Codec("Frame", Sequence({"messageId": Integer(0, 32767), "value": Open()}, extensible=True))


def framed(number, value):
    return FRAME.encode({"messageId": number, "value": value})


def theirs(parts=(), **core):
    """A BSM in its frame by asn1tools."""
    message = {"coreData": CORE | core}
    if parts:
        message["partII"] = [{"partII-Id": number, "partII-Value": value} for number, value in parts]
    return framed(20, judge("j2735").encode("BSM", message))


@MANY
@given(messages("j2735", "BSM"))
def test_core_data_as_asn1tools(pair):
    message, _ = pair
    for part in message.get("partII", ()):
        part["partII-Id"] = part["partII-Id"] or 63  # octets that are no safety extensions
    wire = judge("j2735").encode("BSM", message)
    value = bsm.codec().decode(wire)
    assert bsm.codec().encode(value) == wire
    core = value["coreData"]
    for name in ("msgCnt", "id", "secMark", "lat", "long", "elev", "speed", "heading", "size", "accelSet"):
        assert core[name] == message["coreData"][name]
    glimpse, heard = bsm.peek(wire), bsm.remote_object(value)
    assert (glimpse is None) == (heard is None)
    if glimpse:
        same = (glimpse.latitude_deg, glimpse.longitude_deg, glimpse.speed_mps, glimpse.heading_deg)
        assert same == (heard.latitude_deg, heard.longitude_deg, heard.speed_mps, heard.heading_deg)
        assert glimpse.sender == core["id"].hex()


@MANY
@given(st.integers(0, (1 << 32) - 1))
def test_the_whole_codec_as_asn1tools(seed):
    agree(bsm_schema.BSM, some(bsm_schema.BSM, Random(seed)))


@pytest.mark.parametrize("codec", [roadside.map_codec, roadside.spat_codec])
def test_map_and_spat_as_asn1tools(codec):
    for seed in range(40):
        agree(codec().kind, some(codec().kind, Random(seed)), codec())


def test_a_bsm_of_the_united_states():
    extensions = judge("j2735").encode("SafetyExtensions", {"events": (b"\x01\x00", 13)})  # 7: hard braking
    frame = theirs([(0, extensions)])
    assert frame[:2] == b"\x00\x14"
    heard = j2735.hear(frame, NOW)
    assert (heard.standard, heard.message, heard.sender, heard.counter) == ("j2735", "BSM", "12345678", 3)
    assert heard.measured_ns == NOW.t_ns - 100_000_000
    assert heard.content == RemoteObject(
        kind="unknown",
        latitude_deg=42.3,
        longitude_deg=-83.0,
        altitude_m=250.0,
        measured_ns=NOW.t_ns - 100_000_000,
        speed_mps=15.0,
        heading_deg=180.0,
        acceleration_mps2=1.0,
        yaw_rate_radps=0.0,
        length_m=5.0,
        width_m=1.9,
        accuracy_m=2.0,
        brake_pressed=False,
        events=("abs_active", "hard_braking"),
    )
    assert j2735.peek(frame, NOW) == Glimpse("12345678", 42.3, -83.0, 15.0, 180.0, True)
    assert heard.tree["value"]["partII"][0]["partII-Value"] == {"events": ["eventHardBraking"]}


@pytest.mark.parametrize(
    ("parts", "sudden"),
    [
        ((), False),
        (((0, {"events": (b"\x00\x40", 13)}),), False),  # 9: wipers changed
        (((0, {"events": (b"\x00\x10", 13)}),), True),  # 11: disabled
        (((0, {}),), False),
        (((2, b"\0"), (0, {"events": (b"\x01\x00", 13)})), False),  # not the first
    ],
)
def test_a_glance_sees_events_of_the_first_part(parts, sudden):
    encode = judge("j2735").encode
    made = [(n, v if isinstance(v, bytes) else encode("SafetyExtensions", v)) for n, v in parts]
    assert j2735.peek(theirs(made), NOW).sudden is sudden


def test_what_a_bsm_does_not_know_is_none():
    heard = j2735.hear(theirs(speed=8191, heading=28800, elev=-4096, secMark=65535), NOW)
    seen = heard.content
    assert (seen.speed_mps, seen.heading_deg, seen.altitude_m, heard.measured_ns) == (None, None, None, None)
    assert j2735.hear(theirs(lat=900000001), NOW).content is None
    assert j2735.peek(theirs(lat=900000001), NOW) is None
    assert j2735.peek(theirs(long=1800000001), NOW) is None


def test_backwards_is_negative():
    frame = theirs(transmission="reverseGears", speed=100)
    assert j2735.hear(frame, NOW).content.speed_mps == j2735.peek(frame, NOW).speed_mps == -2.0


def test_path_history_prediction_and_lights():
    crumbs = [{"latOffset": -44, "lonOffset": -106, "elevationOffset": 3, "timeOffset": 59, "speed": 100}]
    extensions = {
        "events": 0,
        "pathHistory": {"currGNSSstatus": 0b01000000, "crumbData": crumbs},
        "pathPrediction": {"radiusOfCurve": 32767, "confidence": 200},
        "lights": 0b001000000,
    }
    wire = Codec("X", bsm_schema.SAFETY_EXTENSIONS).encode(extensions)
    heard = j2735.hear(theirs([(0, wire)]), NOW)
    assert heard.content.indicator == "left"
    read = heard.tree["value"]["partII"][0]["partII-Value"]
    assert read["pathHistory"] == {"currGNSSstatus": ["isHealthy"], "crumbData": crumbs}


def test_the_kind_is_in_the_supplemental_part():
    wire = bytes((0b0_1000000, 0b000_00110, 0b010_00000))  # of ten members the first: 50, transit
    assert j2735.hear(theirs([(2, wire)]), NOW).content.kind == "bus"
    assert j2735.hear(theirs([(2, b"\x00\x00")]), NOW).content.kind == "unknown"


def test_an_emergency_vehicle_is_one_on_duty():
    def special(siren):
        alerts = {"sspRights": 0, "sirenUse": siren, "lightsUse": "notInUse", "multi": "unavailable"}
        kind = replace(bsm_schema.SPECIAL_EXTENSIONS, members={
            "vehicleAlerts?": bsm_schema.EMERGENCY_DETAILS, "a?": Open(), "b?": Open()})  # fmt: skip
        return Codec("X", kind).encode({"vehicleAlerts": alerts})

    assert j2735.hear(theirs([(1, special("inUse"))]), NOW).content.events == (
        "abs_active",
        "emergency_vehicle",
    )
    assert j2735.hear(theirs([(1, special("notInUse"))]), NOW).content.events == ("abs_active",)
    assert j2735.hear(theirs([(1, b"\x7f")]), NOW).content.events == ("abs_active",)  # not understood


@pytest.mark.parametrize(("number", "name"), [(31, "TIM"), (32, "PSM"), (29, "SRM"), (240, "message 240")])
def test_others_are_told_by_name(number, name):
    with pytest.raises(CodecError, match=name) as refused:
        j2735.hear(framed(number, b"\0"), NOW)
    assert refused.value.reason == "unsupported"
    assert j2735.peek(framed(number, b"\0"), NOW) is None


# ---------------------------------------------------------------- MAP and SPAT

LONGITUDE = -1050914122


@cache
def road():
    nodes = [{"delta": ("node-XY3", {"x": 1200, "y": -300})}, {"delta": ("node-XY2", {"x": 900, "y": 0})}]
    lane = {
        "laneID": 2,
        "laneAttributes": {"directionalUse": 0b10, "sharedWith": 0, "laneType": ("vehicle", 0)},
        "nodeList": ("nodes", nodes),
        "connectsTo": [{"connectingLane": {"lane": 19, "maneuver": 1 << 11}, "signalGroup": 4}],
    }
    place = {"lat": 395952649, "long": LONGITUDE}
    one = {"id": {"id": 12110}, "revision": 3, "refPoint": place, "laneWidth": 366, "laneSet": [lane]}
    return framed(18, roadside.map_codec().encode({"msgIssueRevision": 3, "intersections": [one]}))


@cache
def lights():
    event = {"eventState": "protected-Movement-Allowed", "timing": {"minEndTime": 8101}}
    one = {"id": {"id": 12110}, "revision": 0, "status": 0, "timeStamp": 20_123,
           "states": [{"signalGroup": 4, "state-time-speed": [event]}]}  # fmt: skip
    return framed(19, roadside.spat_codec().encode({"intersections": [one]}))


def test_a_map():
    heard = j2735.hear(road(), NOW)
    assert (heard.message, heard.sender, heard.counter) == ("MAP", "", 3)
    (seen,) = heard.content.intersections
    assert (seen.id, seen.latitude_deg, seen.longitude_deg) == ("0.12110", 39.5952649, -105.0914122)
    (lane,) = seen.lanes
    assert (lane.width_m, lane.connections[0].group, lane.connections[0].to_lane) == (3.66, 4, 19)


def test_a_spat():
    heard = j2735.hear(lights(), NOW)
    assert (heard.message, heard.counter, heard.measured_ns) == ("SPAT", 20_123, NOW.t_ns)
    (signal,) = heard.content.signals
    (phase,) = signal.phases
    assert (signal.intersection, signal.group, phase.state) == ("0.12110", 4, "green")
    assert phase.earliest_end_ns == NOW.t_ns - 23_000_000 + 10 * S


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_them_as_those_of_etsi(tmp_path):
    """It has no SAE J2735: behind an ItsPduHeader it takes them for MAPEM and SPATEM."""
    path = tmp_path / "packets.pcap"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for data, port, number in ((road(), 2003, 5), (lights(), 2004, 4)):
            message = struct.pack(">BBI", 2, number, 7) + FRAME.decode(data)["value"]
            common = struct.pack(">BBBBHBB", 0x20, 0x50, 2, 0, 4 + len(message), 1, 0)
            packet = bytes((0x11, 0, 0x05, 1)) + common + bytes(28) + struct.pack(">HH", port, 0) + message
            frame = b"\xff" * 6 + b"\x02\0\0\0\0\x01\x89\x47" + packet
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=|"]
    for field in ("_ws.malformed", "_ws.expert.message", "its.stationID", "dsrc.signalGroup"):
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["||7|4"] * 2


# ---------------------------------------------------------------- damaged


@cache
def good():
    frames = [road(), lights(), theirs()]
    for kind, number, codec in (
        (bsm_schema.BSM, 20, bsm.codec()),
        (roadside.map_codec().kind, 18, roadside.map_codec()),
        (roadside.spat_codec().kind, 19, roadside.spat_codec()),
    ):
        frames += [framed(number, codec.encode(some(kind, Random(seed)))) for seed in range(40)]
    return frames


@pytest.mark.fuzz
@given(st.integers(0, 2**32), st.integers(0, 6))
def test_damaged_messages_give_a_message_or_a_codec_error(seed, wounds):
    chance = Random(seed)
    data = bytearray(chance.choice(good()))
    for _ in range(wounds):
        at = chance.randrange(2, len(data))
        data[at] = chance.choice([0, 255, data[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
    cut = bytes(data[: chance.choice([len(data), len(data), chance.randrange(len(data))])])
    with suppress(CodecError):
        j2735.peek(cut, NOW)
    with suppress(CodecError):
        assert j2735.hear(cut, NOW).tree
