"""Adapters read what real networks said as a judge reads it; golden/make_golden.py wrote the files.

The judges are not our code: OpenCV's FaceDetectorYN, OpenVINO's DetectionOutput, the papers' formulas in
plain loops, the eyes of a person. With the weights at hand, the networks are run too, from the picture on.
"""

import base64
import importlib
import json
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge import config
from edge.messages import Face, read_only
from edge.vision.adapters import Seen, Tensor
from edge.vision.perceive import Perception
from edge.vision.picture import Picture
from edge.vision.zoo import Zoo

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1].parent / "shared"
ZOO = Zoo()
NAMES = sorted(path.stem for path in (HERE / "golden/networks").glob("*.json"))


class Canned:
    """A session that says what a network once said, run by run."""

    def __init__(self, entry, runs):
        self.inputs = {name: Tensor(shape, np.dtype("float32")) for name, shape in entry.inputs.items()}
        self.runs = list(runs)

    def run(self, feed):
        return self.runs.pop(0)


def golden(name):
    return json.loads((HERE / "golden/networks" / f"{name}.json").read_text())


def unpacked(output):
    """The array of which make_golden kept some rows."""
    array = np.zeros(output["view"], np.float32)
    shape = list(array.shape)
    shape[output["axis"]] = len(output["rows"])
    values = np.frombuffer(base64.b64decode(output["values"]), output["kind"]).reshape(shape)
    index = [slice(None)] * array.ndim
    index[output["axis"]] = output["rows"]
    array[tuple(index)] = values
    return array.reshape(output["shape"])


def adapter(entry, runs):
    module, _, kind = entry.adapter.partition(":")
    return getattr(importlib.import_module(module), kind)(Canned(entry, runs), entry)


def face_of(kept):
    face = kept["face"]
    return Face(
        score=face["score"],
        box=tuple(face["box"]),
        landmarks=read_only(face["landmarks"]),
        **kept.get("head", {}),
    )


def read(name, **changed):
    """What our adapter sees in the golden numbers of that name, and what the judge saw."""
    kept = golden(name)
    entry = msgspec.structs.replace(ZOO.entry(kept["model"]), **changed)
    shapes = list(entry.outputs.values())
    outputs = [
        np.zeros(shapes[index], np.float32) if raw is None else unpacked(raw)
        for index, raw in enumerate(kept["outputs"])
    ]
    runs = [[output] for output in outputs] if name.startswith("eyes") else [outputs]
    width, height = kept["size"]
    blank = Picture(t_ns=0, frame_id=0, image=np.zeros((height, width, 3), np.uint8))
    seen = Seen(face=face_of(kept)) if "face" in kept else Seen()
    return adapter(entry, runs).see(blank, seen), kept["expected"]


def rows(detections):
    return list(zip(detections.kinds, detections.scores.tolist(), detections.boxes.tolist(), strict=True))


def check(found, expected, px=0.02, score=0.002):
    """Kinds, scores and boxes, in the order of the scores."""
    assert [kind for kind, _, _ in found] == [row[0] for row in expected]
    for (_, found_score, box), row in zip(found, expected, strict=True):
        assert found_score == pytest.approx(row[1], abs=score)
        assert box == pytest.approx(row[2:], abs=px)


@pytest.mark.parametrize("name", NAMES)
def test_golden_files_are_small_and_name_a_model_of_the_zoo(name):
    assert (HERE / "golden/networks" / f"{name}.json").stat().st_size < 60_000
    assert golden(name)["model"] in ZOO.entries
    assert golden(name)["judge"]


# ---------------------------------------------------------------- road


def everything(seen):
    return {
        "objects": rows(seen.detections) if seen.detections is not None else [],
        "lights": [("traffic light", light.score, light.box) for light in seen.lights or ()],
        "signs": [("stop sign", sign.score, sign.box) for sign in seen.signs or ()],
    }


YOLOX = [name for name in NAMES if name.startswith("yolox")]


@pytest.mark.parametrize("name", YOLOX)
def test_yolox(name):
    seen, expected = read(name)
    for what, found in everything(seen).items():
        check(found, expected[what])
    assert all(sign.kind == "stop" for sign in seen.signs)
    assert all(light.state is None for light in seen.lights)


