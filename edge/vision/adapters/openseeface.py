"""The landmark networks of OpenSeeFace (github.com/emilianavt/OpenSeeFace): 66 points from heat maps."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import Face, read_only
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.face import in_reach
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

POINTS = 66
GROW_X, GROW_Y = 0.1, 0.125  # of the width and height of the face, added on each side of its box
STEEPNESS = 16.0  # of the offsets: they were taught as sigmoid(STEEPNESS * share of the crop)
SURE = 1e-7  # an offset of 0 or 1 is this far from it


class OpenSeeFace:
    """66 landmarks: those of iBUG 68 with two fewer at the corners of the mouth. Coarse about eyelids."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        check_outputs(entry, (1, 3 * POINTS, None, None))
        self._session = session
        self._canvas = Canvas(session, entry)
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds to the face, if there is one."""
        if seen.face is None:
            return seen
        feed, to_picture = self.prepare(picture, seen.face)
        return msgspec.structs.replace(seen, face=self.parse(self._session.run(feed), to_picture, seen.face))

    def prepare(self, picture: Picture, face: Face) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The feed, and (2, 3) from px of the crop to px of the picture: upright, stretched to the input."""
        left, top, right, bottom = face.box
        width, height = right - left, bottom - top
        across = width * (1 + 2 * GROW_X) / self._canvas.width
        down = height * (1 + 2 * GROW_Y) / self._canvas.height
        to_picture = np.array([[across, 0.0, left - GROW_X * width], [0.0, down, top - GROW_Y * height]])
        self._canvas.warp(picture, to_picture)
        return self._canvas.feed(), to_picture

    @np.errstate(all="ignore")
    def parse(self, outputs: list[np.ndarray], to_picture: np.ndarray, face: Face) -> Face:
        """outputs: (1, 3 * 66, H, W): heat maps of the points, then how far down and how far to the right of
        its hottest cell each one lies. A face that it is not sure of is left as it was.
        """
        rows, columns = outputs[0].shape[2:]
        heat, down, right = outputs[0][0].reshape(3, POINTS, rows * columns)
        hottest = heat.argmax(axis=1)
        of_each = np.arange(POINTS), hottest
        if not heat[of_each].mean() >= self._min_score:
            return face
        last = np.array([self._canvas.width - 1, self._canvas.height - 1])
        cells = np.stack((hottest % columns, hottest // columns), axis=1) / (columns - 1, rows - 1)
        shares = np.clip(np.stack((right[of_each], down[of_each]), axis=1), SURE, 1 - SURE)
        in_crop = last * (cells + np.log(shares / (1 - shares)) / STEEPNESS)
        landmarks = in_crop @ to_picture[:, :2].T + to_picture[:, 2]
        return msgspec.structs.replace(face, landmarks=read_only(landmarks)) if in_reach(landmarks) else face
