"""Drives among road users that are heard by V2X and that no camera sees: who is warned of, who is not."""

from __future__ import annotations

from itertools import groupby, pairwise

import pytest
from story import EAST_M, LATITUDE, LONGITUDE, NORTH_M, drive, moving, with_rules

from edge.config import PeerRules
from edge.messages import Gap, Peers, PerceivedObjects, RemoteObject, Unavailable, Warning

OURS = ("peer_forward_collision", "intersection_collision", "left_turn_assist", "blind_spot", "lane_change",
        "do_not_pass", "emergency_brake_ahead", "abnormal_vehicle", "control_loss", "vulnerable_road_user",
        "emergency_vehicle")  # fmt: skip


def with_peer(mps, along_m, left_m, peer_mps, heading_deg=0.0, seconds=6.0, settle=2.0, **values):
    """We drive `settle` seconds alone; then a peer speaks, along_m from where we are then."""
    own = {
        name: values.pop(name) for name in ("trust", "indicator", "altitude_m", "config") if name in values
    }
    story = drive(**{"trust": "signed", **own}).at(mps).go(settle)
    story.peers["77"] = moving(story, story.along_m + along_m, left_m, peer_mps, heading_deg, **values)
    return story.go(seconds).tell()


def rest(said):
    """What was warned of among the warnings about road users."""
    return said.begun(*OURS)


# ---------------------------------------------------------------- forward collision


def test_a_car_that_stands_ahead_is_warned_of_in_time_to_brake():
    said = with_peer(20, along_m=150, left_m=0, peer_mps=0, seconds=6.5)
    first = said.first("peer_forward_collision")
    began_s = (first.t_ns - 3_000_000_000) / 1e9
    gap = 150 - 20 * began_s - 4.6  # from bumper to bumper
    assert gap / 20 == pytest.approx(first.values["ttc_s"], abs=0.1)
    assert 2.4 <= gap / 20 <= 2.75
    assert first.object == "peer:77"
    assert "ahead in our path" in first.cause
    assert "heard from 77, signed" in first.cause
    assert 0.5 < first.values["sure_ratio"] <= 1.0
    assert said.first("peer_forward_collision", "alarm").values["ttc_s"] < 1.6


def test_what_is_not_signed_raises_no_alarm_unless_it_may():
    said = with_peer(20, 150, 0, 0, seconds=6.5, trust="unsigned")
    assert {w.level for w in said.of(Warning) if w.name == "peer_forward_collision"} == {"warning"}
    warning = said.first("peer_forward_collision")
    assert "unsigned" in warning.cause
    signed = with_peer(20, 150, 0, 0, seconds=6.5).first("peer_forward_collision")
    assert warning.values["sure_ratio"] == pytest.approx(0.8 * signed.values["sure_ratio"], rel=0.01)
    rules = with_rules(peers=PeerRules(unsigned_may_alarm=True))
    said = with_peer(20, 150, 0, 0, seconds=6.5, trust="unsigned", config=rules)
    assert said.first("peer_forward_collision", "alarm")


@pytest.mark.parametrize(
    ("what", "peer"),
    [
        ("on the oncoming lane", {"along_m": 250, "left_m": 3.5, "peer_mps": 15, "heading_deg": 180.0}),
        ("in a parking bay", {"along_m": 100, "left_m": -2.8, "peer_mps": 0}),
        ("on a parallel road", {"along_m": 100, "left_m": 15, "peer_mps": 0}),
        ("behind us", {"along_m": -30, "left_m": 0, "peer_mps": 20}),
        ("as fast as we are", {"along_m": 40, "left_m": 0, "peer_mps": 20}),
        ("faster than we are", {"along_m": 20, "left_m": 0, "peer_mps": 25}),
        ("turning off", {"along_m": 60, "left_m": 1.0, "peer_mps": 12, "heading_deg": -25.0}),
    ],
)
def test_nobody_is_warned_of_a_car(what, peer):
    assert rest(with_peer(20, **peer)) == [], what


def test_a_car_that_is_leaving_our_path_and_one_that_we_near_slowly_are_not_warned_of():
    leaving = with_peer(20, 30, 0.3, 12, heading_deg=-6.0, seconds=2.5)  # gone before we are there
    assert rest(leaving) == []
    straight = with_peer(20, 30, 0.3, 12, seconds=2.5)
    assert rest(straight) == ["peer_forward_collision"]
    assert rest(with_peer(20, 4.6 + 7.0, 0, 18, seconds=1.5)) == []  # 0.7 m/s2 would do


