"""SIMULATION: the world of a scenario, a pure function of time.

The timeline is integrated once, at 100 Hz, when a World is made; `at` only interpolates. Every process that
needs the world makes its own from the same file and sees the same things: nobody exchanges anything.

Our car: single-track model with understeer (R. Rajamani, Vehicle Dynamics and Control, 2.3 and 3.1: steady-state
yaw rate v * delta / (L + K v^2)) behind a first-order lag, in the frame of the road; the lateral acceleration
is v * yaw rate. The driver steers by pure pursuit with the curvature ahead added. Drive and brakes answer with
a first-order lag and limited jerk.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from edge.messages import FloatArray, read_only
from edge.sim.scenario import (
    DriverEvent,
    Event,
    Indicator,
    LineKind,
    RoadSpec,
    Scenario,
    VehicleSpec,
    WalkerSpec,
    check,
)
from edge.sim.scene import DriverState, Other, OwnState, RoadState, Scene

STEP_S = 0.01
OWN_LENGTH_M = 4.6
WHEELBASE_M = 2.7
STEERING_RATIO = 15.0
UNDERSTEER_S2_PER_M = 0.0025  # rad of steering per m/s^2, as of a usual front-wheel-drive car
GRAVITY_MPS2 = 9.81
EARTH_RADIUS_M = 6378137.0
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


class Path:
    """The centre line of lane 0, sampled each metre: along, x, y, heading, curvature."""

    def __init__(self, road: RoadSpec, before_m: float = 300.0, after_m: float = 3000.0) -> None:
        ends = np.cumsum([p.length_m for p in road.pieces])
        self.s = np.arange(-before_m, ends[-1] + after_m, 1.0)
        index = np.searchsorted(ends, self.s, side="right")
        raw = np.array([p.curvature_per_m for p in road.pieces] + [0.0])[index]
        raw[self.s < 0] = road.pieces[0].curvature_per_m
        padded = np.concatenate([np.full(20, raw[0]), raw, np.full(20, raw[-1])])
        self.curvature = np.convolve(padded, np.full(41, 1 / 41), mode="valid")
        turned = np.concatenate([[0.0], np.cumsum((self.curvature[1:] + self.curvature[:-1]) / 2)])
        zero = int(before_m)
        self.heading = turned - turned[zero]
        middle = (self.heading[1:] + self.heading[:-1]) / 2
        self.x = np.concatenate([[0.0], np.cumsum(np.cos(middle))])
        self.y = np.concatenate([[0.0], np.cumsum(np.sin(middle))])
        self.x -= self.x[zero]
        self.y -= self.y[zero]

    def curvature_at(self, s: float) -> float:
        """1/m, to the left positive."""
        place = s - self.s[0]
        i = min(max(int(place), 0), len(self.s) - 2)
        return float(self.curvature[i] + (place - i) * (self.curvature[i + 1] - self.curvature[i]))

    def pose(self, s: float, left_m: float) -> tuple[float, float, float]:
        """x, y and heading of the road at a point in road coordinates."""
        heading = float(np.interp(s, self.s, self.heading))
        x = float(np.interp(s, self.s, self.x)) - left_m * math.sin(heading)
        y = float(np.interp(s, self.s, self.y)) + left_m * math.cos(heading)
        return x, y, heading


class _Wishes:
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


class _Lagged:
    """Acceleration behind a demand: first-order lag (drive 0.35 s, brakes 0.12 s) and limited jerk."""

    def __init__(self) -> None:
        self.acceleration = 0.0

    def step(self, wanted: float, speed_mps: float) -> float:
        lag_s, jerk_mps3 = (0.12, 40.0) if wanted < -0.3 else (0.35, 6.0)
        change = (wanted - self.acceleration) * STEP_S / lag_s
        limit = jerk_mps3 * STEP_S
        self.acceleration += min(max(change, -limit), limit)
        if speed_mps <= 0.0 and self.acceleration < 0.0:
            self.acceleration = 0.0
        return self.acceleration


class _Own:
    """Our car while the timeline is made: its state is one row per step."""

    COLUMNS = (
        "along_m", "left_m", "bearing", "travelled_m", "speed_mps", "acceleration_mps2", "yaw_rate_radps",
        "steering_rad", "accelerator_ratio", "brake_ratio", "abs",
    )  # fmt: skip

    def __init__(self, scenario: Scenario, path: Path) -> None:
        own = scenario.own
        self.path = path
        self.grip = 0.6 if scenario.weather == "rain" else 0.9
        self.wishes = _Wishes(own.speed_kmh, own.lane, 0.0, scenario.road.lane_width_m, own.events)
        self.s, self.d, self.bearing = 0.0, self.wishes.left_m(0.0), 0.0
        self.v = own.speed_kmh / 3.6
        self.travelled = 0.0
        self.longitudinal = _Lagged()
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


class _Vehicle:
    """Another vehicle while the timeline is made: it keeps its lane as on rails."""

    def __init__(self, spec: VehicleSpec, scenario: Scenario, own_front_m: float) -> None:
        self.spec = spec
        self.length_m = size_of(spec.kind, spec.style)[0]
        self.direction = 1.0 if spec.lane < scenario.road.lanes_forward else -1.0
        width = scenario.road.lane_width_m
        self.wishes = _Wishes(spec.speed_kmh, spec.lane, spec.offset_m, width, spec.events)
        self.s = own_front_m + spec.ahead_m + self.length_m / 2
        self.v = spec.speed_kmh / 3.6
        self.longitudinal = _Lagged()
        self.row: tuple[float, ...] = (self.s, self.wishes.left_m(0.0), self.v, 0.0, 0.0)

    def step(self, t_s: float, ahead: tuple[float, float] | None) -> None:
        wanted = self.wishes.acceleration(self.v, ahead)
        a = self.longitudinal.step(wanted, self.v)
        new_v = max(self.v + a * STEP_S, 0.0)
        self.s += self.direction * (self.v + new_v) / 2 * STEP_S
        brake = 1.0 if wanted < -0.5 or (new_v < 0.05 and self.wishes.speed_mps <= 0) else 0.0
        self.row = (self.s, self.wishes.left_m(t_s), new_v, (new_v - self.v) / STEP_S, brake)
        self.v = new_v


class World:
    """A scenario as a function of time. Raises config.ConfigError for one that cannot be."""

    def __init__(self, scenario: Scenario) -> None:
        check(scenario)
        self.scenario = scenario
        self.duration_s = scenario.duration_s
        self.path = Path(scenario.road)
        own = _Own(scenario, self.path)
        half_m = OWN_LENGTH_M / 2
        vehicles = {v.name: _Vehicle(v, scenario, half_m) for v in scenario.vehicles}
        steps = math.ceil(scenario.duration_s / STEP_S)
        self._own = np.zeros((steps + 1, len(_Own.COLUMNS)))
        self._vehicles = {name: np.zeros((steps + 1, 5)) for name in vehicles}
        self._indicators: dict[str, list[Indicator]] = {name: [] for name in ["own", *vehicles]}
        for i in range(steps + 1):
            t_s = i * STEP_S
            for name, actor in [("own", own), *vehicles.items()]:
                actor.wishes.update(t_s)
                self._indicators[name].append(actor.wishes.indicator)
                (self._own if name == "own" else self._vehicles[name])[i] = actor.row
            for name, actor in [("own", own), *vehicles.items()]:
                lead = vehicles.get(actor.wishes.follow)
                ahead = None
                if lead is not None:
                    length_m = 2 * half_m if name == "own" else actor.length_m
                    ahead = (abs(lead.s - actor.s) - (lead.length_m + length_m) / 2, lead.v)
                actor.step(t_s, ahead)
        self._origin = (math.radians(scenario.own.latitude_deg), math.radians(scenario.own.longitude_deg))
        self._driver = _DriverLine(scenario)

    def at(self, t_s: float) -> Scene:
        """The scene at t_s seconds; before the start and after the end it stands still."""
        scenario = self.scenario
        t_s = min(max(t_s, 0.0), scenario.duration_s)
        own = self._own_at(t_s)
        front = own.length_m / 2
        others = [self._vehicle_at(spec, t_s, own, front) for spec in scenario.vehicles]
        others += [w for w in (self._walker_at(spec, t_s, own, front) for spec in scenario.walkers) if w]
        return Scene(
            t_s=t_s,
            light=scenario.light,
            weather=scenario.weather,
            own=own,
            others=tuple(others),
            road=self._road_at(own, front),
            driver=self._driver.at(t_s),
        )

    def _row(self, table: FloatArray, t_s: float) -> FloatArray:
        place = t_s / STEP_S
        i = min(int(place), len(table) - 2)
        return table[i] + (place - i) * (table[i + 1] - table[i])

    def _indicator(self, name: str, t_s: float) -> Indicator:
        return self._indicators[name][int(t_s / STEP_S + 1e-6)]

    def _own_at(self, t_s: float) -> OwnState:
        row = dict(zip(_Own.COLUMNS, (float(x) for x in self._row(self._own, t_s)), strict=True))
        x, y, road_heading = self.path.pose(row["along_m"], row["left_m"])
        heading = road_heading + row["bearing"]
        latitude, longitude, course = self._geodetic(x, y, heading)
        return OwnState(
            along_m=row["along_m"],
            left_m=row["left_m"],
            x_m=x,
            y_m=y,
            heading_rad=heading,
            travelled_m=row["travelled_m"],
            speed_mps=row["speed_mps"],
            acceleration_mps2=row["acceleration_mps2"],
            lateral_acceleration_mps2=row["speed_mps"] * row["yaw_rate_radps"],
            yaw_rate_radps=row["yaw_rate_radps"],
            steering_angle_rad=row["steering_rad"] * STEERING_RATIO,
            accelerator_ratio=row["accelerator_ratio"],
            brake_ratio=row["brake_ratio"],
            brake_pressed=row["brake_ratio"] > 0.02,
            abs_active=row["abs"] > 0.5,
            indicator=self._indicator("own", t_s),
            latitude_deg=latitude,
            longitude_deg=longitude,
            course_deg=course,
            length_m=OWN_LENGTH_M,
        )

    def _geodetic(self, x: float, y: float, heading: float) -> tuple[float, float, float]:
        """Latitude, longitude and course of a point of the plane that touches the start (local tangent plane)."""
        course0 = math.radians(self.scenario.own.heading_deg)
        north = x * math.cos(course0) + y * math.sin(course0)
        east = x * math.sin(course0) - y * math.cos(course0)
        latitude = self._origin[0] + north / EARTH_RADIUS_M
        longitude = self._origin[1] + east / (EARTH_RADIUS_M * math.cos(self._origin[0]))
        course = (math.degrees(course0 - heading)) % 360.0
        return math.degrees(latitude), math.degrees(longitude), course

    def _in_own(self, own: OwnState, front: float, x: float, y: float) -> tuple[float, float]:
        dx, dy = x - own.x_m, y - own.y_m
        c, s = math.cos(own.heading_rad), math.sin(own.heading_rad)
        return dx * c + dy * s - front, -dx * s + dy * c

    def _vehicle_at(self, spec: VehicleSpec, t_s: float, own: OwnState, front: float) -> Other:
        table = self._vehicles[spec.name]
        s, d, v, a, brake = (float(x) for x in self._row(table, t_s))
        sideways = (float(self._row(table, min(t_s + 0.05, self.scenario.duration_s))[1]) - d) / 0.05
        x, y, road_heading = self.path.pose(s, d)
        oncoming = spec.lane >= self.scenario.road.lanes_forward
        slip = math.atan2(sideways, v) if v > 1.0 else 0.0
        heading = road_heading + (math.pi - slip if oncoming else slip)
        latitude, longitude, course = self._geodetic(x, y, heading)
        own_x, own_y = self._in_own(own, front, x, y)
        length, width, height = size_of(spec.kind, spec.style)
        return Other(
            name=spec.name,
            kind=spec.kind,
            colour=spec.colour,
            style=spec.style,
            x_m=own_x,
            y_m=own_y,
            heading_rad=heading - own.heading_rad,
            along_m=s,
            left_m=d,
            length_m=length,
            width_m=width,
            height_m=height,
            speed_mps=v,
            acceleration_mps2=a,
            yaw_rate_radps=v * self.path.curvature_at(s) * (-1.0 if oncoming else 1.0),
            brake_lamps=brake > 0.5,
            indicator=self._indicator(spec.name, t_s),
            phase=s / 0.34,
            station_id=spec.station_id,
            latitude_deg=latitude,
            longitude_deg=longitude,
            course_deg=course,
        )

    def _walker_at(self, spec: WalkerSpec, t_s: float, own: OwnState, front: float) -> Other | None:
        times, alongs, lefts = np.array(spec.path).T
        s, d = float(np.interp(t_s, times, alongs)), float(np.interp(t_s, times, lefts))
        if abs(s - own.along_m) > 250.0:
            return None
        i = int(np.clip(np.searchsorted(times, t_s, side="right") - 1, 0, len(times) - 2))
        moving = times[0] <= t_s < times[-1]
        lasts = times[i + 1] - times[i]
        vs, vd = (alongs[i + 1] - alongs[i]) / lasts, (lefts[i + 1] - lefts[i]) / lasts
        speed = float(math.hypot(vs, vd)) if moving else 0.0
        gone = sum(math.hypot(alongs[k + 1] - alongs[k], lefts[k + 1] - lefts[k]) for k in range(i))
        gone += math.hypot(s - alongs[i], d - lefts[i])
        x, y, road_heading = self.path.pose(s, d)
        heading = road_heading + math.atan2(vd, vs)
        latitude, longitude, course = self._geodetic(x, y, heading)
        own_x, own_y = self._in_own(own, front, x, y)
        style = sum(map(ord, spec.name))
        length, width, height = size_of(spec.kind, style)
        return Other(
            name=spec.name,
            kind=spec.kind,
            colour=spec.colour,
            style=style,
            x_m=own_x,
            y_m=own_y,
            heading_rad=heading - own.heading_rad,
            along_m=s,
            left_m=d,
            length_m=length,
            width_m=width,
            height_m=height,
            speed_mps=speed,
            acceleration_mps2=0.0,
            phase=gone / 0.24 if spec.kind == "person" else gone / 0.34,
            latitude_deg=latitude,
            longitude_deg=longitude,
            course_deg=course,
        )

    def _road_at(self, own: OwnState, front: float) -> RoadState:
        road = self.scenario.road
        s = np.arange(own.along_m - 20.0, own.along_m + 420.0, 2.0)
        psi = np.interp(s, self.path.s, self.path.heading) - own.heading_rad
        dx = np.interp(s, self.path.s, self.path.x) - own.x_m
        dy = np.interp(s, self.path.s, self.path.y) - own.y_m
        c, n = math.cos(own.heading_rad), math.sin(own.heading_rad)
        return RoadState(
            lanes_forward=road.lanes_forward,
            lanes_oncoming=road.lanes_oncoming,
            lane_width_m=road.lane_width_m,
            lines=road.lines or default_lines(road),
            centre=read_only(np.column_stack([s, dx * c + dy * n - front, -dx * n + dy * c, psi])),
            towns=tuple((t.from_m, t.to_m) for t in road.towns),
            crossings_m=tuple(c for t in road.towns for c in t.crossings_m),
        )


def default_lines(road: RoadSpec) -> tuple[LineKind, ...]:
    """Solid edges, dashes between lanes of one direction and on a two-lane road, else a solid middle line."""
    lanes = road.lanes_forward + road.lanes_oncoming
    kinds: list[LineKind] = ["solid"] + ["dashed"] * (lanes - 1) + ["solid"]
    if road.lanes_oncoming and lanes > 2:
        kinds[road.lanes_forward] = "solid"
    return tuple(kinds)


class _DriverLine:
    """The driver as a function of time: events eased, blinks and small movements added."""

    ANGLES = ("head_yaw_deg", "head_pitch_deg", "head_roll_deg", "gaze_yaw_deg", "gaze_pitch_deg")

    def __init__(self, scenario: Scenario) -> None:
        self._light = scenario.light
        self._look = scenario.driver.look
        wishes = {"eyes_open": 1.0, "mouth_open": 0.0, "blinks_per_min": 14.0, "face": 1.0}
        wishes |= dict.fromkeys(self.ANGLES, 0.0)
        events = sorted(scenario.driver.events, key=lambda e: e.at_s)
        times = np.arange(0.0, scenario.duration_s + STEP_S, STEP_S)
        self._names = list(wishes)
        self._blinks_s: list[float] = []
        self._table = np.zeros((len(times), len(wishes)))
        state = dict(wishes)
        phase = 0.35  # of the blinking, in periods: one blink at each whole number
        for i, t_s in enumerate(times):
            while events and events[0].at_s <= t_s + 1e-9:
                wishes |= _asked(events.pop(0))
            for name in self._names:
                lag_s = {"eyes_open": 0.05, "mouth_open": 0.3, "blinks_per_min": 1e-9, "face": 1e-9}.get(
                    name, 0.06 if name.startswith("gaze") else 0.14
                )
                state[name] += (wishes[name] - state[name]) * min(STEP_S / lag_s, 1.0)
            previous = phase
            jitter = 1.0 + 0.35 * math.sin(2.4 * math.floor(phase))
            phase += state["blinks_per_min"] / 60.0 * jitter * STEP_S
            if math.floor(phase) > math.floor(previous):
                self._blinks_s.append(float(t_s))
            self._table[i] = [state[name] for name in self._names]

    def at(self, t_s: float) -> DriverState:
        i = min(int(t_s / STEP_S + 1e-6), len(self._table) - 1)
        row = dict(zip(self._names, (float(x) for x in self._table[i]), strict=True))
        lid = row["eyes_open"]
        for blink_s in self._blinks_s:
            since = (t_s - blink_s) / 0.2
            if 0.0 <= since < 1.0:  # closes faster than it opens
                lid *= abs(since - 0.35) / (0.35 if since < 0.35 else 0.65)
        small = [1.2 * math.sin(w * t_s + p) for w, p in ((0.9, 0.0), (1.3, 1.0), (0.7, 2.0))]
        return DriverState(
            left_eye_open=lid,
            right_eye_open=lid,
            head_yaw_deg=row["head_yaw_deg"] + small[0],
            head_pitch_deg=row["head_pitch_deg"] + small[1],
            head_roll_deg=row["head_roll_deg"] + small[2],
            gaze_yaw_deg=row["gaze_yaw_deg"] + 1.5 * math.sin(2.1 * t_s),
            gaze_pitch_deg=row["gaze_pitch_deg"] + 1.0 * math.sin(1.7 * t_s + 0.5),
            mouth_open=row["mouth_open"],
            face=row["face"] > 0.5,
            light=self._light,
            look=self._look,
            t_s=t_s,
        )


def _asked(event: DriverEvent) -> dict[str, float]:
    """What an event asks for; a gaze that it does not name goes with the head that it names."""
    fields = {k: v for k, v in msgspec.structs.asdict(event).items() if v is not None and k != "at_s"}
    asked = {name: float(value) for name, value in fields.items()}
    for axis in ("yaw", "pitch"):
        if f"head_{axis}_deg" in asked:
            asked.setdefault(f"gaze_{axis}_deg", asked[f"head_{axis}_deg"])
    return asked
