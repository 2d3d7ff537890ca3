"""SIMULATION: what surrounds the driver's head: windows, seat, shoulders, belt."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from edge.messages import FloatArray
from edge.sim.head import HEAD_MM, Colour, DriverLook

SHIFT = 4


def fixed_points(px: FloatArray) -> np.ndarray:
    """Continuous px as what cv2 draws with SHIFT."""
    return np.round((np.clip(px[:, :2], -2000, 6000) - 0.5) * (1 << SHIFT)).astype(np.int32)


def fill(canvas: np.ndarray, px: FloatArray, colour: tuple[float, ...]) -> None:
    """A smooth polygon."""
    cv2.fillPoly(canvas, [fixed_points(px)], colour, cv2.LINE_AA, SHIFT)


def curve(canvas: np.ndarray, px: FloatArray, colour: tuple[float, ...], thickness_px: float) -> None:
    """A smooth line."""
    cv2.polylines(canvas, [fixed_points(px)], False, colour, max(round(thickness_px), 1), cv2.LINE_AA, SHIFT)


def dim(colour: Colour, k: float) -> Colour:
    """A colour in less light."""
    return colour[0] * k, colour[1] * k, colour[2] * k


@lru_cache(maxsize=64)
def cabin(look: DriverLook, width: int, height: int, somebody: bool) -> np.ndarray:
    """Windows, pillar, seat and, if somebody sits there, the shoulders."""
    r = np.random.default_rng(look.seed + 1)
    image = np.empty((height, width, 3), np.uint8)
    wall = r.uniform(18, 70)
    image[:] = (wall, wall * r.uniform(0.92, 1.0), wall * r.uniform(0.9, 1.0))
    s = height / 240.0
    sky = np.array([r.uniform(120, 250), r.uniform(120, 245), r.uniform(110, 240)])
    land = np.array([r.uniform(40, 130), r.uniform(60, 150), r.uniform(50, 130)])
    top, bottom = int(height * r.uniform(0.02, 0.12)), int(height * r.uniform(0.48, 0.62))
    windows = [(0.0, r.uniform(0.14, 0.3)), (r.uniform(0.68, 0.8), 1.0)]
    if r.uniform() < 0.35:
        windows.append((0.38, 0.62))
    for x0, x1 in windows:
        left, right = int(x0 * width), int(x1 * width)
        line = top + (bottom - top) * r.uniform(0.45, 0.8)
        rows = np.arange(top, bottom)
        image[top:bottom, left:right] = np.where((rows > line)[:, None, None], land, sky)
        for _ in range(5):
            at, w, h = (
                r.integers(left, max(right, left + 1)),
                r.integers(3, int(16 * s) + 4),
                r.integers(4, int(34 * s) + 5),
            )
            tone = float(r.uniform(30, 160))
            cv2.rectangle(
                image, (int(at), int(line - h)), (int(at + w), bottom - 1), (tone, tone, tone * 0.95), -1
            )
        cv2.rectangle(image, (left, top), (right, bottom), (24, 24, 24), max(int(2 * s), 1))
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), 2.0 * s))
    x, y = look.place[0] * width, look.place[1] * height
    px = look.scale * height / HEAD_MM
    seat = tuple(float(v) for v in np.full(3, r.uniform(22, 110)) * r.uniform(0.85, 1.05, 3))
    edge = tuple(0.7 * v for v in seat)

    def rounded(cx: float, cy: float, w: float, h: float, colour: tuple[float, ...]) -> None:
        corner = min(w, h) * 0.35
        inner = np.array(
            [
                (-w + corner, -h + corner),
                (w - corner, -h + corner),
                (w - corner, h - corner),
                (-w + corner, h - corner),
            ]
        )
        turn = np.linspace(0, 2 * math.pi, 12, endpoint=False)
        rim = corner * np.column_stack([np.cos(turn), np.sin(turn)])
        hull = cv2.convexHull((inner[:, None] + rim[None]).reshape(-1, 2).astype(np.float32))[:, 0]
        fill(image, hull + np.array([cx, cy]), colour)

    for k, colour in ((1.06, edge), (1.0, seat)):
        rounded(x, y + 330 * px, 235 * px * k, 250 * px * k, colour)
        rounded(x, y - 5 * px, 112 * px * k, 88 * px * k, colour)
    if somebody:
        _shoulders(image, look, x, y, px)
    shade = 0.8 + 0.4 * np.linspace(*((0, 1) if look.light[0] > 0 else (1, 0)), width)
    return np.clip(image * shade[None, :, None] * (0.55 + look.ambient * 0.7), 0, 255).astype(np.uint8)


def _shoulders(image: np.ndarray, look: DriverLook, x: float, y: float, px: float) -> None:
    t = np.linspace(0, 1, 12)
    drop = 150 + 75 * t**1.8
    half = 55 + 165 * np.sin(t * math.pi / 2)
    right = np.column_stack([x + half * px, y + drop * px])
    left = np.column_stack([x - half * px, y + drop * px])[::-1]
    low = np.array([(x + 250 * px, y + 520 * px), (x - 250 * px, y + 520 * px)])
    fill(image, np.concatenate([left, right, low]), look.shirt)
    for side in (-1, 1):  # sleeves
        fold = np.array([(x + side * 150 * px, y + 270 * px), (x + side * 165 * px, y + 520 * px)])
        curve(image, fold, dim(look.shirt, 0.7), 3 * px * 2)
    collar = np.array(
        [
            (x - 62 * px, y + 148 * px),
            (x, y + 205 * px),
            (x + 62 * px, y + 148 * px),
            (x + 40 * px, y + 130 * px),
            (x - 40 * px, y + 130 * px),
        ]
    )
    fill(image, collar, dim(look.skin, 0.72))
    curve(image, collar[:3], dim(look.shirt, 0.6), 7 * px)


def draw_belt(canvas: np.ndarray, look: DriverLook) -> None:
    """Over the driver's left shoulder (left-hand drive), a band 47 mm wide."""
    height, width = canvas.shape[:2]
    x, y = look.place[0] * width, look.place[1] * height
    px = look.scale * height / HEAD_MM
    band = np.array([(128, 172), (172, 182), (-60, 480), (-110, 480)]) * px + [x, y]
    fill(canvas, band, (44, 42, 40))
    curve(canvas, band[[0, 3]], (84, 82, 80), 1)
    curve(canvas, band[[1, 2]], (26, 26, 26), 1)
