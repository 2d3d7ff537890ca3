"""Our announcements as messages of ETSI: CAM, DENM, CPM; for a roadside MAPEM and SPATEM."""

from __future__ import annotations

import msgspec

from edge.messages import Intersections, PerceivedObjects, RemoteObject, RoadEvent
from edge.v2x import etsi
from edge.v2x.etsi.denm_causes import cause_of
from edge.v2x.facilities.awareness import CamTimes
from edge.v2x.facilities.events import DenmService, Order, told
from edge.v2x.facilities.path import PathHistory
from edge.v2x.facilities.perceived import PerceivedSelection
from edge.v2x.facilities.pseudonyms import Pseudonym
from edge.v2x.moments import Now
from edge.v2x.network import BTP_PORTS, geo_broadcast, single_hop
from edge.v2x.network.area import offset_m
from edge.v2x.network.geonetworking import LIFETIME_S
from edge.v2x.station import Content, Outgoing, Station
from edge.v2x.uper import CodecError

AIDS = {"CAM": 36, "DENM": 37, "MAPEM": 138, "SPATEM": 137, "CPM": 639, "VAM": 638}
"""ITS-AIDs of ETSI TS 102 965."""

_FAR_M, _OLD_NS = 1300.0, 2_000_000_000  # what fits into the fields of a CPM
_LEAST_LIFETIME_S = 1.0
_TRAFFIC_CLASS = 2  # of CAMs; CPM, MAPEM and SPATEM are no more urgent (TS 102 636-4-2)


class EtsiVoice:
    """What one station says, with the memory that this needs.

    CPMs tell objects, not which sensors see them.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._times = CamTimes()
        self._path = PathHistory()
        self._events = DenmService(station.station_id & 0xFFFF_FFFF)
        self._seen = PerceivedSelection("cpm")
        self._crossing: RemoteObject | None = None  # of the last MAPEM: where a roadside stands

    @property
    def telling(self) -> bool:
        """Whether an event of ours is under way."""
        return self._events.active

    def rename(self, name: Pseudonym) -> None:
        """Nothing of what is said from now on ties to what was said before."""
        self._events.rename(name.station_id, name.sequence)
        self._path.reset()

    def packets(self, content: Content, now: Now) -> list[Outgoing]:
        """What goes out for it now. Raises CodecError for what no message can hold."""
        if isinstance(content, RemoteObject):
            return [self._cam(content, now)]
        if isinstance(content, RoadEvent):
            if cause_of(content.kind, content.code) is None:
                raise CodecError("DENM", f"has no cause for {content.kind}", "unencodable")
            self._events.announce(content, now.t_ns)
            return self.due(now)
        if isinstance(content, PerceivedObjects):
            return self._cpm(content, now)
        if isinstance(content, Intersections):
            payload = etsi.mapem(content, self._station.station_id, now)
            middle = content.intersections[0]
            self._crossing = RemoteObject(
                kind="unknown", latitude_deg=middle.latitude_deg, longitude_deg=middle.longitude_deg
            )
            return [self._roadside("MAPEM", payload, now)]
        return [self._roadside("SPATEM", etsi.spatem(content, self._station.station_id, now), now)]

    def due(self, now: Now) -> list[Outgoing]:
        """Events to be told now: new, changed, repeated, over. Raises CodecError where none can be told."""
        return told(self._events.due(now.t_ns), lambda order: self._denm(order, now))

    def _cam(self, content: RemoteObject, now: Now) -> Outgoing:
        low_frequency, special = self._times.containers(
            now.t_ns, special="emergency_vehicle" in content.events
        )
        path = self._path.points() if low_frequency else ()
        self._path.add(content.latitude_deg, content.longitude_deg, now.t_ns, content.altitude_m)
        payload = etsi.cam(content, self._station.station_id, now, low_frequency, path, special=special)
        return self._single_hop("CAM", payload, content, now)

    def _denm(self, order: Order, now: Now) -> Outgoing:
        station, event = self._station, order.event
        own = station.own(now.t_ns) or RemoteObject(
            kind="unknown", latitude_deg=event.latitude_deg, longitude_deg=event.longitude_deg
        )
        if not event.path:
            points = self._path.points(23)
            event = msgspec.structs.replace(
                event, path=tuple((p.latitude_deg, p.longitude_deg) for p in points)
            )
        payload = etsi.denm(
            event,
            own,
            station.station_id,
            order.action,
            order.detected_ns,
            order.referenced_ns,
            now,
            termination=order.termination,
            validity_s=order.validity_s,
            interval_ms=order.interval_ms,
        )
        left_s = order.validity_s - (now.t_ns - order.detected_ns) / 1e9
        packet = geo_broadcast(
            payload,
            station.source(own, now),
            BTP_PORTS["DENM"],
            order.area,
            station.router.next_sequence(),
            traffic_class=order.traffic_class,
            lifetime_s=min(max(left_s, _LEAST_LIFETIME_S), LIFETIME_S),  # no longer than the event is valid
            secure=station.secure(AIDS["DENM"], now, own),
        )
        return order.traffic_class, packet

    def _cpm(self, content: PerceivedObjects, now: Now) -> list[Outgoing]:
        own = self._station.own(now.t_ns)
        if own is None:
            raise CodecError("CPM", "our own place is not known", "unencodable")
        near = tuple(one for one in content.objects if _tellable(one, own, now))
        selected = self._seen.select(PerceivedObjects(objects=near), now.t_ns)
        parts = [part for part in selected.segments if part.objects]
        return [
            self._single_hop(
                "CPM",
                etsi.cpm(part, own, self._station.station_id, now, segment=(i, len(parts))),
                own,
                now,
            )
            for i, part in enumerate(parts, 1)
        ]

    def _roadside(self, name: str, payload: bytes, now: Now) -> Outgoing:
        place = self._station.own(now.t_ns) or self._crossing
        if place is None:
            raise CodecError(name, "neither our own place nor the crossing's is known", "unencodable")
        return self._single_hop(name, payload, place, now)

    def _single_hop(self, name: str, payload: bytes, place: RemoteObject, now: Now) -> Outgoing:
        station = self._station
        packet = single_hop(
            payload,
            station.source(place, now),
            BTP_PORTS[name],
            traffic_class=_TRAFFIC_CLASS,
            secure=station.secure(AIDS[name], now, place),
        )
        return _TRAFFIC_CLASS, packet


def _tellable(one: RemoteObject, own: RemoteObject, now: Now) -> bool:
    """Whether a CPM can hold it: not too far from us, nor too old."""
    north_m, east_m = offset_m(own.latitude_deg, own.longitude_deg, one.latitude_deg, one.longitude_deg)
    age_ns = 0 if one.measured_ns is None else now.t_ns - one.measured_ns
    return abs(north_m) < _FAR_M and abs(east_m) < _FAR_M and abs(age_ns) < _OLD_NS
