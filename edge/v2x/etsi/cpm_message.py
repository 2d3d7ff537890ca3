"""Europe: CPM as ETSI TS 103 324 V2.1.1 defines it (protocolVersion 2), to and from PerceivedObjects.

Objects lie in a frame whose x axis points east and y axis north, in 0.01 m from the reference position, its
angles counted to the left from east. The older CPM of TR 103 562 has the same messageID; it is not read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import msgspec

from edge.messages import PerceivedObjects, RemoteObject
from edge.v2x.etsi.cpm_schema import CPM
from edge.v2x.moments import Now, timestamp_its_ns
from edge.v2x.plane import Plane
from edge.v2x.scales import degrees, steps
from edge.v2x.sets import Heard
from edge.v2x.uper import Codec, CodecError

MESSAGE_ID = 14
PROTOCOL_VERSION = 2
VEHICLE, ROADSIDE, SENSORS, REGIONS, OBJECTS = range(1, 6)
"""containerId."""

_SENSOR_TYPES = (
    "undefined", "radar", "lidar", "monovideo", "stereovision", "nightvision", "ultrasonic", "pmd",
    "inductionLoop", "sphericalCamera", "uwb", "acoustic", "localAggregation", "itsAggregation", "rfid",
)  # fmt: skip
_VEHICLES = {3: "motorcycle", 4: "motorcycle", 5: "car", 6: "bus", 7: "truck", 8: "truck"}
_PERSONS = {"pedestrian": "person", "bicyclistAndLightVruVehicle": "bicycle", "motorcyclist": "motorcycle"}
_CLASSES: dict[str, tuple[str, Any]] = {
    "car": ("vehicleSubClass", 5),
    "bus": ("vehicleSubClass", 6),
    "truck": ("vehicleSubClass", 8),
    "person": ("vruSubClass", ("pedestrian", 0)),
    "bicycle": ("vruSubClass", ("bicyclistAndLightVruVehicle", 0)),
    "motorcycle": ("vruSubClass", ("motorcyclist", 0)),
}
_MS = 1_000_000
_NO_ANGLE = {"value": 3601, "confidence": 127}
_NO_LATITUDE, _NO_LONGITUDE, _NO_ALTITUDE = 900000001, 1800000001, 800001
_MOVING_MPS = 0.5  # below, the direction of a velocity is noise


class Sensor(msgspec.Struct, frozen=True):
    """One of our sensors and what it covers, from_deg to to_deg to the left of the vehicle's front."""

    id: int
    kind: str = "monovideo"
    range_m: float | None = None
    from_deg: float = 0.0
    to_deg: float = 360.0
    confidence_ratio: float | None = None


@cache
def codec() -> Codec:
    """CPM."""
    return Codec("CPM", CPM)


def hear_old(payload: bytes, now: Now) -> Heard:
    """A CPM of protocolVersion 1. Raises CodecError always."""
    raise CodecError("CPM", "that of TR 103 562 is not read", "unsupported")


def hear(payload: bytes, now: Now) -> Heard:
    """A CPM. Raises CodecError. content None: it does not know its own position."""
    value = codec().decode(payload)
    reference = value["payload"]["managementContainer"]["referenceTime"]
    measured_ns = now.timestamp_its(reference)
    return Heard(
        standard="etsi",
        version="TS 103 324 V2.1.1",
        message="CPM",
        sender=str(value["header"]["stationId"]),
        counter=reference,
        measured_ns=measured_ns,
        content=perceived(value, measured_ns),
        kind=CPM,
        value=value,
    )


# ---------------------------------------------------------------- in


def perceived(cpm: dict[str, Any], reference_ns: int) -> PerceivedObjects | None:
    """All objects of a decoded CPM; those out of the range of the offsets are left out."""
    payload = cpm["payload"]
    here = payload["managementContainer"]["referencePosition"]
    if here["latitude"] == _NO_LATITUDE or here["longitude"] == _NO_LONGITUDE:
        return None
    plane = Plane(here["latitude"] / 1e7, here["longitude"] / 1e7)
    height = here["altitude"]["altitudeValue"]
    objects = (
        _object(one, plane, None if height == _NO_ALTITUDE else height / 100, reference_ns)
        for container in payload["cpmContainers"]
        if container["containerId"] == OBJECTS
        for one in container["containerData"]["perceivedObjects"]
    )
    return PerceivedObjects(objects=tuple(one for one in objects if one is not None))


