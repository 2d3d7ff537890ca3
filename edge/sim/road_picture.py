"""SIMULATION: what a road camera would see. The word is drawn in a corner of each picture.

Ground by ground.py, houses, trees and road users as polygons painted from far to near, all through the one
PinholeCamera, so that a point of the scene is where a real camera of that geometry would show it. The same
scene gives the same pixels anywhere: the only noise is a table shifted by the scene's time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from edge.config import Geometry
from edge.messages import FloatArray
from edge.sim.ground import GroundMap, camera_of, ground_map, sample, surface_of
from edge.sim.projection import NEAR_M, PinholeCamera, clip_near
from edge.sim.scene import Other, Scene
from edge.sim.shapes import limbs, vehicle_shape

Roadside = tuple[str, int, float, float, float]
"""Kind, seed, x_m, y_m and the road's heading_rad in our frame."""
SHIFT = 4  # fractional bits of cv2's drawing coordinates
COLOURS = {  # BGR
    "white": (225, 228, 230), "silver": (176, 178, 180), "grey": (104, 104, 102), "black": (42, 40, 40),
    "red": (40, 38, 168), "blue": (140, 78, 38), "green": (74, 112, 52), "yellow": (48, 178, 215),
}  # fmt: skip
MATERIALS = {
    "glass": (62, 54, 46), "glint": (98, 90, 80), "tyre": (30, 29, 29), "rim": (128, 128, 126), "trim": (44, 43, 42),
    "under": (26, 25, 25), "plate": (170, 92, 36), "chrome": (168, 168, 166), "seam": (58, 57, 56),
    "grille": (36, 35, 34), "tail": (36, 30, 128), "high_stop": (36, 32, 92), "head": (205, 208, 210),
    "blink_left": (40, 96, 150), "blink_right": (40, 96, 150), "cargo": (196, 200, 200), "cargo_top": (210, 212, 214),
    "stripe": (40, 50, 170), "skin": (140, 168, 208), "hair": (34, 32, 36), "trousers": (82, 58, 48),
    "shoes": (44, 44, 48), "frame": (60, 60, 110), "helmet": (190, 190, 194),
}  # fmt: skip
SKY = {  # top, horizon; BGR
    "day": ((222, 176, 128), (240, 228, 212)), "dusk": ((128, 84, 68), (118, 156, 216)),
    "night": ((26, 18, 14), (44, 34, 30)), "rain": ((176, 168, 162), (206, 202, 198)),
}  # fmt: skip
AMBIENT = {"day": 1.0, "dusk": 0.55, "night": 0.16}


def draw_road(scene: Scene, geometry: Geometry, width_px: int, height_px: int) -> np.ndarray:
    """(height_px, width_px, 3) uint8 BGR."""
    camera = camera_of(geometry, width_px, height_px)
    ground = ground_map(scene.road, camera)
    canvas = np.empty((height_px, width_px, 3), np.uint8)
    _sky(canvas, scene, camera)
    _ground(canvas, scene, camera, ground)
    _crossings(canvas, scene, camera)
    _light_the_ground(canvas, scene, camera, ground)
    draw_things(canvas, scene, camera)
    return _through_the_lens(canvas, scene)


def far_to_near(scene: Scene, camera: PinholeCamera) -> list[Other]:
    """The road users in the order of painting."""
    return sorted(scene.others, key=lambda other: -_away(other, camera))


def _away(other: Other, camera: PinholeCamera) -> float:
    return math.hypot(other.x_m - camera.position[0], other.y_m - camera.position[1])


def draw_things(
    canvas: np.ndarray, scene: Scene, camera: PinholeCamera, flat: dict[str, int] | None = None
) -> None:
    """Road users and what stands beside the road. flat: by name, the value of each road user in a mask (H, W)
    instead of a picture; what stands beside the road is 0."""
    things: list[tuple[float, Other | Roadside]] = [(_away(o, camera), o) for o in far_to_near(scene, camera)]
    things += roadside(scene)
    things.sort(key=lambda thing: -thing[0])
    for _, thing in things:
        if isinstance(thing, Other):
            draw_other(canvas, thing, scene, camera, None if flat is None else flat[thing.name])
        else:
            _draw_roadside(canvas, thing, scene, camera, flat is not None)


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


# ---------------------------------------------------------------- polygons


