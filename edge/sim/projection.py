"""SIMULATION: the pinhole camera of a config.Geometry, exact: what the core inverts to measure distances.

Pixels are continuous: (0, 0) is the left top corner of the picture, the middle of its first pixel is at
(0.5, 0.5), the optical axis at (width / 2, height / 2) unless the geometry says otherwise.
"""

from __future__ import annotations

import math

import numpy as np

from edge.config import Geometry
from edge.messages import FloatArray

NEAR_M = 0.3


class PinholeCamera:
    """A geometry at one picture size. It sits at height_m, ahead_m behind the front bumper."""

    def __init__(self, geometry: Geometry, width_px: int, height_px: int) -> None:
        across, down = width_px / geometry.width_px, height_px / geometry.height_px
        self.width_px, self.height_px = width_px, height_px
        self.height_m = geometry.height_m
        self.fx, self.fy = geometry.focal_px * across, geometry.focal_px * down
        self.cx = (geometry.width_px / 2 if geometry.center_x_px is None else geometry.center_x_px) * across
        self.cy = (geometry.height_px / 2 if geometry.center_y_px is None else geometry.center_y_px) * down
        self.pitch, self.yaw = math.radians(geometry.pitch_deg), math.radians(geometry.yaw_deg)
        cp, sp, cw, sw = math.cos(self.pitch), math.sin(self.pitch), math.cos(self.yaw), math.sin(self.yaw)
        self.position = np.array([-geometry.ahead_m, geometry.left_m, geometry.height_m])
        self.axes = np.array([[sw, -cw, 0.0], [-cw * sp, -sw * sp, -cp], [cw * cp, sw * cp, -sp]])
        """Rows: the picture's right, down and forward in our frame."""

    def camera(self, points: FloatArray) -> FloatArray:
        """(N, 3) m of our frame -> (N, 3) right, down, forward of the camera."""
        return (points - self.position) @ self.axes.T

    def pixels(self, seen: FloatArray) -> FloatArray:
        """(N, 3) of the camera's frame, forward > 0 -> (N, 2) px."""
        return np.column_stack(
            [self.cx + self.fx * seen[:, 0] / seen[:, 2], self.cy + self.fy * seen[:, 1] / seen[:, 2]]
        )

    def project(self, points: FloatArray) -> FloatArray:
        """(N, 3) m of our frame -> (N, 2) px; NaN for what is not in front of the camera."""
        seen = self.camera(np.asarray(points, float).reshape(-1, 3))
        px = np.full((len(seen), 2), np.nan)
        front = seen[:, 2] > NEAR_M
        px[front] = self.pixels(seen[front])
        return px

    @property
    def horizon_px(self) -> float:
        """The row of the horizon."""
        return self.cy - self.fy * math.tan(self.pitch)


def clip_near(polygon: FloatArray) -> FloatArray:
    """The part of a polygon (N, 3) of the camera's frame that is in front of it (Sutherland and Hodgman)."""
    ahead = polygon[:, 2] >= NEAR_M
    if ahead.all():
        return polygon
    kept: list[FloatArray] = []
    for i in range(len(polygon)):
        a, b = polygon[i - 1], polygon[i]
        if ahead[i - 1] != ahead[i]:
            kept.append(a + (b - a) * (NEAR_M - a[2]) / (b[2] - a[2]))
        if ahead[i]:
            kept.append(b)
    return np.array(kept).reshape(-1, 3)
