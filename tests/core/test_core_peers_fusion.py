"""Who is the same road user: told by itself, by others and by our own camera."""

from __future__ import annotations

import random

import numpy as np
import pytest

from edge.core.fusion import Seen, ourselves, same_tracks, same_users
from edge.core.peers import KINDS
from edge.messages import Road, Track


def seen(*rows):
    """rows: (x, y, kind, seer) and speed along x, along y, or nothing if they are not known."""
    full = [(*row, 0.0, 0.0)[:6] if len(row) == 4 else row for row in rows]
    return Seen(
        x_m=np.array([float(r[0]) for r in full]),
        y_m=np.array([float(r[1]) for r in full]),
        u_mps=np.array([float(r[4]) for r in full]),
        w_mps=np.array([float(r[5]) for r in full]),
        moves=np.array([len(r) == 6 for r in rows]),
        accuracy_m=np.full(len(full), 1.0),
        half_length_m=np.full(len(full), 2.3),
        kinds=np.array([KINDS.index(r[2]) for r in full]),
        seers=np.array([r[3] for r in full]),
    )


def same(*rows):
    return same_users(seen(*rows), np.arange(len(rows))).tolist()


def test_who_tells_of_itself_stands_for_what_others_see_of_it():
    assert same((50, 0, "car", 7), (51, 0.5, "car", 0)) == [1, -1]
    assert same((50, 0, "car", 7), (51, 0.5, "truck", 0), (49, 0, "unknown", 8)) == [1, -1, 1]


def test_what_two_others_see_is_one_even_if_it_tells_nothing_itself():
    assert same((50, 0, "person", 1), (50.5, 0.5, "person", 2), (49.8, 0, "person", 3)) == [-1, 0, 0]


@pytest.mark.parametrize(
    ("why", "rows"),
    [
        ("both tell of themselves", [(50, 0, "car", 0), (50.5, 0, "car", 0)]),
        ("one sees both", [(50, 0, "car", 1), (51, 0, "car", 1)]),
        ("parked side by side", [(50, 0, "car", 0), (50, 2.6, "car", 1)]),
        ("one person, one car", [(50, 0, "car", 0), (50.5, 1, "person", 1)]),
        ("one overtakes the other", [(50, 0, "car", 0, 20, 0), (51, 1.5, "car", 1, 28, 0)]),
        ("on two lanes", [(50, 0, "car", 0, 20, 0), (50, 3.5, "car", 1, 20, 0)]),
        ("one behind the other", [(50, 0, "car", 0, 20, 0), (57, 0, "car", 1, 20, 0)]),
    ],
)
def test_two_stay_two(why, rows):
    assert same(*rows) == [-1, -1], why


def test_of_two_near_ones_the_nearer_is_the_same_and_each_only_once():
    assert same((50, 0, "car", 0), (52, 0, "car", 1), (50.5, 0, "car", 1)) == [-1, -1, 0]


def test_a_street_full_of_cars_that_many_see_is_told_apart():
    """A made-up truth: cars 6 m apart on two lanes, seen with errors of half a metre by five others."""
    draw = random.Random(5)
    cars = [(6.0 * k, 3.5 * lane) for k in range(20) for lane in (0, 1)]
    rows = [(x, y, "car", 0, 10.0, 0.0) for x, y in cars]
    truth = list(range(len(cars)))
    for seer in range(1, 6):
        for n in draw.sample(range(len(cars)), 15):
            x, y = cars[n]
            rows.append((x + draw.gauss(0, 0.4), y + draw.gauss(0, 0.4), "car", seer, 10.0, 0.0))
            truth.append(n)
    order = list(range(len(rows)))
    draw.shuffle(order)
    found = same(*(rows[i] for i in order))
    for place, i in enumerate(order):
        assert (found[place] < 0) == (i < len(cars))
        if found[place] >= 0:
            assert order[found[place]] == truth[i]


def track(number, distance, lateral, closing=None, kind="car"):
    return Track(
        id=number, kind=kind, box=(0, 0, 1, 1), score=0.9, age_s=1.0, distance_m=distance, distance_sd_m=1.0,
        lateral_m=lateral, closing_speed_mps=closing, closing_speed_sd_mps=0.5, ttc_s=None, in_path=True,
    )  # fmt: skip


def tracks_of(rows, *tracks, taken_ns=0):
    road = Road(
        t_ns=0,
        camera="road",
        taken_ns=taken_ns,
        frame_id=1,
        tracks=tracks,
        lane=None,
        lead_id=None,
        headway_s=None,
    )
    return same_tracks(seen(*rows), np.arange(len(rows)), (road,), 0, (20.0, 2.3)).tolist()


def test_the_cameras_track_is_the_one_at_its_place_with_its_speed():
    ahead, beside, other = (50, 0, "car", 0, 10, 0), (50, 3.5, "car", 0, 10, 0), (70, 0, "car", 0, 20, 0)
    assert tracks_of([ahead, beside, other], track(4, 45.4, 0.2, 10.0)) == [4, -1, -1]
    assert tracks_of([ahead, beside, other], track(4, 45.4, 0.2, 10.0), track(5, 45.0, 3.3, 10.0)) == [
        4,
        5,
        -1,
    ]
    assert tracks_of([ahead], track(4, 45.4, 0.2, 0.0)) == [-1]  # another speed
    assert tracks_of([ahead], track(4, 45.4, 0.2, 10.0, "person")) == [-1]
    assert tracks_of([ahead], track(4, None, None)) == [-1]
    assert tracks_of([ahead], track(4, 55.4, 0.0, 10.0)) == [-1]
    assert tracks_of([ahead], track(4, 55.4, 0.0, 10.0), taken_ns=-1_000_000_000) == [4]  # it was there


def test_one_track_is_one_road_user():
    rows = [(50, 0, "car", 0, 10, 0), (51.5, 0.4, "car", 0, 10, 0)]
    assert tracks_of(rows, track(4, 45.4, 0.0, 10.0)) == [4, -1]


def us(row, turned_cos=1.0, level=True):
    return bool(ourselves(seen(row), 20.0, np.array([turned_cos]), np.array([level]))[0])


def test_who_is_where_we_are_and_moves_as_we_do_is_ourselves_and_nobody_else():
    assert us((1, 0.5, "car", 0, 20, 0))
    assert us((3, 1.4, "unknown", 9, 19, 1))
    assert us((1, 0.5, "car", 9))  # how it moves is not said
    assert not us((1, 0.5, "car", 0, 12, 0))
    assert not us((1, 0.5, "car", 0, 20, 0), turned_cos=0.3)
    assert not us((1, 0.5, "car", 0, 20, 0), level=False)
    assert not us((1, 0.5, "person", 9, 20, 0))
    assert not us((4.7, 0, "car", 0, 20, 0))
    assert not us((0, 2.2, "car", 9, 20, 0))
