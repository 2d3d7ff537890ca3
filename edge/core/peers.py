"""Other road users heard by V2X: the newest of each, where it is from us, and until when it counts."""

from __future__ import annotations

import math

from edge.config import PeerRules
from edge.core.geometry import ahead_left, heading_difference, moved
from edge.core.units import known, seconds
from edge.core.vehicle import CarState
from edge.messages import Peer, PeerHeard, Peers, RemoteObject

_SAY_EVERY_NS = 1_000_000_000
_MAX_SENDER = 64


class PeerTable:
    """A bounded table: at most max_peers, none older than max_age_s, the same message never twice."""

    def __init__(self, rules: PeerRules) -> None:
        self._rules = rules
        self._max_age_ns = round(rules.max_age_s * 1e9)
        self._heard: dict[str, PeerHeard] = {}  # in the order of hearing, oldest first
        self._said_ns: int | None = None
        self._said_events: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def hear(self, message: PeerHeard, now_ns: int) -> bool:
        """Take one message; False when it tells nothing new or makes no sense."""
        content, sender = message.content, message.sender
        if not isinstance(content, RemoteObject):
            return False
        if not _on_earth(content.latitude_deg, content.longitude_deg) or len(sender) > _MAX_SENDER:
            return False
        before = self._heard.get(sender)
        if before is not None:
            fresh = now_ns - before.t_ns <= self._max_age_ns
            if message.t_ns < before.t_ns or (fresh and message.counter == before.counter):
                return False
            del self._heard[sender]
        elif len(self._heard) >= self._rules.max_peers:
            del self._heard[next(iter(self._heard))]
        self._heard[sender] = message
        return True

    def table(self, now_ns: int, own: CarState) -> tuple[Peer, ...]:
        """Everyone who still counts, nearest first; places are None while our own is not known."""
        heard = self._heard
        for sender in [s for s, m in heard.items() if now_ns - m.t_ns > self._max_age_ns]:
            del heard[sender]
        peers = [self._peer(message, now_ns, own) for message in heard.values()]
        peers.sort(key=lambda p: (p.distance_m if p.distance_m is not None else 1e9, p.sender))
        return tuple(peers)

    def say(self, now_ns: int, peers: tuple[Peer, ...]) -> Peers | None:
        """The table once a second, and at once when someone's events changed; None otherwise."""
        events = tuple(sorted((p.sender, p.events) for p in peers if p.events))
        due = self._said_ns is None or now_ns - self._said_ns >= _SAY_EVERY_NS
        if not due and events == self._said_events:
            return None
        self._said_ns, self._said_events = now_ns, events
        return Peers(t_ns=now_ns, peers=peers)

    def relevant(self, peers: tuple[Peer, ...], own: CarState) -> tuple[Peer, ...]:
        """Those with a place from us, going our way."""
        heading = own.heading_deg
        if heading is None:
            return ()
        limit = self._rules.same_heading_deg
        return tuple(
            p
            for p in peers
            if p.ahead_m is not None
            and p.heading_deg is not None
            and heading_difference(p.heading_deg, heading) <= limit
        )

    def _peer(self, message: PeerHeard, now_ns: int, own: CarState) -> Peer:
        """Where the peer is now, carried on along its heading since it was heard."""
        content = message.content
        assert isinstance(content, RemoteObject)
        age_s = seconds(max(now_ns - message.t_ns, 0))
        latitude, longitude = float(content.latitude_deg), float(content.longitude_deg)
        speed, heading = known(content.speed_mps), known(content.heading_deg)
        if speed is not None and heading is not None:
            latitude, longitude = moved(latitude, longitude, heading, speed * age_s)
        ahead = left = distance = None
        if own.latitude_deg is not None and own.longitude_deg is not None and own.heading_deg is not None:
            ahead, left = ahead_left(
                own.latitude_deg, own.longitude_deg, own.heading_deg, latitude, longitude
            )
            distance = math.sqrt(ahead * ahead + left * left)
        events = tuple(content.events)
        acceleration = known(content.acceleration_mps2)
        braking = acceleration is not None and acceleration <= -self._rules.hard_braking_mps2
        if braking and "hard_braking" not in events:
            events = (*events, "hard_braking")
        return Peer(
            sender=message.sender,
            kind=content.kind,
            standard=message.standard,
            trust=message.trust,
            age_s=age_s,
            latitude_deg=latitude,
            longitude_deg=longitude,
            speed_mps=speed,
            heading_deg=heading,
            ahead_m=ahead,
            left_m=left,
            distance_m=distance,
            events=events,
        )


def _on_earth(latitude_deg: float, longitude_deg: float) -> bool:
    return -90.0 <= latitude_deg <= 90.0 and -180.0 <= longitude_deg <= 180.0
