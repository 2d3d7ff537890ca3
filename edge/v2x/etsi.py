"""Europe: CAM as ETSI EN 302 637-2 V1.4.1 defines it, to and from RemoteObject.

The table is CAM-PDU-Descriptions version 2 with ITS-Container of TS 102 894-2 V1.3.1 (protocolVersion 2);
messages of protocolVersion 1 differ on the wire and are refused. What a CAM has no field for (ABS, stability
control) is not sent: ETSI announces it by DENM.
"""

from __future__ import annotations

import math
from typing import Any

from edge.messages import RemoteObject
from edge.v2x.codegen import Codec
from edge.v2x.scales import degrees, physical, steps
from edge.v2x.uper import (
    Bits,
    Boolean,
    Choice,
    CodecError,
    Enumerated,
    Integer,
    Octets,
    Sequence,
    SequenceOf,
    bits,
    flags,
)

PROTOCOL_VERSION = 2
MESSAGE_ID_CAM = 2
MESSAGE_NAMES = {
    1: "DENM", 2: "CAM", 3: "POI", 4: "SPATEM", 5: "MAPEM", 6: "IVIM", 7: "EV-RSR", 8: "TISTPG", 9: "SREM",
    10: "SSEM", 11: "EVCSN", 12: "SAEM", 13: "RTCMEM", 14: "CPM", 16: "VAM",
}  # fmt: skip

# ---------------------------------------------------------------- the table

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
                    " alt-005-00 alt-010-00 alt-020-00 alt-050-00 alt-100-00 alt-200-00 outOfRange unavailable"
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

CAM_CODEC = Codec("CAM", CAM)

# ---------------------------------------------------------------- to and from the neutral model

_KINDS = {
    1: "person", 2: "bicycle", 3: "motorcycle", 4: "motorcycle", 5: "car", 6: "bus", 7: "truck", 8: "truck",
}  # fmt: skip
STATION_TYPES = {"person": 1, "bicycle": 2, "motorcycle": 4, "car": 5, "bus": 6, "truck": 8}
_EPOCH_2004_MS = 1_072_915_200_000
_LEAP_SECONDS_SINCE_2004 = 5  # TAI runs on; the last leap second was at the end of 2016


def timestamp_its(utc_ns: int) -> int:
    """TimestampIts: milliseconds of TAI since 2004-01-01T00:00:00Z."""
    return utc_ns // 1_000_000 - _EPOCH_2004_MS + _LEAP_SECONDS_SINCE_2004 * 1000


def decode_cam(data: bytes) -> dict[str, Any]:
    """The CAM in `data`. Raises CodecError, reason "unsupported" for another message or version."""
    if len(data) < 6:
        raise CodecError("ItsPduHeader", f"{len(data)} octets, the header alone has 6")
    if (data[0], data[1]) != (PROTOCOL_VERSION, MESSAGE_ID_CAM):
        name = MESSAGE_NAMES.get(data[1], f"message {data[1]}")
        raise CodecError("ItsPduHeader", f"{name} of protocol version {data[0]} is not read", "unsupported")
    return CAM_CODEC.decode(data)


def remote_object(cam: dict[str, Any]) -> RemoteObject | None:
    """A decoded CAM as a neutral object; None when it does not know its own position.

    Of a road-side unit only the position is known.
    """
    parameters = cam["cam"]["camParameters"]
    basic = parameters["basicContainer"]
    pos = basic["referencePosition"]
    latitude_deg = physical(pos["latitude"], 1e-7, -900000000, 900000000)
    longitude_deg = physical(pos["longitude"], 1e-7, -1800000000, 1800000000)
    if latitude_deg is None or longitude_deg is None:
        return None
    accuracy_m = physical(pos["positionConfidenceEllipse"]["semiMajorConfidence"], 0.01, 0, 4093)
    altitude_m = physical(pos["altitude"]["altitudeValue"], 0.01, -100000, 800000)
    form, high = parameters["highFrequencyContainer"]
    if form != "basicVehicleContainerHighFrequency":
        return RemoteObject(
            kind=_KINDS.get(basic["stationType"], "unknown"),
            latitude_deg=latitude_deg,
            longitude_deg=longitude_deg,
            altitude_m=altitude_m,
            accuracy_m=accuracy_m,
        )
    heading = high["heading"]["headingValue"]
    left_deg_s = physical(high["yawRate"]["yawRateValue"], 0.01, -32766, 32766)
    control = high.get("accelerationControl")
    acceleration = high["longitudinalAcceleration"]["longitudinalAccelerationValue"]
    return RemoteObject(
        kind=_KINDS.get(basic["stationType"], "unknown"),
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        altitude_m=altitude_m,
        speed_mps=physical(high["speed"]["speedValue"], 0.01, 0, 16382),
        heading_deg=None if heading == 3601 else heading % 3600 * 0.1,
        acceleration_mps2=physical(acceleration, 0.1, -160, 160),
        yaw_rate_radps=None if left_deg_s is None else math.radians(left_deg_s),
        length_m=physical(high["vehicleLength"]["vehicleLengthValue"], 0.1, 1, 1021),
        width_m=physical(high["vehicleWidth"], 0.1, 1, 60),
        accuracy_m=accuracy_m,
        brake_pressed=None
        if control is None
        else "brakePedalEngaged" in flags(ACCELERATION_CONTROL, control),
        events=_events(parameters, control),
    )