def test_a_car_on_a_bridge_above_us_is_not_in_our_way():
    above = moving_at(altitude_m=510.0, own_m=500.0)
    assert rest(above) == []
    assert "peer_forward_collision" in rest(moving_at(altitude_m=501.0, own_m=500.0))
    assert "peer_forward_collision" in rest(moving_at(altitude_m=510.0, own_m=None))  # nobody knows


def moving_at(altitude_m, own_m):
    story = drive(trust="signed", altitude_m=own_m).at(20).go(2)
    story.peers["77"] = moving(story, story.along_m + 100, 0, 0, altitude_m=altitude_m)
    return story.go(5).tell()


def test_a_car_that_drives_ahead_and_brakes_is_warned_of_by_its_own_word():
    said = with_peer(20, 25, 0, 20, braking=6.0, seconds=3)
    assert set(rest(said)) == {"peer_forward_collision", "emergency_brake_ahead"}
    assert said.first("emergency_brake_ahead").level == "alarm"


def test_who_is_seen_by_the_camera_too_is_one_object_and_warned_of_once():
    story = drive(trust="signed").at(20).lead(gap_m=100, mps=0).go(1.5)
    story.peers["77"] = moving(story, 102.3, 0, 0)
    said = story.go(3.2).tell()
    both = [p for m in said.of(Peers) for p in m.peers]
    assert {p.track for p in both[2:]} == {1}
    active: set[str] = set()
    for _, at_once in groupby(said.of(Warning), key=lambda w: w.t_ns):
        for w in at_once:
            (active.add if w.active else active.discard)(w.name)
        assert not {"forward_collision", "peer_forward_collision"} <= active
    assert "forward_collision" in said.begun()


# ---------------------------------------------------------------- braking, broken down, losing control


def test_a_car_that_stands_with_hazard_lights_is_told_of_before_it_is_a_danger():
    said = with_peer(25, 140, 0, 0, events=("hazard_lights",), seconds=2)
    assert rest(said) == ["abnormal_vehicle"]
    assert said.first("abnormal_vehicle").level == "warning"
    assert "hazard lights" in said.first("abnormal_vehicle").cause
    aside = with_peer(25, 140, -3.5, 0, events=("disabled",), seconds=5)
    assert rest(aside) == ["abnormal_vehicle"]
    assert aside.first("abnormal_vehicle").level == "information"


def test_a_queue_in_town_and_a_parked_car_are_not_abnormal():
    assert rest(with_peer(13.5, 100, 0, 0, seconds=4)) == []
    assert rest(with_peer(25, 140, -3.0, 0, seconds=6)) == []
    assert rest(with_peer(25, 90, 0, 25, events=("hazard_lights",))) == []  # it goes as fast as we


def test_somebody_who_skids_is_warned_of_ahead_and_towards_us_but_not_far_aside_or_behind():
    skids = {"events": ("stability_control_active",)}
    assert rest(with_peer(20, 80, 0, 20, **skids)) == ["control_loss"]
    assert with_peer(20, 45, 0, 20, **skids).first("control_loss").level == "alarm"
    assert rest(with_peer(20, 150, 3.5, 15, 180.0, seconds=2, **skids)) == ["control_loss"]
    assert rest(with_peer(20, 80, 20.0, 20, **skids)) == []
    assert rest(with_peer(20, -80, 0, 15, **skids)) == []


# ---------------------------------------------------------------- crossings


def crossing(meets_after_s, mps=15.0, off_s=0.0, from_left=True, **values):
    """A car that reaches the middle of our lane when we are there, or off_s later."""
    way = mps * (meets_after_s + off_s)
    heading = 90.0 if from_left else -90.0
    seconds = values.pop("seconds", meets_after_s - 0.4)
    return with_peer(
        14, 14 * meets_after_s, way if from_left else -way, mps, heading, seconds=seconds, **values
    )


@pytest.mark.parametrize("from_left", [True, False])
def test_a_car_that_crosses_our_way_when_we_are_there_is_warned_of(from_left):
    said = crossing(6.0, from_left=from_left)
    warning = said.first("intersection_collision")
    remaining_s = 6.0 - (warning.t_ns - 3_000_000_000) / 1e9  # until our middles meet
    assert warning.values["ttc_s"] == pytest.approx(remaining_s - 0.24, abs=0.15)  # half a car before
    assert 3.4 <= remaining_s <= 4.5
    assert f"from the {'left' if from_left else 'right'}" in warning.cause
    assert said.first("intersection_collision", "alarm")


