"""V4L2 as a kernel has it: `hil_tests/with-vivid pytest hil_tests/test_v4l2.py` on any machine.

vivid is the kernel's test driver: it draws known pictures in any format, and does on demand what real drivers
do by accident. /dev/video0 has the API of one plane of memory, /dev/video1 that of several.
"""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from edge import config
from edge.clock import LiveClock
from edge.vision.cameras import CameraError, LatestPicture, open_camera
from edge.vision.cameras import v4l2_api as api
from edge.vision.cameras.v4l2_device import System, _plain

DEVICES = ("/dev/video0", "/dev/video1")
BARS = (
    (180, 180, 180),
    (16, 180, 180),
    (180, 180, 16),
    (16, 180, 16),
    (180, 16, 180),
    (16, 16, 180),
    (180, 16, 16),
)


def name_of(device):
    path = Path("/sys/class/video4linux") / Path(device).name / "name"
    return path.read_text() if path.exists() else ""


pytestmark = pytest.mark.skipif(
    not all("vivid" in name_of(device) for device in DEVICES),
    reason="no test cameras of the kernel: hil_tests/with-vivid boots a machine that has them",
)


def told(device=DEVICES[0], **fields):
    asked = {
        "width_px": 640,
        "height_px": 360,
        "fps": 25.0,
        "controls": {"test_pattern": "75_colorbar"},
    } | fields
    return config.Camera(name="road", role="road", kind="v4l2", address=device, **asked)


def read(camera, count):
    found = []
    for _ in range(count * 4):
        if (picture := camera.read()) is not None:
            found.append(picture)
        if len(found) == count:
            return found
    raise AssertionError(f"{len(found)} of {count} pictures came: {camera.note}")


@pytest.fixture
def camera():
    opened = open_camera(told(), LiveClock())
    yield opened
    opened.close()


def press(name, value=1, device=DEVICES[0]):
    """Set a control beside the program that streams."""
    system, number = System(), 0
    descriptor = system.open(device)
    try:
        while True:
            control = api.ControlDescription(id=number | api.CTRL_NEXT)
            system.ioctl(descriptor, api.QUERY_EXT_CTRL, control)
            if _plain(control.name) == name:
                system.ioctl(descriptor, api.S_CTRL, api.Control(id=control.id, value=value))
                return
            number = control.id
    finally:
        system.close(descriptor)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("form", ["auto", "nv12", "yuyv", "uyvy"])
def test_every_format_shows_the_colours_of_the_test_picture(device, form):
    camera = open_camera(told(device, format=form), LiveClock())
    try:
        for picture in read(camera, 3):
            assert (picture.width_px, picture.height_px) == (640, 360)
            assert picture.planes is not None
            for number, colour in enumerate(BARS):
                seen = picture.image[200, 20 + number * 80 : 60 + number * 80].astype(int)
                assert np.abs(seen - colour).max() < 40, (number, seen[0])
    finally:
        camera.close()


def test_grey(camera):
    camera.close()
    grey = open_camera(told(format="grey"), LiveClock())
    picture = read(grey, 1)[0]
    grey.close()
    assert (picture.image[:, :, 0] == picture.image[:, :, 2]).all()
    assert picture.image[200, 40, 0] > picture.image[200, 520, 0] + 60


def test_stamps_are_the_drivers_monotonic_and_past(camera):
    clock, last_ns = LiveClock(), 0
    for picture in read(camera, 10):
        assert last_ns < picture.t_ns <= clock.now_ns()
        last_ns = picture.t_ns
    assert "clock" not in camera.note


def test_numbers_and_losses_add_up(camera):
    first, *_, last = read(camera, 20)
    came = 20
    assert last.frame_id - first.frame_id + 1 == came + sum(camera.lost.values()) - first.frame_id


