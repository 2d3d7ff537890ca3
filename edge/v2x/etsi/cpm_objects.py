"""Perceived objects in CPM: TS 103 324 V2.1.1, TS 102 894-2 V2."""

from __future__ import annotations

from edge.v2x.etsi.cdd_places import (
    CARTESIAN_ANGLE,
    MAP_POSITION,
    SPEED,
    VRU_CLUSTER_INFORMATION,
    VRU_PROFILE_AND_SUBPROFILE,
)
from edge.v2x.uper import Bits, Choice, Enumerated, Integer, Sequence, SequenceOf

CARTESIAN_COORDINATE_WITH_CONFIDENCE = Sequence(
    {"value": Integer(-131072, 131071), "confidence": Integer(1, 4096)}
)
CARTESIAN_POSITION3D_WITH_CONFIDENCE = Sequence(
    {
        "xCoordinate": CARTESIAN_COORDINATE_WITH_CONFIDENCE,
        "yCoordinate": CARTESIAN_COORDINATE_WITH_CONFIDENCE,
        "zCoordinate?": CARTESIAN_COORDINATE_WITH_CONFIDENCE,
    }
)
VELOCITY_COMPONENT = Sequence({"value": Integer(-16383, 16383), "confidence": Integer(1, 127)})
VELOCITY3D_WITH_CONFIDENCE = Choice(
    {
        "polarVelocity": Sequence(
            {
                "velocityMagnitude": SPEED,
                "velocityDirection": CARTESIAN_ANGLE,
                "zVelocity?": VELOCITY_COMPONENT,
            }
        ),
        "cartesianVelocity": Sequence(
            {
                "xVelocity": VELOCITY_COMPONENT,
                "yVelocity": VELOCITY_COMPONENT,
                "zVelocity?": VELOCITY_COMPONENT,
            }
        ),
    }
)
ACCELERATION_COMPONENT = Sequence({"value": Integer(-160, 161), "confidence": Integer(0, 102)})
ACCELERATION3D_WITH_CONFIDENCE = Choice(
    {
        "polarAcceleration": Sequence(
            {
                "accelerationMagnitude": Sequence(
                    {"accelerationMagnitudeValue": Integer(0, 161), "accelerationConfidence": Integer(0, 102)}
                ),
                "accelerationDirection": CARTESIAN_ANGLE,
                "zAcceleration?": ACCELERATION_COMPONENT,
            }
        ),
        "cartesianAcceleration": Sequence(
            {
                "xAcceleration": ACCELERATION_COMPONENT,
                "yAcceleration": ACCELERATION_COMPONENT,
                "zAcceleration?": ACCELERATION_COMPONENT,
            }
        ),
    }
)
EULER_ANGLES_WITH_CONFIDENCE = Sequence(
    {"zAngle": CARTESIAN_ANGLE, "yAngle?": CARTESIAN_ANGLE, "xAngle?": CARTESIAN_ANGLE}
)
LOWER_TRIANGULAR_POSITIVE_SEMIDEFINITE_MATRICES = SequenceOf(
    Sequence(
        {
            "componentsIncludedIntheMatrix": Bits(
                13,
                names="xPosition yPosition zPosition xVelocityOrVelocityMagnitude"
                " yVelocityOrVelocityDirection zSpeed xAccelOrAccelMagnitude"
                " yAccelOrAccelDirection zAcceleration zAngle yAngle xAngle zAngularVelocity",
                extensible=True,
            ),
            "matrix": SequenceOf(
                SequenceOf(Integer(-100, 101), 1, 13, extensible=True), 1, 13, extensible=True
            ),
        }
    ),
    1,
    4,
)
OBJECT_DIMENSION = Sequence({"value": Integer(1, 256), "confidence": Integer(1, 32)})
OBJECT_CLASS_DESCRIPTION = SequenceOf(
    Sequence(
        {
            "objectClass": Choice(
                {
                    "vehicleSubClass": Integer(0, 14),
                    "vruSubClass": VRU_PROFILE_AND_SUBPROFILE,
                    "groupSubClass": VRU_CLUSTER_INFORMATION,
                    "otherSubClass": Integer(0, 255),
                },
                extensible=True,
            ),
            "confidence": Integer(1, 101),
        }
    ),
    1,
    8,
)
PERCEIVED_OBJECT = Sequence(
    {
        "objectId?": Integer(0, 65535),
        "measurementDeltaTime": Integer(-2048, 2047),
        "position": CARTESIAN_POSITION3D_WITH_CONFIDENCE,
        "velocity?": VELOCITY3D_WITH_CONFIDENCE,
        "acceleration?": ACCELERATION3D_WITH_CONFIDENCE,
        "angles?": EULER_ANGLES_WITH_CONFIDENCE,
        "zAngularVelocity?": Sequence(
            {
                "value": Integer(-255, 256),
                "confidence": Enumerated(
                    "degSec-01 degSec-02 degSec-05 degSec-10 degSec-20 degSec-50 outOfRange unavailable"
                ),
            }
        ),
        "lowerTriangularCorrelationMatrices?": LOWER_TRIANGULAR_POSITIVE_SEMIDEFINITE_MATRICES,
        "objectDimensionZ?": OBJECT_DIMENSION,
        "objectDimensionY?": OBJECT_DIMENSION,
        "objectDimensionX?": OBJECT_DIMENSION,
        "objectAge?": Integer(0, 2047),
        "objectPerceptionQuality?": Integer(0, 15),
        "sensorIdList?": SequenceOf(Integer(0, 255), 1, 128, extensible=True),
        "classification?": OBJECT_CLASS_DESCRIPTION,
        "mapPosition?": MAP_POSITION,
    },
    extensible=True,
)
