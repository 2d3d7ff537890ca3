"""SIMULATION: what a driver camera would see. The word is drawn in a corner of each picture.

The head of head.py is cast pixel by pixel (parallel rays on ellipsoids, Lambert's law); its features are
drawn as curves of its surface, turned by the same pose. At night the light is infrared from the camera: grey.
The same driver and look give the same pixels anywhere.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from edge.messages import FloatArray
from edge.sim.cabin import SHIFT, cabin, curve, dim, draw_belt, fill, fixed_points
from edge.sim.head import (
    EYEBALL_MM,
    PIVOT_MM,
    Colour,
    DriverLook,
    Pose,
    eye_centre,
    eye_lids,
    look_of,
    on_face,
    pose_of,
    solids,
)
from edge.sim.lens import grain, stamp
from edge.sim.scene import DriverState


def draw_driver(
    driver: DriverState, width_px: int, height_px: int, look: DriverLook | None = None
) -> np.ndarray:
    """(height_px, width_px, 3) uint8 BGR; look: by default the one of driver.look."""
    if look is None:
        look = look_of(driver.look)
    canvas = cabin(look, width_px, height_px, driver.face).copy()
    if driver.face:
        pose = pose_of(driver, look, width_px, height_px)
        if look.hair_style == 1:
            _long_hair(canvas, pose, look)
        _neck(canvas, pose, look)
        depth = _cast(canvas, pose, look)
        _features(canvas, driver, pose, look, depth)
        if look.belt:
            draw_belt(canvas, look)
    return _through_the_lens(canvas, driver, look)


def _neck(canvas: np.ndarray, pose: Pose, look: DriverLook) -> None:
    jaw = pose.px(np.array([(-46.0, -60, -20), (46.0, -60, -20)]))[:, :2]
    base = pose.pivot_px + np.array([(60.0, 80), (-60.0, 80)]) * pose.px_per_mm
    tone = 0.55 + 0.25 * look.ambient
    fill(canvas, np.concatenate([jaw, base]), dim(look.skin, tone))


def _long_hair(canvas: np.ndarray, pose: Pose, look: DriverLook) -> None:
    t = np.linspace(0, 2 * math.pi, 28, endpoint=False)
    y = 110 * np.sin(t)
    out = np.column_stack(
        [
            (88 + 16 * (y < 0) * -y / 110) * look.width_scale * np.cos(t),
            y - 20 - 60 * (y < 0) * -y / 110,
            np.full(28, -40.0),
        ]
    )
    fill(canvas, pose.px(out), dim(look.hair, 0.45 + 0.4 * look.ambient))


def _cast(canvas: np.ndarray, pose: Pose, look: DriverLook) -> FloatArray:
    """Paint the solids; returns (H, W) mm towards the camera of what was hit, -inf elsewhere."""
    height, width = canvas.shape[:2]
    depth = np.full((height, width), -np.inf, np.float32)
    middle = pose.px(np.array([[0.0, 0.0, 0.0]]))[0]
    reach = 140.0 * pose.px_per_mm
    x0, x1 = max(int(middle[0] - reach), 0), min(int(middle[0] + reach) + 1, width)
    y0, y1 = max(int(middle[1] - reach), 0), min(int(middle[1] + reach) + 1, height)
    if x1 <= x0 or y1 <= y0:
        return depth
    right = ((np.arange(x0, x1) + 0.5 - pose.pivot_px[0]) / pose.px_per_mm).astype(np.float32)[None, :]
    up = (-(np.arange(y0, y1) + 0.5 - pose.pivot_px[1]) / pose.px_per_mm).astype(np.float32)[:, None]
    best = depth[y0:y1, x0:x1]
    light = np.array(look.light) / np.linalg.norm(look.light)
    area = canvas[y0:y1, x0:x1]
    bright = np.zeros(best.shape, np.float32)
    albedo = np.zeros((*best.shape, 3), np.float32)
    turn = pose.rotation
    for part in solids(look):
        box = _bounds(part.centre, part.radii, pose, (x0, y0, x1, y1))
        if box is None:
            continue
        rows, columns = box
        r_, u_ = right[:, columns], up[rows]
        scaled = (turn / part.radii).T.astype(np.float32)  # camera vector -> unit sphere
        start = -((part.centre - PIVOT_MM) / part.radii).astype(np.float32)
        q = [scaled[i, 0] * r_ + scaled[i, 1] * u_ + start[i] for i in range(3)]
        ray = scaled[:, 2]
        a = float(ray @ ray)
        inverse = 1.0 / a
        b = q[0] * ray[0] + q[1] * ray[1] + q[2] * ray[2]
        c = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] - 1.0
        inside = b * b - a * c
        hit = inside > 0
        z = (np.sqrt(np.maximum(inside, 0)) - b) * inverse
        unit = [q[i] + z * ray[i] for i in range(3)]
        head = [unit[i] * float(part.radii[i]) + float(part.centre[i]) for i in range(3)]
        colour: FloatArray | Colour = look.skin
        if part.material == "hair":
            line = (
                look.hairline_mm - 0.010 * head[0] ** 2 * (head[0] ** 2 < 3600) + 3.0 * np.sin(head[0] * 0.35)
            )
            side = (head[2] < -4.0) & (head[1] > -30.0 - (90.0 if look.hair_style == 1 else 0.0))
            hit &= ((head[1] > line) & (head[1] > 18.0)) | side
            colour = look.hair if look.hair_style != 3 else look.shirt
        if part.material == "cap":
            colour = dim(look.shirt, 0.8)
        front = hit & (z > best[rows, columns])
        if not front.any():
            continue
        to_light = (light @ turn) / part.radii  # the light in head frame, onto the gradient
        normal = [unit[i] * float(1.0 / part.radii[i]) for i in range(3)]
        length = np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2])
        lambert = unit[0] * float(to_light[0]) + unit[1] * float(to_light[1]) + unit[2] * float(to_light[2])
        lambert /= np.maximum(length, 1e-6)
        value = look.ambient + (1.05 - look.ambient) * np.maximum(lambert, 0)
        if part.material == "hair":
            value = value * (0.9 + 0.14 * np.sin(head[0] * 0.9 + 0.25 * head[1]) * np.cos(head[1] * 0.11))
        best[rows, columns][front] = z[front]
        bright[rows, columns][front] = value[front]
        tone = albedo[rows, columns]
        tone[front] = np.array(colour, np.float32)
        if part.material == "skin" and look.beard > 0 and part.centre[1] < -25:
            cover = np.clip((-52.0 - head[1] + 0.012 * head[0] ** 2) / 16.0, 0, 1) * look.beard
            cover *= 1.0 - np.exp(-((head[0] / 22) ** 2 + ((head[1] + 62) / 9) ** 2)) * 0.8
            w = np.where(front, cover, 0.0)[..., None].astype(np.float32)
            tone += w * (np.array(look.hair, np.float32) - tone)
        elif part.material == "skin" and part.centre[1] > -25 and part.radii[1] > 50:
            flush = np.exp(-(((np.abs(head[0]) - 42) / 16) ** 2) - ((head[1] + 30) / 16) ** 2) * front * 0.10
            tone[..., 0] *= 1 - flush
    mask = best > -np.inf
    # flesh has no edges where two solids meet
    reach_px = 2.2 * pose.px_per_mm
    share = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), reach_px)
    softened = cv2.GaussianBlur(bright, (0, 0), reach_px) / np.maximum(share, 1e-3)
    painted = np.clip(albedo * softened[..., None], 0, 255)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0)[..., None]
    filled = np.where(mask[..., None], painted, area)
    area[:] = (filled * soft + area * (1 - soft)).astype(np.uint8)
    return depth


def _bounds(
    centre: FloatArray, radii: FloatArray, pose: Pose, area: tuple[int, int, int, int]
) -> tuple[slice, slice] | None:
    """Rows and columns, within the area, that an ellipsoid can touch."""
    x0, y0, x1, y1 = area
    at = pose.px(centre[None])[0]
    half = np.sqrt(((pose.rotation * radii) ** 2).sum(axis=1)) * pose.px_per_mm + 1
    left, right = max(int(at[0] - half[0]), x0), min(int(at[0] + half[0]) + 1, x1)
    top, bottom = max(int(at[1] - half[1]), y0), min(int(at[1] + half[1]) + 1, y1)
    if right <= left or bottom <= top:
        return None
    return slice(top - y0, bottom - y0), slice(left - x0, right - x0)


def _light_at(look: DriverLook, pose: Pose, normal: tuple[float, float, float]) -> float:
    """How bright skin with that normal of the head frame is."""
    light = np.array(look.light) / np.linalg.norm(look.light)
    n = pose.rotation @ (np.array(normal) / np.linalg.norm(normal))
    return look.ambient + (1.05 - look.ambient) * max(float(n @ light), 0.0)


def _seen(px: FloatArray, depth: FloatArray, slack_mm: float = 9.0) -> bool:
    """Whether a point of the surface is in front of all that was cast."""
    x, y = int(px[0]), int(px[1])
    return 0 <= y < depth.shape[0] and 0 <= x < depth.shape[1] and bool(px[2] > depth[y, x] - slack_mm)


def eyes_in_sight(driver: DriverState, width_px: int, height_px: int, look: DriverLook) -> tuple[bool, bool]:
    """Whether the driver's left and right eye are drawn: neither turned away nor behind the nose."""
    pose = pose_of(driver, look, width_px, height_px)
    depth = _cast(np.zeros((height_px, width_px, 3), np.uint8), pose, look)
    return _eye_seen(1.0, pose, look, depth), _eye_seen(-1.0, pose, look, depth)


