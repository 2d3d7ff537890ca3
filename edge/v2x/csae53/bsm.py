"""China: BSM as T/CSAE 53-2020 and YD/T 3709-2020 define it, to and from RemoteObject."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

from edge.messages import RemoteObject
from edge.v2x.csae53.bsm_schema import EVENTS, LIGHTS
from edge.v2x.csae53.elements import POSITION_CONFIDENCE
from edge.v2x.csae53.places import NO_ELEVATION, NO_LATITUDE, NO_LONGITUDE, offset, position, position_of
from edge.v2x.csae53.schema import codec
from edge.v2x.moments import Now
from edge.v2x.scales import steps
from edge.v2x.sets import Glimpse, PathPoint
from edge.v2x.uper import CodecError, bits

CODEC = codec("bsmFrame")

# ---------------------------------------------------------------- what the standard says, as tables

_ACCURACY_M = (500.0, 200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
CONFIDENCE_M = dict(zip(POSITION_CONFIDENCE.names.split()[1:], _ACCURACY_M, strict=True))
_EVENTS = {
    "eventHazardLights": "hazard_lights",
    "eventStopLineViolation": "stop_line_violation",
    "eventABSactivated": "abs_active",
    "eventTractionControlLoss": "traction_control_active",
    "eventStabilityControlactivated": "stability_control_active",
    "eventHazardousMaterials": "hazardous_materials",
    "eventHardBraking": "hard_braking",
    "eventFlatTire": "flat_tyre",
    "eventDisabledVehicle": "disabled",
    "eventAirBagDeployment": "air_bag",
}
_EVENT_BITS = {event: bits(EVENTS, {name}) for name, event in _EVENTS.items()}
_EMERGENCY = 1 << EVENTS.low  # beside the bits of the standard
_EVENT_BITS["emergency_vehicle"] = _EMERGENCY
_SAID = sum(_EVENT_BITS.values()) & ~_EMERGENCY
_HAZARD, _ABS = _EVENT_BITS["hazard_lights"], _EVENT_BITS["abs_active"]
_TRACTION, _STABILITY = _EVENT_BITS["traction_control_active"], _EVENT_BITS["stability_control_active"]
_LEFT, _RIGHT = bits(LIGHTS, {"leftTurnSignalOn"}), bits(LIGHTS, {"rightTurnSignalOn"})
_HAZARD_LIGHT = bits(LIGHTS, {"hazardSignalOn"})
_WHEEL_UNAVAILABLE = 0b10000
CLASS_OF_KIND = {"car": 10, "truck": 25, "motorcycle": 40, "bus": 50, "person": 82, "bicycle": 85}
YAW_UNKNOWN = 32767  # the standard names none; no car turns at 328 deg/s
RAD_PER_STEP = math.pi / 18000
_OLD_NS = 30_000_000_000  # a time within a minute can be told apart for so long
_MAX_PATH = 23
_HAS_EMERGENCY = 0x10  # in the second octet, the last presence bit: it saves walking through the path


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


KINDS = tuple(kind_of_class(code) for code in range(256))


def _indicator(lights: int) -> str:
    left, right = lights & _LEFT, lights & _RIGHT
    if lights & _HAZARD_LIGHT or (left and right):
        return "both"
    return "left" if left else "right" if right else "off"


_INDICATORS: tuple[Any, ...] = tuple(_indicator(lights) for lights in range(1 << LIGHTS.low))


@lru_cache(maxsize=4096)
def _events(said: int) -> tuple[str, ...]:
    return tuple(sorted(event for event, bit in _EVENT_BITS.items() if said & bit))


# ---------------------------------------------------------------- in


def remote_object(bsm: dict[str, Any], measured_ns: int | None = None) -> RemoteObject | None:
    """A decoded BSM as a neutral object; None when it does not know its own position.

    Its turning rate is positive to the right, ours to the left. "emergency_vehicle" means: on duty, with
    siren or lights in use or the response said to be an emergency or a pursuit.
    """
    pos = bsm["pos"]
    latitude, longitude = pos["lat"], pos["long"]
    if latitude == NO_LATITUDE or longitude == NO_LONGITUDE:
        return None
    elevation = pos.get("elevation", NO_ELEVATION)
    speed, heading, size = bsm["speed"], bsm["heading"], bsm["size"]
    along, yaw = bsm["accelSet"]["long"], bsm["accelSet"]["yaw"]
    length, width = size["length"], size["width"]
    indicator = brake_pressed = accuracy_m = None
    said = 0
    if "safetyExt" in bsm:
        safety = bsm["safetyExt"]
        said = safety.get("events", 0) & _SAID
        if "lights" in safety:
            indicator = _INDICATORS[safety["lights"]]
            if safety["lights"] & _HAZARD_LIGHT:
                said |= _HAZARD
    brakes = bsm["brakes"]
    if brakes:
        brake_pressed = _PEDAL.get(brakes.get("brakePadel"))
        if brake_pressed is None and "wheelBrakes" in brakes:
            wheels = brakes["wheelBrakes"]
            brake_pressed = None if wheels & _WHEEL_UNAVAILABLE else wheels != 0
        if brakes.get("abs") == "engaged":
            said |= _ABS
        if brakes.get("traction") == "engaged":
            said |= _TRACTION
        if brakes.get("scs") == "engaged":
            said |= _STABILITY
    if "emergencyExt" in bsm and _on_duty(bsm["emergencyExt"]):
        said |= _EMERGENCY
    if "posAccuracy" in bsm and bsm["posAccuracy"]["semiMajor"] < 254:
        accuracy_m = bsm["posAccuracy"]["semiMajor"] / 20
    elif "posConfidence" in bsm:
        accuracy_m = CONFIDENCE_M.get(bsm["posConfidence"]["pos"])
    return RemoteObject(  # 15 keywords: with more CPython makes a dict first, three times as slow
        kind=KINDS[bsm["vehicleClass"]["classification"]],
        latitude_deg=latitude / 1e7,
        longitude_deg=longitude / 1e7,
        measured_ns=measured_ns,
        altitude_m=None if elevation == NO_ELEVATION else elevation / 10,
        speed_mps=speed_of(speed, bsm.get("transmission") == "reverseGears"),
        heading_deg=None if heading == 28800 else heading / 80,
        acceleration_mps2=None if along == 2001 else along / 100,
        yaw_rate_radps=None if yaw == YAW_UNKNOWN else 0.0 - yaw * RAD_PER_STEP,
        length_m=length / 100 if length else None,
        width_m=width / 100 if width else None,
        accuracy_m=accuracy_m,
        brake_pressed=brake_pressed,
        indicator=indicator,
        events=_events(said) if said else (),
    )


_PEDAL: dict[Any, bool] = {"off": False, "on": True}


def _on_duty(emergency: dict[str, Any]) -> bool:
    in_use = (emergency.get("sirenUse"), emergency.get("lightsUse"))
    return "inUse" in in_use or emergency.get("responseType") in ("emergency", "pursuit")


def speed_of(count: int, backwards: bool) -> float | None:
    """Speed in m/s, with a sign for the gear."""
    if count == 8191:
        return None
    return -count / 50 if backwards and count else count / 50


def peek(payload: bytes) -> Glimpse | None:
    """Sender, place and motion of a BSM, read alone; None where it is another or knows no place of its own.

    Raises CodecError.
    """
    sender, latitude, longitude, gear, speed, heading, events = _glance()(payload)
    if sender is None or latitude == NO_LATITUDE or longitude == NO_LONGITUDE:
        return None
    return Glimpse(
        sender.hex(),
        latitude / 1e7,
        longitude / 1e7,
        speed_of(speed, gear == "reverseGears"),
        None if heading == 28800 else heading / 80,
        payload[1] & _HAS_EMERGENCY != 0 or (events is not None and events & _SAID != 0),
    )


@cache
def _glance() -> Callable[[bytes], tuple[Any, ...]]:
    fields = ("id", "pos.lat", "pos.long", "transmission", "speed", "heading", "safetyExt.events")
    return CODEC.peek(*(f"bsmFrame.{field}" for field in fields))


# ---------------------------------------------------------------- out


def bsm(
    content: RemoteObject, station_id: int, count: int, now: Now, path: Sequence[PathPoint] = ()
) -> bytes:
    """Our own state as a BSM in its frame. Raises CodecError for a position that is none.

    station_id: 64 bits; count: of messages sent, modulo 128 on the air; path: where we were, in any order,
    of which the newest 23 go into the path history.
    """
    return CODEC.encode(("bsmFrame", message(content, station_id, count, now, path)))


def message(
    content: RemoteObject, station_id: int, count: int, now: Now, path: Sequence[PathPoint] = ()
) -> dict[str, Any]:
    """The fields of a BSM."""
    has = set(content.events)
    here = position_of(content)
    brakes: dict[str, Any] = {}
    if content.brake_pressed is not None:
        brakes["brakePadel"] = "on" if content.brake_pressed else "off"
    for name, event in (("traction", "traction_control"), ("abs", "abs"), ("scs", "stability_control")):
        if f"{event}_active" in has:
            brakes[name] = "engaged"
    fields: dict[str, Any] = {
        "msgCnt": count % 128,
        "id": identity(station_id),
        "secMark": second_mark(content, now),
        "pos": here,
        "transmission": gear(content.speed_mps),
        "speed": speed_steps(content.speed_mps),
        "heading": heading_steps(content.heading_deg),
        "accelSet": acceleration_set(content),
        "brakes": brakes,
        "size": size_of(content),
        "vehicleClass": {"classification": CLASS_OF_KIND.get(content.kind, 0)},
    }
    confidence = confidence_name(content.accuracy_m)
    if confidence != "unavailable":
        fields["posConfidence"] = {"pos": confidence}
    safety: dict[str, Any] = {}
    events = sum(_EVENT_BITS[event] for event in has if event in _EVENT_BITS) & _SAID
    if events:
        safety["events"] = events
    crumbs = _crumbs(path, here, now)
    if crumbs:
        safety["pathHistory"] = {"crumbData": crumbs}
    if content.indicator is not None:
        safety["lights"] = _lights(content.indicator, "hazard_lights" in has)
    if safety:
        fields["safetyExt"] = safety
    if "emergency_vehicle" in has:
        fields["emergencyExt"] = {"responseType": "emergency"}
    return fields


def _lights(indicator: str, hazard: bool) -> int:
    if indicator == "both":
        return _HAZARD_LIGHT if hazard else _LEFT | _RIGHT
    return {"left": _LEFT, "right": _RIGHT}.get(indicator, 0)


def _crumbs(path: Sequence[PathPoint], here: dict[str, int], now: Now) -> list[dict[str, Any]]:
    """PathHistoryPointList, newest first; times in 10 ms before now, 65534 for all that is older."""
    newest = sorted((point for point in path if point.t_ns < now.t_ns), key=lambda p: -p.t_ns)[:_MAX_PATH]
    return [
        {
            "llvOffset": offset(position(p.latitude_deg, p.longitude_deg, p.altitude_m), here),
            "timeOffset": min(max(round((now.t_ns - p.t_ns) / 1e7), 1), 65534),
        }
        for p in newest
    ]


def identity(station_id: int) -> bytes:
    """The id of the sender. Raises CodecError for more than 64 bits."""
    if not 0 <= station_id < 1 << 64:
        raise CodecError("id", f"{station_id} does not fit in 64 bits", "unencodable")
    return station_id.to_bytes(8, "big")


def second_mark(content: RemoteObject, now: Now) -> int:
    """DSecond of when it held; 65535, unknown, when that is too long ago to be told by it."""
    ago_ns = 0 if content.measured_ns is None else now.t_ns - content.measured_ns
    return 65535 if abs(ago_ns) >= _OLD_NS else (now.utc_ns - ago_ns) // 1_000_000 % 60_000


def gear(speed_mps: float | None) -> str:
    """TransmissionState, as far as the sign of the speed tells."""
    if speed_mps is None or speed_mps == 0:
        return "unavailable"
    return "forwardGears" if speed_mps > 0 else "reverseGears"


def speed_steps(speed_mps: float | None) -> int:
    """Speed, which has no sign."""
    return steps("speed", None if speed_mps is None else abs(speed_mps), 50, 0, 8190, 8191)


def heading_steps(heading_deg: float | None) -> int:
    """Heading."""
    if heading_deg is None:
        return 28800
    return steps("heading", heading_deg % 360.0, 80, 0, 28800, 28800) % 28800


def acceleration_set(content: RemoteObject) -> dict[str, int]:
    """AccelerationSet4Way; its turning rate is positive to the right."""
    yaw = content.yaw_rate_radps
    right_deg_s = None if yaw is None else -math.degrees(yaw)
    return {
        "long": steps("accelSet.long", content.acceleration_mps2, 100, -2000, 2000, 2001),
        "lat": 2001,
        "vert": -127,
        "yaw": steps("accelSet.yaw", right_deg_s, 100, -32766, 32766, YAW_UNKNOWN),
    }


def size_of(content: RemoteObject) -> dict[str, int]:
    """VehicleSize; 0 where it is unknown."""
    return {
        "width": steps("size.width", content.width_m, 100, 1, 1023, 0),
        "length": steps("size.length", content.length_m, 100, 1, 4095, 0),
    }


def confidence_name(accuracy_m: float | None) -> str:
    """PositionConfidence: the finest step that still holds it."""
    if accuracy_m is None or not accuracy_m <= _ACCURACY_M[0]:
        return "unavailable"
    return [name for name, limit_m in CONFIDENCE_M.items() if limit_m >= accuracy_m][-1]
