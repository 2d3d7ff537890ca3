"""China: BSM as T/CSAE 53-2020 and YD/T 3709-2020 define it, to and from RemoteObject."""

from __future__ import annotations

import math
from typing import Any

from edge.messages import RemoteObject
from edge.v2x.csae53.schema import EVENTS, LIGHTS, MESSAGE_FRAME, POSITION_CONFIDENCE, WHEEL_BRAKES
from edge.v2x.scales import degrees, physical, steps
from edge.v2x.uper import Codec, bits, flags

MESSAGE_FRAME_CODEC = Codec("MessageFrame", MESSAGE_FRAME)

# ---------------------------------------------------------------- to and from the neutral model

_ACCURACY_M = (500.0, 200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
_POSITION_CONFIDENCE = dict(zip(POSITION_CONFIDENCE.names.split()[1:], _ACCURACY_M, strict=True))
_EVENTS = {
    "eventHazardLights": "hazard_lights",
    "eventABSactivated": "abs_active",
    "eventTractionControlLoss": "traction_control_active",
    "eventStabilityControlactivated": "stability_control_active",
    "eventHardBraking": "hard_braking",
    "eventFlatTire": "flat_tyre",
    "eventDisabledVehicle": "disabled",
}
_CLASS_OF_KIND = {"car": 10, "truck": 25, "motorcycle": 40, "bus": 50, "person": 82, "bicycle": 85}
_YAW_UNKNOWN = 32767  # the standard names none; no car turns at 328 deg/s


def kind_of_class(code: int) -> str:
    """BasicVehicleClass, whose codes T/CSAE 53 and SAE J2735 share, as a kind of RoadUser."""
    if code in (82, 83, 84, 86):
        return "person"
    if code in (62, 66):  # light vehicles of the fire brigade and the police
        return "car"
    families = (
        (10, 20, "car"),
        (20, 40, "truck"),
        (40, 50, "motorcycle"),
        (50, 60, "bus"),
        (85, 86, "bicycle"),
    )
    return next((kind for first, end, kind in families if first <= code < end), "unknown")


def remote_object(bsm: dict[str, Any]) -> RemoteObject | None:
    """A decoded BSM as a neutral object; None when it does not know its own position.

    Its turning rate is positive to the right, ours to the left. "emergency_vehicle" means: on duty, with
    siren or lights in use or the response said to be an emergency or a pursuit.
    """
    pos, acceleration, size = bsm["pos"], bsm["accelSet"], bsm["size"]
    latitude_deg = physical(pos["lat"], 1e7, -900000000, 900000000)
    longitude_deg = physical(pos["long"], 1e7, -1799999999, 1800000000)
    if latitude_deg is None or longitude_deg is None:
        return None
    right_deg_s = physical(acceleration["yaw"], 100, -_YAW_UNKNOWN, _YAW_UNKNOWN - 1)
    return RemoteObject(
        kind=kind_of_class(bsm["vehicleClass"]["classification"]),
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        altitude_m=physical(pos.get("elevation", -4096), 10, -4095, 61439),
        speed_mps=physical(bsm["speed"], 50, 0, 8190),
        heading_deg=physical(bsm["heading"], 80, 0, 28799),
        acceleration_mps2=physical(acceleration["long"], 100, -2000, 2000),
        yaw_rate_radps=None if right_deg_s is None else 0.0 - math.radians(right_deg_s),
        length_m=physical(size["length"], 100, 1, 4095),
        width_m=physical(size["width"], 100, 1, 1023),
        accuracy_m=_accuracy_m(bsm),
        brake_pressed=_brake_pressed(bsm["brakes"]),
        events=_events(bsm),
    )


def _accuracy_m(bsm: dict[str, Any]) -> float | None:
    axis = physical(bsm.get("posAccuracy", {}).get("semiMajor", 255), 20, 0, 253)
    return _POSITION_CONFIDENCE.get(bsm.get("posConfidence", {}).get("pos", "")) if axis is None else axis


def _brake_pressed(brakes: dict[str, Any]) -> bool | None:
    pedal = {"off": False, "on": True}.get(brakes.get("brakePadel", ""))
    if pedal is not None or "wheelBrakes" not in brakes:
        return pedal
    wheels = flags(WHEEL_BRAKES, brakes["wheelBrakes"])
    return None if "unavailable" in wheels else bool(wheels)


def _events(bsm: dict[str, Any]) -> tuple[str, ...]:
    safety, emergency, brakes = bsm.get("safetyExt", {}), bsm.get("emergencyExt", {}), bsm["brakes"]
    said = {_EVENTS[name] for name in flags(EVENTS, safety.get("events", 0)) if name in _EVENTS}
    if "hazardSignalOn" in flags(LIGHTS, safety.get("lights", 0)):
        said.add("hazard_lights")
    for name, event in (("abs", "abs"), ("traction", "traction_control"), ("scs", "stability_control")):
        if brakes.get(name) == "engaged":
            said.add(f"{event}_active")
    in_use = (emergency.get("sirenUse"), emergency.get("lightsUse"))
    if "inUse" in in_use or emergency.get("responseType") in ("emergency", "pursuit"):
        said.add("emergency_vehicle")
    return tuple(sorted(said))


def message_frame(
    content: RemoteObject, station_id: int, count: int, utc_ns: int
) -> tuple[str, dict[str, Any]]:
    """Our own state as a MessageFrame with a BSM. Raises CodecError for a position that is none.

    station_id: 64 bits; count: of messages sent, modulo 128 on the air; utc_ns: when the state held.
    """
    has = set(content.events)
    yaw = content.yaw_rate_radps
    brakes: dict[str, Any] = {}
    if content.brake_pressed is not None:
        brakes["brakePadel"] = "on" if content.brake_pressed else "off"
    for name, event in (("traction", "traction_control"), ("abs", "abs"), ("scs", "stability_control")):
        if f"{event}_active" in has:
            brakes[name] = "engaged"
    position = {
        "lat": degrees("pos.lat", content.latitude_deg, 1e7, 90.0),
        "long": max(degrees("pos.long", content.longitude_deg, 1e7, 180.0), -1799999999),
        "elevation": steps("pos.elevation", content.altitude_m, 10, -4095, 61439, -4096),
    }
    bsm: dict[str, Any] = {
        "msgCnt": count % 128,
        "id": station_id.to_bytes(8, "big"),
        "secMark": utc_ns // 1_000_000 % 60_000,
        "pos": position,
        "transmission": "unavailable",
        "speed": steps("speed", content.speed_mps, 50, 0, 8190, 8191),
        "heading": 28800 if content.heading_deg is None else _heading(content.heading_deg),
        "accelSet": {
            "long": steps("accelSet.long", content.acceleration_mps2, 100, -2000, 2000, 2001),
            "lat": 2001,
            "vert": -127,
            "yaw": steps(
                "accelSet.yaw", None if yaw is None else -math.degrees(yaw), 100, -32766, 32766, _YAW_UNKNOWN
            ),
        },
        "brakes": brakes,
        "size": {
            "width": steps("size.width", content.width_m, 100, 1, 1023, 0),
            "length": steps("size.length", content.length_m, 100, 1, 4095, 0),
        },
        "vehicleClass": {"classification": _CLASS_OF_KIND.get(content.kind, 0)},
    }
    if content.accuracy_m is not None and content.accuracy_m <= _ACCURACY_M[0]:
        within = (name for name, limit_m in _POSITION_CONFIDENCE.items() if limit_m >= content.accuracy_m)
        bsm["posConfidence"] = {"pos": list(within)[-1]}
    events = {name for name, event in _EVENTS.items() if event in has}
    if events:
        bsm["safetyExt"] = {"events": bits(EVENTS, events)}
    if "emergency_vehicle" in has:
        bsm["emergencyExt"] = {"responseType": "emergency"}
    return "bsmFrame", bsm


def _heading(heading_deg: float) -> int:
    return steps("heading", heading_deg % 360.0, 80, 0, 28800, 28800) % 28800
