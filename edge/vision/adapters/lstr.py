"""LSTR (Liu et al. 2021, arXiv 2011.04233): lane lines as curves, straight from a transformer."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import LaneLine, read_only
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

POINTS = 32  # of each line


class Lstr:
    """Lane lines. Each of the network's queries says how likely it is one, and its curve."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Its inputs: the picture, and a mask that is 1 where the input is padded, which is nowhere.

        Raises ModelError if the entry does not fit.
        """
        check_outputs(
            entry,
            (1, None, 2),
            (1, None, 8),
            *((None,) * len(shape) for shape in list(entry.outputs.values())[2:]),
        )
        self._session = session
        image, mask = session.inputs
        self._canvas = Canvas(session, entry, image)
        shape, dtype = session.inputs[mask]
        self._mask = {mask: np.zeros(shape, dtype)}
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds lanes."""
        outputs = self._session.run(self.prepare(picture))
        return msgspec.structs.replace(seen, lanes=self.parse(outputs, picture.width_px, picture.height_px))

    def prepare(self, picture: Picture) -> dict[str, np.ndarray]:
        """The feed."""
        self._canvas.stretch(picture)
        return self._canvas.feed() | self._mask

    @np.errstate(all="ignore")
    def parse(self, outputs: list[np.ndarray], width: int, height: int) -> tuple[LaneLine, ...]:
        """outputs: logits (1, queries, 2) of being none and of being a line; curves (1, queries, 8): upper
        and lower end as shares of the height, then k, f, m, n, b, c of the paper's equation 7:
        x = k / (y - f)^2 + m / (y - f) + n + b y - c. width, height: of the picture, px.
        """
        logits, curves = (output[0].astype(np.float64) for output in outputs[:2])
        scores = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
        found = []
        for score, curve in zip(scores.tolist(), curves, strict=True):
            if not score >= self._min_score:
                continue
            upper, lower, k, f, m, n, b, c = curve
            y = np.linspace(min(lower, 1.0), max(upper, 0.0), POINTS)
            x = k / (y - f) ** 2 + m / (y - f) + n + b * y - c
            inside = (x >= 0.0) & (x <= 1.0)
            if y[0] > y[-1] and np.count_nonzero(inside) >= 2:
                points = np.stack((x[inside] * width, y[inside] * height), axis=1)
                found.append(LaneLine(points=read_only(points), score=score))
        return tuple(sorted(found, key=lambda line: float(line.points[0, 0])))
