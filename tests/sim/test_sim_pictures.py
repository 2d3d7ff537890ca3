import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.config import Geometry
from edge.sim.driver_picture import draw_driver
from edge.sim.head import look_of
from edge.sim.projection import PinholeCamera
from edge.sim.road_picture import draw_road
from edge.sim.scenario import (
    OwnSpec,
    RoadPiece,
    RoadSpec,
    Scenario,
    TownPart,
    VehicleSpec,
    WalkerSpec,
    read_scenario,
)
from edge.sim.scene import DriverState
from edge.sim.truth import LABELS, driver_truth, random_driver, random_scene, road_labels, road_truth
from edge.sim.world import World

REPO = Path(__file__).parents[2]
GEOMETRY = Geometry(width_px=640, height_px=360, focal_px=560.0, height_m=1.3, pitch_deg=1.5, ahead_m=1.5)
W, H = 640, 360
STRAIGHT = RoadSpec()


def scene_with(light="day", weather="clear", road=STRAIGHT, **users):
    scenario = Scenario(
        title="still",
        duration_s=1.0,
        light=light,
        weather=weather,
        road=road,
        own=OwnSpec(speed_kmh=0.0),
        **users,
    )
    return World(scenario).at(0.0)


def vehicle(**kw):
    return VehicleSpec(**{"name": "it", "ahead_m": 30.0, "speed_kmh": 0.0, **kw})


