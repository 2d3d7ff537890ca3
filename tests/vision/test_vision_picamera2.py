"""Cameras of a Raspberry Pi, with a stand-in for picamera2 that is as strict as the real one."""

import sys

import cv2
import fake_picamera2
import numpy as np
import pytest

from edge import config
from edge.clock import RecordedClock
from edge.vision.cameras import CameraError, open_camera

NOW_NS = 100_000_000_000
SIZE = (416, 256)


def frame(t_ns=NOW_NS - 40_000_000, size=SIZE, **metadata):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[:, : size[0] // 2] = (0, 0, 255)
    told = {"SensorTimestamp": t_ns, "FrameDuration": 50_000, **metadata}
    return cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), told


def opened(monkeypatch, frames=(), attributes=None, **fields):
    found, kind = fake_picamera2.modules(frames, **attributes or {})
    for name, module in found.items():
        monkeypatch.setitem(sys.modules, name, module)
    asked = {"width_px": SIZE[0], "height_px": SIZE[1], "fps": 20.0} | fields
    told = config.Camera(name="road", role="road", kind="picamera2", **asked)
    return open_camera(told, RecordedClock(NOW_NS)), kind


def test_without_picamera2_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "libcamera", None)
    with pytest.raises(CameraError, match="sudo apt install python3-picamera2"):
        open_camera(config.Camera(name="road", role="road", kind="picamera2"), RecordedClock())


@pytest.mark.parametrize("size", [(416, 256), (640, 360), (322, 242)])
def test_the_small_stream_comes_as_planes_whatever_its_stride(monkeypatch, size):
    camera, _ = opened(monkeypatch, [frame(size=size)], width_px=size[0], height_px=size[1])
    picture = camera.read()
    assert (picture.width_px, picture.height_px) == size
    assert picture.planes is not None
    assert np.abs(picture.image[:, 4 : size[0] // 2 - 8].astype(int) - (0, 0, 255)).max() < 4
    assert picture.image[:, size[0] // 2 + 8 :].max() < 4


def test_the_main_stream_has_the_same_proportions_and_shows_all(monkeypatch):
    camera, kind = opened(monkeypatch)
    asked = kind.last.config
    assert asked["main"]["size"] == (1280, 788)
    assert asked["lores"]["size"] == SIZE
    assert asked["controls"] == {"FrameDurationLimits": (50_000, 50_000)}
    assert camera.note == ""


def test_controls_by_libcameras_names(monkeypatch):
    _, kind = opened(monkeypatch, controls={"ExposureTime": 8000, "AnalogueGain": 2.5, "AeEnable": False})
    assert kind.last.config["controls"] == {
        "FrameDurationLimits": (50_000, 50_000), "ExposureTime": 8000, "AnalogueGain": 2.5, "AeEnable": False
    }  # fmt: skip


@pytest.mark.parametrize(
    ("attributes", "fields", "words"),
    [
        ({"there": ()}, {}, "no camera '0'; libcamera finds none; is the cable in"),
        ({}, {"address": "1"}, "no camera '1'; libcamera finds 0: imx219"),
        ({}, {"address": "/dev/video0"}, "no camera '/dev/video0'"),
        ({"busy": True}, {}, "does another program use it"),
        ({}, {"controls": {"Exposure": 1}}, "no control 'Exposure'; it has AeEnable, AnalogueGain"),
        ({"lores_format": "YUYV"}, {}, "lores comes as YUYV"),
    ],
)
def test_a_camera_that_does_not_open(monkeypatch, attributes, fields, words):
    with pytest.raises(CameraError, match=f"camera road: .*{words}"):
        opened(monkeypatch, (), attributes, **fields)


def test_the_sensors_stamp_is_the_pictures_time_unless_of_another_clock(monkeypatch):
    camera, _ = opened(monkeypatch, [frame(NOW_NS - 33_000_000), frame(NOW_NS + 5_000_000_000)])
    assert camera.read().t_ns == NOW_NS - 33_000_000
    assert camera.read().t_ns == NOW_NS
    assert "another clock" in camera.note


def test_pictures_that_libcamera_skipped_are_counted(monkeypatch):
    times = [NOW_NS - 1_000_000_000 + n * 50_000_000 for n in (0, 1, 4, 5)]
    camera, _ = opened(monkeypatch, [frame(t_ns) for t_ns in times])
    assert [camera.read().frame_id for _ in times] == [0, 1, 4, 5]
    assert camera.lost == {"the driver lost it": 2}


def test_stamps_of_another_clock_tell_what_was_skipped_all_the_same(monkeypatch):
    camera, _ = opened(monkeypatch, [frame(n * 50_000_000) for n in (1, 2, 5)])
    assert [camera.read().frame_id for _ in range(3)] == [0, 1, 4]


def test_a_picture_that_is_late_is_waited_for_and_none_is_lost(monkeypatch):
    camera, kind = opened(monkeypatch, [None, None, frame(), None])
    assert [camera.read() is None for _ in range(4)] == [True, True, False, True]
    assert kind.last.out == 0
    camera.close()
    assert kind.last.closed


def test_requests_are_given_back(monkeypatch):
    camera, kind = opened(monkeypatch, [frame()] * 30)
    for _ in range(30):
        assert camera.read() is not None
    assert kind.last.out == 0
