"""Simulated peers move as they say."""

import math

import pytest

from edge.sim.traffic import INTERSECTION, Traffic

M_PER_DEG = math.radians(1.0) * 6378137.0


def metres(a, b):
    north = (b.latitude_deg - a.latitude_deg) * M_PER_DEG
    east = (b.longitude_deg - a.longitude_deg) * M_PER_DEG * math.cos(math.radians(a.latitude_deg))
    return north, east


@pytest.mark.parametrize("number", [0, 9, 40, 299])
def test_a_vehicle_goes_where_it_says_it_goes(number):
    traffic = Traffic(300, 39.9, 116.3)
    step_s = 0.01
    for i in range(300):
        t_s = i * 0.1
        before, after = traffic.vehicle(number, t_s), traffic.vehicle(number, t_s + step_s)
        north, east = metres(before, after)
        assert math.hypot(north, east) / step_s == pytest.approx(before.speed_mps, abs=0.06)
        if before.speed_mps > 1.0:
            course = math.degrees(math.atan2(east, north)) % 360.0
            assert abs((course - before.heading_deg + 180.0) % 360.0 - 180.0) < 1.0
        gained = (after.speed_mps - before.speed_mps) / step_s
        assert gained == pytest.approx(before.acceleration_mps2, abs=0.1) or i % 20 in (0, 1, 19)


def test_nobody_stands_in_another():
    traffic = Traffic(120, 39.9, 116.3)
    vehicles = [traffic.vehicle(i, 33.3) for i in range(len(traffic))]
    nearest = min(math.hypot(*metres(a, b)) for i, a in enumerate(vehicles) for b in vehicles[:i])
    assert nearest > 8.0


def test_somebody_brakes_hard_now_and_then():
    traffic = Traffic(30, 39.9, 116.3)
    assert any("hard_braking" in traffic.vehicle(i, t / 2).events for i in range(30) for t in range(40))


def test_the_lights_follow_each_other_and_never_are_green_both_ways():
    traffic = Traffic(1, 39.9, 116.3)
    for i in range(200):
        t_s = i * 0.37
        signals = traffic.signals(t_s, round(t_s * 1e9)).signals
        assert {s.intersection for s in signals} == {INTERSECTION}
        now = [s.phases[0] for s in signals]
        assert [p.state for p in now].count("green") <= 1
        for signal in signals:
            for first, then in zip(signal.phases, signal.phases[1:], strict=False):
                assert abs(then.from_ns - first.likely_end_ns) <= 2
            assert signal.phases[0].from_ns <= t_s * 1e9 + 1 <= signal.phases[0].likely_end_ns + 2


def test_lanes_begin_at_the_stop_line_and_approach_on_the_right():
    (crossing,) = Traffic(1, 0.0, 10.0).crossing().intersections
    assert len(crossing.lanes) == 8
    for lane in crossing.lanes:
        north0, east0 = ((lane.points[0][0]) * M_PER_DEG, (lane.points[0][1] - 10.0) * M_PER_DEG)
        north1, east1 = ((lane.points[-1][0]) * M_PER_DEG, (lane.points[-1][1] - 10.0) * M_PER_DEG)
        assert math.hypot(north0, east0) < math.hypot(north1, east1)
        # towards the middle (approach) or away: the middle lies to the left of a lane on the right side
        direction = (north0 - north1, east0 - east1) if lane.approach else (north1 - north0, east1 - east0)
        to_middle = (-north1, -east1)
        cross = direction[0] * to_middle[1] - direction[1] * to_middle[0]  # > 0: the middle is to the right
        assert cross < 0
