"""The same detector as others run it: textbook code round ONNX Runtime and round cv2.dnn.

The steps are those of YOLOX's own demo: the picture resized and framed as floats, all boxes decoded, and
non-maximum suppression in numpy, one class after another.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge.vision.zoo import Entry

STRIDES = (8, 16, 32)
OVERLAP = 0.45


def peers_of_yolox(path: Path, entry: Entry) -> dict[str, Callable[[np.ndarray], object]]:
    """By name: a picture (H, W, 3) -> boxes, scores and classes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    ((name, shape),) = entry.inputs.items()
    size = (shape[2], shape[3])
    net = cv2.dnn.readNetFromONNX(str(path))

    def textbook(image: np.ndarray) -> object:
        fed, scale = textbook_prepare(image, size)
        return textbook_boxes(session.run(None, {name: fed})[0], size, scale, entry.min_score)

    def opencv(image: np.ndarray) -> object:
        fed, scale = textbook_prepare(image, size)
        net.setInput(fed)
        return textbook_boxes(net.forward(), size, scale, entry.min_score)

    return {"textbook code and onnxruntime": textbook, "textbook code and cv2.dnn": opencv}


def textbook_prepare(image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    """(1, 3, H, W) float32, and network px per picture px."""
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    small = cv2.resize(image, (int(image.shape[1] * scale), int(image.shape[0] * scale))).astype(np.uint8)
    framed = np.ones((*size, 3), np.uint8) * 114
    framed[: small.shape[0], : small.shape[1]] = small
    return np.ascontiguousarray(framed.transpose(2, 0, 1), np.float32)[None], scale


def textbook_boxes(
    output: np.ndarray, size: tuple[int, int], scale: float, min_score: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes (N, 4) left, top, right, bottom in px of the picture, scores (N,), classes (N,)."""
    cells, steps = [], []
    for stride in STRIDES:
        columns, rows = np.meshgrid(np.arange(size[1] // stride), np.arange(size[0] // stride))
        cells.append(np.stack((columns, rows), 2).reshape(-1, 2))
        steps.append(np.full((rows.size, 1), stride))
    cell, step = np.concatenate(cells), np.concatenate(steps)
    rows_of = output[0]
    middle = (rows_of[:, :2] + cell) * step
    sides = np.exp(rows_of[:, 2:4]) * step
    boxes = np.concatenate((middle - sides / 2, middle + sides / 2), axis=1) / scale
    scores = rows_of[:, 4:5] * rows_of[:, 5:]
    kept: list[tuple[int, int]] = []
    for kind in range(scores.shape[1]):
        likely = np.flatnonzero(scores[:, kind] > min_score)
        kept += [(index, kind) for index in likely[textbook_nms(boxes[likely], scores[likely, kind])]]
    indices, kinds = (
        np.array(column, np.int64) for column in (zip(*kept, strict=True) if kept else ((), ()))
    )
    return boxes[indices], scores[indices, kinds], kinds


def textbook_nms(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """Non-maximum suppression from its definition: the best box stays, what overlaps it goes, and so on."""
    left, top, right, bottom = boxes.T
    areas = (right - left) * (bottom - top)
    order = scores.argsort()[::-1]
    kept = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        shared = np.maximum(0.0, width) * np.maximum(0.0, height)
        order = rest[shared / (areas[best] + areas[rest] - shared) <= OVERLAP]
    return kept
