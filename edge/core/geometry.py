"""Where a pixel lies on a flat road, and where a place on Earth lies around the car."""

from __future__ import annotations

import math

import numpy as np

from edge.config import Geometry
from edge.messages import FloatArray

_RADIANS = math.pi / 180.0
_WGS84_A_M = 6378137.0
_WGS84_E2 = 6.69437999014e-3
_SINE = (
    1 / 355687428096000, -1 / 1307674368000, 1 / 6227020800, -1 / 39916800, 1 / 362880, -1 / 5040, 1 / 120,
    -1 / 6, 1.0,
)  # fmt: skip
_COSINE = (
    1 / 20922789888000, -1 / 87178291200, 1 / 479001600, -1 / 3628800, 1 / 40320, -1 / 720, 1 / 24, -1 / 2,
    1.0,
)  # fmt: skip


def sin_cos(angle_deg: float) -> tuple[float, float]:
    """Sine and cosine by Taylor series within 45 degrees: within 2e-16, and the same bits everywhere."""
    angle_deg = math.fmod(angle_deg, 360.0)
    quarter = round(angle_deg / 90.0)
    x = (angle_deg - 90.0 * quarter) * _RADIANS
    sine, cosine, term = 0.0, 0.0, 1.0
    for n in range(1, 18, 2):
        cosine += term
        term *= x / n
        sine += term
        term *= -x / (n + 1)
    return ((sine, cosine), (cosine, -sine), (-sine, -cosine), (-cosine, sine))[quarter % 4]


