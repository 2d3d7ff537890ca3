"""Places as CAM and DENM tell them: one reference position, others as steps from one to the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from edge.messages import RemoteObject, RoadEvent
from edge.v2x.scales import degrees, steps
from edge.v2x.sets import PathPoint

_FAR = 131071  # 0.1 microdegree: what one step can span; one more is "unavailable"
_TEN_MS = 10_000_000


def reference_position(content: RemoteObject | RoadEvent) -> dict[str, Any]:
    """ReferencePosition. Raises CodecError for a position that is none."""
    altitude_m = accuracy_m = None
    if isinstance(content, RemoteObject):
        altitude_m, accuracy_m = content.altitude_m, content.accuracy_m
    axis = steps("semiMajorConfidence", accuracy_m, 100, 1, 4094, 4095)
    return {
        "latitude": degrees("latitude", content.latitude_deg, 1e7, 90.0),
        "longitude": degrees("longitude", content.longitude_deg, 1e7, 180.0),
        "positionConfidenceEllipse": {
            "semiMajorConfidence": axis,
            "semiMinorConfidence": axis,
            "semiMajorOrientation": 3601,
        },
        "altitude": {
            "altitudeValue": steps("altitudeValue", altitude_m, 100, -100000, 800000, 800001),
            "altitudeConfidence": "unavailable",
        },
    }


def path_history(
    position: dict[str, Any], points: Iterable[PathPoint], from_ns: int | None
) -> list[dict[str, Any]]:
    """PathHistory: each point as a step from the one before, the first from `position`, with its time.

    It ends where a step is longer than the field. from_ns: when we were at `position`.
    """
    latitude, longitude = position["latitude"], position["longitude"]
    altitude = position["altitude"]["altitudeValue"]
    path: list[dict[str, Any]] = []
    for point in points:
        north = degrees("latitude", point.latitude_deg, 1e7, 90.0) - latitude
        east = degrees("longitude", point.longitude_deg, 1e7, 180.0) - longitude
        if abs(north) > _FAR or abs(east) > _FAR:
            break
        up = 12800
        if point.altitude_m is not None and altitude != 800001:
            up = steps("deltaAltitude", point.altitude_m - altitude / 100, 100, -12700, 12799, 12800)
            altitude += up
        step: dict[str, Any] = {
            "pathPosition": {"deltaLatitude": north, "deltaLongitude": east, "deltaAltitude": up}
        }
        if from_ns is not None:
            age = (from_ns - point.t_ns + _TEN_MS // 2) // _TEN_MS
            if age < 1 and not path:
                continue  # where we are now
            step["pathDeltaTime"] = min(max(age, 1), 65535)
            from_ns = point.t_ns
        path.append(step)
        latitude, longitude = latitude + north, longitude + east
    return path


def trace(position: dict[str, Any], points: Sequence[tuple[float, float]], most: int) -> list[dict[str, Any]]:
    """The same of bare places (latitude, longitude)."""
    return path_history(position, [PathPoint(lat, long, 0) for lat, long in points[:most]], None)


def places_of(latitude: int, longitude: int, path: list[dict[str, Any]]) -> tuple[tuple[float, float], ...]:
    """PathHistory back to (latitude, longitude); it ends at a step that is not known."""
    places = []
    for step in path:
        delta = step["pathPosition"]
        north, east = delta["deltaLatitude"], delta["deltaLongitude"]
        if north > _FAR or east > _FAR:
            break
        latitude, longitude = latitude + north, longitude + east
        places.append((latitude / 1e7, longitude / 1e7))
    return tuple(places)
