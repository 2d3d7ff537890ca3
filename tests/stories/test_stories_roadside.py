"""Drives past what the roadside tells of: hazards, jams, limits, signs. Who is warned, and who is not."""

from __future__ import annotations

import random

import pytest
from roadside_story import S, approach, crossing, event, hears, lane, light, place, told
from story import KMH, drive, with_rules

from edge.config import PeerRules
from edge.core.core import Core
from edge.messages import RoadEvent, Unavailable, Warning, decode, encode

HAZARD = "hazardous_location"


def warned(said, *names):
    return said.begun(
        *(names or (HAZARD, "speed_limit", "in_vehicle_sign", "traffic_jam_ahead", "red_light_violation"))
    )


def heading_for(what: RoadEvent, mps: float = 20.0, seconds: float = 3.0):
    return told(drive().at(mps).go(1), what).go(seconds).tell()


# ---------------------------------------------------------------- hazardous locations


def test_an_accident_ahead_is_told_at_once_and_is_urgent_when_it_is_near():
    story = told(drive().at(20).go(1), event("accident", 280, text="two cars")).go(0.05)
    first = story.tell().first(HAZARD)
    assert first.level == "information"
    assert first.t_ns == 2 * S  # within its message: the car has driven for one second
    assert first.cause == "accident 260 m ahead: two cars"
    assert first.object == "event:rsu/1"
    assert 255 < first.values["ahead_m"] < 265
    assert first.values["arrival_s"] == pytest.approx(13, abs=0.3)
    assert 0 < first.values["sure_ratio"] <= 1
    said = told(told(story, event("accident", 280)).go(8), event("accident", 280)).go(4).tell()
    levels = [w.level for w in said.of(Warning) if w.name == HAZARD]
    assert levels[0] == "information"
    assert "warning" in levels


def test_what_blocks_the_road_is_an_alarm_when_comfortable_braking_would_not_do():
    """20 m/s stop in 67 m at 3 m/s2; a path makes it sure that it is our road."""
    story = drive().at(20).go(1)
    trail = tuple(place(250 - 20 * n) for n in range(10))
    told(story, event("stationary_vehicle", 250, path=trail)).go(9)
    alarm = story.tell().first(HAZARD, "alarm")
    assert 55 < alarm.values["ahead_m"] <= 67


def test_what_nobody_signed_is_a_warning_and_no_alarm_unless_the_rules_say_so():
    trail = tuple(place(250 - 20 * n) for n in range(10))
    levels = []
    for rules in (PeerRules(), PeerRules(unsigned_may_alarm=True)):
        story = drive(config=with_rules(peers=rules)).at(20).go(1)
        told(story, event("stationary_vehicle", 250, path=trail), trust="unsigned").go(9)
        levels.append({w.level for w in story.tell().of(Warning) if w.name == HAZARD})
    assert "alarm" not in levels[0]
    assert "warning" in levels[0]
    assert "alarm" in levels[1]


def test_a_slippery_road_is_never_an_alarm():
    story = told(drive().at(20).go(1), event("slippery_road", 280, heading_deg=0.0)).go(8)
    said = told(story, event("slippery_road", 280, heading_deg=0.0)).go(4).tell()
    assert {w.level for w in said.of(Warning) if w.name == HAZARD} == {"information", "warning"}


@pytest.mark.parametrize(
    "harmless",
    [
        event("accident", -50),
        event("accident", 700),
        event("accident", 200, left_m=80),
        event("accident", 200, heading_deg=180.0),
        event("accident", 200, over=True),
        event("accident", 200, until_ns=1 * S),
        event("accident", 200, from_ns=60 * S),
    ],
    ids=["behind", "far", "another road", "other direction", "over", "expired", "not yet"],
)
def test_what_does_not_concern_us_is_not_warned_of(harmless):
    assert warned(heading_for(harmless)) == []


def test_an_event_for_our_direction_is_warned_of_and_beside_the_road_counts():
    assert warned(heading_for(event("accident", 200, left_m=-12, heading_deg=10.0))) == [HAZARD]


def test_a_path_says_which_road_is_meant():
    """Towards the same place: our road, and one that joins it from the east."""
    ours = tuple(place(250 - 20 * n) for n in range(10))
    theirs = tuple(place(250, left_m=-20.0 * n) for n in range(1, 10))
    assert warned(heading_for(event("accident", 250, path=ours))) == [HAZARD]
    assert warned(heading_for(event("accident", 250, path=theirs))) == []


