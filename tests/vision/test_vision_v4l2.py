"""What a V4L2 driver says, and what we make of it; hil_tests/test_v4l2.py asks the same of a kernel."""

import errno

import cv2
import numpy as np
import pytest
from fake_v4l2 import EVERY_RATE, FakeV4l2, Filled, sizes_on_64_bits

from edge import config
from edge.clock import RecordedClock
from edge.vision.cameras import CameraError
from edge.vision.cameras import v4l2_api as api
from edge.vision.cameras.v4l2 import V4l2Camera

SIZE = (64, 48)
NOW_NS = 100_000_000_000
MONOTONIC = api.FLAG_STAMP_MONOTONIC
SPEEDS = {SIZE: EVERY_RATE}


def scene(width=64, height=48):
    """Red left, blue right, in the colours of BT.601."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = (0, 0, 255)
    image[:, width // 2 :] = (255, 0, 0)
    return image


def as_yuyv(image, order="YUYV"):
    yuv = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    height, width = image.shape[:2]
    luma = yuv[:height]
    blue, red = yuv[height:].reshape(2, height // 2, width // 2)
    packed = np.zeros((height, width, 2), np.uint8)
    packed[:, :, 0] = luma
    packed[:, 0::2, 1] = blue.repeat(2, axis=0)
    packed[:, 1::2, 1] = red.repeat(2, axis=0)
    return packed if order == "YUYV" else packed[:, :, ::-1]


def as_nv12(image):
    height, width = image.shape[:2]
    yuv = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    chroma = yuv[height:].reshape(2, -1).T.reshape(height // 2, width)
    return yuv[:height], chroma


def padded(rows, stride):
    return np.pad(rows.reshape(len(rows), -1), ((0, 0), (0, stride - rows.reshape(len(rows), -1).shape[1])))


def frame(data, number=0, flags=MONOTONIC, t_ns=None):
    planes = data if isinstance(data, tuple) else (data,)
    return Filled(planes, NOW_NS - 30_000_000 + number if t_ns is None else t_ns, number, flags)


def opened(fake, address="/dev/video0", width_px=64, height_px=48, **fields):
    told = config.Camera(
        name="road", role="road", address=address, width_px=width_px, height_px=height_px, **fields
    )
    return V4l2Camera(told, RecordedClock(NOW_NS), fake)


def grey_frame(number=0, **fields):
    return frame(bytes([40 + number]) * 64 * 48, number, **fields)


def test_the_requests_are_those_of_the_kernel():
    expected = sizes_on_64_bits()
    if expected is None:
        pytest.skip("the figures are those of 64 bits")
    assert {name: getattr(api, name) for name in expected} == expected


# ---------------------------------------------------------------- formats


def nv12_bytes(stride):
    luma, chroma = as_nv12(scene())
    return padded(luma, stride).tobytes() + padded(chroma, stride).tobytes()


@pytest.mark.parametrize("stride", [0, 128])
@pytest.mark.parametrize(
    ("fourcc", "planes", "data"),
    [
        ("NV12", 1, lambda stride: nv12_bytes(stride or 64)),
        ("NV12", 2, lambda stride: nv12_bytes(stride or 64)),
        ("NM12", 2, lambda stride: tuple(padded(p, stride or 64).tobytes() for p in as_nv12(scene()))),
        ("YUYV", 1, lambda stride: padded(as_yuyv(scene()), stride or 128).tobytes()),
        ("YUYV", 2, lambda stride: padded(as_yuyv(scene()), stride or 128).tobytes()),
        ("UYVY", 1, lambda stride: padded(as_yuyv(scene(), "UYVY"), stride or 128).tobytes()),
    ],
)
def test_uncompressed_pictures_come_as_planes_of_the_right_colours(fourcc, planes, data, stride):
    if fourcc != "NM12" and planes == 2:  # the API of several planes, with one of them
        fake = FakeV4l2([frame(data(stride))], {fourcc: SPEEDS}, 2, lambda f, w: stride)
        fake.planes = 1
    else:
        fake = FakeV4l2([frame(data(stride))], {fourcc: SPEEDS}, planes, lambda f, w: stride)
    picture = opened(fake).read()
    assert picture.planes is not None
    assert (picture.width_px, picture.height_px) == SIZE
    assert np.abs(picture.image[:, 4:28].astype(int) - (0, 0, 255)).max() < 4
    assert np.abs(picture.image[:, 36:60].astype(int) - (255, 0, 0)).max() < 4


def test_planes_of_the_full_range_become_those_that_networks_know():
    fake = FakeV4l2([frame(bytes([255] * 64 * 24 + [0] * 64 * 24 + [128] * 64 * 24))], {"NV12": SPEEDS})
    fake.colorspace = 7  # V4L2_COLORSPACE_JPEG
    picture = opened(fake).read()
    assert (picture.image[4:20] >= 253).all()
    assert (picture.image[28:44] <= 2).all()


def test_grey_pictures_of_an_infrared_camera_become_bgr_and_it_is_said():
    fake = FakeV4l2([grey_frame()], {"GREY": SPEEDS})
    camera = opened(fake)
    assert (camera.read().image == 40).all()
    assert "grey" in camera.note


@pytest.mark.parametrize("padding", [b"", b"\0" * 300])
def test_mjpeg_is_decoded_and_a_cut_one_refused(padding):
    jpeg = cv2.imencode(".jpg", scene())[1].tobytes()
    frames = [frame(jpeg[: len(jpeg) // 2], 0), frame(b"", 1), frame(b"\0" * 99, 2), frame(jpeg + padding, 3)]
    camera = opened(FakeV4l2(frames, {"MJPG": SPEEDS}))
    found = [camera.read() for _ in range(4)]
    assert found[:3] == [None] * 3
    assert found[3].frame_id == 3
    assert np.abs(found[3].image[20, 8].astype(int) - (0, 0, 255)).max() < 4
    assert camera.lost == {"damaged or unusable": 3}
    assert "damaged" in camera.note


def test_an_mjpeg_of_which_the_header_was_damaged_is_refused():
    jpeg = cv2.imencode(".jpg", scene())[1].tobytes()
    at = jpeg.index(b"\xff\xc0") + 5
    huge = jpeg[:at] + b"\xfd\xe8\xfd\xe8" + jpeg[at + 4 :]  # 65000 x 65000
    camera = opened(FakeV4l2([frame(huge, 0), frame(jpeg, 1)], {"MJPG": SPEEDS}))
    assert camera.read() is None
    assert not camera.ended
    assert camera.read().frame_id == 1


def test_mjpeg_without_huffman_tables_as_many_cameras_send_it():
    jpeg = cv2.imencode(".jpg", scene())[1].tobytes()
    while (at := jpeg.find(b"\xff\xc4")) >= 0:
        jpeg = jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]
    assert opened(FakeV4l2([frame(jpeg)], {"MJPG": SPEEDS})).read() is not None


@pytest.mark.parametrize(
    ("fourcc", "size"), [("NV12", (63, 48)), ("NV12", (64, 47)), ("NM12", (64, 47)), ("YUYV", (63, 48))]
)
def test_an_odd_size_of_a_format_in_which_pixels_share_their_colour_is_refused(fourcc, size):
    fake = FakeV4l2([], {fourcc: {size: EVERY_RATE}}, 2 if fourcc == "NM12" else 1)
    with pytest.raises(CameraError, match=rf"gives {fourcc} of {size[0]} x {size[1]}.*even sizes"):
        opened(fake)
    assert not fake.opened


@pytest.mark.parametrize(("fourcc", "size"), [("YUYV", (64, 47)), ("GREY", (63, 47)), ("MJPG", (63, 47))])
def test_an_odd_size_of_another_format_is_none_the_worse(fourcc, size):
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    data = {
        "YUYV": bytes((90, 128)) * (size[0] * size[1]),
        "GREY": bytes([90]) * (size[0] * size[1]),
        "MJPG": cv2.imencode(".jpg", image)[1].tobytes(),
    }[fourcc]
    picture = opened(FakeV4l2([frame(data)], {fourcc: {size: EVERY_RATE}})).read()
    assert (picture.width_px, picture.height_px) == size
    assert picture.image.shape == image.shape
    assert picture.image.flags.c_contiguous


def test_a_plane_that_is_cut_within_its_padding_is_refused():
    luma, chroma = (padded(p, 128).tobytes() for p in as_nv12(scene()))
    cut = (luma[: 64 * 48], chroma), (luma, chroma[: 64 * 24])
    frames = [frame(data, number) for number, data in enumerate((*cut, (luma, chroma)))]
    camera = opened(FakeV4l2(frames, {"NM12": SPEEDS}, 2, lambda f, w: 128))
    assert [camera.read() is None for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("fourcc", ["NV12", "YUYV", "GREY"])
def test_a_buffer_that_is_not_full_or_that_the_driver_calls_damaged_is_refused(fourcc):
    whole = {"NV12": 64 * 48 * 3 // 2, "YUYV": 64 * 48 * 2, "GREY": 64 * 48}[fourcc]
    data = bytes(range(256)) * (whole // 256)
    frames = [frame(data[:-1], 0), frame(data, 1, MONOTONIC | api.FLAG_ERROR), frame(b"", 2), frame(data, 3)]
    camera = opened(FakeV4l2(frames, {fourcc: SPEEDS}))
    assert [camera.read() is None for _ in range(4)] == [True, True, True, False]
    assert camera.lost == {"damaged or unusable": 3}


# ---------------------------------------------------------------- which format, which size


CHOICES = {
    "uncompressed where it is fast enough": (
        {"MJPG": SPEEDS, "YUYV": SPEEDS}, {"fps": 20.0}, "YUYV"),
    "the cheapest": (
        {"YUYV": SPEEDS, "NV12": SPEEDS}, {"fps": 20.0}, "NV12"),
    "MJPEG where uncompressed is too slow": (
        {"YUYV": {SIZE: ((1, 5),)}, "MJPG": SPEEDS}, {"fps": 20.0}, "MJPG"),
    "the fastest where none is fast enough": (
        {"YUYV": {SIZE: ((1, 5),)}, "MJPG": {SIZE: ((1, 15),)}}, {"fps": 20.0}, "MJPG"),
    "what has the size": (
        {"YUYV": {(32, 32): EVERY_RATE}, "MJPG": SPEEDS}, {"fps": 20.0}, "MJPG"),
    "a driver that tells no sizes": ({"YUYV": None, "MJPG": None}, {"fps": 20.0}, "YUYV"),
    "what is asked for": ({"MJPG": SPEEDS, "YUYV": SPEEDS}, {"format": "mjpeg"}, "MJPG"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHOICES)
def test_the_format(case):
    offers, asked, fourcc = CHOICES[case]
    fake = FakeV4l2([], offers)
    camera = opened(fake, **asked)
    assert camera.shape.fourcc == fourcc
    assert fake.asked_rate == pytest.approx(asked.get("fps", 20.0))
    assert camera.note == ""


def test_another_size_than_the_one_asked_for_is_said():
    camera = opened(FakeV4l2([], {"YUYV": {(32, 32): EVERY_RATE}}))
    assert camera.note == "asked for 64 x 48, it gives 32 x 32"


@pytest.mark.parametrize(
    ("offers", "asked", "words"),
    [
        ({"YUYV": SPEEDS}, {"format": "nv12"}, "gives no nv12; it has YUYV"),
        ({"H264": SPEEDS, "RG10": SPEEDS}, {}, "none of the formats that we read; it has H264, RG10"),
        ({}, {}, "it has none"),
    ],
)
def test_a_format_that_is_not_there(offers, asked, words):
    fake = FakeV4l2([], offers)
    with pytest.raises(CameraError, match=words):
        opened(fake, **asked)
    assert not fake.opened


# ---------------------------------------------------------------- controls


AUTO = {
    "name": "Auto Exposure",
    "type": 3,
    "range": (0, 3),
    "words": {1: "Manual Mode", 3: "Aperture Priority"},
}
TIME = {"name": "Exposure Time, Absolute", "range": (3, 2047)}
HEADING = {"name": "Camera Controls", "type": 6, "range": (0, 0)}
DEAD = {"name": "Gain", "range": (0, 9), "flags": 1}
CONTROLS = (HEADING, AUTO, TIME, DEAD)


def test_controls_are_set_by_name_and_menus_by_their_words():
    fake = FakeV4l2([], {"YUYV": SPEEDS}, controls=CONTROLS)
    opened(fake, controls={"auto_exposure": "manual mode", "Exposure Time, Absolute": 157.0})
    assert list(fake.set.items()) == [("Auto Exposure", 1), ("Exposure Time, Absolute", 157)]


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        ({"gain": 3}, "no control 'gain'; it has auto_exposure, exposure_time_absolute"),
        ({"exposure_time_absolute": 2}, "= 2 is refused: 3 to 2047 in steps of 1"),
        ({"exposure_time_absolute": "long"}, "it takes a whole number"),
        ({"exposure_time_absolute": 5.5}, "it takes a whole number"),
        ({"auto_exposure": "often"}, "one of manual_mode, aperture_priority"),
        ({"auto_exposure": (1.0, 2.0)}, "one of manual_mode, aperture_priority"),
    ],
)
def test_a_control_that_cannot_be_set(controls, words):
    fake = FakeV4l2([], {"YUYV": SPEEDS}, controls=CONTROLS)
    with pytest.raises(CameraError, match=words):
        opened(fake, controls=controls)
    assert not fake.opened


def test_a_control_that_an_automatic_one_forbids():
    fake = FakeV4l2([], {"YUYV": SPEEDS}, controls=CONTROLS)
    fake.fails[("control", "Exposure Time, Absolute")] = errno.EACCES
    with pytest.raises(CameraError, match="another control, as an automatic one"):
        opened(fake, controls={"exposure_time_absolute": 100})


# ---------------------------------------------------------------- times and losses


def test_the_drivers_stamp_is_the_pictures_time():
    camera = opened(FakeV4l2([grey_frame(t_ns=NOW_NS - 70_000_000)], {"GREY": SPEEDS}))
    assert camera.read().t_ns == NOW_NS - 70_000_000


@pytest.mark.parametrize(
    ("t_ns", "flags"),
    [
        (NOW_NS - 20_000_000_000, MONOTONIC),  # of another clock
        (1_700_000_000_000_000_000, MONOTONIC),  # a date
        (NOW_NS - 1_000_000, 0),  # of a clock that the driver does not name
        (NOW_NS - 1_000_000, 0x4000),  # copied from what was put in
    ],
)
def test_a_stamp_of_another_clock_is_not_believed_and_it_is_said(t_ns, flags):
    camera = opened(FakeV4l2([grey_frame(t_ns=t_ns, flags=flags)], {"GREY": SPEEDS}))
    assert camera.read().t_ns == NOW_NS
    assert "another clock" in camera.note


def test_a_stamp_of_the_next_moment_becomes_now():
    camera = opened(FakeV4l2([grey_frame(t_ns=NOW_NS + 4_000_000)], {"GREY": SPEEDS}))
    assert camera.read().t_ns == NOW_NS
    assert "clock" not in camera.note


def test_what_the_driver_lost_is_counted_and_the_numbers_skip_it():
    frames = [grey_frame(n) for n in (5, 6, 9, 10, 14)]
    camera = opened(FakeV4l2(frames, {"GREY": SPEEDS}))
    assert [camera.read().frame_id for _ in frames] == [0, 1, 4, 5, 9]
    assert camera.lost == {"the driver lost it": 5}


@pytest.mark.parametrize("numbers", [(0, 0, 0), (7, 8, 0), (0xFFFFFFFE, 0xFFFFFFFF, 0)])
def test_a_driver_that_does_not_count_or_begins_anew_has_lost_nothing(numbers):
    camera = opened(FakeV4l2([grey_frame()._replace(sequence=n) for n in numbers], {"GREY": SPEEDS}))
    assert [camera.read().frame_id for _ in numbers] == [0, 1, 2]
    assert not camera.lost


def test_of_what_waits_in_the_buffers_the_newest_is_given():
    fake = FakeV4l2([grey_frame(n) for n in range(8)], {"GREY": SPEEDS}, at_once=4)
    camera = opened(fake)
    assert [int(camera.read().image[0, 0, 0]) for _ in range(2)] == [43, 47]
    assert camera.lost == {"newer picture came first": 6}
    assert sorted(fake.free) == [0, 1, 2, 3]


def test_buffers_do_not_run_out():
    fake = FakeV4l2([grey_frame(n % 200) for n in range(300)], {"GREY": SPEEDS}, at_once=3)
    camera = opened(fake)
    while camera.read() is not None:
        pass
    assert sorted(fake.free) == [0, 1, 2, 3]


# ---------------------------------------------------------------- trouble


@pytest.mark.parametrize(
    ("at", "number", "words"),
    [
        ("/dev/video0", errno.ENOENT, "no such device; is the camera plugged in"),
        ("/dev/video0", errno.EACCES, "sudo usermod -aG video"),
        ("/dev/video0", errno.EBUSY, "another program"),
        ("/dev/video0", errno.ENXIO, "cannot be opened"),
        (api.QUERYCAP, errno.ENOTTY, "not a V4L2 camera"),
        (api.S_FMT, errno.EBUSY, "another program uses it"),
        (api.S_FMT, errno.EIO, "the driver refuses"),
        (api.REQBUFS, errno.EBUSY, "another program uses it"),
        (api.STREAMON, errno.ENOSPC, "bandwidth"),
    ],
)
def test_a_device_that_does_not_open(at, number, words):
    fake = FakeV4l2([], {"YUYV": SPEEDS})
    fake.fails[at] = number
    with pytest.raises(CameraError, match=f"camera road: .*/dev/video0.*{words}"):
        opened(fake)
    assert not fake.opened


def test_a_node_of_a_camera_that_gives_no_pictures():
    fake = FakeV4l2([], {})
    fake.capabilities = 0x00A00000 | api.CAP_STREAMING  # metadata
    with pytest.raises(CameraError, match=r"Fake camera.*gives no pictures.*second node"):
        opened(fake)


@pytest.mark.parametrize("at", [api.DQBUF, api.QBUF])
@pytest.mark.parametrize(("number", "words"), [(errno.ENODEV, "gone"), (errno.EIO, "gave up")])
def test_a_device_that_is_lost_ends(at, number, words):
    fake = FakeV4l2([grey_frame(n) for n in range(3)], {"GREY": SPEEDS})
    camera = opened(fake)
    camera.read()
    fake.fails[at] = number
    assert camera.read() is None
    assert camera.ended
    assert words in camera.note
    assert not fake.opened
    assert camera.read() is None


def test_no_picture_in_time_is_no_end():
    camera = opened(FakeV4l2([], {"GREY": SPEEDS}))
    assert camera.read() is None
    assert not camera.ended
