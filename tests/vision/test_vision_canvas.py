"""Planes on the canvas against cv2's conversion of the whole picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.vision.adapters import Tensor
from edge.vision.adapters.canvas import Canvas, turned_square
from edge.vision.picture import Picture, PictureError, Planes, i420, nv12, yuyv
from edge.vision.zoo import Entry


class Fed:
    """A network that is only asked what it takes."""

    def __init__(self, *shape: int) -> None:
        self.inputs = {"x": Tensor((1, *shape), np.dtype(np.uint8))}

    def run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        return []


def canvas(height: int, width: int) -> Canvas:
    return Canvas(Fed(height, width, 3), told())


def told(**fields: object) -> Entry:
    plain: dict[str, object] = {
        "file": "x", "sha256": "", "bytes": 0, "role": "road", "finds": ("objects",), "adapter": "",
        "input": "", "inputs": {}, "outputs": {}, "pad": 114, "licence_code": "", "licence_weights": "",
    }  # fmt: skip
    return Entry(**(plain | fields))  # type: ignore[arg-type]


def scene(height: int, width: int) -> np.ndarray:
    """BGR, soft, as what a lens draws is, without saturated colours: YUV does not hold all of them."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    waves = [np.sin(rows / (9 + k) + k) + np.cos(columns / (11 - k) + 2 * k) for k in range(3)]
    return (128 + 30 * np.stack(waves, axis=-1)).astype(np.uint8)


def planes_of(image: np.ndarray) -> Planes:
    """NV12 by cv2."""
    height, width = image.shape[:2]
    even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    rows, columns = even.shape[0] // 2, even.shape[1] // 2
    flat = cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    luma = flat[: 4 * rows * columns].reshape(2 * rows, 2 * columns)[:height, :width]
    blue, red = flat[4 * rows * columns :].reshape(2, rows, columns)
    return i420(luma, blue, red)


def both(image: np.ndarray) -> tuple[Picture, Picture]:
    """The planes, and BGR that cv2 made of them at full size."""
    planes = planes_of(image)
    whole = Picture(t_ns=0, frame_id=0, planes=planes).image
    return Picture(t_ns=0, frame_id=0, planes=planes), Picture(t_ns=0, frame_id=0, image=whole)


def differ(one: Canvas, other: Canvas) -> np.ndarray:
    return np.abs(one.pixels.astype(int) - other.pixels.astype(int))


@given(rows=st.integers(16, 70), columns=st.integers(16, 70), taller=st.floats(1, 4), wider=st.floats(1, 4))
@settings(max_examples=60, deadline=None)
def test_planes_of_any_size_fill_a_canvas_of_any_size_as_the_converted_picture_does(
    rows: int, columns: int, taller: float, wider: float
) -> None:
    # Soft at the size of the canvas: finer colours than that are lost in planes, whoever converts them.
    size = (round(columns * wider), round(rows * taller))
    planes, image = both(cv2.resize(scene(rows, columns), size, interpolation=cv2.INTER_CUBIC))
    for fill in (Canvas.stretch, lambda c, p: c.letterbox(p)):
        one, other = canvas(rows, columns), canvas(rows, columns)
        assert fill(one, planes) == fill(other, image)
        assert differ(one, other).mean() <= 3


@pytest.mark.parametrize("size", [(416, 416), (256, 416), (255, 415)])
def test_planes_of_a_camera_are_within_few_grey_levels_of_the_converted_picture(
    size: tuple[int, int],
) -> None:
    planes, image = both(cv2.resize(scene(180, 320), (1280, 720), interpolation=cv2.INTER_CUBIC))
    one, other = canvas(*size), canvas(*size)
    assert one.letterbox(planes) == other.letterbox(image)
    assert differ(one, other).max() <= 12
    assert differ(one, other).mean() <= 1.5


