"""Europe: CAM as ETSI EN 302 637-2 V1.4.1 defines it, to and from RemoteObject.

The table is CAM-PDU-Descriptions version 2 with ITS-Container of TS 102 894-2 V1.3.1 (protocolVersion 2);
messages of protocolVersion 1 differ on the wire and are refused. What a CAM has no field for (ABS, stability
control) is not sent: ETSI announces it by DENM.
"""

from __future__ import annotations

import math
from typing import Any

from edge.messages import RemoteObject
from edge.v2x.etsi.cam_schema import ACCELERATION_CONTROL, CAM, EXTERIOR_LIGHTS, LIGHT_BAR_SIREN
from edge.v2x.scales import degrees, physical, steps
from edge.v2x.uper import Codec, CodecError, bits, flags

PROTOCOL_VERSION = 2
MESSAGE_ID_CAM = 2
MESSAGE_NAMES = {
    1: "DENM", 2: "CAM", 3: "POI", 4: "SPATEM", 5: "MAPEM", 6: "IVIM", 7: "EV-RSR", 8: "TISTPG", 9: "SREM",
    10: "SSEM", 11: "EVCSN", 12: "SAEM", 13: "RTCMEM", 14: "CPM", 16: "VAM",
}  # fmt: skip

CAM_CODEC = Codec("CAM", CAM)

# ---------------------------------------------------------------- to and from the neutral model

_KINDS = {
    1: "person", 2: "bicycle", 3: "motorcycle", 4: "motorcycle", 5: "car", 6: "bus", 7: "truck", 8: "truck",
}  # fmt: skip
STATION_TYPES = {"person": 1, "bicycle": 2, "motorcycle": 4, "car": 5, "bus": 6, "truck": 8}
_EPOCH_2004_MS = 1_072_915_200_000
_LEAP_SECONDS_SINCE_2004 = 5  # TAI runs on; the last leap second was at the end of 2016


def timestamp_its(utc_ns: int) -> int:
    """TimestampIts: milliseconds of TAI since 2004-01-01T00:00:00Z; right for dates since 2017."""
    return utc_ns // 1_000_000 - _EPOCH_2004_MS + _LEAP_SECONDS_SINCE_2004 * 1000


def decode_cam(data: bytes) -> dict[str, Any]:
    """The CAM in `data`. Raises CodecError, reason "unsupported" for another message or version."""
    if len(data) < 6:
        raise CodecError("ItsPduHeader", f"{len(data)} octets, the header alone has 6")
    if (data[0], data[1]) != (PROTOCOL_VERSION, MESSAGE_ID_CAM):
        name = MESSAGE_NAMES.get(data[1], f"message {data[1]}")
        raise CodecError("ItsPduHeader", f"{name} of protocol version {data[0]} is not read", "unsupported")
    return CAM_CODEC.decode(data)


def remote_object(cam: dict[str, Any]) -> RemoteObject | None:
    """A decoded CAM as a neutral object; None when it does not know its own position.

    Of a road-side unit only the position is known.
    """
    parameters = cam["cam"]["camParameters"]
    basic = parameters["basicContainer"]
    pos = basic["referencePosition"]
    latitude_deg = physical(pos["latitude"], 1e7, -900000000, 900000000)
    longitude_deg = physical(pos["longitude"], 1e7, -1800000000, 1800000000)
    if latitude_deg is None or longitude_deg is None:
        return None
    accuracy_m = physical(pos["positionConfidenceEllipse"]["semiMajorConfidence"], 100, 0, 4093)
    altitude_m = physical(pos["altitude"]["altitudeValue"], 100, -100000, 800000)
    form, high = parameters["highFrequencyContainer"]
    if form != "basicVehicleContainerHighFrequency":
        return RemoteObject(
            kind=_KINDS.get(basic["stationType"], "unknown"),
            latitude_deg=latitude_deg,
            longitude_deg=longitude_deg,
            altitude_m=altitude_m,
            accuracy_m=accuracy_m,
        )
    heading = high["heading"]["headingValue"]
    left_deg_s = physical(high["yawRate"]["yawRateValue"], 100, -32766, 32766)
    control = high.get("accelerationControl")
    acceleration = high["longitudinalAcceleration"]["longitudinalAccelerationValue"]
    return RemoteObject(
        kind=_KINDS.get(basic["stationType"], "unknown"),
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        altitude_m=altitude_m,
        speed_mps=physical(high["speed"]["speedValue"], 100, 0, 16382),
        heading_deg=None if heading == 3601 else heading % 3600 / 10,
        acceleration_mps2=physical(acceleration, 10, -160, 160),
        yaw_rate_radps=None if left_deg_s is None else math.radians(left_deg_s),
        length_m=physical(high["vehicleLength"]["vehicleLengthValue"], 10, 1, 1021),
        width_m=physical(high["vehicleWidth"], 10, 1, 60),
        accuracy_m=accuracy_m,
        brake_pressed=None
        if control is None
        else "brakePedalEngaged" in flags(ACCELERATION_CONTROL, control),
        events=_events(parameters, control),
    )


