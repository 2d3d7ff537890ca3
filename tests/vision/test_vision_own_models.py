import importlib
import json
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
import pytest

from edge import config
from edge.messages import RoadUser
from edge.sim.driver_picture import draw_driver
from edge.sim.road_picture import draw_road
from edge.sim.truth import driver_truth, random_driver, random_scene, road_truth
from edge.vision.adapters import Seen, Tensor
from edge.vision.adapters.own_driver import OwnDriver
from edge.vision.adapters.own_road import OwnRoad
from edge.vision.picture import Picture
from edge.vision.sessions import open_session
from edge.vision.zoo import ModelError, Zoo

OWN = ("icv-road", "icv-driver")
UNSEEN = 1_000_000  # seeds from here on were not trained on


class Answers:
    """A session that always says the same and keeps what it was asked."""

    def __init__(self, outputs, name):
        self.inputs = {
            key: Tensor(shape, np.dtype("uint8")) for key, shape in Zoo().entry(name).inputs.items()
        }
        self.outputs = outputs
        self.feed = None

    def run(self, feed):
        self.feed = {name: values.copy() for name, values in feed.items()}
        return self.outputs


def picture(image):
    return Picture(t_ns=0, frame_id=0, image=image)


def adapter_of(name):
    zoo = Zoo()
    entry = zoo.entry(name)
    return entry, open_session(zoo.locate(name), config.Perception())


def road_with(boxes=(), scores=(), kinds=(), mark=None, free=None):
    surface = np.zeros((3, 64, 104), np.uint8)
    if free is not None:
        surface[0] = free
    if mark is not None:
        surface[1] = mark
    every = np.zeros((64, 4), np.float32), np.zeros(64, np.float32), np.zeros(64, np.int64)
    for values, given in zip(every, (boxes, scores, kinds), strict=True):
        values[: len(given)] = given if len(given) else values[:0]
    session = Answers([surface, *every], "icv-road")
    return OwnRoad(session, Zoo().entry("icv-road")), session


def test_boxes_come_back_in_px_of_the_picture_and_cut_to_it():
    road, session = road_with([(104, 52, 208, 104), (-9, 100, 50, 300)], [0.9, 0.8], [0, 5])
    found = road.see(picture(np.full((720, 1280, 3), 7, np.uint8)), Seen()).detections
    assert found.kinds == ("car", "person")
    assert found.scores == pytest.approx([0.9, 0.8])
    scale = 1280 / 416
    assert found.boxes[0] == pytest.approx([104 * scale, 52 * scale, 208 * scale, 104 * scale])
    assert found.boxes[1] == pytest.approx([0, 100 * scale, 50 * scale, 720])
    fed = session.feed["picture"]
    assert fed.shape == (1, 256, 416, 3)
    assert fed.dtype == np.uint8
    assert (fed[0, :234] == 7).all()
    assert (fed[0, 234:] == 114).all()


def test_what_is_unsure_is_left_out_and_of_two_on_one_object_the_surer_stays():
    box = (100, 100, 200, 180)
    road, _ = road_with([box, box, (300, 100, 340, 130)], [0.9, 0.7, 0.05], [1, 0, 0])
    assert road.see(picture(np.zeros((256, 416, 3), np.uint8)), Seen()).detections.kinds == ("truck",)


def test_a_mark_becomes_a_line_where_it_is_in_the_picture():
    drawn = np.zeros((256, 416), np.uint8)
    cv2.line(drawn, (100, 233), (180, 130), 255, 6)
    mark = cv2.resize(drawn, (104, 64), interpolation=cv2.INTER_AREA)
    road, _ = road_with(mark=mark)
    (line,) = road.see(picture(np.zeros((468, 832, 3), np.uint8)), Seen()).lanes
    for x, y in line.points / 2:
        assert x == pytest.approx(100 + (233 - y) / 103 * 80, abs=2.5)
    assert line.points[0, 1] > 430
    assert line.points[:, 1].max() <= 468


def test_nothing_below_the_picture_becomes_a_line():
    mark = np.zeros((64, 104), np.uint8)
    mark[59:, 50] = 255
    road, _ = road_with(mark=mark)
    assert road.see(picture(np.zeros((360, 640, 3), np.uint8)), Seen()).lanes == ()


