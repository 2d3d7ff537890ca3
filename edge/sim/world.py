"""SIMULATION: the world of a scenario, a pure function of time.

The timeline is integrated once, at 100 Hz, when a World is made; `at` only interpolates. Every process that
needs the world makes its own from the same file and sees the same things: nobody exchanges anything.
"""

from __future__ import annotations

import math

import numpy as np

from edge.messages import FloatArray, read_only
from edge.sim.actors import OWN_LENGTH_M, STEP_S, OwnActor, VehicleActor, size_of
from edge.sim.driver_line import DriverLine
from edge.sim.path import Path, default_lines
from edge.sim.scenario import Indicator, Scenario, VehicleSpec, WalkerSpec, check
from edge.sim.scene import Other, OwnState, RoadState, Scene

STEERING_RATIO = 15.0

EARTH_RADIUS_M = 6378137.0
OWN = ""  # our own car among the actors; no road user may be called so


class World:
    """A scenario as a function of time. Raises config.ConfigError for one that cannot be."""

    def __init__(self, scenario: Scenario) -> None:
        check(scenario)
        self.scenario = scenario
        self.duration_s = scenario.duration_s
        self.path = Path(scenario.road)
        own = OwnActor(scenario, self.path)
        half_m = OWN_LENGTH_M / 2
        vehicles = {v.name: VehicleActor(v, scenario, half_m) for v in scenario.vehicles}
        actors: dict[str, OwnActor | VehicleActor] = {OWN: own, **vehicles}
        steps = math.ceil(scenario.duration_s / STEP_S)
        self._tables = {name: np.zeros((steps + 1, len(actor.row))) for name, actor in actors.items()}
        self._indicators: dict[str, list[Indicator]] = {name: [] for name in actors}
        for i in range(steps + 1):
            t_s = i * STEP_S
            for name, actor in actors.items():
                actor.wishes.update(t_s)
                self._indicators[name].append(actor.wishes.indicator)
                self._tables[name][i] = actor.row
            for actor in actors.values():
                lead = vehicles.get(actor.wishes.follow)
                ahead = None
                if lead is not None:
                    ahead = (abs(lead.s - actor.s) - (lead.length_m + actor.length_m) / 2, lead.v)
                actor.step(t_s, ahead)
        self._origin = (math.radians(scenario.own.latitude_deg), math.radians(scenario.own.longitude_deg))
        self._driver = DriverLine(scenario)

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
        row = dict(zip(OwnActor.COLUMNS, (float(x) for x in self._row(self._tables[OWN], t_s)), strict=True))
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
            indicator=self._indicator(OWN, t_s),
            latitude_deg=latitude,
            longitude_deg=longitude,
            course_deg=course,
            length_m=OWN_LENGTH_M,
        )

    def _geodetic(self, x: float, y: float, heading: float) -> tuple[float, float, float]:
        """Latitude, longitude and course of a point of the plane that touches the start."""
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
        table = self._tables[spec.name]
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
