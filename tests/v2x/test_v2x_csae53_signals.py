"""China: MAP, the lanes of intersections, and SPAT, what their lights show: to our units and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_judge import asn1tools_of

from edge.messages import (
    Connection,
    Intersection,
    Intersections,
    MapLane,
    SignalPhase,
    SignalState,
    SignalStates,
)
from edge.v2x import csae53
from edge.v2x.csae53.schema import MESSAGE_FRAME, codec
from edge.v2x.moments import Now, minute_of_the_year
from edge.v2x.uper import CodecError

NOW = Now(5_000_000_000_000, 1_700_000_000_123_000_000)  # 2023-11-14T22:13:20.123Z
TENTH = 100_000_000
SECOND = 1_000_000_000


def heard(name, fields):
    return csae53.hear(codec(name).encode((name, {"msgCnt": 3} | fields)), NOW)


def theirs(wire):
    return asn1tools_of(MESSAGE_FRAME).decode("M", wire)[1]


# ---------------------------------------------------------------- MAP


def points(*metres):
    return [{"posOffset": {"offsetLL": ("position-LL5", {"lon": 0, "lat": m})}} for m in metres]


LANE = {
    "laneID": 2,
    "laneWidth": 350,
    "laneAttributes": {"laneType": ("vehicle", 0)},
    "maneuvers": 0b110000000000,
    "connectsTo": [
        {
            "remoteIntersection": {"region": 1, "id": 9},
            "connectingLane": {"lane": 1, "maneuver": 0b010000000000},
            "phaseId": 7,
        },
        {"remoteIntersection": {"id": 8}, "phaseId": 0},
    ],
    "speedLimits": [{"type": "truckMaxSpeed", "speed": 500}, {"type": "vehicleMaxSpeed", "speed": 833}],
    "points": points(-9000, -5000, -1000),
}
LINK = {"upstreamNodeId": {"id": 4}, "lanes": [LANE]}
NODE = {
    "name": "Crossing",
    "id": {"region": 12, "id": 345},
    "refPos": {"lat": 399000000, "long": 1163000000},
    "inLinks": [LINK],
}


def lanes_of(*links):
    return heard("mapFrame", {"nodes": [NODE | {"inLinks": list(links)}]}).content.intersections[0].lanes


def test_a_map_in_our_units():
    said = heard("mapFrame", {"nodes": [NODE]})
    assert (said.message, said.sender, said.counter) == ("MAP", "", 3)
    assert said.content == Intersections(
        intersections=(
            Intersection(
                id="12.345",
                latitude_deg=39.9,
                longitude_deg=116.3,
                name="Crossing",
                lanes=(
                    MapLane(
                        id=2,
                        points=((39.8999, 116.3), (39.8995, 116.3), (39.8991, 116.3)),
                        width_m=3.5,
                        speed_limit_mps=16.66,
                        connections=(Connection(manoeuvre="left", group=7, to_lane=1), Connection()),
                    ),
                ),
            ),
        )
    )


def test_what_a_lane_lacks_its_link_says():
    bare = {"laneID": 1, "maneuvers": 0b100000000000}
    link = LINK | {
        "lanes": [bare],
        "points": points(-400, 0),
        "speedLimits": [
            {"type": "vehicleMaxSpeed", "speed": 8191},
            {"type": "vehicleMaxSpeed", "speed": 600},
        ],
        "movements": [{"remoteIntersection": {"id": 8}, "phaseId": 3}],
    }
    (lane,) = lanes_of(link)
    assert lane.points == ((39.9, 116.3), (39.89996, 116.3))
    assert (lane.speed_limit_mps, lane.width_m) == (12.0, None)
    assert lane.connections == (Connection(manoeuvre="straight", group=3),)
    two = link["movements"] * 2
    (lane,) = lanes_of(link | {"movements": two})
    assert lane.connections == (Connection(group=3),) * 2  # which of them the lane makes is open


def test_the_manoeuvre_of_a_lane_that_can_only_one():
    onward = [{"remoteIntersection": {"id": 8}, "connectingLane": {"lane": 0}, "phaseId": 5}]
    (lane,) = lanes_of(LINK | {"lanes": [{"laneID": 1, "maneuvers": 0b000100000000, "connectsTo": onward}]})
    assert lane.connections == (Connection(manoeuvre="u_turn", group=5),)


def test_lanes_for_others_are_left_out_and_links_are_told_apart():
    crosswalk = LANE | {"laneAttributes": {"laneType": ("crosswalk", 0)}}
    bikes = LANE | {"laneAttributes": {"laneType": ("bikeLane", 0)}}
    lanes = lanes_of(LINK | {"lanes": [crosswalk, LANE, bikes]}, LINK)
    assert [lane.id for lane in lanes] == [2, 258]


def test_a_node_without_a_place_or_links():
    lost = NODE | {"refPos": {"lat": 900000001, "long": 1800000001}}
    end = {name: value for name, value in NODE.items() if name not in ("inLinks", "name")}
    (only,) = heard("mapFrame", {"nodes": [lost, end]}).content.intersections
    assert only == Intersection(id="12.345", latitude_deg=39.9, longitude_deg=116.3)
    unnamed = heard("mapFrame", {"nodes": [NODE | {"id": {"id": 7}}]}).content.intersections[0]
    assert unnamed.id == "0.7"


LANES = st.builds(
    MapLane,
    id=st.integers(0, 31 * 256 + 255),
    points=st.lists(
        st.tuples(st.floats(39.8, 40), st.floats(116.2, 116.4)), min_size=2, max_size=31
    ).map(tuple),
    width_m=st.none() | st.floats(0.1, 20),
    speed_limit_mps=st.none() | st.floats(1, 40),
    connections=st.lists(
        st.builds(
            Connection,
            manoeuvre=st.sampled_from([None, "straight", "left", "right", "u_turn"]),
            group=st.none() | st.integers(1, 255),
            to_lane=st.none() | st.integers(1, 254),
        ),
        max_size=5,
    ).map(tuple),
)  # fmt: skip
NODES = st.builds(
    Intersection,
    id=st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda pair: f"{pair[0]}.{pair[1]}"),
    latitude_deg=st.floats(39.8, 40),
    longitude_deg=st.floats(116.2, 116.4),
    name=st.text("abc 1", max_size=63),
    lanes=st.lists(LANES, max_size=6, unique_by=lambda lane: lane.id).map(
        lambda lanes: tuple(sorted(lanes, key=lambda lane: lane.id))
    ),
)


@settings(max_examples=60)
@given(st.lists(NODES, min_size=1, max_size=3))
def test_intersections_through_a_map(sent):
    wire = csae53.map_data(Intersections(intersections=tuple(sent)), 130, NOW)
    assert (theirs(wire)["msgCnt"], theirs(wire)["timeStamp"]) == (2, minute_of_the_year(NOW.utc_ns))
    got = csae53.hear(wire, NOW).content.intersections
    for one, other in zip(got, sent, strict=True):
        assert (one.id, one.name) == (other.id, other.name)
        assert [lane.id % 256 for lane in one.lanes] == [lane.id % 256 for lane in other.lanes]
        for lane, meant in zip(one.lanes, other.lanes, strict=True):
            assert lane.connections == meant.connections
            assert lane.width_m == (
                None if meant.width_m is None else pytest.approx(meant.width_m, abs=0.0051)
            )
            assert lane.speed_limit_mps == (
                None if meant.speed_limit_mps is None else pytest.approx(meant.speed_limit_mps, abs=0.0101)
            )
            assert len(lane.points) == len(meant.points)
            for mine, yours in zip(lane.points, meant.points, strict=True):
                assert mine == pytest.approx(yours, abs=1.01e-7, rel=0)


def test_lanes_that_lead_away_are_left_out():
    away = MapLane(id=1, points=((39.9, 116.3), (39.91, 116.3)), approach=False)
    node = Intersection(id="1.2", latitude_deg=39.9, longitude_deg=116.3, lanes=(away,))
    assert "inLinks" not in theirs(csae53.map_data(Intersections(intersections=(node,)), 0, NOW))["nodes"][0]


@pytest.mark.parametrize("name", ["", "7", "a.b", "1.2.3", "-1.2", "1.", "70000.1"])
def test_an_id_of_another_form_is_not_sent(name):
    node = Intersection(id=name, latitude_deg=39.9, longitude_deg=116.3)
    with pytest.raises(CodecError) as caught:
        csae53.map_data(Intersections(intersections=(node,)), 0, NOW)
    assert caught.value.reason == "unencodable"
    signal = SignalState(intersection=name, group=1, phases=(SignalPhase(state="red"),))
    with pytest.raises(CodecError) as caught:
        csae53.spat(SignalStates(signals=(signal,)), 0, NOW)
    assert caught.value.reason == "unencodable"


# ---------------------------------------------------------------- SPAT


def shown(*states, **fields):
    state = {
        "intersectionId": {"region": 12, "id": 345},
        "status": 0,
        "phases": [{"id": 7, "phaseStates": states}],
    }
    state["phases"][0]["phaseStates"] = list(states)
    (signal,) = heard("spatFrame", {"intersections": [state | fields]}).content.signals
    assert (signal.intersection, signal.group) == ("12.345", 7)
    return signal.phases


def counting(light, start, end, **more):
    return {"light": light, "timing": ("counting", {"startTime": start, "likelyEndTime": end} | more)}


def dated(light, start, end, **more):
    return {"light": light, "timing": ("utcTiming", {"startUTCTime": start, "likelyEndUTCTime": end} | more)}


def test_counting_down_in_our_units():
    phases = shown(
        counting("red", 0, 155, minEndTime=100, maxEndTime=36000, timeConfidence=180),
        counting("protected-green", 155, 355),
        counting("yellow", 355, 385, nextStartTime=900, nextDuration=30),
    )
    t = NOW.t_ns
    assert phases == (
        SignalPhase(state="red", from_ns=t, earliest_end_ns=t + 100 * TENTH, likely_end_ns=t + 155 * TENTH,
                    confidence_ratio=0.9),
        SignalPhase(state="green", from_ns=t + 155 * TENTH, likely_end_ns=t + 355 * TENTH),
        SignalPhase(state="yellow", from_ns=t + 355 * TENTH, likely_end_ns=t + 385 * TENTH),
        SignalPhase(state="yellow", from_ns=t + 900 * TENTH, likely_end_ns=t + 930 * TENTH),
    )  # fmt: skip


def test_counting_starts_when_the_state_was_taken():
    """22:13:20.123 is now: 20 000 ms is 123 ms ago; a minute of the year says which minute."""
    (phase,) = shown(counting("red", 0, 50), timeStamp=20000)
    assert phase.likely_end_ns == NOW.t_ns - 123_000_000 + 5 * SECOND
    minute = minute_of_the_year(NOW.utc_ns) - 2
    (phase,) = shown(counting("red", 0, 50), timeStamp=20000, moy=minute)
    assert phase.likely_end_ns == NOW.t_ns - 123_000_000 - 115 * SECOND
    state = {
        "intersectionId": {"id": 1},
        "status": 0,
        "phases": [{"id": 1, "phaseStates": [counting("red", 0, 50)]}],
    }
    said = heard("spatFrame", {"timeStamp": 20000, "intersections": [state]})
    assert said.measured_ns == NOW.t_ns - 123_000_000
    assert said.content.signals[0].phases[0].likely_end_ns == NOW.t_ns - 123_000_000 + 5 * SECOND
    assert heard("spatFrame", {"intersections": [state]}).measured_ns is None


def test_dates_in_our_units():
    """22:13:20.123 is 8001.23 tenths after the hour."""
    base = NOW.t_ns - 8001 * TENTH - 23_000_000
    phases = shown(
        dated("permissive-green", 8100, 8300, minEndUTCTime=8200, maxEndUTCTime=36001),
        dated("flashing-red", 7900, 8100, nextStartUTCTime=8900, nextEndUTCTime=9100),
    )
    assert phases == (
        SignalPhase(state="red_flashing", from_ns=base + 7900 * TENTH, likely_end_ns=base + 8100 * TENTH),
        SignalPhase(state="green_yielding", from_ns=base + 8100 * TENTH, likely_end_ns=base + 8300 * TENTH,
                    earliest_end_ns=base + 8200 * TENTH),
        SignalPhase(state="red_flashing", from_ns=base + 8900 * TENTH, likely_end_ns=base + 9100 * TENTH),
    )  # fmt: skip


def test_dates_across_the_hour():
    """A start 10 minutes ahead and an end 40 minutes ahead, which alone would be 20 minutes ago."""
    (_, phase) = shown(dated("red", 14001, 32001))
    assert phase.likely_end_ns - phase.from_ns == 18000 * TENTH


def test_what_shines_now_is_unknown_when_nothing_has_begun():
    phases = shown(counting("red", 100, 200))
    assert phases[0] == SignalPhase(state="unknown", likely_end_ns=NOW.t_ns + 100 * TENTH)
    assert phases[1].state == "red"


@pytest.mark.parametrize(
    ("light", "state"),
    [("unavailable", "unknown"), ("dark", "dark"), ("flashing-red", "red_flashing"), ("red", "red"),
     ("flashing-green", "green_flashing"), ("permissive-green", "green_yielding"),
     ("protected-green", "green"), ("yellow", "yellow"), ("flashing-yellow", "yellow_flashing")],
)  # fmt: skip
def test_every_light(light, state):
    assert shown({"light": light}) == (SignalPhase(state=state),)
    assert shown(counting(light, 0, 36001)) == (SignalPhase(state=state, from_ns=NOW.t_ns),)


@pytest.mark.parametrize("bit", [8, 13])
def test_a_controller_that_failed_is_not_believed(bit):
    assert shown(counting("protected-green", 0, 50), status=1 << 15 - bit) == (SignalPhase(state="unknown"),)


STATES = ["dark", "red", "red_flashing", "yellow", "yellow_flashing", "green", "green_yielding",
          "green_flashing", "unknown"]  # fmt: skip


@st.composite
def signals(draw):
    """What shines now and what follows, each colour once or twice, one after the other."""
    states = draw(st.lists(st.sampled_from(STATES), min_size=1, max_size=9, unique=True))
    again = draw(st.integers(0, len(states)))
    t_ns = NOW.t_ns - draw(st.integers(0, 60 * SECOND))
    phases = []
    for i, state in enumerate(states + states[:again]):
        end_ns = t_ns + draw(st.integers(SECOND, 60 * SECOND))
        end_ns = max(end_ns, NOW.t_ns + SECOND) if i == 0 else end_ns
        first = i < len(states)
        phases.append(
            SignalPhase(
                state=state,
                from_ns=t_ns,
                likely_end_ns=end_ns,
                earliest_end_ns=draw(st.none() | st.just(end_ns - SECOND // 2)) if first else None,
                latest_end_ns=draw(st.none() | st.just(end_ns + SECOND)) if first else None,
                confidence_ratio=draw(st.none() | st.floats(0, 1)) if first else None,
            )
        )
        t_ns = end_ns
    return tuple(phases)


GROUPS = st.tuples(st.sampled_from(["1.2", "12.345"]), st.integers(0, 255))


@settings(max_examples=60)
@given(st.dictionaries(GROUPS, signals(), min_size=1, max_size=6))
def test_signals_through_a_spat(sent):
    said = [SignalState(intersection=name, group=group, phases=p) for (name, group), p in sent.items()]
    wire = csae53.spat(SignalStates(signals=tuple(said)), 130, NOW)
    assert theirs(wire)["msgCnt"] == 2
    heard_ = csae53.hear(wire, NOW)
    assert abs(heard_.measured_ns - NOW.t_ns) < 1_000_000
    got = {(signal.intersection, signal.group): signal.phases for signal in heard_.content.signals}
    assert set(got) == set(sent)
    for key, phases in sent.items():
        assert [phase.state for phase in got[key]] == [phase.state for phase in phases]
        for mine, yours in zip(got[key], phases, strict=True):
            for name in ("from_ns", "earliest_end_ns", "latest_end_ns", "likely_end_ns"):
                a, b = getattr(mine, name), getattr(yours, name)
                assert (a is None) == (b is None)
                assert a is None or 0 <= b - a < TENTH
            assert (mine.confidence_ratio is None) == (yours.confidence_ratio is None)
            if mine.confidence_ratio is not None:
                assert mine.confidence_ratio == pytest.approx(yours.confidence_ratio, abs=0.0026)


def test_red_with_yellow_is_red_and_what_is_far_is_not_dated():
    phases = (
        SignalPhase(state="red_yellow", from_ns=NOW.t_ns, likely_end_ns=NOW.t_ns + 3600 * SECOND),
        SignalPhase(state="green"),
    )
    wire = csae53.spat(
        SignalStates(signals=(SignalState(intersection="1.2", group=3, phases=phases),)), 0, NOW
    )
    states = theirs(wire)["intersections"][0]["phases"][0]["phaseStates"]
    assert states == [
        {"light": "red", "timing": ("utcTiming", {"startUTCTime": 8001, "likelyEndUTCTime": 36000})},
        {"light": "protected-green"},
    ]
