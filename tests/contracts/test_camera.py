"""What every camera must keep to, whatever it reads: one class, run against each implementation."""

import cv2
import numpy as np
import pytest

from edge import config
from edge.clock import RecordedClock
from edge.vision.cameras import open_camera
from edge.vision.picture import Picture

START_NS = 5_000_000_000
COUNT = 12


def pictures(count=COUNT, size=(120, 160)):
    for number in range(count):
        image = np.full((*size, 3), 40, np.uint8)
        cv2.rectangle(image, (5 * number, 20), (5 * number + 30, 80), (0, 0, 255), -1)
        yield image


def video(folder):
    path = folder / "drive.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (160, 120))
    for image in pictures():
        writer.write(image)
    writer.release()
    return path


def folder_of_pictures(folder):
    for number, image in enumerate(pictures()):
        cv2.imwrite(str(folder / f"{number:03}.png"), image)
    return folder


class CameraContract:
    """Give `make(tmp_path)`: an open camera with COUNT pictures of 160x120, 50 ms apart."""

    @pytest.fixture
    def camera(self, tmp_path):
        camera = self.make(tmp_path)
        yield camera
        camera.close()

    def read_all(self, camera):
        found = []
        while (picture := camera.read()) is not None:
            found.append(picture)
        return found

    def test_it_has_a_name(self, camera):
        assert camera.name == "road"

    def test_pictures_are_bgr_and_their_times_and_numbers_rise(self, camera):
        found = self.read_all(camera)
        assert len(found) == COUNT
        for picture in found:
            assert isinstance(picture, Picture)
            assert picture.image.dtype == np.uint8
            assert picture.image.shape == (120, 160, 3)
        assert [picture.frame_id for picture in found] == list(range(COUNT))
        red = found[3].image[50, 30].astype(int)
        assert red[2] > 200
        assert red[0] < 60
        assert found[0].t_ns == START_NS
        assert np.diff([picture.t_ns for picture in found]).tolist() == pytest.approx(
            [50e6] * (COUNT - 1), abs=1e6
        )

    def test_a_picture_stays_as_it_was_when_the_next_is_read(self, camera):
        first = camera.read()
        before = first.image.copy()
        camera.read()
        assert (first.image == before).all()

    def test_at_the_end_there_are_no_more_and_it_says_so(self, camera):
        assert not camera.ended
        self.read_all(camera)
        assert camera.ended
        assert camera.note == ""
        assert camera.read() is None

    def test_closed_it_gives_nothing_and_may_be_closed_again(self, camera):
        camera.close()
        assert camera.read() is None
        camera.close()


class TestFile(CameraContract):
    def make(self, tmp_path):
        address = str(video(tmp_path))
        return open_camera(
            config.Camera(name="road", role="road", kind="file", address=address, models=()),
            RecordedClock(START_NS),
        )


class TestFolder(CameraContract):
    def make(self, tmp_path):
        address = str(folder_of_pictures(tmp_path))
        return open_camera(
            config.Camera(name="road", role="road", kind="file", address=address, models=(), fps=20.0),
            RecordedClock(START_NS),
        )
