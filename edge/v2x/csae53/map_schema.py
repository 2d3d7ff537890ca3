"""The table of MAP, the lanes that lead to intersections: T/CSAE 53-2020, YD/T 3709-2020."""

from __future__ import annotations

from edge.v2x.csae53 import elements
from edge.v2x.uper import Bits, Choice, Enumerated, Integer, Sequence, SequenceOf

LANE_ID = Integer(0, 255)
LANE_WIDTH = Integer(0, 32767)
SPEED_LIMITS = SequenceOf(
    Sequence(
        {
            "type": Enumerated(
                "unknown maxSpeedInSchoolZone maxSpeedInSchoolZoneWhenChildrenArePresent"
                " maxSpeedInConstructionZone vehicleMinSpeed vehicleMaxSpeed vehicleNightMaxSpeed"
                " truckMinSpeed truckMaxSpeed truckNightMaxSpeed vehiclesWithTrailersMinSpeed"
                " vehiclesWithTrailersMaxSpeed vehiclesWithTrailersNightMaxSpeed",
                extensible=True,
            ),
            "speed": elements.SPEED,
        }
    ),
    1,
    9,
)
POINTS = SequenceOf(Sequence({"posOffset": elements.POSITION_OFFSET}, extensible=True), 2, 31)
MANEUVERS = Bits(
    12,
    names="maneuverStraightAllowed maneuverLeftAllowed maneuverRightAllowed maneuverUTurnAllowed"
    " maneuverLeftTurnOnRedAllowed maneuverRightTurnOnRedAllowed maneuverLaneChangeAllowed"
    " maneuverNoStoppingAllowed yieldAllwaysRequired goWithHalt caution reserved1",
)
CONNECTION = Sequence(
    {
        "remoteIntersection": elements.NODE_REFERENCE_ID,
        "connectingLane?": Sequence({"lane": LANE_ID, "maneuver?": MANEUVERS}),
        "phaseId?": elements.PHASE_ID,
    }
)
LANE_TYPE = Choice(
    {
        "vehicle": Bits(
            8,
            names="isVehicleRevocableLane isVehicleFlyOverLane hovLaneUseOnly restrictedToBusUse"
            " restrictedToTaxiUse restrictedFromPublicUse hasIRbeaconCoverage permissionOnRequest",
            extensible=True,
        ),
        "crosswalk": Bits(
            16,
            names="crosswalkRevocableLane bicyleUseAllowed isXwalkFlyOverLane fixedCycleTime"
            " biDirectionalCycleTimes hasPushToWalkButton audioSupport rfSignalRequestPresent"
            " unsignalizedSegmentsPresent",
        ),
        "bikeLane": Bits(
            16,
            names="bikeRevocableLane pedestrianUseAllowed isBikeFlyOverLane fixedCycleTime"
            " biDirectionalCycleTimes isolatedByBarrier unsignalizedSegmentsPresent",
        ),
        "sidewalk": Bits(16, names="sidewalk-RevocableLane bicyleUseAllowed isSidewalkFlyOverLane walkBikes"),
        "median": Bits(
            16,
            names="median-RevocableLane median whiteLineHashing stripedLines doubleStripedLines trafficCones"
            " constructionBarrier trafficChannels lowCurbs highCurbs",
        ),
        "striping": Bits(
            16,
            names="stripeToConnectingLanesRevocableLane stripeDrawOnLeft stripeDrawOnRight"
            " stripeToConnectingLanesLeft stripeToConnectingLanesRight stripeToConnectingLanesAhead",
        ),
        "trackedVehicle": Bits(
            16,
            names="spec-RevocableLane spec-commuterRailRoadTrack spec-lightRailRoadTrack"
            " spec-heavyRailRoadTrack spec-otherRailType",
        ),
        "parking": Bits(
            16,
            names="parkingRevocableLane parallelParkingInUse headInParkingInUse doNotParkZone"
            " parkingForBusUse parkingForTaxiUse noPublicParkingUse",
        ),
    },
    extensible=True,
)
LANE_ATTRIBUTES = Sequence(
    {
        "shareWith?": Bits(
            10,
            names="overlappingLaneDescriptionProvided multipleLanesTreatedAsOneLane"
            " otherNonMotorizedTrafficTypes individualMotorizedVehicleTraffic busVehicleTraffic"
            " taxiVehicleTraffic pedestriansTraffic cyclistVehicleTraffic trackedVehicleTraffic"
            " pedestrianTraffic",
        ),
        "laneType": LANE_TYPE,
    }
)
LANE = Sequence(
    {
        "laneID": LANE_ID,
        "laneWidth?": LANE_WIDTH,
        "laneAttributes?": LANE_ATTRIBUTES,
        "maneuvers?": MANEUVERS,
        "connectsTo?": SequenceOf(CONNECTION, 1, 16),
        "speedLimits?": SPEED_LIMITS,
        "points?": POINTS,
    },
    extensible=True,
)
MOVEMENT = Sequence({"remoteIntersection": elements.NODE_REFERENCE_ID, "phaseId?": elements.PHASE_ID})
LINK = Sequence(
    {
        "name?": elements.DESCRIPTIVE_NAME,
        "upstreamNodeId": elements.NODE_REFERENCE_ID,
        "speedLimits?": SPEED_LIMITS,
        "linkWidth?": LANE_WIDTH,
        "points?": POINTS,
        "movements?": SequenceOf(MOVEMENT, 1, 32),
        "lanes": SequenceOf(LANE, 1, 32),
    },
    extensible=True,
)
NODE = Sequence(
    {
        "name?": elements.DESCRIPTIVE_NAME,
        "id": elements.NODE_REFERENCE_ID,
        "refPos": elements.POSITION_3D,
        "inLinks?": SequenceOf(LINK, 1, 32),
    },
    extensible=True,
)
MAP = Sequence(
    {
        "msgCnt": elements.MSG_COUNT,
        "timeStamp?": elements.MINUTE_OF_THE_YEAR,
        "nodes": SequenceOf(NODE, 1, 63),
    },
    extensible=True,
)
