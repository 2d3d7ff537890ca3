"""SIMULATION: vehicles and people in a road picture."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from edge.messages import FloatArray
from edge.sim.paint import SHIFT, capsule, fill, fill_seen, fixed, hazy, lit_at
from edge.sim.projection import NEAR_M, PinholeCamera, clip_near
from edge.sim.scene import Other, Scene
from edge.sim.shapes import limbs, vehicle_shape

COLOURS = {  # BGR
    "white": (225, 228, 230), "silver": (176, 178, 180), "grey": (104, 104, 102), "black": (42, 40, 40),
    "red": (40, 38, 168), "blue": (140, 78, 38), "green": (74, 112, 52), "yellow": (48, 178, 215),
}  # fmt: skip

MATERIALS = {
    "glass": (62, 54, 46), "glint": (98, 90, 80), "tyre": (30, 29, 29), "rim": (128, 128, 126),
    "trim": (44, 43, 42),
    "under": (26, 25, 25), "plate": (170, 92, 36), "chrome": (168, 168, 166), "seam": (58, 57, 56),
    "grille": (36, 35, 34), "tail": (36, 30, 128), "high_stop": (36, 32, 92), "head": (205, 208, 210),
    "blink_left": (40, 96, 150), "blink_right": (40, 96, 150), "cargo": (196, 200, 200),
    "cargo_top": (210, 212, 214),
    "stripe": (40, 50, 170), "skin": (140, 168, 208), "hair": (34, 32, 36), "trousers": (82, 58, 48),
    "shoes": (44, 44, 48), "frame": (60, 60, 110), "helmet": (190, 190, 194),
}  # fmt: skip

_FINE = ("seam", "chrome", "rim", "glint", "plate")


def placed(points: FloatArray, other: Other) -> FloatArray:
    """Points of an object's frame in ours."""
    c, s = math.cos(other.heading_rad), math.sin(other.heading_rad)
    turned = np.empty_like(points)
    turned[:, 0] = points[:, 0] * c - points[:, 1] * s + other.x_m
    turned[:, 1] = points[:, 0] * s + points[:, 1] * c + other.y_m
    turned[:, 2] = points[:, 2]
    return turned


def outline(other: Other, camera: PinholeCamera) -> FloatArray:
    """(N, 2) px whose bounds are those of all that is drawn of a road user; empty if it is behind us."""
    if other.kind in ("person", "bicycle", "motorcycle"):
        rods = limbs(other)
        seen = camera.camera(placed(np.array([p for rod in rods for p in (rod.start, rod.end)]), other))
        if seen[:, 2].min() < NEAR_M:
            return np.empty((0, 2))
        px = camera.pixels(seen)
        radius = camera.fx * np.repeat([rod.radius_m for rod in rods], 2)[:, None] / seen[:, 2:]
        return np.concatenate([px - radius, px + radius])
    shape = vehicle_shape(other.kind, other.style, other.length_m, other.width_m, other.height_m)
    seen = camera.camera(placed(shape.points, other))
    if seen[:, 2].min() >= NEAR_M:
        return camera.pixels(seen)
    kept = [clip_near(seen[list(face.points)]) for face in shape.faces]
    return np.concatenate([camera.pixels(part) for part in kept if len(part)] or [np.empty((0, 2))])


def draw_other(
    canvas: np.ndarray, other: Other, scene: Scene, camera: PinholeCamera, flat: int | None = None
) -> None:
    """One road user. flat: all of it in this one value, for masks (canvas then has one channel)."""
    if other.kind in ("person", "bicycle", "motorcycle"):
        _draw_limbs(canvas, other, scene, camera, flat)
    else:
        _draw_vehicle(canvas, other, scene, camera, flat)


def _draw_vehicle(
    canvas: np.ndarray, other: Other, scene: Scene, camera: PinholeCamera, flat: int | None
) -> None:
    shape = vehicle_shape(other.kind, other.style, other.length_m, other.width_m, other.height_m)
    seen = camera.camera(placed(shape.points, other))
    if seen[:, 2].max() < NEAR_M:
        return
    whole = seen[:, 2].min() >= NEAR_M
    px = camera.pixels(seen) if whole else np.empty((0, 2))
    if whole and (px[:, 0].max() < 0 or px[:, 0].min() > camera.width_px or np.ptp(px[:, 1]) < 0.5):
        return
    distance_m = float(max(seen[:, 2].min(), 1.0))
    small = whole and float(np.ptp(px[:, 1])) < 9.0
    lit = lit_at(scene, distance_m, float(seen[:, 0].mean()))
    if flat is None and scene.light != "night":
        _shadow(canvas, other, camera)
    blink = math.fmod(scene.t_s * 1.5, 1.0) < 0.5
    at = fixed(px)
    for face, front in zip(shape.faces, shape.facing(seen), strict=True):
        if not (front or face.two_sided) or (small and flat is None and face.material in _FINE):
            continue
        index = list(face.points)
        if flat is not None:
            colour: tuple[float, ...] = (flat,)
        else:
            colour = _colour(face.material, face.shade, other, scene, lit, blink, distance_m)
        if whole:
            cv2.fillConvexPoly(canvas, at[index], colour, cv2.LINE_8 if flat else cv2.LINE_AA, SHIFT)
        else:
            fill_seen(canvas, seen[index], camera, colour)
    if flat is None and scene.light != "day":
        _glow(canvas, other, scene, camera)


