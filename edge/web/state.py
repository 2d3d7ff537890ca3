"""What the dashboard shows: the latest of everything, and a short memory of warnings."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import msgspec

from edge.messages import (
    Ask,
    Driver,
    Gap,
    Health,
    Message,
    OwnCar,
    Peers,
    Position,
    Refused,
    Road,
    Transmit,
    Unavailable,
    Warning,
)
from edge.runtime.quantile import quantile

HISTORY = 50
LATENCIES = 200
MAX_KEYS = 64  # of anything that is named from outside, so that a strange sender cannot fill the memory
MAX_PICTURE_BYTES = 4 * 1024 * 1024


class State:
    """Fed by one thread, read by others. `json` is what /state.json and the page get."""

    def __init__(self, title: str, simulated: bool) -> None:
        self._title = title
        self._simulated = simulated
        self._changed = threading.Condition()
        self._version = 0
        self._ended = False
        self._t_ns = 0
        self._own_car: OwnCar | None = None
        self._position: Position | None = None
        self._peers: Peers | None = None
        self._roads: dict[str, Road] = {}
        self._drivers: dict[str, Driver] = {}
        self._health: dict[str, Health] = {}
        self._unavailable: dict[str, Unavailable] = {}
        self._active: dict[str, Warning] = {}
        self._history: deque[Warning] = deque(maxlen=HISTORY)
        self._counts: dict[str, int] = {}
        self._transmit: Transmit | None = None
        self._latencies_ms: dict[str, deque[float]] = {}
        self._pictures: dict[str, tuple[int, bytes]] = {}

    def take(self, message: Message) -> None:
        """Note a message; types that are not shown are passed over."""
        with self._changed:
            self._t_ns = max(self._t_ns, message.t_ns)
            self._note(message)
            self._tell()

    def take_picture(self, camera: str, data: bytes) -> None:
        """Keep the last JPEG of a camera."""
        with self._changed:
            number = self._pictures.get(camera, (0, b""))[0] + 1
            if len(data) <= MAX_PICTURE_BYTES:
                _put(self._pictures, camera, (number, data))
                self._tell()

    def end(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._ended = True
            self._tell()

    @property
    def ended(self) -> bool:
        """True after `end`."""
        return self._ended

    def picture(self, camera: str) -> bytes | None:
        """The last JPEG of a camera."""
        with self._changed:
            return self._pictures.get(camera, (0, None))[1]

    def wait(self, version: int, timeout_s: float) -> int:
        """Wait for something newer than `version`, at most timeout_s; returns the version there is now."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != version, timeout_s)
            return self._version

    def json(self) -> bytes:
        """Everything shown, as JSON; times are ns on the car's clock, `t_ns` is its latest."""
        with self._changed:
            shown = {
                "title": self._title,
                "simulated": self._simulated,
                "ended": self._ended,
                "t_ns": self._t_ns,
                "own_car": self._own_car,
                "position": self._position,
                "roads": self._roads,
                "drivers": self._drivers,
                "peers": self._peers.peers if self._peers else (),
                "health": self._health,
                "unavailable": tuple(self._unavailable.values()),
                "warnings": tuple(self._active.values()),
                "history": tuple(self._history),
                "counts": self._counts,
                "transmit": self._transmit,
                "latencies_ms": {name: _percentiles(values) for name, values in self._latencies_ms.items()},
                "pictures": {camera: number for camera, (number, _) in self._pictures.items()},
            }
            return msgspec.json.encode(shown)

    def _tell(self) -> None:
        self._version += 1
        self._changed.notify_all()

    def _note(self, message: Message) -> None:
        if isinstance(message, OwnCar):
            self._own_car = message
        elif isinstance(message, Position):
            self._position = message
        elif isinstance(message, Road):
            _put(self._roads, message.camera, message)
            self._late(f"picture to result, {message.camera}", message.t_ns - message.taken_ns)
        elif isinstance(message, Driver):
            _put(self._drivers, message.camera, message)
            self._late(f"picture to result, {message.camera}", message.t_ns - message.taken_ns)
        elif isinstance(message, Peers):
            self._peers = message
        elif isinstance(message, Health):
            _put(self._health, message.source, message)
        elif isinstance(message, Warning):
            self._warn(message)
        elif isinstance(message, Unavailable):
            key = f"{message.function}: {message.input}"
            if message.over:
                self._unavailable.pop(key, None)
            else:
                _put(self._unavailable, key, message)
        elif isinstance(message, Gap):
            self._count(f"lost: {message.source}: {message.reason}", message.count)
        elif isinstance(message, Refused):
            self._count(f"refused by the gate: {message.what}: {message.reason}", message.count)
        elif isinstance(message, Transmit):
            self._transmit = message
            self._count(f"sent: {message.message}{' (dry run)' if message.dry_run else ''}", 1)
        elif isinstance(message, Ask):
            self._count(f"asked: {message.name}{' (dry run)' if message.dry_run else ''}", 1)

    def _warn(self, warning: Warning) -> None:
        key = f"{warning.name} {warning.object}"
        if warning.active:
            _put(self._active, key, warning)
            self._history.appendleft(warning)
            if warning.based_on_ns is not None:
                self._late("input to warning", warning.t_ns - warning.based_on_ns)
        else:
            self._active.pop(key, None)

    def _count(self, name: str, count: int) -> None:
        _put(self._counts, name, self._counts.get(name, 0) + count)

    def _late(self, name: str, took_ns: int) -> None:
        values = self._latencies_ms.get(name)
        if values is None:
            values = deque(maxlen=LATENCIES)
            _put(self._latencies_ms, name, values)
        values.append(took_ns / 1e6)


def _put(table: dict[str, Any], key: str, value: Any) -> None:
    """Set an entry; the one that was set first goes when there are too many."""
    if key not in table and len(table) >= MAX_KEYS:
        del table[next(iter(table))]
    table[key] = value


def _percentiles(values: deque[float]) -> dict[str, float]:
    return {"p50": quantile(values, 0.5), "p99": quantile(values, 0.99)}
