"""CAM to physical values and back: worked out by hand from the standard's units; judged by tshark."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_judge import judge
from v2x_tshark import NEEDS_TSHARK, dissect

from edge.messages import RemoteObject
from edge.v2x import etsi
from edge.v2x.moments import Now
from edge.v2x.sets import Glimpse, PathPoint
from edge.v2x.uper import CodecError

S = 1_000_000_000
UTC_NS = 1_700_000_000_123_000_000  # 2023-11-14T22:13:20.123Z
NOW = Now(5_000 * S, UTC_NS)
ITS_MS = 1_700_000_000_123 - 1_072_915_200_000 + 5000  # five leap seconds since 2004

OBJECTS = st.builds(
    RemoteObject,
    kind=st.sampled_from(["car", "truck", "bus", "motorcycle", "bicycle", "person", "unknown"]),
    latitude_deg=st.floats(-90, 90),
    longitude_deg=st.floats(-180, 180),
    altitude_m=st.none() | st.floats(-400, 6000),
    speed_mps=st.none() | st.floats(-20, 160),
    heading_deg=st.none() | st.floats(0, 360),
    acceleration_mps2=st.none() | st.floats(-15.9, 15.9),
    yaw_rate_radps=st.none() | st.floats(-5, 5),
    length_m=st.none() | st.floats(0.1, 40),
    width_m=st.none() | st.floats(0.1, 6),
    accuracy_m=st.none() | st.floats(0.02, 40),
    brake_pressed=st.none() | st.booleans(),
    indicator=st.sampled_from(["off", "left", "right"]),
    events=st.sets(
        st.sampled_from(["hard_braking", "abs_active", "traction_control_active", "stability_control_active",
                         "hazard_lights", "flat_tyre", "disabled", "emergency_vehicle"])
    ).map(lambda events: tuple(sorted(events))),
)  # fmt: skip
CAR = RemoteObject(kind="car", latitude_deg=48.1, longitude_deg=11.5, speed_mps=20.0, heading_deg=90.0)
EVERY = settings(max_examples=150, deadline=None)


def close(got, sent, tolerance, turn=None):
    if sent is None or got is None:
        return got is sent
    off = abs(got - sent)
    return (min(off, turn - off) if turn else off) <= tolerance + 1e-9


@pytest.mark.parametrize("protocol", [1, 2])
@EVERY
@given(sent=OBJECTS, release=st.sampled_from([1, 2]))
def test_our_state_through_a_cam(protocol, sent, release):
    wire = etsi.cam(sent, 4_000_000_000, NOW, True, release=release, protocol=protocol)
    if protocol == 2:
        header = judge("cam").decode("CAM", wire)["header"]
        assert header == {"protocolVersion": 2, "messageID": 2, "stationID": 4_000_000_000}
    heard = etsi.hear(wire, NOW)
    assert (heard.standard, heard.message, heard.sender) == ("etsi", "CAM", "4000000000")
    got = heard.content
    assert got.kind == sent.kind
    assert close(got.latitude_deg, sent.latitude_deg, 0.5e-7)
    assert close(got.longitude_deg, sent.longitude_deg, 0.5e-7)
    assert close(got.altitude_m, sent.altitude_m, 0.005)
    assert close(got.speed_mps, sent.speed_mps, 0.005)
    assert close(got.heading_deg, sent.heading_deg, 0.05, turn=360)
    assert close(got.acceleration_mps2, sent.acceleration_mps2, 0.05)
    assert close(got.yaw_rate_radps, sent.yaw_rate_radps, math.radians(0.005))
    assert close(got.length_m, sent.length_m, 0.05)
    assert close(got.width_m, sent.width_m, 0.05)
    assert close(got.accuracy_m, sent.accuracy_m, 0.005)
    if sent.brake_pressed is not None or "hard_braking" not in sent.events:
        assert got.brake_pressed is sent.brake_pressed
    assert got.indicator == ("both" if "hazard_lights" in sent.events else sent.indicator)
    assert set(got.events) == set(sent.events) & {"hard_braking", "hazard_lights", "emergency_vehicle"}
    assert etsi.peek(wire, NOW) == Glimpse(
        "4000000000", got.latitude_deg, got.longitude_deg, got.speed_mps, got.heading_deg,
        "hard_braking" in sent.events,
    )  # fmt: skip


def test_versions_are_told_apart():
    assert etsi.hear(etsi.cam(CAR, 1, NOW, True, protocol=1), NOW).version == "EN 302 637-2 V1.3"
    assert etsi.hear(etsi.cam(CAR, 1, NOW, True), NOW).version == "EN 302 637-2 V1.4"
    assert etsi.cam(CAR, 1, NOW, True, release=2) == etsi.cam(CAR, 1, NOW, True)
    skidding = msgspec.structs.replace(CAR, events=("abs_active", "stability_control_active"))
    newer = etsi.hear(etsi.cam(skidding, 1, NOW, True, release=2), NOW)
    assert newer.version == "TS 103 900 V2"
    assert newer.tree["cam"]["camParameters"]["extensionContainers"] == [
        {"containerId": 3, "containerData": {"brakeControl": ["abs", "esc"]}}
    ]


def test_what_a_cam_does_not_know_is_none():
    unknown = RemoteObject(kind="unknown", latitude_deg=1e-7, longitude_deg=2e-7)
    heard = etsi.hear(etsi.cam(unknown, 1, NOW, False), NOW)
    assert heard.content == msgspec.structs.replace(unknown, measured_ns=NOW.t_ns)
    nowhere = heard.value
    nowhere["cam"]["camParameters"]["basicContainer"]["referencePosition"]["latitude"] = 900000001
    wire = judge("cam").encode("CAM", nowhere)  # it has no bit strings, which are others there
    assert etsi.hear(wire, NOW).content is None
    assert etsi.peek(wire, NOW) is None


def test_who_backs_looks_the_other_way():
    """EN 302 637-2: heading is that of the motion."""
    backing = msgspec.structs.replace(CAR, speed_mps=-2.0, heading_deg=10.0)
    high = etsi.hear(etsi.cam(backing, 1, NOW, False), NOW).tree["cam"]["camParameters"]
    high = high["highFrequencyContainer"]["basicVehicleContainerHighFrequency"]
    assert (high["heading"]["headingValue"], high["driveDirection"]) == (1900, "backward")
    assert high["speed"]["speedValue"] == 200


@pytest.mark.parametrize(("protocol", "value"), [(1, 300), (2, 100)])
def test_the_curve_by_steps_of_its_edition(protocol, value):
    """0.2 rad/s at 20 m/s: a radius of 100 m to the left; 1/30000 m in TS 102 894-2 V1.2, then 1/10000 m."""
    turning = msgspec.structs.replace(CAR, yaw_rate_radps=0.2)
    wire = etsi.cam(turning, 1, NOW, False, protocol=protocol)
    high = etsi.hear(wire, NOW).tree["cam"]["camParameters"]["highFrequencyContainer"]
    assert high["basicVehicleContainerHighFrequency"]["curvature"]["curvatureValue"] == value


def test_the_way_here_as_steps_from_point_to_point():
    """TS 102 894-2: the first step starts where we are, each further one at the point before."""
    path = [
        PathPoint(48.0990, 11.498, NOW.t_ns - 3 * S, 520.0),
        PathPoint(48.0995, 11.499, NOW.t_ns - 1 * S, 521.0),
        PathPoint(47.0, 11.498, NOW.t_ns - 9 * S),  # 120 km away: it ends before
    ]
    wire = etsi.cam(msgspec.structs.replace(CAR, altitude_m=522.0), 1, NOW, True, path)
    low = judge("cam").decode("CAM", wire)["cam"]["camParameters"]["lowFrequencyContainer"][1]
    first, second = low["pathHistory"]
    assert first == {
        "pathPosition": {"deltaLatitude": -5000, "deltaLongitude": -10000, "deltaAltitude": -100},
        "pathDeltaTime": 100,
    }
    assert second == {
        "pathPosition": {"deltaLatitude": -5000, "deltaLongitude": -10000, "deltaAltitude": -100},
        "pathDeltaTime": 200,
    }
    many = [PathPoint(48.1 - i * 1e-5, 11.5, NOW.t_ns - i * S) for i in range(1, 60)]
    low = judge("cam").decode("CAM", etsi.cam(CAR, 1, NOW, True, many))["cam"]["camParameters"]
    assert len(low["lowFrequencyContainer"][1]["pathHistory"]) == 23


def test_when_it_held():
    held = msgspec.structs.replace(CAR, measured_ns=NOW.t_ns - 70_000_000)
    heard = etsi.hear(etsi.cam(held, 1, NOW, False), NOW)
    assert heard.counter == (ITS_MS - 70) % 65536
    assert heard.measured_ns == heard.content.measured_ns == NOW.t_ns - 70_000_000


@pytest.mark.parametrize("latitude_deg", [91.0, -90.1, math.nan, math.inf])
def test_an_impossible_position_is_not_sent(latitude_deg):
    nowhere = RemoteObject(kind="car", latitude_deg=latitude_deg, longitude_deg=0.0)
    with pytest.raises(CodecError, match="degrees") as caught:
        etsi.cam(nowhere, 1, NOW, True)
    assert caught.value.reason == "unencodable"


def test_values_beyond_the_scale_are_held_at_its_end():
    fast = RemoteObject(kind="car", latitude_deg=0.0, longitude_deg=-180.0, speed_mps=500.0, length_m=99.0)
    assert etsi.hear(etsi.cam(fast, 1, NOW, False), NOW).content.speed_mps == 163.82


@pytest.mark.parametrize(
    ("payload", "what"),
    [(b"\x02\x02", "2 octets"), (bytes((2, 9, 0, 0, 0, 1)), "SREM of protocol version 2"),
     (bytes((9, 2, 0, 0, 0, 1)), "CAM of protocol version 9"), (bytes((2, 99, 0, 0, 0, 1)), "message 99")],
)  # fmt: skip
def test_other_messages_are_refused_by_name(payload, what):
    with pytest.raises(CodecError, match=what) as caught:
        etsi.hear(payload, NOW)
    assert caught.value.reason == ("undecodable" if len(payload) < 6 else "unsupported")
    if len(payload) >= 6 and payload[:2] != bytes((2, 2)):
        assert etsi.peek(payload, NOW) is None


@NEEDS_TSHARK
def test_tshark_dissects_what_we_make(tmp_path):
    path = [PathPoint(48.1 - i * 1e-4, 11.5, NOW.t_ns - i * S) for i in range(1, 12)]
    full = msgspec.structs.replace(
        CAR, yaw_rate_radps=0.1, brake_pressed=True, length_m=4.5, width_m=1.8, indicator="left",
        accuracy_m=1.0, events=("emergency_vehicle", "hard_braking"),
    )  # fmt: skip
    sent = [
        etsi.cam(content, 4711, NOW, low, path, release, protocol)
        for content in (CAR, full)
        for low in (False, True)
        for release, protocol in ((1, 1), (1, 2), (2, 2))
    ]
    fields = [f"{its}.{name}" for name in ("latitude", "speedValue") for its in ("its", "itsv1")]
    for line in dissect(tmp_path, sent, 2001, "its.stationID", *fields):
        assert line[:4] == ("eth:ethertype:gnw:btpb:its", "", "", "4711")
        assert (line[4] or line[5], line[6] or line[7]) == ("481000000", "2000")