def as_exported(name, layout):
    """The golden numbers of YOLOX as YOLO exporters lay them out, decoded by the formula of the paper."""
    kept = golden(name)
    raw = unpacked(kept["outputs"][0])[0].astype(float)
    place = [(x, y, s) for s in (8, 16, 32) for y in range(416 // s) for x in range(416 // s)]
    for row, (x, y, stride) in zip(raw, place, strict=True):
        row[:4] = (row[0] + x) * stride, (row[1] + y) * stride, *(np.exp(row[2:4]) * stride)
    if layout == "v5":
        return kept, raw[None]
    if layout == "v8":
        return kept, np.concatenate((raw[:, :4], raw[:, 5:] * raw[:, 4:5]), axis=1).T[None]
    width, height = kept["size"]
    scale = min(416 / width, 416 / height)
    known = {"person": 0, "car": 2, "truck": 7, "traffic light": 9, "stop sign": 11}
    found = [row for what in kept["expected"].values() for row in what]
    end = [[*(np.array(row[2:]) * scale), row[1], known[row[0]]] for row in found]
    return kept, np.array(end + [[0] * 6] * (100 - len(end)))[None]  # filled up as exporters do


@pytest.mark.parametrize("layout", ["v5", "v8", "nms"])
@pytest.mark.parametrize("name", YOLOX)
def test_the_same_numbers_in_the_layouts_of_yolo_exports(name, layout):
    kept, output = as_exported(name, layout)
    entry = ZOO.entry("yolox_nano_416")
    names = entry.kinds + ("",) * (80 - len(entry.kinds))
    entry = msgspec.structs.replace(
        entry,
        adapter="edge.vision.adapters.yolo:Yolo",
        kinds=names,
        outputs={"output": output.shape},
    )
    width, height = kept["size"]
    blank = Picture(t_ns=0, frame_id=0, image=np.zeros((height, width, 3), np.uint8))
    seen = adapter(entry, [[output.astype(np.float32)]]).see(blank, Seen())
    for what, found in everything(seen).items():
        check(found, kept["expected"][what], px=0.05)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("ssd")])
def test_ssd_as_the_layer_that_was_cut_off(name):
    seen, expected = read(name)
    check(rows(seen.detections), expected["objects"])


def test_road_segmentation_by_eye():
    kept = golden("road_segmentation")
    png = np.frombuffer(base64.b64decode(kept["classes"]), np.uint8)
    classes = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    output = (classes == np.arange(4)[:, None, None]).astype(np.float32)[None]
    blank = Picture(t_ns=0, frame_id=0, image=np.zeros((540, 960, 3), np.uint8))
    seen = adapter(ZOO.entry(kept["model"]), [[output]]).see(blank, Seen())
    by_eye(seen, kept["expected"])


def by_eye(seen, expected):
    crossings = [
        float(np.interp(440, line.points[::-1, 1], line.points[::-1, 0]))
        for line in seen.lanes
        if line.points[-1, 1] <= 440 <= line.points[0, 1]
    ]
    assert crossings == pytest.approx(expected["lanes_at_440"], abs=8)
    for column, row in expected["free_space"].items():
        nearest = np.abs(seen.free_space[:, 0] - int(column)).argmin()
        assert seen.free_space[nearest, 1] == pytest.approx(row, abs=10), column


def test_lstr():
    seen, expected = read("lstr")
    assert len(seen.lanes) == len(expected["lanes"])
    for line, told in zip(
        seen.lanes, sorted(expected["lanes"], key=lambda told: told["points"][-1][0]), strict=True
    ):
        assert line.score == pytest.approx(told["score"], abs=1e-4)
        rows_px = np.array(told["points"])
        x = np.interp(rows_px[:, 1], line.points[::-1, 1], line.points[::-1, 0])
        assert x == pytest.approx(rows_px[:, 0], abs=1.0)
        assert line.points[[0, -1], 1] == pytest.approx(told["ends"], abs=0.05)


# ---------------------------------------------------------------- driver


def of(model):
    return [name for name in NAMES if golden(name)["model"] == model]


@pytest.mark.parametrize("name", of("yunet_n_320_320"))
def test_yunet_as_opencv_reads_it(name):
    seen, expected = read(name)
    assert seen.face.score == pytest.approx(expected["score"], abs=1e-3)
    assert seen.face.box == pytest.approx(expected["box"], abs=0.05)
    assert seen.face.landmarks.ravel() == pytest.approx(np.ravel(expected["landmarks"]), abs=0.05)


