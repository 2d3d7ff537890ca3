"""Who will meet whom, against a walk in small steps with the textbook's formulae."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.core.conflict import Movers, all_pairs, pairs
from edge.core.geometry import along_all, sin_cos, sin_cos_all

HORIZON_S = 4.0
WALK_S = 0.005


def movers(rows):
    """rows: (x, y, heading rad, speed, acceleration, curvature, length, width)."""
    of = np.array(rows, dtype=float).reshape(-1, 8).T
    return Movers(
        x_m=of[0], y_m=of[1], cosine=np.cos(of[2]), sine=np.sin(of[2]), speed_mps=of[3],
        acceleration_mps2=of[4], curvature_1pm=of[5], half_length_m=of[6] / 2, half_width_m=of[7] / 2,
    )  # fmt: skip


def at(row, t):
    """(x, y, heading) of a mover after t seconds: a circle or a line, at an even braking."""
    x, y, heading, speed, acceleration, curvature, _, _ = row
    braking = max(-acceleration, 0.0)
    if braking > 0:
        t = min(t, speed / braking)
    s = speed * t - braking * t * t / 2
    if abs(curvature) < 1e-12:
        return x + s * math.cos(heading), y + s * math.sin(heading), heading
    end = heading + curvature * s
    return (
        x + (math.sin(end) - math.sin(heading)) / curvature,
        y - (math.cos(end) - math.cos(heading)) / curvature,
        end,
    )


def corners(row, t):
    x, y, heading = at(row, t)
    c, s, a, b = math.cos(heading), math.sin(heading), row[6] / 2, row[7] / 2
    return [(x + u * c - v * s, y + u * s + v * c) for u, v in ((a, b), (-a, b), (-a, -b), (a, -b))]


def overlap_m(one, other, t):
    """How deep two rectangles overlap, negative: how far some axis separates them."""
    p, q = corners(one, t), corners(other, t)
    deepest = math.inf
    for shape in (p, q):
        for (ax, ay), (bx, by) in zip(shape, [*shape[1:], shape[0]], strict=True):
            length = math.hypot(bx - ax, by - ay)
            nx, ny = (by - ay) / length, (ax - bx) / length
            u, v = [x * nx + y * ny for x, y in p], [x * nx + y * ny for x, y in q]
            deepest = min(deepest, max(u) - min(v), max(v) - min(u))
    return deepest


def walk(one, other):
    """(first time of touching or None, deepest overlap, least distance of the middles) in small steps."""
    first, deepest, nearest = None, -math.inf, math.inf
    for k in range(round(HORIZON_S / WALK_S) + 1):
        t = k * WALK_S
        (ax, ay, _), (bx, by, _) = at(one, t), at(other, t)
        nearest = min(nearest, math.hypot(bx - ax, by - ay))
        if nearest < 20.0:
            deep = overlap_m(one, other, t)
            deepest = max(deepest, deep)
            if deep >= 0 and first is None:
                first = t
    return first, deepest, nearest


mover = st.tuples(
    st.floats(-40, 40),
    st.floats(-40, 40),
    st.floats(-math.pi, math.pi),
    st.floats(0, 25),
    st.sampled_from([0.0, 0.0, 1.5, -2.0, -6.0]),
    st.sampled_from([0.0, 0.0, 0.02, -0.05, 0.1]),
    st.sampled_from([0.5, 1.8, 4.6, 12.0]),
    st.sampled_from([0.5, 1.8, 2.5]),
)


@given(mover, mover)
def test_two_meet_when_a_walk_in_small_steps_says_so(one, other):
    assume(all(abs(row[5]) * row[3] ** 2 <= 10.0 for row in (one, other)))  # m/s2: tyres hold no more
    slack = 0.15 + sum(
        abs(row[5]) * row[3] * 0.05 * row[6] / 2 for row in (one, other)
    )  # turned in half a step
    _, deepest, nearest = walk(one, other)
    found = pairs(movers([one, other]), np.array([0]), np.array([1]), HORIZON_S)
    assert found.closest_m[0] == pytest.approx(nearest, abs=0.1)
    when = found.conflict_s[0]
    if deepest > slack:  # surely: not by a hair, nor only between two steps of ours
        assert when <= HORIZON_S
        assert overlap_m(one, other, when) > -slack
        assert all(overlap_m(one, other, k * WALK_S) < slack for k in range(int((when - 0.01) / WALK_S)))
    elif deepest < -slack - 60 * WALK_S:  # nor between two steps of the walk
        assert when == math.inf


@given(st.lists(mover, min_size=2, max_size=9), st.randoms())
def test_who_meets_whom_does_not_depend_on_the_order(rows, draw):
    order = list(range(len(rows)))
    draw.shuffle(order)
    straight = all_pairs(movers(rows), HORIZON_S)
    shuffled = all_pairs(movers([rows[i] for i in order]), HORIZON_S)
    back = {
        frozenset((order[i], order[j])): (t, m, c)
        for i, j, t, m, c in zip(
            shuffled.first, shuffled.second, shuffled.closest_s, shuffled.closest_m, shuffled.conflict_s,
            strict=True,
        )
    }  # fmt: skip
    assert back == {
        frozenset((i, j)): (t, m, c)
        for i, j, t, m, c in zip(
            straight.first.tolist(), straight.second.tolist(), straight.closest_s, straight.closest_m,
            straight.conflict_s, strict=True,
        )
    }  # fmt: skip


@given(st.lists(mover, min_size=2, max_size=9), st.sampled_from([0.0, 1.0]))
def test_leaving_out_who_is_far_loses_nobody(rows, margin_m):
    of = movers(rows)
    first, second = np.triu_indices(len(rows), 1)
    every = pairs(of, first, second, HORIZON_S, margin_m)
    touching = every.conflict_s <= HORIZON_S
    found = all_pairs(of, HORIZON_S, margin_m)
    assert found.first.tolist() == first[touching].tolist()
    assert found.second.tolist() == second[touching].tolist()
    assert found.conflict_s.tolist() == every.conflict_s[touching].tolist()


def test_nobody_passes_through_another_between_two_steps():
    fast = (-30.0, 0.0, 0.0, 60.0, 0.0, 0.0, 0.5, 0.5)
    for at_m in np.arange(-20.0, 20.0, 0.7):
        person = (at_m, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5)
        found = all_pairs(movers([fast, person]), HORIZON_S)
        assert found.conflict_s.tolist() == pytest.approx([(at_m + 30.0 - 0.5) / 60.0])


def test_a_car_that_brakes_stops_short_of_where_it_would_meet():
    braking, standing = (0, 0, 0, 10, -5.0, 0, 4.0, 2.0), (14.5, 0, 0, 0, 0, 0, 4.0, 2.0)
    assert len(all_pairs(movers([braking, standing]), HORIZON_S).first) == 0  # stands after 10 m
    rolling = (0, 0, 0, 10, 0.0, 0, 4.0, 2.0)
    assert all_pairs(movers([rolling, standing]), HORIZON_S).conflict_s.tolist() == pytest.approx([1.05])


def test_nobody_and_one_alone_meet_nobody():
    assert len(all_pairs(movers([]), HORIZON_S).first) == 0
    assert len(all_pairs(movers([(0, 0, 0, 1, 0, 0, 1, 1)]), HORIZON_S).first) == 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_sines_of_many_angles_are_those_of_the_textbook(angles):
    sine, cosine = sin_cos_all(np.array(angles))
    for k, angle in enumerate(angles):
        reduced = math.radians(math.fmod(angle, 360.0))
        assert sine[k] == pytest.approx(math.sin(reduced), abs=4e-15)
        assert cosine[k] == pytest.approx(math.cos(reduced), abs=4e-15)
        assert (sine[k], cosine[k]) == pytest.approx(sin_cos(angle), abs=1e-15)


@given(st.floats(-math.pi, math.pi), st.floats(-0.2, 0.2), st.floats(0, 30))
def test_a_bend_is_a_circle(heading, curvature, metres):
    one = np.array([math.cos(heading)]), np.array([math.sin(heading)])
    x, y, cosine, sine = along_all(*one, np.array([curvature]), np.array([metres]))
    end = heading + curvature * metres
    assert (cosine[0], sine[0]) == pytest.approx((math.cos(end), math.sin(end)), abs=1e-9)
    steps = 2000
    wx = (
        sum(math.cos(heading + curvature * metres * (k + 0.5) / steps) for k in range(steps)) * metres / steps
    )
    wy = (
        sum(math.sin(heading + curvature * metres * (k + 0.5) / steps) for k in range(steps)) * metres / steps
    )
    assert (x[0], y[0]) == pytest.approx((wx, wy), abs=1e-4)