def _eye_seen(side: float, pose: Pose, look: DriverLook, depth: FloatArray) -> bool:
    facing = float((pose.rotation @ np.array([side * 0.35, 0.0, 0.94]))[2])
    return facing >= 0.12 and _seen(pose.px(eye_centre(look, side)[None])[0], depth, 12.0)


def _features(
    canvas: np.ndarray, driver: DriverState, pose: Pose, look: DriverLook, depth: FloatArray
) -> None:
    k = pose.px_per_mm
    frontal = float(pose.rotation[2, 2])
    if frontal > 0.05:
        _mouth(canvas, driver, pose, look, depth)
        for side in (-1.0, 1.0):
            nostril = pose.px(np.array([[side * 7.0 * look.nose_scale, -43.0, 96.0]]))[0]
            if _seen(nostril, depth, 6.0):
                at = fixed_points(nostril[None])[0]
                cv2.circle(
                    canvas,
                    tuple(int(v) for v in at),
                    max(int(2.6 * k * 16), 10),
                    dim(look.skin, 0.38),
                    -1,
                    cv2.LINE_AA,
                    SHIFT,
                )
    for side, openness in ((1.0, driver.left_eye_open), (-1.0, driver.right_eye_open)):
        centre = eye_centre(look, side)
        if not _eye_seen(side, pose, look, depth):
            continue
        tone = _light_at(look, pose, (side * 0.35, 0.1, 0.94))
        _brow(canvas, side, pose, look, tone)
        _eye(canvas, driver, side, openness, centre, pose, look, tone)
    if look.glasses:
        _glasses(canvas, pose, look, depth)


