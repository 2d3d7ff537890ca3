"""SIMULATION: what a road camera would see. The word is drawn in a corner of each picture.

Ground by ground.py, houses, trees and road users as polygons painted from far to near, all through the one
PinholeCamera, so that a point of the scene is where a real camera of that geometry would show it. The same
scene gives the same pixels anywhere: the only noise is a table shifted by the scene's time.
"""

from __future__ import annotations

import math

import numpy as np

from edge.config import Geometry
from edge.sim.ground import camera_of, ground_map
from edge.sim.lens import grain, rain, stamp
from edge.sim.projection import PinholeCamera
from edge.sim.road_users import draw_other
from edge.sim.scene import Other, Scene
from edge.sim.surroundings import (
    Roadside,
    draw_crossings,
    draw_ground,
    draw_roadside,
    draw_sky,
    light_the_ground,
    roadside,
)


def draw_road(scene: Scene, geometry: Geometry, width_px: int, height_px: int) -> np.ndarray:
    """(height_px, width_px, 3) uint8 BGR."""
    camera = camera_of(geometry, width_px, height_px)
    ground = ground_map(scene.road, camera)
    canvas = np.empty((height_px, width_px, 3), np.uint8)
    draw_sky(canvas, scene, camera)
    draw_ground(canvas, scene, camera, ground)
    draw_crossings(canvas, scene, camera)
    light_the_ground(canvas, scene, camera, ground)
    draw_things(canvas, scene, camera)
    frame = round(scene.t_s * 1000)
    if scene.weather == "rain":
        rain(canvas, frame, scene.light)
    canvas = grain(canvas, frame, {"day": 1.6, "dusk": 2.4, "night": 3.6}[scene.light])
    stamp(canvas)
    return canvas


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
            draw_roadside(canvas, thing, scene, camera, flat is not None)
