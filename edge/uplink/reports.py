"""From the core's messages to the bodies of location reports (0x0200)."""

from __future__ import annotations

from collections.abc import Mapping

from edge.config import Jt808
from edge.messages import Message, OwnCar, Position, Warning
from edge.uplink.jsatl12 import (
    ABNORMAL,
    ADAS,
    DISTRACTION,
    DSM,
    FATIGUE,
    FORWARD_COLLISION,
    HEADWAY,
    LANE_DEPARTURE,
    LEVEL_SPEED_MPS,
    PEDESTRIAN,
    AdasAlarm,
    CarStatus,
    Departure,
    DsmAlarm,
    Scene,
    encode_adas,
    encode_dsm,
)
from edge.uplink.jt808 import Location, Status, encode_location
from edge.uplink.queue import Priority

ALARM_KINDS: Mapping[str, tuple[int, int]] = {
    "forward_collision": (ADAS, FORWARD_COLLISION),
    "pedestrian_collision": (ADAS, PEDESTRIAN),
    "headway": (ADAS, HEADWAY),
    "lane_departure": (ADAS, LANE_DEPARTURE),
    "drowsiness": (DSM, FATIGUE),
    "eyes_closed": (DSM, FATIGUE),
    "distraction": (DSM, DISTRACTION),
    "driver_missing": (DSM, ABNORMAL),
}
"""Warning.name -> additional item and type of alarm. A warning without one is an immediate report without an
item: T/JSATL 12 has no kind for it."""

OVERSPEED_BIT = 1 << 1
"""Of the alarm DWORD of 0x0200, held until over."""

FRESH_NS = 2_000_000_000
"""Older than this, the state of the car says nothing about now."""

DATE_IS_SET_NS = 1_577_836_800_000_000_000
"""2020-01-01: a date before that is a clock that nobody has set."""

_URGENCY = {"warning": 1, "alarm": 2}
_FATIGUE_DEGREE = {"warning": 5, "alarm": 10}  # the standard only says 1 to 10, more is worse


