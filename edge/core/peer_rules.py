"""Warnings of road users that we follow, meet or are followed by, one pure function over the table each.

The applications are those of T/CSAE 53 day 1; `active` as in rules.py.
"""

from __future__ import annotations

import numpy as np

from edge.core.around import Around
from edge.core.peer_telling import WIDER, believed, soonest, tell
from edge.core.peers import KINDS
from edge.core.situation import Assessment, Situation
from edge.messages import FloatArray

_SLOW_MPS = 1.0  # a heading means little, and nobody who stands is oncoming
_TINY = 1e-9
_DRIVEN = np.array([kind not in ("person", "bicycle") for kind in KINDS])
_BROKEN = ("hazard_lights", "disabled", "flat_tyre", "air_bag")
_LOST = ("abs_active", "traction_control_active", "stability_control_active")


def peer_forward_collision(s: Situation, active: bool) -> Assessment | None:
    """FCW: a vehicle in our path would be reached in time and comfortable braking would not prevent it.

    The same criterion as the camera's, and what the vehicle says of its own braking counts: time by constant
    braking of it, the needed braking for stopping behind it or for its speed, whichever comes first.
    """
    rules, common, around, speed = (
        s.rules.peer_forward_collision,
        s.rules.forward_collision,
        s.around,
        s.own.speed_mps,
    )
    if around is None or speed is None or speed < common.min_speed_mps or s.own.reverse:
        return None
    gap = np.maximum(around.x_m - around.own.half_length_m - around.half_length_m, 0.0)
    closing = speed - around.u_mps
    ttc = _time_to(gap, closing, np.maximum(-around.acceleration_mps2, 0.0))
    drift = around.w_mps - around.u_mps * around.own.curvature_1pm * around.x_m
    reach = around.own.half_width_m + around.half_width_m + rules.path_margin_m
    goes_along = around.same_way | ~(np.abs(around.speed_mps) > _SLOW_MPS)
    who = believed(s, around, active) & (around.x_m > 0.0) & (around.distance_m <= rules.range_m) & goes_along
    who &= _DRIVEN[around.kinds] & (np.abs(around.aside_m) < reach)
    who &= np.abs(around.aside_m + drift * np.minimum(ttc, common.ttc_vehicle_s)) < reach
    wider = WIDER if active else 1.0
    needed = _needed(around, gap, closing, speed, common.gap_left_m)
    accepted = common.comfortable_braking_mps2
    if s.own.brake_pressed and s.own.acceleration_mps2 is not None:
        accepted += max(-s.own.acceleration_mps2, 0.0)
    i = soonest(who & (ttc < common.ttc_vehicle_s * wider) & (needed >= accepted / wider), ttc)
    if i is None:
        return None
    alarm = ttc[i] < common.ttc_alarm_s
    return tell(
        s,
        around,
        i,
        "alarm" if alarm else "warning",
        f"{{who}} {{where}} in our path, closing at {closing[i]:.0f} m/s",
        {
            "ttc_s": float(ttc[i]),
            "closing_speed_mps": float(closing[i]),
            "needed_braking_mps2": float(needed[i]),
            "speed_mps": speed,
        },
        {
            "ttc_s": common.ttc_alarm_s if alarm else common.ttc_vehicle_s,
            "needed_braking_mps2": common.comfortable_braking_mps2,
        },
    )


def emergency_brake_ahead(s: Situation, active: bool) -> Assessment | None:
    """EBW: a vehicle ahead on our or the next lane, going our way, brakes hard."""
    rules, around = s.rules.peers, s.around
    if around is None or s.own.speed_mps is None or s.own.speed_mps < rules.min_speed_mps:
        return None
    aside = np.abs(around.aside_m)
    who = believed(s, around, active) & around.having("hard_braking") & around.same_way
    who &= (around.x_m > 0.0) & (around.x_m <= rules.emergency_range_m)
    who &= aside <= rules.same_lane_m + rules.lane_width_m
    same_lane = aside <= rules.same_lane_m
    i = soonest(who, np.where(same_lane, around.x_m, around.x_m + rules.emergency_range_m))
    if i is None:
        return None
    return tell(
        s,
        around,
        i,
        "alarm" if same_lane[i] else "warning",
        f"{{who}} {{where}} on {'our' if same_lane[i] else 'the next'} lane brakes hard",
        {
            "arrival_s": float(around.x_m[i]) / s.own.speed_mps,
            "acceleration_mps2": float(around.acceleration_mps2[i]),
            "speed_mps": s.own.speed_mps,
        },
        {"ahead_m": rules.emergency_range_m, "left_m": rules.same_lane_m},
    )


def abnormal_vehicle(s: Situation, active: bool) -> Assessment | None:
    """AVW: ahead of us somebody stands, crawls or shows that something is wrong with it."""
    rules, around, speed = s.rules.abnormal_vehicle, s.around, s.own.speed_mps
    if around is None or speed is None or speed < s.rules.peers.min_speed_mps or s.own.reverse:
        return None
    gap = np.maximum(around.x_m - around.own.half_length_m - around.half_length_m, 0.0)
    arrival = _time_to(gap, speed - around.u_mps, np.zeros_like(gap))
    aside = np.abs(around.aside_m)
    in_path = aside < around.own.half_width_m + around.half_width_m + rules.path_margin_m
    goes_along = around.same_way | ~(np.abs(around.speed_mps) > _SLOW_MPS)
    who = believed(s, around, active) & (around.x_m > 0.0) & (around.distance_m <= rules.range_m) & goes_along
    who &= _DRIVEN[around.kinds] & (arrival < rules.arrival_s * (WIDER if active else 1.0))
    broken = around.having(*_BROKEN) & (aside <= s.rules.peers.same_lane_m + s.rules.peers.lane_width_m)
    slow = in_path & (np.abs(around.speed_mps) <= rules.slow_mps)
    if speed < rules.min_speed_mps / (WIDER if active else 1.0) or s.own.brake_pressed:
        slow &= broken
    i = soonest(who & (slow | broken), arrival)
    if i is None:
        return None
    what = "with hazard lights or damage" if broken[i] else "standing or very slow"
    return tell(
        s,
        around,
        i,
        "warning" if in_path[i] else "information",
        f"{{who}} {{where}} {what}",
        {"arrival_s": float(arrival[i]), "peer_speed_mps": float(around.speed_mps[i]), "speed_mps": speed},
        {"arrival_s": rules.arrival_s, "peer_speed_mps": rules.slow_mps},
    )


