"""Rendered eyes with how far they are open: drawn, then taken by a camera that may be poor."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from eye_drawing import DRAWN_PX, SUB, Drawing

EYE_PX = 48  # side of the network's input
HELD_OUT_SEEDS = 1_000_000  # eyes from here on are never trained on
CLOSED_BELOW, OPEN_ABOVE = 0.08, 0.6  # of how far this eye opens: what must be said is 0 and 1


class Eye(NamedTuple):
    """image: uint8 (EYE_PX, EYE_PX); openness: 0 closed to 1 open, as messages.Face has it."""

    image: np.ndarray
    openness: float


def openness_of(share: float) -> float:
    """What must be said of an eye that is open by `share` of what is usual for it where it looks."""
    return min(1.0, max(0.0, (share - CLOSED_BELOW) / (OPEN_ABOVE - CLOSED_BELOW)))


def eye(seed: int, share: float | None = None) -> Eye:
    """The eye that belongs to a seed; share: how far it is open, drawn if not given."""
    random = np.random.default_rng([seed, 7])
    if share is None:
        kind = random.uniform()
        if kind < 0.46:
            share = 0.0 if kind < 0.38 else float(random.uniform(0.0, CLOSED_BELOW))
        elif kind < 0.62:
            share = float(random.uniform(CLOSED_BELOW, OPEN_ABOVE))
        else:
            share = float(random.uniform(OPEN_ABOVE, 1.15))
    drawn = Drawing(random, share).image
    if random.uniform() < 0.5:
        drawn = drawn[:, ::-1]
    return Eye(through_a_camera(np.ascontiguousarray(drawn), random), openness_of(share))


def through_a_camera(image: np.ndarray, r: np.random.Generator) -> np.ndarray:
    """Uint8 (EYE_PX, EYE_PX) of float32 (H, W): light, blur, few pixels, noise, JPEG, and the crop's warp."""
    size = len(image)
    if r.uniform() < 0.3:  # the edge of a shadow
        angle = r.uniform(0, 2 * math.pi)
        row, column = np.mgrid[0:size, 0:size] / size - 0.5
        side = (math.cos(angle) * column + math.sin(angle) * row - r.uniform(-0.4, 0.4)) / r.uniform(
            0.02, 0.3
        )
        image = image * (1 - r.uniform(0.1, 0.7) / (1 + np.exp(-np.clip(side, -30, 30))))
    mean = float(image.mean()) + 1.0
    level = math.exp(r.uniform(math.log(30), math.log(200)))  # of the exposure; what is too bright is cut
    image = (image - mean) * r.uniform(0.75, 1.5) + mean
    image = 255 * np.clip(image * (level / mean) / 255, 0, 1) ** r.uniform(0.75, 1.3)
    if r.uniform() < 0.15:
        image = image * r.uniform(0.4, 0.9) + r.uniform(0, 90)  # stray light
    # As many pixels as a camera gives a crop: from a face at a distance to one that fills the picture.
    pixels = round(math.exp(r.triangular(math.log(13), math.log(60), math.log(DRAWN_PX))))
    if r.uniform() < 0.2:
        image = _moved(image, r.uniform(1, 8), r.uniform(0, math.pi))
    if r.uniform() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), r.uniform(0.2, 0.9) * size / pixels)
    image = cv2.resize(np.float32(image), (pixels, pixels), interpolation=cv2.INTER_AREA)
    sigma = (r.uniform(0, 2.5) if r.uniform() < 0.75 else r.uniform(2.5, 8)) * min(1.0, level / 90)
    grain = r.normal(0, sigma, image.shape)
    result = np.uint8(np.clip(image + grain, 0, 255))
    if r.uniform() < 0.6:
        coded = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, int(r.integers(18, 96))])[1]
        result = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
    how = cv2.INTER_LINEAR if r.uniform() < 0.8 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(result, (EYE_PX, EYE_PX), interpolation=how))


def _moved(image: np.ndarray, length_px: float, angle: float) -> np.ndarray:
    """Blurred along a straight way."""
    kernel = np.zeros((15, 15), np.float32)
    reach = np.array([math.cos(angle), math.sin(angle)]) * length_px / 2
    ends = np.round((7.0 + np.array([-reach, reach])) * 16).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0, 1, cv2.LINE_8, SUB)
    return np.asarray(cv2.filter2D(np.float32(image), -1, kernel / kernel.sum()))
