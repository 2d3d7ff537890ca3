"""What others are told: of our own car, of what happens to it, of what its camera sees."""

from __future__ import annotations

from itertools import pairwise

import pytest
from roadside_story import S, crossing, hears, lane
from story import EAST_M, GATE, GEOMETRY, KMH, LATITUDE, LONGITUDE, NORTH_M, drive, peer_at, with_rules

from edge.config import Announcing, CoreConfig, EventOut, GateSettings, Vehicle
from edge.messages import Announce, PerceivedObjects, Refused, RemoteObject, RoadEvent


def config(standard="etsi", gate=None, **vehicle):
    rules = with_rules(gate=gate or GateSettings()).rules
    return CoreConfig(
        rules=rules,
        vehicle=Vehicle(title="story", gate=GATE, **vehicle),
        geometry={"road": GEOMETRY},
        send_v2x=True,
        v2x_standard=standard,
    )


def states(said):
    return [a for a in said.of(Announce) if isinstance(a.content, RemoteObject)]


def events(said, kind=None):
    """(seconds since the story began, event) of all that was told of one kind."""
    return [
        ((a.t_ns - S) / S, a.content)
        for a in said.of(Announce)
        if isinstance(a.content, RoadEvent) and kind in (None, a.content.kind)
    ]


def seen(said):
    return [a for a in said.of(Announce) if isinstance(a.content, PerceivedObjects)]


# ---------------------------------------------------------------- our own state


def test_china_hears_us_ten_times_a_second_whatever_we_do():
    for mps in (0.0, 20.0):
        told = states(drive(config=config("csae53")).at(mps).go(5).tell())
        gaps = [(b.t_ns - a.t_ns) / S for a, b in pairwise(told)]
        assert len(told) in (49, 50)
        assert all(gap == pytest.approx(0.1) for gap in gaps)


def test_after_changes_etsi_hears_three_more_at_their_interval_then_once_a_second():
    """4 m at 20 m/s: every 0.21 s. Standing, T_GenCam holds for N_GenCam = 3 messages."""
    story = drive().at(20).go(3)
    story.set(mps=0.0).go(4)
    told = states(story.tell())
    moving = [(b.t_ns - a.t_ns) / S for a, b in pairwise(told) if b.t_ns < 4 * S]
    assert all(gap == pytest.approx(0.21, abs=0.011) for gap in moving[1:])
    last = max(n for n, a in enumerate(told) if "changed" in a.cause or a.cause == "moved")
    interval = (told[last].t_ns - told[last - 1].t_ns) / S
    assert interval < 0.22
    after = [(b.t_ns - a.t_ns) / S for a, b in pairwise(told[last:])]
    assert after[:3] == [pytest.approx(interval)] * 3
    assert len(after) >= 5
    assert after[3:] == [pytest.approx(1.0)] * len(after[3:])


def test_the_state_says_what_the_car_knows():
    story = drive(config=config("csae53", kind="truck", length_m=12.0)).at(15).go(1)
    story.set(indicator="left", says={"abs_active": 1.0, "traction_control_active": 1.0}).go(1)
    last = states(story.tell())[-1]
    content = last.content
    assert (content.kind, content.length_m, content.indicator) == ("truck", 12.0, "left")
    assert content.events == ("abs_active", "traction_control_active")
    assert content.measured_ns == last.t_ns
    assert content.accuracy_m == 1.0
    along_m = story.along_m - 15 * (story.t_ns - last.t_ns) / S
    assert content.latitude_deg == pytest.approx(LATITUDE + along_m / NORTH_M, abs=3e-6)


# ---------------------------------------------------------------- events of our own car


