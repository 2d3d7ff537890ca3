"""CPM: its codec as asn1tools, its mapping by hand and there and back, damaged messages.

No compiled official module exists; the table was cross-checked once, bit for bit, with asn1tools on the
modules of TS 103 324 V2.1.1 and TS 102 894-2 V2.4.1. Two constraints stand on references, where asn1tools
forgets them; they are as asn1c takes them: vehicleSubClass within 0..14, polygons of 3 to 16.
"""

import math
from contextlib import suppress
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_judge import MANY, agree, some

from edge.messages import PerceivedObjects, RemoteObject
from edge.v2x import etsi
from edge.v2x.etsi import cpm_message
from edge.v2x.etsi.cpm_message import Sensor
from edge.v2x.etsi.cpm_schema import CPM
from edge.v2x.moments import Now
from edge.v2x.plane import Plane
from edge.v2x.uper import CodecError

MS = 1_000_000
NOW = Now(5_000_000 * MS, 1_700_000_000_123_000_000)
OWN = RemoteObject(kind="car", latitude_deg=48.1, longitude_deg=11.5, heading_deg=87.3, accuracy_m=1.5)
PLANE = Plane(48.1, 11.5)


@MANY
@given(st.integers(0, (1 << 32) - 1))
def test_the_codec_as_asn1tools(seed):
    agree(CPM, some(CPM, Random(seed)))


def decoded(**fields):
    one = {
        "objectId": 7,
        "measurementDeltaTime": -70,
        "position": {
            "xCoordinate": {"value": 3000, "confidence": 40},
            "yCoordinate": {"value": -4000, "confidence": 60},
        },
    } | fields
    nowhere = {"altitudeValue": 800001, "altitudeConfidence": "unavailable"}
    ellipse = {"semiMajorConfidence": 1, "semiMinorConfidence": 1, "semiMajorOrientation": 0}
    position = {"latitude": 481000000, "longitude": 115000000, "positionConfidenceEllipse": ellipse}
    data = {"numberOfPerceivedObjects": 1, "perceivedObjects": [one]}
    payload = {
        "managementContainer": {"referenceTime": 0, "referencePosition": position | {"altitude": nowhere}},
        "cpmContainers": [{"containerId": 5, "containerData": data}],
    }
    return {"header": {"protocolVersion": 2, "messageId": 14, "stationId": 9}, "payload": payload}


def seen(**fields):
    (one,) = cpm_message.perceived(decoded(**fields), 1000 * MS).objects
    return one


def test_an_object_lies_east_and_north_of_the_sender():
    one = seen()
    assert PLANE.point(one.latitude_deg, one.longitude_deg) == pytest.approx((30.0, -40.0), abs=1e-6)
    assert (one.id, one.measured_ns, one.accuracy_m) == ("7", 930 * MS, 0.6)
    assert (one.kind, one.speed_mps, one.heading_deg, one.length_m) == ("unknown", None, None, None)


def cartesian(x, y):
    return (
        "cartesianVelocity",
        {n: {"value": v, "confidence": 127} for n, v in (("xVelocity", x), ("yVelocity", y))},
    )


def angle(value):
    return {"value": value, "confidence": 127}


def test_who_goes_east_heads_to_90_degrees():
    one = seen(velocity=cartesian(1200, 0))
    assert (one.speed_mps, one.heading_deg) == (12.0, 90.0)
    one = seen(velocity=cartesian(-300, -300))
    assert one.heading_deg == 225.0
    polar = {
        "velocityMagnitude": {"speedValue": 500, "speedConfidence": 127},
        "velocityDirection": angle(900),
    }
    one = seen(velocity=("polarVelocity", polar))
    assert (one.speed_mps, one.heading_deg) == (5.0, 0.0)


def test_who_goes_against_his_front_goes_backwards():
    one = seen(velocity=cartesian(0, -200), angles={"zAngle": angle(900)})
    assert (one.speed_mps, one.heading_deg) == (-2.0, 0.0)


def test_who_hardly_moves_has_no_heading_of_his_motion():
    assert seen(velocity=cartesian(20, 10)).heading_deg is None


