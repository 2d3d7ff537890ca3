"""SIMULATION: sky, ground, and what stands beside the road, in a road picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from edge.messages import FloatArray
from edge.sim.ground import GroundMap, sample, surface_of
from edge.sim.paint import AMBIENT, SHIFT, SKY, fill, fill_seen, fixed, hash_of, hazy, lit_at
from edge.sim.projection import PinholeCamera
from edge.sim.scene import Scene

Roadside = tuple[str, int, float, float, float]

"""Kind, seed, x_m, y_m and the road's heading_rad in our frame."""


def draw_sky(canvas: np.ndarray, scene: Scene, camera: PinholeCamera) -> None:
    """A panorama that turns with the car; it ends at the horizon."""
    rows = min(max(math.ceil(camera.horizon_px) + 2, 0), camera.height_px)
    if rows == 0:
        return
    kind = "rain" if scene.weather == "rain" and scene.light == "day" else scene.light
    horizon = rows - 2
    if horizon > 0:
        panorama = _panorama(kind)
        scale = panorama.shape[1] / (2 * math.pi * camera.fx)  # of a pixel of the picture
        wide, tall = round(camera.width_px * scale), min(max(round(horizon * scale), 1), len(panorama))
        turn = (scene.own.heading_rad + camera.yaw) % (2 * math.pi)
        first = int(-turn / (2 * math.pi) * panorama.shape[1]) % panorama.shape[1]
        used = panorama[-tall:, first : first + wide]
        if used.shape[1] < wide:  # round the seam
            used = np.concatenate([used, panorama[-tall:, : wide - used.shape[1]]], axis=1)
        shown = min(round(tall / scale), horizon)
        canvas[: horizon - shown] = panorama[0, 0]
        cv2.resize(used, (camera.width_px, shown), dst=canvas[horizon - shown : horizon])
    canvas[max(horizon, 0) : rows] = SKY[kind][1]


@lru_cache(maxsize=4)
def _panorama(kind: str) -> np.ndarray:
    """Sky with clouds and far hills, all around; the last row is the horizon."""
    noise = np.random.default_rng(3)
    width, height = 3600, 300
    top, bottom = (np.array(c, np.float32) for c in SKY[kind])
    up = (np.linspace(1, 0, height, dtype=np.float32) ** 0.8)[:, None, None]
    sky = bottom + up * (top - bottom) + np.zeros((height, width, 3), np.float32)
    clouds = np.zeros((height, width), np.float32)
    for size, weight in ((90, 1.0), (35, 0.6), (12, 0.3)):
        small = noise.standard_normal((height * 2 // size + 2, width // (2 * size))).astype(np.float32)
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


def draw_ground(canvas: np.ndarray, scene: Scene, camera: PinholeCamera, ground: GroundMap) -> None:
    """The road, with grass beside it or, in town, paving."""
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


def draw_crossings(canvas: np.ndarray, scene: Scene, camera: PinholeCamera) -> None:
    """The zebra crossings."""
    road = scene.road
    lanes = road.lanes_forward + road.lanes_oncoming
    for along in road.crossings_m:
        if not -5.0 < along - scene.own.along_m < 120.0:
            continue
        for left in np.arange(-road.lane_width_m / 2 + 0.2, (lanes - 0.5) * road.lane_width_m - 0.4, 0.9):
            at = [(along - 2, left), (along - 2, left + 0.45), (along + 2, left + 0.45), (along + 2, left)]
            corners = np.array([(*road.at(s, d)[:2], 0.0) for s, d in at])
            fill_seen(canvas, camera.camera(corners), camera, (208, 212, 214))


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


def light_the_ground(canvas: np.ndarray, scene: Scene, camera: PinholeCamera, ground: GroundMap) -> None:
    """Dusk and night, our head lamps, and the haze in the distance."""
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
                found.append(("house", seed, along, edge + out * (5.0 + 2 * hash_of(seed, 5))))
                if i % 2 == side:
                    found.append(("lamp", seed, along + 4, edge + out * 0.8))
            elif hash_of(seed, 1) < 0.62:
                away = 3.5 + 9.0 * hash_of(seed, 2)
                found.append(("tree", seed, along + 8 * hash_of(seed, 3), edge + out * away))
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


def draw_roadside(
    canvas: np.ndarray, thing: Roadside, scene: Scene, camera: PinholeCamera, flat: bool
) -> None:
    """One thing beside the road; flat: as 0 in a mask."""
    kind, seed, x, y, heading = thing
    if x - camera.position[0] < 1.0:
        return
    lit = lit_at(scene, x, abs(y)) * (1.0 if scene.light != "night" else 0.6)

    def tone(colour: tuple[int, int, int], k: float = 1.0) -> tuple[float, ...]:
        return (0.0,) if flat else hazy(tuple(c * k * lit for c in colour), scene, x)

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
        tall = 4.0 + 5.0 * hash_of(seed, 4)
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
            du, dv = (hash_of(seed, 10 + k) - 0.5) * 0.42 * tall, 0.55 + 0.38 * hash_of(seed, 20 + k)
            r = (0.17 + 0.08 * hash_of(seed, 30 + k)) * tall * m
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
    long_m, deep_m, tall = 12.0, 9.0, 5.5 + 9.0 * hash_of(seed, 6)
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
    fill_seen(canvas, seen[:4], camera, tone(wall, 0.72))
    fill_seen(canvas, seen[4:], camera, tone(wall, 0.92))
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
            glows.append(lit_up and hash_of(seed * 64 + floor * 8 + k, 9) < 0.4)
    panes = camera.camera(np.array(corners)).reshape(-1, 4, 3)
    ahead = panes[:, :, 2].min(axis=1) > 1.0
    if not ahead.any():
        return
    px = fixed(camera.pixels(panes[ahead].reshape(-1, 3))).reshape(-1, 4, 2)
    glowing = np.array(glows)[ahead]
    for some, colour in ((px[~glowing], tone((96, 84, 74))), (px[glowing], (96.0, 176.0, 214.0))):
        if len(some):
            cv2.fillPoly(canvas, list(some), colour, cv2.LINE_AA, SHIFT)
