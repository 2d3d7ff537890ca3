"""The table of what the roadside says: bounded, newest, not longer than it holds."""

from __future__ import annotations

import math

from edge.config import CoreConfig, Roadside, Vehicle
from edge.core.roadside import RoadsideTable
from edge.core.vehicle import OwnVehicle
from edge.messages import (
    Connection,
    Intersection,
    Intersections,
    MapLane,
    PeerHeard,
    Position,
    RoadEvent,
    RoadEvents,
    SignalPhase,
    SignalState,
    SignalStates,
)

S, MS = 1_000_000_000, 1_000_000
DEGREE_M = 110_574.0  # of latitude, at the equator


def heard(content, t_ns=0, sender="a", standard="etsi", trust="signed"):
    return PeerHeard(
        t_ns=t_ns, link="l", standard=standard, message="DENM", sender=sender, counter=0, trust=trust,
        content=content,
    )  # fmt: skip


def accident(name="1", north_m=100.0, **values):
    return RoadEvent(id=name, kind="accident", latitude_deg=north_m / DEGREE_M, longitude_deg=0.0, **values)


def here(t_ns=0):
    """Our own car at latitude 0, driving north, its fix never stale."""
    car = OwnVehicle(Vehicle(title="x"), CoreConfig().rules.freshness)
    fix = Position(
        t_ns=t_ns, source="g", latitude_deg=0.0, longitude_deg=0.0, speed_mps=10.0, heading_deg=0.0,
        accuracy_m=1.0,
    )  # fmt: skip
    car.position(fix, t_ns)
    return car.state(t_ns)


def table(**values):
    return RoadsideTable(Roadside(**values), 2.0)


def tell(it, *events, t_ns=0, now_ns=None, **values):
    return it.hear(heard(RoadEvents(events=events), t_ns, **values), t_ns if now_ns is None else now_ns)


def ids(it, t_ns=0):
    view = it.view(here(t_ns), t_ns)
    return [] if view is None else [f"{n.sender}/{n.event.id}" for n in view.events]


# ---------------------------------------------------------------- events


def test_news_is_what_begins_changes_or_ends_not_what_is_repeated():
    it = table()
    assert tell(it, accident(until_ns=60 * S))
    assert not tell(it, accident(until_ns=60 * S), t_ns=S)
    assert tell(it, accident(until_ns=60 * S, text="two cars"), t_ns=2 * S)
    assert tell(it, accident(until_ns=60 * S, over=True), t_ns=3 * S)
    assert ids(it, 3 * S) == []


def test_an_older_state_does_not_replace_a_newer_one():
    it = table()
    tell(it, accident(measured_ns=2 * S, text="new"))
    assert not tell(it, accident(measured_ns=S, text="old"), t_ns=3 * S)
    assert it.view(here(3 * S), 3 * S).events[0].event.text == "new"


def test_what_is_over_stays_over_until_it_is_measured_anew():
    it = table()
    tell(it, accident(measured_ns=S, until_ns=99 * S))
    tell(it, accident(measured_ns=2 * S, until_ns=99 * S, over=True), t_ns=2 * S)
    assert not tell(it, accident(measured_ns=2 * S, until_ns=99 * S), t_ns=3 * S)
    assert ids(it, 3 * S) == []
    assert tell(it, accident(measured_ns=4 * S, until_ns=99 * S), t_ns=4 * S)
    assert ids(it, 4 * S) == ["a/1"]


def test_the_end_of_what_was_never_heard_is_nothing():
    it = table()
    assert not tell(it, accident(over=True))
    assert len(it) == 0


def test_events_hold_until_they_say_but_not_for_ever():
    it = table(max_validity_s=600.0, unsaid_validity_s=10.0)
    far_ns = 90_000 * S
    tell(it, accident("short", until_ns=5 * S), accident("long", until_ns=far_ns), accident("unsaid"))
    assert ids(it, 5 * S - 1) == ["a/long", "a/short", "a/unsaid"]
    assert ids(it, 5 * S) == ["a/long", "a/unsaid"]
    assert ids(it, 10 * S) == ["a/long"]
    assert ids(it, 600 * S) == []
    assert len(it) == 0


def test_what_has_ended_before_it_is_heard_is_not_kept():
    it = table()
    assert not tell(it, accident(until_ns=S), t_ns=S)
    assert len(it) == 0