def _object(
    one: dict[str, Any], plane: Plane, height_m: float | None, reference_ns: int
) -> RemoteObject | None:
    position = one["position"]
    x, y, z = position["xCoordinate"], position["yCoordinate"], position.get("zCoordinate")
    if not (-131072 < x["value"] < 131071 and -131072 < y["value"] < 131071):
        return None
    latitude_deg, longitude_deg = plane.place(x["value"] / 100, y["value"] / 100)
    radius = max(x["confidence"], y["confidence"])
    heading_deg, speed_mps = _motion(one)
    turning = one.get("zAngularVelocity", {"value": 256})["value"]
    quality = one.get("objectPerceptionQuality")
    return RemoteObject(
        kind=_kind(one.get("classification", ())),
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        id=str(one["objectId"]) if "objectId" in one else "",
        measured_ns=reference_ns + one["measurementDeltaTime"] * _MS,
        altitude_m=None if height_m is None or z is None else height_m + z["value"] / 100,
        speed_mps=speed_mps,
        heading_deg=heading_deg,
        acceleration_mps2=_acceleration(one, heading_deg),
        yaw_rate_radps=math.radians(turning) if turning != 256 else None,
        length_m=_dimension(one.get("objectDimensionX")),
        width_m=_dimension(one.get("objectDimensionY")),
        accuracy_m=radius / 100 if radius < 4095 else None,
        confidence_ratio=None if quality is None else quality / 15,
    )


def _motion(one: dict[str, Any]) -> tuple[float | None, float | None]:
    """Heading of the front and speed along it; the front is where it goes, unless its angle is said."""
    front = one.get("angles", {"zAngle": _NO_ANGLE})["zAngle"]["value"]
    heading_deg = (90.0 - front / 10) % 360.0 if front < 3600 else None
    form, velocity = one.get("velocity", ("", {}))
    if form == "cartesianVelocity":
        x, y = velocity["xVelocity"]["value"], velocity["yVelocity"]["value"]
        if x == 16383 or y == 16383:
            return heading_deg, None
        speed, angle = math.hypot(x, y) / 100, math.degrees(math.atan2(x, y)) % 360.0
    elif form == "polarVelocity":
        speed = velocity["velocityMagnitude"]["speedValue"] / 100
        if speed >= 163.82:
            return heading_deg, None
        angle = 90.0 - velocity["velocityDirection"]["value"] / 10
        if velocity["velocityDirection"]["value"] >= 3600:
            return heading_deg, speed
    else:
        return heading_deg, None
    if heading_deg is None:
        return (angle % 360.0 if speed >= _MOVING_MPS else None), speed
    backwards = math.cos(math.radians(angle - heading_deg)) < 0
    return heading_deg, -speed if backwards else speed


def _acceleration(one: dict[str, Any], heading_deg: float | None) -> float | None:
    """Along the heading."""
    form, vector = one.get("acceleration", ("", {}))
    if not form or heading_deg is None:
        return None
    if form == "cartesianAcceleration":
        x, y = vector["xAcceleration"]["value"], vector["yAcceleration"]["value"]
        if x == 161 or y == 161:
            return None
        heading = math.radians(heading_deg)
        return (x * math.sin(heading) + y * math.cos(heading)) / 10
    size = vector["accelerationMagnitude"]["accelerationMagnitudeValue"]
    angle = vector["accelerationDirection"]["value"]
    if size == 161 or angle >= 3600:
        return None
    return size / 10 * math.cos(math.radians(90.0 - angle / 10 - heading_deg))


def _dimension(dimension: dict[str, int] | None) -> float | None:
    return None if dimension is None or dimension["value"] >= 255 else dimension["value"] / 10


