"""Which of the objects that we see are told now: ETSI TS 103 324 for CPM, T/CSAE 53 for RSM.

CPM: an object is told when it is new, has moved more than 4 m, changed its speed by more than 0.5 m/s or its
heading by more than 4 degrees, or has not been told for 1 s. Persons and animals: when one of them is new or
has not been told for 500 ms, all are. RSM: everything, ten times a second, 16 to a message.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from edge.messages import PerceivedObjects, RemoteObject
from edge.v2x.network.area import offset_m

T_GEN_CPM_MIN_NS = 100_000_000
T_GEN_CPM_MAX_NS = 1_000_000_000
SENSORS_NS = 1_000_000_000
RSM_OBJECTS = 16
_PERSONS_NS = 500_000_000
_MOVED_M, _SPEED_MPS, _HEADING_DEG = 4.0, 0.5, 4.0
_FORGET_NS = 5_000_000_000
_MAX_OBJECTS = 256
_PERSONS = ("person", "animal")


class Selection(msgspec.Struct, frozen=True):
    """What to send now: one message for each of segments; sensors: the first has that container.

    segments is empty where nothing is due; with sensors it has at least one, which may have no objects.
    """

    segments: tuple[PerceivedObjects, ...] = ()
    sensors: bool = False


_NOTHING = Selection()


class PerceivedSelection:
    """What was told of each object, and when. most: objects in a message; segments: messages at a time.

    What does not fit is told next time, as it has waited longest.
    """

    def __init__(self, rules: Literal["cpm", "rsm"] = "cpm", most: int = 0, segments: int = 4) -> None:
        self._rules = rules
        self._most = most or (RSM_OBJECTS if rules == "rsm" else 32)
        self._segments = segments
        self._told: dict[str, tuple[RemoteObject, int]] = {}
        self._sent_ns: int | None = None
        self._sensors_ns: int | None = None

    def select(self, seen: PerceivedObjects, now_ns: int, congestion_ns: int = T_GEN_CPM_MIN_NS) -> Selection:
        """What of it is told now; it counts as told. congestion_ns: T_GenCpm, held within 100..1000 ms."""
        least_ns = min(max(congestion_ns, T_GEN_CPM_MIN_NS), T_GEN_CPM_MAX_NS)
        if self._sent_ns is not None and now_ns - self._sent_ns < least_ns:
            return _NOTHING
        chosen = list(seen.objects) if self._rules == "rsm" else self._changed(seen.objects, now_ns)
        chosen.sort(key=self._told_ns)
        sensors = self._rules == "cpm" and (
            self._sensors_ns is None or now_ns - self._sensors_ns >= SENSORS_NS
        )
        if not chosen and not sensors:
            return _NOTHING
        chosen = chosen[: self._most * self._segments]
        for thing in chosen:
            self._told[thing.id] = (thing, now_ns)
        self._forget(now_ns)
        self._sent_ns = now_ns
        if sensors:
            self._sensors_ns = now_ns
        parts = [tuple(chosen[at : at + self._most]) for at in range(0, len(chosen), self._most)] or [()]
        return Selection(tuple(PerceivedObjects(objects=part) for part in parts), sensors)

    def _changed(self, objects: tuple[RemoteObject, ...], now_ns: int) -> list[RemoteObject]:
        persons = any(
            thing.kind in _PERSONS and now_ns - self._told_ns(thing) >= _PERSONS_NS for thing in objects
        )
        return [
            thing
            for thing in objects
            if (thing.kind in _PERSONS and persons)
            or now_ns - self._told_ns(thing) >= T_GEN_CPM_MAX_NS
            or _differs(thing, self._told[thing.id][0])
        ]

    def _told_ns(self, thing: RemoteObject) -> int:
        told = self._told.get(thing.id)
        return -(1 << 62) if told is None else told[1]

    def _forget(self, now_ns: int) -> None:
        if len(self._told) > _MAX_OBJECTS or (self._sent_ns or 0) // _FORGET_NS != now_ns // _FORGET_NS:
            newest = sorted(self._told.items(), key=lambda item: item[1][1])[-_MAX_OBJECTS:]
            self._told = {name: told for name, told in newest if now_ns - told[1] <= _FORGET_NS}


def _differs(thing: RemoteObject, told: RemoteObject) -> bool:
    north, east = offset_m(told.latitude_deg, told.longitude_deg, thing.latitude_deg, thing.longitude_deg)
    if math.hypot(north, east) > _MOVED_M:
        return True
    if thing.speed_mps is not None and (
        told.speed_mps is None or abs(thing.speed_mps - told.speed_mps) > _SPEED_MPS
    ):
        return True
    return thing.heading_deg is not None and (
        told.heading_deg is None
        or abs((thing.heading_deg - told.heading_deg + 180) % 360 - 180) > _HEADING_DEG
    )
