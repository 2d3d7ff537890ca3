"""China: SPAT as T/CSAE 53-2020 and YD/T 3709-2020 define it, to and from SignalStates."""

from __future__ import annotations

from typing import Any

from edge.messages import SignalPhase, SignalState, SignalStates
from edge.v2x.csae53.mapdata import node_name, node_reference
from edge.v2x.csae53.schema import codec
from edge.v2x.csae53.spat_schema import STATUS
from edge.v2x.moments import Now, minute_of_the_year
from edge.v2x.scales import steps
from edge.v2x.uper import bits

_TENTH_NS = 100_000_000
_MINUTE_NS = 60_000_000_000
_HOUR_NS = 3_600_000_000_000
_FAR, _UNKNOWN = 36000, 36001
_STATES = {
    "unavailable": "unknown",
    "dark": "dark",
    "flashing-red": "red_flashing",
    "red": "red",
    "flashing-green": "green_flashing",
    "permissive-green": "green_yielding",
    "protected-green": "green",
    "yellow": "yellow",
    "flashing-yellow": "yellow_flashing",
}
_LIGHTS = {state: light for light, state in _STATES.items()} | {"red_yellow": "red"}
_USELESS = bits(STATUS, {"failureMode", "noValidSPATisAvailableAtThisTime"})
_NO_TIMING = ("counting", {"startTime": _UNKNOWN, "likelyEndTime": _UNKNOWN})


# ---------------------------------------------------------------- in


def signal_states(message: dict[str, Any], now: Now) -> SignalStates:
    """The phases of a decoded SPAT as signal groups.

    Counted times start at the time of the intersection's state, else of the message, else now. What began
    first comes first, each colour's next turn included; before it "unknown" if nothing has begun yet. A
    controller that reports failure shows nothing that can be believed.
    """
    base_ns = _base_ns(message, now, now.t_ns)
    return SignalStates(
        signals=tuple(
            SignalState(
                intersection=node_name(state["intersectionId"]),
                group=phase["id"],
                phases=_UNKNOWN_PHASES
                if state["status"] & _USELESS
                else _phases(phase["phaseStates"], _base_ns(state, now, base_ns), now),
            )
            for state in message["intersections"]
            for phase in state["phases"]
        )
    )


_UNKNOWN_PHASES = (SignalPhase(state="unknown"),)


def measured_ns(message: dict[str, Any], now: Now) -> int | None:
    """When it held, None: not said."""
    base_ns = _base_ns(message, now, -1)
    return None if base_ns == -1 else base_ns


def _base_ns(stamped: dict[str, Any], now: Now, other_ns: int) -> int:
    """moy and timeStamp, or timeStamp alone, on our clock."""
    ms = stamped.get("timeStamp", 65535)
    if ms >= 60_000:
        return other_ns
    minute_ns = now.year_minutes(stamped["moy"]) if "moy" in stamped else None
    if minute_ns is not None:
        return minute_ns + ms * 1_000_000
    return now.minute_ms(ms) or other_ns


def _phases(states: list[dict[str, Any]], base_ns: int, now: Now) -> tuple[SignalPhase, ...]:
    turns: list[list[SignalPhase]] = []
    for one in states:
        light = one["light"]
        state = _STATES[light] if isinstance(light, str) else "unknown"
        name, timing = one.get("timing", _NO_TIMING)
        if name == "counting":
            turns.append(_counted(state, timing, base_ns))
        elif name == "utcTiming":
            turns.append(_dated(state, timing, now))
        else:
            turns.append([SignalPhase(state=state)])
    found = [phases[0] for phases in turns] + [again for phases in turns for again in phases[1:]]
    found.sort(key=lambda phase: (phase.from_ns is None, phase.from_ns or 0))
    first_ns = found[0].from_ns
    if first_ns is not None and first_ns > base_ns:
        found.insert(0, SignalPhase(state="unknown", likely_end_ns=first_ns))
    return tuple(found)


def _counted(state: str, timing: dict[str, Any], base_ns: int) -> list[SignalPhase]:
    def moment(name: str) -> int | None:
        tenths = timing.get(name, _UNKNOWN)
        return base_ns + tenths * _TENTH_NS if tenths < _FAR else None

    phases = [
        SignalPhase(
            state=state,
            from_ns=moment("startTime"),
            earliest_end_ns=moment("minEndTime"),
            latest_end_ns=moment("maxEndTime"),
            likely_end_ns=moment("likelyEndTime"),
            confidence_ratio=_ratio(timing),
        )
    ]
    again_ns, lasts = moment("nextStartTime"), timing.get("nextDuration", _UNKNOWN)
    if again_ns is not None:
        end_ns = again_ns + lasts * _TENTH_NS if lasts < _FAR else None
        phases.append(SignalPhase(state=state, from_ns=again_ns, likely_end_ns=end_ns))
    return phases


