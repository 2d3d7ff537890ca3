"""SSD (Liu et al. 2016, arXiv 1512.02325) cut before its DetectionOutput layer: offsets, classes, priors."""

from __future__ import annotations

import numpy as np

from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.kinds import Kinds
from edge.vision.picture import Picture
from edge.vision.zoo import Entry


class Ssd:
    """Boxes moved from priors. entry.kinds has one name for each class; the background has the name ""."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        self._session = session
        self._canvas = Canvas(session, entry)
        self._kinds = Kinds(entry)
        self._classes = len(entry.kinds)
        self._min_score = entry.min_score
        check_outputs(entry, (1, None), (1, None), (1, 2, None))
        offsets = next(iter(entry.outputs.values()))[1]
        check_outputs(entry, (1, offsets), (1, offsets // 4 * self._classes), (1, 2, offsets))

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds detections, lights and signs, as far as the entry says that it finds them."""
        return self.parse(self._session.run(self.prepare(picture)), picture, seen)

    def prepare(self, picture: Picture) -> dict[str, np.ndarray]:
        """The feed."""
        self._canvas.stretch(picture)
        return self._canvas.feed()

    @np.errstate(all="ignore")
    def parse(self, outputs: list[np.ndarray], picture: Picture, seen: Seen) -> Seen:
        """outputs: offsets (1, 4 P), probabilities (1, C P), priors (1, 2, 4 P).

        priors[0, 0]: left, top, right, bottom as shares of the picture; priors[0, 1]: the variances by which
        the offsets of the middle and of the log size are multiplied.
        """
        offsets, probabilities, priors = outputs
        wanted = self._kinds.wanted
        likely = probabilities.reshape(-1, self._classes)[:, wanted]
        keep = np.flatnonzero(likely.max(axis=1) >= self._min_score)
        likely = likely[keep]
        prior = priors[0, 0].reshape(-1, 4)[keep]
        moved = offsets.reshape(-1, 4)[keep] * priors[0, 1].reshape(-1, 4)[keep]
        prior_size = prior[:, 2:] - prior[:, :2]
        middle = (prior[:, :2] + prior[:, 2:]) / 2 + moved[:, :2] * prior_size
        half = prior_size * np.exp(moved[:, 2:]) / 2
        size = (picture.width_px, picture.height_px)
        boxes = np.concatenate((middle - half, middle + half), axis=1) * (*size, *size)
        return self._kinds.add(seen, boxes, likely.max(axis=1), wanted[likely.argmax(axis=1)], picture)
