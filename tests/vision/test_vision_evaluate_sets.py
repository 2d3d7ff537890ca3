"""Readers of small data sets made here; what is measured of models that say known things; the page."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from edge.config import UserError
from edge.messages import Detections, Face, LaneLine, Sign, TrafficLight, read_only
from edge.vision.adapters import Seen
from edge.vision.evaluate import datasets, on_drivers, on_roads, page
from edge.vision.evaluate.bench import (
    COCO,
    CROPS,
    EYES,
    HIGHWAY,
    LIGHTS,
    RENDERED_DRIVERS,
    RENDERED_ROADS,
    SIGNS,
)
from edge.vision.evaluate.networks import Network
from edge.vision.evaluate.on_drivers import Driver
from edge.vision.evaluate.results import Figure, Measured, Results, Speed, read_results, write_results
from edge.vision.evaluate.tables import TABLES
from edge.vision.sessions import RunError
from edge.vision.zoo import ModelError, Zoo


def picture(path, width=100, height=80, value=127):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((height, width, 3), value, np.uint8))


def nothing():
    pass


# ---------------------------------------------------------------- readers


def test_boxes_of_yolo_text_become_px_and_low_ones_are_ignored(tmp_path):
    picture(tmp_path / "images/highway_objects/test/a.jpg", 200, 100)
    labels = tmp_path / "labels/highway_objects/test"
    labels.mkdir(parents=True)
    (labels / "a.txt").write_text("1 0.5 0.5 0.5 0.4\n2 0.1 0.1 0.1 0.1\n3 0.5 0.5 0.1 0.02\n")
    picture(tmp_path / "images/highway_objects/test/twin.jpg")
    (tmp_path / "twins.json").write_text('{"highway_objects/test": ["twin.jpg"]}')
    (sample,) = datasets.highway_objects(tmp_path, tmp_path)
    assert sample.image.shape == (100, 200, 3)
    assert sample.boxes["car"].tolist() == [[50, 30, 150, 70]]
    assert sample.boxes["motorcycle"].tolist() == [[10, 5, 30, 15]]
    assert len(sample.boxes["person"]) == 0
    assert sample.ignored.tolist() == [[90, 49, 110, 51]], "two px of a hundred are too low"


def test_a_picture_without_labels_or_damaged_is_named(tmp_path):
    path = tmp_path / "images/highway_objects/test/a.jpg"
    picture(path, 200, 100)
    with pytest.raises(UserError, match=r"test/a\.txt is not there"):
        list(datasets.highway_objects(tmp_path, tmp_path))
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UserError, match=r"a\.jpg: not a picture"):
        list(datasets.highway_objects(tmp_path, tmp_path))


def test_of_coco_only_pictures_that_nobody_learnt_from_and_crowds_are_ignored(tmp_path):
    said = {
        "categories": [{"id": 3, "name": "car"}, {"id": 9, "name": "sofa"}],
        "images": [
            {"id": 1, "file_name": "v.jpg", "coco_url": "http://images.cocodataset.org/val2017/v.jpg"},
            {"id": 2, "file_name": "t.jpg", "coco_url": "http://images.cocodataset.org/train2017/t.jpg"},
        ],
        "annotations": [
            {"image_id": 1, "category_id": 3, "bbox": [10, 20, 30, 40], "iscrowd": 0},
            {"image_id": 1, "category_id": 3, "bbox": [0, 0, 50, 50], "iscrowd": 1},
            {"image_id": 1, "category_id": 9, "bbox": [1, 1, 5, 5], "iscrowd": 0},
            {"image_id": 2, "category_id": 3, "bbox": [1, 1, 5, 5], "iscrowd": 0},
        ],
    }
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/coco_ccby_instances.json").write_text(json.dumps(said))
    for name in ("v.jpg", "t.jpg"):
        picture(tmp_path / "images/coco_ccby" / name)
    (sample,) = datasets.coco(tmp_path)
    assert {kind: boxes.tolist() for kind, boxes in sample.boxes.items()} == {"car": [[10, 20, 40, 60]]}
    assert sample.ignored.tolist() == [[0, 0, 50, 50]]


def test_polygons_become_a_mask_and_the_later_ones_lie_on_top(tmp_path):
    square = [[0, 40], [99, 40], [99, 79], [0, 79]]
    row = {
        "file": "camera_7/a.png", "road": [square], "not_road": [[[10, 50], [20, 50], [20, 60], [10, 60]]],
        "unsure": [[[0, 40], [99, 40], [99, 45], [0, 45]]], "own_lane": [[[5, 79], [40, 40]]],
    }  # fmt: skip
    (tmp_path / "road_polygons.json").write_text(json.dumps({"pictures": [row]}))
    picture(tmp_path / "images/camera_7/a.png")
    (sample,) = datasets.road_polygons(tmp_path, tmp_path)
    assert sample.camera == "camera_7"
    assert sample.mask[70, 50] == datasets.ROAD
    assert sample.mask[55, 15] == datasets.OTHER
    assert sample.mask[42, 50] == datasets.UNSURE
    assert sample.mask[20, 50] == datasets.OTHER
    assert sample.lines[0].tolist() == [[5, 79], [40, 40]]


def test_lights_come_with_their_pictures(tmp_path):
    picture(tmp_path / "images/x/a.png")
    (tmp_path / "lights.json").write_text(
        json.dumps({"learn": {"images/x/b.png": []}, "held_out": {"images/x/a.png": [[1, 2, 30, 40, "red"]]}})
    )
    ((objects, (light,)),) = datasets.light_pictures(tmp_path, tmp_path)
    assert objects.boxes["traffic light"].tolist() == [[1, 2, 30, 40]]
    assert (light.box, light.state) == ((1, 2, 30, 40), "red")


def test_crops_of_lights_are_called_by_their_folder(tmp_path):
    picture(tmp_path / "images/traffic_light_crops/test/green/a.jpg", 12, 30)
    (light,) = datasets.light_crops(tmp_path)
    assert (light.box, light.state) == ((0, 0, 12, 30), "green")


def test_eyes_have_the_labels_of_their_frame(tmp_path):
    (tmp_path / "video").mkdir()
    film = cv2.VideoWriter(str(tmp_path / "video/a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(8):
        film.write(np.full((48, 64, 3), 30 * number, np.uint8))
    film.release()
    spans = {"left": [[0, 5, "open"]], "right": [[3, 3, "closed"], [4, 4, "half"]]}
    (tmp_path / "eyes.json").write_text(json.dumps({"clips": {"a.avi": spans}}))
    found = [
        (round(image.mean() / 30), labels) for image, labels in datasets.eye_frames(tmp_path, tmp_path, 2)
    ]
    assert found == [
        (0, {"left": "open"}),
        (2, {"left": "open"}),
        (3, {"left": "open", "right": "closed"}),  # closed ones are rare: all of them
        (4, {"left": "open", "right": "half"}),
    ]


def test_sets_that_are_not_there_give_nothing_and_are_named(tmp_path):
    assert list(datasets.highway_objects(tmp_path, tmp_path)) == []
    assert list(datasets.coco(tmp_path)) == []
    assert list(datasets.road_polygons(tmp_path, tmp_path)) == []
    assert list(datasets.light_pictures(tmp_path, tmp_path)) == []
    assert list(datasets.driver_frames(tmp_path, 1)) == []
    assert "images/highway_objects/test" in datasets.missing(tmp_path)


# ---------------------------------------------------------------- measuring


class Says:
    """A network whose adapter says what it is told to, and adds to what it is given."""

    def __init__(self, name, finds, *answers, kinds=("car", "truck", "bus", "person")):
        self.name = name
        self.entry = SimpleNamespace(finds=finds, kinds=kinds, role="road")
        self.adapter = None
        self.answers = list(answers)
        self.given = []

    def see(self, image, seen=None):
        self.given.append(seen)
        return self.answers.pop(0)


def objects(*rows):
    """Rows of kind, score, left, top, right, bottom."""
    return Seen(
        detections=Detections(
            kinds=tuple(row[0] for row in rows),
            scores=read_only([row[1] for row in rows]),
            boxes=read_only(np.array([row[2:] for row in rows], float).reshape(-1, 4)),
        )
    )


def sample(**boxes):
    return datasets.Objects(
        np.zeros((10, 10, 3), np.uint8),
        {kind: np.array(rows, float).reshape(-1, 4) for kind, rows in boxes.items()},
        np.zeros((0, 4)),
    )


def values(figures, name):
    return {figure.what: figure.value for figure in figures[name]}


def test_a_vehicle_is_right_whatever_it_is_called_but_a_truck_is_no_car():
    truth = sample(truck=[(20 * i, 0, 20 * i + 10, 10) for i in range(10)])
    says = Says("m", ("objects",), objects(*(("car", 0.9, 20 * i, 0, 20 * i + 10, 10) for i in range(10))))
    only_cars = Says(
        "c", ("objects",), objects(("car", 0.9, 0, 0, 10, 10)), kinds=("car", "person", "bicycle", "")
    )
    figures = {"m": [], "c": []}
    on_roads.measure_objects([says, only_cars], {"m": 0.95, "c": 0.5}, [truth], "here", figures, nothing)
    assert values(figures, "m") == {
        "vehicle AP50": 1.0,
        "truck AP50": 0.0,
        "vehicles found": 0.0,  # none over 0.95
        "vehicle boxes right": None,
    }
    assert values(figures, "c") == {
        "vehicle AP50": pytest.approx(0.1),  # of trucks nothing, since it has one word for all vehicles
        "vehicles found": pytest.approx(0.1),
        "vehicle boxes right": 1.0,
    }


def test_of_fewer_than_ten_nothing_is_told():
    figures = {"m": []}
    says = Says("m", ("objects",), objects(("car", 0.9, 0, 0, 10, 10)))
    on_roads.measure_objects([says], {"m": 0.5}, [sample(car=[(0, 0, 10, 10)])], "here", figures, nothing)
    assert figures["m"] == []


def test_a_network_that_fails_over_a_picture_misses_what_is_in_it():
    class Fails:
        def see(self, picture, seen):
            if picture.image.any():
                raise RunError("model m: a number that is none")
            return objects(("car", 0.9, 0, 0, 10, 10))

    entry = SimpleNamespace(finds=("objects",), kinds=("car",), role="road")
    network = Network("m", entry, None, None, Fails())
    samples = [sample(car=[(0, 0, 10, 10)]) for _ in range(10)]
    samples += [one._replace(image=one.image + np.uint8(9)) for one in samples]
    figures = {"m": []}
    on_roads.measure_objects([network], {"m": 0.5}, samples, "here", figures, nothing)
    assert values(figures, "m") == {
        "vehicle AP50": 0.5,
        "vehicles found": 0.5,
        "vehicle boxes right": 1.0,
    }


def test_found_and_right_at_the_threshold():
    places = [(20 * i, 0, 20 * i + 10, 10) for i in range(10)]
    truth = sample(car=places[:7], bus=places[7:])
    truth = truth._replace(ignored=np.array([(300, 0, 400, 100)], float))
    said = [("car", 0.9, *place) for place in places[:5]]
    said += [("truck", 0.8, 140, 0, 150, 9), ("car", 0.7, 500, 0, 510, 10)]  # a bus found, and nothing there
    said += [("car", 0.9, 310, 10, 320, 20), ("car", 0.3, *places[6])]  # ignored; not sure
    figures = {"m": []}
    on_roads.measure_objects(
        [Says("m", ("objects",), objects(*said))], {"m": 0.5}, [truth], "here", figures, nothing
    )
    found = values(figures, "m")
    assert found["vehicles found"] == pytest.approx(6 / 10)
    assert found["vehicle boxes right"] == pytest.approx(6 / 7)


def test_lights_by_place_and_by_state():
    light = TrafficLight(score=0.9, box=(0, 0, 10, 10), state="green")
    says = Says("m", ("lights",), Seen(lights=(light,)))
    figures = {"m": []}
    on_roads.measure_lights([says], [sample(**{"traffic light": [(0, 0, 10, 10)]})], "here", figures, nothing)
    assert values(figures, "m") == {"traffic light AP50": 1.0}
    states = ("green", "red", None)
    says = Says(
        "m",
        ("light_state",),
        *(Seen(lights=(TrafficLight(score=1, box=(0, 0, 1, 1), state=s),)) for s in states),
    )
    image = np.zeros((8, 8, 3), np.uint8)
    figures = {"m": []}
    true = [datasets.Light(image, (0, 0, 8, 8), state) for state in ("red", "red", "green")]
    on_roads.measure_light_states([says], true, "here", figures, nothing)
    assert values(figures, "m") == {
        "light state right": pytest.approx(1 / 3),
        "light state said": pytest.approx(2 / 3),
        "red called green": 0.5,
    }
    assert says.given[0].lights[0].box == (0, 0, 8, 8)


def test_signs_by_their_kind():
    kinds = ("stop", "speed_limit_30", None)
    says = Says(
        "m", ("sign_kind",), *(Seen(signs=(Sign(score=1, box=(0, 0, 1, 1), kind=kind),)) for kind in kinds)
    )
    image = np.zeros((8, 8, 3), np.uint8)
    true = [datasets.Light(image, (0, 0, 8, 8), kind) for kind in ("stop", "speed_limit_50", "stop")]
    figures = {"m": []}
    on_roads.measure_sign_kinds([says], true, "here", figures, nothing)
    assert values(figures, "m") == {
        "sign kind right": pytest.approx(1 / 3),
        "sign kind said": pytest.approx(2 / 3),
        "sign kind wrong where said": 0.5,
    }


def test_lines_of_the_own_lane_are_counted_whole_and_by_their_points():
    drawn = np.array([[10.0, 99.0], [50.0, 20.0]])
    truth = datasets.Surface(
        np.zeros((100, 1280, 3), np.uint8), np.zeros((100, 1280), np.uint8), (drawn, drawn + 200), "c"
    )
    says = Says("m", ("lanes",), Seen(lanes=(LaneLine(points=read_only(drawn + (5, 0)), score=1.0),)))  # noqa: RUF005
    figures = {"m": []}
    on_roads.measure_polygons([says], [truth], figures, nothing)
    assert values(figures, "m") == {"lane points within 1.6 % of the width": 0.5, "lane lines found": 0.5}


def face(**about):
    return Face(score=1.0, box=(20.0, 20.0, 60.0, 60.0), **about)


class NoFaces:
    def find(self, image, landmarks=True):
        return None


def test_in_the_mirror_left_is_right():
    one = face(
        head_yaw_deg=20.0, head_pitch_deg=5.0, head_roll_deg=1.0, left_eye_open=0.9, right_eye_open=0.1
    )
    other = face(
        head_yaw_deg=-26.0, head_pitch_deg=7.0, head_roll_deg=-1.0, left_eye_open=0.1, right_eye_open=0.6
    )
    says = Says("m", ("face", "head", "eyes"), Seen(face=one), Seen(face=other))
    figures = {"m": []}
    on_drivers.measure_mirror([says], NoFaces(), [np.zeros((80, 100, 3), np.uint8)], figures, nothing)
    assert values(figures, "m") == {
        "face found": 1.0,
        "head yaw differs by": pytest.approx(6.0),
        "head pitch differs by": pytest.approx(2.0),
        "head roll differs by": pytest.approx(0.0),
        "difference of openness": pytest.approx((0.3 + 0.0) / 2),
    }


def test_angles_in_the_mirror_go_the_short_way_round():
    says = Says("m", ("face", "gaze"), *2 * [Seen(face=face(gaze_yaw_deg=179.0, gaze_pitch_deg=0.0))])
    figures = {"m": []}
    on_drivers.measure_mirror([says], NoFaces(), [np.zeros((80, 100, 3), np.uint8)], figures, nothing)
    assert values(figures, "m")["gaze yaw differs by"] == pytest.approx(2.0)


def test_eyes_by_their_labels_half_closed_ones_left_out():
    image = np.zeros((80, 100, 3), np.uint8)
    said = [face(left_eye_open=0.9, right_eye_open=0.8), face(left_eye_open=0.85, right_eye_open=0.2)]
    labels = [{"left": "open", "right": "open"}, {"left": "closed", "right": "half"}]
    says = Says("m", ("face", "eyes"), *(Seen(face=one) for one in said))
    figures = {"m": []}
    on_drivers.measure_eyes(
        [says], NoFaces(), zip([image, image], labels, strict=True), "here", figures, nothing
    )
    found = values(figures, "m")
    assert found["eye AUC"] == 0.5, "0.9 is above 0.85, 0.8 is not"
    assert found["eye AUC: closed"] == 1.0


def test_rendered_drivers_against_their_truth():
    image = np.zeros((80, 100, 3), np.uint8)
    truth = face(
        head_yaw_deg=10.0, head_pitch_deg=0.0, head_roll_deg=0.0, left_eye_open=1.0, right_eye_open=0.0
    )
    said = face(
        head_yaw_deg=14.0, head_pitch_deg=-1.0, head_roll_deg=0.0, left_eye_open=0.9, right_eye_open=0.3
    )
    says = Says("m", ("face", "head", "eyes"), Seen(face=said), Seen(face=said))
    drivers = [Driver(image, truth, True, True), Driver(image, None, False, False)]
    figures = {"m": []}
    on_drivers.measure_rendered_drivers([says], NoFaces(), drivers, "here", figures, nothing)
    assert values(figures, "m") == {
        "face or nobody right": 0.5,
        "head yaw error": pytest.approx(4.0),
        "head pitch error": pytest.approx(1.0),
        "head roll error": pytest.approx(0.0),
        "eye AUC": 1.0,
    }


# ---------------------------------------------------------------- results, page


def results(name="icv-road", *figures):
    speed = Speed(run_ms=8.0, before_ms=0.4, after_ms=0.6, whole_ms=9.0, whole_p95_ms=11.0, bare_ms=7.5)
    return Results(
        machine="A machine", day="2026-11-23", backend="onnxruntime", threads=1, quick=False,
        models={name: Measured(sha256="0" * 64, speed=speed, figures=figures)},
    )  # fmt: skip


def test_results_are_what_was_written(tmp_path):
    said = results("icv-road", Figure(what="vehicle AP50", on=HIGHWAY, value=0.61, count=473))
    write_results(said, tmp_path / "figures.json")
    assert read_results(tmp_path / "figures.json") == said
    assert read_results(tmp_path / "nothing.json") is None
    (tmp_path / "figures.json").write_text('{"machine": 3}')
    with pytest.raises(ModelError, match="icv models bench"):
        read_results(tmp_path / "figures.json")


def test_the_page_shows_what_was_measured_and_leaves_out_what_was_not():
    said = results("icv-road", Figure(what="vehicle AP50", on=HIGHWAY, value=0.6149, count=473))
    shown = page.markdown(said, Zoo().entries)
    assert "| model | vehicle | whole, ms |" in shown
    assert "| icv-road | 0.615 | 9 |" in shown
    assert "[icv-road](../models/icv-road.md)" in shown
    assert "| icv-road | 9 | 11 | 0.4 | 8 | 0.6 | 7.5 | 1.20 |" in shown
    assert "## Eyes" not in shown
    assert "A machine; onnxruntime, one thread" in shown


def test_the_terminal_shows_the_same():
    shown = page.text(results("icv-road", Figure(what="vehicle AP50", on=HIGHWAY, value=0.6149, count=473)))
    assert "vehicle       0.615" in shown
    assert "whole / bare" in shown


def test_every_column_is_of_a_set_that_is_measured():
    measured_on = (HIGHWAY, COCO, LIGHTS, CROPS, SIGNS, EYES, RENDERED_ROADS, RENDERED_DRIVERS)
    for table in TABLES:
        for column in table.columns:
            assert (
                column.on in measured_on
                or "drawn by eye" in column.on
                or "against" in column.on
                or "films" in column.on
            )