def control_loss(s: Situation, active: bool) -> Assessment | None:
    """CLW: the anti-lock brake, traction or stability control of somebody who may come our way works."""
    rules, around, speed = s.rules.control_loss, s.around, s.own.speed_mps
    if around is None or speed is None:
        return None
    who = believed(s, around, active) & around.having(*_LOST) & (around.distance_m <= rules.range_m)
    if not who.any():
        return None
    gap = np.maximum(np.abs(around.x_m) - around.own.half_length_m - around.half_length_m, 0.0)
    aside, none = np.abs(around.aside_m), np.zeros_like(gap)
    wide = aside <= (rules.lanes + 0.5) * s.rules.peers.lane_width_m
    ahead = around.x_m > 0.0
    arrival = np.where(
        ahead & wide & around.same_way,
        _time_to(gap, np.full_like(gap, speed), none),  # it may stand across the road in no time
        np.where(
            ahead & wide & around.opposite,
            _time_to(gap, speed - around.u_mps, none),
            np.where(
                ~ahead & (aside <= s.rules.peers.same_lane_m) & around.same_way,
                _time_to(gap, around.u_mps - speed, none),
                np.inf,
            ),
        ),
    )
    i = soonest(who & (arrival < rules.arrival_s * (WIDER if active else 1.0)), arrival)
    if i is None:
        return None
    same_lane = aside[i] <= s.rules.peers.same_lane_m
    return tell(
        s,
        around,
        i,
        "alarm" if same_lane and arrival[i] < rules.alarm_s else "warning",
        "{who} {where} is losing control",
        {"arrival_s": float(arrival[i]), "speed_mps": speed},
        {"arrival_s": rules.arrival_s},
    )


def emergency_vehicle(s: Situation, active: bool) -> Assessment | None:
    """EVW: an emergency vehicle comes from behind or across our way."""
    rules, around, speed = s.rules.emergency_vehicle, s.around, s.own.speed_mps
    if around is None or speed is None:
        return None
    who = believed(s, around, active) & around.having("emergency_vehicle")
    who &= around.distance_m <= rules.range_m * (WIDER if active else 1.0)
    if not who.any():
        return None
    gap = np.maximum(np.abs(around.x_m) - around.own.half_length_m - around.half_length_m, 0.0)
    behind = (around.x_m < 0.0) & around.same_way & (around.u_mps > speed + (0.0 if active else 0.5))
    from_behind = _time_to(gap, around.u_mps - speed, np.zeros_like(gap))
    du, dw = around.u_mps - speed, around.w_mps
    nears = around.x_m * du + around.y_m * dw
    nearest_s = -nears / np.maximum(du * du + dw * dw, _TINY)
    nearest_x, nearest_y = around.x_m + du * nearest_s, around.y_m + dw * nearest_s
    near = nearest_x * nearest_x + nearest_y * nearest_y <= rules.crossing_m * rules.crossing_m
    across = ~around.same_way & ~around.opposite & (nears < 0.0) & near
    arrival = np.where(behind, from_behind, np.where(across, nearest_s, np.inf))
    i = soonest(who & (behind | across), arrival)
    if i is None:
        return None
    soon = arrival[i] < rules.arrival_s
    return tell(
        s,
        around,
        i,
        "warning" if soon else "information",
        f"an emergency vehicle {{where}} comes {'from behind' if behind[i] else 'across our way'}",
        {"arrival_s": float(arrival[i]), "peer_speed_mps": float(around.speed_mps[i]), "speed_mps": speed},
        {"arrival_s": rules.arrival_s, "distance_m": rules.range_m},
    )


def _time_to(gap_m: FloatArray, closing_mps: FloatArray, braking_mps2: FloatArray) -> FloatArray:
    """When a gap is gone that closes so fast, ever faster by somebody's braking; infinite: never."""
    root = np.sqrt(closing_mps * closing_mps + 2.0 * braking_mps2 * gap_m)
    rate = closing_mps + root
    return np.where(rate > 1e-3, 2.0 * gap_m / np.maximum(rate, 1e-3), np.inf)


def _needed(
    around: Around, gap_m: FloatArray, closing_mps: FloatArray, speed_mps: float, left_m: float
) -> FloatArray:
    """The constant braking that keeps left_m of the gap to each."""
    gap = np.maximum(gap_m - left_m, 0.5)
    theirs, braking = np.maximum(around.u_mps, 0.0), np.maximum(-around.acceleration_mps2, 0.0)
    follow = braking + closing_mps * np.abs(closing_mps) / (2.0 * gap)
    stops_m = theirs * theirs / (2.0 * np.maximum(braking, _TINY))
    stop = speed_mps * speed_mps / (2.0 * (gap + stops_m))
    alike_s = 2.0 * gap / np.maximum(closing_mps, _TINY)  # until we are as slow as it is
    return np.where(
        (closing_mps > 0.0) & (alike_s * braking <= theirs), follow, np.where(braking > 0.1, stop, follow)
    )
