"""Metrics against numbers worked out by hand, and against their definitions written down a second time."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.evaluate import metrics
from edge.vision.evaluate.metrics import Boxes

NOTHING = np.zeros((0, 4))


def found(*rows):
    """Rows of score, left, top, right, bottom."""
    array = np.array(rows, float).reshape(-1, 5)
    return Boxes(array[:, 1:], array[:, 0])


def boxes(*rows):
    return np.array(rows, float).reshape(-1, 4)


# ---------------------------------------------------------------- AP50


def test_overlap_by_hand():
    shares = metrics.overlap(boxes((0, 0, 10, 10)), boxes((0, 0, 10, 10), (5, 0, 15, 10), (10, 0, 20, 10)))
    assert shares.tolist() == [[1.0, pytest.approx(50 / 150), 0.0]]


def test_average_precision_of_four_boxes_by_hand():
    # By falling score: right, wrong, right, wrong; three to find. Precision at the two steps: 1 and 2/3.
    a, b, c = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10)
    pictures = [found((0.9, *a), (0.8, 100, 0, 110, 10), (0.7, *b), (0.6, 200, 0, 210, 10))]
    assert metrics.average_precision(pictures, [boxes(a, b, c)]) == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)


def test_precision_is_the_best_at_that_recall_or_beyond():
    # Wrong first, then two right: precision 0, 1/2, 2/3, of which both steps may take 2/3.
    a, b = (0, 0, 10, 10), (20, 0, 30, 10)
    pictures = [found((0.9, 90, 0, 99, 9), (0.8, *a), (0.7, *b))]
    assert metrics.average_precision(pictures, [boxes(a, b)]) == pytest.approx(2 / 3)


def test_a_second_box_on_the_same_object_is_wrong():
    a = (0, 0, 10, 10)
    pictures = [found((0.9, *a), (0.8, *a)), found((0.7, *a))]
    assert metrics.average_precision(pictures, [boxes(a), boxes(a)]) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)


def test_what_lies_in_an_ignored_region_counts_neither_way():
    a, elsewhere = (0, 0, 10, 10), (50, 50, 60, 60)
    pictures = [found((0.9, *elsewhere), (0.8, *a))]
    assert metrics.average_precision(pictures, [boxes(a)], [boxes((40, 40, 70, 70))]) == 1.0
    assert metrics.average_precision(pictures, [boxes(a)], [NOTHING]) == pytest.approx(0.5)


def test_nothing_to_find_is_no_figure_and_nothing_found_is_zero():
    assert metrics.average_precision([found((0.9, 0, 0, 1, 1))], [NOTHING]) is None
    assert metrics.average_precision([found()], [boxes((0, 0, 1, 1))]) == 0.0


def test_among_equal_scores_the_order_of_the_pictures_does_not_matter():
    # Three boxes of one score, two of them right: no threshold parts them. Precision 2/3 at recall 1.
    a, b = (0, 0, 10, 10), (20, 0, 30, 10)
    pictures = [found((0.9, *a)), found((0.9, 50, 0, 60, 10)), found((0.9, *b))]
    truth = [boxes(a), NOTHING, boxes(b)]
    for order in itertools.permutations(range(3)):
        value = metrics.average_precision([pictures[i] for i in order], [truth[i] for i in order])
        assert value == pytest.approx(2 / 3)


def second_opinion(pictures, truth):
    """AP50 from its definition, box by box in plain Python, the area by sums over each recall step."""
    everything = [
        (score, number, box.tolist())
        for number, picture in enumerate(pictures)
        for box, score in zip(picture.boxes, picture.scores.tolist(), strict=True)
    ]
    everything.sort(key=lambda row: -row[0])
    taken = set()
    verdicts = []
    for _, number, box in everything:
        best, best_share = None, 0.0
        for index, other in enumerate(truth[number].tolist()):
            if (number, index) in taken:
                continue
            width = max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
            height = max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
            area = (box[2] - box[0]) * (box[3] - box[1]) + (other[2] - other[0]) * (other[3] - other[1])
            share = width * height / (area - width * height)
            if share > best_share:
                best, best_share = index, share
        verdicts.append(best_share >= 0.5)
        if verdicts[-1]:
            taken.add((number, best))
    total = sum(map(len, truth))
    curve = [(sum(verdicts[:k]) / total, sum(verdicts[:k]) / k) for k in range(1, len(verdicts) + 1)]
    area, reached = 0.0, 0.0
    for recall in sorted({r for r, _ in curve}):
        area += (recall - reached) * max(p for r, p in curve if r >= recall)
        reached = recall
    return area


@given(st.integers(0, 10_000))
def test_average_precision_agrees_with_a_second_one(seed):
    random = np.random.default_rng(seed)

    def some(count):
        corner = random.integers(0, 20, (count, 2)).astype(float)
        return np.concatenate((corner, corner + random.integers(4, 12, (count, 2))), axis=1)

    truth = [some(random.integers(0, 5)) for _ in range(3)]
    truth[0] = some(2)
    # Scores are all different: among equal ones the order is free.
    scores = random.permutation(100) / 100
    pictures = []
    for boxes_there in truth:
        moved = boxes_there + random.integers(-2, 3, boxes_there.shape)
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        all_boxes = np.concatenate((moved, some(random.integers(0, 4))))
        pictures.append(Boxes(all_boxes, scores[: len(all_boxes)]))
        scores = scores[len(all_boxes) :]
    assert metrics.average_precision(pictures, truth) == pytest.approx(second_opinion(pictures, truth))


# ---------------------------------------------------------------- areas


def test_iou_is_summed_over_pictures_by_hand():
    areas = metrics.Areas()
    assert areas.iou is None
    known = np.ones((1, 4), bool)
    areas.add(np.array([[1, 1, 0, 0]], bool), np.array([[0, 1, 1, 0]], bool), known)  # 1 of 3
    areas.add(np.array([[1, 1, 1, 1]], bool), np.array([[1, 1, 1, 1]], bool), known)  # 4 of 4
    assert areas.iou == pytest.approx(5 / 7)


def test_what_is_not_known_counts_neither_way():
    areas = metrics.Areas()
    areas.add(np.array([[1, 1]], bool), np.array([[0, 1]], bool), np.array([[0, 1]], bool))
    assert areas.iou == 1.0


# ---------------------------------------------------------------- eyes, choices, angles


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12), st.lists(st.integers(0, 5), min_size=1, max_size=12)
)
def test_the_area_under_the_curve_is_how_often_the_positive_wins(positive, negative):
    wins = sum((p > n) + 0.5 * (p == n) for p, n in itertools.product(positive, negative))
    by_definition = wins / (len(positive) * len(negative))
    said = metrics.area_under_curve(np.array(positive, float), np.array(negative, float))
    assert said == pytest.approx(by_definition)


def test_no_area_without_both_sorts():
    assert metrics.area_under_curve(np.array([]), np.array([1.0])) is None


def test_choices_by_hand():
    true = ["red", "red", "green", "yellow"]
    said = ["red", "green", "green", None]
    result = metrics.choices(said, true)
    assert result == (0.5, 0.75, pytest.approx(1 / 3))
    assert metrics.called(said, true, "red", "green") == 0.5
    assert metrics.called(said, true, "off", "green") is None
    assert metrics.choices([], []) is None


@pytest.mark.parametrize(
    ("one", "other", "between"), [(10, -20, 30), (170, -170, 20), (0, 360, 0), (-90, 90, 180)]
)
def test_angles_go_the_short_way_round(one, other, between):
    assert metrics.angle_between(one, other) == pytest.approx(between)


# ---------------------------------------------------------------- lines


def test_a_line_is_hit_where_a_found_one_passes_near():
    drawn = np.array([[100, 200], [200, 100]], float)  # x = 300 - y
    off_by_five = drawn + np.array([5, 0])
    only_the_near_half = np.array([[100, 200], [151, 149]], float)
    assert metrics.line_hits(drawn, [off_by_five], 6) == (1.0, pytest.approx(5))
    assert metrics.line_hits(drawn, [off_by_five], 4) == (0.0, None)
    share, miss = metrics.line_hits(drawn, [only_the_near_half], 6)
    assert share == pytest.approx(0.5, abs=0.05)
    assert miss == pytest.approx(0, abs=1e-9)
    assert metrics.line_hits(drawn, [], 6) == (0.0, None)


def test_the_mean_of_nothing_is_none():
    assert metrics.mean([]) is None
    assert math.isclose(metrics.mean([1.0, 2.0]), 1.5)
