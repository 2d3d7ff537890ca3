"""What is reported, when, and what the platform reads in it."""

import pytest
from platform_808 import read_alarm, read_location

from edge.config import Jt808
from edge.messages import OwnCar, Position, Tick, Warning
from edge.uplink.reports import Reporter

S = 1_000_000_000
UTC = 1_764_000_000 * S  # 2025-11-25 00:00:00 in GMT+8
SETTINGS = Jt808(phone="13912345678", terminal_id="ABC1234XYZ", interval_s=10.0)


def car(t_s, **changes):
    fields = {
        "speed_mps": 20.0, "acceleration_mps2": 0.0, "yaw_rate_radps": 0.0, "steering_angle_rad": None,
        "brake_pressed": True, "indicator": "left", "latitude_deg": 31.2, "longitude_deg": 121.4,
        "heading_deg": 90.0, "position_accuracy_m": 2.0, "speed_age_s": 0.0,
    }  # fmt: skip
    return OwnCar(t_ns=int(t_s * S), **{**fields, **changes})


def warning(t_s, name="headway", level="warning", active=True, **changes):
    fields = {"cause": "", "values": {}, "thresholds": {}, "since_ns": 0, **changes}
    return Warning(t_ns=int(t_s * S), name=name, level=level, active=active, **fields)


def reports(messages, settings=SETTINGS):
    reporter = Reporter(settings)
    taken = [reporter.take(message, UTC + message.t_ns) for message in messages]
    return [(priority, read_location(body)) for priority, body, _ in filter(None, taken)]


def test_a_position_every_interval_and_nothing_between():
    times = [read["time"] for _, read in reports([car(n / 10) for n in range(301)])]
    assert times == ["251125000000", "251125000010", "251125000020", "251125000030"]


def test_the_interval_begins_anew_when_the_time_jumps_back():
    assert len(reports([car(100), car(5), car(6)])) == 2


def test_a_routine_report():
    fix = Position(t_ns=0, source="gnss", latitude_deg=0, longitude_deg=0, altitude_m=8.0, satellites=11)
    [(priority, read)] = reports([fix, car(0), Tick(t_ns=0, number=1)])
    assert priority == "routine"
    assert read == {
        "alarm": 0, "status": 1 << 0 | 1 << 1 | 1 << 22, "latitude": 31_200_000, "longitude": 121_400_000,
        "altitude": 8, "speed": 720, "heading": 90, "time": "251125000000", "items": {0x31: b"\x0b"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "item", "kind"),
    [("forward_collision", 0x64, 1), ("pedestrian_collision", 0x64, 4), ("headway", 0x64, 3),
     ("lane_departure", 0x64, 2), ("drowsiness", 0x65, 1), ("eyes_closed", 0x65, 1), ("distraction", 0x65, 4),
     ("driver_missing", 0x65, 5)],
)  # fmt: skip
def test_a_warning_is_reported_at_once_as_an_alarm_of_its_kind(name, item, kind):
    [_, (priority, read)] = reports([car(0), warning(1, name)])
    assert priority == "alarm"
    alarm = read_alarm(read["items"][item])
    assert (alarm["type"], alarm["flag"], alarm["id"], alarm["attachments"]) == (kind, 0, 0, 0)
    assert alarm["time"] == alarm["sign_time"] == read["time"] == "251125000001"
    assert (alarm["terminal"], alarm["speed"], alarm["level"]) == (b"ABC1234", 72, 2)
    assert alarm["status"] == 1 << 0 | 1 << 1 | 1 << 4 | 1 << 10
    assert (alarm["rest"][0] > 0) == (kind == 1 and item == 0x65), "degree of fatigue, nothing unknown"


def test_the_one_ahead_and_the_side():
    values = {"closing_speed_mps": 5.0, "distance_m": 30.0}
    [_, (_, ahead), (_, side)] = reports(
        [car(0), warning(1, "forward_collision", values=values),
         warning(1, "lane_departure", object="line:left")]
    )  # fmt: skip
    assert read_alarm(ahead["items"][0x64])["rest"] == bytes([54, 15, 0, 0, 0])  # 15 m/s; 30 m at 20 m/s
    alarm = read_alarm(side["items"][0x64])
    assert alarm["rest"] == bytes([0, 0, 1, 0, 0])
    assert (alarm["id"], alarm["sequence"]) == (1, 1), "the second of the same second"


def test_one_alarm_per_episode_and_one_more_when_it_gets_worse():
    found = reports(
        [car(0, speed_mps=10.0), warning(1), warning(1.5),
         warning(2, level="alarm"), warning(3, level="alarm"),
         warning(3.5, level="warning"), warning(4, active=False), warning(5), warning(6, level="information")]
    )[1:]  # fmt: skip
    alarms = [read_alarm(read["items"][0x64]) for _, read in found]
    assert [(a["id"], a["level"], a["time"][-2:]) for a in alarms] == [
        (0, 1, "01"), (1, 2, "02"), (2, 1, "05"),
    ]  # fmt: skip


def test_information_is_not_reported():
    assert reports([warning(1, level="information")]) == []


def test_overspeed_holds_its_bit_and_is_cleared_at_once():
    found = reports(
        [car(0), warning(1, "overspeed"), car(10), warning(11, "overspeed", active=False), car(20)]
    )
    assert [(p, r["alarm"], r["items"]) for p, r in found] == [
        ("routine", 0, {}), ("alarm", 2, {}), ("routine", 2, {}), ("alarm", 0, {}), ("routine", 0, {}),
    ]  # fmt: skip


def test_a_warning_without_a_kind_is_still_an_immediate_report():
    [_, (priority, read)] = reports([car(0), warning(1, "emergency_brake_ahead", "alarm")])
    assert (priority, read["items"], read["speed"]) == ("alarm", {}, 720)


def test_what_is_stale_or_unknown_is_not_reported_as_now():
    [_, (_, read)] = reports([car(0), warning(9)])
    assert (read["status"], read["latitude"], read["speed"]) == (0, 0, 0)
    [(_, read)] = reports([car(0, latitude_deg=None, speed_mps=None)])
    assert (read["status"], read["latitude"], read["longitude"]) == (0, 0, 0)


def test_the_time_of_the_satellites_is_trusted_more_and_an_unset_clock_not_at_all():
    reporter = Reporter(SETTINGS)
    _, body, _ = reporter.take(car(0), 5 * S)
    assert read_location(body)["time"] == "000000000000"
    fix = Position(t_ns=10 * S, source="gnss", latitude_deg=0, longitude_deg=0, utc_ns=UTC)
    assert reporter.take(fix, 15 * S) is None
    _, body, utc_ns = reporter.take(car(12), 17 * S)
    assert (read_location(body)["time"], utc_ns) == ("251125000002", UTC + 2 * S)
