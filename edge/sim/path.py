"""SIMULATION: the road as a curve."""

from __future__ import annotations

import math

import numpy as np

from edge.sim.scenario import LineKind, RoadSpec


class Path:
    """The centre line of lane 0, sampled each metre: along, x, y, heading, curvature."""

    def __init__(self, road: RoadSpec, before_m: float = 300.0, after_m: float = 3000.0) -> None:
        ends = np.cumsum([p.length_m for p in road.pieces])
        self.s = np.arange(-before_m, ends[-1] + after_m, 1.0)
        index = np.searchsorted(ends, self.s, side="right")
        raw = np.array([p.curvature_per_m for p in road.pieces] + [0.0])[index]
        raw[self.s < 0] = road.pieces[0].curvature_per_m
        padded = np.concatenate([np.full(20, raw[0]), raw, np.full(20, raw[-1])])
        self.curvature = np.convolve(padded, np.full(41, 1 / 41), mode="valid")
        turned = np.concatenate([[0.0], np.cumsum((self.curvature[1:] + self.curvature[:-1]) / 2)])
        zero = int(before_m)
        self.heading = turned - turned[zero]
        middle = (self.heading[1:] + self.heading[:-1]) / 2
        self.x = np.concatenate([[0.0], np.cumsum(np.cos(middle))])
        self.y = np.concatenate([[0.0], np.cumsum(np.sin(middle))])
        self.x -= self.x[zero]
        self.y -= self.y[zero]

    def curvature_at(self, s: float) -> float:
        """1/m, to the left positive."""
        place = s - self.s[0]
        i = min(max(int(place), 0), len(self.s) - 2)
        return float(self.curvature[i] + (place - i) * (self.curvature[i + 1] - self.curvature[i]))

    def pose(self, s: float, left_m: float) -> tuple[float, float, float]:
        """x, y and heading of the road at a point in road coordinates."""
        heading = float(np.interp(s, self.s, self.heading))
        x = float(np.interp(s, self.s, self.x)) - left_m * math.sin(heading)
        y = float(np.interp(s, self.s, self.y)) + left_m * math.cos(heading)
        return x, y, heading


def default_lines(road: RoadSpec) -> tuple[LineKind, ...]:
    """Solid edges, dashes between lanes of one direction and on a two-lane road, else a solid middle line."""
    lanes = road.lanes_forward + road.lanes_oncoming
    between: list[LineKind] = ["dashed"] * (lanes - 1)
    kinds: list[LineKind] = ["solid", *between, "solid"]
    if road.lanes_oncoming and lanes > 2:
        kinds[road.lanes_forward] = "solid"
    return tuple(kinds)
