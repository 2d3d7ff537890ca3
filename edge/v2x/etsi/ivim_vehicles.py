"""Whom a sign of IVIM is for, and zones: ISO 19321 and ISO 14906 as TS 103 301 V2 uses them."""

from __future__ import annotations

from edge.v2x.etsi.cdd1 import DELTA_REFERENCE_POSITION, HEADING, REFERENCE_POSITION, SPEED
from edge.v2x.uper import Bits, Choice, Enumerated, Integer, Null, Sequence, SequenceOf

PROVIDER = Sequence({"countryCode": Bits(10), "providerIdentifier": Integer(0, 16383)})
IVI_MANAGEMENT_CONTAINER = Sequence(
    {
        "serviceProviderId": PROVIDER,
        "iviIdentificationNumber": Integer(1, 32767, extensible=True),
        "timeStamp?": Integer(0, 4398046511103),
        "validFrom?": Integer(0, 4398046511103),
        "validTo?": Integer(0, 4398046511103),
        "connectedIviStructures?": SequenceOf(Integer(1, 32767, extensible=True), 1, 8),
        "iviStatus": Integer(0, 7),
    },
    more={
        "connectedDenms": SequenceOf(
            Sequence({"originatingStationID": Integer(0, 4294967295), "sequenceNumber": Integer(0, 65535)}),
            1,
            8,
            extensible=True,
        )
    },
)
ABSOLUTE_POSITION = Sequence(
    {"latitude": Integer(-900000000, 900000001), "longitude": Integer(-1800000000, 1800000001)}
)
ABSOLUTE_POSITION_W_ALTITUDE = Sequence(
    {
        "latitude": Integer(-900000000, 900000001),
        "longitude": Integer(-1800000000, 1800000001),
        "altitude": Sequence(
            {
                "altitudeValue": Integer(-100000, 800001),
                "altitudeConfidence": Enumerated(
                    "alt-000-01 alt-000-02 alt-000-05 alt-000-10 alt-000-20 alt-000-50"
                    " alt-001-00 alt-002-00 alt-005-00 alt-010-00 alt-020-00 alt-050-00"
                    " alt-100-00 alt-200-00 outOfRange unavailable"
                ),
            }
        ),
    }
)
POLYGONAL_LINE = Choice(
    {
        "deltaPositions": SequenceOf(
            Sequence({"deltaLatitude": Integer(-131071, 131072), "deltaLongitude": Integer(-131071, 131072)}),
            1,
            32,
            extensible=True,
        ),
        "deltaPositionsWithAltitude": SequenceOf(DELTA_REFERENCE_POSITION, 1, 32, extensible=True),
        "absolutePositions": SequenceOf(ABSOLUTE_POSITION, 1, 8, extensible=True),
        "absolutePositionsWithAltitude": SequenceOf(ABSOLUTE_POSITION_W_ALTITUDE, 1, 8, extensible=True),
    },
    extensible=True,
)
SEGMENT = Sequence({"line": POLYGONAL_LINE, "laneWidth?": Integer(0, 1023)})
COMPUTED_SEGMENT = Sequence(
    {
        "zoneId": Integer(1, 32, extensible=True),
        "laneNumber": Integer(-1, 14),
        "laneWidth": Integer(0, 1023),
        "offsetDistance?": Integer(-32768, 32767),
        "offsetPosition?": DELTA_REFERENCE_POSITION,
    }
)
ZONE = Choice(
    {"segment": SEGMENT, "area": POLYGONAL_LINE, "computedSegment": COMPUTED_SEGMENT}, extensible=True
)
GLC_PART = Sequence(
    {
        "zoneId": Integer(1, 32, extensible=True),
        "laneNumber?": Integer(-1, 14),
        "zoneExtension?": Integer(0, 255),
        "zoneHeading?": Integer(0, 3601),
        "zone?": ZONE,
    },
    extensible=True,
)
GEOGRAPHIC_LOCATION_CONTAINER = Sequence(
    {
        "referencePosition": REFERENCE_POSITION,
        "referencePositionTime?": Integer(0, 4398046511103),
        "referencePositionHeading?": HEADING,
        "referencePositionSpeed?": SPEED,
        "parts": SequenceOf(GLC_PART, 1, 16, extensible=True),
    },
    extensible=True,
)
ZONE_IDS = SequenceOf(Integer(1, 32, extensible=True), 1, 8, extensible=True)
LANE_POSITIONS = SequenceOf(Integer(-1, 14), 1, 8, extensible=True)
EU_VEHICLE_CATEGORY_CODE = Choice(
    {
        "euVehicleCategoryL": Enumerated("l1 l2 l3 l4 l5 l6 l7"),
        "euVehicleCategoryM": Enumerated("m1 m2 m3"),
        "euVehicleCategoryN": Enumerated("n1 n2 n3"),
        "euVehicleCategoryO": Enumerated("o1 o2 o3 o4"),
        "euVehilcleCategoryT": Null(),
        "euVehilcleCategoryG": Null(),
    }
)
LOAD_TYPE = Sequence(
    {
        "goodsType": Integer(0, 15, extensible=True),
        "dangerousGoodsType": Enumerated(
            "explosives1 explosives2 explosives3 explosives4 explosives5 explosives6"
            " flammableGases nonFlammableGases toxicGases flammableLiquids"
            " flammableSolids substancesLiableToSpontaneousCombustion"
            " substancesEmittingFlammableGasesUponContactWithWater oxidizingSubstances"
            " organicPeroxides toxicSubstances infectiousSubstances radioactiveMaterial"
            " corrosiveSubstances miscellaneousDangerousSubstances"
        ),
        "specialTransportType": Bits(4, names="heavyLoad excessWidth excessLength excessHeight"),
    }
)
VEHICLE_CHARACTERISTICS_FIX_VALUES = Choice(
    {
        "simpleVehicleType": Integer(0, 255),
        "euVehicleCategoryCode": EU_VEHICLE_CATEGORY_CODE,
        "iso3833VehicleType": Integer(0, 255),
        "euroAndCo2value": Sequence(
            {
                "euroValue": Enumerated(
                    "noEntry euro-1 euro-2 euro-3 euro-4 euro-5 euro-6 reservedForUse1"
                    " reservedForUse2 reservedForUse3 reservedForUse4 reservedForUse5"
                    " reservedForUse6 reservedForUse7 reservedForUse8 eev"
                ),
                "copValue": Enumerated(
                    "noEntry co2class1 co2class2 co2class3 co2class4 co2class5 co2class6"
                    " co2class7 reservedforUse"
                ),
            }
        ),
        "engineCharacteristics": Integer(0, 255),
        "loadType": LOAD_TYPE,
        "usage": Enumerated(
            "default publicTransport specialTransport dangerousGoods roadWork rescue"
            " emergency safetyCar agriculture commercial military roadOperator taxi"
            " reserved1 reserved2 reserved3"
        ),
    },
    extensible=True,
)
VEHICLE_CHARACTERISTICS_FIX_VALUES_LIST = SequenceOf(
    VEHICLE_CHARACTERISTICS_FIX_VALUES, 1, 4, extensible=True
)
EXHAUST_EMISSION_VALUES = Sequence(
    {
        "unitType": Enumerated("mg-km mg-kWh"),
        "emissionCO": Integer(0, 32767),
        "emissionHC": Integer(0, 65535),
        "emissionNOX": Integer(0, 65535),
        "emissionHCNOX": Integer(0, 65535),
    }
)
DIESEL_EMISSION_VALUES = Sequence(
    {
        "particulate": Sequence({"unitType": Enumerated("mg-km mg-kWh"), "value": Integer(0, 32767)}),
        "absorptionCoeff": Integer(0, 65535),
    }
)
VEHICLE_CHARACTERISTICS_RANGES = Sequence(
    {
        "comparisonOperator": Integer(0, 3),
        "limits": Choice(
            {
                "numberOfAxles": Integer(0, 7),
                "vehicleDimensions": Sequence(
                    {
                        "vehicleLengthOverall": Integer(0, 255),
                        "vehicleHeigthOverall": Integer(0, 255),
                        "vehicleWidthOverall": Integer(0, 255),
                    }
                ),
                "vehicleWeightLimits": Sequence(
                    {
                        "vehicleMaxLadenWeight": Integer(0, 65535),
                        "vehicleTrainMaximumWeight": Integer(0, 65535),
                        "vehicleWeightUnladen": Integer(0, 65535),
                    }
                ),
                "axleWeightLimits": Sequence(
                    {
                        "maxLadenweightOnAxle1": Integer(0, 65535),
                        "maxLadenweightOnAxle2": Integer(0, 65535),
                        "maxLadenweightOnAxle3": Integer(0, 65535),
                        "maxLadenweightOnAxle4": Integer(0, 65535),
                        "maxLadenweightOnAxle5": Integer(0, 65535),
                    }
                ),
                "passengerCapacity": Sequence(
                    {"numberOfSeats": Integer(0, 255), "numberOfStandingPlaces": Integer(0, 255)}
                ),
                "exhaustEmissionValues": EXHAUST_EMISSION_VALUES,
                "dieselEmissionValues": DIESEL_EMISSION_VALUES,
                "soundLevel": Sequence({"soundstationary": Integer(0, 255), "sounddriveby": Integer(0, 255)}),
            },
            extensible=True,
        ),
    }
)
VEHICLE_CHARACTERISTICS_RANGES_LIST = SequenceOf(VEHICLE_CHARACTERISTICS_RANGES, 1, 4, extensible=True)
TRACTOR_CHARACTERISTICS = Sequence(
    {
        "equalTo?": VEHICLE_CHARACTERISTICS_FIX_VALUES_LIST,
        "notEqualTo?": VEHICLE_CHARACTERISTICS_FIX_VALUES_LIST,
        "ranges?": VEHICLE_CHARACTERISTICS_RANGES_LIST,
    }
)
TRAILER_CHARACTERISTICS_FIX_VALUES_LIST = SequenceOf(
    VEHICLE_CHARACTERISTICS_FIX_VALUES, 1, 4, extensible=True
)
TRAILER_CHARACTERISTICS = Sequence(
    {
        "equalTo?": TRAILER_CHARACTERISTICS_FIX_VALUES_LIST,
        "notEqualTo?": TRAILER_CHARACTERISTICS_FIX_VALUES_LIST,
        "ranges?": SequenceOf(VEHICLE_CHARACTERISTICS_RANGES, 1, 4, extensible=True),
    }
)
COMPLETE_VEHICLE_CHARACTERISTICS = Sequence(
    {
        "tractor?": TRACTOR_CHARACTERISTICS,
        "trailer?": SequenceOf(TRAILER_CHARACTERISTICS, 1, 3),
        "train?": Sequence(
            {
                "equalTo?": VEHICLE_CHARACTERISTICS_FIX_VALUES_LIST,
                "notEqualTo?": VEHICLE_CHARACTERISTICS_FIX_VALUES_LIST,
                "ranges?": VEHICLE_CHARACTERISTICS_RANGES_LIST,
            }
        ),
    }
)
VEHICLE_CHARACTERISTICS_LIST = SequenceOf(COMPLETE_VEHICLE_CHARACTERISTICS, 1, 8, extensible=True)
