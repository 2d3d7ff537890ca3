"""Parsers on small arrays made by hand: what goes in is computed here from the papers' formulas, forwards."""

import math

import numpy as np
import pytest

from edge.messages import Face, read_only
from edge.vision.adapters import Seen, Tensor
from edge.vision.adapters.canvas import Canvas, turned_square
from edge.vision.adapters.detections import keep_best
from edge.vision.adapters.eyes import OpenClosedEye
from edge.vision.adapters.face import MESH_LEFT_EYE, MESH_RIGHT_EYE, eyes_visible
from edge.vision.adapters.facemesh import FaceMesh, openness
from edge.vision.adapters.gaze import Gaze
from edge.vision.adapters.headpose import HeadPose
from edge.vision.adapters.segmentation import RoadSegmentation
from edge.vision.adapters.ssd import Ssd
from edge.vision.adapters.yolo import Yolo, layout_of
from edge.vision.adapters.yolox import YoloX
from edge.vision.adapters.yunet import YuNet
from edge.vision.picture import Picture
from edge.vision.zoo import Entry, ModelError

FACE = Face(score=0.9, box=(100.0, 50.0, 200.0, 180.0))
NOTHING = Seen()


def entry(**fields):
    plain = {
        "file": "x.onnx", "sha256": "0", "bytes": 1, "role": "road", "finds": ("objects",), "adapter": "a:b",
        "input": "", "inputs": {}, "outputs": {}, "licence_code": "", "licence_weights": "",
    }  # fmt: skip
    return Entry(**(plain | fields))


class Fake:
    """A session that keeps what it was fed and gives what it was told."""

    def __init__(self, *answers, inputs=None):
        self.inputs = inputs or {}
        self.answers = list(answers)
        self.fed = []

    def run(self, feed):
        self.fed.append({name: array.copy() for name, array in feed.items()})
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def made(adapter, session, entry, dtype="float32"):
    session.inputs = {name: Tensor(shape, np.dtype(dtype)) for name, shape in entry.inputs.items()}
    return adapter(session, entry)


def picture(image):
    return Picture(t_ns=0, frame_id=0, image=image)


def canvas_of(shape, dtype="float32", **fields):
    return Canvas(Fake(inputs={"x": Tensor(shape, np.dtype(dtype))}), entry(**fields))


# ---------------------------------------------------------------- canvas


def test_a_letterbox_keeps_proportions_in_the_top_left_corner():
    canvas = canvas_of((1, 3, 416, 416), pad=114)
    image = np.full((720, 1280, 3), (10, 20, 30), np.uint8)
    assert canvas.letterbox(picture(image)) == pytest.approx(416 / 1280)
    assert (canvas.pixels[:234] == (10, 20, 30)).all()
    assert (canvas.pixels[234:] == 114).all()
    batch = canvas.batch()
    assert batch.shape == (1, 3, 416, 416)
    assert batch.dtype == np.float32
    assert batch[0, :, 0, 0].tolist() == [10, 20, 30]


def test_a_letterbox_forgets_the_picture_before_it():
    canvas = canvas_of((1, 3, 100, 100), pad=114)
    canvas.letterbox(picture(np.zeros((100, 50, 3), np.uint8)))
    canvas.letterbox(picture(np.zeros((50, 100, 3), np.uint8)))
    assert (canvas.pixels[51:] == 114).all()


def test_a_batch_is_scaled_and_turned_to_rgb():
    canvas = canvas_of((1, 4, 4, 3), scale=1 / 255, offset=-0.5, rgb=True)
    canvas.stretch(picture(np.full((9, 9, 3), (0, 127, 255), np.uint8)))
    assert canvas.batch()[0, 0, 0].tolist() == pytest.approx([0.5, -0.002, -0.5], abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 3, 2, 4), (1, 2, 4, 3)])
