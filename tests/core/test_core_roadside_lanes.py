"""Which lane, how far to its stop line, which light; what a light will show; the way along a path."""

from __future__ import annotations

import math

import pytest

from edge.config import Freshness, Roadside, Vehicle
from edge.core.events_near import along, lies_on
from edge.core.intersection import Layout
from edge.core.signal_rules import green, shows
from edge.core.vehicle import OwnVehicle
from edge.messages import Connection, Intersection, MapLane, Position, SignalPhase, Signals

S = 1_000_000_000
LATITUDE, LONGITUDE = 31.2, 121.4
NORTH_M = 110_862.0  # metres per degree at 31.2 degrees: textbook, to a part in 10^4
EAST_M = 95_297.0


def at(north_m, east_m, heading=0.0, indicator=None):
    car = OwnVehicle(Vehicle(title="x"), Freshness())
    fix = Position(
        t_ns=0, source="g", latitude_deg=LATITUDE + north_m / NORTH_M,
        longitude_deg=LONGITUDE + east_m / EAST_M, speed_mps=10.0, heading_deg=heading,
    )  # fmt: skip
    car.position(fix, 0)
    if indicator is not None:
        values = (float(indicator == "left"), float(indicator == "right"))
        car.signals(
            Signals(
                t_ns=0, bus="c", names=("indicator_left", "indicator_right"), values=values, stamps_ns=(0, 0)
            ),
            0,
        )
    return car.state(0)


def lane(number, points, groups=(("straight", 1),), approach=True, width_m=3.5, **values):
    return MapLane(
        id=number,
        points=tuple((LATITUDE + n / NORTH_M, LONGITUDE + e / EAST_M) for n, e in points),
        approach=approach,
        width_m=width_m,
        connections=tuple(Connection(manoeuvre=m, group=g) for m, g in groups),
        **values,
    )


FROM_SOUTH = lane(1, [(-10, 0), (-60, 0), (-200, 0)])
FROM_SOUTH_LEFT = lane(2, [(-10, -3.5), (-200, -3.5)], (("left", 2),))
TO_NORTH = lane(3, [(10, 0), (200, 0)], (), approach=False)
FROM_EAST = lane(4, [(0, 10), (0, 200)], (("straight", 3),))
BENT = lane(5, [(-10, 0), (-50, 0), (-85.355, -35.355)], (("straight", 5),))


def place(own, *lanes, accuracy_m=1.0):
    layout = Layout(
        Intersection(id="0.1", latitude_deg=LATITUDE, longitude_deg=LONGITUDE, lanes=lanes), Roadside()
    )
    return layout.place(own, accuracy_m, 0.0, Roadside())


def test_the_lane_under_us_and_the_way_along_it():
    found = place(at(-100, 0.4), FROM_SOUTH, FROM_SOUTH_LEFT, FROM_EAST)
    assert [one.id for one in found.lanes] == [1]
    assert found.to_stop_m == pytest.approx(90, abs=0.1)
    assert found.offset_m == pytest.approx(0.4, abs=0.05)
    assert found.groups == (1,)


def test_the_way_round_a_bend_is_along_the_lane():
    """25 m before the kink, on the slanted part: 40 m + 25 m."""
    back = 25 / math.sqrt(2)
    found = place(at(-50 - back, -back, heading=45.0), BENT)
    assert found.to_stop_m == pytest.approx(65, abs=0.2)


@pytest.mark.parametrize(
    "own",
    [
        at(-100, 0, heading=180.0),
        at(-100, 0, heading=40.0),
        at(-100, 9),
        at(-205, 0),
        at(-9, 0),
        at(-100, 0, heading=90.0),
    ],
    ids=["other way", "across", "beside", "before it begins", "past the stop line", "crossing it"],
)
def test_who_is_not_on_a_lane_has_none(own):
    assert place(own, FROM_SOUTH) is None


