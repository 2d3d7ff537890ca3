"""How far one followed road user is, how fast the gap closes, and whether it is in our path.

Two measures of distance with opposite virtues. Where the box meets the road gives it without knowing the
object, but an error of the camera's pitch by e radians is an error of e * d^2 / h, and the pitch swings with
every bump and braking. The size of the box needs the object's true size, but follows its changes exactly.
So the true size is estimated, from what is typical and from the ground plane while that is better, and the
range then follows from the size: pitch cannot fake a closing speed.
"""

from __future__ import annotations

import math

from edge.core.filters import ConstantVelocity
from edge.core.geometry import Projection
from edge.core.tracker import Seen

_TYPICAL = {
    # kind: (width m, relative sd, usable up to this width/height), (height m, relative sd)
    "car": ((1.80, 0.07, 1.7), (1.52, 0.10)),
    "truck": ((2.50, 0.10, 1.3), (3.20, 0.25)),
    "bus": ((2.55, 0.08, 1.2), (3.10, 0.12)),
    "motorcycle": ((0.80, 0.25, 1.0), (1.55, 0.12)),
    "bicycle": ((0.60, 0.25, 0.8), (1.70, 0.10)),
    "person": ((0.50, 0.30, 0.0), (1.70, 0.08)),
}
"""Typical sizes as seen from behind: dimensions of cars sold in Europe and China, riders included."""

_EDGE_PX, _EDGE_PART = 1.0, 0.015  # how a detector's box edges jitter: px, and part of the box
_CUT_PART = 0.015  # of the picture's width: an edge so near to the border is cut off
_CORRELATED_VIEWS = 10.0  # a swing of the body lasts about this many pictures
_RANGE_DENSITY = 8.0  # m2/s3; hard braking of the other within about a second
_LATERAL_DENSITY = 0.3  # m2/s3
_PREDICT_CROSSING_S = 3.0
_ANY_SPEED_VARIANCE = 625.0  # m2/s2, of a gap not yet watched: oncoming traffic closes at 50 m/s
_LEARN_JITTER = 0.1  # per view: a detector whose boxes jump more than they should is believed less
_FACE_SD_M = 0.25  # a bumper reaches further than the wheels that the box stands on
_RADIANS = math.pi / 180.0


class _Size:
    """One true dimension of an object: factor to the typical, and its variance."""

    __slots__ = ("factor", "typical_m", "typical_variance", "variance")

    def __init__(self, typical_m: float, relative_sd: float) -> None:
        self.typical_m = typical_m
        self.factor = 1.0
        self.variance = self.typical_variance = relative_sd * relative_sd

    def learn(self, ratio: float, ground_variance: float) -> None:
        """One view says that the factor is `ratio`; its error is mostly the same in the next view."""
        limit = self.typical_variance * ground_variance / (self.typical_variance + ground_variance)
        if self.variance <= limit:
            return
        gain = self.variance / (self.variance + _CORRELATED_VIEWS * ground_variance)
        self.factor += gain * (min(max(ratio, 0.5), 2.0) - self.factor)
        self.variance = max((1.0 - gain) * self.variance, limit)


