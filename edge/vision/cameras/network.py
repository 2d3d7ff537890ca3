"""Network cameras: RTSP, and whatever else OpenCV's FFmpeg opens by an address."""

from __future__ import annotations

import os

import cv2

from edge import config
from edge.clock import Clock
from edge.vision.cameras.source import MAX_PX, CameraError, Source, without_password
from edge.vision.picture import Picture

OPEN_TIMEOUT_MS = 5000
READ_TIMEOUT_MS = 2000
OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
LOW_DELAY = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay"
DRIFT = 200e-6  # how much faster the sender's clock may run than ours


class NetworkCamera(Source):
    """A stream. RTSP goes over TCP, and FFmpeg keeps nothing back."""

    def __init__(self, camera: config.Camera, clock: Clock) -> None:
        super().__init__(camera.name)
        self._unheeded(camera, "width_px", "height_px", "format", "controls")
        self._clock = clock
        self._stamps = SenderStamps()
        self._video = _open(camera.address)
        if not self._video.isOpened():
            raise CameraError(
                f"camera {camera.name}: no video from {without_password(camera.address)}: is the "
                f"address right and the camera on this network? `ffplay` with the address tells more"
            )
        width, height = (self._video.get(p) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PX:
            self._video.release()
            raise CameraError(f"camera {camera.name}: pictures of {width:.0f} x {height:.0f} are too large")

    def read(self) -> Picture | None:
        """The next picture; None if none came in time, or the stream ended."""
        if self.ended:
            return None
        ok, image = self._video.read()
        if not ok:  # FFmpeg does not go on after an error or a timeout
            self.close()
            self._say("the stream ended or broke off")
            return None
        stamp_ns = round(self._video.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        return self._give(self._stamps.taken_ns(stamp_ns, self._clock.now_ns()), image)

    def close(self) -> None:
        """Close the stream."""
        self.ended = True
        self._video.release()


class SenderStamps:
    """Times of a sender's own clock as ours, taking the fastest arrival so far as one without delay.

    What is constant in the delay (exposure, encoding, network, decoding) stays unknown; what varies, a late
    packet or a queue, shows as the age of the picture.
    """

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._arrived_ns = 0
        self._stamp_ns = -1

    def taken_ns(self, stamp_ns: int, arrived_ns: int) -> int:
        """When a picture with that stamp was sent, at most arrived_ns: that, where there are no stamps."""
        offset_ns = arrived_ns - stamp_ns
        if self._offset_ns is None or stamp_ns <= self._stamp_ns:  # the first, or the sender began anew
            self._offset_ns = offset_ns
        else:
            waited_ns = arrived_ns - self._arrived_ns
            self._offset_ns = min(offset_ns, self._offset_ns + round(waited_ns * DRIFT))
        self._arrived_ns, self._stamp_ns = arrived_ns, stamp_ns
        return stamp_ns + self._offset_ns


def _open(address: str) -> cv2.VideoCapture:
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS]
    timeouts += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
    os.putenv(OPTIONS, LOW_DELAY)  # the only way to tell OpenCV; of a file it would cost the first picture
    try:
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, timeouts)
    finally:
        os.unsetenv(OPTIONS)
