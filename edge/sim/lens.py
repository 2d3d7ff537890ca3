"""SIMULATION: what the camera adds to each picture: rain before it, noise, and the word itself."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from edge.sim.paint import hash_of
from edge.sim.scenario import Light

MIDDLE = 32


@lru_cache(maxsize=16)
def _noise(sigma_tenths: int, width: int, height: int) -> np.ndarray:
    """A field somewhat larger than the picture, (H + 64, W + 64, 3) uint8 around MIDDLE."""
    field = np.random.default_rng(11).normal(MIDDLE, sigma_tenths / 10, (height + 64, width + 64, 3))
    return np.clip(np.round(field), 0, 2 * MIDDLE).astype(np.uint8)


def grain(canvas: np.ndarray, frame: int, sigma: float) -> np.ndarray:
    """The picture with noise: one field, shifted by the number of the frame."""
    height, width = canvas.shape[:2]
    dx, dy = (frame * 7919) % 64, (frame * 104729 // 64) % 64
    field = _noise(round(10 * sigma), width, height)[dy : dy + height, dx : dx + width]
    brighter = cv2.add(canvas, field)
    return np.asarray(cv2.subtract(brighter, np.array([MIDDLE] * 3 + [0], np.float64)))


def rain(canvas: np.ndarray, frame: int, light: Light) -> None:
    """Streaks of rain before the camera."""
    height, width = canvas.shape[:2]
    bright = {"day": 205, "dusk": 150, "night": 95}[light]
    for k in range(90):
        h = hash_of(frame * 90 + k, 77)
        u, v = int(h * 7919) % width, int(h * 104729) % height
        length = 6 + int(h * 1e6) % (height // 24 + 2)
        lean = (u - width / 2) / width * length * 0.8
        cv2.line(canvas, (u, v), (int(u + lean), v + length), (bright,) * 3, 1, cv2.LINE_AA)


def stamp(canvas: np.ndarray) -> None:
    """Says what this picture is, small, in the left top corner."""
    size = max(0.28, canvas.shape[1] / 640 * 0.34)
    x, y = 4, int(6 + 22 * size)
    for dx, dy, grey in ((1, 1, 20), (0, 0, 240)):  # a shadow keeps it legible on the sky
        at = (x + dx, y + dy)
        cv2.putText(canvas, "SIMULATION", at, cv2.FONT_HERSHEY_SIMPLEX, size, (grey,) * 3, 1, cv2.LINE_AA)
