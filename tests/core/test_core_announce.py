"""When our own state is due, what becomes of events that the gate refuses, where what we see is."""

from __future__ import annotations

import pytest
from msgspec import structs

from edge.config import Announcing, EventOut, Freshness, Vehicle
from edge.core.announce import Announcer
from edge.core.own_events import Moment, OwnEvents
from edge.core.perceived import Perceived, placed
from edge.core.vehicle import OwnVehicle
from edge.messages import Position, Road, Signals, Track

S, MS = 1_000_000_000, 1_000_000
NORTH_M, EAST_M = 111_200.0, 74_560.0  # metres per degree at 48 degrees north, to a part in 10^4


def own(t_ns=0, heading=0.0, speed=20.0, **values):
    car = OwnVehicle(Vehicle(title="x"), Freshness())
    car.position(
        Position(
            t_ns=t_ns, source="g", latitude_deg=48.0, longitude_deg=11.0, speed_mps=10.0, heading_deg=heading,
            accuracy_m=1.0,
        ),
        t_ns,
    )  # fmt: skip
    car.signals(Signals(t_ns=t_ns, bus="c", names=("speed_mps",), values=(speed,), stamps_ns=(t_ns,)), t_ns)
    return structs.replace(car.state(t_ns), **values)


# ---------------------------------------------------------------- our own state


def times(standard, states, until_ms, step_ms=10, blocked=()):
    """When a speaker that is asked every 10 ms is let out; states(ms) is our own state."""
    speaker, told = Announcer(Vehicle(title="x"), 4.0, standard), []
    for ms in range(0, until_ms, step_ms):
        due = speaker.due(states(ms), ms * MS)
        if due is not None and ms not in blocked:
            speaker.tried(due[0], ms * MS)
            told.append(ms)
    return told


def test_china_keeps_its_grid_when_the_gate_or_the_clock_is_late():
    blocked = range(300, 330)
    assert times("csae53", lambda ms: own(), 700, blocked=blocked) == [0, 100, 200, 330, 400, 500, 600]


def test_china_after_a_long_silence_begins_a_new_grid():
    assert times("csae53", lambda ms: own(), 900, blocked=range(100, 550)) == [0, 550, 650, 750, 850]


def test_without_a_place_it_is_tried_once_a_second():
    nowhere = own(latitude_deg=None)
    assert times("csae53", lambda ms: nowhere, 2500) == [0, 1000, 2000]
    assert times("etsi", lambda ms: nowhere, 2500) == [1000, 2000]


def test_etsi_never_speaks_sooner_than_100_ms():
    assert times("etsi", lambda ms: own(heading=ms % 360.0), 500) == [0, 100, 200, 300, 400]


def test_etsi_keeps_the_interval_of_the_last_change_three_times():
    """A turn at 250 ms: T_GenCam is 250 ms for N_GenCam = 3 messages, then 1 s again."""
    told = times("etsi", lambda ms: own(heading=0.0 if ms < 250 else 90.0), 4000)
    assert told == [0, 250, 500, 750, 1000, 2000, 3000]


def test_etsi_a_new_change_sets_the_interval_anew():
    told = times("etsi", lambda ms: own(heading=0.0 if ms < 250 else 90.0 if ms < 400 else 180.0), 2500)
    assert told == [0, 250, 400, 550, 700, 850, 1850]


def test_backwards_is_a_negative_speed():
    content, _ = Announcer(Vehicle(title="x"), 4.0, "csae53").due(own(speed=2.0, reverse=True), 0)
    assert content.speed_mps == -2.0


def test_who_drives_backwards_looks_the_other_way_than_he_goes():
    """The receiver's course is south; the car looks north and has gone 0.3 m back since the fix."""
    car = OwnVehicle(Vehicle(title="x"), Freshness())
    names, values = ("speed_mps", "reverse"), (3.0, 1.0)
    car.signals(Signals(t_ns=0, bus="c", names=names, values=values, stamps_ns=(0, 0)), 0)
    fix = Position(
        t_ns=0, source="g", latitude_deg=48.0, longitude_deg=11.0, speed_mps=3.0, heading_deg=180.0
    )
    car.position(fix, 0)
    content, _ = Announcer(Vehicle(title="x"), 4.0, "csae53").due(car.state(100 * MS), 100 * MS)
    assert (content.heading_deg, content.speed_mps) == (0.0, -3.0)
    assert (content.latitude_deg - 48.0) * NORTH_M == pytest.approx(-0.3, abs=0.01)


