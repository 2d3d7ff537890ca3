"""When and what we tell others of ourselves: the trigger rules of ETSI EN 302 637-2, 6.1.3."""

from __future__ import annotations

from edge.config import Vehicle
from edge.core.geometry import ahead_left, heading_difference
from edge.core.vehicle import CarState
from edge.messages import RemoteObject

_HEADING_DEG, _MOVED_M, _SPEED_MPS = 4.0, 4.0, 0.5  # the standard's own figures, not settings
_LATEST_NS = 1_000_000_000
_RELEASE = 0.8


class Announcer:
    """Keeps what was told last."""

    def __init__(self, vehicle: Vehicle, hard_braking_mps2: float) -> None:
        self._vehicle = vehicle
        self._hard_braking_mps2 = hard_braking_mps2
        self._braking = False
        self._told: RemoteObject | None = None
        self._tried_ns: int | None = None

    def due(self, own: CarState, now_ns: int) -> tuple[RemoteObject | None, str] | None:
        """(what to tell or None when we do not know where we are, why now); None: not yet."""
        if self._tried_ns is None:
            self._tried_ns = now_ns
        late = now_ns - self._tried_ns >= _LATEST_NS
        content = self._content(own)
        if content is None:
            return (None, "once a second") if late else None
        cause = self._changed(content)
        if cause is None and late:
            cause = "once a second"
        return None if cause is None else (content, cause)

    def tried(self, content: RemoteObject | None, now_ns: int) -> None:
        """It was let out, or refused for want of a place (None)."""
        self._tried_ns = now_ns
        if content is not None:
            self._told = content

    def _changed(self, content: RemoteObject) -> str | None:
        told = self._told
        if told is None:
            return "the first"
        if content.events != told.events:
            return f"events: {', '.join(content.events) or 'over'}"
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

    def _content(self, own: CarState) -> RemoteObject | None:
        if own.latitude_deg is None or own.longitude_deg is None or own.speed_mps is None:
            return None
        return RemoteObject(
            kind="car",
            latitude_deg=own.latitude_deg,
            longitude_deg=own.longitude_deg,
            speed_mps=own.speed_mps,
            heading_deg=own.heading_deg,
            acceleration_mps2=own.acceleration_mps2,
            yaw_rate_radps=own.yaw_rate_radps,
            length_m=self._vehicle.length_m,
            width_m=self._vehicle.width_m,
            accuracy_m=own.position_accuracy_m,
            brake_pressed=own.brake_pressed,
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
                ("stability_control_active", own.esc_active),
                ("hazard_lights", own.indicator == "both"),
            )
            if holds
        )
