"""The table of CAM: EN 302 637-2 V1.4.1, CAM-PDU-Descriptions 2; TS 102 894-2 V1.3.1, ITS-Container 2."""

from __future__ import annotations

from edge.v2x.uper import Bits, Boolean, Choice, Enumerated, Integer, Octets, Sequence, SequenceOf

LATITUDE = Integer(-900000000, 900000001)
LONGITUDE = Integer(-1800000000, 1800000001)
HEADING_VALUE = Integer(0, 3601)
SEMI_AXIS = Integer(0, 4095)
CONFIDENCE_127 = Integer(1, 127)
ITS_PDU_HEADER = Sequence(
    {"protocolVersion": Integer(0, 255), "messageID": Integer(0, 255), "stationID": Integer(0, 4294967295)}
)
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
LIGHT_BAR_SIREN = Bits(2, names="lightBarActivated sirenActivated")


def _acceleration(name: str) -> Sequence:
    return Sequence({f"{name}Value": Integer(-160, 161), f"{name}Confidence": Integer(0, 102)})


VEHICLE_HIGH_FREQUENCY = Sequence(
    {
        "heading": Sequence({"headingValue": HEADING_VALUE, "headingConfidence": CONFIDENCE_127}),
        "speed": Sequence({"speedValue": Integer(0, 16383), "speedConfidence": CONFIDENCE_127}),
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
                "curvatureValue": Integer(-1023, 1023),
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
            {"steeringWheelAngleValue": Integer(-511, 512), "steeringWheelAngleConfidence": CONFIDENCE_127}
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
            extensible=True,
        ),
    }
)
RSU_HIGH_FREQUENCY = Sequence(
    {
        "protectedCommunicationZonesRSU?": SequenceOf(
            Sequence(
                {
                    "protectedZoneType": Enumerated(
                        "permanentCenDsrcTolling", extensible=True, more="temporaryCenDsrcTolling"
                    ),
                    "expiryTime?": Integer(0, 4398046511103),
                    "protectedZoneLatitude": LATITUDE,
                    "protectedZoneLongitude": LONGITUDE,
                    "protectedZoneRadius?": Integer(1, 255, extensible=True),
                    "protectedZoneID?": Integer(0, 134217727),
                },
                extensible=True,
            ),
            1,
            16,
        )
    },
    extensible=True,
)
PATH_POINT = Sequence(
    {
        "pathPosition": Sequence(
            {
                "deltaLatitude": Integer(-131071, 131072),
                "deltaLongitude": Integer(-131071, 131072),
                "deltaAltitude": Integer(-12700, 12800),
            }
        ),
        "pathDeltaTime?": Integer(1, 65535, extensible=True),
    }
)
VEHICLE_LOW_FREQUENCY = Sequence(
    {
        "vehicleRole": Enumerated(
            "default publicTransport specialTransport dangerousGoods roadWork rescue emergency safetyCar"
            " agriculture commercial military roadOperator taxi reserved1 reserved2 reserved3"
        ),
        "exteriorLights": EXTERIOR_LIGHTS,
        "pathHistory": SequenceOf(PATH_POINT, 0, 40),
    }
)
CAUSE_CODE = Sequence({"causeCode": Integer(0, 255), "subCauseCode": Integer(0, 255)}, extensible=True)
_SHOULDER = Enumerated("availableForStopping closed availableForDriving")
SPECIAL_VEHICLE = Choice(
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
        "dangerousGoodsContainer": Sequence(
            {
                "dangerousGoodsBasic": Enumerated(
                    "explosives1 explosives2 explosives3 explosives4 explosives5 explosives6 flammableGases"
                    " nonFlammableGases toxicGases flammableLiquids flammableSolids"
                    " substancesLiableToSpontaneousCombustion"
                    " substancesEmittingFlammableGasesUponContactWithWater oxidizingSubstances"
                    " organicPeroxides toxicSubstances infectiousSubstances radioactiveMaterial"
                    " corrosiveSubstances miscellaneousDangerousSubstances"
                )
            }
        ),
        "roadWorksContainerBasic": Sequence(
            {
                "roadworksSubCauseCode?": Integer(0, 255),
                "lightBarSirenInUse": LIGHT_BAR_SIREN,
                "closedLanes?": Sequence(
                    {
                        "innerhardShoulderStatus?": _SHOULDER,
                        "outerhardShoulderStatus?": _SHOULDER,
                        "drivingLaneStatus?": Bits(1, 13),
                    },
                    extensible=True,
                ),
            }
        ),
        "rescueContainer": Sequence({"lightBarSirenInUse": LIGHT_BAR_SIREN}),
        "emergencyContainer": Sequence(
            {
                "lightBarSirenInUse": LIGHT_BAR_SIREN,
                "incidentIndication?": CAUSE_CODE,
                "emergencyPriority?": Bits(
                    2, names="requestForRightOfWay requestForFreeCrossingAtATrafficLight"
                ),
            }
        ),
        "safetyCarContainer": Sequence(
            {
                "lightBarSirenInUse": LIGHT_BAR_SIREN,
                "incidentIndication?": CAUSE_CODE,
                "trafficRule?": Enumerated(
                    "noPassing noPassingForTrucks passToRight passToLeft", extensible=True
                ),
                "speedLimit?": Integer(1, 255),
            }
        ),
    },
    extensible=True,
)
CAM = Sequence(
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
                                "basicVehicleContainerHighFrequency": VEHICLE_HIGH_FREQUENCY,
                                "rsuContainerHighFrequency": RSU_HIGH_FREQUENCY,
                            },
                            extensible=True,
                        ),
                        "lowFrequencyContainer?": Choice(
                            {"basicVehicleContainerLowFrequency": VEHICLE_LOW_FREQUENCY}, extensible=True
                        ),
                        "specialVehicleContainer?": SPECIAL_VEHICLE,
                    },
                    extensible=True,
                ),
            }
        ),
    }
)
