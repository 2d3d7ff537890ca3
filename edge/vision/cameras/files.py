"""Videos and folders of pictures, read in order."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge import config
from edge.clock import Clock
from edge.vision.cameras.source import MAX_PX, UNUSABLE, CameraError, Source
from edge.vision.picture import Picture

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


class FileCamera(Source):
    """A video file, or a GIF, read in order; pictures keep the times that the file gives them."""

    def __init__(self, camera: config.Camera, clock: Clock) -> None:
        super().__init__(camera.name)
        self._address = camera.address
        self._start_ns = clock.now_ns()
        path = Path(camera.address)
        if not path.is_file():
            raise CameraError(f"camera {camera.name}: no file {path}; set its `address` to a video")
        self._video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        width, height = (self._video.get(p) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PX:
            self._video.release()
            raise CameraError(
                f"camera {camera.name}: the pictures of {path} are {width:.0f} x {height:.0f}, more than "
                f"{MAX_PX} pixels; make a smaller copy of it"
            )
        self._first: np.ndarray | None = None
        ok, self._first = self._video.read() if self._video.isOpened() else (False, None)
        if not ok:
            raise CameraError(
                f"camera {camera.name}: no video in {path}: it is not a video, or of a codec that OpenCV's "
                f"FFmpeg does not know; try to play it, or convert it to H.264 in an MP4"
            )
        self._first_ms = self._video.get(cv2.CAP_PROP_POS_MSEC)
        fps = self._video.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps < 1000 else camera.fps
        self.length = max(0, int(self._video.get(cv2.CAP_PROP_FRAME_COUNT)))

    def read(self) -> Picture | None:
        """The next picture, or None at the end."""
        while not self.ended:
            if self._first is not None:
                image, since_ms, self._first = self._first, self._first_ms, None
            else:
                ok, image = self._video.read()
                if not ok:
                    self._end()
                    break
                since_ms = self._video.get(cv2.CAP_PROP_POS_MSEC)
            t_ns = self._start_ns + round(since_ms * 1e6)
            if self._last_ns < 0:
                t_ns = max(t_ns, self._start_ns)
            elif t_ns <= self._last_ns:  # files without time stamps say 0 each time
                t_ns = self._last_ns + round(1e9 / self.fps)
            if (picture := self._give(t_ns, image)) is not None:
                return picture
        return None

    def _end(self) -> None:
        # Containers count generously by a few pictures; more is a file that was cut or is damaged.
        if self._frame_id + max(5, self.length // 20) < self.length:
            self._say(
                f"{self._address} ends early: {self._frame_id} of {self.length} pictures could be read; "
                f"the file is cut or damaged"
            )
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.ended = True
        self._video.release()


class FolderCamera(Source):
    """A folder of pictures in the order of their names, at config.Camera.fps."""

    def __init__(self, camera: config.Camera, clock: Clock) -> None:
        super().__init__(camera.name)
        self.fps = camera.fps
        self._start_ns = clock.now_ns()
        folder = Path(camera.address)
        try:
            self._paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
        except OSError as error:
            raise CameraError(f"camera {camera.name}: {folder} cannot be read: {error.strerror}") from None
        self.length = len(self._paths)
        if not self._paths:
            raise CameraError(
                f"camera {camera.name}: no pictures ({', '.join(PICTURES)}) in the folder {folder}; "
                f"set its `address` to a video, or to a folder with pictures"
            )

    def read(self) -> Picture | None:
        """The next picture that can be read, or None at the end; a file that is no picture is noted."""
        while self._frame_id < self.length and not self.ended:
            path = self._paths[self._frame_id]
            image = read_picture(path)
            if image is None:
                self._say(f"{path} is not a picture, or too large; it was left out")
                self._lose(UNUSABLE)
                continue
            t_ns = self._start_ns + round(self._frame_id * 1e9 / self.fps)
            if (picture := self._give(t_ns, image)) is not None:
                return picture
        self.ended = True
        return None

    def close(self) -> None:
        """Nothing is held open."""
        self.ended = True


def read_picture(path: Path) -> np.ndarray | None:
    """As it is in the file: grey, with alpha, of 16 bits. None: it is no picture that OpenCV reads."""
    # A JPEG may say which side is up; it is heard only where a conversion is allowed.
    jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    how = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH if jpeg else cv2.IMREAD_UNCHANGED
    try:
        return cv2.imread(str(path), how)
    except cv2.error:  # more pixels than OpenCV was told to accept
        return None
