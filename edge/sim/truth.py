"""SIMULATION: what is really in the simulated pictures, from the same geometry that they were drawn with."""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np

from edge.config import Geometry
from edge.messages import FloatArray, read_only
from edge.sim.driver_picture import eyes_in_sight
from edge.sim.ground import camera_of, ground_map, line_left_m, sample, surface_of
from edge.sim.head import FACE_CENTRE_MM, FACE_RADII_MM, DriverLook, eye_centre, look_of, pose_of
from edge.sim.projection import PinholeCamera
from edge.sim.road_picture import draw_things, far_to_near
from edge.sim.road_users import draw_other, outline
from edge.sim.scenario import LineKind
from edge.sim.scene import DriverState, Other, Scene
from edge.sim.variety import random_driver, random_scene

__all__ = [
    "LABELS", "DriverTruth", "LineTruth", "ObjectTruth", "RoadTruth", "driver_truth", "random_driver",
    "random_scene", "road_labels", "road_truth",
]  # fmt: skip

LABELS = {"background": 0, "road": 1, "lane mark": 2, "vehicle": 3, "person": 4, "two-wheeler": 5}
Box = tuple[float, float, float, float]


class ObjectTruth(msgspec.Struct, frozen=True, kw_only=True):
    """One road user. box: left, top, right, bottom px of all of it, hidden parts too, clipped to the picture;
    distance_m: from our front to its nearest point, along our axis; lateral_m: of its middle, to the left
    positive; visible_ratio: the share of it that is in the picture and not hidden by others."""

    name: str
    kind: str
    box: Box
    distance_m: float
    lateral_m: float
    speed_mps: float
    visible_ratio: float


class LineTruth(msgspec.Struct, frozen=True, kw_only=True):
    """One lane line: points (M, 2) px from near to far; line: 0 the rightmost; side: of our own lane."""

    line: int
    kind: LineKind
    points: FloatArray
    side: Literal["left", "right", ""]


