"""The tables of DENM: EN 302 637-3 V1.3.1 with additions of TS 103 831 V2, and V1.2 (protocolVersion 1).

V1.3.1 and TS 103 831 share protocolVersion 2 and every bit in front of the extension markers; names are those
of V1.3.1. Lane positions, predicted paths, road configuration and pre-crash data of TS 103 831 are skipped.
"""

from __future__ import annotations

from edge.v2x.etsi.cdd1 import (
    CAUSE_CODE,
    CAUSE_CODE_1,
    CLOSED_LANES,
    CLOSED_LANES_1,
    DANGEROUS_GOODS,
    DELTA_REFERENCE_POSITION,
    HEADING,
    ITS_PDU_HEADER,
    LIGHT_BAR_SIREN,
    PATH_HISTORY,
    REFERENCE_POSITION,
    SPEED,
    TRAFFIC_RULE,
)
from edge.v2x.uper import Bits, Boolean, Default, Enumerated, Group, Integer, Sequence, SequenceOf, Text, Type

DEFAULT_VALIDITY_S = 600
ACTION_ID = Sequence({"originatingStationID": Integer(0, 4294967295), "sequenceNumber": Integer(0, 65535)})
_PHONE = Text("numeric", 1, 16)
_FACTORS = "tenth half two three five ten fifty hundred"
_SITUATION_2: dict[str, Type] = {
    "linked": Group({"linkedDenms?": SequenceOf(ACTION_ID, 1, 8, True), "eventEnd?": Integer(-8190, 8191)}),
    "nature": Group({"eventEndFactor?": Enumerated(_FACTORS, True), "perceivedEvent?": Boolean()}),
}
_IMPACT_REDUCTION = Sequence(
    {
        "heightLonCarrLeft": Integer(1, 100),
        "heightLonCarrRight": Integer(1, 100),
        "posLonCarrLeft": Integer(1, 127),
        "posLonCarrRight": Integer(1, 127),
        "positionOfPillars": SequenceOf(Integer(1, 30), 1, 3, extensible=True),
        "posCentMass": Integer(1, 63),
        "wheelBaseVehicle": Integer(1, 127),
        "turningRadius": Integer(1, 255),
        "posFrontAx": Integer(1, 20),
        "positionOfOccupants": Bits(
            20,
            names="row1LeftOccupied row1RightOccupied row1MidOccupied"
            " row1NotDetectable"
            " row1NotPresent row2LeftOccupied row2RightOccupied row2MidOccupied"
            " row2NotDetectable row2NotPresent row3LeftOccupied row3RightOccupied"
            " row3MidOccupied row3NotDetectable row3NotPresent row4LeftOccupied"
            " row4RightOccupied row4MidOccupied row4NotDetectable row4NotPresent",
        ),
        "vehicleMass": Integer(1, 1024),
        "requestResponseIndication": Enumerated("request response"),
    }
)
_LOCATION = Sequence(
    {
        "eventSpeed?": SPEED,
        "eventPositionHeading?": HEADING,
        "traces": SequenceOf(PATH_HISTORY, 1, 7),
        "roadType?": Enumerated(
            "urban-NoStructuralSeparationToOppositeLanes"
            " urban-WithStructuralSeparationToOppositeLanes"
            " nonUrban-NoStructuralSeparationToOppositeLanes"
            " nonUrban-WithStructuralSeparationToOppositeLanes"
        ),
    },
    extensible=True,
)


def _cause(newer: bool) -> Sequence:
    return CAUSE_CODE if newer else CAUSE_CODE_1


def _situation(newer: bool) -> Sequence:
    return Sequence(
        {
            "informationQuality": Integer(0, 7),
            "eventType": _cause(newer),
            "linkedCause?": _cause(newer),
            "eventHistory?": SequenceOf(
                Sequence(
                    {
                        "eventPosition": DELTA_REFERENCE_POSITION,
                        "eventDeltaTime?": Integer(1, 65535, extensible=True),
                        "informationQuality": Integer(0, 7),
                    }
                ),
                1,
                23,
            ),
        },
        extensible=True,
        more=_SITUATION_2 if newer else {},
    )


