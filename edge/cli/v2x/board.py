"""What `icv v2x listen` shows: who is there, what the roadside says, what was dropped."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable
from typing import NamedTuple

from edge.messages import (
    Gap,
    Health,
    Intersections,
    Message,
    PeerHeard,
    PerceivedObjects,
    RemoteObject,
    RoadEvent,
    RoadEvents,
    SignalState,
    SignalStates,
)
from edge.v2x.network.area import offset_m

_S = 1_000_000_000
_FORGET_NS = 10 * _S  # stations and lights; events that do not say until when
_RATE_NS = 3 * _S
_MOST = 4096  # stations, events, lights
_TITLES = (
    f"{'station':<16} {'set':6} {'messages':12} {'kind':10} {'trust':8} {'latitude':>10} "
    f"{'longitude':>11} {'m/s':>5} {'deg':>4} {'age s':>5} {'1/s':>5}  events"
)


class _Station:
    """What is known of one that speaks."""

    def __init__(self, now_ns: int) -> None:
        self.first_ns = self.last_ns = now_ns
        self.kinds: dict[str, None] = {}
        self.trust = ""
        self.state: RemoteObject | None = None
        self.sees: int | None = None
        self.times: deque[int] = deque(maxlen=1000)

    def rate(self, now_ns: int) -> float:
        while self.times and now_ns - self.times[0] > _RATE_NS:
            self.times.popleft()
        return len(self.times) * _S / min(max(now_ns - self.first_ns, _S), _RATE_NS)


class _Event(NamedTuple):
    event: RoadEvent
    sender: str
    heard_ns: int


class Board:
    """The table. at: latitude and longitude that distances are from, None: they are not known."""

    def __init__(self, at: tuple[float, float] | None = None) -> None:
        self._at = at
        self._stations: dict[tuple[str, str], _Station] = {}
        self._events: dict[tuple[str, str], _Event] = {}
        self._names: dict[str, str] = {}
        self._lights: dict[str, tuple[int, dict[int, SignalState]]] = {}
        self._seen: dict[tuple[str, str], None] = {}
        self._dropped: Counter[str] = Counter()
        self._link = ""
        self.messages = 0

    def take(self, message: Message) -> None:
        """One message of the inlet."""
        if isinstance(message, PeerHeard):
            self._hear(message)
        elif isinstance(message, Gap):
            self._dropped[message.reason] += message.count
        elif isinstance(message, Health):
            ok = message.state == "ok"
            self._link = "" if ok else f"link {message.state}: {message.detail}"

    def _hear(self, heard: PeerHeard) -> None:
        self.messages += 1
        key = (heard.standard, heard.sender)
        if len(self._seen) < 1_000_000:
            self._seen[key] = None
        station = self._stations.get(key)
        if station is None:
            if len(self._stations) >= _MOST:
                self._forget(heard.t_ns)
                if len(self._stations) >= _MOST:
                    del self._stations[next(iter(self._stations))]
            station = self._stations[key] = _Station(heard.t_ns)
        station.last_ns = heard.t_ns
        station.kinds[heard.message] = None
        station.trust = heard.trust
        station.times.append(heard.t_ns)
        content = heard.content
        if isinstance(content, RemoteObject):
            station.state = content
        elif isinstance(content, PerceivedObjects):
            station.sees = len(content.objects)
        elif isinstance(content, RoadEvents):
            for event in content.events:
                self._events.pop((heard.sender, event.id), None)
                if not event.over and len(self._events) < _MOST:
                    self._events[heard.sender, event.id] = _Event(event, heard.sender, heard.t_ns)
        elif isinstance(content, Intersections):
            for one in content.intersections:
                if len(self._names) < _MOST:
                    self._names[one.id] = f"{one.name} " * bool(one.name) + f"({len(one.lanes)} lanes)"
        elif isinstance(content, SignalStates):
            self._light(content.signals, heard.t_ns)

    def _light(self, signals: Iterable[SignalState], t_ns: int) -> None:
        for signal in signals:
            if signal.intersection in self._lights or len(self._lights) < _MOST:
                groups = self._lights.pop(signal.intersection, (0, {}))[1]
                groups[signal.group] = signal
                self._lights[signal.intersection] = (t_ns, groups)

    def _forget(self, now_ns: int) -> None:
        for key in [k for k, s in self._stations.items() if now_ns - s.last_ns > _FORGET_NS]:
            del self._stations[key]
        for name in [k for k, (t_ns, _) in self._lights.items() if now_ns - t_ns > _FORGET_NS]:
            del self._lights[name]
        for which in [k for k, e in self._events.items() if now_ns > _until(e)]:
            del self._events[which]

    def summary(self) -> str:
        """All in one line, at the end."""
        said = f"{self.messages} messages of {len(self._seen)} stations"
        return f"{said}; dropped {_counts(self._dropped)}" if self._dropped else said

    def lines(self, now_ns: int, most: int | None = None) -> list[str]:
        """The table as of now, `most` lines at most."""
        self._forget(now_ns)
        roadside = self._roadside(now_ns)
        if self._dropped:
            roadside += [f"dropped: {_counts(self._dropped)}"]
        if self._link:
            roadside += [self._link]
        rows = [_row(*key, s, now_ns) for key, s in sorted(self._stations.items())]
        if not rows:
            rows = ["nobody is heard"]
        if most is not None:
            roadside = _cut(roadside, max(most // 2, most - 1 - len(rows)))
            rows = _cut(rows, max(most - 1 - len(roadside), 1))
        return [_TITLES, *rows, *roadside]

    def _roadside(self, now_ns: int) -> list[str]:
        lines = []
        for name in sorted(self._lights.keys() | self._names.keys()):
            groups = self._lights.get(name, (0, {}))[1]
            states = "  ".join(f"{n} {_state(groups[n], now_ns)}" for n in sorted(groups))
            said = f"intersection {name} {self._names.get(name, '')}".rstrip()
            lines.append(f"{said}: {states}" if states else said)
        for event, sender, _ in sorted(self._events.values(), key=lambda e: (e.event.kind, e.event.id)):
            said = f"event {event.kind.replace('_', ' ')}"
            if event.text:
                said += f' "{event.text}"'
            if event.speed_limit_mps is not None:
                said += f" {event.speed_limit_mps * 3.6:.0f} km/h"
            said += f" at {event.latitude_deg:.6f} {event.longitude_deg:.6f}"
            if self._at is not None:
                away_m = math.hypot(*offset_m(*self._at, event.latitude_deg, event.longitude_deg))
                said += f", {away_m:.0f} m away"
            if event.until_ns is not None:
                said += f", for {max(event.until_ns - now_ns, 0) / _S:.0f} s more"
            lines.append(f"{said}, says {sender or 'the roadside'}")
        return lines


def _until(event: _Event) -> int:
    return event.heard_ns + _FORGET_NS if event.event.until_ns is None else event.event.until_ns


def _row(standard: str, sender: str, station: _Station, now_ns: int) -> str:
    state = station.state
    where = f"{'':10} {'':11}"
    speed = heading = kind = ""
    events: list[str] = []
    if state is not None:
        where = f"{state.latitude_deg:10.6f} {state.longitude_deg:11.6f}"
        speed = "?" if state.speed_mps is None else f"{state.speed_mps:.1f}"
        heading = "?" if state.heading_deg is None else f"{state.heading_deg:.0f}"
        kind = state.kind
        events = [event.replace("_", " ").upper() for event in state.events]
    if station.sees is not None:
        events.append(f"sees {station.sees}")
    age_s = (now_ns - station.last_ns) / _S
    return (
        f"{sender or '(no id)':<16} {standard:6} {','.join(station.kinds):12} {kind:10} {station.trust:8} "
        f"{where} {speed:>5} {heading:>4} {age_s:5.1f} {station.rate(now_ns):5.1f}  {', '.join(events)}"
    ).rstrip()


def _state(signal: SignalState, now_ns: int) -> str:
    if not signal.phases:
        return "?"
    phase = signal.phases[0]
    said = phase.state.replace("_", " ")
    ends = [("", phase.likely_end_ns), (">", phase.earliest_end_ns), ("<", phase.latest_end_ns)]
    for sign, end_ns in ends:
        if end_ns is not None:
            return f"{said} {sign}{max(end_ns - now_ns, 0) / _S:.0f} s"
    return said


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())


def _cut(lines: list[str], most: int) -> list[str]:
    if len(lines) <= most:
        return lines
    return [*lines[: max(most - 1, 0)], f"... and {len(lines) - max(most - 1, 0)} more"]
