"""Warnings of road users whose ways cross ours, or whom a turn, an overtaking or a lane change would meet.

The applications are those of T/CSAE 53 day 1; `active` as in rules.py.
"""

from __future__ import annotations

import numpy as np

from edge.core.around import Around
from edge.core.conflict import Movers, touching
from edge.core.geometry import sin_cos
from edge.core.peer_telling import WIDER, believed, soonest, tell
from edge.core.peers import KINDS
from edge.core.situation import Assessment, Situation

_WEAK = np.array([kind in ("person", "bicycle") for kind in KINDS])
_MIRROR_M = 0.5  # the zone beside us begins here, ahead of our middle
_DRIFTS_MPS = 0.2
_AT_LINE_M = 0.2


def intersection_collision(s: Situation, active: bool) -> Assessment | None:
    """ICW: somebody who crosses our way would touch us, both going on as now."""
    rules, around, speed = s.rules.intersection_collision, s.around, s.own.speed_mps
    if around is None or speed is None or speed < rules.min_speed_mps or s.own.reverse:
        return None
    _, cosine = sin_cos(rules.crossing_deg)
    who = believed(s, around, active) & ~_WEAK[around.kinds] & (np.abs(around.turned_cos) < cosine)
    who &= (around.distance_m <= rules.range_m) & (np.abs(around.speed_mps) >= rules.min_speed_mps)
    limit_s = rules.time_s * (WIDER if active else 1.0)
    found = _conflict(around, who, limit_s, rules.margin_m)
    if found is None:
        return None
    i, ttc, closest = found
    side = "left" if around.y_m[i] > 0.0 else "right"
    return tell(
        s,
        around,
        i,
        "alarm" if ttc < rules.alarm_s else "warning",
        f"{{who}} {{where}} crosses our way from the {side}",
        {
            "ttc_s": ttc,
            "closest_m": closest,
            "peer_speed_mps": float(around.speed_mps[i]),
            "speed_mps": speed,
        },
        {"ttc_s": rules.time_s, "margin_m": rules.margin_m},
    )


def vulnerable_road_user(s: Situation, active: bool) -> Assessment | None:
    """VRUCW: a person or cyclist is or will be on our way when we are there."""
    rules, around, speed = s.rules.vulnerable_road_user, s.around, s.own.speed_mps
    if around is None or speed is None or speed < rules.min_speed_mps or s.own.reverse:
        return None
    who = believed(s, around, active) & _WEAK[around.kinds] & (around.x_m > 0.0)
    who &= around.distance_m <= rules.range_m
    found = _conflict(around, who, rules.time_s * (WIDER if active else 1.0), rules.margin_m)
    if found is None:
        return None
    i, ttc, closest = found
    return tell(
        s,
        around,
        i,
        "alarm" if ttc < rules.alarm_s else "warning",
        "{who} {where} is on our way",
        {"ttc_s": ttc, "closest_m": closest, "speed_mps": speed},
        {"ttc_s": rules.time_s, "margin_m": rules.margin_m},
    )


def left_turn_assist(s: Situation, active: bool) -> Assessment | None:
    """LTA: we turn, or want to, and somebody comes towards us whose way we would cross.

    Where one drives on the left it is the right turn.
    """
    rules, around, speed = s.rules.left_turn_assist, s.around, s.own.speed_mps
    if around is None or speed is None or speed > rules.max_speed_mps or s.own.reverse:
        return None
    side, name = _side(s)
    if s.own.indicator != name and not side * around.own.curvature_1pm > rules.turns_1pm:
        return None
    lane = s.rules.peers.lane_width_m
    towards = -around.u_mps
    left_m = np.maximum(around.x_m - rules.conflict_m, 0.0)
    braking = np.maximum(-around.acceleration_mps2, 0.0)
    stops = towards * towards < 2.0 * braking * left_m
    arrival = np.where((towards > 0.5) & ~stops, left_m / np.maximum(towards, 0.5), np.inf)
    beside = side * around.y_m
    who = believed(s, around, active) & around.opposite & (around.x_m > 0.0)
    who &= (around.distance_m <= rules.range_m) & (beside > -0.5 * lane) & (beside < rules.lanes * lane)
    i = soonest(who & (arrival < rules.gap_s * (WIDER if active else 1.0)), arrival)
    if i is None:
        return None
    waits = speed < rules.moving_mps
    return tell(
        s,
        around,
        i,
        "information" if waits else "alarm" if arrival[i] < rules.alarm_s else "warning",
        f"{{who}} {{where}} comes towards us, whose way a {name} turn crosses",
        {"arrival_s": float(arrival[i]), "peer_speed_mps": float(around.speed_mps[i]), "speed_mps": speed},
        {"arrival_s": rules.gap_s},
    )


