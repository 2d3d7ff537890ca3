"""What traffic lights say to us by radio: a red one that we are about to pass, and the speed for green."""

from __future__ import annotations

from collections.abc import Sequence

from edge.core.intersection import LanePlace
from edge.core.situation import Assessment, Situation
from edge.core.units import known, seconds
from edge.messages import SignalPhase

_GREEN = ("green", "green_yielding", "green_flashing")
_WIDER = 1.2
_UNTIMED, _LIKELY = 0.5, 0.6
"""How sure a state is whose end is not said, and one that may end earlier or later than is likely."""
_NEXT = {"yellow": "red", "red_yellow": "green"}  # what cannot be otherwise


def shows(phases: Sequence[SignalPhase], t_ns: int) -> tuple[str, float]:
    """(what a light shows at a time to come, how sure): "unknown" where it cannot be told."""
    for i, phase in enumerate(phases):
        following = phases[i + 1] if i + 1 < len(phases) else None
        first, last, likely = _end(phase, following)
        if first is None:
            return phase.state, _UNTIMED
        if t_ns < first:
            return phase.state, _sure(phase)
        if last is None or t_ns < last:
            if likely is None:
                return "unknown", 0.0
            after = following.state if following else _NEXT.get(phase.state, "unknown")
            return (phase.state if t_ns < likely else after), _LIKELY
    return (_NEXT.get(phases[-1].state, "unknown"), _LIKELY) if phases else ("unknown", 0.0)


def green(phases: Sequence[SignalPhase], now_ns: int) -> tuple[int, int | None, float] | None:
    """(from, to, how sure) of the green that is or comes next; to: None is open; None: not known."""
    begin: int | None = now_ns
    for i, phase in enumerate(phases):
        following = phases[i + 1] if i + 1 < len(phases) else None
        first, last, likely = _end(phase, following)
        if i > 0 and phase.from_ns is not None:
            begin = phase.from_ns
        if phase.state in _GREEN:
            return None if begin is None else (begin, first, _sure(phase) if first is not None else _UNTIMED)
        begin = last if last is not None else likely
    ended = phases[-1].state if phases else ""
    return (begin, None, _UNTIMED) if begin is not None and ended in ("red", "red_yellow") else None


def _end(phase: SignalPhase, following: SignalPhase | None) -> tuple[int | None, int | None, int | None]:
    """The (earliest, latest, likely) end of a phase, each as well as it is said."""
    then = following.from_ns if following is not None else None
    likely = phase.likely_end_ns if phase.likely_end_ns is not None else then
    first = phase.earliest_end_ns if phase.earliest_end_ns is not None else likely
    if first is None:
        first = phase.latest_end_ns
    last = phase.latest_end_ns if phase.latest_end_ns is not None else likely
    return first, last, likely


def _sure(phase: SignalPhase) -> float:
    confidence = known(phase.confidence_ratio)
    return 1.0 if confidence is None else min(max(confidence, 0.0), 1.0)


def _approach(s: Situation, range_m: float) -> tuple[LanePlace, float, float] | None:
    """(our lane, metres to its stop line, our speed) where lights that we know govern us within range."""
    view, speed = s.roadside, s.own.speed_mps
    if view is None or not view.lights or view.place is None or speed is None or s.own.reverse:
        return None
    to_stop = view.place.to_stop_m
    if to_stop is None or not 0.0 < to_stop <= range_m:
        return None
    return view.place, to_stop, speed


