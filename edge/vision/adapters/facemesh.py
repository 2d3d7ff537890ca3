"""MediaPipe Face Mesh (Kartynnik et al. 2019, arXiv 1907.06724): 468 points, and how open the eyes are."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from edge.messages import Face, read_only
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas, turned_square
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

MARGIN = 1.5  # the square round the face, against the larger side of its box
# Points of an eye: outer corner, two of the upper lid, inner corner, the two of the lower lid below those.
RIGHT_EYE = (33, 160, 158, 133, 153, 144)
LEFT_EYE = (263, 387, 385, 362, 380, 373)
# Eye-aspect ratios of a closed and of an open eye; between them openness is linear.
CLOSED_RATIO = 0.10
OPEN_RATIO = 0.26


class FaceMesh:
    """468 landmarks in px of the picture, and the openness of each eye from their eye-aspect ratio."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        self._session = session
        self._canvas = Canvas(session, entry)
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if there is one with points of the eyes."""
        if seen.face is None or seen.face.landmarks is None:
            return seen
        to_image = square_round(seen.face, self._canvas.width)
        self._canvas.warp(picture, to_image)
        outputs = self._session.run(self._canvas.feed())
        return msgspec.structs.replace(seen, face=self.parse(outputs, to_image, seen.face))

    def parse(self, outputs: list[np.ndarray], to_image: np.ndarray, face: Face) -> Face:
        """outputs: points (1, 3 * 468) in px of the crop, and a logit of there being a face."""
        points, logit = outputs
        if 1 / (1 + math.exp(-float(logit.ravel()[0]))) < self._min_score:
            return face
        in_crop = points.reshape(-1, 3)[:, :2]
        landmarks = in_crop @ to_image[:, :2].T + to_image[:, 2]
        return msgspec.structs.replace(
            face,
            landmarks=read_only(landmarks),
            left_eye_open=openness(in_crop[list(LEFT_EYE)]),
            right_eye_open=openness(in_crop[list(RIGHT_EYE)]),
        )


def openness(eye: np.ndarray) -> float:
    """0 to 1 from the six points (6, 2) of an eye: eye-aspect ratio of Soukupova and Cech 2016."""
    upper_lower = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
    ratio = float(upper_lower / (2 * np.linalg.norm(eye[0] - eye[3]) + 1e-9))
    return min(1.0, max(0.0, (ratio - CLOSED_RATIO) / (OPEN_RATIO - CLOSED_RATIO)))


def square_round(face: Face, size: int) -> np.ndarray:
    """(2, 3): px of a square crop round the face, turned so that the eyes are level, to px of the picture."""
    left, top, right, bottom = face.box
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    return turned_square(middle, MARGIN * max(right - left, bottom - top), eye_line(face)[2], size)


def eye_line(face: Face) -> tuple[np.ndarray, np.ndarray, float]:
    """The middle of the driver's right and left eye in px, and the angle from the one to the other, clockwise
    as seen; from 5 or from 468 landmarks."""
    points = face.landmarks
    assert points is not None
    if len(points) == 5:
        right, left = points[0], points[1]
    else:
        right, left = points[list(RIGHT_EYE)].mean(axis=0), points[list(LEFT_EYE)].mean(axis=0)
    return right, left, math.atan2(left[1] - right[1], left[0] - right[0])
