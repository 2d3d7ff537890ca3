"""Drives towards traffic lights that speak: who is warned of red, and which speed is advised."""

from __future__ import annotations

import pytest
from roadside_story import S, approach, crossing, hears, lane, light, lights
from story import KMH, drive

from edge.messages import SignalPhase, SignalState, Unavailable, Warning

RED, GREEN = "red_light_violation", "green_light_speed"
FAST = 50 * KMH


def towards(*lanes, stop_m: float = 200.0, mps: float = FAST, **values):
    """A car that drives towards the stop line of an intersection that it has heard of."""
    story = drive(**values).at(mps).go(1)
    return hears(story, crossing(stop_m, *(lanes or (lane(stop_m, straight=1),))))


def ended(said, name):
    return [w.active for w in said.of(Warning) if w.name == name][-1] is False


def test_a_red_light_of_a_map_that_nobody_signed_raises_no_alarm():
    story = drive().at(FAST).go(1)
    hears(story, crossing(200.0, lane(200.0, straight=1)), trust="unsigned")
    said = approach(story, 13.5, lambda: [light(story, ("red", 60.0))]).go(2).tell()
    assert {w.level for w in said.of(Warning) if w.name == RED} == {"warning"}


def test_a_driver_who_goes_on_towards_red_is_warned_while_he_still_can_stop():
    """50 km/h: with a second to react, 3 m/s2 needs 46 m, 5 m/s2 needs 33 m."""
    story = towards()
    said = approach(story, 13.5, lambda: [light(story, ("red", 60.0))]).go(2).tell()
    warning, alarm = said.first(RED), said.first(RED, "alarm")
    assert warning.level == "warning"
    assert 40 < warning.values["ahead_m"] <= 46
    assert 28 < alarm.values["ahead_m"] <= 33
    assert warning.object == "signal:0.7.1"
    assert warning.values["arrival_s"] == pytest.approx(warning.values["ahead_m"] / FAST)
    assert warning.values["change_s"] == pytest.approx(60, abs=0.3)
    assert warning.values["sure_ratio"] == 1.0
    assert ended(said, RED)  # behind the stop line


def test_who_brakes_enough_is_not_warned():
    story = towards()
    approach(story, 9.8, lambda: [light(story, ("red", 60.0))])  # to 50 m before it
    story.set(braking=2.2)
    assert approach(story, 5, lambda: [light(story, ("red", 60.0))]).tell().begun(RED) == []


def test_who_brakes_too_little_is_warned():
    story = towards()
    approach(story, 9.8, lambda: [light(story, ("red", 60.0))])
    story.set(braking=0.7)
    assert approach(story, 4, lambda: [light(story, ("red", 60.0))]).tell().begun(RED) == [RED]


@pytest.mark.parametrize(
    "phases",
    [
        (("green", 60.0),),
        (("green", None),),
        (("dark", None),),
        (("yellow_flashing", None),),
        (("unknown", None),),
    ],
    ids=["green", "green for ever", "dark", "flashing", "unknown"],
)
def test_what_is_not_red_is_silent(phases):
    story = towards()
    assert approach(story, 13, lambda: [light(story, *phases)]).tell().begun(RED) == []


def test_what_changes_before_we_arrive_counts_as_it_will_be():
    """At 50 km/h the stop line is reached after 13.2 s, at 8 m/s after 16.2 s."""

    def timed(mps, stop_m, *phases):
        story = towards(mps=mps, stop_m=stop_m)
        began_s = story.t_ns / S

        def shows():
            passed = story.t_ns / S - began_s
            return [light(story, *((state, ends - passed) for state, ends in phases if ends > passed))]

        return approach(story, (stop_m - mps) / mps, shows).tell()

    assert timed(FAST, 200.0, ("red", 12.5), ("green", 90.0)).begun(RED) == []
    assert timed(FAST, 200.0, ("green", 10.5), ("yellow", 13.7), ("red", 90.0)).begun(RED) == []
    said = timed(8.0, 140.0, ("green", 12.5), ("yellow", 15.5), ("red", 90.0))
    assert "will be red" in said.first(RED).cause


def test_a_light_that_may_turn_green_before_we_arrive_is_not_called_red():
    """Its end is only known to lie between one and twenty seconds from now."""
    story = towards()

    def shows():
        phase = SignalPhase(state="red", earliest_end_ns=story.t_ns + S, latest_end_ns=story.t_ns + 20 * S)
        return [SignalState(intersection="0.7", group=1, phases=(phase,))]

    assert approach(story, 12.5, shows).tell().begun(RED) == []


def test_red_without_a_time_is_red_but_less_sure_and_no_alarm():
    story = towards()
    said = approach(story, 13.5, lambda: [light(story, ("red", None))]).tell()
    assert said.first(RED).values["sure_ratio"] == 0.5
    assert {w.level for w in said.of(Warning) if w.name == RED} == {"warning"}


def test_lights_that_fell_silent_are_not_believed():
    story = lights(towards(), light(towards(), ("red", 60.0)))
    assert story.go(13.5).tell().begun(RED, GREEN) == []


