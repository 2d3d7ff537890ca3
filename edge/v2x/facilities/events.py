"""The life of events: ETSI EN 302 637-3 clauses 6 and 8, as a state machine without a clock.

Ours: told anew under the same id they are updated, told over they are cancelled, and between they are
repeated until their validity ends. Those of others: kept until then, unless cancelled by who told them or
negated by somebody else. Keep-alive forwarding of others' events (optional in the standard) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

import msgspec

from edge.messages import RoadEvent
from edge.v2x.facilities.services import OTHER, SERVICES, Service
from edge.v2x.network.area import Area, circle
from edge.v2x.uper import CodecError

T = TypeVar("T")

CANCELLATIONS = 4
"""How often an end is told: once may be lost (ours)."""

MAX_OWN = 32
MAX_OTHERS = 512
MAX_OF_ONE = 32
_LEAST_NS = 100_000_000  # itsGnMinPacketRepetitionInterval
_MAX_VALIDITY_S = 86_400
_DEFAULT_VALIDITY_S = 600
_MAX_RADIUS_M = 1784.0  # of a circle of 10 km2

What = Literal["new", "update", "repetition", "cancellation", "negation"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One DENM to send now.

    action: the station that told first, and its number; detected_ns, referenced_ns: monotonic; termination:
    as in the message, "" while the event holds, so a repeated cancellation is a "repetition" with it.
    """

    what: What
    event: RoadEvent
    action: tuple[int, int]
    detected_ns: int
    referenced_ns: int
    termination: Literal["", "cancellation", "negation"] = ""
    validity_s: int
    interval_ms: int
    area: Area
    traffic_class: int


def told(orders: Iterable[Order], make: Callable[[Order], T]) -> list[T]:
    """What make gives of each; one that cannot be told keeps no other back.

    Raises CodecError where there are some and none of them can be told.
    """
    made, trouble = [], None
    for order in orders:
        try:
            made.append(make(order))
        except CodecError as error:
            trouble = error
    if trouble is not None and not made:
        raise trouble
    return made


class _Own:
    __slots__ = ("detected_ns", "event", "left", "order", "pending", "sent_ns", "until_ns")

    def __init__(self) -> None:
        self.pending: What | None = None
        self.order: Order | None = None  # as last sent
        self.sent_ns = 0
        self.left = CANCELLATIONS
        self.event: RoadEvent
        self.detected_ns = 0
        self.until_ns = 0


class Known(msgspec.Struct):
    """One event of others. told_by: the sender; ended: "" while it holds."""

    event: RoadEvent
    told_by: str
    until_ns: int
    ended: Literal["", "cancellation", "negation"] = ""