def _colour(
    material: str, shade: float, other: Other, scene: Scene, lit: float, blink: bool, distance_m: float
) -> tuple[float, ...]:
    base = COLOURS[other.colour] if material in ("body", "frame") else MATERIALS[material]
    glowing = _glowing(material, other, scene, blink)
    if glowing is not None:
        return glowing
    k = shade * lit
    return hazy((base[0] * k, base[1] * k, base[2] * k), scene, distance_m)


def _glowing(material: str, other: Other, scene: Scene, blink: bool) -> tuple[float, ...] | None:
    """The colour of a lamp that is on."""
    if material == "tail" and (other.brake_lamps or scene.light != "day"):
        return (60.0, 50.0, 255.0) if other.brake_lamps else (38.0, 30.0, 190.0)
    if material == "high_stop" and other.brake_lamps:
        return (70.0, 60.0, 255.0)
    if material == "head" and (scene.light != "day" or scene.weather == "rain"):
        return (250.0, 252.0, 255.0)
    if material.startswith("blink") and material == f"blink_{other.indicator}" and blink:
        return (40.0, 165.0, 255.0)
    return None


def _shadow(canvas: np.ndarray, other: Other, camera: PinholeCamera) -> None:
    """The dark that a car casts on the ground around it."""
    a, b = other.length_m / 2 - 0.15, other.width_m / 2 + 0.3
    corners = np.array([(-a, -b, 0.0), (-a, b, 0.0), (a, b, 0.0), (a, -b, 0.0)])
    kept = clip_near(camera.camera(placed(corners, other)))
    if len(kept) < 3:
        return
    px = camera.pixels(kept)
    left, top = np.floor(np.clip(px.min(axis=0) - 1, 0, [camera.width_px, camera.height_px])).astype(int)
    right, bottom = np.ceil(np.clip(px.max(axis=0) + 1, 0, [camera.width_px, camera.height_px])).astype(int)
    if right - left < 2 or bottom - top < 1:
        return
    part = canvas[top:bottom, left:right]
    mask = np.zeros(part.shape[:2], np.uint8)
    fill(mask, px - [left, top], (110.0,))
    keep = cv2.cvtColor(255 - mask, cv2.COLOR_GRAY2BGR)
    cv2.multiply(part, keep, dst=part, scale=1 / 255)


def _glow(canvas: np.ndarray, other: Other, scene: Scene, camera: PinholeCamera) -> None:
    """The halo of lamps in the dark, added to the picture."""
    a, b = other.length_m / 2, other.width_m / 2
    towards = math.cos(other.heading_rad) > 0
    x, z = (-a, 0.75) if towards else (a, 0.65)
    points = placed(np.array([(x, -0.75 * b, z), (x, 0.75 * b, z)]), other)
    seen = camera.camera(points)
    if seen[:, 2].min() < 2.0:
        return
    colour = (200, 225, 240) if not towards else ((40, 40, 230) if other.brake_lamps else (14, 12, 90))
    for (u, v), forward in zip(camera.pixels(seen), seen[:, 2], strict=True):
        radius = int(min(max(camera.fx * (0.45 if towards else 1.1) / forward, 2), 60))
        left, top = int(u) - radius, int(v) - radius
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + 2 * radius, camera.width_px), min(top + 2 * radius, camera.height_px)
        if x1 > x0 and y1 > y0:
            halo = _halo(radius)[y0 - top : y1 - top, x0 - left : x1 - left]
            part = canvas[y0:y1, x0:x1]
            part[:] = np.clip(part + halo[..., None] * np.array(colour, np.float32), 0, 255).astype(np.uint8)


@lru_cache(maxsize=64)
def _halo(radius: int) -> FloatArray:
    at = (np.arange(2 * radius) + 0.5 - radius) / radius
    r = np.hypot(at[:, None], at[None, :])
    return (0.75 * np.clip(1 - r, 0, 1) ** 2.2).astype(np.float32)


def _draw_limbs(
    canvas: np.ndarray, other: Other, scene: Scene, camera: PinholeCamera, flat: int | None
) -> None:
    rods = limbs(other)
    ends = placed(np.array([p for rod in rods for p in (rod.start, rod.end)]), other)
    seen = camera.camera(ends)
    if seen[:, 2].min() < NEAR_M:
        return
    px = camera.pixels(seen)
    lit = lit_at(scene, float(seen[:, 2].mean()), float(seen[:, 0].mean()))
    if flat is None and scene.light != "night":
        _shadow(canvas, other, camera)
    for i in np.argsort(-(seen[0::2, 2] + seen[1::2, 2]), kind="stable"):
        rod = rods[i]
        if flat is not None:
            colour: tuple[float, ...] = (flat,)
        else:
            colour = _colour(rod.material, 0.9, other, scene, lit, False, float(seen[2 * i, 2]))
        radius = camera.fx * rod.radius_m / seen[2 * i : 2 * i + 2, 2]
        fill(canvas, capsule(px[2 * i], px[2 * i + 1], float(radius[0]), float(radius[1])), colour)