def test_the_way_round_a_bend_counts_along_its_path():
    path = (place(150, left_m=100), place(150, left_m=50), place(150), place(100), place(0))
    said = heading_for(event("accident", 150, left_m=120, path=path), seconds=0.5)
    warning = said.first(HAZARD)
    assert warning.values["ahead_m"] == pytest.approx(130 + 120, abs=3)
    assert warning.values["distance_m"] < 190


def test_the_most_urgent_of_several_is_told():
    """Braking for the accident needs more than 3 m/s2; the fog around us comes first by distance."""
    fog = event("low_visibility", 40, id="fog", radius_m=500.0)
    story = told(drive().at(20).go(1), fog, event("accident", 85, id="crash", heading_deg=0.0))
    warning = story.go(1).tell().first(HAZARD)
    assert (warning.object, warning.level) == ("event:rsu/crash", "alarm")
    assert told(drive().at(20).go(1), fog).go(1).tell().first(HAZARD).cause == "low visibility here"


def test_an_event_that_is_cancelled_ends_its_warning_and_does_not_come_back():
    story = told(drive().at(20).go(1), event("obstacle", 290, measured_ns=1 * S)).go(1)
    told(story, event("obstacle", 290, measured_ns=2 * S, over=True)).go(1)
    told(story, event("obstacle", 290, measured_ns=1 * S)).go(2)
    warnings = [w for w in story.tell().of(Warning) if w.name == HAZARD]
    assert [w.active for w in warnings] == [True, False]


def test_an_event_that_nobody_repeats_is_forgotten_when_it_says_no_end():
    """At 5 m/s the place is still ahead after the 10 s that such an event is believed."""
    said = told(drive().at(5).go(1), event("obstacle", 200)).go(15).tell()
    warnings = [w for w in said.of(Warning) if w.name == HAZARD]
    assert warnings[-1].active is False
    assert (warnings[-1].t_ns - 2 * S) / S == pytest.approx(11, abs=0.3)


def test_an_emergency_vehicle_behind_us_concerns_us_too():
    said = heading_for(event("emergency_vehicle", -150, heading_deg=0.0), mps=15)
    assert "behind" in said.first(HAZARD).cause
    assert warned(heading_for(event("emergency_vehicle", -400))) == []


def test_who_stands_is_not_warned():
    story = drive().at(20).go(2).set(mps=0.0).go(1)
    assert warned(told(story, event("accident", 150)).go(3).tell()) == []


def test_without_a_place_nothing_is_guessed_and_the_function_says_so():
    said = told(drive(gnss=False).at(20).go(1), event("accident", 200)).go(4).tell()
    assert warned(said) == []
    assert (HAZARD, "gnss") in {(m.function, m.input) for m in said.of(Unavailable)}


def test_a_car_that_stands_since_the_start_has_no_heading_and_says_so():
    said = told(drive().at(0).go(1), event("sign", 50, code=1)).go(4).tell()
    blamed = {m.function: m for m in said.of(Unavailable)}
    assert blamed["in_vehicle_sign"].input == "gnss"
    assert "heading" in blamed["in_vehicle_sign"].reason
    assert warned(said) == []


# ---------------------------------------------------------------- jams, signs


def test_the_tail_of_a_jam_is_told_in_time_and_within_it_there_is_silence():
    story = told(drive().at(30).go(1), event("traffic_jam", 400, until_ns=60 * S)).go(5)
    said = story.tell()
    assert warned(said) == ["traffic_jam_ahead"]
    assert said.first("traffic_jam_ahead").level == "information"
    assert said.first("traffic_jam_ahead", "warning").values["ahead_m"] < 300
    story.set(mps=2.0).go(5)
    assert [w.active for w in story.tell().of(Warning) if w.name == "traffic_jam_ahead"][-1] is False


def test_a_sign_is_information_with_its_code_and_text():
    said = heading_for(event("sign", 140, code=21, text="no overtaking"))
    sign = said.first("in_vehicle_sign")
    assert sign.level == "information"
    assert sign.values["sign_code"] == 21.0
    assert sign.cause.endswith("no overtaking")
    assert warned(heading_for(event("sign", 240, code=21), seconds=1.0)) == []