def fill(canvas: np.ndarray, px: FloatArray, colour: tuple[float, ...]) -> None:
    """A polygon (N, 2) of continuous px, with smooth edges."""
    cv2.fillConvexPoly(canvas, _fixed(px), colour, cv2.LINE_AA if len(colour) == 3 else cv2.LINE_8, SHIFT)


def _fixed(px: FloatArray) -> np.ndarray:
    return np.rint((px.clip(-4000.0, 8000.0) - 0.5) * (1 << SHIFT)).astype(np.int32)


def _fill_seen(
    canvas: np.ndarray, seen: FloatArray, camera: PinholeCamera, colour: tuple[float, ...]
) -> None:
    kept = clip_near(seen)
    if len(kept) > 2:
        fill(canvas, camera.pixels(kept), colour)


def placed(points: FloatArray, other: Other) -> FloatArray:
    """Points of an object's frame in ours."""
    c, s = math.cos(other.heading_rad), math.sin(other.heading_rad)
    turned = np.empty_like(points)
    turned[:, 0] = points[:, 0] * c - points[:, 1] * s + other.x_m
    turned[:, 1] = points[:, 0] * s + points[:, 1] * c + other.y_m
    turned[:, 2] = points[:, 2]
    return turned


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
    lit = _lit(scene, distance_m, float(seen[:, 0].mean()))
    if flat is None and scene.light != "night":
        _shadow(canvas, other, camera)
    blink = math.fmod(scene.t_s * 1.5, 1.0) < 0.5
    at = _fixed(px)
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
            _fill_seen(canvas, seen[index], camera, colour)
    if flat is None and scene.light != "day":
        _glow(canvas, other, scene, camera)


_FINE = ("seam", "chrome", "rim", "glint", "plate")


def _colour(
    material: str, shade: float, other: Other, scene: Scene, lit: float, blink: bool, distance_m: float
) -> tuple[float, ...]:
    base = COLOURS[other.colour] if material in ("body", "frame") else MATERIALS[material]
    glowing = _glowing(material, other, scene, blink)
    if glowing is not None:
        return glowing
    k = shade * lit
    return _hazy((base[0] * k, base[1] * k, base[2] * k), scene, distance_m)


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


def _hazy(colour: tuple[float, ...], scene: Scene, distance_m: float) -> tuple[float, ...]:
    air = SKY["rain" if scene.weather == "rain" and scene.light == "day" else scene.light][1]
    share = 1.0 - math.exp(-distance_m / (220.0 if scene.weather == "rain" else 700.0))
    b, g, r = colour
    return b + share * (air[0] - b), g + share * (air[1] - g), r + share * (air[2] - r)


def _lit(scene: Scene, distance_m: float, aside_m: float) -> float:
    """How bright things stand in the ambient light and our head lamps."""
    ambient = AMBIENT[scene.light] * (0.85 if scene.weather == "rain" else 1.0)
    if scene.light == "day":
        return ambient
    beam = math.exp(-((aside_m / (1.5 + 0.18 * distance_m)) ** 2)) * math.exp(-distance_m / 45.0)
    return ambient + (0.9 if scene.light == "night" else 0.35) * beam


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
    lit = _lit(scene, float(seen[:, 2].mean()), float(seen[:, 0].mean()))
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


_TURN = np.linspace(-math.pi / 2, math.pi / 2, 6)


def capsule(start: FloatArray, end: FloatArray, start_px: float, end_px: float) -> FloatArray:
    """The outline (12, 2) of a rod with round ends."""
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    head = end + end_px * np.column_stack([np.cos(angle + _TURN), np.sin(angle + _TURN)])
    tail = start - start_px * np.column_stack([np.cos(angle + _TURN), np.sin(angle + _TURN)])
    return np.concatenate([head, tail])


# ---------------------------------------------------------------- surroundings


