"""Areas of GeoNetworking: which shape, and who is inside (ETSI EN 302 931)."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from edge.v2x.uper import CodecError

SHAPES = ("circle", "rectangle", "ellipse")
"""In the order of the header sub-types of GBC and GAC."""

_M_PER_DEG = math.pi / 180 * 6_371_008.8  # of latitude; the mean radius of the earth


class Area(msgspec.Struct, frozen=True, gc=False):
    """A place of interest, in the standard's units.

    latitude, longitude: 0.1 microdegree, of the centre; a, b: m, from the centre to the short and to the
    long side of a rectangle, the half axes of an ellipse; a circle has its radius in a, and b 0; angle:
    degrees clockwise from north, of the long side.
    """

    shape: Literal["circle", "rectangle", "ellipse"]
    latitude: int
    longitude: int
    a: int
    b: int = 0
    angle: int = 0

    @property
    def square_m(self) -> float:
        """How large it is."""
        if self.shape == "circle":
            return math.pi * self.a * self.a
        return (4 if self.shape == "rectangle" else math.pi) * self.a * self.b

    def function(self, latitude: int, longitude: int) -> float:
        """F of EN 302 931 clause 5: 1 at the centre, 0 on the border, negative outside."""
        north, east = offset_m(self.latitude * 1e-7, self.longitude * 1e-7, latitude * 1e-7, longitude * 1e-7)
        a = self.a
        b = a if self.shape == "circle" else self.b
        if a <= 0 or b <= 0:
            return 1.0 if north == east == 0 else -math.inf
        angle = math.radians(self.angle)
        along = (north * math.cos(angle) + east * math.sin(angle)) / a
        across = (east * math.cos(angle) - north * math.sin(angle)) / b
        if self.shape == "rectangle":
            return min(1 - along * along, 1 - across * across)
        return 1 - along * along - across * across

    def holds(self, latitude: int, longitude: int) -> bool:
        """Inside or on the border."""
        return self.function(latitude, longitude) >= 0


def circle(latitude_deg: float, longitude_deg: float, radius_m: float) -> Area:
    """A circle in usual units. Raises CodecError "unencodable" for no place, or no radius of 0..65535 m."""
    if not (-90 <= latitude_deg <= 90 and -180 <= longitude_deg <= 180 and 0 <= radius_m <= 65535):
        raise CodecError("area", f"{latitude_deg}, {longitude_deg}, {radius_m} m", "unencodable")
    return Area("circle", round(latitude_deg * 1e7), round(longitude_deg * 1e7), math.ceil(radius_m))


def offset_m(
    latitude_deg: float, longitude_deg: float, to_latitude_deg: float, to_longitude_deg: float
) -> tuple[float, float]:
    """Metres to the north and to the east, on a plane that touches the earth at the first point."""
    east_deg = (to_longitude_deg - longitude_deg + 180) % 360 - 180
    return (
        (to_latitude_deg - latitude_deg) * _M_PER_DEG,
        east_deg * _M_PER_DEG * math.cos(math.radians(latitude_deg)),
    )
