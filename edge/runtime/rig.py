"""The scripted car: a simulated world behind the same ports as real devices.

Every process makes its own World from the scenario's file and looks at it at the time that has passed since
start_ns; nothing is exchanged. What the world says is encoded to CAN frames, NMEA sentences and V2X packets
by the encoders of the product, and comes back through its decoders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from edge.can.dbc import Database
from edge.can.encode import Encoder
from edge.can.frames import EXTENDED, KEY_EXTENDED, NONE, Frames, frames
from edge.clock import Clock
from edge.config import V2x
from edge.sim.signals import car_signals, nmea, peers
from edge.sim.world import World
from edge.v2x.sender import V2xSender
from edge.v2x.station import Station
from edge.v2x.uper import CodecError

if TYPE_CHECKING:
    from edge.v2x.security import Store

STEP_NS = 10_000_000
FRAME_SPACING_NS = 250_000  # what a frame of 8 bytes takes on a 500 kbit/s bus
GNSS_PERIOD_NS = 100_000_000
PEER_PERIOD_NS = 100_000_000


class SimulatedBus:
    """The bus of the simulated car: every message of its DBC at its cycle time, until the clock's now."""

    def __init__(self, world: World, database: Database, start_ns: int, clock: Clock) -> None:
        self.channels: tuple[str, ...] = ("simulated",)
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
                    key, data = self._encoder.encode(message.name, own, strict=False)
                    found.append((self._start_ns + at_ns + place * FRAME_SPACING_NS, key, data))
            self._step += 1
        if not found:
            return NONE
        stamps, keys, payloads = zip(*found, strict=True)
        flags = [EXTENDED if key & KEY_EXTENDED else 0 for key in keys]
        return frames(stamps, [k & ~KEY_EXTENDED for k in keys], flags, [0] * len(keys), payloads)

    def send(self, key: int, data: bytes, bus: int = 0) -> None:
        """A frame of ours: kept, since nobody else is on this bus."""
        self.sent.append((self._clock.now_ns(), key, data))

    def send_many(self, frames: Frames) -> int:
        """As send()."""
        for i, key in enumerate(frames.keys().tolist()):
            self.send(key, frames.payload(i))
        return len(frames)

    def health(self, bus: int = 0) -> dict[str, float]:
        """Nothing to tell."""
        return {}

    def trouble(self, bus: int = 0) -> str:
        """None."""
        return ""

    def notes(self, bus: int = 0) -> str:
        """None."""
        return ""

    def close(self) -> None:
        """Nothing to let go."""


def nmea_lines(world: World, start_ns: int, utc_start_ns: int) -> Iterator[tuple[int, str]]:
    """What the satellite receiver of the simulated car says in the whole scenario, ten times a second."""
    for number in range(int(world.duration_s * 1e9 / GNSS_PERIOD_NS) + 1):
        at_ns = number * GNSS_PERIOD_NS
        for sentence in nmea(world.at(at_ns / 1e9), utc_start_ns + at_ns):
            yield start_ns + at_ns, sentence


class SimulatedLink:
    """The air around the simulated car: packets of the peers that speak V2X, ten times a second each."""

    def __init__(
        self, world: World, config: V2x, start_ns: int, date: Callable[[int], int], clock: Clock
    ) -> None:
        self._world = world
        self._config = config
        self._date = date
        self._senders: dict[int, V2xSender] = {}
        self._start_ns = start_ns
        self._clock = clock
        self._step = 0
        self.sent = 0
        self._store: Store | None = None
        if config.security.directory is not None:
            from edge.v2x.security import load

            store = load(config.security.directory, date(start_ns))  # the first certificate is our own
            self._store = msgspec.structs.replace(store, tickets=store.tickets[1:] or store.tickets)

    def fileno(self) -> None:
        """Polled at every tick."""

    def receive(self) -> list[tuple[int, bytes]]:
        """The packets that have become due. Raises OSError where one cannot be signed."""
        end_ns = min(self._clock.now_ns() - self._start_ns, round(self._world.duration_s * 1e9))
        packets = []
        while (at_ns := self._step * PEER_PERIOD_NS) <= end_ns:
            for station_id, said in peers(self._world.at(at_ns / 1e9)):
                sender = self._senders.get(station_id)
                if sender is None:
                    sender = self._senders[station_id] = self._sender(station_id)
                t_ns = self._start_ns + at_ns
                try:
                    packets += [(t_ns, packet) for packet in sender.packets(said, t_ns)]
                except CodecError as error:
                    raise OSError(f"simulated station {station_id}: {error}") from None
            self._step += 1
        return packets

    def _sender(self, station_id: int) -> V2xSender:
        station = Station(
            self._config, station_id, self._date, self, start_ns=self._start_ns, store=self._store
        )
        if station.signer is not None:
            for _ in self._senders:  # each with a certificate of its own, as far as there are
                station.signer.change()
        return V2xSender(station)

    def send(self, packet: bytes) -> None:
        """Counted: nobody hears it."""
        self.sent += 1

    def close(self) -> None:
        """Nothing to let go."""