def _kind(classes: Any) -> str:
    """Of the class that the sender is surest of."""
    sure = max(classes, key=lambda one: one["confidence"] % 101, default=None)
    if sure is None:
        return "unknown"
    name, value = sure["objectClass"]
    if name == "vehicleSubClass":
        return _VEHICLES.get(value, "unknown")
    return _PERSONS.get(value[0], "unknown") if name == "vruSubClass" else "unknown"


# ---------------------------------------------------------------- out


def cpm(
    objects: PerceivedObjects,
    reference: RemoteObject,
    station_id: int,
    now: Now,
    sensors: Sequence[Sensor] = (),
    segment: tuple[int, int] = (1, 1),
    station: Literal["vehicle", "roadside"] = "vehicle",
) -> bytes:
    """What we see, told from our own place `reference`. segment: this one of how many.

    Raises CodecError for a place that is none, an object more than 1310 m away or measured more than 2 s from
    now, and an id that is no number of 0 to 65535.
    """
    reference_ns = now.t_ns if reference.measured_ns is None else reference.measured_ns
    utc_ns = now.utc_ns + reference_ns - now.t_ns
    management: dict[str, Any] = {
        "referenceTime": timestamp_its_ns(utc_ns) // _MS,
        "referencePosition": _reference_position(reference),
    }
    if segment != (1, 1):
        management["segmentationInfo"] = {"totalMsgNo": segment[1], "thisMsgNo": segment[0]}
    plane = Plane(reference.latitude_deg, reference.longitude_deg)
    listed = [_perceived_object(one, plane, reference, reference_ns) for one in objects.objects]
    containers = [_station(reference, station)]
    if sensors:
        containers.append({"containerId": SENSORS, "containerData": [_sensor(one) for one in sensors]})
    if listed:
        data = {"numberOfPerceivedObjects": len(listed), "perceivedObjects": listed}
        containers.append({"containerId": OBJECTS, "containerData": data})
    header = {"protocolVersion": PROTOCOL_VERSION, "messageId": MESSAGE_ID, "stationId": station_id}
    payload = {"managementContainer": management, "cpmContainers": containers}
    return codec().encode({"header": header, "payload": payload})


def _reference_position(reference: RemoteObject) -> dict[str, Any]:
    accuracy = steps("positionConfidenceEllipse", reference.accuracy_m, 100, 1, 4094, 4095)
    return {
        "latitude": degrees("latitude", reference.latitude_deg, 1e7, 90.0),
        "longitude": degrees("longitude", reference.longitude_deg, 1e7, 180.0),
        "positionConfidenceEllipse": {
            "semiMajorConfidence": accuracy,
            "semiMinorConfidence": accuracy,
            "semiMajorOrientation": 0 if reference.accuracy_m is not None else 3601,
        },
        "altitude": {
            "altitudeValue": steps(
                "altitude", reference.altitude_m, 100, -100000, _NO_ALTITUDE - 1, _NO_ALTITUDE
            ),
            "altitudeConfidence": "unavailable",
        },
    }


def _station(reference: RemoteObject, station: str) -> dict[str, Any]:
    if station == "roadside":
        return {"containerId": ROADSIDE, "containerData": {}}
    heading = reference.heading_deg
    turn = 3601 if heading is None else steps("orientationAngle", heading % 360.0, 10, 0, 3600, 3601) % 3600
    angle = {"value": 3601 if heading is None else turn, "confidence": 127}
    return {"containerId": VEHICLE, "containerData": {"orientationAngle": angle}}


def _sensor(one: Sensor) -> dict[str, Any]:
    if one.kind not in _SENSOR_TYPES:
        raise CodecError("sensorType", f"{one.kind!r} is none of {', '.join(_SENSOR_TYPES)}", "unencodable")
    fields: dict[str, Any] = {
        "sensorId": one.id,
        "sensorType": _SENSOR_TYPES.index(one.kind),
        "shadowingApplies": True,
    }
    if one.range_m is not None:
        shape = {
            "range": steps("range", one.range_m, 10, 0, 4095, 4095),
            "horizontalOpeningAngleStart": _angle(one.from_deg),
            "horizontalOpeningAngleEnd": _angle(one.to_deg),
        }
        fields["perceptionRegionShape"] = (
            "radialShapes", {"refPointId": 0, "xCoordinate": 0, "yCoordinate": 0, "radialShapesList": [shape]}
        )  # fmt: skip
    if one.confidence_ratio is not None:
        fields["perceptionRegionConfidence"] = steps(
            "perceptionRegionConfidence", one.confidence_ratio, 100, 1, 100, 101
        )
    return fields