def _events(parameters: dict[str, Any], control: int | None) -> tuple[str, ...]:
    said = set()
    if control is not None and "emergencyBrakeEngaged" in flags(ACCELERATION_CONTROL, control):
        said.add("hard_braking")
    form, container = parameters.get("lowFrequencyContainer", (None, None))
    lights = flags(EXTERIOR_LIGHTS, container["exteriorLights"]) if isinstance(form, str) else set()
    if {"leftTurnSignalOn", "rightTurnSignalOn"} <= lights:  # both together are the hazard lights
        said.add("hazard_lights")
    form, special = parameters.get("specialVehicleContainer", (None, None))
    if form in ("emergencyContainer", "rescueContainer") and special["lightBarSirenInUse"]:
        said.add("emergency_vehicle")
    return tuple(sorted(said))


def cam(content: RemoteObject, station_id: int, utc_ns: int, low_frequency: bool) -> dict[str, Any]:
    """Our own state as a CAM. Raises CodecError for a position that is none.

    station_id: 32 bits; utc_ns: when the state held; low_frequency: with that container, whose path history
    is empty: none is kept yet.
    """
    has = set(content.events)
    yaw = content.yaw_rate_radps
    accuracy = steps("semiMajorConfidence", content.accuracy_m, 100, 0, 4094, 4095)
    high: dict[str, Any] = {
        "heading": {"headingValue": _heading(content.heading_deg), "headingConfidence": 127},
        "speed": {
            "speedValue": steps("speedValue", content.speed_mps, 100, 0, 16382, 16383),
            "speedConfidence": 127,
        },
        "driveDirection": "unavailable",
        "vehicleLength": {
            "vehicleLengthValue": steps("vehicleLengthValue", content.length_m, 10, 1, 1022, 1023),
            "vehicleLengthConfidenceIndication": "unavailable",
        },
        "vehicleWidth": steps("vehicleWidth", content.width_m, 10, 1, 61, 62),
        "longitudinalAcceleration": {
            "longitudinalAccelerationValue": steps(
                "longitudinalAccelerationValue", content.acceleration_mps2, 10, -160, 160, 161
            ),
            "longitudinalAccelerationConfidence": 102,
        },
        "curvature": {"curvatureValue": 1023, "curvatureConfidence": "unavailable"},
        "curvatureCalculationMode": "unavailable",
        "yawRate": {
            "yawRateValue": steps(
                "yawRateValue", None if yaw is None else math.degrees(yaw), 100, -32766, 32766, 32767
            ),
            "yawRateConfidence": "unavailable",
        },
    }
    if content.brake_pressed is not None or "hard_braking" in has:
        engaged = {"brakePedalEngaged"} if content.brake_pressed else set()
        if "hard_braking" in has:
            engaged.add("emergencyBrakeEngaged")
        high["accelerationControl"] = bits(ACCELERATION_CONTROL, engaged)
    parameters: dict[str, Any] = {
        "basicContainer": {
            "stationType": STATION_TYPES.get(content.kind, 0),
            "referencePosition": {
                "latitude": degrees("latitude", content.latitude_deg, 1e7, 90.0),
                "longitude": degrees("longitude", content.longitude_deg, 1e7, 180.0),
                "positionConfidenceEllipse": {
                    "semiMajorConfidence": accuracy,
                    "semiMinorConfidence": accuracy,
                    "semiMajorOrientation": 3601,
                },
                "altitude": {
                    "altitudeValue": steps("altitudeValue", content.altitude_m, 100, -100000, 800000, 800001),
                    "altitudeConfidence": "unavailable",
                },
            },
        },
        "highFrequencyContainer": ("basicVehicleContainerHighFrequency", high),
    }
    if low_frequency:
        hazard = {"leftTurnSignalOn", "rightTurnSignalOn"} if "hazard_lights" in has else set()
        low: dict[str, Any] = {
            "vehicleRole": "emergency" if "emergency_vehicle" in has else "default",
            "exteriorLights": bits(EXTERIOR_LIGHTS, hazard),
            "pathHistory": [],
        }
        parameters["lowFrequencyContainer"] = ("basicVehicleContainerLowFrequency", low)
    if "emergency_vehicle" in has:
        in_use = bits(LIGHT_BAR_SIREN, {"lightBarActivated"})
        parameters["specialVehicleContainer"] = ("emergencyContainer", {"lightBarSirenInUse": in_use})
    header = {"protocolVersion": PROTOCOL_VERSION, "messageID": MESSAGE_ID_CAM, "stationID": station_id}
    body = {"generationDeltaTime": timestamp_its(utc_ns) % 65536, "camParameters": parameters}
    return {"header": header, "cam": body}


def _heading(heading_deg: float | None) -> int:
    if heading_deg is None:
        return 3601
    return steps("headingValue", heading_deg % 360.0, 10, 0, 3600, 3601) % 3600
