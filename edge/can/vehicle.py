"""From the frames of a kind of car to the signals that the core understands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from edge import config
from edge.can.dbc import Database, Databases, Message, Signal, read_dbc
from edge.can.decode import Values, decoder
from edge.can.encode import checksum_holds
from edge.can.frames import ERROR, REMOTE, Frames
from edge.messages import Signals


@dataclass(frozen=True)
class _Output:
    """One of CAR_SIGNALS made of the i-th decoded value of a message."""

    name: str
    at: int
    scale: float
    offset: float
    equals: frozenset[float] | None
    minimum: float
    maximum: float

    def value(self, physical: float) -> float | None:
        if not self.minimum <= physical <= self.maximum:  # NaN too
            return None
        if self.equals is not None:
            return 1.0 if physical in self.equals else 0.0
        value = physical * self.scale + self.offset
        return value if isfinite(value) else None


@dataclass(frozen=True)
class _Plan:
    message: Message
    decode: Callable[[bytes], Values]
    outputs: tuple[_Output, ...]


class VehicleReader:
    """Decodes what a vehicle file subscribes to; every other frame costs one look-up.

    A value is None when the frame is too short for it, its checksum is wrong (where the DBC file says how it
    is made, see encode.CHECKSUM_ATTRIBUTE), it is no number, or it is outside the DBC's range. A range that
    goes beyond what the bits can hold is a slip of the file (seen: raw ranges, [0|65535]) and not applied.

    missing: the subscribed signals that no database defines, as "speed_mps (SPEED.SPEED)"; invalid: how many
    values of each signal were None.
    """

    def __init__(self, vehicle: config.Vehicle, databases: Databases) -> None:
        self.vehicle = vehicle
        self.databases = databases
        self.invalid: dict[str, int] = {}
        found = {name: _find(mapping, databases) for name, mapping in vehicle.signals.items()}
        self.missing = tuple(f"{n} ({vehicle.signals[n].signal})" for n, where in found.items() if not where)
        subscribed: dict[tuple[str | None, int], tuple[Message, list[str]]] = {}
        for name, where in found.items():
            for bus, message in where:
                subscribed.setdefault((bus, message.key), (message, []))[1].append(name)
        self._plans = {place: self._plan(message, names) for place, (message, names) in subscribed.items()}
        self._by_bus: dict[str, dict[int, _Plan]] = {}

    def read(self, frames: Frames, bus_names: Sequence[str]) -> Signals | None:
        """The subscribed signals in these frames, in their order; None when there are none.

        bus_names[i] is the name of bus i. Frames of several buses give one Signals, bus "can0+can1".
        """
        names: list[str] = []
        values: list[float | None] = []
        stamps: list[int] = []
        buses: dict[int, None] = {}
        plans = [self._plans_of(name) for name in bus_names]
        for i, (key, bus) in enumerate(zip(frames.keys().tolist(), frames.bus.tolist(), strict=True)):
            plan = plans[bus].get(key)
            if plan is None or frames.flags[i] & (ERROR | REMOTE):
                continue
            t_ns = int(frames.t_ns[i])
            data = frames.payload(i)
            sound = checksum_holds(plan.message, data) is not False
            decoded = plan.decode(data)
            for output in plan.outputs:
                physical = decoded[output.at]
                if physical is None:
                    continue  # not in this frame
                value = output.value(physical) if sound else None
                if value is None:
                    self.invalid[output.name] = self.invalid.get(output.name, 0) + 1
                names.append(output.name)
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

    def _plans_of(self, bus: str) -> dict[int, _Plan]:
        if bus not in self._by_bus:
            every = {key: plan for (where, key), plan in self._plans.items() if where is None}
            own = {key: plan for (where, key), plan in self._plans.items() if where == bus}
            self._by_bus[bus] = {**every, **own}
        return self._by_bus[bus]

    def _plan(self, message: Message, names: list[str]) -> _Plan:
        wanted = [self.vehicle.signals[name].signal.split(".", 1)[1] for name in names]
        outputs = []
        for at, name in enumerate(names):
            mapping = self.vehicle.signals[name]
            signal = message.signal(wanted[at])
            low, high = _believed(mapping, signal)
            equals = None if mapping.equals is None else frozenset(mapping.equals)
            outputs.append(_Output(name, at, mapping.scale, mapping.offset, equals, low, high))
        return _Plan(message, decoder(message, wanted), tuple(outputs))


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


def _find(mapping: config.SignalMapping, databases: Databases) -> list[tuple[str | None, Message]]:
    """Where a signal is defined: on which bus (None: every) and in which message."""
    message_name, _, signal_name = mapping.signal.partition(".")
    places: list[tuple[str | None, Message]] = []
    for database, bus in databases:
        if mapping.bus and bus and mapping.bus != bus:
            continue
        message = database.named(message_name)
        if message and message.signal(signal_name):
            places.append((mapping.bus or bus, message))
    return places


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
