"""SIMULATION: where each pixel of the ground lies on the road, and what the ground there looks like.

The look is one tile of road, TILE_M long, repeated; smaller copies of it serve the distance, each of them
shrunk along and across as the pixels there ask for, so that nothing flickers.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from edge.config import Geometry
from edge.messages import FloatArray
from edge.sim.projection import PinholeCamera
from edge.sim.scenario import LineKind
from edge.sim.scene import RoadState

TILE_M = 30.0
ALONG_M, ACROSS_M = 0.04, 0.02  # of a texel of the finest copy
VERGE_M = 12.0
SHOULDER_M = 0.6
LINE_M = 0.15
DASH_M, PERIOD_M = 6.0, 15.0  # GB 5768.3: 6 m of paint, 9 m of gap
ROWS = round(TILE_M / ALONG_M)
WIDEST = round((50.0 + 2 * VERGE_M) / ACROSS_M)  # columns of the widest road that a scenario may have


class GroundMap(NamedTuple):
    """Rows first_row.. of the picture: along, across (R, W) float32 m in road coordinates; forward (R,) m."""

    first_row: int
    along: FloatArray
    across: FloatArray
    forward: FloatArray


@lru_cache(maxsize=32)
def camera_of(geometry: Geometry, width_px: int, height_px: int) -> PinholeCamera:
    """One camera per geometry and size."""
    return PinholeCamera(geometry, width_px, height_px)


def ground_map(road: RoadState, camera: PinholeCamera) -> GroundMap:
    """Pixels of the ground in road coordinates. Each row lies at one distance ahead of the camera."""
    rows = np.arange(max(math.ceil(camera.horizon_px), 0), camera.height_px)
    down = (rows + 0.5 - camera.cy) / camera.fy
    sinking = math.sin(camera.pitch) + down * math.cos(camera.pitch)
    keep = sinking > camera.height_m / 2000.0
    rows, down, sinking = rows[keep], down[keep], sinking[keep]
    scale = camera.height_m / sinking
    forward = scale * (math.cos(camera.pitch) - down * math.sin(camera.pitch))
    # the road's centre line in the level frame of the camera
    s, x, y, psi = road.centre.T
    dx, dy = x - camera.position[0], y - camera.position[1]
    cw, sw = math.cos(camera.yaw), math.sin(camera.yaw)
    ahead, left, turned = dx * cw + dy * sw, -dx * sw + dy * cw, psi - camera.yaw
    going = np.concatenate([[True], np.diff(ahead) > 0.05])
    stop = int(np.argmin(going)) if not going.all() else len(going)
    ahead, left, turned, s = ahead[:stop], left[:stop], turned[:stop], s[:stop]
    at = np.minimum(forward, ahead[-1])
    beyond = (forward - at) * math.tan(min(max(turned[-1], -1.2), 1.2))
    centre_left = np.interp(at, ahead, left) + beyond
    heading = np.interp(at, ahead, turned)
    centre_along = np.interp(at, ahead, s) + (forward - at)
    columns = (np.arange(camera.width_px, dtype=np.float32) + 0.5 - camera.cx) / camera.fx
    cos_h, sin_h = np.cos(heading), np.sin(heading)
    across = ((-scale * cos_h).astype(np.float32))[:, None] * columns + (-centre_left * cos_h).astype(
        np.float32
    )[:, None]
    along = ((-scale * sin_h).astype(np.float32))[:, None] * columns
    along += (centre_along - centre_left * sin_h).astype(np.float32)[:, None]
    return GroundMap(int(rows[0]) if len(rows) else camera.height_px, along, across, forward)


def line_intervals(kind: LineKind) -> list[tuple[float, float]]:
    """Where in a tile such a line is painted, along the road."""
    if kind == "solid":
        return [(0.0, TILE_M)]
    return (
        [(k * PERIOD_M, k * PERIOD_M + DASH_M) for k in range(int(TILE_M / PERIOD_M))]
        if kind == "dashed"
        else []
    )


def line_left_m(road: RoadState, line: int) -> float:
    """Where line k lies, left of lane 0's centre line."""
    return (line - 0.5) * road.lane_width_m


