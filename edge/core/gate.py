"""The last door: what moves the car or leaves by radio passes here or does not leave.

Silent by default: only what the vehicle's file allows. Values are limited to its bounds and may change only
as fast as it says; what comes too soon, is no number or rests on old inputs is refused.

Age: a wish may not wait, so its age is counted from the arrival of the message that it rests on, and
max_age_ms bounds how long deciding may take. How old the picture behind that message is, is the rules'
affair: one older than freshness.view_s is not looked at, however fast it was decided.
"""

from __future__ import annotations

from edge.config import GateRule, GateSettings
from edge.core.units import known, seconds
from edge.core.vehicle import CarState
from edge.messages import Refused, Request, Transmit

TOO_SOON = "sooner than the shortest interval after the last"
_COUNT_EVERY_NS = 1_000_000_000
_FORGET_NS = 1_000_000_000  # the car has let go of what was not repeated for so long
_STATES = ("warn_display",)  # stays valid until replaced; all else is a demand that must be repeated


class _Sent:
    __slots__ = ("t_ns", "value")

    def __init__(self, value: float, t_ns: int) -> None:
        self.value, self.t_ns = value, t_ns


class Gate:
    """Judges every wish."""

    def __init__(self, rules: dict[str, GateRule], settings: GateSettings) -> None:
        self._rules = rules
        self._max_age_ns = round(settings.max_age_ms * 1e6)
        self._radio_interval_ns = round(settings.radio_interval_ms * 1e6)
        self._dry_run = settings.dry_run
        self._sent: dict[str, _Sent] = {}
        self._radio_ns: int | None = None
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

    def radio(self, own: CarState, now_ns: int) -> str | None:
        """Why our own state may not be announced now; None: it may, and counts as sent."""
        if self._radio_ns is not None and now_ns - self._radio_ns < self._radio_interval_ns:
            return TOO_SOON
        if own.latitude_deg is None or own.longitude_deg is None:
            return "own position is not fresh"
        if own.speed_mps is None:
            return "own speed is not fresh"
        self._radio_ns = now_ns
        return None

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
