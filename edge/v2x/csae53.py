"""China: BSM in MessageFrame as T/CSAE 53-2020 and YD/T 3709-2020 define them, to and from RemoteObject.

The table is that of the published module set of 2019-07-24, which decodes public recordings of road-side
units; its identity with the printed standards is inferred. Messages other than BSM are told apart, not read.
"""

from __future__ import annotations

import math
from typing import Any

from edge.messages import RemoteObject
from edge.v2x.codegen import Codec
from edge.v2x.scales import degrees, physical, steps
from edge.v2x.uper import Bits, Choice, Enumerated, Integer, Octets, Sequence, SequenceOf, Unread, bits, flags

# ---------------------------------------------------------------- the table

LATITUDE = Integer(-900000000, 900000001)
LONGITUDE = Integer(-1799999999, 1800000001)
ELEVATION = Integer(-4096, 61439)
SPEED = Integer(0, 8191)
HEADING = Integer(0, 28800)
D_SECOND = Integer(0, 65535)
ACCELERATION = Integer(-2000, 2001)
CONFIDENCE = Integer(0, 200)
TIME_CONFIDENCE = Enumerated(
    "unavailable time-100-000 time-050-000 time-020-000 time-010-000 time-002-000 time-001-000 time-000-500"
    " time-000-200 time-000-100 time-000-050 time-000-020 time-000-010 time-000-005 time-000-002 time-000-001"
    " time-000-000-5 time-000-000-2 time-000-000-1 time-000-000-05 time-000-000-02 time-000-000-01"
    " time-000-000-005 time-000-000-002 time-000-000-001 time-000-000-000-5 time-000-000-000-2"
    " time-000-000-000-1 time-000-000-000-05 time-000-000-000-02 time-000-000-000-01 time-000-000-000-005"
    " time-000-000-000-002 time-000-000-000-001 time-000-000-000-000-5 time-000-000-000-000-2"
    " time-000-000-000-000-1 time-000-000-000-000-05 time-000-000-000-000-02 time-000-000-000-000-01"
)
POSITION_3D = Sequence({"lat": LATITUDE, "long": LONGITUDE, "elevation?": ELEVATION})
POSITION_CONFIDENCE = Enumerated(
    "unavailable a500m a200m a100m a50m a20m a10m a5m a2m a1m a50cm a20cm a10cm a5cm a2cm a1cm"
)
ELEVATION_CONFIDENCE = Enumerated(
    "unavailable elev-500-00 elev-200-00 elev-100-00 elev-050-00 elev-020-00 elev-010-00 elev-005-00"
    " elev-002-00 elev-001-00 elev-000-50 elev-000-20 elev-000-10 elev-000-05 elev-000-02 elev-000-01"
)
POSITION_CONFIDENCE_SET = Sequence({"pos": POSITION_CONFIDENCE, "elevation?": ELEVATION_CONFIDENCE})
POSITIONAL_ACCURACY = Sequence(
    {"semiMajor": Integer(0, 255), "semiMinor": Integer(0, 255), "orientation": Integer(0, 65535)}
)
TRANSMISSION_STATE = Enumerated(
    "neutral park forwardGears reverseGears reserved1 reserved2 reserved3 unavailable"
)
MOTION_CONFIDENCE_SET = Sequence(
    {
        "speedCfd?": Enumerated(
            "unavailable prec100ms prec10ms prec5ms prec1ms prec0-1ms prec0-05ms prec0-01ms"
        ),
        "headingCfd?": Enumerated(
            "unavailable prec10deg prec05deg prec01deg prec0-1deg prec0-05deg prec0-01deg prec0-0125deg"
        ),
        "steerCfd?": Enumerated("unavailable prec2deg prec1deg prec0-02deg"),
    }
)
ACCELERATION_SET = Sequence(
    {"long": ACCELERATION, "lat": ACCELERATION, "vert": Integer(-127, 127), "yaw": Integer(-32767, 32767)}
)
WHEEL_BRAKES = Bits(5, names="unavailable leftFront leftRear rightFront rightRear")
_ON_OFF = Enumerated("unavailable off on")
_ENGAGED = Enumerated("unavailable off on engaged")
BRAKES = Sequence(
    {
        "brakePadel?": _ON_OFF,  # so spelt in the standard
        "wheelBrakes?": WHEEL_BRAKES,
        "traction?": _ENGAGED,
        "abs?": _ENGAGED,
        "scs?": _ENGAGED,
        "brakeBoost?": _ON_OFF,
        "auxBrakes?": Enumerated("unavailable off on reserved"),
    }
)
SIZE = Sequence({"width": Integer(0, 1023), "length": Integer(0, 4095), "height?": Integer(0, 127)})
VEHICLE_CLASS = Sequence({"classification": Integer(0, 255), "fuelType?": Integer(0, 15)}, extensible=True)
EVENTS = Bits(
    13,
    names="eventHazardLights eventStopLineViolation eventABSactivated eventTractionControlLoss"
    " eventStabilityControlactivated eventHazardousMaterials eventReserved1 eventHardBraking"
    " eventLightsChanged eventWipersChanged eventFlatTire eventDisabledVehicle eventAirBagDeployment",
    extensible=True,
)
LIGHTS = Bits(
    9,
    names="lowBeamHeadlightsOn highBeamHeadlightsOn leftTurnSignalOn rightTurnSignalOn hazardSignalOn"
    " automaticLightControlOn daytimeRunningLightsOn fogLightOn parkingLightsOn",
    extensible=True,
)


