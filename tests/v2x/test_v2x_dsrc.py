"""MapData and SPAT: official modules and asn1tools judge the tables, hand-worked values the mapping."""

import math
from random import Random

import pytest
import v2x_judge
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_judge import MANY, agree, agree_official, some

from edge.messages import (
    Connection,
    Intersection,
    Intersections,
    MapLane,
    SignalPhase,
    SignalState,
    SignalStates,
)
from edge.v2x.dsrc import mapdata, signals
from edge.v2x.dsrc.map_schema import MAP_DATA
from edge.v2x.dsrc.spat_schema import SPAT
from edge.v2x.moments import Now
from edge.v2x.plane import Plane
from edge.v2x.uper import CodecError

S = 1_000_000_000
NOW = Now(5_000 * S, 1_700_000_000_123_000_000)  # 2023-11-14T22:13:20.123Z


@pytest.fixture
def printable(monkeypatch):
    """pycrate refuses control characters in an IA5String."""
    ia5 = "".join(map(chr, range(32, 127)))
    monkeypatch.setattr(v2x_judge, "ALPHABETS", {**v2x_judge.ALPHABETS, "ia5": ia5})


def beyond_europe(value):
    """Octets under region 3 are random ones: the official module would read them as it knows them."""
    if isinstance(value, dict):
        if value.get("regionId") == 3 and isinstance(value["regExtValue"], bytes):
            return value | {"regionId": 4}
        return {name: beyond_europe(item) for name, item in value.items()}
    if isinstance(value, list):
        return [beyond_europe(item) for item in value]
    return (value[0], beyond_europe(value[1])) if isinstance(value, tuple) else value


@MANY
@given(st.integers(0, (1 << 32) - 1), st.sampled_from([MAP_DATA, SPAT]))
def test_the_codec_as_asn1tools(seed, kind):
    agree(kind, some(kind, Random(seed)))


@pytest.mark.parametrize("name", ["MapData", "SPAT"])
def test_the_tables_as_the_official_module(name, printable):
    modules = pytest.importorskip("pycrate_asn1dir.ITS_IS")
    kind = {"MapData": MAP_DATA, "SPAT": SPAT}[name]
    for seed in range(60):
        agree_official(kind, beyond_europe(some(kind, Random(seed))), getattr(modules.DSRC, name))


# ---------------------------------------------------------------- MapData by hand


def node(form, x, y, **attributes):
    keys = ("lon", "lat") if form == "node-LatLon" else ("x", "y")
    delta = (form, dict(zip(keys, (x, y), strict=True)))
    return {"delta": delta} | ({"attributes": attributes} if attributes else {})


def lane(number, listed, **more):
    attributes = {"directionalUse": 0b10, "sharedWith": 0, "laneType": ("vehicle", 0)}
    return {"laneID": number, "laneAttributes": attributes, "nodeList": listed, **more}


def heard(*lanes, **more):
    one = {"id": {"region": 276, "id": 12}, "revision": 0, "refPoint": {"lat": 480000000, "long": 110000000}}
    (seen,) = mapdata.intersections({"intersections": [one | {"laneSet": list(lanes)} | more]}).intersections
    return seen


def metres(seen, number=0):
    plane = Plane(seen.latitude_deg, seen.longitude_deg)
    return [plane.point(*point) for point in seen.lanes[number].points]


def test_a_plane_measures_degrees_as_the_ellipsoid_does():
    # the usual series for the length of a degree on WGS 84, good to a centimetre
    for latitude in (0.0, 31.2, 48.0, -60.0):
        phi = math.radians(latitude)
        north_m = 111132.954 - 559.822 * math.cos(2 * phi) + 1.175 * math.cos(4 * phi)
        east_m = 111412.84 * math.cos(phi) - 93.5 * math.cos(3 * phi) + 0.118 * math.cos(5 * phi)
        east, north = Plane(latitude, 11.0).point(latitude + 0.01, 11.01)
        assert (east, north) == pytest.approx((east_m / 100, north_m / 100), rel=1e-5)
    assert Plane(0.0, 179.9999).point(0.0, -179.9999)[0] == pytest.approx(22.26, abs=0.01)
    assert Plane(0.0, 179.9999).place(22.26, 0.0)[1] == pytest.approx(-179.9999, abs=1e-6)


