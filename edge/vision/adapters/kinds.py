"""The classes of a detector: road users become detections, traffic lights lights, and signs signs."""

from __future__ import annotations

from typing import get_args

import msgspec
import numpy as np

from edge.messages import RoadUser, Sign, TrafficLight
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
        self._plain = self._finds.isdisjoint(("lights", "signs"))
        self._group = np.array([("objects", "lights", "signs", "").index(what) for what in found_as])

    def add(
        self, seen: Seen, boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, picture: Picture
    ) -> Seen:
        """What was seen so far and the best of these boxes, each in the field where its kind belongs.

        boxes (N, 4): left, top, right, bottom px of the picture; scores (N,); classes (N,): of the wanted.
        Boxes and scores that are no numbers are dropped.
        """
        # One sum tells of nearly every array that all of it is finite.
        if not np.isfinite(boxes.sum() + scores.sum()):
            right = np.isfinite(boxes).all(axis=1) & np.isfinite(scores)
            boxes, scores, classes = boxes[right], scores[right], classes[right]
        scores = scores.clip(0.0, 1.0)
        size = (picture.width_px, picture.height_px)
        if self._plain:
            found = keep_best(boxes, scores, classes, self._kinds, size)
            return msgspec.structs.replace(seen, detections=found)
        objects, lights, signs = (
            keep_best(boxes[of_group], scores[of_group], classes[of_group], self._kinds, size)
            for of_group in (self._group[classes] == number for number in range(3))
        )
        if "objects" in self._finds:
            seen = msgspec.structs.replace(seen, detections=objects)
        if "lights" in self._finds:
            seen = msgspec.structs.replace(
                seen,
                lights=tuple(
                    TrafficLight(score=score, box=tuple(box))
                    for score, box in zip(lights.scores.tolist(), lights.boxes.tolist(), strict=True)
                ),
            )
        if "signs" in self._finds:
            seen = msgspec.structs.replace(
                seen,
                signs=tuple(
                    Sign(score=score, box=tuple(box), kind=SIGN_KINDS.get(kind))
                    for score, box, kind in zip(
                        signs.scores.tolist(), signs.boxes.tolist(), signs.kinds, strict=True
                    )
                ),
            )
        return seen
