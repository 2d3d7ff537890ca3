"""What every camera must keep to, whatever it reads: one class, run against each implementation.

Devices are stood in for by drivers in memory (fake_v4l2, fake_gi, fake_picamera2); GStreamer is the real one,
too, where it is installed, and hil_tests/test_v4l2.py runs V4L2 on a kernel.
"""

import functools
import http.server
import sys
import threading

import cv2
import fake_gi
import fake_picamera2
import numpy as np
import pytest
from fake_v4l2 import EVERY_RATE, FakeV4l2, Filled

from edge import config
from edge.clock import LiveClock, RecordedClock
from edge.drives.header import DriveHeader
from edge.drives.writer import DriveWriter
from edge.runtime.paced import Paced
from edge.runtime.rig_camera import RecordedCamera, SimulatedCamera
from edge.sim.scenario import Scenario
from edge.sim.world import World
from edge.vision.cameras import CameraError, open_camera
from edge.vision.cameras import v4l2_api as api
from edge.vision.cameras.v4l2 import V4l2Camera
from edge.vision.picture import Picture

START_NS = 5_000_000_000
PERIOD_NS = 50_000_000
COUNT = 12
END_NS = START_NS + COUNT * PERIOD_NS
SIZE = (160, 120)


def pictures():
    for number in range(COUNT):
        image = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
        cv2.rectangle(image, (5 * number, 20), (5 * number + 30, 80), (0, 0, 255), -1)
        yield image


def as_i420(image):
    return cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)


def as_nv12(image):
    yuv = as_i420(image)
    return yuv[: SIZE[1]].tobytes() + yuv[SIZE[1] :].reshape(2, -1).T.tobytes()