def test_each_channel_may_have_its_own_scale_in_the_order_in_which_it_is_fed(shape):
    canvas = canvas_of(shape, scale=(1.0, 0.5, 0.25), offset=(0.0, 1.0, 2.0), rgb=True)
    canvas.stretch(picture(np.full((9, 9, 3), (40, 20, 10), np.uint8)))
    batch = canvas.batch()
    channels = batch[0] if shape[1] == 3 else batch[0].transpose(2, 0, 1)
    assert [set(channel.ravel().tolist()) for channel in channels] == [{10.0}, {11.0}, {12.0}]


def test_a_turned_square_shows_the_marked_place_upright():
    image = np.zeros((200, 200, 3), np.uint8)
    image[100, 130] = 255  # 30 px right of the middle
    canvas = canvas_of((1, 3, 60, 60))
    canvas.warp(picture(image), turned_square(np.array([100.0, 100.0]), 120.0, 0.0, 60))
    assert np.unravel_index(canvas.pixels[..., 0].argmax(), (60, 60)) == (30, 45)
    # Turned by a quarter, clockwise as seen: what lay below the middle lies to its right.
    image[:] = 0
    image[130, 100] = 255
    canvas.warp(picture(image), turned_square(np.array([100.0, 100.0]), 120.0, math.pi / 2, 60))
    assert np.unravel_index(canvas.pixels[..., 0].argmax(), (60, 60)) == (30, 45)


# ---------------------------------------------------------------- objects


def test_the_best_of_overlapping_boxes_stays_and_other_kinds_are_left_alone():
    boxes = np.array(
        [[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10], [50, 50, 60, 60], [-5, 90, 20, 130]], float
    )
    found = keep_best(
        boxes,
        np.array([0.8, 0.9, 0.7, 0.6, 0.5]),
        np.array([0, 1, 2, 0, 0]),
        ("car", "truck", "person"),
        (100, 100),
    )
    assert found.kinds == ("truck", "person", "car", "car")
    assert found.scores.tolist() == [0.9, 0.7, 0.6, 0.5]
    assert found.boxes[3].tolist() == [0, 90, 20, 100], "cut to the picture"


def test_nothing_found_is_an_empty_detections():
    found = keep_best(np.empty((0, 4)), np.empty(0), np.empty(0, int), ("car",), (100, 100))
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)


def test_yolox():
    session = Fake([np.zeros((1, 84, 5 + 3), np.float32)])
    adapter = made(
        YoloX,
        session,
        entry(
            inputs={"images": (1, 3, 64, 64)},
            outputs={"x": (1, 84, 8)},
            kinds=("person", "", "car"),
            min_score=0.5,
        ),
    )
    rows = session.answers[0][0]
    # Stride 8 has 8x8 cells; column 2, row 3 is cell 26: middle at ((2 + .5) 8, (3 + .25) 8), size 16 x 24.
    rows[0, 26] = [0.5, 0.25, math.log(2), math.log(3), 0.9, 0.0, 0.0, 0.8]
    # Stride 32 begins after 64 + 16 cells; its last cell is column 1, row 1; a class that nobody wants wins.
    rows[0, 83] = [0, 0, 0, 0, 0.9, 0.0, 1.0, 0.1]
    # Objectness alone is not enough: 0.6 * 0.7 < 0.5.
    rows[0, 5] = [0, 0, 0, 0, 0.6, 0.7, 0.0, 0.0]
    found = adapter.see(picture(np.zeros((128, 128, 3), np.uint8)), Seen()).detections
    assert found.kinds == ("car",)
    assert found.scores[0] == pytest.approx(0.72)
    assert found.boxes[0].tolist() == pytest.approx([24, 28, 56, 76])  # twice that of the network's 64 px


