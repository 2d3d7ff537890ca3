"""SIMULATION: one moment of a scenario, frozen. Our frame: origin on the ground under the middle of our front
bumper, x forward, y to the left, z up."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.messages import FloatArray
from edge.sim.scenario import Indicator, Light, LineKind, Weather


class OwnState(msgspec.Struct, frozen=True, kw_only=True):
    """Our car. along_m, left_m: its middle in road coordinates (left of lane 0's centre line); steering
    angle of the wheel; heading counter-clockwise from the start, course clockwise from north."""

    along_m: float
    left_m: float
    x_m: float
    y_m: float
    heading_rad: float
    travelled_m: float
    speed_mps: float
    acceleration_mps2: float
    lateral_acceleration_mps2: float
    yaw_rate_radps: float
    steering_angle_rad: float
    accelerator_ratio: float
    brake_ratio: float
    brake_pressed: bool
    abs_active: bool
    indicator: Indicator
    latitude_deg: float
    longitude_deg: float
    course_deg: float
    length_m: float = 4.6
    width_m: float = 1.8


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """Another road user. x_m, y_m, heading_rad: its middle in our frame; phase: of the walk, radians."""

    name: str
    kind: str
    colour: str
    style: int
    x_m: float
    y_m: float
    heading_rad: float
    along_m: float
    left_m: float
    length_m: float
    width_m: float
    height_m: float
    speed_mps: float
    acceleration_mps2: float
    yaw_rate_radps: float = 0.0
    brake_lamps: bool = False
    indicator: Indicator = "off"
    phase: float = 0.0
    station_id: int | None = None
    latitude_deg: float = 0.0
    longitude_deg: float = 0.0
    course_deg: float = 0.0


class RoadState(msgspec.Struct, frozen=True, kw_only=True):
    """The road around us. centre (M, 4): along_m, x_m, y_m, heading_rad of lane 0's centre line in our frame;
    lines: kinds from right to left, line k lies (k - 0.5) * lane_width_m left of that centre line."""

    lanes_forward: int
    lanes_oncoming: int
    lane_width_m: float
    lines: tuple[LineKind, ...]
    centre: FloatArray
    towns: tuple[tuple[float, float], ...] = ()
    crossings_m: tuple[float, ...] = ()

    def at(self, along_m: float, left_m: float) -> tuple[float, float, float]:
        """x_m, y_m and the road's heading_rad in our frame of a point in road coordinates."""
        s, x, y, psi = self.centre.T
        heading = float(np.interp(along_m, s, psi))
        return (
            float(np.interp(along_m, s, x)) - left_m * float(np.sin(heading)),
            float(np.interp(along_m, s, y)) + left_m * float(np.cos(heading)),
            heading,
        )


class DriverState(msgspec.Struct, frozen=True, kw_only=True):
    """The driver, signs as in messages.Face; eyes 0 closed to 1 open; face False: nobody to be seen."""

    left_eye_open: float = 1.0
    right_eye_open: float = 1.0
    head_yaw_deg: float = 0.0
    head_pitch_deg: float = 0.0
    head_roll_deg: float = 0.0
    gaze_yaw_deg: float = 0.0
    gaze_pitch_deg: float = 0.0
    mouth_open: float = 0.0
    face: bool = True
    light: Light = "day"
    look: int = 0
    t_s: float = 0.0


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at t_s."""

    t_s: float
    light: Light
    weather: Weather
    own: OwnState
    others: tuple[Other, ...]
    road: RoadState
    driver: DriverState
