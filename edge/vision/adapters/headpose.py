"""head-pose-estimation-adas-0001: how the head is turned, from a crop of the face."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import Face
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.face import middle_and_side
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

# The square crop against the larger side of the face: most alike for a picture and its mirror image.
MARGIN = 1.05
MAX_DEG = 180.0


class HeadPose:
    """Yaw, pitch and roll of the head. The network counts pitch down and roll to the left as positive."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        check_outputs(entry, (1, 1), (1, 1), (1, 1))
        self._session = session
        self._canvas = Canvas(session, entry)

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if there is one."""
        if seen.face is None:
            return seen
        outputs = self._session.run(self.prepare(picture, seen.face))
        return msgspec.structs.replace(seen, face=self.parse(outputs, seen.face))

    def prepare(self, picture: Picture, face: Face) -> dict[str, np.ndarray]:
        """The feed."""
        middle, side = middle_and_side(face)
        self._canvas.square(picture, middle, MARGIN * side)
        return self._canvas.feed()

    def parse(self, outputs: list[np.ndarray], face: Face) -> Face:
        """outputs: roll, pitch, yaw (1, 1) in degrees. What is no angle leaves the face as it was."""
        roll, pitch, yaw = (float(output.ravel()[0]) for output in outputs)
        if not all(abs(angle) <= MAX_DEG for angle in (roll, pitch, yaw)):
            return face
        return msgspec.structs.replace(face, head_yaw_deg=yaw, head_pitch_deg=-pitch, head_roll_deg=-roll)
