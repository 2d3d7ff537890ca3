"""What the messages of T/CSAE 53-2020 and YD/T 3709-2020 share: positions, motion, times, identifiers.

The tables are those of the published module set of 2019-07-24, which decodes public recordings of road-side
units; its identity with the printed standards is inferred. Names are spelt as they are there.
"""

from __future__ import annotations

from edge.v2x.uper import Choice, Enumerated, Integer, Octets, Sequence, Text

MSG_COUNT = Integer(0, 127)
ID = Octets(8)
LATITUDE = Integer(-900000000, 900000001)
LONGITUDE = Integer(-1799999999, 1800000001)
ELEVATION = Integer(-4096, 61439)
SPEED = Integer(0, 8191)
HEADING = Integer(0, 28800)
STEERING_WHEEL_ANGLE = Integer(-126, 127)
D_SECOND = Integer(0, 65535)
MINUTE_OF_THE_YEAR = Integer(0, 527040)
CONFIDENCE = Integer(0, 200)
RADIUS = Integer(0, 65535)
PHASE_ID = Integer(0, 255)
TIME_CONFIDENCE = Enumerated(
    "unavailable time-100-000 time-050-000 time-020-000 time-010-000 time-002-000 time-001-000 time-000-500"
    " time-000-200 time-000-100 time-000-050 time-000-020 time-000-010 time-000-005 time-000-002 time-000-001"
    " time-000-000-5 time-000-000-2 time-000-000-1 time-000-000-05 time-000-000-02 time-000-000-01"
    " time-000-000-005 time-000-000-002 time-000-000-001 time-000-000-000-5 time-000-000-000-2"
    " time-000-000-000-1 time-000-000-000-05 time-000-000-000-02 time-000-000-000-01 time-000-000-000-005"
    " time-000-000-000-002 time-000-000-000-001 time-000-000-000-000-5 time-000-000-000-000-2"
    " time-000-000-000-000-1 time-000-000-000-000-05 time-000-000-000-000-02 time-000-000-000-000-01"
)
POSITION_3D = Sequence({"lat": LATITUDE, "long": LONGITUDE, "elevation?": ELEVATION})
POSITION_CONFIDENCE = Enumerated(
    "unavailable a500m a200m a100m a50m a20m a10m a5m a2m a1m a50cm a20cm a10cm a5cm a2cm a1cm"
)
ELEVATION_CONFIDENCE = Enumerated(
    "unavailable elev-500-00 elev-200-00 elev-100-00 elev-050-00 elev-020-00 elev-010-00 elev-005-00"
    " elev-002-00 elev-001-00 elev-000-50 elev-000-20 elev-000-10 elev-000-05 elev-000-02 elev-000-01"
)
POSITION_CONFIDENCE_SET = Sequence({"pos": POSITION_CONFIDENCE, "elevation?": ELEVATION_CONFIDENCE})
TRANSMISSION_STATE = Enumerated(
    "neutral park forwardGears reverseGears reserved1 reserved2 reserved3 unavailable"
)
MOTION_CONFIDENCE_SET = Sequence(
    {
        "speedCfd?": Enumerated(
            "unavailable prec100ms prec10ms prec5ms prec1ms prec0-1ms prec0-05ms prec0-01ms"
        ),
        "headingCfd?": Enumerated(
            "unavailable prec10deg prec05deg prec01deg prec0-1deg prec0-05deg prec0-01deg prec0-0125deg"
        ),
        "steerCfd?": Enumerated("unavailable prec2deg prec1deg prec0-02deg"),
    }
)
_ACCELERATION = Integer(-2000, 2001)
ACCELERATION_SET = Sequence(
    {"long": _ACCELERATION, "lat": _ACCELERATION, "vert": Integer(-127, 127), "yaw": Integer(-32767, 32767)}
)
SIZE = Sequence({"width": Integer(0, 1023), "length": Integer(0, 4095), "height?": Integer(0, 127)})
VEHICLE_CLASS = Sequence({"classification": Integer(0, 255), "fuelType?": Integer(0, 15)}, extensible=True)


def _offset(bit_count: int) -> Sequence:
    both = Integer(-(1 << bit_count - 1), (1 << bit_count - 1) - 1)
    return Sequence({"lon": both, "lat": both})


POSITION_OFFSET = Sequence(
    {
        "offsetLL": Choice(
            {f"position-LL{i}": _offset(bit_count) for i, bit_count in enumerate((12, 14, 16, 18, 22, 24), 1)}
            | {"position-LatLon": Sequence({"lon": LONGITUDE, "lat": LATITUDE})}
        ),
        "offsetV?": Choice(
            {f"offset{i}": Integer(-(64 << i - 1), (64 << i - 1) - 1) for i in range(1, 7)}
            | {"elevation": ELEVATION}
        ),
    }
)
NODE_REFERENCE_ID = Sequence({"region?": Integer(0, 65535), "id": Integer(0, 65535)})
DESCRIPTIVE_NAME = Text("ia5", 1, 63)
