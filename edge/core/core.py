"""The core: one message in, what follows from it out. It wires the parts and decides nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge.config import CoreConfig
from edge.core.announcements import Announcements
from edge.core.around import Around, Surroundings
from edge.core.assist import Assist
from edge.core.availability import Availability
from edge.core.diagnostics import Questions
from edge.core.driver import DriverWatch
from edge.core.gate import TOO_SOON, Gate
from edge.core.own_events import COLLISIONS, Moment
from edge.core.road import RoadWatch
from edge.core.roadside import RoadsideTable, RoadsideView
from edge.core.situation import Situation
from edge.core.vehicle import CarState, OwnVehicle, own_car
from edge.core.warnings import Arbiter, table
from edge.messages import (
    Answer,
    Ask,
    Driver,
    DriverView,
    Health,
    Intersections,
    Message,
    Motion,
    PeerHeard,
    Position,
    Request,
    Road,
    RoadEvents,
    RoadView,
    Signals,
    SignalStates,
    Tick,
    Transmit,
)

_TENTH_NS = 100_000_000
_MAX_CAMERAS = 16
_FLOOD_NS = 50_000_000


class Core:
    """A pure function of the stream: the same messages in the same order give the same outputs.

    Now is the latest time seen in any message and never goes back. One Core follows one drive.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        rules = config.rules
        kinds = table(rules)
        self._own = OwnVehicle(config.vehicle, rules.freshness)
        self._roads: dict[str, RoadWatch] = {}
        self._drivers: dict[str, DriverWatch] = {}
        self._road_now: dict[str, Road] = {}
        self._driver_now: Driver | None = None
        self._no_face_s = 0.0
        self._peers = Surroundings(rules.peers, config.vehicle)
        self._roadside = RoadsideTable(rules.roadside, config.vehicle.length_m / 2.0)
        self._roadside_ns: int | None = None
        self._view: RoadsideView | None = None
        self._heard_tracks: frozenset[int] = frozenset()  # of those who speak for themselves
        self._arbiter = Arbiter(kinds)
        self._available = Availability(kinds, rules.freshness, next(iter(config.geometry), "road"))
        self._assist = Assist()
        self._gate = Gate(
            config.vehicle.gate, rules.gate, radio=config.send_v2x, emergency=config.vehicle.emergency
        )
        self._questions = Questions(config.diagnostics)
        self._announcements = Announcements(config, self._gate)
        self._view_ns = round(rules.freshness.view_s * 1e9)
        self._now_ns: int | None = None
        self._next_tenth_ns: int | None = None
        self._handlers: dict[type, Callable[[Any, int], list[Message]]] = {
            Signals: self._signals,
            RoadView: self._road_view,
            DriverView: self._driver_view,
            Position: self._position,
            Motion: self._motion,
            PeerHeard: self._peer_heard,
            Answer: self._answer,
            Tick: self._tick,
            Health: self._health,
        }

    def step(self, message: Message) -> tuple[Message, ...]:
        """Take one input; returns what follows from it, in order. Commands and gaps change nothing here."""
        if self._now_ns is None:
            self._now_ns = message.t_ns
            self._available.start(message.t_ns)
        elif message.t_ns > self._now_ns:
            self._now_ns = message.t_ns
        handler = self._handlers.get(type(message))
        return tuple(handler(message, self._now_ns)) if handler is not None else ()

    def _signals(self, message: Signals, now_ns: int) -> list[Message]:
        self._own.signals(message, now_ns)
        return []

    def _position(self, message: Position, now_ns: int) -> list[Message]:
        self._own.position(message, now_ns)
        return []

    def _motion(self, message: Motion, now_ns: int) -> list[Message]:
        self._own.motion(message)
        return []

    def _health(self, message: Health, now_ns: int) -> list[Message]:
        self._available.health(message)
        self._gate.bus(message)
        return []

    def _answer(self, message: Answer, now_ns: int) -> list[Message]:
        self._questions.answered(message)
        return []

    def _road_view(self, message: RoadView, now_ns: int) -> list[Message]:
        watch = self._roads.get(message.camera)
        if watch is None:
            if len(self._roads) >= _MAX_CAMERAS:
                return []
            geometry = self._config.geometry.get(message.camera)
            watch = RoadWatch(geometry, self._config.vehicle, self._config.rules)
            self._roads[message.camera] = watch
        own = self._own.state(now_ns)
        road = watch.update(message, own) if message.taken_ns <= now_ns else None
        if road is None:
            return []
        self._road_now[message.camera] = road
        if message.camera in self._config.geometry:
            self._available.camera("road", message.camera)
            if message.detections is not None:
                self._available.note("road objects", message.taken_ns)
            if message.lanes is not None:
                self._available.note("road lanes", message.taken_ns)
        return [road, *self._decide("road", own, now_ns)]

    def _driver_view(self, message: DriverView, now_ns: int) -> list[Message]:
        watch = self._drivers.get(message.camera)
        if watch is None:
            if len(self._drivers) >= _MAX_CAMERAS:
                return []
            watch = self._drivers[message.camera] = DriverWatch(self._config.rules)
        own = self._own.state(now_ns)
        driver = watch.update(message, own.speed_mps) if message.taken_ns <= now_ns else None
        if driver is None:
            return []
        self._driver_now, self._no_face_s = driver, watch.no_face_s
        self._available.camera("driver", message.camera)
        self._available.note("driver picture", message.taken_ns)
        if watch.eyes_known:
            self._available.note("eyes", message.taken_ns)
        if watch.gaze_known:
            self._available.note("gaze", message.taken_ns)
        return [driver, *self._decide("driver", own, now_ns)]

    def _peer_heard(self, message: PeerHeard, now_ns: int) -> list[Message]:
        self._available.link_heard()
        if isinstance(message.content, RoadEvents | Intersections | SignalStates):
            return self._roadside_heard(message, now_ns)
        return self._look(now_ns) if self._peers.hear(message, now_ns) else []

    def _look(self, now_ns: int) -> list[Message]:
        """At the other road users, after news of them."""
        own = self._own.state(now_ns)
        around = self._peers.look(now_ns, own, self._roads_seen(now_ns))
        return self._decide("peers", own, now_ns, around)

    def _roadside_heard(self, message: PeerHeard, now_ns: int) -> list[Message]:
        """News of events are looked at within their message, but not each one of a flood."""
        news = self._roadside.hear(message, now_ns)
        if not news or (self._roadside_ns is not None and now_ns - self._roadside_ns < _FLOOD_NS):
            return []
        self._roadside_ns = now_ns
        own = self._own.state(now_ns)
        self._view = self._roadside.view(own, now_ns)
        return self._decide("roadside", own, now_ns)

    def _tick(self, message: Tick, now_ns: int) -> list[Message]:
        out: list[Message] = []
        if self._config.send_v2x:
            out += self._announce(now_ns)
        out += self._ask(now_ns)
        if self._next_tenth_ns is not None and now_ns < self._next_tenth_ns:
            return out + self._look(now_ns) if self._peers.due(now_ns) else out
        self._next_tenth_ns = now_ns - now_ns % _TENTH_NS + _TENTH_NS
        own = self._own.state(now_ns)
        around = self._peers.look(now_ns, own, self._roads_seen(now_ns), whole=True)
        said = self._peers.say(now_ns, around)
        self._heard_tracks = self._peers.heard_tracks(around)
        out.append(own_car(own, now_ns))
        out += self._peers.table.gaps(now_ns)
        if said is not None:
            out.append(said)
        self._view = self._roadside.view(own, now_ns)
        if self._view is None or self._view.lane_sure:
            self._available.note("our lane", now_ns)
        self._note_car(own, now_ns)
        out += self._available.check(now_ns)
        out += self._decide("tick", own, now_ns, around)
        if around is not None and len(around.slots):
            out += self._decide("peers", own, now_ns, around)
        if len(self._roadside):
            out += self._decide("roadside", own, now_ns)
        release = self._assist.release(self._gate.sent("brake", now_ns), now_ns)
        if release is not None:
            out += self._judge(release, now_ns)[0]
        return out

    def _note_car(self, own: CarState, now_ns: int) -> None:
        for name, value in (
            ("can speed", own.speed_mps),
            ("can acceleration", own.acceleration_mps2),
            ("can lateral", own.lateral_acceleration_mps2),
            ("can indicator", own.indicator),
            ("gnss", own.latitude_deg),
            ("gnss heading", own.heading_deg),
        ):
            if value is not None:
                self._available.note(name, now_ns)

    def _roads_seen(self, now_ns: int) -> tuple[Road, ...]:
        """Of each road camera that still sees."""
        oldest_ns = now_ns - self._view_ns
        return tuple(road for road in self._road_now.values() if road.taken_ns >= oldest_ns)

    def _decide(self, news: str, own: CarState, now_ns: int, around: Around | None = None) -> list[Message]:
        """Warnings after news of one kind, and what they make us ask of the car."""
        oldest_ns = now_ns - self._view_ns
        driver = self._driver_now
        situation = Situation(
            now_ns=now_ns,
            rules=self._config.rules,
            own=own,
            roads=self._roads_seen(now_ns),
            driver=driver if driver is not None and driver.taken_ns >= oldest_ns else None,
            no_face_s=self._no_face_s,
            around=around,
            roadside=self._view,
        )
        changed, held = self._arbiter.look(situation, news)
        out: list[Message] = list(changed)
        for kind, assessment in held:
            if kind.on == news and self._arbiter.level(kind.name) == "alarm":
                request = self._assist.brake(assessment, now_ns)
                if request is not None:
                    out += self._judge(request, now_ns)[0]
        code = self._arbiter.code()
        request = self._assist.display(code, now_ns)
        if request is not None:
            answers, again = self._judge(request, now_ns)
            out += answers
            if not again:
                self._assist.settled(code)
        return out

    def _judge(self, request: Request, now_ns: int) -> tuple[list[Message], bool]:
        """(the request and the gate's answer, whether asking again later may help)."""
        verdict = self._gate.judge(request, now_ns)
        if isinstance(verdict, Transmit):
            return [request, verdict], False
        refused = self._gate.refused(request.what, verdict, now_ns)
        return [request, *([refused] if refused is not None else [])], verdict == TOO_SOON

    def _announce(self, now_ns: int) -> list[Message]:
        view = self._view
        moment = Moment(
            now_ns=now_ns,
            own=self._own.state(now_ns),
            roads=self._roads_seen(now_ns),
            alarm=any(self._arbiter.level(name) == "alarm" for name in COLLISIONS),
            crossing=view is not None and view.place is not None and view.place.to_stop_m is not None,
            known=self._heard_tracks,
        )
        return self._announcements.tick(moment)

    def _ask(self, now_ns: int) -> list[Message]:
        question = self._questions.due(now_ns)
        if question is None:
            return []
        verdict = self._gate.question(question, now_ns)
        if verdict == TOO_SOON:
            return []  # it stays due; the next tick asks again
        if isinstance(verdict, Ask):
            self._questions.asked(question, now_ns, waits=not verdict.dry_run)
            return [verdict]
        self._questions.refused(question, now_ns)
        refused = self._gate.refused(f"question {question.name}", verdict, now_ns)
        return [refused] if refused is not None else []
