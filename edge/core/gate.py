"""The last door: what moves the car or leaves by radio passes here or does not leave.

Silent by default: only what the vehicle's file allows. Values are limited to its bounds and may change only
as fast as it says; what comes too soon, is no number or rests on old inputs is refused. Questions to ECUs
pass too, if they are switched on, only read, keep their distance and wake nobody. What leaves by radio is
judged in radio.py.

Age: a wish may not wait, so its age is counted from the arrival of the message that it rests on, and
max_age_ms bounds how long deciding may take. How old the picture behind that message is, is the rules'
affair: one older than freshness.view_s is not looked at, however fast it was decided.
"""

from __future__ import annotations

from edge.config import GateRule, GateSettings, Question
from edge.core.radio import TOO_SOON, Content, Radio
from edge.core.units import known, seconds
from edge.core.vehicle import CarState
from edge.messages import Ask, Health, Refused, Request, Transmit

_COUNT_EVERY_NS = 1_000_000_000
_FORGET_NS = 1_000_000_000  # the car has let go of what was not repeated for so long
_ASKED_SERVICES = (0x01, 0x19, 0x22, 0x3E)  # they read and change nothing: SAE J1979, ISO 14229-1
_ASKED_IDS = range(0x700, 0x800)  # where diagnostics is; other ids move the car
_ASKED_FIXED = (0x18DA, 0x18DB)  # the same in 29 bits: ISO 15765-2, normal fixed addressing
_ANSWERED_IDS = range(0x7E8, 0x7F0)  # ISO 15765-4: an ECU speaks there, and two at once disturb each other
_ANSWERED_FIXED = 0x18DAF1
_MAX_BUSES = 64
_AWAKE_NS = 2_500_000_000  # a bus says once a second how it is
_STATES = ("warn_display",)  # stays valid until replaced; all else is a demand that must be repeated


class _Sent:
    __slots__ = ("t_ns", "value")

    def __init__(self, value: float, t_ns: int) -> None:
        self.value, self.t_ns = value, t_ns


class Gate:
    """Judges every wish."""

    def __init__(
        self,
        rules: dict[str, GateRule],
        settings: GateSettings,
        *,
        radio: bool = False,
        emergency: bool = False,
    ) -> None:
        self._rules = rules
        self._max_age_ns = round(settings.max_age_ms * 1e6)
        self._dry_run = settings.dry_run
        self._sent: dict[str, _Sent] = {}
        self._radio = Radio(settings, on=radio, emergency=emergency)
        self._may_ask = settings.diagnostics
        self._silent_bus = settings.silent_bus
        self._ask_interval_ns = round(settings.diagnostics_interval_ms * 1e6)
        self._asked_ns: int | None = None
        self._awake_ns: dict[str, int] = {}
        self._refusals: dict[tuple[str, str], list[int]] = {}  # [count since the last message, its time]

    def judge(self, request: Request, now_ns: int) -> Transmit | str:
        """What may leave, or why not."""
        rule = self._rules.get(request.what)
        if rule is None:
            return "not on the vehicle's list of what may leave"
        value = known(request.value)
        if value is None:
            return "its value is not a number"
        age_ns = now_ns - request.based_on_ns
        if not 0 <= age_ns <= self._max_age_ns:
            return "rests on inputs that are too old"
        sent = self._sent.get(request.what)
        interval_ns = round(rule.min_interval_ms * 1e6)
        if sent is not None and now_ns - sent.t_ns < interval_ns:
            return TOO_SOON
        value = _within(value, rule)
        if rule.max_rate_per_s is not None:
            before, passed_ns = _within(0.0, rule), interval_ns
            if sent is not None and now_ns - sent.t_ns <= _FORGET_NS:
                before, passed_ns = sent.value, now_ns - sent.t_ns
            step = rule.max_rate_per_s * seconds(passed_ns)
            value = _within(min(max(value, before - step), before + step), rule)
        self._sent[request.what] = _Sent(value, now_ns)
        return Transmit(
            t_ns=now_ns,
            bus=rule.bus,
            message=rule.message,
            signals=self._signals(rule, now_ns),
            cause=request.cause,
            dry_run=self._dry_run,
        )

    def sent(self, what: str, now_ns: int) -> float:
        """The value last let out, if the car can still be following it; else 0."""
        sent = self._sent.get(what)
        return sent.value if sent is not None and now_ns - sent.t_ns <= _FORGET_NS else 0.0

    def radio(self, content: Content, own: CarState, now_ns: int) -> str | None:
        """Why something may not be announced now; None: it may, and counts as sent."""
        return self._radio.judge(content, own, now_ns)

    def bus(self, message: Health) -> None:
        """How a bus says that it is: source "can:NAME"."""
        kind, _, name = message.source.partition(":")
        if kind != "can":
            return
        if message.state != "ok":
            self._awake_ns.pop(name, None)
        elif name in self._awake_ns or len(self._awake_ns) < _MAX_BUSES:
            self._awake_ns[name] = message.t_ns

    def question(self, question: Question, now_ns: int) -> Ask | str:
        """The question as it may leave, or why not. A sleeping bus is not woken."""
        if not self._may_ask:
            return "asking is off: [rules.gate] diagnostics"
        if question.service not in _ASKED_SERVICES:
            return f"service {question.service:#04x} is not on the list of what may be asked"
        number = question.request_id
        if number not in _ASKED_IDS and number >> 16 not in _ASKED_FIXED:
            return f"id {number:#x} is not one of diagnostics"
        if number in _ANSWERED_IDS or number >> 8 == _ANSWERED_FIXED:
            return f"id {number:#x} is one that an ECU answers on"
        if self._asked_ns is not None and now_ns - self._asked_ns < self._ask_interval_ns:
            return TOO_SOON
        awake_ns = self._awake_ns.get(question.bus)
        if not self._silent_bus and (awake_ns is None or now_ns - awake_ns > _AWAKE_NS):
            return f"bus {question.bus} is not awake"
        self._asked_ns = now_ns
        return Ask(
            t_ns=now_ns,
            bus=question.bus,
            name=question.name,
            request_id=number,
            service=question.service,
            identifier=question.identifier,
            dry_run=self._dry_run,
        )

    def refused(self, what: str, reason: str, now_ns: int) -> Refused | None:
        """Count a refusal: told at once when it is new, then once a second with the count."""
        entry = self._refusals.setdefault((what, reason), [0, now_ns - _COUNT_EVERY_NS])
        entry[0] += 1
        if now_ns - entry[1] < _COUNT_EVERY_NS:
            return None
        count, entry[0], entry[1] = entry[0], 0, now_ns
        return Refused(t_ns=now_ns, what=what, reason=reason, count=count)

    def _signals(self, of: GateRule, now_ns: int) -> dict[str, float]:
        """All that is let out in this message: one frame carries every signal that has a rule for it."""
        signals = {}
        for what, rule in self._rules.items():
            if rule.bus != of.bus or rule.message != of.message:
                continue
            sent = self._sent.get(what)
            valid = sent is not None and (what in _STATES or now_ns - sent.t_ns <= self._max_age_ns)
            signals[rule.signal] = sent.value if sent is not None and valid else _within(0.0, rule)
        return signals


def _within(value: float, rule: GateRule) -> float:
    return min(max(value, rule.minimum), rule.maximum)