def test_ssd():
    adapter = made(
        Ssd,
        Fake(None),
        entry(
            inputs={"data": (1, 3, 8, 8)},
            outputs={"x": (1, 12), "y": (1, 6), "z": (1, 2, 12)},
            kinds=("", "car"),
            min_score=0.5,
        ),
    )
    priors = np.zeros((1, 2, 12), np.float32)
    priors[0, 0] = [0.2, 0.2, 0.4, 0.6] * 3
    priors[0, 1] = [0.1, 0.1, 0.2, 0.2] * 3
    offsets = np.zeros((1, 12), np.float32)
    # Middle (.3, .4) and size (.2, .4): moved by half a width to the right, twice as wide.
    offsets[0, 4:8] = [0.5 / 0.1, 0, math.log(2) / 0.2, 0]
    probabilities = np.array([[0.9, 0.1, 0.3, 0.7, 0.6, 0.4]], np.float32)
    image = np.zeros((100, 1000, 3), np.uint8)
    found = adapter.parse([offsets, probabilities, priors], picture(image), Seen()).detections
    assert found.kinds == ("car",)
    assert found.scores[0] == pytest.approx(0.7)
    assert found.boxes[0].tolist() == pytest.approx([200, 20, 600, 60], abs=1e-3)


def yolo(shape, kinds=("car",), **fields):
    return made(
        Yolo,
        Fake([np.zeros([size or 9 for size in shape], np.float32)]),
        entry(inputs={"images": (1, 3, 64, 64)}, outputs={"x": shape}, kinds=kinds, **fields),
    )


@pytest.mark.parametrize(
    ("shape", "classes", "layout"),
    [((1, 84, 6), 1, None), ((1, 300, 6), 1, None), ((1, 84, 8), 80, "v8"), ((1, 84, 8), 3, "v5"),
     ((1, 7, 84), 3, "v8"), ((1, 300, 6), 3, "nms"), ((1, 8400, 6), 3, None), ((1, 0, 6), 1, None),
     ((1, 7, 0), 3, "v8"), ((1, 0, 8), 3, "v5"), ((1, 8, 8), 4, "v8"), ((1, 7, 8), 3, None),
     ((1, 84, 10), 3, None)],
)  # fmt: skip
def test_a_layout_of_yolo_is_recognised_or_asked_for(shape, classes, layout):
    kinds = ("car", *[""] * (classes - 1))
    if layout is None:
        with pytest.raises(ModelError, match=r'x\.onnx: its output .* write layout = "v5"'):
            yolo(shape, kinds)
    else:
        assert layout_of(entry(outputs={"x": shape}, kinds=kinds)) == layout
        yolo(shape, kinds)


def test_a_layout_that_is_said_is_taken_if_it_can_be():
    for layout in ("v5", "nms"):
        assert yolo((1, 300, 6), layout=layout)
    with pytest.raises(ModelError, match=r"are not what .* reads: \(1, 5 or more, any\)"):
        yolo((1, 4, 300), layout="v8")
    with pytest.raises(ModelError, match=r"outputs .* are not what"):
        yolo((1, 300, 6, 1))


def test_lights_and_signs_of_a_detector_are_no_road_users():
    kinds = ("car", "traffic light", "traffic sign", "stop sign")
    output = np.zeros((1, 5, 6), np.float32)
    for number in range(4):
        left = 30 if number > 1 else 0
        output[0, number] = [left, 10, left + 20, 30, 0.9 - number / 10, number]
    output[0, 4] = [1, 10, 20, 30, 0.55, 1]
    size = picture(np.zeros((64, 64, 3), np.uint8))

    def seen_with(finds, before=NOTHING):
        adapter = yolo(output.shape, kinds, finds=finds)
        adapter._session.answers = [[output]]
        return adapter.see(size, before)

    seen = seen_with(("objects", "lights", "signs"))
    assert seen.detections.kinds == ("car",)
    assert [(light.score, light.state) for light in seen.lights] == [(pytest.approx(0.8), None)]
    assert [sign.kind for sign in seen.signs] == [None], "of signs in one place the surest stays"
    # Only what the entry says that it finds: another model found the road users.
    before = Seen(detections=seen.detections)
    assert seen_with(("lights",), before).detections is seen.detections
    assert seen_with(("lights",)).signs is None
    assert seen_with(("objects",)).lights is None
    with pytest.raises(ModelError, match="none of its kinds is of what it finds"):
        yolo((1, 5, 6), ("car",), finds=("lights",), layout="nms")
    with pytest.raises(ModelError, match="kinds: 'lorry' is none of car, truck"):
        yolo((1, 5, 6), ("lorry",), layout="nms")


