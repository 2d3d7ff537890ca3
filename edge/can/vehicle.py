"""From the frames of a kind of car to the signals that the core understands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from edge import config
from edge.can.dbc import Database, Databases, Message, Signal, pgn_of, read_dbc
from edge.can.decode import Values, decoder
from edge.can.frames import ERROR, EXTENDED, KEY_EXTENDED, REMOTE, Frames
from edge.can.protection import Protection, Verdict, protection_of
from edge.messages import Signals

LEARN_NS = 1_000_000_000
"""For so long the period of a message is measured of which the DBC file gives none."""

MIN_PERIOD_NS = 10_000_000
"""A measured period is taken as at least this: bursts are no cycle."""

SMALL = 128
"""Up to so many frames in a batch Python's own loop is faster than numpy's first call."""

_PGN = 1 << 32
"""Marks a parameter group number among keys: such a message is found whatever its priority and sender."""

_SENDER = 1 << 33
"""Marks a group and a source address: of several messages with one group, the sender tells which it is."""

Output = tuple[str, int, float, float, frozenset[float] | None, float, float]
"""One of CAR_SIGNALS made of the i-th decoded value of a message: name, i, scale, offset, equals, minimum,
maximum."""


@dataclass(frozen=True)
class _Plan:
    message: Message
    database: Database
    decode: Callable[[bytes], Values]
    outputs: tuple[Output, ...]
    timeout_ns: int | None
    """0: never; None: to be measured."""


class _Source:
    """One subscribed message on one bus, and what is remembered of it."""

    def __init__(self, plan: _Plan, vehicle: config.Vehicle) -> None:
        self.plan = plan
        self.decode = plan.decode
        self.outputs = plan.outputs
        self.protection = protection_of(plan.message, vehicle, plan.database)
        self._vehicle = vehicle
        self._by_sender: dict[int, Protection | None] = {}
        periods = vehicle.timeout_periods
        self.last_ns: int | None = None
        self.overdue = False
        self.timeout_ns = round(periods * LEARN_NS) if plan.timeout_ns is None else plan.timeout_ns
        self._periods = periods
        self._learning = plan.timeout_ns is None
        self._first_ns = 0
        self._count = 0

    def verdict(self, id: int, data: bytes) -> Verdict:
        """Whether a frame counts; each sender of a J1939 message has a counter of its own."""
        protection = self.protection
        if protection and self.plan.message.pgn is not None:
            sender = id & 0xFF
            if sender not in self._by_sender:
                self._by_sender[sender] = protection_of(self.plan.message, self._vehicle, self.plan.database)
            protection = self._by_sender[sender]
        return protection.verdict(data) if protection else Verdict.GOOD

    def heard(self, t_ns: int) -> None:
        """A frame of it came."""
        self.last_ns = t_ns
        self.overdue = False
        if self._learning:
            if self._count == 0:
                self._first_ns = t_ns
            elif t_ns - self._first_ns >= LEARN_NS:
                period_ns = max((t_ns - self._first_ns) // self._count, MIN_PERIOD_NS)
                self.timeout_ns = round(self._periods * period_ns)
                self._learning = False
            self._count += 1


class VehicleReader:
    """Decodes what a vehicle file subscribes to; every other frame costs a share of one look-up for all.

    A value is None when its frame does not count (wrong checksum or counter, where the vehicle or DBC file
    says how they are made: see protection), when the frame is too short for it or says "not available", when
    it is no number, or outside the DBC's range. A range that goes beyond what the bits can hold is a slip of
    the file (seen: raw ranges, [0|65535]) and not applied. A message that stops: see `overdue`.

    An id means one message on a bus: of a database that names the bus before one that does not, else the
    first that the vehicle file asks for.

    missing: what no database defines, as "speed_mps (SPEED.SPEED)" or "SPEED of [protection]", or what is in
    a message whose id means another; invalid: how many values of each signal were None, by (signal, reason):
    "length", "checksum", "counter", "no number", "range", "time-out". Raises ConfigError for a [protection]
    that cannot be.
    """

    def __init__(self, vehicle: config.Vehicle, databases: Databases) -> None:
        self.vehicle = vehicle
        self.databases = databases
        self.invalid: dict[tuple[str, str], int] = {}
        found = {name: _find(mapping, databases) for name, mapping in vehicle.signals.items()}
        buses = {bus for where in found.values() for bus, _, _ in where if bus is not None}
        had = {name for bus in (*buses, "") for _, _, names in _wanted(found, bus) for name in names}
        missing = []
        for name, where in found.items():
            if name not in had:
                why = ": another message has its id" if where else ""
                missing.append(f"{name} ({vehicle.signals[name].signal}{why})")
        for table in ("protection", "timeouts_ms"):
            for name in getattr(vehicle, table):
                if not any(database.named(name) for database, _ in databases):
                    missing.append(f"{name} of [{table}]")
        self.missing = tuple(missing)
        self._found = found
        self._by_bus: dict[str, dict[int, _Source | None]] = {}
        self._ids = np.zeros(2048, bool)  # by the low 11 bits: whether the id may be subscribed
        self._formats = np.zeros(256, bool)  # the same by the PDU format of J1939, where the PGN counts
        self._wanted: set[int] = set()
        for _, message, database in (place for where in found.values() for place in where):
            protection_of(message, vehicle, database)  # so that its faults are told at once
            if message.pgn is None:
                self._wanted.add(message.id)
                self._ids[message.id & 0x7FF] = True
            else:
                self._formats[message.pgn >> 8 & 0xFF] = True
        self._by_pgn = bool(self._formats.any())

    def read(self, frames: Frames, bus_names: Sequence[str]) -> Signals | None:
        """The subscribed signals in these frames, in their order; None when there are none.

        bus_names[i] is the name of bus i. Frames of several buses give one Signals, bus "can0+can1".
        """
        which = self._subscribed(frames)
        if not len(which):
            return None
        if len(frames) > SMALL:
            frames, which = frames[np.asarray(which)], range(len(which))
        ids, flags, on = frames.id.tolist(), frames.flags.tolist(), frames.bus.tolist()
        lengths, times = frames.length.tolist(), frames.t_ns.tolist()
        blob, width = frames.data.tobytes(), frames.data.shape[1]
        sources = [self._sources(name) for name in bus_names]
        names: list[str] = []
        values: list[float | None] = []
        stamps: list[int] = []
        buses: dict[int, None] = {}
        invalid = self.invalid
        for i in which:
            id, flag, bus, t_ns = ids[i], flags[i], on[i], times[i]
            here = sources[bus]
            source = here.get(id | KEY_EXTENDED if flag & EXTENDED else id)
            if source is None and self._by_pgn and flag & EXTENDED:
                pgn = pgn_of(id)
                sender = _SENDER | pgn << 8 | id & 0xFF
                source = here[sender] if sender in here else here.get(_PGN | pgn)
            if source is None or flag & (ERROR | REMOTE):
                continue
            source.heard(t_ns)
            data = blob[i * width : i * width + lengths[i]]
            verdict = source.verdict(id, data) if source.protection else Verdict.GOOD
            decoded = source.decode(data)
            for name, at, scale, offset, equals, low, high in source.outputs:
                physical = decoded[at]
                if physical is None:
                    continue  # not in this frame
                value: float | None = None
                if verdict:
                    reason = _REASONS[verdict]
                elif physical != physical:
                    reason = "no number"
                elif not low <= physical <= high:
                    reason = "range"
                elif equals is not None:
                    value = 1.0 if physical in equals else 0.0
                else:
                    value = physical * scale + offset
                    if not isfinite(value):
                        value, reason = None, "no number"
                if value is None:
                    invalid[name, reason] = invalid.get((name, reason), 0) + 1
                names.append(name)
                values.append(value)
                stamps.append(t_ns)
                buses[bus] = None
        if not names:
            return None
        return Signals(
            t_ns=stamps[-1],
            bus="+".join(bus_names[bus] for bus in buses),
            names=tuple(names),
            values=tuple(values),
            stamps_ns=tuple(stamps),
        )

    def _subscribed(self, frames: Frames) -> Sequence[int] | np.ndarray:
        """The indices of frames that may be subscribed: all that are, and some that are not."""
        if len(frames) <= SMALL and not self._by_pgn:
            ids = frames.id.tolist()
            if self._wanted.isdisjoint(ids):
                return ()
            return [i for i, id in enumerate(ids) if id in self._wanted]
        wanted = self._ids.take(frames.id & np.uint32(0x7FF))
        if self._by_pgn:
            formats = self._formats.take(frames.id >> np.uint32(16) & np.uint32(0xFF))
            wanted |= formats & (frames.flags & EXTENDED != 0)
        return wanted.nonzero()[0]

    def overdue(self, now_ns: int, bus: str) -> list[Signals]:
        """The messages of a bus that have stopped: each once, all its signals None, stamped with the moment
        at which its time was up, in that order. A message that was never heard is not told.

        Call it before `read` with the time of the first frame, and when no frame came with a time up to
        which all frames have been read: then what it says follows from the frames alone, not from when it
        was asked.
        """
        late = []
        for source in self._sources(bus).values():
            if not source or source.overdue or source.last_ns is None or not source.timeout_ns:
                continue
            due_ns = source.last_ns + source.timeout_ns
            if due_ns < now_ns:
                source.overdue = True
                late.append((due_ns, source))
        said = []
        for due_ns, source in sorted(late, key=lambda one: one[0]):
            names = tuple(output[0] for output in source.outputs)
            for name in names:
                self.invalid[name, "time-out"] = self.invalid.get((name, "time-out"), 0) + 1
            values, stamps = (None,) * len(names), (due_ns,) * len(names)
            said.append(Signals(t_ns=due_ns, bus=bus, names=names, values=values, stamps_ns=stamps))
        return said

    def _sources(self, bus: str) -> dict[int, _Source | None]:
        """What is subscribed on a bus, by key; None: a sender whose message is not subscribed, though its
        group is."""
        if bus not in self._by_bus:
            sources = self._by_bus[bus] = {}
            for message, database, names in _wanted(self._found, bus):
                source = _Source(self._plan(message, database, names), self.vehicle)
                if message.pgn is None:
                    sources[message.key] = source
                    continue
                alike = [one for one in database.messages.values() if one.pgn == message.pgn]
                if alike[0].key == message.key:
                    sources[_PGN | message.pgn] = source
                for one in alike:
                    sender = _SENDER | message.pgn << 8 | one.key & 0xFF
                    if one.key == message.key:
                        sources[sender] = source
                    else:
                        sources.setdefault(sender, None)
        return self._by_bus[bus]

    def _plan(self, message: Message, database: Database, names: list[str]) -> _Plan:
        wanted = [self.vehicle.signals[name].signal.split(".", 1)[1] for name in names]
        outputs = []
        for at, name in enumerate(names):
            mapping = self.vehicle.signals[name]
            low, high = _believed(mapping, message.signal(wanted[at]))
            equals = None if mapping.equals is None else frozenset(mapping.equals)
            outputs.append((name, at, mapping.scale, mapping.offset, equals, low, high))
        return _Plan(message, database, decoder(message, wanted), tuple(outputs), self._timeout_ns(message))

    def _timeout_ns(self, message: Message) -> int | None:
        declared_ms = self.vehicle.timeouts_ms.get(message.name)
        if declared_ms is not None:
            return round(declared_ms * 1e6)
        if not self.vehicle.timeout_periods:
            return 0
        if message.cycle_ms:
            return round(self.vehicle.timeout_periods * message.cycle_ms * 1e6)
        return None


_REASONS = {Verdict.LENGTH: "length", Verdict.CHECKSUM: "checksum", Verdict.COUNTER: "counter"}


def read_databases(vehicle: config.Vehicle, beside: str | Path) -> list[tuple[Database, str | None]]:
    """The DBC files that a vehicle file, read from `beside`, names. Raises dbc.DbcError."""
    return [(read_dbc(config.resolve(dbc.file, beside)), dbc.bus) for dbc in vehicle.dbc]


def match_vehicle(databases: Databases) -> tuple[Path | None, int, int]:
    """The shipped vehicle file of whose signals these databases define most: path, how many, of how many.

    (None, 0, 0) when none has any. A file that defines the messages but other signals counts for nothing.
    """
    best: tuple[Path | None, int, int] = (None, 0, 0)
    for path in sorted(config.shipped("configs/vehicles").glob("*.toml")):
        vehicle = config.read(path, config.Vehicle)
        matched = sum(bool(_find(mapping, databases)) for mapping in vehicle.signals.values())
        if (matched, -len(vehicle.signals)) > (best[1], -best[2]):
            best = (path, matched, len(vehicle.signals))
    return best


def _find(mapping: config.SignalMapping, databases: Databases) -> list[tuple[str | None, Message, Database]]:
    """Where a signal is defined: on which bus (None: every), in which message and file."""
    message_name, _, signal_name = mapping.signal.partition(".")
    places: list[tuple[str | None, Message, Database]] = []
    for database, bus in databases:
        if mapping.bus and bus and mapping.bus != bus:
            continue
        message = database.named(message_name)
        if message and message.signal(signal_name):
            places.append((mapping.bus or bus, message, database))
    return places


def _wanted(
    found: Mapping[str, list[tuple[str | None, Message, Database]]], bus: str
) -> list[tuple[Message, Database, list[str]]]:
    """The messages that are subscribed on a bus, and for which of the signals."""
    chosen = []
    for name, where in found.items():
        here = [place for place in where if place[0] in (None, bus)]
        if here:
            chosen.append((name, *min(here, key=lambda place: place[0] is None)))
    wanted: dict[int, tuple[Message, Database, list[str]]] = {}
    for name, _, message, database in sorted(chosen, key=lambda one: one[1] is None):
        of_key = wanted.setdefault(message.key, (message, database, []))
        if of_key[0] is message:
            of_key[2].append(name)
    return list(wanted.values())


def _believed(mapping: config.SignalMapping, signal: Signal | None) -> tuple[float, float]:
    """What physical values are believed: as the vehicle file says, else the DBC's range, else all."""
    low, high = _credible_range(signal) if signal else _ALL
    if mapping.minimum is not None or mapping.maximum is not None:
        low, high = _ALL
    return (
        low if mapping.minimum is None else mapping.minimum,
        high if mapping.maximum is None else mapping.maximum,
    )


def _credible_range(signal: Signal) -> tuple[float, float]:
    """The DBC's range with half a step for rounding."""
    if signal.minimum is None or signal.maximum is None or signal.is_float:
        return _ALL
    low, high = sorted(raw * signal.scale + signal.offset for raw in signal.raw_range())
    half_step = abs(signal.scale) / 2
    if signal.minimum < low - half_step or signal.maximum > high + half_step:
        return _ALL
    return signal.minimum - half_step, signal.maximum + half_step


_ALL = (-float("inf"), float("inf"))