def test_acceleration_is_along_the_heading():
    vector = {n: {"value": v, "confidence": 102} for n, v in (("xAcceleration", -30), ("yAcceleration", 99))}
    one = seen(acceleration=("cartesianAcceleration", vector), angles={"zAngle": angle(0)})
    assert (one.heading_deg, one.acceleration_mps2) == (90.0, pytest.approx(-3.0))
    polar = {
        "accelerationMagnitude": {"accelerationMagnitudeValue": 20, "accelerationConfidence": 102},
        "accelerationDirection": angle(1800),
    }
    one = seen(acceleration=("polarAcceleration", polar), angles={"zAngle": angle(0)})
    assert one.acceleration_mps2 == pytest.approx(-2.0)


def test_turning_size_and_confidence():
    one = seen(
        zAngularVelocity={"value": 30, "confidence": "unavailable"},
        objectDimensionX={"value": 46, "confidence": 32},
        objectDimensionY={"value": 255, "confidence": 32},
        objectPerceptionQuality=12,
    )
    assert one.yaw_rate_radps == pytest.approx(math.radians(30))
    assert (one.length_m, one.width_m, one.confidence_ratio) == (4.6, None, 0.8)


@pytest.mark.parametrize(
    ("chosen", "kind"),
    [
        (("vehicleSubClass", 5), "car"),
        (("vehicleSubClass", 7), "truck"),
        (("vehicleSubClass", 11), "unknown"),
        (("vruSubClass", ("pedestrian", 2)), "person"),
        (("vruSubClass", ("animal", 1)), "unknown"),
        (("otherSubClass", 0), "unknown"),
        (("groupSubClass", {"clusterCardinalitySize": 3}), "unknown"),
        ((4, b"\0"), "unknown"),
    ],
)
def test_the_class_that_the_sender_is_surest_of(chosen, kind):
    less = {"objectClass": ("vehicleSubClass", 6), "confidence": 20}
    unsaid = {"objectClass": ("vehicleSubClass", 8), "confidence": 101}
    assert seen(classification=[unsaid, less, {"objectClass": chosen, "confidence": 60}]).kind == kind


def test_what_is_out_of_range_or_without_a_place_is_left_out():
    value = decoded(
        position={
            "xCoordinate": {"value": 131071, "confidence": 1},
            "yCoordinate": {"value": 0, "confidence": 1},
        }
    )
    assert cpm_message.perceived(value, 0).objects == ()
    value["payload"]["managementContainer"]["referencePosition"]["latitude"] = 900000001
    assert cpm_message.perceived(value, 0) is None


# ---------------------------------------------------------------- out and back

OBJECTS = st.builds(
    RemoteObject,
    kind=st.sampled_from(["car", "truck", "bus", "motorcycle", "bicycle", "person", "unknown"]),
    latitude_deg=st.floats(48.09, 48.11),
    longitude_deg=st.floats(11.485, 11.515),
    id=st.integers(0, 65535).map(str),
    measured_ns=st.integers(-2000, 2000).map(lambda ms: NOW.t_ns + ms * MS),
    speed_mps=st.none() | st.floats(-20, 160),
    heading_deg=st.none() | st.floats(0, 360),
    acceleration_mps2=st.none() | st.floats(-15.9, 15.9),
    yaw_rate_radps=st.none() | st.floats(-4.4, 4.4),
    length_m=st.none() | st.floats(0.1, 25),
    width_m=st.none() | st.floats(0.1, 25),
    accuracy_m=st.none() | st.floats(0.02, 40),
    confidence_ratio=st.none() | st.floats(0, 1),
)


def close(got, sent, tolerance):
    assert (got is None) == (sent is None)
    assert got is None or abs(got - sent) <= tolerance + 1e-9


