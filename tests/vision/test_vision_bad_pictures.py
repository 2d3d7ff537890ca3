"""Pictures that are none, or not as they should be: refused or converted, said, counted; the rest comes."""

import struct
import threading
import zlib
from collections import Counter

import cv2
import numpy as np
import pytest

from edge import config
from edge.clock import LiveClock, RecordedClock
from edge.vision.cameras import CameraError, LatestPicture, Source, open_camera
from edge.vision.cameras.source import admitted
from edge.vision.perceive import Perception
from edge.vision.picture import Picture, PictureError, Planes
from edge.vision.zoo import ModelError, Zoo

RNG = np.random.default_rng(1)


def told(address="", kind="file", **fields):
    return config.Camera(name="road", role="road", kind=kind, address=str(address), **fields)


def noise(height=48, width=64, channels=(3,), kind=np.uint8):
    return RNG.integers(0, np.iinfo(kind).max, (height, width, *channels), dtype=kind)


def read_all(camera):
    found = []
    while (picture := camera.read()) is not None:
        assert picture.image.dtype == np.uint8
        assert picture.image.shape == (picture.height_px, picture.width_px, 3)
        assert picture.image.flags.c_contiguous
        found.append(picture)
    return found


# ---------------------------------------------------------------- the door


CONVERTED = {
    "grey": (noise(channels=()), lambda p: np.dstack([p] * 3), "grey"),
    "grey with an axis": (noise(channels=(1,)), lambda p: np.dstack([p] * 3), "grey"),
    "alpha": (noise(channels=(4,)), lambda p: p[:, :, :3], "with alpha"),
    "16 bits": (noise(kind=np.uint16), lambda p: p >> 8, "of 16 bits"),
    "16 bits, grey": (
        noise(channels=(), kind=np.uint16), lambda p: np.dstack([p >> 8] * 3), "grey and of 16 bits"),
    "16 bits, alpha": (
        noise(channels=(4,), kind=np.uint16), lambda p: (p >> 8)[:, :, :3], "of 16 bits and with alpha"),
    "turned over": (noise()[::-1, ::-1], lambda p: p, ""),
    "RGB seen as BGR": (noise()[:, :, ::-1], lambda p: p, ""),
    "odd": (noise(49, 63), lambda p: p, ""),
    "odd, grey": (noise(49, 63, ()), lambda p: np.dstack([p] * 3), "grey"),
    "least": (noise(8, 8), lambda p: p, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CONVERTED)
def test_what_is_converted(case):
    given, expected, said = CONVERTED[case]
    image, converted = admitted(given)
    assert converted == said
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert (image == expected(given)).all()


REFUSED = {
    "empty": (np.zeros((0, 0, 3), np.uint8), "empty"),
    "no height": (np.zeros((0, 640, 3), np.uint8), "empty"),
    "a line": (np.zeros(640, np.uint8), "empty"),
    "a film": (np.zeros((2, 48, 64, 3), np.uint8), "empty"),
    "one pixel": (np.zeros((1, 1, 3), np.uint8), "1 x 1; a side must have 8"),
    "a strip": (np.zeros((7, 640, 3), np.uint8), "640 x 7"),
    "huge": (np.broadcast_to(np.uint8(0), (10_000, 10_000, 3)), "10000 x 10000; .* at most 67108864"),
    "two channels": (np.zeros((48, 64, 2), np.uint8), "2 channels"),
    "seven channels": (np.zeros((48, 64, 7), np.uint8), "7 channels"),
    "float": (np.full((48, 64, 3), np.nan, np.float32), "float32"),
    "32 bits": (np.zeros((48, 64, 3), np.int32), "int32"),
    "signed": (np.zeros((48, 64, 3), np.int8), "int8"),
    "booleans": (np.zeros((48, 64, 3), bool), "bool"),
    "objects": (np.full((48, 64, 3), None), "object"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    given, words = REFUSED[case]
    with pytest.raises(PictureError, match=words):
        admitted(given)


class Given(Source):
    """A camera that gives what it is given, and then nothing."""

    def __init__(self, images):
        super().__init__("road")
        self.images = list(images)

    def read(self):
        if not self.images:
            return None
        return self._give(len(self.images), self.images.pop(0))

    def close(self):
        self.ended = True


def test_a_refused_picture_is_counted_and_said_once_and_the_others_come():
    good, bad = noise(), np.zeros((0, 0, 3), np.uint8)
    camera = Given([good, bad, good, bad, noise(channels=(2,)), good])
    found = [camera.read() for _ in range(6)]
    assert [picture and picture.frame_id for picture in found] == [0, None, 2, None, None, 5]
    assert camera.lost == {"damaged or unusable": 3}
    assert camera.note == "a picture was refused: it is empty: (0, 0, 3)"


def test_planes_that_do_not_fit_are_refused():
    camera = Given(
        [Planes(noise(channels=()), noise(20, 30, (2,))), Planes(noise(channels=()), noise(24, 32, (2,)))]
    )
    assert camera.read() is None
    assert camera.read().planes is not None
    assert camera.lost == {"damaged or unusable": 1}


def test_what_is_converted_is_said_once_however_often_it_changes():
    camera = Given(
        [noise(channels=()), noise(), noise(channels=()), noise(channels=(4,)), noise(channels=(4,))]
    )
    assert all(camera.read() is not None for _ in range(5))
    assert (
        camera.note
        == "its pictures are grey; they are converted; its pictures are with alpha; they are converted"
    )


def test_a_note_does_not_grow_with_the_pictures():
    camera = Given([noise(8 + n % 40, 8 + n % 50) for n in range(500)])
    for _ in range(500):
        camera.read()
    assert camera.note == "its pictures change their size"


def test_times_never_fall_whatever_the_source_says():
    camera = Given([noise()] * 5)  # says 5, 4, 3, 2, 1
    assert [camera.read().t_ns for _ in range(5)] == [5] * 5


# ---------------------------------------------------------------- folders


def huge_png(side=30_000):
    """A small file that says it is a picture of 900 megapixels, and would be if it were unpacked."""

    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = zlib.compress(b"\0" * (side + 1) * 64)
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
        + part(b"IDAT", row)
        + part(b"IEND", b"")
    )


def test_a_folder_of_all_kinds(tmp_path):
    good = noise()
    for name, image in {
        "a.png": good,
        "b_grey.png": noise(channels=()),
        "c_alpha.png": noise(channels=(4,)),
        "d_deep.png": noise(kind=np.uint16),
        "e_deep.tiff": noise(kind=np.uint16),
        "f_other.png": noise(31, 57),
        "g.jpg": noise(),
        "h_grey.jpg": noise(channels=()),
        "i_float.tiff": noise().astype(np.float32),
        "j_dot.png": noise(1, 1),
        "z.png": good,
    }.items():
        assert cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / "k_cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    (tmp_path / "l_empty.png").write_bytes(b"")
    (tmp_path / "m_text.jpg").write_text("not a picture")
    (tmp_path / "n_huge.png").write_bytes(huge_png())
    (tmp_path / "o.txt").write_text("nor this")
    (tmp_path / "p.png").mkdir()
    camera = open_camera(told(tmp_path, fps=10.0), RecordedClock())
    found = read_all(camera)
    assert [picture.frame_id for picture in found] == [0, 1, 2, 3, 4, 5, 6, 7, 15]
    assert (found[0].image == good).all()
    assert (found[-1].image == good).all()
    assert found[-1].t_ns == 1_500_000_000
    assert camera.lost == {"damaged or unusable": 7}
    for words in (
        "grey",
        "of 16 bits",
        "with alpha",
        "change their size",
        "k_cut.png is not a picture",
        "float32",
    ):
        assert words in camera.note


# ---------------------------------------------------------------- videos


def write_video(path, images, code="MJPG"):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), 20.0, images[0].shape[1::-1])
    for image in images:
        writer.write(image)
    writer.release()


