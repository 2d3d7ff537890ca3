"""What is said against what is true, as single numbers. Pure functions; None: nothing to measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

MIN_OVERLAP = 0.5  # of a box that counts as found: the 50 of AP50
EXCUSED = 0.5  # share of a box within an ignored region that makes it neither right nor wrong


class Boxes(NamedTuple):
    """Boxes of one kind in one picture. boxes (N, 4): left, top, right, bottom px; scores (N,)."""

    boxes: np.ndarray
    scores: np.ndarray


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (N, 4) and (M, 4): (N, M)."""
    shared = _shared(one, other)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12)


def _shared(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    return (high - low).clip(0).prod(axis=2)


def excused(boxes: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """(N,) bool: which boxes (N, 4) lie for the greater part within one of the ignored (K, 4)."""
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-12)
    within: np.ndarray = _shared(boxes, ignored).max(axis=1, initial=0.0) / area > EXCUSED
    return within


def average_precision(
    found: Sequence[Boxes], truth: Sequence[np.ndarray], ignored: Sequence[np.ndarray] | None = None
) -> float | None:
    """AP50 of one kind over pictures: the area under the interpolated curve of precision against recall, at
    every recall that is reached (PASCAL VOC 2010).

    truth, ignored: boxes (M, 4) of each picture. In the order of falling scores, each found box takes the
    truth that it overlaps most, of those not yet taken; a box that is for the greater part within an ignored
    one is left out, unless it took a truth. Boxes of one score, which no threshold can part, make one point
    of the curve, so that the order of the pictures does not matter.
    """
    total = sum(len(boxes) for boxes in truth)
    if not total:
        return None
    rows: list[tuple[float, bool]] = []
    for index, (boxes, scores) in enumerate(found):
        shares = overlap(boxes, truth[index])
        excuse = excused(boxes, ignored[index] if ignored else np.zeros((0, 4)))
        for row in np.argsort(-scores, kind="stable"):
            best = int(shares[row].argmax()) if shares.shape[1] else -1
            if best >= 0 and shares[row, best] >= MIN_OVERLAP:
                shares[:, best] = 0.0
                rows.append((float(scores[row]), True))
            elif not excuse[row]:
                rows.append((float(scores[row]), False))
    rows.sort(key=lambda row: -row[0])
    right = np.cumsum([hit for _, hit in rows])
    if not len(right):
        return 0.0
    last = np.flatnonzero(np.diff([score for score, _ in rows], append=-np.inf))  # of each score
    recall = right[last] / total
    precision = right[last] / (last + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * envelope).sum())


class Areas:
    """Intersection over union of one surface, summed over pictures."""

    def __init__(self) -> None:
        self._both = self._either = self._true = 0

    def add(self, said: np.ndarray, true: np.ndarray, counts: np.ndarray) -> None:
        """Masks (H, W) of bool; counts: where it is known what is true."""
        self._both += int((said & true & counts).sum())
        self._either += int(((said | true) & counts).sum())
        self._true += int((true & counts).sum())

    @property
    def iou(self) -> float | None:
        """None where nothing was true: then there is nothing to find."""
        return self._both / self._either if self._true else None


def area_under_curve(positive: np.ndarray, negative: np.ndarray) -> float | None:
    """How often a positive scores more than a negative, ties counted half: the area under the ROC curve
    (Mann and Whitney 1947)."""
    if not len(positive) or not len(negative):
        return None
    both = np.concatenate((positive, negative))
    _, place, count = np.unique(both, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks = (last - (count - 1) / 2)[place]  # from 1; ties share the middle of theirs
    wins = ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2
    return float(wins / (len(positive) * len(negative)))


class Choices(NamedTuple):
    """How often a classifier was right. All are shares of all, but `wrong_of_said`.

    right: of all; said: that it said anything of; wrong_of_said: of these, wrong.
    """

    right: float
    said: float
    wrong_of_said: float | None


def choices(said: Sequence[str | None], true: Sequence[str]) -> Choices | None:
    """said None: it did not say, which is not right but not wrong either."""
    if not len(true):
        return None
    answered = sum(word is not None for word in said)
    right = sum(word == truth for word, truth in zip(said, true, strict=True))
    wrong = (answered - right) / answered if answered else None
    return Choices(right / len(true), answered / len(true), wrong)


def called(said: Sequence[str | None], true: Sequence[str], what: str, wrongly: str) -> float | None:
    """Of all that are `what`, the share that was called `wrongly`."""
    names = [word for word, truth in zip(said, true, strict=True) if truth == what]
    return sum(word == wrongly for word in names) / len(names) if names else None


def angle_between(one_deg: float, other_deg: float) -> float:
    """The lesser angle from the one direction to the other, 0 to 180."""
    return abs((one_deg - other_deg + 180.0) % 360.0 - 180.0)


def mean(values: Iterable[float]) -> float | None:
    """None of nothing."""
    some = list(values)
    return float(np.mean(some)) if some else None


class LineHits(NamedTuple):
    """Of one drawn line: the share of its points at which a found line passes, and how far off there, px."""

    share: float
    miss_px: float | None


def line_hits(
    drawn: np.ndarray, found: Sequence[np.ndarray], tolerance_px: float, rows: int = 20
) -> LineHits:
    """drawn (N, 2) and each found (M, 2): points px. At `rows` heights from the lowest to the highest point
    of the drawn line its distance, across, to the found line that is best for it; as the TuSimple benchmark
    of 2017 counts, which takes 20 px in pictures 1280 px wide.
    """
    heights = np.linspace(drawn[:, 1].max(), drawn[:, 1].min(), rows)
    true_x = _across(drawn, heights)
    best = LineHits(0.0, None)
    for line in found:
        miss = np.abs(_across(line, heights) - true_x)
        hit = miss <= tolerance_px  # false where the found line does not reach: NaN
        if hit.mean() > best.share:
            best = LineHits(float(hit.mean()), float(np.median(miss[hit])))
    return best


def _across(line: np.ndarray, heights: np.ndarray) -> np.ndarray:
    order = np.argsort(line[:, 1], kind="stable")
    return np.interp(heights, line[order, 1], line[order, 0], left=np.nan, right=np.nan)
