"""Where pictures come from: files, folders, USB cameras, network cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from edge import config
from edge.clock import Clock
from edge.vision.picture import Picture

OPEN_TIMEOUT_MS = 5000
READ_TIMEOUT_MS = 2000
MAX_STAMP_AGE_NS = 1_000_000_000  # of a driver's time stamp; an older one is of another clock
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")


class CameraError(config.UserError):
    """A camera that cannot be opened; the text says what, where and what to do."""


class Camera(Protocol):
    """A source of pictures. frame_id and t_ns of what `read` returns never fall.

    ended: there will be no more pictures; note: how it ended, if not as it should have.
    """

    name: str
    ended: bool
    note: str

    def read(self) -> Picture | None:
        """The next picture. None: none came in time, or, when `ended`, there are no more."""
        ...

    def close(self) -> None:
        """Let go of the device or file; may be called twice."""
        ...


def open_camera(camera: config.Camera, clock: Clock) -> Camera:
    """The camera that the config describes, delivering. Raises CameraError: what, where, what to do.

    A file, or a folder of pictures, begins at clock.now_ns() and keeps its own time from there. Kind
    "simulated" is not opened here.
    """
    if camera.kind == "file":
        return (FolderCamera if Path(camera.address).is_dir() else FileCamera)(camera, clock)
    if camera.kind in ("v4l2", "rtsp"):
        return DeviceCamera(camera, clock)
    if camera.kind == "gstreamer":
        from edge.vision.gstreamer import GStreamerCamera

        return GStreamerCamera(camera, clock)
    raise CameraError(f"camera {camera.name}: kind {camera.kind!r} is not a device, a file or a stream")


class FileCamera:
    """A video file, or a GIF, read in order; pictures keep the times that the file gives them."""

    def __init__(self, camera: config.Camera, clock: Clock) -> None:
        self.name = camera.name
        self.ended = False
        self.note = ""
        self._address = camera.address
        self._start_ns = clock.now_ns()
        self._last_ns = -1
        self._frame_id = 0
        path = Path(camera.address)
        if not path.is_file():
            raise CameraError(f"camera {camera.name}: no file {path}; set its `address` to a video")
        self._video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
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
        if self.ended:
            return None
        if self._first is not None:
            image, since_ms, self._first = self._first, self._first_ms, None
        else:
            ok, image = self._video.read()
            if not ok:
                self._end()
                return None
            since_ms = self._video.get(cv2.CAP_PROP_POS_MSEC)
        t_ns = self._start_ns + round(since_ms * 1e6)
        if t_ns <= self._last_ns:  # files without time stamps say 0 each time
            t_ns = self._last_ns + round(1e9 / self.fps)
        self._last_ns = t_ns
        self._frame_id += 1
        return Picture(t_ns=t_ns, frame_id=self._frame_id - 1, image=image)

    def _end(self) -> None:
        self.ended = True
        # Containers count generously by a few pictures; more is a file that was cut or is damaged.
        if self._frame_id + max(5, self.length // 20) < self.length:
            self.note = (
                f"{self._address} ends early: {self._frame_id} of {self.length} pictures could be read; "
                f"the file is cut or damaged"
            )
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.ended = True
        self._video.release()


class FolderCamera:
    """A folder of pictures of one size, in the order of their names, at config.Camera.fps."""

    def __init__(self, camera: config.Camera, clock: Clock) -> None:
        self.name = camera.name
        self.ended = False
        self.note = ""
        self.fps = camera.fps
        self._start_ns = clock.now_ns()
        self._frame_id = 0
        folder = Path(camera.address)
        self._paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
        self.length = len(self._paths)
        if not self._paths:
            raise CameraError(
                f"camera {camera.name}: no pictures ({', '.join(PICTURES)}) in the folder {folder}; "
                f"set its `address` to a video, or to a folder with pictures"
            )

    def read(self) -> Picture | None:
        """The next picture that can be read, or None at the end; a file that is no picture is noted."""
        while self._frame_id < self.length and not self.ended:
            index, self._frame_id = self._frame_id, self._frame_id + 1
            image = cv2.imread(str(self._paths[index]))
            if image is not None:
                t_ns = self._start_ns + round(index * 1e9 / self.fps)
                return Picture(t_ns=t_ns, frame_id=index, image=image)
            self.note = f"{self._paths[index]} is not a picture; it was left out"
        self.ended = True
        return None

    def close(self) -> None:
        """Nothing is held open."""
        self.ended = True


class DeviceCamera:
    """A V4L2 device, or a stream from the network; a picture is stamped as near to the sensor as possible."""

    def __init__(self, camera: config.Camera, clock: Clock) -> None:
        self.name = camera.name
        self.ended = False
        self.note = ""
        self._clock = clock
        self._frame_id = 0
        self._last_ns = -1
        self._stamped = camera.kind == "v4l2"
        if self._stamped:
            address: str | int = int(camera.address) if camera.address.isdigit() else camera.address
            device = f"/dev/video{address}" if isinstance(address, int) else str(address)
            if not Path(device).exists():
                raise CameraError(
                    f"camera {camera.name}: no device {device}; is the camera plugged in? "
                    f"`ls /dev/v4l/by-id` shows what there is"
                )
            self._video = cv2.VideoCapture(address, cv2.CAP_V4L2)
        else:
            device = camera.address
            timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS]
            timeouts += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
            self._video = cv2.VideoCapture(camera.address, cv2.CAP_FFMPEG, timeouts)
        if not self._video.isOpened():
            hint = (
                "does another program use it, and may this user read it (group video)?"
                if self._stamped
                else "is the address right and the camera on this network?"
            )
            raise CameraError(f"camera {camera.name}: no video from {device}: {hint}")
        if self._stamped:
            # Few buffers: what waits in them is old. A device is free to refuse any of these.
            self._video.set(cv2.CAP_PROP_BUFFERSIZE, 2)
            self._video.set(cv2.CAP_PROP_FPS, camera.fps)
            if camera.width_px and camera.height_px:
                self._video.set(cv2.CAP_PROP_FRAME_WIDTH, camera.width_px)
                self._video.set(cv2.CAP_PROP_FRAME_HEIGHT, camera.height_px)

    def read(self) -> Picture | None:
        """The next picture; None if none came in time."""
        if self.ended:
            return None
        ok, image = self._video.read()
        if not ok:
            return None
        t_ns = now_ns = self._clock.now_ns()
        if self._stamped:
            # The driver's stamp of the buffer, CLOCK_MONOTONIC for almost all drivers.
            stamp_ns = round(self._video.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
            if 0 <= now_ns - stamp_ns < MAX_STAMP_AGE_NS:
                t_ns = stamp_ns
        self._last_ns = t_ns = max(t_ns, self._last_ns)
        self._frame_id += 1
        return Picture(t_ns=t_ns, frame_id=self._frame_id - 1, image=image)

    def close(self) -> None:
        """Close the device."""
        self.ended = True
        self._video.release()