def test_lights_without_a_map_and_a_map_without_lights_say_nothing():
    story = drive().at(FAST).go(1)
    assert approach(story, 13, lambda: [light(story, ("red", 60.0))]).tell().begun(RED, GREEN) == []
    assert towards().go(13).tell().begun(RED, GREEN) == []


def test_another_road_or_direction_has_another_light():
    for off in (lane(200, left_m=12, straight=1), lane(600, straight=1)):
        story = towards(off, mps=FAST)
        assert approach(story, 13, lambda s=story: [light(s, ("red", 60.0))]).tell().begun(RED) == []


# ---------------------------------------------------------------- which light is ours


def both(story, straight: str, left: str):
    return lambda: [light(story, (straight, 60.0), group=1), light(story, (left, 60.0), group=2)]


def test_the_indicator_chooses_the_light():
    for indicator, warned in (("off", []), ("left", [RED]), ("right", [])):
        story = towards(lane(200, straight=1, left=2)).set(indicator=indicator)
        assert approach(story, 13, both(story, "green", "red")).tell().begun(RED) == warned, indicator


def test_a_lane_for_one_direction_has_the_light_of_that_direction():
    story = towards(lane(200, 1, 0.0, left=2), lane(200, 2, -3.5, straight=1))
    said = approach(story, 13, both(story, "green", "red")).tell()
    assert said.first(RED).object == "signal:0.7.2"


def test_between_two_lanes_with_different_lights_nothing_is_guessed_and_it_says_so():
    """Our fix is good to 1 m and we are 1.5 m beside the middle of both lanes."""
    story = towards(lane(200, 1, 1.5, left=2), lane(200, 2, -1.5, straight=1))
    said = approach(story, 13, both(story, "green", "red")).go(3).tell()
    assert said.begun(RED, GREEN) == []
    blamed = {m.function: m for m in said.of(Unavailable)}
    assert blamed[RED].input == blamed[GREEN].input == "our lane"
    assert blamed[RED].over  # behind the stop line


def test_between_two_lanes_whose_lights_agree_it_is_clear():
    story = towards(lane(200, 1, 1.5, left=2), lane(200, 2, -1.5, straight=1))
    said = approach(story, 13, both(story, "red", "red")).tell()
    assert said.begun(RED) == [RED]
    assert all(m.input != "our lane" for m in said.of(Unavailable))


def test_a_turn_without_a_light_is_not_stopped_by_the_others_light():
    story = towards(lane(200, straight=1, right=None)).set(indicator="right")
    assert approach(story, 13, lambda: [light(story, ("red", 60.0))]).tell().begun(RED, GREEN) == []


# ---------------------------------------------------------------- speed for green


def test_a_red_light_that_turns_green_advises_to_roll_towards_it():
    """140 m to go, green in 15 s: with a second of margin not faster than 31 km/h."""
    story = towards(stop_m=170.0)
    until = story.t_ns / S + 15.0

    def shows():
        left = until - story.t_ns / S
        return [light(story, ("red", left), ("green", left + 20))]

    said = approach(story, 3.0, shows).tell()
    advice = said.first(GREEN)
    assert advice.level == "information"
    assert advice.values["advised_max_mps"] == pytest.approx(
        advice.values["ahead_m"] / (advice.values["change_s"] + 1)
    )
    assert 28 * KMH < advice.values["advised_max_mps"] < 36 * KMH
    assert advice.values["advised_min_mps"] == pytest.approx(20 * KMH)
    assert len([w for w in said.of(Warning) if w.name == GREEN]) >= 2  # it is told anew as it changes


def test_green_that_ends_advises_to_keep_up_within_the_limit():
    story = towards(lane(160, limit_mps=70 * KMH, straight=1), stop_m=160.0, mps=40 * KMH)
    until = story.t_ns / S + 11.0
    said = approach(story, 2.0, lambda: [light(story, ("green", until - story.t_ns / S))]).tell()
    advice = said.first(GREEN)
    assert 45 * KMH < advice.values["advised_min_mps"] < 60 * KMH
    assert advice.values["advised_max_mps"] == pytest.approx(70 * KMH)


def test_green_that_only_a_race_would_reach_advises_nothing():
    story = towards(stop_m=160.0)
    until = story.t_ns / S + 6.0
    said = approach(story, 2.0, lambda: [light(story, ("green", until - story.t_ns / S))]).tell()
    assert said.begun(GREEN) == []


def test_green_that_only_a_crawl_would_meet_advises_nothing():
    story = towards(stop_m=100.0, mps=30 * KMH)
    assert approach(story, 3.0, lambda: [light(story, ("red", 60.0))]).tell().begun(GREEN) == []


def test_the_advice_ends_at_the_stop_line_and_far_away_there_is_none():
    story = towards(stop_m=270.0)
    said = approach(story, 6.0, lambda: [light(story, ("green", 60.0))]).tell()
    assert said.begun(GREEN) == []
    said = approach(story, 13.0, lambda: [light(story, ("green", 60.0))]).tell()
    assert said.begun(GREEN) == [GREEN]
    assert ended(said, GREEN)
