"""The cameras of the scripted car, and recorded pictures at the pace of a clock."""

from __future__ import annotations

from edge.clock import Clock
from edge.config import Camera, Geometry
from edge.sim.driver_picture import draw_driver
from edge.sim.road_picture import draw_road
from edge.sim.world import World
from edge.vision.picture import Picture
from edge.vision.sources import Camera as CameraPort

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

    def read(self) -> Picture | None:
        """The next picture; None after the scenario's end."""
        if self._clock is not None:
            past = (self._clock.now_ns() - self._start_ns) // self._period_ns
            self._frame_id = max(self._frame_id, int(past) + 1)
        t_ns = self._frame_id * self._period_ns
        if t_ns > self._world.duration_s * 1e9:
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


class Paced:
    """An ordered camera, a file or the simulation, at the pace of the clock."""

    def __init__(self, camera: CameraPort, clock: Clock) -> None:
        self.name = camera.name
        self.ended = False
        self.note = ""
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
