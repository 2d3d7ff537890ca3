"""The scripted car: a simulated world behind the same ports as real devices.

Every process makes its own World from the scenario's file and looks at it at the time that has passed since
start_ns; nothing is exchanged. What the world says is encoded to CAN frames, NMEA sentences and V2X packets by
the encoders of the product, and comes back through its decoders.
"""

from __future__ import annotations


from edge.can.dbc import Database
from edge.can.encode import Encoder
from edge.can.frames import EXTENDED, KEY_EXTENDED, NONE, Frames, frames
from edge.clock import Clock
from edge.config import Camera, Geometry
from edge.sim.driver_picture import draw_driver
from edge.sim.road_picture import draw_road
from edge.sim.signals import car_signals, nmea, peers
from edge.sim.world import World
from edge.v2x.sender import pack
from edge.vision.picture import Picture

STEP_NS = 10_000_000
FRAME_SPACING_NS = 250_000  # what a frame of 8 bytes takes on a 500 kbit/s bus
GNSS_PERIOD_NS = 100_000_000
PEER_PERIOD_NS = 100_000_000
DRIVER_SIZE = (320, 240)
ROAD_SIZE = (640, 360)


class SimulatedCamera:
    """Pictures of the world in order, one each 1/fps; read() never waits.

    With a clock, pictures that are already past are not drawn: a slow machine sees fewer, as with a real camera.
    """

    def __init__(
        self, world: World, camera: Camera, geometry: Geometry | None, start_ns: int, clock: Clock | None = None
    ) -> None:
        self.name = camera.name
        self.ended = False
        self._world = world
        self._geometry = geometry
        self._start_ns = start_ns
        self._clock = clock
        self._period_ns = round(1e9 / camera.fps)
        width, height = ROAD_SIZE if geometry else DRIVER_SIZE
        self._size = (camera.width_px or width, camera.height_px or height)
        self._frame_id = 0

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


class SimulatedBus:
    """The bus of the simulated car: every message of its DBC at its cycle time, until the clock's now."""

    def __init__(self, world: World, database: Database, start_ns: int, clock: Clock) -> None:
        self._world = world
        self._encoder = Encoder(database)
        self._messages = [m for m in database.messages.values() if m.cycle_ms and m.sender == "CAR"]
        self._start_ns = start_ns
        self._clock = clock
        self._step = 0
        self.sent: list[tuple[int, int, bytes]] = []

    def fileno(self) -> None:
        """Polled at every tick."""

    def receive(self) -> Frames:
        """The frames that have become due."""
        end_ns = min(self._clock.now_ns() - self._start_ns, round(self._world.duration_s * 1e9))
        found: list[tuple[int, int, bytes]] = []
        while self._step * STEP_NS + STEP_NS // 2 <= end_ns:
            at_ns = self._step * STEP_NS
            due = [m for m in self._messages if at_ns % round((m.cycle_ms or 0) * 1e6) == 0]
            if due:
                values = car_signals(self._world.at(at_ns / 1e9))
                for place, message in enumerate(due):
                    prefix = message.name + "."
                    own = {n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix)}
                    key, data = self._encoder.encode(message.name, own)
                    found.append((self._start_ns + at_ns + place * FRAME_SPACING_NS, key, data))
            self._step += 1
        if not found:
            return NONE
        stamps, keys, payloads = zip(*found, strict=True)
        flags = [EXTENDED if key & KEY_EXTENDED else 0 for key in keys]
        return frames(stamps, [k & ~KEY_EXTENDED for k in keys], flags, [0] * len(keys), payloads)

    def send(self, key: int, data: bytes) -> None:
        """A frame of ours: kept, since nobody else is on this bus."""
        self.sent.append((self._clock.now_ns(), key, data))

    def health(self) -> dict[str, float]:
        """Nothing to tell."""
        return {}

    def close(self) -> None:
        """Nothing to let go."""


def nmea_lines(world: World, start_ns: int, utc_start_ns: int) -> list[tuple[int, str]]:
    """What the satellite receiver of the simulated car says in the whole scenario, ten times a second."""
    lines = []
    for number in range(int(world.duration_s * 1e9 / GNSS_PERIOD_NS) + 1):
        at_ns = number * GNSS_PERIOD_NS
        for sentence in nmea(world.at(at_ns / 1e9), utc_start_ns + at_ns):
            lines.append((start_ns + at_ns, sentence))
    return lines


class SimulatedLink:
    """The air around the simulated car: packets of the peers that speak V2X, ten times a second each."""

    def __init__(self, world: World, standard: str, start_ns: int, utc_start_ns: int, clock: Clock) -> None:
        self._world = world
        self._standard = standard
        self._start_ns = start_ns
        self._utc_start_ns = utc_start_ns
        self._clock = clock
        self._step = 0
        self.sent = 0

    def fileno(self) -> None:
        """Polled at every tick."""

    def receive(self) -> list[tuple[int, bytes]]:
        """The packets that have become due."""
        end_ns = min(self._clock.now_ns() - self._start_ns, round(self._world.duration_s * 1e9))
        packets = []
        while (at_ns := self._step * PEER_PERIOD_NS) <= end_ns:
            for station_id, said in peers(self._world.at(at_ns / 1e9)):
                data = pack(said, self._standard, station_id, self._step, self._utc_start_ns + at_ns)
                packets.append((self._start_ns + at_ns, data))
            self._step += 1
        return packets

    def send(self, packet: bytes) -> None:
        """Counted: nobody hears it."""
        self.sent += 1

    def close(self) -> None:
        """Nothing to let go."""
