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
    if not road.size:
        return read_only(np.empty((0, 2)))
    step = math.ceil(width / COLUMNS)
    first = step // 2
    gap = bytes(max(1, round(height * GAP_SHARE)) + 1)
    # Searched as bytes, column after column, each from its lowest row: after a network the caches are cold,
    # and numpy's many calls take longer.
    rows = (road[::-1, first::step].T != 0).tobytes()
    find, rfind = rows.find, rows.rfind
    begins = [find(b"\1", at, at + height) - at for at in range(0, len(rows), height)]
    highest = min((begin for begin in begins if begin >= 0), default=-1) + height * NEAR_SHARE
    points = []
    for column, begin in enumerate(begins):
        if not 0 <= begin <= highest:
            continue
        at = column * height
        # Closed over short gaps: the next road is less than `gap` above the last.
        end = find(gap, at + begin, at + height) - 1
        if end < 0:
            end = rfind(b"\1", at, at + height)
        points.append(((first + column * step + 0.5) * scale_x, (height - 1 - (end - at)) * scale_y))
    return read_only(points or np.empty((0, 2)))