def _road_works(newer: bool) -> Sequence:
    return Sequence(
        {
            "lightBarSirenInUse?": LIGHT_BAR_SIREN,
            "closedLanes?": CLOSED_LANES if newer else CLOSED_LANES_1,
            "restriction?": SequenceOf(Integer(0, 255), 1, 3, extensible=True),
            "speedLimit?": Integer(1, 255),
            "incidentIndication?": _cause(newer),
            "recommendedPath?": SequenceOf(REFERENCE_POSITION, 1, 40),
            "startingPointSpeedLimit?": DELTA_REFERENCE_POSITION,
            "trafficFlowRule?": TRAFFIC_RULE,
            "referenceDenms?": SequenceOf(ACTION_ID, 1, 8, extensible=True),
        }
    )


def _stationary_vehicle(newer: bool) -> Sequence:
    return Sequence(
        {
            "stationarySince?": Enumerated(
                "lessThan1Minute lessThan2Minutes lessThan15Minutes equalOrGreater15Minutes"
            ),
            "stationaryCause?": _cause(newer),
            "carryingDangerousGoods?": Sequence(
                {
                    "dangerousGoodsType": DANGEROUS_GOODS,
                    "unNumber": Integer(0, 9999),
                    "elevatedTemperature": Boolean(),
                    "tunnelsRestricted": Boolean(),
                    "limitedQuantity": Boolean(),
                    "emergencyActionCode?": Text("ia5", 1, 24),
                    "phoneNumber?": _PHONE if newer else Text("ia5", 1, 24),
                    "companyName?": Text("utf8", 1, 24),
                },
                extensible=newer,
            ),
            "numberOfOccupants?": Integer(0, 127),
            "vehicleIdentification?": Sequence(
                {"wMInumber?": Text("ia5", 1, 3), "vDS?": Text("ia5", 6, 6)},
                extensible=True,
            ),
            "energyStorageType?": Bits(
                7,
                names="hydrogenStorage electricEnergyStorage liquidPropaneGas"
                " compressedNaturalGas"
                " diesel gasoline ammonia",
            ),
        }
    )


def _a_la_carte(newer: bool) -> Sequence:
    return Sequence(
        {
            "lanePosition?": Integer(-1, 14),
            "impactReduction?": _IMPACT_REDUCTION,
            "externalTemperature?": Integer(-60, 67),
            "roadWorks?": _road_works(newer),
            "positioningSolution?": Enumerated(
                "noPositioningSolution sGNSS dGNSS sGNSSplusDR dGNSSplusDR dR", extensible=True
            ),
            "stationaryVehicle?": _stationary_vehicle(newer),
        },
        extensible=True,
    )


def _denm(newer: bool) -> Sequence:
    return Sequence(
        {
            "header": ITS_PDU_HEADER,
            "denm": Sequence(
                {
                    "management": Sequence(
                        {
                            "actionID": ACTION_ID,
                            "detectionTime": Integer(0, 4398046511103),
                            "referenceTime": Integer(0, 4398046511103),
                            "termination?": Enumerated("isCancellation isNegation"),
                            "eventPosition": REFERENCE_POSITION,
                            "relevanceDistance?": Enumerated(
                                "lessThan50m lessThan100m lessThan200m lessThan500m lessThan1000m"
                                " lessThan5km lessThan10km over10km"
                            ),
                            "relevanceTrafficDirection?": Enumerated(
                                "allTrafficDirections upstreamTraffic downstreamTraffic oppositeTraffic"
                            ),
                            "validityDuration": Default(Integer(0, 86400), 600),
                            "transmissionInterval?": Integer(1, 10000),
                            "stationType": Integer(0, 255),
                        },
                        extensible=True,
                    ),
                    "situation?": _situation(newer),
                    "location?": _LOCATION,
                    "alacarte?": _a_la_carte(newer),
                }
            ),
        }
    )


DENM = _denm(newer=True)
DENM_1 = _denm(newer=False)
