"""From a standard's steps to physical values and back: worked out by hand from the standards' units."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_judge import judge

from edge.messages import RemoteObject
from edge.v2x.etsi import cam as etsi
from edge.v2x.uper import CodecError

UTC_NS = 1_700_000_000_123_000_000  # 2023-11-14T22:13:20.123Z

OBJECTS = st.builds(
    RemoteObject,
    kind=st.sampled_from(["car", "truck", "bus", "motorcycle", "bicycle", "person", "unknown"]),
    latitude_deg=st.floats(-90, 90),
    longitude_deg=st.floats(-180, 180),
    altitude_m=st.none() | st.floats(-400, 6000),
    speed_mps=st.none() | st.floats(0, 160),
    heading_deg=st.none() | st.floats(0, 360),
    acceleration_mps2=st.none() | st.floats(-15.9, 15.9),
    yaw_rate_radps=st.none() | st.floats(-5, 5),
    length_m=st.none() | st.floats(0.1, 40),
    width_m=st.none() | st.floats(0.1, 6),
    accuracy_m=st.none() | st.floats(0.02, 40),
    brake_pressed=st.none() | st.booleans(),
    events=st.sets(
        st.sampled_from(["hard_braking", "abs_active", "traction_control_active", "stability_control_active",
                         "hazard_lights", "flat_tyre", "disabled", "emergency_vehicle"])
    ).map(lambda events: tuple(sorted(events))),
)  # fmt: skip

EVERY = settings(max_examples=150, deadline=None)


def close(got, sent, tolerance, turn=None):
    if sent is None or got is None:
        return got is sent
    off = abs(got - sent)
    return (min(off, turn - off) if turn else off) <= tolerance + 1e-9


@EVERY
@given(OBJECTS)
def test_our_state_through_a_cam(sent):
    wire = etsi.CAM_CODEC.encode(etsi.cam(sent, 4_000_000_000, UTC_NS, True))
    cam = judge("cam").decode("CAM", wire)
    assert cam["header"] == {"protocolVersion": 2, "messageID": 2, "stationID": 4_000_000_000}
    got = etsi.remote_object(etsi.decode_cam(wire))
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
    assert set(got.events) == set(sent.events) & {"hard_braking", "hazard_lights", "emergency_vehicle"}


def test_what_a_cam_does_not_know_is_none():
    unknown = RemoteObject(kind="unknown", latitude_deg=1e-7, longitude_deg=2e-7)
    cam = etsi.decode_cam(etsi.CAM_CODEC.encode(etsi.cam(unknown, 1, UTC_NS, False)))
    assert etsi.remote_object(cam) == unknown
    position = cam["cam"]["camParameters"]["basicContainer"]["referencePosition"]
    position["latitude"] = 900000001
    assert etsi.remote_object(cam) is None


def test_times_in_the_messages():
    """TS 102 894-2 A.80: 2007-01-01T00:00:00.000Z is 94 694 401 000, one leap second of five."""
    assert etsi.timestamp_its(1_167_609_600_000_000_000) == 94_694_401_000 + 4000
    cam = etsi.cam(RemoteObject(kind="car", latitude_deg=0.0, longitude_deg=0.0), 1, UTC_NS, False)
    assert cam["cam"]["generationDeltaTime"] == (1_700_000_000_123 - 1_072_915_200_000 + 5000) % 65536


@pytest.mark.parametrize("latitude_deg", [91.0, -90.1, math.nan, math.inf])
def test_an_impossible_position_is_not_sent(latitude_deg):
    nowhere = RemoteObject(kind="car", latitude_deg=latitude_deg, longitude_deg=0.0)
    with pytest.raises(CodecError, match="degrees"):
        etsi.cam(nowhere, 1, UTC_NS, True)


def test_values_beyond_the_scale_are_held_at_its_end():
    fast = RemoteObject(kind="car", latitude_deg=0.0, longitude_deg=-180.0, speed_mps=500.0, length_m=99.0)
    assert etsi.remote_object(etsi.cam(fast, 1, UTC_NS, False)).speed_mps == 163.82