def _eye(
    canvas: np.ndarray, driver: DriverState, side: float, openness: float, centre: FloatArray, pose: Pose,
    look: DriverLook, tone: float,
) -> None:  # fmt: skip
    k = pose.px_per_mm
    upper, lower = eye_lids(look, side, openness)
    widest, _ = eye_lids(look, side, 1.0)
    top = pose.px(on_face(look, upper))[:, :2]
    low = pose.px(on_face(look, lower))[:, :2]
    crease = widest.copy()
    crease[:, 1] += 2.6
    socket = np.concatenate([pose.px(on_face(look, crease))[:, :2], low[::-1]])
    fill(canvas, socket, dim(look.skin, min(tone, 1.0) * 0.86))  # the lid
    outline = np.concatenate([top, low[::-1]])
    lash = dim(look.hair, 0.45)
    if openness > 0.04:
        left, up = np.floor(outline.min(axis=0)).astype(int) - 2
        right, down = np.ceil(outline.max(axis=0)).astype(int) + 3
        left, up = max(left, 0), max(up, 0)
        part = canvas[up:down, left:right]
        if part.size:
            eye = np.empty_like(part)
            eye[:] = np.clip(np.array([214, 218, 226]) * min(tone, 1.05) * 0.97, 0, 255)
            gaze = np.radians([driver.gaze_yaw_deg, driver.gaze_pitch_deg])
            towards = np.array(
                [
                    math.sin(gaze[0]) * math.cos(gaze[1]),
                    math.sin(gaze[1]),
                    math.cos(gaze[0]) * math.cos(gaze[1]),
                ]
            )
            # the ball sits behind the lids; it turns by the gaze, in the camera's frame
            ball = pose.rotation @ (centre - PIVOT_MM - np.array([side * 1.0, -0.5, EYEBALL_MM - 1.5]))
            iris = ball + towards * EYEBALL_MM
            at = pose.pivot_px + k * np.array([iris[0], -iris[1]]) - [left, up]
            point = tuple(int(v) for v in np.round((at - 0.5) * 16))
            for radius, colour in (
                (6.3, dim(look.iris, 0.5)), (5.5, look.iris), (2.7, (12.0, 12.0, 12.0)),
            ):  # fmt: skip
                shade = colour if radius < 3 else dim(colour, min(tone, 1.0))
                cv2.circle(
                    eye, point, round(radius * look.eye_scale**0.5 * k * 16), shade, -1, cv2.LINE_AA, SHIFT
                )
            glint = tuple(int(v) for v in np.round((at + np.array([1.6 * k, -1.9 * k]) - 0.5) * 16))
            cv2.circle(eye, glint, max(round(1.2 * k * 16), 6), (250, 250, 250), -1, cv2.LINE_AA, SHIFT)
            mask = np.zeros(part.shape[:2], np.uint8)
            fill(mask, outline - [left, up], (255,))
            w = mask[..., None].astype(np.float32) / 255
            shadow = part * (1 - w) + eye * w
            part[:] = shadow.astype(np.uint8)
    curve(canvas, top, lash, (2.3 if openness > 0.1 else 1.8) * k)
    curve(canvas, low, dim(look.skin, 0.55 * min(tone, 1.0)), 1.0 * k)
    if openness > 0.3:
        curve(canvas, pose.px(on_face(look, crease))[:, :2], dim(look.skin, 0.6 * min(tone, 1.0)), 0.9 * k)