def damaged(data, at, count=200):
    changed = bytearray(data)
    for place in RNG.integers(at, len(data), count):
        changed[place] = RNG.integers(0, 256)
    return bytes(changed)


@pytest.mark.parametrize(("name", "code"), [("x.avi", "MJPG"), ("x.mp4", "mp4v"), ("x.mkv", "mp4v")])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.95])
def test_a_video_that_is_cut_gives_what_is_there_or_is_refused(tmp_path, name, code, share):
    write_video(tmp_path / name, [noise(120, 160) for _ in range(40)], code)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    try:
        camera = open_camera(told(tmp_path / name), RecordedClock())
    except CameraError:
        return
    found = read_all(camera)
    assert found
    assert len(found) <= 40
    assert camera.ended


@pytest.mark.parametrize(("name", "code"), [("x.avi", "MJPG"), ("x.mp4", "mp4v")])
@pytest.mark.parametrize("seed", range(4))
def test_a_video_with_wrong_bytes_gives_pictures_or_is_refused(tmp_path, name, code, seed):
    write_video(tmp_path / name, [noise(120, 160) for _ in range(30)], code)
    (tmp_path / name).write_bytes(damaged((tmp_path / name).read_bytes(), at=0 if seed == 3 else 5000))
    try:
        camera = open_camera(told(tmp_path / name), RecordedClock())
    except CameraError:
        return
    for picture in read_all(camera):
        assert (picture.width_px, picture.height_px) == (160, 120)