def test_a_size_that_it_does_not_have_is_said():
    camera = open_camera(told(width_px=650, height_px=362), LiveClock())
    try:
        picture = read(camera, 1)[0]
        given = f"{picture.width_px} x {picture.height_px}"
        assert f"asked for 650 x 362, it gives {given}" in camera.note
    finally:
        camera.close()


def test_what_it_does_not_have_is_refused():
    with pytest.raises(CameraError, match=r"no mjpeg; it has .*NV12"):
        open_camera(told(format="mjpeg"), LiveClock())
    with pytest.raises(CameraError, match=r"no control 'brightnes'; it has .*brightness"):
        open_camera(told(controls={"brightnes": 3}), LiveClock())
    with pytest.raises(CameraError, match="0 to 255"):
        open_camera(told(controls={"brightness": 300}), LiveClock())
    with pytest.raises(CameraError, match="one of 75_colorbar"):
        open_camera(told(controls={"test_pattern": "tartan"}), LiveClock())


def test_a_camera_in_use_is_told(camera):
    with pytest.raises(CameraError, match="another program uses it"):
        open_camera(told(), LiveClock())


def test_damaged_buffers_are_refused_and_counted(camera):
    read(camera, 2)
    press("inject_v4l2_buf_flag_error")
    for _ in range(20):
        camera.read()
    read(camera, 2)
    assert camera.lost["damaged or unusable"] > 0
    assert "damaged" in camera.note


def test_pictures_that_the_driver_drops_are_counted():
    camera = open_camera(told(controls={"percentage_of_dropped_buffers": 50}), LiveClock())
    try:
        read(camera, 20)
        assert camera.lost["the driver lost it"] > 0
    finally:
        camera.close()
        press("percentage_of_dropped_buffers", 0)


@pytest.mark.parametrize("what", ["wrap_sequence_number", "wrap_timestamp"])
def test_numbers_and_stamps_that_wrap(what):
    names = {"wrap_timestamp": 2}  # after 64 s, by the clock's own wrap
    press(what, names.get(what, 1))
    camera = open_camera(told(), LiveClock())
    try:
        found = read(camera, 10)
        assert sorted(p.t_ns for p in found) == [p.t_ns for p in found]
        assert all(p.t_ns <= LiveClock().now_ns() for p in found)
        assert sum(camera.lost.values()) < 100
    finally:
        camera.close()
        press(what, 0)


def test_a_camera_that_is_unplugged_ends():
    camera = open_camera(told(), LiveClock())
    read(camera, 2)
    press("disconnect")
    for _ in range(20):
        if camera.ended:
            break
        camera.read()
    assert camera.ended
    assert "gone" in camera.note or "gave up" in camera.note
    camera.close()


def test_a_reader_thread_opens_it_again_after_a_fatal_error():
    opened = threading.Semaphore(0)

    def open_it():
        camera = open_camera(told(DEVICES[1]), LiveClock())
        opened.release()
        return camera

    latest = LatestPicture(open_it, told(DEVICES[1]), LiveClock())
    try:
        assert opened.acquire(timeout=30)
        before = None
        while before is None:
            before = latest.take(timeout_s=1.0)
        press("inject_fatal_streaming_error", device=DEVICES[1])
        assert opened.acquire(timeout=30), latest.state()
        latest.take()
        after = None
        while after is None:
            after = latest.take(timeout_s=1.0)
        assert after.frame_id > before.frame_id
        assert after.t_ns > before.t_ns
    finally:
        latest.close()


def test_it_does_not_run_out_of_descriptors_or_memory_maps():
    for _ in range(20):
        open_camera(told(), LiveClock()).close()
    before = len(os.listdir("/proc/self/fd")), len(Path("/proc/self/maps").read_text().splitlines())
    for _ in range(20):
        camera = open_camera(told(), LiveClock())
        camera.read()
        camera.close()
    after = len(os.listdir("/proc/self/fd")), len(Path("/proc/self/maps").read_text().splitlines())
    assert after[0] <= before[0]
    assert after[1] <= before[1] + 4
