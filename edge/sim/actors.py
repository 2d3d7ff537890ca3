"""SIMULATION: our car and other vehicles while the timeline is made, one step of STEP_S after the other.

Our car: single-track model with understeer (R. Rajamani, Vehicle Dynamics and Control, 2.3 and 3.1: yaw rate
in the steady state v * delta / (L + K v^2)) behind a first-order lag, in the frame of the road. The driver
steers by pure pursuit with the curvature ahead added. Drive and brakes answer with a first-order lag and
limited jerk. Others keep their place in the lane as on rails.
"""

from __future__ import annotations

import math

from edge.sim.path import Path
from edge.sim.scenario import Event, Indicator, Scenario, VehicleSpec

STEP_S = 0.01

OWN_LENGTH_M = 4.6

WHEELBASE_M = 2.7

UNDERSTEER_S2_PER_M = 0.0025  # rad of steering per m/s^2, as of a usual front-wheel-drive car

GRAVITY_MPS2 = 9.81

SIZES = {  # length, width, height
    "car": ((4.6, 1.82, 1.46), (4.1, 1.76, 1.52), (4.7, 1.9, 1.7)),
    "truck": ((8.5, 2.45, 3.5), (12.0, 2.5, 3.8)),
    "bus": ((11.5, 2.5, 3.1),),
    "motorcycle": ((2.1, 0.8, 1.65),),
    "bicycle": ((1.75, 0.6, 1.75),),
    "person": ((0.5, 0.55, 1.75), (0.5, 0.5, 1.62), (0.35, 0.4, 1.25)),
}


def size_of(kind: str, style: int) -> tuple[float, float, float]:
    """Length, width and height in metres of a kind of road user in one of its styles."""
    sizes = SIZES[kind]
    return sizes[style % len(sizes)]


class Wishes:
    """What the events of one road user ask for now."""

    def __init__(
        self, speed_kmh: float, lane: int, offset_m: float, lane_width_m: float, events: tuple[Event, ...]
    ) -> None:
        self.speed_mps = speed_kmh / 3.6
        self.limit_mps2: float | None = None
        self.follow = ""
        self.headway_s = 1.5
        self.indicator: Indicator = "off"
        self._lane = lane
        self._lane_width_m = lane_width_m
        self._move = (0.0, 1.0, lane * lane_width_m + offset_m, lane * lane_width_m + offset_m)
        self._events = sorted(events, key=lambda e: e.at_s)

    def update(self, t_s: float) -> None:
        """Take in the events up to t_s."""
        while self._events and self._events[0].at_s <= t_s + 1e-9:
            event = self._events.pop(0)
            if event.speed_kmh is not None:
                self.speed_mps = event.speed_kmh / 3.6
                self.limit_mps2 = event.acceleration_mps2
            if event.follow is not None:
                self.follow = event.follow
            if event.headway_s is not None:
                self.headway_s = event.headway_s
            if event.indicator is not None:
                self.indicator = event.indicator
            if event.lane is not None or event.offset_m is not None:
                start_m = self.left_m(t_s)
                self._lane = self._lane if event.lane is None else event.lane
                end_m = self._lane * self._lane_width_m + (event.offset_m or 0.0)
                self._move = (event.at_s, event.over_s, start_m, end_m)

    def left_m(self, t_s: float) -> float:
        """The wanted place, left of lane 0's centre line; moves have least jerk."""
        began_s, over_s, start_m, end_m = self._move
        u = min(max((t_s - began_s) / over_s, 0.0), 1.0)
        return start_m + u * u * u * (10 - 15 * u + 6 * u * u) * (end_m - start_m)

    def acceleration(self, speed_mps: float, ahead: tuple[float, float] | None) -> float:
        """Wanted acceleration; ahead: gap in m and speed in m/s of the one to follow."""
        up, down = (self.limit_mps2,) * 2 if self.limit_mps2 else (1.5, 2.5)
        wanted = min(max(1.5 * (self.speed_mps - speed_mps), -down), up)
        if ahead is not None:
            gap_m, lead_mps = ahead
            keep = 0.25 * (gap_m - 2.0 - speed_mps * self.headway_s) + 0.9 * (lead_mps - speed_mps)
            wanted = min(wanted, max(keep, -down))
        return wanted


class Lagged:
    """Acceleration behind a demand: first-order lag (drive 0.35 s, brakes 0.12 s) and limited jerk."""

    def __init__(self) -> None:
        self.acceleration = 0.0

    def step(self, wanted: float, speed_mps: float) -> float:
        """The acceleration one step later."""
        lag_s, jerk_mps3 = (0.12, 40.0) if wanted < -0.3 else (0.35, 6.0)
        change = (wanted - self.acceleration) * STEP_S / lag_s
        limit = jerk_mps3 * STEP_S
        self.acceleration += min(max(change, -limit), limit)
        if speed_mps <= 0.0 and self.acceleration < 0.0:
            self.acceleration = 0.0
        return self.acceleration


