"""Places, angles and shapes that CPM and VAM share: TS 102 894-2 V2."""

from __future__ import annotations

from edge.v2x.uper import Bits, Choice, Enumerated, Integer, Sequence, SequenceOf

ITS_PDU_HEADER = Sequence(
    {"protocolVersion": Integer(0, 255), "messageId": Integer(0, 255), "stationId": Integer(0, 4294967295)}
)
POS_CONFIDENCE_ELLIPSE = Sequence(
    {
        "semiMajorConfidence": Integer(0, 4095),
        "semiMinorConfidence": Integer(0, 4095),
        "semiMajorOrientation": Integer(0, 3601),
    }
)
ALTITUDE_CONFIDENCE = Enumerated(
    "alt-000-01 alt-000-02 alt-000-05 alt-000-10 alt-000-20 alt-000-50"
    " alt-001-00 alt-002-00 alt-005-00 alt-010-00 alt-020-00 alt-050-00"
    " alt-100-00 alt-200-00 outOfRange unavailable"
)
ALTITUDE = Sequence({"altitudeValue": Integer(-100000, 800001), "altitudeConfidence": ALTITUDE_CONFIDENCE})
WGS84_ANGLE = Sequence({"value": Integer(0, 3601), "confidence": Integer(1, 127)})
CARTESIAN_ANGLE = Sequence({"value": Integer(0, 3601), "confidence": Integer(1, 127)})
CARTESIAN_POSITION3D = Sequence(
    {
        "xCoordinate": Integer(-32768, 32767),
        "yCoordinate": Integer(-32768, 32767),
        "zCoordinate?": Integer(-32768, 32767),
    }
)
RECTANGULAR_SHAPE = Sequence(
    {
        "shapeReferencePoint?": CARTESIAN_POSITION3D,
        "semiLength": Integer(0, 4095),
        "semiBreadth": Integer(0, 4095),
        "orientation?": Integer(0, 3601),
        "height?": Integer(0, 4095),
    }
)
CIRCULAR_SHAPE = Sequence(
    {"shapeReferencePoint?": CARTESIAN_POSITION3D, "radius": Integer(0, 4095), "height?": Integer(0, 4095)}
)
POLYGONAL_SHAPE = Sequence(
    {
        "shapeReferencePoint?": CARTESIAN_POSITION3D,
        "polygon": SequenceOf(CARTESIAN_POSITION3D, 3, 16, extensible=True),
        "height?": Integer(0, 4095),
    }
)
ELLIPTICAL_SHAPE = Sequence(
    {
        "shapeReferencePoint?": CARTESIAN_POSITION3D,
        "semiMajorAxisLength": Integer(0, 4095),
        "semiMinorAxisLength": Integer(0, 4095),
        "orientation?": Integer(0, 3601),
        "height?": Integer(0, 4095),
    }
)
RADIAL_SHAPE = Sequence(
    {
        "shapeReferencePoint?": CARTESIAN_POSITION3D,
        "range": Integer(0, 4095),
        "horizontalOpeningAngleStart": Integer(0, 3601),
        "horizontalOpeningAngleEnd": Integer(0, 3601),
        "verticalOpeningAngleStart?": Integer(0, 3601),
        "verticalOpeningAngleEnd?": Integer(0, 3601),
    }
)
RADIAL_SHAPES = Sequence(
    {
        "refPointId": Integer(0, 255),
        "xCoordinate": Integer(-3094, 1001),
        "yCoordinate": Integer(-3094, 1001),
        "zCoordinate?": Integer(-3094, 1001),
        "radialShapesList": SequenceOf(
            Sequence(
                {
                    "range": Integer(0, 4095),
                    "horizontalOpeningAngleStart": Integer(0, 3601),
                    "horizontalOpeningAngleEnd": Integer(0, 3601),
                    "verticalOpeningAngleStart?": Integer(0, 3601),
                    "verticalOpeningAngleEnd?": Integer(0, 3601),
                }
            ),
            1,
            16,
            extensible=True,
        ),
    }
)
SHAPE = Choice(
    {
        "rectangular": RECTANGULAR_SHAPE,
        "circular": CIRCULAR_SHAPE,
        "polygonal": POLYGONAL_SHAPE,
        "elliptical": ELLIPTICAL_SHAPE,
        "radial": RADIAL_SHAPE,
        "radialShapes": RADIAL_SHAPES,
    },
    extensible=True,
)
MAP_POSITION = Sequence(
    {
        "mapReference?": Choice(
            {
                "roadsegment": Sequence({"region?": Integer(0, 65535), "id": Integer(0, 65535)}),
                "intersection": Sequence({"region?": Integer(0, 65535), "id": Integer(0, 65535)}),
            }
        ),
        "laneId?": Integer(0, 255),
        "connectionId?": Integer(0, 255),
        "longitudinalLanePosition?": Sequence(
            {
                "longitudinalLanePositionValue": Integer(0, 32767),
                "longitudinalLanePositionConfidence": Integer(0, 1023),
            }
        ),
    },
    extensible=True,
)
SPEED = Sequence({"speedValue": Integer(0, 16383), "speedConfidence": Integer(1, 127)})
VRU_CLUSTER_INFORMATION = Sequence(
    {
        "clusterId?": Integer(0, 255),
        "clusterBoundingBoxShape?": SHAPE,
        "clusterCardinalitySize": Integer(0, 255),
        "clusterProfiles?": Bits(4, names="pedestrian bicyclist motorcyclist animal"),
    },
    extensible=True,
)
VRU_PROFILE_AND_SUBPROFILE = Choice(
    {
        "pedestrian": Integer(0, 15),
        "bicyclistAndLightVruVehicle": Integer(0, 15),
        "motorcyclist": Integer(0, 15),
        "animal": Integer(0, 15),
    },
    extensible=True,
)
