"""What any Uplink must do, whatever it speaks: add an implementation to `MAKERS` and it is held to it."""

import sys
from pathlib import Path

import pytest

from edge.config import Jt808
from edge.messages import Health, OwnCar, Tick, Warning
from edge.uplink.jt808_uplink import Jt808Uplink

sys.path.insert(0, str(Path(__file__).parents[1] / "uplink"))

from platform_808 import NoLink, Platform, PlatformLink

S = 1_000_000_000
UTC = 1_764_000_000 * S


class Jt808Far:
    """The far side of a JT/T 808 uplink: whether it can be reached, and how many reports it has."""

    def __init__(self):
        self.reachable = True
        self.platform = Platform()

    def make(self, directory, max_queued):
        settings = Jt808(enabled=True, address="p", phone="13912345678", terminal_id="ABC1234")
        return Jt808Uplink(settings, directory, max_queued, self._connect)

    def _connect(self, address, port, turn):
        return PlatformLink(self.platform) if self.reachable else NoLink()

    def received(self):
        return list(self.platform.kept)


MAKERS = [Jt808Far]


@pytest.fixture(params=MAKERS)
def far(request):
    return request.param()


def car(t_ns):
    unknown = dict.fromkeys(
        ["acceleration_mps2", "yaw_rate_radps", "steering_angle_rad", "brake_pressed", "indicator",
         "position_accuracy_m", "speed_age_s"]
    )  # fmt: skip
    position = {"latitude_deg": 31.2, "longitude_deg": 121.4, "heading_deg": 90.0}
    return OwnCar(t_ns=t_ns, speed_mps=20.0, **position, **unknown)


def alarm(t_ns):
    return Warning(
        t_ns=t_ns, name="forward_collision", level="alarm", active=True, since_ns=t_ns, cause="", values={},
        thresholds={},
    )  # fmt: skip


def run(uplink, from_s, seconds):
    said = []
    for tenth in range(int(seconds * 10)):
        said += uplink.step(int(from_s * S) + tenth * S // 10)
    return said


class TestUplink:
    def test_it_has_a_name_that_its_health_bears(self, far, tmp_path):
        uplink = far.make(tmp_path, 10)
        said = run(uplink, 0, 5)
        assert said
        assert all(isinstance(h, Health) and h.source == uplink.name for h in said)
        uplink.close()

    def test_what_is_offered_arrives(self, far, tmp_path):
        uplink = far.make(tmp_path, 10)
        uplink.offer(car(0), UTC)
        uplink.offer(alarm(S), UTC + S)
        run(uplink, 1, 5)
        assert len(far.received()) == 2
        uplink.close()

    def test_other_messages_are_ignored(self, far, tmp_path):
        uplink = far.make(tmp_path, 10)
        uplink.offer(Tick(t_ns=0, number=0), UTC)
        run(uplink, 0, 5)
        assert far.received() == []
        uplink.close()

    def test_it_keeps_while_nobody_is_there_and_over_a_restart(self, far, tmp_path):
        far.reachable = False
        uplink = far.make(tmp_path, 10)
        uplink.offer(alarm(0), UTC)
        assert any(h.state != "ok" for h in run(uplink, 0, 5))
        uplink.close()
        far.reachable = True
        uplink = far.make(tmp_path, 10)
        run(uplink, 5, 5)
        assert len(far.received()) == 1
        uplink.close()

    def test_it_finds_back_by_itself_and_says_so(self, far, tmp_path):
        far.reachable = False
        uplink = far.make(tmp_path, 10)
        uplink.offer(alarm(0), UTC)
        run(uplink, 0, 60)
        far.reachable = True
        said = run(uplink, 60, 120)
        assert said[-1].state == "ok"
        assert len(far.received()) == 1
        uplink.close()

    def test_what_was_acknowledged_is_not_sent_again(self, far, tmp_path):
        for start in (0, 100):
            uplink = far.make(tmp_path, 10)
            uplink.offer(alarm(start * S), UTC + start * S)
            run(uplink, start, 20)
            uplink.close()
        assert len(far.received()) == len(set(far.received())) == 2

    def test_the_queue_is_bounded_and_alarms_outlast_routine(self, far, tmp_path):
        far.reachable = False
        uplink = far.make(tmp_path, 5)
        uplink.offer(alarm(0), UTC)
        for n in range(1, 50):
            uplink.offer(car(n * 1000 * S), UTC + n * 1000 * S)
        far.reachable = True
        run(uplink, 50_000, 30)
        assert len(far.received()) == 5
        uplink.close()
