"""The table of CPM: TS 103 324 V2.1.1."""

from __future__ import annotations

from edge.v2x.etsi.cdd_places import (
    ALTITUDE,
    CARTESIAN_ANGLE,
    ITS_PDU_HEADER,
    POS_CONFIDENCE_ELLIPSE,
    SHAPE,
    WGS84_ANGLE,
)
from edge.v2x.etsi.cpm_objects import PERCEIVED_OBJECT
from edge.v2x.uper import Boolean, Choice, Integer, OpenBy, Sequence, SequenceOf

MESSAGE_RATE_HZ = Sequence({"mantissa": Integer(1, 100), "exponent": Integer(-5, 2)})
MANAGEMENT_CONTAINER = Sequence(
    {
        "referenceTime": Integer(0, 4398046511103),
        "referencePosition": Sequence(
            {
                "latitude": Integer(-900000000, 900000001),
                "longitude": Integer(-1800000000, 1800000001),
                "positionConfidenceEllipse": POS_CONFIDENCE_ELLIPSE,
                "altitude": ALTITUDE,
            }
        ),
        "segmentationInfo?": Sequence({"totalMsgNo": Integer(1, 8), "thisMsgNo": Integer(1, 8)}),
        "messageRateRange?": Sequence({"messageRateMin": MESSAGE_RATE_HZ, "messageRateMax": MESSAGE_RATE_HZ}),
    },
    extensible=True,
)
ORIGINATING_VEHICLE_CONTAINER = Sequence(
    {
        "orientationAngle": WGS84_ANGLE,
        "pitchAngle?": CARTESIAN_ANGLE,
        "rollAngle?": CARTESIAN_ANGLE,
        "trailerDataSet?": SequenceOf(
            Sequence(
                {
                    "refPointId": Integer(0, 255),
                    "hitchPointOffset": Integer(0, 255),
                    "frontOverhang?": Integer(0, 255),
                    "rearOverhang?": Integer(0, 255),
                    "trailerWidth?": Integer(1, 62),
                    "hitchAngle": CARTESIAN_ANGLE,
                },
                extensible=True,
            ),
            1,
            8,
            extensible=True,
        ),
    },
    extensible=True,
)
ORIGINATING_RSU_CONTAINER = Sequence(
    {
        "mapReference?": Choice(
            {
                "roadsegment": Sequence({"region?": Integer(0, 65535), "id": Integer(0, 65535)}),
                "intersection": Sequence({"region?": Integer(0, 65535), "id": Integer(0, 65535)}),
            }
        )
    },
    extensible=True,
)
SENSOR_INFORMATION = Sequence(
    {
        "sensorId": Integer(0, 255),
        "sensorType": Integer(0, 31),
        "perceptionRegionShape?": SHAPE,
        "perceptionRegionConfidence?": Integer(1, 101),
        "shadowingApplies": Boolean(),
    },
    extensible=True,
)
PERCEPTION_REGION = Sequence(
    {
        "measurementDeltaTime": Integer(-2048, 2047),
        "perceptionRegionConfidence": Integer(1, 101),
        "perceptionRegionShape": SHAPE,
        "shadowingApplies": Boolean(),
        "sensorIdList?": SequenceOf(Integer(0, 255), 1, 128, extensible=True),
        "numberOfPerceivedObjects?": Integer(0, 255),
        "perceivedObjectIds?": SequenceOf(Integer(0, 65535), 0, 255, extensible=True),
    },
    extensible=True,
)
PERCEIVED_OBJECT_CONTAINER = Sequence(
    {
        "numberOfPerceivedObjects": Integer(0, 255),
        "perceivedObjects": SequenceOf(PERCEIVED_OBJECT, 0, 255, extensible=True),
    },
    extensible=True,
)
WRAPPED_CPM_CONTAINER = Sequence(
    {
        "containerId": Integer(1, 16),
        "containerData": OpenBy(
            "containerId",
            {
                1: ORIGINATING_VEHICLE_CONTAINER,
                2: ORIGINATING_RSU_CONTAINER,
                3: SequenceOf(SENSOR_INFORMATION, 1, 128, extensible=True),
                4: SequenceOf(PERCEPTION_REGION, 1, 256, extensible=True),
                5: PERCEIVED_OBJECT_CONTAINER,
            },
        ),
    }
)
CPM = Sequence(
    {
        "header": ITS_PDU_HEADER,
        "payload": Sequence(
            {
                "managementContainer": MANAGEMENT_CONTAINER,
                "cpmContainers": SequenceOf(WRAPPED_CPM_CONTAINER, 1, 8, extensible=True),
            },
            extensible=True,
        ),
    }
)
