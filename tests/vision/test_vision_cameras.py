import queue
import threading
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import config
from edge.clock import LiveClock, RecordedClock
from edge.runtime.paced import Paced
from edge.runtime.rig_camera import SimulatedCamera
from edge.sim.scenario import Scenario
from edge.sim.world import World
from edge.vision.cameras import CameraError, LatestPicture, Stillness, open_camera
from edge.vision.picture import Picture


def camera(address, kind="file", **fields):
    return config.Camera(name="road", role="road", kind=kind, address=str(address), models=(), **fields)


def write_video(path, count=40, size=(160, 120)):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, size)
    rng = np.random.default_rng(1)
    for _ in range(count):
        writer.write(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    writer.release()


# ---------------------------------------------------------------- what cannot be opened


def test_a_file_that_is_not_there():
    with pytest.raises(CameraError, match=r"road: no file .*gone\.mp4"):
        open_camera(camera("gone.mp4"), RecordedClock())


@pytest.mark.parametrize("content", [b"", b"not a video at all\n" * 500, b"\0\0\0\x18ftypmp42" + b"\0" * 500])
def test_a_file_that_is_no_video(tmp_path, content):
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(CameraError, match="no video in"):
        open_camera(camera(tmp_path / "x.mp4"), RecordedClock())


def test_a_folder_without_pictures(tmp_path):
    with pytest.raises(CameraError, match="no pictures"):
        open_camera(camera(tmp_path), RecordedClock())


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(CameraError, match="cannot be read: Permission denied"):
        open_camera(camera(tmp_path), RecordedClock())


def test_a_device_that_is_not_there():
    with pytest.raises(CameraError, match="/dev/video97: no such device"):
        open_camera(camera("97", "v4l2"), RecordedClock())


def test_a_stream_that_is_not_there():
    with pytest.raises(CameraError, match=r"no video from rtsp://127\.0\.0\.1:1/x"):
        open_camera(camera("rtsp://127.0.0.1:1/x", "rtsp"), RecordedClock())


def test_a_pipeline_says_what_is_missing_or_wrong():
    with pytest.raises(CameraError, match=r"GStreamer needs PyGObject|not a pipeline"):
        open_camera(camera("nosuchelement", "gstreamer"), RecordedClock())


# ---------------------------------------------------------------- what is damaged


def test_a_video_that_ends_early_says_so(tmp_path):
    path = tmp_path / "cut.avi"
    write_video(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    video = open_camera(camera(path), RecordedClock())
    count = 0
    while video.read() is not None:
        count += 1
    assert 5 < count < 30
    assert video.ended
    assert f"ends early: {count} of 40" in video.note


def test_a_video_of_which_the_first_picture_has_no_stamp_begins_at_the_clocks_time(tmp_path):
    write_video(tmp_path / "x.avi", count=3)
    video = open_camera(camera(tmp_path / "x.avi"), RecordedClock(5_000_000_000))
    video._first_ms = -9.2e15  # what OpenCV makes of AV_NOPTS_VALUE
    assert [video.read().t_ns for _ in range(3)] == [5_000_000_000, 5_050_000_000, 5_100_000_000]


def test_a_file_in_a_folder_that_is_no_picture_is_left_out_and_noted(tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((20, 20, 3), number, np.uint8))
    (tmp_path / "1.png").write_bytes(b"broken")
    folder = open_camera(camera(tmp_path), RecordedClock())
    assert [folder.read().frame_id, folder.read().frame_id] == [0, 2]
    assert folder.read() is None
    assert "1.png is not a picture" in folder.note


# ---------------------------------------------------------------- frozen, covered


def noise(seed):
    return np.random.default_rng(seed).integers(0, 255, (360, 640, 3), dtype=np.uint8)


def looks(images, period_s=0.05):
    still = Stillness(frozen_after_s=1.0)
    return [
        still.look(Picture(t_ns=round(i * period_s * 1e9), frame_id=i, image=image))
        for i, image in enumerate(images)
    ]


def test_the_same_picture_again_and_again_is_a_frozen_camera():
    image = noise(0)
    said = looks([noise(9), *[image] * 30])
    assert said[:21] == [""] * 21
    assert all("frozen" in text for text in said[21:])


def test_a_camera_that_thaws_is_well_again():
    assert looks([noise(0)] * 30 + [noise(1)])[-1] == ""


def test_a_still_scene_with_the_noise_of_a_sensor_is_not_frozen():
    rng = np.random.default_rng(2)
    base = noise(0) // 2
    assert set(looks([base + rng.integers(0, 2, base.shape, dtype=np.uint8) for _ in range(40)])) == {""}


def test_a_covered_lens_is_told_from_a_dark_road():
    rng = np.random.default_rng(3)
    covered = [rng.integers(0, 3, (360, 640, 3), dtype=np.uint8) for _ in range(60)]
    assert "covered" in looks(covered)[-1]
    dark = [image.copy() for image in covered]
    for image in dark:
        image[200:260, 300:340] = 60  # a lamp
    assert set(looks(dark)) == {""}


def test_a_camera_that_makes_plain_black_of_the_dark_is_covered_and_not_frozen():
    black = np.zeros((360, 640, 3), np.uint8)
    said = looks([noise(0), *[black] * 60])
    assert said[:41] == [""] * 41
    assert set(said[41:]) == {"the picture shows nothing; is the lens covered?"}


def test_a_dark_moment_is_not_a_covered_lens():
    black = np.zeros((360, 640, 3), np.uint8)
    assert set(looks([noise(n) if n % 30 == 0 else black for n in range(120)])) == {""}


# ---------------------------------------------------------------- live


def until(condition, seconds=30):
    clock = LiveClock()
    end_ns = clock.now_ns() + seconds * 1_000_000_000
    while not (found := condition()):
        assert clock.now_ns() < end_ns, "it did not come"
        clock.sleep_until_ns(clock.now_ns() + 10_000_000)
    return found


class Stopped:
    """A clock that is moved by hand, so that no load of the machine makes a camera silent."""

    def __init__(self):
        self.t_ns = 1_000_000_000

    def now_ns(self):
        return self.t_ns


class Scripted:
    """A camera whose pictures are let go one by one."""

    def __init__(self, name="road"):
        self.name, self.ended, self.note, self.lost = name, False, "", Counter()
        self.let_go = queue.Queue()
        self.given = False
        self.frame_id = 0

    def read(self):
        if self.given:  # who asks for the next one has dealt with that
            self.let_go.task_done()
        self.given = False
        try:
            self.let_go.get(timeout=0.1)
        except queue.Empty:
            return None
        self.given = True
        self.frame_id += 1
        return Picture(
            t_ns=self.frame_id * 50_000_000, frame_id=self.frame_id - 1, image=noise(self.frame_id)
        )

    def give(self, count):
        for _ in range(count):
            self.let_go.put(None)
        until(lambda: not self.let_go.unfinished_tasks)

    def close(self):
        self.ended = True


def test_the_newest_picture_wins_and_the_overwritten_are_counted():
    scripted = Scripted()
    latest = LatestPicture(lambda: scripted, camera("", "v4l2"), Stopped())
    try:
        scripted.give(5)
        assert latest.take(timeout_s=5).frame_id == 4
        assert latest.take() is None
        assert latest.take_lost() == {"newer picture came first": 4}
        assert latest.take_lost() == {}
        assert latest.state() == ("ok", "")
        assert latest.trouble(0) == ()
    finally:
        latest.close()


def test_a_camera_that_cannot_be_opened_is_said_once_and_tried_again():
    scripted = Scripted()
    answers = [CameraError("no device /dev/video7"), scripted]

    def open_it():
        answer = answers.pop(0)
        if isinstance(answer, CameraError):
            raise answer
        return answer

    latest = LatestPicture(open_it, camera("7", "v4l2"), Stopped())
    try:
        said = until(lambda: latest.trouble(1))
        assert (said[0].state, said[0].source, said[0].detail) == (
            "failed",
            "camera:road",
            "no device /dev/video7",
        )
        assert latest.trouble(2) == ()
        scripted.give(1)
        assert latest.take(timeout_s=5).frame_id == 0
        (well,) = latest.trouble(3)
        assert well.state == "ok"
    finally:
        latest.close()


def test_a_file_is_not_begun_anew_at_its_end(tmp_path):
    write_video(tmp_path / "x.avi", count=3)
    opened = []

    def open_it():
        opened.append(1)
        return open_camera(camera(tmp_path / "x.avi"), LiveClock())

    latest = LatestPicture(open_it, camera(tmp_path / "x.avi"), LiveClock())
    try:
        until(lambda: latest.state()[0] == "failed")
        assert latest.state() == ("failed", "the recording has come to its end")
        assert len(opened) == 1
    finally:
        latest.close()


def test_the_last_picture_of_a_file_can_still_be_taken_at_its_end(tmp_path):
    cv2.imwrite(str(tmp_path / "only.png"), np.full((20, 20, 3), 90, np.uint8))
    told = camera(tmp_path)
    latest = LatestPicture(lambda: open_camera(told, LiveClock()), told, LiveClock())
    try:
        until(lambda: latest.state()[0] == "failed")
        assert latest.take().frame_id == 0
        assert latest.take() is None
    finally:
        latest.close()


def test_what_the_camera_lost_is_told_by_reason_and_the_numbers_skip_it():
    scripted = Scripted()
    latest = LatestPicture(lambda: scripted, camera("", "v4l2"), Stopped())
    try:
        scripted.give(1)
        assert latest.take(timeout_s=5).frame_id == 0
        scripted.lost["the driver lost it"] = 3
        scripted.frame_id += 3
        scripted.give(2)
        assert latest.take(timeout_s=5).frame_id == 5
        assert latest.take_lost() == {"the driver lost it": 3, "newer picture came first": 1}
        assert latest.take_lost() == {}
    finally:
        latest.close()


def test_a_camera_that_is_lost_says_why_is_opened_again_and_counts_on():
    cameras = [Scripted(), Scripted()]
    waiting = list(cameras)
    latest = LatestPicture(lambda: waiting.pop(0), camera("", "v4l2"), Stopped())
    try:
        cameras[0].give(3)
        assert latest.take(timeout_s=5).frame_id == 2
        cameras[0].note, cameras[0].ended = "the device is gone", True
        said = until(lambda: latest.trouble(1))
        assert said[0].state == "failed"
        assert said[0].detail == "the device is gone; it is opened again each second"
        cameras[1].give(1)
        assert latest.take(timeout_s=5).frame_id == 3
        assert until(lambda: latest.trouble(2))[0].state == "ok"
    finally:
        latest.close()


class Hanging(Scripted):
    """A driver that does not return."""

    def __init__(self):
        super().__init__()
        self.inside, self.release = threading.Event(), threading.Event()

    def read(self):
        self.inside.set()
        assert self.release.wait(30)
        return None


@pytest.mark.parametrize("where", ["open", "read", "close"])
def test_a_camera_that_hangs_is_told_and_nobody_waits_for_it(where, monkeypatch):
    monkeypatch.setattr("edge.vision.cameras.latest.CLOSE_S", 0.1)
    hanging, clock = Hanging(), Stopped()
    read = hanging.read

    def hang():
        read()
        return hanging

    def open_it():
        return hang() if where == "open" else hanging

    if where == "close":
        monkeypatch.setattr(hanging, "close", hang)
        monkeypatch.setattr(hanging, "read", lambda: setattr(hanging, "ended", True))
    latest = LatestPicture(open_it, camera("", "v4l2"), clock)
    try:
        assert hanging.inside.wait(5)
        assert not latest.stuck()
        clock.t_ns += 2_000_000_000
        assert latest.state()[0] == "failed"
        assert not latest.stuck()
        clock.t_ns += 20_000_000_000
        assert latest.stuck()
        assert latest.state() == (
            "failed",
            "the camera does not answer: its driver hangs; unplug it, or restart the machine",
        )
        assert latest.take() is None
        latest.close()  # returns although the thread does not
    finally:
        hanging.release.set()
        latest.close()


def test_a_camera_of_which_nothing_can_be_used_says_so_and_is_opened_again():
    clock, opened = Stopped(), []

    class Unusable(Scripted):
        def read(self):
            clock.t_ns += 100_000_000
            self.lost["damaged or unusable"] += 1
            self.note = "some of its pictures come damaged"
            return None

    def open_it():
        opened.append(1)
        return Unusable()

    latest = LatestPicture(open_it, camera("", "v4l2"), clock)
    try:
        detail = until(lambda: latest.state()[0] == "failed" and latest.state()[1])
        assert detail == (
            "none of its pictures can be used (some of its pictures come damaged); "
            "the camera is opened again each second"
        )
        until(lambda: len(opened) > 1)
    finally:
        latest.close()


def test_a_slow_camera_is_not_silent_between_its_pictures():
    scripted, clock = Scripted(), Stopped()
    opened = []

    def open_it():
        opened.append(1)
        return scripted

    latest = LatestPicture(open_it, camera("", "v4l2", fps=0.5), clock)
    try:
        scripted.give(1)
        clock.t_ns += 5_900_000_000
        assert latest.state() == ("ok", "")
        scripted.give(1)
        assert len(opened) == 1
        clock.t_ns += 6_100_000_000
        assert latest.state() == ("failed", "no picture comes; the camera is opened again each second")
        until(lambda: len(opened) > 1)
    finally:
        latest.close()


def test_a_recording_with_a_hole_is_not_begun_anew():
    scripted, clock = Scripted(), Stopped()
    latest = LatestPicture(lambda: scripted, camera("x.mp4"), clock)
    try:
        scripted.give(1)
        clock.t_ns += 10_000_000_000
        assert latest.state() == ("failed", "no picture comes")
        scripted.give(1)
        assert latest.state() == ("ok", "")
        assert not scripted.ended
    finally:
        latest.close()


def test_what_a_camera_showed_before_it_was_opened_again_says_nothing_about_it_now():
    black = np.zeros((360, 640, 3), np.uint8)

    class Dark(Scripted):
        def read(self):
            picture = super().read()
            return picture and Picture(t_ns=picture.t_ns + first_ns, frame_id=picture.frame_id, image=black)

    first_ns = 0
    cameras = [Dark(), Dark()]
    waiting = list(cameras)
    latest = LatestPicture(lambda: waiting.pop(0), camera("", "v4l2"), Stopped())
    try:
        cameras[0].give(1)
        first_ns = 20_000_000_000  # the exposure of a camera that is opened begins in the dark
        cameras[0].ended = True
        until(lambda: not waiting)
        cameras[1].give(1)
        assert latest.state() == ("ok", "")
    finally:
        latest.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reader_that_dies_is_told():
    class Broken(Scripted):
        def read(self):
            raise ZeroDivisionError("an error of the program")

    broken = Broken()
    latest = LatestPicture(lambda: broken, camera("", "v4l2"), Stopped())
    try:
        until(latest.stuck)
        assert latest.state()[0] == "failed"
        assert "an error of the program" in latest.state()[1]
        assert broken.ended
    finally:
        latest.close()


def test_a_reader_that_was_stopped_has_not_died():
    latest = LatestPicture(Scripted, camera("", "v4l2"), Stopped())
    latest.close()
    until(lambda: not latest._thread.is_alive())
    assert not latest.stuck()


# ---------------------------------------------------------------- at the pace of a clock


class Told(Stopped):
    """A clock on which sleeping takes no time."""

    def sleep_until_ns(self, t_ns):
        self.t_ns = max(self.t_ns, t_ns)


def test_a_folder_that_shows_a_picture_each_minute_can_be_asked_and_closed_meanwhile(tmp_path):
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((20, 20, 3), number, np.uint8))
    clock = Told()
    paced = Paced(open_camera(camera(tmp_path, fps=1 / 60), clock), clock)
    began_ns = clock.t_ns
    assert paced.read().frame_id == 0
    waited = 0
    while (picture := paced.read()) is None:
        waited += 1
        assert not paced.ended
        assert clock.t_ns <= began_ns + waited * 500_000_000
    assert waited >= 119
    assert picture.frame_id == 1
    assert clock.t_ns == picture.t_ns == began_ns + 60_000_000_000
    assert paced.read() is None
    assert paced.ended


# ---------------------------------------------------------------- real pictures, in bad light

CLIPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "video"
LIGHT = {
    "as it is": lambda image: image,
    "night": lambda image: cv2.convertScaleAbs(image, alpha=0.06),
    "glare": lambda image: cv2.convertScaleAbs(image, alpha=3.0, beta=60),
    "fog": lambda image: cv2.convertScaleAbs(image, alpha=0.12, beta=170),
    "rain on the lens": lambda image: cv2.resize(cv2.resize(image, (20, 11)), (320, 180)),
}


@pytest.mark.parametrize(
    "clip", ["carnd_vd_test_small1.mp4", "incluit_driver_video3.mp4", "carnd_solidWhiteRight.mp4"]
)
def test_real_clips_are_neither_frozen_nor_covered_in_any_light(clip):
    if not (CLIPS / clip).exists():
        pytest.skip(f"no clip {clip} beside the checkout")
    video = open_camera(camera(CLIPS / clip), RecordedClock())
    stills = {light: Stillness(frozen_after_s=1.0) for light in LIGHT}
    for number in range(30):
        seen = cv2.resize(video.read().image, (320, 180))
        for light, change in LIGHT.items():
            shown = Picture(t_ns=number * 100_000_000, frame_id=number, image=change(seen))
            assert stills[light].look(shown) == "", light
    video.close()


@pytest.mark.parametrize("light", ["day", "dusk", "night"])
@pytest.mark.parametrize("weather", ["clear", "rain"])
def test_simulated_roads_are_neither_frozen_nor_covered(light, weather):
    world = World(Scenario(title="t", duration_s=3.0, light=light, weather=weather))
    geometry = config.Geometry(width_px=160, height_px=90, focal_px=150.0)
    told = camera("", "simulated", fps=5.0, width_px=160, height_px=90)
    seen, still = SimulatedCamera(world, told, geometry, 0), Stillness(frozen_after_s=1.0)
    while (shown := seen.read()) is not None:
        assert still.look(shown) == ""
