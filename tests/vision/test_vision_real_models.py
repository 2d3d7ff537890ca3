"""The public networks on real pictures, where they are at hand; labels and eyes are the judges."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import config
from edge.vision.perceive import Perception
from edge.vision.picture import Picture
from edge.vision.zoo import ModelError, Zoo

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
pytestmark = pytest.mark.skipif(
    not (SHARED / "models").is_dir(), reason=f"public models and pictures are not in {SHARED}"
)
SETTINGS = config.Perception(directory=str(SHARED / "models"))
DRIVER_MODELS = (
    "gaze-estimation-adas-0002", "open-closed-eye-0001", "head-pose-estimation-adas-0001", "facemesh_192",
    "yunet_n_320_320",
)  # fmt: skip


def perception(role, *models):
    return Perception(config.Camera(name=role, role=role, models=models), SETTINGS, Zoo())


def see(networks, image, t_ns=7):
    return networks.see(Picture(t_ns=t_ns, frame_id=3, image=image), 11)


def overlaps(boxes, others):
    """(N, M) intersection over union."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=1) for b in (boxes, others)]
    return both / (areas[0][:, None] + areas[1][None] - both)


def still(name, number):
    video = cv2.VideoCapture(str(SHARED / "data/video" / name))
    video.set(cv2.CAP_PROP_POS_FRAMES, number)
    ok, image = video.read()
    assert ok
    return image


@pytest.mark.parametrize(
    "model", ["yolox_nano_416", "person-vehicle-bike-detection-2002", "vehicle-detection-adas-0002"]
)
def test_detectors_find_the_two_cars_of_a_highway(model):
    view = see(perception("road", model), cv2.imread(str(SHARED / "data/images/carnd_P2/test6.jpg")))
    assert (view.t_ns, view.taken_ns, view.frame_id, view.width_px, view.height_px) == (11, 7, 3, 1280, 720)
    assert view.models[0].startswith(f"{model}@")
    assert view.lanes is None
    # By eye: a black car and a white one.
    by_eye = np.array([[811, 411, 944, 497], [1012, 407, 1200, 500]], float)
    found = overlaps(view.detections.boxes, by_eye).max(axis=0)
    assert (found > 0.6).all(), found
    kinds = {view.detections.kinds[i] for i in overlaps(view.detections.boxes, by_eye).argmax(axis=0)}
    assert kinds <= {"car", "truck"}


def test_yolox_agrees_with_the_labels_of_highway_pictures():
    vehicles = {"car", "truck", "bus"}
    kinds = ("bus", "car", "motorbike", "person", "truck")
    networks = perception("road", "yolox_nano_416")
    labelled = found = right = 0
    for path in sorted((SHARED / "data/labels/highway_objects/valid").rglob("*.txt"))[:40]:
        image = cv2.imread(str(path).replace("/labels/", "/images/").removesuffix(".txt") + ".jpg")
        rows = np.array([line.split() for line in path.read_text().splitlines()], float).reshape(-1, 5)
        rows = rows[[kinds[int(kind)] in vehicles for kind in rows[:, 0]]]
        height, width = image.shape[:2]
        truth = np.concatenate((rows[:, 1:3] - rows[:, 3:] / 2, rows[:, 1:3] + rows[:, 3:] / 2), axis=1)
        truth *= (width, height, width, height)
        seen = see(networks, image).detections
        boxes = seen.boxes[[kind in vehicles for kind in seen.kinds]]
        labelled += len(truth)
        found += len(boxes)
        if len(truth) and len(boxes):
            right += int((overlaps(boxes, truth).max(axis=0) > 0.5).sum())
    assert labelled > 40
    assert right / labelled > 0.7, f"{right} of {labelled} found"
    assert right / found > 0.75, f"{right} of {found} boxes are right"


def test_road_segmentation_finds_both_lines_of_the_lane():
    view = see(
        perception("road", "road-segmentation-adas-0001"),
        cv2.imread(str(SHARED / "data/images/carnd_P1/solidWhiteCurve.jpg")),
    )
    # By eye: at row 440 the dashed line is at 316, the solid one at 713.
    crossings = [
        float(np.interp(440, line.points[::-1, 1], line.points[::-1, 0]))
        for line in view.lanes
        if line.points[-1, 1] <= 440 <= line.points[0, 1]
    ]
    assert crossings == pytest.approx([316, 713], abs=8)


def test_detections_and_lanes_come_together_and_in_order():
    networks = perception("road", "road-segmentation-adas-0001", "yolox_nano_416")
    assert [model.split("@")[0] for model in networks.models] == [
        "yolox_nano_416",
        "road-segmentation-adas-0001",
    ]
    view = see(networks, cv2.imread(str(SHARED / "data/images/carnd_P2/test6.jpg")))
    assert len(view.detections) > 0
    assert len(view.lanes) >= 2
    assert set(networks.stages) == {"resize", "run", "post"}
    assert networks.notes == ()


