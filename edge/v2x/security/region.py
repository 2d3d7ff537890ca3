"""Where a certificate is good: GeographicRegion of IEEE 1609.2 (6.4.17 and following)."""

from __future__ import annotations

import math
import struct

import msgspec

from edge.v2x.security import oer
from edge.v2x.uper import CodecError

Point = tuple[int, int]
"""Latitude and longitude, 0.1 microdegree."""

_POINT = struct.Struct(">ii")
_MOST = 64  # rectangles, corners, countries
_METERS = 0.011132  # one step of latitude, on a sphere of 40 075 km
_LATITUDE, _LONGITUDE = 900_000_000, 1_800_000_000


class Circle(msgspec.Struct, frozen=True):
    """radius_m around a point."""

    center: Point
    radius_m: int

    def __str__(self) -> str:
        return f"{self.radius_m} m around {_shown(self.center)}"

    def contains(self, place: Point) -> bool:
        """Measured as on a plane, which regions of 65 km allow."""
        north = (place[0] - self.center[0]) * _METERS
        around = (place[1] - self.center[1] + _LONGITUDE) % (2 * _LONGITUDE) - _LONGITUDE
        east = around * _METERS * math.cos(math.radians(self.center[0] / 1e7))
        return north * north + east * east <= self.radius_m * self.radius_m


class Rectangle(msgspec.Struct, frozen=True):
    """Between two parallels and two meridians; it may cross 180 degrees."""

    north_west: Point
    south_east: Point

    def __str__(self) -> str:
        return f"from {_shown(self.north_west)} to {_shown(self.south_east)}"

    def contains(self, place: Point) -> bool:
        """The edges count as inside."""
        (north, west), (south, east) = self.north_west, self.south_east
        between = west <= place[1] <= east if west <= east else place[1] >= west or place[1] <= east
        return south <= place[0] <= north and between


class Polygon(msgspec.Struct, frozen=True):
    """Corners in order, on a plane of latitude and longitude; the first follows the last."""

    corners: tuple[Point, ...]

    def __str__(self) -> str:
        return f"within {'; '.join(map(_shown, self.corners))}"

    def contains(self, place: Point) -> bool:
        """A ray to the east crosses an odd number of edges."""
        y, x = place
        inside = False
        y1, x1 = self.corners[-1]
        for y2, x2 in self.corners:
            if (y1 > y) != (y2 > y) and (x - x1) * abs(y2 - y1) < (x2 - x1) * (y - y1) * (
                1 if y2 > y1 else -1
            ):
                inside = not inside
            y1, x1 = y2, x2
        return inside


class Region(msgspec.Struct, frozen=True):
    """One of: shapes (the place is in any of them), or countries (numbers of UN M.49, whole or in parts)."""

    shapes: tuple[Circle | Rectangle | Polygon, ...] = ()
    countries: tuple[int, ...] = ()
    encoded: bytes = b""

    def contains(self, place: Point, countries: tuple[int, ...]) -> bool:
        """Whether a place is inside; `countries` says where we are, as borders are not known here."""
        return any(shape.contains(place) for shape in self.shapes) or any(
            country in countries for country in self.countries
        )


def read(data: bytes, at: int) -> tuple[Region, int]:
    """GeographicRegion. Raises CodecError."""
    start = at
    tag, at = oer.octet(data, at)
    if tag == 0x80:
        center, at = _point(data, at)
        radius, at = oer.fixed(data, at, 2)
        return Region((Circle(center, int.from_bytes(radius, "big")),), (), data[start:at]), at
    if tag == 0x81:
        rectangles, at = oer.sequence_of(data, at, _rectangle, _MOST)
        return Region(tuple(rectangles), (), data[start:at]), at
    if tag == 0x82:
        corners, at = oer.sequence_of(data, at, _point, _MOST)
        if len(corners) < 3:
            raise CodecError("region", f"a polygon of {len(corners)} corners")
        return Region((Polygon(tuple(corners)),), (), data[start:at]), at
    if tag == 0x83:
        countries, at = oer.sequence_of(data, at, _country, _MOST)
        whole = tuple(country for country, parts in countries if not parts)
        return Region((), whole, data[start:at]), at
    raise CodecError("region", f"kind {tag:#04x} is not read", "unsupported")


def write(region: Region) -> bytes:
    """GeographicRegion, canonical; one circle, rectangles, one polygon or whole countries."""
    if region.countries:
        return b"\x83" + oer.write_sequence_of([b"\x80" + c.to_bytes(2, "big") for c in region.countries])
    first = region.shapes[0]
    if isinstance(first, Circle):
        return b"\x80" + _POINT.pack(*first.center) + first.radius_m.to_bytes(2, "big")
    if isinstance(first, Polygon):
        return b"\x82" + oer.write_sequence_of([_POINT.pack(*corner) for corner in first.corners])
    rectangles = [shape for shape in region.shapes if isinstance(shape, Rectangle)]
    return b"\x81" + oer.write_sequence_of(
        [_POINT.pack(*each.north_west) + _POINT.pack(*each.south_east) for each in rectangles]
    )


def _shown(point: Point) -> str:
    return f"{point[0] / 1e7:.7f}, {point[1] / 1e7:.7f}"


def _point(data: bytes, at: int) -> tuple[Point, int]:
    octets, at = oer.fixed(data, at, 8)
    latitude, longitude = _POINT.unpack(octets)
    if not (-_LATITUDE <= latitude <= _LATITUDE + 1 and -_LONGITUDE < longitude <= _LONGITUDE + 1):
        raise CodecError("region", f"{latitude}, {longitude} is no place")
    return (latitude, longitude), at


def _rectangle(data: bytes, at: int) -> tuple[Rectangle, int]:
    north_west, at = _point(data, at)
    south_east, at = _point(data, at)
    return Rectangle(north_west, south_east), at


def _country(data: bytes, at: int) -> tuple[tuple[int, bool], int]:
    """Its number, and whether only parts of it are meant, in which we cannot say where we are."""
    tag, at = oer.octet(data, at)
    number, at = oer.fixed(data, at, 2)
    if tag == 0x81:
        _, at = oer.sequence_of(data, at, oer.octet, _MOST)
    elif tag == 0x82:
        _, at = oer.sequence_of(data, at, _subregions, _MOST)
    elif tag != 0x80:
        raise CodecError("region", f"country of kind {tag:#04x} is not read", "unsupported")
    return (int.from_bytes(number, "big"), tag != 0x80), at


def _subregions(data: bytes, at: int) -> tuple[None, int]:
    _, at = oer.octet(data, at)
    _, at = oer.sequence_of(data, at, lambda data, at: oer.fixed(data, at, 2), _MOST)
    return None, at
