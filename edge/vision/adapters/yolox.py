"""YOLOX (Ge et al. 2021, arXiv 2107.08430): one box per grid cell, anchor-free, at strides 8, 16 and 32."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import Detections
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.detections import keep_best
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

STRIDES = (8, 16, 32)


class YoloX:
    """Road users, from raw outputs (1, cells, 5 + classes); objectness and classes are probabilities."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        self._session = session
        self._canvas = Canvas(session, entry)
        self._cells = grid(self._canvas.height, self._canvas.width)
        self._kinds = entry.kinds
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds detections."""
        feed, scale = self.prepare(picture)
        size = (picture.width_px, picture.height_px)
        return msgspec.structs.replace(seen, detections=self.parse(self._session.run(feed)[0], scale, size))

    def prepare(self, picture: Picture) -> tuple[dict[str, np.ndarray], float]:
        """The feed, and canvas px per picture px."""
        scale = self._canvas.letterbox(picture)
        return self._canvas.feed(), scale

    def parse(self, output: np.ndarray, scale: float, size: tuple[int, int]) -> Detections:
        """output (1, cells, 5 + classes): offsets from the cell and log sizes, in strides."""
        rows = output[0]
        maybe = np.flatnonzero(rows[:, 4] >= self._min_score)
        rows, cells = rows[maybe], self._cells[maybe]
        wanted = np.array([index for index, kind in enumerate(self._kinds) if kind])
        all_scores = rows[:, 5:][:, wanted] * rows[:, 4:5]
        best = all_scores.argmax(axis=1)
        scores = all_scores[np.arange(len(rows)), best]
        sure = scores >= self._min_score
        rows, cells, scores, classes = rows[sure], cells[sure], scores[sure], wanted[best[sure]]
        stride = cells[:, 2:]
        middle = (rows[:, :2] + cells[:, :2]) * stride
        half = np.exp(rows[:, 2:4]) * stride / 2
        boxes = np.concatenate((middle - half, middle + half), axis=1) / scale
        return keep_best(boxes, scores, classes, self._kinds, size)


def grid(height: int, width: int) -> np.ndarray:
    """(cells, 3): column, row and stride of every cell, in the order of the outputs."""
    cells = []
    for stride in STRIDES:
        rows, columns = np.mgrid[0 : height // stride, 0 : width // stride]
        cells.append(np.stack((columns.ravel(), rows.ravel(), np.full(rows.size, stride)), axis=1))
    return np.concatenate(cells).astype(np.float32)
