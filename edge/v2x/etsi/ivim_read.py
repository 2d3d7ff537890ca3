"""IVIM to the neutral model: signs and speed limits of TS 103 301 with ISO 19321, as events of a road."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import msgspec

from edge.messages import RoadEvent, RoadEvents
from edge.v2x.moments import Now
from edge.v2x.sets import Heard
from edge.v2x.uper import Codec

VERSION_1 = "TS 103 301 V1.3 (ISO 19321:2015)"
VERSION_2 = "TS 103 301 V2.1 (ISO 19321:2020)"
_NO_TIME = 4398046511103
_UNAVAILABLE = 131072
_UNITS = {0: 1 / 3.6, 1: 0.44704}  # km/h, mile/h
_CATEGORIES = {
    "dangerWarning": 11, "regulatory": 12, "informative": 13, "publicFacilities": 21, "ambientCondition": 31,
    "roadCondition": 32,
}  # fmt: skip
_SPEED_LIMIT = 12557  # ISO 14823: maximum speed
_VIENNA_SPEED_LIMIT = ("C", 14)  # Convention on Road Signs and Signals, annex 1
_OVER = (2, 3)  # IviStatus: cancellation, negation
_OPPOSITE, _BOTH, _NOT_USED = 1, 2, 3


class _Zone(msgspec.Struct, frozen=True):
    """A zone along a road. path: (latitude, longitude) in the way that it is driven."""

    path: tuple[tuple[float, float], ...]
    width_m: float | None
    heading_deg: float | None


@cache
def codec_1() -> Codec:
    """IVIM of protocolVersion 1."""
    from edge.v2x.etsi.ivim_schema_1 import IVIM

    return Codec("IVIM", IVIM)


@cache
def codec_2() -> Codec:
    """IVIM of protocolVersion 2."""
    from edge.v2x.etsi.ivim_schema import IVIM

    return Codec("IVIM", IVIM)


def hear_1(payload: bytes, now: Now) -> Heard:
    """An IVIM of protocolVersion 1. Raises CodecError."""
    return _heard(codec_1(), payload, VERSION_1, now)


def hear_2(payload: bytes, now: Now) -> Heard:
    """An IVIM of protocolVersion 2. Raises CodecError."""
    return _heard(codec_2(), payload, VERSION_2, now)


def _heard(codec: Codec, payload: bytes, version: str, now: Now) -> Heard:
    value = codec.decode(payload)
    management = value["ivi"]["mandatory"]
    stamp = management.get("timeStamp", _NO_TIME)
    events = road_events(value["ivi"], now)
    return Heard(
        standard="etsi",
        version=version,
        message="IVIM",
        sender=str(value["header"]["stationID"]),
        counter=management["iviIdentificationNumber"] if stamp == _NO_TIME else stamp,
        measured_ns=_moment(stamp, now),
        content=RoadEvents(events=events) if events else None,
        kind=codec.kind,
        value=value,
    )


def road_events(ivi: dict[str, Any], now: Now) -> tuple[RoadEvent, ...]:
    """Each sign of each part of the general container, at the zone where it holds; () without a place.

    An id is "provider.number.part.sign". Lanes, vehicles and times of day that a sign is limited to, layouts,
    texts and rules for automated vehicles are in the tree only, and so is a cancellation without its signs.
    """
    management = ivi["mandatory"]
    containers = ivi.get("optional", ())
    place = next((inside for name, inside in containers if name == "glc"), None)
    if place is None:
        return ()
    reference = place["referencePosition"]
    latitude, longitude = reference["latitude"], reference["longitude"]
    if latitude == 900000001 or longitude == 1800000001:
        return ()
    zones = {part["zoneId"]: _zone(part, latitude, longitude) for part in place["parts"]}
    parts = [part for name, inside in containers if name == "giv" for part in inside]
    return tuple(
        _event(management, zones, (latitude / 1e7, longitude / 1e7), part, sign["code"], f"{i}.{j}", now)
        for i, part in enumerate(parts)
        for j, sign in enumerate(part["roadSignCodes"])
    )


def _event(
    management: dict[str, Any],
    zones: dict[int, _Zone],
    reference: tuple[float, float],
    part: dict[str, Any],
    sign: tuple[Any, Any],
    number: str,
    now: Now,
) -> RoadEvent:
    known = [zones[i] for i in part.get("relevanceZoneIds", ()) if i in zones and zones[i].path]
    zone = known[0] if known else _Zone((), None, None)
    latitude_deg, longitude_deg = zone.path[0] if zone.path else reference
    code, name, limit_mps = _meaning(sign)
    provider = management["serviceProviderId"]
    texts = [name] * bool(name) + [line["textContent"] for line in part.get("extraText", ())]
    stamp = management.get("timeStamp", _NO_TIME)
    return RoadEvent(
        id=f"{provider['countryCode']:03x}{provider['providerIdentifier']:04x}"
        f".{management['iviIdentificationNumber']}.{number}",
        kind="sign" if limit_mps is None else "speed_limit",
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        code=code,
        text=" ".join(texts),
        measured_ns=_moment(stamp, now),
        from_ns=_moment(management.get("validFrom", _NO_TIME), now),
        until_ns=_moment(management.get("validTo", _NO_TIME), now),
        over=management["iviStatus"] in _OVER,
        heading_deg=_concerned(part.get("direction", _NOT_USED), zone.heading_deg),
        speed_limit_mps=limit_mps,
        path=zone.path,
        path_width_m=zone.width_m,
    )


def _meaning(sign: tuple[Any, Any]) -> tuple[int | None, str, float | None]:
    """Number of ISO 14823 or of the catalogue, name in the Vienna convention, highest speed."""
    catalogue, value = sign
    if catalogue == "viennaConvention":
        of = ("ABCDEFGH"[value["roadSignClass"]], value["roadSignCode"])
        rate = _UNITS.get(value.get("unit", 0))
        limited = of == _VIENNA_SPEED_LIMIT and "value" in value and rate is not None
        return None, f"{of[0]}{of[1]}", value["value"] * rate if limited and rate else None
    if catalogue == "iso14823":
        pictogram = value["pictogramCode"]
        category = _CATEGORIES.get(pictogram["serviceCategoryCode"][1])
        if category is None:
            return None, "", None
        inner = pictogram["pictogramCategoryCode"]
        code = category * 1000 + inner["nature"] * 100 + inner["serialNumber"]
        return code, "", _highest(value.get("attributes", ())) if code == _SPEED_LIMIT else None
    if catalogue == "itisCodes":
        return value, "", None
    return (value["pictogramCode"] if catalogue == "anyCatalogue" else None), "", None


def _highest(attributes: Any) -> float | None:
    for name, value in attributes:
        if name == "spe":
            limit = value.get("speedLimitMax", value.get("spm"))
            return None if limit is None else limit * _UNITS[value["unit"]]
    return None


def _zone(part: dict[str, Any], latitude: int, longitude: int) -> _Zone:
    form, zone = part.get("zone", (None, None))
    line = zone["line"] if form == "segment" else zone if form == "area" else None
    path = () if line is None else _line(line, latitude, longitude)
    heading = part.get("zoneHeading", 3601)
    width_m = zone["laneWidth"] / 100 if form == "segment" and "laneWidth" in zone else None
    return _Zone(path, width_m, _bearing(path) if heading == 3601 else heading % 3600 / 10)


def _line(line: tuple[Any, Any], latitude: int, longitude: int) -> tuple[tuple[float, float], ...]:
    """PolygonalLine: places, or steps each from the place before, the first from the reference position."""
    form, points = line
    places = []
    for point in points if isinstance(form, str) else ():
        if form.startswith("absolute"):
            latitude, longitude = point["latitude"], point["longitude"]
            if latitude == 900000001 or longitude == 1800000001:
                break
        else:
            if _UNAVAILABLE in (point["deltaLatitude"], point["deltaLongitude"]):
                break
            latitude, longitude = latitude + point["deltaLatitude"], longitude + point["deltaLongitude"]
        places.append((latitude / 1e7, longitude / 1e7))
    return tuple(places)


def _bearing(path: tuple[tuple[float, float], ...]) -> float | None:
    if len(path) < 2 or path[0] == path[1]:
        return None
    (from_lat, from_long), (to_lat, to_long) = path[:2]
    east = (to_long - from_long) * math.cos(math.radians(from_lat))
    return math.degrees(math.atan2(east, to_lat - from_lat)) % 360.0


def _concerned(direction: int, heading_deg: float | None) -> float | None:
    if heading_deg is None or direction in (_BOTH, _NOT_USED):
        return None
    return (heading_deg + 180.0 * (direction == _OPPOSITE)) % 360.0


def _moment(its_ms: int, now: Now) -> int | None:
    return None if its_ms == _NO_TIME else now.timestamp_its(its_ms)