def do_not_pass(s: Situation, active: bool) -> Assessment | None:
    """DNPW: we are about to overtake, and somebody comes towards us on the lane that it needs."""
    rules, around, speed = s.rules.do_not_pass, s.around, s.own.speed_mps
    if around is None or speed is None or speed < rules.min_speed_mps / (WIDER if active else 1.0):
        return None
    side, name = _side(s)
    if s.own.indicator != name or not _follows(s, around, speed):
        return None
    lane = s.rules.peers.lane_width_m
    beside = side * around.aside_m
    gap = np.maximum(around.x_m - around.own.half_length_m - around.half_length_m, 0.0)
    meeting = gap / np.maximum(speed - around.u_mps, 1.0)
    who = believed(s, around, active) & around.opposite & (around.x_m > 0.0)
    who &= (around.distance_m <= rules.range_m) & (beside > 0.5 * lane) & (beside < 1.6 * lane)
    i = soonest(who & (meeting < rules.pass_s * (WIDER if active else 1.0)), meeting)
    if i is None:
        return None
    return tell(
        s,
        around,
        i,
        "alarm" if meeting[i] < rules.alarm_s else "warning",
        "{who} {where} comes towards us on the lane for overtaking",
        {"arrival_s": float(meeting[i]), "peer_speed_mps": float(around.speed_mps[i]), "speed_mps": speed},
        {"arrival_s": rules.pass_s, "distance_m": rules.range_m},
    )


def blind_spot(s: Situation, active: bool) -> Assessment | None:
    """BSW: somebody is beside or just behind us on the next lane."""
    around, speed = s.around, s.own.speed_mps
    if around is None or speed is None or speed < s.rules.lane_change.min_speed_mps:
        return None
    i = soonest(believed(s, around, active) & _beside(s, around, speed, active), around.distance_m)
    if i is None:
        return None
    rules = s.rules.lane_change
    return tell(
        s,
        around,
        i,
        "information",
        "{who} {where} in our blind spot",
        {"speed_mps": speed, "peer_speed_mps": float(around.speed_mps[i])},
        {"behind_m": rules.behind_m, "side_m": rules.furthest_m},
    )


def lane_change(s: Situation, active: bool) -> Assessment | None:
    """LCW: the indicator says that we change lane, and there is or soon will be somebody on that side."""
    rules, around, speed = s.rules.lane_change, s.around, s.own.speed_mps
    if (
        around is None
        or speed is None
        or speed < rules.min_speed_mps
        or s.own.indicator not in ("left", "right")
    ):
        return None
    side = 1.0 if s.own.indicator == "left" else -1.0
    on_side = side * around.aside_m > 0.0
    beside = _beside(s, around, speed, active)
    gap = -around.x_m - around.own.half_length_m - around.half_length_m
    closing = around.u_mps - speed
    arrival = np.where(beside, 0.0, np.maximum(gap, 0.0) / np.maximum(closing, 0.5))
    comes = (gap > 0.0) & (closing > 0.5) & around.same_way & _next_lane(s, around)
    comes &= (arrival < rules.closing_s * (WIDER if active else 1.0)) & (around.distance_m <= rules.range_m)
    i = soonest(believed(s, around, active) & on_side & (beside | comes), arrival)
    if i is None:
        return None
    goes_over = _drifts(s, s.own.indicator) and (beside[i] or arrival[i] < rules.alarm_s)
    where = "is beside us" if beside[i] else f"comes from behind {closing[i]:.0f} m/s faster"
    return tell(
        s,
        around,
        i,
        "alarm" if goes_over else "warning",
        f"{{who}} {{where}} {where}, and we indicate to the {s.own.indicator}",
        {"arrival_s": float(arrival[i]), "peer_speed_mps": float(around.speed_mps[i]), "speed_mps": speed},
        {"arrival_s": rules.closing_s},
    )


