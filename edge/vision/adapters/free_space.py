"""A mask of road -> how far the road ahead is free, column by column."""

from __future__ import annotations

import math

import numpy as np

from edge.messages import FloatArray, read_only

COLUMNS = 64  # a mask is read in at most so many columns
GAP_SHARE = 1 / 40  # of the height: what is not road for no longer is a stain, not the end of the road
NEAR_SHARE = 1 / 4  # of the height: how much higher than the nearest road a column's road may begin


def free_space(road: np.ndarray, scale_x: float, scale_y: float) -> FloatArray:
    """(M, 2) px, from left to right: where the road that begins in front of the car ends at the top.

    road (H, W): bool or uint8, true where road or a mark on it is. scale_x, scale_y: picture px per mask px.
    A column without road in front of the car has no point: what lies behind an obstacle is not free. The
    car's own bonnet, at the bottom, is passed over.
    """
    height, width = road.shape
    step = math.ceil(width / COLUMNS)
    columns = np.arange(step // 2, width, step)
    upwards = road[::-1, columns] != 0  # row 0 is the lowest
    begins = upwards.argmax(axis=0)
    has_road = upwards.any(axis=0)
    if not has_road.any():
        return read_only(np.empty((0, 2)))
    near = has_road & (begins <= begins[has_road].min() + height * NEAR_SHARE)
    columns, begins, upwards = columns[near], begins[near], upwards[:, near]
    # Closed over short gaps: the next road is at most `gap` rows above the last.
    gap = max(1, round(height * GAP_SHARE))
    rows = np.arange(height)[:, None]
    last_road = np.maximum.accumulate(np.where(upwards, rows, -1), axis=0)
    ended = (rows - last_road > gap) & (rows > begins)
    ends = np.where(
        ended.any(axis=0), last_road[ended.argmax(axis=0), np.arange(len(columns))], last_road[-1]
    )
    points = np.empty((len(columns), 2))
    points[:, 0] = (columns + 0.5) * scale_x
    points[:, 1] = (height - 1 - ends) * scale_y
    return read_only(points)