def _offset(bit_count: int) -> Sequence:
    both = Integer(-(1 << bit_count - 1), (1 << bit_count - 1) - 1)
    return Sequence({"lon": both, "lat": both})


POSITION_OFFSET = Sequence(
    {
        "offsetLL": Choice(
            {f"position-LL{i}": _offset(bit_count) for i, bit_count in enumerate((12, 14, 16, 18, 22, 24), 1)}
            | {"position-LatLon": Sequence({"lon": LONGITUDE, "lat": LATITUDE})}
        ),
        "offsetV?": Choice(
            {f"offset{i}": Integer(-(64 << i - 1), (64 << i - 1) - 1) for i in range(1, 7)}
            | {"elevation": ELEVATION}
        ),
    }
)
DATE_TIME = Sequence(
    {
        "year?": Integer(0, 4095),
        "month?": Integer(0, 12),
        "day?": Integer(0, 31),
        "hour?": Integer(0, 24),
        "minute?": Integer(0, 60),
        "second?": D_SECOND,
        "offset?": Integer(-720, 721),
    }
)
FULL_POSITION = Sequence(
    {
        "utcTime?": DATE_TIME,
        "pos": POSITION_3D,
        "heading?": HEADING,
        "transmission?": TRANSMISSION_STATE,
        "speed?": SPEED,
        "posAccuracy?": POSITIONAL_ACCURACY,
        "posConficence?": POSITION_CONFIDENCE_SET,  # so spelt in the standard
        "timeConfidence?": TIME_CONFIDENCE,
        "motionCfd?": MOTION_CONFIDENCE_SET,
    },
    extensible=True,
)
PATH_POINT = Sequence(
    {
        "llvOffset": POSITION_OFFSET,
        "timeOffset": Integer(1, 65535),
        "speed?": SPEED,
        "posAccuracy?": POSITION_CONFIDENCE_SET,
        "heading?": Integer(0, 240),
    },
    extensible=True,
)
GNSS_STATUS = Bits(
    8,
    names="unavailable isHealthy isMonitored baseStationType aPDOPofUnder5 inViewOfUnder5"
    " localCorrectionsPresent networkCorrectionsPresent",
)
SAFETY_EXTENSIONS = Sequence(
    {
        "events?": EVENTS,
        "pathHistory?": Sequence(
            {
                "initialPosition?": FULL_POSITION,
                "currGNSSstatus?": GNSS_STATUS,
                "crumbData": SequenceOf(PATH_POINT, 1, 23),
            },
            extensible=True,
        ),
        "pathPrediction?": Sequence(
            {"radiusOfCurve": Integer(-32767, 32767), "confidence": CONFIDENCE}, extensible=True
        ),
        "lights?": LIGHTS,
    },
    extensible=True,
)
EMERGENCY_EXTENSIONS = Sequence(
    {
        "responseType?": Enumerated(
            "notInUseOrNotEquipped emergency nonEmergency pursuit stationary slowMoving stopAndGoMovement",
            extensible=True,
        ),
        "sirenUse?": Enumerated("unavailable notInUse inUse reserved"),
        "lightsUse?": Enumerated(
            "unavailable notInUse inUse yellowCautionLights schooldBusLights arrowSignsActive"
            " slowMovingVehicle freqStops"
        ),
    },
    extensible=True,
)
BSM = Sequence(
    {
        "msgCnt": Integer(0, 127),
        "id": Octets(8),
        "secMark": D_SECOND,
        "timeConfidence?": TIME_CONFIDENCE,
        "pos": POSITION_3D,
        "posAccuracy?": POSITIONAL_ACCURACY,
        "posConfidence?": POSITION_CONFIDENCE_SET,
        "transmission": TRANSMISSION_STATE,
        "speed": SPEED,
        "heading": HEADING,
        "angle?": Integer(-126, 127),
        "motionCfd?": MOTION_CONFIDENCE_SET,
        "accelSet": ACCELERATION_SET,
        "brakes": BRAKES,
        "size": SIZE,
        "vehicleClass": VEHICLE_CLASS,
        "safetyExt?": SAFETY_EXTENSIONS,
        "emergencyExt?": EMERGENCY_EXTENSIONS,
    },
    extensible=True,
)
MESSAGE_FRAME = Choice(
    {
        "bsmFrame": BSM,
        "mapFrame": Unread(),
        "rsmFrame": Unread(),
        "spatFrame": Unread(),
        "rsiFrame": Unread(),
    },
    extensible=True,
)

