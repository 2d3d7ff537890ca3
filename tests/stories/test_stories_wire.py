"""Stories in which the others speak by a real station: signed packets on the air, verified, believed."""

from __future__ import annotations

from functools import cache

import pytest
from roadside_story import event, hears
from story import EAST_M, LATITUDE, LONGITUDE, NORTH_M, drive, moving

from edge.clock import RecordedClock
from edge.config import V2x, V2xSecurity
from edge.messages import OwnCar, PeerHeard, Peers, PerceivedObjects, Position, RoadEvents, Tick
from edge.v2x.inlet import V2xInlet
from edge.v2x.links.loopback import Loopback
from edge.v2x.sender import V2xSender
from edge.v2x.station import Station

pytest.importorskip("cryptography")

S = 1_000_000_000
DATE_NS = 1_800_000_000 * S
BOTH = pytest.mark.parametrize("standard", ["etsi", "csae53"])


@cache
def authorities():
    from edge.v2x.security import issue
    from edge.v2x.security.algorithms import BY_NAME

    return issue.make_root(BY_NAME["p256"], DATE_NS, 1000)


def station(folder, name, standard, link, number):
    from edge.v2x.security import issue
    from edge.v2x.security.algorithms import BY_NAME

    tickets = issue.make_tickets(
        authorities()[1], issue.Wishes(algorithm=BY_NAME["p256"], start_ns=DATE_NS, tickets=1)
    )
    issue.write_station(folder, name, *authorities(), tickets, False)
    config = V2x(standard=standard, security=V2xSecurity(directory=str(folder / name)))
    return Station(config, number, lambda t_ns: DATE_NS + t_ns, link)


def standing(t_ns, along_m, left_m):
    """A station that stands by the road."""
    return placed(t_ns, LATITUDE + along_m / NORTH_M, LONGITUDE - left_m / EAST_M, 0.0)


def placed(t_ns, latitude_deg, longitude_deg, speed_mps):
    return OwnCar(
        t_ns=t_ns,
        speed_mps=speed_mps,
        acceleration_mps2=None,
        yaw_rate_radps=None,
        steering_angle_rad=None,
        brake_pressed=None,
        indicator=None,
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        heading_deg=0.0,
        position_accuracy_m=1.0,
        speed_age_s=0.0,
    )


def over_the_air(story, standard, folder, along_m, left_m=6.0):
    """What is heard in the story is told by a station that stands there, and comes as our own inlet hears it.

    Returned are what the core says, and which messages it was told.
    """
    clock = RecordedClock(story.messages[0].t_ns)
    near, far = Loopback.pair(clock)
    speaker = V2xSender(station(folder, "speaker", standard, near, 77))
    own = station(folder, "own", standard, far, 7)
    inlet, told, names = V2xInlet(own), [], []
    for message in story.messages:
        clock.sleep_until_ns(max(message.t_ns, clock.now_ns()))
        t_ns = clock.now_ns()
        if isinstance(message, Position):
            own.place(placed(t_ns, message.latitude_deg, message.longitude_deg, message.speed_mps))
        if isinstance(message, PeerHeard):
            speaker.station.place(standing(t_ns, along_m, left_m))
            content = message.content
            for one in content.events if isinstance(content, RoadEvents) else [content]:
                speaker.tell(one, t_ns)
        elif isinstance(message, Tick):
            speaker.station.place(standing(t_ns, along_m, left_m))
            speaker.due(t_ns)
        if isinstance(message, PeerHeard | Tick):
            heard = inlet.poll(t_ns)
            told += heard
            names += [m.message for m in heard if isinstance(m, PeerHeard) and m.trust == "signed"]
        if not isinstance(message, PeerHeard):
            told.append(message)
    assert (speaker.failed, speaker.trouble) == (0, "")
    story.messages = told
    return story.tell(), names


@BOTH
def test_an_accident_that_another_station_tells_is_warned_of_until_it_is_over(standard, tmp_path):
    story = drive().at(20).go(1)
    accident = event("accident", 250, id="a", radius_m=20.0)
    hears(story, RoadEvents(events=(accident,))).go(4)
    over_ns = story.t_ns
    hears(story, RoadEvents(events=(event("accident", 250, id="a", over=True),))).go(2)
    said, names = over_the_air(story, standard, tmp_path, 260)
    if standard == "etsi":
        assert names == ["DENM", "DENM"]  # repetitions say nothing new
    else:
        assert set(names) == {"RSI"}
    first = said.first("hazardous_location")
    assert first.cause.startswith("accident")
    assert first.values["ahead_m"] == pytest.approx(230, abs=3)
    if standard == "etsi":  # RSI knows no cancellation
        last = [m for m in said.messages if getattr(m, "name", "") == "hazardous_location"][-1]
        assert not last.active
        assert 0 <= last.t_ns - over_ns <= S


@BOTH
def test_an_accident_for_those_who_come_towards_us_is_not_warned_of(standard, tmp_path):
    story = drive().at(20).go(1)
    path = tuple((LATITUDE + m / NORTH_M, LONGITUDE + 20 / EAST_M) for m in (250, 300, 350, 400))
    hears(story, RoadEvents(events=(event("accident", 250, -20, heading_deg=180.0, path=path),))).go(4)
    said, names = over_the_air(story, standard, tmp_path, 260)
    assert names
    assert said.begun("hazardous_location") == []


@BOTH
def test_a_person_and_a_car_that_another_station_sees_are_road_users(standard, tmp_path):
    story = drive().at(12).go(2)
    at_m = story.along_m
    person = moving(story, at_m + 60, 0.0, 0.0, 0.0, kind="person", id="5", length_m=0.5, width_m=0.6)
    car = moving(story, at_m + 90, 3.5, 10.0, 180.0, id="6")
    story.peers["77"] = lambda t_s: PerceivedObjects(objects=(person(t_s), car(t_s)))
    story.go(4)
    said, names = over_the_air(story, standard, tmp_path, at_m + 70)
    assert set(names) == {"CPM" if standard == "etsi" else "RSM"}
    first = said.first("vulnerable_road_user")
    assert first.object.startswith("peer:")
    assert first.object.endswith("/5")
    assert 3.0 <= first.values["ttc_s"] <= 4.6
    seen = [peer for message in said.of(Peers) for peer in message.peers if peer.seen_by]
    assert {(peer.kind, peer.trust) for peer in seen} == {("person", "signed"), ("car", "signed")}
    assert {peer.seen_by for peer in seen} == {"77" if standard == "etsi" else f"{77:016x}"}
    cars = [peer for peer in seen if peer.kind == "car"]
    assert all((peer.heading_deg, peer.speed_mps) == pytest.approx((180, 10), abs=0.1) for peer in cars)
    assert all(peer.left_m == pytest.approx(3.5, abs=0.3) for peer in cars)
