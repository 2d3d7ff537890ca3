"""Where we are at an intersection: on which lane, how far from its stop line, governed by which lights."""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec

from edge.config import Roadside
from edge.core.geometry import metres_per_degree, sin_cos
from edge.core.vehicle import CarState
from edge.messages import Intersection, MapLane

_WANTED = {"left": ("left", "u_turn"), "right": ("right",)}
_REACH_M = 1000.0


class LanePlace(msgspec.Struct, frozen=True, kw_only=True):
    """Our lane at an intersection.

    lanes: those that we may be on, the likeliest first; to_stop_m: from our front along it to the stop line,
    None on the way out; limit_mps: if all of the lanes say the same; groups: the signal groups of which it
    must be one that governs what we are about to do, None: no light is known to.
    """

    intersection: str
    lanes: tuple[MapLane, ...]
    to_stop_m: float | None
    offset_m: float
    limit_mps: float | None
    groups: tuple[int, ...] | None


class _Lane:
    """One lane in metres (north, east) from the intersection's place, nearest to the stop line first."""

    __slots__ = ("box", "half_m", "said", "segments")

    def __init__(self, said: MapLane, points: list[tuple[float, float]], width_m: float) -> None:
        self.said = said
        self.half_m = width_m / 2.0
        self.segments: list[tuple[float, float, float, float, float, float]] = []
        done = 0.0
        for (ax, ay), (bx, by) in pairwise(points):
            dx, dy = (ax - bx, ay - by) if said.approach else (bx - ax, by - ay)
            length = math.sqrt(dx * dx + dy * dy)
            if length > 0.01:
                self.segments.append((ax, ay, dx / length, dy / length, length, done))
                done += length
        xs, ys = [x for x, _ in points], [y for _, y in points]
        self.box = (min(xs), min(ys), max(xs), max(ys)) if points else (0.0, 0.0, 0.0, 0.0)


class Layout:
    """An intersection made ready for asking where on it we are."""

    def __init__(self, said: Intersection, rules: Roadside) -> None:
        self.said = said
        self._north_m, self._east_m = metres_per_degree(said.latitude_deg)
        self._lanes = [
            _Lane(lane, [self._metres(*point) for point in lane.points], lane.width_m or rules.lane_width_m)
            for lane in said.lanes
            if len(lane.points) >= 2
        ]

    def place(self, own: CarState, accuracy_m: float, front_m: float, rules: Roadside) -> LanePlace | None:
        """Our lane, by where we are and where we look; None if we are on none.

        A lane is possible if its middle is not further beside us than half its width and the accuracy of our
        position. Lanes that lead to the intersection count before those that leave it.
        """
        assert own.latitude_deg is not None
        assert own.longitude_deg is not None
        assert own.heading_deg is not None
        x, y = self._metres(own.latitude_deg, own.longitude_deg)
        if math.fabs(x) > _REACH_M or math.fabs(y) > _REACH_M:
            return None
        east, north = sin_cos(own.heading_deg)
        _, cosine = sin_cos(rules.lane_heading_deg)
        found = []
        for lane in self._lanes:
            within = lane.half_m + accuracy_m
            left, bottom, right, top = lane.box
            if not (left - within <= x <= right + within and bottom - within <= y <= top + within):
                continue
            on = _on(lane, x, y, north, east, cosine, within)
            if on is not None:
                found.append((not lane.said.approach, on[0], lane.said.id, on[1], lane))
        if not found:
            return None
        found.sort(key=lambda f: f[:3])
        leaves, offset, _, along, _ = found[0]
        lanes = tuple(f[4].said for f in found if f[0] == leaves)
        limits = {lane.speed_limit_mps for lane in lanes}
        return LanePlace(
            intersection=self.said.id,
            lanes=lanes,
            to_stop_m=None if leaves else along - front_m,
            offset_m=offset,
            limit_mps=limits.pop() if len(limits) == 1 else None,
            groups=None if leaves else _groups(lanes, own.indicator),
        )

    def _metres(self, latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
        turn = longitude_deg - self.said.longitude_deg
        if turn > 180.0:
            turn -= 360.0
        elif turn < -180.0:
            turn += 360.0
        return (latitude_deg - self.said.latitude_deg) * self._north_m, turn * self._east_m


def _on(
    lane: _Lane, x: float, y: float, north: float, east: float, cosine: float, within_m: float
) -> tuple[float, float] | None:
    """(how far beside its middle, how far along from its stop line) of who goes along a lane there."""
    best: tuple[float, float] | None = None
    for ax, ay, ux, uy, length, done in lane.segments:
        if ux * north + uy * east <= cosine:
            continue
        px, py = x - ax, y - ay
        part = -(px * ux + py * uy) if lane.said.approach else px * ux + py * uy
        beside = math.fabs(px * uy - py * ux)
        over = max(-part, part - length, 0.0)
        if over > 0.0:  # beyond an end of this segment, perhaps round a corner of the line
            if (part < 0.0 and done == 0.0) or over > within_m:
                continue
            beside = math.sqrt(beside * beside + over * over)
        if beside <= within_m and (best is None or beside < best[0]):
            best = beside, done + min(max(part, 0.0), length)
    return best


def _groups(lanes: tuple[MapLane, ...], indicator: str | None) -> tuple[int, ...] | None:
    """The signal groups that may govern us: the manoeuvre that is indicated chooses, else straight on, else
    it is open which. None if one of the lanes may have no light for us."""
    wanted = _WANTED.get(indicator or "", ("straight",))
    groups: set[int] = set()
    for lane in lanes:
        chosen = [c for c in lane.connections if c.manoeuvre in wanted] or lane.connections
        governed = {c.group for c in chosen}
        if not governed or None in governed:
            return None
        groups |= {group for group in governed if group is not None}
    return tuple(sorted(groups))
