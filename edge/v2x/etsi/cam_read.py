"""CAM to the neutral model: EN 302 637-2 V1.3 (protocolVersion 1) and V1.4, TS 103 900 V2 (both 2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

from edge.messages import RemoteObject
from edge.v2x.etsi.cam_schema import ACCELERATION_CONTROL, CAM, CAM_1, EXTERIOR_LIGHTS
from edge.v2x.moments import Now
from edge.v2x.sets import Glimpse, Heard
from edge.v2x.uper import Codec, flags

CODEC = Codec("CAM", CAM)

VERSION_1 = "EN 302 637-2 V1.3"
VERSION_2 = "EN 302 637-2 V1.4"
RELEASE_2 = "TS 103 900 V2"

KINDS = {
    1: "person", 2: "bicycle", 3: "motorcycle", 4: "motorcycle", 5: "car", 6: "bus", 7: "truck", 8: "truck",
    12: "bicycle",
}  # fmt: skip
"""By stationType; 12: light vehicle of a vulnerable road user, as a scooter. Others are "unknown"."""

_EVENTS = ("emergency_vehicle", "hard_braking", "hazard_lights", "hazardous_materials")
_EVENT_SETS = tuple(tuple(e for i, e in enumerate(_EVENTS) if n >> i & 1) for n in range(16))
_EMERGENCY, _HARD_BRAKING, _HAZARD_LIGHTS, _GOODS = 1, 2, 4, 8
_ON_DUTY = ("emergencyContainer", "rescueContainer")


def _pedals(control: int) -> tuple[bool, int]:
    on = flags(ACCELERATION_CONTROL, control)
    return "brakePedalEngaged" in on, _HARD_BRAKING if "emergencyBrakeEngaged" in on else 0


def _indicator(lights: int) -> tuple[str, int]:
    on = flags(EXTERIOR_LIGHTS, lights)
    left, right = "leftTurnSignalOn" in on, "rightTurnSignalOn" in on
    if left and right:  # the hazard lights have no bit of their own
        return "both", _HAZARD_LIGHTS
    return "left" if left else "right" if right else "off", 0


_PEDALS = tuple(map(_pedals, range(1 << 7)))
_INDICATORS = tuple(map(_indicator, range(1 << 8)))
_RADIANS = math.pi / 18000  # of 0.01 degree
_BACK = "backward"


@cache
def codec_1() -> Codec:
    """CAM of protocolVersion 1."""
    return Codec("CAM", CAM_1)


def hear_1(payload: bytes, now: Now) -> Heard:
    """A CAM of protocolVersion 1. Raises CodecError."""
    codec = codec_1()
    return _heard(codec, codec.decode(payload), VERSION_1, now, 30000)


def hear_2(payload: bytes, now: Now) -> Heard:
    """A CAM of protocolVersion 2. Raises CodecError."""
    value = CODEC.decode(payload)
    newer = "extensionContainers" in value["cam"]["camParameters"]
    return _heard(CODEC, value, RELEASE_2 if newer else VERSION_2, now, 10000)


def _heard(codec: Codec, value: Any, version: str, now: Now, radii: int) -> Heard:
    delta = value["cam"]["generationDeltaTime"]
    measured_ns = now.generation_delta(delta)
    return Heard(
        standard="etsi",
        version=version,
        message="CAM",
        sender=str(value["header"]["stationID"]),
        counter=delta,
        measured_ns=measured_ns,
        content=remote_object(value, measured_ns, radii),
        kind=codec.kind,
        value=value,
    )


def remote_object(cam: Any, measured_ns: int | None = None, radii: int = 10000) -> RemoteObject | None:
    """A decoded CAM as a neutral object; None when it does not know its own position.

    Of a road-side unit only the position is known. heading is that of the motion: of a vehicle that goes
    backwards the front is on the other side. Where no yaw rate is said, it follows from curvature and speed.
    radii: steps of curvature in 1/m.
    """
    parameters = cam["cam"]["camParameters"]
    basic = parameters["basicContainer"]
    position = basic["referencePosition"]
    latitude, longitude = position["latitude"], position["longitude"]
    if latitude == 900000001 or longitude == 1800000001:
        return None
    axis = position["positionConfidenceEllipse"]["semiMajorConfidence"]
    altitude = position["altitude"]["altitudeValue"]
    form, high = parameters["highFrequencyContainer"]
    if form != "basicVehicleContainerHighFrequency":
        return RemoteObject(
            kind=KINDS.get(basic["stationType"], "unknown"),
            latitude_deg=latitude / 1e7,
            longitude_deg=longitude / 1e7,
            measured_ns=measured_ns,
            altitude_m=None if altitude == 800001 else altitude / 100,
            accuracy_m=axis / 100 if axis < 4094 else None,
        )
    happening, brake, indicator = 0, None, None
    if "accelerationControl" in high:
        brake, happening = _PEDALS[high["accelerationControl"]]
    if "lowFrequencyContainer" in parameters:
        form, low = parameters["lowFrequencyContainer"]
        if form == "basicVehicleContainerLowFrequency":
            indicator, hazard = _INDICATORS[low["exteriorLights"]]
            happening |= hazard
    if "specialVehicleContainer" in parameters:
        form, special = parameters["specialVehicleContainer"]
        if form in _ON_DUTY and special["lightBarSirenInUse"]:
            happening |= _EMERGENCY
        elif form == "dangerousGoodsContainer":
            happening |= _GOODS
    backward = high["driveDirection"] == _BACK
    speed = high["speed"]["speedValue"]
    speed_mps = None if speed > 16382 else -speed / 100 if backward else speed / 100
    heading = high["heading"]["headingValue"]
    yaw = high["yawRate"]["yawRateValue"]
    yaw_radps = yaw * _RADIANS if yaw != 32767 else _yaw_of(high["curvature"], speed_mps, radii)
    acceleration = high["longitudinalAcceleration"]["longitudinalAccelerationValue"]
    length = high["vehicleLength"]["vehicleLengthValue"]
    width = high["vehicleWidth"]
    return RemoteObject(
        kind=KINDS.get(basic["stationType"], "unknown"),
        latitude_deg=latitude / 1e7,
        longitude_deg=longitude / 1e7,
        measured_ns=measured_ns,
        altitude_m=None if altitude == 800001 else altitude / 100,
        speed_mps=speed_mps,
        heading_deg=None if heading == 3601 else (heading + 1800 * backward) % 3600 / 10,
        acceleration_mps2=None if acceleration == 161 else acceleration / 10,
        yaw_rate_radps=yaw_radps,
        length_m=length / 10 if length < 1022 else None,
        width_m=width / 10 if width < 61 else None,
        accuracy_m=axis / 100 if axis < 4094 else None,
        brake_pressed=brake,
        indicator=indicator,
        events=_EVENT_SETS[happening],
    )


def _yaw_of(curvature: Any, speed_mps: float | None, radii: int) -> float | None:
    value = curvature["curvatureValue"]
    unknown = 30001 if radii == 30000 else 1022
    if speed_mps is None or not -unknown < value < unknown:
        return None
    return speed_mps * value / radii


# ---------------------------------------------------------------- at a glance

_HIGH = "cam.camParameters.highFrequencyContainer.basicVehicleContainerHighFrequency"
_POSITION = "cam.camParameters.basicContainer.referencePosition"
_GLANCE = (
    "header.stationID",
    f"{_POSITION}.latitude",
    f"{_POSITION}.longitude",
    f"{_HIGH}.heading.headingValue",
    f"{_HIGH}.speed.speedValue",
    f"{_HIGH}.driveDirection",
    f"{_HIGH}.accelerationControl",
)
_HEAD_OCTETS = 42
"""A CAM of protocolVersion 2 up to accelerationControl, of which the last bit is the 329th."""


def _bit(place: int) -> int:
    return 1 << 8 * _HEAD_OCTETS - 1 - place


_EXTENDED = _bit(67) | _bit(199) | _bit(200) | _bit(299)
"""Additions to the basic container, another container, that of a road-side unit, a new calculation mode."""
_SUDDEN = _bit(201) | _bit(324)
"""accelerationControl is there, and in it emergencyBrakeEngaged."""


def peek_1(payload: bytes) -> Glimpse | None:
    """Sender, place and motion of a CAM of protocolVersion 1; None without a position. Raises CodecError."""
    return _glimpse(_glance_1()(payload))


def peek_2(payload: bytes) -> Glimpse | None:
    """Sender, place and motion of a CAM of protocolVersion 2; None without a position. Raises CodecError.

    A vehicle's fields stand at fixed places unless something extends an earlier one: those few shifts are
    written out here, everything else goes the general way.
    """
    head = int.from_bytes(payload[:_HEAD_OCTETS], "big")
    latitude, longitude = (head >> 229 & 0x7FFFFFFF) - 900000000, (head >> 197 & 0xFFFFFFFF) - 1800000000
    heading, direction = head >> 116 & 0xFFF, head >> 86 & 3
    usual = len(payload) >= _HEAD_OCTETS and not head & _EXTENDED
    if not usual or latitude > 900000000 or longitude > 1800000000 or heading > 3601 or direction > 2:
        return _glimpse(_glance_2()(payload))
    speed = head >> 95 & 0x3FFF
    return Glimpse(
        str(head >> 288 & 0xFFFFFFFF),
        latitude / 1e7,
        longitude / 1e7,
        None if speed == 16383 else -speed / 100 if direction == 1 else speed / 100,
        None if heading == 3601 else (heading if direction != 1 else heading + 1800) % 3600 / 10,
        head & _SUDDEN == _SUDDEN,
    )


@cache
def _glance_1() -> Callable[[bytes], tuple[Any, ...]]:
    return codec_1().peek(*_GLANCE)


@cache
def _glance_2() -> Callable[[bytes], tuple[Any, ...]]:
    return CODEC.peek(*_GLANCE)


def _glimpse(fields: tuple[Any, ...]) -> Glimpse | None:
    station, latitude, longitude, heading, speed, direction, control = fields
    if latitude == 900000001 or longitude == 1800000001:
        return None
    if speed is None:  # a road-side unit
        return Glimpse(str(station), latitude / 1e7, longitude / 1e7, None, None, False)
    backward = direction == _BACK
    return Glimpse(
        str(station),
        latitude / 1e7,
        longitude / 1e7,
        None if speed > 16382 else -speed / 100 if backward else speed / 100,
        None if heading == 3601 else (heading + 1800 * backward) % 3600 / 10,
        control is not None and _PEDALS[control][1] != 0,
    )
