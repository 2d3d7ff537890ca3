"""The table of IVIM: TS 103 301 V2.1 (protocolVersion 2) with ISO 19321:2020."""

from __future__ import annotations

from edge.v2x.etsi.cdd1 import ITS_PDU_HEADER
from edge.v2x.etsi.ivim_signs import INTERNATIONAL_SIGN_APPLICABLE_PERIOD, ROAD_SIGN_CODES
from edge.v2x.etsi.ivim_vehicles import (
    COMPLETE_VEHICLE_CHARACTERISTICS,
    GEOGRAPHIC_LOCATION_CONTAINER,
    IVI_MANAGEMENT_CONTAINER,
    LANE_POSITIONS,
    VEHICLE_CHARACTERISTICS_LIST,
    ZONE_IDS,
)
from edge.v2x.uper import (
    Bits,
    Boolean,
    Choice,
    Enumerated,
    Group,
    Integer,
    Octets,
    Sequence,
    SequenceOf,
    Text,
)

TEXT = Sequence(
    {"layoutComponentId?": Integer(1, 4, extensible=True), "language": Bits(10), "textContent": Text("utf8")}
)
GIC_PART = Sequence(
    {
        "detectionZoneIds?": ZONE_IDS,
        "its-Rrid?": Choice(
            {
                "content": Integer(0, 127),
                "extension": Choice(
                    {
                        "content": Integer(128, 16511),
                        "extension": Choice(
                            {
                                "content": Integer(16512, 2113663),
                                "extension": Integer(2113664, 270549119, extensible=True),
                            }
                        ),
                    }
                ),
            }
        ),
        "relevanceZoneIds?": ZONE_IDS,
        "direction?": Integer(0, 3),
        "driverAwarenessZoneIds?": ZONE_IDS,
        "minimumAwarenessTime?": Integer(0, 255),
        "applicableLanes?": LANE_POSITIONS,
        "iviType": Integer(0, 7),
        "iviPurpose?": Integer(0, 3),
        "laneStatus?": Integer(0, 7, extensible=True),
        "vehicleCharacteristics?": VEHICLE_CHARACTERISTICS_LIST,
        "driverCharacteristics?": Integer(0, 3),
        "layoutId?": Integer(1, 4, extensible=True),
        "preStoredlayoutId?": Integer(1, 64, extensible=True),
        "roadSignCodes": ROAD_SIGN_CODES,
        "extraText?": SequenceOf(TEXT, 1, 4, extensible=True),
    },
    extensible=True,
)
LANE_CHARACTERISTICS = Sequence(
    {
        "zoneDefinitionAccuracy": Integer(0, 7, extensible=True),
        "existinglaneMarkingStatus": Boolean(),
        "newlaneMarkingColour": Integer(0, 7, extensible=True),
        "laneDelimitationLeft": Integer(0, 7, extensible=True),
        "laneDelimitationRight": Integer(0, 7, extensible=True),
        "mergingWith": Integer(1, 32, extensible=True),
    }
)
ROAD_SURFACE_STATIC_CHARACTERISTICS = Sequence(
    {
        "frictionCoefficient": Integer(0, 101),
        "material": Integer(0, 7, extensible=True),
        "wear": Integer(0, 7, extensible=True),
        "avBankingAngle": Integer(-20, 21),
    }
)
ROAD_SURFACE_DYNAMIC_CHARACTERISTICS = Sequence(
    {
        "condition": Integer(0, 15, extensible=True),
        "temperature": Integer(-100, 151),
        "iceOrWaterDepth": Integer(0, 255),
        "treatment": Integer(0, 7),
    }
)
LANE_INFORMATION = Sequence(
    {
        "laneNumber": Integer(-1, 14),
        "direction": Integer(0, 3),
        "validity?": INTERNATIONAL_SIGN_APPLICABLE_PERIOD,
        "laneType": Integer(0, 31),
        "laneTypeQualifier?": COMPLETE_VEHICLE_CHARACTERISTICS,
        "laneStatus": Integer(0, 7, extensible=True),
        "laneWidth?": Integer(0, 1023),
    },
    more={
        "group1": Group(
            {
                "detectionZoneIds?": ZONE_IDS,
                "relevanceZoneIds?": ZONE_IDS,
                "laneCharacteristics?": LANE_CHARACTERISTICS,
                "laneSurfaceStaticCharacteristics?": ROAD_SURFACE_STATIC_CHARACTERISTICS,
                "laneSurfaceDynamicCharacteristics?": ROAD_SURFACE_DYNAMIC_CHARACTERISTICS,
            }
        )
    },
)
ROAD_TYPE = Enumerated(
    "urban-NoStructuralSeparationToOppositeLanes"
    " urban-WithStructuralSeparationToOppositeLanes"
    " nonUrban-NoStructuralSeparationToOppositeLanes"
    " nonUrban-WithStructuralSeparationToOppositeLanes"
)
RCC_PART = Sequence(
    {
        "relevanceZoneIds": ZONE_IDS,
        "roadType": ROAD_TYPE,
        "laneConfiguration": SequenceOf(LANE_INFORMATION, 1, 16, extensible=True),
    },
    extensible=True,
)
TC_PART = Sequence(
    {
        "detectionZoneIds?": ZONE_IDS,
        "relevanceZoneIds": ZONE_IDS,
        "direction?": Integer(0, 3),
        "driverAwarenessZoneIds?": ZONE_IDS,
        "minimumAwarenessTime?": Integer(0, 255),
        "applicableLanes?": LANE_POSITIONS,
        "layoutId?": Integer(1, 4, extensible=True),
        "preStoredlayoutId?": Integer(1, 64, extensible=True),
        "text?": SequenceOf(TEXT, 1, 4, extensible=True),
        "data": Octets(0, None),
    },
    more={
        "group1": Group(
            {
                "iviType": Integer(0, 7),
                "laneStatus?": Integer(0, 7, extensible=True),
                "vehicleCharacteristics?": VEHICLE_CHARACTERISTICS_LIST,
            }
        )
    },
)
LAYOUT_CONTAINER = Sequence(
    {
        "layoutId": Integer(1, 4, extensible=True),
        "height?": Integer(10, 73),
        "width?": Integer(10, 265),
        "layoutComponents": SequenceOf(
            Sequence(
                {
                    "layoutComponentId": Integer(1, 8, extensible=True),
                    "height": Integer(10, 73),
                    "width": Integer(10, 265),
                    "x": Integer(10, 265),
                    "y": Integer(10, 73),
                    "textScripting": Integer(0, 1),
                }
            ),
            1,
            4,
            extensible=True,
        ),
    },
    extensible=True,
)
SAE_AUTOMATION_LEVELS = SequenceOf(Integer(0, 5), 1, 5)
CONSTRAINT_TEXT_LINES2 = SequenceOf(TEXT, 1, 4, extensible=True)
AUTOMATED_VEHICLE_RULE = Sequence(
    {
        "priority": Integer(0, 2),
        "allowedSaeAutomationLevels": SAE_AUTOMATION_LEVELS,
        "minGapBetweenVehicles?": Integer(0, 255),
        "recGapBetweenVehicles?": Integer(0, 255),
        "automatedVehicleMaxSpeedLimit?": Integer(0, 16383),
        "automatedVehicleMinSpeedLimit?": Integer(0, 16383),
        "automatedVehicleSpeedRecommendation?": Integer(0, 16383),
        "roadSignCodes?": ROAD_SIGN_CODES,
        "extraText?": CONSTRAINT_TEXT_LINES2,
    },
    extensible=True,
)
PLATOONING_RULE = Sequence(
    {
        "priority": Integer(0, 2),
        "allowedSaeAutomationLevels": SAE_AUTOMATION_LEVELS,
        "maxNoOfVehicles?": Integer(2, 64),
        "maxLenghtOfPlatoon?": Integer(1, 64),
        "minGapBetweenVehicles?": Integer(0, 255),
        "platoonMaxSpeedLimit?": Integer(0, 16383),
        "platoonMinSpeedLimit?": Integer(0, 16383),
        "platoonSpeedRecommendation?": Integer(0, 16383),
        "roadSignCodes?": ROAD_SIGN_CODES,
        "extraText?": CONSTRAINT_TEXT_LINES2,
    },
    extensible=True,
)
AVC_PART = Sequence(
    {
        "detectionZoneIds?": ZONE_IDS,
        "relevanceZoneIds": ZONE_IDS,
        "direction?": Integer(0, 3),
        "applicableLanes?": LANE_POSITIONS,
        "vehicleCharacteristics?": VEHICLE_CHARACTERISTICS_LIST,
        "automatedVehicleRules?": SequenceOf(AUTOMATED_VEHICLE_RULE, 1, 5),
        "platooningRules?": SequenceOf(PLATOONING_RULE, 1, 5),
    },
    extensible=True,
)
MAP_LOCATION_CONTAINER = Sequence(
    {
        "reference": Choice(
            {
                "roadsegment": Sequence({"region?": Integer(0, 65535), "id": Integer(0, 65535)}),
                "intersection": Sequence({"region?": Integer(0, 65535), "id": Integer(0, 65535)}),
            }
        ),
        "parts": SequenceOf(
            Sequence(
                {
                    "zoneId": Integer(1, 32, extensible=True),
                    "laneIds?": SequenceOf(Integer(0, 255), 1, 16, extensible=True),
                }
            ),
            1,
            16,
            extensible=True,
        ),
    }
)
RSC_PART = Sequence(
    {
        "detectionZoneIds?": ZONE_IDS,
        "relevanceZoneIds": ZONE_IDS,
        "direction?": Integer(0, 3),
        "roadSurfaceStaticCharacteristics?": ROAD_SURFACE_STATIC_CHARACTERISTICS,
        "roadSurfaceDynamicCharacteristics?": ROAD_SURFACE_DYNAMIC_CHARACTERISTICS,
    }
)
IVI_CONTAINER = Choice(
    {
        "glc": GEOGRAPHIC_LOCATION_CONTAINER,
        "giv": SequenceOf(GIC_PART, 1, 16, extensible=True),
        "rcc": SequenceOf(RCC_PART, 1, 16, extensible=True),
        "tc": SequenceOf(TC_PART, 1, 16, extensible=True),
        "lac": LAYOUT_CONTAINER,
    },
    more={
        "avc": SequenceOf(AVC_PART, 1, 16, extensible=True),
        "mlc": MAP_LOCATION_CONTAINER,
        "rsc": SequenceOf(RSC_PART, 1, 16, extensible=True),
    },
)
IVIM = Sequence(
    {
        "header": ITS_PDU_HEADER,
        "ivi": Sequence(
            {
                "mandatory": IVI_MANAGEMENT_CONTAINER,
                "optional?": SequenceOf(IVI_CONTAINER, 1, 8, extensible=True),
            }
        ),
    }
)
