"""The table of BSM in MessageFrame: T/CSAE 53-2020, YD/T 3709-2020.

It is that of the published module set of 2019-07-24, which decodes public recordings of road-side units; its
identity with the printed standards is inferred. The other messages are told apart, not read.
"""

from __future__ import annotations

from edge.v2x.uper import Bits, Choice, Enumerated, Integer, Octets, Sequence, SequenceOf, Unread

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
