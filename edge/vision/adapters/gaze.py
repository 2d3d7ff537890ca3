"""gaze-estimation-adas-0002: where the eyes look, from a crop of each and the pose of the head."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from edge.messages import Face
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.eyes import box_round, eyes_visible
from edge.vision.adapters.facemesh import eye_middles
from edge.vision.zoo import Entry

SIDE = 0.75  # of the crop, against the distance between the eyes


class Gaze:
    """Direction of the gaze relative to the camera's axis, head included.

    Its inputs are, in the order of the zoo's entry: left eye, right eye (both as seen in the picture), and the
    head's yaw, pitch and roll as head-pose-estimation-adas-0001 counts them.
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        self._session = session
        (self._in_left, shape), (self._in_right, _), (self._angles, _) = entry.inputs.items()
        self._left = Canvas(shape[2], shape[3])
        self._right = Canvas(shape[2], shape[3])

    def see(self, image: np.ndarray, seen: Seen) -> Seen:
        """Adds to the face, if there is one whose pose is known and whose eyes can be seen."""
        face = seen.face
        if face is None or face.landmarks is None or not eyes_visible(face):
            return seen
        if face.head_yaw_deg is None or face.head_pitch_deg is None or face.head_roll_deg is None:
            return seen
        right, left = eye_middles(face)
        side = SIDE * float(np.hypot(*(left - right)))
        self._left.crop(image, box_round(right, side))
        self._right.crop(image, box_round(left, side))
        angles = np.array([[face.head_yaw_deg, face.head_pitch_deg, face.head_roll_deg]], np.float32)
        (vector,) = self._session.run(
            {self._in_left: self._left.batch(), self._in_right: self._right.batch(), self._angles: angles}
        )
        return msgspec.structs.replace(seen, face=self.parse(vector, face))

    @staticmethod
    def parse(vector: np.ndarray, face: Face) -> Face:
        """vector (1, 3): x to the right of the picture, y up, z from the face to the camera."""
        x, y, z = (float(value) for value in vector.ravel())
        return msgspec.structs.replace(
            face,
            gaze_yaw_deg=math.degrees(math.atan2(x, -z)),
            gaze_pitch_deg=math.degrees(math.atan2(y, math.hypot(x, z))),
        )