def test_the_next_sign_replaces_the_one_that_was_passed():
    story = drive().at(20).go(1)
    told(story, event("sign", 60, id="a", code=1), event("sign", 120, id="b", code=2)).go(6)
    objects = [w.object for w in story.tell().of(Warning) if w.name == "in_vehicle_sign" and w.active]
    assert objects[0] == "event:rsu/a"
    assert objects[-1] == "event:rsu/b"


# ---------------------------------------------------------------- speed limits


def limit(kmh: float, along_m: float, **values: object) -> RoadEvent:
    return event("speed_limit", along_m, speed_limit_mps=kmh * KMH, until_ns=99 * S, **values)


def test_too_fast_in_a_zone_is_warned_of_and_ends_with_the_speed():
    zone = tuple(place(10.0 * n) for n in range(40))
    story = told(drive().at(62 * KMH).go(1), limit(50, 0, path=zone)).go(3)
    warning = story.tell().first("speed_limit")
    assert warning.level == "warning"
    assert warning.values["limit_mps"] == pytest.approx(50 * KMH)
    assert warning.cause == "62 km/h, the limit is 50 km/h"
    story.set(mps=50 * KMH).go(3)
    assert [w.active for w in story.tell().of(Warning) if w.name == "speed_limit"] == [True, False]


@pytest.mark.parametrize(
    "harmless",
    [
        limit(50, 0, path=tuple(place(10.0 * n) for n in range(40))),
        limit(30, 0, path=tuple(place(10.0 * n, left_m=40) for n in range(40))),
        limit(30, 300, radius_m=50.0),
        limit(30, 0, heading_deg=180.0, radius_m=500.0),
    ],
    ids=["kept", "beside us", "still far", "other direction"],
)
def test_a_limit_that_is_kept_or_not_ours_is_silent(harmless):
    assert warned(heading_for(harmless, mps=50 * KMH)) == []


def test_a_lower_limit_ahead_is_told_when_it_is_time_to_brake():
    """From 100 to 50 km/h at 1.5 m/s2 after 1.5 s: 193 + 42 m before it."""
    said = told(drive().at(100 * KMH).go(1), limit(50, 420, radius_m=20.0)).go(8).tell()
    ahead = said.first("speed_limit").values["ahead_m"]
    assert 200 < ahead < 236


def test_the_lane_of_a_map_has_a_limit_too():
    story = drive().at(65 * KMH).go(1)

    hears(story, crossing(290, lane(290, limit_mps=50 * KMH, straight=1))).go(3)
    warning = story.tell().first("speed_limit")
    assert warning.object == "lane:0.7.1"
    assert warning.values["limit_mps"] == pytest.approx(50 * KMH)


def test_a_lane_whose_limit_is_not_sure_says_nothing():
    """Two lanes, 1 m to our left and right, with different limits."""
    story = drive().at(65 * KMH).go(1)

    lanes = lane(290, 1, 1.0, limit_mps=50 * KMH), lane(290, 2, -1.0, limit_mps=80 * KMH)
    assert warned(hears(story, crossing(290, *lanes)).go(3).tell()) == []


# ---------------------------------------------------------------- the same again


def busy_road():
    story = drive(jitter_px=1.0).at(20).lead(60, 12).go(1)
    trail = tuple(place(240 - 20 * n) for n in range(10))
    told(story, event("accident", 250, path=trail, heading_deg=3.0), limit(50, 0, id="2", radius_m=400.0))
    hears(story, crossing(190, lane(190, straight=1), lane(190, 2, -3.2, right=2)))
    approach(story, 5, lambda: [light(story, ("red", 60.0)), light(story, ("green", 9.0), group=2)])
    return told(story, event("accident", 250, over=True)).go(2).messages


def outputs(messages):
    core = Core(drive().config)
    return [encode(out) for message in messages for out in core.step(message)]


def test_a_recording_of_it_gives_the_same_decisions_bit_for_bit():
    messages = busy_road()
    live = outputs(messages)
    for name in (b"hazardous_location", b"speed_limit", b"red_light_violation"):
        assert any(b'"Warning"' in line and name in line for line in live), name
    assert outputs([decode(encode(m)) for m in messages]) == live


@pytest.mark.parametrize("seed", range(4))
def test_lost_late_and_repeated_messages_break_nothing(seed):
    chance = random.Random(seed)
    messages = [m for m in busy_road() if chance.random() > 0.2]
    for _ in range(200):
        i = chance.randrange(len(messages) - 40)
        messages[i], messages[i + chance.randrange(40)] = messages[i + 20], messages[i]
    assert outputs(messages)