def test_the_road_is_free_up_to_where_it_ends_and_only_within_the_picture():
    free = np.zeros((64, 104), np.uint8)
    free[30:, :85] = 200  # 341 of 416 px: as wide as a picture of 4 to 3 is in there
    free[44:58, 40:60] = 0  # something stands on it
    free[:, 85:] = 200  # beside the picture
    road, _ = road_with(free=free)
    points = road.see(picture(np.zeros((960, 1280, 3), np.uint8)), Seen()).free_space
    scale = 960 / 256
    assert points[:, 0].max() < 1280
    assert (np.diff(points[:, 0]) > 0).all()
    left = points[points[:, 0] < 38 * 4 * scale]
    behind = points[(points[:, 0] > 42 * 4 * scale) & (points[:, 0] < 58 * 4 * scale)]
    assert len(left)
    assert len(behind)
    assert left[:, 1] == pytest.approx(30 * 4 * scale, abs=4 * scale)
    assert behind[:, 1] == pytest.approx(58 * 4 * scale, abs=4 * scale)


def test_a_face_comes_back_in_px_of_the_picture():
    outputs = [
        np.array([0.98, 0.9, 0.1], np.float32),
        np.array([40, 30, 80, 90], np.float32),
        np.array([10, -5, 2, 12, -8], np.float32),
    ]
    entry, nobody = Zoo().entry("icv-driver"), picture(np.zeros((480, 640, 3), np.uint8))
    face = OwnDriver(Answers(outputs, "icv-driver"), entry).see(nobody, Seen()).face
    assert face.box == (160, 120, 320, 360)
    assert (face.left_eye_open, face.right_eye_open) == pytest.approx((0.9, 0.1))
    assert (face.head_yaw_deg, face.head_pitch_deg, face.head_roll_deg) == (10, -5, 2)
    assert (face.gaze_yaw_deg, face.gaze_pitch_deg) == (12, -8)
    outputs[0][0] = 0.1
    assert OwnDriver(Answers(outputs, "icv-driver"), entry).see(nobody, Seen()).face is None


def test_a_wide_picture_after_a_tall_one_leaves_no_rest_of_it():
    session = Answers([np.zeros(n, np.float32) for n in (3, 4, 5)], "icv-driver")
    driver = OwnDriver(session, Zoo().entry("icv-driver"))
    driver.see(picture(np.full((480, 640, 3), 200, np.uint8)), Seen())
    driver.see(picture(np.full((360, 640, 3), 9, np.uint8)), Seen())
    (fed,) = session.feed.values()
    assert (fed[0, :90] == 9).all()
    assert (fed[0, 90:] == 114).all()


@pytest.mark.parametrize("name", OWN)
def test_the_file_is_small_whole_and_of_a_version_that_older_runtimes_load(name):
    path = Zoo().locate(name)
    model = onnx.load(path, load_external_data=False)
    assert path.stat().st_size <= 2 * 2**20
    assert [opset.version for opset in model.opset_import if not opset.domain] == [17]
    assert model.ir_version <= 10
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    shapes = [value.type.tensor_type.shape.dim for value in (*model.graph.input, *model.graph.output)]
    assert all(dim.HasField("dim_value") for shape in shapes for dim in shape), "no dynamic shapes"
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert "Not for" in card


def test_what_is_no_number_is_dropped_wherever_it_stands():
    boxes = [(0, 0, 50, 50), (np.nan, 0, 50, 50), (100, 0, 150, 50), (200, 0, 250, 50)]
    road, _ = road_with(boxes, [np.nan, 0.9, 0.8, 0.7], [0, 0, 1, 2])
    found = road.see(picture(np.full((720, 1280, 3), 7, np.uint8)), Seen()).detections
    assert found.kinds == Zoo().entry("icv-road").kinds[1:3]


def test_an_entry_that_it_cannot_read_is_refused():
    entry = msgspec.structs.replace(Zoo().entry("icv-road"), outputs={"output": (1, 3549, 85)})
    with pytest.raises(ModelError, match="are not what"):
        OwnRoad(Answers([], "icv-road"), entry)


def test_the_kinds_are_those_of_the_messages():
    assert set(Zoo().entry("icv-road").kinds) == set(RoadUser.__args__)


def test_grey_noise_and_black_show_nobody():
    entry, session = adapter_of("icv-road")
    road = OwnRoad(session, entry)
    noise = np.random.default_rng(0).integers(0, 255, (360, 640, 3), dtype=np.uint8)
    for image in (noise, np.zeros_like(noise), np.full_like(noise, 128)):
        seen = road.see(picture(image), Seen())
        assert len(seen.detections) == 0
        assert seen.lanes == ()


