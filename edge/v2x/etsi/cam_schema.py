"""The tables of CAM: EN 302 637-2 V1.4.1 with the additions of TS 103 900 V2, and V1.3 (protocolVersion 1).

V1.4.1 and TS 103 900 share protocolVersion 2 and every bit in front of the extension markers; names are
those of V1.4.1. TS 103 900 appends containers, each told by a number; those that come from maps, plans and
automation stay octets.
"""

from __future__ import annotations

from edge.v2x.etsi.cdd1 import (
    CAUSE_CODE,
    CAUSE_CODE_1,
    CLOSED_LANES,
    CLOSED_LANES_1,
    CONFIDENCE_127,
    DANGEROUS_GOODS,
    HEADING,
    ITS_PDU_HEADER,
    LATITUDE,
    LIGHT_BAR_SIREN,
    LONGITUDE,
    PATH_HISTORY,
    REFERENCE_POSITION,
    SPEED,
    TRAFFIC_RULE,
)
from edge.v2x.uper import Bits, Boolean, Choice, Enumerated, Integer, Octets, OpenBy, Sequence, SequenceOf

ACCELERATION_CONTROL = Bits(
    7,
    names="brakePedalEngaged gasPedalEngaged emergencyBrakeEngaged collisionWarningEngaged accEngaged"
    " cruiseControlEngaged speedLimiterEngaged",
)
EXTERIOR_LIGHTS = Bits(
    8,
    names="lowBeamHeadlightsOn highBeamHeadlightsOn leftTurnSignalOn rightTurnSignalOn"
    " daytimeRunningLightsOn reverseLightOn fogLightOn parkingLightsOn",
)


def _acceleration(name: str) -> Sequence:
    return Sequence({f"{name}Value": Integer(-160, 161), f"{name}Confidence": Integer(0, 102)})


def _vehicle_high_frequency(newer: bool) -> Sequence:
    return Sequence(
        {
            "heading": HEADING,
            "speed": SPEED,
            "driveDirection": Enumerated("forward backward unavailable"),
            "vehicleLength": Sequence(
                {
                    "vehicleLengthValue": Integer(1, 1023),
                    "vehicleLengthConfidenceIndication": Enumerated(
                        "noTrailerPresent trailerPresentWithKnownLength trailerPresentWithUnknownLength"
                        " trailerPresenceIsUnknown unavailable"
                    ),
                }
            ),
            "vehicleWidth": Integer(1, 62),
            "longitudinalAcceleration": _acceleration("longitudinalAcceleration"),
            "curvature": Sequence(
                {
                    "curvatureValue": Integer(-1023, 1023) if newer else Integer(-30000, 30001),
                    "curvatureConfidence": Enumerated(
                        "onePerMeter-0-00002 onePerMeter-0-0001 onePerMeter-0-0005 onePerMeter-0-002"
                        " onePerMeter-0-01 onePerMeter-0-1 outOfRange unavailable"
                    ),
                }
            ),
            "curvatureCalculationMode": Enumerated("yawRateUsed yawRateNotUsed unavailable", extensible=True),
            "yawRate": Sequence(
                {
                    "yawRateValue": Integer(-32766, 32767),
                    "yawRateConfidence": Enumerated(
                        "degSec-000-01 degSec-000-05 degSec-000-10 degSec-001-00 degSec-005-00 degSec-010-00"
                        " degSec-100-00 outOfRange unavailable"
                    ),
                }
            ),
            "accelerationControl?": ACCELERATION_CONTROL,
            "lanePosition?": Integer(-1, 14),
            "steeringWheelAngle?": Sequence(
                {
                    "steeringWheelAngleValue": Integer(-511, 512),
                    "steeringWheelAngleConfidence": CONFIDENCE_127,
                }
            ),
            "lateralAcceleration?": _acceleration("lateralAcceleration"),
            "verticalAcceleration?": _acceleration("verticalAcceleration"),
            "performanceClass?": Integer(0, 7),
            "cenDsrcTollingZone?": Sequence(
                {
                    "protectedZoneLatitude": LATITUDE,
                    "protectedZoneLongitude": LONGITUDE,
                    "cenDsrcTollingZoneID?": Integer(0, 134217727),
                },
                extensible=newer,
            ),
        }
    )


_ZONE = Enumerated("permanentCenDsrcTolling", extensible=True, more="temporaryCenDsrcTolling")
_ZONE_1 = Enumerated("cenDsrcTolling", extensible=True)


def _rsu_high_frequency(newer: bool) -> Sequence:
    return Sequence(
        {
            "protectedCommunicationZonesRSU?": SequenceOf(
                Sequence(
                    {
                        "protectedZoneType": Enumerated(
                            "permanentCenDsrcTolling", True, "temporaryCenDsrcTolling"
                        )
                        if newer
                        else Enumerated("cenDsrcTolling", True),
                        "expiryTime?": Integer(0, 4398046511103),
                        "protectedZoneLatitude": LATITUDE,
                        "protectedZoneLongitude": LONGITUDE,
                        "protectedZoneRadius?": Integer(1, 255, extensible=True),
                        "protectedZoneID?": Integer(0, 134217727),
                    },
                    extensible=newer,
                ),
                1,
                16,
            )
        },
        extensible=True,
    )