class RoadTruth(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a road camera; objects far to near."""

    objects: tuple[ObjectTruth, ...]
    lines: tuple[LineTruth, ...]


class DriverTruth(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a driver camera; signs as in messages.Face. *_eye: px of its middle."""

    box: Box
    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    left_eye_seen: bool
    right_eye_seen: bool
    left_eye_open: float
    right_eye_open: float
    head_yaw_deg: float
    head_pitch_deg: float
    head_roll_deg: float
    gaze_yaw_deg: float
    gaze_pitch_deg: float


def road_truth(scene: Scene, geometry: Geometry, width_px: int, height_px: int) -> RoadTruth:
    """The road users in the picture and the painted lines of the road."""
    camera = camera_of(geometry, width_px, height_px)
    numbers = np.zeros((height_px, width_px), np.uint8)
    draw_things(numbers, scene, camera, {o.name: i + 1 for i, o in enumerate(scene.others)})
    counts = np.bincount(numbers.ravel(), minlength=len(scene.others) + 1)
    index = {o.name: i + 1 for i, o in enumerate(scene.others)}
    objects = []
    for other in far_to_near(scene, camera):
        truth = _object(other, camera, int(counts[index[other.name]]), scene)
        if truth is not None:
            objects.append(truth)
    return RoadTruth(objects=tuple(objects), lines=_lines(scene, camera))


def _object(other: Other, camera: PinholeCamera, seen_px: int, scene: Scene) -> ObjectTruth | None:
    px = outline(other, camera)
    if not len(px):
        return None
    whole = np.concatenate([px.min(axis=0), px.max(axis=0)])
    size = np.array([camera.width_px, camera.height_px] * 2, float)
    box = np.clip(whole, 0, size)
    if box[2] - box[0] < 1.0 or box[3] - box[1] < 1.0:
        return None
    alone = np.zeros((camera.height_px, camera.width_px), np.uint8)
    draw_other(alone, other, scene, camera, 1)
    alone_px = int(np.count_nonzero(alone))
    inside = (box[2] - box[0]) * (box[3] - box[1]) / max((whole[2] - whole[0]) * (whole[3] - whole[1]), 1e-9)
    c, s = abs(math.cos(other.heading_rad)), abs(math.sin(other.heading_rad))
    return ObjectTruth(
        name=other.name,
        kind=other.kind,
        box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        distance_m=other.x_m - (other.length_m * c + other.width_m * s) / 2,
        lateral_m=other.y_m,
        speed_mps=other.speed_mps,
        visible_ratio=min(seen_px / alone_px, 1.0) * float(inside) if alone_px else 0.0,
    )


def _lines(scene: Scene, camera: PinholeCamera, far_m: float = 120.0) -> tuple[LineTruth, ...]:
    road, own = scene.road, scene.own
    own_lane = round(own.left_m / road.lane_width_m)
    along = (
        own.along_m
        - own.length_m / 2
        + np.concatenate([np.arange(0, 40, 0.5), np.arange(40, far_m + 1, 2.0)])
    )
    s, x, y, psi = road.centre.T
    at_x, at_y, turn = (np.interp(along, s, v) for v in (x, y, psi))
    found = []
    for k, kind in enumerate(road.lines):
        if kind == "none":
            continue
        left = line_left_m(road, k)
        points = np.column_stack(
            [at_x - left * np.sin(turn), at_y + left * np.cos(turn), np.zeros(len(along))]
        )
        px = camera.project(points)
        inside = (
            (px[:, 0] >= 0) & (px[:, 0] < camera.width_px) & (px[:, 1] >= 0) & (px[:, 1] < camera.height_px)
        )
        if inside.sum() < 2:
            continue
        side: Literal["left", "right", ""] = "right" if k == own_lane else "left" if k == own_lane + 1 else ""
        found.append(LineTruth(line=k, kind=kind, points=read_only(px[inside]), side=side))
    return tuple(found)


def road_labels(scene: Scene, geometry: Geometry, width_px: int, height_px: int) -> np.ndarray:
    """(height_px, width_px) uint8 of LABELS."""
    camera = camera_of(geometry, width_px, height_px)
    labels = np.zeros((height_px, width_px), np.uint8)
    ground = ground_map(scene.road, camera)
    road = scene.road
    first = ground.first_row
    if first < height_px:
        lanes = road.lanes_forward + road.lanes_oncoming
        right, left = line_left_m(road, 0) - 0.1, line_left_m(road, lanes) + 0.1
        part = labels[first:]
        on_road = (ground.across > right) & (ground.across < left)
        part[on_road] = LABELS["road"]
        marks = sample(ground, surface_of(road, False, False), camera, marks=True)
        part[(marks > 96) & on_road] = LABELS["lane mark"]
    values = {
        o.name: LABELS[
            "person"
            if o.kind == "person"
            else "two-wheeler"
            if o.kind in ("bicycle", "motorcycle")
            else "vehicle"
        ]
        for o in scene.others
    }
    draw_things(labels, scene, camera, values)
    return labels


def driver_truth(
    driver: DriverState, width_px: int, height_px: int, look: DriverLook | None = None
) -> DriverTruth | None:
    """The face in the picture; None when nobody is there. The box holds brow to chin, cheek to cheek."""
    if not driver.face:
        return None
    if look is None:
        look = look_of(driver.look)
    pose = pose_of(driver, look, width_px, height_px)
    middle = pose.px(FACE_CENTRE_MM[None])[0]
    radii = FACE_RADII_MM * [look.width_scale, 1.0, 1.0]
    half = np.sqrt(((pose.rotation * radii) ** 2).sum(axis=1)) * pose.px_per_mm
    left_eye, right_eye = pose.px(np.array([eye_centre(look, 1.0), eye_centre(look, -1.0)]))[:, :2]
    seen = eyes_in_sight(driver, width_px, height_px, look)
    return DriverTruth(
        box=(
            float(np.clip(middle[0] - half[0], 0, width_px)),
            float(np.clip(middle[1] - half[1], 0, height_px)),
            float(np.clip(middle[0] + half[0], 0, width_px)),
            float(np.clip(middle[1] + half[1], 0, height_px)),
        ),
        left_eye=(float(left_eye[0]), float(left_eye[1])),
        right_eye=(float(right_eye[0]), float(right_eye[1])),
        left_eye_seen=seen[0],
        right_eye_seen=seen[1],
        left_eye_open=driver.left_eye_open,
        right_eye_open=driver.right_eye_open,
        head_yaw_deg=driver.head_yaw_deg,
        head_pitch_deg=driver.head_pitch_deg,
        head_roll_deg=driver.head_roll_deg,
        gaze_yaw_deg=driver.gaze_yaw_deg,
        gaze_pitch_deg=driver.gaze_pitch_deg,
    )
