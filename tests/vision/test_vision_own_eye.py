"""icv-eye: the adapter with a stand-in session; the committed weights on eyes that they never saw."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import config
from edge.messages import Face, read_only
from edge.vision.adapters import Seen, Tensor
from edge.vision.adapters.own_eye import OwnEye
from edge.vision.perceive import load
from edge.vision.picture import Picture
from edge.vision.sessions import open_session
from edge.vision.zoo import Zoo

ROOT = Path(__file__).resolve().parents[2]
EYES = [[100, 80], [160, 80], [130, 100], [110, 130], [150, 130]]


class Answers:
    """A session that gives one answer after another and keeps what it was fed."""

    def __init__(self, *answers):
        self.inputs = {"picture": Tensor((1, 48, 48, 3), np.dtype(np.uint8))}
        self.answers = list(answers)
        self.fed = []

    def run(self, feed):
        self.fed.append(feed["picture"].copy())
        return [np.array([self.answers.pop(0)], np.float32)]


def face(points=EYES, **more):
    return Face(score=0.9, box=(80, 40, 180, 150), landmarks=read_only(np.array(points, float)), **more)


def picture(image=None):
    image = np.full((240, 320, 3), 90, np.uint8) if image is None else image
    return Picture(t_ns=0, frame_id=0, image=image)


def adapter(*answers):
    session = Answers(*answers)
    return OwnEye(session, Zoo().entry("icv-eye")), session


def test_each_eye_is_judged_in_a_square_round_it():
    image = np.zeros((240, 320, 3), np.uint8)
    image[70:90, 90:110] = 200  # the driver's right eye, at the left of the picture
    eyes, session = adapter(0.4, 1.0)
    found = eyes.see(picture(image), Seen(face=face())).face
    assert found.right_eye_open == pytest.approx(0.2)
    assert found.left_eye_open == pytest.approx(1.0)
    right, left = session.fed
    assert right.shape == (1, 48, 48, 3)
    assert right.dtype == np.uint8
    assert (right[0, 15:33, 15:33] == 200).all(), "20 px of the 48 px wide square, in its middle"
    assert (right[0, :10] == 0).all()
    assert (left == 0).all()


def test_it_takes_the_place_of_what_landmarks_said():
    eyes, _ = adapter(0.4, 1.0)
    found = eyes.see(picture(), Seen(face=face(left_eye_open=0.0, right_eye_open=1.0))).face
    assert found.left_eye_open == pytest.approx(1.0)
    assert found.right_eye_open == pytest.approx(0.2)


@pytest.mark.parametrize("pose", [{"head_yaw_deg": 50.0}, {"head_pitch_deg": -35.0}])
def test_eyes_that_are_turned_away_are_unknown(pose):
    eyes, session = adapter()
    found = eyes.see(picture(), Seen(face=face(left_eye_open=0.0, right_eye_open=0.0, **pose))).face
    assert found.left_eye_open is None
    assert found.right_eye_open is None
    assert session.fed == []


def test_eyes_of_a_few_pixels_are_unknown():
    small = (np.array(EYES, float) - 100) / 6 + 100
    found = adapter()[0].see(picture(), Seen(face=face(small, left_eye_open=0.5))).face
    assert found.left_eye_open is None
    assert found.right_eye_open is None


def test_an_eye_beyond_the_edge_of_the_picture_is_unknown():
    eyes, session = adapter(1.0)
    beyond = np.array(EYES) + np.array([165, 0])  # the driver's left eye is at 325 of 320 px
    found = eyes.see(picture(), Seen(face=face(beyond, left_eye_open=0.0))).face
    assert found.right_eye_open == pytest.approx(1.0)
    assert found.left_eye_open is None
    assert len(session.fed) == 1


def test_without_a_face_or_its_eyes_nothing_is_said():
    eyes, _ = adapter()
    assert eyes.see(picture(), Seen()).face is None
    blind = Face(score=0.9, box=(0, 0, 9, 9))
    assert eyes.see(picture(), Seen(face=blind)).face is blind


def test_what_is_no_number_is_unknown_and_what_is_too_large_is_cut():
    eyes, _ = adapter(float("nan"), 1.5)
    found = eyes.see(picture(), Seen(face=face())).face
    assert found.right_eye_open is None
    assert found.left_eye_open == 1.0


# ---------------------------------------------------------------- the committed weights


@pytest.fixture(scope="module")
def network():
    zoo = Zoo()
    return open_session(zoo.locate("icv-eye"), config.Perception())


@pytest.fixture(scope="module")
def draw():
    sys.path.insert(0, str(ROOT / "models" / "training"))
    try:
        import eye_data
    finally:
        sys.path.pop(0)
    return eye_data


def likely_open(network, image):
    return float(network.run({"picture": np.repeat(image[None, :, :, None], 3, axis=3)})[0][0])


def test_rendered_eyes_that_it_never_saw(network, draw):
    seeds = range(draw.HELD_OUT_SEEDS, draw.HELD_OUT_SEEDS + 150)
    opened = [likely_open(network, draw.eye(seed, 0.9).image) for seed in seeds]
    closed = [likely_open(network, draw.eye(seed + 500, 0.0).image) for seed in seeds]
    auc = np.mean(np.array(opened)[:, None] > np.array(closed)[None])
    assert auc > 0.93


def test_colour_does_not_matter(network, draw):
    grey = draw.eye(draw.HELD_OUT_SEEDS + 3, 0.9).image
    tinted = np.stack([np.clip(grey * share, 0, 255) for share in (0.8, 1.0, 1.1)], axis=2).astype(np.uint8)
    (same,) = network.run({"picture": tinted[None]})
    assert float(same[0]) == pytest.approx(likely_open(network, grey), abs=0.1)


def test_real_eyes_labelled_by_people(network):
    shared = ROOT.parent / "shared"
    if not (shared / "models" / "mediapipe_facemesh_192.onnx").exists():
        pytest.skip("needs ../shared: public models and clips")
    zoo, perception = Zoo(), config.Perception(directory=str(shared / "models"))
    chain = [
        load(name, zoo.locate(name, perception.directory), perception, zoo)[1]
        for name in ("yunet_n_320_320", "facemesh_192", "icv-eye")
    ]
    clips = json.loads((ROOT / "models/training/labels/eyes.json").read_text())["clips"]
    said = {"open": [], "closed": []}
    for name, sides in clips.items():
        film, number = cv2.VideoCapture(str(shared / "data/video" / name)), 0
        while film.grab():
            labels = {
                side: label
                for side, spans in sides.items()
                for first, last, label in spans
                if first <= number <= last and label != "half"
            }
            if labels and (number % 10 == 0 or "closed" in labels.values()):
                seen = Seen()
                for model in chain:
                    seen = model.see(picture(film.retrieve()[1]), seen)
                for side, label in labels.items():
                    said[label].append(getattr(seen.face, f"{side}_eye_open"))
            number += 1
    assert len(said["open"]) > 60
    assert len(said["closed"]) > 30
    assert None not in said["open"], "eyes of these clips are large enough"
    auc = np.mean(np.array(said["open"])[:, None] > np.array(said["closed"])[None])
    assert auc > 0.93
    assert np.mean(np.array(said["open"]) < 0.2) < 0.05, "hardly an open eye is called closed"