def red_light_violation(s: Situation, active: bool) -> Assessment | None:
    """T/CSAE 53 RLVW: the light is red when we arrive, and nothing shows that we stop before it.

    All groups that may govern us must be red then. That the driver stops is seen by his braking.
    """
    rules = s.rules.red_light
    approach = _approach(s, rules.range_m)
    if approach is None or approach[2] < rules.min_speed_mps:
        return None
    place, to_stop, speed = approach
    arrival_s = to_stop / speed
    arrival_ns = s.now_ns + round(arrival_s * 1e9)
    assert s.roadside is not None
    sure = 1.0
    for light in s.roadside.lights:
        state, how_sure = shows(light.phases, arrival_ns)
        if state != "red":
            return None
        sure = min(sure, how_sure)
    left_m = to_stop - speed * rules.reaction_s
    needed = speed * speed / (2.0 * left_m) if left_m > 0.5 else rules.alarm_mps2 * 2.0
    limit = rules.warning_mps2 / (_WIDER if active else 1.0)
    braking = max(-(s.own.acceleration_mps2 or 0.0), 0.0)
    stops = braking >= rules.braking_share * speed * speed / (2.0 * to_stop)
    if needed < limit or stops or sure < rules.min_sure_ratio:
        return None
    light = s.roadside.lights[0]
    now = shows(light.phases, s.now_ns)[0]
    believed = s.roadside.lights_signed or s.rules.peers.unsigned_may_alarm
    alarm = needed >= rules.alarm_mps2 and sure > _UNTIMED and believed
    values = {
        "ahead_m": to_stop,
        "left_m": 0.0,
        "distance_m": to_stop,
        "arrival_s": arrival_s,
        "needed_braking_mps2": needed,
        "speed_mps": speed,
        "sure_ratio": sure,
    }
    change = _end(light.phases[0], light.phases[1] if len(light.phases) > 1 else None)
    change_ns = change[2] if change[2] is not None else change[0]
    if change_ns is not None and change_ns > s.now_ns:
        values["change_s"] = seconds(change_ns - s.now_ns)
    return Assessment(
        level="alarm" if alarm else "warning",
        cause=f"the light {to_stop:.0f} m ahead {'is' if now == 'red' else 'will be'} red when we arrive",
        values=values,
        thresholds={"needed_braking_mps2": rules.alarm_mps2 if alarm else rules.warning_mps2},
        object=f"signal:{place.intersection}.{light.group}",
        based_on_ns=s.roadside.lights_ns,
    )


def green_light_speed(s: Situation, active: bool) -> Assessment | None:
    """T/CSAE 53 GLOSA: the speeds that reach the stop line while it is green, within the limit.

    Several groups that may govern us: what is good for all of them.
    """
    rules = s.rules.green_light_speed
    approach = _approach(s, rules.range_m)
    if approach is None or approach[1] < rules.min_distance_m or approach[2] < 1.0:
        return None
    place, to_stop, speed = approach
    assert s.roadside is not None
    slowest, fastest, sure = rules.min_speed_mps, _limit(s, place), 1.0
    change_ns: int | None = None
    for light in s.roadside.lights:
        window = green(light.phases, s.now_ns)
        if window is None:
            return None
        from_ns, to_ns, how_sure = window
        wait_s = seconds(from_ns - s.now_ns)
        if wait_s > 0.0:
            fastest = min(fastest, to_stop / (wait_s + rules.margin_s))
        if to_ns is not None:
            left_s = seconds(to_ns - s.now_ns) - rules.margin_s
            if left_s <= 0.0:
                return None
            slowest = max(slowest, to_stop / left_s)
        next_ns = from_ns if wait_s > 0.0 else to_ns
        if next_ns is not None and (change_ns is None or next_ns < change_ns):
            change_ns = next_ns
        sure = min(sure, how_sure)
    if slowest > fastest:
        return None
    group = s.roadside.lights[0].group
    values = {
        "ahead_m": to_stop,
        "left_m": 0.0,
        "distance_m": to_stop,
        "arrival_s": to_stop / speed,
        "advised_min_mps": slowest,
        "advised_max_mps": fastest,
        "speed_mps": speed,
        "sure_ratio": sure,
    }
    if change_ns is not None:
        values["change_s"] = seconds(change_ns - s.now_ns)
    return Assessment(
        level="information",
        cause=f"{3.6 * slowest:.0f} to {3.6 * fastest:.0f} km/h reach green, {to_stop:.0f} m ahead",
        values=values,
        thresholds={"speed_mps": rules.min_speed_mps},
        object=f"signal:{place.intersection}.{group}",
        based_on_ns=s.roadside.lights_ns,
    )


def _limit(s: Situation, place: LanePlace) -> float:
    """The lowest limit that is known here; what the settings say where none is."""
    assert s.roadside is not None
    limits = [
        near.event.speed_limit_mps
        for near in s.roadside.events
        if near.inside and near.event.speed_limit_mps is not None
    ]
    if place.limit_mps is not None:
        limits.append(place.limit_mps)
    return min(limits, default=s.rules.green_light_speed.max_speed_mps)
