"""What the roadside and others tell of the road ahead: hazards, jams, limits, signs."""

from __future__ import annotations

from edge.core.events_near import Near
from edge.core.situation import Assessment, Situation
from edge.messages import WarningLevel

_WIDER = 1.2
_RANK: dict[WarningLevel, int] = {"information": 1, "warning": 2, "alarm": 3}
_OTHERS_RULES = ("traffic_jam", "speed_limit", "sign")
_BLOCKS = (
    "accident", "stationary_vehicle", "broken_down_vehicle", "obstacle", "person_on_road", "animal_on_road",
    "wrong_way_driver", "rescue_works", "hard_braking", "collision_risk",
)  # fmt: skip
"""Events in front of which one has to stop, or may have to."""


def hazardous_location(s: Situation, active: bool) -> Assessment | None:
    """T/CSAE 53 HLW: an event on our way ahead: the most urgent, of these the one that is reached first."""
    rules, speed = s.rules.hazardous_location, s.own.speed_mps
    if s.roadside is None or speed is None or speed < rules.min_speed_mps:
        return None
    found = [
        assessment
        for near in s.roadside.events
        if (assessment := _hazard(s, near, speed, rules.range_m * (_WIDER if active else 1.0))) is not None
    ]
    return max(found, key=lambda a: _RANK[a.level], default=None)  # the first of the most urgent


def _hazard(s: Situation, near: Near, speed: float, range_m: float) -> Assessment | None:
    rules, kind = s.rules.hazardous_location, near.event.kind
    far_m = near.distance_m if kind == "emergency_vehicle" else near.ahead_m  # it may be behind us
    if kind in _OTHERS_RULES or far_m > range_m:
        return None
    ahead = max(near.ahead_m, 0.0)
    arrival_s = ahead / speed
    needed = speed * speed / (2.0 * max(ahead, 0.5))
    urgent = kind in _BLOCKS and not near.inside and needed > rules.comfortable_braking_mps2
    believed = near.signed or s.rules.peers.unsigned_may_alarm
    alarm = urgent and arrival_s < rules.alarm_s and near.sure_ratio > 0.5 and believed
    soon = arrival_s < rules.warning_s
    words = kind.replace("_", " ")
    return Assessment(
        level="alarm" if alarm else "warning" if soon else "information",
        cause=words + (" here" if near.inside else f" {_where(near)}") + _told(near),
        values=_values(near, speed),
        thresholds={"ahead_m": rules.range_m, "arrival_s": rules.alarm_s if alarm else rules.warning_s},
        object=_object(near),
        based_on_ns=near.heard_ns,
    )


def traffic_jam_ahead(s: Situation, active: bool) -> Assessment | None:
    """T/CSAE 53 TJW: the tail of a jam on our way; slow as we are within it, nothing is to be said."""
    rules, speed = s.rules.traffic_jam, s.own.speed_mps
    if s.roadside is None or speed is None or speed < rules.min_speed_mps:
        return None
    for near in s.roadside.events:
        if near.event.kind != "traffic_jam" or near.ahead_m > rules.range_m * (_WIDER if active else 1.0):
            continue
        soon = near.ahead_m / speed < rules.warning_s
        return Assessment(
            level="warning" if soon else "information",
            cause="traffic jam" + (" here" if near.inside else f" {_where(near)}") + _told(near),
            values=_values(near, speed),
            thresholds={"ahead_m": rules.range_m, "arrival_s": rules.warning_s},
            object=_object(near),
            based_on_ns=near.heard_ns,
        )
    return None


def speed_limit(s: Situation, active: bool) -> Assessment | None:
    """T/CSAE 53 SLW: faster than the lowest limit here, or than one ahead that has to be braked for now."""
    rules, speed, view = s.rules.speed_limit, s.own.speed_mps, s.roadside
    if view is None or speed is None or speed < rules.min_speed_mps:
        return None
    tolerance = rules.tolerance_mps * (0.5 if active else 1.0)
    lowest: tuple[float, float, Near | None] | None = None
    if view.place is not None and view.place.limit_mps is not None:
        lowest = view.place.limit_mps, 0.0, None
    for near in view.events:
        limit = near.event.speed_limit_mps
        if limit is None or limit < 0.0:
            continue
        free_m = near.ahead_m - speed * rules.reaction_s
        slowing = speed * speed - limit * limit
        due = near.inside or (
            near.ahead_m > 0.0 and slowing > 2.0 * rules.comfortable_braking_mps2 * max(free_m, 0.0)
        )
        if due and (lowest is None or limit < lowest[0]):
            lowest = limit, 0.0 if near.inside else near.ahead_m, near
    if lowest is None or speed <= lowest[0] + tolerance:
        return None
    limit, ahead, cause_of = lowest
    if cause_of is not None:
        values, named, heard_ns = _values(cause_of, speed), _object(cause_of), cause_of.heard_ns
    else:
        assert view.place is not None
        values = {"ahead_m": 0.0, "left_m": 0.0, "distance_m": 0.0, "speed_mps": speed, "sure_ratio": 0.9}
        named, heard_ns = f"lane:{view.place.intersection}.{view.place.lanes[0].id}", None
    where = f" {ahead:.0f} m ahead" if ahead > 0.0 else ""
    return Assessment(
        level="warning",
        cause=f"{3.6 * speed:.0f} km/h, the limit{where} is {3.6 * limit:.0f} km/h",
        values={**values, "limit_mps": limit},
        thresholds={"speed_mps": limit + rules.tolerance_mps},
        object=named,
        based_on_ns=heard_ns,
    )


def in_vehicle_sign(s: Situation, active: bool) -> Assessment | None:
    """T/CSAE 53 IVS: the sign that comes next, or in whose zone we are."""
    rules = s.rules.in_vehicle_sign
    if s.roadside is None:
        return None
    for near in s.roadside.events:
        if near.event.kind != "sign" or near.ahead_m > rules.range_m:
            continue
        code = near.event.code
        name = "sign" if code is None else f"sign {code}"
        speed = s.own.speed_mps
        return Assessment(
            level="information",
            cause=name + (" here" if near.inside else f" {_where(near)}") + _told(near),
            values={**_values(near, speed), **({} if code is None else {"sign_code": float(code)})},
            thresholds={"ahead_m": rules.range_m},
            object=_object(near),
            based_on_ns=near.heard_ns,
        )
    return None


def _where(near: Near) -> str:
    if near.ahead_m < 0.0:
        return f"{near.distance_m:.0f} m behind"
    return f"{near.ahead_m:.0f} m ahead"


def _told(near: Near) -> str:
    return f": {near.event.text}" if near.event.text else ""


def _object(near: Near) -> str:
    return f"event:{near.sender}/{near.event.id}"


def _values(near: Near, speed_mps: float | None) -> dict[str, float]:
    values = {
        "ahead_m": near.ahead_m,
        "left_m": near.left_m,
        "distance_m": near.distance_m,
        "sure_ratio": near.sure_ratio,
    }
    if speed_mps is not None:
        values["speed_mps"] = speed_mps
        if speed_mps > 0.5 and near.ahead_m >= 0.0:
            values["arrival_s"] = near.ahead_m / speed_mps
    return values