class Surface(NamedTuple):
    """What a tile depends on."""

    lanes_forward: int
    lanes_oncoming: int
    lane_width_m: float
    lines: tuple[LineKind, ...]
    town: bool
    wet: bool

    @property
    def right_m(self) -> float:
        """Where the first column of its tile lies, left of lane 0's centre line."""
        return -VERGE_M - self.lane_width_m / 2

    @property
    def width_m(self) -> float:
        """Of its tile."""
        return (self.lanes_forward + self.lanes_oncoming) * self.lane_width_m + 2 * VERGE_M

    def columns(self) -> FloatArray:
        """(D,) float32: the metres left of lane 0's centre line of the columns of its tile."""
        count = round(self.width_m / ACROSS_M)
        return ((np.arange(count) + 0.5) * ACROSS_M + self.right_m).astype(np.float32)


def _marks(surface: Surface) -> FloatArray:
    """(S, D) float32: the share of paint."""
    d = surface.columns()
    marks = np.zeros((ROWS, len(d)), np.float32)
    for k, kind in enumerate(surface.lines):
        at = (k - 0.5) * surface.lane_width_m
        near = np.flatnonzero(np.abs(d - at) < 0.4)
        cover = np.clip((LINE_M / 2 - np.abs(d[near] - at)) / ACROSS_M + 0.5, 0, 1)
        for start, end in line_intervals(kind):
            marks[round(start / ALONG_M) : round(end / ALONG_M), near] = cover
    return marks


@lru_cache(maxsize=1)
def _grain() -> FloatArray:
    """(S, widest D) float32: the grain of every surface."""
    noise = np.random.default_rng(7).standard_normal((ROWS, WIDEST), dtype=np.float32)
    return 0.6 * noise + 1.6 * cv2.GaussianBlur(noise, (0, 0), 1.2)


