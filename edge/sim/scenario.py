"""SIMULATION: what happens in a drive that never was, as a short TOML file of configs/scenarios.

Lanes count from the right, 0 first; the lanes after the `lanes_forward` of our direction are oncoming. Left
is positive, as in messages.CAR_SIGNALS. Speeds are in km/h because people write these files. An event holds
from its time on, each of its keys until a later event of the same road user says otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from edge.config import ConfigError, Section, read

Light = Literal["day", "dusk", "night"]
Weather = Literal["clear", "rain"]
LineKind = Literal["solid", "dashed", "none"]
Indicator = Literal["off", "left", "right"]
VehicleKind = Literal["car", "truck", "bus", "motorcycle", "bicycle"]
Colour = Literal["white", "silver", "grey", "black", "red", "blue", "green", "yellow"]


class RoadPiece(Section, frozen=True, kw_only=True):
    """A stretch of road; curvature to the left positive. Joints are eased over 40 m, as a clothoid would."""

    length_m: float
    curvature_per_m: float = 0.0


class TownPart(Section, frozen=True, kw_only=True):
    """Where houses stand beside the road, and where people cross it (zebra crossings)."""

    from_m: float
    to_m: float
    crossings_m: tuple[float, ...] = ()


class RoadSpec(Section, frozen=True, kw_only=True):
    """The road. lines: from the right edge to the left one, lanes + 1 of them; default by custom."""

    lanes_forward: int = 1
    lanes_oncoming: int = 1
    lane_width_m: float = 3.5
    lines: tuple[LineKind, ...] = ()
    pieces: tuple[RoadPiece, ...] = (RoadPiece(length_m=4000.0),)
    towns: tuple[TownPart, ...] = ()


class Event(Section, frozen=True, kw_only=True):
    """From at_s on: a speed to reach (with at most acceleration_mps2, up or down), someone to follow at a
    headway ("" ends it), a lane and an offset in it to reach in over_s, the indicator."""

    at_s: float = 0.0
    speed_kmh: float | None = None
    acceleration_mps2: float | None = None
    follow: str | None = None
    headway_s: float | None = None
    lane: int | None = None
    offset_m: float | None = None
    over_s: float = 3.0
    indicator: Indicator | None = None


class OwnSpec(Section, frozen=True, kw_only=True):
    """Our car at the start. The road begins under it in the direction heading_deg, clockwise from north."""

    speed_kmh: float = 50.0
    lane: int = 0
    latitude_deg: float = 31.2800
    longitude_deg: float = 121.1700
    heading_deg: float = 40.0
    events: tuple[Event, ...] = ()


class VehicleSpec(Section, frozen=True, kw_only=True):
    """Another vehicle. ahead_m: from our front to its rear at the start; station_id: it speaks V2X."""

    name: str
    kind: VehicleKind = "car"
    colour: Colour = "silver"
    style: int = 0
    ahead_m: float
    lane: int = 0
    offset_m: float = 0.0
    speed_kmh: float = 50.0
    station_id: int | None = None
    events: tuple[Event, ...] = ()


class WalkerSpec(Section, frozen=True, kw_only=True):
    """Someone on foot or on a bicycle: path of (time s, metres along the road, metres left of lane 0)."""

    name: str
    kind: Literal["person", "bicycle"] = "person"
    colour: Colour = "red"
    path: tuple[tuple[float, float, float], ...]


class DriverEvent(Section, frozen=True, kw_only=True):
    """From at_s on. Angles as in messages.Face, against the camera; gaze: None follows the head."""

    at_s: float = 0.0
    eyes_open: float | None = None
    blinks_per_min: float | None = None
    head_yaw_deg: float | None = None
    head_pitch_deg: float | None = None
    head_roll_deg: float | None = None
    gaze_yaw_deg: float | None = None
    gaze_pitch_deg: float | None = None
    mouth_open: float | None = None
    face: bool | None = None


class DriverSpec(Section, frozen=True, kw_only=True):
    """Our driver; look: the seed of their appearance, see driver_picture.DriverLook."""

    look: int = 0
    events: tuple[DriverEvent, ...] = ()


class Scenario(Section, frozen=True, kw_only=True):
    """One drive."""

    title: str
    duration_s: float
    light: Light = "day"
    weather: Weather = "clear"
    road: RoadSpec = RoadSpec()
    own: OwnSpec = OwnSpec()
    vehicles: tuple[VehicleSpec, ...] = ()
    walkers: tuple[WalkerSpec, ...] = ()
    driver: DriverSpec = DriverSpec()


def read_scenario(path: str | Path) -> Scenario:
    """A scenario from TOML. Raises config.ConfigError: which file, which key, what to write instead."""
    scenario = read(path, Scenario)
    check(scenario, str(path))
    return scenario


def check(scenario: Scenario, where: str = "scenario") -> None:
    """Raises config.ConfigError for what types alone cannot refuse."""
    road = scenario.road
    lanes = road.lanes_forward + road.lanes_oncoming
    if not (0.0 < scenario.duration_s <= 3600.0):
        raise ConfigError(f"{where}: `duration_s` is {scenario.duration_s}; write 0 to 3600 seconds")
    if road.lanes_forward < 1 or road.lanes_oncoming < 0 or not 2.0 <= road.lane_width_m <= 6.0:
        raise ConfigError(f"{where}: [road] needs lanes_forward >= 1, oncoming >= 0, lane_width_m 2 to 6")
    if lanes * road.lane_width_m > 50.0:
        raise ConfigError(f"{where}: [road] is {lanes * road.lane_width_m:.0f} m wide; the most is 50 m")
    if road.lines and len(road.lines) != lanes + 1:
        raise ConfigError(
            f"{where}: [road] `lines` has {len(road.lines)} kinds; {lanes} lanes need {lanes + 1}"
        )
    if not road.pieces or any(p.length_m <= 0 or abs(p.curvature_per_m) > 0.05 for p in road.pieces):
        raise ConfigError(f"{where}: [road] each piece needs length_m > 0 and |curvature_per_m| <= 0.05")
    names = [v.name for v in scenario.vehicles] + [w.name for w in scenario.walkers]
    for name in names:
        if not name:
            raise ConfigError(f"{where}: a road user without a name; give it one")
        if names.count(name) > 1:
            raise ConfigError(f"{where}: two road users are called `{name}`; give each its own name")
    for walker in scenario.walkers:
        times = [p[0] for p in walker.path]
        if len(times) < 2 or times != sorted(set(times)):
            raise ConfigError(
                f"{where}: `{walker.name}` needs a path of two or more points, times increasing"
            )
    actors = [("own", scenario.own.lane, road.lanes_forward, scenario.own.events)]
    actors += [(v.name, v.lane, lanes, v.events) for v in scenario.vehicles]
    for name, lane, bound, events in actors:
        for wanted in [lane, *(e.lane for e in events if e.lane is not None)]:
            if not 0 <= wanted < bound:
                raise ConfigError(f"{where}: `{name}` asks for lane {wanted}; write 0 to {bound - 1}")
        for event in events:
            if event.follow and event.follow not in {v.name for v in scenario.vehicles} - {name}:
                raise ConfigError(f"{where}: `{name}` follows `{event.follow}`, who is not another vehicle")
            if event.over_s <= 0 or (event.acceleration_mps2 or 1.0) <= 0:
                raise ConfigError(
                    f"{where}: `{name}` at {event.at_s} s: over_s and acceleration_mps2 are > 0"
                )
