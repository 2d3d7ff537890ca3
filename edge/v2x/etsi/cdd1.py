"""Data elements that CAM, DENM and IVIM share: TS 102 894-2 V1.3.1, and V1.2.1 (the names with _1)."""

from __future__ import annotations

from edge.v2x.etsi.cdd_header import ITS_PDU_HEADER
from edge.v2x.uper import Bits, Enumerated, Integer, Sequence, SequenceOf, Type

__all__ = ["ITS_PDU_HEADER"]

LATITUDE = Integer(-900000000, 900000001)
LONGITUDE = Integer(-1800000000, 1800000001)
HEADING_VALUE = Integer(0, 3601)
SEMI_AXIS = Integer(0, 4095)
CONFIDENCE_127 = Integer(1, 127)
REFERENCE_POSITION = Sequence(
    {
        "latitude": LATITUDE,
        "longitude": LONGITUDE,
        "positionConfidenceEllipse": Sequence(
            {
                "semiMajorConfidence": SEMI_AXIS,
                "semiMinorConfidence": SEMI_AXIS,
                "semiMajorOrientation": HEADING_VALUE,
            }
        ),
        "altitude": Sequence(
            {
                "altitudeValue": Integer(-100000, 800001),
                "altitudeConfidence": Enumerated(
                    "alt-000-01 alt-000-02 alt-000-05 alt-000-10 alt-000-20 alt-000-50 alt-001-00 alt-002-00"
                    " alt-005-00 alt-010-00 alt-020-00 alt-050-00 alt-100-00 alt-200-00"
                    " outOfRange unavailable"
                ),
            }
        ),
    }
)
DELTA_REFERENCE_POSITION = Sequence(
    {
        "deltaLatitude": Integer(-131071, 131072),
        "deltaLongitude": Integer(-131071, 131072),
        "deltaAltitude": Integer(-12700, 12800),
    }
)
PATH_HISTORY = SequenceOf(
    Sequence(
        {
            "pathPosition": DELTA_REFERENCE_POSITION,
            "pathDeltaTime?": Integer(1, 65535, extensible=True),
        }
    ),
    0,
    40,
)
HEADING = Sequence({"headingValue": HEADING_VALUE, "headingConfidence": CONFIDENCE_127})
SPEED = Sequence({"speedValue": Integer(0, 16383), "speedConfidence": CONFIDENCE_127})
LIGHT_BAR_SIREN = Bits(2, names="lightBarActivated sirenActivated")
TRAFFIC_RULE = Enumerated("noPassing noPassingForTrucks passToRight passToLeft", extensible=True)
DANGEROUS_GOODS = Enumerated(
    "explosives1 explosives2 explosives3 explosives4 explosives5 explosives6 flammableGases"
    " nonFlammableGases toxicGases flammableLiquids flammableSolids"
    " substancesLiableToSpontaneousCombustion"
    " substancesEmittingFlammableGasesUponContactWithWater oxidizingSubstances"
    " organicPeroxides toxicSubstances infectiousSubstances radioactiveMaterial"
    " corrosiveSubstances miscellaneousDangerousSubstances"
)
_CAUSE: dict[str, Type] = {"causeCode": Integer(0, 255), "subCauseCode": Integer(0, 255)}
CAUSE_CODE = Sequence(_CAUSE, extensible=True)
CAUSE_CODE_1 = Sequence(_CAUSE)
_SHOULDER = Enumerated("availableForStopping closed availableForDriving")
CLOSED_LANES = Sequence(
    {
        "innerhardShoulderStatus?": _SHOULDER,
        "outerhardShoulderStatus?": _SHOULDER,
        "drivingLaneStatus?": Bits(1, 13),
    },
    extensible=True,
)
CLOSED_LANES_1 = Sequence(
    {"hardShoulderStatus?": _SHOULDER, "drivingLaneStatus": Bits(1, 14)}, extensible=True
)
