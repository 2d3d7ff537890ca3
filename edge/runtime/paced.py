"""A camera that waits for nothing, such as a file, at the pace of a clock."""

from __future__ import annotations

from edge.clock import Clock
from edge.vision.cameras import Camera as CameraPort
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

    def read(self) -> Picture | None:
        """The next picture, not before its time."""
        picture = self._camera.read()
        self.ended, self.note = self._camera.ended, self._camera.note
        if picture is not None:
            self._clock.sleep_until_ns(picture.t_ns)
        return picture

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()
        self.ended = True
