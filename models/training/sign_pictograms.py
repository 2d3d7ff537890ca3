"""A square board to draw a sign on, and what stands on signs: plain shapes of our own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import cv2
import numpy as np

SIDE = 96
Drawing = tuple[np.ndarray, np.ndarray]
Colour = tuple[float, float, float]
Points = Sequence[tuple[float, float]]
CURVES = np.linspace(0, 2 * np.pi, 49)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """BGR of a hue (0 to 180, and round), saturation and value (0 to 255)."""
    pixel = np.uint8([[[int(hue) % 180, min(255, int(saturation)), min(255, int(value))]]])
    blue, green, red = cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return blue, green, red


class Board:
    """A board being drawn on, in units from its middle: x to the right and y down, each -1 to 1."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.face = np.full((SIDE, SIDE, 3), random.uniform(60, 200), np.uint8)
        self.alpha = np.zeros((SIDE, SIDE), np.uint8)
        self.red = hsv(random.uniform(-6, 6), random.uniform(150, 250), random.uniform(130, 240))
        self.blue = hsv(random.uniform(100, 117), random.uniform(150, 255), random.uniform(110, 225))
        self.yellow = hsv(random.uniform(17, 30), random.uniform(160, 255), random.uniform(170, 255))
        white = random.uniform(195, 255)
        self.white = (white * random.uniform(0.9, 1.0), white, white)
        self.black = (random.uniform(5, 55),) * 3

    def outline(self, points: Points) -> None:
        """The shape of the board itself."""
        cv2.fillPoly(self.alpha, [self._px(points)], 255, cv2.LINE_AA, 4)

    def fill(self, points: Points, colour: Colour) -> None:
        """A filled polygon."""
        cv2.fillPoly(self.face, [self._px(points)], colour, cv2.LINE_AA, 4)

    def disc(self, radius: float, colour: Colour, x: float = 0.0, y: float = 0.0) -> None:
        """A filled circle."""
        self.fill([(x + radius * np.cos(a), y + radius * np.sin(a)) for a in CURVES], colour)

    def line(self, points: Points, width: float, colour: Colour) -> None:
        """A stroke through points."""
        thick = max(1, round(width * SIDE / 2))
        cv2.polylines(self.face, [self._px(points)], False, colour, thick, cv2.LINE_AA, 4)

    def text(
        self, words: str, height: float, width: float, colour: Colour, x: float = 0.0, y: float = 0.0
    ) -> None:
        """Text of that height, at most that wide, in the middle of (x, y)."""
        mask = _letters(words, int(self.random.integers(5)))
        high = max(3, round(height * SIDE / 2))
        wide = round(mask.shape[1] * high / mask.shape[0] * self.random.uniform(0.7, 1.12))
        wide = max(2, min(wide, round(width * SIDE / 2)))
        mask = (
            cv2.resize(mask, (wide, high), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
        )
        left, top = round((x + 1) * SIDE / 2 - wide / 2), round((y + 1) * SIDE / 2 - high / 2)
        part = self.face[max(0, top) : top + high, max(0, left) : left + wide]
        mask = mask[max(0, -top) :, max(0, -left) :][: part.shape[0], : part.shape[1]]
        part[:] = part * (1 - mask) + np.array(colour) * mask

    def drawing(self) -> Drawing:
        """What has been drawn."""
        return self.face, self.alpha

    @staticmethod
    def _px(points: Points) -> np.ndarray:
        return np.round((np.array(points) + 1) * SIDE / 2 * 16 - 8).astype(np.int32)


@functools.lru_cache(maxsize=512)
def _letters(words: str, style: int) -> np.ndarray:
    """Words as a mask (H, W), 0 to 255, cut to what is drawn. Five styles, from narrow to bold."""
    canvas = np.zeros((110, 60 * len(words) + 60), np.uint8)
    # Letters beyond ASCII, and a plain grotesque, come with OpenCV 5; before, there are plotter strokes only.
    if hasattr(cv2, "FontFace") and (style >= 2 or not words.isascii()):
        cv2.putText(canvas, words, (20, 80), 255, cv2.FontFace("uni"), 60, 400)
        thick = (1, 1, 2, 4, 6)[style]
    else:
        words = words if words.isascii() else "X"
        face = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX)[style % 2]
        cv2.putText(canvas, words, (20, 80), face, 2.0, 255, 5 + 2 * style, cv2.LINE_AA)
        thick = 1
    if thick > 1:
        canvas = cv2.dilate(canvas, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick)))
    x, y, width, height = cv2.boundingRect(canvas)
    return canvas[y : y + height, x : x + width].copy()


