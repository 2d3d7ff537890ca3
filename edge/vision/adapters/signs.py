"""icv-sign: which traffic sign it is that another model has found."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import Sign
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.crops import box_stretched, largest
from edge.vision.adapters.declared import check_outputs
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

MARGIN = 0.1  # of the box's width and height, added on each side


class Signs:
    """The kind of the signs, by one run for each, in the words of entry.kinds; where it is not sure, or sees
    none of these ("" in entry.kinds), what the detector said stays."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        check_outputs(entry, (len(entry.kinds),))
        self._session = session
        self._canvas = Canvas(session, entry)
        self._kinds = entry.kinds
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds the kinds to the signs, if there are any."""
        if not seen.signs:
            return seen
        signs = list(seen.signs)
        for index in largest([sign.box for sign in signs]):
            kind = self.parse(self._session.run(self.prepare(picture, signs[index])))
            signs[index] = msgspec.structs.replace(signs[index], kind=kind or signs[index].kind)
        return msgspec.structs.replace(seen, signs=tuple(signs))

    def prepare(self, picture: Picture, sign: Sign) -> dict[str, np.ndarray]:
        """The feed: the box and its margin, stretched to the whole input."""
        self._canvas.warp(picture, box_stretched(sign.box, MARGIN, self._canvas.width, self._canvas.height))
        return self._canvas.feed()

    def parse(self, outputs: list[np.ndarray]) -> str | None:
        """outputs: (kinds,): probability of each of entry.kinds."""
        likely = outputs[0]
        best = int(likely.argmax())
        return self._kinds[best] or None if likely[best] >= self._min_score else None
