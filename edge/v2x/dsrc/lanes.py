"""Lanes and what connects them in MapData: ISO/TS 19091 as published by ETSI TS 103 301 V2.1.1."""

from __future__ import annotations

from edge.v2x.dsrc.common import region, regional
from edge.v2x.dsrc.nodes import ALLOWED_MANEUVERS, INTERSECTION_REFERENCE_ID, NODE_SET_XY
from edge.v2x.uper import Bits, Choice, Integer, Sequence, SequenceOf, Text

LANE_DIRECTION = Bits(2, names="ingressPath egressPath")
LANE_SHARING = Bits(
    10,
    names="overlappingLaneDescriptionProvided multipleLanesTreatedAsOneLane"
    " otherNonMotorizedTrafficTypes individualMotorizedVehicleTraffic"
    " busVehicleTraffic taxiVehicleTraffic pedestriansTraffic"
    " cyclistVehicleTraffic trackedVehicleTraffic pedestrianTraffic",
)
LANE_TYPE_ATTRIBUTES = Choice(
    {
        "vehicle": Bits(
            8,
            names="isVehicleRevocableLane isVehicleFlyOverLane hovLaneUseOnly"
            " restrictedToBusUse restrictedToTaxiUse restrictedFromPublicUse"
            " hasIRbeaconCoverage permissionOnRequest",
            extensible=True,
        ),
        "crosswalk": Bits(
            16,
            names="crosswalkRevocableLane bicyleUseAllowed isXwalkFlyOverLane fixedCycleTime"
            " biDirectionalCycleTimes hasPushToWalkButton audioSupport"
            " rfSignalRequestPresent unsignalizedSegmentsPresent",
        ),
        "bikeLane": Bits(
            16,
            names="bikeRevocableLane pedestrianUseAllowed isBikeFlyOverLane fixedCycleTime"
            " biDirectionalCycleTimes isolatedByBarrier unsignalizedSegmentsPresent",
        ),
        "sidewalk": Bits(16, names="sidewalk-RevocableLane bicyleUseAllowed isSidewalkFlyOverLane walkBikes"),
        "median": Bits(
            16,
            names="median-RevocableLane median whiteLineHashing stripedLines"
            " doubleStripedLines trafficCones constructionBarrier trafficChannels"
            " lowCurbs highCurbs",
        ),
        "striping": Bits(
            16,
            names="stripeToConnectingLanesRevocableLane stripeDrawOnLeft stripeDrawOnRight"
            " stripeToConnectingLanesLeft stripeToConnectingLanesRight"
            " stripeToConnectingLanesAhead",
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
        "directionalUse": LANE_DIRECTION,
        "sharedWith": LANE_SHARING,
        "laneType": LANE_TYPE_ATTRIBUTES,
        "regional?": region(
            Sequence(
                {"maxVehicleHeight?": Integer(0, 127), "maxVehicleWeight?": Integer(1, 1024)}, extensible=True
            )
        ),
    }
)
NODE_LIST_XY = Choice(
    {
        "nodes": NODE_SET_XY,
        "computed": Sequence(
            {
                "referenceLaneId": Integer(0, 255),
                "offsetXaxis": Choice({"small": Integer(-2047, 2047), "large": Integer(-32767, 32767)}),
                "offsetYaxis": Choice({"small": Integer(-2047, 2047), "large": Integer(-32767, 32767)}),
                "rotateXY?": Integer(0, 28800),
                "scaleXaxis?": Integer(-2048, 2047),
                "scaleYaxis?": Integer(-2048, 2047),
                "regional?": regional(),
            },
            extensible=True,
        ),
    },
    extensible=True,
)
CONNECTS_TO_LIST = SequenceOf(
    Sequence(
        {
            "connectingLane": Sequence({"lane": Integer(0, 255), "maneuver?": ALLOWED_MANEUVERS}),
            "remoteIntersection?": INTERSECTION_REFERENCE_ID,
            "signalGroup?": Integer(0, 255),
            "userClass?": Integer(0, 255),
            "connectionID?": Integer(0, 255),
        }
    ),
    1,
    16,
)
GENERIC_LANE = Sequence(
    {
        "laneID": Integer(0, 255),
        "name?": Text("ia5", 1, 63),
        "ingressApproach?": Integer(0, 15),
        "egressApproach?": Integer(0, 15),
        "laneAttributes": LANE_ATTRIBUTES,
        "maneuvers?": ALLOWED_MANEUVERS,
        "nodeList": NODE_LIST_XY,
        "connectsTo?": CONNECTS_TO_LIST,
        "overlays?": SequenceOf(Integer(0, 255), 1, 5),
        "regional?": regional(),
    },
    extensible=True,
)