# ------------------------------------------------------------------ pictograms, about the middle, of size s


def car(b: Board, s: float, c: Colour, x: float = 0.0, y: float = 0.0) -> None:
    """From the front, or from the side."""
    if b.random.random() < 0.6:  # from the front
        b.fill(
            [
                (x - s * 0.55, y - s * 0.5),
                (x + s * 0.55, y - s * 0.5),
                (x + s * 0.8, y),
                (x + s * 0.8, y + s * 0.5),
                (x - s * 0.8, y + s * 0.5),
                (x - s * 0.8, y),
            ],
            c,
        )
        for side in (-1, 1):
            b.disc(s * 0.16, b.white, x + side * s * 0.5, y + s * 0.15)
            b.fill(
                [
                    (x + side * s * 0.75, y + s * 0.4),
                    (x + side * s * 0.4, y + s * 0.4),
                    (x + side * s * 0.4, y + s * 0.75),
                    (x + side * s * 0.75, y + s * 0.75),
                ],
                c,
            )
    else:
        b.fill(
            [
                (x - s, y + s * 0.3),
                (x - s, y),
                (x - s * 0.5, y - s * 0.1),
                (x - s * 0.3, y - s * 0.5),
                (x + s * 0.4, y - s * 0.5),
                (x + s * 0.6, y),
                (x + s, y + s * 0.05),
                (x + s, y + s * 0.3),
            ],
            c,
        )
        for side in (-0.5, 0.55):
            b.disc(s * 0.22, c, x + side * s, y + s * 0.35)


def lorry(b: Board, s: float, c: Colour, x: float = 0.0, y: float = 0.0) -> None:
    """From the side."""
    side = b.random.choice((-1, 1))
    b.fill(
        [
            (x - side * s, y - s * 0.5),
            (x + side * s * 0.3, y - s * 0.5),
            (x + side * s * 0.3, y + s * 0.35),
            (x - side * s, y + s * 0.35),
        ],
        c,
    )
    b.fill(
        [
            (x + side * s * 0.4, y - s * 0.2),
            (x + side * s * 0.8, y - s * 0.2),
            (x + side * s, y + s * 0.1),
            (x + side * s, y + s * 0.35),
            (x + side * s * 0.4, y + s * 0.35),
        ],
        c,
    )
    for place in (-0.6, 0.65):
        b.disc(s * 0.2, c, x + side * s * place, y + s * 0.42)


def beside(b: Board, s: float, left: Colour, right: Colour) -> None:
    """A lorry and to the right of it a car, both from behind."""
    top, gap = b.random.uniform(-0.55, -0.35) * s, b.random.uniform(0.04, 0.12) * s
    b.fill([(-0.72 * s, top), (-gap, top), (-gap, 0.28 * s), (-0.72 * s, 0.28 * s)], left)
    b.fill(
        [
            (gap, 0.0),
            (0.15 * s, -0.22 * s),
            (0.6 * s, -0.22 * s),
            (0.72 * s, 0.0),
            (0.72 * s, 0.28 * s),
            (gap, 0.28 * s),
        ],
        right,
    )
    for x, colour in ((-0.6, left), (-0.2, left), (0.2, right), (0.6, right)):
        b.fill(
            [
                ((x - 0.08) * s, 0.25 * s),
                ((x + 0.08) * s, 0.25 * s),
                ((x + 0.08) * s, 0.42 * s),
                ((x - 0.08) * s, 0.42 * s),
            ],
            colour,
        )


