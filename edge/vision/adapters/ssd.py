"""SSD (Liu et al. 2016, arXiv 1512.02325) cut before its DetectionOutput layer: offsets, classes, priors."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import Detections
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.detections import keep_best
from edge.vision.picture import Picture
from edge.vision.zoo import Entry


class Ssd:
    """Road users. entry.kinds has one name for each class; the background and what nobody wants are ""."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        self._session = session
        self._canvas = Canvas(session, entry)
        self._kinds = entry.kinds
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds detections."""
        self._canvas.stretch(picture)
        outputs = self._session.run(self._canvas.feed())
        size = (picture.width_px, picture.height_px)
        return msgspec.structs.replace(seen, detections=self.parse(outputs, size))

    def parse(self, outputs: list[np.ndarray], size: tuple[int, int]) -> Detections:
        """outputs: offsets (1, 4 P), probabilities (1, C P), priors (1, 2, 4 P).

        priors[0, 0]: left, top, right, bottom as shares of the picture; priors[0, 1]: the variances by which
        the offsets of the middle and of the log size are multiplied.
        """
        offsets, probabilities, priors = outputs
        probabilities = probabilities.reshape(-1, len(self._kinds))
        wanted = np.array([index for index, kind in enumerate(self._kinds) if kind])
        likely = probabilities[:, wanted]
        keep = np.flatnonzero(likely.max(axis=1) >= self._min_score)
        classes = wanted[likely[keep].argmax(axis=1)]
        scores = likely[keep].max(axis=1)
        prior = priors[0, 0].reshape(-1, 4)[keep]
        moved = offsets.reshape(-1, 4)[keep] * priors[0, 1].reshape(-1, 4)[keep]
        prior_size = prior[:, 2:] - prior[:, :2]
        middle = (prior[:, :2] + prior[:, 2:]) / 2 + moved[:, :2] * prior_size
        half = prior_size * np.exp(moved[:, 2:]) / 2
        boxes = np.concatenate((middle - half, middle + half), axis=1) * (*size, *size)
        return keep_best(boxes, scores, classes, self._kinds, size)
