"""DENM to events and back: worked out by hand from the standard's units; judged by asn1tools and tshark."""

import math
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_judge import asn1tools_of
from v2x_tshark import NEEDS_TSHARK, dissect

from edge.messages import RemoteObject, RoadEvent, RoadEventKind
from edge.v2x import etsi
from edge.v2x.etsi.denm_causes import cause_of, kind_of_cause
from edge.v2x.etsi.denm_schema import DENM, DENM_1
from edge.v2x.moments import Now
from edge.v2x.uper import CodecError

S = 1_000_000_000
NOW = Now(5_000 * S, 1_700_000_000_123_000_000)
ITS_MS = 1_700_000_000_123 - 1_072_915_200_000 + 5000
US = RemoteObject(kind="car", latitude_deg=48.1, longitude_deg=11.5)
BRAKING = RoadEvent(
    id="1.1", kind="hard_braking", latitude_deg=48.1, longitude_deg=11.5, radius_m=400.0, heading_deg=90.0,
    speed_mps=12.5, confidence_ratio=6 / 7, path=((48.1, 11.499), (48.1001, 11.4985)),
)  # fmt: skip
TOLD_BY_IVIM = {"speed_limit", "sign", "other"}


def told(event=BRAKING, **changes):
    arguments = {
        "action": (77, 3),
        "detected_ns": NOW.t_ns - 2 * S,
        "referenced_ns": NOW.t_ns - S,
        "now": NOW,
    }
    return etsi.denm(event, US, 77, **(arguments | changes))


def heard(wire):
    (event,) = etsi.hear(wire, NOW).content.events
    return event


@pytest.mark.parametrize("protocol", [1, 2])
def test_the_fields_of_a_hard_braking(protocol):
    wire = told(validity_s=5, interval_ms=100, protocol=protocol)
    read = asn1tools_of(DENM_1 if protocol == 1 else DENM).decode("M", wire)
    assert read["header"] == {"protocolVersion": protocol, "messageID": 1, "stationID": 77}
    management = read["denm"]["management"]
    assert management["actionID"] == {"originatingStationID": 77, "sequenceNumber": 3}
    assert management["detectionTime"] == ITS_MS - 2000
    assert management["referenceTime"] == ITS_MS - 1000
    assert "termination" not in management
    assert management["relevanceDistance"] == "lessThan500m"
    assert management["relevanceTrafficDirection"] == "upstreamTraffic"
    assert management["validityDuration"] == 5
    assert management["transmissionInterval"] == 100
    assert management["stationType"] == 5
    situation = read["denm"]["situation"]
    assert situation["informationQuality"] == 6
    assert situation["eventType"] == {"causeCode": 99, "subCauseCode": 1}
    location = read["denm"]["location"]
    assert location["eventSpeed"]["speedValue"] == 1250
    assert location["eventPositionHeading"]["headingValue"] == 900
    steps = [step["pathPosition"] for step in location["traces"][0]]
    assert [(s["deltaLatitude"], s["deltaLongitude"]) for s in steps] == [(0, -10000), (1000, -5000)]


@pytest.mark.parametrize(("protocol", "release"), [(1, 1), (2, 1), (2, 2)])
def test_a_hard_braking_there_and_back(protocol, release):
    wire = told(validity_s=5, protocol=protocol, release=release)
    message = etsi.hear(wire, NOW)
    assert (message.standard, message.message, message.sender) == ("etsi", "DENM", "77")
    assert message.version == {(1, 1): "EN 302 637-3 V1.2", (2, 1): "EN 302 637-3 V1.3"}.get(
        (protocol, release), "TS 103 831 V2"
    )
    assert message.counter == ITS_MS - 1000
    assert message.measured_ns == NOW.t_ns - S
    (event,) = message.content.events
    assert event == msgspec.structs.replace(
        BRAKING, id="77.3", code=99 * 256 + 1, radius_m=500.0, measured_ns=NOW.t_ns - S,
        from_ns=NOW.t_ns - 2 * S, until_ns=NOW.t_ns + 3 * S,
    )  # fmt: skip
    assert etsi.peek(wire, NOW) is None


