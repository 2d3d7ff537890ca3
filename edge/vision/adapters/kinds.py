"""The classes of a detector: road users become detections, traffic lights lights, and signs signs."""

from __future__ import annotations

from typing import get_args

import msgspec
import numpy as np

from edge.messages import Detections, RoadUser, Sign, TrafficLight, read_only
from edge.vision.adapters import Seen
from edge.vision.adapters.detections import keep_best
from edge.vision.picture import Picture
from edge.vision.zoo import Entry, ModelError

FOUND_AS = (
    dict.fromkeys(get_args(RoadUser), "objects")
    | {"traffic light": "lights"}
    | {"traffic sign": "signs", "stop sign": "signs"}
)
"""What a kind, by its name in the zoo, is found as."""
SIGN_KINDS = {"stop sign": "stop"}


class Kinds:
    """What the classes of a model mean. wanted: the class numbers that it is asked for, (W,) int.

    Wanted is a class that has a name in the entry and is of what the entry says that the model finds.
    """

    def __init__(self, entry: Entry) -> None:
        """Raises ModelError where a name is not known, or nothing is wanted."""
        for kind in entry.kinds:
            if kind and kind not in FOUND_AS:
                raise ModelError(
                    f'{entry.file}: kinds: {kind!r} is none of {", ".join(FOUND_AS)}; write "" for a class '
                    "that nobody wants"
                )
        self._kinds = entry.kinds
        self._finds = frozenset(entry.finds)
        found_as = [FOUND_AS.get(kind, "") for kind in entry.kinds]
        self.wanted = np.array([i for i, what in enumerate(found_as) if what in self._finds], np.int64)
        if not len(self.wanted):
            raise ModelError(
                f"{entry.file}: none of its kinds is of what it finds ({', '.join(entry.finds)}): give one "
                f"name for each class, of {', '.join(FOUND_AS)}"
            )

    def add(
        self, seen: Seen, boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, picture: Picture
    ) -> Seen:
        """What was seen so far and the best of these boxes, each in the field where its kind belongs.

        boxes (N, 4): left, top, right, bottom px of the picture; scores (N,); classes (N,): of the wanted.
        Of overlapping boxes the best of a kind stays, where lights and signs are one kind. Boxes and scores
        that are no numbers are dropped.
        """
        # One sum tells of nearly every array that all of it is finite.
        if not np.isfinite(boxes.sum() + scores.sum()):
            right = np.isfinite(boxes).all(axis=1) & np.isfinite(scores)
            boxes, scores, classes = boxes[right], scores[right], classes[right]
        scores = scores.clip(0.0, 1.0)
        size = (picture.width_px, picture.height_px)
        best = keep_best(boxes, scores, classes, self._kinds, size)
        found_as = [FOUND_AS[kind] for kind in best.kinds]
        if "objects" in self._finds:
            objects = [i for i, what in enumerate(found_as) if what == "objects"]
            seen = msgspec.structs.replace(
                seen, detections=best if len(objects) == len(best) else _some(best, objects)
            )
        if "lights" in self._finds:
            lights = tuple(
                TrafficLight(score=float(best.scores[i]), box=tuple(best.boxes[i].tolist()))
                for i, what in enumerate(found_as)
                if what == "lights"
            )
            seen = msgspec.structs.replace(seen, lights=lights)
        if "signs" in self._finds:
            signs = tuple(
                Sign(
                    score=float(best.scores[i]),
                    box=tuple(best.boxes[i].tolist()),
                    kind=SIGN_KINDS.get(best.kinds[i]),
                )
                for i, what in enumerate(found_as)
                if what == "signs"
            )
            seen = msgspec.structs.replace(seen, signs=signs)
        return seen


def _some(found: Detections, indices: list[int]) -> Detections:
    return Detections(
        kinds=tuple(found.kinds[i] for i in indices),
        scores=read_only(found.scores[indices]),
        boxes=read_only(found.boxes[indices]),
    )