def test_nodes_of_every_width_follow_one_another():
    widths = (510, 1000, 2000, 4000, 8000, 32000)
    nodes = [node(f"node-XY{i}", width, -width) for i, width in enumerate(widths, 1)]
    nodes.append(node("node-LatLon", 110010000, 480010000))
    nodes.append(node("node-XY1", 100, 0))
    points = metres(heard(lane(1, ("nodes", nodes))))
    sums = [sum(widths[: i + 1]) / 100 for i in range(6)]
    assert points[:6] == [pytest.approx((total, -total), abs=1e-6) for total in sums]
    assert points[6] == pytest.approx(Plane(48.0, 11.0).point(48.001, 11.001), abs=1e-6)
    assert points[7][0] - points[6][0] == pytest.approx(1.0, abs=1e-6)


def test_a_computed_lane_is_moved_scaled_and_turned():
    first = lane(1, ("nodes", [node("node-XY1", 100, 200), node("node-XY3", 0, 1000)]))
    moved = {"referenceLaneId": 1, "offsetXaxis": ("small", 350), "offsetYaxis": ("large", -100)}
    seen = heard(first, lane(2, ("computed", moved)))
    assert metres(seen, 1) == [pytest.approx((4.5, 1.0), abs=1e-6), pytest.approx((4.5, 11.0), abs=1e-6)]
    longer = moved | {"rotateXY": 7200, "scaleYaxis": 2000}  # 90 degrees to the right, twice as long
    seen = heard(first, lane(2, ("computed", longer)))
    assert metres(seen, 1)[1] == pytest.approx((24.5, 1.0), abs=1e-6)


def test_a_lane_computed_in_a_circle_or_from_none_has_no_points():
    circle = {"referenceLaneId": 2, "offsetXaxis": ("small", 1), "offsetYaxis": ("small", 1)}
    seen = heard(lane(1, ("computed", circle)), lane(2, ("computed", circle | {"referenceLaneId": 1})))
    assert [one.points for one in seen.lanes] == [(), ()]
    assert heard(lane(1, ("computed", circle))).lanes[0].points == ()


def test_width_and_limit_are_those_of_the_lane_else_of_the_intersection():
    limit = [{"type": "truckMaxSpeed", "speed": 700}, {"type": "vehicleMaxSpeed", "speed": 694}]
    plain = ("nodes", [node("node-XY1", 0, 0), node("node-XY1", 0, 100)])
    own = [("speedLimits", [{"type": "vehicleMaxSpeed", "speed": 417}])]
    wide = ("nodes", [node("node-XY1", 0, 0, dWidth=-25, data=own), node("node-XY1", 0, 100)])
    seen = heard(lane(1, plain), lane(2, wide), laneWidth=350, speedLimits=limit)
    assert [one.width_m for one in seen.lanes] == [3.5, 3.25]
    assert [one.speed_limit_mps for one in seen.lanes] == [13.88, 8.34]
    assert heard(lane(1, plain)).lanes[0] == MapLane(id=1, points=heard(lane(1, plain)).lanes[0].points)


def test_connections_manoeuvres_and_groups():
    onward = [
        {"connectingLane": {"lane": 7, "maneuver": 0b1100 << 8}, "signalGroup": 4},
        {"connectingLane": {"lane": 0}, "signalGroup": 0},
    ]
    plain = ("nodes", [node("node-XY1", 0, 0), node("node-XY1", 0, 100)])
    seen = heard(lane(1, plain, connectsTo=onward), lane(2, plain, maneuvers=0b0011 << 8))
    assert seen.id == "276.12"
    assert seen.lanes[0].connections == (
        Connection(manoeuvre="straight", group=4, to_lane=7),
        Connection(manoeuvre="left", group=4, to_lane=7),
        Connection(),
    )
    assert seen.lanes[1].connections == (Connection(manoeuvre="right"), Connection(manoeuvre="u_turn"))


def test_lanes_that_are_not_for_vehicles_are_left_out():
    plain = ("nodes", [node("node-XY1", 0, 0), node("node-XY1", 0, 100)])
    walk = lane(3, plain) | {
        "laneAttributes": {"directionalUse": 0b11, "sharedWith": 0, "laneType": ("crosswalk", 0)}
    }
    away = lane(2, plain) | {
        "laneAttributes": {"directionalUse": 0b01, "sharedWith": 0, "laneType": ("vehicle", 0)}
    }
    assert [(one.id, one.approach) for one in heard(walk, away, lane(1, plain)).lanes] == [
        (2, False),
        (1, True),
    ]


