"""Questions to ECUs: when one leaves, and all the reasons why it does not."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import CoreConfig, GateSettings, Question, Rules
from edge.core.core import Core
from edge.messages import Answer, Ask, Gap, Health, Refused, Signals, Tick

MS, S = 1_000_000, 1_000_000_000
RPM = Question(name="rpm", bus="can0", service=0x01, identifier=0x0C, period_s=1.0)
VIN = Question(name="vin", bus="can0", service=0x22, identifier=0xF190, request_id=0x7E0, period_s=10.0)


class Drive:
    """A core with questions, a bus that says each second how it is, and ECUs that answer at once."""

    def __init__(self, *questions, dry_run=False, diagnostics=True, answers=True, **settings):
        rules = Rules(gate=GateSettings(dry_run=dry_run, diagnostics=diagnostics, **settings))
        self.core = Core(CoreConfig(rules=rules, diagnostics=questions))
        self.state, self.answers, self.t_ns, self.out = "ok", answers, 10 * S, []

    def say(self, message):
        self.out += self.core.step(message)

    def health(self, state, bus="can0"):
        self.say(Health(t_ns=self.t_ns, source=f"can:{bus}", state=state))

    def go(self, seconds):
        """What left and what was refused meanwhile."""
        before = len(self.out)
        for n in range(round(seconds * 100)):
            self.t_ns += 10 * MS
            if n % 100 == 0 and self.state is not None:
                self.health(self.state)
            at = len(self.out)
            self.say(Tick(t_ns=self.t_ns, number=n))
            for ask in [m for m in self.out[at:] if isinstance(m, Ask)]:
                if self.answers:
                    self.say(Answer(t_ns=self.t_ns, bus=ask.bus, name=ask.name, value=1.0))
        new = self.out[before:]
        return [m for m in new if isinstance(m, Ask)], [m for m in new if isinstance(m, Refused)]


def test_each_question_is_asked_in_its_period():
    asks, refused = Drive(RPM, VIN).go(20)
    assert [a.name for a in asks].count("rpm") == 20
    assert [a.name for a in asks].count("vin") == 2
    assert refused == []
    assert msgspec.structs.astuple(asks[0])[1:] == ("can0", "rpm", 0x7DF, 0x01, 0x0C, False)


def test_nothing_is_asked_unless_it_is_switched_on():
    asks, refused = Drive(RPM, diagnostics=False).go(3)
    assert asks == []
    assert {r.reason for r in refused} == {"asking is off: [rules.gate] diagnostics"}
    assert GateSettings().diagnostics is False
    assert Drive().go(3) == ([], [])


def test_a_dry_run_is_said_and_waits_for_no_answer():
    asks, _ = Drive(RPM, dry_run=True, answers=False).go(3)
    assert [a.dry_run for a in asks] == [True] * 3
    assert GateSettings().dry_run is True


@pytest.mark.parametrize("service", [s for s in range(0x100) if s not in (0x01, 0x19, 0x22, 0x3E)])
def test_services_that_do_more_than_read_are_refused(service):
    asks, refused = Drive(msgspec.structs.replace(RPM, service=service)).go(1.1)
    assert asks == []
    assert f"{service:#04x} is not on the list" in refused[0].reason


@pytest.mark.parametrize(
    ("number", "passes"),
    [
        (0x6FF, False), (0x700, True), (0x7DF, True), (0x7E7, True), (0x7FF, True), (0x800, False),
        (0x123, False), (0, False), (-1, False), (0x18DA10F1, True), (0x18DB33F1, True), (0x18D910F1, False),
        (0x18DC10F1, False), (0x18FEF100, False), (0x318DA10F1, False), (0x7E8, False), (0x7EF, False),
        (0x7F0, True), (0x18DAF110, False),
    ],
)  # fmt: skip
def test_ids_that_are_not_of_diagnostics_are_refused(number, passes):
    asks, refused = Drive(msgspec.structs.replace(RPM, request_id=number)).go(1)
    assert (len(asks) > 0) is passes
    answering = number in range(0x7E8, 0x7F0) or number == 0x18DAF110
    why = "one that an ECU answers on" if answering else "not one of diagnostics"
    assert passes or why in refused[0].reason


def test_a_sleeping_bus_is_not_woken():
    drive = Drive(RPM)
    drive.state = None  # it has not said anything yet
    asks, refused = drive.go(3)
    assert asks == []
    assert {r.reason for r in refused} == {"bus can0 is not awake"}
    drive.state = "ok"
    assert len(drive.go(3)[0]) == 3
    drive.state = "degraded"  # silent, or nobody acknowledges
    assert drive.go(3)[0] == []
    drive.state = "ok"
    assert len(drive.go(3)[0]) >= 2
    drive.state = None  # whoever says so has died
    assert len(drive.go(10)[0]) <= 3
    assert drive.go(3)[0] == []


def test_what_was_refused_is_asked_as_soon_as_it_may_be():
    drive = Drive(VIN)
    drive.state = "degraded"
    assert drive.go(2.5)[0] == []
    drive.state = "ok"
    assert [a.name for a in drive.go(1.5)[0]] == ["vin"]  # not 10 s later


def test_another_bus_awake_is_not_this_one():
    drive = Drive(RPM)
    drive.state = None
    for _ in range(5):
        drive.health("ok", bus="can1")
        drive.health("ok", bus="can0+can1")
        drive.say(Health(t_ns=drive.t_ns, source="camera:can0", state="ok"))
        assert drive.go(0.5)[0] == []


def test_behind_a_gateway_the_user_may_allow_a_silent_bus():
    drive = Drive(RPM, silent_bus=True)
    drive.state = None
    assert len(drive.go(3)[0]) == 3


def test_no_two_questions_sooner_than_the_interval():
    many = [msgspec.structs.replace(RPM, name=f"q{n}", period_s=0.01) for n in range(10)]
    asks, refused = Drive(*many, diagnostics_interval_ms=200.0).go(10)
    gaps = [b.t_ns - a.t_ns for a, b in itertools.pairwise(asks)]
    assert min(gaps) >= 200 * MS
    assert len(asks) == pytest.approx(50, abs=1)
    assert {a.name for a in asks} == {f"q{n}" for n in range(10)}  # none is starved
    assert refused == []


def test_the_next_question_waits_for_the_answer_but_not_for_ever():
    drive = Drive(RPM, VIN, answers=False)
    asks, _ = drive.go(6.9)
    assert [a.name for a in asks] == ["rpm"]
    drive.say(Answer(t_ns=drive.t_ns, bus="can0", name="vin", value=1.0))  # to another question
    assert drive.go(0.05)[0] == []
    asks, _ = drive.go(0.2)
    assert [a.name for a in asks] == ["vin"]
    drive.say(Answer(t_ns=drive.t_ns, bus="can0", name="vin", reason="no answer within 1.0 s"))
    assert [a.name for a in drive.go(0.2)[0]] == ["rpm"]


inputs = st.lists(
    st.one_of(
        st.builds(lambda t: Tick(t_ns=t, number=0), st.integers(0, 20 * S)),
        st.builds(
            lambda t, state, bus: Health(t_ns=t, source=bus, state=state),
            st.integers(0, 20 * S),
            st.sampled_from(["ok", "degraded", "failed"]),
            st.sampled_from(["can:can0", "can:can1", "can:", "gnss"]),
        ),
        st.builds(
            lambda t, name: Answer(t_ns=t, bus="can0", name=name),
            st.integers(0, 20 * S),
            st.sampled_from(["rpm", "vin", ""]),
        ),
        st.builds(lambda t: Gap(t_ns=t, source="x", reason="y", count=1), st.integers(0, 20 * S)),
    ),
    max_size=60,
)


@given(inputs)
def test_whatever_comes_the_limits_hold_and_the_same_gives_the_same(messages):
    def run():
        drive = Drive(RPM, VIN, msgspec.structs.replace(RPM, name="bad", service=0x2E))
        for message in messages:
            drive.say(message)
        return drive.out

    out = run()
    asks = [m for m in out if isinstance(m, Ask)]
    assert all(a.service in (0x01, 0x22) and a.bus == "can0" for a in asks)
    assert all(b.t_ns - a.t_ns >= 100 * MS for a, b in itertools.pairwise(asks))
    assert out == run()


def test_signals_and_others_do_not_make_it_ask():
    drive = Drive(RPM)
    drive.health("ok")
    drive.say(Signals(t_ns=drive.t_ns, bus="can0", names=(), values=(), stamps_ns=()))
    assert drive.out == []
