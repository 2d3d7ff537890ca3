"""How signs look: each function draws one on a square board of SIDE px, never twice the same.

Shapes and colours as in the Convention on Road Signs and Signals (Vienna 1968, annex 1) and GB 5768.2-2022. A
drawing is its colours (SIDE, SIDE, 3) BGR and what it covers (SIDE, SIDE), 0 to 255.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from sign_pictograms import (
    CURVES,
    SIDE,
    Board,
    Colour,
    Drawing,
    Points,
    arrow,
    beside,
    car,
    hsv,
    person,
    pictogram,
)

LIMITS = (5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130)


def _circle(b: Board, radius: float = 1.0) -> None:
    b.outline([(radius * np.cos(a), radius * np.sin(a)) for a in CURVES])


def _ring(b: Board) -> float:
    """White, with a red rim. Returns the radius of what is left white."""
    _circle(b)
    if b.random.random() < 0.4:
        b.disc(1.0, b.white)
        b.disc(b.random.uniform(0.92, 0.98), b.red)
    else:
        b.disc(1.05, b.red)
    inner = b.random.uniform(0.7, 0.87)
    b.disc(inner, b.white if b.random.random() < 0.95 else b.yellow)
    return inner


def _slash(b: Board, colour: Colour, inner: float, both: bool = False) -> None:
    r, width = inner * 0.74, b.random.uniform(0.1, 0.2)
    side = 1 if b.random.random() < 0.85 else -1  # from the upper left to the lower right, mostly
    b.line([(-side * r, -r), (side * r, r)], width, colour)
    if both:
        b.line([(side * r, -r), (-side * r, r)], width, colour)


def speed_limit(limit: int, random: np.random.Generator) -> Drawing:
    """A number in a red ring; now and then with km/h beneath, and some of light on black."""
    b = Board(random)
    inner = _ring(b)
    ink = b.black
    if random.random() < 0.05:
        b.disc(inner, b.black)
        ink = b.white if random.random() < 0.6 else b.yellow
    elif random.random() < 0.08:
        ink = b.blue
    digits = len(str(limit))
    height = inner * random.uniform(*((0.95, 1.3) if digits < 3 else (0.75, 1.1)))
    low = 0.0
    if random.random() < 0.05:
        b.text("km/h", 0.25, 0.8, ink, 0, inner * 0.62)
        low = -0.15
    width = inner * random.uniform(1.35, 1.7) if digits == 3 else inner * random.uniform(1.1, 1.5)
    b.text(str(limit), height, width, ink, random.normal(0, 0.02), low + random.normal(0, 0.02))
    return b.drawing()


def end_of_limit(random: np.random.Generator) -> Drawing:
    """White with a dark rim and bars across: the end of a speed limit, of no overtaking, or of all."""
    b = Board(random)
    _circle(b)
    b.disc(1.05, b.white)
    if random.random() < 0.85:
        b.disc(random.uniform(0.92, 1.05), b.black)
        b.disc(random.uniform(0.8, 0.9), b.white)
    grey = b.black if random.random() < 0.5 else (random.uniform(80, 170),) * 3
    what = random.random()
    if what < 0.55:
        b.text(str(random.choice(LIMITS)), random.uniform(0.7, 1.1), 1.35, grey)
    elif what < 0.75:
        if random.random() < 0.5:
            beside(b, 0.85, grey, grey)
        else:
            car(b, 0.34, grey, -0.35)
            car(b, 0.34, grey, 0.35)
    bars, spread, width = (
        int(random.choice((1, 1, 2, 3, 4, 5))),
        random.uniform(0.2, 0.5),
        random.uniform(0.03, 0.07),
    )
    bar = b.black if random.random() < 0.6 else grey
    thick = random.uniform(0.12, 0.3) if bars == 1 else width
    for shift in np.linspace(-spread, spread, bars) if bars > 1 else (0.0,):
        b.line([(-0.6 + shift, 0.6 + shift), (0.6 + shift, -0.6 + shift)], thick, bar)
    return b.drawing()


def stop(random: np.random.Generator) -> Drawing:
    """A red octagon with a word."""
    b = Board(random)
    eight = [(1.04 * np.cos(a), 1.04 * np.sin(a)) for a in np.pi / 8 + np.arange(8) * np.pi / 4]
    b.outline(eight)
    b.fill(eight, b.white)
    edge = random.uniform(0.88, 1.0)
    b.fill([(x * edge, y * edge) for x, y in eight], b.red)
    if random.random() < 0.45:
        b.text("停", random.uniform(0.8, 1.15), 1.3, b.white)
    else:
        word = str(random.choice(("STOP", "STOP", "STOP", "PARE", "ALTO", "DUR")))
        b.text(word, random.uniform(0.5, 0.8), 1.6, b.white)
    return b.drawing()


def give_way(random: np.random.Generator) -> Drawing:
    """A triangle on its tip, red and white."""
    b = Board(random)
    high = random.uniform(0.86, 1.0)
    three = np.array([(-1.0, -high), (1.0, -high), (0.0, high)])
    b.outline(_rounded(three, random.uniform(0.03, 0.16)))
    middle = three.mean(0)
    b.fill(three.tolist(), b.white if random.random() < 0.3 else b.red)
    b.fill((middle + (three - middle) * 0.93).tolist(), b.red)
    b.fill((middle + (three - middle) * random.uniform(0.48, 0.72)).tolist(), b.white)
    if random.random() < 0.45:
        b.text("让", random.uniform(0.4, 0.65), 0.7, b.black, 0.0, middle[1])
    elif random.random() < 0.1:
        b.text("YIELD", 0.2, 0.7, b.red, 0.0, middle[1] - 0.1)
    return b.drawing()


def no_entry(random: np.random.Generator) -> Drawing:
    """A red disc with a white bar."""
    b = Board(random)
    _circle(b)
    b.disc(1.05, b.white if random.random() < 0.35 else b.red)
    b.disc(0.94, b.red)
    half, high = random.uniform(0.62, 0.8), random.uniform(0.13, 0.24)
    b.fill([(-half, -high), (half, -high), (half, high), (-half, high)], b.white)
    return b.drawing()


def no_overtaking(random: np.random.Generator) -> Drawing:
    """Two vehicles in a red ring (Vienna C 13), or one arrow that goes round another (GB 5768.2)."""
    b = Board(random)
    inner = _ring(b)
    what = random.random()
    if what < 0.35:  # two cars
        size = random.uniform(0.36, 0.44) * inner / 0.8
        left, right = (b.red, b.black) if random.random() < 0.8 else (b.black, b.red)
        car(b, size, left, -0.38 * inner / 0.8, random.uniform(-0.05, 0.05))
        car(b, size, right, 0.38 * inner / 0.8, random.uniform(-0.05, 0.05))
    elif what < 0.6:  # a lorry and a car
        beside(b, inner, b.red, b.black)
    else:
        side = 1 if random.random() < 0.92 else -1
        width = random.uniform(0.12, 0.2)
        if random.random() < 0.6:  # the line between them, in red
            b.line([(0.0, -inner), (0.0, inner)], random.uniform(0.1, 0.18), b.red)
        round_it = [(-0.15, 0.75), (-0.5, 0.5), (-0.5, 0.1), (0.15, -0.25), (0.2, -0.5)]
        if random.random() < 0.4:
            round_it = [(0.1, 0.7), (-0.4, 0.3), (-0.4, -0.2), (-0.1, -0.5)]
        up = random.uniform(-0.2, 0.3)
        arrow(b, inner * 0.85, b.black, [(side * 0.4, 0.75), (side * 0.4, up)], width)
        arrow(b, inner * 0.85, b.black, [(side * x, y) for x, y in round_it], width)
        if random.random() < 0.2:
            _slash(b, b.red, inner)
    return b.drawing()


def no_parking(random: np.random.Generator) -> Drawing:
    """Blue in a red ring with one bar, or with two: no stopping."""
    b = Board(random)
    _circle(b)
    b.disc(1.05, b.red)
    inner = random.uniform(0.75, 0.87)
    b.disc(inner, b.blue)
    _slash(b, b.red, inner + 0.1, both=random.random() < 0.65)
    return b.drawing()


def prohibition(random: np.random.Generator) -> Drawing:
    """Any other red ring: something struck out or not, a height, width or weight, or nothing in it."""
    b = Board(random)
    inner = _ring(b)
    what = random.random()
    if what < 0.1:
        return b.drawing()
    if what < 0.42:
        _quantity(b, inner)
        return b.drawing()
    pictogram(b, inner * random.uniform(0.55, 0.75), b.black, (0, 1, 2, 4, 5, 5, 5, 7, 9, 9, 11, 14))
    if random.random() < 0.75:
        _slash(b, b.red, inner)
    return b.drawing()


def _quantity(b: Board, inner: float) -> None:
    """A height, a width, a weight or the weight on an axle. The unit is smaller, and stands low or level."""
    random = b.random
    unit = "t" if random.random() < 0.6 else "m"
    whole = int(random.choice((2, 3, 4, 5, 7, 8, 10, 13, 14, 15, 20, 25, 30, 40, 49, 50, 55)))
    words = str(whole) if unit == "t" else f"{random.integers(2, 6)}.{random.integers(0, 10)}"
    high, total = random.uniform(0.55, 0.95), inner * random.uniform(1.4, 1.65)
    if unit == "m":
        high *= 0.75
    share = random.uniform(0.2, 0.3)
    up = -0.15 if unit == "t" and random.random() < 0.25 else random.uniform(-0.03, 0.03)
    b.text(words, high, total * (1 - share), b.black, -total * share / 2, up)
    small = high * random.uniform(0.45, 0.8)
    b.text(unit, small, total * share, b.black, total * (1 - share) / 2, up + (high - small) / 2)
    if up < -0.1:  # an axle
        b.line([(-0.4, 0.55), (0.4, 0.55)], 0.06, b.black)
        for x in (-0.35, 0.35):
            b.line([(x, 0.4), (x, 0.7)], 0.1, b.black)
    if unit == "m" and random.random() < 0.85:
        tip, base = random.uniform(0.42, 0.55), inner * 0.95
        across = random.random() < 0.3
        for side in (-1, 1):
            wedge = [(-0.2, side * base), (0.2, side * base), (0.0, side * tip)]
            b.fill([(y, x) for x, y in wedge] if across else wedge, b.black)


def pedestrian_crossing(random: np.random.Generator) -> Drawing:
    """A white triangle on blue, in it somebody on stripes."""
    b = Board(random)
    wide = random.uniform(0.7, 1.0)
    board = np.array([(-wide, -1.0), (wide, -1.0), (wide, 1.0), (-wide, 1.0)])
    b.outline(_rounded(board, random.uniform(0.01, 0.12)))
    b.fill(board.tolist(), b.blue)
    if random.random() < 0.4:
        b.line([(x * 0.93, y * 0.95) for x, y in (*board.tolist(), board[0].tolist())], 0.05, b.white)
    top, bottom = random.uniform(-0.85, -0.7), random.uniform(0.55, 0.8)
    b.fill([(-wide * 0.9, bottom), (wide * 0.9, bottom), (0.0, top)], b.white)
    size = random.uniform(0.42, 0.55)
    person(b, size, b.black, random.uniform(-0.05, 0.05), bottom - size * random.uniform(1.1, 1.25))
    for x in np.linspace(-0.6, 0.6, int(random.integers(4, 7))) * wide:
        b.fill(
            [
                (x - 0.05, bottom),
                (x + 0.05, bottom),
                (x * 0.75 + 0.04, bottom - 0.22),
                (x * 0.75 - 0.04, bottom - 0.22),
            ],
            b.black,
        )
    return b.drawing()


def warning(random: np.random.Generator) -> Drawing:
    """A triangle on its base: red and white, or black and yellow."""
    b = Board(random)
    high = random.uniform(0.85, 1.0)
    three = np.array([(-1.0, high), (1.0, high), (0.0, -high)])
    b.outline(_rounded(three, random.uniform(0.03, 0.16)))
    middle = three.mean(0)

    def shrunk(share: float) -> Points:
        return (middle + (three - middle) * share).tolist()

    if random.random() < 0.5:
        b.fill(shrunk(1.05), b.white if random.random() < 0.3 else b.red)
        b.fill(shrunk(0.95), b.red)
        b.fill(shrunk(random.uniform(0.6, 0.75)), b.white if random.random() < 0.85 else b.yellow)
    else:
        lime = hsv(random.uniform(31, 40), random.uniform(170, 255), random.uniform(190, 255))
        ground = b.yellow if random.random() < 0.85 else lime
        b.fill(shrunk(1.05), ground if random.random() < 0.7 else b.black)
        edge = random.uniform(0.84, 0.97)
        b.fill(shrunk(edge), b.black)
        b.fill(shrunk(edge - random.uniform(0.09, 0.2)), ground)
    inside = Board(random)
    inside.face[:] = b.face
    size, down = random.uniform(0.33, 0.45), int(SIDE / 2 * (middle[1] + random.uniform(-0.02, 0.1)))
    inside.face = np.roll(b.face, -down, axis=0)
    ink = b.black if random.random() < 0.92 else b.red
    pictogram(inside, size, ink)
    b.face = np.roll(inside.face, down, axis=0)
    return b.drawing()


def mandatory(random: np.random.Generator) -> Drawing:
    """White on a blue disc: where to go, who may, or how fast at least."""
    b = Board(random)
    _circle(b)
    b.disc(1.05, b.blue)
    if random.random() < 0.5:
        edge = random.uniform(0.88, 1.0)
        b.disc(edge, b.white)
        b.disc(edge - random.uniform(0.03, 0.07), b.blue)
    which = random.random()
    if which < 0.25:  # as fast at least
        b.text(str(random.choice(LIMITS)), random.uniform(0.7, 1.1), 1.4, b.white)
        if random.random() < 0.4:
            b.line([(-0.45, 0.68), (0.45, 0.68)], 0.08, b.white)
    elif which < 0.4:  # keep right
        side = 1 if random.random() < 0.85 else -1
        way = [(-0.5 * side, -0.5), (0.25 * side, 0.25)]
        arrow(b, random.uniform(0.7, 0.9), b.white, way, random.uniform(0.22, 0.36))
    else:
        pictogram(b, random.uniform(0.55, 0.8), b.white, (0, 1, 2, 2, 3, 4, 4, 5, 5, 5, 5, 5, 6, 9))
    return b.drawing()


def priority_road(random: np.random.Generator) -> Drawing:
    """A yellow square on its corner, in white."""
    b = Board(random)
    four = np.array([(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)])
    b.outline(_rounded(four, random.uniform(0.02, 0.12)))
    b.fill((four * 1.05).tolist(), b.black if random.random() < 0.4 else b.white)
    b.fill((four * 0.95).tolist(), b.white)
    b.fill((four * random.uniform(0.58, 0.74)).tolist(), b.yellow)
    return b.drawing()


def other(random: np.random.Generator) -> Drawing:
    """Boards that are none of these: directions, parking, advertisements, and any board from behind."""
    b = Board(random)
    which = random.random()
    if which < 0.7:
        wide, high = random.uniform(0.4, 1.0), random.uniform(0.3, 1.0)
        board = [(-wide, -high), (wide, -high), (wide, high), (-wide, high)]
        green = hsv(random.uniform(60, 85), random.uniform(140, 255), random.uniform(60, 160))
        anything = tuple(random.uniform(0, 255, 3).tolist())
        ground = (b.blue, green, b.white, b.yellow, anything, b.red)[int(random.integers(6))]
        b.outline(board)
        b.fill(board, ground)
        ink = b.white if sum(ground) < 400 else b.black
        if random.random() < 0.5:
            b.line([(x * 0.93, y * 0.93) for x, y in (*board, board[0])], 0.05, ink)
        for _ in range(random.integers(0, 4)):
            words = str(
                random.choice(
                    ("P", "A 9", "G15", "出口", "1 km", "Taxi", "88", "500m", "CAFE", "高速", "O", "10")
                )
            )
            x, y = random.uniform(-0.4, 0.4) * wide, random.uniform(-0.5, 0.5) * high
            b.text(words, high * random.uniform(0.3, 1.2), wide * 1.2, ink, x, y)
        if random.random() < 0.4:
            pictogram(b, min(wide, high) * random.uniform(0.4, 0.8), ink)
    elif which < 0.9:  # from behind
        metal = (random.uniform(60, 190),) * 3
        sides = (3, 4, 8, 48)[int(random.integers(4))]
        start = random.choice((0.0, np.pi / sides, np.pi / 2))
        b.outline(
            [
                (np.cos(start + i * 2 * np.pi / sides), np.sin(start + i * 2 * np.pi / sides))
                for i in range(sides)
            ]
        )
        b.face[:] = np.array(metal)
        b.line([(0, -1), (0, 1)], random.uniform(0.1, 0.3), (metal[0] * 0.7,) * 3)
    else:  # round, of a colour that means nothing
        _circle(b)
        b.disc(1.05, tuple(random.uniform(0, 255, 3).tolist()))
        b.disc(random.uniform(0.4, 0.95), tuple(random.uniform(0, 255, 3).tolist()))
        if b.face[SIDE // 2, SIDE // 2, 0] > 150:
            b.disc(0.9, (30, 120, 60))
    return b.drawing()


def _rounded(corners: np.ndarray, radius: float) -> Points:
    """The corners of a board, blunted."""
    points = []
    for before, here, after in zip(np.roll(corners, 1, 0), corners, np.roll(corners, -1, 0), strict=True):
        a, c = here + (before - here) * radius, here + (after - here) * radius
        points += [
            ((1 - t) ** 2 * a + 2 * t * (1 - t) * here + t**2 * c).tolist() for t in (0, 0.25, 0.5, 0.75, 1)
        ]
    return [(x, y) for x, y in points]


DRAWN: dict[str, Callable[[np.random.Generator], Drawing]] = {
    **{f"speed_limit_{limit}": functools.partial(speed_limit, limit) for limit in LIMITS},
    "end_of_limit": end_of_limit,
    "stop": stop,
    "give_way": give_way,
    "no_entry": no_entry,
    "no_overtaking": no_overtaking,
    "no_parking": no_parking,
    "prohibition": prohibition,
    "pedestrian_crossing": pedestrian_crossing,
    "warning": warning,
    "mandatory": mandatory,
    "priority_road": priority_road,
}
"""By kind, in the order of the network's classes."""
