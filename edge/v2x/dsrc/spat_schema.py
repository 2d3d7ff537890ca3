"""The table of SPAT: ISO/TS 19091 as published by ETSI TS 103 301 V2.1.1."""

from __future__ import annotations

from edge.v2x.dsrc.common import regional
from edge.v2x.dsrc.nodes import INTERSECTION_REFERENCE_ID
from edge.v2x.uper import Bits, Boolean, Enumerated, Integer, Sequence, SequenceOf, Text

INTERSECTION_STATUS_OBJECT = Bits(
    16,
    names="manualControlIsEnabled stopTimeIsActivated failureFlash preemptIsActive"
    " signalPriorityIsActive fixedTimeOperation trafficDependentOperation"
    " standbyOperation failureMode off recentMAPmessageUpdate"
    " recentChangeInMAPassignedLanesIDsUsed noValidMAPisAvailableAtThisTime"
    " noValidSPATisAvailableAtThisTime",
)
MOVEMENT_PHASE_STATE = Enumerated(
    "unavailable dark stop-Then-Proceed stop-And-Remain pre-Movement"
    " permissive-Movement-Allowed protected-Movement-Allowed"
    " permissive-clearance protected-clearance caution-Conflicting-Traffic"
)
TIME_CHANGE_DETAILS = Sequence(
    {
        "startTime?": Integer(0, 36001),
        "minEndTime": Integer(0, 36001),
        "maxEndTime?": Integer(0, 36001),
        "likelyTime?": Integer(0, 36001),
        "confidence?": Integer(0, 15),
        "nextTime?": Integer(0, 36001),
    }
)
MOVEMENT_EVENT = Sequence(
    {
        "eventState": MOVEMENT_PHASE_STATE,
        "timing?": TIME_CHANGE_DETAILS,
        "speeds?": SequenceOf(
            Sequence(
                {
                    "type": Enumerated("none greenwave ecoDrive transit", extensible=True),
                    "speed?": Integer(0, 500),
                    "confidence?": Enumerated(
                        "unavailable prec100ms prec10ms prec5ms prec1ms prec0-1ms prec0-05ms prec0-01ms"
                    ),
                    "distance?": Integer(0, 10000),
                    "class?": Integer(0, 255),
                    "regional?": regional(),
                },
                extensible=True,
            ),
            1,
            16,
        ),
        "regional?": regional(
            Sequence(
                {
                    "stateChangeReason?": Enumerated(
                        "unknown publicTransportPriority emergencyVehiclePriority trainPriority"
                        " bridgeOpen vehicleHeight weather trafficJam tunnelClosure meteringActive"
                        " truckPriority bicyclePlatoonPriority vehiclePlatoonPriority",
                        extensible=True,
                    )
                },
                extensible=True,
            )
        ),
    },
    extensible=True,
)
CONNECTION_MANEUVER_ASSIST = Sequence(
    {
        "connectionID": Integer(0, 255),
        "queueLength?": Integer(0, 10000),
        "availableStorageLength?": Integer(0, 10000),
        "waitOnStop?": Boolean(),
        "pedBicycleDetect?": Boolean(),
        "regional?": regional(),
    },
    extensible=True,
)
MANEUVER_ASSIST_LIST = SequenceOf(CONNECTION_MANEUVER_ASSIST, 1, 16)
MOVEMENT_STATE = Sequence(
    {
        "movementName?": Text("ia5", 1, 63),
        "signalGroup": Integer(0, 255),
        "state-time-speed": SequenceOf(MOVEMENT_EVENT, 1, 16),
        "maneuverAssistList?": MANEUVER_ASSIST_LIST,
        "regional?": regional(),
    },
    extensible=True,
)
INTERSECTION_STATE = Sequence(
    {
        "name?": Text("ia5", 1, 63),
        "id": INTERSECTION_REFERENCE_ID,
        "revision": Integer(0, 127),
        "status": INTERSECTION_STATUS_OBJECT,
        "moy?": Integer(0, 527040),
        "timeStamp?": Integer(0, 65535),
        "enabledLanes?": SequenceOf(Integer(0, 255), 1, 16),
        "states": SequenceOf(MOVEMENT_STATE, 1, 255),
        "maneuverAssistList?": MANEUVER_ASSIST_LIST,
        "regional?": regional(
            Sequence(
                {
                    "activePrioritizations?": SequenceOf(
                        Sequence(
                            {
                                "stationID": Integer(0, 4294967295),
                                "priorState": Enumerated(
                                    "unknown requested processing watchOtherTraffic granted rejected"
                                    " maxPresence reserviceLocked",
                                    extensible=True,
                                ),
                                "signalGroup": Integer(0, 255),
                            },
                            extensible=True,
                        ),
                        1,
                        10,
                    )
                },
                extensible=True,
            )
        ),
    },
    extensible=True,
)
SPAT = Sequence(
    {
        "timeStamp?": Integer(0, 527040),
        "name?": Text("ia5", 1, 63),
        "intersections": SequenceOf(INTERSECTION_STATE, 1, 32),
        "regional?": regional(),
    },
    extensible=True,
)
