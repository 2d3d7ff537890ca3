"""The table of BSM, SAE J2735 (2016 and later).

Written from facts that public software and recordings show, not from the standard's text. Part II is read
whole for vehicle safety extensions; of the two others only the beginning is known.
"""

from __future__ import annotations

from edge.v2x.csae53.bsm_schema import EVENTS, GNSS_STATUS, LIGHTS, POSITIONAL_ACCURACY, WHEEL_BRAKES
from edge.v2x.csae53.elements import TIME_CONFIDENCE, TRANSMISSION_STATE
from edge.v2x.uper import Bits, Enumerated, Integer, Octets, OpenBy, Sequence, SequenceOf, Unread

LATITUDE = Integer(-900000000, 900000001)
LONGITUDE = Integer(-1799999999, 1800000001)
ELEVATION = Integer(-4096, 61439)
SPEED = Integer(0, 8191)
HEADING = Integer(0, 28800)
_ACCELERATION = Integer(-2000, 2001)
_ENGAGED = Enumerated("unavailable off on engaged")
CORE_DATA = Sequence(
    {
        "msgCnt": Integer(0, 127),
        "id": Octets(4),
        "secMark": Integer(0, 65535),
        "lat": LATITUDE,
        "long": LONGITUDE,
        "elev": ELEVATION,
        "accuracy": POSITIONAL_ACCURACY,
        "transmission": TRANSMISSION_STATE,
        "speed": SPEED,
        "heading": HEADING,
        "angle": Integer(-126, 127),
        "accelSet": Sequence(
            {
                "long": _ACCELERATION,
                "lat": _ACCELERATION,
                "vert": Integer(-127, 127),
                "yaw": Integer(-32767, 32767),
            }
        ),
        "brakes": Sequence(
            {
                "wheelBrakes": WHEEL_BRAKES,
                "traction": _ENGAGED,
                "abs": _ENGAGED,
                "scs": _ENGAGED,
                "brakeBoost": Enumerated("unavailable off on"),
                "auxBrakes": Enumerated("unavailable off on reserved"),
            }
        ),
        "size": Sequence({"width": Integer(0, 1023), "length": Integer(0, 4095)}),
    }
)
FULL_POSITION_VECTOR = Sequence(
    {
        "utcTime?": Sequence(
            {
                "year?": Integer(0, 4095),
                "month?": Integer(0, 12),
                "day?": Integer(0, 31),
                "hour?": Integer(0, 31),
                "minute?": Integer(0, 60),
                "second?": Integer(0, 65535),
                "offset?": Integer(-840, 840),
            }
        ),
        "long": LONGITUDE,
        "lat": LATITUDE,
        "elevation?": ELEVATION,
        "heading?": HEADING,
        "speed?": Sequence({"transmisson": TRANSMISSION_STATE, "speed": SPEED}),  # so spelt
        "posAccuracy?": POSITIONAL_ACCURACY,
        "timeConfidence?": TIME_CONFIDENCE,
        "posConfidence?": Sequence({"pos": Integer(0, 15), "elevation": Integer(0, 15)}),
        "speedConfidence?": Sequence(
            {"heading": Integer(0, 7), "speed": Integer(0, 7), "throttle": Integer(0, 3)}
        ),
    },
    extensible=True,
)
PATH_HISTORY_POINT = Sequence(
    {
        "latOffset": Integer(-131072, 131071),
        "lonOffset": Integer(-131072, 131071),
        "elevationOffset": Integer(-2048, 2047),
        "timeOffset": Integer(1, 65535),
        "speed?": SPEED,
        "posAccuracy?": POSITIONAL_ACCURACY,
        "heading?": Integer(0, 240),
    },
    extensible=True,
)
SAFETY_EXTENSIONS = Sequence(
    {
        "events?": EVENTS,
        "pathHistory?": Sequence(
            {
                "initialPosition?": FULL_POSITION_VECTOR,
                "currGNSSstatus?": GNSS_STATUS,
                "crumbData": SequenceOf(PATH_HISTORY_POINT, 1, 23),
            },
            extensible=True,
        ),
        "pathPrediction?": Sequence(
            {"radiusOfCurve": Integer(-32767, 32767), "confidence": Integer(0, 200)}, extensible=True
        ),
        "lights?": LIGHTS,
    },
    extensible=True,
)
EMERGENCY_DETAILS = Sequence(
    {
        "sspRights": Integer(0, 31),
        "sirenUse": Enumerated("unavailable notInUse inUse reserved"),
        "lightsUse": Enumerated(
            "unavailable notInUse inUse yellowCautionLights schooldBusLights arrowSignsActive"
            " slowMovingVehicle freqStops"
        ),
        "multi": Enumerated("unavailable singleVehicle multiVehicle reserved"),
        "events?": Sequence({"sspRights": Integer(0, 31), "event": Bits(16)}, extensible=True),
        "responseType?": Enumerated(
            "notInUseOrNotEquipped emergency nonEmergency pursuit stationary slowMoving stopAndGoMovement",
            extensible=True,
        ),
    },
    extensible=True,
)
SPECIAL_EXTENSIONS = Sequence(
    {"vehicleAlerts?": EMERGENCY_DETAILS, "description?": Unread(), "trailers?": Unread()}, extensible=True
)
SUPPLEMENTAL_EXTENSIONS = Sequence(
    {
        "classification?": Integer(0, 255),
        "classDetails?": Unread(),
        "vehicleData?": Unread(),
        "weatherReport?": Unread(),
        "weatherProbe?": Unread(),
        "obstacle?": Unread(),
        "status?": Unread(),
        "speedProfile?": Unread(),
        "theRTCM?": Unread(),
        "regional?": Unread(),
    },
    extensible=True,
)
SAFETY, SPECIAL, SUPPLEMENTAL = range(3)
"""partII-Id."""

BSM = Sequence(
    {
        "coreData": CORE_DATA,
        "partII?": SequenceOf(
            Sequence(
                {
                    "partII-Id": Integer(0, 63),
                    "partII-Value": OpenBy("partII-Id", {SAFETY: SAFETY_EXTENSIONS}),
                }
            ),
            1,
            8,
        ),
        "regional?": SequenceOf(
            Sequence({"regionId": Integer(0, 255), "regExtValue": OpenBy("regionId", {})}), 1, 4
        ),
    },
    extensible=True,
)
