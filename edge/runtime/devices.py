"""The inlets and sinks of a live run: one for each thing that the config names."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable

from edge.can.bus import BusError, CanBus, Wanted, open_bus
from edge.can.dbc import Database
from edge.can.dbc import Message as CanMessage
from edge.can.encode import EncodeError, Encoder
from edge.can.inlet import CanInlet
from edge.can.transport.client import Client, Send, answers_to
from edge.clock import Clock
from edge.config import Can, ConfigError
from edge.messages import Announce, Gap, Message, OwnCar, Transmit
from edge.positioning.inlet import LineInlet, SerialNmeaInlet
from edge.runtime.rig import SimulatedBus, SimulatedLink, nmea_lines
from edge.runtime.setup import Setup
from edge.runtime.source import Inlet
from edge.sim.world import World
from edge.v2x.inlet import V2xInlet, VerifiedInlet
from edge.v2x.links import Link
from edge.v2x.sender import V2xSender
from edge.v2x.station import Station

Record = Callable[[str, int, bytes], None]


def can_inlets(
    setup: Setup, world: World | None, start_ns: int, clock: Clock, record: Record
) -> list[CanInlet]:
    """One for all [[can]] of kind "socketcan", since one socket hears them all, one for each other.

    What nobody subscribes to is left out by the kernel where raw frames are not recorded.
    """
    raw = record if setup.config.recording.raw_can else None

    def opener(*cans: Can, wanted: Wanted | None = None) -> CanBus:
        if cans[0].kind != "simulated":
            return open_bus(*cans, wanted=wanted)
        assert world is not None
        return SimulatedBus(world, _database(setup, cans[0].name), start_ns, clock)

    groups: dict[str, list[Can]] = {}
    for can in setup.config.can:
        groups.setdefault(can.kind if can.kind == "socketcan" else f"{can.kind}:{can.name}", []).append(can)
    reader = setup.reader()
    answers = set(answers_to(setup.config.diagnostics))
    wanted = {"socketcan": _subscribed(setup) | answers} if raw is None else {}
    return [CanInlet(group, reader, raw, opener, wanted.get(kind)) for kind, group in groups.items()]


def tester(setup: Setup, inlets: list[CanInlet]) -> Client:
    """Who asks the questions of [[diagnostics]], on the buses of the inlets. Raises ConfigError."""
    questions = setup.config.diagnostics
    known = {name for inlet in inlets for name in inlet.names}
    for question in questions:
        if question.bus not in known:
            raise ConfigError(
                f"[[diagnostics]] {question.name}: no bus {question.bus}; known: {', '.join(sorted(known))}"
            )
    client = Client(questions, _sender(inlets))
    if questions:
        for inlet in inlets:
            inlet.listen = client.hear
    return client


def gnss_inlets(
    setup: Setup, world: World | None, start_ns: int, utc_start_ns: int, record: Record
) -> list[Inlet]:
    """One for each [[gnss]]."""
    inlets: list[Inlet] = []
    for gnss in setup.config.gnss:
        if gnss.kind == "simulated":
            assert world is not None
            lines = nmea_lines(world, start_ns, utc_start_ns)
            inlets.append(LineInlet(gnss.name, lines, record))
        else:
            inlets.append(SerialNmeaInlet(gnss, record))
    return inlets


def v2x_parts(
    setup: Setup,
    world: World | None,
    start_ns: int,
    date: Callable[[int], int],
    clock: Clock,
    record: Record,
    *,
    live: bool,
) -> tuple[list[Inlet], list[V2xOutput]]:
    """The ear and the mouth of [v2x]. date: monotonic ns -> ns since 1970; live: time does not wait."""
    v2x = setup.config.v2x
    if v2x is None:
        return [], []
    station_id = v2x.station_id if v2x.station_id is not None else secrets.randbits(31) or 1
    air: Link | None = None
    if v2x.link.kind == "simulated" or v2x.simulated_peers:
        assert world is not None
        air = SimulatedLink(world, v2x, start_ns, date, clock)
    link = air if v2x.link.kind == "simulated" or not live else None  # no network is in a scenario's time
    try:
        station = Station(
            v2x,
            station_id,
            date,
            link,
            beside=None if link else air,
            start_ns=clock.now_ns(),
            threaded=live,
            random=secrets.randbits if v2x.station_id is None and live else None,
            vehicle=setup.vehicle,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from None
    ear = V2xInlet(station, record)
    return [ear, VerifiedInlet(ear, station)], [V2xOutput(V2xSender(station))]


class V2xOutput:
    """Announce becomes packets on the air; as an inlet it says what could not be sent."""

    name = "v2x out"

    def __init__(self, sender: V2xSender) -> None:
        self.sender = sender
        self._failed = 0

    def take(self, out: Message) -> None:
        """Send what the gate let out; take note of where we are."""
        if isinstance(out, Announce):
            self.sender.take(out, out.t_ns)
        elif isinstance(out, OwnCar):
            self.sender.station.place(out)

    def fileno(self) -> None:
        """Polled."""

    def poll(self, now_ns: int) -> list[Message]:
        """Send what has become due; what was not sent since the last time."""
        self.sender.due(now_ns)
        lost, self._failed = self.sender.failed - self._failed, self.sender.failed
        if not lost:
            return []
        return [Gap(t_ns=now_ns, source="v2x", reason=f"not sent: {self.sender.trouble}", count=lost)]

    def close(self) -> None:
        """The ear closes the link."""


class CanOutput:
    """Transmit becomes a frame on its bus, unless it is a dry run; as an inlet it says what was not sent."""

    name = "can"

    def __init__(self, setup: Setup, inlets: list[CanInlet]) -> None:
        self.sent = 0
        self.dry = 0
        self._troubles: Counter[tuple[str, str]] = Counter()
        self._send = _sender(inlets)
        names = {name for inlet in inlets for name in inlet.names}
        asked = {rule.bus for rule in setup.vehicle.gate.values()}  # others are only heard, and need no DBC
        self._encoders = {
            name: Encoder(_database(setup, name), setup.vehicle) for name in asked if name in names
        }

    def take(self, out: Message) -> None:
        """Send what the gate let out; trouble is counted by reason, never raised."""
        if not isinstance(out, Transmit):
            return
        if out.dry_run:
            self.dry += 1
            return
        try:
            if out.bus not in self._encoders:
                raise BusError(f"bus {out.bus} is not open")
            self._send(out.bus, *self._encoders[out.bus].encode(out.message, out.signals))
            self.sent += 1
        except (BusError, EncodeError) as error:
            self._troubles[out.bus, str(error)] += 1

    def fileno(self) -> None:
        """Polled."""

    def poll(self, now_ns: int) -> list[Message]:
        """What was not sent since the last time, by reason."""
        said: list[Message] = [
            Gap(t_ns=now_ns, source=f"can:{bus}", reason=f"not sent: {why}", count=count)
            for (bus, why), count in self._troubles.items()
        ]
        self._troubles.clear()
        return said

    def close(self) -> None:
        """The buses are closed by their inlets."""


def _sender(inlets: list[CanInlet]) -> Send:
    """Sends onto a bus by its name, while its inlet has it open."""
    buses = {name: (inlet, which) for inlet in inlets for which, name in enumerate(inlet.names)}

    def send(name: str, key: int, data: bytes) -> None:
        inlet, which = buses.get(name, (None, 0))
        if inlet is None or inlet.bus is None:
            raise BusError(f"bus {name} is not open")
        inlet.bus.send(key, data, which)

    return send


def _subscribed(setup: Setup) -> set[tuple[int, int]]:
    """Key and mask of every message that the vehicle file names: of J1939 the parameter group counts."""
    names = {mapping.signal.partition(".")[0] for mapping in setup.vehicle.signals.values()}
    found = [database.named(name) for database, _ in setup.databases for name in names]
    return {(message.key, _mask(message)) for message in found if message}


def _mask(message: CanMessage) -> int:
    if message.pgn is None:
        return 0x9FFFFFFF
    return 0x83FFFF00 if message.pgn >> 8 & 0xFF >= 240 else 0x83FF0000  # below: an octet says to whom


def _database(setup: Setup, bus: str) -> Database:
    for database, name in setup.databases:
        if name in (None, bus):
            return database
    raise ConfigError(
        f"bus {bus}: no DBC file describes it; name one under [[dbc]] in {setup.config.vehicle}"
    )
