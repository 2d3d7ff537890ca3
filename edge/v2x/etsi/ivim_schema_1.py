"""The table of IVIM: TS 103 301 V1.3 (protocolVersion 1) with ISO 19321:2015.

A destination sign can show a sign; of that one the destinations are not read.
"""

from __future__ import annotations

from edge.v2x.etsi.cdd1 import ITS_PDU_HEADER
from edge.v2x.etsi.ivim_schema import LAYOUT_CONTAINER, ROAD_TYPE, TEXT
from edge.v2x.etsi.ivim_signs import (
    DAY_OF_WEEK,
    DISTANCE,
    DISTANCE_OR_DURATION,
    HOURS_MINUTES,
    MONTH_DAY,
    pictogram,
    sign_attributes,
    sign_codes,
)
from edge.v2x.etsi.ivim_vehicles import (
    COMPLETE_VEHICLE_CHARACTERISTICS,
    GEOGRAPHIC_LOCATION_CONTAINER,
    PROVIDER,
)
from edge.v2x.uper import Bits, Choice, Integer, Octets, Sequence, SequenceOf, Text, Unread

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
    extensible=True,
)
PMD = Bits(4, names="national-holiday even-days odd-days market-day")
DTM = Sequence(
    {
        "year?": Sequence(
            {"syr": Integer(2000, 2127, extensible=True), "eyr": Integer(2000, 2127, extensible=True)}
        ),
        "month-day?": Sequence({"smd": MONTH_DAY, "emd": MONTH_DAY}),
        "pmd?": PMD,
        "hourMinutes?": Sequence({"shm": HOURS_MINUTES, "ehm": HOURS_MINUTES}),
        "dayOfWeek?": DAY_OF_WEEK,
        "period?": HOURS_MINUTES,
    }
)
VED = Sequence(
    {
        "hei?": DISTANCE,
        "wid?": DISTANCE,
        "vln?": DISTANCE,
        "wei?": Sequence({"value": Integer(1, 16384), "unit": Integer(10, 12)}),
    }
)
SPE = Sequence({"spm?": Integer(0, 250), "mns?": Integer(0, 250), "unit": Integer(0, 1)})
DBV = Sequence({"value": Integer(1, 16384), "unit": Integer(2, 8)})
_PLAIN_ATTRIBUTES = sign_attributes(DTM, VED, SPE, DBV, Unread())
DESTINATION_PLACE = Sequence(
    {
        "depType": Integer(0, 15, extensible=True),
        "depRSCode?": pictogram(_PLAIN_ATTRIBUTES),
        "depBlob?": Octets(0, None),
        "plnId?": Integer(1, 999),
        "plnText?": Text("utf8"),
    }
)
DESTINATION_ROAD = Sequence(
    {"derType": Integer(0, 15, extensible=True), "ronId?": Integer(1, 999), "ronText?": Text("utf8")}
)
DDD_IO = Sequence(
    {
        "drn": Integer(0, 7),
        "dp?": SequenceOf(DESTINATION_PLACE, 1, 4, extensible=True),
        "dr?": SequenceOf(DESTINATION_ROAD, 1, 4, extensible=True),
        "rne?": Integer(1, 999),
        "stnId?": Integer(1, 999),
        "stnText?": Text("utf8"),
        "dcp?": DISTANCE_OR_DURATION,
        "ddp?": DISTANCE_OR_DURATION,
    }
)
DDD = Sequence(
    {
        "dcj?": Integer(1, 128),
        "dcr?": Integer(1, 128),
        "tpl?": Integer(1, 128),
        "ioList": SequenceOf(DDD_IO, 1, 8, extensible=True),
    }
)
ROAD_SIGN_CODES = sign_codes(DTM, sign_attributes(DTM, VED, SPE, DBV, DDD))
GIC_PART = Sequence(
    {
        "detectionZoneIds?": SequenceOf(Integer(1, 32, extensible=True), 1, 8, extensible=True),
        "its-Rrid?": Choice(
            {
                "content": Integer(0, 127),
                "extension": Choice(
                    {
                        "content": Integer(128, 16511),
                        "extension": Choice(
                            {
                                "content": Integer(16512, 2113663),
                                "extension": Integer(211664, 270549119, extensible=True),  # as published
                            }
                        ),
                    }
                ),
            }
        ),
        "relevanceZoneIds?": SequenceOf(Integer(1, 32, extensible=True), 1, 8, extensible=True),
        "direction?": Integer(0, 3),
        "driverAwarenessZoneIds?": SequenceOf(Integer(1, 32, extensible=True), 1, 8, extensible=True),
        "minimumAwarenessTime?": Integer(0, 255),
        "applicableLanes?": SequenceOf(Integer(-1, 14), 1, 8, extensible=True),
        "iviType": Integer(0, 7),
        "iviPurpose?": Integer(0, 3),
        "laneStatus?": Integer(0, 7, extensible=True),
        "vehicleCharacteristics?": SequenceOf(COMPLETE_VEHICLE_CHARACTERISTICS, 1, 8, extensible=True),
        "driverCharacteristics?": Integer(0, 3),
        "layoutId?": Integer(1, 4, extensible=True),
        "preStoredlayoutId?": Integer(1, 64, extensible=True),
        "roadSignCodes": ROAD_SIGN_CODES,
        "extraText?": SequenceOf(TEXT, 1, 4, extensible=True),
    },
    extensible=True,
)
LANE_INFORMATION = Sequence(
    {
        "laneNumber": Integer(-1, 14),
        "direction": Integer(0, 3),
        "validity?": DTM,
        "laneType": Integer(0, 31),
        "laneTypeQualifier?": COMPLETE_VEHICLE_CHARACTERISTICS,
        "laneStatus": Integer(0, 7, extensible=True),
        "laneWidth?": Integer(0, 1023),
    },
    extensible=True,
)
RCC_PART = Sequence(
    {
        "zoneIds": SequenceOf(Integer(1, 32, extensible=True), 1, 8, extensible=True),
        "roadType": ROAD_TYPE,
        "laneConfiguration": SequenceOf(LANE_INFORMATION, 1, 16, extensible=True),
    },
    extensible=True,
)
TC_PART = Sequence(
    {
        "detectionZoneIds?": SequenceOf(Integer(1, 32, extensible=True), 1, 8, extensible=True),
        "relevanceZoneIds": SequenceOf(Integer(1, 32, extensible=True), 1, 8, extensible=True),
        "direction?": Integer(0, 3),
        "driverAwarenessZoneIds?": SequenceOf(Integer(1, 32, extensible=True), 1, 8, extensible=True),
        "minimumAwarenessTime?": Integer(0, 255),
        "applicableLanes?": SequenceOf(Integer(-1, 14), 1, 8, extensible=True),
        "layoutId?": Integer(1, 4, extensible=True),
        "preStoredlayoutId?": Integer(1, 64, extensible=True),
        "text?": SequenceOf(TEXT, 1, 4, extensible=True),
        "data": Octets(0, None),
    },
    extensible=True,
)
IVI_CONTAINER = Choice(
    {
        "glc": GEOGRAPHIC_LOCATION_CONTAINER,
        "giv": SequenceOf(GIC_PART, 1, 16, extensible=True),
        "rcc": SequenceOf(RCC_PART, 1, 16, extensible=True),
        "tc": SequenceOf(TC_PART, 1, 16, extensible=True),
        "lac": LAYOUT_CONTAINER,
    },
    extensible=True,
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
