"""VAM: its codec as asn1tools, its mapping there and back, damaged messages.

The compiled module of pycrate is of V2.1, another message; the table was cross-checked once with asn1tools on
the modules of TS 103 300-3 V2.3.1 and TS 102 894-2 V2.4.1.
"""

from contextlib import suppress
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_judge import MANY, agree, some

from edge.messages import RemoteObject
from edge.v2x import etsi
from edge.v2x.etsi import vam_message
from edge.v2x.etsi.vam_schema import VAM
from edge.v2x.moments import Now
from edge.v2x.sets import Glimpse
from edge.v2x.uper import CodecError

MS = 1_000_000
NOW = Now(5_000_000 * MS, 1_700_000_000_123_000_000)


@MANY
@given(st.integers(0, (1 << 32) - 1))
def test_the_codec_as_asn1tools(seed):
    agree(VAM, some(VAM, Random(seed)))


OBJECTS = st.builds(
    RemoteObject,
    kind=st.sampled_from(["car", "truck", "bus", "motorcycle", "bicycle", "person", "unknown"]),
    latitude_deg=st.floats(-90, 90),
    longitude_deg=st.floats(-180, 180),
    measured_ns=st.integers(-5000, 0).map(lambda ms: NOW.t_ns + ms * MS),
    altitude_m=st.none() | st.floats(-900, 7000),
    speed_mps=st.none() | st.floats(-10, 160),
    heading_deg=st.none() | st.floats(0, 360),
    acceleration_mps2=st.none() | st.floats(-15.9, 15.9),
    yaw_rate_radps=st.none() | st.floats(-5, 5),
    accuracy_m=st.none() | st.floats(0.02, 40),
)


def close(got, sent, tolerance):
    assert (got is None) == (sent is None)
    assert got is None or abs(got - sent) <= tolerance + 1e-9


@settings(max_examples=150, deadline=None)
@given(OBJECTS)
def test_a_road_user_there_and_back_within_the_steps(sent):
    heard = etsi.hear(etsi.vam(sent, 42, NOW), NOW)
    got = heard.content
    assert (heard.message, heard.sender, got.kind) == ("VAM", "42", sent.kind)
    assert heard.measured_ns == got.measured_ns == sent.measured_ns
    close(got.latitude_deg, sent.latitude_deg, 0.5e-7)
    close(got.longitude_deg, sent.longitude_deg, 0.5e-7)
    close(got.altitude_m, sent.altitude_m, 0.005)
    if sent.heading_deg is None:
        close(got.speed_mps, sent.speed_mps and abs(sent.speed_mps), 0.005)
    else:
        off = abs(got.heading_deg - sent.heading_deg)
        assert min(off, 360 - off) <= 0.0501
        close(got.speed_mps, sent.speed_mps, 0.005)
    close(got.acceleration_mps2, sent.acceleration_mps2, 0.05)
    close(got.yaw_rate_radps, sent.yaw_rate_radps, 0.0001)
    close(got.accuracy_m, sent.accuracy_m, 0.005)


def test_a_glance():
    sent = RemoteObject(kind="person", latitude_deg=1.5, longitude_deg=-2.5, speed_mps=1.2, heading_deg=30.0)
    assert vam_message.peek(etsi.vam(sent, 42, NOW)) == Glimpse("42", 1.5, -2.5, 1.2, 30.0, False)
    unsure = RemoteObject(kind="person", latitude_deg=1.5, longitude_deg=-2.5)
    assert vam_message.peek(etsi.vam(unsure, 42, NOW)) == Glimpse("42", 1.5, -2.5, None, None, False)


def test_the_profile_says_who_it_is_where_the_station_type_does_not():
    value = vam_message.codec().decode(
        etsi.vam(RemoteObject(kind="bicycle", latitude_deg=1.0, longitude_deg=2.0), 1, NOW)
    )
    parameters = value["vam"]["vamParameters"]
    assert parameters["vruLowFrequencyContainer"]["profileAndSubprofile"][0] == "bicyclistAndLightVruVehicle"
    parameters["basicContainer"]["stationType"] = 0
    assert vam_message.remote_object(value).kind == "bicycle"
    parameters["basicContainer"]["referencePosition"]["longitude"] = 1800000001
    assert vam_message.remote_object(value) is None


def test_a_cluster_is_read():
    value = vam_message.codec().decode(
        etsi.vam(RemoteObject(kind="person", latitude_deg=1.0, longitude_deg=2.0), 1, NOW)
    )
    shape = ("circular", {"radius": 30})
    cluster = {"clusterId": 4, "clusterBoundingBoxShape": shape, "clusterCardinalitySize": 5,
               "clusterProfiles": 0b1000}  # fmt: skip
    parameters = value["vam"]["vamParameters"]
    parameters["vruClusterInformationContainer"] = {"vruClusterInformation": cluster}
    parameters["vruClusterOperationContainer"] = {"clusterJoinInfo": {"clusterId": 4, "joinTime": 8}}
    tree = etsi.hear(vam_message.codec().encode(value), NOW).tree["vam"]["vamParameters"]
    said = tree["vruClusterInformationContainer"]["vruClusterInformation"]
    assert (said["clusterId"], said["clusterProfiles"]) == (4, ["pedestrian"])


def test_the_older_vam_is_told_by_name():
    with pytest.raises(CodecError, match=r"V2\.1") as refused:
        etsi.hear(b"\x02\x10" + bytes(30), NOW)
    assert refused.value.reason == "unsupported"


def test_a_position_that_is_none_is_refused():
    with pytest.raises(CodecError) as refused:
        etsi.vam(RemoteObject(kind="person", latitude_deg=91.0, longitude_deg=2.0), 1, NOW)
    assert refused.value.reason == "unencodable"


@cache
def good():
    codec = vam_message.codec()
    return [codec.encode(some(VAM, Random(seed))) for seed in range(200)]


@pytest.mark.fuzz
@given(st.integers(0, 2**32), st.integers(0, 5))
def test_damaged_messages_give_a_message_or_a_codec_error(seed, wounds):
    chance = Random(seed)
    data = bytearray(b"\x03\x10" + chance.choice(good())[2:])
    for _ in range(wounds):
        at = chance.randrange(2, len(data))
        data[at] = chance.choice([0, 255, data[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
    cut = chance.choice([len(data), len(data), chance.randrange(len(data))])
    with suppress(CodecError):
        assert etsi.hear(bytes(data[:cut]), NOW).tree