def _dated(state: str, timing: dict[str, Any], now: Now) -> list[SignalPhase]:
    def moment(name: str, after_ns: int | None = None) -> int | None:
        t_ns = now.hour_tenths(timing.get(name, _UNKNOWN))
        if t_ns is not None and after_ns is not None and t_ns < after_ns:
            return t_ns + _HOUR_NS  # the mark is nearer in the hour before
        return t_ns

    from_ns = moment("startUTCTime")
    phases = [
        SignalPhase(
            state=state,
            from_ns=from_ns,
            earliest_end_ns=moment("minEndUTCTime", from_ns),
            latest_end_ns=moment("maxEndUTCTime", from_ns),
            likely_end_ns=moment("likelyEndUTCTime", from_ns),
            confidence_ratio=_ratio(timing),
        )
    ]
    again_ns = moment("nextStartUTCTime", from_ns)
    if again_ns is not None:
        end_ns = moment("nextEndUTCTime", again_ns)
        phases.append(SignalPhase(state=state, from_ns=again_ns, likely_end_ns=end_ns))
    return phases


def _ratio(timing: dict[str, Any]) -> float | None:
    confidence = timing.get("timeConfidence")
    return None if confidence is None else confidence / 200


# ---------------------------------------------------------------- out


def spat(content: SignalStates, count: int, now: Now) -> bytes:
    """Signal groups as a SPAT in its frame, times as dates. Raises CodecError for an id of another form.

    A colour can be said twice, now and its next turn; more of it is left out. Red with yellow is red.
    """
    by_intersection: dict[str, list[dict[str, Any]]] = {}
    for signal in content.signals:
        phase = {"id": signal.group, "phaseStates": _phase_states(signal, now)}
        by_intersection.setdefault(signal.intersection, []).append(phase)
    stamp = {"moy": minute_of_the_year(now.utc_ns), "timeStamp": now.utc_ns % _MINUTE_NS // 1_000_000}
    message: dict[str, Any] = {
        "msgCnt": count % 128,
        **stamp,
        "intersections": [
            {"intersectionId": node_reference(name), "status": 0, **stamp, "phases": phases}
            for name, phases in by_intersection.items()
        ],
    }
    return codec("spatFrame").encode(("spatFrame", message))


def _phase_states(signal: SignalState, now: Now) -> list[dict[str, Any]]:
    states: dict[str, dict[str, Any]] = {}
    for phase in signal.phases:
        light = _LIGHTS.get(phase.state, "unavailable")
        if light not in states:
            states[light] = {"light": light} | _timing(phase, now)
        elif "timing" in states[light] and phase.from_ns is not None:
            timing = states[light]["timing"][1]
            timing.setdefault("nextStartUTCTime", _mark(phase.from_ns, now))
            if phase.likely_end_ns is not None:
                timing.setdefault("nextEndUTCTime", _mark(phase.likely_end_ns, now))
    return list(states.values())


def _timing(phase: SignalPhase, now: Now) -> dict[str, Any]:
    if phase.from_ns is None and phase.likely_end_ns is None:
        return {}
    timing: dict[str, Any] = {
        "startUTCTime": _mark(phase.from_ns, now),
        "likelyEndUTCTime": _mark(phase.likely_end_ns, now),
    }
    for name, t_ns in (("minEndUTCTime", phase.earliest_end_ns), ("maxEndUTCTime", phase.latest_end_ns)):
        if t_ns is not None:
            timing[name] = _mark(t_ns, now)
    if phase.confidence_ratio is not None:
        timing["timeConfidence"] = steps("timeConfidence", phase.confidence_ratio, 200, 0, 200, 0)
    return {"timing": ("utcTiming", timing)}


def _mark(t_ns: int | None, now: Now) -> int:
    """TimeMark: within half an hour of now, where one hour cannot be taken for another; else beyond."""
    if t_ns is None:
        return _UNKNOWN
    if abs(t_ns - now.t_ns) >= _HOUR_NS // 2:
        return _FAR
    return (now.utc_ns + t_ns - now.t_ns) % _HOUR_NS // _TENTH_NS