def test_points_project_as_a_pinhole_camera_sees_them():
    level = msgspec.structs.replace(GEOMETRY, pitch_deg=0.0)
    camera = PinholeCamera(level, W, H)
    u, v = camera.project(np.array([[28.5, 2.0, 0.0]]))[0]  # 30 m from the camera
    assert u == pytest.approx(320 - 560 * 2.0 / 30.0)
    assert v == pytest.approx(180 + 560 * 1.3 / 30.0)
    tilted = PinholeCamera(GEOMETRY, W, H)
    angle = math.atan2(1.3, 30.0) - math.radians(1.5)  # below the axis
    assert tilted.project(np.array([[28.5, 0.0, 0.0]]))[0, 1] == pytest.approx(180 + 560 * math.tan(angle))
    left = PinholeCamera(msgspec.structs.replace(level, yaw_deg=2.0, left_m=0.2), W, H)
    turned = math.atan2(0.8, 30.0) - math.radians(2.0)  # to the left of the axis
    assert left.project(np.array([[28.5, 1.0, 1.3]]))[0, 0] == pytest.approx(320 - 560 * math.tan(turned))
    assert np.isnan(left.project(np.array([[-5.0, 0.0, 0.0]]))).all()
    half = PinholeCamera(level, W // 2, H // 2).project(np.array([[28.5, 2.0, 0.0]]))[0]
    assert half == pytest.approx((u / 2, v / 2))


@pytest.mark.parametrize(
    ("kind", "height_m", "width_m"), [("car", 1.46, 1.82), ("truck", 3.5, 2.45), ("bus", 3.1, 2.5)]
)
def test_a_vehicle_at_30_m_is_as_large_as_geometry_says(kind, height_m, width_m):
    level = msgspec.structs.replace(GEOMETRY, pitch_deg=0.0)
    (truth,) = road_truth(scene_with(vehicles=(vehicle(kind=kind),)), level, W, H).objects
    away = 30.0 + 1.5
    left, top, right, bottom = truth.box
    assert truth.distance_m == pytest.approx(30.0, abs=0.02)
    assert truth.lateral_m == pytest.approx(0.0, abs=0.02)
    assert bottom == pytest.approx(180 + 560 * 1.3 / away, abs=0.05)
    assert bottom - top == pytest.approx(560 * height_m / away, abs=1.0 if kind == "car" else 0.1)
    assert right - left == pytest.approx(560 * width_m / away, abs=1.6)  # mirrors


def test_lane_lines_lie_where_geometry_says_and_are_painted_there():
    scene = scene_with()
    truth = road_truth(scene, GEOMETRY, W, H)
    assert [line.side for line in truth.lines] == ["right", "left", ""]
    camera = PinholeCamera(GEOMETRY, W, H)
    image = draw_road(scene, GEOMETRY, W, H).astype(int).sum(axis=2)
    labels = road_labels(scene, GEOMETRY, W, H)
    for ahead in (6.0, 12.0, 25.0):
        u, v = camera.project(np.array([[ahead, -1.75, 0.0]]))[0]
        row = int(v)
        right = truth.lines[0].points
        order = np.argsort(right[:, 1])
        assert np.interp(v, right[order, 1], right[order, 0]) == pytest.approx(u, abs=0.6)
        near = slice(int(u) - 12, int(u) + 13)
        bright = np.arange(near.start, near.stop)[image[row, near] > image[row, near].max() - 90]
        assert bright.mean() + 0.5 == pytest.approx(u, abs=1.5)
        assert labels[row, int(u)] == LABELS["lane mark"]
        assert labels[row, int(camera.project(np.array([[ahead, 0.0, 0.0]]))[0, 0])] == LABELS["road"]


def test_in_a_bend_the_painted_lines_and_the_truth_agree():
    road = RoadSpec(pieces=(RoadPiece(length_m=400.0, curvature_per_m=0.006),))
    scene = scene_with(road=road)
    labels = road_labels(scene, GEOMETRY, W, H)
    for line in road_truth(scene, GEOMETRY, W, H).lines:
        if line.kind != "solid":
            continue
        near = line.points[(line.points[:, 1] > 222) & (line.points[:, 0] > 3) & (line.points[:, 0] < W - 3)]
        on = [labels[int(v), int(u)] == LABELS["lane mark"] for u, v in near]
        assert len(on) >= 5
        assert np.mean(on) > 0.95


USERS = [
    vehicle(ahead_m=14.0, colour="red"),
    vehicle(ahead_m=9.0, colour="white", style=1, lane=1, offset_m=-0.6),
    vehicle(ahead_m=20.0, kind="truck", style=1),
    vehicle(ahead_m=40.0, kind="bus", lane=1, colour="green"),
    vehicle(ahead_m=11.0, kind="bicycle", offset_m=-1.0, colour="yellow"),
    vehicle(ahead_m=16.0, kind="motorcycle"),
    WalkerSpec(name="it", path=((0.0, 14.0, -2.0), (2.0, 14.5, 1.0))),
    WalkerSpec(name="it", kind="bicycle", colour="white", path=((-1.0, 16.0, 2.0), (2.0, 16.0, -4.0))),
]


@pytest.mark.parametrize("user", USERS, ids=lambda u: f"{u.kind}-{type(u).__name__}")
@pytest.mark.parametrize("light", ["day", "night"])
def test_truth_bounds_the_pixels_that_an_object_changes(user, light):
    users = {"walkers": (user,)} if isinstance(user, WalkerSpec) else {"vehicles": (user,)}
    with_it, without = scene_with(light=light, **users), scene_with(light=light)
    (truth,) = road_truth(with_it, GEOMETRY, W, H).objects
    labels = road_labels(with_it, GEOMETRY, W, H)
    its_own = (labels >= LABELS["vehicle"]) & (road_labels(without, GEOMETRY, W, H) < LABELS["vehicle"])
    rows, columns = np.nonzero(its_own)
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert box == pytest.approx(truth.box, abs=1.6)
    # and the picture differs there, and apart from shadow and glow only there
    changed = (
        np.abs(draw_road(with_it, GEOMETRY, W, H).astype(int) - draw_road(without, GEOMETRY, W, H)).max(
            axis=2
        )
        > 30
    )
    left, top, right, bottom = truth.box
    inside = changed[round(top) : round(bottom), round(left) : round(right)]
    thin = user.kind in ("person", "bicycle", "motorcycle")
    assert inside.mean() > (0.15 if thin or light == "night" else 0.6)
    if light == "day":
        rows, columns = np.nonzero(changed)
        shadow = 0.4 * 560 / (truth.distance_m + 1.5) + 2
        assert rows.min() >= top - 2
        assert rows.max() <= bottom + shadow
        assert columns.min() >= left - shadow
        assert columns.max() <= right + shadow


def test_what_hides_behind_the_lead_is_not_visible():
    users = (vehicle(name="lead", ahead_m=12.0, kind="truck"), vehicle(name="hidden", ahead_m=35.0))
    truth = {o.name: o for o in road_truth(scene_with(vehicles=users), GEOMETRY, W, H).objects}
    assert truth["lead"].visible_ratio > 0.99
    assert truth["hidden"].visible_ratio < 0.02


def test_what_is_partly_out_of_the_picture_is_partly_visible():
    (truth,) = road_truth(scene_with(vehicles=(vehicle(ahead_m=1.5, lane=1),)), GEOMETRY, W, H).objects
    assert truth.box[0] == 0.0
    assert truth.visible_ratio < 0.8


def test_what_is_behind_us_is_not_in_the_picture():
    assert road_truth(scene_with(vehicles=(vehicle(ahead_m=-30.0),)), GEOMETRY, W, H).objects == ()


def test_brake_lamps_glow_red():
    lamps = [msgspec.structs.replace(o, brake_lamps=on) for on in (False, True)
             for o in scene_with(vehicles=(vehicle(ahead_m=10.0, colour="white"),)).others]  # fmt: skip
    dark, lit = (
        draw_road(msgspec.structs.replace(scene_with(), others=(o,)), GEOMETRY, W, H).astype(int)
        for o in lamps
    )
    redder = (lit[..., 2] - dark[..., 2] > 60) & (lit[..., 2] > 200)
    assert redder.sum() > 100


@pytest.mark.parametrize("light", ["day", "dusk", "night"])
@pytest.mark.parametrize("weather", ["clear", "rain"])
def test_every_light_and_weather_is_drawn(light, weather):
    road = RoadSpec(towns=(TownPart(from_m=40.0, to_m=90.0, crossings_m=(50.0,)),))
    image = draw_road(scene_with(light=light, weather=weather, road=road), GEOMETRY, W, H)
    assert image.shape == (H, W, 3)
    assert image.dtype == np.uint8
    assert image.std() > 5
    mean = {"day": (90, 200), "dusk": (40, 130), "night": (10, 60)}[light]
    assert mean[0] < image.mean() < mean[1]


def test_the_same_moment_gives_the_same_pixels_in_another_process():
    program = (
        "import hashlib, sys\n"
        "from edge.config import Geometry\n"
        "from edge.sim.scenario import read_scenario\n"
        "from edge.sim.world import World\n"
        "from edge.sim.road_picture import draw_road\n"
        "from edge.sim.driver_picture import draw_driver\n"
        "world = World(read_scenario(sys.argv[1]))\n"
        "for t in (39.9, 7.03):\n"
        "    scene = world.at(t)\n"
        "    g = Geometry(width_px=640, height_px=360, focal_px=560.0, pitch_deg=1.5)\n"
        "    print(hashlib.sha256(draw_road(scene, g, 640, 360).tobytes()).hexdigest())\n"
        "    print(hashlib.sha256(draw_driver(scene.driver, 320, 240).tobytes()).hexdigest())\n"
    )
    path = REPO / "configs/scenarios/demo.toml"
    env = {**os.environ, "PYTHONPATH": str(REPO), "PYTHONHASHSEED": "7"}
    theirs = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=env,
        timeout=60,
    ).stdout.split()
    world = World(read_scenario(path))
    ours = {}
    for t in (7.03, 39.9):
        scene = world.at(t)
        ours[t] = [draw_road(scene, GEOMETRY, W, H), draw_driver(scene.driver, 320, 240)]
    assert theirs == [hashlib.sha256(image.tobytes()).hexdigest() for t in (39.9, 7.03) for image in ours[t]]