def test_without_an_intersection_that_has_a_place_there_is_no_content():
    assert mapdata.intersections({"msgIssueRevision": 1}) is None
    one = {"id": {"id": 1}, "refPoint": {"lat": 900000001, "long": 0}, "laneSet": []}
    assert mapdata.intersections({"intersections": [one]}) is None


POINTS = st.lists(st.tuples(st.floats(-4000, 4000), st.floats(-4000, 4000)), min_size=2, max_size=10)
LANES = st.builds(
    MapLane,
    id=st.integers(0, 255),
    points=POINTS,
    approach=st.booleans(),
    width_m=st.floats(1, 6),
    speed_limit_mps=st.none() | st.floats(1, 60),
    connections=st.lists(
        st.builds(
            Connection,
            manoeuvre=st.none() | st.sampled_from(["straight", "left", "right", "u_turn"]),
            group=st.integers(1, 254),
            to_lane=st.none() | st.integers(1, 255),
        ),
        max_size=4,
    ).map(tuple),
)


@settings(max_examples=100, deadline=None)
@given(
    st.floats(-89, 89),
    st.floats(-180, 180),
    st.lists(LANES, min_size=1, max_size=4, unique_by=lambda one: one.id),
    st.integers(0, 65535),
)
def test_intersections_there_and_back_within_a_centimetre(latitude, longitude, lanes, number):
    plane = Plane(round(latitude, 7), round(longitude, 7))
    placed = [
        MapLane(**{f: getattr(one, f) for f in one.__struct_fields__} | {
            "points": tuple(plane.place(*point) for point in one.points)})
        for one in lanes
    ]  # fmt: skip
    sent = Intersection(
        id=f"276.{number}",
        latitude_deg=latitude,
        longitude_deg=longitude,
        name="corner",
        lanes=tuple(placed),
    )
    message = mapdata.map_data(Intersections(intersections=(sent,)), NOW)
    codec = v2x_judge.codec_of(MAP_DATA)
    (got,) = mapdata.intersections(codec.decode(codec.encode(message))).intersections
    assert (got.id, got.name, len(got.lanes)) == (sent.id, "corner", len(placed))
    for theirs, ours in zip(got.lanes, placed, strict=True):
        assert (theirs.id, theirs.approach, theirs.connections) == (ours.id, ours.approach, ours.connections)
        assert theirs.width_m == pytest.approx(ours.width_m, abs=0.0051)
        if ours.speed_limit_mps is None:
            assert theirs.speed_limit_mps is None
        else:
            assert theirs.speed_limit_mps == pytest.approx(ours.speed_limit_mps, abs=0.0101)
        for a, b in zip(theirs.points, ours.points, strict=True):
            assert math.dist(plane.point(*a), plane.point(*b)) < 0.025


@pytest.mark.parametrize(
    "wrong",
    [
        Intersection(id="12", latitude_deg=48.0, longitude_deg=11.0, lanes=()),
        Intersection(id="1.2", latitude_deg=91.0, longitude_deg=11.0, lanes=()),
        Intersection(id="1.2", latitude_deg=48.0, longitude_deg=11.0, lanes=()),
        Intersection(
            id="1.2", latitude_deg=48.0, longitude_deg=11.0, lanes=(MapLane(id=1, points=((48.0, 11.0),)),)
        ),
        Intersection(
            id="1.2",
            latitude_deg=48.0,
            longitude_deg=11.0,
            lanes=(MapLane(id=256, points=((48.0, 11.0), (48.0, 11.1))),),
        ),
    ],
)
def test_what_a_map_cannot_say_is_refused(wrong):
    with pytest.raises(CodecError) as refused:
        v2x_judge.codec_of(MAP_DATA).encode(mapdata.map_data(Intersections(intersections=(wrong,)), NOW))
    assert refused.value.reason == "unencodable"


# ---------------------------------------------------------------- SPAT by hand


def spat(*events, **state):
    one = {"id": {"id": 9}, "revision": 0, "status": 0, "states": [
        {"signalGroup": 5, "state-time-speed": list(events)}]}  # fmt: skip
    return signals.signal_states({"intersections": [one | state]}, NOW)


