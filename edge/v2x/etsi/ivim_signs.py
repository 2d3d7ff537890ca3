"""Signs of IVIM: ISO 14823 pictograms and their attributes, catalogue codes of ISO 19321.

Both editions have the same forms with other names in them: those of 2020 are here, those of 2015 in
ivim_schema_1.

A destination sign can show a sign; of that one the destinations are not read.
"""

from __future__ import annotations

from edge.v2x.etsi.ivim_vehicles import PROVIDER
from edge.v2x.uper import Bits, Choice, Enumerated, Integer, Octets, Sequence, SequenceOf, Text, Type, Unread


def sign_attributes(
    period: Type, dimensions: Type, speeds: Type, distance: Type, destination: Type, **more: Type
) -> Type:
    """What a pictogram is about. period: when it holds, and in the same form when not."""
    return SequenceOf(
        Choice(
            {
                "dtm": period,
                "edt": period,
                "dfl": Integer(1, 8),
                "ved": dimensions,
                "spe": speeds,
                "roi": Integer(1, 32),
                "dbv": distance,
                "ddd": destination,
                **more,
            }
        ),
        1,
        8,
        extensible=True,
    )


def pictogram(attributes: Type) -> Type:
    """A sign of ISO 14823 by its number."""
    return Sequence(
        {
            "pictogramCode": Sequence(
                {
                    "countryCode?": Octets(2),
                    "serviceCategoryCode": Choice(
                        {
                            "trafficSignPictogram": Enumerated(
                                "dangerWarning regulatory informative", extensible=True
                            ),
                            "publicFacilitiesPictogram": Enumerated("publicFacilities", extensible=True),
                            "ambientOrRoadConditionPictogram": Enumerated(
                                "ambientCondition roadCondition", extensible=True
                            ),
                        },
                        extensible=True,
                    ),
                    "pictogramCategoryCode": Sequence(
                        {"nature": Integer(1, 9), "serialNumber": Integer(0, 99)}
                    ),
                }
            ),
            "attributes?": attributes,
        }
    )


def sign_codes(period: Type, attributes: Type) -> Type:
    """Signs of one place, by the number of any catalogue."""
    vienna = Sequence(
        {
            "roadSignClass": Integer(0, 7),
            "roadSignCode": Integer(1, 64),
            "vcOption": Integer(0, 7),
            "validity?": SequenceOf(period, 1, 8, extensible=True),
            "value?": Integer(0, 65535),
            "unit?": Integer(0, 15),
        }
    )
    any_catalogue = Sequence(
        {
            "owner": PROVIDER,
            "version": Integer(0, 255),
            "pictogramCode": Integer(0, 65535),
            "value?": Integer(0, 65535),
            "unit?": Integer(0, 15),
            "attributes?": attributes,
        }
    )
    code = Choice(
        {
            "viennaConvention": vienna,
            "iso14823": pictogram(attributes),
            "itisCodes": Integer(0, 65535),
            "anyCatalogue": any_catalogue,
        },
        extensible=True,
    )
    one = Sequence({"layoutComponentId?": Integer(1, 4, extensible=True), "code": code})
    return SequenceOf(one, 1, 4, extensible=True)