class Ranging:
    """Distance, closing speed and place across our path of one track."""

    __slots__ = (
        "_height", "_kind", "_lateral", "_range", "_relative_variance", "_restless", "_unplaced_s",
        "_width", "in_path", "lateral_m",
    )  # fmt: skip

    def __init__(self, kind: str) -> None:
        self._range: ConstantVelocity | None = None  # x: metres in front of the camera, v: opening speed
        self._lateral: ConstantVelocity | None = None  # of the middle, from our path
        self._unplaced_s = 0.0  # since the border left that visible; until it does again, it stays there
        self._relative_variance = 1.0
        self._restless = 1.0  # how much more the boxes jitter than they should, as variance
        self.lateral_m: float | None = None
        self.in_path = False
        self._set_kind(kind)

    def _set_kind(self, kind: str) -> None:
        self._kind = kind
        (width, width_sd, _), (height, height_sd) = _TYPICAL[kind]
        self._width, self._height = _Size(width, width_sd), _Size(height, height_sd)

    def predict(self, dt: float, own_acceleration_mps2: float | None) -> None:
        """Go dt seconds on; our own braking opens the gap by a known amount."""
        if self._range is not None:
            self._range.predict(dt, -(own_acceleration_mps2 or 0.0))
            self._range.x = max(self._range.x, 0.5)
        self._unplaced_s += dt

    def measure(
        self, kind: str, seen: Seen, projection: Projection, size_px: tuple[int, int], pitch_sd_deg: float
    ) -> None:
        """Take the box as it was detected in a picture of that size."""
        if kind != self._kind:
            self._set_kind(kind)
            self._range = None  # another size from here on: what seems to move is the measure
        margin = _CUT_PART * size_px[0]
        side_cut = seen.left <= margin or seen.right >= size_px[0] - margin
        bottom_cut = seen.bottom >= size_px[1] - margin
        height_cut = bottom_cut or seen.top <= margin

        ground = None if bottom_cut else projection.ground((seen.left + seen.right) / 2.0, seen.bottom)
        ground_m = None if ground is None else ground[0] + projection.ahead_m
        ratios = []  # (size, metres if it were of typical size, relative variance of the box's edges)
        width_px, height_px = seen.right - seen.left, seen.bottom - seen.top
        if not side_cut and (height_cut or width_px <= _TYPICAL[kind][0][2] * height_px):
            metres = projection.focal_x_px * self._width.typical_m / width_px
            ratios.append((self._width, metres, _jitter(width_px)))
        if not height_cut:
            metres = projection.focal_y_px * self._height.typical_m / height_px
            ratios.append((self._height, metres, _jitter(height_px)))
        if not ratios:
            return

        before, _, _ = _fused(ratios)
        if ground_m is not None and 0.5 < ground_m < 200.0:
            swing = ground_m / projection.height_m * pitch_sd_deg * _RADIANS
            edge = ground_m * (_EDGE_PX + _EDGE_PART * height_px) / (
                projection.focal_y_px * projection.height_m
            )  # fmt: skip
            ground_variance = swing * swing + edge * edge / _CORRELATED_VIEWS
            for size, metres, _ in ratios:
                size.learn(ground_m / metres, ground_variance)
        metres, jitter, self._relative_variance = _fused(ratios)
        self._follow(metres, jitter * metres * metres, metres / before)

    def _follow(self, metres: float, variance: float, rescaled: float) -> None:
        if self._range is not None:
            self._range.scale(rescaled)
            variance *= self._restless
            apart = metres - self._range.x
            if apart * apart > 25.0 * (self._range.p_x + variance):
                self._range = None  # another measure of it, or another object: begin anew
        if self._range is None:
            self._range = ConstantVelocity(metres, variance, _ANY_SPEED_VARIANCE, _RANGE_DENSITY)
        else:
            surprise = self._range.update(metres, variance)
            restless = self._restless * (1.0 + _LEARN_JITTER * (min(surprise, 9.0) - 1.0))
            self._restless = min(max(restless, 1.0), 30.0)

    def place(
        self, seen: Seen | None, projection: Projection, width_px: int, bend_m: float, own_width_m: float
    ) -> None:
        """Where it is across the road; bend_m: how far our path has turned left at its distance."""
        if self._range is None:
            return
        middle_m = None if seen is None else self._middle_m(seen, projection, width_px)
        if seen is not None and middle_m is not None:
            edge_px = _EDGE_PX + _EDGE_PART * (seen.right - seen.left)
            jitter = self._range.x * edge_px / projection.focal_x_px
            variance = jitter * jitter + 0.0025
            if self._lateral is None:
                self._lateral = ConstantVelocity(middle_m - bend_m, variance, 4.0, _LATERAL_DENSITY)
            else:
                self._lateral.predict(self._unplaced_s)
                self._lateral.update(middle_m - bend_m, variance)
            self._unplaced_s = 0.0
        if self._lateral is not None:
            self.lateral_m = self._lateral.x + bend_m
            self._judge_path(own_width_m)

    def _middle_m(self, seen: Seen, projection: Projection, width_px: int) -> float | None:
        """Its middle, to our left; None when the border cuts off what would tell.

        Of what stands beside our axis we see the near face and a side that runs inwards, to the vanishing
        point: only the outer edge of the box belongs to the near face, whose distance we know.
        """
        assert self._range is not None
        forward, left, _ = projection.ray(seen.left, seen.bottom)
        forward_right, right, _ = projection.ray(seen.right, seen.bottom)
        if forward <= 0.0 or forward_right <= 0.0:
            return None
        left_m = self._range.x * left / forward + projection.left_m
        right_m = self._range.x * right / forward_right + projection.left_m
        margin = _CUT_PART * width_px
        left_cut, right_cut = seen.left <= margin, seen.right >= width_px - margin
        half_m = self._width.typical_m * self._width.factor / 2.0
        if right_m >= 0.0:
            return None if left_cut else left_m - half_m
        if left_m <= 0.0:
            return None if right_cut else right_m + half_m
        if left_cut == right_cut:
            return (left_m + right_m) / 2.0
        return right_m + half_m if left_cut else left_m - half_m

    def _judge_path(self, own_width_m: float) -> None:
        """In our path: what would touch us if both went on; a person walking into it counts early."""
        assert self._lateral is not None
        reach_m = (own_width_m + self._width.typical_m) / 2.0
        off_m = self._lateral.x
        margin_m = 0.3 if self.in_path else -0.1
        inside = math.fabs(off_m) < reach_m + margin_m
        if not inside and self._kind in ("person", "bicycle"):
            ttc_s = self.ttc_s
            sure = self._lateral.v * self._lateral.v > 9.0 * self._lateral.p_v
            if ttc_s is not None and ttc_s < _PREDICT_CROSSING_S and sure:
                inside = math.fabs(off_m + self._lateral.v * ttc_s) < reach_m + margin_m
        self.in_path = inside

    @property
    def camera_distance_m(self) -> float | None:
        """From the camera."""
        return None if self._range is None else self._range.x

    @property
    def closing_speed_mps(self) -> float | None:
        """Positive when the gap shrinks."""
        return None if self._range is None else -self._range.v

    @property
    def ttc_s(self) -> float | None:
        """Until it would reach the camera, for judging who crosses; None when the gap does not shrink."""
        if self._range is None or self._range.v > -0.1:
            return None
        return self._range.x / -self._range.v

    def deviations(self) -> tuple[float, float]:
        """Standard deviations of distance (m) and closing speed (m/s), the unknown true size included."""
        assert self._range is not None
        x, v, unknown = self._range.x, self._range.v, self._relative_variance
        distance = math.sqrt(self._range.p_x + unknown * x * x + _FACE_SD_M * _FACE_SD_M)
        return distance, math.sqrt(self._range.p_v + unknown * v * v)


def _jitter(edge_px: float) -> float:
    """Relative variance of a box's dimension."""
    sd = _EDGE_PX / edge_px + _EDGE_PART
    return sd * sd


def _fused(ratios: list[tuple[_Size, float, float]]) -> tuple[float, float, float]:
    """(metres, relative variance from view to view, relative variance of the true size)."""
    weights = metres = jitter = unknown = 0.0
    for size, typical_m, edge_variance in ratios:
        weight = 1.0 / (size.variance + edge_variance)
        weights += weight
        metres += weight * typical_m * size.factor
        jitter += weight * weight * edge_variance
        unknown += weight * math.sqrt(size.variance)  # learnt from the same ground: their errors go together
    unknown /= weights
    return metres / weights, jitter / (weights * weights), unknown * unknown
