"""From many scored boxes to the few of messages.Detections: shared by all object detectors."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge.messages import Detections, read_only

FEW = 24  # boxes; beyond, the pairs are too many for plain Python
OVERLAP = 0.45  # intersection over union above which the lower score goes
# Kinds that a network confuses with each other on one object: of these the best score wins.
GROUPS = {"car": 0, "truck": 0, "bus": 0, "motorcycle": 1, "bicycle": 2, "person": 3}


def keep_best(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, kinds: tuple[str, ...], size: tuple[int, int]
) -> Detections:
    """Non-maximum suppression, per group of kinds.

    boxes (N, 4): left, top, right, bottom px; scores (N,); classes (N,): indices into kinds; size: width and
    height of the picture, to which boxes are cut. Boxes with nothing left are dropped. Best score first.
    """
    classes = classes.astype(np.int64)  # networks give them as any kind of number
    if len(boxes) <= FEW:
        return _keep_best_of_few(boxes, scores, classes, kinds, size)
    boxes = boxes.astype(np.float64)
    np.clip(boxes[:, 0::2], 0, size[0], out=boxes[:, 0::2])
    np.clip(boxes[:, 1::2], 0, size[1], out=boxes[:, 1::2])
    whole = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    boxes, scores, classes = boxes[whole], scores[whole], classes[whole]
    if not len(boxes):
        return Detections(kinds=(), scores=read_only([]), boxes=read_only(np.empty((0, 4))))
    groups = np.array([GROUPS.get(kind, -1) for kind in kinds])[classes]
    kept = suppress(boxes, scores, groups)
    return Detections(
        kinds=tuple(kinds[index] for index in classes[kept].tolist()),
        scores=read_only(scores[kept]),
        boxes=read_only(boxes[kept]),
    )


def _keep_best_of_few(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, kinds: tuple[str, ...], size: tuple[int, int]
) -> Detections:
    """The same in plain Python: after a network the caches are cold, and a call of numpy costs 10 us."""
    width, height = size
    best: list[tuple[float, list[float], str]] = []
    found = sorted(zip(scores.tolist(), boxes.tolist(), classes.tolist(), strict=True), key=_falling)
    for score, (left, top, right, bottom), index in found:
        box = [max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))]
        kind = kinds[index]
        if not (box[2] > box[0] and box[3] > box[1]):  # nor what is no number
            continue
        group = GROUPS.get(kind, -1)
        if all(GROUPS.get(k, -1) != group or _overlap(b, box) <= OVERLAP for _, b, k in best):
            best.append((score, box, kind))
    return Detections(
        kinds=tuple(kind for _, _, kind in best),
        scores=read_only([score for score, _, _ in best]),
        boxes=read_only([box for _, box, _ in best] if best else np.empty((0, 4))),
    )


def _falling(item: tuple[float, list[float], int]) -> float:
    return -item[0]


def _overlap(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0.0 or height <= 0.0:
        return 0.0
    shared = width * height
    area = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return shared / (area - shared)


def suppress(boxes: Any, scores: Any, groups: Any) -> np.ndarray:
    """Non-maximum suppression within each group: the indices that stay, best score first.

    boxes (N, 4): left, top, right, bottom; scores (N,); groups (N,) int.
    """
    corner_size: Any = np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), axis=1, dtype=np.float64)
    kept: Any = cv2.dnn.NMSBoxesBatched(
        corner_size, scores.astype(np.float32), groups.astype(np.int32), 0.0, OVERLAP
    )
    kept = np.asarray(kept, np.int64).reshape(-1)
    return kept[np.argsort(-scores[kept], kind="stable")]
