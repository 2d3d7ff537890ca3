"""Whatever a network says, an adapter sees nothing but numbers, or says that the model does not fit."""

import importlib
import math

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.messages import Face, Sign, TrafficLight, read_only
from edge.vision.adapters import Seen, Tensor
from edge.vision.adapters.free_space import free_space
from edge.vision.picture import Picture
from edge.vision.zoo import ModelError, Zoo

ZOO = Zoo()
WILD = (math.nan, math.inf, -math.inf, 1e38, -1e38, 1e5, -7.0, 0.0, 0.5, 1.0, 90.0)
FEW = settings(max_examples=max(1, settings.default.max_examples // 5))
# Our own networks do more inside themselves: their adapters are tested with them.
NAMES = sorted(name for name, entry in ZOO.entries.items() if not entry.own or name == "icv-driver")


class Wild:
    """A session that says anything, of the shapes that the zoo promises."""

    def __init__(self, entry, own, seed, share, spread):
        dtype = np.dtype("uint8" if own else "float32")
        self.inputs = {name: Tensor(shape, dtype) for name, shape in entry.inputs.items()}
        self.shapes = list(entry.outputs.values())
        self.random = np.random.default_rng(seed)
        self.share, self.spread = share, spread

    def run(self, feed):
        for name, array in feed.items():
            assert array.shape == self.inputs[name].shape
        return [self.array(shape) for shape in self.shapes]

    def array(self, shape):
        """Large ones repeat themselves, never in step with a row."""
        count = min(math.prod(shape), 4099)
        values = self.random.uniform(-self.spread, self.spread, count)
        spoilt = self.random.random(count) < self.share
        values[spoilt] = self.random.choice(WILD, int(spoilt.sum()))
        with np.errstate(over="ignore"):
            return np.resize(values.astype(np.float32), shape)


def make(entry, session):
    module, _, kind = entry.adapter.partition(":")
    return getattr(importlib.import_module(module), kind)(session, entry)


def numbers(value):
    """All numbers in what was seen."""
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from numbers(getattr(value, field))
    elif isinstance(value, tuple):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, np.ndarray):
        yield from value.ravel().tolist()
    elif isinstance(value, float | int):
        yield value


def check(seen, width, height):
    assert all(math.isfinite(number) for number in numbers(seen))
    if seen.detections is not None:
        kinds, scores, boxes = seen.detections.kinds, seen.detections.scores, seen.detections.boxes
        assert len(kinds) == len(scores) == len(boxes)
        assert ((scores >= 0) & (scores <= 1)).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert (boxes >= 0).all()
        assert (boxes <= (width, height, width, height)).all()
    for thing in (*(seen.lights or ()), *(seen.signs or ())):
        assert 0 <= thing.score <= 1
        assert thing.box[0] < thing.box[2]
        assert thing.box[1] < thing.box[3]
    for line in seen.lanes or ():
        assert 0 <= line.score <= 1
        assert len(line.points) >= 2
    if seen.face is not None:
        eyes = (seen.face.left_eye_open, seen.face.right_eye_open)
        assert all(eye is None or 0 <= eye <= 1 for eye in eyes)
        assert 0 <= seen.face.score <= 1


def face(points, number):
    landmarks = None if points is None else read_only([[number * (i % 7), 60 + i % 5] for i in range(points)])
    return Face(
        score=0.9, box=(100.0, 50.0, 200.0, 180.0), landmarks=landmarks, head_yaw_deg=3.0, head_pitch_deg=0.0
    )


SIZES = st.sampled_from([(1, 1), (1, 3000), (2000, 2), (16, 9), (320, 180)])


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(
    seed=st.integers(0, 1 << 32),
    share=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    spread=st.sampled_from([1.0, 6.0, 100.0]),
    size=SIZES,
    points=st.sampled_from([None, 5, 66, 468, 7]),
    number=st.sampled_from([0.0, 10.0, 99999.0, -40.0]),
)
@example(seed=0, share=1.0, spread=1.0, size=(640, 360), points=5, number=10.0)
def test_nothing_but_numbers_is_seen(name, seed, share, spread, size, points, number):
    entry = ZOO.entry(name)
    width, height = size
    picture = Picture(t_ns=0, frame_id=0, image=np.zeros((height, width, 3), np.uint8))
    lights = (
        TrafficLight(score=0.8, box=(1.0, 1.0, 5.0, 9.0)),
        TrafficLight(score=0.8, box=(3.0, 3.0, 3.0, 3.0)),
    )
    signs = (Sign(score=0.8, box=(1.0, 1.0, 5.0, 9.0)),)
    before = Seen(face=face(points, number), lights=lights, signs=signs) if entry.needs else Seen()
    seen = make(entry, Wild(entry, entry.own, seed, share, spread)).see(picture, before)
    changed = {
        field: getattr(seen, field)
        for field in seen.__struct_fields__
        if getattr(seen, field) is not getattr(before, field)
    }
    check(Seen(**changed), width, height)


@pytest.mark.parametrize("layout", ["v5", "v8", "nms"])
@FEW
@given(
    seed=st.integers(0, 1 << 32),
    share=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    spread=st.sampled_from([1.0, 6.0, 100.0]),
    count=st.integers(0, 40),
    size=SIZES,
)
def test_nothing_but_numbers_is_seen_by_yolo(layout, seed, share, spread, count, size):
    shape = {"v5": (1, count, 8), "v8": (1, 7, count), "nms": (1, count, 6)}[layout]
    entry = msgspec.structs.replace(
        ZOO.entry("yolox_nano_416"),
        adapter="edge.vision.adapters.yolo:Yolo",
        layout=layout,
        kinds=("car", "traffic light", "stop sign"),
        inputs={"x": (1, 3, 64, 96)},
        outputs={"y": shape},
    )
    picture = Picture(t_ns=0, frame_id=0, image=np.zeros((size[1], size[0], 3), np.uint8))
    check(make(entry, Wild(entry, False, seed, share, spread)).see(picture, Seen()), *size)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_that_are_another_models_are_refused_before_anything_runs(name):
    entry = ZOO.entry(name)
    session = Wild(entry, entry.own, 0, 0.0, 1.0)
    first, *others = entry.outputs.items()
    for wrong in (
        {},
        dict([first]) if others else dict([first, ("more", (1, 5))]),
        dict([(first[0], (*first[1], 2)), *others]),
        dict([(first[0], (7, *first[1][1:])), *others]),
    ):
        with pytest.raises(ModelError, match=r"are not what .* reads"):
            make(msgspec.structs.replace(entry, outputs=wrong), session)


# ---------------------------------------------------------------- free space


def slow_free_space(road, gap, near):
    """Column by column in plain Python: up from the lowest road until more than `gap` rows are no road."""
    height, width = road.shape
    lowest = [max((y for y in range(height) if road[y, x]), default=None) for x in range(width)]
    known = [y for y in lowest if y is not None]
    found = {}
    for x, y in enumerate(lowest):
        if y is None or max(known) - y > near:
            continue
        top, missing = y, 0
        while y >= 0 and missing <= gap:
            if road[y, x]:
                top, missing = y, 0
            else:
                missing += 1
            y -= 1
        found[x] = top
    return found


@given(st.integers(0, 1 << 32), st.floats(0.0, 1.0), st.integers(1, 90), st.integers(1, 64))
def test_free_space_is_what_a_slow_reader_says(seed, share, height, width):
    random = np.random.default_rng(seed)
    road = random.random((height, width)) < share
    found = free_space(road, 2.0, 3.0)
    expected = slow_free_space(road, max(1, round(height / 40)), height / 4)
    assert found[:, 0].tolist() == [(x + 0.5) * 2.0 for x in expected]
    assert found[:, 1].tolist() == [y * 3.0 for y in expected.values()]
    assert (free_space(road.astype(np.uint8) * 255, 2.0, 3.0) == found).all()


def test_free_space_ends_at_a_car_and_begins_above_the_bonnet():
    road = np.zeros((100, 64), bool)
    road[40:92] = True  # the bonnet takes the lowest rows
    road[50:70, 20:30] = False  # a car in front, on whose other side the road goes on
    road[75:, 50:] = False  # a car beside: what lies behind it is not free
    road[60, :] = False  # a stain, or a mark that was not seen
    found = free_space(road, 1.0, 1.0)
    assert [y for x, y in found if 20 < x < 30] == [70.0] * 10
    assert {y for x, y in found if x < 20 or 30 < x < 50} == {40.0}
    assert found[:, 0].max() < 64


def test_a_wide_mask_is_read_in_few_columns():
    found = free_space(np.ones((20, 896), bool), 1.0, 1.0)
    assert len(found) == 64
    assert (np.diff(found[:, 0]) == 14).all()


@pytest.mark.parametrize("shape", [(0, 40), (40, 0)])
def test_no_mask_has_no_free_space(shape):
    assert free_space(np.ones(shape, bool), 1.0, 1.0).shape == (0, 2)
