"""Our own car: what is fresh, what is derived, what is unknown."""

from __future__ import annotations

import random

import pytest

from edge.config import Freshness, Vehicle
from edge.core.vehicle import OwnVehicle
from edge.messages import Motion, Position, Signals

SECOND = 1_000_000_000


def car():
    return OwnVehicle(Vehicle(title="x", steering_ratio=15.0, wheelbase_m=2.7), Freshness())


def say(vehicle, t_ns, stamp_ns=None, **values):
    message = Signals(
        t_ns=t_ns,
        bus="can0",
        names=tuple(values),
        values=tuple(values.values()),
        stamps_ns=(t_ns if stamp_ns is None else stamp_ns,) * len(values),
    )
    vehicle.signals(message, t_ns)


def fix(t_ns, speed=20.0, heading=90.0, latitude=0.0, longitude=11.0):
    return Position(
        t_ns=t_ns,
        source="gnss",
        latitude_deg=latitude,
        longitude_deg=longitude,
        speed_mps=speed,
        heading_deg=heading,
    )


def test_a_signal_is_unknown_before_it_comes_when_it_is_invalid_and_when_it_is_old():
    vehicle = car()
    assert vehicle.state(0).speed_mps is None
    say(vehicle, SECOND, speed_mps=20.0)
    assert vehicle.state(SECOND + 500_000_000).speed_mps == 20.0
    assert vehicle.state(SECOND + 500_000_000).speed_age_s == pytest.approx(0.5)
    assert vehicle.state(SECOND + 500_000_001).speed_mps is None
    say(vehicle, 2 * SECOND, speed_mps=21.0)
    say(vehicle, 2 * SECOND + 1, speed_mps=None)
    assert vehicle.state(2 * SECOND + 1).speed_mps is None
    say(vehicle, 2 * SECOND + 2, speed_mps=float("nan"))
    assert vehicle.state(2 * SECOND + 2).speed_mps is None


def test_a_stamp_from_the_future_does_not_stay_fresh():
    vehicle = car()
    say(vehicle, SECOND, stamp_ns=100 * SECOND, speed_mps=20.0)
    assert vehicle.state(SECOND).speed_mps == 20.0
    assert vehicle.state(2 * SECOND).speed_mps is None


def test_the_indicator_is_unknown_until_both_sides_are():
    vehicle = car()
    say(vehicle, SECOND, indicator_left=0.0)
    assert vehicle.state(SECOND).indicator is None
    for left, right, expected in ((0, 0, "off"), (1, 0, "left"), (0, 1, "right"), (1, 1, "both")):
        say(vehicle, SECOND, indicator_left=float(left), indicator_right=float(right))
        assert vehicle.state(SECOND).indicator == expected
    assert vehicle.state(SECOND + 300_000_000).indicated_s_ago == pytest.approx(0.3)


@pytest.mark.parametrize("hertz", [10, 50, 100])
def test_acceleration_is_derived_from_speed_where_the_car_does_not_say_it(hertz):
    """Speeds in steps of 0.1 km/h, as many cars say them; braking at 4 m/s2 from the second on."""
    vehicle, step = car(), 0.1 / 3.6
    errors = []
    for n in range(3 * hertz):
        t_s = n / hertz
        truth = -4.0 if t_s > 1 else 0.0
        speed = 25.0 - 4.0 * max(t_s - 1, 0.0)
        say(vehicle, SECOND + round(t_s * 1e9), speed_mps=round(speed / step) * step)
        derived = vehicle.state(SECOND + round(t_s * 1e9)).acceleration_mps2
        if 0.5 < t_s < 1 or t_s > 1.5:
            errors.append(abs(derived - truth))
    assert max(errors) < 0.8


def test_noise_of_speed_is_no_harsh_acceleration():
    vehicle, chance = car(), random.Random(1)
    for n in range(1000):
        t_ns = SECOND + n * 20_000_000
        say(vehicle, t_ns, speed_mps=25.0 + chance.gauss(0, 0.03))
        if n > 50:
            assert abs(vehicle.state(t_ns).acceleration_mps2) < 2.5


def test_what_the_car_says_goes_before_what_is_derived_and_measured():
    vehicle = car()
    vehicle.motion(Motion(t_ns=SECOND, source="imu", acceleration_mps2=(1.0, 0, 0), rate_radps=(0, 0, 0.2)))
    assert vehicle.state(SECOND).acceleration_mps2 == 1.0
    assert vehicle.state(SECOND).yaw_rate_radps == 0.2
    say(vehicle, SECOND, acceleration_mps2=-2.0, yaw_rate_radps=0.1, speed_mps=10.0)
    state = vehicle.state(SECOND)
    assert (state.acceleration_mps2, state.yaw_rate_radps) == (-2.0, 0.1)
    assert state.lateral_acceleration_mps2 == pytest.approx(1.0)
    assert state.curvature_1pm == pytest.approx(0.01)


def test_without_a_yaw_rate_the_steering_wheel_tells_the_path():
    """A bicycle model: 0.81 rad at the wheel, ratio 15, wheelbase 2.7 m: a radius of 50 m."""
    vehicle = car()
    say(vehicle, SECOND, speed_mps=10.0, steering_angle_rad=0.81)
    assert vehicle.state(SECOND).curvature_1pm == pytest.approx(1 / 50)


def test_the_receiver_gives_the_speed_where_no_bus_does():
    vehicle = car()
    vehicle.position(fix(SECOND, speed=12.0), SECOND)
    assert vehicle.state(SECOND).speed_mps == 12.0
    say(vehicle, SECOND, speed_mps=13.0)
    assert vehicle.state(SECOND).speed_mps == 13.0


def test_the_place_goes_on_with_the_car_until_the_fix_is_old():
    """East at the equator, 20 m/s for 1 s: 20 m of 111,320 per degree."""
    vehicle = car()
    vehicle.position(fix(SECOND), SECOND)
    place = vehicle.state(2 * SECOND)
    assert (place.longitude_deg - 11.0) * 111_320 == pytest.approx(20.0, abs=0.01)
    assert vehicle.state(SECOND + 1_500_000_001).longitude_deg is None


def test_the_heading_is_kept_while_the_car_stands():
    vehicle = car()
    vehicle.position(fix(SECOND, speed=5.0, heading=123.0), SECOND)
    vehicle.position(fix(2 * SECOND, speed=0.1, heading=311.0), 2 * SECOND)
    assert vehicle.state(2 * SECOND).heading_deg == 123.0
    vehicle.position(fix(9 * SECOND, speed=0.1, heading=311.0), 9 * SECOND)
    assert vehicle.state(9 * SECOND).heading_deg is None