def test_a_stop_sign_is_a_sign_whose_kind_is_known():
    adapter = yolo((1, 1, 6), ("", "stop sign"), finds=("signs",))
    adapter._session.answers = [[np.array([[[10, 10, 30, 30, 0.9, 1]]], np.float32)]]
    (sign,) = adapter.see(picture(np.zeros((64, 64, 3), np.uint8)), Seen()).signs
    assert (sign.kind, sign.box) == ("stop", (10, 10, 30, 30))


# ---------------------------------------------------------------- road


def test_road_segmentation_draws_the_line_where_the_mark_is():
    output = np.zeros((1, 4, 256, 448), np.float32)
    output[0, 1, 100:] = 1
    for row in range(100, 256):
        output[0, :, row, row : row + 5] = [[0], [0], [0], [1]]
    adapter = made(
        RoadSegmentation,
        Fake([output]),
        entry(finds=("lanes", "road"), inputs={"data": (1, 3, 256, 448)}, outputs={"x": (1, 4, 256, 448)}),
    )
    seen = adapter.see(picture(np.zeros((512, 896, 3), np.uint8)), Seen())
    assert set(seen.free_space[:, 1].tolist()) == {200.0}
    (line,) = seen.lanes
    expected = line.points[:, 1] + 5  # in a picture twice as large, 2.5 mask px to the middle of the mark
    assert np.abs(line.points[:, 0] - expected).max() < 4


# ---------------------------------------------------------------- driver


YUNET = {
    "inputs": {"input": (1, 3, 64, 64)},
    "outputs": {
        f"{what}_{cells}": (1, cells, n)
        for what, n in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        for cells in (64, 16, 4)
    },
}


def test_yunet_finds_the_largest_face_and_its_points():
    outputs = [np.zeros(shape, np.float32) for shape in YUNET["outputs"].values()]
    adapter = made(YuNet, Fake(outputs), entry(**YUNET, min_score=0.6))
    # Stride 16, column 1, row 2: middle (1.5, 2.5) * 16, size 32 x 48.
    outputs[1][0, 9], outputs[4][0, 9] = 0.9, 0.9
    outputs[7][0, 9] = [0.5, 0.5, math.log(2), math.log(3)]
    outputs[10][0, 9] = [0.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.0, 1.0, 1.0, 1.0]
    # A smaller one that scores better, elsewhere.
    outputs[0][0, 63], outputs[3][0, 63] = 1.0, 1.0
    face = adapter.see(picture(np.zeros((128, 128, 3), np.uint8)), Seen()).face
    assert face.score == pytest.approx(0.9)
    assert face.box == pytest.approx((16, 32, 80, 128))
    assert face.landmarks.tolist() == pytest.approx(
        np.array([[32, 64], [64, 64], [48, 80], [32, 96], [64, 96]])
    )


def test_no_face_is_none():
    outputs = [np.zeros(shape, np.float32) for shape in YUNET["outputs"].values()]
    adapter = made(YuNet, Fake(outputs), entry(**YUNET))
    assert adapter.see(picture(np.zeros((128, 128, 3), np.uint8)), Seen()).face is None


@pytest.mark.parametrize(("gap", "expected"), [(0.0, 0.0), (0.5, 0.0), (4.0, 1.0)])
def test_the_eye_aspect_ratio_says_how_open(gap, expected):
    eye = np.array([[0, 0], [3, -gap / 2], [7, -gap / 2], [10, 0], [7, gap / 2], [3, gap / 2]], float)
    assert openness(eye) == pytest.approx(expected)


MESH = entry(inputs={"image": (1, 3, 192, 192)}, outputs={"points": (1, 1404), "conf": (1, 1)}, role="driver")