def sin_cos_all(angle_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same for many angles at once, each finite: within 1e-15, and the same bits everywhere."""
    angle_deg = np.fmod(angle_deg, 360.0)
    quarter = np.rint(angle_deg / 90.0)
    x = (angle_deg - 90.0 * quarter) * _RADIANS
    square = x * x
    sine, cosine = np.full_like(x, _SINE[0]), np.full_like(x, _COSINE[0])
    for s, c in zip(_SINE[1:], _COSINE[1:], strict=True):
        sine = sine * square + s
        cosine = cosine * square + c
    sine = sine * x
    quarter = quarter - 4.0 * np.floor(quarter / 4.0)
    odd = (quarter == 1.0) | (quarter == 3.0)
    sine, cosine = np.where(odd, cosine, sine), np.where(odd, sine, cosine)
    return np.where(quarter >= 2.0, -sine, sine), np.where(
        (quarter == 1.0) | (quarter == 2.0), -cosine, cosine
    )


def along_all(
    cosine: FloatArray, sine: FloatArray, curvature_1pm: FloatArray, metres: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Where a way leads that begins with a direction and bends evenly (to the left positive): how far that is
    along x and y, and the direction there as cosine and sine."""
    half = 0.5 * curvature_1pm * metres
    sine_half, cosine_half = sin_cos_all(half * (1.0 / _RADIANS))
    small = np.abs(half) < 1e-6
    chord = metres * np.where(small, 1.0, sine_half / np.where(small, 1.0, half))
    middle_cos, middle_sin = cosine * cosine_half - sine * sine_half, sine * cosine_half + cosine * sine_half
    return (
        chord * middle_cos,
        chord * middle_sin,
        middle_cos * cosine_half - middle_sin * sine_half,
        middle_sin * cosine_half + middle_cos * sine_half,
    )


class Projection:
    """A pinhole camera over a flat road, for pictures of one size.

    The car's frame: ahead_m from the front bumper, left_m from its middle, height over the road.
    """

    def __init__(self, geometry: Geometry, width_px: int, height_px: int) -> None:
        scale_x, scale_y = width_px / geometry.width_px, height_px / geometry.height_px
        center_x = geometry.width_px / 2.0 if geometry.center_x_px is None else geometry.center_x_px
        center_y = geometry.height_px / 2.0 if geometry.center_y_px is None else geometry.center_y_px
        self.focal_x_px, self.focal_y_px = geometry.focal_px * scale_x, geometry.focal_px * scale_y
        self._center_x, self._center_y = center_x * scale_x, center_y * scale_y
        self._sin_pitch, self._cos_pitch = sin_cos(geometry.pitch_deg)
        self._sin_yaw, self._cos_yaw = sin_cos(geometry.yaw_deg)
        self.height_m, self.ahead_m, self.left_m = geometry.height_m, geometry.ahead_m, geometry.left_m

    def ray(self, x_px: float, y_px: float) -> tuple[float, float, float]:
        """The direction of a pixel as (forward, left, down) in the car's frame; not normalised."""
        left = (self._center_x - x_px) / self.focal_x_px
        below = (y_px - self._center_y) / self.focal_y_px
        forward = self._cos_pitch - self._sin_pitch * below
        down = self._sin_pitch + self._cos_pitch * below
        return (
            forward * self._cos_yaw - left * self._sin_yaw,
            forward * self._sin_yaw + left * self._cos_yaw,
            down,
        )

    def ground(self, x_px: float, y_px: float) -> tuple[float, float] | None:
        """Where a pixel meets the road, (ahead_m, left_m); None at and above the horizon."""
        forward, left, down = self.ray(x_px, y_px)
        if down <= 1e-6 or forward <= 0.0:
            return None
        reach = self.height_m / down
        return reach * forward - self.ahead_m, reach * left + self.left_m

    def pixel(self, ahead_m: float, left_m: float, up_m: float = 0.0) -> tuple[float, float] | None:
        """The pixel (x, y) of a point in the car's frame; None when it is not in front of the camera."""
        x, y, down = ahead_m + self.ahead_m, left_m - self.left_m, self.height_m - up_m
        forward = x * self._cos_yaw + y * self._sin_yaw
        left = y * self._cos_yaw - x * self._sin_yaw
        depth = forward * self._cos_pitch + down * self._sin_pitch
        below = down * self._cos_pitch - forward * self._sin_pitch
        if depth <= 0.01:
            return None
        return (
            self._center_x - self.focal_x_px * left / depth,
            self._center_y + self.focal_y_px * below / depth,
        )


def metres_per_degree(latitude_deg: float) -> tuple[float, float]:
    """(north, east) metres per degree of latitude and longitude on the WGS 84 ellipsoid."""
    sine, cosine = sin_cos(latitude_deg)
    w = 1.0 - _WGS84_E2 * sine * sine
    prime = _WGS84_A_M / math.sqrt(w)
    return prime * (1.0 - _WGS84_E2) / w * _RADIANS, prime * cosine * _RADIANS


def moved(
    latitude_deg: float, longitude_deg: float, heading_deg: float, metres: float
) -> tuple[float, float]:
    """A place `metres` further along a heading (clockwise from north); for less than some kilometres."""
    sine, cosine = sin_cos(heading_deg)
    north, east = metres_per_degree(latitude_deg)
    return latitude_deg + metres * cosine / north, longitude_deg + metres * sine / max(east, 1.0)


def ahead_left(
    latitude_deg: float, longitude_deg: float, heading_deg: float, to_latitude: float, to_longitude: float
) -> tuple[float, float]:
    """(ahead, left) metres from one place, looking along a heading, to another one near it."""
    north, east = metres_per_degree(latitude_deg)
    turn = math.fmod(to_longitude - longitude_deg + 540.0, 360.0) - 180.0
    y, x = (to_latitude - latitude_deg) * north, turn * east
    sine, cosine = sin_cos(heading_deg)
    return y * cosine + x * sine, y * sine - x * cosine


def heading_difference(a_deg: float, b_deg: float) -> float:
    """How far two headings are apart, 0 to 180 degrees."""
    apart = math.fabs(math.fmod(a_deg - b_deg, 360.0))
    return min(apart, 360.0 - apart)