def _sky(canvas: np.ndarray, scene: Scene, camera: PinholeCamera) -> None:
    """A panorama that turns with the car; it ends at the horizon."""
    rows = min(max(int(math.ceil(camera.horizon_px)) + 2, 0), camera.height_px)
    if rows == 0:
        return
    kind = "rain" if scene.weather == "rain" and scene.light == "day" else scene.light
    panorama = _panorama(kind, round(2 * math.pi * camera.fx))
    turn = (scene.own.heading_rad + camera.yaw) % (2 * math.pi)
    first = int(-turn * camera.fx) % panorama.shape[1]
    bottom = panorama.shape[0]
    horizon = rows - 2
    used = panorama[max(bottom - horizon, 0) : bottom]
    done = 0
    while done < camera.width_px:  # round the seam
        part = used[:, first : first + camera.width_px - done]
        canvas[horizon - len(part) : horizon, done : done + part.shape[1]] = part
        done, first = done + part.shape[1], 0
    canvas[: horizon - len(used)] = panorama[0, 0]
    canvas[horizon:rows] = SKY[kind][1]


@lru_cache(maxsize=8)
def _panorama(kind: str, width: int) -> np.ndarray:
    """Sky with clouds and far hills, all around; the last row is the horizon."""
    noise = np.random.default_rng(3)
    height = max(width // 12, 40)
    top, bottom = (np.array(c, np.float32) for c in SKY[kind])
    up = (np.linspace(1, 0, height, dtype=np.float32) ** 0.8)[:, None, None]
    sky = bottom + up * (top - bottom) + np.zeros((height, width, 3), np.float32)
    clouds = np.zeros((height, width), np.float32)
    for size, weight in ((90, 1.0), (35, 0.6), (12, 0.3)):
        small = noise.standard_normal((max(height * 2 // size, 3) + 2, max(width // (2 * size), 4))).astype(
            np.float32
        )
        small[:, -1] = small[:, 0]  # it closes
        clouds += weight * cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    cover = np.clip(clouds * 0.5, 0, 1)[..., None] * (0.75 if kind == "day" else 0.3)
    sky += cover * (np.clip(bottom * 1.06, 0, 255) - sky)
    around = np.linspace(0, 2 * math.pi, width, endpoint=False)
    for tall, phase, share in ((0.10, 0.3, 0.55), (0.055, 2.0, 0.75)):
        ridge = sum(np.sin(k * around + phase * k * k) / k for k in range(3, 40, 2)) + 1.3
        line = height - 1 - np.clip(ridge, 0.2, 3.0) * tall * height * 0.5
        hill = np.arange(height)[:, None] >= line[None, :]
        colour = bottom * (1 - share) + share * np.array([86, 100, 84], np.float32) * (AMBIENT.get(kind, 0.8))
        sky[hill] = colour
    if kind == "night":
        for u, v, bright in zip(
            noise.integers(0, width, 150),
            noise.integers(0, height * 3 // 4, 150),
            noise.uniform(40, 150, 150),
            strict=True,
        ):
            sky[v, u] += bright
    return np.clip(sky, 0, 255).astype(np.uint8)


def _ground(canvas: np.ndarray, scene: Scene, camera: PinholeCamera, ground: GroundMap) -> None:
    wet = scene.weather == "rain"
    first = ground.first_row
    if first >= camera.height_px:
        return
    near, far = float(ground.along[-1].min()), scene.own.along_m + 380.0
    towns = [t for t in scene.road.towns if t[0] < far and t[1] > near]
    if len(towns) == 1 and towns[0][0] <= near and towns[0][1] >= far:
        canvas[first:] = sample(ground, surface_of(scene.road, True, wet), camera)
    else:
        canvas[first:] = sample(ground, surface_of(scene.road, False, wet), camera)
        for start, end in towns:
            inside = ((ground.along >= start) & (ground.along <= end)).astype(np.uint8)
            rows = np.flatnonzero(inside.any(axis=1))
            if len(rows):
                top, stop = int(rows[0]), int(rows[-1]) + 1
                some = GroundMap(
                    top, ground.along[top:stop], ground.across[top:stop], ground.forward[top:stop]
                )
                built = sample(some, surface_of(scene.road, True, wet), camera)
                cv2.copyTo(built, inside[top:stop], canvas[first + top : first + stop])


def _crossings(canvas: np.ndarray, scene: Scene, camera: PinholeCamera) -> None:
    road = scene.road
    lanes = road.lanes_forward + road.lanes_oncoming
    for along in road.crossings_m:
        if not -5.0 < along - scene.own.along_m < 120.0:
            continue
        for left in np.arange(-road.lane_width_m / 2 + 0.2, (lanes - 0.5) * road.lane_width_m - 0.4, 0.9):
            at = [(along - 2, left), (along - 2, left + 0.45), (along + 2, left + 0.45), (along + 2, left)]
            corners = np.array([(*road.at(s, d)[:2], 0.0) for s, d in at])
            _fill_seen(canvas, camera.camera(corners), camera, (208, 212, 214))


@lru_cache(maxsize=8)
def _ground_light(light: str, camera: PinholeCamera) -> np.ndarray:
    """(H, W, 3) uint8: 255 where the ground is as bright as by day."""
    rows = np.arange(camera.height_px) + 0.5
    columns = np.arange(camera.width_px) + 0.5
    down = (rows - camera.cy) / camera.fy
    sinking = np.maximum(math.sin(camera.pitch) + down * math.cos(camera.pitch), 1e-3)
    forward = (camera.height_m / sinking)[:, None]
    aside = (columns[None, :] - camera.cx) / camera.fx * forward
    beam = np.exp(-((aside / (1.8 + 0.22 * forward)) ** 2)) * np.exp(-np.maximum(forward - 8, 0) / 32.0)
    beam *= np.clip((forward - 1.0) / 7.0, 0.25, 1.0)
    value = AMBIENT[light] + (0.8 if light == "night" else 0.25) * beam
    tint = np.array([1.0, 1.0, 1.0] if light == "night" else [1.0, 0.98, 1.06])
    return np.clip(value[..., None] * tint * 255, 0, 255).astype(np.uint8)


def _light_the_ground(canvas: np.ndarray, scene: Scene, camera: PinholeCamera, ground: GroundMap) -> None:
    first = ground.first_row
    if first >= camera.height_px:
        return
    part = canvas[first:]
    if scene.light != "day":
        cv2.multiply(part, _ground_light(scene.light, camera)[first:], dst=part, scale=1 / 255)
    air = np.array(
        SKY["rain" if scene.weather == "rain" and scene.light == "day" else scene.light][1], np.float32
    )
    share = 1.0 - np.exp(-ground.forward / (220.0 if scene.weather == "rain" else 700.0))
    hazy = int(np.searchsorted(-ground.forward, -40.0))  # rows further than 40 m
    if hazy:
        w = share[:hazy, None, None].astype(np.float32)
        part[:hazy] = (part[:hazy] * (1 - w) + air * w).astype(np.uint8)
    canvas[first - 1 if first else 0 : first] = air.astype(np.uint8)


def _hash(i: int, salt: int) -> float:
    """A number of 0..1 that belongs to place i."""
    return (((i * 2654435761 + salt * 40503) ^ (i << 7)) * 2246822519 % 4294967296) / 4294967296


def roadside(scene: Scene) -> list[tuple[float, Roadside]]:
    """(distance, thing) of the trees, houses and posts in sight."""
    road = scene.road
    lanes = road.lanes_forward + road.lanes_oncoming
    right, left = -road.lane_width_m / 2 - 0.6, (lanes - 0.5) * road.lane_width_m + 0.6
    here = scene.own.along_m
    found: list[tuple[str, int, float, float]] = []  # metres along, metres left
    for i in range(int((here + 2) // 14), int((here + 190) // 14)):
        along = i * 14.0 + 5.0
        town = any(a <= along <= b for a, b in road.towns)
        for side, edge, out in ((0, left, 1.0), (1, right, -1.0)):
            seed = 2 * i + side
            if town:
                found.append(("house", seed, along, edge + out * (5.0 + 2 * _hash(seed, 5))))
                if i % 2 == side:
                    found.append(("lamp", seed, along + 4, edge + out * 0.8))
            elif _hash(seed, 1) < 0.62:
                away = 3.5 + 9.0 * _hash(seed, 2)
                found.append(("tree", seed, along + 8 * _hash(seed, 3), edge + out * away))
            if not town and i % 3 == 0:
                found.append(("post", seed, along, edge + out * 0.5))
    if not found:
        return []
    s, x, y, psi = road.centre.T
    alongs, lefts = np.array([thing[2] for thing in found]), np.array([thing[3] for thing in found])
    turn = np.interp(alongs, s, psi)
    xs = np.interp(alongs, s, x) - lefts * np.sin(turn)
    ys = np.interp(alongs, s, y) + lefts * np.cos(turn)
    placed_at = zip(found, xs.tolist(), ys.tolist(), turn.tolist(), strict=True)
    return [(math.hypot(px, py), (kind, seed, px, py, to)) for (kind, seed, _, _), px, py, to in placed_at]


def _draw_roadside(
    canvas: np.ndarray, thing: Roadside, scene: Scene, camera: PinholeCamera, flat: bool
) -> None:
    kind, seed, x, y, heading = thing
    if x - camera.position[0] < 1.0:
        return
    lit = _lit(scene, x, abs(y)) * (1.0 if scene.light != "night" else 0.6)

    def tone(colour: tuple[int, int, int], k: float = 1.0) -> tuple[float, ...]:
        return (0.0,) if flat else _hazy(tuple(c * k * lit for c in colour), scene, x)

    if kind == "house":
        _house(canvas, seed, (x, y, heading), camera, scene, tone)
        return
    foot = camera.camera(np.array([[x, y, 0.0], [x, y, 1.0]]))
    if foot[:, 2].min() < 1.0:
        return
    (u, v), (_, v1) = camera.pixels(foot)
    m = v - v1  # px of a metre there
    if m < 0.5 or not -8 * m < u < camera.width_px + 8 * m:
        return
    if kind == "tree":
        tall = 4.0 + 5.0 * _hash(seed, 4)
        fill(
            canvas,
            np.array(
                [
                    (u - 0.16 * m, v),
                    (u + 0.16 * m, v),
                    (u + 0.1 * m, v - 0.5 * tall * m),
                    (u - 0.1 * m, v - 0.5 * tall * m),
                ]
            ),
            tone((52, 66, 80)),
        )
        green = ((40, 84, 62), (48, 98, 78), (36, 72, 60))[seed % 3]
        for k in range(5):
            du, dv = (_hash(seed, 10 + k) - 0.5) * 0.42 * tall, 0.55 + 0.38 * _hash(seed, 20 + k)
            r = (0.17 + 0.08 * _hash(seed, 30 + k)) * tall * m
            centre = (round((u + du * m - 0.5) * 16), round((v - dv * tall * m - 0.5) * 16))
            cv2.circle(
                canvas,
                centre,
                round(r * 16),
                tone(green, 0.75 + 0.11 * k),
                -1,
                cv2.LINE_8 if flat else cv2.LINE_AA,
                SHIFT,
            )
    elif kind == "post":
        for z0, z1, colour in (
            (0.0, 0.75, (205, 208, 210)),
            (0.75, 0.9, (40, 38, 40)),
            (0.9, 1.0, (205, 208, 210)),
        ):
            fill(
                canvas,
                np.array(
                    [
                        (u - 0.06 * m, v - z0 * m),
                        (u + 0.06 * m, v - z0 * m),
                        (u + 0.06 * m, v - z1 * m),
                        (u - 0.06 * m, v - z1 * m),
                    ]
                ),
                tone(colour),
            )
    else:
        fill(
            canvas,
            np.array(
                [(u - 0.08 * m, v), (u + 0.08 * m, v), (u + 0.05 * m, v - 6 * m), (u - 0.05 * m, v - 6 * m)]
            ),
            tone((96, 98, 98)),
        )
        over = 1.6 * m * (1 if y < 0 else -1)
        fill(
            canvas,
            np.array([(u, v - 6 * m), (u + over, v - 6.3 * m), (u + over, v - 6.15 * m), (u, v - 5.85 * m)]),
            tone((96, 98, 98)),
        )
        if scene.light != "day" and not flat:
            centre = (round((u + over - 0.5) * 16), round((v - 6.15 * m - 0.5) * 16))
            cv2.circle(
                canvas, centre, round(max(0.22 * m, 0.6) * 16), (170, 225, 250), -1, cv2.LINE_AA, SHIFT
            )


def _in_sight(u: FloatArray, camera: PinholeCamera) -> bool:
    return bool(u.max() > 0 and u.min() < camera.width_px)


def _house(
    canvas: np.ndarray,
    seed: int,
    place: tuple[float, float, float],
    camera: PinholeCamera,
    scene: Scene,
    tone: Callable[..., tuple[float, ...]],
) -> None:
    x, y, heading = place
    side = 1.0 if y > 0 else -1.0
    long_m, deep_m, tall = 12.0, 9.0, 5.5 + 9.0 * _hash(seed, 6)
    c, s = math.cos(heading), math.sin(heading)

    def at(along: float, away: float, up: float) -> tuple[float, float, float]:
        return x + along * c - side * away * s, y + along * s + side * away * c, up

    wall = ((176, 190, 204), (150, 168, 190), (190, 196, 200), (120, 142, 176), (168, 178, 178))[seed % 5]
    end = np.array([at(-6, 0, 0), at(-6, deep_m, 0), at(-6, deep_m, tall), at(-6, 0, tall)])
    front = np.array([at(-6, 0, 0), at(6, 0, 0), at(6, 0, tall), at(-6, 0, tall)])
    seen = camera.camera(np.concatenate([end, front]))
    if seen[:, 2].max() < 2.0 or (
        seen[:, 2].min() > 1.0 and not _in_sight(camera.pixels(seen)[:, 0], camera)
    ):
        return
    _fill_seen(canvas, seen[:4], camera, tone(wall, 0.72))
    _fill_seen(canvas, seen[4:], camera, tone(wall, 0.92))
    if x > 110.0 or len(tone(wall)) == 1:
        return
    lit_up = scene.light != "day"
    corners, glows = [], []
    for floor in range(int(tall // 2.9)):
        for k in range(4):
            z, a = 1.1 + 2.9 * floor, -long_m / 2 + 1.0 + 2.8 * k
            corners += [
                at(a, -0.02, z),
                at(a + 1.5, -0.02, z),
                at(a + 1.5, -0.02, z + 1.4),
                at(a, -0.02, z + 1.4),
            ]
            glows.append(lit_up and _hash(seed * 64 + floor * 8 + k, 9) < 0.4)
    panes = camera.camera(np.array(corners)).reshape(-1, 4, 3)
    ahead = panes[:, :, 2].min(axis=1) > 1.0
    if not ahead.any():
        return
    px = _fixed(camera.pixels(panes[ahead].reshape(-1, 3))).reshape(-1, 4, 2)
    glowing = np.array(glows)[ahead]
    for some, colour in ((px[~glowing], tone((96, 84, 74))), (px[glowing], (96.0, 176.0, 214.0))):
        if len(some):
            cv2.fillPoly(canvas, list(some), colour, cv2.LINE_AA, SHIFT)


# ---------------------------------------------------------------- the camera


@lru_cache(maxsize=12)
def _noise(sigma: float, width: int, height: int) -> np.ndarray:
    """A field larger than the picture; its middle value is 16."""
    field = np.random.default_rng(11).normal(16.0, sigma, (height + 64, width + 64, 3))
    return np.clip(np.round(field), 0, 32).astype(np.uint8)


def _through_the_lens(canvas: np.ndarray, scene: Scene) -> np.ndarray:
    height, width = canvas.shape[:2]
    frame = round(scene.t_s * 1000)
    if scene.weather == "rain":
        _rain(canvas, frame, scene)
    sigma = {"day": 1.6, "dusk": 2.4, "night": 3.6}[scene.light]
    dx, dy = (frame * 7919) % 64, (frame * 104729 // 64) % 64
    cv2.add(canvas, _noise(sigma, width, height)[dy : dy + height, dx : dx + width], dst=canvas)
    cv2.subtract(canvas, (16, 16, 16, 0), dst=canvas)
    stamp(canvas)
    return canvas


def stamp(canvas: np.ndarray) -> None:
    """Says what this picture is, small, in the left top corner."""
    size = max(0.28, canvas.shape[1] / 640 * 0.34)
    at = (4, int(6 + 22 * size))
    cv2.putText(canvas, "SIMULATION", at, cv2.FONT_HERSHEY_SIMPLEX, size, (20, 20, 20), 2, cv2.LINE_AA)
    cv2.putText(canvas, "SIMULATION", at, cv2.FONT_HERSHEY_SIMPLEX, size, (235, 235, 235), 1, cv2.LINE_AA)


def _rain(canvas: np.ndarray, frame: int, scene: Scene) -> None:
    height, width = canvas.shape[:2]
    bright = {"day": 205, "dusk": 150, "night": 95}[scene.light]
    for k in range(90):
        h = _hash(frame * 90 + k, 77)
        u, v = int(h * 7919) % width, int(h * 104729) % height
        length = 6 + int(h * 1e6) % (height // 24 + 2)
        lean = (u - width / 2) / width * length * 0.8
        cv2.line(canvas, (u, v), (int(u + lean), v + length), (bright,) * 3, 1, cv2.LINE_AA)
