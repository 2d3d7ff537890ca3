"""Decoded signals, fixes and inertial samples -> the state of our own car, each value with its freshness."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from edge.config import Freshness, Vehicle
from edge.core.filters import ConstantVelocity
from edge.core.geometry import moved
from edge.core.units import known, seconds
from edge.messages import CAR_SIGNALS, Motion, OwnCar, Position, Signals

_SPEED_SD_MPS = 0.05  # quantised wheel speed
_JERK_DENSITY = 5.0  # m2/s5; a full braking builds up within half a second
_YAW_SMOOTHING_S = 0.3
_HEADING_MIN_SPEED_MPS = 1.0  # a receiver's course means nothing when it stands


class CarState(msgspec.Struct, frozen=True, kw_only=True):
    """Our own car at one moment, for the rules; None: not known now."""

    speed_mps: float | None
    acceleration_mps2: float | None
    lateral_acceleration_mps2: float | None
    yaw_rate_radps: float | None
    curvature_1pm: float | None
    steering_angle_rad: float | None
    brake_pressed: bool | None
    indicator: Literal["off", "left", "right", "both"] | None
    indicated_s_ago: float | None  # since an indicator was last seen on; None: not since the start
    reverse: bool | None
    abs_active: bool | None
    esc_active: bool | None
    latitude_deg: float | None
    longitude_deg: float | None
    altitude_m: float | None  # above the ellipsoid, as V2X messages carry it
    heading_deg: float | None
    position_accuracy_m: float | None
    speed_age_s: float | None
    traction_control_active: bool | None = None
    air_bag: bool | None = None
    flat_tyre: bool | None = None
    disabled: bool | None = None
    light_bar: bool | None = None


class OwnVehicle:
    """Keeps the newest of everything that our own car says of itself."""

    def __init__(self, vehicle: Vehicle, freshness: Freshness) -> None:
        self._steering_ratio = vehicle.steering_ratio
        self._wheelbase_m = vehicle.wheelbase_m
        self._signal_ns = round(freshness.signal_s * 1e9)
        self._position_ns = round(freshness.position_s * 1e9)
        self._values: dict[str, float | None] = dict.fromkeys(CAR_SIGNALS)
        self._stamps: dict[str, int] = {}
        self._speed: ConstantVelocity | None = None
        self._speed_ns = 0
        self._curvature: float | None = None
        self._curvature_ns = 0
        self._indicated_ns: int | None = None
        self._position: Position | None = None
        self._heading_deg: float | None = None
        self._motion: Motion | None = None

    def signals(self, message: Signals, now_ns: int) -> None:
        """Take one batch. A stamp from the future counts as now, so that nothing stays fresh for ever."""
        values, stamps = self._values, self._stamps
        turning: tuple[float, int] | None = None
        for name, value, stamp_ns in zip(message.names, message.values, message.stamps_ns, strict=False):
            if name not in values:
                continue
            value = known(value)
            stamp_ns = min(stamp_ns, now_ns)
            values[name] = value
            stamps[name] = stamp_ns
            if value is None:
                continue
            if name == "speed_mps":
                self._follow_speed(value, stamp_ns)
            elif name == "yaw_rate_radps":
                turning = value, stamp_ns
            elif value > 0.5 and (name == "indicator_left" or name == "indicator_right"):
                self._indicated_ns = stamp_ns
        if turning is not None:  # after the speed, wherever in the batch that was
            self._follow_curvature(*turning)

    def position(self, message: Position, now_ns: int) -> None:
        """Take one fix. The heading is kept while the car stands; backwards, it is not the course."""
        if known(message.latitude_deg) is None or known(message.longitude_deg) is None:
            return
        if self._position is not None and now_ns - self._position.t_ns > self._position_ns:
            self._heading_deg = None
        speed = known(message.speed_mps)
        heading = known(message.heading_deg)
        if heading is not None and self._flag("reverse", now_ns):
            heading = math.fmod(heading + 180.0, 360.0)
        if speed is None or speed >= _HEADING_MIN_SPEED_MPS:
            self._heading_deg = heading
        self._position = message

    def motion(self, message: Motion) -> None:
        """Take one inertial sample: used where the car itself says nothing."""
        self._motion = message

    def value(self, name: str, now_ns: int) -> float | None:
        """One of messages.CAR_SIGNALS if it is fresh and valid."""
        stamp_ns = self._stamps.get(name)
        if stamp_ns is None or now_ns - stamp_ns > self._signal_ns:
            return None
        return self._values[name]

    def state(self, now_ns: int) -> CarState:
        """Everything as of now."""
        speed, speed_age_s = self._speed_now(now_ns)
        yaw_rate = self.value("yaw_rate_radps", now_ns)
        motion = self._motion
        if motion is not None and now_ns - motion.t_ns > self._signal_ns:
            motion = None
        if yaw_rate is None and motion is not None:
            yaw_rate = known(motion.rate_radps[2])
        lateral = self.value("lateral_acceleration_mps2", now_ns)
        if lateral is None and yaw_rate is not None and speed is not None:
            lateral = yaw_rate * speed
        steering = self.value("steering_angle_rad", now_ns)
        latitude, longitude, heading, accuracy = self._place(now_ns, speed)
        altitude = None if latitude is None else self._altitude()
        indicated_ns = self._indicated_ns
        return CarState(
            speed_mps=speed,
            acceleration_mps2=self._acceleration(now_ns, motion),
            lateral_acceleration_mps2=lateral,
            yaw_rate_radps=yaw_rate,
            curvature_1pm=self._curvature_now(now_ns, steering),
            steering_angle_rad=steering,
            brake_pressed=self._flag("brake_pressed", now_ns),
            indicator=self._indicator(now_ns),
            indicated_s_ago=None if indicated_ns is None else seconds(now_ns - indicated_ns),
            reverse=self._flag("reverse", now_ns),
            abs_active=self._flag("abs_active", now_ns),
            esc_active=self._flag("esc_active", now_ns),
            latitude_deg=latitude,
            longitude_deg=longitude,
            altitude_m=altitude,
            heading_deg=heading,
            position_accuracy_m=accuracy,
            speed_age_s=speed_age_s,
            traction_control_active=self._flag("traction_control_active", now_ns),
            air_bag=self._flag("air_bag", now_ns),
            flat_tyre=self._flag("flat_tyre", now_ns),
            disabled=self._flag("disabled", now_ns),
            light_bar=self._flag("light_bar", now_ns),
        )

    def _follow_speed(self, speed_mps: float, stamp_ns: int) -> None:
        passed_ns = stamp_ns - self._speed_ns
        if self._speed is None or passed_ns > self._signal_ns:
            self._speed = ConstantVelocity(speed_mps, 0.01, 9.0, _JERK_DENSITY)
        elif passed_ns > 0:
            self._speed.predict(seconds(passed_ns))
            self._speed.update(speed_mps, _SPEED_SD_MPS * _SPEED_SD_MPS)
        else:
            return
        self._speed_ns = stamp_ns

    def _follow_curvature(self, yaw_rate_radps: float, stamp_ns: int) -> None:
        speed = self.value("speed_mps", stamp_ns)
        if speed is None or speed < 2.0:
            self._curvature = None
            return
        curvature = yaw_rate_radps / speed
        passed_ns = stamp_ns - self._curvature_ns
        if self._curvature is None or not 0 <= passed_ns <= self._signal_ns:
            self._curvature = curvature
        else:
            passed_s = seconds(passed_ns)
            self._curvature += (curvature - self._curvature) * passed_s / (passed_s + _YAW_SMOOTHING_S)
        self._curvature_ns = stamp_ns

    def _curvature_now(self, now_ns: int, steering_rad: float | None) -> float | None:
        if self._curvature is not None and now_ns - self._curvature_ns <= self._signal_ns:
            return self._curvature
        if steering_rad is None:
            return None
        return steering_rad / (self._steering_ratio * self._wheelbase_m)

    def _speed_now(self, now_ns: int) -> tuple[float | None, float | None]:
        """The car's own speed, or else the receiver's."""
        speed = self.value("speed_mps", now_ns)
        if speed is not None:
            return speed, seconds(now_ns - self._stamps["speed_mps"])
        fix = self._position
        if fix is None or now_ns - fix.t_ns > self._position_ns or known(fix.speed_mps) is None:
            return None, None
        return fix.speed_mps, seconds(max(now_ns - fix.t_ns, 0))

    def _acceleration(self, now_ns: int, motion: Motion | None) -> float | None:
        """What the car says; else how its speed changes; else the inertial unit, hills included."""
        said = self.value("acceleration_mps2", now_ns)
        if said is not None:
            return said
        if self._speed is not None and self.value("speed_mps", now_ns) is not None and self._speed.p_v < 1.0:
            return self._speed.v
        return None if motion is None else known(motion.acceleration_mps2[0])

    def _flag(self, name: str, now_ns: int) -> bool | None:
        value = self.value(name, now_ns)
        return None if value is None else value > 0.5

    def _indicator(self, now_ns: int) -> Literal["off", "left", "right", "both"] | None:
        left, right = self._flag("indicator_left", now_ns), self._flag("indicator_right", now_ns)
        if self._flag("hazard_lights", now_ns):
            return "both"
        if left is None or right is None:
            return None
        if left and right:
            return "both"
        return "left" if left else "right" if right else "off"

    def _altitude(self) -> float | None:
        fix = self._position
        above_sea = None if fix is None else known(fix.altitude_m)
        separation = None if fix is None else known(fix.geoid_separation_m)
        return None if above_sea is None or separation is None else above_sea + separation

    def _place(
        self, now_ns: int, speed_mps: float | None
    ) -> tuple[float | None, float | None, float | None, float | None]:
        """The last fix, carried on along its heading by our speed since it was taken."""
        fix = self._position
        if fix is None or now_ns - fix.t_ns > self._position_ns:
            return None, None, None, None
        latitude, longitude = fix.latitude_deg, fix.longitude_deg
        if self._heading_deg is not None and speed_mps is not None:
            metres = speed_mps * seconds(max(now_ns - fix.t_ns, 0))
            if self._flag("reverse", now_ns):
                metres = -math.fabs(metres)
            latitude, longitude = moved(latitude, longitude, self._heading_deg, metres)
        return latitude, longitude, self._heading_deg, known(fix.accuracy_m)


def own_car(state: CarState, now_ns: int) -> OwnCar:
    """The message that tells others of our state."""
    return OwnCar(
        t_ns=now_ns,
        speed_mps=state.speed_mps,
        acceleration_mps2=state.acceleration_mps2,
        yaw_rate_radps=state.yaw_rate_radps,
        steering_angle_rad=state.steering_angle_rad,
        brake_pressed=state.brake_pressed,
        indicator=state.indicator,
        latitude_deg=state.latitude_deg,
        longitude_deg=state.longitude_deg,
        heading_deg=state.heading_deg,
        position_accuracy_m=state.position_accuracy_m,
        speed_age_s=state.speed_age_s,
    )
