"""SIMULATION: polygons in a road picture, and how light and haze colour them."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edge.messages import FloatArray
from edge.sim.projection import PinholeCamera, clip_near
from edge.sim.scene import Scene

SHIFT = 4  # fractional bits of cv2's drawing coordinates

SKY = {  # top, horizon; BGR
    "day": ((222, 176, 128), (240, 228, 212)), "dusk": ((128, 84, 68), (118, 156, 216)),
    "night": ((26, 18, 14), (44, 34, 30)), "rain": ((176, 168, 162), (206, 202, 198)),
}  # fmt: skip

AMBIENT = {"day": 1.0, "dusk": 0.55, "night": 0.16}


def fill(canvas: np.ndarray, px: FloatArray, colour: tuple[float, ...]) -> None:
    """A polygon (N, 2) of continuous px, with smooth edges."""
    cv2.fillConvexPoly(canvas, fixed(px), colour, cv2.LINE_AA if len(colour) == 3 else cv2.LINE_8, SHIFT)


def fixed(px: FloatArray) -> np.ndarray:
    """Continuous px as what cv2 draws with SHIFT; its whole numbers are the middles of pixels."""
    return np.rint((px.clip(-4000.0, 8000.0) - 0.5) * (1 << SHIFT)).astype(np.int32)


def fill_seen(canvas: np.ndarray, seen: FloatArray, camera: PinholeCamera, colour: tuple[float, ...]) -> None:
    """A polygon (N, 3) of the camera's frame, as far as it is in front."""
    kept = clip_near(seen)
    if len(kept) > 2:
        fill(canvas, camera.pixels(kept), colour)


_TURN = np.linspace(-math.pi / 2, math.pi / 2, 6)


def capsule(start: FloatArray, end: FloatArray, start_px: float, end_px: float) -> FloatArray:
    """The outline (12, 2) of a rod with round ends."""
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    head = end + end_px * np.column_stack([np.cos(angle + _TURN), np.sin(angle + _TURN)])
    tail = start - start_px * np.column_stack([np.cos(angle + _TURN), np.sin(angle + _TURN)])
    return np.concatenate([head, tail])


def hazy(colour: tuple[float, ...], scene: Scene, distance_m: float) -> tuple[float, ...]:
    """A colour through that much air."""
    air = SKY["rain" if scene.weather == "rain" and scene.light == "day" else scene.light][1]
    share = 1.0 - math.exp(-distance_m / (220.0 if scene.weather == "rain" else 700.0))
    b, g, r = colour
    return b + share * (air[0] - b), g + share * (air[1] - g), r + share * (air[2] - r)


def lit_at(scene: Scene, distance_m: float, aside_m: float) -> float:
    """How bright things stand in the ambient light and our head lamps."""
    ambient = AMBIENT[scene.light] * (0.85 if scene.weather == "rain" else 1.0)
    if scene.light == "day":
        return ambient
    beam = math.exp(-((aside_m / (1.5 + 0.18 * distance_m)) ** 2)) * math.exp(-distance_m / 45.0)
    return ambient + (0.9 if scene.light == "night" else 0.35) * beam


def hash_of(i: int, salt: int) -> float:
    """A number of 0..1 that belongs to place i."""
    return (((i * 2654435761 + salt * 40503) ^ (i << 7)) * 2246822519 % 4294967296) / 4294967296
