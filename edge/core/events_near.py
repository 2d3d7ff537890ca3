"""Where an event lies on our way, and how sure that is."""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec

from edge.config import Roadside
from edge.core.geometry import heading_difference, metres_per_degree, sin_cos
from edge.messages import RoadEvent

_SURE_PATH, _SURE_RADIUS, _SURE_HEADING, _SURE_AHEAD = 0.9, 0.8, 0.7, 0.5
"""How sure it is that an event concerns us: we are on its path, within its radius, it says our direction, it
lies ahead."""

_ZONES = ("speed_limit", "sign")  # the path of these is where they hold, of all others the way to them

_AREAS = (
    *_ZONES, "road_works", "traffic_jam", "slippery_road", "low_visibility", "bad_weather", "dangerous_curve",
    "dangerous_spot", "animal_on_road", "other",
)  # fmt: skip
"""What holds all over its radius; the radius of all else says who is to know of it, not where it is."""

_WIDEST_M = 50.0

Place = tuple[float, float]


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """An event that concerns us. ahead_m: along our way to it, 0 inside of it; left_m and distance_m: as the
    crow flies; inside: it holds where we are; signed: who said it is known."""

    sender: str
    event: RoadEvent
    heard_ns: int
    ahead_m: float
    left_m: float
    distance_m: float
    inside: bool
    sure_ratio: float
    signed: bool


class Frame:
    """Places on Earth around us as (ahead, left) in metres."""

    def __init__(self, latitude_deg: float, longitude_deg: float, heading_deg: float) -> None:
        self._latitude, self._longitude, self.heading_deg = latitude_deg, longitude_deg, heading_deg
        self._north_m, self._east_m = metres_per_degree(latitude_deg)
        self._sine, self._cosine = sin_cos(heading_deg)

    def place(self, latitude_deg: float, longitude_deg: float) -> Place:
        """(ahead, left) of a place that is not far away."""
        y = (latitude_deg - self._latitude) * self._north_m
        turn = longitude_deg - self._longitude
        if turn > 180.0:
            turn -= 360.0
        elif turn < -180.0:
            turn += 360.0
        x = turn * self._east_m
        return y * self._cosine + x * self._sine, y * self._sine - x * self._cosine


def near(
    sender: str,
    event: RoadEvent,
    heard_ns: int,
    frame: Frame,
    rules: Roadside,
    accuracy_m: float,
    signed: bool,
) -> Near | None:
    """How an event lies to our way; None when it does not concern us.

    With a path it concerns who is on the path or enters it, going towards the event (a limit or a sign: who
    is on it); without one who is within its area or has it ahead. An emergency vehicle concerns everyone
    around it.
    """
    ahead, left = frame.place(event.latitude_deg, event.longitude_deg)
    distance = math.sqrt(ahead * ahead + left * left)
    radius = max(event.radius_m or 0.0, 0.0)
    if distance > rules.range_m + radius and not event.path:
        return None
    around = event.kind == "emergency_vehicle"
    heading = None if around else event.heading_deg
    if heading is not None and heading_difference(heading, frame.heading_deg) > rules.same_heading_deg:
        return None
    inside = distance <= radius and event.kind in _AREAS
    half = (event.path_width_m or rules.path_width_m) / 2.0 + accuracy_m
    aside = max(rules.aside_m + rules.aside_ratio * ahead + accuracy_m, min(radius, _WIDEST_M))
    path = [] if around else [frame.place(*point) for point in event.path]
    if path and event.kind in _ZONES:
        inside = inside or lies_on(path, half, rules.same_heading_deg)
    if path and event.kind not in _ZONES:
        on_path = along([(ahead, left), *path], half, rules.same_heading_deg)
        if on_path is None:
            return None
        along_m, sure = on_path, _SURE_PATH
    elif inside or around:
        along_m, sure = (ahead if around else 0.0), _SURE_PATH if path else _SURE_RADIUS
    elif ahead > 0.0 and math.fabs(left) <= aside:
        along_m, sure = ahead, _SURE_AHEAD if heading is None else _SURE_HEADING
    else:
        return None
    if along_m > rules.range_m:
        return None
    confidence = event.confidence_ratio
    return Near(
        sender=sender,
        event=event,
        heard_ns=heard_ns,
        ahead_m=along_m,
        left_m=left,
        distance_m=distance,
        inside=inside,
        sure_ratio=sure * (1.0 if confidence is None else min(max(confidence, 0.0), 1.0)),
        signed=signed,
    )


def along(path: list[Place], half_width_m: float, within_deg: float) -> float | None:
    """How far it is along a path to its first point, for who is at (0, 0) and looks along the first axis;
    None if he is not on the path, nor about to enter its far end, or does not follow it."""
    _, cosine = sin_cos(within_deg)
    best: tuple[float, float] | None = None
    done = 0.0
    for (ax, ay), (bx, by) in pairwise(path):
        dx, dy = ax - bx, ay - by  # the way that traffic goes
        length = math.sqrt(dx * dx + dy * dy)
        if length < 0.01:
            continue
        if dx > cosine * length:
            part = (-bx * dx - by * dy) / length  # along the segment, from its far end
            aside = math.fabs(bx * dy - by * dx) / length
            if 0.0 <= part <= length and aside <= half_width_m and (best is None or aside < best[0]):
                best = aside, done + length - part
        done += length
    if best is not None:
        return best[1]
    if len(path) < 2:
        return None
    (ax, ay), (bx, by) = path[-2], path[-1]
    dx, length = ax - bx, math.sqrt((ax - bx) * (ax - bx) + (ay - by) * (ay - by))
    enters = bx > 0.0 and math.fabs(by) <= half_width_m and dx > cosine * length
    return done + bx if enters else None


def lies_on(path: list[Place], half_width_m: float, within_deg: float) -> bool:
    """Whether (0, 0) lies on the path, which runs along the first axis there, one way or the other."""
    _, cosine = sin_cos(within_deg)
    for (ax, ay), (bx, by) in pairwise(path):
        dx, dy = bx - ax, by - ay
        square = dx * dx + dy * dy
        if square == 0.0 or math.fabs(dx) <= cosine * math.sqrt(square):
            continue
        part = min(max((-ax * dx - ay * dy) / square, 0.0), 1.0)
        x, y = ax + part * dx, ay + part * dy
        if x * x + y * y <= half_width_m * half_width_m:
            return True
    return False
