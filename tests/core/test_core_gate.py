"""What leaves: the gate, what is announced when, who is in the table of peers, how warnings begin and end."""

from __future__ import annotations

import pytest

from edge.config import Freshness, GateRule, GateSettings, Rules, Vehicle
from edge.core.announce import Announcer
from edge.core.gate import TOO_SOON, Gate
from edge.core.situation import Assessment
from edge.core.vehicle import OwnVehicle
from edge.core.warnings import Arbiter, Kind, table
from edge.messages import Position, Request, Signals, Transmit

MS = 1_000_000
BRAKE = GateRule(bus="can0", message="A", signal="BRAKE", minimum=0.0, maximum=6.0, max_rate_per_s=20.0)
SHOW = GateRule(bus="can0", message="A", signal="CODE", minimum=0.0, maximum=9.0)


def gate(**settings):
    return Gate({"brake": BRAKE, "warn_display": SHOW}, GateSettings(**settings))


def ask(what, value, t_ms, based_ms=None):
    based_ns = (t_ms if based_ms is None else based_ms) * MS
    return Request(t_ns=t_ms * MS, what=what, value=value, cause="why", based_on_ns=based_ns)


def test_braking_builds_up_at_the_allowed_rate_and_stops_at_the_bound():
    """20 m/s3 at 50 ms intervals is 1 m/s2 a step."""
    g, sent = gate(), []
    for n in range(10):
        verdict = g.judge(ask("brake", 99.0, 1000 + 50 * n), (1000 + 50 * n) * MS)
        sent.append(verdict.signals["BRAKE"])
    assert sent == pytest.approx([1, 2, 3, 4, 5, 6, 6, 6, 6, 6])


def test_what_is_old_too_soon_or_no_number_is_refused():
    g = gate(max_age_ms=50.0)
    assert "too old" in g.judge(ask("brake", 1.0, 1000, based_ms=949), 1000 * MS)
    assert "too old" in g.judge(ask("brake", 1.0, 1000, based_ms=1001), 1000 * MS)
    assert isinstance(g.judge(ask("brake", 1.0, 1000, based_ms=950), 1000 * MS), Transmit)
    assert g.judge(ask("brake", 1.0, 1049), 1049 * MS) == TOO_SOON
    assert isinstance(g.judge(ask("brake", 1.0, 1050), 1050 * MS), Transmit)
    assert "not a number" in g.judge(ask("brake", float("nan"), 2000), 2000 * MS)


def test_a_demand_that_was_not_repeated_does_not_ride_in_another_signals_frame():
    g = gate()
    assert g.judge(ask("brake", 1.0, 1000), 1000 * MS).signals == {"BRAKE": 1.0, "CODE": 0.0}
    assert g.judge(ask("warn_display", 3.0, 1040), 1040 * MS).signals == {"BRAKE": 1.0, "CODE": 3.0}
    assert g.judge(ask("warn_display", 4.0, 1100), 1100 * MS).signals == {"BRAKE": 0.0, "CODE": 4.0}
    assert g.judge(ask("brake", 1.0, 5000), 5000 * MS).signals == {"BRAKE": 1.0, "CODE": 4.0}


def test_it_is_dry_unless_told_otherwise():
    assert gate().judge(ask("brake", 1.0, 0), 0).dry_run is True
    assert gate(dry_run=False).judge(ask("brake", 1.0, 0), 0).dry_run is False


def test_refusals_are_told_at_once_and_then_once_a_second_with_their_count():
    g = gate()
    told = [g.refused("brake", "x", 100 * n * MS) for n in range(25)]
    assert [(n, r.count) for n, r in enumerate(told) if r is not None] == [(0, 1), (10, 10), (20, 10)]


# ---------------------------------------------------------------- announcing: EN 302 637-2, 6.1.3


def announcer():
    return Announcer(Vehicle(title="x"), 4.0), OwnVehicle(
        Vehicle(title="x"), Freshness(signal_s=60, position_s=60)
    )


def place(vehicle, t_ns, speed=0.0, heading=0.0, latitude=0.0, **signals):
    values = {"speed_mps": speed, **signals}
    fix = Position(
        t_ns=t_ns, source="g", latitude_deg=latitude, longitude_deg=0.0, speed_mps=5.0, heading_deg=heading
    )
    vehicle.position(fix, t_ns)
    message = Signals(
        t_ns=t_ns,
        bus="",
        names=tuple(values),
        values=tuple(values.values()),
        stamps_ns=(t_ns,) * len(values),
    )
    vehicle.signals(message, t_ns)
    return vehicle.state(t_ns)


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ({"heading": 3.9}, False),
        ({"heading": 4.1}, True),
        ({"heading": -4.1}, True),
        ({"speed": 0.4}, False),
        ({"speed": 0.6}, True),
        ({"latitude": 3.9 / 110_574}, False),
        ({"latitude": 4.1 / 110_574}, True),
        ({"acceleration_mps2": -4.1}, False),  # an event's own message tells of it
    ],
)
def test_a_change_beyond_the_standards_figures_is_announced(change, due):
    speaker, vehicle = announcer()
    first = place(vehicle, 0)
    content, cause = speaker.due(first, 0)
    assert cause == "the first"
    speaker.tried(content, 0)
    assert (speaker.due(place(vehicle, 200 * MS, **change), 200 * MS) is not None) is due


def test_without_any_change_it_is_announced_once_a_second():
    speaker, vehicle = announcer()
    speaker.tried(speaker.due(place(vehicle, 0), 0)[0], 0)
    assert speaker.due(place(vehicle, 999 * MS), 999 * MS) is None
    assert speaker.due(place(vehicle, 1000 * MS), 1000 * MS)[1] == "once a second"


# ---------------------------------------------------------------- arbitration


def told(levels, after_s=0.0, hold_s=1.0):
    """(time ms, level, active) of what an arbiter says when a rule answers `levels`, one each 100 ms."""
    answers = iter(levels)

    def rule(situation, active):
        level = next(answers)
        return level and Assessment(level=level, cause="", values={}, thresholds={})

    kind = Kind(
        name="x", code=1, rule=rule, settings="peers", on="road", inputs=(), after_s=after_s, hold_s=hold_s
    )
    arbiter, said = Arbiter((kind,)), []
    for n in range(len(levels)):

        class Now:
            now_ns = n * 100 * MS

        for warning in arbiter.look(Now, "road")[0]:
            said.append((warning.t_ns // MS, warning.level, warning.active))
    return said


def test_a_warning_begins_at_once_rises_at_once_and_falls_after_its_hold():
    levels = ["warning", "alarm", *["warning"] * 12, *[None] * 12]
    assert told(levels) == [
        (0, "warning", True),
        (100, "alarm", True),
        (1200, "warning", True),
        (2300, "warning", False),
    ]


def test_what_comes_and_goes_within_the_hold_is_one_warning():
    assert told(["warning", None, None, "warning", None, "warning"] * 3) == [(0, "warning", True)]


def test_what_must_last_does_not_begin_before():
    assert told([*["warning"] * 4, *[None] * 5, *["warning"] * 4], after_s=0.5) == []
    assert told(["warning", "warning", None, "warning", "warning", "warning"], after_s=0.5) == [
        (500, "warning", True)
    ]


def test_codes_and_names_are_unique():
    kinds = table(Rules())
    assert len({k.code for k in kinds}) == len({k.name for k in kinds}) == len(kinds)
