"""Painted lines of one picture -> our lane: how far they are, how fast that changes, how the road bends."""

from __future__ import annotations

import math

import msgspec

from edge.core.filters import ConstantVelocity
from edge.core.geometry import Projection
from edge.core.units import known, seconds
from edge.messages import Lane, LaneLine

_MAX_POINTS = 24
_STRAIGHT_BELOW_M = 15.0  # a shorter stretch says nothing of curvature
_OUTLIER_M = 0.3
_NEAREST_M = 15.0  # a line that begins further away says nothing of where we are in the lane
_POINT_SD_M = 0.08
_DENSITY = 0.3  # m2/s3, of the distance to a line
_JUMP_M = 0.8  # another line
_KEEP_NS = 500_000_000
_NARROWEST_M, _WIDEST_M = 2.0, 6.0


class Curve(msgspec.Struct, frozen=True):
    """left_m = offset + slope * ahead + bend * ahead^2, seen from near_m to far_m ahead of the bumper."""

    offset: float
    slope: float
    bend: float
    near_m: float
    far_m: float

    def at(self, ahead_m: float) -> float:
        """Metres to the left at a distance ahead."""
        return self.offset + (self.slope + self.bend * ahead_m) * ahead_m


def fit(points: list[tuple[float, float]]) -> Curve | None:
    """A line through ground points (ahead_m, left_m): weighted least squares, outliers dropped twice."""
    curve = _least_squares(points)
    for _ in range(2):
        if curve is None:
            return None
        apart = [math.fabs(left - curve.at(ahead)) for ahead, left in points]
        limit = max(_OUTLIER_M, 3.0 * sorted(apart)[len(apart) // 2])
        kept = [p for p, off in zip(points, apart, strict=True) if off <= limit]
        if len(kept) == len(points):
            break
        points, curve = kept, _least_squares(kept)
    return curve


def _least_squares(points: list[tuple[float, float]]) -> Curve | None:
    if len(points) < 2:
        return None
    near, far = min(p[0] for p in points), max(p[0] for p in points)
    if far - near < 1.0:
        return None
    s0 = s1 = s2 = s3 = s4 = t0 = t1 = t2 = 0.0
    for x, y in points:
        reach = x / 10.0
        w = 1.0 / (1.0 + reach * reach * reach * reach)  # errors grow with the square of the distance
        wx, wy = w * x, w * y
        wxx = wx * x
        s0, s1, s2 = s0 + w, s1 + wx, s2 + wxx
        s3, s4 = s3 + wxx * x, s4 + wxx * x * x
        t0, t1, t2 = t0 + wy, t1 + wy * x, t2 + wy * x * x
    if len(points) >= 4 and far - near >= _STRAIGHT_BELOW_M:
        a, b, c = s2 * s4 - s3 * s3, s2 * s3 - s1 * s4, s1 * s3 - s2 * s2
        det = s0 * a + s1 * b + s2 * c
        if det > 1e-9 * s0 * s2 * s4:
            offset = (t0 * a + t1 * b + t2 * c) / det
            slope = (t0 * b + t1 * (s0 * s4 - s2 * s2) + t2 * (s1 * s2 - s0 * s3)) / det
            bend = (t0 * c + t1 * (s1 * s2 - s0 * s3) + t2 * (s0 * s2 - s1 * s1)) / det
            return Curve(offset, slope, bend, near, far)
    det = s0 * s2 - s1 * s1
    if det <= 1e-9 * s0 * s2:
        return None
    return Curve((t0 * s2 - t1 * s1) / det, (s0 * t1 - s1 * t0) / det, 0.0, near, far)


class _Side:
    """The distance from one side of the car to its line, followed over time."""

    def __init__(self) -> None:
        self._state: ConstantVelocity | None = None
        self._seen_ns = 0

    def update(self, gap_m: float | None, taken_ns: int) -> tuple[float | None, float | None]:
        """(gap, its rate) after one picture; None when the line was not in it."""
        if gap_m is None:
            return None, None
        variance = _POINT_SD_M * _POINT_SD_M
        state = self._state
        if state is None or taken_ns - self._seen_ns > _KEEP_NS or math.fabs(gap_m - state.x) > _JUMP_M:
            state = self._state = ConstantVelocity(gap_m, variance, 1.0, _DENSITY)
        else:
            state.predict(seconds(taken_ns - self._seen_ns))
            state.update(gap_m, variance)
        self._seen_ns = taken_ns
        return state.x, (state.v if state.p_v < 0.25 else None)


class LaneTracker:
    """Our lane by one camera."""

    def __init__(self, own_width_m: float, min_score: float, range_m: float) -> None:
        self._half_width_m = own_width_m / 2.0
        self._min_score, self._range_m = min_score, range_m
        self._left, self._right = _Side(), _Side()
        self._curves: tuple[Curve | None, Curve | None] = (None, None)

    def update(
        self, taken_ns: int, lines: tuple[LaneLine, ...] | None, projection: Projection | None
    ) -> Lane | None:
        """Take the lines of one picture; None when nobody looks for them or the camera's place is unknown."""
        self._curves = (None, None)
        if lines is None or projection is None:
            return None
        left, right = self._ours(lines, projection)
        self._curves = (left, right)
        left_m, left_rate = self._left.update(
            None if left is None else left.offset - self._half_width_m, taken_ns
        )
        right_m, right_rate = self._right.update(
            None if right is None else -right.offset - self._half_width_m, taken_ns
        )
        width = None if left_m is None or right_m is None else left_m + right_m + 2.0 * self._half_width_m
        return Lane(
            left_m=left_m, right_m=right_m, left_rate_mps=left_rate, right_rate_mps=right_rate, width_m=width
        )

    def bend_m(self, ahead_m: float) -> float | None:
        """How far the road has turned left at a distance ahead, by both lines; None beyond what they show."""
        left, right = self._curves
        if left is None or right is None or ahead_m > 1.3 * min(left.far_m, right.far_m):
            return None
        return (left.at(ahead_m) - left.offset + right.at(ahead_m) - right.offset) / 2.0

    def _ours(self, lines: tuple[LaneLine, ...], projection: Projection) -> tuple[Curve | None, Curve | None]:
        """The nearest line on either side of the car's middle."""
        left: Curve | None = None
        right: Curve | None = None
        for line in lines:
            if not line.score >= self._min_score:
                continue
            curve = fit(self._ground(line, projection))
            if curve is None or curve.near_m > _NEAREST_M or math.fabs(curve.offset) > 2.0 * _WIDEST_M:
                continue
            if curve.offset >= 0.0:
                left = curve if left is None or curve.offset < left.offset else left
            else:
                right = curve if right is None or curve.offset > right.offset else right
        if left is not None and right is not None:
            width = left.offset - right.offset
            if not _NARROWEST_M <= width <= _WIDEST_M:  # one of them is no line of our lane: the nearer stays
                return (left, None) if left.offset < -right.offset else (None, right)
        return left, right

    def _ground(self, line: LaneLine, projection: Projection) -> list[tuple[float, float]]:
        points = line.points.tolist()
        step = -(-len(points) // _MAX_POINTS)
        ground = []
        for point in points[:: max(step, 1)]:
            x_px, y_px = known(point[0]), known(point[1])
            place = None if x_px is None or y_px is None else projection.ground(x_px, y_px)
            if place is not None and place[0] <= self._range_m:
                ground.append(place)
        return ground
