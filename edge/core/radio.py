"""The part of the gate that judges what leaves by radio: others act on it, so it must be true and rare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from edge.config import GateSettings
from edge.core.geometry import ahead_left
from edge.core.vehicle import CarState
from edge.messages import PerceivedObjects, RemoteObject, RoadEvent

TOO_SOON = "sooner than the shortest interval after the last"
Content: TypeAlias = RemoteObject | RoadEvent | PerceivedObjects

_MAX_OBJECTS = 128
_MAX_ID = 64
_MAX_SPEED_MPS = 100.0
_MAX_ACCELERATION_MPS2 = 20.0  # beyond it every standard's field ends
_MAX_YAW_RATE_RADPS = 5.7


class Radio:
    """Silent unless it is switched on; what is not on the list does not leave."""

    def __init__(self, settings: GateSettings, *, on: bool, emergency: bool) -> None:
        self._allowed = frozenset(settings.radio) if on else frozenset[str]()
        self._on, self._emergency = on, emergency
        self._intervals_ns = {
            "own_state": round(settings.radio_interval_ms * 1e6),
            "perceived": round(settings.radio_perceived_interval_ms * 1e6),
        }
        self._event_interval_ns = round(settings.radio_event_interval_ms * 1e6)
        self._max_age_ns = round(settings.radio_max_age_ms * 1e6)
        self._max_validity_ns = round(settings.radio_max_validity_s * 1e9)
        self._range_m = settings.radio_range_m
        self._sent_ns: dict[str, int] = {}  # at most one for each name on the list

    def judge(self, content: Content, own: CarState, now_ns: int) -> str | None:
        """Why it may not leave now; None: it may, and counts as sent."""
        what = name_of(content)
        if not self._on:
            return "the radio is off: [v2x] send"
        if what not in self._allowed:
            return f"{what} is not on the list of what may be announced"
        if not self._emergency and _claims_priority(content):
            return "only an emergency vehicle may say that it is one"
        sent_ns = self._sent_ns.get(what)
        interval_ns = self._intervals_ns.get(what, self._event_interval_ns)
        if sent_ns is not None and now_ns - sent_ns < interval_ns:
            return TOO_SOON
        reason = self._stale(content, own, now_ns) or self._insane(content, own, now_ns)
        if reason is None:
            self._sent_ns[what] = now_ns
        return reason

    def _stale(self, content: Content, own: CarState, now_ns: int) -> str | None:
        if own.latitude_deg is None or own.longitude_deg is None:
            return "own position is not fresh"
        if own.speed_mps is None:
            return "own speed is not fresh"
        if isinstance(content, PerceivedObjects) and own.heading_deg is None:
            return "own heading is not known"
        measured = (
            [o.measured_ns for o in content.objects]
            if isinstance(content, PerceivedObjects)
            else [content.measured_ns]
        )
        if any(t_ns is None or not 0 <= now_ns - t_ns <= self._max_age_ns for t_ns in measured):
            return "rests on inputs that are too old"
        return None

    def _insane(self, content: Content, own: CarState, now_ns: int) -> str | None:
        if isinstance(content, PerceivedObjects):
            if not 0 < len(content.objects) <= _MAX_OBJECTS:
                return "no objects, or too many for one message"
            if len({o.id for o in content.objects}) < len(content.objects):
                return "two objects have the same id"
        if isinstance(content, RoadEvent):
            if not 0 < len(content.id) <= _MAX_ID:
                return "the event has no id"
            if content.until_ns is None or not 0 < content.until_ns - now_ns <= self._max_validity_ns:
                return "its validity is not sane"
        for part in _parts(content):
            if not _sane(part):
                return "a value of it is not sane"
            assert own.latitude_deg is not None
            assert own.longitude_deg is not None
            north, east = ahead_left(
                own.latitude_deg, own.longitude_deg, 0.0, part.latitude_deg, part.longitude_deg
            )
            if not north * north + east * east <= self._range_m * self._range_m:
                return "it is not near us"
        return None


def name_of(content: Content) -> str:
    """As the gate's list names it: "own_state", "perceived" or the kind of an event."""
    if isinstance(content, RoadEvent):
        return content.kind
    return "own_state" if isinstance(content, RemoteObject) else "perceived"


def _claims_priority(content: Content) -> bool:
    if isinstance(content, RoadEvent):
        return content.kind == "emergency_vehicle"
    return any(
        "emergency_vehicle" in part.events for part in _parts(content) if isinstance(part, RemoteObject)
    )


def _parts(content: Content) -> Iterator[RemoteObject | RoadEvent]:
    if isinstance(content, PerceivedObjects):
        yield from content.objects
    else:
        yield content


def _sane(part: RemoteObject | RoadEvent) -> bool:
    """Every value that is said is a number within what is possible; false for NaN."""
    bounds: list[tuple[float | None, float, float]] = [
        (part.latitude_deg, -90.0, 90.0),
        (part.longitude_deg, -180.0, 180.0),
        (part.heading_deg, -360.0, 720.0),
        (part.speed_mps, -_MAX_SPEED_MPS, _MAX_SPEED_MPS),
        (part.confidence_ratio, 0.0, 1.0),
    ]
    if isinstance(part, RemoteObject):
        bounds += [
            (part.acceleration_mps2, -_MAX_ACCELERATION_MPS2, _MAX_ACCELERATION_MPS2),
            (part.yaw_rate_radps, -_MAX_YAW_RATE_RADPS, _MAX_YAW_RATE_RADPS),
            (part.accuracy_m, 0.0, 1e6),
            (part.altitude_m, -1e4, 1e4),
        ]
    return all(value is None or low <= value <= high for value, low, high in bounds)
