"""Our own state as a CAM. What a CAM has no field for (a stop, a breakdown) ETSI announces by DENM."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edge.messages import RemoteObject
from edge.v2x.etsi.cam_read import CODEC, codec_1
from edge.v2x.etsi.cam_schema import (
    ACCELERATION_CONTROL,
    BRAKE_CONTROL,
    EXTERIOR_LIGHTS,
    LIGHT_BAR_SIREN,
    VERY_LOW_FREQUENCY,
)
from edge.v2x.etsi.places import path_history, reference_position
from edge.v2x.moments import Now, timestamp_its_ns
from edge.v2x.network.packet import STATION_TYPES
from edge.v2x.scales import steps
from edge.v2x.sets import PathPoint
from edge.v2x.uper import bits

_LIGHTS = {
    "left": {"leftTurnSignalOn"},
    "right": {"rightTurnSignalOn"},
    "both": {"leftTurnSignalOn", "rightTurnSignalOn"},
}
_BRAKE_CONTROL = {"abs_active": "abs", "traction_control_active": "tcs", "stability_control_active": "esc"}
_CURVATURE_FROM_MPS = 1.0  # yaw rate over a lower speed says nothing of a curve
_PATH_POINTS = 23  # EN 302 637-2 annex B and TS 103 900


def cam(
    content: RemoteObject,
    station_id: int,
    now: Now,
    low_frequency: bool,
    path: Sequence[PathPoint] = (),
    release: int = 1,
    protocol: int = 2,
    special: bool = True,
) -> bytes:
    """Our own state as a CAM. Raises CodecError for a position that is none.

    station_id: 32 bits; low_frequency: with that container; path: where we were, in any order, of which the
    newest 23 go into it; special: with the container of an emergency vehicle, if it is on duty; release 2
    (TS 103 900) tells ABS, traction and stability control too, otherwise its bits are those of release 1;
    protocol 1: as EN 302 637-2 V1.3 had it.
    """
    value = _tree(content, station_id, now, low_frequency, special, path, protocol)
    engaged = {_BRAKE_CONTROL[event] for event in content.events if event in _BRAKE_CONTROL}
    if release == 2 and protocol == 2 and engaged:
        container = {"brakeControl": bits(BRAKE_CONTROL, engaged)}
        value["cam"]["camParameters"]["extensionContainers"] = [
            {"containerId": VERY_LOW_FREQUENCY, "containerData": container}
        ]
    return (codec_1() if protocol == 1 else CODEC).encode(value)


def _tree(
    content: RemoteObject,
    station_id: int,
    now: Now,
    low_frequency: bool,
    special: bool,
    path: Sequence[PathPoint],
    protocol: int,
) -> dict[str, Any]:
    has = content.events
    position = reference_position(content)
    parameters: dict[str, Any] = {
        "basicContainer": {
            "stationType": STATION_TYPES.get(content.kind, 0),
            "referencePosition": position,
        },
        "highFrequencyContainer": ("basicVehicleContainerHighFrequency", _high_frequency(content, protocol)),
    }
    measured_ns = now.t_ns if content.measured_ns is None else content.measured_ns
    if low_frequency:
        lights = _LIGHTS["both"] if "hazard_lights" in has else _LIGHTS.get(content.indicator or "", set())
        role = "emergency" if "emergency_vehicle" in has else "default"
        if role == "default" and "hazardous_materials" in has:
            role = "dangerousGoods"
        newest_first = sorted(path, key=lambda point: -point.t_ns)[:_PATH_POINTS]
        low: dict[str, Any] = {
            "vehicleRole": role,
            "exteriorLights": bits(EXTERIOR_LIGHTS, lights),
            "pathHistory": path_history(position, newest_first, measured_ns),
        }
        parameters["lowFrequencyContainer"] = ("basicVehicleContainerLowFrequency", low)
    if special and "emergency_vehicle" in has:
        in_use = bits(LIGHT_BAR_SIREN, {"lightBarActivated"})
        parameters["specialVehicleContainer"] = ("emergencyContainer", {"lightBarSirenInUse": in_use})
    its_ms = timestamp_its_ns(now.utc_ns + measured_ns - now.t_ns) // 1_000_000
    return {
        "header": {"protocolVersion": protocol, "messageID": 2, "stationID": station_id},
        "cam": {"generationDeltaTime": its_ms % 65536, "camParameters": parameters},
    }


def _high_frequency(content: RemoteObject, protocol: int) -> dict[str, Any]:
    yaw, speed = content.yaw_rate_radps, content.speed_mps
    backward = speed is not None and speed < 0
    curve = None
    if yaw is not None and speed is not None and abs(speed) >= _CURVATURE_FROM_MPS:
        curve = yaw / speed
    radii, most, unknown = (30000, 30000, 30001) if protocol == 1 else (10000, 1022, 1023)
    high: dict[str, Any] = {
        "heading": {"headingValue": heading(content.heading_deg, backward), "headingConfidence": 127},
        "speed": {
            "speedValue": steps("speedValue", None if speed is None else abs(speed), 100, 0, 16382, 16383),
            "speedConfidence": 127,
        },
        "driveDirection": "unavailable" if speed is None else "backward" if backward else "forward",
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
        "curvature": {
            "curvatureValue": steps("curvatureValue", curve, radii, -most, most, unknown),
            "curvatureConfidence": "unavailable",
        },
        "curvatureCalculationMode": "unavailable" if curve is None else "yawRateUsed",
        "yawRate": {
            "yawRateValue": steps(
                "yawRateValue", None if yaw is None else math.degrees(yaw), 100, -32766, 32766, 32767
            ),
            "yawRateConfidence": "unavailable",
        },
    }
    if content.brake_pressed is not None or "hard_braking" in content.events:
        engaged = {"brakePedalEngaged"} if content.brake_pressed else set()
        if "hard_braking" in content.events:
            engaged.add("emergencyBrakeEngaged")
        high["accelerationControl"] = bits(ACCELERATION_CONTROL, engaged)
    return high


def heading(heading_deg: float | None, backward: bool = False) -> int:
    """HeadingValue: of the motion, where heading_deg is of the front."""
    if heading_deg is None:
        return 3601
    turned = heading_deg + 180.0 if backward else heading_deg
    return steps("headingValue", turned % 360.0, 10, 0, 3600, 3601) % 3600