def test_a_lane_across_the_date_line_is_one_lane():
    west, east = -179.9999, 179.9999  # 22 m apart at the equator
    lane_ = MapLane(id=1, points=((0.0, west), (0.0, east)), connections=())
    car = OwnVehicle(Vehicle(title="x"), Freshness())
    for longitude, to_stop_m in ((179.99995, 16.7), (-179.99995, 5.6)):
        fix = Position(
            t_ns=0, source="g", latitude_deg=0.0, longitude_deg=longitude, speed_mps=9.0, heading_deg=90.0
        )
        car.position(fix, 0)
        for at_deg in (west, east):
            said = Intersection(id="0.1", latitude_deg=0.0, longitude_deg=at_deg, lanes=(lane_,))
            found = Layout(said, Roadside()).place(car.state(0), 1.0, 0.0, Roadside())
            assert found.to_stop_m == pytest.approx(to_stop_m, abs=0.1)


def test_on_the_way_out_there_is_no_stop_line_and_no_light():
    found = place(at(50, 0), FROM_SOUTH, TO_NORTH)
    assert [one.id for one in found.lanes] == [3]
    assert found.to_stop_m is None
    assert found.groups is None
    assert place(at(50, 0, heading=180.0), TO_NORTH) is None


def test_all_lanes_that_are_possible_are_named_the_likeliest_first():
    between = at(-100, -1.5)
    assert [x.id for x in place(between, FROM_SOUTH, FROM_SOUTH_LEFT, accuracy_m=1.0).lanes] == [1, 2]
    assert [x.id for x in place(between, FROM_SOUTH, FROM_SOUTH_LEFT, accuracy_m=0.1).lanes] == [1]
    assert place(between, FROM_SOUTH, FROM_SOUTH_LEFT, accuracy_m=1.0).groups == (1, 2)


def test_a_limit_counts_if_all_possible_lanes_say_it():
    slow, fast = (
        lane(1, [(-10, 0), (-200, 0)], speed_limit_mps=10.0),
        lane(2, [(-10, -3.5), (-200, -3.5)], speed_limit_mps=20.0),
    )
    assert place(at(-100, 0), slow, fast).limit_mps == 10.0
    assert place(at(-100, -1.5), slow, fast).limit_mps is None
    assert place(at(-100, -1.5), slow, FROM_SOUTH_LEFT).limit_mps is None


@pytest.mark.parametrize(
    ("connections", "indicator", "groups"),
    [
        ((("straight", 1), ("left", 2), ("right", 3)), "off", (1,)),
        ((("straight", 1), ("left", 2), ("right", 3)), "left", (2,)),
        ((("straight", 1), ("left", 2), ("right", 3)), "right", (3,)),
        ((("straight", 1), ("left", 2), ("u_turn", 4)), "left", (2, 4)),
        ((("straight", 1), ("left", 2)), None, (1,)),
        ((("left", 2),), "off", (2,)),
        ((("left", 2), ("right", 3)), "off", (2, 3)),
        (((None, 6),), "left", (6,)),
        ((("straight", 1), ("right", None)), "right", None),
        ((("straight", None),), "off", None),
        ((), "off", None),
    ],
)
def test_the_manoeuvre_chooses_the_light(connections, indicator, groups):
    own = at(-100, 0, indicator=indicator)
    assert place(own, lane(1, [(-10, 0), (-200, 0)], connections)).groups == groups


# ---------------------------------------------------------------- what a light will show


def phase(state, first=None, last=None, likely=None, start=None, **values):
    def ns(value):
        return None if value is None else round(value * S)

    return SignalPhase(
        state=state, from_ns=ns(start), earliest_end_ns=ns(first), latest_end_ns=ns(last),
        likely_end_ns=ns(likely), **values,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("phases", "t_s", "state"),
    [
        ([phase("red", 10, 20)], 9.9, "red"),
        ([phase("red", 10, 20)], 15, "unknown"),
        ([phase("red", 10, 20, 14)], 13, "red"),
        ([phase("red", 10, 20, 14)], 15, "unknown"),
        ([phase("red", 10, 20, 14), phase("green", 40)], 15, "green"),
        ([phase("red", 10, 10), phase("green", 40, 40)], 10, "green"),
        ([phase("red", 10, 10), phase("green", 40, 40)], 41, "unknown"),
        ([phase("red", likely=10), phase("green")], 9, "red"),
        ([phase("red"), phase("green", start=8)], 7, "red"),
        ([phase("red"), phase("green", 40, start=8)], 9, "green"),
        ([phase("yellow", 3, 3)], 5, "red"),
        ([phase("red_yellow", 1, 1)], 5, "green"),
        ([phase("green", 3, 3)], 5, "unknown"),
        ([phase("red")], 500, "red"),
        ([phase("red", 3)], 5, "unknown"),
        ([phase("green", 3, 3), phase("yellow", 6, 6), phase("red")], 30, "red"),
        ([phase("red", last=20), phase("green")], 5, "red"),
        ([phase("red", last=20), phase("green")], 25, "green"),
        ([], 0, "unknown"),
    ],
)
def test_what_a_light_shows_at_a_time(phases, t_s, state):
    assert shows(phases, round(t_s * S))[0] == state


