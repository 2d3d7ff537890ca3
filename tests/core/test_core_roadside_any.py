"""Whatever the roadside says, the core goes on."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import CoreConfig
from edge.core.core import Core
from edge.messages import (
    Connection,
    Intersection,
    Intersections,
    LightState,
    MapLane,
    PeerHeard,
    Position,
    RoadEvent,
    RoadEventKind,
    RoadEvents,
    SignalPhase,
    Signals,
    SignalState,
    SignalStates,
    Tick,
    Unavailable,
    Warning,
    decode,
    encode,
)

S, MS = 1_000_000_000, 1_000_000


def heard(content, t_ns, sender, standard):
    return PeerHeard(
        t_ns=t_ns, link="l", standard=standard, message="DENM", sender=sender, counter=0, trust="signed",
        content=content,
    )  # fmt: skip


any_float = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-1e3, 1e3)
maybe = st.none() | any_float
degrees = st.floats(-0.01, 0.01) | any_float
times = st.none() | st.integers(-S, 60 * S) | st.integers(-(2**62), 2**62)
places = st.lists(st.tuples(degrees, degrees), max_size=6).map(tuple)
road_events = st.builds(
    RoadEvent,
    id=st.sampled_from(["1", "2", "7.1", ""]),
    kind=st.sampled_from(RoadEventKind.__args__) | st.just("new kind"),
    latitude_deg=degrees,
    longitude_deg=degrees,
    code=st.none() | st.integers(0, 2**31),
    measured_ns=times,
    from_ns=times,
    until_ns=times,
    over=st.booleans(),
    radius_m=maybe,
    heading_deg=maybe,
    speed_mps=maybe,
    speed_limit_mps=maybe,
    path=places,
    path_width_m=maybe,
    confidence_ratio=maybe,
)
connections = st.builds(
    Connection,
    manoeuvre=st.none() | st.sampled_from(["straight", "left", "right", "u_turn"]),
    group=st.none() | st.integers(0, 3),
)
lanes = st.builds(
    MapLane,
    id=st.integers(0, 9),
    points=places,
    approach=st.booleans(),
    width_m=maybe,
    speed_limit_mps=maybe,
    connections=st.lists(connections, max_size=3).map(tuple),
)
names = st.sampled_from(["0.1", "0.2"])
intersections = st.builds(
    Intersection, id=names, latitude_deg=degrees, longitude_deg=degrees,
    lanes=st.lists(lanes, max_size=4).map(tuple),
)  # fmt: skip
phases = st.builds(
    SignalPhase,
    state=st.sampled_from(LightState.__args__),
    from_ns=times,
    earliest_end_ns=times,
    latest_end_ns=times,
    likely_end_ns=times,
    confidence_ratio=maybe,
)
signals = st.builds(
    SignalState, intersection=names, group=st.integers(0, 3), phases=st.lists(phases, max_size=3).map(tuple)
)
contents = st.one_of(
    st.lists(road_events, max_size=4).map(lambda x: RoadEvents(events=tuple(x))),
    st.lists(intersections, max_size=2).map(lambda x: Intersections(intersections=tuple(x))),
    st.lists(signals, max_size=4).map(lambda x: SignalStates(signals=tuple(x))),
)
steps = st.lists(
    st.tuples(contents, st.integers(0, 300), st.sampled_from(["a", "b"]), degrees, degrees, any_float),
    max_size=12,
)


@given(steps)
@settings(max_examples=150, deadline=None)
def test_whatever_the_roadside_says_the_core_goes_on_and_what_it_says_can_be_recorded(steps):
    core, t_ns = Core(CoreConfig()), 0
    for content, later_ms, sender, latitude, longitude, speed in steps:
        t_ns += later_ms * MS
        inputs = [
            Position(
                t_ns=t_ns, source="g", latitude_deg=latitude, longitude_deg=longitude, speed_mps=10.0,
                heading_deg=later_ms * 1.0,
            ),
            Signals(t_ns=t_ns, bus="c", names=("speed_mps",), values=(speed,), stamps_ns=(t_ns,)),
            heard(content, t_ns, sender, "etsi" if later_ms % 2 else "csae53"),
            Tick(t_ns=t_ns, number=1),
        ]  # fmt: skip
        for message in inputs:
            for out in core.step(message):
                assert encode(decode(encode(out))) == encode(out)
                if isinstance(out, Warning) and out.name in ("hazardous_location", "green_light_speed"):
                    assert all(math.isfinite(value) for value in out.values.values())
                    assert 0.0 <= out.values["sure_ratio"] <= 1.0
                assert not isinstance(out, Unavailable) or out.input
