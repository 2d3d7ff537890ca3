"""One pure function per warning: a situation -> why to warn, or None.

`active` says that it warns already: the limits to end it are a little wider than those to begin it, so that
nothing flickers at a limit. How the car is driven is in driving.py.
"""

from __future__ import annotations

from edge.core.road import VEHICLES
from edge.core.situation import Assessment, Situation
from edge.core.units import seconds
from edge.messages import Road, Track

_WIDER = 1.2


def forward_collision(s: Situation, active: bool) -> Assessment | None:
    """A vehicle in our path would be reached within the limit and comfortable braking would not prevent it.

    Time to collision by NHTSA's FCW confirmation test and T/JSATL 12. Oncoming vehicles are left out: what is
    ahead of us at the begin of a bend is in its own lane.
    """
    rules = s.rules.forward_collision
    return _collision(s, active, VEHICLES, rules.ttc_vehicle_s, rules.comfortable_braking_mps2, "vehicle")


def pedestrian_collision(s: Situation, active: bool) -> Assessment | None:
    """The same for a person who is in our path or walks into it, below 50 km/h (T/JSATL 12)."""
    rules = s.rules.forward_collision
    speed = s.own.speed_mps
    if speed is None or speed > rules.max_speed_person_mps * (_WIDER if active else 1.0):
        return None
    comfortable = rules.comfortable_braking_person_mps2
    return _collision(s, active, ("person",), rules.ttc_person_s, comfortable, "person")


def _collision(
    s: Situation, active: bool, kinds: tuple[str, ...], ttc_limit_s: float, comfortable: float, what: str
) -> Assessment | None:
    rules, speed = s.rules.forward_collision, s.own.speed_mps
    if speed is None or speed < rules.min_speed_mps or s.own.reverse:
        return None
    worst: tuple[float, Track, Road, float] | None = None
    limit_s = ttc_limit_s * (_WIDER if active else 1.0)
    for road in s.roads:
        age_s = seconds(s.now_ns - road.taken_ns)  # the gap has shrunk since the picture
        for track in road.tracks:
            if track.kind not in kinds or not track.in_path or track.ttc_s is None:
                continue
            ttc_s = max(track.ttc_s - age_s, 0.0)
            if ttc_s >= limit_s:
                continue
            needed = _needed_braking(s, track, speed)
            if needed is None:
                continue
            accepted = _accepted_braking(s, 0.0 if _tailgates(s, track, speed) else comfortable)
            if needed < accepted / (_WIDER if active else 1.0):
                continue
            if worst is None or ttc_s < worst[0]:
                worst = (ttc_s, track, road, needed)
    if worst is None:
        return None
    ttc_s, track, road, needed = worst
    assert track.distance_m is not None
    assert track.closing_speed_mps is not None
    alarm = ttc_s < rules.ttc_alarm_s
    return Assessment(
        level="alarm" if alarm else "warning",
        cause=f"{what} ahead, {track.distance_m:.0f} m, closing at {track.closing_speed_mps:.0f} m/s",
        values={
            "ttc_s": ttc_s,
            "distance_m": track.distance_m,
            "closing_speed_mps": track.closing_speed_mps,
            "needed_braking_mps2": needed,
            "speed_mps": speed,
        },
        thresholds={"ttc_s": rules.ttc_alarm_s if alarm else ttc_limit_s, "needed_braking_mps2": comfortable},
        object=f"track:{track.id}",
        based_on_ns=road.taken_ns,
        arrived_ns=road.t_ns,
        demand_mps2=needed if alarm else None,
    )


def _needed_braking(s: Situation, track: Track, speed_mps: float) -> float | None:
    """The constant braking that just keeps the gap; None when the closing is not sure enough to speak of."""
    rules = s.rules.forward_collision
    closing, sd, distance = track.closing_speed_mps, track.closing_speed_sd_mps, track.distance_m
    if closing is None or sd is None or distance is None:
        return None
    if sd > rules.max_closing_sd_mps or closing < 2.0 * sd or closing < 1.0:
        return None
    if speed_mps - closing < -(rules.oncoming_mps + 2.0 * sd):
        return None
    return closing * closing / (2.0 * max(distance - rules.gap_left_m, 0.5))


def _tailgates(s: Situation, track: Track, speed_mps: float) -> bool:
    """Too close for the lead's next braking, so that what is comfortable now does not count."""
    rules = s.rules.headway
    near = track.distance_m is not None and track.distance_m < rules.headway_s * speed_mps
    return near and speed_mps >= rules.min_speed_mps


def _accepted_braking(s: Situation, comfortable: float) -> float:
    """What need not be warned of: comfortable braking, and on top of what the driver does already."""
    acceleration = s.own.acceleration_mps2
    if not s.own.brake_pressed or acceleration is None:
        return comfortable
    return comfortable + max(-acceleration, 0.0)


def headway(s: Situation, active: bool) -> Assessment | None:
    """Too close behind the lead for the speed (T/JSATL 12)."""
    rules, speed = s.rules.headway, s.own.speed_mps
    if speed is None or speed < rules.min_speed_mps:
        return None
    limit_s = rules.headway_s * (_WIDER if active else 1.0)
    for road in s.roads:
        if road.headway_s is not None and road.headway_s < limit_s:
            return Assessment(
                level="warning",
                cause=f"only {road.headway_s:.1f} s behind the vehicle ahead",
                values={"headway_s": road.headway_s, "speed_mps": speed},
                thresholds={"headway_s": rules.headway_s, "speed_mps": rules.min_speed_mps},
                object=f"track:{road.lead_id}",
                based_on_ns=road.taken_ns,
                arrived_ns=road.t_ns,
            )
    return None


