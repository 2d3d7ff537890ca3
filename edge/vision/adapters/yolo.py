"""The layouts in which YOLO detectors are exported to ONNX; YOLOX's raw one is in yolox.py.

    "v5"   (1, N, 5 + C)  middle x, y, width, height; objectness; C classes     YOLOv5, v7, decoded YOLOX
    "v8"   (1, 4 + C, N)  middle x, y, width, height; C classes                 YOLOv8, v9, v11
    "nms"  (1, N, 6)      left, top, right, bottom, score, class: suppressed    YOLOv10, exports with nms

All in px of the input; scores are probabilities. C is the number of the entry's kinds.
"""

from __future__ import annotations

import numpy as np

from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import MANY, check_outputs
from edge.vision.adapters.kinds import Kinds
from edge.vision.picture import Picture
from edge.vision.zoo import Entry, ModelError

MOST_SUPPRESSED = 1000  # rows: an output (1, N, 6) with more has not been suppressed


class Yolo:
    """Boxes in the layout that the entry says, or that its output's shape leaves no doubt of."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit, or its output could be read in several ways."""
        self._session = session
        self._canvas = Canvas(session, entry)
        self._kinds = Kinds(entry)
        self._min_score = entry.min_score
        self._rows = {"v5": self._v5, "v8": self._v8, "nms": self._suppressed}[layout_of(entry)]

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
        """outputs: one, in one of the layouts above."""
        boxes, scores, classes = self._rows(outputs[0][0])
        return self._kinds.add(seen, boxes / scale, scores, classes, picture)

    def _v5(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = rows[rows[:, 4] >= self._min_score]
        scores, classes = self._best((rows[:, 5:].T)[self._kinds.wanted] * rows[:, 4])
        sure = scores >= self._min_score
        return _corners(rows[sure, :4]), scores[sure], classes[sure]

    def _v8(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        scores, classes = self._best(columns[4 + self._kinds.wanted])
        sure = np.flatnonzero(scores >= self._min_score)
        return _corners(columns[:4, sure].T), scores[sure], classes[sure]

    def _suppressed(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sure = (rows[:, 4] >= self._min_score) & np.isin(rows[:, 5], self._kinds.wanted)
        rows = rows[sure]
        return rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64)

    def _best(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of scores (wanted classes, N): the best of each column, and its class."""
        best = scores.argmax(axis=0)
        return np.take_along_axis(scores, best[None], axis=0)[0], self._kinds.wanted[best]


def layout_of(entry: Entry) -> str:
    """The layout that the entry says, or the only one that fits its output. Raises ModelError."""
    classes = len(entry.kinds)
    if entry.layout is not None:
        shape = {
            "v5": (1, None, range(5 + classes, MANY)),
            "v8": (1, range(4 + classes, MANY), None),
            "nms": (1, None, 6),
        }[entry.layout]
        check_outputs(entry, shape)
        return entry.layout
    check_outputs(entry, (1, None, None))
    (_, first, last) = next(iter(entry.outputs.values()))
    fits = [
        *(["v5"] if last == 5 + classes else []),
        *(["v8"] if first == 4 + classes else []),
        *(["nms"] if last == 6 and first <= MOST_SUPPRESSED else []),
    ]
    if len(fits) == 1:
        return fits[0]
    doubt = f"fits both {' and '.join(fits)}" if fits else f"fits no layout with {classes} classes"
    raise ModelError(
        f"{entry.file}: its output (1, {first}, {last}) {doubt}: in its table give kinds one name for each "
        'class ("" for those that nobody wants), and write layout = "v5" (1, N, 5 + classes), "v8" '
        '(1, 4 + classes, N) or "nms" (1, N, 6: left, top, right, bottom, score, class)'
    )


def _corners(boxes: np.ndarray) -> np.ndarray:
    """(N, 4): left, top, right, bottom of boxes given by middle and size."""
    half = boxes[:, 2:] / 2
    return np.concatenate((boxes[:, :2] - half, boxes[:, :2] + half), axis=1)