@pytest.mark.parametrize("name", of("facemesh_192"))
def test_facemesh(name):
    seen, expected = read(name)
    for index, point in expected["points"].items():
        assert seen.face.landmarks[int(index)] == pytest.approx(point, abs=1.0)
    if expected["eyes_open"]:
        assert min(seen.face.left_eye_open, seen.face.right_eye_open) > 0.6


@pytest.mark.parametrize("name", of("openseeface_lm0") + of("landmarks-regression-retail-0009"))
def test_landmarks(name):
    seen, expected = read(name)
    assert seen.face.landmarks.ravel() == pytest.approx(np.ravel(expected["landmarks"]), abs=1.0)


@pytest.mark.parametrize("name", of("head-pose-estimation-adas-0001"))
def test_the_head_turns_as_it_does_by_eye(name):
    seen, expected = read(name)
    assert expected["yaw_deg"][0] <= seen.face.head_yaw_deg <= expected["yaw_deg"][1]
    assert expected["pitch_deg"][0] <= seen.face.head_pitch_deg <= expected["pitch_deg"][1]


@pytest.mark.parametrize("name", of("open-closed-eye-0001"))
def test_open_eyes(name):
    seen, _ = read(name)
    assert min(seen.face.left_eye_open, seen.face.right_eye_open) > 0.8


@pytest.mark.parametrize("name", of("gaze-estimation-adas-0002"))
def test_gaze(name):
    seen, expected = read(name)
    assert seen.face.gaze_yaw_deg == pytest.approx(expected["yaw_deg"], abs=0.05)
    assert seen.face.gaze_pitch_deg == pytest.approx(expected["pitch_deg"], abs=0.05)
    assert max(abs(seen.face.gaze_yaw_deg), abs(seen.face.gaze_pitch_deg)) < 15


# ---------------------------------------------------------------- with the weights


def real(model, picture, role):
    """What a real network sees in the real picture, from the first pixel on."""
    if not (SHARED / "models" / ZOO.entry(model).file).exists():
        pytest.skip(f"public models and pictures are not in {SHARED}")
    settings = config.Perception(directory=str(SHARED / "models"), cache="")
    models = (model,) if role == "road" or model.startswith("yunet") else ("yunet_n_320_320", model)
    perception = Perception(config.Camera(name=role, role=role, models=models), settings)
    if "#" in picture:
        name, _, frame = picture.partition("#")
        video = cv2.VideoCapture(str(SHARED / "data/video" / name))
        video.set(cv2.CAP_PROP_POS_FRAMES, int(frame))
        image = video.read()[1]
    else:
        image = cv2.imread(str(SHARED / "data/images" / picture))
    return perception.see(Picture(t_ns=0, frame_id=0, image=image), 0)


@pytest.mark.parametrize("name", [*YOLOX, *(name for name in NAMES if name.startswith("ssd"))])
def test_a_real_detector_sees_in_the_picture_what_the_judge_read(name):
    kept = golden(name)
    view = real(kept["model"], kept["picture"], "road")
    for what, found in everything(view).items():
        # Within what another resize and half precision of the kept numbers may do.
        sure = ZOO.entry(kept["model"]).min_score + 0.05
        told = [row for row in kept["expected"].get(what, []) if row[1] > sure]
        assert len([row for row in found if row[1] > sure + 0.05]) <= len(told) <= len(found)
        for row in told:
            best = min(found, key=lambda item: float(np.abs(np.subtract(item[2], row[2:])).max()))
            assert best[0] == row[0]
            assert best[1] == pytest.approx(row[1], abs=0.05)
            assert best[2] == pytest.approx(row[2:], abs=0.01 * max(kept["size"]))


def test_real_road_segmentation_by_eye():
    kept = golden("road_segmentation")
    by_eye(real(kept["model"], kept["picture"], "road"), kept["expected"])


def test_real_lstr():
    kept = golden("lstr")
    view = real(kept["model"], kept["picture"], "road")
    assert len(view.lanes) == len(kept["expected"]["lanes"])


@pytest.mark.parametrize(
    "name", of("yunet_n_320_320") + of("openseeface_lm0") + of("landmarks-regression-retail-0009")
)
def test_real_landmarks(name):
    kept = golden(name)
    face = real(kept["model"], kept["picture"], "driver").face
    apart = np.linalg.norm(face.landmarks[0] - face.landmarks[1 if len(face.landmarks) == 5 else 16])
    assert np.abs(face.landmarks - kept["expected"]["landmarks"]).max() < 0.05 * apart
