"""Cameras of a Raspberry Pi through libcamera: the pictures come in the size of the network, for nothing."""

from __future__ import annotations

from concurrent.futures import TimeoutError as JobTimeoutError
from typing import Any

import numpy as np

from edge import config
from edge.clock import Clock
from edge.vision.cameras.source import DRIVER, READ_TIMEOUT_S, CameraError, Source
from edge.vision.picture import Picture, i420

SIZE = (1280, 720)
MAIN_WIDTH = 1280  # a smaller main stream makes libcamera choose a sensor mode that shows the middle alone
BUFFERS = 4


class Picamera2Camera(Source):
    """The `lores` stream, YUV420, of width_px x height_px; main is of the same proportions and is not read.

    address: the number of the camera, in the order of `rpicam-hello --list-cameras`. controls: by libcamera's
    names, as ExposureTime, AnalogueGain, AeEnable, AwbEnable, ColourGains.
    """

    def __init__(self, camera: config.Camera, clock: Clock) -> None:
        try:
            import libcamera  # type: ignore[import-not-found]
            from picamera2 import Picamera2  # type: ignore[import-not-found]
        except ImportError as error:
            raise CameraError(
                f"camera {camera.name}: picamera2 is not here ({error}); sudo apt install python3-picamera2, "
                f"and make the environment with the system's Python and --system-site-packages"
            ) from None
        super().__init__(camera.name)
        self._unheeded(camera, "format")
        self._clock = clock
        self._job: Any = None
        self._taken_ns: int | None = None
        there = Picamera2.global_camera_info()
        if not camera.address.isdigit() or int(camera.address) >= len(there):
            models = ", ".join(f"{number}: {one.get('Model', '?')}" for number, one in enumerate(there))
            raise CameraError(
                f"camera {camera.name}: no camera {camera.address!r}; libcamera finds {models or 'none'}; is "
                f"the cable in, and `camera_auto_detect=1` in /boot/firmware/config.txt?"
            )
        try:
            self._camera = Picamera2(int(camera.address))
        except RuntimeError as error:
            raise CameraError(
                f"camera {camera.name}: cannot be opened: {error}; does another program use it?"
            ) from None
        try:
            self._start(camera, libcamera.ColorSpace.Smpte170m())
        except (RuntimeError, ValueError, TypeError) as error:
            self.close()
            raise CameraError(f"camera {camera.name}: libcamera refuses: {error}") from None
        except CameraError:
            self.close()
            raise

    def _start(self, camera: config.Camera, colours: Any) -> None:
        known = self._camera.camera_controls
        for name in camera.controls:
            if name not in known:
                raise CameraError(
                    f"camera {camera.name}: no control {name!r}; it has {', '.join(sorted(known))}"
                )
        width, height = camera.width_px or SIZE[0], camera.height_px or SIZE[1]
        larger = max(1.0, MAIN_WIDTH / width)
        period_us = round(1e6 / camera.fps)
        controls = {"FrameDurationLimits": (period_us, period_us), **camera.controls}
        wanted = self._camera.create_video_configuration(
            main={"size": (_even(width * larger), _even(height * larger)), "format": "YUV420"},
            lores={"size": (width, height), "format": "YUV420"},
            colour_space=colours,
            buffer_count=BUFFERS,
            controls={name: value for name, value in controls.items() if name in known},
        )
        self._camera.configure(wanted)
        got = self._camera.camera_configuration()["lores"]
        (self._width, self._height), self._stride = got["size"], got["stride"]
        if got["format"] != "YUV420":
            raise CameraError(f"camera {camera.name}: lores comes as {got['format']}, not YUV420")
        if (self._width, self._height) != (width, height):
            self._say(f"asked for {width} x {height}, it gives {self._width} x {self._height}")
        self._camera.start()

    def read(self) -> Picture | None:
        """The next picture; None if none came in time."""
        if self.ended:
            return None
        # A job that is not waited for to its end would keep its buffer for ever.
        self._job = self._job or self._camera.capture_request(wait=False)
        try:
            request = self._camera.wait(self._job, timeout=READ_TIMEOUT_S)
        except JobTimeoutError:
            return None
        self._job = None
        now_ns = self._clock.now_ns()
        try:
            about = request.get_metadata()
            data = request.make_buffer("lores")
        finally:
            request.release()
        t_ns = about.get("SensorTimestamp")
        self._count(t_ns, about.get("FrameDuration", 0) * 1000)
        return self._give(self._stamp(t_ns, now_ns), self._planes(data))

    def close(self) -> None:
        """Stop and let the camera go."""
        if not self.ended:
            self.ended = True
            if self._job is not None and hasattr(self._camera, "cancel_all_and_flush"):
                self._camera.cancel_all_and_flush()  # stopping waits behind a job that never ends
            self._camera.close()

    def _count(self, t_ns: int | None, period_ns: int) -> None:
        if t_ns is not None and self._taken_ns is not None and period_ns > 0:
            periods = round((t_ns - self._taken_ns) / period_ns)
            if periods > 1:
                self._lose(DRIVER, periods - 1)
        self._taken_ns = t_ns

    def _planes(self, data: np.ndarray) -> Any:
        """Y, then U, then V with half the stride."""
        half, rows = self._stride // 2, self._height // 2
        luma_end = self._stride * self._height
        luma = data[:luma_end].reshape(self._height, self._stride)[:, : self._width]
        chroma = data[luma_end : luma_end + 2 * rows * half].reshape(2, rows, half)[:, :, : self._width // 2]
        return i420(luma, chroma[0], chroma[1])


def _even(length: float) -> int:
    return round(length / 2) * 2
