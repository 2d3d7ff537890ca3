"""YuNet (Wu et al. 2023, Machine Intelligence Research 20): faces with five points, strides 8, 16 and 32."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import Face, read_only
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.detections import suppress
from edge.vision.adapters.face import FAR_PX
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

STRIDES = (8, 16, 32)


class YuNet:
    """The driver's face: the largest, since whoever sits behind is smaller.

    Its landmarks are 5 points: right eye, left eye, tip of the nose, right and left corner of the mouth.
    """

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        self._session = session
        self._canvas = Canvas(session, entry)
        self._min_score = entry.min_score
        cells = [(self._canvas.height // s) * (self._canvas.width // s) for s in STRIDES]
        check_outputs(entry, *((1, count, n) for n in (1, 1, 4, 10) for count in cells))

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds the face, or None."""
        feed, scale = self.prepare(picture)
        return msgspec.structs.replace(seen, face=self.parse(self._session.run(feed), scale))

    def prepare(self, picture: Picture) -> tuple[dict[str, np.ndarray], float]:
        """The feed, and canvas px per picture px."""
        scale = self._canvas.letterbox(picture)
        return self._canvas.feed(), scale

    @np.errstate(all="ignore")
    def parse(self, outputs: list[np.ndarray], scale: float) -> Face | None:
        """outputs: (1, cells, n) for each stride: classes n=1, then objectness 1, boxes 4, points 10."""
        boxes, points, scores = [], [], []
        for level, stride in enumerate(STRIDES):
            is_face, is_object, box, kps = (outputs[level + 3 * part][0] for part in range(4))
            # Few cells show a face: the rest is left before anything else is computed.
            keep = np.flatnonzero(is_face[:, 0] * is_object[:, 0] >= self._min_score**2)
            if not len(keep):
                continue
            score = np.sqrt(np.clip(is_face[keep, 0], 0, 1) * np.clip(is_object[keep, 0], 0, 1))
            keep, score = keep[score >= self._min_score], score[score >= self._min_score]
            columns = self._canvas.width // stride
            cell = np.stack((keep % columns, keep // columns), axis=1)
            middle = (cell + box[keep, :2]) * stride
            half = np.exp(box[keep, 2:]) * stride / 2
            boxes.append(np.concatenate((middle - half, middle + half), axis=1))
            points.append((cell[:, None] + kps[keep].reshape(-1, 5, 2)) * stride)
            scores.append(score)
        if not boxes:
            return None
        box, kps, score = (np.concatenate(parts) for parts in (boxes, points, scores))
        box, kps = box / scale, kps / scale
        real = (np.abs(box).max(axis=1) < FAR_PX) & (np.abs(kps).max(axis=(1, 2)) < FAR_PX)  # no NaN is
        if not real.any():
            return None
        box, kps, score = box[real], kps[real], score[real]
        kept = suppress(box, score, np.zeros(len(score)))
        largest = kept[np.argmax((box[kept, 2:] - box[kept, :2]).prod(axis=1))]
        left, top, right, bottom = box[largest].tolist()
        return Face(
            score=float(score[largest]), box=(left, top, right, bottom), landmarks=read_only(kps[largest])
        )
