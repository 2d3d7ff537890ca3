"""Europe: VAM as ETSI TS 103 300-3 V2.2 and V2.3 define it (protocolVersion 3), to and from RemoteObject.

A vulnerable road user about itself. What it says of a cluster that it leads is read, not mapped. V2.1, which
is another message on the wire under protocolVersion 2, is not read.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from edge.messages import RemoteObject
from edge.v2x.etsi.cam_read import KINDS
from edge.v2x.etsi.vam_schema import VAM
from edge.v2x.moments import Now, timestamp_its_ns
from edge.v2x.network.packet import STATION_TYPES
from edge.v2x.scales import degrees, steps
from edge.v2x.sets import Glimpse, Heard
from edge.v2x.uper import Codec, CodecError

MESSAGE_ID = 16
PROTOCOL_VERSION = 3
_OF_PROFILE = {"pedestrian": "person", "bicyclistAndLightVruVehicle": "bicycle", "motorcyclist": "motorcycle"}
_PROFILES = {kind: profile for profile, kind in _OF_PROFILE.items()}
_NO_LATITUDE, _NO_LONGITUDE, _NO_ALTITUDE = 900000001, 1800000001, 800001
_MS = 1_000_000


@cache
def codec() -> Codec:
    """VAM."""
    return Codec("VAM", VAM)


def hear_old(payload: bytes, now: Now) -> Heard:
    """A VAM of protocolVersion 2. Raises CodecError always."""
    raise CodecError("VAM", "that of TS 103 300-3 V2.1 is not read", "unsupported")


def hear(payload: bytes, now: Now) -> Heard:
    """A VAM. Raises CodecError. content None: it does not know its own position."""
    value = codec().decode(payload)
    delta = value["vam"]["generationDeltaTime"]
    measured_ns = now.generation_delta(delta)
    return Heard(
        standard="etsi",
        version="TS 103 300-3 V2.2",
        message="VAM",
        sender=str(value["header"]["stationId"]),
        counter=delta,
        measured_ns=measured_ns,
        content=remote_object(value, measured_ns),
        kind=VAM,
        value=value,
    )


@cache
def _glance() -> Any:
    head = "vam.vamParameters."
    place = head + "basicContainer.referencePosition."
    motion = head + "vruHighFrequencyContainer."
    return codec().peek(
        "header.stationId",
        place + "latitude",
        place + "longitude",
        motion + "heading.value",
        motion + "speed.speedValue",
    )


def peek(payload: bytes) -> Glimpse | None:
    """Sender, place and motion of a VAM, read alone; None where it knows no place. Raises CodecError."""
    sender, latitude, longitude, heading, speed = _glance()(payload)
    if latitude == _NO_LATITUDE or longitude == _NO_LONGITUDE:
        return None
    return Glimpse(
        str(sender),
        latitude / 1e7,
        longitude / 1e7,
        speed / 100 if speed < 16382 else None,
        heading / 10 if heading < 3600 else None,
        False,
    )


def remote_object(vam: dict[str, Any], measured_ns: int | None = None) -> RemoteObject | None:
    """A decoded VAM as a neutral object; None when it does not know its own position.

    Where the orientation is said, it is the front's and the heading that of the motion: who goes against its
    front goes backwards.
    """
    parameters = vam["vam"]["vamParameters"]
    basic, high = parameters["basicContainer"], parameters["vruHighFrequencyContainer"]
    position = basic["referencePosition"]
    if position["latitude"] == _NO_LATITUDE or position["longitude"] == _NO_LONGITUDE:
        return None
    axis = position["positionConfidenceEllipse"]["semiMajorAxisLength"]
    altitude = position["altitude"]["altitudeValue"]
    speed = high["speed"]["speedValue"]
    speed_mps = speed / 100 if speed < 16382 else None
    heading, front = high["heading"]["value"], high.get("orientation", {"value": 3601})["value"]
    if front < 3600:
        if speed_mps and heading < 3600 and 900 < (heading - front) % 3600 < 2700:
            speed_mps = -speed_mps
        heading = front
    along = high["longitudinalAcceleration"]["longitudinalAccelerationValue"]
    yaw = high.get("yawRate", {"yawRateValue": 32767})["yawRateValue"]
    return RemoteObject(
        kind=_kind(basic["stationType"], parameters),
        latitude_deg=position["latitude"] / 1e7,
        longitude_deg=position["longitude"] / 1e7,
        measured_ns=measured_ns,
        altitude_m=None if altitude == _NO_ALTITUDE else altitude / 100,
        speed_mps=speed_mps,
        heading_deg=heading / 10 if heading < 3600 else None,
        acceleration_mps2=along / 10 if along != 161 else None,
        yaw_rate_radps=math.radians(yaw / 100) if yaw != 32767 else None,
        accuracy_m=axis / 100 if axis < 4094 else None,
    )


def _kind(station_type: int, parameters: dict[str, Any]) -> str:
    if station_type in KINDS:
        return KINDS[station_type]
    profile = parameters.get("vruLowFrequencyContainer", {"profileAndSubprofile": ("", 0)})
    return _OF_PROFILE.get(profile["profileAndSubprofile"][0], "unknown")


def vam(content: RemoteObject, station_id: int, now: Now, low_frequency: bool = True) -> bytes:
    """A road user about itself. low_frequency: with the container of its profile.

    Raises CodecError for a position that is none.
    """
    measured_ns = now.t_ns if content.measured_ns is None else content.measured_ns
    date_ns = timestamp_its_ns(now.utc_ns + measured_ns - now.t_ns)
    parameters: dict[str, Any] = {
        "basicContainer": {
            "stationType": STATION_TYPES.get(content.kind, 0),
            "referencePosition": _reference_position(content),
        },
        "vruHighFrequencyContainer": _high_frequency(content),
    }
    if low_frequency and content.kind in _PROFILES:
        parameters["vruLowFrequencyContainer"] = {"profileAndSubprofile": (_PROFILES[content.kind], 0)}
    header = {"protocolVersion": PROTOCOL_VERSION, "messageId": MESSAGE_ID, "stationId": station_id}
    body = {"generationDeltaTime": date_ns // _MS % 65536, "vamParameters": parameters}
    return codec().encode({"header": header, "vam": body})


def _reference_position(content: RemoteObject) -> dict[str, Any]:
    accuracy = steps("positionConfidenceEllipse", content.accuracy_m, 100, 1, 4094, 4095)
    return {
        "latitude": degrees("latitude", content.latitude_deg, 1e7, 90.0),
        "longitude": degrees("longitude", content.longitude_deg, 1e7, 180.0),
        "positionConfidenceEllipse": {
            "semiMajorAxisLength": accuracy,
            "semiMinorAxisLength": accuracy,
            "semiMajorAxisOrientation": 0 if content.accuracy_m is not None else 3601,
        },
        "altitude": {
            "altitudeValue": steps(
                "altitude", content.altitude_m, 100, -100000, _NO_ALTITUDE - 1, _NO_ALTITUDE
            ),
            "altitudeConfidence": "unavailable",
        },
    }


def _high_frequency(content: RemoteObject) -> dict[str, Any]:
    front, speed = _angle(content.heading_deg), content.speed_mps
    backwards = speed is not None and speed < 0
    fields: dict[str, Any] = {
        "heading": {
            "value": (front + 1800) % 3600 if backwards and front < 3600 else front,
            "confidence": 127,
        },
        "speed": {
            "speedValue": steps("speed", None if speed is None else abs(speed), 100, 0, 16381, 16383),
            "speedConfidence": 127,
        },
        "longitudinalAcceleration": {
            "longitudinalAccelerationValue": steps(
                "longitudinalAcceleration", content.acceleration_mps2, 10, -160, 160, 161
            ),
            "longitudinalAccelerationConfidence": 102,
        },
    }
    if backwards and front < 3600:
        fields["orientation"] = {"value": front, "confidence": 127}
    if content.yaw_rate_radps is not None:
        yaw = steps("yawRate", math.degrees(content.yaw_rate_radps), 100, -32766, 32766, 32767)
        fields["yawRate"] = {"yawRateValue": yaw, "yawRateConfidence": "unavailable"}
    return fields


def _angle(heading_deg: float | None) -> int:
    if heading_deg is None:
        return 3601
    return steps("heading", heading_deg % 360.0, 10, 0, 3600, 3601) % 3600