def test_a_video_whose_size_changes_in_the_middle(tmp_path):
    """MJPEG pictures one after the other, as a camera sends them."""
    sizes = [(120, 160)] * 5 + [(240, 320)] * 5 + [(121, 163)] * 5
    jpegs = [cv2.imencode(".jpg", noise(*size))[1].tobytes() for size in sizes]
    (tmp_path / "x.mjpeg").write_bytes(b"".join(jpegs))
    camera = open_camera(told(tmp_path / "x.mjpeg"), RecordedClock())
    found = read_all(camera)
    assert len(found) == 15
    times = [picture.t_ns for picture in found]
    assert sorted(set(times)) == times


def test_a_video_of_huge_pictures_is_refused_before_one_is_unpacked(tmp_path):
    tiny = cv2.imencode(".jpg", noise(16, 16))[1].tobytes()
    at = tiny.index(b"\xff\xc0") + 5
    huge = tiny[:at] + struct.pack(">HH", 65_000, 65_000) + tiny[at + 4 :]
    (tmp_path / "x.mjpeg").write_bytes(huge * 3)
    with pytest.raises(CameraError, match=r"x\.mjpeg"):
        open_camera(told(tmp_path / "x.mjpeg"), RecordedClock())


# ---------------------------------------------------------------- live


class Live(Source):
    """A camera of which each read gives the next of these; after the last it is silent until it is closed."""

    def __init__(self, images, clock):
        super().__init__("road")
        self.images, self.clock = list(images), clock
        self.go = threading.Semaphore(0)

    def read(self):
        if not self.go.acquire(timeout=0.05) or not self.images:
            return None
        return self._give(self.clock.now_ns(), self.images.pop(0))

    def close(self):
        self.ended = True


def test_the_reader_lives_on_bad_pictures_and_tells_how_many_there_were():
    clock = LiveClock()
    good = [noise() for _ in range(6)]
    images = [good[0], np.zeros((0, 0), np.uint8), noise(channels=(2,)), good[1], noise(channels=()), good[2]]
    camera = Live(images, clock)
    latest = LatestPicture(lambda: camera, told(kind="v4l2"), clock)
    try:
        taken, lost = [], Counter()
        for number in range(1, len(images) + 1):
            camera.go.release()
            end_ns = clock.now_ns() + 30_000_000_000
            while len(taken) + sum(lost.values()) < number:
                assert clock.now_ns() < end_ns, "it did not come"
                if (picture := latest.take(timeout_s=0.05)) is not None:
                    taken.append(picture)
                lost += latest.take_lost()
        assert lost["damaged or unusable"] == 2
        assert [picture.frame_id for picture in taken] == sorted({picture.frame_id for picture in taken})
        assert taken[-1].frame_id == 5
        assert len(taken) + sum(lost.values()) == 6
        (said,) = latest.trouble(0)
        assert said.state == "ok"
        assert "a picture was refused" in said.detail
        assert "grey" in said.detail
    finally:
        latest.close()


@pytest.mark.parametrize("name", ["icv-road", "icv-driver"])
def test_networks_take_a_picture_of_another_size_at_once(name):
    try:
        Zoo().locate(name)
    except ModelError as error:
        pytest.skip(str(error))
    camera = config.Camera(name="c", role=Zoo().entry(name).role, models=(name,))
    perception = Perception(camera, config.Perception())
    for height, width in ((720, 1280), (48, 64), (1080, 1920), (9, 8), (37, 401), (720, 1280)):
        planes = Planes(noise(height, width, ()), noise((height + 1) // 2, (width + 1) // 2, (2,)))
        for given in ({"image": noise(height, width)}, {"planes": planes}):
            view = perception.see(Picture(t_ns=1, frame_id=2, **given))
            assert (view.width_px, view.height_px) == (width, height)
