import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.vision.adapters.segmentation import lines_from_mask


def drawn(lines, shape=(256, 448), thickness=5):
    mask = np.zeros(shape, np.uint8)
    for near, far in lines:
        cv2.line(mask, near, far, 1, thickness)
    return mask


def x_at(line, y):
    order = np.argsort(line.points[:, 1])
    return float(np.interp(y, line.points[order, 1], line.points[order, 0]))


def test_an_empty_mask_has_no_lines():
    assert lines_from_mask(np.zeros((64, 104), np.uint8), 1.0, 1.0) == ()


@pytest.mark.parametrize("dtype", [np.uint8, bool])
def test_two_lines_of_a_lane_where_they_were_drawn_and_in_picture_pixels(dtype):
    mask = drawn([((60, 255), (210, 110)), ((400, 255), (240, 110))]).astype(dtype)
    left, right = lines_from_mask(mask, 3.0, 2.0)
    for y in (130, 180, 240):
        assert x_at(left, y * 2.0) == pytest.approx(3 * (60 + (255 - y) / 145 * 150), abs=9)
        assert x_at(right, y * 2.0) == pytest.approx(3 * (400 - (255 - y) / 145 * 160), abs=9)
    assert left.score == right.score == 1.0
    assert left.points[0, 1] > left.points[-1, 1], "from near to far"


def test_dashes_are_one_line_that_scores_less_than_a_solid_one():
    mask = drawn([((60, 255), (210, 110))])
    dashes = [((400, 255), (345, 205)), ((301, 165), (279, 145)), ((262, 130), (246, 115))]
    left, right = lines_from_mask(mask | drawn(dashes), 1.0, 1.0)
    assert left.score > right.score > 0.3
    assert right.points[0, 1] > 245
    assert right.points[-1, 1] < 125


def test_a_stop_line_and_specks_are_no_lane_lines():
    mask = drawn([((60, 255), (210, 110)), ((100, 200), (400, 200)), ((300, 120), (302, 122))])
    assert len(lines_from_mask(mask, 1.0, 1.0)) == 1


def test_lines_that_meet_at_the_horizon_stay_two():
    found = lines_from_mask(drawn([((20, 255), (224, 100)), ((430, 255), (224, 100))]), 1.0, 1.0)
    near = [line.points[0, 0] for line in found]
    assert near == pytest.approx([22, 428], abs=10)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(1, 120), st.floats(0, 1))
def test_any_mask_gives_lines_inside_the_picture(seed, height, width, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    for line in lines_from_mask(mask, 2.0, 3.0):
        assert line.points.shape[0] >= 2
        assert line.points.shape[1] == 2
        assert 0 < line.score <= 1
        assert (line.points >= 0).all()
        assert (line.points <= (2.0 * width, 3.0 * height)).all()
        assert (np.diff(line.points[:, 1]) < 0).all()


RECORDED = json.loads((Path(__file__).parent / "golden" / "lane_masks.json").read_text())


@pytest.mark.parametrize("recorded", RECORDED)
def test_lines_of_recorded_masks_stay_what_they_were(recorded):
    """Masks of two networks on real roads, as edges of runs; the lines are those that the first, slower code
    found in them. They are held here, not judged."""
    flat = np.zeros(math.prod(recorded["shape"]) + 1, np.int8)
    flat[recorded["edges"][::2]] += 1
    flat[recorded["edges"][1::2]] -= 1
    mask = flat.cumsum()[:-1].reshape(recorded["shape"]).astype(bool)
    lines = lines_from_mask(mask, *recorded["scale"])
    assert [line.score for line in lines] == [line["score"] for line in recorded["lines"]]
    for line, expected in zip(lines, recorded["lines"], strict=True):
        assert line.points.tolist() == expected["points"]
    for line, same in zip(lines, lines_from_mask(mask.astype(np.uint8) * 3, *recorded["scale"]), strict=True):
        assert line.points.tolist() == same.points.tolist()


def test_a_mark_at_the_right_edge_does_not_go_on_at_the_left_one():
    mask = np.zeros((40, 100), bool)
    mask[:, -3:] = True
    mask[:, :3] = True
    left, right = lines_from_mask(mask, 1.0, 1.0)
    assert set(left.points[:, 0]) == {1.5}
    assert set(right.points[:, 0]) == {98.5}
    assert left.score == right.score == 1.0