def test_a_car_that_crosses_before_or_after_us_or_on_a_bridge_or_stops_is_not_warned_of():
    assert rest(crossing(6.0, off_s=2.5, seconds=9)) == []
    assert rest(crossing(6.0, off_s=-2.5, seconds=9)) == []
    story = drive(trust="signed", altitude_m=500.0).at(14).go(2)
    story.peers["77"] = moving(story, story.along_m + 84, 90, 15, 90.0, altitude_m=508.0)
    assert rest(story.go(6).tell()) == []
    assert rest(with_peer(14, 84, 56.0, 15, 90.0, braking=2.5, seconds=8)) == []  # stands after 45 m


def test_who_waits_at_the_crossing_is_not_warned_of():
    assert rest(with_peer(14, 80, 6.0, 0.0, 90.0, seconds=8)) == []


def turning(along_m, left_m, peer_mps, heading=180.0, mps=6.0, indicator="left", **values):
    seconds = values.pop("seconds", 1.0)
    return with_peer(mps, along_m, left_m, peer_mps, heading, indicator=indicator, seconds=seconds, **values)


def test_a_left_turn_before_oncoming_traffic_is_warned_of():
    said = turning(60, 3.5, 14)
    assert rest(said) == ["left_turn_assist"]
    first = said.first("left_turn_assist")
    assert first.level == "warning"
    assert first.values["arrival_s"] == pytest.approx((60 - 8) / 14, abs=0.6)
    assert turning(35, 3.5, 14).first("left_turn_assist").level == "alarm"
    assert turning(60, 3.5, 14, mps=0.0, settle=3).of(Warning) == []  # a heading is not known yet


def test_without_indicator_far_away_behind_or_stopping_there_is_no_left_turn_warning():
    assert rest(turning(60, 3.5, 14, indicator="off")) == []
    assert rest(turning(60, 3.5, 14, indicator="right")) == []
    assert rest(turning(140, 3.5, 12)) == []
    assert rest(turning(-20, 3.5, 14)) == []
    assert rest(turning(60, 3.5, 14, heading=0.0)) == []
    assert rest(turning(60, 3.5, 14, braking=3.0)) == []  # stands after 33 m
    assert rest(turning(60, -6.0, 14)) == []  # on a road to our right


def test_where_one_drives_on_the_left_it_is_the_right_turn():
    rules = with_rules(peers=PeerRules(traffic_side="left"))
    assert rest(turning(60, -3.5, 14, indicator="right", config=rules)) == ["left_turn_assist"]
    assert rest(turning(60, -3.5, 14, indicator="left", config=rules)) == []


# ---------------------------------------------------------------- beside us


def test_a_car_in_the_blind_spot_is_told_and_warned_of_when_we_indicate():
    for left_m, side in ((3.5, "left"), (-3.5, "right")):
        said = with_peer(20, -4, left_m, 20, seconds=2)
        assert rest(said) == ["blind_spot"]
        assert said.first("blind_spot").level == "information"
        said = with_peer(20, -4, left_m, 20, seconds=2, indicator=side)
        assert rest(said) == ["lane_change"]
        other = "right" if side == "left" else "left"
        assert "lane_change" not in rest(with_peer(20, -4, left_m, 20, seconds=2, indicator=other))


def test_who_comes_fast_from_behind_on_the_lane_that_we_want_is_warned_of():
    said = with_peer(20, -45, 3.5, 32, seconds=1.0, indicator="left")
    assert rest(said) == ["lane_change"]
    gap = 45 - 4.6
    assert said.first("lane_change").values["arrival_s"] == pytest.approx(gap / 12, abs=0.3)


@pytest.mark.parametrize(
    ("what", "peer"),
    [
        ("behind on our own lane", {"along_m": -8, "left_m": 0, "peer_mps": 20}),
        ("two lanes over", {"along_m": -4, "left_m": 7.2, "peer_mps": 20}),
        ("ahead on the next lane", {"along_m": 15, "left_m": 3.5, "peer_mps": 20}),
        ("left behind by us", {"along_m": -4, "left_m": 3.5, "peer_mps": 12}),
        ("oncoming", {"along_m": 60, "left_m": 3.5, "peer_mps": 20, "heading_deg": 180.0}),
        ("far behind and slow", {"along_m": -60, "left_m": 3.5, "peer_mps": 21}),
    ],
)
def test_nobody_beside_us_is_warned_of(what, peer):
    assert rest(with_peer(20, seconds=2.0, indicator="left", **peer)) == [], what


