"""The table of RSM, whom the roadside sees: T/CSAE 53-2020, YD/T 3709-2020."""

from __future__ import annotations

from edge.v2x.csae53 import elements
from edge.v2x.uper import Enumerated, Integer, Sequence, SequenceOf

PARTICIPANT = Sequence(
    {
        "ptcType": Enumerated("unknown motor non-motor pedestrian rsu", extensible=True),
        "ptcId": Integer(0, 65535),
        "source": Enumerated(
            "unknown selfinfo v2x video microwaveRadar loop lidar integrated", extensible=True
        ),
        "id?": elements.ID,
        "secMark": elements.D_SECOND,
        "pos": elements.POSITION_OFFSET,
        "posConfidence": elements.POSITION_CONFIDENCE_SET,
        "transmission?": elements.TRANSMISSION_STATE,
        "speed": elements.SPEED,
        "heading": elements.HEADING,
        "angle?": elements.STEERING_WHEEL_ANGLE,
        "motionCfd?": elements.MOTION_CONFIDENCE_SET,
        "accelSet?": elements.ACCELERATION_SET,
        "size": elements.SIZE,
        "vehicleClass?": elements.VEHICLE_CLASS,
    },
    extensible=True,
)
RSM = Sequence(
    {
        "msgCnt": elements.MSG_COUNT,
        "id": elements.ID,
        "refPos": elements.POSITION_3D,
        "participants": SequenceOf(PARTICIPANT, 1, 16),
    },
    extensible=True,
)