def _angle(angle_deg: float) -> int:
    return steps("angle", angle_deg % 360.0, 10, 0, 3600, 3601) % 3600


def _perceived_object(
    one: RemoteObject, plane: Plane, reference: RemoteObject, reference_ns: int
) -> dict[str, Any]:
    if not (one.id.isascii() and one.id.isdigit() and int(one.id) < 65536):
        raise CodecError("objectId", f"{one.id!r} is no number of 0 to 65535", "unencodable")
    degrees("latitude", one.latitude_deg, 1e7, 90.0), degrees("longitude", one.longitude_deg, 1e7, 180.0)
    east, north = plane.point(one.latitude_deg, one.longitude_deg)
    if not (abs(east) < 1310.7 and abs(north) < 1310.7):
        raise CodecError("position", "an object is more than 1310 m away", "unencodable")
    sure = steps("confidence", one.accuracy_m, 100, 1, 4095, 4096)
    measured_ns = reference_ns if one.measured_ns is None else one.measured_ns
    fields: dict[str, Any] = {
        "objectId": int(one.id),
        "measurementDeltaTime": round((measured_ns - reference_ns) / _MS),
        "position": {
            "xCoordinate": {"value": round(east * 100), "confidence": sure},
            "yCoordinate": {"value": round(north * 100), "confidence": sure},
        },
    }
    if one.altitude_m is not None and reference.altitude_m is not None:
        up = steps("zCoordinate", one.altitude_m - reference.altitude_m, 100, -131072, 131071, 0)
        fields["position"]["zCoordinate"] = {"value": up, "confidence": 4096}
    if one.heading_deg is not None:
        _put_motion(fields, one, math.radians(one.heading_deg))
        fields["angles"] = {"zAngle": {"value": _angle(90.0 - one.heading_deg), "confidence": 127}}
    elif one.speed_mps is not None:
        fields["velocity"] = ("polarVelocity", {
            "velocityMagnitude": {
                "speedValue": steps("speed", abs(one.speed_mps), 100, 0, 16381, 16383),
                "speedConfidence": 127,
            },
            "velocityDirection": _NO_ANGLE,
        })  # fmt: skip
    if one.yaw_rate_radps is not None:
        turning = steps("zAngularVelocity", math.degrees(one.yaw_rate_radps), 1, -255, 255, 256)
        fields["zAngularVelocity"] = {"value": turning, "confidence": "unavailable"}
    for name, size_m in (("objectDimensionY", one.width_m), ("objectDimensionX", one.length_m)):
        if size_m is not None:
            fields[name] = {"value": steps(name, size_m, 10, 1, 255, 256), "confidence": 32}
    if one.confidence_ratio is not None:
        fields["objectPerceptionQuality"] = steps(
            "objectPerceptionQuality", one.confidence_ratio, 15, 0, 15, 0
        )
    if one.kind in _CLASSES:
        fields["classification"] = [{"objectClass": _CLASSES[one.kind], "confidence": 101}]
    return fields


def _put_motion(fields: dict[str, Any], one: RemoteObject, heading: float) -> None:
    parts = (math.sin(heading), math.cos(heading))
    if one.speed_mps is not None:
        x, y = (steps("velocity", one.speed_mps * part, 100, -16383, 16382, 16383) for part in parts)
        fields["velocity"] = ("cartesianVelocity", {
            "xVelocity": {"value": x, "confidence": 127}, "yVelocity": {"value": y, "confidence": 127},
        })  # fmt: skip
    if one.acceleration_mps2 is not None:
        x, y = (steps("acceleration", one.acceleration_mps2 * part, 10, -160, 160, 161) for part in parts)
        fields["acceleration"] = ("cartesianAcceleration", {
            "xAcceleration": {"value": x, "confidence": 102},
            "yAcceleration": {"value": y, "confidence": 102},
        })  # fmt: skip
