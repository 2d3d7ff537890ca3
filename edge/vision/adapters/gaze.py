"""gaze-estimation-adas-0002: where the eyes look, from a crop of each and the pose of the head."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from edge.messages import Face
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas, turned_square
from edge.vision.adapters.eyes import eyes_visible
from edge.vision.adapters.facemesh import eye_line
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

SIDE = 0.5  # of the crop, against the distance between the eyes


class Gaze:
    """Direction of the gaze relative to the camera's axis, head included.

    The network sees both eyes turned level, and is told the head's yaw and pitch without its roll, as it was
    taught; what it says is turned back.
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Its inputs: the eye on the left of the picture, that on the right, the angles."""
        self._session = session
        left, right, self._angles = session.inputs
        self._left = Canvas(session, entry, left)
        self._right = Canvas(session, entry, right)

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if there is one whose pose is known and whose eyes can be seen."""
        face = seen.face
        if face is None or face.landmarks is None or not eyes_visible(face):
            return seen
        if face.head_yaw_deg is None or face.head_pitch_deg is None:
            return seen
        right, left, angle = eye_line(face)
        side = SIDE * float(np.hypot(*(left - right)))
        # The driver's right eye is on the left of the picture.
        self._left.warp(picture, turned_square(right, side, angle, self._left.width))
        self._right.warp(picture, turned_square(left, side, angle, self._right.width))
        angles = np.array([[face.head_yaw_deg, -face.head_pitch_deg, 0.0]], np.float32)
        (vector,) = self._session.run(self._left.feed() | self._right.feed() | {self._angles: angles})
        return msgspec.structs.replace(seen, face=self.parse(vector, angle, face))

    @staticmethod
    def parse(vector: np.ndarray, angle: float, face: Face) -> Face:
        """vector (1, 3): x to the right in the crop, y up, z away from the camera; angle: of the crop."""
        x, y, z = (float(value) for value in vector.ravel())
        right = math.cos(angle) * x + math.sin(angle) * y
        up = math.cos(angle) * y - math.sin(angle) * x
        return msgspec.structs.replace(
            face,
            gaze_yaw_deg=math.degrees(math.atan2(right, -z)),
            gaze_pitch_deg=math.degrees(math.atan2(up, math.hypot(right, z))),
        )
