"""The way the car is driven: harsh braking, acceleration and cornering, overspeed.

Each rule is a pure function; `active` says that it warns already: it ends a little later than it began.
"""

from __future__ import annotations

import math

from edge.core.situation import Assessment, Situation

_RELEASE = 0.8
_OVERSPEED_RELEASE_MPS = 0.5


def harsh_braking(s: Situation, active: bool) -> Assessment | None:
    """Slowing down harder than the limit."""
    acceleration = s.own.acceleration_mps2
    limit = s.rules.driving.harsh_braking_mps2
    if acceleration is None or not _moving(s):
        return None
    return _harsh("braking", "acceleration_mps2", acceleration, -acceleration, limit, active)


def harsh_acceleration(s: Situation, active: bool) -> Assessment | None:
    """Speeding up harder than the limit."""
    acceleration = s.own.acceleration_mps2
    limit = s.rules.driving.harsh_acceleration_mps2
    if acceleration is None or not _moving(s):
        return None
    return _harsh("acceleration", "acceleration_mps2", acceleration, acceleration, limit, active)


def harsh_cornering(s: Situation, active: bool) -> Assessment | None:
    """Lateral acceleration, measured or speed times yaw rate, beyond the limit."""
    lateral = s.own.lateral_acceleration_mps2
    limit = s.rules.driving.harsh_cornering_mps2
    if lateral is None or not _moving(s):
        return None
    return _harsh("cornering", "lateral_acceleration_mps2", lateral, math.fabs(lateral), limit, active)


def overspeed(s: Situation, active: bool) -> Assessment | None:
    """Faster than the limit that was set."""
    limit, speed = s.rules.driving.overspeed_mps, s.own.speed_mps
    if limit is None or speed is None or speed <= limit - (_OVERSPEED_RELEASE_MPS if active else 0.0):
        return None
    return Assessment(
        level="warning",
        cause="faster than the speed that was set",
        values={"speed_mps": speed},
        thresholds={"speed_mps": limit},
    )


def _moving(s: Situation) -> bool:
    speed = s.own.speed_mps
    return speed is not None and speed >= s.rules.driving.min_speed_mps


def _harsh(
    what: str, name: str, value: float, strength: float, limit: float, active: bool
) -> Assessment | None:
    if strength <= limit * (_RELEASE if active else 1.0):
        return None
    return Assessment(
        level="information", cause=f"harsh {what}", values={name: value}, thresholds={name: limit}
    )