# By eye, of one who turns his head: straight, to his left, to his right, up, down.
@pytest.mark.parametrize(
    ("frame", "yaw", "pitch"),
    [(0, (-8, 8), (-12, 12)), (170, (15, 70), (-25, 15)), (210, (-80, -25), (-20, 25)),
     (104, (-15, 15), (20, 60)), (150, (-15, 15), (-50, -15))],
)  # fmt: skip
def test_the_head_turns_as_the_vocabulary_says(driver, frame, yaw, pitch):
    face = see(driver, still("incluit_driver_video1.mp4", frame)).face
    assert yaw[0] <= face.head_yaw_deg <= yaw[1]
    assert pitch[0] <= face.head_pitch_deg <= pitch[1]


@pytest.fixture(scope="module")
def driver():
    return perception("driver", *DRIVER_MODELS)


def test_an_attentive_driver_has_a_face_open_eyes_and_looks_ahead(driver):
    image = still("incluit_driver_video1.mp4", 0)
    view = see(driver, image)
    face = view.face
    left, top, right, bottom = face.box
    assert 0.15 < (right - left) / image.shape[1] < 0.8
    assert left < face.landmarks[1, 0] < right, "the tip of the nose lies in the box"
    assert top < face.landmarks[1, 1] < bottom
    assert len(face.landmarks) == 468
    assert face.left_eye_open > 0.6
    assert face.right_eye_open > 0.6
    assert abs(face.gaze_yaw_deg) < 15
    assert abs(face.gaze_pitch_deg) < 15


def test_a_head_that_leans_to_the_drivers_right_shoulder_rolls_clockwise(driver):
    image = still("incluit_driver_video1.mp4", 0)
    height, width = image.shape[:2]
    # The driver's right is the picture's left: the top of the head goes there, counter-clockwise as seen.
    lean = cv2.getRotationMatrix2D((width / 2, height / 2), 20, 1)
    leaning = cv2.warpAffine(image, lean, (width, height), borderMode=cv2.BORDER_REPLICATE)
    change = see(driver, leaning).face.head_roll_deg - see(driver, image).face.head_roll_deg
    assert 10 < change < 30


def test_nothing_is_said_of_eyes_that_are_turned_away(driver):
    face = see(driver, still("incluit_driver_video1.mp4", 216)).face
    assert face.left_eye_open is None
    assert face.right_eye_open is None
    assert face.gaze_yaw_deg is None


def test_an_empty_seat_has_no_face(driver):
    assert see(driver, np.full((480, 640, 3), 90, np.uint8)).face is None


def test_models_that_do_not_fit_are_refused_with_what_to_do():
    with pytest.raises(ModelError, match=r"needs a model that finds the face; add one of: .*yunet"):
        perception("driver", "facemesh_192")
    with pytest.raises(ModelError, match="is for a road camera"):
        perception("driver", "yolox_nano_416")
    with pytest.raises(ModelError, match=r"both .* look for objects; keep one"):
        perception("road", "yolox_nano_416", "vehicle-detection-adas-0002")
    with pytest.raises(ModelError, match="has no models"):
        perception("road")


def test_the_road_ends_where_a_person_drew_its_end():
    from edge.vision.evaluate.datasets import ROAD, UNSURE, road_polygons

    networks = perception("road", "road-segmentation-adas-0001")
    labels = Path(__file__).resolve().parents[2] / "models/training/labels"
    drawn = [surface for surface in road_polygons(SHARED / "data", labels) if "carnd" in surface.camera]
    assert len(drawn) >= 5
    for surface in drawn:
        height = len(surface.mask)
        misses = []
        for x, y in see(networks, surface.image).free_space:
            upwards = surface.mask[::-1, int(x)]
            begins = int((upwards == ROAD).argmax())
            ends = begins + int((upwards[begins:] != ROAD).argmax())
            if upwards[begins] == ROAD and upwards[ends] != UNSURE:
                misses.append(abs(y - (height - ends)) / height)
        assert len(misses) > 20
        assert np.median(misses) < 0.02
        assert np.mean(np.array(misses) < 0.04) > 0.85


def test_lights_that_yolox_finds_are_labelled_as_such():
    networks = perception("road", "yolox_nano_416-lights")
    labelled = found = right = 0
    for path in sorted((SHARED / "data/labels/cinta_traffic_lights/test").glob("*.txt"))[:25]:
        image = cv2.imread(str(path).replace("/labels/", "/images/").removesuffix(".txt") + ".jpg")
        rows = np.array([line.split() for line in path.read_text().splitlines()], float).reshape(-1, 5)
        height, width = image.shape[:2]
        truth = np.concatenate((rows[:, 1:3] - rows[:, 3:] / 2, rows[:, 1:3] + rows[:, 3:] / 2), axis=1)
        truth *= (width, height, width, height)
        view = see(networks, image)
        assert view.detections is None
        boxes = np.array([light.box for light in view.lights]).reshape(-1, 4)
        labelled += len(truth)
        found += len(boxes)
        if len(truth) and len(boxes):
            right += int((overlaps(boxes, truth).max(axis=0) > 0.3).sum())
    assert right / labelled > 0.5, f"{right} of {labelled} found"
    assert right / found > 0.5, f"{right} of {found} boxes are right"
