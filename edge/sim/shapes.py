"""SIMULATION: what road users are made of: coloured faces of vehicles, limbs of people, in metres.

An object's frame: origin on the ground under its middle, x forward, y to the left, z up.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from edge.messages import FloatArray, read_only
from edge.sim.scene import Other


class Face(NamedTuple):
    """A flat polygon: indices of its points, counter-clockwise from outside; two_sided ones never hide."""

    points: tuple[int, ...]
    material: str
    shade: float
    two_sided: bool


class Shape(NamedTuple):
    """points (N, 3), the faces over them in the order of painting, and three points of each (F, 3)."""

    points: FloatArray
    faces: tuple[Face, ...]
    corners: np.ndarray

    def facing(self, seen: FloatArray) -> np.ndarray:
        """(F,) bool: which faces show their front to the camera; seen: the points in its frame."""
        a, b, c = (seen[self.corners[:, i]] for i in range(3))
        u, v = b - a, c - a
        x = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
        y = u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2]
        z = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        return x * a[:, 0] + y * a[:, 1] + z * a[:, 2] < 0


class Limb(NamedTuple):
    """A rod with round ends: from, to (3,), radius, material."""

    start: FloatArray
    end: FloatArray
    radius_m: float
    material: str


class _Builder:
    def __init__(self) -> None:
        self.points: list[tuple[float, float, float]] = []
        self.faces: list[Face] = []

    def face(
        self, corners: list[tuple[float, float, float]], material: str, outward: tuple[float, float, float]
    ) -> None:
        """A polygon; outward tells its front side."""
        p = np.array(corners)
        normal = np.cross(p[1] - p[0], p[2] - p[0])
        if normal @ np.array(outward) < 0:
            corners = corners[::-1]
            normal = -normal
        normal = normal / (np.linalg.norm(normal) or 1.0)
        shade = 0.78 + 0.26 * float(normal[2]) + 0.08 * float(normal[1]) + 0.02 * float(normal[0])
        first = len(self.points)
        self.points += corners
        self.faces.append(Face(tuple(range(first, first + len(corners))), material, shade, False))

    def plain(self, corners: list[tuple[float, float, float]], material: str, shade: float = 1.0) -> None:
        first = len(self.points)
        self.points += corners
        self.faces.append(Face(tuple(range(first, first + len(corners))), material, shade, True))

    def quad(self, x: float, y0: float, y1: float, z0: float, z1: float, material: str, to: float) -> None:
        """A rectangle across the car, seen from `to`."""
        self.face([(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)], material, (to, 0, 0))

    def prism(self, profile: list[tuple[float, float, float]], materials: list[str]) -> None:
        """Side profile of (x, z, half width), extruded across; a material per edge, then for the sides."""
        n = len(profile)
        middle = np.mean(profile, axis=0)
        for y in (-1.0, 1.0):
            self.face([(x, y * w, z) for x, z, w in profile], materials[-1], (0, y, 0))
        for i in range(n):
            (x0, z0, w0), (x1, z1, w1) = profile[i], profile[(i + 1) % n]
            out = ((x0 + x1) / 2 - middle[0], 0.0, (z0 + z1) / 2 - middle[1])
            self.face([(x0, -w0, z0), (x0, w0, z0), (x1, w1, z1), (x1, -w1, z1)], materials[i], out)

    def wheels(self, xs: tuple[float, ...], half_m: float, radius: float, tyre_m: float = 0.21) -> None:
        turn = np.linspace(0, 2 * math.pi, 14, endpoint=False)
        for x in xs:
            for side in (-1.0, 1.0):
                y1, y0 = side * (half_m + 0.01), side * (half_m - tyre_m)
                for to in (-1.0, 1.0):
                    edge = x + to * radius * 0.75
                    self.quad(edge, min(y0, y1), max(y0, y1), 0.0, radius * 1.2, "tyre", to)
                ring = [(x + radius * math.cos(a), y1, radius + radius * math.sin(a)) for a in turn]
                self.face(ring, "tyre", (0, side, 0))
                hub = [
                    (x + (p[0] - x) * 0.62, y1 + side * 0.005, radius + (p[2] - radius) * 0.62) for p in ring
                ]
                self.face(hub, "rim", (0, side, 0))

    def footprint(self, a: float, b: float) -> None:
        """The dark of the ground under the car: bounds it where it meets the road."""
        self.plain([(-a, -b, 0.0), (-a, b, 0.0), (a, b, 0.0), (a, -b, 0.0)], "under")

    def shape(self) -> Shape:
        corners = np.array([face.points[:3] for face in self.faces])
        return Shape(read_only(self.points), tuple(self.faces), corners)


@lru_cache(maxsize=64)
def vehicle_shape(kind: str, style: int, length_m: float, width_m: float, height_m: float) -> Shape:
    """The faces of a car, truck or bus."""
    make = _car if kind == "car" else _truck if kind == "truck" else _bus
    return make(style, length_m / 2, width_m / 2, height_m)


def _car(style: int, a: float, b: float, h: float) -> Shape:
    car = _Builder()
    car.footprint(a, b)
    car.wheels((-a + 0.85, a - 0.9), b, 0.33)
    belt, floor = 0.62 * h + 0.03, 0.21
    hatch = style % 3 != 0
    deck = belt + 0.02 if not hatch else belt
    body = [
        (-a + 0.04, floor, 0.95 * b), (-a, 0.42, b), (-a + 0.05, deck, 0.97 * b), (0.25 * a, belt, 0.98 * b),
        (0.94 * a, 0.74, 0.95 * b), (a, 0.45, 0.97 * b), (a - 0.06, floor, 0.95 * b),
    ]  # fmt: skip
    car.prism(body, ["trim", "body", "body", "body", "body", "trim", "under", "body"])
    # rear: lamps, plate, bumper, exhaust trim; on the slope from (-a, .42) to (-a+.05, deck)
    back = -a + 0.005
    low, high = 0.60 * deck + 0.06, 0.9 * deck
    for side in (-1.0, 1.0):
        y0, y1 = sorted((side * 0.54 * b, side * 0.97 * b))
        car.quad(back, y0, y1, low, high, "tail", -1)
        y0, y1 = sorted((side * 0.72 * b, side * 0.97 * b))
        car.quad(back - 0.001, y0, y1, low - 0.08, low, "blink_left" if side > 0 else "blink_right", -1)
    car.quad(back, -0.27, 0.27, 0.62 * deck, 0.62 * deck + 0.13, "plate", -1)
    car.quad(back, -0.93 * b, 0.93 * b, 0.24, 0.40, "trim", -1)
    car.quad(back, -0.54 * b, 0.54 * b, high - 0.03, high, "chrome", -1)
    nose = a + 0.002
    for side in (-1.0, 1.0):
        y0, y1 = sorted((side * 0.56 * b, side * 0.93 * b))
        car.quad(nose, y0, y1, 0.55, 0.70, "head", 1)
        y0, y1 = sorted((side * 0.8 * b, side * 0.95 * b))
        car.quad(nose, y0, y1, 0.47, 0.54, "blink_left" if side > 0 else "blink_right", 1)
    car.quad(nose, -0.5 * b, 0.5 * b, 0.45, 0.68, "grille", 1)
    car.quad(nose, -0.26, 0.26, 0.36, 0.48, "plate", 1)
    # side: sills and door lines
    for side in (-1.0, 1.0):
        y = side * (b + 0.004)
        for x in (-0.42 * a, 0.02 * a, 0.38 * a):
            car.face(
                [(x, y, 0.3), (x + 0.02, y, 0.3), (x + 0.02, y, belt), (x, y, belt)], "seam", (0, side, 0)
            )
        car.face(
            [(-a + 1.3, y, 0.22), (a - 1.3, y, 0.22), (a - 1.3, y, 0.32), (-a + 1.3, y, 0.32)],
            "trim",
            (0, side, 0),
        )
    # cabin
    rear0, rear1 = (-a + 0.62, -a + 1.15) if not hatch else (-a + 0.1, -a + 0.5)
    front0, front1 = 0.36 * a, 0.02 * a
    wb, wt = 0.95 * b, 0.74 * b
    cabin = [(rear0, deck, wb), (rear1, h, wt), (front1, h, wt), (front0, belt, wb)]
    car.prism(cabin, ["body", "body", "body", "under", "body"])

    def inset(x0: float, z0: float, w0: float, x1: float, z1: float, w1: float, to: float) -> None:
        lo, hi = 0.12, 0.86
        xa, za, ya = x0 + (x1 - x0) * lo, z0 + (z1 - z0) * lo, (w0 + (w1 - w0) * lo) * 0.88
        xb, zb, yb = x0 + (x1 - x0) * hi, z0 + (z1 - z0) * hi, (w0 + (w1 - w0) * hi) * 0.86
        out = 0.01 * to
        glass = [(xa + out, -ya, za), (xa + out, ya, za), (xb + out, yb, zb), (xb + out, -yb, zb)]
        car.face(glass, "glass", (to, 0, 0.3))
        xm, zm, ym = (xa + 2 * xb) / 3, (za + 2 * zb) / 3, (ya + 2 * yb) / 3
        car.face(
            [(xm + out, -ym, zm), (xm + out, ym, zm), (xb + out, yb, zb), (xb + out, -yb, zb)],
            "glint",
            (to, 0, 0.3),
        )

    inset(rear0, deck, wb, rear1, h, wt, -1)
    inset(front0, belt, wb, front1, h, wt, 1)
    for side in (-1.0, 1.0):
        for x0, x1, u0, u1 in (
            (rear0 + 0.22, -0.12 * a, rear1 + 0.1, -0.14 * a),
            (-0.06 * a, front0 - 0.25, -0.08 * a, front1 - 0.04),
        ):
            za, zb = belt + 0.04, h - 0.08
            ya = wb + (wt - wb) * (za - belt) / (h - belt) + 0.005
            yb = wb + (wt - wb) * (zb - belt) / (h - belt) + 0.005
            car.face(
                [(x0, side * ya, za), (x1, side * ya, za), (u1, side * yb, zb), (u0, side * yb, zb)],
                "glass",
                (0, side, 0),
            )
        y0, y1 = sorted((side * wb, side * (b + 0.1)))  # mirrors
        car.quad(front0 - 0.15, y0, y1, belt, belt + 0.13, "body", -1)
        car.quad(front0 - 0.1, y0, y1, belt, belt + 0.13, "body", 1)
    car.quad(rear1 + 0.02, -0.18, 0.18, h - 0.05, h - 0.01, "high_stop", -1)
    return car.shape()


def _box(
    out: _Builder,
    x0: float,
    x1: float,
    b: float,
    z0: float,
    z1: float,
    material: str,
    roof: str | None = None,
) -> None:
    profile = [(x0, z0, b), (x0, z1, b), (x1, z1, b), (x1, z0, b)]
    out.prism(profile, [material, roof or material, material, "under", material])


def _rear_lamps(out: _Builder, x: float, b: float, z: float) -> None:
    for side in (-1.0, 1.0):
        y0, y1 = sorted((side * 0.72 * b, side * 0.96 * b))
        out.quad(x, y0, y1, z, z + 0.16, "tail", -1)
        y0, y1 = sorted((side * 0.58 * b, side * 0.71 * b))
        out.quad(x, y0, y1, z, z + 0.16, "blink_left" if side > 0 else "blink_right", -1)
    out.quad(x, -0.27, 0.27, z - 0.02, z + 0.16, "plate", -1)


def _truck(style: int, a: float, b: float, h: float) -> Shape:
    truck = _Builder()
    truck.footprint(a, b)
    truck.wheels((-a + 1.3, -a + 2.5, a - 1.4), b - 0.03, 0.5, 0.5)
    _box(truck, -a, a, 0.9 * b, 0.5, 1.0, "trim")
    cab = [(a - 2.2, 0.5, b), (a - 2.2, h - 0.5, b), (a - 0.3, h - 0.5, b), (a, 1.5, b), (a, 0.5, b)]
    truck.prism(cab, ["body", "body", "glass", "body", "under", "body"])
    _box(truck, -a, a - 2.3, b, 1.0, h, "cargo", "cargo_top")
    x = -a - 0.005
    truck.quad(x, -0.02, 0.02, 1.02, h - 0.05, "seam", -1)
    truck.quad(x, -0.97 * b, 0.97 * b, 1.02, 1.08, "seam", -1)
    truck.quad(x, -0.97 * b, 0.97 * b, h - 0.1, h - 0.05, "seam", -1)
    for y in (-0.35 * b, 0.35 * b):
        truck.quad(x - 0.001, y - 0.03, y + 0.03, 1.05, h - 0.2, "chrome", -1)
    truck.quad(x, -0.95 * b, 0.95 * b, 0.45, 0.95, "trim", -1)
    truck.quad(x - 0.001, -0.9 * b, 0.9 * b, 0.47, 0.56, "stripe", -1)
    _rear_lamps(truck, x - 0.002, b, 0.7)
    for side in (-1.0, 1.0):
        y0, y1 = sorted((side * 0.6 * b, side * 0.92 * b))
        truck.quad(a + 0.005, y0, y1, 0.7, 0.9, "head", 1)
        y = side * (b + 0.004)
        door = [(a - 1.6, y, 1.6), (a - 0.35, y, 1.6), (a - 0.45, y, h - 0.7), (a - 1.6, y, h - 0.7)]
        truck.face(door, "glass", (0, side, 0))
    truck.quad(a + 0.005, -0.5 * b, 0.5 * b, 0.7, 1.3, "grille", 1)
    return truck.shape()


def _bus(style: int, a: float, b: float, h: float) -> Shape:
    bus = _Builder()
    bus.footprint(a, b)
    bus.wheels((-a + 2.6, a - 2.7), b, 0.48, 0.4)
    _box(bus, -a, a, b, 0.3, h, "body")
    for x, to in ((-a - 0.005, -1.0), (a + 0.005, 1.0)):
        bus.quad(x, -0.86 * b, 0.86 * b, 0.52 * h if to < 0 else 0.38 * h, 0.88 * h, "glass", to)
        bus.quad(x, -0.86 * b, 0.86 * b, 0.74 * h, 0.88 * h, "glint", to)
        bus.quad(x, -0.96 * b, 0.96 * b, 0.32, 0.5, "trim", to)
    bus.quad(-a - 0.006, -0.6 * b, 0.6 * b, 0.2 * h, 0.4 * h, "grille", -1)
    _rear_lamps(bus, -a - 0.008, b, 0.62)
    for side in (-1.0, 1.0):
        y0, y1 = sorted((side * 0.6 * b, side * 0.92 * b))
        bus.quad(a + 0.006, y0, y1, 0.6, 0.8, "head", 1)
        y = side * (b + 0.004)
        for x in np.arange(-a + 0.5, a - 1.0, 1.5):
            window = [(x, y, 0.45 * h), (x + 1.35, y, 0.45 * h), (x + 1.35, y, 0.85 * h), (x, y, 0.85 * h)]
            bus.face(window, "glass", (0, side, 0))
    return bus.shape()


def limbs(other: Other) -> list[Limb]:
    """A person walking, or a rider on a bicycle or motorcycle, as rods; other.phase moves the legs."""
    return _walker(other) if other.kind == "person" else _rider(other)


def _p(x: float, y: float, z: float) -> FloatArray:
    return np.array([x, y, z])


def _leg(hip: FloatArray, foot: FloatArray, thigh_m: float, shin_m: float, radius_m: float) -> list[Limb]:
    """Two rods whose knee bends forward."""
    away = foot - hip
    reach = min(float(np.linalg.norm(away)), (thigh_m + shin_m) * 0.999)
    along = (thigh_m**2 - shin_m**2 + reach**2) / (2 * reach)
    bend = math.sqrt(max(thigh_m**2 - along**2, 0.0))
    unit = away / np.linalg.norm(away)
    forward = np.cross(np.array([0.0, 1.0, 0.0]), unit) * -1.0
    if forward[0] < 0:
        forward = -forward
    knee = hip + unit * along + forward * bend
    return [Limb(hip, knee, radius_m, "trousers"), Limb(knee, foot, 0.8 * radius_m, "trousers")]


def _walker(other: Other) -> list[Limb]:
    k = other.height_m / 1.75
    moving = 1.0 if other.speed_mps > 0.05 else 0.15
    parts: list[Limb] = []
    for side in (-1.0, 1.0):
        swing = math.sin(other.phase + (0.0 if side > 0 else math.pi)) * moving
        lift = max(0.0, math.cos(other.phase + (0.0 if side > 0 else math.pi))) * 0.08 * moving
        hip = _p(0.0, side * 0.09, 0.88) * k
        foot = _p(0.30 * swing, side * 0.09, 0.05 + lift) * k
        parts += _leg(hip, foot, 0.43 * k, 0.43 * k, 0.075 * k)
        parts.append(
            Limb(foot + _p(-0.03, 0, -0.012) * k, foot + _p(0.16, 0, -0.012) * k, 0.038 * k, "shoes")
        )
        shoulder = _p(0.0, side * 0.19, 1.40) * k
        elbow = shoulder + _p(-0.16 * swing, side * 0.04, -0.26) * k
        hand = elbow + _p(-0.10 * swing + 0.06, 0.0, -0.22) * k
        parts += [Limb(shoulder, elbow, 0.05 * k, "body"), Limb(elbow, hand, 0.04 * k, "body")]
        parts.append(Limb(hand, hand + _p(0.0, 0.0, -0.06) * k, 0.04 * k, "skin"))
    parts.append(Limb(_p(0, 0, 0.95) * k, _p(0, 0, 1.30) * k, 0.155 * k, "body"))
    parts.append(Limb(_p(0, -0.1, 1.34) * k, _p(0, 0.1, 1.34) * k, 0.09 * k, "body"))
    parts.append(Limb(_p(0, 0, 1.42) * k, _p(0.01, 0, 1.5) * k, 0.05 * k, "skin"))
    parts.append(Limb(_p(0.01, 0, 1.58) * k, _p(0.01, 0, 1.63) * k, 0.1 * k, "skin"))
    parts.append(Limb(_p(-0.02, 0, 1.63) * k, _p(-0.015, 0, 1.65) * k, 0.1 * k, "hair"))
    return parts


def _rider(other: Other) -> list[Limb]:
    heavy = other.kind == "motorcycle"
    half, radius = other.length_m / 2, 0.31 if heavy else 0.34
    tyre = 0.055 if heavy else 0.022
    rear, front = _p(-half + radius, 0, radius), _p(half - radius, 0, radius)
    parts: list[Limb] = []
    turn = np.linspace(0, 2 * math.pi, 15)
    for hub in (rear, front):
        ring = [hub + _p((radius - tyre) * math.cos(a), 0, (radius - tyre) * math.sin(a)) for a in turn]
        parts += [Limb(ring[i], ring[i + 1], tyre, "tyre") for i in range(len(ring) - 1)]
    seat, crank, bar = _p(-0.22, 0, 0.92), _p(-0.08, 0, 0.32), _p(0.38, 0, 1.0)
    frame = 0.12 if heavy else 0.02
    for start, end in ((rear, seat), (rear, crank), (crank, seat), (seat, bar), (crank, bar), (bar, front)):
        parts.append(Limb(start, end, frame, "frame"))
    parts.append(Limb(bar + _p(0, -0.27, 0.04), bar + _p(0, 0.27, 0.04), 0.02, "tyre"))
    hip = seat + _p(0.0, 0, 0.08)
    for side in (-1.0, 1.0):
        turned = other.phase + (0.0 if side > 0 else math.pi)
        foot = crank + (
            _p(0.0, side * 0.12, 0.0)
            if heavy
            else _p(0.17 * math.cos(turned), side * 0.1, -0.17 * math.sin(turned))
        )
        parts += _leg(hip + _p(0, side * 0.09, 0), foot, 0.42, 0.42, 0.07)
        parts.append(Limb(foot, foot + _p(0.14, 0, 0), 0.04, "shoes"))
    lean = 0.42 if not heavy else 0.25
    chest = hip + _p(lean * 0.75, 0, 0.5)
    parts.append(Limb(hip + _p(0, 0, 0.06), chest, 0.15, "body"))
    for side in (-1.0, 1.0):
        shoulder = chest + _p(0, side * 0.17, 0.02)
        parts.append(Limb(shoulder, bar + _p(-0.02, side * 0.25, 0.08), 0.045, "body"))
    head = chest + _p(0.1, 0, 0.24)
    parts.append(Limb(chest, head, 0.05, "skin"))
    parts.append(Limb(head, head + _p(0.01, 0, 0.03), 0.1, "skin"))
    parts.append(
        Limb(head + _p(-0.01, 0, 0.05), head + _p(0.0, 0, 0.07), 0.115, "helmet" if heavy else "hair")
    )
    if heavy:
        parts.append(Limb(rear + _p(-0.12, 0, 0.42), rear + _p(-0.12, 0, 0.45), 0.06, "tail"))
    return parts
