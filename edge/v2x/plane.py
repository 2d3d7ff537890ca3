"""A flat map around a place: metres east and north on the ellipsoid of WGS 84, right for some kilometres."""

from __future__ import annotations

import math

_A = 6378137.0
_E2 = 0.00669437999014


class Plane:
    """The plane that touches the ellipsoid at a place."""

    __slots__ = ("_east_m", "_north_m", "latitude_deg", "longitude_deg")

    def __init__(self, latitude_deg: float, longitude_deg: float) -> None:
        self.latitude_deg = latitude_deg
        self.longitude_deg = longitude_deg
        sine = math.sin(math.radians(latitude_deg))
        under = 1.0 - _E2 * sine * sine
        self._north_m = math.radians(_A * (1.0 - _E2) / (under * math.sqrt(under)))
        cosine = max(math.cos(math.radians(latitude_deg)), 1e-6)  # at the poles east has no meaning
        self._east_m = math.radians(_A / math.sqrt(under) * cosine)

    def place(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Latitude and longitude of a point; it stays on the globe."""
        latitude = min(max(self.latitude_deg + north_m / self._north_m, -90.0), 90.0)
        longitude = self.longitude_deg + east_m / self._east_m
        if not -180.0 <= longitude <= 180.0:
            longitude = (longitude + 180.0) % 360.0 - 180.0
        return latitude, longitude

    def point(self, latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
        """Metres east and north of the origin."""
        away = longitude_deg - self.longitude_deg
        if not -180.0 <= away <= 180.0:
            away = (away + 180.0) % 360.0 - 180.0
        return away * self._east_m, (latitude_deg - self.latitude_deg) * self._north_m
