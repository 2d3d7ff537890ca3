"""YOLOX (Ge et al. 2021, arXiv 2107.08430): one box per grid cell, anchor-free, at strides 8, 16 and 32."""

from __future__ import annotations

import numpy as np

from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import MANY, check_outputs
from edge.vision.adapters.kinds import Kinds
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

STRIDES = (8, 16, 32)


class YoloX:
    """Boxes from raw outputs (1, cells, 5 + classes); objectness and classes are probabilities.

    An export that decodes its boxes itself is for yolo.Yolo, layout "v5".
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        self._session = session
        self._canvas = Canvas(session, entry)
        self._kinds = Kinds(entry)
        self._cells = grid(self._canvas.height, self._canvas.width)
        self._min_score = entry.min_score
        check_outputs(entry, (1, len(self._cells), range(5 + len(entry.kinds), MANY)))

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds detections, lights and signs, as far as the entry says that it finds them."""
        feed, scale = self.prepare(picture)
        return self.parse(self._session.run(feed), scale, picture, seen)

    def prepare(self, picture: Picture) -> tuple[dict[str, np.ndarray], float]:
        """The feed, and canvas px per picture px."""
        scale = self._canvas.letterbox(picture)
        return self._canvas.feed(), scale

    @np.errstate(all="ignore")
    def parse(self, outputs: list[np.ndarray], scale: float, picture: Picture, seen: Seen) -> Seen:
        """outputs: (1, cells, 5 + classes): offsets from the cell and log sizes, in strides; scores."""
        rows = outputs[0][0]
        maybe = np.flatnonzero(rows[:, 4] >= self._min_score)
        rows, cells = rows[maybe], self._cells[maybe]
        wanted = self._kinds.wanted
        all_scores = rows[:, 5:][:, wanted] * rows[:, 4:5]
        best = all_scores.argmax(axis=1)
        scores = all_scores[np.arange(len(rows)), best]
        sure = scores >= self._min_score
        rows, cells, scores, classes = rows[sure], cells[sure], scores[sure], wanted[best[sure]]
        stride = cells[:, 2:]
        middle = (rows[:, :2] + cells[:, :2]) * stride
        half = np.exp(rows[:, 2:4]) * stride / 2
        boxes = np.concatenate((middle - half, middle + half), axis=1) / scale
        return self._kinds.add(seen, boxes, scores, classes, picture)


def grid(height: int, width: int) -> np.ndarray:
    """(cells, 3): column, row and stride of every cell, in the order of the outputs."""
    cells = []
    for stride in STRIDES:
        rows, columns = np.mgrid[0 : height // stride, 0 : width // stride]
        cells.append(np.stack((columns.ravel(), rows.ravel(), np.full(rows.size, stride)), axis=1))
    return np.concatenate(cells).astype(np.float32)
