"""A camera that waits for nothing, such as a file, at the pace of a clock."""

from __future__ import annotations

from edge.clock import Clock
from edge.vision.cameras import Camera as CameraPort
from edge.vision.cameras.source import READ_TIMEOUT_S
from edge.vision.picture import Picture


class Paced:
    """An ordered camera, a file or the simulation, at the pace of the clock."""

    def __init__(self, camera: CameraPort, clock: Clock) -> None:
        self.name = camera.name
        self.ended = False
        self.note = ""
        self.lost = camera.lost
        self._camera = camera
        self._clock = clock
        self._next: Picture | None = None

    def read(self) -> Picture | None:
        """The next picture, not before its time; None: it is not due yet, or there are no more."""
        if self._next is None and not self.ended:
            self._next = self._camera.read()
            self.ended, self.note = self._camera.ended and self._next is None, self._camera.note
        if (picture := self._next) is None:
            return None
        until_ns = min(picture.t_ns, self._clock.now_ns() + round(READ_TIMEOUT_S * 1e9))
        self._clock.sleep_until_ns(until_ns)
        if until_ns < picture.t_ns:
            return None
        self._next = None
        return picture

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()
        self.ended, self._next = True, None