def _brow(canvas: np.ndarray, side: float, pose: Pose, look: DriverLook, tone: float) -> None:
    t = np.linspace(0, 1, 7)
    x = side * look.width_scale * (13.0 + 40.0 * t)
    y = 20.0 + 7.0 * np.sin(math.pi * (0.15 + 0.7 * t)) - 1.5 * t
    thick = look.brow_mm * (1.0 - 0.65 * t)
    upper = on_face(look, np.column_stack([x, y + thick]), 3.0)
    lower = on_face(look, np.column_stack([x, y - thick]), 3.0)
    colour = dim(look.hair, 0.4 + 0.35 * min(tone, 1.0))
    fill(canvas, pose.px(np.concatenate([upper, lower[::-1]])), colour)


def _mouth(canvas: np.ndarray, driver: DriverState, pose: Pose, look: DriverLook, depth: FloatArray) -> None:
    middle = pose.px(on_face(look, np.array([[0.0, -66.0]])))[0]
    if not _seen(middle, depth, 14.0):
        return
    t = np.linspace(-1, 1, 11)
    opened = 22.0 * min(max(driver.mouth_open, 0.0), 1.0)
    x = (25.0 - 0.25 * opened) * t
    line = -66.0 - 1.2 * np.cos(2.2 * t) - 0.35 * opened
    bow = (5.0 - 1.4 * np.exp(-((t / 0.16) ** 2))) * (1 - t**2) ** 0.7
    tone = _light_at(look, pose, (0.0, -0.2, 1.0))
    lip = tuple(c * min(tone, 1.0) for c in (look.skin[0] * 0.62, look.skin[1] * 0.62, look.skin[2] * 0.84))
    top = line + opened * 0.5 * (1 - t**2)
    low = line - opened * 0.8 * (1 - t**2)

    def strip(above: FloatArray, below: FloatArray) -> FloatArray:
        a = on_face(look, np.column_stack([x, above]), 2.0)
        b = on_face(look, np.column_stack([x, below]), 2.0)
        return pose.px(np.concatenate([a, b[::-1]]))

    fill(canvas, strip(top + bow, top), lip)
    fill(canvas, strip(low, low - 6.5 * (1 - t**2) ** 0.7), tuple(min(c * 1.08, 255) for c in lip))
    if opened > 1.0:
        fill(canvas, strip(top, low), (30, 22, 48))
        fill(canvas, strip(top, np.maximum(top - 4.0, low)), (206, 210, 214))
    else:
        seam = on_face(look, np.column_stack([x, line]), 2.2)
        curve(canvas, pose.px(seam), dim(look.skin, 0.36), 1.3 * pose.px_per_mm)


