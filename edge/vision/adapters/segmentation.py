"""A mask of lane marks -> lane lines, and the public network that draws such a mask."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import LaneLine, read_only
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.declared import check_outputs
from edge.vision.adapters.free_space import free_space
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

BANDS = 64  # a mask is read in about this many groups of rows
MAX_RUN_SHARE = 1 / 5  # of the width: wider is a stop line, a crossing or glare
JOIN_POINTS = 10  # of a segment, that tell its direction at an end
# Against the two pieces beside it: dashes of 3 m with 9 m between, the sparsest there are, look like 1.2.
MAX_GAP = 2
MIN_SPAN_SHARE = 1 / 12  # of the height, from a line's lowest to its highest point


class _Segment:
    """Runs of mark, linked upwards: x at the middle of each, in mask px; rows in bands, falling."""

    __slots__ = ("aim", "rows", "xs")

    def __init__(self, row: int, x: float) -> None:
        self.rows = [row]
        self.xs = [x]
        self.aim = 0.0  # columns per band, upwards, at the end that grows

    def grow(self, row: int, x: float) -> None:
        """The next run upwards."""
        rows, xs = self.rows, self.xs
        rows.append(row)
        xs.append(x)
        first = -6 if len(xs) > 6 else 0
        self.aim = (x - xs[first]) / (rows[first] - row)

    def slope(self, first: int, last: int) -> float:
        """Columns per band, upwards, between two of the points."""
        rows = self.rows[first] - self.rows[last]
        return (self.xs[last] - self.xs[first]) / rows if rows else 0.0


def lines_from_mask(mask: np.ndarray, scale_x: float, scale_y: float) -> tuple[LaneLine, ...]:
    """Lane lines in a mask (H, W) of bool or uint8, true where a lane mark is.

    scale_x, scale_y: picture px per mask px. The points of a line go from near (bottom) to far; the score is
    the share of the rows between its ends in which mark was found, so a dashed line scores less than a solid
    one. Ordered from left to right by where they are nearest.
    """
    height, width = mask.shape
    step = max(1, round(height / BANDS))
    bands = height // step
    # From the bottom: the near rows matter most, so the rows left over are the uppermost.
    marked = mask if mask.dtype == np.bool_ else np.not_equal(mask, 0)
    grouped = marked[height - bands * step :]
    if step > 1:
        grouped = grouped.reshape(bands, step, width).any(axis=1)
    segments = _link(grouped, tolerance=1.0 + width / 100)
    lines = _join(segments, bands, tolerance=2.0 + width / 100)
    top = height - bands * step
    found = []
    for line in lines:
        span = line.rows[0] - line.rows[-1] + 1
        if span < max(3, bands * MIN_SPAN_SHARE) or len(line.rows) < 3:
            continue
        points = [
            (x * scale_x, (row * step + step / 2 + top) * scale_y)
            for x, row in zip(line.xs, line.rows, strict=True)
        ]
        found.append(LaneLine(points=read_only(points), score=len(line.rows) / span))
    return tuple(sorted(found, key=lambda line: float(line.points[0, 0])))


def _link(grouped: np.ndarray, tolerance: float) -> list[_Segment]:
    """Runs of mark in neighbouring bands, from the bottom up.

    In plain Python, since there are a few dozen of them.
    """
    segments: list[_Segment] = []
    growing: list[_Segment] = []
    for row, runs in reversed(_runs(grouped)):
        growing = [segment for segment in growing if segment.rows[-1] - row <= 3]
        free = [(segment.xs[-1] + segment.aim * (segment.rows[-1] - row), segment) for segment in growing]
        for start, end in runs:
            best, best_miss = None, tolerance
            for one in free:
                x = one[0]
                if start <= x <= end:
                    best = one
                    break
                miss = start - x if x < start else x - end
                if miss < best_miss:
                    best, best_miss = one, miss
            if best is None:
                segments.append(_Segment(row, (start + end) / 2))
                growing.append(segments[-1])
            else:
                free.remove(best)
                best[1].grow(row, (start + end) / 2)
    return segments


def _runs(grouped: np.ndarray) -> list[tuple[int, list[tuple[int, int]]]]:
    """The bands that have runs of mark, from the top down, each with where its runs begin and end, from the
    left; without those that are too wide."""
    bands, width = grouped.shape
    flat = grouped.ravel()
    # Where runs begin and end, by turns; one that reaches the right edge may go on in the next band.
    changes = (np.flatnonzero(flat[1:] != flat[:-1]) + 1).tolist()
    if flat[0]:
        changes.insert(0, 0)
    if len(changes) % 2:
        changes.append(bands * width)
    widest = width * MAX_RUN_SHARE
    found: list[tuple[int, list[tuple[int, int]]]] = []
    runs: list[tuple[int, int]] = []
    left, right = 0, 0  # of the band
    by_turns = iter(changes)
    for begin, end in zip(by_turns, by_turns, strict=True):
        while True:
            if begin >= right:
                row, runs = begin // width, []
                left = row * width
                right = left + width
                found.append((row, runs))
            stop = end if end < right else right
            if stop - begin <= widest:
                runs.append((begin - left, stop - left))
            if stop == end:
                break
            begin = stop
    return found


def _join(segments: list[_Segment], bands: int, tolerance: float) -> list[_Segment]:
    """The dashes of one line: no joint between a dash and the gap beside it may bend."""
    lines: list[_Segment] = []
    for segment in segments:  # their lowest points come in order from the bottom up
        if len(segment.rows) < 2:
            continue
        low, high = _straight(segment, at_top=False)
        best, best_miss = None, tolerance
        for line in lines:
            reach = min(bands // 3, MAX_GAP * (len(line.rows) + len(segment.rows)))
            if not 0 <= line.rows[-1] - segment.rows[0] <= reach:
                continue
            first, last = _straight(line, at_top=True)
            gap = max(line.rows[last] - segment.rows[low], 1)
            between = (segment.xs[low] - line.xs[last]) / gap
            below = _bend(line.slope(first, last) - between, line.rows[first] - line.rows[last], gap)
            above = _bend(segment.slope(low, high) - between, segment.rows[low] - segment.rows[high], gap)
            miss = max(below, above)
            if miss < best_miss:
                best, best_miss = line, miss
        if best is None:
            lines.append(segment)
        else:
            skip = int(segment.rows[0] == best.rows[-1])
            best.rows += segment.rows[skip:]
            best.xs += segment.xs[skip:]
    return lines


def _straight(segment: _Segment, at_top: bool) -> tuple[int, int]:
    """The first and last of the points that tell its direction at one end; its very tip is rounded off."""
    count = len(segment.rows)
    tip = int(count > 3)
    near, far = tip, min(count, JOIN_POINTS) - 1
    return (count - 1 - far, count - 1 - near) if at_top else (near, far)


def _bend(change_of_slope: float, length: int, gap: int) -> float:
    """How far the joint of two pieces lies from the straight line between their outer ends, in mask px.

    Unlike an angle it asks little of a dash or a gap too short to tell its own direction.
    """
    return abs(change_of_slope) * length * gap / (length + gap)


class RoadSegmentation:
    """Lane lines and free space from road-segmentation-adas-0001: background, road, kerb, mark, as
    probabilities.

    Its input is (1, 3, H, W) or (1, H, W, 3), its output (1, 4, H, W) or (1, H, W, 4).
    """

    ROAD = 1
    MARK = 3

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        self._session = session
        self._canvas = Canvas(session, entry)
        size = (self._canvas.height, self._canvas.width)
        self._classes_first = next(iter(entry.outputs.values()), ())[1:2] == (4,)
        check_outputs(entry, (1, 4, *size) if self._classes_first else (1, *size, 4))
        self._finds = entry.finds
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds lanes and free space, as far as the entry says that it finds them."""
        return self.parse(self._session.run(self.prepare(picture)), picture, seen)

    def prepare(self, picture: Picture) -> dict[str, np.ndarray]:
        """The feed."""
        self._canvas.stretch(picture)
        return self._canvas.feed()

    def parse(self, outputs: list[np.ndarray], picture: Picture, seen: Seen) -> Seen:
        """outputs: one, as above."""
        classes = outputs[0][0] if self._classes_first else outputs[0][0].transpose(2, 0, 1)
        mark = classes[self.MARK] >= self._min_score
        scale = (picture.width_px / self._canvas.width, picture.height_px / self._canvas.height)
        if "lanes" in self._finds:
            seen = msgspec.structs.replace(seen, lanes=lines_from_mask(mark, *scale))
        if "road" in self._finds:
            road = (classes[self.ROAD] >= self._min_score) | mark
            seen = msgspec.structs.replace(seen, free_space=free_space(road, *scale))
        return seen