def test_two_senders_may_use_the_same_number_in_china_and_end_only_their_own():
    it = table()
    tell(it, accident("rte1"), sender="a", standard="csae53")
    tell(it, accident("rte1"), sender="b", standard="csae53")
    assert ids(it) == ["a/rte1", "b/rte1"]
    assert not tell(it, accident("rte1", over=True), sender="c", standard="csae53")
    assert tell(it, accident("rte1", over=True), sender="b", standard="csae53")
    assert ids(it) == ["a/rte1"]


def test_in_europe_somebody_else_may_negate_if_he_is_trusted_as_much():
    it = table()
    tell(it, accident("7.1", until_ns=60 * S), sender="7")
    assert not tell(it, accident("7.1", over=True), sender="8", trust="unsigned")
    assert ids(it) == ["7/7.1"]
    assert tell(it, accident("7.1", over=True), sender="8")
    assert ids(it) == []
    assert not tell(it, accident("7.1", until_ns=60 * S), sender="7")  # the late repetition


def test_what_is_not_signed_does_not_change_what_was():
    it = table()
    tell(it, accident(text="true"))
    assert not tell(it, accident(text="false"), trust="unsigned")
    assert not tell(it, accident(over=True), trust="unsigned")
    assert it.view(here(), 0).events[0].event.text == "true"


def test_a_flood_of_one_sender_does_not_displace_the_others():
    it = table(max_events=20, max_events_of_one=8)
    tell(it, accident("good", until_ns=60 * S), sender="good")
    for n in range(1000):
        tell(it, accident(str(n), until_ns=60 * S), sender="flood")
    assert len(it) == 9
    assert "good/good" in ids(it)
    for n in range(1000):
        tell(it, accident("x", until_ns=60 * S), sender=f"many{n}")
    assert len(it) == 20


def test_a_full_table_makes_room_where_most_is_told():
    it = table(max_events=6, max_events_of_one=8)
    for n in range(5):
        tell(it, accident(str(n), until_ns=60 * S), sender="busy")
    tell(it, accident("1", until_ns=60 * S), sender="good")
    tell(it, accident("1", until_ns=60 * S), sender="late")
    assert "good/1" in ids(it)
    assert "busy/0" not in ids(it)


def test_nonsense_is_not_kept():
    nan = math.nan
    for bad in (
        accident(north_m=nan),
        accident(""),
        accident("x" * 97),
        accident(radius_m=nan),
        accident(heading_deg=math.inf),
        accident(path=((0.0, nan),)),
        accident(path=((0.0, 0.0),) * 41),
    ):
        it = table()
        assert not tell(it, bad)
        assert len(it) == 0
    assert not tell(table(), accident(), sender="x" * 97)
    assert not tell(table(), accident(), t_ns=S, now_ns=0)


def test_a_radius_is_the_area_of_what_has_one_and_only_the_audience_of_what_has_a_place():
    def seen(kind, north_m, radius_m):
        it = table()
        tell(it, RoadEvent(
            id="1", kind=kind, latitude_deg=north_m / DEGREE_M, longitude_deg=0.0, radius_m=radius_m
        ))  # fmt: skip
        view = it.view(here(), 0)
        return [(n.inside, round(n.ahead_m)) for n in view.events]

    assert seen("slippery_road", 200, 500) == [(True, 0)]
    assert seen("slippery_road", -200, 500) == [(True, 0)]
    assert seen("accident", 200, 500) == [(False, 200)]
    assert seen("accident", -200, 500) == []


# ---------------------------------------------------------------- maps and lights


def cross(name="0.1", north_m=100.0, **values):
    stop = north_m - 10
    lane = MapLane(
        id=1,
        points=tuple(((stop - back) / DEGREE_M, 0.0) for back in (0.0, 200.0)),
        connections=(Connection(manoeuvre="straight", group=1),),
        **values,
    )
    return Intersection(id=name, latitude_deg=north_m / DEGREE_M, longitude_deg=0.0, lanes=(lane,))


def red(name="0.1", group=1, state="red"):
    return SignalState(intersection=name, group=group, phases=(SignalPhase(state=state),))


def shown(it, t_ns=0):
    view = it.view(here(t_ns), t_ns)
    return [] if view is None else [light.phases[0].state for light in view.lights]


