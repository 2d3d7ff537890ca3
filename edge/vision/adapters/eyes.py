"""open-closed-eye-0001, and what all that is known of the eyes together says."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import Face
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas, turned_square
from edge.vision.adapters.facemesh import eye_line
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

MAX_YAW_DEG = 35.0
MAX_PITCH_DEG = 30.0
SIDE = 0.6  # of the crop, against the distance between the eyes


class OpenClosedEye:
    """How likely each eye is open; the mean of that and of what the landmarks said, where they said it.

    Either alone separates open from closed eyes worse than both together do.
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        self._session = session
        self._canvas = Canvas(session, entry)

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if there is one with points of the eyes that looks towards the camera."""
        face = seen.face
        if face is None or face.landmarks is None or not eyes_visible(face):
            return seen
        right, left, angle = eye_line(face)
        side = SIDE * float(np.hypot(*(left - right)))
        return msgspec.structs.replace(
            seen,
            face=msgspec.structs.replace(
                face,
                right_eye_open=_mean(self._open(picture, right, side, angle), face.right_eye_open),
                left_eye_open=_mean(self._open(picture, left, side, angle), face.left_eye_open),
            ),
        )

    def _open(self, picture: Picture, middle: np.ndarray, side: float, angle: float) -> float:
        self._canvas.warp(picture, turned_square(middle, side, angle, self._canvas.width))
        (output,) = self._session.run(self._canvas.feed())
        return self.parse(output)

    @staticmethod
    def parse(output: np.ndarray) -> float:
        """output (1, 2, 1, 1): probability of closed, of open."""
        return min(1.0, max(0.0, float(output.ravel()[1])))


def eyes_visible(face: Face) -> bool:
    """Whether the eyes can be judged: turned away, they look shut. An unknown pose does not forbid it."""
    yaw, pitch = face.head_yaw_deg or 0.0, face.head_pitch_deg or 0.0
    return abs(yaw) <= MAX_YAW_DEG and abs(pitch) <= MAX_PITCH_DEG


def _mean(likely: float, by_landmarks: float | None) -> float:
    return likely if by_landmarks is None else (likely + by_landmarks) / 2
