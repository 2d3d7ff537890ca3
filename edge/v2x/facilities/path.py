"""Where we came from, in few points: the concise path of SAE J2945/1, for BSM and CAM.

J2945/1 keeps those points between which straight lines stay within 1 m of the way driven, over at least
200 m. Its chords may have 310 m; ours 100 m, so that 200 to 300 m are always told.
"""

from __future__ import annotations

import math
from collections import deque

from edge.v2x.network.area import offset_m
from edge.v2x.sets import PathPoint

ERROR_M = 1.0
LENGTH_M = 300.0
MAX_POINTS = 40  # CAM; a BSM has 23
_CHORD_M = 100.0
_STEP_M = 1.0  # closer points are not kept
_GAP_NS = 10_000_000_000
_JUMP_MPS = 100.0  # faster is no car, but a position that was wrong
_SAMPLES = 512


class PathHistory:
    """Our way. A gap of 10 s without a position, or a jump, begins it anew: what lies between is unknown."""

    def __init__(self, error_m: float = ERROR_M, length_m: float = LENGTH_M) -> None:
        self._error_m = error_m
        self._length_m = length_m
        self._points: deque[PathPoint] = deque(maxlen=MAX_POINTS)  # oldest first
        self._since: list[PathPoint] = []  # samples behind the last point, which is not among them
        self._last_ns = 0

    def add(
        self, latitude_deg: float, longitude_deg: float, t_ns: int, altitude_m: float | None = None
    ) -> None:
        """We are here now. What is no place is passed over."""
        if not (-90 <= latitude_deg <= 90 and -180 <= longitude_deg <= 180):
            return
        point = PathPoint(latitude_deg, longitude_deg, t_ns, altitude_m)
        if not self._points:
            self._begin(point)
            return
        latest = self._since[-1] if self._since else self._points[-1]
        moved_m = _distance_m(latest, point)
        passed_ns = t_ns - self._last_ns
        if not 0 <= passed_ns <= _GAP_NS or moved_m > max(passed_ns * 1e-9 * _JUMP_MPS, 2 * _STEP_M):
            self._begin(point)
            return
        self._last_ns = t_ns
        if moved_m < _STEP_M:
            return
        if self._since and (len(self._since) >= _SAMPLES or self._bends(point)):
            self._points.append(latest)
            self._since.clear()
        self._since.append(point)

    def points(self, limit: int = MAX_POINTS) -> tuple[PathPoint, ...]:
        """The newest first, not counting where we are now: at most `limit`, and 300 m of way."""
        if not self._points:
            return ()
        newest_first = list(reversed(self._points))
        here = self._since[-1] if self._since else newest_first.pop(0)
        found: list[PathPoint] = []
        length_m = 0.0
        for point in newest_first[:limit]:
            length_m += _distance_m(here, point)
            if length_m > self._length_m:
                break
            found.append(point)
            here = point
        return tuple(found)

    def reset(self) -> None:
        """Forget it all: a new pseudonym may not be followed back to the old one."""
        self._points.clear()
        self._since.clear()

    def _begin(self, point: PathPoint) -> None:
        self.reset()
        self._points.append(point)
        self._last_ns = point.t_ns

    def _bends(self, point: PathPoint) -> bool:
        """Whether the line from the last point to this one leaves the way driven by more than is allowed."""
        last = self._points[-1]
        north, east = offset_m(last.latitude_deg, last.longitude_deg, point.latitude_deg, point.longitude_deg)
        length_m = math.hypot(north, east)
        if length_m > _CHORD_M:
            return True
        for sample in self._since:
            n, e = offset_m(last.latitude_deg, last.longitude_deg, sample.latitude_deg, sample.longitude_deg)
            if length_m == 0:
                aside_m = math.hypot(n, e)
            else:
                along = min(max((n * north + e * east) / (length_m * length_m), 0.0), 1.0)
                aside_m = math.hypot(n - along * north, e - along * east)
            if aside_m > self._error_m:
                return True
        return False


def _distance_m(one: PathPoint, other: PathPoint) -> float:
    north, east = offset_m(one.latitude_deg, one.longitude_deg, other.latitude_deg, other.longitude_deg)
    return math.hypot(north, east)
