"""Drives with a driver who blinks, glances, sleeps and is distracted, and the way the car is driven."""

from __future__ import annotations

import pytest
from story import KMH, drive, looking, with_rules

from edge.config import Driving
from edge.messages import Driver, Unavailable

PEOPLE = ("eyes_closed", "drowsiness", "distraction", "driver_missing")
HARSH = ("harsh_braking", "harsh_acceleration", "harsh_cornering", "overspeed")


def blinking(every_s: float, for_s: float):
    return lambda t: looking(eyes=0.05 if t % every_s < for_s else 0.9)


def test_blinking_is_not_warned_of():
    """17 blinks a minute of 0.15 s each, an attentive driver's, for two minutes."""
    said = drive().at(25).driver(blinking(3.5, 0.15)).go(120).tell()
    assert said.begun(*PEOPLE) == []
    assert said.of(Driver)[-1].perclos_ratio == pytest.approx(0.15 / 3.5, abs=0.02)


def test_glances_to_the_mirrors_are_not_warned_of():
    """A second to the mirror every five, beyond any limit of angle: 6 s of 30 away."""
    said = drive().at(30).driver(lambda t: looking(yaw=50.0 if t % 5 < 1.0 else 0.0)).go(60).tell()
    assert said.begun(*PEOPLE) == []


def test_closing_the_eyes_climbs_the_ladder():
    """Euro NCAP and GB/T 41797: microsleep from 1 s, 2 s, asleep from 3 s."""
    story = drive().at(25).go(2.0)
    story.driver(lambda t: looking(eyes=0.05 if t < 4 else 0.9))
    began_ns = story.t_ns
    said = story.go(8).tell()
    for level, after_s in (("information", 1.0), ("warning", 2.0), ("alarm", 3.0)):
        at_s = (said.first("eyes_closed", level).t_ns - began_ns) / 1e9
        assert after_s <= at_s <= after_s + 0.15
    last = [w for w in said.messages if getattr(w, "name", "") == "eyes_closed"][-1]
    assert not last.active


def test_one_picture_of_open_eyes_does_not_end_a_sleep():
    said = drive().at(25).driver(lambda t: looking(eyes=0.9 if 1.5 < t < 1.56 else 0.05)).go(4).tell()
    assert said.first("eyes_closed", "alarm").values["eyes_closed_s"] >= 3.0


def test_closed_eyes_of_a_standing_car_are_the_drivers_affair():
    assert drive().at(0.0).driver(lambda t: looking(eyes=0.0)).go(6).tell().begun(*PEOPLE) == []


def test_a_tired_driver_is_told_and_then_warned():
    said = drive().at(25).driver(blinking(4.0, 0.6)).go(60).tell()
    assert said.first("drowsiness", "alarm").values["perclos_ratio"] == pytest.approx(0.15, abs=0.02)
    assert said.begun(*PEOPLE) == ["drowsiness"]


def test_a_turned_head_hides_the_eyes_instead_of_closing_them():
    said = drive().at(25).driver(lambda t: looking(yaw=60.0, eyes=0.0)).go(3).tell()
    assert all(d.eyes_closed is None for d in said.of(Driver))
    assert "eyes_closed" not in said.begun()


@pytest.mark.parametrize(("kmh", "limit_s"), [(70, 3.5), (35, 6.0)])
def test_looking_away_is_warned_of_when_the_regulation_says(kmh, limit_s):
    """EU 2023/2590: 3.5 s above 50 km/h, 6 s from 20 to 50 km/h."""
    story = drive().at(kmh * KMH).go(2.0).driver(lambda t: looking(pitch=-35.0))
    began_ns = story.t_ns
    warning = story.go(8).tell().first("distraction")
    assert limit_s <= (warning.t_ns - began_ns) / 1e9 <= limit_s + 0.15


def test_looking_away_again_and_again_is_warned_of():
    """Euro NCAP, visual time sharing: more than 10 s away in 30 s."""
    story = drive().at(30).driver(lambda t: looking(yaw=45.0 if t % 5 < 2.5 else 0.0))
    warning = story.go(30).tell().first("distraction")
    assert "away_in_30_s" in warning.values
    assert 15 <= (warning.t_ns - 1_000_000_000) / 1e9 <= 23


def test_the_neutral_pose_is_learnt_so_that_a_camera_aside_is_not_a_driver_looking_away():
    """A camera 35 degrees aside; after 60 s above 13 m/s the driver's usual direction is straight ahead."""
    story = drive().at(25).driver(lambda t: looking(yaw=35.0 if t % 10 > 1 else 0.0)).go(75)
    learnt = story.tell().of(Driver)[-1]
    assert learnt.neutral_yaw_deg == pytest.approx(35.0, abs=1.0)
    assert learnt.looking_away is False
    before = len(story.messages)
    said = story.go(20).tell()
    assert before < len(story.messages)
    late = [w for w in said.messages if getattr(w, "name", "") == "distraction" and w.active]
    assert all(w.t_ns < 65_000_000_000 for w in late)


def test_an_empty_seat_is_warned_of_after_five_seconds():
    story = drive().at(25).go(1.0).driver(lambda t: None)
    began_ns = story.t_ns
    warning = story.go(7).tell().first("driver_missing")
    assert 5.0 <= (warning.t_ns - began_ns) / 1e9 <= 5.2


def test_harsh_braking_is_told_and_ordinary_braking_is_not():
    assert drive().at(25).go(1).set(braking=3.0).go(4).tell().begun(*HARSH) == []
    said = drive().at(25).go(1).set(braking=6.0).go(3).tell()
    assert said.begun(*HARSH) == ["harsh_braking"]
    assert said.first("harsh_braking").values == {"acceleration_mps2": -6.0}


def test_one_bad_sample_of_acceleration_is_no_harsh_braking():
    assert drive().at(25).go(1).set(braking=9.0).go(0.1).set(braking=0.0).go(2).tell().begun(*HARSH) == []


def test_harsh_cornering_is_told():
    """v2/R: 15 m/s on a radius of 40 m is 5.6 m/s2, on 100 m 2.3."""
    assert drive(bend_from_m=0.0, bend_1pm=1 / 40).at(15).go(2).tell().begun(*HARSH) == ["harsh_cornering"]
    assert drive(bend_from_m=0.0, bend_1pm=-1 / 100).at(15).go(2).tell().begun(*HARSH) == []


def test_a_set_speed_is_watched():
    config = with_rules(driving=Driving(overspeed_mps=30.0))
    assert drive(config=config).at(31).go(3).tell().begun(*HARSH) == ["overspeed"]
    assert drive(config=config).at(29.5).go(3).tell().begun(*HARSH) == []


def test_without_a_driver_camera_its_functions_say_so_once():
    said = drive(face=None).at(25).go(10).tell()
    missing = {m.function: m for m in said.of(Unavailable)}
    assert {name for name, m in missing.items() if m.input != "v2x"} == {
        "eyes_closed",
        "drowsiness",
        "distraction",
        "driver_missing",
    }
    assert missing["eyes_closed"].input == "camera:driver"
    assert len(said.of(Unavailable)) == len(missing)
