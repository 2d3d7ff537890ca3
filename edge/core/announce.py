"""When and what we tell others of ourselves: as ETSI EN 302 637-2 or as T/CSAE 53 says."""

from __future__ import annotations

from typing import Literal

from edge.config import Vehicle
from edge.core.geometry import ahead_left, heading_difference
from edge.core.vehicle import CarState
from edge.messages import RemoteObject

_HEADING_DEG, _MOVED_M, _SPEED_MPS = 4.0, 4.0, 0.5  # EN 302 637-2, 6.1.3: its own figures, not settings
_SOONEST_NS, _LATEST_NS = 100_000_000, 1_000_000_000  # T_GenCamMin, T_GenCamMax
_KEPT = 3  # N_GenCam
_TENTH_NS = 100_000_000  # T/CSAE 53: a BSM ten times a second
_RELEASE = 0.8


class Announcer:
    """Keeps what was told last.

    ETSI: sooner than T_GenCamMax when heading, place or speed changed; after that N_GenCam times at the
    interval at which it changed. China: ten times a second, on a grid, so that a late one delays no other.
    """

    def __init__(
        self, vehicle: Vehicle, hard_braking_mps2: float, standard: Literal["csae53", "etsi"] = "etsi"
    ) -> None:
        self._vehicle = vehicle
        self._hard_braking_mps2 = hard_braking_mps2
        self._etsi = standard == "etsi"
        self._braking = False
        self._told: RemoteObject | None = None
        self._tried_ns: int | None = None
        self._interval_ns = _LATEST_NS  # T_GenCam
        self._unchanged = 0
        self._changes = False
        self._next_ns: int | None = None

    def due(self, own: CarState, now_ns: int) -> tuple[RemoteObject | None, str] | None:
        """(what to tell or None when we do not know where we are, why now); None: not yet."""
        if self._tried_ns is None:
            self._tried_ns = self._next_ns = now_ns
        if not self._etsi:
            assert self._next_ns is not None
            return (self._content(own, now_ns), "ten times a second") if now_ns >= self._next_ns else None
        passed_ns = now_ns - self._tried_ns
        if self._told is not None and passed_ns < _SOONEST_NS:
            return None
        content = self._content(own, now_ns)
        if content is None:
            return (None, "once a second") if passed_ns >= _LATEST_NS else None
        cause = self._changed(content)
        self._changes = cause is not None
        if cause is None and passed_ns >= self._interval_ns:
            cause = "once a second" if self._interval_ns == _LATEST_NS else "still at the interval of changes"
        return None if cause is None else (content, cause)

    def tried(self, content: RemoteObject | None, now_ns: int) -> None:
        """It was let out, or refused for want of a place (None)."""
        passed_ns = 0 if self._tried_ns is None else now_ns - self._tried_ns
        self._tried_ns = now_ns
        if not self._etsi:
            step_ns = _TENTH_NS if content is not None else _LATEST_NS
            on_grid_ns = (self._next_ns or now_ns) + step_ns
            self._next_ns = on_grid_ns if on_grid_ns > now_ns else now_ns + step_ns
        if content is None:
            return
        if self._changes and self._told is not None:
            self._interval_ns = min(max(passed_ns, _SOONEST_NS), _LATEST_NS)
            self._unchanged = 0
        else:
            self._unchanged += 1
            if self._unchanged >= _KEPT:
                self._interval_ns = _LATEST_NS
        self._told = content

    def _changed(self, content: RemoteObject) -> str | None:
        told = self._told
        if told is None:
            return "the first"
        if content.heading_deg is not None and (
            told.heading_deg is None
            or heading_difference(content.heading_deg, told.heading_deg) > _HEADING_DEG
        ):
            return "heading changed"
        if (
            content.speed_mps is not None
            and told.speed_mps is not None
            and abs(content.speed_mps - told.speed_mps) > _SPEED_MPS
        ):
            return "speed changed"
        north, east = ahead_left(
            told.latitude_deg, told.longitude_deg, 0.0, content.latitude_deg, content.longitude_deg
        )
        return "moved" if north * north + east * east > _MOVED_M * _MOVED_M else None

    def _content(self, own: CarState, now_ns: int) -> RemoteObject | None:
        if own.latitude_deg is None or own.longitude_deg is None or own.speed_mps is None:
            return None
        speed = -own.speed_mps if own.reverse and own.speed_mps > 0.0 else own.speed_mps
        return RemoteObject(
            kind=self._vehicle.kind,
            latitude_deg=own.latitude_deg,
            longitude_deg=own.longitude_deg,
            measured_ns=now_ns,
            altitude_m=own.altitude_m,
            speed_mps=speed,
            heading_deg=own.heading_deg,
            acceleration_mps2=own.acceleration_mps2,
            yaw_rate_radps=own.yaw_rate_radps,
            length_m=self._vehicle.length_m,
            width_m=self._vehicle.width_m,
            accuracy_m=own.position_accuracy_m,
            brake_pressed=own.brake_pressed,
            indicator=own.indicator,
            events=self._events(own),
        )

    def _events(self, own: CarState) -> tuple[str, ...]:
        limit = self._hard_braking_mps2 * (_RELEASE if self._braking else 1.0)
        self._braking = own.acceleration_mps2 is not None and own.acceleration_mps2 <= -limit
        return tuple(
            name
            for name, holds in (
                ("hard_braking", self._braking),
                ("abs_active", own.abs_active),
                ("traction_control_active", own.traction_control_active),
                ("stability_control_active", own.esc_active),
                ("hazard_lights", own.indicator == "both"),
                ("flat_tyre", own.flat_tyre),
                ("disabled", own.disabled),
                ("air_bag", own.air_bag),
                ("emergency_vehicle", self._vehicle.emergency and own.light_bar),
            )
            if holds
        )