def test_hard_braking_is_flagged_until_it_is_clearly_weaker():
    speaker = Announcer(Vehicle(title="x"), 4.0, "csae53")
    flagged = []
    for n, braking in enumerate((3.9, 4.0, 3.3, 3.1, 3.9)):
        content, _ = speaker.due(own(acceleration_mps2=-braking), n * S)
        speaker.tried(content, n * S)
        flagged.append("hard_braking" in content.events)
    assert flagged == [False, True, True, False, False]


def test_every_event_of_the_car_has_its_flag():
    on = {"abs_active": True, "traction_control_active": True, "esc_active": True, "flat_tyre": True}
    car = own(indicator="both", disabled=True, air_bag=True, light_bar=True, **on)
    content, _ = Announcer(Vehicle(title="x", emergency=True), 4.0, "csae53").due(car, 0)
    assert set(content.events) == {
        "abs_active",
        "traction_control_active",
        "stability_control_active",
        "hazard_lights",
        "flat_tyre",
        "disabled",
        "air_bag",
        "emergency_vehicle",
    }
    assert Announcer(Vehicle(title="x"), 4.0, "csae53").due(own(), 0)[0].events == ()


# ---------------------------------------------------------------- events


QUICK = Announcing(hard_braking=EventOut(after_s=0.2, hold_s=0.3, update_s=0.5, validity_s=2.0))


def told(acceleration, until_ms, answer=lambda ms: True, rules=QUICK):
    """[(ms, event)] of hard braking; answer(ms): whether the gate lets it out, None: too soon."""
    events, found = OwnEvents(Vehicle(title="x"), rules, 4.0), []
    for ms in range(0, until_ms, 50):
        car = own(acceleration_mps2=acceleration(ms))
        moment = Moment(now_ns=ms * MS, own=car, roads=(), alarm=False, crossing=False)
        for name, event, _ in events.due(moment):
            verdict = answer(ms)
            if verdict is not None:
                events.settled(name, event, ms * MS, let_out=verdict)
            if verdict:
                found.append((ms, event))
    return found


def test_an_event_must_last_is_told_anew_and_is_over_after_a_while():
    found = told(lambda ms: -6.0 if 100 <= ms < 1500 else 0.0, 3000)
    assert [ms for ms, _ in found] == [300, 800, 1300, 1750]
    assert [event.over for _, event in found] == [False, False, False, True]
    assert {event.from_ns for _, event in found} == {300 * MS}
    assert [event.until_ns for _, event in found] == [(ms + 2000) * MS for ms, _ in found]
    assert [event.measured_ns for _, event in found] == [ms * MS for ms, _ in found]


def test_what_is_shorter_is_not_told_and_a_gap_within_it_is_bridged():
    assert told(lambda ms: -6.0 if 100 <= ms < 250 else 0.0, 1000) == []
    assert told(lambda ms: -6.0 if ms in (100, 150, 350) else 0.0, 1000)[0][0] == 350


def test_what_was_refused_is_tried_again_and_gets_its_number_when_it_leaves():
    found = told(lambda ms: -6.0, 2000, answer=lambda ms: ms >= 600)
    assert [ms for ms, _ in found] == [700, 1200, 1700]
    assert {event.id for _, event in found} == {"0"}
    assert found[0][1].from_ns == 700 * MS


def test_what_came_too_soon_is_asked_again_at_once():
    found = told(lambda ms: -6.0, 600, answer=lambda ms: True if ms >= 400 else None)
    assert found[0][0] == 400


def test_an_end_that_was_refused_is_not_repeated():
    found = told(lambda ms: -6.0 if ms < 500 else 0.0, 3000, answer=lambda ms: ms < 600)
    assert not any(event.over for _, event in found)


def test_what_nobody_was_told_of_has_no_end():
    assert told(lambda ms: -6.0 if ms < 500 else 0.0, 3000, answer=lambda ms: False) == []


# ---------------------------------------------------------------- what we see


def track(number=1, distance=40.0, lateral=0.0, closing=0.0, **values):
    said = {
        "id": number, "kind": "car", "box": (0.0, 0.0, 1.0, 1.0), "score": 0.9, "age_s": 1.0,
        "distance_m": distance, "distance_sd_m": 1.0, "lateral_m": lateral, "closing_speed_mps": closing,
        "closing_speed_sd_mps": 0.5, "ttc_s": None, "in_path": True,
    }  # fmt: skip
    return Track(**{**said, **values})


def road(*tracks, taken_ns=0, camera="road"):
    return Road(
        t_ns=taken_ns, camera=camera, taken_ns=taken_ns, frame_id=1, tracks=tracks, lane=None, lead_id=None,
        headway_s=None,
    )  # fmt: skip


