"""When CAMs and BSMs go, and where we came from: EN 302 637-2 clause 6.1.3, SAE J2945/1, as stories."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.v2x.facilities import BsmTimes, CamTimes, PathHistory

MS = 1_000_000
S = 1_000_000_000


def drive(times, changes, until_ms, congestion_ms=100, step_ms=10):
    """CAMs of a drive that is checked each step_ms: [(ms, low frequency)]; changes: ms -> has it changed."""
    sent = []
    for now in range(0, until_ms + 1, step_ms):
        changed = changes(now, sent[-1][0] if sent else None)
        if times.due(now * MS, changed, congestion_ms * MS):
            sent.append((now, times.containers(now * MS, changed)[0]))
    return sent


# ---------------------------------------------------------------- EN 302 637-2, 6.1.3


def test_who_stands_still_says_so_once_a_second():
    assert [t for t, _ in drive(CamTimes(), lambda now, last: False, 3000)] == [0, 1000, 2000, 3000]


def test_who_moves_4_m_in_200_ms_says_so_each_200_ms():
    sent = drive(CamTimes(), lambda now, last: last is not None and now - last >= 200, 1000)
    assert [t for t, _ in sent] == [0, 200, 400, 600, 800, 1000]


def test_never_more_than_ten_a_second_however_wild_the_drive():
    assert len(drive(CamTimes(), lambda now, last: True, 990)) == 10


def test_after_a_change_three_more_come_at_its_pace_and_then_one_a_second():
    """T_GenCam is the time that had passed; after N_GenCam = 3 without a change it is the maximum again."""
    sent = drive(CamTimes(), lambda now, last: now == 300, 3500)
    assert [t for t, _ in sent] == [0, 300, 600, 900, 1200, 2200, 3200]


def test_a_change_among_the_three_counts_them_anew():
    sent = drive(CamTimes(), lambda now, last: now in (300, 900), 4000)
    assert [t for t, _ in sent] == [0, 300, 600, 900, 1200, 1500, 1800, 2800, 3800]


def test_a_busy_channel_slows_everyone_down():
    assert [t for t, _ in drive(CamTimes(), lambda now, last: True, 1000, congestion_ms=500)] == [
        0,
        500,
        1000,
    ]
    sent = drive(CamTimes(), lambda now, last: True, 2000, congestion_ms=5000)
    assert [t for t, _ in sent] == [0, 1000, 2000]  # never slower than T_GenCamMax


def test_the_low_frequency_container_is_in_the_first_and_each_500_ms():
    sent = drive(CamTimes(), lambda now, last: True, 1500)
    assert [t for t, low in sent if low] == [0, 500, 1000, 1500]
    slow = drive(CamTimes(), lambda now, last: False, 2000)
    assert all(low for _, low in slow)


def test_a_special_vehicle_says_so_each_500_ms():
    times = CamTimes()
    said = [times.containers(t * MS, special=True)[1] for t in range(0, 1001, 100)]
    assert [i for i, special in enumerate(said) if special] == [0, 5, 10]
    assert not CamTimes().containers(0)[1]


@given(st.lists(st.tuples(st.integers(10, 300), st.booleans()), max_size=80), st.integers(0, 2000))
def test_whatever_happens_cams_keep_between_100_ms_and_a_second(steps, congestion_ms):
    times, now, sent = CamTimes(), 0, []
    for pause, changed in steps:
        now += pause
        if times.due(now * MS, changed, congestion_ms * MS):
            times.containers(now * MS, changed)
            sent.append(now)
        assert now - sent[-1] < 1000
    assert all(b - a >= min(max(congestion_ms, 100), 1000) for a, b in itertools.pairwise(sent))


def test_a_bsm_goes_ten_times_a_second_even_when_asked_a_little_late():
    times = BsmTimes()
    sent = [t for t in range(3, 2003, 7) if times.take(t * MS)]
    assert len(sent) == 20
    ticks = BsmTimes()
    assert [t for t in range(0, 501, 10) if ticks.take(t * MS)] == [0, 100, 200, 300, 400, 500]
    late = BsmTimes()
    assert [late.take(t * S) for t in (0, 5)] == [True, True]
    assert not late.take(5 * S + 50 * MS)  # no burst to catch up


# ---------------------------------------------------------------- path history

LATITUDE = 48.0
M_NORTH = 1 / 111_195.08
M_EAST = M_NORTH / math.cos(math.radians(LATITUDE))


def driven(way, step_ms=100, history=None):
    """way: [(north m, east m)], one each step_ms."""
    history = history or PathHistory()
    for i, (north, east) in enumerate(way):
        history.add(LATITUDE + north * M_NORTH, 11 + east * M_EAST, i * step_ms * MS)
    return history


def metres(points):
    return [((p.latitude_deg - LATITUDE) / M_NORTH, (p.longitude_deg - 11) / M_EAST) for p in points]


def aside(point, line):
    """Distance of a point from a polyline."""
    best = math.inf
    for (ax, ay), (bx, by) in itertools.pairwise(line):
        dx, dy = bx - ax, by - ay
        square = dx * dx + dy * dy
        u = 0 if square == 0 else min(max(((point[0] - ax) * dx + (point[1] - ay) * dy) / square, 0), 1)
        best = min(best, math.hypot(point[0] - ax - u * dx, point[1] - ay - u * dy))
    return best


def test_a_straight_road_needs_few_points():
    points = metres(driven([(0.0, i * 3.0) for i in range(400)]).points())
    assert len(points) <= 4
    assert 200 <= 399 * 3 - points[-1][1] <= 300


@pytest.mark.parametrize("radius_m", [15, 50, 300])
def test_lines_between_the_points_stay_within_a_metre_of_the_way(radius_m):
    way = [
        (radius_m * math.sin(i * 2 / radius_m), radius_m * (1 - math.cos(i * 2 / radius_m)))
        for i in range(140)
    ]
    points = metres(driven(way).points())
    line = [way[-1], *points]
    length_m, told = 0.0, []
    for point, before in zip(way[::-1][1:], way[::-1], strict=False):
        length_m += math.dist(point, before)
        if length_m > sum(math.dist(a, b) for a, b in itertools.pairwise(line)):
            break
        told.append(point)
    assert len(told) > 90
    assert max(aside(point, line) for point in told) <= 1.05
    assert len(points) < len(told) / 2


def test_the_newest_come_first_and_no_more_than_a_message_holds():
    way = [(20 * math.sin(i / 8), i * 1.5) for i in range(500)]
    history = driven(way)
    points = history.points(23)
    assert len(points) <= 23
    assert [p.t_ns for p in points] == sorted((p.t_ns for p in points), reverse=True)
    assert points == history.points(40)[: len(points)]
    line = [way[-1], *metres(history.points())]
    assert sum(math.dist(a, b) for a, b in itertools.pairwise(line)) <= 300


def test_standing_adds_nothing():
    history = driven([(0.0, 0.0)] * 1000)
    assert history.points() == ()
    history = driven([(0.0, 0.1 * (i % 2)) for i in range(1000)])
    assert history.points() == ()


def test_a_gap_or_a_jump_begins_anew():
    straight = [(0.0, i * 3.0) for i in range(100)]
    history = driven(straight)
    assert history.points()
    history.add(LATITUDE, 11 + 310 * M_EAST, 99 * 100 * MS + 11 * S)
    assert history.points() == ()
    history = driven(straight)
    history.add(LATITUDE + 500 * M_NORTH, 11, 100 * 100 * MS)
    assert history.points() == ()
    history = driven(straight)
    history.add(LATITUDE, 11, 0)  # the clock went back
    assert history.points() == ()


def test_a_new_pseudonym_forgets_the_way():
    history = driven([(0.0, i * 3.0) for i in range(100)])
    history.reset()
    assert history.points() == ()
    history.add(LATITUDE, 11, 0)
    assert history.points() == ()


def test_no_place_is_passed_over():
    history = PathHistory()
    for latitude, longitude in ((math.nan, 0), (91, 0), (0, 181), (0, math.inf)):
        history.add(latitude, longitude, 0)
    assert history.points() == ()


def test_state_stays_bounded_on_the_longest_drive():
    history = driven([(50 * math.sin(i / 20), i * 1.2) for i in range(20_000)])
    assert len(history._points) <= 40
    assert len(history._since) <= 512
