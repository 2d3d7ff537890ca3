"""China: BSM to our units and back, worked out by hand from the standard's steps."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_judge import asn1tools_of

from edge.messages import RemoteObject
from edge.v2x import csae53
from edge.v2x.csae53.bsm import kind_of_class, message, remote_object
from edge.v2x.csae53.bsm_schema import EVENTS, LIGHTS
from edge.v2x.csae53.schema import MESSAGE_FRAME, codec
from edge.v2x.moments import Now
from edge.v2x.sets import PathPoint
from edge.v2x.uper import CodecError, bits

NOW = Now(5_000_000_000_000, 1_700_000_000_123_000_000)  # 2023-11-14T22:13:20.123Z

BSM = {
    "msgCnt": 9,
    "id": bytes.fromhex("0102030405060708"),
    "secMark": 20123,
    "pos": {"lat": 399000000, "long": 1163000000, "elevation": 455},
    "posAccuracy": {"semiMajor": 30, "semiMinor": 20, "orientation": 0},
    "transmission": "forwardGears",
    "speed": 1000,
    "heading": 7200,
    "accelSet": {"long": -450, "lat": 2001, "vert": -127, "yaw": 1000},
    "brakes": {"brakePadel": "on", "abs": "engaged", "traction": "off"},
    "size": {"width": 180, "length": 465},
    "vehicleClass": {"classification": 10},
    "safetyExt": {"events": 1 << 12 | 1 << 5, "lights": 0},
}


def test_a_bsm_in_our_units():
    seen = remote_object(BSM)
    assert seen.kind == "car"
    assert (seen.latitude_deg, seen.longitude_deg, seen.altitude_m) == (39.9, 116.3, 45.5)
    assert seen.speed_mps == 20.0
    assert seen.heading_deg == 90.0
    assert seen.acceleration_mps2 == -4.5
    assert seen.yaw_rate_radps == pytest.approx(math.radians(-10))  # theirs is to the right
    assert (seen.length_m, seen.width_m, seen.accuracy_m) == (4.65, 1.8, 1.5)
    assert seen.brake_pressed is True
    assert seen.indicator == "off"
    assert seen.events == ("abs_active", "hard_braking", "hazard_lights")


def test_what_a_bsm_does_not_know_is_none():
    seen = remote_object(
        BSM
        | {
            "pos": {"lat": 1, "long": 2, "elevation": -4096},
            "posAccuracy": {"semiMajor": 255, "semiMinor": 255, "orientation": 65535},
            "speed": 8191,
            "heading": 28800,
            "accelSet": {"long": 2001, "lat": 2001, "vert": -127, "yaw": 32767},
            "brakes": {"wheelBrakes": 0b10000},
            "size": {"width": 0, "length": 0},
            "vehicleClass": {"classification": 0},
            "safetyExt": {},
        }
    )
    assert seen == RemoteObject(kind="unknown", latitude_deg=1e-7, longitude_deg=2e-7)
    assert remote_object(BSM | {"pos": {"lat": 900000001, "long": 0}}) is None
    assert remote_object(BSM | {"pos": {"lat": 0, "long": 1800000001}}) is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [(0, "unknown"), (10, "car"), (20, "truck"), (30, "truck"), (40, "motorcycle"), (54, "bus"),
     (65, "unknown"), (66, "car"), (82, "person"), (85, "bicycle"), (90, "unknown")],
)  # fmt: skip
def test_vehicle_classes(code, kind):
    assert kind_of_class(code) == kind


@pytest.mark.parametrize(
    ("extension", "on_duty"),
    [({}, False), ({"responseType": "emergency"}, True), ({"sirenUse": "inUse"}, True),
     ({"lightsUse": "inUse"}, True), ({"responseType": "nonEmergency", "sirenUse": "notInUse"}, False)],
)  # fmt: skip
def test_an_emergency_vehicle_is_one_on_duty(extension, on_duty):
    seen = remote_object(BSM | {"vehicleClass": {"classification": 66}, "emergencyExt": extension})
    assert ("emergency_vehicle" in seen.events) is on_duty


@pytest.mark.parametrize(
    ("name", "event"),
    [("eventHazardLights", "hazard_lights"), ("eventStopLineViolation", "stop_line_violation"),
     ("eventABSactivated", "abs_active"), ("eventTractionControlLoss", "traction_control_active"),
     ("eventStabilityControlactivated", "stability_control_active"),
     ("eventHazardousMaterials", "hazardous_materials"), ("eventHardBraking", "hard_braking"),
     ("eventFlatTire", "flat_tyre"), ("eventDisabledVehicle", "disabled"),
     ("eventAirBagDeployment", "air_bag"), ("eventLightsChanged", None), ("eventWipersChanged", None),
     ("eventReserved1", None)],
)  # fmt: skip
def test_every_event_flag(name, event):
    quiet = BSM | {"brakes": {}, "safetyExt": {"events": bits(EVENTS, {name})}}
    assert remote_object(quiet).events == ((event,) if event else ())
    wire = codec("bsmFrame").encode(("bsmFrame", quiet))
    assert csae53.peek(wire, NOW).sudden is (event is not None)


@pytest.mark.parametrize(
    ("lamps", "indicator", "events"),
    [({"leftTurnSignalOn"}, "left", ()), ({"rightTurnSignalOn", "fogLightOn"}, "right", ()),
     ({"lowBeamHeadlightsOn"}, "off", ()), ({"leftTurnSignalOn", "rightTurnSignalOn"}, "both", ()),
     ({"hazardSignalOn"}, "both", ("hazard_lights",))],
)  # fmt: skip
def test_lights(lamps, indicator, events):
    seen = remote_object(BSM | {"brakes": {}, "safetyExt": {"lights": bits(LIGHTS, lamps)}})
    assert (seen.indicator, seen.events) == (indicator, events)


def test_reverse_gear_is_negative_speed():
    assert remote_object(BSM | {"transmission": "reverseGears"}).speed_mps == -20.0
    stands = remote_object(BSM | {"transmission": "reverseGears", "speed": 0}).speed_mps
    assert math.copysign(1.0, stands) == 1.0
    assert remote_object(BSM | {"transmission": "reverseGears", "speed": 8191}).speed_mps is None


def test_when_a_bsm_held():
    """22:13:20.123: a mark of 19 923 ms was 200 ms ago, 59 900 in the minute before; 60 000 says nothing."""
    for mark, ago_ms in ((19923, 200), (59900, 20223), (20323, -200), (65535, None), (60000, None)):
        heard = csae53.hear(codec("bsmFrame").encode(("bsmFrame", BSM | {"secMark": mark})), NOW)
        expected = None if ago_ms is None else NOW.t_ns - ago_ms * 1_000_000
        assert heard.measured_ns == heard.content.measured_ns == expected


HERE = RemoteObject(kind="car", latitude_deg=39.9, longitude_deg=116.3, altitude_m=45.5)


def theirs(wire):
    return asn1tools_of(MESSAGE_FRAME).decode("M", wire)[1]


def test_a_path_history():
    path = [
        PathPoint(39.9 - 1e-5, 116.3 + 2e-5, NOW.t_ns - 500_000_000, 45.0),
        PathPoint(39.9 - 1e-3, 116.3, NOW.t_ns - 5_000_000_000),
        PathPoint(39.8, 116.3, NOW.t_ns - 900_000_000_000, 300.0),
        PathPoint(10.0, 116.3, NOW.t_ns - 950_000_000_000, 900.0),
        PathPoint(39.9, 116.3, NOW.t_ns, 45.5),  # here and now is no history
    ]
    crumbs = theirs(csae53.bsm(HERE, 1, 0, NOW, path[::-1]))["safetyExt"]["pathHistory"]["crumbData"]
    assert crumbs == [
        {
            "llvOffset": {"offsetLL": ("position-LL1", {"lon": 200, "lat": -100}),
                          "offsetV": ("offset1", -5)},
            "timeOffset": 50,
        },
        {"llvOffset": {"offsetLL": ("position-LL3", {"lon": 0, "lat": -10000})}, "timeOffset": 500},
        {
            "llvOffset": {"offsetLL": ("position-LL5", {"lon": 0, "lat": -1000000}),
                          "offsetV": ("elevation", 3000)},
            "timeOffset": 65534,
        },
        {
            "llvOffset": {"offsetLL": ("position-LatLon", {"lon": 1163000000, "lat": 100000000}),
                          "offsetV": ("elevation", 9000)},
            "timeOffset": 65534,
        },
    ]  # fmt: skip


def test_a_path_history_keeps_the_newest_23():
    path = [PathPoint(39.9, 116.3, NOW.t_ns - i * 100_000_000) for i in range(1, 60)]
    crumbs = theirs(csae53.bsm(HERE, 1, 0, NOW, path))["safetyExt"]["pathHistory"]["crumbData"]
    assert [crumb["timeOffset"] for crumb in crumbs] == [10 * i for i in range(1, 24)]


def test_a_state_too_old_for_its_mark_says_so():
    old = RemoteObject(kind="car", latitude_deg=0.0, longitude_deg=0.0, measured_ns=NOW.t_ns - 31_000_000_000)
    late = RemoteObject(kind="car", latitude_deg=0.0, longitude_deg=0.0, measured_ns=NOW.t_ns - 200_000_000)
    assert message(old, 1, 0, NOW)["secMark"] == 65535
    assert message(late, 1, 0, NOW)["secMark"] == 19923


OBJECTS = st.builds(
    RemoteObject,
    kind=st.sampled_from(["car", "truck", "bus", "motorcycle", "bicycle", "person", "unknown"]),
    latitude_deg=st.floats(-90, 90),
    longitude_deg=st.floats(-180, 180),
    measured_ns=st.none() | st.integers(NOW.t_ns - 25_000_000_000, NOW.t_ns),
    altitude_m=st.none() | st.floats(-400, 6000),
    speed_mps=st.none() | st.floats(-30, 160),
    heading_deg=st.none() | st.floats(0, 360),
    acceleration_mps2=st.none() | st.floats(-15.9, 15.9),
    yaw_rate_radps=st.none() | st.floats(-5, 5),
    length_m=st.none() | st.floats(0.1, 40),
    width_m=st.none() | st.floats(0.1, 6),
    accuracy_m=st.none() | st.floats(0.02, 40),
    brake_pressed=st.none() | st.booleans(),
    indicator=st.sampled_from([None, "off", "left", "right", "both"]),
    events=st.sets(
        st.sampled_from(["hard_braking", "abs_active", "traction_control_active", "stability_control_active",
                         "hazard_lights", "flat_tyre", "disabled", "emergency_vehicle", "air_bag",
                         "stop_line_violation", "hazardous_materials"])
    ).map(lambda events: tuple(sorted(events))),
)  # fmt: skip


def close(got, sent, tolerance, turn=None):
    if sent is None or got is None:
        return got is sent
    off = abs(got - sent)
    return (min(off, turn - off) if turn else off) <= tolerance + 1e-9


@settings(max_examples=150)
@given(OBJECTS)
def test_our_state_through_a_bsm(sent):
    wire = csae53.bsm(sent, 0xA1B2, 130, NOW)
    assert theirs(wire)["msgCnt"] == 2
    heard = csae53.hear(wire, NOW)
    assert (heard.message, heard.sender, heard.counter) == ("BSM", "000000000000a1b2", 2)
    got = heard.content
    assert got.kind == sent.kind
    assert close(got.latitude_deg, sent.latitude_deg, 0.5e-7)
    assert close(got.longitude_deg, sent.longitude_deg, 1e-7)
    assert close(got.measured_ns, NOW.t_ns if sent.measured_ns is None else sent.measured_ns, 1e6)
    assert close(got.altitude_m, sent.altitude_m, 0.05)
    assert close(got.speed_mps, sent.speed_mps, 0.01)
    assert close(got.heading_deg, sent.heading_deg, 0.00625, turn=360)
    assert close(got.acceleration_mps2, sent.acceleration_mps2, 0.005)
    assert close(got.yaw_rate_radps, sent.yaw_rate_radps, math.radians(0.005))
    assert close(got.length_m, sent.length_m, 0.005)
    assert close(got.width_m, sent.width_m, 0.005)
    assert got.brake_pressed is sent.brake_pressed
    assert got.indicator == sent.indicator
    assert got.events == sent.events
    assert (got.accuracy_m is None) is (sent.accuracy_m is None)
    if sent.accuracy_m is not None:
        assert sent.accuracy_m <= got.accuracy_m <= 2.5 * sent.accuracy_m
    glimpse = csae53.peek(wire, NOW)
    assert (glimpse.latitude_deg, glimpse.longitude_deg) == (got.latitude_deg, got.longitude_deg)
    assert glimpse.sudden is bool(sent.events)


@pytest.mark.parametrize("latitude_deg", [91.0, -90.1, math.nan, math.inf])
def test_an_impossible_position_is_not_sent(latitude_deg):
    nowhere = RemoteObject(kind="car", latitude_deg=latitude_deg, longitude_deg=0.0)
    with pytest.raises(CodecError, match="degrees") as caught:
        csae53.bsm(nowhere, 1, 0, NOW)
    assert caught.value.reason == "unencodable"
    with pytest.raises(CodecError, match="speed"):
        csae53.bsm(
            RemoteObject(kind="car", latitude_deg=0.0, longitude_deg=0.0, speed_mps=math.nan), 1, 0, NOW
        )


@pytest.mark.parametrize("station_id", [-1, 1 << 64])
def test_a_station_id_of_more_than_64_bits_is_not_sent(station_id):
    with pytest.raises(CodecError, match="64 bits"):
        csae53.bsm(HERE, station_id, 0, NOW)


def test_values_beyond_the_scale_are_held_at_its_end():
    fast = RemoteObject(kind="car", latitude_deg=0.0, longitude_deg=-180.0, speed_mps=500.0, length_m=99.0)
    fields = message(fast, 1, 0, NOW)
    assert (fields["speed"], fields["size"]["length"], fields["pos"]["long"]) == (8190, 4095, -1799999999)