def person(b: Board, s: float, c: Colour, x: float = 0.0, y: float = 0.0) -> None:
    """Walking or standing."""
    lean, w = b.random.uniform(-0.15, 0.15) * s, s * b.random.uniform(0.2, 0.3)
    b.disc(s * 0.2, c, x + lean, y - s * 0.75)
    b.line([(x + lean, y - s * 0.4), (x, y + s * 0.15)], w * 1.3, c)
    for side in (-1, 1):
        b.line([(x, y + s * 0.1), (x + side * s * b.random.uniform(0.15, 0.5), y + s * 0.9)], w, c)
        b.line(
            [
                (x + lean, y - s * 0.4),
                (x + side * s * b.random.uniform(0.3, 0.6), y + b.random.uniform(-0.2, 0.2) * s),
            ],
            w * 0.7,
            c,
        )


def _children(b: Board, s: float, c: Colour) -> None:
    person(b, s * 0.85, c, -s * 0.4, s * 0.05)
    person(b, s * 0.65, c, s * 0.45, s * 0.2)


def _cycle(b: Board, s: float, c: Colour) -> None:
    w = s * 0.1
    for x in (-0.6, 0.6):
        b.line([(x * s + 0.4 * s * np.cos(a), 0.3 * s + 0.4 * s * np.sin(a)) for a in CURVES], w, c)
    b.line(
        [(-0.6 * s, 0.3 * s), (-0.2 * s, -0.3 * s), (0.4 * s, -0.3 * s), (0, 0.3 * s), (-0.2 * s, -0.3 * s)],
        w,
        c,
    )
    b.line([(0.6 * s, 0.3 * s), (0.35 * s, -0.6 * s), (0.6 * s, -0.65 * s)], w, c)
    b.line([(-0.4 * s, -0.45 * s), (0.0, -0.45 * s)], w, c)


def arrow(b: Board, s: float, c: Colour, through: Points, width: float = 0.26) -> None:
    """A stroke with a head, in units of s."""
    points = [(x * s, y * s) for x, y in through]
    (x0, y0), (x1, y1) = points[-2:]
    length = float(np.hypot(x1 - x0, y1 - y0)) or 1.0
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    head = s * max(0.42, width * 1.7) * b.random.uniform(0.85, 1.15)
    b.line(points, width * s, c)
    b.fill(
        [
            (x1 + ux * head, y1 + uy * head),
            (x1 - uy * head * 0.9, y1 + ux * head * 0.9),
            (x1 + uy * head * 0.9, y1 - ux * head * 0.9),
        ],
        c,
    )


WAYS: tuple[Points, ...] = (
    [(0, 0.8), (0, -0.4)],
    [(0.5, 0.0), (-0.4, 0.0)],
    [(-0.35, -0.35), (0.3, 0.3)],
    [(0.35, 0.8), (0.35, -0.25), (-0.3, -0.25)],
    [(0.35, 0.8), (0.3, 0.1), (0.1, -0.2), (-0.3, -0.25)],
    [(0.4, 0.8), (0.4, -0.3), (0.2, -0.5), (-0.2, -0.5), (-0.4, -0.3), (-0.4, 0.3)],
    [(0.3, 0.8), (0.3, 0.3), (-0.2, 0.0), (-0.2, -0.4)],
)


def _turning(b: Board, s: float, c: Colour) -> None:
    side = b.random.choice((-1, 1))
    way = [(side * x, y) for x, y in WAYS[b.random.integers(len(WAYS))]]
    arrow(b, s, c, way, b.random.uniform(0.2, 0.34))
    if b.random.random() < 0.2:
        arrow(b, s, c, [(0, 0.8), (0, -0.45)], b.random.uniform(0.2, 0.3))


def _roundabout(b: Board, s: float, c: Colour) -> None:
    for start in (0.1, 2.2, 4.3):
        arc = [(0.62 * np.cos(a), 0.62 * np.sin(a)) for a in start + np.linspace(0, 1.1, 6)]
        arrow(b, s, c, arc, 0.2)