def lane_departure(s: Situation, active: bool) -> Assessment | None:
    """About to leave the lane without saying so (ISO 17361): the wheel reaches the line soon or is on it."""
    rules, speed, own = s.rules.lane_departure, s.own.speed_mps, s.own
    if speed is None or speed < rules.min_speed_mps or own.indicator != "off":
        return None
    if own.indicated_s_ago is not None and own.indicated_s_ago < rules.quiet_after_indicator_s:
        return None
    wider = _WIDER if active else 1.0
    for road in s.roads:
        lane = road.lane
        if lane is None:
            continue
        for side, gap_m, rate in (
            ("left", lane.left_m, lane.left_rate_mps),
            ("right", lane.right_m, lane.right_rate_mps),
        ):
            if gap_m is None or rate is None:
                continue
            on_line = gap_m < rules.line_margin_m * wider and rate < (0.2 if active else 0.05)
            to_line_s = gap_m / -rate if rate < -0.1 else None
            if on_line or (to_line_s is not None and to_line_s < rules.time_to_line_s * wider):
                return Assessment(
                    level="warning",
                    cause=f"leaving the lane to the {side} without indicating",
                    values={"to_line_m": gap_m, "rate_mps": rate, "speed_mps": speed},
                    thresholds={
                        "to_line_m": rules.line_margin_m,
                        "time_to_line_s": rules.time_to_line_s,
                        "speed_mps": rules.min_speed_mps,
                    },
                    object=f"line:{side}",
                    based_on_ns=road.taken_ns,
                    arrived_ns=road.t_ns,
                )
    return None


def eyes_closed(s: Situation, active: bool) -> Assessment | None:
    """Eyes shut: microsleep, the two seconds of GB/T 41797, asleep (Euro NCAP)."""
    rules, driver = s.rules.drowsiness, s.driver
    if driver is None or not driver.eyes_closed or not _faster(s, rules.min_speed_mps):
        return None
    lasted_s = driver.eyes_closed_s or 0.0
    if lasted_s < rules.microsleep_s:
        return None
    asleep, long = lasted_s >= rules.asleep_s, lasted_s >= rules.eyes_closed_s
    return Assessment(
        level="alarm" if asleep else "warning" if long else "information",
        cause=f"eyes closed for {lasted_s:.1f} s",
        values={"eyes_closed_s": lasted_s},
        thresholds={
            "eyes_closed_s": rules.asleep_s if asleep else rules.eyes_closed_s if long else rules.microsleep_s
        },
        based_on_ns=driver.taken_ns,
        arrived_ns=driver.t_ns,
    )


def drowsiness(s: Situation, active: bool) -> Assessment | None:
    """PERCLOS: too much of the last minute with closed eyes. An alert driver reaches about 6 percent."""
    rules, driver = s.rules.drowsiness, s.driver
    if driver is None or driver.perclos_ratio is None or not _faster(s, rules.min_speed_mps):
        return None
    ratio = driver.perclos_ratio
    if ratio < rules.perclos_warning_ratio / (_WIDER if active else 1.0):
        return None
    alarm = ratio >= rules.perclos_alarm_ratio
    limit = rules.perclos_alarm_ratio if alarm else rules.perclos_warning_ratio
    return Assessment(
        level="alarm" if alarm else "information",
        cause=f"eyes closed for {100.0 * ratio:.0f} % of the last {rules.perclos_window_s:.0f} s",
        values={"perclos_ratio": ratio},
        thresholds={"perclos_ratio": limit},
        based_on_ns=driver.taken_ns,
        arrived_ns=driver.t_ns,
    )


def distraction(s: Situation, active: bool) -> Assessment | None:
    """Looking away too long at once (EU 2023/2590) or too much within 30 s (Euro NCAP)."""
    rules, driver, speed = s.rules.distraction, s.driver, s.own.speed_mps
    if driver is None or speed is None or not driver.looking_away or speed < rules.min_speed_mps:
        return None
    limit_s = rules.away_fast_s if speed > rules.fast_speed_mps else rules.away_slow_s
    away_s, within_s = driver.looking_away_s or 0.0, driver.away_in_30_s or 0.0
    if away_s >= limit_s:
        cause, name, value, limit = f"looking away for {away_s:.1f} s", "looking_away_s", away_s, limit_s
    elif within_s >= rules.away_in_window_s:
        cause = f"looking away for {within_s:.0f} of the last {rules.away_window_s:.0f} s"
        name, value, limit = "away_in_30_s", within_s, rules.away_in_window_s
    else:
        return None
    return Assessment(
        level="warning",
        cause=cause,
        values={name: value, "speed_mps": speed},
        thresholds={name: limit, "speed_mps": rules.min_speed_mps},
        based_on_ns=driver.taken_ns,
        arrived_ns=driver.t_ns,
    )


def driver_missing(s: Situation, active: bool) -> Assessment | None:
    """Driving, and nobody is seen behind the wheel."""
    rules, driver = s.rules.distraction, s.driver
    if driver is None or driver.face or not _faster(s, rules.min_speed_mps) or s.no_face_s < rules.no_face_s:
        return None
    return Assessment(
        level="warning",
        cause=f"no face seen for {s.no_face_s:.0f} s: driver absent, or camera covered or turned away",
        values={"no_face_s": s.no_face_s},
        thresholds={"no_face_s": rules.no_face_s},
        based_on_ns=driver.taken_ns,
        arrived_ns=driver.t_ns,
    )


def _faster(s: Situation, than_mps: float) -> bool:
    return s.own.speed_mps is not None and s.own.speed_mps >= than_mps
