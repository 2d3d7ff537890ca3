"""The table of VAM: TS 103 300-3 V2.2 and V2.3."""

from __future__ import annotations

from edge.v2x.etsi.cdd_places import (
    ALTITUDE,
    CARTESIAN_ANGLE,
    ITS_PDU_HEADER,
    SPEED,
    VRU_CLUSTER_INFORMATION,
    VRU_PROFILE_AND_SUBPROFILE,
    WGS84_ANGLE,
)
from edge.v2x.etsi.vam_motion import GENERALIZED_LANE_POSITION, VRU_MOTION_PREDICTION_CONTAINER
from edge.v2x.uper import Bits, Enumerated, Integer, Sequence

BASIC_CONTAINER = Sequence(
    {
        "stationType": Integer(0, 255),
        "referencePosition": Sequence(
            {
                "latitude": Integer(-900000000, 900000001),
                "longitude": Integer(-1800000000, 1800000001),
                "positionConfidenceEllipse": Sequence(
                    {
                        "semiMajorAxisLength": Integer(0, 4095),
                        "semiMinorAxisLength": Integer(0, 4095),
                        "semiMajorAxisOrientation": Integer(0, 3601),
                    }
                ),
                "altitude": ALTITUDE,
            }
        ),
    },
    extensible=True,
)
VRU_HIGH_FREQUENCY_CONTAINER = Sequence(
    {
        "heading": WGS84_ANGLE,
        "speed": SPEED,
        "longitudinalAcceleration": Sequence(
            {
                "longitudinalAccelerationValue": Integer(-160, 161),
                "longitudinalAccelerationConfidence": Integer(0, 102),
            }
        ),
        "curvature?": Sequence(
            {
                "curvatureValue": Integer(-1023, 1023),
                "curvatureConfidence": Enumerated(
                    "onePerMeter-0-00002 onePerMeter-0-0001 onePerMeter-0-0005 onePerMeter-0-002"
                    " onePerMeter-0-01 onePerMeter-0-1 outOfRange unavailable"
                ),
            }
        ),
        "curvatureCalculationMode?": Enumerated("yawRateUsed yawRateNotUsed unavailable", extensible=True),
        "yawRate?": Sequence(
            {
                "yawRateValue": Integer(-32766, 32767),
                "yawRateConfidence": Enumerated(
                    "degSec-000-01 degSec-000-05 degSec-000-10 degSec-001-00 degSec-005-00"
                    " degSec-010-00 degSec-100-00 outOfRange unavailable"
                ),
            }
        ),
        "lateralAcceleration?": Sequence(
            {"lateralAccelerationValue": Integer(-160, 161), "lateralAccelerationConfidence": Integer(0, 102)}
        ),
        "verticalAcceleration?": Sequence(
            {
                "verticalAccelerationValue": Integer(-160, 161),
                "verticalAccelerationConfidence": Integer(0, 102),
            }
        ),
        "vruLanePosition?": GENERALIZED_LANE_POSITION,
        "environment?": Integer(0, 15),
        "movementControl?": Integer(0, 15),
        "orientation?": WGS84_ANGLE,
        "rollAngle?": CARTESIAN_ANGLE,
        "deviceUsage?": Integer(0, 15),
    },
    extensible=True,
)
VRU_LOW_FREQUENCY_CONTAINER = Sequence(
    {
        "profileAndSubprofile": VRU_PROFILE_AND_SUBPROFILE,
        "sizeClass?": Integer(0, 15),
        "exteriorLights?": Sequence(
            {
                "vehicular": Bits(
                    8,
                    names="lowBeamHeadlightsOn highBeamHeadlightsOn leftTurnSignalOn rightTurnSignalOn"
                    " daytimeRunningLightsOn reverseLightOn fogLightOn parkingLightsOn",
                ),
                "vruSpecific": Bits(
                    8, names="unavailable backFlashLight helmetLight armLight legLight wheelLight"
                ),
            },
            extensible=True,
        ),
    },
    extensible=True,
)
VRU_CLUSTER_OPERATION_CONTAINER = Sequence(
    {
        "clusterJoinInfo?": Sequence(
            {"clusterId": Integer(0, 255), "joinTime": Integer(1, 255)}, extensible=True
        ),
        "clusterLeaveInfo?": Sequence(
            {"clusterId": Integer(0, 255), "clusterLeaveReason": Integer(0, 15)}, extensible=True
        ),
        "clusterBreakupInfo?": Sequence(
            {"clusterBreakupReason": Integer(0, 15), "breakupTime": Integer(1, 255)}, extensible=True
        ),
        "clusterIdChangeTimeInfo?": Integer(1, 255),
    },
    extensible=True,
)
VAM = Sequence(
    {
        "header": ITS_PDU_HEADER,
        "vam": Sequence(
            {
                "generationDeltaTime": Integer(0, 65535),
                "vamParameters": Sequence(
                    {
                        "basicContainer": BASIC_CONTAINER,
                        "vruHighFrequencyContainer": VRU_HIGH_FREQUENCY_CONTAINER,
                        "vruLowFrequencyContainer?": VRU_LOW_FREQUENCY_CONTAINER,
                        "vruClusterInformationContainer?": Sequence(
                            {"vruClusterInformation": VRU_CLUSTER_INFORMATION}, extensible=True
                        ),
                        "vruClusterOperationContainer?": VRU_CLUSTER_OPERATION_CONTAINER,
                        "vruMotionPredictionContainer?": VRU_MOTION_PREDICTION_CONTAINER,
                    },
                    extensible=True,
                ),
            }
        ),
    }
)
