"""MediaPipe Face Mesh (Kartynnik et al. 2019, arXiv 1907.06724): 468 points, and how open the eyes are."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from edge.messages import Face, read_only
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.face import MESH_LEFT_EYE, MESH_RIGHT_EYE, eye_line, in_reach, middle_and_side
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

MARGIN = 1.5  # the square round the face, against the larger side of its box
# Eye-aspect ratios of a closed and of an open eye; between them openness is linear.
CLOSED_RATIO = 0.10
OPEN_RATIO = 0.26


class FaceMesh:
    """468 landmarks in px of the picture, and the openness of each eye from their eye-aspect ratio."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        check_outputs(entry, (1, 3 * 468), (1, 1))
        self._session = session
        self._canvas = Canvas(session, entry)
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if there is one with points of the eyes."""
        if seen.face is None or seen.face.landmarks is None:
            return seen
        feed, to_picture = self.prepare(picture, seen.face)
        return msgspec.structs.replace(seen, face=self.parse(self._session.run(feed), to_picture, seen.face))

    def prepare(self, picture: Picture, face: Face) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The feed, and (2, 3) from px of the crop to px of the picture."""
        middle, side = middle_and_side(face)
        eyes = eye_line(face)  # the square is turned so that they are level
        to_picture = self._canvas.square(picture, middle, MARGIN * side, eyes[2] if eyes else 0.0)
        return self._canvas.feed(), to_picture

    @np.errstate(all="ignore")
    def parse(self, outputs: list[np.ndarray], to_picture: np.ndarray, face: Face) -> Face:
        """outputs: points (1, 3 * 468) in px of the crop, and a logit of there being a face."""
        points, logit = outputs
        if not _probability(float(logit.ravel()[0])) >= self._min_score:
            return face
        in_crop = points.reshape(-1, 3)[:, :2].astype(np.float64)
        landmarks = in_crop @ to_picture[:, :2].T + to_picture[:, 2]
        if not in_reach(landmarks):
            return face
        return msgspec.structs.replace(
            face,
            landmarks=read_only(landmarks),
            left_eye_open=openness(in_crop[list(MESH_LEFT_EYE)]),
            right_eye_open=openness(in_crop[list(MESH_RIGHT_EYE)]),
        )


def _probability(logit: float) -> float:
    # Beyond 700 the exponential is too large for a float.
    return 1 / (1 + math.exp(-min(700.0, max(-700.0, logit)))) if logit == logit else 0.0


def openness(eye: np.ndarray) -> float:
    """0 to 1 from the six points (6, 2) of an eye: eye-aspect ratio of Soukupova and Cech 2016."""
    upper_lower = np.linalg.norm(eye[1] - eye[5]) + np.linalg.norm(eye[2] - eye[4])
    ratio = float(upper_lower / (2 * np.linalg.norm(eye[0] - eye[3]) + 1e-9))
    return min(1.0, max(0.0, (ratio - CLOSED_RATIO) / (OPEN_RATIO - CLOSED_RATIO)))
