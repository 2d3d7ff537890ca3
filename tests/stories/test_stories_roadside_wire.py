"""The same stories with what the roadside says packed in the standards' own bits."""

from __future__ import annotations

import msgspec
import pytest
from roadside_story import S, approach, crossing, event, hears, lane, light, place
from story import KMH, drive

from edge.messages import Intersections, PeerHeard, RemoteObject, RoadEvents, SignalStates
from edge.v2x import csae53
from edge.v2x.moments import Now

DATE_NS = 1_767_225_600 * S  # 2026-01-01
ROADSIDE = RemoteObject(kind="unknown", latitude_deg=48.0, longitude_deg=11.0)


def pack(content, now):
    if isinstance(content, RoadEvents):
        return csae53.rsi(content, ROADSIDE, 7, 1, now)
    if isinstance(content, Intersections):
        return csae53.map_data(content, 1, now)
    return csae53.spat(content, 1, now)


def through_the_air(story):
    """Each message of the roadside replaced by what is read from its own bytes."""
    for n, message in enumerate(story.messages):
        if isinstance(message, PeerHeard):
            now = Now(message.t_ns, DATE_NS + message.t_ns)
            heard = csae53.hear(pack(message.content, now), now)
            assert isinstance(heard.content, RoadEvents | Intersections | SignalStates)
            story.messages[n] = msgspec.structs.replace(message, content=heard.content, sender=heard.sender)
    return story.tell()


def test_an_accident_told_by_an_rsi_is_warned_of():
    story = drive().at(20).go(1)
    hears(story, RoadEvents(events=(event("accident", 250, radius_m=20.0),))).go(2)
    warning = through_the_air(story).first("hazardous_location")
    assert warning.cause.startswith("accident")
    assert warning.values["ahead_m"] == pytest.approx(230, abs=3)


def test_an_accident_on_another_road_is_not():
    path = tuple(place(250, left_m=-20.0 * n) for n in range(10))
    story = drive().at(20).go(1)
    hears(story, RoadEvents(events=(event("accident", 250, path=path),))).go(2)
    assert through_the_air(story).begun("hazardous_location") == []


def test_a_red_light_told_by_map_and_spat_is_warned_of():
    story = hears(drive().at(50 * KMH).go(1), crossing(200, lane(200, straight=1)))
    approach(story, 13, lambda: [light(story, ("red", 60.0))])
    warning = through_the_air(story).first("red_light_violation")
    assert 40 < warning.values["ahead_m"] <= 46
    assert warning.values["change_s"] == pytest.approx(60, abs=0.5)


def test_a_green_light_is_advised_and_not_warned_of():
    story = hears(drive().at(40 * KMH).go(1), crossing(150, lane(150, straight=1)))
    approach(story, 4, lambda: [light(story, ("green", 30.0))])
    assert through_the_air(story).begun("red_light_violation", "green_light_speed") == ["green_light_speed"]