class DenmService:
    """Events in, orders to send out; and what others have told."""

    def __init__(
        self, station_id: int, sequence: int = 0, services: dict[str, Service] | None = None
    ) -> None:
        self.station_id = station_id
        self._sequence = sequence
        self._services = SERVICES if services is None else services
        self._own: dict[str, _Own] = {}
        self._orders: list[Order] = []
        self._others: dict[tuple[str, str], Known] = {}
        self._forget_ns = 0

    # ------------------------------------------------------------ our own

    def announce(self, event: RoadEvent, now_ns: int) -> None:
        """It holds, has changed, or is over. The thirty-third at a time takes the place of the oldest.

        Raises CodecError "unencodable" for a place that is none.
        """
        _area(event, OTHER)
        own = self._own.get(event.id)
        if event.over:
            if own is None:
                return
            if own.order is None:
                del self._own[event.id]
            elif own.order.termination != "cancellation" and own.pending != "cancellation":
                own.pending, own.event = "cancellation", event
            return
        if own is not None and own.event == event:
            return
        if own is None or own.event.over:
            self._own.pop(event.id, None)
            own = self._own[event.id] = _Own()
            if len(self._own) > MAX_OWN:
                del self._own[next(iter(self._own))]
        own.event = event
        own.pending = "new" if own.order is None else "update"
        own.detected_ns = now_ns if event.measured_ns is None else min(event.measured_ns, now_ns)
        validity_s = self._services.get(event.kind, OTHER).validity_s
        own.until_ns = now_ns + validity_s * 1_000_000_000 if event.until_ns is None else event.until_ns

    def negate(self, event: RoadEvent, action: tuple[int, int], now_ns: int) -> None:
        """What another station tells is not there any more: say so once. event: its own, as heard."""
        service = self._services.get(event.kind, OTHER)
        self._orders.append(
            Order(
                what="negation",
                event=msgspec.structs.replace(event, over=True),
                action=action,
                detected_ns=now_ns,
                referenced_ns=now_ns,
                termination="negation",
                validity_s=_DEFAULT_VALIDITY_S,
                interval_ms=service.interval_ms,
                area=_area(event, service),
                traffic_class=service.traffic_class,
            )
        )
        del self._orders[:-MAX_OWN]

    def due(self, now_ns: int) -> list[Order]:
        """What is to be sent now, the most urgent first. Asked each 10 ms or so."""
        orders, self._orders = self._orders, []
        for name, own in list(self._own.items()):
            if now_ns >= own.until_ns and own.pending != "cancellation" and not own.event.over:
                del self._own[name]
                continue
            if own.order is not None:
                pause_ns = own.order.interval_ms * 1_000_000
                if now_ns - own.sent_ns < (_LEAST_NS if own.pending else pause_ns):
                    continue
            order = self._order(own, now_ns)
            orders.append(order)
            own.order, own.pending, own.sent_ns = order, None, now_ns
            if order.termination:
                own.left -= 1
                if not own.left:
                    del self._own[name]
        orders.sort(key=lambda order: order.traffic_class)
        return orders

    @property
    def active(self) -> bool:
        """Whether an event of ours is being told: then the pseudonym had better stay."""
        return bool(self._own)

    def rename(self, station_id: int, sequence: int | None = None) -> None:
        """A new pseudonym: for events from now on, numbered behind `sequence`.

        Those under way keep their action id.
        """
        self.station_id = station_id
        if sequence is not None:
            self._sequence = sequence

    def _order(self, own: _Own, now_ns: int) -> Order:
        before = own.order
        if before is not None and own.pending is None:
            return msgspec.structs.replace(before, what="repetition")
        if own.pending == "cancellation" and before is not None:
            return msgspec.structs.replace(
                before, what="cancellation", termination="cancellation", referenced_ns=now_ns
            )
        event = own.event
        service = self._services.get(event.kind, OTHER)
        if before is None:
            self._sequence = (self._sequence + 1) & 0xFFFF
        validity_s = -(-(own.until_ns - own.detected_ns) // 1_000_000_000)
        return Order(
            what="new" if before is None else "update",
            event=event,
            action=(self.station_id, self._sequence) if before is None else before.action,
            detected_ns=own.detected_ns,
            referenced_ns=now_ns,
            validity_s=min(max(validity_s, 0), _MAX_VALIDITY_S),
            interval_ms=service.interval_ms,
            area=_area(event, service),
            traffic_class=service.traffic_class,
        )

    # ------------------------------------------------------------ those of others

    def hear(self, event: RoadEvent, sender: str, now_ns: int) -> str:
        """Take note of one: "new", "update", "repetition", "cancellation", "negation"; or "expired", "stale"
        (older than what is known, or ended), "unknown" (the end of one that was never heard).

        Its id tells it from others of the same sender; somebody else may only negate it.
        """
        if now_ns >= self._forget_ns:
            self._forget(now_ns)
        until_ns = now_ns + _DEFAULT_VALIDITY_S * 1_000_000_000 if event.until_ns is None else event.until_ns
        until_ns = min(until_ns, now_ns + _MAX_VALIDITY_S * 1_000_000_000)
        known = self._others.get((sender, event.id))
        if known is not None and known.until_ns <= now_ns:
            known = None
        if event.over:
            return self._end(event, known, "cancellation" if known is not None else "negation")
        if until_ns <= now_ns:
            return "expired"
        if known is None:
            self._others.pop((sender, event.id), None)
            self._make_room(sender)
            self._others[sender, event.id] = Known(event, sender, until_ns)
            return "new"
        if known.ended or _before(event, known.event):
            return "stale"
        if event == known.event:
            return "repetition"
        known.event, known.until_ns = event, until_ns
        return "update"

    def others(self, now_ns: int) -> tuple[Known, ...]:
        """Those that hold."""
        return tuple(known for known in self._others.values() if not known.ended and known.until_ns > now_ns)

    def _end(self, event: RoadEvent, known: Known | None, how: Literal["cancellation", "negation"]) -> str:
        if known is None:
            same = (k for (_, name), k in self._others.items() if name == event.id and not k.ended)
            known = next(same, None)
            if known is None:
                return "unknown"
        if known.ended or _before(event, known.event):
            return "stale"
        known.ended = how
        return how

    def _make_room(self, sender: str) -> None:
        of_one = [key for key in self._others if key[0] == sender]
        if len(of_one) >= MAX_OF_ONE:
            del self._others[of_one[0]]
        elif len(self._others) >= MAX_OTHERS:
            del self._others[min(self._others, key=lambda key: self._others[key].until_ns)]

    def _forget(self, now_ns: int) -> None:
        for key in [key for key, known in self._others.items() if known.until_ns <= now_ns]:
            del self._others[key]
        self._forget_ns = now_ns + 1_000_000_000


def _before(event: RoadEvent, other: RoadEvent) -> bool:
    return (
        event.measured_ns is not None
        and other.measured_ns is not None
        and event.measured_ns < other.measured_ns
    )


def _area(event: RoadEvent, service: Service) -> Area:
    radius_m = max(service.radius_m, event.radius_m or 0.0)
    return circle(event.latitude_deg, event.longitude_deg, min(radius_m, _MAX_RADIUS_M))
