"""Places in the messages: absolute ones, and others by their distance from a reference, in 1e-7 degrees.

A distance is the other place minus the reference, in the narrowest of the forms that hold it.
"""

from __future__ import annotations

from typing import Any

from edge.messages import RemoteObject
from edge.v2x.scales import degrees, steps

NO_LATITUDE = 900000001
NO_LONGITUDE = 1800000001
NO_ELEVATION = -4096
_TURN = 3600000000
_WIDTHS = tuple((f"position-LL{i}", 1 << bits - 1) for i, bits in enumerate((12, 14, 16, 18, 22, 24), 1))
_HEIGHTS = tuple((f"offset{i}", 64 << i - 1) for i in range(1, 7))  # the lowest means unknown

Place = tuple[int, int, int]
"""Latitude, longitude in 1e-7 degrees, height in 0.1 m or NO_ELEVATION."""


def position(latitude_deg: float, longitude_deg: float, altitude_m: float | None = None) -> dict[str, int]:
    """A Position3D. Raises CodecError for what is no place."""
    return {
        "lat": degrees("lat", latitude_deg, 1e7, 90.0),
        "long": max(degrees("long", longitude_deg, 1e7, 180.0), -1799999999),
        "elevation": steps("elevation", altitude_m, 10, -4095, 61439, NO_ELEVATION),
    }


def position_of(content: RemoteObject) -> dict[str, int]:
    """The Position3D of an object. Raises CodecError for what is no place."""
    return position(content.latitude_deg, content.longitude_deg, content.altitude_m)


def place(pos: dict[str, int]) -> Place | None:
    """A Position3D; None where it is unknown."""
    latitude, longitude = pos["lat"], pos["long"]
    if latitude == NO_LATITUDE or longitude == NO_LONGITUDE:
        return None
    return latitude, longitude, pos.get("elevation", NO_ELEVATION)


def offset(there: dict[str, int], here: dict[str, int]) -> dict[str, Any]:
    """A PositionOffsetLLV: where the Position3D `there` is, seen from `here`."""
    latitude = there["lat"] - here["lat"]
    longitude = (there["long"] - here["long"] + _TURN // 2) % _TURN - _TURN // 2
    away: tuple[str, dict[str, int]] = ("position-LatLon", {"lon": there["long"], "lat": there["lat"]})
    for name, limit in _WIDTHS:
        if -limit <= latitude < limit and -limit <= longitude < limit:
            away = (name, {"lon": longitude, "lat": latitude})
            break
    high, base = there["elevation"], here["elevation"]
    if high == NO_ELEVATION:
        return {"offsetLL": away}
    if base != NO_ELEVATION:
        for name, limit in _HEIGHTS:
            if -limit < high - base < limit:
                return {"offsetLL": away, "offsetV": (name, high - base)}
    return {"offsetLL": away, "offsetV": ("elevation", high)}


def seen_from(here: Place, away: dict[str, Any]) -> Place | None:
    """The place of a PositionOffsetLLV; None where it is unknown."""
    name, by = away["offsetLL"]
    latitude, longitude = by["lat"], by["lon"]
    if name == "position-LatLon":
        if latitude == NO_LATITUDE or longitude == NO_LONGITUDE:
            return None
    else:
        latitude += here[0]
        longitude += here[1]
        if not -900000000 <= latitude <= 900000000:
            return None
        if not -1800000000 <= longitude <= 1800000000:
            longitude += _TURN if longitude < 0 else -_TURN
    if "offsetV" not in away:
        return latitude, longitude, NO_ELEVATION
    name, height = away["offsetV"]
    if name != "elevation":
        lowest = -(64 << int(name[-1]) - 1)
        height = NO_ELEVATION if height == lowest or here[2] == NO_ELEVATION else here[2] + height
    return latitude, longitude, height


def in_degrees(place: Place) -> tuple[float, float]:
    """(latitude, longitude) in degrees."""
    return place[0] / 1e7, place[1] / 1e7