def metres(place):
    return (place[0] - 48.0) * NORTH_M, (place[1] - 11.0) * EAST_M


def test_a_track_lies_where_it_was_when_the_picture_was_taken():
    """40 m before our bumper, half our and half its length more, less what we drove since."""
    north, east = metres(placed(track(lateral=3.0), 0, own(), 0, 2.5))
    assert (north, east) == (pytest.approx(40 + 2.5 + 2.3, abs=0.05), pytest.approx(-3.0, abs=0.01))
    north, _ = metres(placed(track(), 0, own(), 100 * MS, 2.5))
    assert north == pytest.approx(44.8 - 2.0, abs=0.05)
    north, east = metres(placed(track(lateral=3.0), 0, own(heading=90.0), 0, 2.5))
    assert (north, east) == (pytest.approx(3.0, abs=0.01), pytest.approx(44.8, abs=0.05))


@pytest.mark.parametrize("gone", ["latitude_deg", "longitude_deg", "heading_deg", "speed_mps"])
def test_without_our_own_place_a_track_has_none(gone):
    assert placed(track(), 0, own(**{gone: None}), 0, 2.5) is None


def test_without_a_distance_a_track_has_no_place():
    assert placed(track(distance=None), 0, own(), 0, 2.5) is None
    assert placed(track(lateral_m=None), 0, own(), 0, 2.5) is None


def seen(*tracks, known=frozenset(), cameras=("road",), camera="road", car=None):
    found = Perceived(cameras, 2.5, 8.0).due(car or own(), (road(*tracks, camera=camera),), known, 0)
    return [] if found is None else list(found.objects)


def test_speed_and_heading_are_along_the_road():
    (same,) = seen(track(closing=5.0))
    assert (same.speed_mps, same.heading_deg) == (15.0, 0.0)
    (oncoming,) = seen(track(closing=35.0), car=own(heading=200.0))
    assert (oncoming.speed_mps, oncoming.heading_deg) == (15.0, 20.0)
    (stands,) = seen(track(closing=20.5))
    assert (stands.speed_mps, stands.heading_deg) == (0.5, None)
    (person,) = seen(track(closing=20.0, kind="person"))
    assert (person.speed_mps, person.heading_deg) == (None, None)
    (unknown,) = seen(track(closing=None))
    assert (unknown.speed_mps, unknown.heading_deg) == (None, None)


def test_the_accuracy_grows_with_the_doubt_and_the_distance():
    near, doubtful, far = seen(track(1), track(2, distance_sd_m=4.0), track(3, distance=90.0))
    assert near.accuracy_m < far.accuracy_m < doubtful.accuracy_m
    assert near.accuracy_m > 2.45  # of the distance alone
    (unknown,) = seen(track(), car=own(position_accuracy_m=None))
    assert unknown.accuracy_m is None


def test_what_is_not_known_well_or_speaks_for_itself_is_left_out():
    assert seen(track(distance_sd_m=8.1)) == []
    assert seen(track(distance_sd_m=None)) == []
    assert seen(track(7), known=frozenset({7})) == []
    assert seen(track(), camera="another") == []  # no geometry


def test_tracks_of_two_cameras_have_different_ids():
    ids = [seen(track(5), cameras=("a", "b"), camera=name)[0].id for name in ("a", "b")]
    assert len(set(ids)) == 2
    assert all(0 <= int(i) < 65536 for i in ids)


@pytest.mark.parametrize("number", [1, 4095, 4096, 4097, 1 << 40])
def test_no_object_has_an_id_that_a_message_cannot_hold(number):
    """CPM: 0 to 65535; RSM: 1 to 65535."""
    cameras = tuple(map(str, range(16)))
    ids = [int(seen(track(number), cameras=cameras, camera=name)[0].id) for name in cameras]
    assert all(1 <= i < 65536 for i in ids)
    assert len(set(ids)) == 16


def test_the_same_picture_is_told_once_and_no_sooner_than_100_ms():
    it = Perceived(("road",), 2.5, 8.0)
    first = it.due(own(), (road(track()),), frozenset(), 0)
    it.tried(first, 0)
    assert it.due(own(), (road(track(), taken_ns=50 * MS),), frozenset(), 99 * MS) is None
    assert it.due(own(), (road(track(), taken_ns=0),), frozenset(), 100 * MS) is None
    again = it.due(own(), (road(track(), taken_ns=50 * MS),), frozenset(), 100 * MS)
    assert again.objects[0].measured_ns == 50 * MS