MESSAGE_FRAME_CODEC = Codec("MessageFrame", MESSAGE_FRAME)

# ---------------------------------------------------------------- to and from the neutral model

_ACCURACY_M = (500, 200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
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
    latitude_deg = physical(pos["lat"], 1e-7, -900000000, 900000000)
    longitude_deg = physical(pos["long"], 1e-7, -1799999999, 1800000000)
    if latitude_deg is None or longitude_deg is None:
        return None
    right_deg_s = physical(acceleration["yaw"], 0.01, -_YAW_UNKNOWN, _YAW_UNKNOWN - 1)
    return RemoteObject(
        kind=kind_of_class(bsm["vehicleClass"]["classification"]),
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        altitude_m=physical(pos.get("elevation", -4096), 0.1, -4095, 61439),
        speed_mps=physical(bsm["speed"], 0.02, 0, 8190),
        heading_deg=physical(bsm["heading"], 0.0125, 0, 28799),
        acceleration_mps2=physical(acceleration["long"], 0.01, -2000, 2000),
        yaw_rate_radps=None if right_deg_s is None else 0.0 - math.radians(right_deg_s),
        length_m=physical(size["length"], 0.01, 1, 4095),
        width_m=physical(size["width"], 0.01, 1, 1023),
        accuracy_m=_accuracy_m(bsm),
        brake_pressed=_brake_pressed(bsm["brakes"]),
        events=_events(bsm),
    )


def _accuracy_m(bsm: dict[str, Any]) -> float | None:
    axis = physical(bsm.get("posAccuracy", {}).get("semiMajor", 255), 0.05, 0, 253)
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
        "lat": degrees("pos.lat", content.latitude_deg, 1e-7, 90.0),
        "long": max(degrees("pos.long", content.longitude_deg, 1e-7, 180.0), -1799999999),
        "elevation": steps("pos.elevation", content.altitude_m, 0.1, -4095, 61439, -4096),
    }
    bsm: dict[str, Any] = {
        "msgCnt": count % 128,
        "id": station_id.to_bytes(8, "big"),
        "secMark": utc_ns // 1_000_000 % 60_000,
        "pos": position,
        "transmission": "unavailable",
        "speed": steps("speed", content.speed_mps, 0.02, 0, 8190, 8191),
        "heading": 28800 if content.heading_deg is None else _heading(content.heading_deg),
        "accelSet": {
            "long": steps("accelSet.long", content.acceleration_mps2, 0.01, -2000, 2000, 2001),
            "lat": 2001,
            "vert": -127,
            "yaw": steps(
                "accelSet.yaw", None if yaw is None else -math.degrees(yaw), 0.01, -32766, 32766, _YAW_UNKNOWN
            ),
        },
        "brakes": brakes,
        "size": {
            "width": steps("size.width", content.width_m, 0.01, 1, 1023, 0),
            "length": steps("size.length", content.length_m, 0.01, 1, 4095, 0),
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
    return steps("heading", heading_deg % 360.0, 0.0125, 0, 28800, 28800) % 28800
