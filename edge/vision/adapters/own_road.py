"""icv-road: our own small network for road users, lane marks and the free road; see models/icv-road.md."""

from __future__ import annotations

import math
from typing import Any

import cv2
import msgspec
import numpy as np

from edge.messages import Detections, FloatArray, LaneLine
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import MANY, check_outputs
from edge.vision.adapters.detections import keep_best
from edge.vision.adapters.free_space import free_space
from edge.vision.adapters.segmentation import lines_from_mask
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

MIN_MARK = 128  # of 255
MIN_ROAD = 128


class OwnRoad:
    """Detections, lanes and free space from one run, as far as the entry's `finds` say.

    The input is uint8 (1, H, W, 3) as it is; the outputs are decoded inside the network: probabilities of
    road (marks included), of mark and of kerb 0..255, uint8 (3, H / 4, W / 4); boxes (64, 4) left, top,
    right, bottom in px of the input; scores (64,), falling; kinds (64,), indices into the entry's.
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        check_outputs(entry, (range(2, MANY), None, None), (None, 4), (None,), (None,))
        self._session = session
        self._canvas = Canvas(session, entry)
        self._finds = entry.finds
        self._kinds = entry.kinds
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds what the entry finds of: objects, lanes, road."""
        scale = self._canvas.letterbox(picture)
        surface, boxes, scores, kinds = self._session.run(self._canvas.feed())
        size = (picture.width_px, picture.height_px)
        found: dict[str, Any] = {}
        if "objects" in self._finds:
            found["detections"] = self.parse_boxes(boxes, scores, kinds, scale, size)
        if "lanes" in self._finds:
            found["lanes"] = self.parse_mark(surface[1], scale, size)
        if "road" in self._finds:
            found["free_space"] = self.parse_road(surface[0], scale, size)
        return msgspec.structs.replace(seen, **found)

    def parse_boxes(
        self, boxes: np.ndarray, scores: np.ndarray, kinds: np.ndarray, scale: float, size: tuple[int, int]
    ) -> Detections:
        """scale: network px per picture px; size: width and height of the picture."""
        sure = scores >= self._min_score
        boxes, scores, kinds = boxes[sure], scores[sure], kinds[sure]
        if not np.isfinite(boxes.sum()):
            real = np.isfinite(boxes).all(axis=1)
            boxes, scores, kinds = boxes[real], scores[real], kinds[real]
        return keep_best(boxes / scale, scores, kinds, self._kinds, size)

    def parse_mark(self, mark: np.ndarray, scale: float, size: tuple[int, int]) -> tuple[LaneLine, ...]:
        """mark: uint8 (H / 4, W / 4). Across, the soft edges of a mark tell more than whole cells do."""
        cell = self._canvas.height / mark.shape[0]
        rows = math.ceil(size[1] * scale / cell)
        fine = cv2.resize(mark, (self._canvas.width, mark.shape[0]), interpolation=cv2.INTER_LINEAR)
        return lines_from_mask(fine[:rows] >= MIN_MARK, 1 / scale, cell / scale)

    def parse_road(self, road: np.ndarray, scale: float, size: tuple[int, int]) -> FloatArray:
        """road: uint8 (H / 4, W / 4). Only what of it lies in the picture, which is at its top left."""
        cell = self._canvas.height / road.shape[0] / scale
        rows, columns = int(size[1] / cell), int(size[0] / cell)
        return free_space(road[:rows, :columns] >= MIN_ROAD, cell, cell)
