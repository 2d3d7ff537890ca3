"""landmarks-regression-retail-0009: five points of a face, for a face that has none."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import Face, read_only
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.face import in_reach, middle_and_side
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

MARGIN = 1.0  # the square crop against the larger side of the face's box


class Landmarks5:
    """5 landmarks as YuNet has them: right eye, left eye, tip of the nose, right and left corner of mouth.

    The network has no score of its own; it is asked only where there is a face.
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        check_outputs(entry, (1, 10, 1, 1))
        self._session = session
        self._canvas = Canvas(session, entry)

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if there is one."""
        if seen.face is None:
            return seen
        feed, to_picture = self.prepare(picture, seen.face)
        return msgspec.structs.replace(seen, face=self.parse(self._session.run(feed), to_picture, seen.face))

    def prepare(self, picture: Picture, face: Face) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The feed, and (2, 3) from px of the crop to px of the picture."""
        middle, side = middle_and_side(face)
        to_picture = self._canvas.square(picture, middle, MARGIN * side)
        return self._canvas.feed(), to_picture

    @np.errstate(all="ignore")
    def parse(self, outputs: list[np.ndarray], to_picture: np.ndarray, face: Face) -> Face:
        """outputs: (1, 10, 1, 1): x and y of the points as shares of the crop."""
        shares = outputs[0].reshape(5, 2).astype(np.float64)
        landmarks = (
            shares * (self._canvas.width, self._canvas.height) @ to_picture[:, :2].T + to_picture[:, 2]
        )
        return msgspec.structs.replace(face, landmarks=read_only(landmarks)) if in_reach(landmarks) else face
