"""open-closed-eye-0001, and what all that is known of the eyes together says."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.face import eye_line, eyes_visible
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

SIDE = 0.6  # of the crop, against the distance between the eyes


class OpenClosedEye:
    """How likely each eye is open; the mean of that and of what the landmarks said, where they said it.

    Either alone separates open from closed eyes worse than both together do.
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        check_outputs(entry, (1, 2, 1, 1))
        self._session = session
        self._canvas = Canvas(session, entry)

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if there is one with points of the eyes that looks towards the camera."""
        face = seen.face
        eyes = eye_line(face) if face is not None and eyes_visible(face) else None
        if face is None or eyes is None:
            return seen
        right, left, angle = eyes
        side = SIDE * float(np.hypot(*(left - right)))
        likely = [
            self.parse(self._session.run(self.prepare(picture, middle, side, angle)))
            for middle in (right, left)
        ]
        return msgspec.structs.replace(
            seen,
            face=msgspec.structs.replace(
                face,
                right_eye_open=_mean(likely[0], face.right_eye_open),
                left_eye_open=_mean(likely[1], face.left_eye_open),
            ),
        )

    def prepare(
        self, picture: Picture, middle: np.ndarray, side: float, angle_rad: float
    ) -> dict[str, np.ndarray]:
        """The feed: the square of that middle and side in px of the picture, turned by the angle."""
        self._canvas.square(picture, middle, side, angle_rad)
        return self._canvas.feed()

    @staticmethod
    def parse(outputs: list[np.ndarray]) -> float | None:
        """outputs: (1, 2, 1, 1): probability of closed, of open. None: it is no number."""
        likely = float(outputs[0].ravel()[1])
        return min(1.0, max(0.0, likely)) if likely == likely else None


def _mean(likely: float | None, by_landmarks: float | None) -> float | None:
    known = [value for value in (likely, by_landmarks) if value is not None]
    return sum(known) / len(known) if known else None