@pytest.mark.parametrize("seed", range(12))
def test_random_scenes_have_sound_truth(seed):
    scene, geometry = random_scene(seed)
    truth = road_truth(scene, geometry, 416, 234)
    labels = road_labels(scene, geometry, 416, 234)
    assert draw_road(scene, geometry, 416, 234).shape == (234, 416, 3)
    assert set(np.unique(labels)) <= set(LABELS.values())
    for found in truth.objects:
        left, top, right, bottom = found.box
        assert 0 <= left < right <= 416
        assert 0 <= top < bottom <= 234
        assert 0.0 <= found.visible_ratio <= 1.0
    for line in truth.lines:
        assert (np.diff(line.points[:5, 1]) <= 0).all()  # from near to far


# ---------------------------------------------------------------- the driver


def quiet(**kw):
    return DriverState(**kw)


def test_the_face_is_where_the_truth_says():
    look = look_of(0)
    seen, empty = draw_driver(quiet(), 320, 240), draw_driver(quiet(face=False), 320, 240)
    truth = driver_truth(quiet(), 320, 240, look)
    changed = np.abs(seen.astype(int) - empty).max(axis=2) > 40
    left, top, right, bottom = (round(v) for v in truth.box)
    assert changed[top:bottom, left:right].mean() > 0.65  # an ellipse fills 0.79 of its box
    assert changed[:, : left - 14].mean() < 0.35  # shoulders only
    middle = (left + right) / 2
    assert truth.right_eye[0] < middle < truth.left_eye[0]  # the driver's left is on the picture's right
    assert driver_truth(quiet(face=False), 320, 240) is None