def _events(parameters: dict[str, Any], control: int | None) -> tuple[str, ...]:
    said = set()
    if control is not None and "emergencyBrakeEngaged" in flags(ACCELERATION_CONTROL, control):
        said.add("hard_braking")
    form, low = parameters.get("lowFrequencyContainer", (None, None))
    if form == "basicVehicleContainerLowFrequency":
        # both turn signals together are the hazard lights, TS 102 894-2 A.28
        if {"leftTurnSignalOn", "rightTurnSignalOn"} <= flags(EXTERIOR_LIGHTS, low["exteriorLights"]):
            said.add("hazard_lights")
    form, special = parameters.get("specialVehicleContainer", (None, None))
    if form in ("emergencyContainer", "rescueContainer") and special["lightBarSirenInUse"]:
        said.add("emergency_vehicle")
    return tuple(sorted(said))


def cam(content: RemoteObject, station_id: int, utc_ns: int, low_frequency: bool) -> dict[str, Any]:
    """Our own state as a CAM, with the low frequency container if asked. Raises CodecError for a position that
    is none.

    station_id: 32 bits; utc_ns: when the state held. The path history is empty: none is kept yet.
    """
    has = set(content.events)
    yaw = content.yaw_rate_radps
    accuracy = steps("semiMajorConfidence", content.accuracy_m, 0.01, 0, 4094, 4095)
    high: dict[str, Any] = {
        "heading": {"headingValue": _heading(content.heading_deg), "headingConfidence": 127},
        "speed": {
            "speedValue": steps("speedValue", content.speed_mps, 0.01, 0, 16382, 16383),
            "speedConfidence": 127,
        },
        "driveDirection": "unavailable",
        "vehicleLength": {
            "vehicleLengthValue": steps("vehicleLengthValue", content.length_m, 0.1, 1, 1022, 1023),
            "vehicleLengthConfidenceIndication": "unavailable",
        },
        "vehicleWidth": steps("vehicleWidth", content.width_m, 0.1, 1, 61, 62),
        "longitudinalAcceleration": {
            "longitudinalAccelerationValue": steps(
                "longitudinalAccelerationValue", content.acceleration_mps2, 0.1, -160, 160, 161
            ),
            "longitudinalAccelerationConfidence": 102,
        },
        "curvature": {"curvatureValue": 1023, "curvatureConfidence": "unavailable"},
        "curvatureCalculationMode": "unavailable",
        "yawRate": {
            "yawRateValue": steps(
                "yawRateValue", None if yaw is None else math.degrees(yaw), 0.01, -32766, 32766, 32767
            ),
            "yawRateConfidence": "unavailable",
        },
    }
    if content.brake_pressed is not None or "hard_braking" in has:
        engaged = {"brakePedalEngaged"} if content.brake_pressed else set()
        if "hard_braking" in has:
            engaged.add("emergencyBrakeEngaged")
        high["accelerationControl"] = bits(ACCELERATION_CONTROL, engaged)
    parameters: dict[str, Any] = {
        "basicContainer": {
            "stationType": STATION_TYPES.get(content.kind, 0),
            "referencePosition": {
                "latitude": degrees("latitude", content.latitude_deg, 1e-7, 90.0),
                "longitude": degrees("longitude", content.longitude_deg, 1e-7, 180.0),
                "positionConfidenceEllipse": {
                    "semiMajorConfidence": accuracy,
                    "semiMinorConfidence": accuracy,
                    "semiMajorOrientation": 3601,
                },
                "altitude": {
                    "altitudeValue": steps(
                        "altitudeValue", content.altitude_m, 0.01, -100000, 800000, 800001
                    ),
                    "altitudeConfidence": "unavailable",
                },
            },
        },
        "highFrequencyContainer": ("basicVehicleContainerHighFrequency", high),
    }
    if low_frequency:
        hazard = {"leftTurnSignalOn", "rightTurnSignalOn"} if "hazard_lights" in has else set()
        low = {
            "vehicleRole": "emergency" if "emergency_vehicle" in has else "default",
            "exteriorLights": bits(EXTERIOR_LIGHTS, hazard),
            "pathHistory": [],
        }
        parameters["lowFrequencyContainer"] = ("basicVehicleContainerLowFrequency", low)
    if "emergency_vehicle" in has:
        in_use = bits(LIGHT_BAR_SIREN, {"lightBarActivated"})
        parameters["specialVehicleContainer"] = ("emergencyContainer", {"lightBarSirenInUse": in_use})
    header = {"protocolVersion": PROTOCOL_VERSION, "messageID": MESSAGE_ID_CAM, "stationID": station_id}
    body = {"generationDeltaTime": timestamp_its(utc_ns) % 65536, "camParameters": parameters}
    return {"header": header, "cam": body}


def _heading(heading_deg: float | None) -> int:
    if heading_deg is None:
        return 3601
    return steps("headingValue", heading_deg % 360.0, 0.1, 0, 3600, 3601) % 3600
