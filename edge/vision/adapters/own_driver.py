"""icv-driver: our small network for the simulated driver, not for real people: models/icv-driver.md."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from edge.messages import Face
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.face import in_reach
from edge.vision.picture import Picture
from edge.vision.zoo import Entry


class OwnDriver:
    """Face, head, eyes and gaze from one run.

    The input is uint8 (1, H, W, 3) as it is. Outputs: probabilities (3,) of a face, of the left and of the
    right eye being open; box (4,) left, top, right, bottom in px of the input; angles (5,) in degrees, signs
    as in messages.Face: yaw, pitch and roll of the head, yaw and pitch of the gaze.
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        check_outputs(entry, (3,), (4,), (5,))
        self._session = session
        self._canvas = Canvas(session, entry)
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds the face, or None."""
        feed, scale = self.prepare(picture)
        return msgspec.structs.replace(seen, face=self.parse(self._session.run(feed), scale))

    def prepare(self, picture: Picture) -> tuple[dict[str, np.ndarray], float]:
        """The feed, and network px per picture px."""
        # Each px of the small picture is the mean of all that it covers: an eyelid is one line of the large.
        scale = self._canvas.letterbox(picture, cv2.INTER_AREA)
        return self._canvas.feed(), scale

    def parse(self, outputs: list[np.ndarray], scale: float) -> Face | None:
        """scale: network px per picture px."""
        if not all(np.isfinite(values).all() for values in outputs):
            return None
        probabilities, box, angles = (values.tolist() for values in outputs)
        score, left_open, right_open = (min(1.0, max(0.0, value)) for value in probabilities)
        left, top, right, bottom = (value / scale for value in box)
        if score < self._min_score or right <= left or bottom <= top:
            return None
        if not in_reach((left, top, right, bottom)) or not all(abs(angle) <= 180.0 for angle in angles):
            return None
        head_yaw, head_pitch, head_roll, gaze_yaw, gaze_pitch = angles
        return Face(
            score=score,
            box=(left, top, right, bottom),
            left_eye_open=left_open,
            right_eye_open=right_open,
            head_yaw_deg=head_yaw,
            head_pitch_deg=head_pitch,
            head_roll_deg=head_roll,
            gaze_yaw_deg=gaze_yaw,
            gaze_pitch_deg=gaze_pitch,
        )
