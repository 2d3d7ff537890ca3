"""Suppression against a plain reference: the best box stays, what overlaps it and is of its group goes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.vision.adapters.detections import FEW, GROUPS, OVERLAP, keep_best

KINDS = ("car", "truck", "bus", "motorcycle", "bicycle", "person")
SIZE = (640, 360)
Box = tuple[int, int, int, int]


def overlap(one: Box, other: Box) -> Fraction:
    """Intersection over union, exact."""
    width = max(0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return Fraction(width * height, sum(areas) - width * height)


def reference(found: list[tuple[float, Box, int]]) -> list[tuple[float, Box, int]]:
    kept: list[tuple[float, Box, int]] = []
    for score, (left, top, right, bottom), kind in sorted(found, key=lambda item: -item[0]):
        box = (max(left, 0), max(top, 0), min(right, SIZE[0]), min(bottom, SIZE[1]))
        if box[2] <= box[0] or box[3] <= box[1]:
            continue
        group = GROUPS[KINDS[kind]]
        if all(GROUPS[KINDS[k]] != group or overlap(b, box) <= Fraction(OVERLAP) for _, b, k in kept):
            kept.append((score, box, kind))
    return kept


@st.composite
def candidates(draw: st.DrawFn, least: int, most: int) -> list[tuple[float, Box, int]]:
    """Boxes in heaps, as a detector gives them; scores that all differ."""
    count = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    heaps = rng.integers(-40, 620, (max(1, count // 6), 2))
    scores = rng.permutation(1000)[:count] / 1000 + 0.0005
    found = []
    for score in scores.tolist():
        left, top = (heaps[rng.integers(len(heaps))] + rng.integers(-12, 13, 2)).tolist()
        width, height = rng.integers(1, 90, 2).tolist()
        found.append((score, (left, top, left + width, top + height), int(rng.integers(6))))
    return found


def check(found: list[tuple[float, Box, int]]) -> None:
    boxes = np.array([box for _, box, _ in found], np.float32).reshape(-1, 4)
    scores = np.array([score for score, _, _ in found], np.float32)
    classes = np.array([kind for _, _, kind in found], np.int64)
    ours = keep_best(boxes, scores, classes, KINDS, SIZE)
    expected = reference(found)
    assert list(ours.kinds) == [KINDS[kind] for _, _, kind in expected]
    assert np.allclose(ours.scores, [score for score, _, _ in expected])
    assert ours.boxes.tolist() == [list(box) for _, box, _ in expected]


@given(candidates(0, FEW))
@settings(max_examples=80, deadline=None)
def test_few_boxes(found: list[tuple[float, Box, int]]) -> None:
    check(found)


@given(candidates(FEW + 1, 150))
@settings(max_examples=80, deadline=None)
def test_many_boxes(found: list[tuple[float, Box, int]]) -> None:
    check(found)


@pytest.mark.parametrize("count", [3, FEW + 3])
def test_classes_may_be_any_kind_of_number_and_boxes_of_none_are_dropped(count: int) -> None:
    left = np.arange(count) * 30.0
    boxes = np.stack((left, left, left + 20, left + 20), axis=1).astype(np.float32)
    boxes[1, 2] = np.nan
    scores = np.linspace(0.9, 0.5, count, dtype=np.float32)
    found = keep_best(boxes, scores, np.full(count, 1.0, np.float32), ("car", "person"), (9999, 9999))
    assert found.kinds == ("person",) * (count - 1)
    assert np.isfinite(found.boxes).all()
