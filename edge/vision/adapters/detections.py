"""From many scored boxes to the few of messages.Detections: shared by all object detectors."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge.messages import Detections, read_only

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
    boxes = boxes.astype(np.float64)
    np.clip(boxes[:, 0::2], 0, size[0], out=boxes[:, 0::2])
    np.clip(boxes[:, 1::2], 0, size[1], out=boxes[:, 1::2])
    whole = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    boxes, scores, classes = boxes[whole], scores[whole], classes[whole]
    if not len(boxes):
        return Detections(kinds=(), scores=read_only([]), boxes=read_only(np.empty((0, 4))))
    groups = np.array([GROUPS[kind] if kind else -1 for kind in kinds])[classes]
    kept = suppress(boxes, scores, groups)
    return Detections(
        kinds=tuple(kinds[index] for index in classes[kept].tolist()),
        scores=read_only(scores[kept]),
        boxes=read_only(boxes[kept]),
    )


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