def _side(s: Situation) -> tuple[float, str]:
    """Where oncoming traffic is: (1 for left, its name)."""
    return (1.0, "left") if s.rules.peers.traffic_side == "right" else (-1.0, "right")


def _conflict(
    around: Around, who: np.ndarray, within_s: float, margin_m: float
) -> tuple[int, float, float] | None:
    """Who of them would touch us first: (index, when, how near our middles come); None: nobody."""
    index = np.nonzero(who)[0]
    if not len(index):
        return None
    own, theirs = around.own, around.movers
    ours = {
        "x_m": 0.0, "y_m": 0.0, "cosine": 1.0, "sine": 0.0, "speed_mps": own.speed_mps,
        "acceleration_mps2": own.acceleration_mps2, "curvature_1pm": own.curvature_1pm,
        "half_length_m": own.half_length_m, "half_width_m": own.half_width_m,
    }  # fmt: skip
    movers = Movers(**{n: np.concatenate(([v], getattr(theirs, n)[index])) for n, v in ours.items()})
    others = np.arange(1, len(index) + 1)
    found = touching(movers, np.zeros_like(others), others, within_s, margin_m)
    if not len(found.second):
        return None
    first = int(np.argmin(found.conflict_s))
    i = int(index[found.second[first] - 1])
    return i, float(found.conflict_s[first]), float(found.closest_m[first])


def _follows(s: Situation, around: Around, speed_mps: float) -> bool:
    """Whether somebody drives ahead of us whom we could want to overtake."""
    within_s = s.rules.do_not_pass.lead_s
    if any(road.headway_s is not None and road.headway_s <= within_s for road in s.roads):
        return True
    near = (around.x_m > 0.0) & (around.x_m <= within_s * speed_mps + around.half_length_m)
    ahead = near & around.same_way & (np.abs(around.aside_m) <= 0.5 * s.rules.peers.lane_width_m)
    return bool((ahead & (around.u_mps <= speed_mps + 1.0)).any())


def _next_lane(s: Situation, around: Around) -> np.ndarray:
    rules = s.rules.lane_change
    side_m = np.abs(around.aside_m) - around.half_width_m - around.own.half_width_m
    return (side_m > 0.0) & (side_m < rules.furthest_m)


def _beside(s: Situation, around: Around, speed_mps: float, active: bool) -> np.ndarray:
    """Who is in the zone of ISO 17387 on one of our sides, and not just being left behind by us."""
    rules = s.rules.lane_change
    behind_m = rules.behind_m * (WIDER if active else 1.0)
    front, rear = around.x_m + around.half_length_m, around.x_m - around.half_length_m
    zone = (front > -around.own.half_length_m - behind_m) & (rear < _MIRROR_M) & _next_lane(s, around)
    return zone & around.same_way & (speed_mps - around.u_mps < rules.overtaking_mps)


def _drifts(s: Situation, side: str) -> bool:
    """Whether the camera sees that we leave our lane to that side."""
    for road in s.roads:
        if road.lane is None:
            continue
        left = side == "left"
        gap = road.lane.left_m if left else road.lane.right_m
        rate = road.lane.left_rate_mps if left else road.lane.right_rate_mps
        if gap is not None and (gap < _AT_LINE_M or (rate is not None and rate < -_DRIFTS_MPS)):
            return True
    return False