def test_hard_braking_is_told_at_once_kept_up_and_over():
    story = drive().at(25).go(2).set(braking=6.0).go(2).set(braking=0.0).go(2)
    told = events(story.tell(), "hard_braking")
    (first_s, first), (last_s, last) = told[0], told[-1]
    assert first_s == pytest.approx(2.01, abs=0.02)
    assert last_s == pytest.approx(4.3, abs=0.05)
    assert [event.over for _, event in told] == [False] * (len(told) - 1) + [True]
    assert {event.id for _, event in told} == {first.id}
    assert all(event.from_ns == first.from_ns for _, event in told)
    assert all(b - a == pytest.approx(0.2) for (a, _), (b, _) in pairwise(told[:-1]))
    assert first.heading_deg == 0.0
    assert first.speed_mps == pytest.approx(25, abs=0.2)
    assert first.until_ns == pytest.approx(3 * S + 2 * S, abs=S // 10)
    assert last.latitude_deg > first.latitude_deg


def test_gentle_braking_and_a_jerk_at_walking_pace_are_nobodys_business():
    assert events(drive().at(25).go(1).set(braking=3.5).go(3).tell()) == []
    assert events(drive().at(2.0).go(1).set(braking=6.0).go(1).tell()) == []


def test_braking_down_to_a_stop_is_one_event():
    story = drive().at(20).go(1).set(braking=6.0).go(6)
    told = events(story.tell(), "hard_braking")
    assert len({event.id for _, event in told}) == 1
    assert sum(event.over for _, event in told) == 1


def test_two_brakings_are_two_events_with_their_own_ids():
    story = drive().at(30).go(1).set(braking=6.0).go(1).set(braking=0.0).go(2).set(braking=6.0).go(1)
    assert len({event.id for _, event in events(story.tell(), "hard_braking")}) == 2


def test_loss_of_control_is_told_when_it_lasts():
    story = drive().at(20).go(2).set(says={"esc_active": 1.0}).go(1).set(says={"esc_active": 0.0}).go(2)
    told = events(story.tell())
    assert {event.kind for _, event in told} == {"loss_of_control"}
    assert told[0][0] == pytest.approx(2.1, abs=0.03)
    assert told[-1][1].over
    short = drive().at(20).go(2).set(says={"abs_active": 1.0}).go(0.05).set(says={"abs_active": 0.0}).go(2)
    assert events(short.tell()) == []
    start = drive().at(5).go(2).set(says={"traction_control_active": 1.0}).go(2)
    assert events(start.tell()) == []


def test_a_stop_with_hazard_lights_is_told_after_ten_seconds_and_over_when_we_drive_on():
    story = drive().at(20).go(1).set(mps=0.0, says={"hazard_lights": 1.0}).go(30)
    told = events(story.tell(), "stationary_vehicle")
    assert told[0][0] == pytest.approx(11, abs=0.3)
    assert told[1][0] - told[0][0] == pytest.approx(15, abs=0.05)
    story.set(mps=10.0, says={}).go(4)
    assert events(story.tell(), "stationary_vehicle")[-1][1].over


def test_a_stop_without_hazard_lights_or_driving_with_them_is_no_event():
    assert events(drive().at(20).go(1).set(mps=0.0).go(30).tell()) == []
    assert events(drive().at(10).set(says={"hazard_lights": 1.0}).go(30).tell()) == []


def test_a_car_that_cannot_drive_on_is_broken_down_not_only_stationary():
    story = drive().at(20).go(1).set(mps=0.0, says={"hazard_lights": 1.0, "disabled": 1.0}).go(25)
    assert {event.kind for _, event in events(story.tell())} == {"broken_down_vehicle"}


def test_a_fired_air_bag_is_an_accident_at_once_and_nothing_else():
    story = drive().at(20).go(1).set(mps=0.0, says={"hazard_lights": 1.0, "air_bag": 1.0}).go(30)
    told = events(story.tell())
    assert {event.kind for _, event in told} == {"accident"}
    assert told[0][0] < 1.1


def test_our_own_collision_alarm_tells_the_others_of_the_risk():
    story = drive().at(20).lead(gap_m=90, mps=0).go(4.2)
    told = events(story.tell(), "collision_risk")
    alarm = story.tell().first("forward_collision", "alarm")
    assert 0 <= told[0][1].from_ns - alarm.t_ns <= 10_000_000
    assert events(drive().at(20).lead(gap_m=90, mps=15).go(3).tell(), "collision_risk") == []


def test_only_an_emergency_vehicle_with_its_lights_on_says_so():
    for emergency, light_bar, told in ((True, 1.0, True), (True, 0.0, False), (False, 1.0, False)):
        story = drive(config=config(emergency=emergency)).at(20).set(says={"light_bar": light_bar}).go(3)
        said = story.tell()
        assert bool(events(said, "emergency_vehicle")) is told
        assert ("emergency_vehicle" in states(said)[-1].content.events) is told


def test_a_jam_is_told_after_a_long_while_behind_others():
    soon = with_rules(announcing=Announcing(traffic_jam=EventOut(after_s=20.0, validity_s=20.0)))
    story = drive(config=soon, face=None).at(1.0).lead(gap_m=8, mps=1.0).go(23)
    told = events(story.tell(), "traffic_jam")
    assert told[0][0] == pytest.approx(20, abs=1)
    assert events(drive(config=soon, face=None).at(1.0).go(23).tell()) == []
    assert events(drive(config=soon, face=None).at(6.0).lead(gap_m=8, mps=6.0).go(23).tell()) == []


# ---------------------------------------------------------------- seen by the camera


def test_a_person_on_a_fast_road_is_told_with_its_place():
    story = drive().at(60 * KMH).lead(gap_m=80, mps=0, kind="person").go(3.5)
    told = events(story.tell(), "person_on_road")
    assert told
    truth = LATITUDE + 80 / NORTH_M
    assert all(abs(event.latitude_deg - truth) * NORTH_M < 12 for _, event in told)
    assert not any(event.over for _, event in told)  # out of sight is not over
    assert all(event.confidence_ratio == pytest.approx(0.9) for _, event in told)


def test_persons_beside_the_road_or_in_a_slow_street_are_not_told():
    assert events(drive().at(60 * KMH).lead(80, 0, "person", left_m=4).go(3).tell()) == []
    assert events(drive().at(30 * KMH).lead(40, 0, "person").go(3).tell(), "person_on_road") == []


def test_a_vehicle_that_stands_in_our_lane_is_told_but_not_one_that_drives():
    said = drive().at(80 * KMH).lead(gap_m=110, mps=0).go(3.5).tell()
    assert events(said, "stationary_vehicle")
    assert events(drive().at(80 * KMH).lead(gap_m=50, mps=15).go(3).tell(), "stationary_vehicle") == []


def test_vehicles_that_wait_at_a_known_intersection_are_not_told():
    story = drive().at(80 * KMH).lead(gap_m=110, mps=0).go(0.5)
    hears(story, crossing(140, lane(140, straight=1))).go(3)
    assert events(story.tell(), "stationary_vehicle") == []


def test_what_the_camera_sees_is_told_ten_times_a_second_where_it_is():
    story = drive().at(20).lead(gap_m=40, mps=20).lead(gap_m=30, mps=-20, left_m=3.5)
    said = story.go(1.2).tell()
    told = seen(said)
    assert all(b.t_ns - a.t_ns >= 95_000_000 for a, b in pairwise(told))
    first = next(o for a in told for o in a.content.objects if o.speed_mps and o.heading_deg == 0.0)
    ahead = (first.latitude_deg - LATITUDE) * NORTH_M - 20 * (first.measured_ns - S) / S
    assert ahead == pytest.approx(40 + 2.3 + 2.3, abs=6)
    assert abs(first.longitude_deg - LONGITUDE) * EAST_M < 1.0
    assert first.speed_mps == pytest.approx(20, abs=3)
    assert first.accuracy_m > 1.0
    assert first.kind == "car"
    ids = {o.id for a in told for o in a.content.objects}
    assert 1 <= len(ids) <= 2


def test_nothing_is_told_of_an_empty_road_or_without_a_heading():
    assert seen(drive().at(20).go(3).tell()) == []
    assert seen(drive(gnss=False).at(20).lead(40, 20).go(3).tell()) == []
    assert seen(drive().at(0).lead(40, 0).go(3).tell()) == []  # stands since the start: no heading


def test_who_speaks_for_himself_is_not_told_of_by_us():
    story = drive().at(20).lead(gap_m=40, mps=20)
    story.peer = lambda t: peer_at(story, 44.6, 0, 20.0, accuracy_m=1.0, length_m=4.6)
    said = story.go(4).tell()
    assert not [a for a in seen(said) if a.t_ns > 3 * S]


def test_a_stopped_vehicle_that_speaks_for_itself_is_not_told_of_by_us():
    story = drive().at(80 * KMH).lead(gap_m=110, mps=0)
    story.peer = lambda t: peer_at(story, 110 + 2.3 - story.along_m, 0, 0.0, accuracy_m=1.0, length_m=4.6)
    assert events(story.go(3.5).tell(), "stationary_vehicle") == []


# ---------------------------------------------------------------- the gate


def test_what_is_not_on_the_list_stays_inside_and_is_counted():
    quiet = config(gate=GateSettings(radio=("own_state",)))
    said = drive(config=quiet).at(25).lead(40, 25).go(2).set(braking=6.0).go(1).tell()
    assert events(said) == []
    assert seen(said) == []
    assert states(said)
    assert {"announce hard_braking", "announce perceived"} <= {r.what for r in said.of(Refused)}


def test_nothing_at_all_leaves_when_the_radio_is_off():
    silent = CoreConfig(vehicle=Vehicle(title="story", gate=GATE), geometry={"road": GEOMETRY})
    said = drive(config=silent).at(25).lead(40, 25).go(2).set(braking=6.0).go(1).tell()
    assert said.of(Announce) == []


def test_without_a_place_no_event_leaves_and_it_says_why():
    said = drive(gnss=False).at(25).go(2).set(braking=6.0).go(1).tell()
    assert said.of(Announce) == []


def test_a_kind_of_event_can_be_switched_off():
    never = with_rules(announcing=Announcing(hard_braking=EventOut(enabled=False, after_s=0.0)))
    assert events(drive(config=never).at(25).go(1).set(braking=6.0).go(1).tell()) == []