def as_yuyv(image):
    yuv = as_i420(image)
    packed = np.empty((SIZE[1], SIZE[0], 2), np.uint8)
    packed[:, :, 0] = yuv[: SIZE[1]]
    chroma = yuv[SIZE[1] :].reshape(2, SIZE[1] // 2, SIZE[0] // 2).repeat(2, axis=1)
    packed[:, 0::2, 1], packed[:, 1::2, 1] = chroma
    return packed.tobytes()


def video(folder):
    path = folder / "drive.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, SIZE)
    for image in pictures():
        writer.write(image)
    writer.release()
    return path


def told(kind, address="0"):
    size = {} if kind in ("gstreamer", "rtsp") else {"width_px": SIZE[0], "height_px": SIZE[1]}
    return config.Camera(name="road", role="road", kind=kind, address=str(address), **size)


class CameraContract:
    """Give `make(tmp_path, monkeypatch)`: an open camera with COUNT pictures as above, PERIOD_NS apart, and
    `broken(tmp_path, monkeypatch)`: the same that cannot be opened.

    ends: it says when there are no more; least: so many of the pictures come; exact: their times are those of
    the source, beginning at START_NS; drawn: they are those from above.
    """

    ends = True
    least = COUNT
    exact = True
    drawn = True

    @pytest.fixture
    def camera(self, tmp_path, monkeypatch):
        camera = self.make(tmp_path, monkeypatch)
        self.now_ns = getattr(camera, "_clock", RecordedClock(END_NS)).now_ns
        yield camera
        camera.close()

    def read_all(self, camera):
        found = []
        while len(found) < COUNT and (picture := camera.read()) is not None:
            assert isinstance(picture, Picture)
            assert self.exact or picture.t_ns <= self.now_ns()
            found.append(picture)
        assert self.least <= len(found) <= COUNT
        return found

    def test_it_has_a_name(self, camera):
        assert camera.name == "road"

    def test_pictures_are_of_the_size_as_bgr_or_planes(self, camera):
        for picture in self.read_all(camera):
            assert (picture.width_px, picture.height_px) == SIZE
            for array in (picture.image, *(picture.planes or ())):
                assert array.dtype == np.uint8
            assert picture.image.shape == (SIZE[1], SIZE[0], 3)
            assert picture.image.flags.c_contiguous

    def test_they_show_what_was_taken(self, camera):
        picture = self.read_all(camera)[3]
        if self.drawn:
            red, dark = picture.image[50, 35].astype(int), picture.image[100, 120].astype(int)
            assert np.abs(red - (0, 0, 255)).max() < 30
            assert np.abs(dark - 40).max() < 12

    def test_numbers_count_and_times_rise(self, camera):
        found = self.read_all(camera)
        times = [picture.t_ns for picture in found]
        if self.exact:
            assert times[0] == START_NS
            assert np.diff(times).tolist() == pytest.approx([PERIOD_NS] * (COUNT - 1), abs=1e6)
        assert sorted(times) == times
        if self.least == COUNT:
            assert [picture.frame_id for picture in found] == list(range(COUNT))
            assert not camera.lost

    def test_a_picture_stays_as_it_was_when_the_next_are_read(self, camera):
        first = camera.read()
        before = first.image.copy(), first.plane.copy()
        for _ in range(5):
            camera.read()
        assert (first.image == before[0]).all()
        assert (first.plane == before[1]).all()

    def test_at_the_end_there_are_no_more(self, camera):
        assert not camera.ended
        self.read_all(camera)
        assert camera.read() is None
        assert camera.ended == self.ends
        if self.ends and self.exact:
            assert camera.note == ""

    def test_closed_it_gives_nothing_and_may_be_closed_again(self, camera):
        camera.read()
        camera.close()
        assert camera.read() is None
        assert camera.ended
        camera.close()

    def test_one_that_cannot_be_opened_says_which_and_why(self, tmp_path, monkeypatch):
        with pytest.raises(CameraError, match=r"camera road: .{10,}"):
            self.broken(tmp_path, monkeypatch)


class TestFile(CameraContract):
    def make(self, tmp_path, monkeypatch):
        return open_camera(told("file", video(tmp_path)), RecordedClock(START_NS))

    def broken(self, tmp_path, monkeypatch):
        open_camera(told("file", tmp_path / "none.avi"), RecordedClock())


class TestFolder(CameraContract):
    def make(self, tmp_path, monkeypatch):
        for number, image in enumerate(pictures()):
            cv2.imwrite(str(tmp_path / f"{number:03}.png"), image)
        return open_camera(told("file", tmp_path), RecordedClock(START_NS))

    def broken(self, tmp_path, monkeypatch):
        open_camera(told("file", tmp_path), RecordedClock())


class TestRecording(CameraContract):
    def make(self, tmp_path, monkeypatch):
        path = tmp_path / "drive.mcap"
        writer = DriveWriter(path, DriveHeader(title="a drive", simulated=True, core_config="{}"))
        for number, image in enumerate(pictures()):
            taken_ns = 77_000_000_000 + number * PERIOD_NS
            data = cv2.imencode(".png", image)[1].tobytes()
            writer.raw_picture("road", taken_ns + 9_000_000, taken_ns, number * 4, "png", data)
        writer.close()
        return RecordedCamera(told("recording", path), RecordedClock(START_NS))

    def broken(self, tmp_path, monkeypatch):
        RecordedCamera(told("recording", tmp_path / "none.mcap"), RecordedClock())


class TestSimulated(CameraContract):
    drawn = False

    def make(self, tmp_path, monkeypatch):
        world = World(Scenario(title="t", duration_s=(COUNT - 0.5) * PERIOD_NS / 1e9))
        geometry = config.Geometry(width_px=160, height_px=120, focal_px=150.0)
        return Paced(SimulatedCamera(world, told("simulated"), geometry, START_NS), RecordedClock(START_NS))

    def broken(self, tmp_path, monkeypatch):
        open_camera(told("simulated"), RecordedClock())


class V4l2Contract(CameraContract):
    ends = False
    several = False

    def make(self, tmp_path, monkeypatch):
        stamp = api.FLAG_STAMP_MONOTONIC
        frames = [
            Filled(self.planes(image), START_NS + number * PERIOD_NS, 30 + number, stamp)
            for number, image in enumerate(pictures())
        ]
        fake = FakeV4l2(frames, {self.fourcc: {SIZE: EVERY_RATE}}, 2 if self.several else 1)
        return V4l2Camera(told("v4l2"), RecordedClock(END_NS), fake)

    def broken(self, tmp_path, monkeypatch):
        open_camera(told("v4l2", tmp_path / "none"), RecordedClock())


class TestV4l2Nv12(V4l2Contract):
    fourcc = "NV12"

    def planes(self, image):
        return (as_nv12(image),)


class TestV4l2Yuyv(V4l2Contract):
    fourcc = "YUYV"

    def planes(self, image):
        return (as_yuyv(image),)


class TestV4l2Mjpeg(V4l2Contract):
    fourcc = "MJPG"

    def planes(self, image):
        return (cv2.imencode(".jpg", image)[1].tobytes(),)


class TestV4l2SeveralPlanes(V4l2Contract):
    fourcc = "NM12"
    several = True

    def planes(self, image):
        data = as_nv12(image)
        return data[: SIZE[0] * SIZE[1]], data[SIZE[0] * SIZE[1] :]


class TestGStreamerStandIn(CameraContract):
    form, convert = "NV12", staticmethod(as_nv12)

    def make(self, tmp_path, monkeypatch, **state):
        samples = [
            fake_gi.Sample(fake_gi.Buffer(self.convert(image), number * PERIOD_NS), *SIZE, self.form)
            for number, image in enumerate(pictures())
        ]
        pipeline = fake_gi.Pipeline(samples, START_NS, ends=True, **state)
        for name, module in fake_gi.modules(pipeline).items():
            monkeypatch.setitem(sys.modules, name, module)
        return open_camera(told("gstreamer", "source"), RecordedClock(END_NS))

    def broken(self, tmp_path, monkeypatch):
        self.make(tmp_path, monkeypatch, error="no such device", refuses=True)


class TestGStreamerStandInBgr(TestGStreamerStandIn):
    form, convert = "BGR", staticmethod(lambda image: image.tobytes())


APPSINK = "videoconvert ! video/x-raw,format=NV12 ! appsink name=icv max-buffers=2 sync=true"


class TestGStreamer(CameraContract):
    """The real one, playing a file at its pace and waiting for a slow reader."""

    exact = False

    def make(self, tmp_path, monkeypatch):
        gi = pytest.importorskip("gi", reason="PyGObject is not installed")
        try:
            gi.require_version("Gst", "1.0")
        except ValueError:
            pytest.skip("GStreamer's introspection (gir1.2-gstreamer-1.0) is not installed")
        pipeline = f"filesrc location={video(tmp_path)} ! decodebin ! {APPSINK}"
        try:
            return open_camera(told("gstreamer", pipeline), LiveClock())
        except CameraError as error:
            if "no element" in str(error) or "missing" in str(error):
                pytest.skip(f"a plugin of GStreamer is not installed: {error}")
            raise

    def broken(self, tmp_path, monkeypatch):
        open_camera(told("gstreamer", "nosuchelement"), LiveClock())


class TestPicamera2StandIn(CameraContract):
    ends = False

    def make(self, tmp_path, monkeypatch, **attributes):
        frames = [
            (
                as_i420(image),
                {"SensorTimestamp": START_NS + n * PERIOD_NS, "FrameDuration": PERIOD_NS // 1000},
            )
            for n, image in enumerate(pictures())
        ]
        found, _kind = fake_picamera2.modules(frames, **attributes)
        for name, module in found.items():
            monkeypatch.setitem(sys.modules, name, module)
        return open_camera(told("picamera2"), RecordedClock(END_NS))

    def broken(self, tmp_path, monkeypatch):
        self.make(tmp_path, monkeypatch, there=())


class TestNetwork(CameraContract):
    """The file from above over HTTP: what opens and reads it is the same as for RTSP."""

    exact = False
    least = COUNT - 1  # without buffering FFmpeg gives away the first one

    def make(self, tmp_path, monkeypatch):
        serve = functools.partial(Quiet, directory=str(video(tmp_path).parent))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{self.server.server_port}/drive.avi"
        return open_camera(told("rtsp", address), LiveClock())

    @pytest.fixture(autouse=True)
    def end_of_server(self):
        self.server = None
        yield
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()

    def broken(self, tmp_path, monkeypatch):
        open_camera(told("rtsp", "rtsp://user:secret@sec@ret@127.0.0.1:1/x"), LiveClock())

    def test_a_password_is_not_told(self):
        with pytest.raises(CameraError) as error:
            self.broken(None, None)
        assert "127.0.0.1:1/x" in str(error.value)
        assert "sec" not in str(error.value)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass
