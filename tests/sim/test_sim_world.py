import math
from pathlib import Path

import msgspec
import numpy as np
import pynmea2
import pytest

from edge.config import ConfigError, read
from edge.messages import RemoteObject
from edge.sim.scenario import (
    Event,
    OwnSpec,
    RoadPiece,
    RoadSpec,
    Scenario,
    VehicleSpec,
    WalkerSpec,
    read_scenario,
)
from edge.sim.signals import car_signals, nmea, peers
from edge.sim.world import World

REPO = Path(__file__).parents[2]
SCENARIOS = sorted((REPO / "configs/scenarios").glob("*.toml"))
BENDS = RoadSpec(
    pieces=(
        RoadPiece(length_m=100.0),
        RoadPiece(length_m=200.0, curvature_per_m=0.004),
        RoadPiece(length_m=600.0, curvature_per_m=-0.002),
    )
)


def times(world: World, step_s: float = 0.05) -> np.ndarray:
    return np.arange(0.0, world.duration_s + 1e-9, step_s)


@pytest.fixture(scope="module")
def demo() -> World:
    return World(read_scenario(REPO / "configs/scenarios/demo.toml"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: p.stem)
def test_every_shipped_scenario_makes_a_world(path):
    world = World(read_scenario(path))
    assert world.at(0.0).t_s == 0.0
    assert world.at(world.duration_s).own.travelled_m > 50.0


def test_distance_is_the_integral_of_speed_and_speed_that_of_acceleration(demo):
    t = times(demo, 0.01)
    own = [demo.at(x).own for x in t]
    v = np.array([o.speed_mps for o in own])
    gone = np.concatenate([[0.0], np.cumsum((v[1:] + v[:-1]) / 2 * 0.01)])
    assert np.abs(gone - [o.travelled_m for o in own]).max() < 0.01
    x, y = np.array([o.x_m for o in own]), np.array([o.y_m for o in own])
    assert abs(np.hypot(np.diff(x), np.diff(y)).sum() - gone[-1]) < 0.3
    a = np.array([o.acceleration_mps2 for o in own])
    assert np.abs(v[0] + np.cumsum(a[1:]) * 0.01 - v[1:]).max() < 0.01


def test_yaw_rate_speed_and_lateral_acceleration_agree(demo):
    t = times(demo)
    own = [demo.at(x).own for x in t]
    for o in own:
        assert o.lateral_acceleration_mps2 == pytest.approx(o.speed_mps * o.yaw_rate_radps)
    heading = np.array([o.heading_rad for o in own])
    rate = np.array([o.yaw_rate_radps for o in own])
    assert np.abs(np.diff(heading) / 0.05 - (rate[1:] + rate[:-1]) / 2).max() < 0.003


def test_in_a_steady_bend_the_car_turns_as_the_road_does_and_the_wheel_says_so():
    world = World(Scenario(title="bend", duration_s=12.0, road=BENDS, own=OwnSpec(speed_kmh=72.0)))
    own = world.at(11.0).own  # 120 m into the bend to the left
    assert own.along_m == pytest.approx(220.0, abs=3.0)
    assert own.yaw_rate_radps == pytest.approx(20.0 * 0.004, rel=0.1)
    assert own.steering_angle_rad > 0.1
    assert abs(own.left_m) < 0.3
    ahead = world.at(11.0).road
    assert ahead.at(own.along_m + 60.0, 0.0)[1] > 3.0


@pytest.mark.parametrize("asked", [3.0, 6.0])
def test_braking_is_as_scripted(asked):
    events = (Event(at_s=2.0, speed_kmh=10.0, acceleration_mps2=asked),)
    world = World(Scenario(title="brake", duration_s=6.0, own=OwnSpec(speed_kmh=90.0, events=events)))
    assert world.at(1.9).own.brake_pressed is False
    assert world.at(3.0).own.acceleration_mps2 == pytest.approx(-asked, abs=0.15)
    assert world.at(3.0).own.brake_pressed is True
    assert world.at(3.0).own.brake_ratio > 0.2
    jerk = np.diff([world.at(t).own.acceleration_mps2 for t in times(world, 0.01)]) / 0.01
    assert np.abs(jerk).max() < 60.0


def test_in_the_wet_the_anti_lock_brake_works_and_the_car_brakes_less():
    events = (Event(at_s=1.0, speed_kmh=0.0, acceleration_mps2=8.5),)
    own = OwnSpec(speed_kmh=90.0, events=events)
    dry = World(Scenario(title="dry", duration_s=4.0, own=own)).at(2.0).own
    wet = World(Scenario(title="wet", duration_s=4.0, weather="rain", own=own)).at(2.0).own
    assert (dry.abs_active, wet.abs_active) == (False, True)
    assert wet.acceleration_mps2 > dry.acceleration_mps2 + 1.0


def test_following_keeps_the_headway():
    lead = VehicleSpec(name="lead", ahead_m=60.0, speed_kmh=72.0)
    own = OwnSpec(speed_kmh=90.0, events=(Event(follow="lead", headway_s=1.2, speed_kmh=120.0),))
    scene = World(Scenario(title="follow", duration_s=60.0, own=own, vehicles=(lead,))).at(60.0)
    other = scene.others[0]
    assert (other.x_m - other.length_m / 2) == pytest.approx(2.0 + 1.2 * 20.0, abs=1.0)
    assert scene.own.speed_mps == pytest.approx(20.0, abs=0.2)


def test_a_vehicle_starts_where_it_is_told_in_our_frame():
    vehicles = (
        VehicleSpec(name="ahead", ahead_m=30.0),
        VehicleSpec(name="left", ahead_m=10.0, lane=1),
        VehicleSpec(name="truck", kind="truck", ahead_m=80.0),
    )
    scene = World(Scenario(title="places", duration_s=1.0, vehicles=vehicles)).at(0.0)
    ahead, left, truck = scene.others
    assert ahead.x_m - ahead.length_m / 2 == pytest.approx(30.0, abs=0.01)
    assert truck.x_m - truck.length_m / 2 == pytest.approx(80.0, abs=0.01)
    assert left.y_m == pytest.approx(3.5, abs=0.01)
    assert abs(math.cos(left.heading_rad) + 1.0) < 1e-3  # oncoming


def test_the_demo_tells_its_story(demo):
    t = times(demo)
    scenes = {round(float(x), 2): demo.at(x) for x in t}
    away = [x for x, s in scenes.items() if abs(s.driver.head_yaw_deg) > 30]
    assert max(away) - min(away) > 3.6
    assert all(scenes[x].own.speed_mps > 50 / 3.6 for x in away)
    asleep = [x for x, s in scenes.items() if 13.0 < x < 16.2 and s.driver.left_eye_open < 0.2]
    assert max(asleep) - min(asleep) > 2.0
    over = [x for x, s in scenes.items() if s.own.left_m - s.own.width_m / 2 < -1.75]
    assert over
    assert all(scenes[x].own.speed_mps > 60 / 3.6 and scenes[x].own.indicator == "off" for x in over)

    def gap(scene, name):
        other = next(o for o in scene.others if o.name == name)
        return other.x_m - other.length_m / 2

    def ttc(scene, name):
        other = next(o for o in scene.others if o.name == name)
        closing = scene.own.speed_mps - other.speed_mps * math.cos(other.heading_rad)
        return gap(scene, name) / closing if closing > 0.3 else math.inf

    close = [x for x, s in scenes.items() if 20 < x < 28 and gap(s, "lead") / s.own.speed_mps < 1.0]
    assert max(close) - min(close) > 3.0
    told = min(x for x, s in scenes.items() if any("hard_braking" in said.events for _, said in peers(s)))
    lead_brakes = min(x for x, s in scenes.items() if s.others[0].brake_lamps)
    assert told < lead_brakes
    assert min(ttc(s, "lead") for s in scenes.values()) < 2.7
    assert min(gap(s, "lead") for s in scenes.values()) > 3.0
    assert min(s.own.acceleration_mps2 for s in scenes.values()) < -6.0
    person = [s for s in scenes.values() if any(o.name == "person" and abs(o.y_m) < 1.0 for o in s.others)]
    assert any(ttc(s, "person") < 3.0 and s.own.speed_mps < 50 / 3.6 for s in person)
    assert min(gap(s, "person") for s in person) > 2.0


def test_on_the_highway_there_is_nothing_to_warn_of():
    world = World(read_scenario(REPO / "configs/scenarios/highway.toml"))
    for t in times(world, 0.1):
        scene = world.at(t)
        own = scene.own
        assert abs(own.acceleration_mps2) < 2.0
        assert abs(own.lateral_acceleration_mps2) < 2.5
        for other in scene.others:
            gap = other.x_m - other.length_m / 2
            if gap > 0 and abs(other.left_m - own.left_m) < 2.0:
                assert gap / own.speed_mps > 1.5
        lane = own.left_m / 3.75
        if abs(lane - round(lane)) * 3.75 > 3.75 / 2 - 0.9 - 0.2:
            assert own.indicator != "off"


def test_two_worlds_agree_in_every_bit_and_in_any_order(demo):
    other = World(read_scenario(REPO / "configs/scenarios/demo.toml"))
    for t in (31.7, 3.1, 46.0, 15.55):
        assert msgspec.json.encode(plain(other.at(t))) == msgspec.json.encode(plain(demo.at(t)))


def plain(scene):
    road = msgspec.structs.asdict(scene.road)
    road["centre"] = scene.road.centre.tolist()
    return {**msgspec.structs.asdict(scene), "road": road}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('title = "a"\nduration_s = 5\n[own]\nsped_kmh = 3\n', "speed_kmh"),
        ('title = "a"\nduration_s = 5\nlight = "nigth"\n', "light"),
        ('title = "a"\nduration_s = 0\n', "duration_s"),
        ('title = "a"\nduration_s = 5\n[own]\nlane = 4\n', "lane 4"),
        ('title = "a"\nduration_s = 5\n[[own.events]]\nat_s = 1\nfollow = "nobody"\n', "nobody"),
        ('title = "a"\nduration_s = 5\n[road]\nlines = ["solid"]\n', "lines"),
        ('title = "a"\nduration_s = 5\n[[walkers]]\nname = "w"\npath = [[0, 1, 2]]\n', "path"),
        ('title = "a"\nduration_s = 5\n' + '[[vehicles]]\nname = "v"\nahead_m = 9\n' * 2, "`v`"),
    ],
)
def test_a_slip_in_a_scenario_is_explained(tmp_path, text, hint):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=hint) as error:
        read_scenario(path)
    assert "bad.toml" in str(error.value)