def _glasses(canvas: np.ndarray, pose: Pose, look: DriverLook, depth: FloatArray) -> None:
    k = pose.px_per_mm
    colour = (36, 34, 34) if look.seed % 2 else (78, 88, 104)
    width = (1.6 if look.glasses == 1 else 3.6) * k
    turn = np.linspace(0, 2 * math.pi, 24)
    ring = (
        np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.75,
        np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.75,
    )
    z = float(eye_centre(look, 1.0)[2]) + 14.0
    x0 = 33.0 * look.width_scale
    for side in (-1.0, 1.0):
        rim = np.column_stack(
            [side * x0 + 25.0 * ring[0], 1.0 + 18.0 * ring[1], z - 0.10 * np.abs(25.0 * ring[0] * side + 25)]
        )
        px = pose.px(rim)
        if _seen(px.mean(axis=0), depth, 12.0):
            curve(canvas, px, colour, width)
        hinge = np.array([[side * (x0 + 25), 5.0, z - 5.0], [side * 79.0 * look.width_scale, 6.0, -8.0]])
        if float((pose.rotation @ np.array([side, 0.0, 0.35]))[2]) > 0.0:
            curve(canvas, pose.px(hinge), colour, width)
    bridge = np.array([[-8.5, 5.0, z + 1], [0.0, 7.5, z + 3], [8.5, 5.0, z + 1]])
    if _seen(pose.px(bridge).mean(axis=0), depth, 20.0):
        curve(canvas, pose.px(bridge), colour, width)


@lru_cache(maxsize=12)
def _lamp(look: DriverLook, width: int, height: int) -> np.ndarray:
    """The spot of the infrared lamp, (H, W) uint8."""
    x = (np.arange(width) / width - look.place[0]) * 1.1
    y = np.arange(height) / height - look.place[1] - 0.05
    r = x[None, :] ** 2 + y[:, None] ** 2
    return np.clip(255 * (0.18 + 0.82 * np.exp(-r / 0.11)), 0, 255).astype(np.uint8)


def _through_the_lens(canvas: np.ndarray, driver: DriverState, look: DriverLook) -> np.ndarray:
    height, width = canvas.shape[:2]
    gain = look.gain * (0.62 if driver.light == "dusk" else 1.0)
    if driver.light == "night":
        grey = cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY)
        grey = cv2.multiply(grey, _lamp(look, width, height), scale=1.25 / 255)
        canvas = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    if gain != 1.0 or look.contrast != 1.0:
        canvas = cv2.convertScaleAbs(
            canvas, alpha=gain * look.contrast, beta=90.0 * (1.0 - look.contrast) * gain
        )
    if look.blur > 0:
        canvas = cv2.GaussianBlur(canvas, (0, 0), look.blur * height / 240)
    sigma = look.noise * (1.6 if driver.light == "night" else 1.0)
    canvas = grain(canvas, round(driver.t_s * 1000) + look.seed, sigma)
    stamp(canvas)
    return canvas