MONTH_DAY = Sequence({"month": Integer(1, 12), "day": Integer(1, 31)})
REPEATING_PERIOD_DAY_TYPES = Bits(4, names="national-holiday even-days odd-days market-day")
HOURS_MINUTES = Sequence({"hours": Integer(0, 23), "mins": Integer(0, 59)})
DAY_OF_WEEK = Bits(8, names="unused monday tuesday wednesday thursday friday saturday sunday")
INTERNATIONAL_SIGN_APPLICABLE_PERIOD = Sequence(
    {
        "year?": Sequence(
            {
                "yearRangeStartYear": Integer(2000, 2127, extensible=True),
                "yearRangeEndYear": Integer(2000, 2127, extensible=True),
            }
        ),
        "month-day?": Sequence({"dateRangeStartMonthDay": MONTH_DAY, "dateRangeEndMonthDay": MONTH_DAY}),
        "repeatingPeriodDayTypes?": REPEATING_PERIOD_DAY_TYPES,
        "hourMinutes?": Sequence({"timeRangeStartTime": HOURS_MINUTES, "timeRangeEndTime": HOURS_MINUTES}),
        "dateRangeOfWeek?": DAY_OF_WEEK,
        "durationHourMinute?": HOURS_MINUTES,
    }
)
DISTANCE = Sequence({"value": Integer(1, 16384), "unit": Integer(2, 8)})
INTERNATIONAL_SIGN_APPLICABLE_VEHICLE_DIMENSIONS = Sequence(
    {
        "vehicleHeight?": DISTANCE,
        "vehicleWidth?": DISTANCE,
        "vehicleLength?": DISTANCE,
        "vehicleWeight?": Sequence({"value": Integer(1, 16384), "unit": Integer(10, 12)}),
    }
)
INTERNATIONAL_SIGN_SPEED_LIMITS = Sequence(
    {"speedLimitMax?": Integer(0, 250), "speedLimitMin?": Integer(0, 250), "unit": Integer(0, 1)}
)
INTERNATIONAL_SIGN_DISTANCE_BETWEEN_VEHICLES = Sequence({"value": Integer(1, 16384), "unit": Integer(2, 8)})
_PLAIN_ATTRIBUTES = sign_attributes(
    INTERNATIONAL_SIGN_APPLICABLE_PERIOD,
    INTERNATIONAL_SIGN_APPLICABLE_VEHICLE_DIMENSIONS,
    INTERNATIONAL_SIGN_SPEED_LIMITS,
    INTERNATIONAL_SIGN_DISTANCE_BETWEEN_VEHICLES,
    Unread(),
    set=Sequence({"startingPointLength?": DISTANCE, "continuityLength?": DISTANCE}),
    nol=Integer(0, 99),
)
DESTINATION_PLACE = Sequence(
    {
        "destType": Integer(0, 15, extensible=True),
        "destRSCode?": pictogram(_PLAIN_ATTRIBUTES),
        "destBlob?": Octets(0, None),
        "placeNameIdentification?": Integer(1, 999),
        "placeNameText?": Text("utf8"),
    }
)
DESTINATION_ROAD = Sequence(
    {
        "derType": Integer(0, 15, extensible=True),
        "roadNumberIdentifier?": Integer(1, 999),
        "roadNumberText?": Text("utf8"),
    }
)
DISTANCE_OR_DURATION = Sequence({"value": Integer(1, 16384), "unit": Integer(2, 9)})
DDD_IO = Sequence(
    {
        "arrowDirection": Integer(0, 7),
        "destPlace?": SequenceOf(DESTINATION_PLACE, 1, 4, extensible=True),
        "destRoad?": SequenceOf(DESTINATION_ROAD, 1, 4, extensible=True),
        "roadNumberIdentifier?": Integer(1, 999),
        "streetName?": Integer(1, 999),
        "streetNameText?": Text("utf8"),
        "distanceToDivergingPoint?": DISTANCE_OR_DURATION,
        "distanceToDestinationPlace?": DISTANCE_OR_DURATION,
    }
)
INTERNATIONAL_SIGN_DESTINATION_INFORMATION = Sequence(
    {
        "junctionDirection?": Integer(1, 128),
        "roundaboutCwDirection?": Integer(1, 128),
        "roundaboutCcwDirection?": Integer(1, 128),
        "ioList": SequenceOf(DDD_IO, 1, 8, extensible=True),
    }
)
ROAD_SIGN_CODES = sign_codes(
    INTERNATIONAL_SIGN_APPLICABLE_PERIOD,
    sign_attributes(
        INTERNATIONAL_SIGN_APPLICABLE_PERIOD,
        INTERNATIONAL_SIGN_APPLICABLE_VEHICLE_DIMENSIONS,
        INTERNATIONAL_SIGN_SPEED_LIMITS,
        INTERNATIONAL_SIGN_DISTANCE_BETWEEN_VEHICLES,
        INTERNATIONAL_SIGN_DESTINATION_INFORMATION,
    ),
)