VEHICLE_LOW_FREQUENCY = Sequence(
    {
        "vehicleRole": Enumerated(
            "default publicTransport specialTransport dangerousGoods roadWork rescue emergency safetyCar"
            " agriculture commercial military roadOperator taxi reserved1 reserved2 reserved3"
        ),
        "exteriorLights": EXTERIOR_LIGHTS,
        "pathHistory": PATH_HISTORY,
    }
)

BRAKE_CONTROL = Bits(3, names="abs tcs esc", extensible=True)
_ANGLE = Sequence({"value": Integer(0, 3601), "confidence": Integer(1, 127)})
_TWO_WHEELER = Sequence(
    {
        "typeSpecificInformation?": Choice(
            {
                "cyclist": Sequence(
                    {"vruSubProfileBicyclist?": Integer(0, 15), "vruMovementControl?": Integer(0, 15)},
                    extensible=True,
                )
            },
            extensible=True,
        ),
        "rollAngle?": _ANGLE,
        "orientation?": _ANGLE,
        "stabilityChangeIndication?": Sequence(
            {"lossProbability": Integer(0, 63), "actionDeltaTime": Integer(0, 127)}, extensible=True
        ),
    },
    extensible=True,
)
_VERY_LOW_FREQUENCY = Sequence(
    {"vehicleHeight?": Integer(1, 62), "wiperStatus?": Integer(0, 7), "brakeControl?": BRAKE_CONTROL},
    extensible=True,
)
VERY_LOW_FREQUENCY = 3
_CONTAINER = Sequence(
    {
        "containerId": Integer(1, 16, extensible=True),
        "containerData": OpenBy("containerId", {1: _TWO_WHEELER, VERY_LOW_FREQUENCY: _VERY_LOW_FREQUENCY}),
    }
)


def _special_vehicle(newer: bool) -> Choice:
    return Choice(
        {
            "publicTransportContainer": Sequence(
                {
                    "embarkationStatus": Boolean(),
                    "ptActivation?": Sequence(
                        {"ptActivationType": Integer(0, 255), "ptActivationData": Octets(1, 20)}
                    ),
                }
            ),
            "specialTransportContainer": Sequence(
                {
                    "specialTransportType": Bits(4, names="heavyLoad excessWidth excessLength excessHeight"),
                    "lightBarSirenInUse": LIGHT_BAR_SIREN,
                }
            ),
            "dangerousGoodsContainer": Sequence({"dangerousGoodsBasic": DANGEROUS_GOODS}),
            "roadWorksContainerBasic": Sequence(
                {
                    "roadworksSubCauseCode?": Integer(0, 255),
                    "lightBarSirenInUse": LIGHT_BAR_SIREN,
                    "closedLanes?": CLOSED_LANES if newer else CLOSED_LANES_1,
                }
            ),
            "rescueContainer": Sequence({"lightBarSirenInUse": LIGHT_BAR_SIREN}),
            "emergencyContainer": Sequence(
                {
                    "lightBarSirenInUse": LIGHT_BAR_SIREN,
                    "incidentIndication?": CAUSE_CODE if newer else CAUSE_CODE_1,
                    "emergencyPriority?": Bits(
                        2, names="requestForRightOfWay requestForFreeCrossingAtATrafficLight"
                    ),
                }
            ),
            "safetyCarContainer": Sequence(
                {
                    "lightBarSirenInUse": LIGHT_BAR_SIREN,
                    "incidentIndication?": CAUSE_CODE if newer else CAUSE_CODE_1,
                    "trafficRule?": TRAFFIC_RULE,
                    "speedLimit?": Integer(1, 255),
                }
            ),
        },
        extensible=True,
    )


def _cam(newer: bool) -> Sequence:
    return Sequence(
        {
            "header": ITS_PDU_HEADER,
            "cam": Sequence(
                {
                    "generationDeltaTime": Integer(0, 65535),
                    "camParameters": Sequence(
                        {
                            "basicContainer": Sequence(
                                {"stationType": Integer(0, 255), "referencePosition": REFERENCE_POSITION},
                                extensible=True,
                            ),
                            "highFrequencyContainer": Choice(
                                {
                                    "basicVehicleContainerHighFrequency": _vehicle_high_frequency(newer),
                                    "rsuContainerHighFrequency": _rsu_high_frequency(newer),
                                },
                                extensible=True,
                            ),
                            "lowFrequencyContainer?": Choice(
                                {"basicVehicleContainerLowFrequency": VEHICLE_LOW_FREQUENCY}, extensible=True
                            ),
                            "specialVehicleContainer?": _special_vehicle(newer),
                        },
                        extensible=True,
                        more={"extensionContainers": SequenceOf(_CONTAINER, 1, 8, extensible=True)}
                        if newer
                        else {},
                    ),
                }
            ),
        }
    )


CAM = _cam(newer=True)
CAM_1 = _cam(newer=False)
