"""The table of MapData: ISO/TS 19091 as published by ETSI TS 103 301 V2.1.1."""

from __future__ import annotations

from edge.v2x.dsrc.common import region, regional
from edge.v2x.dsrc.lanes import GENERIC_LANE
from edge.v2x.dsrc.nodes import INTERSECTION_REFERENCE_ID, NODE_OFFSET_POINT_XY, POSITION3_D, SPEED_LIMIT_LIST
from edge.v2x.uper import Choice, Enumerated, Integer, Sequence, SequenceOf, Text

INTERSECTION_GEOMETRY = Sequence(
    {
        "name?": Text("ia5", 1, 63),
        "id": INTERSECTION_REFERENCE_ID,
        "revision": Integer(0, 127),
        "refPoint": POSITION3_D,
        "laneWidth?": Integer(0, 32767),
        "speedLimits?": SPEED_LIMIT_LIST,
        "laneSet": SequenceOf(GENERIC_LANE, 1, 255),
        "preemptPriorityData?": SequenceOf(Sequence({"zone": region()}, extensible=True), 1, 32),
        "regional?": regional(),
    },
    extensible=True,
)
ROAD_SEGMENT = Sequence(
    {
        "name?": Text("ia5", 1, 63),
        "id": Sequence({"region?": Integer(0, 65535), "id": Integer(0, 65535)}),
        "revision": Integer(0, 127),
        "refPoint": POSITION3_D,
        "laneWidth?": Integer(0, 32767),
        "speedLimits?": SPEED_LIMIT_LIST,
        "roadLaneSet": SequenceOf(GENERIC_LANE, 1, 255),
        "regional?": regional(),
    },
    extensible=True,
)
RESTRICTION_CLASS_LIST = SequenceOf(
    Sequence(
        {
            "id": Integer(0, 255),
            "users": SequenceOf(
                Choice(
                    {
                        "basicType": Enumerated(
                            "none equippedTransit equippedTaxis equippedOther emissionCompliant"
                            " equippedBicycle weightCompliant heightCompliant pedestrians"
                            " slowMovingPersons wheelchairUsers visualDisabilities audioDisabilities"
                            " otherUnknownDisabilities",
                            extensible=True,
                        ),
                        "regional": regional(),
                    },
                    extensible=True,
                ),
                1,
                16,
            ),
        }
    ),
    1,
    254,
)
MAP_DATA = Sequence(
    {
        "timeStamp?": Integer(0, 527040),
        "msgIssueRevision": Integer(0, 127),
        "layerType?": Enumerated(
            "none mixedContent generalMapData intersectionData curveData"
            " roadwaySectionData parkingAreaData sharedLaneData",
            extensible=True,
        ),
        "layerID?": Integer(0, 100),
        "intersections?": SequenceOf(INTERSECTION_GEOMETRY, 1, 32),
        "roadSegments?": SequenceOf(ROAD_SEGMENT, 1, 32),
        "dataParameters?": Sequence(
            {
                "processMethod?": Text("ia5", 1, 255),
                "processAgency?": Text("ia5", 1, 255),
                "lastCheckedDate?": Text("ia5", 1, 255),
                "geoidUsed?": Text("ia5", 1, 255),
            },
            extensible=True,
        ),
        "restrictionList?": RESTRICTION_CLASS_LIST,
        "regional?": regional(
            Sequence(
                {
                    "signalHeadLocations?": SequenceOf(
                        Sequence(
                            {
                                "nodeXY": NODE_OFFSET_POINT_XY,
                                "nodeZ": Integer(-12700, 12800),
                                "signalGroupID": Integer(0, 255),
                            },
                            extensible=True,
                        ),
                        1,
                        64,
                    )
                },
                extensible=True,
            )
        ),
    },
    extensible=True,
)
