"""Drives on a road: who is warned of, when, and who is not."""

from __future__ import annotations

import pytest
from story import KMH, Other, drive

from edge.config import ForwardCollision
from edge.messages import Request, Road, Transmit, Warning

ROAD = ("forward_collision", "pedestrian_collision", "headway", "lane_departure")


def test_a_stopped_car_ahead_is_warned_of_before_nhtsa_demands():
    """NHTSA FCW test 1: 72 km/h towards a stopped car, the alert must come at TTC 2.1 s or before."""
    said = drive().at(72 * KMH).lead(gap_m=120, mps=0).go(5.4).tell()
    warning = said.first("forward_collision")
    gap_m = 120 - (warning.t_ns - 1_000_000_000) / 1e9 * 72 * KMH
    assert 2.1 <= gap_m / (72 * KMH) <= 3.2
    assert warning.values["ttc_s"] < warning.thresholds["ttc_s"]
    assert warning.object.startswith("track:")


def test_a_slower_car_ahead_is_warned_of_before_nhtsa_demands():
    """NHTSA FCW test 3: 72 km/h towards 32 km/h, alert at TTC 2.0 s or before."""
    closing = 40 * KMH
    said = drive().at(72 * KMH).lead(gap_m=80, mps=32 * KMH).go(6.0).tell()
    warning = said.first("forward_collision")
    gap_m = 80 - (warning.t_ns - 1_000_000_000) / 1e9 * closing
    assert 2.0 <= gap_m / closing <= 3.2


def test_a_lead_that_brakes_hard_is_warned_of():
    """NHTSA FCW test 2: both at 72 km/h, 30 m apart, the lead brakes at 0.3 g: alert at TTC >= 2.4 s."""
    story = drive().at(72 * KMH).lead(gap_m=30, mps=72 * KMH).go(3.0)
    story.others[0].braking = 0.3 * 9.81
    began_ns = story.t_ns
    warning = story.go(4.0).tell().first("forward_collision")
    t = (warning.t_ns - began_ns) / 1e9
    gap, closing = 30 - 0.5 * 0.3 * 9.81 * t * t, 0.3 * 9.81 * t
    assert gap / closing >= 2.4


def test_the_alarm_asks_for_braking_and_the_gate_lets_it_out_within_its_limits():
    said = drive().at(20).lead(gap_m=100, mps=0).go(4.7).tell()
    assert said.first("forward_collision", "alarm")
    asked = [r for r in said.of(Request) if r.what == "brake"]
    sent = [t.signals["BRAKE"] for t in said.of(Transmit)]
    assert asked
    assert 0 < max(sent) <= 6.0
    assert all(t.dry_run for t in said.of(Transmit))


def test_a_car_that_keeps_its_distance_is_no_danger():
    assert drive().at(25).lead(gap_m=40, mps=25).go(20).tell().begun(*ROAD) == []


def test_detections_that_jitter_warn_of_nothing():
    for seed in range(5):
        said = drive(jitter_px=2.0, seed=seed).at(25).lead(gap_m=40, mps=25).go(20).tell()
        assert said.begun(*ROAD) == []


def test_tailgating_is_warned_of_after_two_seconds():
    said = drive().at(25).lead(gap_m=15, mps=25).go(5).tell()
    assert said.begun(*ROAD) == ["headway"]
    warning = said.first("headway")
    assert warning.values["headway_s"] == pytest.approx(0.6, rel=0.1)
    assert 2.0 <= (warning.t_ns - 1_000_000_000) / 1e9 <= 2.6


def test_a_car_that_cuts_in_and_pulls_away_is_not_tailgated():
    story = drive().at(25).lead(gap_m=15, mps=30, left_m=3.5).go(0.5)
    story.others[0].left_mps = -3.5
    story.go(1.0)
    story.others[0].left_mps = 0.0
    assert story.go(5).tell().begun(*ROAD) == []


def test_parked_cars_beside_the_road_are_no_danger():
    story = drive().at(14)
    for n in range(12):
        story.lead(gap_m=20 + 12 * n, mps=0, left_m=-3.0)
    assert story.go(12).tell().begun(*ROAD) == []


def test_oncoming_traffic_is_no_danger():
    story = drive().at(25)
    for n in range(8):
        story.lead(gap_m=100 + 90 * n, mps=-25, left_m=3.5)
    assert story.go(15).tell().begun(*ROAD) == []


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("bend", [1 / 150, -1 / 150])
def test_parked_and_oncoming_cars_in_a_bend_are_no_danger(bend, lines):
    story = drive(bend_from_m=0.0, bend_1pm=bend, lines=lines).at(14)
    for n in range(12):
        story.lead(gap_m=25 + 15 * n, mps=0, left_m=-3.0)
        story.lead(gap_m=60 + 60 * n, mps=-14, left_m=3.5)
    assert story.go(12).tell().begun(*ROAD) == []


