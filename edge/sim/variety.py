"""SIMULATION: many different moments, for training and for tests; each belongs to its seed."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from edge.config import Geometry
from edge.sim.head import DriverLook, look_of
from edge.sim.scenario import OwnSpec, RoadPiece, RoadSpec, Scenario, TownPart, VehicleSpec, WalkerSpec
from edge.sim.scene import DriverState, Scene
from edge.sim.world import World

_COLOURS = ("white", "silver", "grey", "black", "red", "blue", "green", "yellow")


def random_scene(seed: int) -> tuple[Scene, Geometry]:
    """A moment on some road, and some camera that looks at it."""
    r = np.random.default_rng(seed)
    lanes = int(r.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))
    oncoming = int(r.choice([0, lanes]))
    width_m = float(r.uniform(3.0, 3.9))
    bend = float(r.choice([0.0, r.normal(0, 0.0025), r.normal(0, 0.006)]))
    start_m = float(r.uniform(30, 90))
    built = (TownPart(from_m=-100.0, to_m=2000.0, crossings_m=(float(r.uniform(20, 80)),)),)
    road = RoadSpec(
        lanes_forward=lanes,
        lanes_oncoming=oncoming,
        lane_width_m=width_m,
        lines=_lines(r, lanes, oncoming),
        pieces=(
            RoadPiece(
                length_m=start_m,
                curvature_per_m=0.0 if r.uniform() < 0.5 else float(np.clip(bend, -0.012, 0.012)),
            ),
            RoadPiece(
                length_m=float(r.uniform(100, 300)), curvature_per_m=float(np.clip(bend, -0.012, 0.012))
            ),
            RoadPiece(length_m=500.0, curvature_per_m=float(r.normal(0, 0.002))),
        ),
        towns=built if r.uniform() < 0.35 else (),
    )
    vehicles: list[VehicleSpec] = []
    busy: dict[int, list[float]] = {}
    for i in range(int(r.integers(0, 8))):
        lane = int(r.integers(0, lanes + oncoming))
        ahead = float(5.0 + 115.0 * r.uniform() ** 1.5)
        if any(abs(ahead - other) < 16.0 for other in busy.get(lane, [])):
            continue
        busy.setdefault(lane, []).append(ahead)
        kind: Any = str(
            r.choice(["car", "truck", "bus", "motorcycle", "bicycle"], p=[0.66, 0.13, 0.08, 0.06, 0.07])
        )
        vehicles.append(
            VehicleSpec(
                name=f"v{i}",
                kind=kind,
                colour=str(r.choice(_COLOURS)),  # type: ignore[arg-type]
                style=int(r.integers(0, 6)),
                ahead_m=ahead,
                lane=lane,
                offset_m=float(r.normal(0, 0.25))
                if kind not in ("bicycle", "motorcycle")
                else float(r.uniform(-1.4, 0.5)),
                speed_kmh=40.0,
            )
        )
    walkers = []
    for i in range(int(r.choice([0, 1, 2, 4], p=[0.45, 0.25, 0.18, 0.12]))):
        at, left = (
            float(r.uniform(8, 60)),
            float(r.uniform(-width_m / 2 - 4, (lanes + oncoming) * width_m + 3)),
        )
        step = r.normal(0, 1.2, 2)
        walkers.append(
            WalkerSpec(
                name=f"w{i}",
                kind="person" if r.uniform() < 0.8 else "bicycle",
                colour=str(r.choice(_COLOURS)),  # type: ignore[arg-type]
                path=((0.0, at, left), (1.0, at + float(step[0]), left + float(step[1]))),
            )
        )
    scenario = Scenario(
        title="some moment",
        duration_s=0.6,
        light=str(r.choice(["day", "dusk", "night"], p=[0.6, 0.2, 0.2])),  # type: ignore[arg-type]
        weather="rain" if r.uniform() < 0.2 else "clear",
        road=road,
        own=OwnSpec(
            speed_kmh=float(r.uniform(10, 60)),
            lane=int(r.integers(0, lanes)),
            heading_deg=float(r.uniform(0, 360)),
        ),
        vehicles=tuple(vehicles),
        walkers=tuple(walkers),
    )
    scene = _disturbed(World(scenario).at(float(r.uniform(0, 0.6))), r, width_m)
    geometry = Geometry(
        width_px=640,
        height_px=360,
        focal_px=float(r.uniform(380, 900)),
        height_m=float(r.uniform(1.1, 1.7)),
        pitch_deg=float(r.uniform(-2.0, 6.0)),
        yaw_deg=float(r.normal(0, 1.5)),
        left_m=float(r.normal(0, 0.15)),
        ahead_m=float(r.uniform(1.0, 2.0)),
    )
    return scene, geometry


def _lines(r: np.random.Generator, lanes: int, oncoming: int) -> tuple[Any, ...]:
    kinds = [str(r.choice(["solid", "dashed"], p=[0.4 if k == lanes else 0.15, 0.6 if k == lanes else 0.85]))
             for k in range(lanes + oncoming + 1)]  # fmt: skip
    kinds[0] = kinds[-1] = str(r.choice(["solid", "dashed", "none"], p=[0.8, 0.1, 0.1]))
    return tuple(kinds)


def _disturbed(scene: Scene, r: np.random.Generator, lane_width_m: float) -> Scene:
    """The same moment from a car that stands elsewhere in its lane and points a little elsewhere."""
    aside, turn = float(np.clip(r.normal(0, 0.35), -1.2, 1.2)), float(np.clip(r.normal(0, 0.02), -0.06, 0.06))
    c, s = np.cos(-turn), np.sin(-turn)

    def moved(x: Any, y: Any) -> tuple[Any, Any]:
        y = y - aside
        return x * c - y * s, x * s + y * c

    centre = np.array(scene.road.centre)
    centre[:, 1], centre[:, 2] = moved(centre[:, 1], centre[:, 2])
    centre[:, 3] -= turn
    replace = msgspec.structs.replace
    others = []
    for other in scene.others:
        x, y = moved(other.x_m, other.y_m)
        brake, blink = bool(r.uniform() < 0.3), str(r.choice(["off", "left", "right"], p=[0.8, 0.1, 0.1]))
        others.append(
            replace(
                other,
                x_m=float(x),
                y_m=float(y),
                heading_rad=other.heading_rad - turn,
                brake_lamps=brake,
                indicator=blink,
            )
        )
    own = replace(
        scene.own,
        left_m=scene.own.left_m + aside,
        heading_rad=scene.own.heading_rad + turn + float(r.uniform(-3, 3)),
    )
    return replace(
        scene,
        t_s=float(r.uniform(0, 60)),
        own=own,
        others=tuple(others),
        road=replace(scene.road, centre=centre),
    )


def random_driver(seed: int) -> tuple[DriverState, DriverLook]:
    """Some driver who does something, as some camera sees them."""
    r = np.random.default_rng(seed + 1_000_003)
    yaw = float(r.choice([r.normal(0, 8), r.uniform(-60, 60)]))
    pitch = float(r.choice([r.normal(0, 6), r.uniform(-35, 28)]))
    lid = float(
        np.clip(r.choice([0.0, r.uniform(0, 1), 1.0, r.uniform(0.75, 1)], p=[0.3, 0.25, 0.15, 0.3]), 0, 1)
    )
    other_lid = lid if r.uniform() < 0.93 else float(r.uniform(0, 1))
    apart = r.normal(0, 7, 2) if r.uniform() < 0.6 else r.uniform(-25, 25, 2)
    driver = DriverState(
        left_eye_open=lid,
        right_eye_open=other_lid,
        head_yaw_deg=yaw,
        head_pitch_deg=pitch,
        head_roll_deg=float(np.clip(r.normal(0, 7), -25, 25)),
        gaze_yaw_deg=float(np.clip(yaw + apart[0], -70, 70)),
        gaze_pitch_deg=float(np.clip(pitch + 0.7 * apart[1], -45, 35)),
        mouth_open=float(r.choice([0.0, r.uniform(0, 1)], p=[0.8, 0.2])),
        face=bool(r.uniform() > 0.05),
        light=str(r.choice(["day", "dusk", "night"], p=[0.5, 0.15, 0.35])),  # type: ignore[arg-type]
        look=seed + 1,
        t_s=float(r.uniform(0, 60)),
    )
    return driver, look_of(driver.look)