def overtaking(oncoming_m, oncoming_left=3.5, lead=True, indicator="left", heading=180.0, seconds=1.5):
    story = drive(trust="signed").at(22).go(2)
    if lead:
        story.peers["1ead"] = moving(story, story.along_m + 45, 0, 21)
    story.peers["77"] = moving(story, story.along_m + oncoming_m, oncoming_left, 22, heading)
    return story.set(indicator=indicator).go(seconds).tell()


def test_overtaking_into_oncoming_traffic_is_warned_of():
    said = overtaking(250)
    assert rest(said) == ["do_not_pass"]
    first = said.first("do_not_pass")
    assert first.values["arrival_s"] == pytest.approx((250 - 4.6) / 44, abs=0.3)
    assert first.object == "peer:77"
    assert first.level == "warning"
    assert overtaking(180).first("do_not_pass").level == "alarm"


def test_no_warning_when_we_do_not_overtake_or_nobody_comes_on_that_lane():
    assert rest(overtaking(250, indicator="off")) == []
    assert rest(overtaking(250, indicator="right")) == []
    assert rest(overtaking(250, lead=False)) == []
    assert rest(overtaking(250, oncoming_left=9.0)) == []  # beyond the middle strip
    assert rest(overtaking(250, heading=0.0)) == []
    assert rest(overtaking(500)) == []


# ---------------------------------------------------------------- persons, emergency vehicles


def seen(kind="person", story=None, along_m=0.0, left_m=0.0, mps=0.0, heading_deg=0.0, id="5", **values):
    says = moving(
        story, along_m, left_m, mps, heading_deg, kind=kind, id=id, length_m=None, width_m=None, **values
    )
    return lambda t: PerceivedObjects(objects=(says(t),))


def on_foot(along_m, left_m, mps=0.0, heading_deg=0.0, own_mps=12.0, seconds=4.0, **values):
    story = drive(trust="signed").at(own_mps).go(2)
    story.peers["feed"] = seen(
        story=story, along_m=story.along_m + along_m, left_m=left_m, mps=mps, heading_deg=heading_deg,
        confidence_ratio=0.9, **values,
    )  # fmt: skip
    return story.go(seconds).tell()


def test_a_person_on_our_way_seen_by_somebody_else_is_warned_of():
    said = on_foot(60, 0)
    first = said.first("vulnerable_road_user")
    assert rest(said) == ["vulnerable_road_user"]
    assert first.object == "peer:feed/5"
    assert "seen by feed" in first.cause
    assert 3.4 <= first.values["ttc_s"] <= 4.0


def test_a_person_who_walks_onto_our_way_in_time_is_warned_of_and_one_who_has_passed_is_not():
    # at 12 m/s we are there after 4 s; at 1.5 m/s the person needs 4 s for 6 m
    assert rest(on_foot(48, 6.0, 1.5, 90.0, seconds=2)) == ["vulnerable_road_user"]
    assert rest(on_foot(48, -6.0, 1.5, 90.0)) == []  # walks away
    assert rest(on_foot(48, 14.0, 1.5, 90.0)) == []  # comes later
    assert rest(on_foot(48, -3.5)) == []  # stands on the pavement
    assert rest(on_foot(-10, 0)) == []
    assert rest(on_foot(-15, 0, 9.0, own_mps=4.0, kind="bicycle", seconds=1.5)) == []  # it sees us


def test_a_cyclist_beside_our_lane_is_not_on_our_way():
    assert rest(on_foot(40, -2.6, 5.0, 0.0, kind="bicycle")) == []
    assert rest(on_foot(30, 0.0, 5.0, 0.0, kind="bicycle")) == ["vulnerable_road_user"]


def test_an_emergency_vehicle_from_behind_and_across_is_told_and_one_that_leaves_is_not():
    blue = {"events": ("emergency_vehicle",)}
    said = with_peer(14, -200, 0, 28, seconds=8, **blue)
    assert rest(said)[0] == "emergency_vehicle"
    levels = [w.level for w in said.of(Warning) if w.name == "emergency_vehicle" and w.active]
    assert levels[:2] == ["information", "warning"]
    assert "emergency_vehicle" in rest(with_peer(14, 100, 130, 25, 90.0, seconds=1.0, **blue))
    assert rest(with_peer(14, 100, 0, 28, **blue)) == []  # drives ahead, faster
    assert rest(with_peer(14, -100, 0, 8, **blue)) == []  # falls behind
    assert rest(with_peer(14, 100, -60, 25, 90.0, seconds=3, **blue)) == []  # has crossed
    assert rest(with_peer(14, 150, 8.0, 25, 180.0, seconds=3, **blue)) == []  # on the other carriageway