def test_oncoming_cars_seen_before_the_bend_are_no_danger():
    story = drive(bend_from_m=80.0, bend_1pm=1 / 100).at(14)
    for n in range(8):
        story.lead(gap_m=90 + 25 * n, mps=-14, left_m=3.5)
    assert story.go(10).tell().begun(*ROAD) == []


def test_a_car_parked_behind_the_begin_of_a_bend_is_no_danger_when_lines_show_the_way():
    story = drive(bend_from_m=60.0, bend_1pm=1 / 80, lines=True).at(12)
    story.lead(gap_m=85, mps=0, left_m=-3.2)
    assert story.go(9).tell().begun(*ROAD) == []


def test_a_ghost_of_one_or_two_pictures_is_no_danger():
    big = (540.0, 300.0, 740.0, 480.0)
    story = drive(ghosts=[(2.0, big), (3.0, big), (3.05, big)]).at(20).go(5)
    said = story.tell()
    assert said.begun(*ROAD) == []
    assert all(not road.tracks for road in said.of(Road))


def test_stopping_behind_a_queue_comfortably_is_no_danger():
    """20 m/s, braking at 2.5 m/s2 to stop 4 m behind a standing car: TTC falls below 2.7 s on the way."""
    story = drive().at(20).lead(gap_m=100 + 80 + 4, mps=0).go(5.0).set(braking=2.5)
    assert story.go(9).tell().begun(*ROAD) == []


def test_creeping_in_stopped_traffic_is_no_danger():
    story = drive().at(2.0).lead(gap_m=12, mps=0).go(3.0).set(braking=0.6)
    assert story.go(5).tell().begun(*ROAD) == []


def test_a_person_who_steps_out_is_warned_of_and_one_on_the_pavement_is_not():
    walking = drive().at(40 * KMH)
    walking.others.append(Other("person", 60, 4.0, 1.3))
    assert walking.go(5).tell().begun(*ROAD) == []

    stepping = drive().at(40 * KMH)
    stepping.others.append(Other("person", 45, -4.0, 0.0, left_mps=1.2))
    said = stepping.go(3.9).tell()
    warning = said.first("pedestrian_collision")
    ttc_s = (45 - (warning.t_ns - 1_000_000_000) / 1e9 * 40 * KMH) / (40 * KMH)
    assert 1.5 <= ttc_s <= 3.6


def test_leaving_the_lane_without_indicating_is_warned_of_no_later_than_the_standard_allows():
    """ISO 17361: the latest warning line is 0.3 m outside the marking."""
    story = drive(lines=True).at(25).go(3).set(drift_mps=0.4).go(4)
    said = story.tell()
    assert said.begun(*ROAD) == ["lane_departure"]
    warning = said.first("lane_departure")
    left_m = 0.4 * ((warning.t_ns - 1_000_000_000) / 1e9 - 3)
    beyond_m = left_m + 0.9 - 1.75
    assert -0.75 <= beyond_m <= 0.3
    assert warning.object == "line:left"


def test_changing_lane_with_the_indicator_is_not_warned_of():
    story = drive(lines=True).at(25).go(3).set(indicator="left").go(1).set(drift_mps=0.7).go(2.5)
    assert story.set(indicator="off").go(2.5).set(drift_mps=0.0).go(2).tell().begun(*ROAD) == []


def test_wandering_within_the_lane_or_slowly_is_not_warned_of():
    story = drive(lines=True).at(25)
    for drift in (0.2, -0.2, -0.2, 0.2):
        story.set(drift_mps=drift).go(2.0)
    assert story.tell().begun(*ROAD) == []
    assert drive(lines=True).at(10).go(3).set(drift_mps=0.4).go(4).tell().begun(*ROAD) == []


def test_a_warning_begins_and_ends_once_and_does_not_flicker():
    story = drive(jitter_px=1.5).at(25).lead(gap_m=24.5, mps=25).go(30)
    said = story.tell().of(Warning)
    changes = [w.active for w in said if w.name == "headway"]
    assert len(changes) <= 3


def test_a_function_that_is_switched_off_is_silent():
    from story import with_rules

    config = with_rules(forward_collision=ForwardCollision(enabled=False))
    said = drive(config=config).at(20).lead(gap_m=90, mps=0).go(4.4).tell()
    assert "forward_collision" not in said.begun()
