"""The table of BSM, what vehicles say of themselves: T/CSAE 53-2020, YD/T 3709-2020."""

from __future__ import annotations

from edge.v2x.csae53.elements import (
    ACCELERATION_SET,
    CONFIDENCE,
    D_SECOND,
    HEADING,
    ID,
    MOTION_CONFIDENCE_SET,
    MSG_COUNT,
    POSITION_3D,
    POSITION_CONFIDENCE_SET,
    POSITION_OFFSET,
    SIZE,
    SPEED,
    STEERING_WHEEL_ANGLE,
    TIME_CONFIDENCE,
    TRANSMISSION_STATE,
    VEHICLE_CLASS,
)
from edge.v2x.uper import Bits, Enumerated, Integer, Sequence, SequenceOf

POSITIONAL_ACCURACY = Sequence(
    {"semiMajor": Integer(0, 255), "semiMinor": Integer(0, 255), "orientation": Integer(0, 65535)}
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
        "msgCnt": MSG_COUNT,
        "id": ID,
        "secMark": D_SECOND,
        "timeConfidence?": TIME_CONFIDENCE,
        "pos": POSITION_3D,
        "posAccuracy?": POSITIONAL_ACCURACY,
        "posConfidence?": POSITION_CONFIDENCE_SET,
        "transmission": TRANSMISSION_STATE,
        "speed": SPEED,
        "heading": HEADING,
        "angle?": STEERING_WHEEL_ANGLE,
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
