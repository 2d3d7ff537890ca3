"""SIMULATION: the head of a driver: ellipsoids for its mass, curves on its surface for the features.

Head frame, mm: origin between the ears, x to the driver's left, y up, z out of the face. The picture shows
the driver from the front, so its x grows with the driver's left; the projection is parallel (a face is deep
by a tenth of its distance). Proportions after the usual canon: eyes half way up, one eye's width apart.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from edge.messages import FloatArray
from edge.sim.scene import DriverState

Colour = tuple[float, float, float]
PIVOT_MM = np.array([0.0, -95.0, -25.0])  # where the neck lets the head turn
HEAD_MM = 230.0
FACE_CENTRE_MM, FACE_RADII_MM = np.array([0.0, -18.0, 14.0]), np.array([69.0, 96.0, 74.0])
EYE_MM = np.array([32.0, 4.0])
EYEBALL_MM = 12.0


class DriverLook(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver looks like and how the camera sees them. Colours BGR 0..255; see look_of for a variety.

    place: middle of the head in shares of the picture, at rest; scale: height of the head as a share of the
    picture's height; light: direction to the lamp or the sun in the head frame; gain, contrast: of
    the camera.
    """

    seed: int = 0
    skin: Colour = (132, 164, 206)
    hair: Colour = (34, 34, 40)
    iris: Colour = (48, 66, 92)
    shirt: Colour = (120, 92, 70)
    hair_style: int = 0  # 0 short, 1 long, 2 bald, 3 cap
    hairline_mm: float = 62.0
    beard: float = 0.0
    glasses: int = 0  # 0 none, 1 thin, 2 thick
    brow_mm: float = 3.2
    eye_scale: float = 1.0
    width_scale: float = 1.0
    jaw_scale: float = 1.0
    nose_scale: float = 1.0
    place: tuple[float, float] = (0.5, 0.47)
    scale: float = 0.52
    light: tuple[float, float, float] = (0.5, 0.5, 0.7)
    ambient: float = 0.5
    gain: float = 1.0
    contrast: float = 1.0
    belt: bool = True
    noise: float = 2.0
    blur: float = 0.0


def look_of(seed: int) -> DriverLook:
    """The look that belongs to a seed: skin, hair, glasses, beard, seat, place and light vary widely."""
    if seed == 0:
        return DriverLook()
    r = np.random.default_rng(seed)
    depth = r.uniform(0, 1) ** 0.8
    skin = np.array([168, 192, 228]) * (1 - depth) + np.array([44, 62, 96]) * depth + r.normal(0, 6, 3)
    hairs = [(30, 30, 34), (36, 46, 66), (60, 84, 116), (104, 150, 190), (150, 152, 154), (50, 66, 130)]
    irises = [(40, 54, 80), (34, 44, 60), (120, 110, 84), (96, 128, 96)]
    angle, height = r.uniform(-1.3, 1.3), r.uniform(-0.2, 0.9)
    return DriverLook(
        seed=seed,
        skin=_colour(skin),
        hair=_colour(np.array(hairs[int(r.integers(len(hairs)))]) + r.normal(0, 6, 3)),
        iris=_colour(np.array(irises[int(r.integers(len(irises)))]) + r.normal(0, 6, 3)),
        shirt=_colour(r.uniform(20, 225, 3)),
        hair_style=int(r.choice([0, 1, 2, 3], p=[0.5, 0.3, 0.1, 0.1])),
        hairline_mm=float(r.uniform(52, 76)),
        beard=float(r.choice([0.0, 0.35, 0.85], p=[0.65, 0.2, 0.15])),
        glasses=int(r.choice([0, 1, 2], p=[0.62, 0.2, 0.18])),
        brow_mm=float(r.uniform(2.0, 5.0)),
        eye_scale=float(r.uniform(0.82, 1.2)),
        width_scale=float(r.uniform(0.9, 1.12)),
        jaw_scale=float(r.uniform(0.9, 1.1)),
        nose_scale=float(r.uniform(0.8, 1.25)),
        place=(float(r.uniform(0.36, 0.64)), float(r.uniform(0.38, 0.56))),
        scale=float(r.uniform(0.36, 0.70)),
        light=(math.sin(angle), height, math.cos(angle) + 0.15),
        ambient=float(r.uniform(0.25, 0.75)),
        gain=float(r.uniform(0.75, 1.35)),
        contrast=float(r.uniform(0.75, 1.25)),
        belt=bool(r.uniform() < 0.85),
        noise=float(r.uniform(0.5, 6.0)),
        blur=float(r.choice([0.0, 0.6, 1.0])),
    )


def _colour(values: FloatArray) -> Colour:
    b, g, r = (float(v) for v in np.clip(values, 8, 245))
    return b, g, r