class Reporter:
    """Decides what is reported, and when. Pure: state, but no I/O.

    next_alarm_id: how many alarms this terminal has raised so far.
    """

    def __init__(self, settings: Jt808, next_alarm_id: int = 0) -> None:
        self.next_alarm_id = next_alarm_id
        self._settings = settings
        self._car: OwnCar | None = None
        self._position: Position | None = None
        self._utc_minus_t_ns: int | None = None
        self._reported_ns: int | None = None
        self._raised: dict[str, int] = {}
        self._sign = (0, 0)

    def take(self, message: Message, utc_ns: int) -> tuple[Priority, bytes, int] | None:
        """One message with its date; priority, body and date of the report that it leads to, if any.

        The date of a satellite receiver, once heard, is trusted more than utc_ns. Raises Jt808Error when the
        message holds what the report cannot.
        """
        if isinstance(message, Position):
            self._position = message
            if message.utc_ns is not None:
                self._utc_minus_t_ns = message.utc_ns - message.t_ns
            return None
        if self._utc_minus_t_ns is not None:
            utc_ns = message.t_ns + self._utc_minus_t_ns
        if isinstance(message, OwnCar):
            self._car = message
            if self._reported_ns is not None:
                age_ns = message.t_ns - self._reported_ns
                if 0 <= age_ns < self._settings.interval_s * 1e9:
                    return None
            self._reported_ns = message.t_ns
            return "routine", self._body(message.t_ns, utc_ns), utc_ns
        if isinstance(message, Warning):
            return self._warning(message, utc_ns)
        return None

    def _warning(self, warning: Warning, utc_ns: int) -> tuple[Priority, bytes, int] | None:
        urgency = _URGENCY.get(warning.level, 0) if warning.active else 0
        bits_before = self._alarm_bits()
        before = self._raised.pop(warning.name, 0)
        if urgency:
            self._raised[warning.name] = max(urgency, before)
        if urgency > before:
            body = self._body(warning.t_ns, utc_ns, warning)
        elif self._alarm_bits() != bits_before:
            body = self._body(warning.t_ns, utc_ns)  # a held bit is cleared by an immediate report
        else:
            return None
        return "alarm", body, utc_ns

    def _alarm_bits(self) -> int:
        return OVERSPEED_BIT if "overspeed" in self._raised else 0

    def _body(self, t_ns: int, utc_ns: int, warning: Warning | None = None) -> bytes:
        date_ns = utc_ns if utc_ns >= DATE_IS_SET_NS else None
        car = self._car if self._car and abs(t_ns - self._car.t_ns) <= FRESH_NS else None
        fix = self._position if self._position and abs(t_ns - self._position.t_ns) <= FRESH_NS else None
        speed_mps = car.speed_mps if car else None
        status = 0
        if speed_mps is not None:  # the car's bus speaks: it is switched on
            status |= Status.ACC
            status |= Status.MOVING if speed_mps and self._settings.version == 2019 else 0
        items = []
        if warning and warning.name in ALARM_KINDS:
            items.append(self._alarm_item(warning, car, fix, date_ns))
        if fix and fix.satellites is not None:
            items.append((0x31, bytes((min(fix.satellites, 255),))))
        return encode_location(
            Location(
                latitude_deg=car.latitude_deg if car else None,
                longitude_deg=car.longitude_deg if car else None,
                utc_ns=date_ns,
                altitude_m=fix.altitude_m if fix else None,
                speed_mps=speed_mps,
                heading_deg=car.heading_deg if car else None,
                alarm=self._alarm_bits(),
                status=status,
                items=tuple(items),
            )
        )

    def _alarm_item(
        self, warning: Warning, car: OwnCar | None, fix: Position | None, date_ns: int | None
    ) -> tuple[int, bytes]:
        item, kind = ALARM_KINDS[warning.name]
        speed_mps = car.speed_mps if car else None
        second = (date_ns or 0) // 1_000_000_000
        self._sign = (second, (self._sign[1] + 1) % 256 if self._sign[0] == second else 0)
        scene = Scene(
            terminal_id=self._settings.terminal_id[:7],
            utc_ns=date_ns,
            sequence=self._sign[1],
            status=_car_status(car),
            speed_mps=speed_mps,
            altitude_m=fix.altitude_m if fix else None,
            latitude_deg=car.latitude_deg if car else None,
            longitude_deg=car.longitude_deg if car else None,
        )
        # the standard's rule is the speed alone; our own highest level is never reported as the lower one
        fast = speed_mps is not None and speed_mps > LEVEL_SPEED_MPS
        level = 2 if fast or warning.level == "alarm" else 1
        alarm_id, self.next_alarm_id = self.next_alarm_id, (self.next_alarm_id + 1) % 2**32
        if item == DSM:
            degree = _FATIGUE_DEGREE[warning.level] if kind == FATIGUE else 0
            return item, encode_dsm(
                DsmAlarm(alarm_id=alarm_id, kind=kind, level=level, scene=scene, fatigue_degree=degree)
            )
        return item, encode_adas(
            AdasAlarm(
                alarm_id=alarm_id,
                kind=kind,
                level=level,
                scene=scene,
                front_speed_mps=_front_speed_mps(warning, speed_mps) if kind != LANE_DEPARTURE else None,
                gap_s=_gap_s(warning, speed_mps),
                departure=_departure(warning) if kind == LANE_DEPARTURE else None,
            )
        )


def _car_status(car: OwnCar | None) -> int:
    if car is None:
        return 0
    status = CarStatus.ACC if car.speed_mps is not None else 0
    status |= CarStatus.LEFT if car.indicator in ("left", "both") else 0
    status |= CarStatus.RIGHT if car.indicator in ("right", "both") else 0
    return status | (CarStatus.BRAKE if car.brake_pressed else 0)


def _front_speed_mps(warning: Warning, speed_mps: float | None) -> float | None:
    closing_mps = warning.values.get("closing_speed_mps")
    return None if speed_mps is None or closing_mps is None else speed_mps - closing_mps


def _gap_s(warning: Warning, speed_mps: float | None) -> float | None:
    if "headway_s" in warning.values:
        return warning.values["headway_s"]
    distance_m = warning.values.get("distance_m")
    return distance_m / speed_mps if distance_m is not None and speed_mps else None


def _departure(warning: Warning) -> Departure | None:
    sides: dict[str, Departure] = {"line:left": "left", "line:right": "right"}
    return sides.get(warning.object)
