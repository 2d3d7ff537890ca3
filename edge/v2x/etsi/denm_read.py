"""DENM to the neutral model: EN 302 637-3 V1.2 (protocolVersion 1) and V1.3, TS 103 831 V2 (both 2)."""

from __future__ import annotations

from functools import cache
from typing import Any

from edge.messages import RoadEvent, RoadEvents
from edge.v2x.etsi.denm_causes import kind_of_cause
from edge.v2x.etsi.places import places_of
from edge.v2x.moments import Now
from edge.v2x.sets import Heard
from edge.v2x.uper import Codec

VERSION_1 = "EN 302 637-3 V1.2"
VERSION_2 = "EN 302 637-3 V1.3"
RELEASE_2 = "TS 103 831 V2"
DISTANCES: dict[str, float] = {
    "lessThan50m": 50.0, "lessThan100m": 100.0, "lessThan200m": 200.0, "lessThan500m": 500.0,
    "lessThan1000m": 1000.0, "lessThan5km": 5000.0, "lessThan10km": 10000.0, "over10km": 10000.0,
}  # fmt: skip
"""RelevanceDistance; the last one is at least so far."""
_SECOND = 1_000_000_000
_NO_TIME = 4398046511103
_RELEASE_2_ONLY = {"linkedDenms", "eventEnd", "eventEndFactor", "perceivedEvent"}


@cache
def codec_1() -> Codec:
    """DENM of protocolVersion 1."""
    from edge.v2x.etsi.denm_schema import DENM_1

    return Codec("DENM", DENM_1)


@cache
def codec_2() -> Codec:
    """DENM of protocolVersion 2."""
    from edge.v2x.etsi.denm_schema import DENM

    return Codec("DENM", DENM)


def hear_1(payload: bytes, now: Now) -> Heard:
    """A DENM of protocolVersion 1. Raises CodecError."""
    return _heard(codec_1(), payload, VERSION_1, now)


def hear_2(payload: bytes, now: Now) -> Heard:
    """A DENM of protocolVersion 2. Raises CodecError."""
    return _heard(codec_2(), payload, VERSION_2, now)


def _heard(codec: Codec, payload: bytes, version: str, now: Now) -> Heard:
    value = codec.decode(payload)
    if not _RELEASE_2_ONLY.isdisjoint(value["denm"].get("situation", ())):
        version = RELEASE_2
    event = road_event(value, now)
    return Heard(
        standard="etsi",
        version=version,
        message="DENM",
        sender=str(value["header"]["stationID"]),
        counter=value["denm"]["management"]["referenceTime"],
        measured_ns=_moment(value["denm"]["management"]["referenceTime"], now),
        content=None if event is None else RoadEvents(events=(event,)),
        kind=codec.kind,
        value=value,
    )


def road_event(value: dict[str, Any], now: Now) -> RoadEvent | None:
    """A decoded DENM as an event; None when it does not say where.

    It held when it was last confirmed (referenceTime), began when it was detected and ends with its
    validity, which counts from there. A direction is told only together with a heading. Of several traces
    the first that is not empty is the path, or the event's own history where there is none.
    """
    denm = value["denm"]
    management = denm["management"]
    position = management["eventPosition"]
    latitude, longitude = position["latitude"], position["longitude"]
    if latitude == 900000001 or longitude == 1800000001:
        return None
    action = management["actionID"]
    situation, location = denm.get("situation"), denm.get("location", {})
    detected_ns = _moment(management["detectionTime"], now)
    distance = management.get("relevanceDistance")
    code, kind, quality = None, "other", 0
    if situation is not None:
        cause = situation["eventType"]
        code = cause["causeCode"] * 256 + cause["subCauseCode"]
        kind = kind_of_cause(cause["causeCode"], cause["subCauseCode"])
        quality = situation["informationQuality"]
    speed = location["eventSpeed"]["speedValue"] if "eventSpeed" in location else 16383
    limit = denm.get("alacarte", {}).get("roadWorks", {}).get("speedLimit")
    return RoadEvent(
        id=f"{action['originatingStationID']}.{action['sequenceNumber']}",
        kind=kind,
        latitude_deg=latitude / 1e7,
        longitude_deg=longitude / 1e7,
        code=code,
        measured_ns=_moment(management["referenceTime"], now),
        from_ns=detected_ns,
        until_ns=None
        if detected_ns is None
        else detected_ns + management["validityDuration"] * 1_000_000_000,
        over="termination" in management,
        radius_m=None if distance is None else DISTANCES[distance],
        heading_deg=_concerned(management.get("relevanceTrafficDirection"), location),
        speed_mps=None if speed > 16382 else speed / 100,
        speed_limit_mps=None if limit is None else limit / 3.6,
        path=_path(latitude, longitude, situation or {}, location),
        confidence_ratio=quality / 7 if quality else None,
    )


def _moment(its_ms: int, now: Now) -> int | None:
    return None if its_ms == _NO_TIME else now.timestamp_its(its_ms)


def _concerned(direction: str | None, location: dict[str, Any]) -> float | None:
    """The heading of the traffic that it concerns: upstream and downstream go the event's own way."""
    heading = location["eventPositionHeading"]["headingValue"] if "eventPositionHeading" in location else 3601
    if heading == 3601 or direction in (None, "allTrafficDirections"):
        return None
    return (heading + 1800 * (direction == "oppositeTraffic")) % 3600 / 10


def _path(
    latitude: int, longitude: int, situation: dict[str, Any], location: dict[str, Any]
) -> tuple[tuple[float, float], ...]:
    for trace in location.get("traces", ()):
        if trace:
            return places_of(latitude, longitude, trace)
    steps = [{"pathPosition": point["eventPosition"]} for point in situation.get("eventHistory", ())]
    return places_of(latitude, longitude, steps)