def test_how_sure_that_is():
    assert shows([phase("red", 10, 20)], 5 * S)[1] == 1.0
    assert shows([phase("red", 10, 20, confidence_ratio=0.8)], 5 * S)[1] == 0.8
    assert shows([phase("red", 10, 20, confidence_ratio=math.nan)], 5 * S)[1] <= 1.0
    assert shows([phase("red", 10, 20, 18)], 15 * S)[1] < 1.0
    assert shows([phase("red")], 5 * S)[1] < 1.0
    assert shows([phase("red", 3)], 5 * S)[1] == 0.0


@pytest.mark.parametrize(
    ("phases", "window"),
    [
        ([phase("green", 10, 30)], (1, 10)),
        ([phase("green")], (1, None)),
        ([phase("red", 10, 20), phase("green", 40, 50)], (20, 40)),
        ([phase("red"), phase("green", 40, 50, start=25)], (25, 40)),
        ([phase("red", 10, 20)], (20, None)),
        ([phase("red", 10)], None),
        ([phase("red")], None),
        ([phase("yellow", 2, 2), phase("red", 30, 30), phase("green", 50, 50)], (30, 50)),
        ([phase("yellow", 2, 2)], None),
        ([], None),
    ],
)
def test_the_green_that_is_or_comes_next(phases, window):
    found = green(phases, S)
    if window is None:
        assert found is None
    else:
        assert found[:2] == tuple(None if t is None else t * S for t in window)


# ---------------------------------------------------------------- the way along a path


def test_along_a_path_to_its_first_point():
    straight = [(100.0, 0.0), (50.0, 0.0), (-50.0, 0.0)]
    assert along(straight, 4.0, 45.0) == pytest.approx(100)
    round_a_corner = [(60.0, 80.0), (60.0, 0.0), (-40.0, 0.0)]
    assert along(round_a_corner, 4.0, 45.0) == pytest.approx(140)


def test_before_the_far_end_of_a_path_it_is_still_ahead():
    assert along([(100.0, 0.0), (30.0, 0.0)], 4.0, 45.0) == pytest.approx(100)
    assert along([(100.0, 0.0), (30.0, 5.0)], 4.0, 45.0) is None


def test_who_is_beside_it_past_it_or_goes_the_other_way_is_not_on_it():
    assert along([(100.0, 9.0), (-50.0, 9.0)], 4.0, 45.0) is None
    assert along([(-10.0, 0.0), (-50.0, 0.0)], 4.0, 45.0) is None
    assert along([(-50.0, 0.0), (50.0, 0.0)], 4.0, 45.0) is None
    assert along([(0.0, 50.0), (0.0, -50.0)], 4.0, 45.0) is None
    assert along([(10.0, 0.0)], 4.0, 45.0) is None
    assert along([(10.0, 0.0), (10.0, 0.0)], 4.0, 45.0) is None


def test_a_zone_holds_whichever_way_its_path_is_told_but_not_on_a_road_across():
    assert lies_on([(50.0, 0.0), (-50.0, 0.0)], 4.0, 45.0)
    assert lies_on([(-50.0, 0.0), (50.0, 0.0)], 4.0, 45.0)
    assert not lies_on([(0.0, 50.0), (0.0, -50.0)], 4.0, 45.0)
    assert not lies_on([(50.0, 9.0), (-50.0, 9.0)], 4.0, 45.0)
    assert not lies_on([(50.0, 0.0), (20.0, 0.0)], 4.0, 45.0)
