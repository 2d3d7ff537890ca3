"""Nodes, places and references in MapData and SPAT: ISO/TS 19091 as ETSI TS 103 301 V2.1.1 publishes it."""

from __future__ import annotations

from edge.v2x.dsrc.common import region, regional
from edge.v2x.uper import Bits, Choice, Enumerated, Integer, Sequence, SequenceOf

ALLOWED_MANEUVERS = Bits(
    12,
    names="maneuverStraightAllowed maneuverLeftAllowed maneuverRightAllowed"
    " maneuverUTurnAllowed maneuverLeftTurnOnRedAllowed"
    " maneuverRightTurnOnRedAllowed maneuverLaneChangeAllowed"
    " maneuverNoStoppingAllowed yieldAllwaysRequired goWithHalt caution"
    " reserved1",
)
SPEED_LIMIT_LIST = SequenceOf(
    Sequence(
        {
            "type": Enumerated(
                "unknown maxSpeedInSchoolZone maxSpeedInSchoolZoneWhenChildrenArePresent"
                " maxSpeedInConstructionZone vehicleMinSpeed vehicleMaxSpeed"
                " vehicleNightMaxSpeed truckMinSpeed truckMaxSpeed truckNightMaxSpeed"
                " vehiclesWithTrailersMinSpeed vehiclesWithTrailersMaxSpeed"
                " vehiclesWithTrailersNightMaxSpeed",
                extensible=True,
            ),
            "speed": Integer(0, 8191),
        }
    ),
    1,
    9,
)
INTERSECTION_REFERENCE_ID = Sequence({"region?": Integer(0, 65535), "id": Integer(0, 65535)})
LONGITUDE = Integer(-1800000000, 1800000001)
LATITUDE = Integer(-900000000, 900000001)
NODE_OFFSET_POINT_XY = Choice(
    {
        "node-XY1": Sequence({"x": Integer(-512, 511), "y": Integer(-512, 511)}),
        "node-XY2": Sequence({"x": Integer(-1024, 1023), "y": Integer(-1024, 1023)}),
        "node-XY3": Sequence({"x": Integer(-2048, 2047), "y": Integer(-2048, 2047)}),
        "node-XY4": Sequence({"x": Integer(-4096, 4095), "y": Integer(-4096, 4095)}),
        "node-XY5": Sequence({"x": Integer(-8192, 8191), "y": Integer(-8192, 8191)}),
        "node-XY6": Sequence({"x": Integer(-32768, 32767), "y": Integer(-32768, 32767)}),
        "node-LatLon": Sequence({"lon": LONGITUDE, "lat": LATITUDE}),
        "regional": region(),
    }
)
NODE_ATTRIBUTE_XY = Enumerated(
    "reserved stopLine roundedCapStyleA roundedCapStyleB mergePoint divergePoint"
    " downstreamStopLine downstreamStartNode closedToTraffic safeIsland"
    " curbPresentAtStepOff hydrantPresent",
    extensible=True,
)
SEGMENT_ATTRIBUTE_XY = Enumerated(
    "reserved doNotBlock whiteLine mergingLaneLeft mergingLaneRight curbOnLeft"
    " curbOnRight loadingzoneOnLeft loadingzoneOnRight turnOutPointOnLeft"
    " turnOutPointOnRight adjacentParkingOnLeft adjacentParkingOnRight"
    " adjacentBikeLaneOnLeft adjacentBikeLaneOnRight sharedBikeLane"
    " bikeBoxInFront transitStopOnLeft transitStopOnRight transitStopInLane"
    " sharedWithTrackedVehicle safeIsland lowCurbsPresent rumbleStripPresent"
    " audibleSignalingPresent adaptiveTimingPresent rfSignalRequestPresent"
    " partialCurbIntrusion taperToLeft taperToRight taperToCenterLine"
    " parallelParking headInParking freeParking timeRestrictionsOnParking"
    " costToPark midBlockCurbPresent unEvenPavementPresent",
    extensible=True,
)
SEGMENT_ATTRIBUTE_XY_LIST = SequenceOf(SEGMENT_ATTRIBUTE_XY, 1, 8)
LANE_DATA_ATTRIBUTE = Choice(
    {
        "pathEndPointAngle": Integer(-150, 150),
        "laneCrownPointCenter": Integer(-128, 127),
        "laneCrownPointLeft": Integer(-128, 127),
        "laneCrownPointRight": Integer(-128, 127),
        "laneAngle": Integer(-180, 180),
        "speedLimits": SPEED_LIMIT_LIST,
        "regional": regional(),
    },
    extensible=True,
)
NODE_XY = Sequence(
    {
        "delta": NODE_OFFSET_POINT_XY,
        "attributes?": Sequence(
            {
                "localNode?": SequenceOf(NODE_ATTRIBUTE_XY, 1, 8),
                "disabled?": SEGMENT_ATTRIBUTE_XY_LIST,
                "enabled?": SEGMENT_ATTRIBUTE_XY_LIST,
                "data?": SequenceOf(LANE_DATA_ATTRIBUTE, 1, 8),
                "dWidth?": Integer(-512, 511),
                "dElevation?": Integer(-512, 511),
                "regional?": regional(),
            },
            extensible=True,
        ),
    },
    extensible=True,
)
NODE_SET_XY = SequenceOf(NODE_XY, 2, 63)
POSITION3_D = Sequence(
    {
        "lat": LATITUDE,
        "long": LONGITUDE,
        "elevation?": Integer(-4096, 61439),
        "regional?": regional(
            Sequence(
                {
                    "altitude": Sequence(
                        {
                            "altitudeValue": Integer(-100000, 800001),
                            "altitudeConfidence": Enumerated(
                                "alt-000-01 alt-000-02 alt-000-05 alt-000-10 alt-000-20 alt-000-50"
                                " alt-001-00 alt-002-00 alt-005-00 alt-010-00 alt-020-00 alt-050-00"
                                " alt-100-00 alt-200-00 outOfRange unavailable"
                            ),
                        }
                    )
                },
                extensible=True,
            )
        ),
    },
    extensible=True,
)