def _junction(b: Board, s: float, c: Colour) -> None:
    w = s * b.random.uniform(0.22, 0.4)
    b.line([(0, s * 0.9), (0, -s * (0.8 if b.random.random() < 0.6 else 0.1))], w, c)
    b.line(
        [(-s * 0.8, b.random.uniform(-0.3, 0.1) * s), (s * (0.8 if b.random.random() < 0.7 else 0), 0.0)],
        w * 0.8,
        c,
    )


def _exclamation(b: Board, s: float, c: Colour) -> None:
    b.fill([(-0.2 * s, -0.9 * s), (0.2 * s, -0.9 * s), (0.1 * s, 0.35 * s), (-0.1 * s, 0.35 * s)], c)
    b.disc(0.17 * s, c, 0, 0.68 * s)


def _horn(b: Board, s: float, c: Colour) -> None:
    side = b.random.choice((-1, 1))
    b.fill(
        [
            (-side * s * 0.7, -0.1 * s),
            (side * s * 0.3, -0.1 * s),
            (side * s * 0.9, -0.45 * s),
            (side * s * 0.9, 0.45 * s),
            (side * s * 0.3, 0.1 * s),
            (-side * s * 0.7, 0.1 * s),
        ],
        c,
    )
    b.disc(0.28 * s, c, -side * s * 0.7, 0.05 * s)
    b.line([(-side * s * 0.6, 0.25 * s), (side * s * 0.2, 0.25 * s)], 0.12 * s, c)


def _humps(b: Board, s: float, c: Colour) -> None:
    b.fill(
        [
            (-s, 0.5 * s),
            *((x * s, (0.5 - 0.7 * abs(np.sin(x * np.pi))) * s) for x in np.linspace(-1, 1, 25)),
            (s, 0.5 * s),
        ],
        c,
    )


def _bits(b: Board, s: float, c: Colour) -> None:
    """Something that we do not draw well: a few bars and blobs."""
    for _ in range(b.random.integers(2, 5)):
        x, y, w, h = b.random.uniform(-0.6, 0.6, 2).tolist() + b.random.uniform(0.1, 0.5, 2).tolist()
        b.fill(
            [
                ((x - w) * s, (y - h) * s),
                ((x + w) * s, (y - h) * s),
                ((x + w * b.random.uniform(0, 1)) * s, (y + h) * s),
                ((x - w) * s, (y + h) * s),
            ],
            c,
        )


def _slope(b: Board, s: float, c: Colour) -> None:
    side = b.random.choice((-1, 1))
    b.fill([(-0.9 * s, 0.5 * s), (0.9 * s, 0.5 * s), (side * 0.9 * s, -0.5 * s)], c)
    if b.random.random() < 0.5:
        car(b, s * 0.35, c, side * 0.2 * s, -0.35 * s)


def _light(b: Board, s: float, c: Colour) -> None:
    b.fill([(-0.3 * s, -0.9 * s), (0.3 * s, -0.9 * s), (0.3 * s, 0.9 * s), (-0.3 * s, 0.9 * s)], c)
    for y, colour in ((-0.55, b.red), (0.0, b.yellow), (0.55, (60, 180, 40))):
        b.disc(0.22 * s, colour, 0, y * s)


def _words(b: Board, s: float, c: Colour) -> None:
    words = ("慢", "学校", "村庄", "事故", "海关", "检查", "CAR", "STOP", "ZOLL", "BUS", "10", "45%")
    b.text(str(b.random.choice(words)), s * 1.3, s * 2, c)


PICTOGRAMS: tuple[Callable[[Board, float, Colour], None], ...] = (
    car,
    lorry,
    person,
    _children,
    _cycle,
    _turning,
    _roundabout,
    _junction,
    _exclamation,
    _horn,
    _humps,
    _bits,
    _slope,
    _light,
    _words,
)


def pictogram(b: Board, s: float, c: Colour, which: Sequence[int] = range(len(PICTOGRAMS))) -> None:
    """One of PICTOGRAMS, by chance."""
    PICTOGRAMS[int(b.random.choice(list(which)))](b, s, c)
