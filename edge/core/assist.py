"""Decisions -> wishes to the car, for the gate to judge."""

from __future__ import annotations

from edge.core.situation import Assessment
from edge.messages import Request

_RELEASE_AFTER_NS = 300_000_000  # no picture asked for braking for so long


class Assist:
    """Asks for braking while a collision alarm holds, and for the code of the most urgent warning."""

    def __init__(self) -> None:
        self._demanded_ns = 0
        self._code_settled = 0

    def brake(self, assessment: Assessment, now_ns: int) -> Request | None:
        """The braking that the alarm needs, m/s2. It rests on the arrival of the picture's message."""
        if assessment.demand_mps2 is None or assessment.arrived_ns is None:
            return None
        self._demanded_ns = now_ns
        return Request(
            t_ns=now_ns,
            what="brake",
            value=assessment.demand_mps2,
            cause=assessment.cause,
            based_on_ns=assessment.arrived_ns,
        )

    def release(self, sent_mps2: float, now_ns: int) -> Request | None:
        """Let go, step by step as the gate's rates allow, when nothing asks for braking any more."""
        if sent_mps2 <= 0.0 or now_ns - self._demanded_ns < _RELEASE_AFTER_NS:
            return None
        return Request(t_ns=now_ns, what="brake", value=0.0, cause="no collision ahead", based_on_ns=now_ns)

    def display(self, code: int, now_ns: int) -> Request | None:
        """The code to show, when it is another; it rests on what is active now."""
        if code == self._code_settled:
            return None
        return Request(
            t_ns=now_ns,
            what="warn_display",
            value=float(code),
            cause="active warnings changed",
            based_on_ns=now_ns,
        )

    def settled(self, code: int) -> None:
        """The gate has answered, and asking again would not change the answer."""
        self._code_settled = code
