"""Our announcements as messages of China's set: BSM, RSI, RSM; for a roadside MAP and SPAT."""

from __future__ import annotations

import msgspec

from edge.messages import Intersections, PerceivedObjects, RemoteObject, RoadEvent, RoadEvents
from edge.v2x import csae53
from edge.v2x.csae53.rsi import is_sign
from edge.v2x.csae53.rsm import MAX_OBJECTS
from edge.v2x.facilities.events import DenmService, Order, told
from edge.v2x.facilities.path import PathHistory
from edge.v2x.facilities.perceived import PerceivedSelection
from edge.v2x.facilities.pseudonyms import Pseudonym
from edge.v2x.moments import Now
from edge.v2x.network import wrap_dsmp
from edge.v2x.station import Content, Outgoing, Station
from edge.v2x.uper import CodecError

_IN_BSM = ("hard_braking", "loss_of_control", "emergency_vehicle", "collision_risk")
"""Kinds of events that a BSM says by its flags: they need no message of their own."""

_BSM_POINTS = 23


class Csae53Voice:
    """What one station says, with the memory that this needs."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._path = PathHistory()
        self._events = DenmService(station.station_id & 0xFFFF_FFFF)
        self._seen = PerceivedSelection("rsm", MAX_OBJECTS)
        self._counts: dict[str, int] = {}

    @property
    def telling(self) -> bool:
        """Whether an event of ours is under way."""
        return self._events.active

    def rename(self, name: Pseudonym) -> None:
        """Nothing of what is said from now on ties to what was said before."""
        self._events.rename(name.station_id, name.sequence)
        self._path.reset()
        self._counts = dict.fromkeys(self._counts, name.count)

    def packets(self, content: Content, now: Now) -> list[Outgoing]:
        """What goes out for it now. Raises CodecError for what no message can hold."""
        station_id = self._station.station_id
        if isinstance(content, RemoteObject):
            self._path.add(content.latitude_deg, content.longitude_deg, now.t_ns, content.altitude_m)
            path = self._path.points(_BSM_POINTS)
            payload = csae53.bsm(content, station_id, self._count("BSM"), now, path)
            return [self._packet("BSM", payload, now, content)]
        if isinstance(content, RoadEvent):
            if content.kind in _IN_BSM:
                return []
            self._events.announce(content, now.t_ns)
            return self.due(now)
        if isinstance(content, PerceivedObjects):
            own = self._own(now)
            return [
                self._packet("RSM", csae53.rsm(part, own, station_id, self._count("RSM"), now), now, own)
                for part in self._seen.select(content, now.t_ns).segments
            ]
        if isinstance(content, Intersections):
            return [self._packet("MAP", csae53.map_data(content, self._count("MAP"), now), now)]
        return [self._packet("SPAT", csae53.spat(content, self._count("SPAT"), now), now)]

    def due(self, now: Now) -> list[Outgoing]:
        """Events to be told now. RSI knows no cancellation: what is over is not told any more.

        Raises CodecError where none of them can be told.
        """
        holding = [order for order in self._events.due(now.t_ns) if not order.termination]
        return told(holding, lambda order: self._rsi(order, now))

    def _rsi(self, order: Order, now: Now) -> Outgoing:
        table = "rts" if is_sign(order.event) else "rte"
        event = msgspec.structs.replace(order.event, id=f"{table}{order.action[1] % 256}")
        events, count = RoadEvents(events=(event,)), self._count("RSI")
        payload = csae53.rsi(events, self._own(now), self._station.station_id, count, now)
        return self._packet("RSI", payload, now)

    def _own(self, now: Now) -> RemoteObject:
        own = self._station.own(now.t_ns)
        if own is None:
            raise CodecError("refPos", "our own place is not known", "unencodable")
        return own

    def _count(self, name: str) -> int:
        count = self._counts.get(name, -1) + 1
        self._counts[name] = count & 0x7F
        return count & 0x7F

    def _packet(self, name: str, payload: bytes, now: Now, place: RemoteObject | None = None) -> Outgoing:
        aid = getattr(self._station.config.dsmp_aids, name.lower())
        secure = self._station.secure(aid, now, place or self._station.own(now.t_ns))
        return 0, wrap_dsmp(payload if secure is None else secure(payload), aid)
