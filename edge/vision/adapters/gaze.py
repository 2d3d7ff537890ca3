"""gaze-estimation-adas-0002: where the eyes look, from a crop of each and the pose of the head."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from edge.messages import Face
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.face import eye_line, eyes_visible
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

SIDE = 0.5  # of the crop, against the distance between the eyes


class Gaze:
    """Direction of the gaze relative to the camera's axis, head included.

    The network sees both eyes turned level, and is told the head's yaw and pitch without its roll, as it was
    taught; what it says is turned back.
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Its inputs: the eye on the left of the picture, that on the right, the angles.

        Raises ModelError if the entry does not fit.
        """
        check_outputs(entry, (1, 3))
        self._session = session
        left, right, self._angles = session.inputs
        self._left = Canvas(session, entry, left)
        self._right = Canvas(session, entry, right)

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if there is one whose pose is known and whose eyes can be seen."""
        face = seen.face
        eyes = eye_line(face) if face is not None and eyes_visible(face) else None
        if face is None or eyes is None or face.head_yaw_deg is None or face.head_pitch_deg is None:
            return seen
        feed = self.prepare(picture, eyes, face.head_yaw_deg, face.head_pitch_deg)
        return msgspec.structs.replace(seen, face=self.parse(self._session.run(feed), eyes[2], face))

    def prepare(
        self, picture: Picture, eyes: tuple[np.ndarray, np.ndarray, float], yaw_deg: float, pitch_deg: float
    ) -> dict[str, np.ndarray]:
        """The feed. eyes: as face.eye_line says."""
        right, left, angle = eyes
        side = SIDE * float(np.hypot(*(left - right)))
        # The driver's right eye is on the left of the picture.
        self._left.square(picture, right, side, angle)
        self._right.square(picture, left, side, angle)
        angles = np.array([[yaw_deg, -pitch_deg, 0.0]], np.float32)
        return self._left.feed() | self._right.feed() | {self._angles: angles}

    @staticmethod
    def parse(outputs: list[np.ndarray], angle_rad: float, face: Face) -> Face:
        """outputs: a vector (1, 3): x to the right in the crop, y up, z away from the camera, of any length.

        angle_rad: of the crop. What has no direction leaves the face as it was.
        """
        x, y, z = (float(value) for value in outputs[0].ravel())
        right = math.cos(angle_rad) * x + math.sin(angle_rad) * y
        up = math.cos(angle_rad) * y - math.sin(angle_rad) * x
        length = math.hypot(right, up, z)
        if not 0.0 < length < math.inf:
            return face
        return msgspec.structs.replace(
            face,
            gaze_yaw_deg=math.degrees(math.atan2(right, -z)),
            gaze_pitch_deg=math.degrees(math.atan2(up, math.hypot(right, z))),
        )