@lru_cache(maxsize=16)
def _cloud(sigma_s: float, sigma_d: float) -> FloatArray:
    """(S / 4, widest D / 4) float32: larger blotches, closed along the road."""
    noise = np.random.default_rng(int(100 * sigma_s + sigma_d))
    small = noise.standard_normal((ROWS // 4, WIDEST // 4), dtype=np.float32)
    wrapped = cv2.copyMakeBorder(small, 60, 60, 0, 0, cv2.BORDER_WRAP)
    smooth = np.asarray(cv2.GaussianBlur(wrapped, (0, 0), sigmaX=sigma_d, sigmaY=sigma_s))[60:-60]
    return smooth / smooth.std()


def _tile(surface: Surface) -> np.ndarray:
    """(S, D, 3) uint8: the finest copy of a road's look, in flat daylight."""
    lanes, lane_width_m = surface.lanes_forward + surface.lanes_oncoming, surface.lane_width_m
    d = surface.columns()
    rows, columns = ROWS, len(d)
    right, left = -lane_width_m / 2 - SHOULDER_M, (lanes - 0.5) * lane_width_m + SHOULDER_M

    def cloud(sigma_s: float, sigma_d: float) -> FloatArray:
        part = _cloud(sigma_s, sigma_d)[:, : columns // 4]
        return np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_LINEAR))

    grain = _grain()[:, :columns]
    asphalt = (66.0 if surface.wet else 92.0) + 6.0 * grain + 4.0 * cloud(12, 4) + 3.0 * cloud(2, 2)
    lane = (d + lane_width_m / 2) % lane_width_m - lane_width_m / 2
    asphalt += 5.0 * np.exp(-((np.abs(lane) - 0.75) ** 2) / 0.12)[None, :]  # polished by tyres
    asphalt -= 5.0 * np.exp(-(lane**2) / 0.1)[None, :]  # and darkened by oil between them
    image = asphalt[..., None] * np.array([1.0, 0.985, 0.965], np.float32)
    off = (d < right) | (d > left)
    if surface.town:
        paving = 128.0 + 5.0 * grain[:, off] + 5.0 * cloud(6, 6)[:, off]
        across = (np.arange(rows) * ALONG_M % 0.6 < 0.05)[:, None]
        paving -= 22.0 * (across | (np.abs(d[off] % 0.6) < 0.03)[None, :])
        image[:, off] = paving[..., None] * np.array([0.93, 0.98, 1.0], np.float32)
        kerb = ((d < right) & (d > right - 0.18)) | ((d > left) & (d < left + 0.18))
        image[:, kerb] = (165.0 + 6.0 * grain[:, kerb])[..., None]
    else:
        grass = (0.9 + 0.13 * grain + 0.12 * cloud(5, 5) + 0.08 * cloud(20, 12))[:, off]
        edge = np.clip(1.0 - np.minimum(np.abs(d - right), np.abs(d - left)) / 0.9, 0, 1)[None, off, None]
        image[:, off] = grass[..., None] * np.array([48.0, 96.0, 82.0], np.float32)
        image[:, off] += edge * np.array([40.0, 22.0, 34.0], np.float32)
        ragged = 0.15 + 0.10 * np.abs(cloud(1.5, 1.0))
        for edge_m in (right, left):
            near = np.abs(d - edge_m) < 0.7
            band = np.clip(1.0 - np.abs(d[near] - edge_m) / ragged[:, near], 0, 1)[..., None]
            image[:, near] += 0.7 * band * (np.array([70.0, 84.0, 92.0], np.float32) - image[:, near])
    marks = _marks(surface)
    worn = np.clip(0.93 + 0.05 * grain + 0.05 * cloud(2, 1), 0.55, 1.0)
    for k in range(len(surface.lines)):
        near = np.abs(d - (k - 0.5) * lane_width_m) < 0.4
        middle = surface.lanes_oncoming > 0 and k == surface.lanes_forward
        paint = np.array([90.0, 190.0, 215.0] if middle else [215.0, 220.0, 222.0], np.float32)
        image[:, near] += (marks[:, near] * worn[:, near])[..., None] * (paint - image[:, near])
    return np.clip(image, 0, 255).astype(np.uint8)


@lru_cache(maxsize=100)
def _copy(surface: Surface, halved_along: int, halved_across: int, marks: bool) -> np.ndarray:
    """A tile shrunk 2**halved times each way, closed by one more row so that it can be repeated."""
    if halved_along or halved_across:
        image = _copy(surface, 0, 0, marks)[1:-1]
    else:
        image = (_marks(surface) * 255).astype(np.uint8) if marks else _tile(surface)
    size = (max(image.shape[1] >> halved_across, 4), max(image.shape[0] >> halved_along, 2))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if halved_along or halved_across else image
    return cv2.copyMakeBorder(small, 1, 1, 0, 0, cv2.BORDER_WRAP)


def surface_of(road: RoadState, town: bool, wet: bool) -> Surface:
    """The surface of a road now."""
    return Surface(road.lanes_forward, road.lanes_oncoming, road.lane_width_m, road.lines, town, wet)


def sample(ground: GroundMap, surface: Surface, camera: PinholeCamera, marks: bool = False) -> np.ndarray:
    """The surface as the camera sees it, rows as in `ground`: (R, W, 3), or (R, W) share of paint, uint8."""
    rows, width = ground.along.shape
    out = np.empty((rows, width) if marks else (rows, width, 3), np.uint8)
    if not rows:
        return out
    across_m = ground.forward / camera.fx
    along_m = np.abs(np.gradient(ground.forward)) if rows > 1 else np.ones(1)
    level_s = np.clip(np.round(np.log2(0.8 * along_m / ALONG_M)), 0, 8).astype(int)
    level_d = np.clip(np.round(np.log2(0.8 * across_m / ACROSS_M)), 0, 6).astype(int)
    changes = np.flatnonzero(np.diff(level_s * 16 + level_d)) + 1
    for start, end in zip([0, *changes], [*changes, rows], strict=True):
        image = _copy(surface, int(level_s[start]), int(level_d[start]), marks)
        per_m = (image.shape[0] - 2) / TILE_M
        along = ground.along[start:end] * np.float32(1 / TILE_M)
        along -= np.floor(along)
        along *= np.float32(TILE_M * per_m)
        along += np.float32(0.5)
        across = ground.across[start:end] - np.float32(surface.right_m)
        across *= np.float32(image.shape[1] / surface.width_m)
        across -= np.float32(0.5)
        cv2.remap(image, across, along, cv2.INTER_LINEAR, dst=out[start:end], borderMode=cv2.BORDER_REPLICATE)
    return out