# ---------------------------------------------------------------- who is believed


def test_our_own_messages_that_come_back_warn_nobody():
    story = drive(trust="signed").at(20).go(2)
    story.peers["echo"] = moving(story, story.along_m, 0.0, 20, events=("hard_braking", "abs_active"))
    said = story.go(4).tell()
    assert rest(said) == []
    assert all(p.sender != "echo" for m in said.of(Peers) for p in m.peers)


def test_our_own_car_as_others_see_it_warns_nobody():
    story = drive(trust="signed").at(20).go(2)
    story.peers["feed"] = seen("car", story, story.along_m + 1.5, 0.8, 20, confidence_ratio=0.9)
    said = story.go(3).tell()
    assert rest(said) == []
    assert all(m.peers == () for m in said.of(Peers))


def test_a_car_that_speaks_and_that_two_others_see_is_one_object():
    story = drive(trust="signed").at(20).go(2)
    story.peers["77"] = moving(story, story.along_m + 80, 0, 20)
    story.peers["a"] = seen("car", story, story.along_m + 81.5, 0.5, 20, id="1")
    story.peers["b"] = seen("car", story, story.along_m + 79, -0.5, 19, id="9")
    story.peers["c"] = seen("car", story, story.along_m + 80, 4.0, 20, id="2")  # beside it: another
    peers = story.go(3).tell().of(Peers)[-1].peers
    assert {(p.sender, p.seen_by) for p in peers} == {("77", ""), ("c/2", "c")}


def test_a_car_that_falls_silent_is_warned_of_no_more():
    story = drive(trust="signed").at(20).go(2)
    says = moving(story, story.along_m + 150, 0, 0)
    until_s = story.t_ns / 1e9 + 3.0
    story.peers["77"] = lambda t: says(t) if t < until_s else None
    said = story.go(6.5).tell()
    assert rest(said) == ["abnormal_vehicle"]  # at 90 m it was still far
    last = [w for w in said.of(Warning) if w.name == "abnormal_vehicle"][-1]
    assert not last.active
    assert 3.0 <= last.t_ns / 1e9 - until_s + 1.0 <= 3.3  # aged for 1.1 s, held for 1 s


def jumping(t_s, story, began):
    return RemoteObject(
        kind="car",
        latitude_deg=LATITUDE + (began + (400 if round(t_s * 10) % 2 else 60)) / NORTH_M,
        longitude_deg=LONGITUDE + 0.0 / EAST_M,
        speed_mps=0.0,
        heading_deg=0.0,
        events=("hazard_lights",),
    )


def test_a_car_that_jumps_is_believed_at_one_place_only_and_the_rest_is_counted():
    story = drive(trust="signed").at(5).go(2)
    began = story.along_m
    story.peers["77"] = lambda t: jumping(t, story, began)
    said = story.go(3).tell()
    gaps = [g for g in said.of(Gap) if g.reason == "implausible: jump"]
    assert sum(g.count for g in gaps) >= 10
    assert all(b.t_ns - a.t_ns >= 1_000_000_000 for a, b in pairwise(gaps))


@pytest.mark.parametrize(
    ("reason", "values"),
    [
        ("implausible: speed", {"speed_mps": 150.0}),
        ("implausible: out of range", {"latitude_deg": LATITUDE + 0.1}),
        ("implausible: from the future", {"measured_ns": 60_000_000_000}),
        ("too old", {"measured_ns": 0}),
    ],
)
def test_the_implausible_is_refused_by_name(reason, values):
    story = drive(trust="signed").at(20).go(2)
    says = moving(story, story.along_m + 60, 0, 0, events=("hard_braking",), **values)
    story.peers["77"] = says
    said = story.go(3).tell()
    assert rest(said) == []
    assert {g.reason for g in said.of(Gap)} == {reason}


def test_without_a_heading_of_ours_nobody_is_ahead_and_the_functions_say_so():
    story = drive(trust="signed", heading_deg=None).at(20).go(2)
    story.peers["77"] = moving(story, story.along_m + 60, 0, 0, events=("hard_braking",))
    said = story.go(3).tell()
    assert rest(said) == []
    gone = {m.function for m in said.of(Unavailable)}
    assert set(OURS) <= gone
    assert all("heading" in m.reason for m in said.of(Unavailable) if m.function in OURS)


def test_what_does_not_know_where_it_is_warns_nobody():
    assert rest(with_peer(20, 100, 0, 0, accuracy_m=30.0)) == []