def test_the_road_of_unseen_scenes_is_found():
    entry, session = adapter_of("icv-road")
    road = OwnRoad(session, entry)
    wanted, found, sides, seen_sides = 0, 0, 0, 0
    for seed in range(UNSEEN, UNSEEN + 6):
        scene, geometry = random_scene(seed)
        truth = road_truth(scene, geometry, 640, 360)
        seen = road.see(picture(draw_road(scene, geometry, 640, 360)), Seen())
        for it in truth.objects:
            if it.kind in ("car", "truck", "bus") and it.visible_ratio > 0.8 and it.distance_m < 40:
                wanted += 1
                found += any(overlap(box, it.box) > 0.5 for box in seen.detections.boxes)
        for line in truth.lines:
            if line.side and line.kind == "solid":
                sides += 1
                seen_sides += any(near(lane.points, line.points) for lane in seen.lanes)
    assert wanted >= 5
    assert sides >= 5
    assert found >= 0.75 * wanted
    assert seen_sides >= 0.75 * sides


def test_pictures_that_were_learnt_from_under_another_name_are_not_measured_on(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    training = Path(__file__).parents[2] / "models/training"
    monkeypatch.syspath_prepend(str(training))
    evaluate = importlib.import_module("evaluate")
    (twin, *_) = json.loads((training / "labels/twins.json").read_text())["highway_objects/test"]
    for kind in ("images", "labels"):
        (tmp_path / kind / "highway_objects/test").mkdir(parents=True)
    for name in (twin, "other.jpg"):
        cv2.imwrite(str(tmp_path / "images/highway_objects/test" / name), np.zeros((100, 200, 3), np.uint8))
        label = tmp_path / "labels/highway_objects/test" / name
        label.with_suffix(".txt").write_text("1 0.5 0.5 0.25 0.5\n3 0.5 0.5 0.01 0.01\n")
    monkeypatch.setattr(evaluate, "DATA", tmp_path)
    (sample,) = evaluate._highway()
    assert sample.boxes.tolist() == [[0, 75, 25, 125, 75], [-1, 99, 49.5, 101, 50.5]]


def test_large_vehicles_of_real_pictures_are_found_where_people_saw_them():
    data = Path(__file__).parents[3] / "shared" / "data"
    pictures = sorted((data / "images" / "highway_objects" / "test").glob("*.jpg"))[::5]
    if not pictures:
        pytest.skip(f"{data} has no pictures of highway_objects")
    entry, session = adapter_of("icv-road")
    road = OwnRoad(session, entry)
    wanted, found = 0, 0
    for path in pictures:
        image = cv2.imread(str(path))
        detections = road.see(picture(image), Seen()).detections
        vehicles = detections.boxes[np.isin(detections.kinds, ("car", "truck", "bus"))]
        label = data / "labels" / "highway_objects" / "test" / f"{path.stem}.txt"
        for kind, x, y, w, h in (map(float, line.split()[:5]) for line in label.read_text().splitlines()):
            if kind in (0, 1, 4) and h > 0.3:  # bus, car, truck
                wanted += 1
                whole = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) * 384
                found += any(overlap(box, whole) > 0.5 for box in vehicles)
    assert wanted > 30
    assert found >= 0.7 * wanted


def overlap(a, b):
    both = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def near(found, truth):
    rows = truth[(truth[:, 1] <= found[0, 1]) & (truth[:, 1] >= found[-1, 1])]
    if len(rows) < 3:
        return False
    return np.median(np.abs(np.interp(rows[:, 1], found[::-1, 1], found[::-1, 0]) - rows[:, 0])) < 8


def test_unseen_simulated_drivers_are_read():
    entry, session = adapter_of("icv-driver")
    adapter = OwnDriver(session, entry)
    yaw, eyes = [], []
    for seed in range(UNSEEN, UNSEEN + 40):
        driver, look = random_driver(seed)
        truth = driver_truth(driver, 320, 240, look)
        face = adapter.see(picture(draw_driver(driver, 320, 240, look)), Seen()).face
        assert (face is None) == (truth is None)
        if truth is None:
            continue
        assert overlap(np.array(face.box), np.array(truth.box)) > 0.5
        yaw.append(abs(face.head_yaw_deg - truth.head_yaw_deg))
        if abs(truth.head_yaw_deg) < 35:
            for found, really in (
                (face.left_eye_open, truth.left_eye_open),
                (face.right_eye_open, truth.right_eye_open),
            ):
                if not 0.15 < really < 0.6:
                    eyes.append((found > 0.5) == (really > 0.5))
    assert np.mean(yaw) < 5
    assert np.mean(eyes) > 0.9