def test_facemesh_lays_its_points_into_the_picture_and_knows_left_from_right():
    points = np.zeros((468, 3), np.float32)
    for indices, gap in ((MESH_LEFT_EYE, 40), (MESH_RIGHT_EYE, 0)):
        points[list(indices), 0] = [0, 30, 70, 100, 70, 30]
        points[list(indices), 1] = [0, -gap / 2, -gap / 2, 0, gap / 2, gap / 2]
    points[1] = (96, 96, 0)  # the middle of the crop
    session = Fake([points.reshape(1, -1), np.array([[9.0]])])
    adapter = made(FaceMesh, session, MESH)
    five = read_only([[130, 100], [170, 100], [150, 120], [135, 150], [165, 150]])
    face = Face(score=0.9, box=FACE.box, landmarks=five)
    seen = adapter.see(picture(np.zeros((240, 320, 3), np.uint8)), Seen(face=face)).face
    assert seen.landmarks[1].tolist() == pytest.approx([150, 115])
    assert (seen.left_eye_open, seen.right_eye_open) == (1.0, 0.0)


def test_facemesh_that_is_not_sure_leaves_the_face_as_it_was():
    session = Fake([np.zeros((1, 1404), np.float32), np.array([[-9.0]])])
    adapter = made(FaceMesh, session, MESH)
    face = Face(score=0.9, box=FACE.box, landmarks=read_only(np.ones((5, 2))))
    assert adapter.see(picture(np.zeros((240, 320, 3), np.uint8)), Seen(face=face)).face is face


def test_head_pose_has_the_signs_of_the_vocabulary():
    adapter = made(
        HeadPose,
        Fake(None),
        entry(inputs={"data": (1, 3, 60, 60)}, outputs={"r": (1, 1), "p": (1, 1), "y": (1, 1)}),
    )
    face = adapter.parse([np.array([[5.0]]), np.array([[10.0]]), np.array([[-20.0]])], FACE)
    assert (face.head_yaw_deg, face.head_pitch_deg, face.head_roll_deg) == (-20.0, -10.0, -5.0)


@pytest.mark.parametrize(
    ("vector", "yaw", "pitch"),
    [((0, 0, -1), 0, 0), ((1, 0, -1), 45, 0), ((0, 1, -1), 0, 45), ((-1, 0, -1), -45, 0)],
)
def test_gaze_has_the_signs_of_the_vocabulary(vector, yaw, pitch):
    face = Gaze.parse([np.array([vector], np.float32)], 0.0, FACE)
    assert (face.gaze_yaw_deg, face.gaze_pitch_deg) == pytest.approx((yaw, pitch), abs=1e-4)


def test_gaze_is_turned_back_from_the_level_crop():
    # The head leans by 90 degrees, the crop is turned clockwise with it: its right is the picture's down.
    face = Gaze.parse([np.array([[1, 0, -1]], np.float32)], math.pi / 2, FACE)
    assert (face.gaze_yaw_deg, face.gaze_pitch_deg) == pytest.approx((0, -45), abs=1e-4)


def five_points(**fields):
    points = read_only([[130, 100], [170, 100], [150, 120], [135, 150], [165, 150]])
    return Face(score=0.9, box=FACE.box, landmarks=points, **fields)


def open_closed(*answers):
    outputs = [[np.array([1 - p, p], np.float32).reshape(1, 2, 1, 1)] for p in answers]
    return made(
        OpenClosedEye, Fake(*outputs), entry(inputs={"input.1": (1, 3, 32, 32)}, outputs={"19": (1, 2, 1, 1)})
    )


def test_an_eye_is_the_mean_of_what_both_models_say():
    image = np.zeros((240, 320, 3), np.uint8)
    face = open_closed(0.2, 1.0).see(picture(image), Seen(face=five_points(right_eye_open=0.6))).face
    assert face.right_eye_open == pytest.approx(0.4)
    assert face.left_eye_open == pytest.approx(1.0)


def test_eyes_that_are_turned_away_are_not_judged():
    image = np.zeros((240, 320, 3), np.uint8)
    face = open_closed(0.0).see(picture(image), Seen(face=five_points(head_yaw_deg=50.0))).face
    assert face.right_eye_open is None
    assert not eyes_visible(five_points(head_pitch_deg=-40.0))
    assert eyes_visible(five_points())
