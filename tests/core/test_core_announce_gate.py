"""What the gate lets out by radio: each of its checks has a case here that only this check refuses."""

from __future__ import annotations

import math

import pytest
from msgspec import structs

from edge.config import GateSettings, Vehicle
from edge.core.gate import TOO_SOON, Gate
from edge.core.vehicle import OwnVehicle
from edge.messages import PerceivedObjects, Position, RemoteObject, RoadEvent

S, MS = 1_000_000_000, 1_000_000
NOW = 10 * S


def gate(*, radio=True, emergency=False, **settings):
    return Gate({}, GateSettings(**settings), radio=radio, emergency=emergency)


def own(**values):
    car = OwnVehicle(Vehicle(title="x"), Freshness)
    car.position(
        Position(
            t_ns=NOW, source="g", latitude_deg=48.0, longitude_deg=11.0, speed_mps=10.0, heading_deg=0.0
        ),
        NOW,
    )
    return structs.replace(car.state(NOW), **values)


class Freshness:
    signal_s = position_s = 60.0


def state(**values):
    said = {"kind": "car", "latitude_deg": 48.0, "longitude_deg": 11.0, "measured_ns": NOW, "speed_mps": 10.0}
    return RemoteObject(**{**said, **values})


def event(**values):
    said = {
        "id": "1",
        "kind": "hard_braking",
        "latitude_deg": 48.0,
        "longitude_deg": 11.0,
        "measured_ns": NOW,
        "until_ns": NOW + 2 * S,
    }
    return RoadEvent(**{**said, **values})


def seen(*objects, **values):
    return PerceivedObjects(objects=objects or (state(id="1", **values),))


@pytest.mark.parametrize("content", [state(), event(), seen()])
def test_what_is_fresh_sane_and_on_the_list_leaves(content):
    assert gate().radio(content, own(), NOW) is None


@pytest.mark.parametrize("content", [state(), event(), seen()])
def test_a_gate_is_silent_unless_the_radio_is_switched_on(content):
    assert "off" in Gate({}, GateSettings()).radio(content, own(), NOW)


@pytest.mark.parametrize(
    ("content", "name"), [(state(), "own_state"), (event(), "hard_braking"), (seen(), "perceived")]
)
def test_what_is_not_on_the_list_does_not_leave(content, name):
    others = tuple(n for n in GateSettings().radio if n != name)
    closed = Gate({}, GateSettings(radio=others), radio=True)
    assert "not on the list" in closed.radio(content, own(), NOW)
    only = Gate({}, GateSettings(radio=(name,)), radio=True)
    assert only.radio(content, own(), NOW) is None


def test_kinds_of_events_that_the_core_does_not_decide_on_are_not_on_the_list():
    assert "not on the list" in gate().radio(event(kind="wrong_way_driver"), own(), NOW)


@pytest.mark.parametrize(
    "content",
    [
        event(kind="emergency_vehicle"),
        state(events=("hard_braking", "emergency_vehicle")),
        seen(events=("emergency_vehicle",)),
    ],
)
def test_only_an_emergency_vehicle_claims_to_be_one(content):
    assert "emergency" in gate().radio(content, own(), NOW)
    assert gate(emergency=True).radio(content, own(), NOW) is None


@pytest.mark.parametrize(
    ("make", "setting"),
    [(state, "radio_interval_ms"), (event, "radio_event_interval_ms"), (seen, "radio_perceived_interval_ms")],
)
def test_each_kind_keeps_its_own_interval(make, setting):
    it = gate(**{setting: 200.0})
    assert it.radio(make(), own(), NOW) is None
    assert it.radio(make(measured_ns=NOW + 199 * MS), own(), NOW + 199 * MS) == TOO_SOON
    assert it.radio(make(measured_ns=NOW + 200 * MS), own(), NOW + 200 * MS) is None
    assert it.radio(make(measured_ns=NOW + 399 * MS), own(), NOW + 399 * MS) == TOO_SOON


def test_kinds_do_not_wait_for_each_other_and_what_was_refused_does_not_count():
    it = gate()
    for content in (state(), event(), event(kind="collision_risk", id="2"), seen()):
        assert it.radio(content, own(), NOW) is None
    it = gate()
    assert it.radio(state(speed_mps=math.nan), own(), NOW) not in (None, TOO_SOON)
    assert it.radio(state(), own(), NOW) is None