def dark_middle(driver, eye):
    """Where the dark of an eye is, against its middle in px."""
    look = msgspec.structs.replace(look_of(0), noise=0.1)
    image = draw_driver(driver, 960, 720, look).astype(float).mean(axis=2)
    truth = driver_truth(driver, 960, 720, look)
    u, v = truth.left_eye if eye == "left" else truth.right_eye
    part = image[int(v) - 7 : int(v) + 8, int(u) - 20 : int(u) + 21]
    weight = np.clip(90.0 - part, 0, None)
    return float((weight * np.arange(-20, 21)).sum() / weight.sum())


@pytest.mark.parametrize("eye", ["left", "right"])
def test_the_iris_follows_the_gaze(eye):
    left, ahead, right = (dark_middle(quiet(gaze_yaw_deg=a), eye) for a in (25.0, 0.0, -25.0))
    assert left > ahead + 3 > right + 6


def test_open_eyes_show_white_and_closed_ones_do_not():
    look = msgspec.structs.replace(look_of(0), noise=0.1)

    def white(openness):
        driver = quiet(left_eye_open=openness, right_eye_open=openness)
        image = draw_driver(driver, 640, 480, look).astype(int)
        u, v = driver_truth(driver, 640, 480, look).left_eye
        part = image[int(v) - 10 : int(v) + 11, int(u) - 20 : int(u) + 21]
        return int(((part.max(axis=2) - part.min(axis=2) < 40) & (part.mean(axis=2) > 120)).sum())

    shares = [white(o) for o in (0.0, 0.35, 0.7, 1.0)]
    assert shares[0] < 12
    assert shares == sorted(shares)
    assert shares[3] > shares[1] + 30


def test_signs_are_those_of_messages_face():
    at = {name: driver_truth(quiet(**{name: 20.0}), 320, 240) for name in
          ("head_yaw_deg", "head_pitch_deg", "head_roll_deg")}  # fmt: skip
    straight = driver_truth(quiet(), 320, 240)
    eyes = np.mean([straight.left_eye, straight.right_eye], axis=0)
    yaw = np.mean([at["head_yaw_deg"].left_eye, at["head_yaw_deg"].right_eye], axis=0)
    pitch = np.mean([at["head_pitch_deg"].left_eye, at["head_pitch_deg"].right_eye], axis=0)
    assert yaw[0] > eyes[0] + 5  # turned to the driver's left: to the picture's right
    assert pitch[1] < eyes[1] - 2  # looks up
    roll = at["head_roll_deg"]  # head towards the driver's right shoulder: that eye is lower
    assert roll.right_eye[1] > roll.left_eye[1] + 5
    assert np.mean([roll.left_eye[0], roll.right_eye[0]]) < eyes[0] - 5


def test_far_turned_heads_hide_one_eye():
    truth = driver_truth(quiet(head_yaw_deg=70.0), 320, 240)
    assert (truth.left_eye_seen, truth.right_eye_seen) == (False, True)


def test_night_is_infrared():
    image = draw_driver(quiet(light="night"), 320, 240).astype(int)
    inside = image[40:, :]
    assert np.abs(inside[..., 0] - inside[..., 2]).mean() < 12
    assert draw_driver(quiet(), 320, 240)[40:].std(axis=2).mean() > 5


@pytest.mark.parametrize("seed", range(12))
def test_random_drivers_are_drawn_with_their_truth(seed):
    driver, look = random_driver(seed)
    assert draw_driver(driver, 320, 240, look).shape == (240, 320, 3)
    assert np.array_equal(draw_driver(driver, 320, 240, look), draw_driver(driver, 320, 240))
    truth = driver_truth(driver, 320, 240, look)
    if truth is not None:
        assert truth.box[0] < truth.box[2] <= 320
        assert truth.left_eye_open == driver.left_eye_open
    assert random_driver(seed) == (driver, look)


def test_the_word_is_in_both_pictures():
    for image in (draw_road(scene_with(), GEOMETRY, W, H), draw_driver(quiet(), W, H)):
        corner = image[4:18, 4:82].astype(int)
        assert (corner.min(axis=2) > 150).sum() > 60
        assert corner.std() > 25
