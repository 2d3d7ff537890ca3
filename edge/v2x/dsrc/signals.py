"""SPAT of ISO/TS 19091 (SPATEM of ETSI, SPAT of SAE J2735), to and from SignalStates."""

from __future__ import annotations

from typing import Any

from edge.messages import SignalPhase, SignalState, SignalStates
from edge.v2x.dsrc.mapdata import name_of, reference_of
from edge.v2x.dsrc.spat_schema import INTERSECTION_STATUS_OBJECT
from edge.v2x.moments import Now, minute_of_the_year
from edge.v2x.uper import bits

_MS = 1_000_000
_TENTH_NS = 100 * _MS
_MINUTE_NS = 60_000 * _MS
_HOUR_NS = 60 * _MINUTE_NS
_LATER, _UNKNOWN = 36000, 36001
_STATES = {
    "unavailable": "unknown",
    "dark": "dark",
    "stop-Then-Proceed": "red_flashing",
    "stop-And-Remain": "red",
    "pre-Movement": "red_yellow",
    "permissive-Movement-Allowed": "green_yielding",
    "protected-Movement-Allowed": "green",
    "permissive-clearance": "yellow",
    "protected-clearance": "yellow",
    "caution-Conflicting-Traffic": "yellow_flashing",
}
_EVENT_STATES = {light: state for state, light in _STATES.items()} | {
    "green_flashing": "protected-Movement-Allowed"  # it is green still; that it flashes cannot be said
}
_PERCENT = (21, 36, 47, 56, 62, 68, 73, 77, 81, 85, 88, 91, 94, 96, 98, 100)
"""Of TimeIntervalConfidence 0..15, from descriptions of SAE J2735 in public software."""
_USELESS = bits(INTERSECTION_STATUS_OBJECT, {"failureMode", "off", "noValidSPATisAvailableAtThisTime"})


# ---------------------------------------------------------------- in


def signal_states(message: dict[str, Any], now: Now) -> SignalStates:
    """The movements of a decoded SPAT as signal groups; that of a controller in failure shows "unknown".

    A time that lies in the past of the state that it is of stays there: it is the sender's clock.
    """
    return SignalStates(
        signals=tuple(
            SignalState(
                intersection=name_of(state["id"]),
                group=movement["signalGroup"],
                phases=_UNKNOWN_PHASES
                if state["status"] & _USELESS
                else tuple(_phase(event, now) for event in movement["state-time-speed"]),
            )
            for state in message["intersections"]
            for movement in state["states"]
        )
    )


_UNKNOWN_PHASES = (SignalPhase(state="unknown"),)


def measured_ns(message: dict[str, Any], now: Now) -> int | None:
    """When its first intersection's state held: moy and timeStamp, or timeStamp alone; None: not said."""
    state = message["intersections"][0]
    ms = state.get("timeStamp", 65535)
    if ms >= 60_000:
        return None
    moy = state.get("moy", message.get("timeStamp"))
    minute_ns = None if moy is None else now.year_minutes(moy)
    return now.minute_ms(ms) if minute_ns is None else minute_ns + ms * _MS


def _phase(event: dict[str, Any], now: Now) -> SignalPhase:
    name = event["eventState"]
    state = _STATES.get(name, "unknown")
    timing = event.get("timing")
    if timing is None:
        return SignalPhase(state=state)
    from_ns = now.hour_tenths(timing.get("startTime", _UNKNOWN))
    after_ns = now.t_ns - _MINUTE_NS if from_ns is None else from_ns

    def moment(key: str) -> int | None:
        t_ns = now.hour_tenths(timing.get(key, _UNKNOWN))
        # an end is after its start, or at most a moment ago: nearer would be in the hour before
        return t_ns + _HOUR_NS if t_ns is not None and t_ns < after_ns else t_ns

    confidence = timing.get("confidence")
    return SignalPhase(
        state=state,
        from_ns=from_ns,
        earliest_end_ns=moment("minEndTime"),
        latest_end_ns=moment("maxEndTime"),
        likely_end_ns=moment("likelyTime"),
        confidence_ratio=None if confidence is None else _PERCENT[confidence] / 100,
    )


# ---------------------------------------------------------------- out


def spat(content: SignalStates, now: Now) -> dict[str, Any]:
    """Signal groups as a SPAT. Raises CodecError for an id of another form."""
    by_intersection: dict[str, list[dict[str, Any]]] = {}
    for signal in content.signals:
        movement = {
            "signalGroup": signal.group,
            "state-time-speed": [_event(phase, now) for phase in signal.phases],
        }
        by_intersection.setdefault(signal.intersection, []).append(movement)
    moy, ms = minute_of_the_year(now.utc_ns), now.utc_ns % _MINUTE_NS // _MS
    return {
        "timeStamp": moy,
        "intersections": [
            {
                "id": reference_of(name),
                "revision": 0,
                "status": 0,
                "moy": moy,
                "timeStamp": ms,
                "states": movements,
            }
            for name, movements in by_intersection.items()
        ],
    }


def _event(phase: SignalPhase, now: Now) -> dict[str, Any]:
    event: dict[str, Any] = {"eventState": _EVENT_STATES[phase.state]}
    times = {
        "startTime": phase.from_ns,
        "maxEndTime": phase.latest_end_ns,
        "likelyTime": phase.likely_end_ns,
    }
    timing: dict[str, Any] = {name: _mark(t_ns, now) for name, t_ns in times.items() if t_ns is not None}
    if timing or phase.earliest_end_ns is not None:
        timing["minEndTime"] = (
            _UNKNOWN if phase.earliest_end_ns is None else _mark(phase.earliest_end_ns, now)
        )
        if phase.confidence_ratio is not None:
            percent = phase.confidence_ratio * 100
            timing["confidence"] = min(range(16), key=lambda i: abs(_PERCENT[i] - percent))
        event["timing"] = timing
    return event


def _mark(t_ns: int, now: Now) -> int:
    """A TimeMark; one that is an hour away or more cannot be said."""
    if t_ns - now.t_ns >= _HOUR_NS - _MINUTE_NS:
        return _LATER
    if now.t_ns - t_ns >= _HOUR_NS // 2:
        return _UNKNOWN
    return (t_ns - now.t_ns + now.utc_ns) % _HOUR_NS // _TENTH_NS
