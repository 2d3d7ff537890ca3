"""Traffic signs to learn from, all of them rendered: shapes of the Vienna convention and of GB 5768.2.

Which kinds there are, how each is drawn (`sign_drawing.py`), and how a drawn one comes to hang somewhere.
"""

from __future__ import annotations

import cv2
import numpy as np
from crops import Crop, cut, jittered, patch, recoloured, scenery, taken
from sign_drawing import DRAWN, other
from sign_pictograms import SIDE

from edge.vision.adapters.signs import MARGIN

CLASSES = (*DRAWN, "other")
SIZE = 40
SCENERY = ("images/highway_objects/train/*", "images/carnd_P*/*")


def rendered(label: int, random: np.random.Generator, photographs: tuple[np.ndarray, ...]) -> Crop:
    """One sign in its surroundings as a camera may have taken it, or, of the last class, anything else."""
    kind = CLASSES[label]
    room = 0.4
    rows = columns = int(SIDE * (1 + 2 * room))
    scene = patch(random, photographs, rows, columns).astype(np.float32)
    if kind == "other" and random.random() < 0.5:
        face, alpha = np.zeros((SIDE, SIDE, 3), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    else:
        face, alpha = other(random) if kind == "other" else DRAWN[kind](random)
    if random.random() < 0.2:  # worn, dirty, or partly covered with something
        face = _worn(face, random)
    seen, alpha, box = _hung(face, alpha, rows, columns, random)
    alpha = alpha[..., None].astype(np.float32) / 255

    light = random.uniform(0.25, 1.15) if random.random() < 0.8 else random.uniform(0.08, 0.4)
    around = light * random.uniform(0.6, 1.6)
    if random.random() < 0.12:  # lit by our own lamps at night
        light, around = random.uniform(0.6, 1.4), random.uniform(0.03, 0.3)
    y, x = np.mgrid[0:rows, 0:columns]
    if random.random() < 0.3:  # light and shade on the board
        slope = np.tanh(
            (x * random.normal() + y * random.normal() + random.normal() * columns) / random.uniform(3, 60)
        )
        light = light * (1 + random.uniform(0.1, 0.5) * slope[..., None].astype(np.float32))
    mixed = scene * around * (1 - alpha) + seen.astype(np.float32) * light * alpha
    if random.random() < 0.12:  # something in front: a twig, or the edge of a pole, tree or lorry
        if random.random() < 0.5:
            ends = [(int(random.uniform(0, columns)), int(random.uniform(0, rows))) for _ in range(2)]
            mixed = mixed.copy()
            cv2.line(mixed, ends[0], ends[1], random.uniform(0, 120, 3).tolist(), int(random.integers(2, 12)))
        else:
            reach = int(box[0] + (box[2] - box[0]) * random.uniform(0.02, 0.28))
            mixed[:, :reach] = patch(random, photographs, rows, reach) * around
    if random.random() < 0.25:
        veil = np.array(random.choice(((255, 250, 245), (235, 225, 215), (240, 215, 180), (180, 180, 180))))
        thick = random.uniform(0.05, 0.5)
        mixed = mixed * (1 - thick) + veil.astype(np.float32) * thick
    mixed = np.clip(mixed, 0, 255).astype(np.uint8)

    wanted = np.exp(random.uniform(np.log(13), np.log(96)))  # px, the longer side in the camera's picture
    scale = min(1.0, wanted / max(box[2] - box[0], box[3] - box[1]))
    small = cv2.resize(mixed, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    fx, fy = small.shape[1] / columns, small.shape[0] / rows
    worst = 1.0 if wanted > 24 else 0.5
    return Crop(taken(small, random, worst), (box[0] * fx, box[1] * fy, box[2] * fx, box[3] * fy), label)


def _worn(face: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blotches, faded."""
    blotches = cv2.resize(
        random.normal(0, 1, (7, 7)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC
    )
    share = np.clip(blotches - random.uniform(0.2, 1.2), 0, 0.7)[..., None]
    return (face * (1 - share) + random.uniform(30, 190, 3) * share).astype(np.uint8)


def _hung(
    face: np.ndarray, alpha: np.ndarray, rows: int, columns: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float, float]]:
    """The face and what it covers, turned and seen from the side, and the box round it."""
    corners = np.array([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)], np.float64)
    angle = np.deg2rad(random.normal(0, 4))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    squeeze = np.array((1.0 if random.random() < 0.5 else random.uniform(0.5, 1.0), random.uniform(0.9, 1.0)))
    placed = (corners - SIDE / 2) @ turn * squeeze + (columns / 2, rows / 2)
    placed += random.normal(0, 0.03 * SIDE, (4, 2))
    through = cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    seen = cv2.warpPerspective(face, through, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.warpPerspective(alpha, through, (columns, rows))
    x, y, width, height = cv2.boundingRect((covered > 100).astype(np.uint8))
    if not width:  # nothing is there
        width, height = int(random.uniform(0.4, 1.0) * SIDE), int(random.uniform(0.4, 1.0) * SIDE)
        x, y = (columns - width) // 2, (rows - height) // 2
    return seen, covered, (float(x), float(y), float(x + width), float(y + height))


def rendered_set(first: int, count: int) -> list[Crop]:
    """The signs of seeds first, first + 1, ...; the classes take turns, "other" three times as often."""
    photographs = tuple(image for pattern in SCENERY for image in scenery(pattern))
    turns = [*range(len(CLASSES)), len(CLASSES) - 1, len(CLASSES) - 1]
    made = []
    for seed in range(first, first + count):
        cv2.setRNGSeed(seed)
        made.append(rendered(turns[seed % len(turns)], np.random.default_rng(seed), photographs))
    return made


def view(crop: Crop, random: np.random.Generator) -> np.ndarray:
    """One look at a sign, as the adapter may feed it after another detector and from another camera."""
    small = cut(crop.image, jittered(crop.box, random, 0.045, (-0.14, 0.3)), MARGIN, SIZE)
    return recoloured(small, random)
