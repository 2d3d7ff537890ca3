"""head-pose-estimation-adas-0001: how the head is turned, from a crop of the face."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import Face
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.zoo import Entry

MARGIN = 1.2  # the crop against the box of the face: the network was taught with the whole head


class HeadPose:
    """Yaw, pitch and roll of the head. The network's own signs differ from messages.Face in all that is negated."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        self._session = session
        ((self._input, shape),) = entry.inputs.items()
        self._canvas = Canvas(shape[2], shape[3])

    def see(self, image: np.ndarray, seen: Seen) -> Seen:
        """Adds to the face, if there is one."""
        if seen.face is None:
            return seen
        self._canvas.crop(image, square(seen.face.box))
        outputs = self._session.run({self._input: self._canvas.batch()})
        return msgspec.structs.replace(seen, face=self.parse(outputs, seen.face))

    def parse(self, outputs: list[np.ndarray], face: Face) -> Face:
        """outputs: roll, pitch, yaw (1, 1) in degrees."""
        roll, pitch, yaw = (float(output.ravel()[0]) for output in outputs)
        return msgspec.structs.replace(face, head_yaw_deg=yaw, head_pitch_deg=pitch, head_roll_deg=roll)


def square(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A square with the same middle, a little larger."""
    left, top, right, bottom = box
    half = MARGIN * max(right - left, bottom - top) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    return x - half, y - half, x + half, y + half