def test_colours_and_times_of_a_movement():
    # now is 13 min 20.123 s past the hour: 800.1 s = 8001 tenths
    seen = spat(
        {
            "eventState": "stop-And-Remain",
            "timing": {"startTime": 7901, "minEndTime": 8101, "maxEndTime": 36001, "likelyTime": 8151,
                       "confidence": 15},
        },
        {"eventState": "protected-Movement-Allowed", "timing": {"minEndTime": 36000}},
    ).signals  # fmt: skip
    assert [(one.intersection, one.group) for one in seen] == [("0.9", 5)]
    red, green = seen[0].phases
    at = NOW.t_ns - 23_000_000  # the hour's tenth in which now lies
    assert red == SignalPhase(
        state="red",
        from_ns=at - 10 * S,
        earliest_end_ns=at + 10 * S,
        likely_end_ns=at + 15 * S,
        confidence_ratio=1.0,
    )
    assert green == SignalPhase(state="green")


def test_an_end_in_the_next_hour():
    late = Now(0, 1_700_000_000_000_000_000 + 46 * 60 * S)  # 22:59:20
    event = {"eventState": "stop-And-Remain", "timing": {"minEndTime": 100, "maxEndTime": 18000}}
    one = {"id": {"id": 9}, "revision": 0, "status": 0, "states": [
        {"signalGroup": 5, "state-time-speed": [event]}]}  # fmt: skip
    (phase,) = signals.signal_states({"intersections": [one]}, late).signals[0].phases
    assert (phase.earliest_end_ns, phase.latest_end_ns) == (50 * S, (40 + 1800) * S)


@pytest.mark.parametrize("bit", ["failureMode", "off", "noValidSPATisAvailableAtThisTime"])
def test_a_controller_in_failure_shows_nothing(bit):
    status = 1 << 15 - signals.INTERSECTION_STATUS_OBJECT.names.split().index(bit)
    event = {"eventState": "protected-Movement-Allowed"}
    assert spat(event, status=status).signals[0].phases == (SignalPhase(state="unknown"),)


def test_when_a_spat_held():
    one = {"id": {"id": 9}, "timeStamp": 20_000, "moy": (30 + 31 * 9 + 13 - 6 + 1) * 1440 + 22 * 60 + 13}
    at = NOW.t_ns - 123_000_000
    assert signals.measured_ns({"intersections": [{"id": {"id": 9}, "timeStamp": 20_000}]}, NOW) == at
    assert signals.measured_ns({"intersections": [{"id": {"id": 9}, "timeStamp": 65535}]}, NOW) is None
    day = one["moy"] // 1440  # the 14th of November is day 317 counted from 0
    assert day == 317
    assert signals.measured_ns({"intersections": [one]}, NOW) == at


AHEAD = st.none() | st.integers(0, 25 * 60).map(lambda seconds: NOW.t_ns + seconds * S)
STATES = ["dark", "red", "red_flashing", "red_yellow", "yellow", "yellow_flashing", "green", "green_yielding",
          "unknown"]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.builds(
            SignalPhase,
            state=st.sampled_from(STATES),
            from_ns=AHEAD,
            earliest_end_ns=AHEAD,
            latest_end_ns=AHEAD,
            likely_end_ns=AHEAD,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_signals_there_and_back_within_a_tenth(phases):
    ordered = [
        SignalPhase(
            state=one.state,
            from_ns=one.from_ns,
            **{
                name: None if end is None else max(end, one.from_ns or end)
                for name, end in (
                    ("earliest_end_ns", one.earliest_end_ns),
                    ("latest_end_ns", one.latest_end_ns),
                    ("likely_end_ns", one.likely_end_ns),
                )
            },
        )
        for one in phases
    ]
    sent = SignalState(intersection="276.1", group=3, phases=tuple(ordered))
    codec = v2x_judge.codec_of(SPAT)
    wire = codec.encode(signals.spat(SignalStates(signals=(sent,)), NOW))
    (got,) = signals.signal_states(codec.decode(wire), NOW).signals
    assert (got.intersection, got.group) == ("276.1", 3)
    for theirs, ours in zip(got.phases, ordered, strict=True):
        assert theirs.state == ours.state
        for name in ("from_ns", "earliest_end_ns", "latest_end_ns", "likely_end_ns"):
            a, b = getattr(theirs, name), getattr(ours, name)
            assert (a is None) == (b is None)
            assert a is None or abs(a - b) <= S // 10
