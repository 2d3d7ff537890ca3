"""Drives with peers on the radio, with inputs that fail, and what leaves through the gate."""

from __future__ import annotations

from itertools import pairwise

from story import GATE, GEOMETRY, drive, peer_at

from edge.config import CoreConfig, Vehicle
from edge.messages import (
    Announce,
    Health,
    OwnCar,
    Peers,
    Refused,
    RemoteObject,
    Transmit,
    Unavailable,
    Warning,
)


def braking_peer(ahead_m: float, left_m: float = 0.0, from_s: float = 3.0, **values):
    story = drive(trust=values.pop("trust", "signed")).at(20)
    story.peer = lambda t: peer_at(
        story, ahead_m, left_m, 20.0, events=("hard_braking",) if t >= from_s else (), **values
    )
    return story.go(5)


def test_a_peer_that_brakes_hard_ahead_is_warned_of_within_its_message():
    said = braking_peer(80).tell()
    assert said.begun() == ["emergency_brake_ahead"]
    warning = said.first("emergency_brake_ahead")
    assert warning.level == "alarm"
    assert 75 <= warning.values["ahead_m"] <= 85
    assert (warning.t_ns - 3_000_000_000) / 1e9 <= 0.11  # the peer speaks ten times a second


def test_only_peers_ahead_near_and_going_our_way_count():
    assert braking_peer(200).tell().begun() == []
    assert braking_peer(-30).tell().begun() == []
    assert braking_peer(60, left_m=12.0).tell().begun() == []
    assert braking_peer(60, heading_deg=180.0).tell().begun() == []
    assert braking_peer(60, left_m=3.5).tell().first("emergency_brake_ahead").level == "warning"


def test_peers_are_told_once_a_second_and_when_their_events_change():
    said = braking_peer(80, from_s=3.5).tell()
    heard = [p for p in said.of(Peers) if p.peers]
    assert 4 <= len(heard) <= 7
    assert abs(heard[-1].peers[0].ahead_m - 80) < 3


def test_without_a_fix_peers_have_no_place_and_the_function_says_so():
    story = drive(gnss=False).at(20)
    story.peer = lambda t: peer_at(story, 80, 0, 20.0, events=("hard_braking",))
    said = story.go(4).tell()
    assert said.begun() == []
    assert ("emergency_brake_ahead", "gnss") in [(m.function, m.input) for m in said.of(Unavailable)]
    assert {m.input for m in said.of(Unavailable)} == {"gnss"}
    assert all(p.ahead_m is None for m in said.of(Peers) for p in m.peers)


def test_a_peer_fallen_silent_is_forgotten():
    story = drive().at(20)
    story.peer = lambda t: peer_at(story, 80, 0, 20.0) if t < 3 else None
    said = story.go(6).tell()
    assert said.of(Peers)[-1].peers == ()


def states(said):
    return [a for a in said.of(Announce) if isinstance(a.content, RemoteObject)]


def test_our_own_hard_braking_is_announced_at_once_and_else_as_etsi_says():
    story = drive().at(20).go(3)
    steady = states(story.tell())
    gaps = [(b.t_ns - a.t_ns) / 1e9 for a, b in pairwise(steady)]
    assert all(0.1 <= gap <= 0.31 for gap in gaps)  # 4 m at 20 m/s: every 0.2 s
    began_ns = story.t_ns
    said = story.set(braking=6.0).go(1).tell()
    braking = next(a for a in states(said) if "hard_braking" in a.content.events)
    assert (braking.t_ns - began_ns) / 1e9 <= 0.11
    gaps = [b.t_ns - a.t_ns for a, b in pairwise(states(said))]
    assert min(gaps) >= 100_000_000


def test_a_standing_car_announces_itself_once_a_second():
    announced = states(drive().at(0).go(5).tell())
    assert 5 <= len(announced) <= 6


def test_nothing_is_announced_when_told_so_or_without_a_place():
    config = CoreConfig(vehicle=Vehicle(title="story", gate=GATE), geometry={"road": GEOMETRY})
    assert drive(config=config).at(20).go(2).tell().of(Announce) == []
    said = drive(gnss=False).at(20).go(5).tell()
    assert said.of(Announce) == []
    assert {(r.what, r.reason) for r in said.of(Refused)} == {("announce", "own position is not fresh")}


def test_a_bus_that_falls_silent_makes_its_functions_unavailable_and_back():
    story = drive(gnss=False).at(25).lead(gap_m=15, mps=25).go(3).set(can=False).go(3)
    said = story.tell()
    gone = [m for m in said.of(Unavailable) if m.input == "can speed"]
    assert {"forward_collision", "headway", "eyes_closed", "harsh_braking"} <= {m.function for m in gone}
    assert all(0.5 <= (m.t_ns - 4_000_000_000) / 1e9 <= 0.75 for m in gone)
    assert said.of(OwnCar)[-1].speed_mps is None
    assert not [w for w in said.of(Warning) if w.name == "headway"][-1].active
    back = [m for m in story.set(can=True).go(3).tell().of(Unavailable) if m.over]
    assert {m.function for m in gone} == {m.function for m in back}


def test_a_camera_that_fails_is_blamed_by_name_with_its_own_words():
    story = drive().at(25).go(3)
    story.messages.append(
        Health(t_ns=story.t_ns, source="camera:road", state="failed", detail="unplugged: plug it in")
    )
    said = story.set(camera=False).go(2).tell()
    gone = [m for m in said.of(Unavailable) if m.function == "forward_collision"]
    assert [m.input for m in gone] == ["camera:road"]
    assert "unplugged" in gone[0].reason


def test_a_radio_link_that_says_it_works_needs_no_peers_to_be_believed():
    story = drive().at(25)
    story.messages.append(Health(t_ns=story.t_ns, source="v2x", state="ok"))
    assert story.go(5).tell().of(Unavailable) == []


def test_the_display_shows_the_most_urgent_warning_and_goes_dark_after():
    story = drive().at(25).lead(gap_m=15, mps=25).go(5)
    story.others[0].mps = 40
    said = story.go(6).tell()
    codes = [t.signals["CODE"] for t in said.of(Transmit)]
    assert codes == [3.0, 0.0]


def test_a_vehicle_without_a_list_lets_nothing_out():
    config = CoreConfig(geometry={"road": GEOMETRY})
    said = drive(config=config).at(20).lead(gap_m=90, mps=0).go(4.4).tell()
    assert said.begun("forward_collision")
    assert said.of(Transmit) == []
    assert {r.what for r in said.of(Refused)} == {"brake", "warn_display"}