@pytest.mark.parametrize("content", [state(), event(), seen()])
def test_without_a_fresh_state_of_our_own_nothing_leaves(content):
    assert gate().radio(content, own(latitude_deg=None), NOW) == "own position is not fresh"
    assert gate().radio(content, own(longitude_deg=None), NOW) == "own position is not fresh"
    assert gate().radio(content, own(speed_mps=None), NOW) == "own speed is not fresh"


def test_what_we_see_needs_our_heading_what_we_are_does_not():
    assert gate().radio(seen(), own(heading_deg=None), NOW) == "own heading is not known"
    assert gate().radio(state(), own(heading_deg=None), NOW) is None
    assert gate().radio(event(), own(heading_deg=None), NOW) is None


@pytest.mark.parametrize("make", [state, event, seen])
def test_what_rests_on_old_future_or_no_measurements_does_not_leave(make):
    for measured_ns, well in (
        (NOW - 500 * MS, True),
        (NOW - 500 * MS - 1, False),
        (NOW + 1, False),
        (None, False),
    ):
        reason = gate(radio_max_age_ms=500.0).radio(make(measured_ns=measured_ns), own(), NOW)
        assert reason is None if well else "too old" in reason


def test_one_old_object_holds_back_all():
    objects = state(id="1"), state(id="2", measured_ns=NOW - S)
    assert "too old" in gate().radio(seen(*objects), own(), NOW)


@pytest.mark.parametrize("make", [state, event, seen])
@pytest.mark.parametrize(
    "wrong",
    [
        {"latitude_deg": math.nan},
        {"latitude_deg": 90.1},
        {"longitude_deg": math.nan},
        {"longitude_deg": -180.1},
        {"speed_mps": 101.0},
        {"speed_mps": math.nan},
        {"heading_deg": 721.0},
        {"heading_deg": math.inf},
        {"confidence_ratio": 1.1},
        {"latitude_deg": -90.1},
        {"longitude_deg": 180.1},
        {"heading_deg": -361.0},
        {"confidence_ratio": -0.1},
    ],
)
def test_values_that_cannot_be_do_not_leave(make, wrong):
    assert gate(radio_range_m=1e9).radio(make(**wrong), own(), NOW) == "a value of it is not sane"


@pytest.mark.parametrize("make", [state, event, seen])
def test_values_at_the_edge_of_what_can_be_leave(make):
    edges = {"speed_mps": -100.0, "heading_deg": 360.0, "confidence_ratio": 0.0}
    assert gate().radio(make(**edges), own(), NOW) is None
    assert gate().radio(state(accuracy_m=0.0), own(), NOW) is None


@pytest.mark.parametrize("make", [state, seen])
@pytest.mark.parametrize(
    "wrong",
    [
        {"acceleration_mps2": -20.1},
        {"yaw_rate_radps": 5.8},
        {"accuracy_m": -1.0},
        {"accuracy_m": math.nan},
        {"altitude_m": 10_001.0},
    ],
)
def test_nor_do_those_of_objects_alone(make, wrong):
    assert gate().radio(make(**wrong), own(), NOW) == "a value of it is not sane"


@pytest.mark.parametrize("make", [state, event, seen])
def test_what_is_not_near_us_is_not_ours_to_tell(make):
    assert gate(radio_range_m=300.0).radio(make(latitude_deg=48.0026), own(), NOW) is None  # 289 m
    for far in ({"latitude_deg": 48.0028}, {"longitude_deg": 11.0042}):
        assert gate(radio_range_m=300.0).radio(make(**far), own(), NOW) == "it is not near us"


def test_an_event_needs_an_id_and_an_end_that_can_be():
    assert "no id" in gate().radio(event(id=""), own(), NOW)
    assert "no id" in gate().radio(event(id="x" * 65), own(), NOW)
    longest = GateSettings().radio_max_validity_s
    for until_ns, well in (
        (None, False),
        (NOW, False),
        (NOW + 1, True),
        (NOW + round(longest * S), True),
        (NOW + round(longest * S) + 1, False),
    ):
        reason = gate().radio(event(until_ns=until_ns), own(), NOW)
        assert reason is None if well else "validity" in reason


def test_a_list_of_objects_is_neither_empty_nor_endless_and_no_id_comes_twice():
    assert "no objects" in gate().radio(PerceivedObjects(objects=()), own(), NOW)
    many = tuple(state(id=str(n)) for n in range(129))
    assert "too many" in gate().radio(seen(*many), own(), NOW)
    assert gate().radio(seen(*many[:128]), own(), NOW) is None
    assert "same id" in gate().radio(seen(state(id="1"), state(id="1")), own(), NOW)
