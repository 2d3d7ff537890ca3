"""What the roadside says: events, maps and lights, each the newest, bounded, none longer than it holds."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from edge.config import Roadside
from edge.core.events_near import Frame, Near, near
from edge.core.intersection import LanePlace, Layout
from edge.core.units import known, seconds
from edge.core.vehicle import CarState
from edge.messages import (
    Intersection,
    Intersections,
    PeerHeard,
    RoadEvent,
    RoadEvents,
    SignalState,
    SignalStates,
)

_MAX_NAME = 96
_MAX_LANES, _MAX_POINTS, _MAX_GROUPS, _MAX_PATH = 255, 63, 255, 40  # SAE J2735; EN 302 637-3 for paths
_SURE_MATCH_M = 60_000.0  # no intersection is so large


class RoadsideView(msgspec.Struct, frozen=True, kw_only=True):
    """What the roadside says about our way, as of now: only made where place and heading are known.

    place: our lane at the next intersection, None: at none that is known; lights: of the signal groups that
    govern our lanes there, fresh ones alone.
    """

    events: tuple[Near, ...]
    place: LanePlace | None
    lights: tuple[SignalState, ...]
    lights_ns: int | None  # when the oldest of them was heard
    lights_signed: bool  # and the map too

    @property
    def lane_sure(self) -> bool:
        """False where lights that do not show the same may govern us: it is open on which lane we are."""
        return len({light.phases[0].state for light in self.lights}) <= 1


class _Kept:
    __slots__ = ("event", "heard_ns", "sender", "trust", "until_ns")

    def __init__(self, sender: str, event: RoadEvent, heard_ns: int, until_ns: int, trust: str) -> None:
        self.sender, self.event, self.trust = sender, event, trust
        self.heard_ns, self.until_ns = heard_ns, until_ns


class _Map(NamedTuple):
    layout: Layout
    heard_ns: int
    trust: str
    sender: str


class _Light(NamedTuple):
    signal: SignalState
    heard_ns: int
    trust: str


class _Lights:
    __slots__ = ("groups", "sender")

    def __init__(self, sender: str) -> None:
        self.sender = sender
        self.groups: dict[int, _Light] = {}


class RoadsideTable:
    """Bounded: a sender that says too much displaces only what it said itself; what is over stays known as
    over as long as it would have held, so that a late repetition does not bring it back."""

    def __init__(self, rules: Roadside, front_m: float) -> None:
        self._rules = rules
        self._front_m = front_m
        self._events: dict[tuple[str, str], _Kept] = {}  # in the order of hearing, oldest first
        self._of_sender: dict[str, dict[str, None]] = {}
        self._maps: dict[str, _Map] = {}  # in the order of hearing, as are the lights
        self._lights: dict[str, _Lights] = {}

    def __len__(self) -> int:
        return len(self._events) + len(self._maps)

    def hear(self, message: PeerHeard, now_ns: int) -> bool:
        """Take one message; True when an event began, changed or ended."""
        content, sender = message.content, message.sender
        if len(sender) > _MAX_NAME or message.t_ns > now_ns:
            return False
        if isinstance(content, RoadEvents):
            news = [self._event(sender, event, message, now_ns) for event in content.events]
            return any(news)
        if isinstance(content, Intersections):
            self._intersections(content, message)
        elif isinstance(content, SignalStates):
            self._signals(content, message)
        return False

    def view(self, own: CarState, now_ns: int) -> RoadsideView | None:
        """What concerns us now; None without our own place and heading, or where nothing was heard."""
        if own.latitude_deg is None or own.longitude_deg is None or own.heading_deg is None or not len(self):
            return None
        self._forget(now_ns)
        frame = Frame(own.latitude_deg, own.longitude_deg, own.heading_deg)
        accuracy_m = self._rules.unsure_m if own.position_accuracy_m is None else own.position_accuracy_m
        events = [
            found
            for kept in self._events.values()
            if not kept.event.over
            and (kept.event.from_ns is None or kept.event.from_ns <= now_ns)
            and (
                found := near(
                    kept.sender,
                    kept.event,
                    kept.heard_ns,
                    frame,
                    self._rules,
                    accuracy_m,
                    kept.trust == "signed",
                )
            )
        ]
        events.sort(key=lambda n: (n.ahead_m, n.sender, n.event.id))
        place = self._place(own, accuracy_m)
        governing = self._governing(place, now_ns)
        signed = place is not None and self._maps[place.intersection].trust == "signed"
        return RoadsideView(
            events=tuple(events),
            place=place,
            lights=tuple(light.signal for light in governing),
            lights_ns=min((light.heard_ns for light in governing), default=None),
            lights_signed=signed and all(light.trust == "signed" for light in governing),
        )

    def _event(self, sender: str, event: RoadEvent, message: PeerHeard, now_ns: int) -> bool:
        if not _sane(event):
            return False
        key, before = (sender, event.id), self._events.get((sender, event.id))
        if before is None and event.over and message.standard == "etsi":
            key, before = self._of_another(event.id, message) or (key, None)
        if before is not None and _weaker(message.trust, before.trust):
            return False
        if before is not None:
            newest, this = before.event.measured_ns, event.measured_ns
            if newest is not None and this is not None and this < newest:
                return False
            if before.event.over and this == newest:
                return False
        until_ns = self._until(event, message.t_ns)
        if until_ns <= now_ns and not event.over:
            return False
        if event.over:
            if before is None:
                return False
            until_ns = max(until_ns, before.until_ns)
        if before is not None:
            self._drop(key)
        else:
            self._make_room(sender, now_ns)
        self._events[key] = _Kept(key[0], event, message.t_ns, until_ns, message.trust)
        self._of_sender.setdefault(key[0], {})[event.id] = None
        return before is None or before.event != event

    def _of_another(self, name: str, message: PeerHeard) -> tuple[tuple[str, str], _Kept] | None:
        """What somebody else tells under this id, for a negation: an id of ETSI says who told it first. What
        was signed is not ended by what is not."""
        for key, kept in self._events.items():
            if key[1] == name and not _weaker(message.trust, kept.trust):
                return key, kept
        return None

    def _until(self, event: RoadEvent, heard_ns: int) -> int:
        rules = self._rules
        if event.until_ns is None:
            return heard_ns + round(rules.unsaid_validity_s * 1e9)
        return min(event.until_ns, heard_ns + round(rules.max_validity_s * 1e9))

    def _make_room(self, sender: str, now_ns: int) -> None:
        own = self._of_sender.get(sender)
        if own is not None and len(own) >= self._rules.max_events_of_one:
            self._drop((sender, next(iter(own))))
        elif len(self._events) >= self._rules.max_events:
            self._forget(now_ns)
            if len(self._events) >= self._rules.max_events:
                busiest = max(self._of_sender, key=lambda name: len(self._of_sender[name]))
                self._drop((busiest, next(iter(self._of_sender[busiest]))))

    def _drop(self, key: tuple[str, str]) -> None:
        del self._events[key]
        own = self._of_sender[key[0]]
        del own[key[1]]
        if not own:
            del self._of_sender[key[0]]

    def _forget(self, now_ns: int) -> None:
        for key in [key for key, kept in self._events.items() if kept.until_ns <= now_ns]:
            self._drop(key)
        limit_ns = now_ns - round(self._rules.map_age_s * 1e9)
        for name in [name for name, kept in self._maps.items() if kept.heard_ns < limit_ns]:
            del self._maps[name]

    def _intersections(self, content: Intersections, message: PeerHeard) -> None:
        for said in content.intersections:
            if not _sane_map(said):
                continue
            before = self._maps.get(said.id)
            if before is not None and _weaker(message.trust, before.trust):
                continue
            layout = before.layout if before is not None and before.layout.said == said else None
            if before is None and len(self._maps) >= self._rules.max_intersections:
                del self._maps[_crowded({name: kept.sender for name, kept in self._maps.items()})]
            self._maps.pop(said.id, None)
            self._maps[said.id] = _Map(
                layout or Layout(said, self._rules), message.t_ns, message.trust, message.sender
            )

    def _signals(self, content: SignalStates, message: PeerHeard) -> None:
        stale_ns = round(self._rules.signal_age_s * 1e9)
        for signal in content.signals:
            name = signal.intersection
            if len(name) > _MAX_NAME or not signal.phases:
                continue
            if name not in self._lights and len(self._lights) >= self._rules.max_intersections:
                del self._lights[_crowded({at: lights.sender for at, lights in self._lights.items()})]
            lights = self._lights.setdefault(name, _Lights(message.sender))
            before = lights.groups.get(signal.group)
            if before is None and len(lights.groups) >= _MAX_GROUPS:
                continue
            if before is not None and (
                before.heard_ns > message.t_ns
                or (_weaker(message.trust, before.trust) and message.t_ns - before.heard_ns <= stale_ns)
            ):
                continue
            lights.groups[signal.group] = _Light(signal, message.t_ns, message.trust)

    def _place(self, own: CarState, accuracy_m: float) -> LanePlace | None:
        """Our lane at the next intersection ahead, or on the way out of one."""
        found = [
            place
            for kept in self._maps.values()
            if (place := kept.layout.place(own, accuracy_m, self._front_m, self._rules)) is not None
        ]
        far = _SURE_MATCH_M
        return min(
            found,
            key=lambda p: (far if p.to_stop_m is None else p.to_stop_m, p.intersection),
            default=None,
        )

    def _governing(self, place: LanePlace | None, now_ns: int) -> list[_Light]:
        """The lights of all groups that may govern us; none if one of them is not known now."""
        if place is None or not place.groups:
            return []
        said = self._lights.get(place.intersection)
        groups = {} if said is None else said.groups
        lights = [groups[group] for group in place.groups if group in groups]
        if len(lights) < len(place.groups):
            return []
        oldest_ns = min(light.heard_ns for light in lights)
        return [] if seconds(now_ns - oldest_ns) > self._rules.signal_age_s else lights


def _crowded(senders: dict[str, str]) -> str:
    """What makes room: the oldest of the sender who has the most."""
    counts: dict[str, int] = {}
    for sender in senders.values():
        counts[sender] = counts.get(sender, 0) + 1
    return max(senders, key=lambda name: counts[senders[name]])


def _weaker(trust: str, than: str) -> bool:
    """What is not signed does not change what was."""
    return than == "signed" and trust != "signed"


def on_earth(latitude_deg: float, longitude_deg: float) -> bool:
    """A place that can be; false for NaN."""
    return -90.0 <= latitude_deg <= 90.0 and -180.0 <= longitude_deg <= 180.0


def _sane_map(said: Intersection) -> bool:
    return (
        len(said.id) <= _MAX_NAME
        and on_earth(said.latitude_deg, said.longitude_deg)
        and len(said.lanes) <= _MAX_LANES
        and all(
            len(lane.points) <= _MAX_POINTS
            and all(on_earth(*point) for point in lane.points)
            and (lane.width_m is None or 0.0 < lane.width_m < 100.0)
            and (lane.speed_limit_mps is None or 0.0 < lane.speed_limit_mps < 100.0)
            for lane in said.lanes
        )
    )


def _sane(event: RoadEvent) -> bool:
    return (
        0 < len(event.id) <= _MAX_NAME
        and on_earth(event.latitude_deg, event.longitude_deg)
        and len(event.path) <= _MAX_PATH
        and all(on_earth(*point) for point in event.path)
        and all(
            value is None or known(value) is not None
            for value in (
                event.radius_m, event.heading_deg, event.speed_mps, event.speed_limit_mps,
                event.path_width_m, event.confidence_ratio,
            )
        )
    )  # fmt: skip
