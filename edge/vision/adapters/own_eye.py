"""icv-eye: our small network that says how far an eye is open: models/icv-eye.md."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.face import eye_line, eyes_visible
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

SIDE = 0.8  # of the crop, against the distance between the eyes
# What the network says -> openness: it is surer of open eyes than of closed ones. Below 0.4 lie a sixtieth of
# open eyes and two thirds of closed ones; 0.2 is what rules call closed.
SAID, OPENNESS = (0.0, 0.4, 1.0), (0.0, 0.2, 1.0)
MIN_SIDE_PX = 16.0  # of the picture: in a smaller crop an eye is less than 9 px wide


class OwnEye:
    """How far each eye is open, from one run for each.

    It takes the place of what landmarks said, which separates open from closed eyes worse, alone and in the
    mean of both. Input: uint8 (1, N, N, 3), a square round one eye; output (1,): 0 closed to 1 open.
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        check_outputs(entry, (1,))
        self._session = session
        self._canvas = Canvas(session, entry)

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if it has points of the eyes.

        None for an eye that is beyond the edge, of few pixels, or turned away.
        """
        face = seen.face
        eyes = eye_line(face) if face is not None else None
        if face is None or eyes is None:
            return seen
        right, left, angle = eyes
        side = SIDE * float(np.hypot(*(left - right)))
        found: list[float | None] = [None, None]
        if side >= MIN_SIDE_PX and eyes_visible(face):
            for index, middle in enumerate((right, left)):
                if 0 <= middle[0] < picture.width_px and 0 <= middle[1] < picture.height_px:
                    feed = self.prepare(picture, middle, side, angle)
                    found[index] = self.parse(self._session.run(feed))
        return msgspec.structs.replace(
            seen, face=msgspec.structs.replace(face, right_eye_open=found[0], left_eye_open=found[1])
        )

    def prepare(
        self, picture: Picture, middle: np.ndarray, side: float, angle_rad: float
    ) -> dict[str, np.ndarray]:
        """The feed: the square of that middle and side in px of the picture, turned by the angle."""
        self._canvas.square(picture, middle, side, angle_rad)
        return self._canvas.feed()

    @staticmethod
    def parse(outputs: list[np.ndarray]) -> float | None:
        """outputs: (1,), 0 closed to 1 open. None: it is no number."""
        said = float(outputs[0].ravel()[0])
        return float(np.interp(said, SAID, OPENNESS)) if said == said else None