class OwnActor:
    """Our car while the timeline is made: its state is one row per step."""

    COLUMNS = (
        "along_m", "left_m", "bearing", "travelled_m", "speed_mps", "acceleration_mps2", "yaw_rate_radps",
        "steering_rad", "accelerator_ratio", "brake_ratio", "abs",
    )  # fmt: skip

    def __init__(self, scenario: Scenario, path: Path) -> None:
        own = scenario.own
        self.path = path
        self.length_m = OWN_LENGTH_M
        self.grip = 0.6 if scenario.weather == "rain" else 0.9
        self.wishes = Wishes(own.speed_kmh, own.lane, 0.0, scenario.road.lane_width_m, own.events)
        self.s, self.d, self.bearing = 0.0, self.wishes.left_m(0.0), 0.0
        self.v = own.speed_kmh / 3.6
        self.travelled = 0.0
        self.longitudinal = Lagged()
        self.steering = path.curvature_at(0.0) * (WHEELBASE_M + UNDERSTEER_S2_PER_M * self.v**2)
        self.yaw_rate = path.curvature_at(0.0) * self.v
        self.row: tuple[float, ...] = (
            self.s,
            self.d,
            0.0,
            0.0,
            self.v,
            0.0,
            self.yaw_rate,
            self.steering,
            0,
            0,
            0,
        )

    def step(self, t_s: float, ahead: tuple[float, float] | None) -> None:
        """Go on by STEP_S; ahead: gap in m and speed in m/s of the one to follow."""
        wishes, v = self.wishes, self.v
        limit = self.grip * GRAVITY_MPS2
        asked = wishes.acceleration(v, ahead)
        wanted = max(asked, -limit)
        if v <= 0.0 and wishes.speed_mps <= 0.0:
            wanted = 0.0
        a = self.longitudinal.step(wanted, v)
        drag = (0.12 + 0.0004 * v * v) if v > 0.1 else 0.0
        drive = wanted + drag
        accelerator = min(max(drive / 4.5, 0.0), 1.0)
        holding = v < 0.05 and wishes.speed_mps <= 0.0
        brake = 0.15 if holding else min(max(-drive / GRAVITY_MPS2, 0.0), 1.0)
        abs_active = 1.0 if asked < -limit * 0.98 and v > 2.0 else 0.0
        # the driver looks about a second ahead and wanders a few centimetres, as people do
        look_m = max(8.0, 1.1 * v)
        wander = 0.05 * math.sin(0.55 * t_s) + 0.03 * math.sin(1.31 * t_s + 1.0)
        target = wishes.left_m(t_s + 0.5) + wander
        curvature = self.path.curvature_at(self.s + 0.25 * v)
        curvature += 2.0 * (target - self.d - look_m * math.sin(self.bearing)) / look_m**2
        demand = curvature * (WHEELBASE_M + UNDERSTEER_S2_PER_M * v * v)
        demand = min(max(demand, -0.6), 0.6)
        turn = min(max((demand - self.steering) * STEP_S / 0.15, -0.5 * STEP_S), 0.5 * STEP_S)
        self.steering += turn
        steady = v * self.steering / (WHEELBASE_M + UNDERSTEER_S2_PER_M * v * v)
        self.yaw_rate += (steady - self.yaw_rate) * STEP_S / 0.12
        new_v = max(v + a * STEP_S, 0.0)
        mean_v = (v + new_v) / 2
        here = self.path.curvature_at(self.s)
        ds = mean_v * math.cos(self.bearing) / (1.0 - here * self.d) * STEP_S
        self.d += mean_v * math.sin(self.bearing) * STEP_S
        self.s += ds
        self.bearing += self.yaw_rate * STEP_S - here * ds
        self.v = new_v
        self.travelled += mean_v * STEP_S
        self.row = (
            self.s, self.d, self.bearing, self.travelled, new_v, (new_v - v) / STEP_S, self.yaw_rate,
            self.steering, accelerator, brake, abs_active,
        )  # fmt: skip


class VehicleActor:
    """Another vehicle while the timeline is made: it keeps its lane as on rails."""

    def __init__(self, spec: VehicleSpec, scenario: Scenario, own_front_m: float) -> None:
        self.spec = spec
        self.length_m = size_of(spec.kind, spec.style)[0]
        self.direction = 1.0 if spec.lane < scenario.road.lanes_forward else -1.0
        width = scenario.road.lane_width_m
        self.wishes = Wishes(spec.speed_kmh, spec.lane, spec.offset_m, width, spec.events)
        self.s = own_front_m + spec.ahead_m + self.length_m / 2
        self.v = spec.speed_kmh / 3.6
        self.longitudinal = Lagged()
        self.row: tuple[float, ...] = (self.s, self.wishes.left_m(0.0), self.v, 0.0, 0.0)

    def step(self, t_s: float, ahead: tuple[float, float] | None) -> None:
        """Go on by STEP_S; ahead: gap in m and speed in m/s of the one to follow."""
        wanted = self.wishes.acceleration(self.v, ahead)
        a = self.longitudinal.step(wanted, self.v)
        new_v = max(self.v + a * STEP_S, 0.0)
        self.s += self.direction * (self.v + new_v) / 2 * STEP_S
        brake = 1.0 if wanted < -0.5 or (new_v < 0.05 and self.wishes.speed_mps <= 0) else 0.0
        self.row = (self.s, self.wishes.left_m(t_s), new_v, (new_v - self.v) / STEP_S, brake)
        self.v = new_v