@pytest.mark.parametrize("termination", ["cancellation", "negation"])
def test_an_end_says_which_event_and_where(termination):
    wire = told(termination=termination)
    denm = asn1tools_of(DENM).decode("M", wire)["denm"]
    assert set(denm) == {"management"}
    assert denm["management"]["termination"] == f"is{termination.capitalize()}"
    event = heard(wire)
    assert (event.id, event.over, event.kind) == ("77.3", True, "other")


def test_an_event_that_holds_is_no_cancellation():
    """And its validity is what was asked for, the usual 600 s where nothing was."""
    event = heard(told())
    assert not event.over
    assert event.until_ns == event.from_ns + 600 * S
    assert heard(told(validity_s=0)).until_ns == event.from_ns


@pytest.mark.parametrize(
    ("cause", "sub_cause", "kind"),
    [(1, 0, "traffic_jam"), (2, 0, "accident"), (3, 4, "road_works"), (6, 0, "slippery_road"),
     (9, 1, "dangerous_spot"), (10, 3, "obstacle"), (11, 2, "animal_on_road"), (12, 1, "person_on_road"),
     (14, 1, "wrong_way_driver"), (15, 0, "rescue_works"), (17, 2, "bad_weather"), (18, 1, "low_visibility"),
     (19, 1, "bad_weather"), (26, 0, "slow_vehicle"), (27, 0, "traffic_jam"), (91, 5, "broken_down_vehicle"),
     (92, 0, "accident"), (93, 1, "stationary_vehicle"), (94, 0, "stationary_vehicle"),
     (94, 2, "broken_down_vehicle"), (94, 3, "accident"), (95, 1, "emergency_vehicle"),
     (96, 1, "dangerous_curve"), (97, 2, "collision_risk"), (98, 1, "signal_violation"),
     (99, 0, "dangerous_spot"), (99, 1, "hard_braking"), (99, 3, "loss_of_control"),
     (99, 7, "collision_risk"), (20, 0, "other"), (200, 1, "other"), (0, 0, "other")],
)  # fmt: skip
def test_causes(cause, sub_cause, kind):
    assert kind_of_cause(cause, sub_cause) == kind


@pytest.mark.parametrize("kind", get_args(RoadEventKind))
def test_every_kind_goes_there_and_back(kind):
    event = msgspec.structs.replace(BRAKING, kind=kind)
    if kind in TOLD_BY_IVIM:
        with pytest.raises(CodecError, match=kind) as caught:
            told(event)
        assert caught.value.reason == "unencodable"
    else:
        assert heard(told(event)).kind == kind


def test_a_finer_cause_is_kept_and_one_of_another_standard_is_not():
    assert cause_of("obstacle", 10 * 256 + 3) == (10, 3)
    assert cause_of("obstacle", 406) == (10, 0)  # GB/T 29100
    assert cause_of("other", 20 * 256) == (20, 0)
    assert cause_of("other", None) is None


@pytest.mark.parametrize(
    ("radius_m", "metres"),
    [(None, None), (1.0, 50.0), (50.0, 50.0), (51.0, 100.0), (1000.0, 1000.0), (1001.0, 5000.0),
     (9999.0, 10000.0), (20000.0, 10000.0)],
)  # fmt: skip
def test_distances_are_steps(radius_m, metres):
    assert heard(told(msgspec.structs.replace(BRAKING, radius_m=radius_m))).radius_m == metres


