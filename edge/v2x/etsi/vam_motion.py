"""Where road users without a vehicle go and where on the road they are, in VAM: TS 102 894-2 V2."""

from __future__ import annotations

from edge.v2x.etsi.cdd_places import ALTITUDE_CONFIDENCE, MAP_POSITION, POS_CONFIDENCE_ELLIPSE
from edge.v2x.uper import Bits, Boolean, Choice, Default, Enumerated, Integer, Sequence, SequenceOf

LANE_POSITION_AND_TYPE = Sequence(
    {
        "transversalPosition": Integer(-1, 14),
        "laneType": Default(Integer(0, 31), 0),
        "direction": Default(Integer(0, 3), 0),
    },
    extensible=True,
)
LANE_POSITION_OPTIONS = Choice(
    {
        "simplelanePosition": Integer(-1, 14),
        "simpleLaneType": Integer(0, 31),
        "detailedlanePosition": LANE_POSITION_AND_TYPE,
        "lanePositionWithLateralDetails": Sequence(
            {
                "transversalPosition": Integer(-1, 14),
                "laneType": Default(Integer(0, 31), 0),
                "direction": Default(Integer(0, 3), 0),
                "distanceToLeftBorder": Integer(0, 511),
                "distanceToRightBorder": Integer(0, 511),
            },
            extensible=True,
        ),
        "trafficIslandPosition": Sequence(
            {"oneSide": LANE_POSITION_AND_TYPE, "otherSide": LANE_POSITION_AND_TYPE}, extensible=True
        ),
    },
    extensible=True,
)
META_INFORMATION = Sequence(
    {
        "usedDetectionInformation": Bits(
            16,
            names="undefined radar lidar monovideo stereovision nightvision ultrasonic pmd"
            " inductionLoop sphericalCamera uwb acoustic localAggregation itsAggregation"
            " rfid",
            extensible=True,
        ),
        "usedStoredInformation": Bits(
            8, names="undefined staticDb dynamicDb realTimeDb map", extensible=True
        ),
        "confidenceValue?": Integer(1, 101),
    },
    extensible=True,
)
GENERALIZED_LANE_POSITION = Sequence(
    {"lanePositionBased": LANE_POSITION_OPTIONS, "mapBased?": MAP_POSITION, "confidence": META_INFORMATION},
    extensible=True,
)
PATH_POINT = Sequence(
    {
        "pathPosition": Sequence(
            {
                "deltaLatitude": Integer(-131071, 131072),
                "deltaLongitude": Integer(-131071, 131072),
                "deltaAltitude": Integer(-12700, 12800),
            }
        ),
        "pathDeltaTime?": Integer(1, 65535, extensible=True),
    }
)
PATH_POINT_PREDICTED = Sequence(
    {
        "deltaLatitude": Integer(-131071, 131072),
        "deltaLongitude": Integer(-131071, 131072),
        "horizontalPositionConfidence?": POS_CONFIDENCE_ELLIPSE,
        "deltaAltitude": Default(Integer(-12700, 12800), 12800),
        "altitudeConfidence": Default(ALTITUDE_CONFIDENCE, "unavailable"),
        "pathDeltaTime?": Choice(
            {"deltaTimeHighPrecision": Integer(0, 127), "deltaTimeBigRange": Integer(0, 127)},
            more={"deltaTimeMidRange": Integer(0, 86400)},
        ),
        "symmetricAreaOffset?": Integer(0, 511),
        "asymmetricAreaOffset?": Integer(0, 511),
    },
    extensible=True,
)
SAFE_DISTANCE_INDICATION = Sequence(
    {
        "subjectStation?": Integer(0, 4294967295),
        "safeDistanceIndicator": Boolean(),
        "timeToCollision?": Integer(0, 127),
    },
    extensible=True,
)
TRAJECTORY_INTERCEPTION_INDICATION = Sequence(
    {
        "subjectStation?": Integer(0, 4294967295),
        "trajectoryInterceptionProbability": Integer(0, 63),
        "trajectoryInterceptionConfidence?": Integer(0, 3),
    },
    extensible=True,
)
VRU_MOTION_PREDICTION_CONTAINER = Sequence(
    {
        "pathHistory?": SequenceOf(PATH_POINT, 0, 40),
        "pathPrediction?": SequenceOf(PATH_POINT_PREDICTED, 1, 16, extensible=True),
        "safeDistance?": SequenceOf(SAFE_DISTANCE_INDICATION, 1, 8, extensible=True),
        "trajectoryInterceptionIndication?": SequenceOf(
            TRAJECTORY_INTERCEPTION_INDICATION, 1, 8, extensible=True
        ),
        "accelerationChangeIndication?": Sequence(
            {"accelOrDecel": Enumerated("accelerate decelerate"), "actionDeltaTime": Integer(0, 127)},
            extensible=True,
        ),
        "headingChangeIndication?": Sequence(
            {"direction": Enumerated("left right"), "actionDeltaTime": Integer(0, 127)}, extensible=True
        ),
        "stabilityChangeIndication?": Sequence(
            {"lossProbability": Integer(0, 63), "actionDeltaTime": Integer(0, 127)}, extensible=True
        ),
    },
    extensible=True,
)