@given(
    x=st.floats(-10, 210), y=st.floats(-10, 130), side=st.floats(20, 70),
    angle=st.floats(-3.1, 3.1), size=st.integers(20, 64),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_crop_of_planes_is_that_of_the_converted_picture(
    x: float, y: float, side: float, angle: float, size: int
) -> None:
    planes, image = both(cv2.resize(scene(60, 100), (200, 120), interpolation=cv2.INTER_CUBIC))
    crop = turned_square(np.array([x, y]), side, angle, size)
    one, other = canvas(size, size), canvas(size, size)
    one.warp(planes, crop)
    other.warp(image, crop)
    assert differ(one, other).mean() <= 3


def test_a_crop_of_422_planes_is_that_of_420_planes() -> None:
    image = cv2.resize(scene(60, 100), (200, 120), interpolation=cv2.INTER_CUBIC)
    luma, chroma = planes_of(image)
    tall = Planes(luma, cv2.resize(chroma, (100, 120), interpolation=cv2.INTER_LINEAR))
    crop = turned_square(np.array([90.0, 55.0]), 70.0, 0.4, 48)
    one, other = canvas(48, 48), canvas(48, 48)
    for fill in (lambda c, p: c.warp(p, crop), Canvas.stretch):
        fill(one, Picture(t_ns=0, frame_id=0, planes=tall))
        fill(other, Picture(t_ns=0, frame_id=0, planes=Planes(luma, chroma)))
        assert differ(one, other).max() <= 4


@given(width=st.integers(1, 20), height=st.integers(1, 20), padding=st.integers(0, 5))
def test_a_buffer_with_padded_rows_is_read_without_its_padding(width: int, height: int, padding: int) -> None:
    columns, rows = (width + 1) // 2, (height + 1) // 2
    stride = 2 * columns + padding
    buffer = np.full((height + rows, stride), 255, np.uint8)
    buffer[:height, :width] = 50
    buffer[height:, : 2 * columns] = 128
    flat = buffer.reshape(-1)[: buffer.size - padding]  # the last row need not be padded
    planes = nv12(flat, width, height, stride)
    picture = Picture(t_ns=0, frame_id=0, planes=planes)
    assert (picture.width_px, picture.height_px) == (width, height)
    assert (planes.luma == 50).all()
    assert (planes.chroma == 128).all()
    assert picture.image.shape == (height, width, 3)
    assert len(np.unique(picture.image)) == 1
    assert picture.image is picture.image  # converted once
    with pytest.raises(PictureError, match="needed"):
        nv12(flat[:-1], width, height, stride)


def test_yuyv_as_cv2_reads_it() -> None:
    image = cv2.resize(scene(60, 100), (200, 120), interpolation=cv2.INTER_CUBIC)
    luma, chroma = planes_of(image)
    packed = np.empty((120, 200, 2), np.uint8)
    packed[..., 0] = luma
    packed[..., 1] = np.repeat(chroma, 2, axis=0).reshape(120, 200)
    judge = cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_YUYV)
    ours = Picture(t_ns=0, frame_id=0, planes=yuyv(packed)).image
    assert np.abs(ours.astype(int) - judge.astype(int)).max() <= 1


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.uint16),
        np.zeros((0, 4, 3), np.uint8), None,
    ],
)  # fmt: skip
def test_what_is_no_picture_is_named(image: np.ndarray | None) -> None:
    with pytest.raises(PictureError, match="not a picture"):
        Picture(t_ns=0, frame_id=0, image=image)


def test_planes_that_do_not_fit_each_other_are_named() -> None:
    with pytest.raises(PictureError, match="not the planes"):
        Picture(t_ns=0, frame_id=0, planes=Planes(np.zeros((8, 8), np.uint8), np.zeros((3, 4, 2), np.uint8)))


def test_a_number_given_later_shares_the_arrays() -> None:
    picture = both(scene(20, 20))[0]
    again = picture.numbered(7)
    assert (again.frame_id, again.t_ns) == (7, 0)
    assert again.plane is picture.plane


@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("rgb", [False, True])
def test_a_network_published_with_bytes_is_fed_its_channels_as_it_wants_them(planes: bool, rgb: bool) -> None:
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    shape = (3, 6, 8) if planes else (6, 8, 3)
    fed = Canvas(Fed(*shape), told(input="uint8, stretched", rgb=rgb, scale=0.5, offset=1.0))
    fed.stretch(Picture(t_ns=0, frame_id=0, image=image))
    expected = image[:, :, ::-1] if rgb else image
    expected = expected.transpose(2, 0, 1) if planes else expected
    assert fed.batch().dtype == np.uint8
    assert (fed.batch()[0] == expected).all()


def test_a_network_made_to_take_bytes_turns_the_channels_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    fed = Canvas(Fed(6, 8, 3), told(input="RGB, stretched", rgb=True))
    fed.stretch(Picture(t_ns=0, frame_id=0, image=image))
    assert (fed.batch()[0] == image).all()


def test_what_was_stretched_before_is_not_left_beside_a_letterbox() -> None:
    fed = canvas(8, 8)
    wide = Picture(t_ns=0, frame_id=0, image=np.full((4, 8, 3), 7, np.uint8))
    fed.letterbox(wide)
    fed.stretch(wide)
    fed.letterbox(wide)
    assert (fed.pixels[4:] == 114).all()