@pytest.mark.parametrize(
    ("direction", "heading_deg"),
    [("allTrafficDirections", None), ("upstreamTraffic", 90.0), ("downstreamTraffic", 90.0),
     ("oppositeTraffic", 270.0), (None, None)],
)  # fmt: skip
def test_whom_it_concerns(direction, heading_deg):
    judge = asn1tools_of(DENM)
    value = judge.decode("M", told())
    del value["denm"]["management"]["relevanceTrafficDirection"]
    if direction:
        value["denm"]["management"]["relevanceTrafficDirection"] = direction
    assert heard(judge.encode("M", value)).heading_deg == heading_deg


def test_a_place_that_is_not_known_is_no_event():
    judge = asn1tools_of(DENM)
    value = judge.decode("M", told())
    value["denm"]["management"]["eventPosition"]["latitude"] = 900000001
    assert etsi.hear(judge.encode("M", value), NOW).content is None


@pytest.mark.parametrize("longitude_deg", [181.0, math.nan, -math.inf])
def test_an_impossible_place_is_not_sent(longitude_deg):
    with pytest.raises(CodecError, match="degrees") as caught:
        told(msgspec.structs.replace(BRAKING, longitude_deg=longitude_deg))
    assert caught.value.reason == "unencodable"


PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
EVENTS = st.builds(
    RoadEvent,
    id=st.just("x"),
    kind=st.sampled_from([kind for kind in get_args(RoadEventKind) if kind not in TOLD_BY_IVIM]),
    latitude_deg=st.floats(-90, 90),
    longitude_deg=st.floats(-180, 180),
    code=st.none() | st.integers(-1, 70000),
    radius_m=st.none() | st.floats(0, 30000),
    heading_deg=st.none() | st.floats(-360, 720),
    speed_mps=st.none() | st.floats(0, 200),
    speed_limit_mps=st.none() | st.floats(0, 100),
    confidence_ratio=st.none() | st.floats(0, 1),
    path=st.lists(PLACES, max_size=50).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(
    EVENTS, st.integers(-10, 100_000), st.none() | st.integers(0, 20_000), st.sampled_from([(1, 1), (2, 2)])
)
def test_any_event_there_and_back(sent, validity_s, interval_ms, edition):
    protocol, release = edition
    got = heard(
        told(sent, validity_s=validity_s, interval_ms=interval_ms, protocol=protocol, release=release)
    )
    assert got.kind == sent.kind
    assert abs(got.latitude_deg - sent.latitude_deg) <= 0.51e-7
    assert abs(got.longitude_deg - sent.longitude_deg) <= 0.51e-7
    assert got.until_ns - got.from_ns == min(max(validity_s, 0), 86400) * S
    assert len(got.path) <= min(len(sent.path), 40)
    for here, there in zip(got.path, sent.path, strict=False):
        assert math.dist(here, there) < 1e-7
    if sent.heading_deg is None:
        assert got.heading_deg is None
    else:
        off = abs(got.heading_deg - sent.heading_deg % 360)
        assert min(off, 360 - off) <= 0.0501


@NEEDS_TSHARK
def test_tshark_dissects_what_we_make(tmp_path):
    events = [
        msgspec.structs.replace(BRAKING, kind=kind)
        for kind in get_args(RoadEventKind)
        if kind not in TOLD_BY_IVIM
    ]
    bare = RoadEvent(id="1.2", kind="obstacle", latitude_deg=48.1, longitude_deg=11.5)
    works = msgspec.structs.replace(BRAKING, kind="road_works", speed_limit_mps=22.2)
    sent = [told(event, protocol=protocol) for event in (*events, bare, works) for protocol in (1, 2)]
    sent += [told(termination=end, protocol=p) for end in ("cancellation", "negation") for p in (1, 2)]
    fields = [f"{its}.{name}" for name in ("latitude", "sequenceNumber") for its in ("its", "itsv1")]
    for line in dissect(tmp_path, sent, 2002, "its.stationID", *fields):
        assert line[:4] == ("eth:ethertype:gnw:btpb:its", "", "", "77")
        assert (line[4] or line[5], line[6] or line[7]) == ("481000000", "3")
