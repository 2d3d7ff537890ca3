"""head-pose-estimation-adas-0001: how the head is turned, from a crop of the face."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import Face
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas, turned_square
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

MARGIN = (
    1.05  # the square crop against the larger side of the face: most alike for a picture and its mirror image
)


class HeadPose:
    """Yaw, pitch and roll of the head. The network counts pitch down and roll to the left as positive."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        self._session = session
        self._canvas = Canvas(session, entry)

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if there is one."""
        if seen.face is None:
            return seen
        left, top, right, bottom = seen.face.box
        middle = np.array([(left + right) / 2, (top + bottom) / 2])
        side = MARGIN * max(right - left, bottom - top)
        self._canvas.warp(picture, turned_square(middle, side, 0.0, self._canvas.width))
        outputs = self._session.run(self._canvas.feed())
        return msgspec.structs.replace(seen, face=self.parse(outputs, seen.face))

    def parse(self, outputs: list[np.ndarray], face: Face) -> Face:
        """outputs: roll, pitch, yaw (1, 1) in degrees."""
        roll, pitch, yaw = (float(output.ravel()[0]) for output in outputs)
        return msgspec.structs.replace(face, head_yaw_deg=yaw, head_pitch_deg=-pitch, head_roll_deg=-roll)