@settings(max_examples=150, deadline=None)
@given(st.lists(OBJECTS, max_size=5))
def test_what_we_see_there_and_back_within_the_steps(objects):
    wire = etsi.cpm(PerceivedObjects(objects=tuple(objects)), OWN, 42, NOW)
    heard = etsi.hear(wire, NOW)
    assert (heard.message, heard.sender, heard.measured_ns) == ("CPM", "42", NOW.t_ns)
    assert len(heard.content.objects) == len(objects)
    for got, sent in zip(heard.content.objects, objects, strict=True):
        here = PLANE.point(sent.latitude_deg, sent.longitude_deg)
        assert math.dist(PLANE.point(got.latitude_deg, got.longitude_deg), here) <= 0.0075
        assert (got.id, got.kind, got.measured_ns) == (sent.id, sent.kind, sent.measured_ns)
        if sent.heading_deg is not None:
            off = abs(got.heading_deg - sent.heading_deg)
            assert min(off, 360 - off) <= 0.0501
            close(got.acceleration_mps2, sent.acceleration_mps2, 0.09)
            if sent.speed_mps is not None and abs(sent.speed_mps) > 0.02:
                close(got.speed_mps, sent.speed_mps, 0.0075)
        close(got.yaw_rate_radps, sent.yaw_rate_radps, math.radians(0.5))
        close(got.length_m, sent.length_m, 0.05)
        close(got.width_m, sent.width_m, 0.05)
        close(got.accuracy_m, sent.accuracy_m, 0.005)
        close(got.confidence_ratio, sent.confidence_ratio, 0.034)


def test_sensors_segments_and_the_own_place():
    sensors = [Sensor(1, "monovideo", range_m=80.0, from_deg=-30.0, to_deg=30.0, confidence_ratio=0.9)]
    own = RemoteObject(
        kind="car", latitude_deg=48.1, longitude_deg=11.5, heading_deg=87.3, measured_ns=NOW.t_ns - 40 * MS
    )
    tree = etsi.hear(
        etsi.cpm(PerceivedObjects(objects=()), own, 1, NOW, sensors=sensors, segment=(2, 3)), NOW
    ).tree
    management = tree["payload"]["managementContainer"]
    # 2023-11-14T22:13:20.083Z in ms of TAI since 2004
    assert management["referenceTime"] == 1_700_000_000_083 - 1_072_915_200_000 + 5_000
    assert management["segmentationInfo"] == {"totalMsgNo": 3, "thisMsgNo": 2}
    vehicle, seeing = tree["payload"]["cpmContainers"]
    assert vehicle["containerData"]["orientationAngle"]["value"] == 873
    (sensor,) = seeing["containerData"]
    assert (sensor["sensorType"], sensor["perceptionRegionConfidence"]) == (3, 90)
    (shape,) = sensor["perceptionRegionShape"]["radialShapes"]["radialShapesList"]
    assert (shape["range"], shape["horizontalOpeningAngleStart"]) == (800, 3300)


def test_a_roadside_unit_says_that_it_is_one():
    tree = etsi.hear(etsi.cpm(PerceivedObjects(objects=()), OWN, 1, NOW, station="roadside"), NOW).tree
    assert [one["containerId"] for one in tree["payload"]["cpmContainers"]] == [2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "x"},
        {"id": "65536"},
        {"latitude_deg": 48.2},
        {"latitude_deg": math.nan},
        {"measured_ns": NOW.t_ns - 3000 * MS},
    ],
)
def test_what_a_cpm_cannot_say_is_refused(wrong):
    one = RemoteObject(**{"kind": "car", "latitude_deg": 48.1, "longitude_deg": 11.5, "id": "1"} | wrong)
    with pytest.raises(CodecError) as refused:
        etsi.cpm(PerceivedObjects(objects=(one,)), OWN, 1, NOW)
    assert refused.value.reason == "unencodable"


def test_the_older_cpm_is_told_by_name():
    with pytest.raises(CodecError, match="TR 103 562") as refused:
        etsi.hear(b"\x01\x0e" + bytes(30), NOW)
    assert refused.value.reason == "unsupported"


@cache
def good():
    codec = cpm_message.codec()
    return [codec.encode(some(CPM, Random(seed))) for seed in range(200)]


@pytest.mark.fuzz
@given(st.integers(0, 2**32), st.integers(0, 5))
def test_damaged_messages_give_a_message_or_a_codec_error(seed, wounds):
    chance = Random(seed)
    data = bytearray(b"\x02\x0e" + chance.choice(good())[2:])
    for _ in range(wounds):
        at = chance.randrange(2, len(data))
        data[at] = chance.choice([0, 255, data[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
    cut = chance.choice([len(data), len(data), chance.randrange(len(data))])
    with suppress(CodecError):
        assert etsi.hear(bytes(data[:cut]), NOW).tree
