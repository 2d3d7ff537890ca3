"""Pictures of a driver, all rendered by edge.sim, with what the driver does in them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from networks import DRIVER_HEIGHT, DRIVER_WIDTH

from edge.sim.driver_picture import draw_driver
from edge.sim.truth import driver_truth, random_driver

HELD_OUT_SEEDS = 1_000_000  # looks from here on are never trained on
SIZES = ((640, 480), (320, 240), (320, 240), (640, 360))
SURELY_OPEN, SURELY_CLOSED = 0.6, 0.15  # of the eye; between them it is neither


class Look(NamedTuple):
    """image uint8 (120, 160, 3); shares (3,): a face is there, its left and its right eye is open, NaN for an
    eye that is turned away; box (4,) px; angles (5,) degrees.

    All in the network's picture; without a face the rest has no meaning.
    """

    image: np.ndarray
    shares: np.ndarray
    box: np.ndarray
    angles: np.ndarray


def view(image: np.ndarray) -> tuple[np.ndarray, float]:
    """Uint8 (120, 160, 3), the picture at the top left and 114 below or beside it, and its scale."""
    height, width = image.shape[:2]
    scale = min(DRIVER_WIDTH / width, DRIVER_HEIGHT / height)
    inside = (round(width * scale), round(height * scale))
    result = np.full((DRIVER_HEIGHT, DRIVER_WIDTH, 3), 114, np.uint8)
    result[: inside[1], : inside[0]] = cv2.resize(image, inside, interpolation=cv2.INTER_AREA)
    return result, scale


def rendered(seed: int) -> Look:
    """One look of edge.sim's driver; some show nobody."""
    state, person = random_driver(seed)
    width, height = SIZES[seed % len(SIZES)]
    small, scale = view(draw_driver(state, width, height, person))
    face = driver_truth(state, width, height, person)
    if face is None:
        return Look(small, np.zeros(3, np.float32), np.zeros(4, np.float32), np.zeros(5, np.float32))
    return Look(
        small,
        np.array(
            [
                1.0,
                face.left_eye_open if face.left_eye_seen else np.nan,
                face.right_eye_open if face.right_eye_seen else np.nan,
            ],
            np.float32,
        ),
        np.array(face.box, np.float32) * scale,
        np.array(
            [
                face.head_yaw_deg, face.head_pitch_deg, face.head_roll_deg,
                face.gaze_yaw_deg, face.gaze_pitch_deg,
            ],
            np.float32,
        ),
    )  # fmt: skip


def rendered_set(first: int, count: int, cache: Path) -> list[Look]:
    """Looks first..first+count-1, drawn once and kept."""
    path = cache / f"driver_rendered_{first}_{count}.pickle"
    if path.exists():
        with path.open("rb") as file:
            return pickle.load(file)
    looks = [rendered(seed) for seed in range(first, first + count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pickle.dump(looks, file, protocol=5)
    return looks


def random_view(look: Look, random: np.random.Generator) -> Look:
    """The same look by another camera: moved, scaled, mirrored, in other light, blurred, noisy, covered."""
    scale = np.exp(random.uniform(-0.2, 0.2))
    matrix = np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]])
    centre = np.array([DRIVER_WIDTH, DRIVER_HEIGHT]) / 2
    matrix[:, 2] = centre * (1 - scale) + random.normal(0.0, 6.0, 2)
    shares, box, angles = look.shares, look.box, look.angles
    if random.random() < 0.5:
        matrix[0] = -matrix[0]
        matrix[0, 2] += DRIVER_WIDTH
        shares = shares[[0, 2, 1]]
        angles = angles * np.array([-1, 1, -1, -1, 1], np.float32)
    image = cv2.warpAffine(look.image, matrix, (DRIVER_WIDTH, DRIVER_HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    corners = box.reshape(2, 2) @ matrix[:, :2].T + matrix[:, 2]
    box = np.concatenate((corners.min(0), corners.max(0))).astype(np.float32)

    steps = np.arange(256) / 255.0
    curve = steps ** np.exp(random.uniform(-0.3, 0.3)) * random.uniform(0.7, 1.3) + random.uniform(
        -0.04, 0.08
    )
    image = cv2.LUT(image, (curve.clip(0.0, 1.0) * 255).astype(np.uint8))
    if random.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), random.uniform(0.3, 0.7))
    if random.random() < 0.5:
        noise = np.empty(image.shape, np.int8)
        cv2.randn(noise, 0, float(random.uniform(1.0, 5.0)))
        image = cv2.add(image, noise, dtype=cv2.CV_8U)
    if random.random() < 0.15:
        x, y = random.integers(0, (DRIVER_WIDTH, DRIVER_HEIGHT))
        w, h = random.integers(4, 24, 2)
        outside = x + w < box[0] or x > box[2] or y + h < box[1] or y > box[3]
        if outside or not shares[0]:
            image[y : y + h, x : x + w] = random.integers(0, 255)
    return Look(image, shares, box, angles)