class Pose(NamedTuple):
    """Head frame mm -> picture px: rotation (3, 3), px of the pivot, px per mm."""

    rotation: FloatArray
    pivot_px: FloatArray
    px_per_mm: float

    def px(self, points: FloatArray) -> FloatArray:
        """(N, 3) mm -> (N, 3): px right, px down, mm towards the camera."""
        turned = (np.atleast_2d(points) - PIVOT_MM) @ self.rotation.T
        out = np.empty_like(turned)
        out[:, 0] = self.pivot_px[0] + self.px_per_mm * turned[:, 0]
        out[:, 1] = self.pivot_px[1] - self.px_per_mm * turned[:, 1]
        out[:, 2] = turned[:, 2]
        return out


def rotation_of(yaw_deg: float, pitch_deg: float, roll_deg: float) -> FloatArray:
    """Roll, then pitch, then yaw; signs as in messages.Face."""
    yaw, pitch, roll = (math.radians(a) for a in (yaw_deg, pitch_deg, roll_deg))
    cy, sy, cp, sp, cr, sr = *_cs(yaw), *_cs(pitch), *_cs(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def _cs(angle: float) -> tuple[float, float]:
    return math.cos(angle), math.sin(angle)


def pose_of(driver: DriverState, look: DriverLook, width_px: int, height_px: int) -> Pose:
    """Where the head is in a picture of that size."""
    px_per_mm = look.scale * height_px / HEAD_MM
    rotation = rotation_of(driver.head_yaw_deg, driver.head_pitch_deg, driver.head_roll_deg)
    pivot = np.array([look.place[0] * width_px, look.place[1] * height_px]) - PIVOT_MM[:2] * px_per_mm * [
        -1,
        1,
    ]
    return Pose(rotation, pivot, px_per_mm)


class Ellipsoid(NamedTuple):
    """A part of the head, mm. material: skin, hair or ear."""

    centre: FloatArray
    radii: FloatArray
    material: str


@lru_cache(maxsize=64)
def solids(look: DriverLook) -> tuple[Ellipsoid, ...]:
    """What the head is made of."""
    w, j, n = look.width_scale, look.jaw_scale, look.nose_scale

    def part(
        centre: tuple[float, float, float], radii: tuple[float, float, float], material: str
    ) -> Ellipsoid:
        return Ellipsoid(np.array(centre), np.array(radii), material)

    parts = [
        part((0, 22, -14), (75 * w, 92, 94), "skin"),
        part((0, -30, 14), (63 * w * j, 84, 74), "skin"),
        part((0, -90, 44), (30 * j, 25, 31), "skin"),
        part((0, -20, 80), (11 * n, 30, 18 * n), "skin"),
        part((0, -34, 86), (17 * n, 11, 15 * n), "skin"),
        part((0, 24, 58), (52 * w, 14, 23), "skin"),
        part((77 * w, -2, -18), (9, 30, 19), "ear"),
        part((-77 * w, -2, -18), (9, 30, 19), "ear"),
    ]
    if look.hair_style != 2:
        parts.append(part((0, 26, -18), (82 * w, 97, 101), "hair"))
    if look.hair_style == 3:
        parts.append(part((0, 66, 70), (60 * w, 8, 62), "cap"))
    return tuple(parts)


def surface_z(look: DriverLook, x: FloatArray, y: FloatArray) -> FloatArray:
    """z in mm of the skin in front, at (x, y)."""
    best = np.zeros_like(x, dtype=float)
    for part in solids(look)[:2]:
        u = ((x - part.centre[0]) / part.radii[0]) ** 2 + ((y - part.centre[1]) / part.radii[1]) ** 2
        best = np.maximum(best, part.centre[2] + part.radii[2] * np.sqrt(np.maximum(1 - u, 0)))
    return best


def on_face(look: DriverLook, xy: FloatArray, lift_mm: float = 1.0) -> FloatArray:
    """(N, 2) -> (N, 3) on the skin, lifted a little."""
    xy = np.asarray(xy, float)
    return np.column_stack([xy, surface_z(look, xy[:, 0], xy[:, 1]) + lift_mm])


def eye_lids(look: DriverLook, side: float, openness: float) -> tuple[FloatArray, FloatArray]:
    """The upper and the lower lid (9, 2) mm of the eye on `side` (1 the driver's left), from the nose."""
    t = np.linspace(0.0, 1.0, 9)
    half = 15.5 * look.eye_scale
    x = side * (EYE_MM[0] * look.width_scale + (t - 0.5) * 2 * half)
    arch = np.sin(math.pi * t**0.9) ** 0.8
    tilt = 1.6 * (t - 0.4)
    low = -4.4 * look.eye_scale * np.sin(math.pi * t) ** 0.9
    high = 7.4 * look.eye_scale * arch
    closed = low * 0.8 - 0.4
    upper = closed + (high - closed) * min(max(openness, 0.0), 1.0)
    y = EYE_MM[1] + tilt
    return np.column_stack([x, y + upper]), np.column_stack([x, y + low])


def eye_centre(look: DriverLook, side: float) -> FloatArray:
    """(3,) mm: the middle of an eye on the surface."""
    return on_face(look, np.array([[side * EYE_MM[0] * look.width_scale, EYE_MM[1]]]))[0]