def test_a_world_refuses_what_cannot_be_even_when_read_plainly(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text('title = "a"\nduration_s = -1\n')
    with pytest.raises(ConfigError):
        World(read(path, Scenario))


def test_the_car_says_what_the_dbc_knows(demo):
    cantools = pytest.importorskip("cantools")
    database = cantools.database.load_file(REPO / "configs/vehicles/simulated.dbc")
    scene = demo.at(29.8)
    values = car_signals(scene, demo.at(29.79))
    for message in database.messages:
        if "CAR" not in message.senders:
            continue
        own = {s.name: values[f"{message.name}.{s.name}"] for s in message.signals
               if s.name not in ("COUNTER", "CHECKSUM")}  # fmt: skip
        data = message.encode({**own, "COUNTER": 0, "CHECKSUM": 0})
        decoded = message.decode(data, decode_choices=False)
        for signal in message.signals:
            if signal.name in own:
                assert decoded[signal.name] == pytest.approx(own[signal.name], abs=signal.scale)
    assert values["SPEED.SPEED"] == pytest.approx(scene.own.speed_mps * 3.6)
    assert values["PEDALS.BRAKE_PRESSED"] == 1.0
    assert {n.split(".")[0] for n in values} == {m.name for m in database.messages if "CAR" in m.senders}


def test_nmea_is_what_another_parser_reads(demo):
    utc_ns = 1_790_000_000_250_000_000
    scene = demo.at(12.3)
    rmc, gga = (pynmea2.parse(text, check=True) for text in nmea(scene, utc_ns))
    for sentence in (rmc, gga):
        assert sentence.latitude == pytest.approx(scene.own.latitude_deg, abs=1e-7)
        assert sentence.longitude == pytest.approx(scene.own.longitude_deg, abs=1e-7)
    assert rmc.spd_over_grnd * 1852 / 3600 == pytest.approx(scene.own.speed_mps, abs=0.01)
    assert rmc.true_course == pytest.approx(scene.own.course_deg, abs=0.01)
    assert rmc.datetime.timestamp() == pytest.approx(utc_ns / 1e9)
    assert gga.gps_qual == 1


def test_positions_on_the_globe_move_as_the_car_does(demo):
    a, b = demo.at(2.0).own, demo.at(4.0).own
    north = math.radians(b.latitude_deg - a.latitude_deg) * 6378137.0
    east = (
        math.radians(b.longitude_deg - a.longitude_deg) * 6378137.0 * math.cos(math.radians(a.latitude_deg))
    )
    assert math.hypot(north, east) == pytest.approx(b.travelled_m - a.travelled_m, abs=0.05)
    assert math.degrees(math.atan2(east, north)) % 360 == pytest.approx(a.course_deg, abs=1.5)
    assert b.course_deg < a.course_deg + 1.0  # the road bends to the left there


def test_a_peer_is_ahead_where_the_world_shows_it(demo):
    scene = demo.at(5.0)
    ((station, said),) = peers(scene)
    assert station == 4660
    assert isinstance(said, RemoteObject)
    own, other = scene.own, next(o for o in scene.others if o.name == "v2x")
    north = math.radians(said.latitude_deg - own.latitude_deg) * 6378137.0
    east = (
        math.radians(said.longitude_deg - own.longitude_deg)
        * 6378137.0
        * math.cos(math.radians(own.latitude_deg))
    )
    course = math.radians(own.course_deg)
    ahead = north * math.cos(course) + east * math.sin(course)
    left = north * math.sin(course) - east * math.cos(course)
    assert ahead == pytest.approx(other.x_m + own.length_m / 2, abs=0.05)
    assert left == pytest.approx(other.y_m, abs=0.05)


def test_people_walk_their_path():
    walker = WalkerSpec(name="w", path=((1.0, 20.0, -4.0), (5.0, 20.0, 2.0)))
    world = World(Scenario(title="walk", duration_s=6.0, own=OwnSpec(speed_kmh=0.0), walkers=(walker,)))
    early, middle, late = (world.at(t).others[0] for t in (0.5, 3.0, 5.5))
    assert (early.left_m, middle.left_m, late.left_m) == pytest.approx((-4.0, -1.0, 2.0))
    assert (early.speed_mps, middle.speed_mps, late.speed_mps) == pytest.approx((0.0, 1.5, 0.0))
    assert middle.heading_rad == pytest.approx(math.pi / 2, abs=0.02)
