"""Cameras that are none: those of the scripted car, and those of a drive."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edge.clock import Clock
from edge.config import Camera, Geometry
from edge.drives.header import DriveError
from edge.drives.reader import read_drive
from edge.sim.driver_picture import draw_driver
from edge.sim.road_picture import draw_road
from edge.sim.world import World
from edge.vision.cameras import CameraError, Source
from edge.vision.cameras.source import NEWER, UNUSABLE, decoded
from edge.vision.picture import Picture

DRIVER_SIZE = (320, 240)
ROAD_SIZE = (640, 360)


class SimulatedCamera:
    """Pictures of the world in order, one each 1/fps; read() never waits.

    With a clock, pictures that are already past are not drawn: a slow machine sees fewer of them.
    """

    def __init__(
        self,
        world: World,
        camera: Camera,
        geometry: Geometry | None,
        start_ns: int,
        clock: Clock | None = None,
    ) -> None:
        self.name = camera.name
        self.ended = False
        self.note = ""
        self.lost: Counter[str] = Counter()
        self._world = world
        self._geometry = geometry
        self._start_ns = start_ns
        self._clock = clock
        self._period_ns = round(1e9 / camera.fps)
        width, height = ROAD_SIZE if geometry else DRIVER_SIZE
        self._size = (camera.width_px or width, camera.height_px or height)
        self._frame_id = 0
        if clock is not None:
            self.at(0, start_ns)  # the first drawing makes what all others use: not in a picture's time
            self._frame_id = self._due(clock)

    def read(self) -> Picture | None:
        """The next picture; None after the scenario's end."""
        if self._clock is not None and (late := self._due(self._clock) - self._frame_id) > 0:
            self.lost[NEWER] += late
            self._frame_id += late
        t_ns = self._frame_id * self._period_ns
        if self.ended or t_ns > self._world.duration_s * 1e9:
            self.ended = True
            return None
        picture = self.at(self._frame_id, self._start_ns + t_ns)
        self._frame_id += 1
        return picture

    def at(self, frame_id: int, taken_ns: int) -> Picture:
        """The picture taken at that time: the same pixels whenever and wherever it is drawn."""
        scene = self._world.at((taken_ns - self._start_ns) / 1e9)
        if self._geometry is not None:
            image = draw_road(scene, self._geometry, *self._size)
        else:
            image = draw_driver(scene.driver, *self._size)
        return Picture(t_ns=taken_ns, frame_id=frame_id, image=image)

    def close(self) -> None:
        """Nothing to let go."""
        self.ended = True

    def _due(self, clock: Clock) -> int:
        """The number of the next picture that is not past."""
        return max(0, (clock.now_ns() - self._start_ns) // self._period_ns + 1)


class RecordedCamera(Source):
    """The pictures that a drive has of the camera of the same name, begun at clock.now_ns().

    The times between them are those of the recording, which has fewer of them than the camera gave.
    """

    def __init__(self, camera: Camera, clock: Clock) -> None:
        super().__init__(camera.name)
        try:
            self._drive = read_drive(Path(camera.address))
        except DriveError as error:
            raise CameraError(f"camera {camera.name}: {error}") from None
        if camera.name not in self._drive.cameras:
            there = ", ".join(self._drive.cameras) or "none"
            self._drive.close()
            raise CameraError(
                f"camera {camera.name}: {camera.address} has no pictures of a camera of this name; it has: "
                f"{there}. Was it recorded with `pictures` in [recording]?"
            )
        self._pictures = self._drive.pictures(camera.name)
        self._start_ns = clock.now_ns()
        self._first_ns: int | None = None

    def read(self) -> Picture | None:
        """The next picture that can be read, or None at the end."""
        while not self.ended:
            stored = next(self._pictures, None)
            if stored is None:
                for problem in self._drive.problems:
                    self._say(problem)
                self.close()
                break
            if self._first_ns is None:
                self._first_ns = stored.taken_ns
            if (image := decoded(stored.data)) is None:
                self._lose(UNUSABLE)
                self._say("some of its pictures are damaged")
                continue
            picture = self._give(self._start_ns + stored.taken_ns - self._first_ns, image)
            if picture is not None:
                return picture
        return None

    def close(self) -> None:
        """Close the drive."""
        if not self.ended:
            self.ended = True
            self._drive.close()