def test_the_lights_of_our_lane_are_found_and_go_stale():
    it = table(signal_age_s=2.0)
    it.hear(heard(Intersections(intersections=(cross(),))), 0)
    it.hear(heard(SignalStates(signals=(red(), red(group=2, state="green")))), 0)
    assert shown(it) == ["red"]
    assert (
        it.view(here(), 0).place.to_stop_m == 90 - 2.0 or abs(it.view(here(), 0).place.to_stop_m - 88) < 0.1
    )
    assert shown(it, 2 * S) == ["red"]
    assert shown(it, 2 * S + 1) == []


def test_the_newest_light_counts_and_nothing_unsigned_replaces_a_fresh_signed_one():
    it = table()
    it.hear(heard(Intersections(intersections=(cross(),))), 0)
    it.hear(heard(SignalStates(signals=(red(),)), 10), 10)
    it.hear(heard(SignalStates(signals=(red(state="green"),)), 5), 10)
    assert shown(it, 10) == ["red"]
    it.hear(heard(SignalStates(signals=(red(state="green"),)), S, trust="unsigned"), S)
    assert shown(it, S) == ["red"]
    it.hear(heard(SignalStates(signals=(red(state="green"),)), 5 * S, trust="unsigned"), 5 * S)
    assert shown(it, 5 * S) == ["green"]


def test_maps_are_kept_long_bounded_and_not_replaced_by_unsigned_ones():
    it = table(map_age_s=3600.0, max_intersections=3)
    for n in range(5):
        it.hear(heard(Intersections(intersections=(cross(f"0.{n}"),))), 0)
    assert len(it) == 3
    it = table(map_age_s=3600.0)
    it.hear(heard(Intersections(intersections=(cross("0.4"),))), 0)
    moved = cross("0.4", speed_limit_mps=1.0)
    it.hear(heard(Intersections(intersections=(moved,)), trust="unsigned"), 0)
    assert it.view(here(), 0).place.limit_mps is None
    it.hear(heard(Intersections(intersections=(moved,))), 0)
    assert it.view(here(), 0).place.limit_mps == 1.0
    it.hear(heard(Intersections(intersections=(cross("0.4"),)), 1000 * S), 1000 * S)
    assert it.view(here(4000 * S), 4000 * S).place is not None
    assert it.view(here(4601 * S), 4601 * S).place is None
    assert len(it) == 0


def test_a_flood_of_intersections_of_one_sender_does_not_displace_the_others():
    it = table(max_intersections=8)
    it.hear(heard(Intersections(intersections=(cross(),)), sender="good"), 0)
    it.hear(heard(SignalStates(signals=(red(),)), sender="good"), 0)
    for n in range(100):
        it.hear(heard(Intersections(intersections=(cross(f"9.{n}", 5000.0),)), sender="flood"), 0)
        it.hear(heard(SignalStates(signals=(red(f"9.{n}"),)), sender="flood"), 0)
    assert shown(it) == ["red"]
    assert len(it) == 8


def test_a_light_of_too_many_groups_or_without_a_phase_is_not_kept():
    it = table()
    it.hear(heard(Intersections(intersections=(cross(),))), 0)
    it.hear(heard(SignalStates(signals=tuple(red(group=1000 + n) for n in range(255)))), 0)
    it.hear(heard(SignalStates(signals=(red(),))), 0)
    assert shown(it) == []
    it = table()
    it.hear(heard(Intersections(intersections=(cross(),))), 0)
    it.hear(heard(SignalStates(signals=(SignalState(intersection="0.1", group=1, phases=()),))), 0)
    assert shown(it) == []


def test_a_map_that_makes_no_sense_is_not_kept():
    for bad in ({"speed_limit_mps": math.nan}, {"width_m": -1.0}, {"width_m": math.inf}):
        it = table()
        it.hear(heard(Intersections(intersections=(cross(**bad),))), 0)
        assert len(it) == 0
    it = table()
    it.hear(heard(Intersections(intersections=(cross(north_m=math.nan),))), 0)
    assert len(it) == 0


def test_without_our_own_heading_there_is_no_view():
    it = table()
    tell(it, accident())
    car = OwnVehicle(Vehicle(title="x"), CoreConfig().rules.freshness)
    assert it.view(car.state(0), 0) is None
