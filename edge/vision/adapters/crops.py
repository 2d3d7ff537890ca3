"""What the classifiers of lights and signs share: which boxes they look at, and how these fill the input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

MOST = 8  # looked at in one picture

Box = tuple[float, float, float, float]


def largest(boxes: Sequence[Box]) -> list[int]:
    """The indices of the MOST largest boxes, mostly the nearest, without those that enclose nothing."""
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in boxes]
    real = [index for index, area in enumerate(areas) if 0.0 < area < math.inf]
    return sorted(real, key=lambda index: -areas[index])[:MOST]


def box_stretched(box: Box, margin: float, width: int, height: int) -> np.ndarray:
    """(2, 3), for Canvas.warp: a canvas of width x height px shows the box, and `margin` times its width and
    height more on each side, whatever its proportions."""
    left, top, right, bottom = box
    across, down = (right - left) * (1 + 2 * margin) / width, (bottom - top) * (1 + 2 * margin) / height
    # The middle of a pixel is half a pixel from its edge, in both.
    x = (left + right) / 2 - (width - 1) / 2 * across - 0.5
    y = (top + bottom) / 2 - (height - 1) / 2 * down - 0.5
    return np.array([[across, 0.0, x], [0.0, down, y]])
